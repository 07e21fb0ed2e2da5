//! An Azure that answers at once, or as it is told: with pauses, refusals and breaks.
//!
//! It lives in the process that asks, so both read one clock: each frame of a stream carries the
//! time at which it left, between two `@`. What it told of usage is added up, for accounts that
//! must be exact.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The numbers of an embedding of `text-embedding-3-small`, four bytes each, in base64.
const EMBEDDING_LENGTH: usize = 1_536 * 4 / 3 * 4;

/// Longer than anybody waits.
const FOR_EVER: Duration = Duration::from_secs(3_600);

type Answer = Response<UnsyncBoxBody<Bytes, io::Error>>;

/// Nanoseconds since this process first asked.
pub(crate) fn now_ns() -> u64 {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    u64::try_from(BEGIN.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// How a stream comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Until the first token.
    pub(crate) first: Duration,
    /// Frames with a token each.
    pub(crate) frames: u32,
    /// Between them.
    pub(crate) between: Duration,
}

impl Pace {
    /// 200 ms to the first of 40 tokens, 10 ms between them.
    pub(crate) const USUAL: Self =
        Self { first: Duration::from_millis(200), frames: 40, between: Duration::from_millis(10) };
}

/// How calls are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Well.
    Well,
    /// With 429, and a second to wait.
    Busy,
    /// Mostly well; else with refusals, resets, pauses and silence.
    Chaos,
}

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    None,
    Status(StatusCode),
    Reset,
    ResetAfter(u32),
    PauseAfter(u32),
    SilenceAfter(u32),
}

/// Azure on loopback, until it is dropped.
pub(crate) struct Azure {
    pub(crate) endpoint: String,
    state: Arc<State>,
    _server: JoinSet<()>,
}

struct State {
    pace: Pace,
    manner: Mutex<Manner>,
    calls: AtomicU64,
    prompt_tokens: AtomicU64,
    completion_tokens: AtomicU64,
    refused: AtomicU64,
}

/// What Azure reads of a request.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    input: Vec<serde::de::IgnoredAny>,
}

impl Azure {
    /// Starts on a free port.
    pub(crate) async fn start(pace: Pace) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(State {
            pace,
            manner: Mutex::new(Manner::Well),
            calls: AtomicU64::default(),
            prompt_tokens: AtomicU64::default(),
            completion_tokens: AtomicU64::default(),
            refused: AtomicU64::default(),
        });
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::clone(&state)));
        Ok(Self { endpoint, state, _server: server })
    }

    /// Answers like this from now on.
    pub(crate) fn set(&self, manner: Manner) {
        *self.state.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> u64 {
        self.state.calls.load(Ordering::Relaxed)
    }

    /// How many of them were answered with 429.
    pub(crate) fn refused(&self) -> u64 {
        self.state.refused.load(Ordering::Relaxed)
    }

    /// The prompt and completion tokens that it said were used.
    pub(crate) fn told(&self) -> (u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.state.prompt_tokens), read(&self.state.completion_tokens))
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((socket, _)) = accepted else { continue };
        let _ = socket.set_nodelay(true);
        if state.manner() == Manner::Chaos {
            // A connection that breaks is then reset, not closed in order.
            let _ = socket.set_zero_linger();
        }
        let state = Arc::clone(&state);
        connections.spawn(async move {
            let service = service_fn(|request| state.answer(request));
            let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

impl State {
    fn manner(&self) -> Manner {
        *self.manner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(self: &Arc<Self>, request: Request<Incoming>) -> Result<Answer, io::Error> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let arrived_ns = now_ns();
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let asked: Asked =
            serde_json::from_slice(&body).unwrap_or(Asked { stream: false, input: Vec::new() });
        let trouble = match self.manner() {
            Manner::Well => Trouble::None,
            Manner::Busy => Trouble::Status(StatusCode::TOO_MANY_REQUESTS),
            Manner::Chaos => trouble(call, self.pace.frames),
        };
        match trouble {
            Trouble::Status(status) => {
                if status == StatusCode::TOO_MANY_REQUESTS {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                }
                return Ok(refusal(status));
            }
            Trouble::Reset => return Err(io::ErrorKind::ConnectionReset.into()),
            Trouble::None
            | Trouble::ResetAfter(_)
            | Trouble::PauseAfter(_)
            | Trouble::SilenceAfter(_) => {}
        }
        if head.uri.path().ends_with("/embeddings") {
            let inputs = asked.input.len().max(1);
            let tokens = 3 * u64::try_from(inputs).unwrap_or_default();
            self.tell(tokens, 0);
            return Ok(whole(embeddings(inputs, tokens)));
        }
        // Less than Lanyard estimates, so that no budget may be passed.
        let (prompt, completion) = (5 + call % 5, 1 + call % u64::from(self.pace.frames.min(60)));
        if !asked.stream {
            self.tell(prompt, completion);
            return Ok(whole(chat(prompt, completion)));
        }
        tokio::time::sleep(self.pace.first).await;
        let telling = Telling { state: Arc::clone(self), prompt, completion, arrived_ns, trouble };
        let body = BodyExt::boxed_unsync(StreamBody::new(stream::unfold(0, move |frame| {
            let telling = telling.clone();
            async move { telling.frame(frame).await.map(|data| (data.map(Frame::data), frame + 1)) }
        })));
        let mut response = Response::new(body);
        let media_type = http::HeaderValue::from_static("text/event-stream; charset=utf-8");
        response.headers_mut().insert(http::header::CONTENT_TYPE, media_type);
        Ok(response)
    }

    fn tell(&self, prompt: u64, completion: u64) {
        self.prompt_tokens.fetch_add(prompt, Ordering::Relaxed);
        self.completion_tokens.fetch_add(completion, Ordering::Relaxed);
    }
}

/// A stream that is being told.
#[derive(Clone)]
struct Telling {
    state: Arc<State>,
    prompt: u64,
    completion: u64,
    arrived_ns: u64,
    trouble: Trouble,
}

impl Telling {
    /// The next frame, when it is time for it.
    async fn frame(&self, frame: u32) -> Option<Result<Bytes, io::Error>> {
        let pace = self.state.pace;
        match self.trouble {
            Trouble::ResetAfter(after) if frame == after => {
                return Some(Err(io::ErrorKind::ConnectionReset.into()));
            }
            Trouble::PauseAfter(after) if frame == after => {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
            Trouble::SilenceAfter(after) if frame == after => tokio::time::sleep(FOR_EVER).await,
            Trouble::None
            | Trouble::Status(_)
            | Trouble::Reset
            | Trouble::ResetAfter(_)
            | Trouble::PauseAfter(_)
            | Trouble::SilenceAfter(_) => {}
        }
        if frame > 0 && frame < pace.frames {
            tokio::time::sleep(pace.between).await;
        }
        let left_ns = now_ns();
        let text = match frame {
            0 => content(&format!("@{}@{left_ns}@", self.arrived_ns)),
            frame if frame < pace.frames => content(&format!("@{left_ns}@")),
            frame if frame == pace.frames => {
                self.state.tell(self.prompt, self.completion);
                format!(
                    "data: {{\"choices\":[],\"created\":1764000000,\"id\":\"chatcmpl-scripted\",\
                     \"model\":\"gpt-4o-mini-2024-07-18\",\"object\":\"chat.completion.chunk\",\
                     \"usage\":{}}}\n\n",
                    usage(self.prompt, self.completion)
                )
            }
            frame if frame == pace.frames + 1 => "data: [DONE]\n\n".to_owned(),
            _ => return None,
        };
        Some(Ok(Bytes::from(text)))
    }
}

/// What goes wrong with a call: the same for the same number of call.
fn trouble(call: u64, frames: u32) -> Trouble {
    let mut random = fastrand::Rng::with_seed(call);
    let after = random.u32(..frames);
    match random.u8(..100) {
        0..8 => Trouble::Status(StatusCode::TOO_MANY_REQUESTS),
        8..12 => Trouble::Status(StatusCode::INTERNAL_SERVER_ERROR),
        12..16 => Trouble::Status(StatusCode::SERVICE_UNAVAILABLE),
        16..22 => Trouble::Reset,
        22..30 => Trouble::ResetAfter(after),
        30..35 => Trouble::PauseAfter(after),
        35 => Trouble::SilenceAfter(after),
        _ => Trouble::None,
    }
}

fn refusal(status: StatusCode) -> Answer {
    let body = json!({"error": {"code": status.as_str(), "message": "Scripted."}}).to_string();
    let mut response = whole(body.into());
    *response.status_mut() = status;
    if status == StatusCode::TOO_MANY_REQUESTS {
        let second = http::HeaderValue::from_static("1");
        response.headers_mut().insert(http::header::RETRY_AFTER, second);
    }
    response
}

fn whole(body: Bytes) -> Answer {
    let mut response =
        Response::new(Full::new(body).map_err(|never| match never {}).boxed_unsync());
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}

fn usage(prompt: u64, completion: u64) -> serde_json::Value {
    json!({
        "prompt_tokens": prompt, "completion_tokens": completion,
        "total_tokens": prompt + completion,
    })
}

fn content(text: &str) -> String {
    format!(
        "data: {{\"choices\":[{{\"content_filter_results\":{{}},\"delta\":{{\"content\":\"{text}\"}},\
         \"finish_reason\":null,\"index\":0,\"logprobs\":null}}],\"created\":1764000000,\
         \"id\":\"chatcmpl-scripted\",\"model\":\"gpt-4o-mini-2024-07-18\",\
         \"object\":\"chat.completion.chunk\",\"system_fingerprint\":\"fp_scripted\",\
         \"usage\":null}}\n\n"
    )
}

fn chat(prompt: u64, completion: u64) -> Bytes {
    let body = json!({
        "choices": [{
            "content_filter_results": {}, "finish_reason": "stop", "index": 0, "logprobs": null,
            "message": {"content": "word ".repeat(100), "refusal": null, "role": "assistant"},
        }],
        "created": 1_764_000_000, "id": "chatcmpl-scripted", "model": "gpt-4o-mini-2024-07-18",
        "object": "chat.completion", "usage": usage(prompt, completion),
    });
    body.to_string().into()
}

/// Embeddings in base64, as the SDKs ask for them. Made once for each number of inputs.
fn embeddings(inputs: usize, tokens: u64) -> Bytes {
    static MADE: Mutex<Option<(usize, Bytes)>> = Mutex::new(None);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((of, body)) = made.as_ref()
        && *of == inputs
    {
        return body.clone();
    }
    let numbers = "AAAAPwAAAL8A".repeat(EMBEDDING_LENGTH / 12);
    let one = |index| json!({"object": "embedding", "index": index, "embedding": numbers});
    let body = json!({
        "object": "list", "model": "text-embedding-3-small",
        "data": (0..inputs).map(one).collect::<Vec<_>>(),
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    });
    let body = Bytes::from(body.to_string());
    *made = Some((inputs, body.clone()));
    body
}

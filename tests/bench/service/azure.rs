//! A scripted Azure that responds at once, or with pauses, refusals and breaks.
//!
//! It lives in the process of the clients, so both read one clock: each frame of a stream carries the
//! time at which it left, between two `@`. The usage that it reports is added up, to compare it with
//! the accounts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use lanyard_gateway::testing::azure::frames::{self, with_usage_null};
use lanyard_gateway::testing::azure::{Recorded, Reply};
use serde::Deserialize;
use serde_json::json;

use crate::loopback::Loopback;

/// The numbers of an embedding of `text-embedding-3-small`, four bytes each, in base64.
const EMBEDDING_LENGTH: usize = 1_536 * 4 / 3 * 4;

/// Nanoseconds since the first call of this function.
pub(crate) fn now_ns() -> u64 {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    u64::try_from(BEGIN.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// The times of a stream.
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

/// The kind of responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Correct ones.
    Well,
    /// 429, with a second to wait.
    Busy,
    /// Mostly correct ones; else refusals, resets, pauses and silence.
    Chaos,
}

/// The fault of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    None,
    Status(u16),
    Reset,
    ResetAfter(u32),
    PauseAfter(u32),
    SilenceAfter(u32),
}

/// Azure on loopback, until it is dropped.
pub(crate) struct Azure {
    pub(crate) endpoint: String,
    state: Arc<State>,
    server: Loopback,
}

struct State {
    pace: Pace,
    manner: Mutex<Manner>,
    calls: AtomicU64,
    prompt_tokens: AtomicU64,
    completion_tokens: AtomicU64,
    refused: AtomicU64,
}

/// The fields of a request that decide on its response.
#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    input: Vec<serde::de::IgnoredAny>,
}

impl Azure {
    /// Starts on a free port.
    pub(crate) async fn start(pace: Pace) -> Result<Self> {
        let state = Arc::new(State {
            pace,
            manner: Mutex::new(Manner::Well),
            calls: AtomicU64::default(),
            prompt_tokens: AtomicU64::default(),
            completion_tokens: AtomicU64::default(),
            refused: AtomicU64::default(),
        });
        let script = Arc::clone(&state);
        let server = Loopback::start(|_| move |request: &Recorded| script.reply(request)).await?;
        Ok(Self { endpoint: server.endpoint(), state, server })
    }

    /// Responds like this from now on.
    pub(crate) fn set(&self, manner: Manner) {
        *self.state.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> u64 {
        self.server.calls() as u64
    }

    /// How many of them were refused with 429.
    pub(crate) fn refused(&self) -> u64 {
        self.state.refused.load(Ordering::Relaxed)
    }

    /// The prompt and completion tokens that it reported as used.
    pub(crate) fn reported(&self) -> (u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.state.prompt_tokens), read(&self.state.completion_tokens))
    }
}

impl State {
    fn reply(self: &Arc<Self>, request: &Recorded) -> Reply {
        let arrived_ns = now_ns();
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let trouble = match *self.manner.lock().unwrap_or_else(PoisonError::into_inner) {
            Manner::Well => Trouble::None,
            Manner::Busy => Trouble::Status(429),
            Manner::Chaos => trouble(call, self.pace.frames),
        };
        match trouble {
            Trouble::Status(429) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                return Reply::too_many_requests(Some("1"));
            }
            Trouble::Status(status) => {
                return Reply::error(status, &status.to_string(), "Scripted.");
            }
            Trouble::Reset => return Reply::reset(),
            Trouble::None
            | Trouble::ResetAfter(_)
            | Trouble::PauseAfter(_)
            | Trouble::SilenceAfter(_) => {}
        }
        let body: Body = serde_json::from_slice(&request.body).unwrap_or_default();
        if request.path().ends_with("/embeddings") {
            let inputs = body.input.len().max(1);
            let tokens = 3 * u64::try_from(inputs).unwrap_or_default();
            self.report(tokens, 0);
            return Reply::json(200, embeddings(inputs, tokens));
        }
        // Less than Lanyard estimates, so that no budget may be passed.
        let (prompt, completion) = (5 + call % 5, 1 + call % u64::from(self.pace.frames.min(60)));
        if !body.stream {
            self.report(prompt, completion);
            return Reply::json(200, chat(prompt, completion));
        }
        let (state, last) = (Arc::clone(self), self.pace.frames);
        let frame = move |number| match u32::try_from(number).unwrap_or(u32::MAX) {
            0 => content(&format!("@{arrived_ns}@{}@", now_ns())),
            number if number < last => content(&format!("@{}@", now_ns())),
            number if number == last => {
                state.report(prompt, completion);
                usage_frame(prompt, completion)
            }
            _ => Bytes::from_static(b"data: [DONE]\n\n"),
        };
        let Pace { first, frames, between } = self.pace;
        let pause = move |number| {
            let is_late = |after| usize::try_from(after).is_ok_and(|after| after == number);
            let late = match trouble {
                Trouble::PauseAfter(after) if is_late(after) => Duration::from_secs(5),
                Trouble::None
                | Trouble::Status(_)
                | Trouble::Reset
                | Trouble::ResetAfter(_)
                | Trouble::PauseAfter(_)
                | Trouble::SilenceAfter(_) => Duration::ZERO,
            };
            let is_word = number > 0 && u32::try_from(number).is_ok_and(|number| number < frames);
            if is_word { late + between } else { late }
        };
        let stream = Reply::made(frames as usize + 2, frame).delay(first).paced(pause);
        match trouble {
            Trouble::ResetAfter(after) => stream.reset_after(after as usize),
            Trouble::SilenceAfter(after) => stream.hang_after(after as usize),
            Trouble::None | Trouble::Status(_) | Trouble::Reset | Trouble::PauseAfter(_) => stream,
        }
    }

    fn report(&self, prompt: u64, completion: u64) {
        self.prompt_tokens.fetch_add(prompt, Ordering::Relaxed);
        self.completion_tokens.fetch_add(completion, Ordering::Relaxed);
    }
}

/// The fault of a call: the same for the same number of call.
fn trouble(call: u64, frames: u32) -> Trouble {
    let mut random = fastrand::Rng::with_seed(call);
    let after = random.u32(..frames);
    match random.u8(..100) {
        0..8 => Trouble::Status(429),
        8..12 => Trouble::Status(500),
        12..16 => Trouble::Status(503),
        16..22 => Trouble::Reset,
        22..30 => Trouble::ResetAfter(after),
        30..35 => Trouble::PauseAfter(after),
        35 => Trouble::SilenceAfter(after),
        _ => Trouble::None,
    }
}

fn usage(prompt: u64, completion: u64) -> serde_json::Value {
    json!({
        "prompt_tokens": prompt, "completion_tokens": completion,
        "total_tokens": prompt + completion,
    })
}

fn usage_frame(prompt: u64, completion: u64) -> Bytes {
    let frame = json!({
        "choices": [], "created": 1_764_000_000, "id": "chatcmpl-scripted",
        "model": "gpt-5-mini-2025-08-07", "object": "chat.completion.chunk",
        "usage": usage(prompt, completion),
    });
    format!("data: {frame}\n\n").into()
}

fn content(text: &str) -> Bytes {
    let frame = with_usage_null(&frames::content(text));
    format!("data: {frame}\n\n").into()
}

fn chat(prompt: u64, completion: u64) -> Bytes {
    let body = json!({
        "choices": [{
            "content_filter_results": {}, "finish_reason": "stop", "index": 0, "logprobs": null,
            "message": {"content": "word ".repeat(100), "refusal": null, "role": "assistant"},
        }],
        "created": 1_764_000_000, "id": "chatcmpl-scripted", "model": "gpt-5-mini-2025-08-07",
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

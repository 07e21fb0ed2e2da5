//! A client: a connection that is kept, and the results of calls on it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use lanyard_domain::ids::RequestId;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::azure::now_ns;
use crate::organiser::{CHAT_MODEL, EMBEDDING_MODEL};

/// The request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// A buffered chat.
    Chat,
    /// A streamed chat.
    Stream,
    /// Embeddings of a hundred inputs.
    Embeddings,
}

impl Question {
    /// The question as a request.
    pub(crate) fn by(self, attendee: &str) -> Request<Full<Bytes>> {
        let (path, body) = match self {
            Self::Chat => (
                "/api/v1/chat/completions",
                json!({
                    "model": CHAT_MODEL, "max_tokens": 64,
                    "messages": [{"role": "user", "content": "Write a poem about elephants."}],
                }),
            ),
            Self::Stream => (
                "/api/v1/chat/completions",
                json!({
                    "model": CHAT_MODEL, "max_tokens": 64, "stream": true,
                    "stream_options": {"include_usage": true},
                    "messages": [{"role": "user", "content": "Write a poem about elephants."}],
                }),
            ),
            Self::Embeddings => {
                let inputs = vec!["Elephants are large."; 100];
                let body = json!({
                    "model": EMBEDDING_MODEL, "encoding_format": "base64", "input": inputs,
                });
                ("/api/v1/embeddings", body)
            }
        };
        let mut request = Request::new(Full::new(Bytes::from(body.to_string())));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = http::Uri::from_static(path);
        let json = http::HeaderValue::from_static("application/json");
        request.headers_mut().insert(http::header::CONTENT_TYPE, json);
        if let Ok(token) = attendee.parse() {
            request.headers_mut().insert("openai-event-code", token);
        }
        request
    }
}

/// The result of a call.
#[derive(Clone, Debug)]
pub(crate) struct CallResult {
    /// Its status.
    pub(crate) status: u16,
    /// The id under which the request is recorded.
    pub(crate) request_id: Option<RequestId>,
    /// From the request to the first byte of the body; of a stream, less what Azure took.
    pub(crate) first: Duration,
    /// From the request to the end.
    pub(crate) whole: Duration,
    /// For each frame, from when it left Azure to when it was here.
    pub(crate) held_back: Vec<Duration>,
    /// Whether a stream came to its end and a response to its length.
    pub(crate) is_whole: bool,
    /// The error, if the response was a refusal.
    pub(crate) refusal: String,
}

/// A connection that is kept from one question to the next.
pub(crate) struct Caller {
    address: SocketAddr,
    open: Option<(SendRequest<Full<Bytes>>, JoinSet<()>)>,
}

impl Caller {
    /// A client with this credential.
    pub(crate) fn to(address: &str) -> Result<Self> {
        let address = address.strip_prefix("http://").context("the address is not http")?;
        Ok(Self { address: address.parse()?, open: None })
    }

    /// Hangs up.
    pub(crate) fn leave(&mut self) {
        self.open = None;
    }

    async fn connection(&mut self) -> Result<&mut SendRequest<Full<Bytes>>> {
        let is_ready = match &mut self.open {
            Some((sender, _)) => sender.ready().await.is_ok(),
            None => false,
        };
        if !is_ready {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            let mut running = JoinSet::new();
            running.spawn(async move {
                // The missing response shows how it ended.
                let _ = connection.await;
            });
            self.open = Some((sender, running));
        }
        Ok(&mut self.open.as_mut().context("nothing is open")?.0)
    }

    /// Asks and listens to the end, or until so many pieces of the body have come.
    pub(crate) async fn ask(
        &mut self,
        request: Request<Full<Bytes>>,
        leave_after: Option<usize>,
    ) -> Result<CallResult> {
        let connection = self.connection().await?;
        let (started, started_ns) = (Instant::now(), now_ns());
        let response = connection.send_request(request).await?;
        let status = response.status().as_u16();
        let is_stream = response
            .headers()
            .get(http::header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
        let id = response.headers().get("x-request-id").and_then(|id| id.to_str().ok());
        let request_id = id.and_then(|id| id.parse().ok());
        let mut body = response.into_body();
        let mut result = CallResult {
            status,
            request_id,
            first: Duration::ZERO,
            whole: Duration::ZERO,
            held_back: Vec::new(),
            is_whole: true,
            refusal: String::new(),
        };
        let (mut pieces, mut stamps, mut is_done) = (0, Stamps::default(), !is_stream);
        while let Some(piece) = body.frame().await {
            let Ok(piece) = piece else {
                result.is_whole = false;
                break;
            };
            let Ok(data) = piece.into_data() else { continue };
            if pieces == 0 {
                result.first = started.elapsed();
            }
            pieces += 1;
            if leave_after == Some(pieces) {
                self.leave();
                result.is_whole = false;
                break;
            }
            if is_stream {
                stamps.read(&data, now_ns(), &mut result);
                is_done |= data.windows(6).any(|bytes| bytes == b"[DONE]");
            } else if status != 200 {
                result.refusal.push_str(&String::from_utf8_lossy(&data));
            }
        }
        result.whole = started.elapsed();
        result.is_whole &= is_done;
        if let (Some(arrived), Some(left)) = (stamps.arrived_ns, stamps.first_left_ns) {
            // Azure's timers are coarser than what is measured here.
            let first_ns = stamps.first_here_ns.saturating_sub(started_ns);
            let azure_ns = left.saturating_sub(arrived);
            result.first = Duration::from_nanos(first_ns.saturating_sub(azure_ns));
        }
        Ok(result)
    }
}

/// The times between `@` in a stream, however it is cut.
#[derive(Default)]
struct Stamps {
    digits: Option<u64>,
    arrived_ns: Option<u64>,
    first_left_ns: Option<u64>,
    first_here_ns: u64,
}

impl Stamps {
    fn read(&mut self, data: &[u8], here_ns: u64, result: &mut CallResult) {
        for byte in data {
            match (byte, self.digits) {
                (b'@', Some(stamp)) if stamp > 0 => {
                    if self.arrived_ns.is_none() {
                        // The first of all: when the request was at Azure. Another follows it.
                        self.arrived_ns = Some(stamp);
                        self.digits = Some(0);
                        continue;
                    }
                    if self.first_left_ns.is_none() {
                        self.first_left_ns = Some(stamp);
                        self.first_here_ns = here_ns;
                    }
                    result.held_back.push(Duration::from_nanos(here_ns.saturating_sub(stamp)));
                    self.digits = None;
                }
                (b'@', _) => self.digits = Some(0),
                (b'0'..=b'9', Some(stamp)) => {
                    self.digits = Some(stamp * 10 + u64::from(byte - b'0'));
                }
                _ => self.digits = None,
            }
        }
    }
}

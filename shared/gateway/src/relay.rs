//! Step six: Azure's answer on its way to the attendee.
//!
//! A whole answer, JSON or text, is read, counted and handed on. A stream is driven by a pump, a task of its own:
//! it hands on each frame as it comes, finds the usage, settles, and only then ends the answer. If
//! the attendee leaves, the pump goes on reading, so that what the model produced is accounted.

pub mod pump;
mod sound;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use lanyard_domain::operation::Operation;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;
use lanyard_protocol::governed::Demanded;
use lanyard_protocol::media::Kind;
use lanyard_protocol::{count, media};
use tokio::time::Instant;

use crate::Gateway;
use crate::admit::Reservation;
use crate::error::ApiError;
use crate::headers;
use crate::parse::Dialect;
use crate::ports::UpstreamBody;
use crate::request::{Request, Response, whole};
use crate::send::LAST_WORDS;
use crate::settle::{Ending, OK};
use crate::stored::ResponseHook;

/// The largest answer that is read whole: 2,048 embeddings of 3,072 numbers as text are less.
const LARGEST_ANSWER: usize = 96 * 1024 * 1024;

/// The longest silence in the middle of an answer.
const LONGEST_SILENCE: Duration = Duration::from_secs(120);

/// What of a stream the attendee's client did not ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unasked {
    /// The usage frame at the end.
    pub(crate) usage: bool,
    /// Azure's first frame without choices, which clients of OpenAI's API trip over.
    pub(crate) prompt_filter: bool,
}

/// How the frames of a stream are to be read.
pub(crate) enum Dialogue {
    /// Chunks of a completion, and the events of every other operation.
    Chunks(Unasked),
    /// Named events of the Responses API.
    Responses(Option<Box<dyn ResponseHook>>),
}

impl Gateway {
    /// Hands an answer on.
    ///
    /// # Errors
    ///
    /// 502 or 504 if the answer is unusable or breaks off before anything was handed on.
    pub(crate) async fn relay(
        &self,
        request: &Request,
        demanded: &Demanded,
        dialect: Dialect,
        answer: http::Response<UpstreamBody>,
        mut reservation: Reservation,
        mut hook: Option<Box<dyn ResponseHook>>,
    ) -> Result<Response, ApiError> {
        let (head, body) = answer.into_parts();
        let until = request.deadline.map(|deadline| deadline - LAST_WORDS);
        let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let operation = reservation.operation;
        let kind = media::kind(operation, demanded.is_streamed, content_type);
        let is_encoded =
            head.headers.get(CONTENT_ENCODING).is_some_and(|value| value != "identity");
        if is_encoded {
            self.settle_unusable(reservation);
            return Err(ApiError::UpstreamUnreachable(Some("the answer is compressed".into())));
        }
        let headers = self.answer_headers(&head.headers, request, demanded, &reservation);
        let text_type = match kind {
            Kind::Json => None,
            Kind::Text(content_type) => Some(content_type),
            Kind::Events => {
                let dialogue = match operation {
                    Operation::Responses => Dialogue::Responses(hook),
                    _ => Dialogue::Chunks(Unasked {
                        usage: operation.streams_usage_on_request() && !demanded.wants_usage,
                        prompt_filter: dialect == Dialect::OpenAi,
                    }),
                };
                let body = pump::start(self, body, until, dialogue, reservation);
                return Ok(respond(headers, "text/event-stream; charset=utf-8", body));
            }
            Kind::Bytes(content_type) => {
                return match sound::start(self, body, until, reservation).await {
                    Ok(body) => Ok(respond(headers, content_type, body)),
                    Err((error, reservation)) => {
                        self.settle_unusable(reservation);
                        Err(error)
                    }
                };
            }
            Kind::Unusable => {
                self.settle_unusable(reservation);
                let odd = "the answer is of another type than its operation's";
                return Err(ApiError::UpstreamUnreachable(Some(odd.into())));
            }
        };
        let started_at = self.settler.clock.now();
        let bytes = match read_whole(body, until).await {
            Ok(bytes) => bytes,
            Err(error) => {
                self.settle_unusable(reservation);
                return Err(error);
            }
        };
        let read = match text_type {
            // A text says nothing of its cost.
            Some(_) => Some((Settlement::AtLeast(Usage::default()), None)),
            None => count::whole(operation, &bytes, &reservation.hold),
        };
        let Some((settlement, id)) = read else {
            self.settle_unusable(reservation);
            return Err(ApiError::UpstreamUnreachable(Some("the answer is not JSON".into())));
        };
        reservation.notes.answer = id.as_deref().and_then(|id| id.parse().ok());
        if let Some(hook) = &mut hook
            && let Err(error) = hook.names(id.as_deref()).await
        {
            // The model has worked, and its answer is deleted: paid, as one that breaks off.
            let ending =
                Ending::of(settlement, error.code(), error.status().as_u16(), Some(started_at));
            self.settle_behind(reservation, ending);
            return Err(error);
        }
        let ending = Ending::of(settlement, OK, 200, Some(started_at));
        self.settler.settle_behind(reservation, ending, hook);
        // Silence has no words, and an empty answer hangs a streaming front door.
        let bytes = if bytes.is_empty() { Bytes::from_static(b"\n") } else { bytes };
        Ok(respond(headers, text_type.unwrap_or("application/json"), whole(bytes)))
    }

    /// The model may have worked, but what it said cannot be used: at least the estimate.
    fn settle_unusable(&self, reservation: Reservation) {
        let settlement = Settlement::AtLeast(Usage::default());
        let ending = Ending::of(settlement, "upstream_unreachable", 502, None);
        self.settle_behind(reservation, ending);
    }

    /// The headers of a response: Azure's id of it, and what is left of the attendee's rates.
    pub fn answer_headers(
        &self,
        azure: &HeaderMap,
        request: &Request,
        demanded: &Demanded,
        reservation: &Reservation,
    ) -> HeaderMap {
        let mut out = HeaderMap::with_capacity(16);
        copy_upstream_id(azure, &mut out);
        let now = request.now.into();
        headers::set_rates(&mut out, &reservation.allowance, &reservation.account, now);
        if let (Some(cap), Some(asked)) = (demanded.completion_cap, demanded.clamped_from)
            && let Ok(value) = HeaderValue::try_from(format!("{cap};clamped-from={asked}"))
        {
            out.insert(headers::EVENT_MAX_TOKENS, value);
        }
        out
    }
}

/// Azure's id of its answer, as our header.
pub fn copy_upstream_id(azure: &HeaderMap, out: &mut HeaderMap) {
    if let Some(id) = azure.get("apim-request-id").filter(|id| is_plain_id(id)) {
        out.insert(headers::UPSTREAM_REQUEST_ID, id.clone());
    }
}

fn is_plain_id(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    bytes.len() <= 64 && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

fn respond(headers: HeaderMap, content_type: &'static str, body: crate::Body) -> Response {
    let mut response = http::Response::new(body);
    *response.headers_mut() = headers;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The next piece of an answer.
#[derive(Debug)]
pub enum Next {
    /// Some bytes.
    Chunk(Bytes),
    /// The body has ended.
    End,
    /// The body broke off.
    Broken(ApiError),
}

/// Waits for the next piece, within the longest silence and the function's time.
pub async fn next_chunk(body: &mut UpstreamBody, until: Option<Instant>) -> Next {
    let silent_until = Instant::now() + LONGEST_SILENCE;
    let until = until.map_or(silent_until, |until| until.min(silent_until));
    match tokio::time::timeout_at(until, body.next()).await {
        Ok(Some(Ok(chunk))) => Next::Chunk(chunk),
        Ok(Some(Err(cause))) => Next::Broken(ApiError::UpstreamUnreachable(Some(cause))),
        Ok(None) => Next::End,
        Err(_) => Next::Broken(ApiError::UpstreamTimeout),
    }
}

/// Reads a body to its end.
///
/// # Errors
///
/// 502 or 504 if it breaks off, is silent for too long or is too large.
pub async fn read_whole(mut body: UpstreamBody, until: Option<Instant>) -> Result<Bytes, ApiError> {
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    loop {
        let chunk = match next_chunk(&mut body, until).await {
            Next::Chunk(chunk) => chunk,
            Next::Broken(error) => return Err(error),
            // The usual answer comes in one piece and is handed on without a copy.
            Next::End => {
                return Ok(if rest.is_empty() { first.unwrap_or_default() } else { rest.freeze() });
            }
        };
        match &first {
            None => first = Some(chunk),
            Some(begin) => {
                if rest.is_empty() {
                    rest.extend_from_slice(begin);
                }
                rest.extend_from_slice(&chunk);
            }
        }
        if rest.len() > LARGEST_ANSWER || first.as_ref().is_some_and(|f| f.len() > LARGEST_ANSWER) {
            return Err(ApiError::UpstreamUnreachable(Some("the answer is too large".into())));
        }
    }
}

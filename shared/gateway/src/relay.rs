//! Step six: Azure's response on its way to the attendee.
//!
//! A buffered response, JSON or text, is read, counted and passed on. A streamed one is read by a
//! pump, a separate task: it passes on each frame as it comes, finds the usage, settles, and only
//! then ends the response. If the attendee leaves, the pump goes on reading, so that what the model
//! produced is accounted.

mod early;
pub mod pump;
mod read;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use lanyard_domain::account::Hold;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::unit::Unit;
use lanyard_domain::usage::Usage;
use lanyard_protocol::added::AddedField;
use lanyard_protocol::demand::Demanded;
use lanyard_protocol::failed;
use lanyard_protocol::refusal::OurNames;
use lanyard_protocol::response::Content;
use lanyard_protocol::stored::OutputIds;
use lanyard_protocol::stream::failure::{self, Failure};
use lanyard_protocol::stream::{ChoiceEnds, Hides, StreamFormat, StreamState};
use lanyard_protocol::usage;
use lanyard_protocol::{BufferedResponse, Protocol};
use tokio::time::Instant;

pub(crate) use self::early::{Early, begin_early};
pub use self::pump::Stream;
pub use self::read::{Next, next_chunk, read_whole};
use crate::Gateway;
use crate::call::time_left;
use crate::demand::ModelCall;
use crate::error::{ApiError, ModelRefusal};
use crate::headers;
use crate::parse::PathStyle;
use crate::ports::{Incident, Secret, UpstreamBody};
use crate::request::{Request, Response, full};
use crate::send::Sent;
use crate::settle::{Ending, OK, Reservation};
use crate::stored::ResponseHook;

/// The content type of server-sent events.
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// The kind of a buffered response.
enum Buffered {
    /// JSON, which its protocol reads. No figure of its usage is believed above so many tokens.
    Json { protocol: &'static Protocol, most_tokens: u64 },
    /// A text of this type.
    Text(&'static str),
}

/// Who has responded to a call with which credential. Errors show neither.
#[derive(Clone, Copy)]
struct Origin<'a> {
    deployment: &'a Deployment,
    secret: Option<&'a Secret>,
}

impl Origin<'_> {
    fn names(self) -> OurNames {
        OurNames::of(self.deployment).with(self.secret)
    }
}

impl Gateway {
    /// Passes a response on.
    ///
    /// # Errors
    ///
    /// 502 or 504 if the response is unusable or breaks off before anything was passed on.
    pub(crate) async fn relay(
        &self,
        request: &Request,
        call: &mut ModelCall<'_>,
        sent: Sent<'_>,
        reservation: Reservation,
    ) -> Result<Response, ApiError> {
        let format = call.stream_format();
        let ModelCall { protocol, demanded, style, until, choice, hook, .. } = call;
        let (protocol, until, mut hook) = (*protocol, *until, hook.take());
        let most_tokens = usage::most_tokens(choice.facts(), demanded.contexts, &reservation.hold);
        let (head, body) = sent.response.into_parts();
        let from = Origin { deployment: sent.from, secret: head.extensions.get() };
        if let Some(hook) = &mut hook {
            hook.responds(sent.from);
        }
        let headers = self.response_headers(&head.headers, request, demanded, &reservation);
        let stream = |format, state| Stream {
            request_id: request.id.clone(),
            until: Some(Instant::now() + time_left(request.deadline, true)),
            format,
            state,
            names: OurNames::default(),
            hook: None,
            reservation: None,
        };
        match content(protocol, demanded, &head.headers) {
            Ok(Content::Events) => {
                let state = StreamState {
                    most_tokens,
                    choices: ChoiceEnds::of(demanded.choices),
                    most_images: reservation.hold.units.get(Unit::Images),
                    reasons: choice.facts().reasons,
                    hides: Hides {
                        usage: !demanded.wants_usage,
                        filter_chunks: *style != PathStyle::Azure,
                    },
                    counts_text: sent.refused.has(AddedField::StreamOptions),
                    ..StreamState::default()
                };
                let stream = Stream {
                    names: from.names(),
                    hook,
                    reservation: Some(reservation),
                    ..stream(format, state)
                };
                Ok(respond(headers, EVENTS, self.pump(stream, body)))
            }
            Ok(Content::Bytes) => {
                // Without a type it would be unusable.
                let content_type = head.headers.get(CONTENT_TYPE).cloned().unwrap_or(OCTETS);
                let mut stream = stream(StreamFormat::BYTES, StreamState::default());
                match pump::past_silence(body, Some(until)).await {
                    Ok(body) => {
                        stream.reservation = Some(reservation);
                        Ok(respond(headers, content_type, self.pump(stream, body)))
                    }
                    Err(error) => Err(self.settle_unusable(reservation, error)),
                }
            }
            Ok(Content::Json) => {
                let kind = Buffered::Json { protocol, most_tokens };
                self.buffer(until, (kind, from), body, headers, reservation, hook).await
            }
            Ok(Content::Text(content_type)) => {
                let kind = Buffered::Text(content_type);
                self.buffer(until, (kind, from), body, headers, reservation, hook).await
            }
            Ok(Content::Unusable) => {
                // Rare, so the future of each request has no room for it.
                let from = (from, is_json(&head.headers));
                Err(Box::pin(self.unusable(from, body, until, reservation)).await)
            }
            Err(error) => Err(self.settle_unusable(reservation, error)),
        }
    }

    /// A response of another type than its operation's, which may be an error as JSON.
    async fn unusable(
        &self,
        (from, is_json): (Origin<'_>, bool),
        body: UpstreamBody,
        until: Instant,
        reservation: Reservation,
    ) -> ApiError {
        if is_json
            && let Ok(bytes) = read_whole(body, Some(until)).await
            && let Some(failure) = failed::failure_of(&bytes)
        {
            let state = StreamState::default();
            let settlement = failure::settle(&failure, &state, &reservation.hold);
            return self.settle_failed(reservation, settlement, &failure, from);
        }
        let odd = "the response has another type than its operation's";
        self.settle_unusable(reservation, ApiError::UpstreamUnreachable(Some(odd.into())))
    }

    /// Reads a response to its end and passes it on, unless it is an error.
    async fn buffer(
        &self,
        until: Instant,
        (kind, from): (Buffered, Origin<'_>),
        body: UpstreamBody,
        mut headers: HeaderMap,
        mut reservation: Reservation,
        mut hook: Option<Box<dyn ResponseHook>>,
    ) -> Result<Response, ApiError> {
        let started_at = self.settler.clock.now();
        let mut bytes = match read_whole(body, Some(until)).await {
            Ok(bytes) => bytes,
            Err(error) => return Err(self.settle_unusable(reservation, error)),
        };
        let (read, content_type) = match kind {
            Buffered::Text(kind) => (Some(read_text(&bytes, &reservation.hold)), kind),
            Buffered::Json { protocol, most_tokens } => {
                let read = protocol.read_response(&bytes, &reservation.hold, most_tokens);
                (read, "application/json")
            }
        };
        let Some(BufferedResponse { settlement, id, failure, has_error }) = read else {
            let error = ApiError::UpstreamUnreachable(Some("the response is not JSON".into()));
            return Err(self.settle_unusable(reservation, error));
        };
        if let Some(failure) = failure {
            return Err(self.settle_failed(reservation, settlement, &failure, from));
        }
        // A response that has failed has its reason in it.
        if has_error && let Some(hidden) = from.names().hide_in_errors(&bytes) {
            bytes = hidden.into();
        }
        reservation.metadata.response_id = id.as_deref().and_then(|id| id.parse().ok());
        if let Some(hook) = &mut hook
            && let Err(error) = hook.names(id.as_deref(), OutputIds::read(&bytes)).await
        {
            // The model has worked, and its response is deleted: paid, as one that breaks off.
            let ending =
                Ending::of(settlement, error.code(), error.status().as_u16(), Some(started_at));
            self.settle_in_background(reservation, ending);
            return Err(error);
        }
        headers::set_cost(&mut headers, reservation.bill(&settlement).as_ref());
        let ending = Ending::of(settlement, OK, 200, Some(started_at));
        self.settle_with_hook(reservation, ending, hook);
        // A recording of silence is an empty text, and an empty body hangs a streaming front door.
        let bytes = if bytes.is_empty() { Bytes::from_static(b"\n") } else { bytes };
        Ok(respond(headers, HeaderValue::from_static(content_type), full(bytes)))
    }

    /// Settles in the background, and then passes the charge to the hook.
    fn settle_with_hook(
        &self,
        reservation: Reservation,
        ending: Ending,
        hook: Option<Box<dyn ResponseHook>>,
    ) {
        let Some(hook) = hook else { return self.settle_in_background(reservation, ending) };
        let settler = Arc::clone(&self.settler);
        self.settler.in_background(async move {
            let usage = ending.settlement.exact();
            settler.settle(reservation, ending).await;
            if let Some(usage) = usage {
                hook.settled(usage).await;
            }
        });
    }

    /// Azure's response is an error, although its status says otherwise: charged by what is known.
    fn settle_failed(
        &self,
        reservation: Reservation,
        settlement: Settlement,
        failure: &Failure,
        from: Origin<'_>,
    ) -> ApiError {
        let names = &from.names();
        let error = ApiError::RefusedByModel(Box::new(ModelRefusal::in_response(failure, names)));
        if error.code() == "upstream_busy" {
            let event = Some(&reservation.at.event.id);
            self.settler.request_log.count(Incident::UpstreamBusy, event);
        }
        let ending = Ending::of(settlement, error.code(), error.status().as_u16(), None);
        self.settle_in_background(reservation, ending);
        error
    }

    /// The model may have worked, but its response cannot be used: at least the estimate.
    fn settle_unusable(&self, reservation: Reservation, error: ApiError) -> ApiError {
        let error = error.after_sending();
        let settlement = Settlement::AtLeast(Usage::default());
        let ending = Ending::of(settlement, error.code(), error.status().as_u16(), None);
        self.settle_in_background(reservation, ending);
        error
    }

    /// The headers of a response: Azure's id of it, and what is left of the attendee's rates.
    pub fn response_headers(
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
        if let Some(value) = headers::event_max_tokens(demanded.completion_cap, demanded.asked_cap)
        {
            out.insert(headers::EVENT_MAX_TOKENS, value);
        }
        if let Some(value) = headers::event_max_tool_calls(demanded.hosted) {
            out.insert(headers::EVENT_MAX_TOOL_CALLS, value);
        }
        if !demanded.dropped_tools.is_empty()
            && let Ok(value) = HeaderValue::try_from(demanded.dropped_tools.join(", "))
        {
            out.insert(headers::EVENT_DROPPED_TOOLS, value);
        }
        out
    }
}

/// A text reports no usage, unless it is an error that was called a text.
fn read_text(bytes: &[u8], hold: &Hold) -> BufferedResponse {
    let failure = failed::failure_of(bytes);
    let settlement = match &failure {
        Some(failure) => failure::settle(failure, &StreamState::default(), hold),
        None => Settlement::AtLeast(Usage::default()),
    };
    BufferedResponse { settlement, id: None, failure, has_error: false }
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.trim_start().starts_with("application/json"))
}

/// Azure's id of its response, as our header.
pub fn copy_upstream_id(azure: &HeaderMap, out: &mut HeaderMap) {
    if let Some(id) = azure.get("apim-request-id").filter(|id| is_plain_id(id)) {
        out.insert(headers::UPSTREAM_REQUEST_ID, id.clone());
    }
}

fn is_plain_id(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    bytes.len() <= 64 && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

/// The kind of a response, by its headers.
fn content(
    protocol: &Protocol,
    demanded: &Demanded,
    headers: &HeaderMap,
) -> Result<Content, ApiError> {
    if headers.get(CONTENT_ENCODING).is_some_and(|value| value != "identity") {
        return Err(ApiError::UpstreamUnreachable(Some("the response is compressed".into())));
    }
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    Ok(protocol.content(demanded.is_streamed, content_type))
}

fn respond(mut headers: HeaderMap, content_type: HeaderValue, body: crate::Body) -> Response {
    headers.insert(CONTENT_TYPE, content_type);
    let mut response = http::Response::new(body);
    *response.headers_mut() = headers;
    response
}

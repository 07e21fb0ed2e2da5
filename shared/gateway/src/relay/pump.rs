//! The task that drives a streamed response to its end, also when the client has left.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{FutureExt, StreamExt, stream};
use http_body::{Body as HttpBody, Frame as BodyFrame};
use http_body_util::BodyExt;
use lanyard_domain::ids::RequestId;
use lanyard_protocol::refusal::{ModelRefusal, OurNames};
use lanyard_protocol::sse::{Frame, FrameTooLong, Scanner};
use lanyard_protocol::stored::OutputIds;
use lanyard_protocol::stream::failure;
use lanyard_protocol::stream::{StreamEvent, StreamFormat, StreamState};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;

use super::{Next, next_chunk};
use crate::error::ApiError;
use crate::ports::{Incident, UpstreamBody};
use crate::settle::{Ending, OK, Reservation, Settler};
use crate::stored::ResponseHook;
use crate::{Body, Gateway};

/// Frames that may wait for a slow reader.
pub(super) const WAITING_FRAMES: usize = 32;

/// How long a stream of events is silent before the client gets a sign of life.
pub(super) const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);

/// A streamed response that is to be passed on.
pub struct Stream {
    /// The request, for logs.
    pub request_id: RequestId,
    /// When reading must end, if it is known.
    pub until: Option<Instant>,
    /// How to read its frames.
    pub format: StreamFormat,
    /// What is known before its first frame.
    pub state: StreamState,
    /// Names that must not appear in Azure's errors.
    pub names: OurNames,
    /// Called with the objects that it names.
    pub hook: Option<Box<dyn ResponseHook>>,
    /// Settled at the end of the stream, unless the hook takes it.
    pub reservation: Option<Reservation>,
}

impl Gateway {
    /// Starts a task that passes the stream on, and returns the body that it feeds.
    pub fn pump(&self, stream: Stream, upstream: UpstreamBody) -> Body {
        let (sender, receiver) = mpsc::channel(WAITING_FRAMES);
        let pump = Pump {
            stream,
            settler: Arc::clone(&self.settler),
            downstream: Some(sender),
            events: 0,
            first_byte_at: None,
        };
        self.settler.in_background(pump.run(upstream));
        Fed(receiver).boxed_unsync()
    }
}

/// Waits for the first bytes of a body, so that a response without any is still an error.
///
/// # Errors
///
/// 502 or 504 if there are none.
pub(super) async fn past_silence(
    mut body: UpstreamBody,
    until: Option<Instant>,
) -> Result<UpstreamBody, ApiError> {
    loop {
        match next_chunk(&mut body, until).await {
            Next::Chunk(chunk) if chunk.is_empty() => {}
            Next::Chunk(chunk) => return Ok(stream::iter([Ok(chunk)]).chain(body).boxed()),
            Next::End => {
                return Err(ApiError::UpstreamUnreachable(Some("the response is empty".into())));
            }
            Next::Broken(error) => return Err(error),
        }
    }
}

/// A body that ends when its pump does.
pub(super) struct Fed(pub(super) mpsc::Receiver<Bytes>);

impl HttpBody for Fed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(BodyFrame::data(bytes))))
    }
}

struct Pump {
    stream: Stream,
    settler: Arc<Settler>,
    /// `None` once the attendee has left.
    downstream: Option<mpsc::Sender<Bytes>>,
    /// Events, or pieces, that were passed on.
    events: u64,
    first_byte_at: Option<DateTime<Utc>>,
}

impl Pump {
    async fn run(mut self, mut upstream: UpstreamBody) {
        let driven = self.drive(&mut upstream).await;
        // Nothing more is read: close the connection before the slow part.
        drop(upstream);
        let lacks_object = self.stream.hook.as_ref().is_some_and(|hook| hook.lacks_object());
        let error = match driven {
            Ok(()) if self.events == 0 || lacks_object => Some(ApiError::UpstreamUnreachable(None)),
            driven => driven.err(),
        };
        let error = error.map(ApiError::after_sending);
        if let Some(error) = &error {
            tracing::warn!(request_id = %self.stream.request_id, error = ?error, "stream broke off");
            let Stream { format, request_id, .. } = &self.stream;
            let event = (format.error)(&error.body_as(format.errors, request_id), self.events);
            if !event.is_empty() {
                self.pass_on(event).await;
            }
        }
        self.settle(error.as_ref()).await;
        let is_by_azure = self.stream.state.failure.is_some();
        if let Some(hook) = self.stream.hook.as_ref().filter(|_| is_by_azure || error.is_some()) {
            hook.fails(self.stream.state.produced, is_by_azure).await;
        }
        if let (Some(hook), Some(counted)) = (&self.stream.hook, self.stream.state.counted) {
            hook.settled(counted.usage).await;
        }
        // Dropping the sender ends the response: only now, when its cost is written down.
    }

    async fn settle(&mut self, error: Option<&ApiError>) {
        let failure = self.failure();
        let Stream { reservation, format, state, .. } = &mut self.stream;
        let Some(mut reservation) = reservation.take() else { return };
        reservation.metadata.response_id = state.response_id.take();
        let settlement = match &state.failure {
            Some(failure) => failure::settle(failure, state, &reservation.hold),
            None => (format.settle)(state, &reservation.hold, error.is_some()),
        };
        let settlement = settlement.written_by(state.model);
        let outcome = failure.as_ref().or(error).map_or(OK, ApiError::code);
        if outcome == "upstream_busy" {
            let event = Some(&reservation.at.event.id);
            self.settler.request_log.count(Incident::UpstreamBusy, event);
        }
        let ending = Ending::of(settlement, outcome, 200, self.first_byte_at);
        self.settler.settle(reservation, ending).await;
    }

    /// The error with which Azure ended the stream.
    fn failure(&self) -> Option<ApiError> {
        let failure = self.stream.state.failure.as_ref()?;
        let refusal = ModelRefusal::in_response(failure, &self.stream.names);
        Some(ApiError::RefusedByModel(Box::new(refusal)))
    }

    /// Reads to the end of the stream and passes on what belongs to the attendee.
    async fn drive(&mut self, upstream: &mut UpstreamBody) -> Result<(), ApiError> {
        let mut scanner = self.stream.format.longest_frame.map(Scanner::for_frames_of);
        loop {
            match (self.next_chunk(upstream).await, &mut scanner) {
                (Next::Chunk(chunk), None) => self.pass_on(chunk).await,
                (Next::Chunk(chunk), Some(scanner)) => {
                    scanner.push(chunk);
                    while let Some(frame) = scanner.next_frame().map_err(too_long)? {
                        self.take(frame).await?;
                    }
                }
                (Next::End, scanner) => {
                    let rest = scanner.as_mut().and_then(Scanner::finish);
                    if let Some(frame) = rest.and_then(Frame::ended) {
                        self.take(frame).await?;
                    }
                    return match self.missing() {
                        Some(what) => Err(ApiError::UpstreamUnreachable(Some(what.into()))),
                        None => {
                            self.complete().await;
                            Ok(())
                        }
                    };
                }
                // A break of a complete stream of events loses nothing.
                (Next::Broken(_), Some(_)) if self.has_everything() => {
                    self.complete().await;
                    return Ok(());
                }
                (Next::Broken(error), _) => return Err(error),
            }
        }
    }

    fn has_everything(&self) -> bool {
        let state = &self.stream.state;
        self.missing().is_none() && (state.is_done || state.choices.have_all_ended())
    }

    /// The frame that the stream still lacks.
    fn missing(&self) -> Option<&'static str> {
        (self.stream.format.missing)(&self.stream.state)
    }

    /// Passes on the last event of a complete stream, if the server has left it out.
    async fn complete(&mut self) {
        if let Some(last) = (self.stream.format.last)(&self.stream.state) {
            self.pass_on(last).await;
        }
    }

    /// The next piece of the response. A client that waits for an event gets signs of life meanwhile:
    /// only complete frames were passed on, so one may follow.
    async fn next_chunk(&mut self, upstream: &mut UpstreamBody) -> Next {
        // What has come already needs no timer.
        if let Some(next) = upstream.next().now_or_never() {
            return next.into();
        }
        let until = self.stream.until;
        while self.stream.format.longest_frame.is_some() {
            let pause = Instant::now() + KEEP_ALIVE_EVERY;
            if until.is_some_and(|until| until <= pause) {
                break;
            }
            let next = next_chunk(upstream, Some(pause)).await;
            if !matches!(next, Next::Broken(ApiError::UpstreamTimeout)) {
                return next;
            }
            self.keep_alive();
        }
        next_chunk(upstream, until).await
    }

    /// A sign of life, unless the client is behind anyway.
    fn keep_alive(&self) {
        if let Some(downstream) = &self.downstream {
            let _ = downstream.try_send(Bytes::from_static(self.stream.format.keep_alive));
        }
    }

    async fn take(&mut self, frame: Frame) -> Result<(), ApiError> {
        let Stream { format, state, hook, reservation, names, .. } = &mut self.stream;
        let frame = frame.of_document();
        let mut bytes = match ((format.read)(&frame, state), hook) {
            (StreamEvent::Drop, _) => return Ok(()),
            (StreamEvent::Replace(bytes), _) => bytes,
            // An id is passed on only after its owner was stored.
            (StreamEvent::Names(id), Some(hook)) => {
                let output = match state.is_done {
                    true => OutputIds::read(&frame.data()),
                    false => OutputIds::default(),
                };
                hook.names(id.as_deref(), output).await?;
                frame.0
            }
            (StreamEvent::Shows { kind, data }, Some(hook)) => {
                hook.shows(frame, kind, data, state.produced, reservation).await?
            }
            (StreamEvent::Fails, _) => {
                return Err(self.failure().unwrap_or(ApiError::UpstreamUnreachable(None)));
            }
            (StreamEvent::Pass | StreamEvent::Names(_) | StreamEvent::Shows { .. }, _) => frame.0,
        };
        // A failed response has its reason in its last event.
        if state.failure.is_some() {
            let frame = Frame(bytes);
            let hidden = names.hide_in_errors(&frame.data());
            bytes = hidden.map_or(frame.clone(), |data| frame.with_data(&data)).0;
        }
        self.pass_on(bytes).await;
        Ok(())
    }

    /// Hands bytes to the attendee, if there is one. A slow one is waited for until the function's
    /// time is nearly over.
    async fn pass_on(&mut self, bytes: Bytes) {
        let Some(downstream) = &self.downstream else {
            return;
        };
        let is_sent = match (downstream.try_send(bytes), self.stream.until) {
            (Ok(()), _) => true,
            (Err(TrySendError::Full(bytes)), Some(until)) => {
                let sending = downstream.send(bytes);
                matches!(tokio::time::timeout_at(until, sending).await, Ok(Ok(())))
            }
            (Err(TrySendError::Full(bytes)), None) => downstream.send(bytes).await.is_ok(),
            (Err(TrySendError::Closed(_)), _) => false,
        };
        if !is_sent {
            self.downstream = None;
        }
        self.events += 1;
        if self.first_byte_at.is_none() {
            self.first_byte_at = Some(self.settler.clock.now());
        }
    }
}

fn too_long(_: FrameTooLong) -> ApiError {
    ApiError::UpstreamUnreachable(Some("a frame of the stream is too long".into()))
}

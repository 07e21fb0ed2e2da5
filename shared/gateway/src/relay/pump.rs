//! The task that drives a stream from Azure to its end, whoever still listens.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http_body::{Body as HttpBody, Frame as BodyFrame};
use http_body_util::BodyExt;
use lanyard_domain::ids::AnswerId;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Next, Unasked, next_chunk};
use crate::admit::Reservation;
use crate::error::ApiError;
use crate::ports::UpstreamBody;
use crate::settle::{Ending, Settler};
use crate::sse::{Frame, FrameTooLong, Scanner};
use crate::upstream::{Answer, Counted};
use crate::{Body, Gateway};

/// Frames that may wait for a slow reader.
const WAITING_FRAMES: usize = 32;

/// Starts the pump and returns the body that it feeds.
pub(super) fn start(
    gateway: &Gateway,
    upstream: UpstreamBody,
    until: Option<Instant>,
    unasked: Unasked,
    reservation: Reservation,
) -> Body {
    let (sender, receiver) = mpsc::channel(WAITING_FRAMES);
    let pump = Pump {
        settler: Arc::clone(&gateway.settler),
        downstream: Some(sender),
        until,
        unasked,
        has_answered: false,
        first_byte_at: None,
        completion_bytes: 0,
        counted: None,
        answer: None,
        is_done: false,
    };
    gateway.settler.tasks.spawn(pump.run(upstream, reservation));
    Fed(receiver).boxed_unsync()
}

/// A body that ends when its pump does.
struct Fed(mpsc::Receiver<Bytes>);

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
    settler: Arc<Settler>,
    /// `None` once the attendee has left.
    downstream: Option<mpsc::Sender<Bytes>>,
    until: Option<Instant>,
    unasked: Unasked,
    has_answered: bool,
    first_byte_at: Option<DateTime<Utc>>,
    /// What was handed on, for the case that nobody ever counts it.
    completion_bytes: u64,
    counted: Option<Counted>,
    answer: Option<AnswerId>,
    is_done: bool,
}

impl Pump {
    async fn run(mut self, mut upstream: UpstreamBody, mut reservation: Reservation) {
        let expected = reservation.hold.tokens();
        let broken = self.drive(&mut upstream, expected).await.err();
        // Nothing more is read: close the connection before the slow part.
        drop(upstream);
        let error = match broken {
            None if !self.has_answered => Some(ApiError::UpstreamUnreachable(None)),
            other => other,
        };
        if let Some(error) = &error {
            tracing::warn!(request_id = %reservation.id, error = ?error, "stream broke off");
            self.say(error_event(error)).await;
        }
        let outcome = error.as_ref().map_or("ok", ApiError::code);
        let ending = Ending::of(self.settlement(), outcome, 200, self.first_byte_at);
        reservation.notes.answer = self.answer.take();
        self.settler.settle(reservation, ending).await;
        // Dropping the sender ends the answer: only now, when its cost is written down.
    }

    /// Reads to the end of the stream and hands on what belongs to the attendee.
    async fn drive(&mut self, upstream: &mut UpstreamBody, expected: u64) -> Result<(), ApiError> {
        let mut scanner = Scanner::default();
        loop {
            match next_chunk(upstream, self.until).await {
                Next::Chunk(chunk) => {
                    scanner.push(&chunk);
                    while let Some(frame) = scanner.next_frame().map_err(too_long)? {
                        self.take(frame, expected).await?;
                    }
                }
                Next::End => {
                    if let Some(frame) = scanner.finish() {
                        self.take(frame, expected).await?;
                    }
                    return Ok(());
                }
                // After the end of the conversation a break is no loss.
                Next::Broken(_) if self.is_done => return Ok(()),
                Next::Broken(error) => return Err(error),
            }
        }
    }

    async fn take(&mut self, frame: Frame, expected: u64) -> Result<(), ApiError> {
        if frame.may_govern() {
            let data = frame.data();
            let read = serde_json::from_slice::<Chunk<'_>>(&data).unwrap_or_default();
            let has_choices = read.choices.is_some_and(|choices| !choices.is_empty());
            if read.error.is_some() && !has_choices {
                return Err(ApiError::UpstreamUnreachable(Some("an error in the stream".into())));
            }
            let answer = serde_json::from_slice::<Answer<'_>>(&data).ok();
            let counted = answer.as_ref().and_then(|answer| answer.counted(expected));
            if counted.is_some() {
                self.counted = counted;
                self.answer = answer.and_then(|answer| answer.id());
            }
            let is_unasked = (counted.is_some() && self.unasked.usage)
                || (read.prompt_filter_results.is_some() && self.unasked.prompt_filter);
            if is_unasked && !has_choices {
                return Ok(());
            }
        } else if self.is_end(&frame) {
            self.is_done = true;
        } else {
            self.completion_bytes += frame.0.len() as u64;
        }
        self.say(frame.0).await;
        Ok(())
    }

    fn is_end(&self, frame: &Frame) -> bool {
        frame.0.len() < 32 && frame.data() == b"[DONE]"
    }

    /// Hands bytes to the attendee, if there is one. A slow one is waited for until the function's
    /// time is nearly over.
    async fn say(&mut self, bytes: Bytes) {
        let Some(downstream) = &self.downstream else {
            return;
        };
        let sent = match self.until {
            Some(until) => tokio::time::timeout_at(until, downstream.send(bytes)).await.ok(),
            None => Some(downstream.send(bytes).await),
        };
        if !matches!(sent, Some(Ok(()))) {
            self.downstream = None;
        }
        self.has_answered = true;
        if self.first_byte_at.is_none() {
            self.first_byte_at = Some(self.settler.clock.now());
        }
    }

    fn settlement(&self) -> Settlement {
        match self.counted {
            Some(Counted { usage, is_credible: true }) => Settlement::Exact(usage),
            Some(Counted { usage, is_credible: false }) => Settlement::AtLeast(usage),
            None => Settlement::AtLeast(Usage {
                prompt_tokens: 0,
                // A frame of one token is some 300 bytes; this is far below that, on purpose: it
                // only matters where more came than was asked for.
                completion_tokens: self.completion_bytes / 1_000,
            }),
        }
    }
}

fn too_long(_: FrameTooLong) -> ApiError {
    ApiError::UpstreamUnreachable(Some("a frame of the stream is too long".into()))
}

/// An error in the middle of a stream: one event, then the end.
fn error_event(error: &ApiError) -> Bytes {
    let mut event = b"data: ".to_vec();
    event.extend_from_slice(&error.body());
    event.extend_from_slice(b"\n\n");
    event.into()
}

/// What of a chunk decides whether it is handed on.
#[derive(Default, Deserialize)]
struct Chunk<'a> {
    choices: Option<Vec<IgnoredAny>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    prompt_filter_results: Option<IgnoredAny>,
}

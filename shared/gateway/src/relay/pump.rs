//! The task that drives a stream from Azure to its end, whoever still listens.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http_body::{Body as HttpBody, Frame as BodyFrame};
use http_body_util::BodyExt;
use lanyard_domain::account::Hold;
use lanyard_domain::ids::AnswerId;
use lanyard_domain::operation::{Medium, Operation};
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;
use lanyard_protocol::count;
use lanyard_protocol::events::{self, Meaning};
use lanyard_protocol::sse::{Frame, FrameTooLong, Scanner};
use lanyard_protocol::upstream::{Answer, Counted, FIRST_WAIT};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Dialogue, Next, Unasked, next_chunk};
use crate::admit::Reservation;
use crate::error::ApiError;
use crate::ports::UpstreamBody;
use crate::settle::{Ending, OK, Settler};
use crate::{Body, Gateway};

/// Frames that may wait for a slow reader.
pub const WAITING_FRAMES: usize = 32;

/// The longest frame that carries a picture or a sound: ten megapixels as text are less.
const LONGEST_MEDIA_FRAME: usize = 32 * 1024 * 1024;

/// Starts the pump and returns the body that it feeds.
pub(super) fn start(
    gateway: &Gateway,
    upstream: UpstreamBody,
    until: Option<Instant>,
    dialogue: Dialogue,
    reservation: Reservation,
) -> Body {
    let (sender, receiver) = mpsc::channel(WAITING_FRAMES);
    let pump = Pump {
        operation: reservation.operation,
        settler: Arc::clone(&gateway.settler),
        downstream: Some(sender),
        until,
        dialogue,
        frames: 0,
        has_answered: false,
        first_byte_at: None,
        completion_bytes: 0,
        counted: None,
        answer: None,
        pictures: 0,
        is_done: false,
    };
    gateway.settler.behind(pump.run(upstream, reservation));
    Fed::body(receiver)
}

/// A body that ends when its pump does.
#[derive(Debug)]
pub struct Fed(mpsc::Receiver<Bytes>);

impl Fed {
    /// The body that receives what its pump sends.
    #[must_use]
    pub fn body(receiver: mpsc::Receiver<Bytes>) -> Body {
        Self(receiver).boxed_unsync()
    }
}

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
    operation: Operation,
    settler: Arc<Settler>,
    /// `None` once the attendee has left.
    downstream: Option<mpsc::Sender<Bytes>>,
    until: Option<Instant>,
    dialogue: Dialogue,
    /// Frames handed on.
    frames: u64,
    has_answered: bool,
    first_byte_at: Option<DateTime<Utc>>,
    /// What was handed on, for the case that nobody ever counts it.
    completion_bytes: u64,
    counted: Option<Counted>,
    answer: Option<AnswerId>,
    /// Pictures that came whole.
    pictures: u64,
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
            let event = match self.dialogue {
                Dialogue::Chunks(_) => error_event(error),
                Dialogue::Responses(_) => events::error_event(&error.body(), self.frames),
            };
            self.say(event).await;
        }
        let outcome = error.as_ref().map_or(OK, ApiError::code);
        reservation.notes.answer = self.answer.take();
        let ending = Ending::of(
            self.settlement(&reservation.hold, error.is_some()),
            outcome,
            200,
            self.first_byte_at,
        );
        self.settler.settle(reservation, ending).await;
        if let (Dialogue::Responses(Some(hook)), Some(counted)) = (&self.dialogue, self.counted) {
            hook.settled(counted.usage).await;
        }
        // Dropping the sender ends the answer: only now, when its cost is written down.
    }

    /// Reads to the end of the stream and hands on what belongs to the attendee.
    async fn drive(&mut self, upstream: &mut UpstreamBody, expected: u64) -> Result<(), ApiError> {
        let mut scanner = match self.operation.streams_usage_on_request() {
            true => Scanner::default(),
            false => Scanner::for_frames_of(LONGEST_MEDIA_FRAME),
        };
        loop {
            match next_chunk(upstream, self.until).await {
                Next::Chunk(chunk) => {
                    scanner.push(chunk);
                    while let Some(frame) = scanner.next_frame().map_err(too_long)? {
                        self.take(frame, expected).await?;
                    }
                }
                Next::End => {
                    if let Some(frame) = scanner.finish() {
                        self.take(frame, expected).await?;
                    }
                    return match self.dialogue {
                        // Its clients wait for the event that ends it.
                        Dialogue::Responses(_) if !self.is_done => {
                            Err(ApiError::UpstreamUnreachable(Some("the stream has no end".into())))
                        }
                        Dialogue::Responses(_) | Dialogue::Chunks(_) => Ok(()),
                    };
                }
                // After the end of the conversation a break is no loss.
                Next::Broken(_) if self.is_done => return Ok(()),
                Next::Broken(error) => return Err(error),
            }
        }
    }

    async fn take(&mut self, frame: Frame, expected: u64) -> Result<(), ApiError> {
        match self.dialogue {
            Dialogue::Chunks(unasked) => self.take_chunk(frame, expected, unasked).await,
            Dialogue::Responses(_) => self.take_event(frame, expected).await,
        }
    }

    async fn take_event(&mut self, frame: Frame, expected: u64) -> Result<(), ApiError> {
        let named = match events::read(&frame, expected) {
            Meaning::Nothing => {
                self.completion_bytes += frame.0.len() as u64;
                None
            }
            Meaning::Names(id) => Some(id),
            Meaning::Ends { id, counted } => {
                self.is_done = true;
                self.answer = id.as_deref().and_then(|id| id.parse().ok());
                self.counted = counted.or(self.counted);
                Some(id)
            }
            Meaning::Fails { is_busy: true } => {
                return Err(ApiError::UpstreamBusy { retry_after: FIRST_WAIT });
            }
            Meaning::Fails { is_busy: false } => {
                return Err(ApiError::UpstreamUnreachable(Some("an error in the stream".into())));
            }
        };
        if let (Some(id), Dialogue::Responses(Some(hook))) = (named, &mut self.dialogue) {
            hook.names(id.as_deref()).await?;
        }
        self.say(frame.0).await;
        Ok(())
    }

    async fn take_chunk(
        &mut self,
        frame: Frame,
        expected: u64,
        unasked: Unasked,
    ) -> Result<(), ApiError> {
        if frame.may_govern() {
            let data = frame.data();
            let read = serde_json::from_slice::<Chunk<'_>>(&data).unwrap_or_default();
            let has_choices = read.choices.is_some_and(|choices| !choices.is_empty());
            if read.error.is_some() && !has_choices {
                return Err(ApiError::UpstreamUnreachable(Some("an error in the stream".into())));
            }
            let answer = serde_json::from_slice::<Answer<'_>>(&data).ok();
            let counted = answer.as_ref().and_then(|answer| answer.counted(expected));
            if let Some(counted) = counted {
                self.count(counted);
                self.answer = answer.and_then(|answer| answer.id());
            }
            let is_unasked = (counted.is_some() && unasked.usage)
                || (read.prompt_filter_results.is_some() && unasked.prompt_filter);
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

    /// Notes what a frame says of the cost: the whole answer's, or one picture's.
    fn count(&mut self, counted: Counted) {
        match self.operation.medium() {
            Medium::Pictures => {
                self.pictures += 1;
                self.counted = Some(self.counted.map_or(counted, |before| before.plus(counted)));
            }
            Medium::Transcript | Medium::Sound => {
                self.is_done = true;
                self.counted = Some(counted);
            }
            Medium::Text | Medium::Vectors | Medium::Verdict => self.counted = Some(counted),
        }
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
        self.frames += 1;
        if self.first_byte_at.is_none() {
            self.first_byte_at = Some(self.settler.clock.now());
        }
    }

    fn settlement(&self, hold: &Hold, is_broken: bool) -> Settlement {
        match self.operation.medium() {
            Medium::Text | Medium::Vectors => {}
            Medium::Pictures => {
                let usage = self.counted.map_or_else(Usage::default, |counted| counted.usage);
                return match self.pictures {
                    made if made > 0 && !is_broken => count::pictures(self.counted, made),
                    _ => Settlement::AtLeast(usage),
                };
            }
            // The characters are known, so the tokens settle it.
            Medium::Sound => {
                return match self.counted {
                    Some(counted) => count::with_units(counted, hold.units),
                    None => Settlement::AtLeast(Usage::default()),
                };
            }
            // Tokens to the token, seconds as estimated.
            Medium::Transcript | Medium::Verdict => {
                let usage = self.counted.map_or_else(Usage::default, |counted| counted.usage);
                return Settlement::AtLeast(usage);
            }
        }
        match self.counted {
            Some(Counted { usage, is_credible: true }) => Settlement::Exact(usage),
            Some(Counted { usage, is_credible: false }) => Settlement::AtLeast(usage),
            // A frame of one token is some 300 bytes; this is far below that, on purpose: it only
            // matters where more came than was asked for.
            None => Settlement::AtLeast(Usage::of_tokens(0, self.completion_bytes / 1_000)),
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

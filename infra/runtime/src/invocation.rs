//! One call of a function, and what may come of it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use lanyard_gateway::hex;
use lanyard_platform::shell::random;
use tokio::sync::{mpsc, oneshot};

/// Lambda's limit for an event, and for a response that is not streamed.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const MOST_BYTES: usize = 6 * 1024 * 1024;

/// A call that waits for an environment or runs in one.
pub(super) struct Invocation {
    /// Lambda's id of it.
    pub(super) id: String,
    /// The header `X-Amzn-Trace-Id`.
    pub(super) trace: String,
    /// The event.
    pub(super) event: Bytes,
    /// The caller that waits for the response. One that has left is no error.
    pub(super) caller: oneshot::Sender<Outcome>,
}

/// The result of a call.
#[derive(Debug)]
pub enum Outcome {
    /// A buffered response.
    Buffered(Bytes),
    /// A response that begins with API Gateway's prelude and goes on as it is made.
    Streamed {
        /// Status and headers, as JSON.
        prelude: Bytes,
        /// The rest.
        body: StreamedBody,
    },
    /// No response.
    Failed(Failure),
}

/// Why there is no response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The function reported an error, with this JSON.
    Error(Bytes),
    /// The environment ended.
    Crashed,
    /// The function's time was over.
    TimedOut,
    /// The environment ended before it asked for its first invocation.
    Init,
    /// The response is larger than Lambda's limit.
    TooLarge,
    /// The response has no prelude, or one without end.
    Malformed,
    /// The emulator ends.
    Ended,
}

/// A part of a streamed response.
pub(super) enum Piece {
    Bytes(Bytes),
    End,
}

/// A streamed response, as the function makes it.
#[derive(Debug)]
pub struct StreamedBody {
    pieces: mpsc::Receiver<Piece>,
    has_ended: bool,
}

/// The function ended in the middle of its response.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the function ended in the middle of its response")]
pub struct BrokenOff;

impl StreamedBody {
    /// A body and what feeds it. As much waits for a slow client as fits the channel; after that
    /// the function waits.
    pub(super) fn channel() -> (mpsc::Sender<Piece>, Self) {
        let (sender, pieces) = mpsc::channel(16);
        (sender, Self { pieces, has_ended: false })
    }
}

impl Body for StreamedBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        self.pieces.poll_recv(context).map(|piece| match piece {
            Some(Piece::Bytes(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Piece::End) => {
                self.has_ended = true;
                None
            }
            None => {
                self.has_ended = true;
                Some(Err(BrokenOff))
            }
        })
    }
}

/// An id in the form of Lambda's.
pub(super) fn new_id() -> String {
    // Without randomness there are no request ids either, and nothing is served.
    let hex = hex(&random::<16>().unwrap_or_default());
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

/// A trace id in X-Ray's format, not sampled.
pub(super) fn new_trace(epoch_seconds: i64) -> String {
    let hex = hex(&random::<12>().unwrap_or_default());
    format!("Root=1-{epoch_seconds:08x}-{hex};Sampled=0")
}

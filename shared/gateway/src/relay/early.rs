//! A stream whose head the client gets before Azure's.
//!
//! A model may think for minutes before its response begins, and connections without a byte are
//! closed on the way. So after 30 s the client gets status 200 and comments. The request goes on as
//! a background task, and a refusal of Azure's is then an event.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use lanyard_domain::ids::RequestId;
use lanyard_protocol::stream::StreamFormat;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use super::pump::{Fed, KEEP_ALIVE_EVERY, WAITING_FRAMES};
use super::{EVENTS, respond};
use crate::Gateway;
use crate::error::ApiError;
use crate::request::{Body, Response};

/// How long nothing is sent before Azure's head, so that refusals keep their status.
const BEFORE_HEAD: Duration = Duration::from_secs(30);

/// The head of a stream that begins before Azure's.
pub(crate) struct Early {
    pub(crate) headers: HeaderMap,
    pub(crate) format: StreamFormat,
    /// Whether the client wants the usage.
    pub(crate) wants_usage: bool,
    /// The request, for errors.
    pub(crate) request_id: RequestId,
    /// When the stream must be complete.
    pub(crate) until: Instant,
}

/// Waits for a deployment's response. If that takes long, it starts the client's response before.
///
/// The future is borrowed, because one that is passed by value is stored twice.
pub(crate) async fn begin_early<T>(
    mut sending: Pin<&mut impl Future<Output = T>>,
    begin: impl FnOnce(),
) -> T {
    if let Ok(sent) = timeout(BEFORE_HEAD, sending.as_mut()).await {
        return sent;
    }
    begin();
    sending.await
}

impl Gateway {
    /// Begins the response, which the request goes on to feed.
    pub(crate) fn respond_early(
        &self,
        early: Early,
        serving: BoxFuture<'static, Result<Response, ApiError>>,
    ) -> Response {
        let Early { headers, format, wants_usage, request_id, until } = early;
        let (sender, receiver) = mpsc::channel(WAITING_FRAMES);
        let downstream = Downstream { sender, request_id, until };
        self.settler.in_background(serve_late(serving, (format, wants_usage), downstream));
        respond(headers, EVENTS, Fed(receiver).boxed_unsync())
    }
}

/// The client of a response that began early. It may have left, which stops nothing.
struct Downstream {
    sender: mpsc::Sender<Bytes>,
    request_id: RequestId,
    until: Instant,
}

impl Downstream {
    /// A sign of life, unless others wait to be read.
    fn keep_alive(&self, format: &StreamFormat) {
        let _ = self.sender.try_send(Bytes::from_static(format.keep_alive));
    }

    /// False if the client has left or reads too slowly.
    async fn pass_on(&self, bytes: Bytes) -> bool {
        matches!(timeout_at(self.until, self.sender.send(bytes)).await, Ok(Ok(())))
    }

    async fn pass_on_all(&self, mut body: Body) {
        while let Some(Ok(frame)) = body.frame().await {
            if let Ok(bytes) = frame.into_data()
                && !self.pass_on(bytes).await
            {
                // The body's own task reads Azure to the end.
                return;
            }
        }
    }
}

async fn serve_late(
    serving: BoxFuture<'static, Result<Response, ApiError>>,
    (format, wants_usage): (StreamFormat, bool),
    downstream: Downstream,
) {
    let mut serving = AssertUnwindSafe(serving).catch_unwind();
    let served = loop {
        downstream.keep_alive(&format);
        if let Ok(served) = timeout(KEEP_ALIVE_EVERY, &mut serving).await {
            break served.unwrap_or(Err(ApiError::Internal(None)));
        }
    };
    let error = match served {
        Ok(response) if response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == EVENTS) => {
            return downstream.pass_on_all(response.into_body()).await;
        }
        // A server that does not stream has sent all of it.
        Ok(response) => {
            let body = response.into_body().collect().await;
            let body = body.map(|body| body.to_bytes()).unwrap_or_default();
            if let Some(events) = (format.of_buffered)(&body, wants_usage) {
                downstream.pass_on(events).await;
                return;
            }
            ApiError::UpstreamBroken(Some("the response is not a stream".into()))
        }
        Err(error) => error,
    };
    tracing::warn!(error = ?error, "a stream that began early was refused");
    let body = error.body_as(format.errors, &downstream.request_id);
    downstream.pass_on((format.error)(&body, 0)).await;
}

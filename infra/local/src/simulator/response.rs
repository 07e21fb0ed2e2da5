//! Turns what was decided into an HTTP response with the headers that Azure sends.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;

use super::refusal::Refusal;
use super::stamp::Stamp;
use super::{REQUESTS_PER_MINUTE, TOKENS_PER_MINUTE};

/// A body that cannot fail.
pub(super) type HttpBody = UnsyncBoxBody<Bytes, Infallible>;

/// The frames of a stream, made one by one.
pub(super) type Frames = Box<dyn Iterator<Item = Bytes> + Send>;

/// What is answered, before it is HTTP.
pub(super) struct SimulatedResponse {
    /// The status.
    pub(super) status: StatusCode,
    /// Headers beside the usual ones.
    pub(super) headers: Vec<(&'static str, String)>,
    /// JSON, or a stream of frames.
    pub(super) body: Body,
}

/// What a response consists of.
pub(super) enum Body {
    /// A JSON document
    Buffered(Bytes),
    /// The bytes of a file
    Octets(Bytes),
    /// Server-sent events
    Frames(Frames),
    /// Another content type, piece by piece
    Typed(&'static str, Frames),
}

impl SimulatedResponse {
    /// A success, with the headers that tell about the deployment and its limits.
    pub(super) fn of(body: Body, deployment: &str, tokens: usize) -> Self {
        let text = |number: usize| number.to_string();
        let headers = vec![
            ("x-ms-deployment-name", deployment.to_owned()),
            ("x-ms-rai-invoked", "true".to_owned()),
            ("azureml-model-session", "d00000000000000-simulated".to_owned()),
            ("x-ratelimit-limit-requests", text(REQUESTS_PER_MINUTE)),
            ("x-ratelimit-limit-tokens", text(TOKENS_PER_MINUTE)),
            ("x-ratelimit-remaining-requests", text(REQUESTS_PER_MINUTE - 1)),
            ("x-ratelimit-remaining-tokens", text(TOKENS_PER_MINUTE.saturating_sub(tokens))),
        ];
        Self { status: StatusCode::OK, headers, body }
    }

    /// The response; a stream waits a tenth of `latency` between its frames.
    pub(super) fn into_response(mut self, stamp: &Stamp, latency: Duration) -> Response<HttpBody> {
        let (content_type, body) = match self.body {
            Body::Buffered(bytes) => ("application/json", Full::new(bytes).boxed_unsync()),
            Body::Octets(bytes) => ("application/octet-stream", Full::new(bytes).boxed_unsync()),
            Body::Frames(frames) => {
                ("text/event-stream; charset=utf-8", paced(frames, latency / 10))
            }
            Body::Typed(content_type, pieces) => (content_type, paced(pieces, latency / 10)),
        };
        self.headers.extend([
            ("content-type", content_type.to_owned()),
            ("apim-request-id", stamp.uuid("apim-request-id")),
            ("x-request-id", stamp.uuid("x-request-id")),
            ("x-ms-region", "Simulator".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
            ("x-lanyard-simulator", "true".to_owned()),
        ]);
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            // Only an id that the client sent could be no header value, and it came as one.
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

impl From<Refusal> for SimulatedResponse {
    fn from(refusal: Refusal) -> Self {
        let body = Bytes::from(refusal.body().to_string());
        Self { status: refusal.status(), headers: refusal.headers(), body: Body::Buffered(body) }
    }
}

fn paced(frames: Frames, pause: Duration) -> HttpBody {
    let frames = stream::unfold((frames, false), move |(mut frames, is_under_way)| async move {
        let bytes = frames.next()?;
        if is_under_way {
            wait(pause).await;
        }
        Some((Ok(Frame::data(bytes)), (frames, true)))
    });
    StreamBody::new(frames).boxed_unsync()
}

/// Waits, or only steps aside: hyper writes what it has before it asks again.
async fn wait(pause: Duration) {
    if pause.is_zero() {
        tokio::task::yield_now().await;
    } else {
        tokio::time::sleep(pause).await;
    }
}

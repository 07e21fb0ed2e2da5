//! Azure's responses about stored objects, on their way to the caller.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use lanyard_domain::catalog::Deployment;
use lanyard_domain::object::{Kind, Owned};
use lanyard_gateway::call::SHUTDOWN_MARGIN;
use lanyard_gateway::error::{ApiError, ModelRefusal};
use lanyard_gateway::ports::{Secret, UpstreamBody};
use lanyard_gateway::relay::{Next, next_chunk, read_whole};
use lanyard_gateway::request::{Body, Request, Response, full};
use lanyard_protocol::failed;
use lanyard_protocol::payload::JSON;
use lanyard_protocol::refusal::OurNames;
use serde::de::IgnoredAny;
use tokio::time::Instant;

use crate::Objects;
use crate::call::Call;

impl Objects {
    /// Azure's response to a deletion. The object is gone even if that response cannot be read.
    pub(crate) async fn deleted(
        &self,
        request: &Request,
        upstream: http::Response<UpstreamBody>,
        headers: HeaderMap,
        owned: &Owned,
        home: &Deployment,
    ) -> Result<Response, ApiError> {
        let bytes = json_body(request, home, upstream).await.unwrap_or_else(|_| {
            let object = format!("{}.deleted", owned.kind);
            let body = serde_json::json!({
                "id": owned.id.as_str(), "object": object, "deleted": true,
            });
            body.to_string().into()
        });
        Ok(respond(headers, JSON, full(bytes)))
    }

    /// A response that is passed on as it arrives. It ends early if Azure's breaks off.
    pub(crate) async fn pass(
        &self,
        call: &Call<'_>,
        upstream: http::Response<UpstreamBody>,
        headers: HeaderMap,
        content_type: HeaderValue,
    ) -> Result<Response, ApiError> {
        let until = call.until();
        let mut body = upstream.into_body();
        // API Gateway's streaming hangs on an empty body.
        let first = loop {
            match next_chunk(&mut body, until).await {
                Next::Chunk(chunk) if chunk.is_empty() => {}
                Next::Chunk(chunk) => break chunk,
                Next::End => return Err(ApiError::UpstreamUnreachable(None)),
                Next::Broken(error) => return Err(error),
            }
        };
        Ok(respond(headers, content_type, stream_of(first, body, until)))
    }
}

/// Whether a response is a stream of events.
pub(super) fn is_events(upstream: &http::Response<UpstreamBody>) -> bool {
    let kind = upstream.headers().get(CONTENT_TYPE);
    kind.is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
}

/// The content type of a download: from a closed list for a video and its images.
pub(super) fn bytes_type(kind: Kind, azure: &HeaderMap) -> HeaderValue {
    let given = azure.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    let known = ["video/mp4", "image/webp", "image/jpeg", "image/png"];
    let known = known.into_iter().find(|known| known.eq_ignore_ascii_case(essence));
    known.filter(|_| kind == Kind::Video).map_or(OCTETS, HeaderValue::from_static)
}

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");
pub(super) const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");

fn stream_of(first: Bytes, body: UpstreamBody, until: Option<Instant>) -> Body {
    let rest = stream::unfold(body, move |mut body| async move {
        match next_chunk(&mut body, until).await {
            Next::Chunk(chunk) => Some((chunk, body)),
            Next::End => None,
            Next::Broken(error) => {
                tracing::warn!(error = ?error, "a response broke off");
                None
            }
        }
    });
    let chunks = stream::once(async { first }).chain(rest);
    StreamBody::new(chunks.map(|chunk| Ok(Frame::data(chunk)))).boxed_unsync()
}

/// Reads a body that must be JSON, and no error. The deployment is the one that sent it.
pub(super) async fn json_body(
    request: &Request,
    home: &Deployment,
    upstream: http::Response<UpstreamBody>,
) -> Result<Bytes, ApiError> {
    let until = request.deadline.map(|deadline| deadline - SHUTDOWN_MARGIN);
    let (head, body) = upstream.into_parts();
    let bytes = read_whole(body, until).await?;
    let secret = head.extensions.get::<Secret>();
    if serde_json::from_slice::<IgnoredAny>(&bytes).is_err() {
        return Err(ApiError::UpstreamUnreachable(Some("the response is not JSON".into())));
    }
    match failed::failure_of(&bytes) {
        Some(failure) => {
            let refusal = ModelRefusal::in_response(&failure, &OurNames::of(home).with(secret));
            Err(ApiError::RefusedByModel(Box::new(refusal)))
        }
        None => Ok(without_secret(bytes, home, secret)),
    }
}

/// An object without the credential of the call in what it says of its own failure.
pub(super) fn without_secret(bytes: Bytes, home: &Deployment, secret: Option<&Secret>) -> Bytes {
    match secret.filter(|secret| secret.is_in(&bytes)) {
        Some(secret) => {
            let names = OurNames::of(home).with(Some(secret));
            names.hide_in_errors(&bytes).map_or(bytes, Bytes::from)
        }
        None => bytes,
    }
}

/// Azure's id of its response, as a header of ours.
pub(super) fn upstream_id(azure: &HeaderMap) -> HeaderMap {
    let mut out = HeaderMap::with_capacity(12);
    lanyard_gateway::relay::copy_upstream_id(azure, &mut out);
    out
}

pub(super) fn respond(headers: HeaderMap, content_type: HeaderValue, body: Body) -> Response {
    let mut response = http::Response::new(body);
    *response.headers_mut() = headers;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

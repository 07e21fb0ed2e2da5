//! The Runtime API, as far as a runtime uses it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::convert::Infallible;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use lanyard_gateway::ports::Clock;
use lanyard_platform::shell::Machine;
use tokio::sync::oneshot;

use super::Environment;
use crate::invocation::{Failure, Invocation, MOST_BYTES, Outcome, Piece, StreamedBody};

/// The separator between the prelude of a streamed response and its body.
const DELIMITER: [u8; 8] = [0; 8];

/// API Gateway gives up on a prelude without end after so many bytes.
const LONGEST_PRELUDE: usize = 16 * 1024;

type Said = Response<Full<Bytes>>;

/// Answers one request of an environment's process.
pub(super) async fn respond(
    environment: Arc<Environment>,
    request: Request<Incoming>,
) -> Result<Said, Infallible> {
    let path = request.uri().path().to_owned();
    let place = path.strip_prefix("/2018-06-01/runtime/").unwrap_or_default();
    let mut segments = place.split('/');
    let place = (segments.next(), segments.next(), segments.next(), segments.next());
    let is_post = request.method() == Method::POST;
    Ok(match place {
        (Some("invocation"), Some("next"), None, None) if request.method() == Method::GET => {
            next(&environment).await
        }
        (Some("invocation"), Some(id), Some("response"), None) if is_post => {
            match environment.caller_of(id) {
                Some(caller) if is_streamed(&request) => streamed(request, caller).await,
                Some(caller) => buffered(request, caller).await,
                None => invalid_request_id(),
            }
        }
        (Some("invocation"), Some(id), Some("error"), None) if is_post => {
            match environment.caller_of(id) {
                Some(caller) => failed(&environment, request, caller).await,
                None => invalid_request_id(),
            }
        }
        (Some("init"), Some("error"), None, None) if is_post => {
            let body = read(request).await.unwrap_or_default();
            let name = &environment.function.definition.template.name;
            tracing::error!("{name} cannot start: {}", String::from_utf8_lossy(&body));
            accepted()
        }
        _ => said(StatusCode::NOT_FOUND, r#"{"errorType":"NotFound"}"#),
    })
}

async fn next(environment: &Environment) -> Said {
    let Invocation { id, trace, event, caller } = environment.next().await;
    environment.runs(id.clone(), caller);
    let definition = &environment.function.definition;
    let left = i64::try_from(definition.template.timeout.as_millis()).unwrap_or(i64::MAX);
    let deadline_ms = Machine.now().timestamp_millis().saturating_add(left);
    let mut response = Response::new(Full::new(event));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("lambda-runtime-deadline-ms", deadline_ms.into());
    for (name, value) in [
        ("lambda-runtime-aws-request-id", &id),
        ("lambda-runtime-invoked-function-arn", &definition.arn),
        ("lambda-runtime-trace-id", &trace),
    ] {
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    }
    response
}

fn is_streamed(request: &Request<Incoming>) -> bool {
    let mode = request.headers().get("lambda-runtime-function-response-mode");
    mode.is_some_and(|mode| mode.as_bytes().eq_ignore_ascii_case(b"streaming"))
}

async fn buffered(request: Request<Incoming>, caller: oneshot::Sender<Outcome>) -> Said {
    let Some(body) = read(request).await else {
        let _ = caller.send(Outcome::Failed(Failure::TooLarge));
        return said(StatusCode::PAYLOAD_TOO_LARGE, r#"{"errorType":"RequestEntityTooLarge"}"#);
    };
    let _ = caller.send(Outcome::Buffered(body));
    accepted()
}

/// Passes a response on in pieces. It is read to its end, also when the caller has left.
async fn streamed(request: Request<Incoming>, caller: oneshot::Sender<Outcome>) -> Said {
    let mut body = request.into_body();
    let mut head = BytesMut::new();
    let end_of_prelude = loop {
        if let Some(end) = head.windows(DELIMITER.len()).position(|bytes| bytes == DELIMITER) {
            break Some(end);
        }
        if head.len() > LONGEST_PRELUDE {
            break None;
        }
        match body.frame().await {
            Some(Ok(frame)) => head.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Some(Err(_)) | None => break None,
        }
    };
    let Some(end) = end_of_prelude else {
        let _ = caller.send(Outcome::Failed(Failure::Malformed));
        while let Some(Ok(_)) = body.frame().await {}
        return accepted();
    };
    let prelude = head.split_to(end).freeze();
    let first = head.split_off(DELIMITER.len()).freeze();
    let (client, streamed) = StreamedBody::channel();
    let _ = caller.send(Outcome::Streamed { prelude, body: streamed });
    // A client that has left reads nothing more, but the response is still read to its end.
    if !first.is_empty() {
        let _ = client.send(Piece::Bytes(first)).await;
    }
    while let Some(frame) = body.frame().await {
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(bytes)) => {
                let _ = client.send(Piece::Bytes(bytes)).await;
            }
            // A trailer says that the function failed midway; a broken body, that it ended.
            Ok(Err(_)) | Err(_) => return accepted(),
        }
    }
    let _ = client.send(Piece::End).await;
    accepted()
}

async fn failed(
    environment: &Environment,
    request: Request<Incoming>,
    caller: oneshot::Sender<Outcome>,
) -> Said {
    let body = read(request).await.unwrap_or_default();
    let name = &environment.function.definition.template.name;
    tracing::error!("{name} failed: {}", String::from_utf8_lossy(&body));
    let _ = caller.send(Outcome::Failed(Failure::Error(body)));
    accepted()
}

/// The body, unless it is larger than Lambda's limit.
async fn read(request: Request<Incoming>) -> Option<Bytes> {
    let body = Limited::new(request.into_body(), MOST_BYTES).collect().await;
    body.ok().map(http_body_util::Collected::to_bytes)
}

fn accepted() -> Said {
    said(StatusCode::ACCEPTED, r#"{"status":"OK"}"#)
}

fn invalid_request_id() -> Said {
    let body = r#"{"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}"#;
    said(StatusCode::BAD_REQUEST, body)
}

fn said(status: StatusCode, body: &'static str) -> Said {
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    response
}

//! The parts that all responses of all functions share: an id, headers for browsers, a body.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use lanyard_domain::ids::RequestId;
use lanyard_protocol::error::ErrorShape;
use serde::Serialize;

use crate::error::ApiError;
use crate::request::{Request, Response, full};
use crate::{headers, metadata, parse, request};

/// The kind of client: browsers of any origin may call the attendees' API, not the organisers', and
/// nothing of another origin reads the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Attendees and their pages.
    Attendees,
    /// Organisers.
    Organisers,
    /// People who open a page in a browser.
    Visitors,
}

/// An error that a handler may return: attendees' and organisers' handlers each have a table.
pub trait ErrorResponse: std::error::Error + Sized {
    /// The status.
    fn status(&self) -> StatusCode;

    /// The code, as logs name the outcome.
    fn code(&self) -> &'static str;

    /// The response.
    fn into_response(self) -> Response;

    /// The response in the shape that a client expects. Organisers' clients know one shape.
    fn into_response_as(self, _: ErrorShape, _: &RequestId) -> Response {
        self.into_response()
    }

    /// The error for a panic.
    fn panicked() -> Self;
}

impl ErrorResponse for ApiError {
    fn status(&self) -> StatusCode {
        Self::status(self)
    }

    fn code(&self) -> &'static str {
        Self::code(self)
    }

    fn into_response(self) -> Response {
        Self::into_response(self)
    }

    fn into_response_as(self, shape: ErrorShape, request_id: &RequestId) -> Response {
        Self::into_response_as(self, shape, request_id)
    }

    fn panicked() -> Self {
        Self::Internal(None)
    }
}

/// Runs a handler and makes a response of its result, also if it panics.
pub async fn run_handler<F, E>(
    audience: Audience,
    mut request: Request,
    handle: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Result<Response, E>>,
    E: ErrorResponse,
{
    request::skip_mark(request.http.body_mut());
    let id = request.id.clone();
    let session = metadata::session(&request).ok();
    let shape = parse::error_shape(&request);
    let is_preflight = audience == Audience::Attendees && request.http.method() == Method::OPTIONS;
    let mut response = if is_preflight {
        preflight(request.http.headers())
    } else {
        match AssertUnwindSafe(async { handle(request).await }).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                log(&error, id.as_str());
                error.into_response_as(shape, &id)
            }
            Err(_) => {
                tracing::error!(request_id = %id, "a handler panicked");
                E::panicked().into_response_as(shape, &id)
            }
        }
    };
    let headers = response.headers_mut();
    if audience == Audience::Attendees {
        headers::allow_any_origin(headers);
        let session = session.filter(|_| !is_preflight);
        if let Some(Ok(value)) = session.map(|session| HeaderValue::try_from(session.as_str())) {
            headers.insert(headers::SESSION_ID, value);
        }
    }
    if let Ok(value) = HeaderValue::try_from(id.as_str()) {
        headers.insert(headers::REQUEST_ID, value);
    }
    response
}

/// A JSON response.
///
/// # Errors
///
/// 500 if the value cannot be written, which no type of ours does.
pub fn json(status: StatusCode, value: &impl Serialize) -> Result<Response, ApiError> {
    let bytes =
        serde_json::to_vec(value).map_err(|fault| ApiError::Internal(Some(fault.into())))?;
    let mut response = http::Response::new(full(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// Refuses a method that a route does not take.
///
/// # Errors
///
/// 405 with the methods that the path accepts.
pub fn expect_method(
    request: &Request,
    method: &Method,
    allow: &'static str,
) -> Result<(), ApiError> {
    if request.http.method() == method { Ok(()) } else { Err(ApiError::MethodNotAllowed { allow }) }
}

/// The response to a browser's preflight. Its body is one line: an empty one hangs where responses
/// are streamed.
fn preflight(request: &HeaderMap) -> Response {
    let mut response = http::Response::new(full("\n"));
    headers::allow_preflight(request, response.headers_mut());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

/// The cause, once, for the operator.
fn log(error: &impl ErrorResponse, request_id: &str) {
    let mut cause = String::new();
    let mut source = error.source();
    while let Some(fault) = source {
        cause.push_str(if cause.is_empty() { "" } else { ": " });
        cause.push_str(&fault.to_string());
        source = fault.source();
    }
    let status = error.status().as_u16();
    let code = error.code();
    if error.status().is_server_error() {
        tracing::error!(request_id, status, code, cause, "request failed");
    } else {
        tracing::info!(request_id, status, code, "request refused");
    }
}

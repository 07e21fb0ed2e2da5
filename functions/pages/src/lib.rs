//! `GET /api/pages/…`: the attendee's page, the organiser's dashboard and the handout; the API's
//! description at `/api/openapi.json` and `/api/docs`; the configuration of tools at
//! `/api/setup/{tool}`; and `GET /api/healthz`, which also answers at `/api` and `/api/anthropic`.
//!
//! The function serves files that are compiled into it and reads no events. The scripts of the
//! pages use the public API.

mod assets;
#[cfg(feature = "schema")]
pub mod schema;
mod setup;

use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use lanyard_gateway::handler::json;
use lanyard_gateway::parse::path_within_api;
use lanyard_gateway::request::full;
use lanyard_gateway::{ApiError, Request, Response};
use serde::Serialize;

use assets::File;
pub use assets::{all, version};
use setup::Setup;

const METHODS: &str = "GET, HEAD";

/// Only our own files, and no inline scripts or styles. Images may come from elsewhere, because an
/// event has an image URL. `require-trusted-types-for` forbids turning text into markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data: https:; connect-src 'self'; form-action 'self'; \
     frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'";

/// Serves a page or one of its files.
///
/// # Errors
///
/// 404 for any other path, 405 for another method.
pub async fn handle(request: Request) -> Result<Response, ApiError> {
    let method = request.http.method();
    let is_get = method == Method::GET || method == Method::HEAD;
    let path = path_within_api(request.http.uri().path());
    let found = match path {
        // Clients look whether the address that they were given answers at all.
        "healthz" | "" | "api" | "anthropic" => Found::Health,
        path => match path.strip_prefix("setup") {
            Some(below) if below.is_empty() || below.starts_with('/') => Found::Setup(below),
            _ => Found::File(assets::at(path).ok_or(ApiError::UnknownRoute)?),
        },
    };
    if !is_get {
        return Err(ApiError::MethodNotAllowed { allow: METHODS });
    }
    let mut response = match found {
        Found::Health => health()?,
        Found::Setup(below) => setup_file(setup::setup(below, &request)?),
        Found::File(file) => serve(&file, request.http.headers()),
    };
    set_security_headers(response.headers_mut());
    if method == Method::HEAD {
        *response.body_mut() = full("");
    }
    Ok(response)
}

/// What a path means.
enum Found<'a> {
    Health,
    /// The path below `setup`.
    Setup(&'a str),
    File(File),
}

/// A text that depends on the address of the request. Browsers show it, and save it under its name.
fn setup_file(Setup { text, file_name }: Setup) -> Response {
    let mut response = http::Response::new(full(text));
    let disposition = file_name.map(|name| format!("inline; filename=\"{name}\""));
    if let Some(Ok(disposition)) = disposition.map(HeaderValue::try_from) {
        response.headers_mut().insert(CONTENT_DISPOSITION, disposition);
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn serve(file: &File, request: &HeaderMap) -> Response {
    let is_gzip = assets::takes_gzip(request);
    let etag = file.etag(is_gzip);
    let is_cached = request
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|known| known.trim().trim_start_matches("W/") == etag);
    let mut response = match is_cached {
        true => {
            let mut response = http::Response::new(full(""));
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        }
        false => {
            let body = file.body(is_gzip);
            let length = HeaderValue::from(body.len());
            let mut response = http::Response::new(full(body));
            response.headers_mut().insert(CONTENT_LENGTH, length);
            if is_gzip {
                let gzip = HeaderValue::from_static("gzip");
                response.headers_mut().insert(CONTENT_ENCODING, gzip);
            }
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.content_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(file.cache_control()));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::try_from(etag) {
        headers.insert(ETAG, etag);
    }
    response
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Health {
    status: &'static str,
    version: &'static str,
}

/// Says only that requests reach a function. The doctor checks the models.
fn health() -> Result<Response, ApiError> {
    let health = Health { status: "ok", version: env!("CARGO_PKG_VERSION") };
    let mut response = json(StatusCode::OK, &health)?;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn set_security_headers(headers: &mut HeaderMap) {
    let mut set = |name: HeaderName, value| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(CONTENT_SECURITY_POLICY, POLICY);
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(X_FRAME_OPTIONS, "DENY");
    set(REFERRER_POLICY, "no-referrer");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    );
}

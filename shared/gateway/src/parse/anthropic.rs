//! The paths of Anthropic's API, and the requests whose clients expect its errors.

use lanyard_protocol::Protocol;
use lanyard_protocol::error::ErrorShape;

use super::{PathStyle, Route, STAGE, path_within_api};
use crate::error::ApiError;
use crate::headers;
use crate::request::Request;

/// The bases of Anthropic's API, below the stage. SDKs append `/v1` to an address that may end in it,
/// and some tools expect it there.
const BASES: [&str; 5] = ["v1/", "anthropic/v1/", "v1/v1/", "anthropic/", ""];

/// The shape in which the client of a request expects errors.
#[must_use]
pub fn error_shape(request: &Request) -> ErrorShape {
    let path = path_within_api(request.http.uri().path());
    let is_anthropics = |path: &str| {
        let rest = path.strip_prefix("messages");
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let below = || BASES.iter().filter_map(|base| path.strip_prefix(base));
    if path.starts_with("anthropic/") || path == "anthropic" || below().any(is_anthropics) {
        return ErrorShape::Anthropic;
    }
    // Both APIs have it at the same path.
    let is_models = || below().any(|path| path == "models" || path.starts_with("models/"));
    match request.http.headers().contains_key(headers::ANTHROPIC_VERSION) && is_models() {
        true => ErrorShape::Anthropic,
        false => ErrorShape::OpenAi,
    }
}

/// Reads a path that ends in an operation of this API.
pub(super) fn route<'a>(path: &str, protocol: &Protocol) -> Result<Route<'a>, ApiError> {
    let base = path_within_api(path).strip_suffix(protocol.path);
    let is_known = |base: &&str| BASES.contains(base);
    base.filter(is_known)
        .filter(|base| !base.is_empty() || path.starts_with(STAGE))
        .ok_or(ApiError::UnknownRoute)?;
    Ok(Route { style: PathStyle::OpenAi, deployment: None })
}

#[cfg(test)]
mod tests {
    use lanyard_domain::operation::Operation;

    use super::*;

    #[test]
    fn messages_are_found_below_both_apis_and_their_clients_know_other_errors() {
        let shape = |path: &str, version: bool| {
            let mut http = http::Request::post(path);
            if version {
                http = http.header("anthropic-version", "2023-06-01");
            }
            let id = format!("req_{:032x}", 1).parse().unwrap();
            let now = "2026-12-05T09:00:00Z".parse().unwrap();
            let http = http.body(bytes::Bytes::new()).unwrap();
            error_shape(&Request { id, now, deadline: None, http })
        };
        let messages = Protocol::of(Operation::Messages);
        let count = &messages.counting.unwrap().protocol;
        for base in ["v1/", "anthropic/v1/", "v1/v1/", "anthropic/", ""] {
            for (path, protocol) in [("messages", messages), ("messages/count_tokens", count)] {
                let path = format!("/api/{base}{path}");
                assert!(crate::parse::route(&path, protocol).is_ok(), "{path}");
                assert!(crate::parse::route(&format!("{path}/"), protocol).is_ok(), "{path}");
                assert_eq!(shape(&path, false), ErrorShape::Anthropic, "{path}");
            }
        }
        for path in
            ["/api/openai/v1/messages", "/messages", "/api/v1/messages/x", "/api/v1//messages"]
        {
            assert!(crate::parse::route(path, messages).is_err(), "{path}");
        }
        for (path, version, expected) in [
            ("/api/v1/models", true, ErrorShape::Anthropic),
            ("/api/v1/models/x", true, ErrorShape::Anthropic),
            ("/api/v1/models", false, ErrorShape::OpenAi),
            ("/api/anthropic/v1/models", false, ErrorShape::Anthropic),
            ("/api/v1/threads/thread_1/messages", true, ErrorShape::OpenAi),
            ("/api/v1/chat/completions", true, ErrorShape::OpenAi),
            ("/api/v1/messages_x", true, ErrorShape::OpenAi),
        ] {
            assert_eq!(shape(path, version), expected, "{path}");
        }
    }
}

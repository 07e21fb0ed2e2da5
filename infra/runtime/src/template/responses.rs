//! The responses of API Gateway itself: the template's, or the defaults.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_yaml_ng::Value;

/// Why API Gateway responds instead of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatewayFault {
    /// No route has this path.
    UnknownPath,
    /// The request is larger than the limit of API Gateway or Lambda.
    TooLarge,
    /// The integration's time is over.
    TimedOut,
    /// The function failed, or its output is not a response.
    Failed,
}

impl GatewayFault {
    /// API Gateway's name for it, the name to try next, its status and its message.
    /// <https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html>
    fn words(self) -> (&'static str, &'static str, StatusCode, &'static str) {
        match self {
            Self::UnknownPath => (
                "MISSING_AUTHENTICATION_TOKEN",
                "DEFAULT_4XX",
                StatusCode::FORBIDDEN,
                "Missing Authentication Token",
            ),
            Self::TooLarge => (
                "REQUEST_TOO_LARGE",
                "DEFAULT_4XX",
                StatusCode::PAYLOAD_TOO_LARGE,
                "Request Too Long",
            ),
            Self::TimedOut => (
                "INTEGRATION_TIMEOUT",
                "DEFAULT_5XX",
                StatusCode::GATEWAY_TIMEOUT,
                "Endpoint request timed out",
            ),
            // Lambda's failures have no type of their own.
            Self::Failed => {
                ("DEFAULT_5XX", "DEFAULT_5XX", StatusCode::BAD_GATEWAY, "Internal server error")
            }
        }
    }
}

/// The template's `GatewayResponses`.
#[derive(Clone, Debug, Default)]
pub struct GatewayResponses(BTreeMap<String, Words>);

#[derive(Clone, Debug)]
struct Words {
    status: Option<StatusCode>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<Bytes>,
}

impl GatewayResponses {
    pub(super) fn read(responses: &Value) -> Self {
        let responses = responses.as_mapping().into_iter().flatten();
        let read = |(name, words): (&Value, &Value)| {
            let headers = words["ResponseParameters"]["Headers"].as_mapping();
            let header = |(name, value): (&Value, &Value)| {
                // A fixed value is in quotes.
                let value = value.as_str()?.trim_matches('\'');
                Some((name.as_str()?.parse().ok()?, value.parse().ok()?))
            };
            let status = words["StatusCode"].as_u64().and_then(|code| u16::try_from(code).ok());
            let body = words["ResponseTemplates"]["application/json"].as_str();
            let words = Words {
                status: status.and_then(|code| StatusCode::from_u16(code).ok()),
                headers: headers.into_iter().flatten().filter_map(header).collect(),
                body: body.map(|body| Bytes::copy_from_slice(body.as_bytes())),
            };
            Some((name.as_str()?.to_owned(), words))
        };
        Self(responses.filter_map(read).collect())
    }

    /// The response to a fault.
    #[must_use]
    pub fn respond(&self, fault: GatewayFault) -> Response<Bytes> {
        let (name, fallback, status, message) = fault.words();
        let words = self.0.get(name).or_else(|| self.0.get(fallback));
        let body = words.and_then(|words| words.body.clone());
        let body = body.unwrap_or_else(|| format!(r#"{{"message":"{message}"}}"#).into());
        let mut response = Response::new(body);
        *response.status_mut() = words.and_then(|words| words.status).unwrap_or(status);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in words.map(|words| words.headers.as_slice()).unwrap_or_default() {
            headers.insert(name.clone(), value.clone());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;

    #[test]
    fn every_fault_has_the_schema_of_all_errors() {
        let responses = Template::read().unwrap().responses;
        for fault in [
            GatewayFault::UnknownPath,
            GatewayFault::TooLarge,
            GatewayFault::TimedOut,
            GatewayFault::Failed,
        ] {
            let response = responses.respond(fault);
            let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
            assert!(body["error"]["code"].is_string(), "{fault:?}: {body}");
            assert_eq!(response.headers()["access-control-allow-origin"], "*");
        }
    }

    #[test]
    fn without_the_templates_responses_api_gateway_uses_its_defaults() {
        let response = GatewayResponses::default().respond(GatewayFault::Failed);
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
        assert_eq!(response.body().as_ref(), br#"{"message":"Internal server error"}"#);
    }
}

//! Errors in the shape that Anthropic's clients read.

use http::StatusCode;
use lanyard_domain::ids::RequestId;
use lanyard_protocol::error::ErrorShape;
use serde::Serialize;

use super::ApiError;
use super::table::overloaded;

impl ApiError {
    /// The body in the shape that a client expects.
    #[must_use]
    pub fn body_as(&self, shape: ErrorShape, request_id: &RequestId) -> Vec<u8> {
        match shape {
            ErrorShape::OpenAi => self.body(),
            ErrorShape::Anthropic => {
                let error =
                    AnthropicDetail { kind: self.anthropic_type(), message: self.to_string() };
                let request_id = request_id.as_str();
                let envelope = AnthropicEnvelope { kind: "error", error, request_id };
                serde_json::to_vec(&envelope).unwrap_or_default()
            }
        }
    }

    /// The type by which Anthropic's clients know an error: that of the status, or Azure's own where
    /// it says more. OpenAI's servers call most refusals `invalid_request_error`, whatever the status.
    /// <https://docs.claude.com/en/api/errors>
    fn anthropic_type(&self) -> &'static str {
        const SPECIFIC: [&str; 8] = [
            "authentication_error",
            "billing_error",
            "permission_error",
            "not_found_error",
            "request_too_large",
            "rate_limit_error",
            "timeout_error",
            OVERLOADED,
        ];
        let by_status = match self.status() {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::PAYMENT_REQUIRED => "billing_error",
            StatusCode::FORBIDDEN => "permission_error",
            StatusCode::NOT_FOUND => "not_found_error",
            StatusCode::PAYLOAD_TOO_LARGE => "request_too_large",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            StatusCode::GATEWAY_TIMEOUT => "timeout_error",
            status if status == overloaded() => OVERLOADED,
            status if status.is_client_error() => "invalid_request_error",
            _ => "api_error",
        };
        let Self::RefusedByModel(refusal) = self else { return by_status };
        let own = SPECIFIC.into_iter().find(|kind| refusal.kind.as_deref() == Some(*kind));
        // In a stream an overloaded model has no status of its own.
        own.filter(|own| !SPECIFIC.contains(&by_status) || *own == OVERLOADED).unwrap_or(by_status)
    }
}

const OVERLOADED: &str = "overloaded_error";

/// Anthropic's error.
#[derive(Serialize)]
struct AnthropicEnvelope<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: AnthropicDetail,
    request_id: &'a str,
}

#[derive(Serialize)]
struct AnthropicDetail {
    #[serde(rename = "type")]
    kind: &'static str,
    message: String,
}

#[cfg(test)]
mod tests {
    use lanyard_protocol::added::RefusedFields;
    use lanyard_protocol::refusal::ModelRefusal;

    use super::*;

    #[test]
    fn a_refusal_in_openais_shape_has_the_type_of_its_status() {
        let kind = |status: u16, kind: &str| {
            let refusal = ModelRefusal {
                status: StatusCode::from_u16(status).unwrap(),
                message: "x".to_owned(),
                kind: Some(kind.to_owned()),
                param: None,
                code: None,
                content_filter_result: None,
                fields: RefusedFields::default(),
            };
            ApiError::RefusedByModel(Box::new(refusal)).anthropic_type()
        };
        for (status, expected) in [
            (400, "invalid_request_error"),
            (401, "authentication_error"),
            (402, "billing_error"),
            (403, "permission_error"),
            (404, "not_found_error"),
            (413, "request_too_large"),
            (415, "invalid_request_error"),
            (422, "invalid_request_error"),
            (429, "rate_limit_error"),
            (500, "api_error"),
            (502, "api_error"),
            (503, "api_error"),
            (504, "timeout_error"),
            (529, "overloaded_error"),
        ] {
            for said in ["invalid_request_error", "server_error", "insufficient_quota", ""] {
                assert_eq!(kind(status, said), expected, "{status} {said}");
            }
            assert_eq!(kind(status, expected), expected);
        }
        // Azure's own says more than the status.
        assert_eq!(kind(400, "billing_error"), "billing_error");
        assert_eq!(kind(429, "overloaded_error"), "overloaded_error");
        assert_eq!(kind(404, "permission_error"), "not_found_error");
    }
}

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

    /// The type by which Anthropic's clients know an error: Azure's own, if it is one of them, or
    /// that of the status. <https://docs.claude.com/en/api/errors>
    fn anthropic_type(&self) -> &'static str {
        const TYPES: [&str; 10] = [
            "invalid_request_error",
            "authentication_error",
            "billing_error",
            "permission_error",
            "not_found_error",
            "request_too_large",
            "rate_limit_error",
            "api_error",
            "timeout_error",
            "overloaded_error",
        ];
        if let Self::RefusedByModel(refusal) = self
            && let Some(kind) =
                TYPES.into_iter().find(|kind| refusal.kind.as_deref() == Some(*kind))
        {
            return kind;
        }
        match self.status() {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::PAYMENT_REQUIRED => "billing_error",
            StatusCode::FORBIDDEN => "permission_error",
            StatusCode::NOT_FOUND => "not_found_error",
            StatusCode::PAYLOAD_TOO_LARGE => "request_too_large",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            StatusCode::GATEWAY_TIMEOUT => "timeout_error",
            status if status == overloaded() => "overloaded_error",
            status if status.is_client_error() => "invalid_request_error",
            _ => "api_error",
        }
    }
}

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

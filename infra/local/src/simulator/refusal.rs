//! What Azure says when it does not respond: statuses, codes and bodies.
//!
//! Codes, types, keys and the words by which clients know a fault are Azure's. Each sentence says
//! that it is simulated.

use http::StatusCode;
use serde_json::{Value, json};

use super::catalog::{self, NotServed, Operation};

/// Why the simulator refuses a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No key came, or the one that the simulator does not accept.
    Key,
    /// The path, the method or a missing `api-version` fits no operation.
    Path,
    /// Nothing that is kept has the id.
    Missing,
    /// The input names an item that was never stored.
    Item(String),
    /// The catalog has no deployment of that name.
    Deployment,
    /// The deployment exists, but cannot do this.
    Operation {
        /// What was asked for.
        operation: Operation,
        /// The deployment that cannot do it.
        model: &'static str,
    },
    /// The body is longer than the simulator reads.
    TooLarge,
    /// A field, or the whole body, is not what the API wants.
    Invalid {
        /// What is wrong.
        message: String,
        /// The field, as Azure names it.
        param: Option<String>,
        /// The kind of mistake, as Azure names it.
        code: Option<&'static str>,
    },
    /// Fields that a model of another maker does not take.
    Extra(Vec<&'static str>),
    /// The prompt asked for a content filter's refusal.
    ContentFilter,
    /// The prompt asked for a rate limit.
    RateLimit(Operation),
}

impl From<NotServed> for Refusal {
    fn from(not_served: NotServed) -> Self {
        match not_served {
            NotServed::Unknown => Self::Deployment,
            NotServed::Other { operation, model } => Self::Operation { operation, model },
        }
    }
}

impl Refusal {
    /// A mistake without a field or a code.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), param: None, code: None }
    }

    /// A mistake in one field.
    pub(super) fn field(
        param: impl Into<String>,
        code: Option<&'static str>,
        message: impl Into<String>,
    ) -> Self {
        Self::Invalid { message: message.into(), param: Some(param.into()), code }
    }

    /// A field that must be there is not.
    pub(super) fn missing(param: &str) -> Self {
        let message = format!("The parameter '{param}' is required and was not given.");
        Self::field(param, Some("missing_required_parameter"), message)
    }

    /// A field has the wrong JSON type.
    pub(super) fn wrong_type(param: &str, expected: &str, given: &Value) -> Self {
        let given = match given {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number of another kind",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        let message = format!("'{param}' must be {expected}, and here is {given}.");
        Self::field(param, Some("invalid_type"), message)
    }

    /// A field's text is none of the supported values.
    pub(super) fn unsupported(param: &str, supported: &str) -> Self {
        let message = format!("'{param}' has a value that is not one of: {supported}.");
        Self::field(param, Some("invalid_value"), message)
    }

    /// The HTTP status.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Key => StatusCode::UNAUTHORIZED,
            Self::Path | Self::Missing | Self::Item(_) | Self::Deployment => StatusCode::NOT_FOUND,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Extra(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Operation { .. } | Self::Invalid { .. } | Self::ContentFilter => {
                StatusCode::BAD_REQUEST
            }
            Self::RateLimit(_) => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// Headers beside the ones that every response has.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::RateLimit(_) => vec![
                ("retry-after", "1".to_owned()),
                ("retry-after-ms", "1000".to_owned()),
                ("x-ratelimit-reset-requests", "1".to_owned()),
                ("policy-id", "DeploymentRatelimit-Call".to_owned()),
            ],
            Self::Key
            | Self::Path
            | Self::Missing
            | Self::Item(_)
            | Self::Deployment
            | Self::Operation { .. }
            | Self::TooLarge
            | Self::Extra(_)
            | Self::Invalid { .. }
            | Self::ContentFilter => Vec::new(),
        }
    }

    /// The body, in the shape that Azure gives this kind of refusal.
    pub(super) fn body(&self) -> Value {
        match self {
            Self::Key => short("401", "The key is missing or is not this resource's."),
            Self::Path => short("404", "There is no such operation here."),
            Self::Missing => json!({"error": {
                "message": simulated("Nothing that is kept here has this id."),
                "type": "invalid_request_error",
                "param": "id",
                "code": null,
            }}),
            Self::Item(id) => {
                let message = format!(
                    "Item with id '{id}' not found. Items are not persisted when `store` is set to \
                     false. Try again with `store` set to true, or remove this item from your input."
                );
                json!({"error": {"message": simulated(&message),
                    "type": "invalid_request_error", "param": "input", "code": null}})
            }
            Self::TooLarge => short("413", "The body is longer than 16 MiB."),
            Self::Deployment => {
                let known = catalog::names().collect::<Vec<_>>().join(", ");
                let message = format!("No deployment has this name. The simulator has: {known}.");
                json!({"error": {
                    "type": "invalid_request_error",
                    "code": "DeploymentNotFound",
                    "message": simulated(&message),
                }})
            }
            Self::Operation { operation, model } => {
                let wanted = operation.azure_name();
                let message = format!("The model {model} does not serve {wanted}.");
                short("OperationNotSupported", &message)
            }
            Self::Invalid { message, param, code } => json!({"error": {
                "message": simulated(message),
                "type": "invalid_request_error",
                "param": param,
                "code": code,
            }}),
            Self::Extra(fields) => {
                let detail = fields.iter().map(|field| {
                    json!({"type": "extra_forbidden", "loc": ["body", field],
                        "msg": simulated("Extra inputs are not permitted")})
                });
                json!({"detail": detail.collect::<Vec<_>>()})
            }
            Self::ContentFilter => content_filter(),
            Self::RateLimit(operation) => {
                let wanted = operation.azure_name();
                let message = format!("Too many calls of {wanted}. Please retry after 1 second.");
                short("429", &message)
            }
        }
    }
}

fn simulated(message: &str) -> String {
    format!("[simulated] {message}")
}

/// The two keys that Azure's front door sends; the model's own errors have four.
fn short(code: &str, message: &str) -> Value {
    json!({"error": {"code": code, "message": simulated(message)}})
}

fn content_filter() -> Value {
    json!({"error": {
        "message": simulated("The prompt asked for the content filter, so nothing was answered."),
        "type": null,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {
                "hate": {"filtered": false, "severity": "safe"},
                "jailbreak": {"filtered": false, "detected": false},
                "self_harm": {"filtered": false, "severity": "safe"},
                "sexual": {"filtered": false, "severity": "safe"},
                "violence": {"filtered": true, "severity": "medium"},
            },
        },
    }})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_says_that_it_is_simulated() {
        let refusals = [
            Refusal::Key,
            Refusal::Path,
            Refusal::Missing,
            Refusal::Deployment,
            Refusal::Operation { operation: Operation::Embeddings, model: "gpt-4o" },
            Refusal::TooLarge,
            Refusal::missing("messages"),
            Refusal::ContentFilter,
            Refusal::RateLimit(Operation::Chat),
        ];
        for refusal in refusals {
            let body = refusal.body();
            let message = body["error"]["message"].as_str().unwrap();
            assert!(message.starts_with("[simulated] "), "{refusal:?}");
            assert!(refusal.status().is_client_error(), "{refusal:?}");
        }
    }

    #[test]
    fn a_bad_field_is_named_with_all_four_keys() {
        let body = Refusal::wrong_type("n", "an integer", &json!("two")).body();
        assert_eq!(body["error"]["param"], "n");
        assert_eq!(body["error"]["code"], "invalid_type");
        assert_eq!(body["error"]["type"], "invalid_request_error");
    }

    #[test]
    fn the_content_filter_names_its_category() {
        let error = &Refusal::ContentFilter.body()["error"];
        assert_eq!(error["code"], "content_filter");
        let result = &error["innererror"]["content_filter_result"];
        assert_eq!(result["violence"]["filtered"], true);
    }

    #[test]
    fn a_rate_limit_says_when_to_come_back() {
        let headers = Refusal::RateLimit(Operation::Chat).headers();
        assert!(headers.contains(&("retry-after", "1".to_owned())));
        assert!(headers.contains(&("retry-after-ms", "1000".to_owned())));
    }
}

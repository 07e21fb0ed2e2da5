//! The error table: status, code, type and retry headers of every refusal, and the response made of
//! them.

use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use lanyard_domain::ids::RequestId;
use lanyard_protocol::error::ErrorShape;
use lanyard_protocol::wait::USUAL_WAIT;
use serde::Serialize;
use serde_json::value::RawValue;

use super::ApiError;
use crate::headers;
use crate::request::{Response, full};

/// Whether repeating a request helps, and when.
enum Retry {
    /// The client knows from the status.
    AsUsual,
    /// It does not help.
    Never,
    /// After this time.
    After(Duration),
}

/// One row of the error table.
struct Row {
    status: StatusCode,
    code: &'static str,
    kind: &'static str,
    retry: Retry,
}

impl ApiError {
    /// The error table. A new variant must find its place here.
    fn row(&self) -> Row {
        let row = |status, code, kind, retry| Row { status, code, kind, retry };
        const REQUEST: &str = "invalid_request_error";
        const PERMISSION: &str = "permission_error";
        match self {
            Self::InvalidEventCode => row(
                StatusCode::UNAUTHORIZED,
                "invalid_event_code",
                "authentication_error",
                Retry::Never,
            ),
            Self::EventNotStarted { .. } => {
                row(StatusCode::FORBIDDEN, "event_not_started", PERMISSION, Retry::Never)
            }
            Self::EventEnded { .. } => {
                row(StatusCode::FORBIDDEN, "event_ended", PERMISSION, Retry::Never)
            }
            Self::EventPaused { .. } => {
                row(StatusCode::FORBIDDEN, "event_paused", PERMISSION, Retry::Never)
            }
            Self::AttendeeBlocked { .. } => {
                row(StatusCode::FORBIDDEN, "attendee_blocked", PERMISSION, Retry::Never)
            }
            Self::EventFull { .. } => {
                row(StatusCode::FORBIDDEN, "event_full", PERMISSION, Retry::Never)
            }
            Self::NotOnRoster { .. } => {
                row(StatusCode::FORBIDDEN, "not_on_roster", PERMISSION, Retry::Never)
            }
            Self::RegistrationRequired { .. } => {
                row(StatusCode::FORBIDDEN, "registration_required", PERMISSION, Retry::Never)
            }
            Self::AlreadyRegistered { .. } => {
                row(StatusCode::FORBIDDEN, "already_registered", PERMISSION, Retry::Never)
            }
            Self::NameInUse { .. } => {
                row(StatusCode::FORBIDDEN, "already_registered", PERMISSION, Retry::Never)
            }
            Self::NotOffered { .. } | Self::OperationNotOffered { .. } => {
                row(StatusCode::FORBIDDEN, "not_offered", PERMISSION, Retry::Never)
            }
            Self::PriceUnknown { .. } => {
                row(StatusCode::FORBIDDEN, "price_unknown", PERMISSION, Retry::Never)
            }
            Self::NoDeployment { .. } => {
                row(StatusCode::FORBIDDEN, "no_deployment", PERMISSION, Retry::Never)
            }
            Self::OwnDeploymentRefused(_) => {
                row(StatusCode::FORBIDDEN, "own_deployment_refused", PERMISSION, Retry::Never)
            }
            Self::NotFound(missing) => {
                row(StatusCode::NOT_FOUND, missing.code(), REQUEST, Retry::AsUsual)
            }
            Self::Unprocessable { .. } => {
                row(StatusCode::UNPROCESSABLE_ENTITY, "invalid_value", REQUEST, Retry::AsUsual)
            }
            Self::ModelNotFound { .. } => {
                row(StatusCode::NOT_FOUND, "model_not_found", REQUEST, Retry::AsUsual)
            }
            Self::ObjectsNotKept { .. } => {
                row(StatusCode::FORBIDDEN, "objects_not_kept", PERMISSION, Retry::Never)
            }
            Self::BatchesNotOffered => {
                row(StatusCode::FORBIDDEN, "batches_not_offered", PERMISSION, Retry::Never)
            }
            Self::NotServed => row(StatusCode::NOT_FOUND, "unknown_route", REQUEST, Retry::Never),
            Self::ObjectNotFound { .. } => {
                row(StatusCode::NOT_FOUND, "object_not_found", REQUEST, Retry::AsUsual)
            }
            Self::OwnershipUnavailable { retry_after, .. } => row(
                StatusCode::SERVICE_UNAVAILABLE,
                "ownership_unavailable",
                "api_error",
                Retry::After(*retry_after),
            ),
            Self::UnknownRoute | Self::NotBelowDeployment { .. } => {
                row(StatusCode::NOT_FOUND, "unknown_route", REQUEST, Retry::AsUsual)
            }
            Self::MethodNotAllowed { .. } => {
                row(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", REQUEST, Retry::AsUsual)
            }
            Self::UpgradeRequired => {
                row(StatusCode::UPGRADE_REQUIRED, "upgrade_required", REQUEST, Retry::Never)
            }
            Self::BadRequest { code, .. } => {
                row(StatusCode::BAD_REQUEST, code.name(), REQUEST, Retry::AsUsual)
            }
            Self::AllowanceTooSmall { .. } => {
                row(StatusCode::BAD_REQUEST, "allowance_too_small", REQUEST, Retry::AsUsual)
            }
            // Its code and type are Azure's own, where it gives them: see `body`.
            Self::RefusedByModel(refusal) => {
                let (code, kind, retry) = match refusal.status {
                    StatusCode::TOO_MANY_REQUESTS => {
                        ("rate_limit_exceeded", "rate_limit_error", Retry::After(USUAL_WAIT))
                    }
                    status if status.is_server_error() => {
                        ("upstream_unreachable", "api_error", Retry::Never)
                    }
                    _ => ("", REQUEST, Retry::AsUsual),
                };
                row(refusal.status, code, kind, retry)
            }
            Self::RequestTooLarge { .. } => {
                row(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", REQUEST, Retry::AsUsual)
            }
            Self::UnsupportedMediaType { .. } => row(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                REQUEST,
                Retry::AsUsual,
            ),
            Self::RateLimitExceeded { retry_after, .. }
            | Self::TooManyNewcomers { retry_after, .. } => row(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limit_exceeded",
                "rate_limit_error",
                Retry::After(*retry_after),
            ),
            Self::TooManyInFlight { retry_after, .. } => row(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_in_flight",
                "rate_limit_error",
                Retry::After(*retry_after),
            ),
            // Not 429: coding tools repeat that for minutes without showing it.
            Self::InsufficientQuota { .. } => row(
                StatusCode::PAYMENT_REQUIRED,
                "insufficient_quota",
                "insufficient_quota",
                Retry::Never,
            ),
            Self::UpstreamBusy { retry_after } => row(
                StatusCode::TOO_MANY_REQUESTS,
                "upstream_busy",
                "rate_limit_error",
                Retry::After(*retry_after),
            ),
            Self::UpstreamOverloaded { retry_after } => {
                row(overloaded(), "upstream_busy", "overloaded_error", Retry::After(*retry_after))
            }
            Self::UpstreamUnreachable(_) => {
                row(StatusCode::BAD_GATEWAY, "upstream_unreachable", "api_error", Retry::AsUsual)
            }
            Self::UpstreamBroken(_) => {
                row(StatusCode::BAD_GATEWAY, "upstream_unreachable", "api_error", Retry::Never)
            }
            Self::UpstreamTimeout => {
                row(StatusCode::GATEWAY_TIMEOUT, "upstream_timeout", "api_error", Retry::Never)
            }
            Self::UpstreamLate(_) => {
                row(StatusCode::GATEWAY_TIMEOUT, "upstream_timeout", "api_error", Retry::AsUsual)
            }
            Self::UpstreamMisconfigured(_) => row(
                StatusCode::SERVICE_UNAVAILABLE,
                "upstream_misconfigured",
                "api_error",
                Retry::Never,
            ),
            Self::AccountingUnavailable { retry_after, .. } => row(
                StatusCode::SERVICE_UNAVAILABLE,
                "accounting_unavailable",
                "api_error",
                Retry::After(*retry_after),
            ),
            Self::Internal(_) => row(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal_error",
                "api_error",
                Retry::AsUsual,
            ),
        }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.row().status
    }

    /// The code, as logs and metrics name the outcome.
    #[must_use]
    pub fn code(&self) -> &'static str {
        let Self::RefusedByModel(refusal) = self else { return self.row().code };
        if refusal.status == StatusCode::TOO_MANY_REQUESTS {
            return "upstream_busy";
        }
        if refusal.status.is_server_error() {
            return "upstream_unreachable";
        }
        if refusal.is_by_filter() { "content_filter" } else { "refused_by_model" }
    }

    /// The body, also the payload of an error event in a stream.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let row = self.row();
        let message = self.to_string();
        let error = if let Self::RefusedByModel(refusal) = self {
            Detail {
                message: &message,
                // Azure's filter gives none.
                kind: refusal.kind.as_deref().filter(|kind| !kind.is_empty()).unwrap_or(row.kind),
                param: refusal.param.as_deref(),
                code: refusal.code.as_deref().or(Some(row.code).filter(|code| !code.is_empty())),
                innererror: refusal.content_filter_result.as_deref().map(|result| InnerError {
                    code: "ResponsibleAIPolicyViolation",
                    content_filter_result: result,
                }),
            }
        } else {
            Detail {
                message: &message,
                kind: row.kind,
                param: self.param(),
                code: Some(row.code),
                innererror: None,
            }
        };
        serde_json::to_vec(&Envelope { error }).unwrap_or_default()
    }

    fn param(&self) -> Option<&str> {
        if let Self::BadRequest { param, .. } = self {
            return param.as_deref();
        }
        if let Self::Unprocessable { param, .. } = self {
            return Some(param);
        }
        if let Self::ObjectNotFound { param, .. } = self {
            return *param;
        }
        matches!(self, Self::ModelNotFound { .. }).then_some("model")
    }

    /// The response.
    #[must_use]
    pub fn into_response(self) -> Response {
        let body = self.body();
        self.response(body)
    }

    /// The response in the shape that a client expects.
    #[must_use]
    pub fn into_response_as(self, shape: ErrorShape, request_id: &RequestId) -> Response {
        let body = self.body_as(shape, request_id);
        self.response(body)
    }

    fn response(self, body: Vec<u8>) -> Response {
        let row = self.row();
        let mut response = http::Response::new(full(body));
        *response.status_mut() = row.status;
        let headers = response.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let never = |headers: &mut http::HeaderMap| {
            headers.insert(headers::SHOULD_RETRY, HeaderValue::from_static("false"))
        };
        match row.retry {
            Retry::AsUsual => {}
            Retry::Never => {
                never(headers);
            }
            Retry::After(wait) => headers::set_retry_after(headers, wait),
        }
        if matches!(self, Self::UpgradeRequired) {
            headers.insert(http::header::UPGRADE, HeaderValue::from_static("HTTP/1.1"));
        }
        if let Self::MethodNotAllowed { allow } = self {
            headers.insert(HeaderName::from_static("allow"), HeaderValue::from_static(allow));
        }
        response
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Detail<'a>,
}

/// The status by which Anthropic says that a model is overloaded.
pub(crate) fn overloaded() -> StatusCode {
    StatusCode::from_u16(529).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}

/// OpenAI's error object: all four keys. `param` and `code` are `null` where there is none.
#[derive(Serialize)]
struct Detail<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    innererror: Option<InnerError<'a>>,
}

#[derive(Serialize)]
struct InnerError<'a> {
    code: &'static str,
    content_filter_result: &'a RawValue,
}

//! The error table, walked: each variant against its row of the wire contract, section 4.

use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt;
use insta::assert_snapshot;
use lanyard_domain::allowance::Limit;
use lanyard_domain::object::Kind;
use lanyard_gateway::ApiError;
use lanyard_gateway::error::{BadRequestCode, ContactHint, LimitScope, Missing, ModelRefusal};
use serde_json::Value;

/// Status, code, type, `x-should-retry`, `retry-after` and `retry-after-ms`, `allow`.
type Row = (
    u16,
    &'static str,
    &'static str,
    Option<&'static str>,
    (Option<&'static str>, Option<&'static str>),
    Option<&'static str>,
);

const NO_WAIT: (Option<&str>, Option<&str>) = (None, None);
const REQUEST: &str = "invalid_request_error";
const NEVER: Option<&str> = Some("false");

const ROWS: [Row; 49] = [
    (401, "invalid_event_code", "authentication_error", NEVER, NO_WAIT, None),
    (403, "event_not_started", "permission_error", NEVER, NO_WAIT, None),
    (403, "event_ended", "permission_error", NEVER, NO_WAIT, None),
    (403, "event_paused", "permission_error", NEVER, NO_WAIT, None),
    (403, "attendee_blocked", "permission_error", NEVER, NO_WAIT, None),
    (403, "event_full", "permission_error", NEVER, NO_WAIT, None),
    (429, "rate_limit_exceeded", "rate_limit_error", None, (Some("2"), Some("1500")), None),
    (403, "not_on_roster", "permission_error", NEVER, NO_WAIT, None),
    (403, "registration_required", "permission_error", NEVER, NO_WAIT, None),
    (403, "already_registered", "permission_error", NEVER, NO_WAIT, None),
    (403, "already_registered", "permission_error", NEVER, NO_WAIT, None),
    (403, "not_offered", "permission_error", NEVER, NO_WAIT, None),
    (403, "no_deployment", "permission_error", NEVER, NO_WAIT, None),
    (403, "price_unknown", "permission_error", NEVER, NO_WAIT, None),
    (403, "own_deployment_refused", "permission_error", NEVER, NO_WAIT, None),
    (404, "event_not_found", REQUEST, None, NO_WAIT, None),
    (404, "request_not_found", REQUEST, None, NO_WAIT, None),
    (404, "deployment_not_found", REQUEST, None, NO_WAIT, None),
    (422, "invalid_value", REQUEST, None, NO_WAIT, None),
    (403, "objects_not_kept", "permission_error", NEVER, NO_WAIT, None),
    (404, "unknown_route", REQUEST, NEVER, NO_WAIT, None),
    (403, "batches_not_offered", "permission_error", NEVER, NO_WAIT, None),
    (404, "object_not_found", REQUEST, None, NO_WAIT, None),
    (404, "model_not_found", REQUEST, None, NO_WAIT, None),
    (404, "unknown_route", REQUEST, None, NO_WAIT, None),
    (404, "unknown_route", REQUEST, None, NO_WAIT, None),
    (405, "method_not_allowed", REQUEST, None, NO_WAIT, Some("POST, OPTIONS")),
    (426, "upgrade_required", REQUEST, NEVER, NO_WAIT, None),
    (400, "invalid_json", REQUEST, None, NO_WAIT, None),
    (400, "duplicate_key", REQUEST, None, NO_WAIT, None),
    (400, "unknown_parameter", REQUEST, None, NO_WAIT, None),
    (400, "parameter_not_allowed", REQUEST, None, NO_WAIT, None),
    (400, "invalid_value", REQUEST, None, NO_WAIT, None),
    (400, "allowance_too_small", REQUEST, None, NO_WAIT, None),
    (400, "content_filter", REQUEST, None, NO_WAIT, None),
    (413, "request_too_large", REQUEST, None, NO_WAIT, None),
    (415, "unsupported_media_type", REQUEST, None, NO_WAIT, None),
    (429, "rate_limit_exceeded", "rate_limit_error", None, (Some("2"), Some("1500")), None),
    (429, "too_many_in_flight", "rate_limit_error", None, (Some("2"), Some("1500")), None),
    (402, "insufficient_quota", "insufficient_quota", NEVER, NO_WAIT, None),
    (429, "upstream_busy", "rate_limit_error", None, (Some("2"), Some("1500")), None),
    (529, "upstream_busy", "overloaded_error", None, (Some("2"), Some("1500")), None),
    (502, "upstream_unreachable", "api_error", None, NO_WAIT, None),
    (502, "upstream_unreachable", "api_error", NEVER, NO_WAIT, None),
    (504, "upstream_timeout", "api_error", NEVER, NO_WAIT, None),
    (504, "upstream_timeout", "api_error", None, NO_WAIT, None),
    (503, "accounting_unavailable", "api_error", None, (Some("2"), Some("1500")), None),
    (503, "ownership_unavailable", "api_error", None, (Some("2"), Some("1500")), None),
    (503, "upstream_misconfigured", "api_error", NEVER, NO_WAIT, None),
];

const INTERNAL: Row = (500, "internal_error", "api_error", None, NO_WAIT, None);

/// One error of each variant. A new variant does not compile until it is added here.
fn one_of_each() -> Vec<ApiError> {
    let retry_after = Duration::from_millis(1_500);
    let contact = ContactHint::default;
    let (scope, limit, allowed) = (LimitScope::Attendee, Limit::TokensPerDay, 9);
    let text = || "some text".to_owned();
    let bad = |code| ApiError::bad(code, Some("max_tokens"), "max_tokens is odd.");
    let errors = vec![
        ApiError::InvalidEventCode,
        ApiError::EventNotStarted { starts_at: text(), contact: contact() },
        ApiError::EventEnded { ended_at: text(), contact: contact() },
        ApiError::EventPaused { contact: contact() },
        ApiError::AttendeeBlocked { contact: contact() },
        ApiError::EventFull { contact: contact() },
        ApiError::TooManyNewcomers { allowed, retry_after },
        ApiError::NotOnRoster { contact: contact() },
        ApiError::RegistrationRequired { event: "evt_1".parse().unwrap(), contact: contact() },
        ApiError::AlreadyRegistered { contact: contact() },
        ApiError::NameInUse { contact: contact() },
        ApiError::NotOffered { what: "registration", contact: contact() },
        ApiError::NoDeployment { contact: contact() },
        ApiError::PriceUnknown {
            model: "gpt".parse().unwrap(),
            uses_hosted: false,
            contact: contact(),
        },
        ApiError::OwnDeploymentRefused(None),
        ApiError::NotFound(Missing::Event),
        ApiError::NotFound(Missing::Request),
        ApiError::NotFound(Missing::Deployment),
        ApiError::Unprocessable { param: "rating", message: "The rating is odd." },
        ApiError::ObjectsNotKept { contact: contact() },
        ApiError::NotServed,
        ApiError::BatchesNotOffered,
        ApiError::ObjectNotFound { kind: Kind::File, param: None },
        ApiError::ModelNotFound { operation: None, offered: Vec::new(), elsewhere: None },
        ApiError::UnknownRoute,
        ApiError::NotBelowDeployment { path: "files" },
        ApiError::MethodNotAllowed { allow: "POST, OPTIONS" },
        ApiError::UpgradeRequired,
        bad(BadRequestCode::InvalidJson),
        bad(BadRequestCode::DuplicateKey),
        bad(BadRequestCode::UnknownParameter),
        bad(BadRequestCode::ParameterNotAllowed),
        bad(BadRequestCode::InvalidValue),
        ApiError::AllowanceTooSmall { scope, limit: limit.into(), allowed, needed: 10 },
        ApiError::RefusedByModel(Box::new(ModelRefusal {
            status: StatusCode::BAD_REQUEST,
            message: "The filter is triggered.".to_owned(),
            kind: None,
            param: None,
            code: Some("content_filter".to_owned()),
            content_filter_result: None,
            fields: lanyard_protocol::added::RefusedFields::default(),
        })),
        ApiError::RequestTooLarge { limit: 5 << 20 },
        ApiError::UnsupportedMediaType { hint: "The body must be JSON." },
        ApiError::RateLimitExceeded {
            scope,
            limit: limit.into(),
            allowed,
            retry_after,
            is_held: false,
        },
        ApiError::TooManyInFlight { scope, limit: Limit::InFlight.into(), allowed, retry_after },
        ApiError::InsufficientQuota {
            scope,
            limit: limit.into(),
            allowed,
            remaining: 0,
            resets_at: Some(text()),
            contact: contact(),
        },
        ApiError::UpstreamBusy { retry_after },
        ApiError::UpstreamOverloaded { retry_after },
        ApiError::UpstreamUnreachable(None),
        ApiError::UpstreamBroken(None),
        ApiError::UpstreamTimeout,
        ApiError::UpstreamLate(None),
        ApiError::AccountingUnavailable { retry_after, cause: None },
        ApiError::OwnershipUnavailable { retry_after, cause: None },
        ApiError::UpstreamMisconfigured(None),
        ApiError::Internal(None),
    ];
    for error in &errors {
        match error {
            ApiError::InvalidEventCode
            | ApiError::EventNotStarted { .. }
            | ApiError::EventEnded { .. }
            | ApiError::EventPaused { .. }
            | ApiError::AttendeeBlocked { .. }
            | ApiError::EventFull { .. }
            | ApiError::TooManyNewcomers { .. }
            | ApiError::NotOnRoster { .. }
            | ApiError::RegistrationRequired { .. }
            | ApiError::AlreadyRegistered { .. }
            | ApiError::NameInUse { .. }
            | ApiError::NotOffered { .. }
            | ApiError::OperationNotOffered { .. }
            | ApiError::NoDeployment { .. }
            | ApiError::PriceUnknown { .. }
            | ApiError::OwnDeploymentRefused(_)
            | ApiError::NotFound(_)
            | ApiError::Unprocessable { .. }
            | ApiError::ObjectsNotKept { .. }
            | ApiError::NotServed
            | ApiError::BatchesNotOffered
            | ApiError::ObjectNotFound { .. }
            | ApiError::OwnershipUnavailable { .. }
            | ApiError::ModelNotFound { .. }
            | ApiError::UnknownRoute
            | ApiError::NotBelowDeployment { .. }
            | ApiError::MethodNotAllowed { .. }
            | ApiError::UpgradeRequired
            | ApiError::BadRequest { .. }
            | ApiError::AllowanceTooSmall { .. }
            | ApiError::RefusedByModel(_)
            | ApiError::RequestTooLarge { .. }
            | ApiError::UnsupportedMediaType { .. }
            | ApiError::RateLimitExceeded { .. }
            | ApiError::TooManyInFlight { .. }
            | ApiError::InsufficientQuota { .. }
            | ApiError::UpstreamBusy { .. }
            | ApiError::UpstreamOverloaded { .. }
            | ApiError::UpstreamUnreachable(_)
            | ApiError::UpstreamBroken(_)
            | ApiError::UpstreamTimeout
            | ApiError::UpstreamLate(_)
            | ApiError::UpstreamMisconfigured(_)
            | ApiError::AccountingUnavailable { .. }
            | ApiError::Internal(_) => {}
        }
    }
    errors
}

#[tokio::test]
async fn every_error_matches_its_row() {
    let errors = one_of_each();
    let rows = ROWS.into_iter().chain([INTERNAL]);
    assert_eq!(errors.len(), rows.clone().count());
    for (error, (status, code, kind, should_retry, (seconds, ms), allow)) in
        errors.into_iter().zip(rows)
    {
        assert_eq!(error.code(), code);
        let (head, body) = error.into_response().into_parts();
        let header = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(head.status.as_u16(), status, "{code}");
        assert_eq!(header("content-type"), Some("application/json"), "{code}");
        assert_eq!(header("x-should-retry"), should_retry, "{code}");
        assert_eq!(header("retry-after"), seconds, "{code}");
        assert_eq!(header("retry-after-ms"), ms, "{code}");
        assert_eq!(header("allow"), allow, "{code}");
        let bytes = body.collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        let error = body["error"].as_object().unwrap();
        assert_eq!((&error["code"], &error["type"]), (&code.into(), &kind.into()));
        assert!(error.contains_key("param") && error["message"].is_string(), "{code}");
    }
}

/// The status must show whether waiting helps, or clients retry for nothing.
#[tokio::test]
async fn errors_that_waiting_does_not_help_say_so() {
    let retried = |status: u16| matches!(status, 408 | 409 | 429) || status >= 500;
    for (status, code, _, should_retry, (seconds, _), _) in ROWS {
        let helps = !matches!(code, "insufficient_quota" | "upstream_misconfigured");
        assert!(!retried(status) || helps || should_retry == NEVER, "{code}");
        assert!(status != 429 || seconds.is_some(), "{code} must say how long to wait");
        assert_ne!(status, 409);
    }
}

#[test]
fn the_documented_table_has_every_row() {
    let page = include_str!("../../docs/errors.md");
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| ")).collect();
    for (status, code, ..) in ROWS.into_iter().chain([INTERNAL]) {
        let (status, code) = (status.to_string(), format!("`{code}`"));
        let is_there = rows.iter().any(|row| {
            row.split('|').nth(1).is_some_and(|cell| cell.contains(&status)) && row.contains(&code)
        });
        assert!(is_there, "{status} {code}");
    }
}

#[test]
fn a_quota_of_which_something_is_left_says_how_much_and_what_helps() {
    let words = |limit: Limit, remaining, resets_at: Option<&str>| {
        let refused = ApiError::InsufficientQuota {
            scope: LimitScope::Attendee,
            limit: limit.into(),
            allowed: 5_000,
            remaining,
            resets_at: resets_at.map(ToOwned::to_owned),
            contact: ContactHint::default(),
        };
        refused.to_string()
    };
    assert_snapshot!(words(Limit::TokensTotal, 1_000, None), @"Your allowance of 5000 total tokens has 1000 left, and this request may need more: shorten the prompt or set a smaller max_tokens. It does not reset: ask the organiser for more.");
    assert_snapshot!(words(Limit::TokensPerDay, 1_000, Some("2026-12-06 00:00 UTC")), @"Your allowance of 5000 tokens per day has 1000 left, and this request may need more: shorten the prompt or set a smaller max_tokens. It is full again at 2026-12-06 00:00 UTC.");
    assert_snapshot!(words(Limit::TokensTotal, 0, None), @"Your allowance of 5000 total tokens is used up. It does not reset: ask the organiser for more.");
}

/// Azure's SDKs obey any `retry-after`, in silence, until the next day.
#[test]
fn a_used_up_quota_names_its_reset_only_in_the_text() {
    let spent = ApiError::InsufficientQuota {
        scope: LimitScope::Attendee,
        limit: Limit::RequestsPerDay.into(),
        allowed: 1,
        remaining: 0,
        resets_at: Some("2026-12-06 00:00 UTC".to_owned()),
        contact: ContactHint::default(),
    };
    assert!(spent.to_string().contains("2026-12-06 00:00 UTC"));
    let response = spent.into_response();
    assert_eq!(response.status(), 402);
    assert!(!response.headers().contains_key("retry-after"));
}

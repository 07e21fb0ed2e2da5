//! Everything that can be refused, in one table.
//!
//! `Display` is for the participant and safe to send: it says what happened, why and what to do,
//! and repeats nothing that was sent. Causes sit behind `source` and go to the log.

use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use lanyard_domain::allowance::Limit;
use lanyard_domain::ids::DeploymentName;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::headers;
use crate::ports::Cause;
use crate::request::{Response, whole};

/// Whose allowance is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// This attendee's own.
    Attendee,
    /// The event's, which all attendees share.
    Event,
}

impl Whose {
    fn words(self) -> &'static str {
        match self {
            Self::Attendee => "Your allowance",
            Self::Event => "The event's allowance for everybody",
        }
    }
}

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No valid code, for whatever reason: one body for all.
    #[error(
        "No valid event code was sent. Send the header 'openai-event-code: CODE/USER' (or CODE/USER as the API key), where CODE is the code of an event and USER is your name, for example your GitHub user name. Check the code with the organiser."
    )]
    InvalidEventCode,
    /// The code is good, the event is yet to come.
    #[error("The event has not started. It opens at {starts_at}.{contact}")]
    EventNotStarted {
        /// In the event's zone and UTC.
        starts_at: String,
        /// Whom to ask.
        contact: ContactHint,
    },
    /// The code is good, the event is over.
    #[error("The event is over. It ended at {ended_at}.{contact}")]
    EventEnded {
        /// In the event's zone and UTC.
        ended_at: String,
        /// Whom to ask.
        contact: ContactHint,
    },
    /// The organiser stopped the event for now.
    #[error("The organiser has paused the event. Try again when it goes on.{contact}")]
    EventPaused {
        /// Whom to ask.
        contact: ContactHint,
    },
    /// The organiser keeps this attendee out.
    #[error("The organiser has blocked this user at this event.{contact}")]
    AttendeeBlocked {
        /// Whom to ask.
        contact: ContactHint,
    },
    /// Every seat is taken.
    #[error(
        "The event is full: it takes no further users. If you have used it before, use the same user name again.{contact}"
    )]
    EventFull {
        /// Whom to ask.
        contact: ContactHint,
    },
    /// The name is not in the event's catalog.
    #[error("{}", model_not_found(offered))]
    ModelNotFound {
        /// What the event offers for the operation.
        offered: Vec<DeploymentName>,
    },
    /// No such path.
    #[error(
        "There is nothing at this path. The API answers at /api/v1/chat/completions, /api/v1/embeddings, /api/v1/models and /api/v1/event, and for Azure clients at /api/openai/deployments/MODEL/…"
    )]
    UnknownRoute,
    /// The path exists, the method does not.
    #[error("This path does not take this method. Use {allow}.")]
    MethodNotAllowed {
        /// What it takes.
        allow: &'static str,
    },
    /// The body or the query says something that cannot be accepted.
    #[error("{message}")]
    BadRequest {
        /// The code of the error.
        code: BadRequestCode,
        /// Which parameter.
        param: Option<String>,
        /// What to do.
        message: String,
    },
    /// The request could never be paid for.
    #[error("This request may need {needed} {} (the prompt and the longest answer it asks for), and {} is {allowed} {}. Waiting does not help: shorten the prompt or set a smaller max_tokens.", units(*limit), whose.words().to_lowercase(), limit.words())]
    AllowanceTooSmall {
        /// Whose allowance.
        whose: Whose,
        /// Which.
        limit: Limit,
        /// What it grants.
        allowed: u64,
        /// What the request may need.
        needed: u64,
    },
    /// Azure's own refusal of what the participant sent.
    #[error("{}", .0.message)]
    RefusedByModel(Box<ModelRefusal>),
    /// The body is too large.
    #[error("The request is larger than {} MiB. Send less: shorten the conversation or shrink the images.", limit / 1_048_576)]
    RequestTooLarge {
        /// In bytes.
        limit: usize,
    },
    /// The body is no JSON, or is compressed.
    #[error("{hint}")]
    UnsupportedMediaType {
        /// What to send instead.
        hint: &'static str,
    },
    /// A rate is used up for some seconds.
    #[error("{} of {allowed} {} is used up. Wait {} and try again.", whose.words(), limit.words(), wait_words(*retry_after))]
    RateLimitExceeded {
        /// Whose allowance.
        whose: Whose,
        /// Which.
        limit: Limit,
        /// What it grants.
        allowed: u64,
        /// Until the same request fits.
        retry_after: Duration,
    },
    /// Too many requests are under way.
    #[error("{} of {allowed} requests at once is used up. Wait for an answer before you send the next request.", whose.words())]
    TooManyInFlight {
        /// Whose allowance.
        whose: Whose,
        /// What it grants.
        allowed: u64,
    },
    /// A day's allowance or the budget is used up.
    #[error("{} of {allowed} {} is used up. {}", whose.words(), limit.words(), reset_words(resets_at.as_deref(), contact))]
    InsufficientQuota {
        /// Whose allowance.
        whose: Whose,
        /// Which.
        limit: Limit,
        /// What it grants.
        allowed: u64,
        /// When it resets, as people at the event read it; a budget never does.
        resets_at: Option<String>,
        /// Until then.
        retry_after: Option<Duration>,
        /// Whom to ask.
        contact: ContactHint,
    },
    /// Azure has no room.
    #[error("The model is busy: everybody at the event together reached what it can take. This is not your allowance and costs you nothing. Wait {} and try again.", wait_words(*retry_after))]
    UpstreamBusy {
        /// Azure's own word, within reason.
        retry_after: Duration,
    },
    /// Azure gave no usable answer.
    #[error("The model could not be reached or gave no usable answer. Try again.")]
    UpstreamUnreachable(#[source] Option<Cause>),
    /// Azure did not answer in time.
    #[error("The model did not answer in time. Try again, or ask for a shorter answer.")]
    UpstreamTimeout,
    /// Azure refused our key or our deployment.
    #[error(
        "The event's connection to this model is not set up correctly. This is not your fault and trying again does not help: tell the organiser."
    )]
    UpstreamMisconfigured(#[source] Option<Cause>),
    /// The ledger or the event store is away: nothing was sent.
    #[error(
        "Your allowance cannot be checked at the moment, so nothing was sent. Try again in a few seconds."
    )]
    AccountingUnavailable {
        /// Spread, so that not everybody returns at once.
        retry_after: Duration,
        /// For the log.
        #[source]
        cause: Option<Cause>,
    },
    /// Our own mistake.
    #[error(
        "Something went wrong on our side. Try again; if it goes on, give the organiser the request id."
    )]
    Internal(#[source] Option<Cause>),
}

/// The codes of a 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadRequestCode {
    /// Not JSON, not an object, or too deep.
    InvalidJson,
    /// A governed field twice.
    DuplicateKey,
    /// A field that is not known here, such as a governed one in other letters.
    UnknownParameter,
    /// A field that the event does not allow.
    ParameterNotAllowed,
    /// A value that cannot be.
    InvalidValue,
}

impl BadRequestCode {
    fn name(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid_json",
            Self::DuplicateKey => "duplicate_key",
            Self::UnknownParameter => "unknown_parameter",
            Self::ParameterNotAllowed => "parameter_not_allowed",
            Self::InvalidValue => "invalid_value",
        }
    }
}

/// What Azure said about the participant's request, in our schema.
#[derive(Debug)]
pub struct ModelRefusal {
    /// Azure's status.
    pub status: StatusCode,
    /// Azure's sentence.
    pub message: String,
    /// Azure's type.
    pub kind: Option<String>,
    /// Azure's parameter.
    pub param: Option<String>,
    /// Azure's code.
    pub code: Option<String>,
    /// Which filter refused, and why.
    pub content_filter_result: Option<Box<RawValue>>,
}

/// Whom to ask, as the end of a sentence; empty where the organiser named nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactHint(String);

impl ContactHint {
    /// From an event's contact.
    #[must_use]
    pub fn of(contact: &lanyard_domain::event::Contact) -> Self {
        Self(match (contact.name.as_str(), contact.email.as_str()) {
            ("", "") => String::new(),
            (name, "") => format!(" Questions: {name}."),
            ("", email) => format!(" Questions: {email}."),
            (name, email) => format!(" Questions: {name}, {email}."),
        })
    }
}

impl std::fmt::Display for ContactHint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn model_not_found(offered: &[DeploymentName]) -> String {
    if offered.is_empty() {
        return "This event offers no model for this operation. Ask the organiser.".to_owned();
    }
    let names: Vec<_> = offered.iter().map(DeploymentName::as_str).collect();
    format!(
        "The event does not offer this model for this operation. It offers: {}.",
        names.join(", ")
    )
}

fn units(limit: Limit) -> &'static str {
    match limit {
        Limit::RequestsPerMinute | Limit::RequestsPerDay | Limit::InFlight => "requests",
        Limit::TokensPerMinute | Limit::TokensPerDay | Limit::TokensTotal => "tokens",
    }
}

fn wait_words(wait: Duration) -> String {
    let seconds = wait.as_millis().div_ceil(1000);
    if seconds == 1 { "1 second".to_owned() } else { format!("{seconds} seconds") }
}

fn reset_words(resets_at: Option<&str>, contact: &ContactHint) -> String {
    match resets_at {
        Some(at) => format!("It is full again at {at}.{contact}"),
        None => format!("It does not come back by itself: ask the organiser for more.{contact}"),
    }
}

/// Whether repeating a request helps, and when.
enum Retry {
    /// The client knows from the status.
    AsUsual,
    /// It does not help.
    Never,
    /// After this time.
    After(Duration),
    /// Not as a client would do it, but this is when.
    NeverBefore(Duration),
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
            Self::ModelNotFound { .. } => {
                row(StatusCode::NOT_FOUND, "model_not_found", REQUEST, Retry::AsUsual)
            }
            Self::UnknownRoute => {
                row(StatusCode::NOT_FOUND, "unknown_route", REQUEST, Retry::AsUsual)
            }
            Self::MethodNotAllowed { .. } => {
                row(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", REQUEST, Retry::AsUsual)
            }
            Self::BadRequest { code, .. } => {
                row(StatusCode::BAD_REQUEST, code.name(), REQUEST, Retry::AsUsual)
            }
            Self::AllowanceTooSmall { .. } => {
                row(StatusCode::BAD_REQUEST, "allowance_too_small", REQUEST, Retry::AsUsual)
            }
            // Its code and type are Azure's own: see `body`.
            Self::RefusedByModel(refusal) => row(refusal.status, "", REQUEST, Retry::AsUsual),
            Self::RequestTooLarge { .. } => {
                row(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", REQUEST, Retry::AsUsual)
            }
            Self::UnsupportedMediaType { .. } => row(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                REQUEST,
                Retry::AsUsual,
            ),
            Self::RateLimitExceeded { retry_after, .. } => row(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limit_exceeded",
                "rate_limit_error",
                Retry::After(*retry_after),
            ),
            Self::TooManyInFlight { .. } => row(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_in_flight",
                "rate_limit_error",
                Retry::After(Duration::from_secs(1)),
            ),
            Self::InsufficientQuota { retry_after, .. } => row(
                StatusCode::TOO_MANY_REQUESTS,
                "insufficient_quota",
                "insufficient_quota",
                retry_after.map_or(Retry::Never, Retry::NeverBefore),
            ),
            Self::UpstreamBusy { retry_after } => row(
                StatusCode::TOO_MANY_REQUESTS,
                "upstream_busy",
                "rate_limit_error",
                Retry::After(*retry_after),
            ),
            Self::UpstreamUnreachable(_) => {
                row(StatusCode::BAD_GATEWAY, "upstream_unreachable", "api_error", Retry::AsUsual)
            }
            Self::UpstreamTimeout => {
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

    /// A 400 that names a parameter.
    #[must_use]
    pub fn bad(code: BadRequestCode, param: Option<&str>, message: impl Into<String>) -> Self {
        Self::BadRequest { code, param: param.map(ToOwned::to_owned), message: message.into() }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.row().status
    }

    /// The code, as logs and metrics name the outcome.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::RefusedByModel(refusal) => match refusal.code.as_deref() {
                Some("content_filter") => "content_filter",
                Some(_) | None => "refused_by_model",
            },
            other => other.row().code,
        }
    }

    /// The body, also the payload of an error event in a stream.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let row = self.row();
        let message = self.to_string();
        let error = match self {
            Self::RefusedByModel(refusal) => Detail {
                message: &message,
                kind: refusal.kind.as_deref().or(Some(row.kind)),
                param: refusal.param.as_deref(),
                code: refusal.code.as_deref(),
                innererror: refusal.content_filter_result.as_deref().map(|result| InnerError {
                    code: "ResponsibleAIPolicyViolation",
                    content_filter_result: result,
                }),
            },
            other => Detail {
                message: &message,
                kind: Some(row.kind),
                param: other.param(),
                code: Some(row.code),
                innererror: None,
            },
        };
        serde_json::to_vec(&Envelope { error }).unwrap_or_default()
    }

    fn param(&self) -> Option<&str> {
        if let Self::BadRequest { param, .. } = self {
            return param.as_deref();
        }
        matches!(self, Self::ModelNotFound { .. }).then_some("model")
    }

    /// The answer.
    #[must_use]
    pub fn into_response(self) -> Response {
        let row = self.row();
        let mut response = http::Response::new(whole(self.body()));
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
            Retry::NeverBefore(wait) => {
                never(headers);
                headers::set_retry_after(headers, wait);
                headers.remove(headers::RETRY_AFTER_MS);
            }
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

/// OpenAI's error object: all four keys, `null` where empty.
#[derive(Serialize)]
struct Detail<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: Option<&'a str>,
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

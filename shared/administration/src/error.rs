//! Everything that the organisers' API refuses, in one table.
//!
//! The schema is the attendees': `{"error": {"message", "type", "param", "code"}}`, with `details`
//! where a body was wrong. 409 is never sent, because old SDKs repeat it without a pause.

use std::fmt;

use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use lanyard_gateway::Response;
use lanyard_gateway::handler::ErrorResponse;
use lanyard_gateway::headers::SHOULD_RETRY;
use lanyard_gateway::ports::{Cause, LedgerFault};
use lanyard_gateway::request::full;
use serde::Serialize;

use crate::ports::OrganiserFault;

/// A field that is wrong, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "InvalidField"))]
pub struct Mistake {
    /// Its path, such as `allowances.event.in_flight`.
    pub field: String,
    /// What it must be; reads on after the field's name.
    pub message: String,
    /// Whether the field is unknown.
    #[serde(skip)]
    pub is_unknown: bool,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.message)
    }
}

/// Why an organiser's request is refused.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No valid organiser token, for whatever reason: one body for all.
    #[error(
        "No valid organiser token was sent. Send the header 'Authorization: Bearer TOKEN' with the token that was shown when the organiser was made."
    )]
    InvalidOrganiserToken,
    /// It is not there, or belongs to another organiser.
    #[error("There is no {what} of this name among yours.")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
    },
    /// No such path.
    #[error(
        "There is nothing at this path. The organisers' API is at /api/admin/events, /api/admin/events/ID and what stands below it, and /api/admin/deployments."
    )]
    UnknownRoute,
    /// The path exists, the method does not.
    #[error("This path does not take this method. Use {allow}.")]
    MethodNotAllowed {
        /// The allowed methods.
        allow: &'static str,
    },
    /// The body is not a JSON object.
    #[error("{0}")]
    InvalidJson(String),
    /// Fields are wrong; every one is listed.
    #[error("{}", invalid(.0))]
    Invalid(Vec<Mistake>),
    /// Another event has the code.
    #[error("Another event goes by this code. Choose another one, or leave it out to get one.")]
    CodeTaken,
    /// An event that was used is part of the accounts.
    #[error(
        "The event has been used, so it cannot be deleted as it is. End it, or delete its usage with a reset first."
    )]
    EventInUse,
    /// Objects would have no owner.
    #[error(
        "Attendees have stored objects at Azure. They are deleted after the end of the event. Reset it then."
    )]
    EventHasObjects,
    /// An event that is open or to come needs the deployment.
    #[error("{}", in_use(events))]
    DeploymentInUse {
        /// The names of such events.
        events: Vec<String>,
    },
    /// Events have stored objects that only this deployment leads to.
    #[error("{}", has_objects(events))]
    DeploymentHasObjects {
        /// The names of such events.
        events: Vec<String>,
    },
    /// The body is too large.
    #[error("The body is larger than {} KiB.", limit / 1024)]
    RequestTooLarge {
        /// In bytes.
        limit: usize,
    },
    /// The body is compressed.
    #[error("The body must not be compressed. Send it without content-encoding.")]
    UnsupportedMediaType,
    /// Others kept changing the same thing.
    #[error("Others are changing the same thing at the moment. Nothing was changed; try again.")]
    Busy,
    /// A reset would lose what running requests use.
    #[error("Requests are in progress, so nothing was deleted. Try again when they have ended.")]
    RequestsInProgress,
    /// The table or the key store is unavailable.
    #[error(
        "What was asked for could not be read or stored at the moment. Look whether it was, and try again."
    )]
    StoreUnavailable(#[source] Cause),
    /// Our own mistake.
    #[error(
        "Something went wrong on our side. Try again; if it goes on, look for the request id in the log."
    )]
    Internal(#[source] Option<Cause>),
}

fn invalid(mistakes: &[Mistake]) -> String {
    let first = mistakes.first().map(ToString::to_string).unwrap_or_default();
    match mistakes.len() {
        0 | 1 => format!("The request is not acceptable: {first}."),
        n => format!("{n} fields are not acceptable, all listed in details. The first: {first}."),
    }
}

fn in_use(events: &[String]) -> String {
    format!(
        "Events that are open or to come need this deployment: {}. They list it, or requests are in \
         progress and attendees have used it. Set their deployments to the others, or end them.",
        events.join(", ")
    )
}

fn has_objects(events: &[String]) -> String {
    format!(
        "Attendees of these events may have stored objects at this deployment's endpoint, and only \
         this deployment leads there: {}. The objects are deleted within 20 minutes of the end of \
         their event; keep the deployment and its endpoint until then. To use another endpoint \
         now, add it as a replica of this name, and give this deployment a weight of 0.",
        events.join(", ")
    )
}

/// One row of the error table.
struct Row {
    status: StatusCode,
    code: &'static str,
    kind: &'static str,
}

impl AdminError {
    /// 400 for one wrong field.
    pub(crate) fn field(field: &str, message: impl Into<String>) -> Self {
        let (field, message) = (field.to_owned(), message.into());
        Self::Invalid(vec![Mistake { field, message, is_unknown: false }])
    }

    /// The error table. A new variant must find its place here.
    fn row(&self) -> Row {
        let row = |status, code, kind| Row { status, code, kind };
        const REQUEST: &str = "invalid_request_error";
        const OURS: &str = "api_error";
        let bad = |code| row(StatusCode::BAD_REQUEST, code, REQUEST);
        match self {
            Self::InvalidOrganiserToken => {
                row(StatusCode::UNAUTHORIZED, "invalid_organiser_token", "authentication_error")
            }
            Self::NotFound { .. } => row(StatusCode::NOT_FOUND, "not_found", REQUEST),
            Self::UnknownRoute => row(StatusCode::NOT_FOUND, "unknown_route", REQUEST),
            Self::MethodNotAllowed { .. } => {
                row(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", REQUEST)
            }
            Self::InvalidJson(_) => bad("invalid_json"),
            Self::Invalid(mistakes) if mistakes.iter().all(|mistake| mistake.is_unknown) => {
                bad("unknown_parameter")
            }
            Self::Invalid(_) => bad("invalid_value"),
            Self::CodeTaken => bad("code_taken"),
            Self::EventInUse => bad("event_in_use"),
            Self::EventHasObjects => bad("event_has_objects"),
            Self::DeploymentInUse { .. } => bad("deployment_in_use"),
            Self::DeploymentHasObjects { .. } => bad("deployment_has_objects"),
            Self::RequestTooLarge { .. } => {
                row(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", REQUEST)
            }
            Self::UnsupportedMediaType => {
                row(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", REQUEST)
            }
            Self::Busy => row(StatusCode::SERVICE_UNAVAILABLE, "busy", OURS),
            Self::RequestsInProgress => {
                row(StatusCode::SERVICE_UNAVAILABLE, "requests_in_progress", OURS)
            }
            Self::StoreUnavailable(_) => {
                row(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", OURS)
            }
            Self::Internal(_) => row(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", OURS),
        }
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::Invalid(mistakes) => mistakes.first().map(|mistake| mistake.field.as_str()),
            Self::CodeTaken => Some("code"),
            Self::InvalidOrganiserToken
            | Self::NotFound { .. }
            | Self::UnknownRoute
            | Self::MethodNotAllowed { .. }
            | Self::InvalidJson(_)
            | Self::EventInUse
            | Self::EventHasObjects
            | Self::RequestsInProgress
            | Self::DeploymentInUse { .. }
            | Self::DeploymentHasObjects { .. }
            | Self::RequestTooLarge { .. }
            | Self::UnsupportedMediaType
            | Self::Busy
            | Self::StoreUnavailable(_)
            | Self::Internal(_) => None,
        }
    }

    fn details(&self) -> Option<&[Mistake]> {
        if let Self::Invalid(mistakes) = self { Some(mistakes) } else { None }
    }
}

impl ErrorResponse for AdminError {
    fn status(&self) -> StatusCode {
        self.row().status
    }

    fn code(&self) -> &'static str {
        self.row().code
    }

    fn into_response(self) -> Response {
        let row = self.row();
        let body = Envelope {
            error: Detail {
                message: self.to_string(),
                kind: row.kind,
                param: self.param(),
                code: row.code,
                details: self.details(),
            },
        };
        let mut response = http::Response::new(full(serde_json::to_vec(&body).unwrap_or_default()));
        *response.status_mut() = row.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if row.status == StatusCode::UNAUTHORIZED {
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        if row.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Self::MethodNotAllowed { allow } = self {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        response
    }

    fn panicked() -> Self {
        Self::Internal(None)
    }
}

impl From<OrganiserFault> for AdminError {
    fn from(fault: OrganiserFault) -> Self {
        match fault {
            OrganiserFault::Unavailable(cause) => Self::StoreUnavailable(cause),
            OrganiserFault::Unreadable(cause) => Self::Internal(Some(cause)),
            OrganiserFault::CodeTaken => Self::CodeTaken,
            OrganiserFault::VersionConflict => Self::Busy,
            OrganiserFault::InUse => Self::EventInUse,
            OrganiserFault::InProgress => Self::RequestsInProgress,
            OrganiserFault::HasObjects => Self::EventHasObjects,
        }
    }
}

impl From<LedgerFault> for AdminError {
    fn from(fault: LedgerFault) -> Self {
        Self::StoreUnavailable(fault.into())
    }
}

/// Why a request was rejected.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "OrganiserError"))]
pub(crate) struct Envelope<'a> {
    error: Detail<'a>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "OrganiserErrorDetail"))]
struct Detail<'a> {
    /// What happened, and what to do.
    message: String,
    #[serde(rename = "type")]
    kind: &'static str,
    /// The field that is wrong.
    param: Option<&'a str>,
    code: &'static str,
    /// Every field that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a [Mistake]>,
}

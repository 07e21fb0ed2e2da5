//! Metadata that a client sends with a request: its session and its application.
//!
//! None of it goes upstream. It is read once the sender is known, so that strangers learn nothing.

use std::sync::Arc;

use http::HeaderName;
use lanyard_domain::ids::{AppId, ResponseId, SessionId};

use crate::error::{ApiError, BadRequestCode};
use crate::headers;
use crate::request::Request;

/// Metadata of a request for its usage record.
#[derive(Clone, Debug)]
pub struct RequestMetadata {
    /// Chosen by the client, or made for this request.
    pub session: SessionId,
    /// The application that sent it, if the client names one.
    pub app: Option<AppId>,
    /// The model's id of the response, once there is one.
    pub response_id: Option<ResponseId>,
    /// Whether the attendee's own deployment serves the request.
    pub is_own: bool,
    /// The types of tools that were removed from it, for the log.
    pub dropped_tools: Arc<[String]>,
}

impl RequestMetadata {
    /// Reads the headers, and refuses odd ones.
    ///
    /// # Errors
    ///
    /// [`ApiError::BadRequest`] that names the header.
    pub fn read(request: &Request) -> Result<Self, ApiError> {
        let session = session(request)?;
        let app = text(request, &headers::APP_ID, "1 to 128 of A-Z a-z 0-9 . _ -", |text| {
            text.parse::<AppId>().ok()
        })?;
        // The credential decides which company is meant.
        text(request, &headers::COMPANY_ID, "1 to 128 visible ASCII characters", |text| {
            let is_plain = text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_graphic());
            is_plain.then_some(())
        })?;
        Ok(Self { session, app, response_id: None, is_own: false, dropped_tools: Arc::default() })
    }
}

/// The session of a request: the client's, or one made for it.
///
/// # Errors
///
/// [`ApiError::BadRequest`] unless it can be one.
pub fn session(request: &Request) -> Result<SessionId, ApiError> {
    let named = text(request, &headers::SESSION_ID, "1 to 64 of A-Z a-z 0-9 . _ -", |text| {
        text.parse::<SessionId>().ok()
    })?;
    Ok(named.unwrap_or_else(|| SessionId::made_for(&request.id)))
}

/// A header that may be left out. Scripts send an empty one for a variable that is not set.
fn text<T>(
    request: &Request,
    name: &HeaderName,
    must_be: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, ApiError> {
    let odd = || {
        let message = format!("The header {name} must be {must_be}, once, or be left out.");
        ApiError::bad(BadRequestCode::InvalidValue, Some(name.as_str()), message)
    };
    match request.header(name).map_err(|_| odd())?.map(|text| text.trim_matches(' ')) {
        None | Some("") => Ok(None),
        Some(text) => read(text).map(Some).ok_or_else(odd),
    }
}

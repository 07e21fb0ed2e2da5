//! The gateway's types for a request and a response.

use std::convert::Infallible;

use bytes::{Buf, Bytes};
use chrono::{DateTime, Utc};
use http::HeaderName;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use lanyard_domain::ids::RequestId;
use lanyard_protocol::payload::{NotPlain, single_header};
use tokio::time::Instant;

/// The body of a response. It cannot fail: the Lambda runtime would write the failure's text to the
/// attendee.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A response.
pub type Response = http::Response<Body>;

/// A request, with its one id and its one `now`.
#[derive(Debug)]
pub struct Request {
    /// Ours, never the client's.
    pub id: RequestId,
    /// The time by which every rule judges this request.
    pub now: DateTime<Utc>,
    /// When the function is stopped, if it is known.
    pub deadline: Option<Instant>,
    /// The HTTP request.
    pub http: http::Request<Bytes>,
}

impl Request {
    /// The value of a header that is there once and is plain text.
    ///
    /// # Errors
    ///
    /// [`NotPlain`] if it is there more than once or is not ASCII.
    pub fn header(&self, name: &HeaderName) -> Result<Option<&str>, NotPlain> {
        single_header(self.http.headers(), name)
    }
}

/// Skips the mark of UTF-8 that some writers put before a text, such as PowerShell. JSON has none.
pub(crate) fn skip_mark(body: &mut Bytes) {
    if body.starts_with("\u{feff}".as_bytes()) {
        body.advance("\u{feff}".len());
    }
}

/// A body that is there already.
#[must_use]
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed_unsync()
}

//! A request as Azure receives it.

use bytes::Bytes;
use http::header::{ACCEPT, CONNECTION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde_json::Value;

use crate::ports::UpstreamCall;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The method.
    pub method: Method,
    /// The path and the query, as sent.
    pub target: String,
    /// The headers, in lower case.
    pub headers: HeaderMap,
    /// The body, without the framing of chunks.
    pub body: Bytes,
}

impl Recorded {
    /// The head of a request of HTTP/1.1, without a body. `None` if it is none.
    #[must_use]
    pub fn head(text: &str) -> Option<Self> {
        let mut lines = text.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let method = words.next()?.parse().ok()?;
        let target = words.next()?.to_owned();
        let headers = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value.trim()).ok()?))
        });
        let mut recorded = Self { method, target, headers: HeaderMap::new(), body: Bytes::new() };
        for (name, value) in headers {
            recorded.headers.append(name, value);
        }
        Some(recorded)
    }

    /// The path alone.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The first header of this name, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON; `null` if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether a stream is asked for, by the header `accept` or in the body.
    #[must_use]
    pub fn is_streamed(&self) -> bool {
        self.header(ACCEPT.as_str()) == Some("text/event-stream") || self.json()["stream"] == true
    }

    /// Whether the client wants the connection closed after the response.
    #[must_use]
    pub fn wants_close(&self) -> bool {
        self.header(CONNECTION.as_str()).is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

impl From<&UpstreamCall> for Recorded {
    fn from(call: &UpstreamCall) -> Self {
        let target = call.url.parse::<Uri>().ok();
        let target = target.and_then(|url| url.path_and_query().map(ToString::to_string));
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(call.accept));
        headers.extend(call.content_type.clone().map(|value| (CONTENT_TYPE, value)));
        Self {
            method: call.method.clone(),
            target: target.unwrap_or_default(),
            headers,
            body: call.body.clone(),
        }
    }
}

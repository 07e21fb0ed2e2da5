//! A response, looked at with suspicion.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use lanyard_gateway::Body;
use serde_json::Value;

use super::canary;

/// Every header that may leave (wire contract, section 4). Anything else is a leak.
const ALLOWED: [&str; 24] = [
    "content-type",
    "x-request-id",
    "x-session-id",
    "x-upstream-request-id",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    "allow",
    "x-event-max-tokens",
    "x-event-max-tool-calls",
    "x-event-dropped-tools",
    "x-event-cost",
    "upgrade",
    "x-ratelimit-limit-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-tokens",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-max-age",
];

/// Checks the head of a response.
#[derive(Debug)]
struct Head {
    status: StatusCode,
    headers: HeaderMap,
    azure: String,
}

impl Head {
    fn check(&self, request_id: &str) {
        for (name, value) in &self.headers {
            assert!(ALLOWED.contains(&name.as_str()), "an unexpected header: {name}: {value:?}");
            let text = String::from_utf8_lossy(value.as_bytes());
            self.check_text(&text);
            assert!(!text.to_lowercase().contains("scripted"), "a header of Azure's: {name}");
        }
        let header = |name| self.headers.get(name).and_then(|value| value.to_str().ok());
        assert_eq!(header("x-request-id"), Some(request_id));
        assert_eq!(header("access-control-allow-origin"), Some("*"));
        let exposed = header("access-control-expose-headers").unwrap_or_default();
        for name in ALLOWED {
            let is_readable = name.starts_with("access-control-")
                || matches!(name, "content-type" | "allow" | "upgrade")
                || exposed.contains(name);
            assert!(is_readable, "browsers cannot read {name}");
        }
        assert_ne!(self.status, StatusCode::CONFLICT, "the legacy SDK loops on a 409");
        let content_type = header("content-type");
        assert!(content_type.is_some(), "no content-type");
        if self.status.as_u16() >= 400 {
            assert_eq!(content_type, Some("application/json"));
        }
    }

    fn check_text(&self, text: &str) {
        let mut secrets = vec![canary::KEY, canary::CODE, canary::PROMPT, canary::AZURE_NAME];
        secrets.extend(canary::TOKENS);
        secrets.push(&self.azure);
        if !self.status.is_success() {
            secrets.push(canary::COMPLETION);
        }
        let found = canary::in_text(text, &secrets);
        assert_eq!(found, None, "a secret in the answer: {text}");
    }
}

/// A whole response.
#[derive(Debug)]
pub(crate) struct TestResponse {
    head: Head,
    body: Bytes,
}

impl TestResponse {
    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        self.head.status
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("every body is text")
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// The code of the error.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().expect("the error has a code").to_owned()
    }

    /// Status and body in one line, for snapshots of tables.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.head.status.as_u16(), self.text())
    }

    /// Fails unless the response is a success.
    #[track_caller]
    pub(crate) fn assert_ok(&self) -> &Self {
        assert_eq!(self.head.status, StatusCode::OK, "{}", self.text());
        self
    }

    /// Fails unless the response is this error.
    #[track_caller]
    pub(crate) fn assert_refused(&self, status: u16, code: &str) -> &Self {
        if self.is_anthropics() {
            let said = (self.head.status.as_u16(), self.json()["error"]["type"].clone());
            assert_eq!(said, (status, anthropics_type(status).into()), "{}", self.text());
            return self;
        }
        let said = (self.head.status.as_u16(), self.code());
        assert_eq!(said, (status, code.to_owned()), "{}", self.text());
        self
    }

    /// Whether the response is an error in Anthropic's shape.
    fn is_anthropics(&self) -> bool {
        self.json()["type"] == "error"
    }

    /// Every error has OpenAI's four keys, or Anthropic's, and nothing that a client would not expect.
    #[track_caller]
    fn check_error(&self) {
        let body = self.json();
        if self.is_anthropics() {
            let keys = |value: &Value| -> Vec<String> {
                value.as_object().expect("it is an object").keys().cloned().collect()
            };
            assert_eq!(keys(&body), ["error", "request_id", "type"]);
            assert_eq!(keys(&body["error"]), ["message", "type"]);
            assert!(body["request_id"].is_string() && body["error"]["type"].is_string(), "{body}");
            assert!(
                body["error"]["message"].as_str().is_some_and(|text| text.len() > 10),
                "{body}"
            );
            return;
        }
        let outer = body.as_object().expect("an error is an object");
        assert_eq!(outer.keys().collect::<Vec<_>>(), ["error"]);
        let error = outer["error"].as_object().expect("an error is an object");
        for key in ["message", "type", "param", "code"] {
            assert!(error.contains_key(key), "{key} is missing: {body}");
        }
        let extra = usize::from(error.contains_key("innererror"));
        assert_eq!(error.len(), 4 + extra, "{body}");
        assert!(error["message"].as_str().is_some_and(|message| message.len() > 10), "{body}");
    }
}

/// The type of a refusal of ours by its status, <https://docs.claude.com/en/api/errors>.
fn anthropics_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        400..500 => "invalid_request_error",
        _ => "api_error",
    }
}

/// A response as it comes.
pub(crate) struct Stream {
    head: Head,
    body: Body,
}

impl Stream {
    #[track_caller]
    pub(super) fn new(
        response: lanyard_gateway::Response,
        request_id: &str,
        azure: String,
    ) -> Self {
        let (parts, body) = response.into_parts();
        let head = Head { status: parts.status, headers: parts.headers, azure };
        head.check(request_id);
        Self { head, body }
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        self.head.status
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) async fn piece(&mut self) -> Option<Bytes> {
        let Ok(frame) = self.body.frame().await?;
        let Ok(bytes) = frame.into_data() else {
            panic!("an answer has no trailers");
        };
        Some(bytes)
    }

    /// The next piece, as it was passed on; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<String> {
        let bytes = self.piece().await?;
        let text = String::from_utf8(bytes.into()).expect("every piece is text");
        self.head.check_text(&text);
        Some(text)
    }

    /// The next piece of a binary response; `None` at the end.
    pub(crate) async fn bytes(&mut self) -> Option<Bytes> {
        self.piece().await
    }

    /// The payloads of all that is left.
    pub(crate) async fn rest(&mut self) -> Vec<String> {
        let mut payloads = Vec::new();
        while let Some(piece) = self.next().await {
            payloads.push(payload(&piece));
        }
        payloads
    }

    /// Reads to the end.
    pub(crate) async fn collect(mut self) -> TestResponse {
        let mut body = Vec::new();
        while let Some(piece) = self.piece().await {
            body.extend_from_slice(&piece);
        }
        assert!(!body.is_empty(), "an empty body hangs a streaming front door");
        let response = TestResponse { head: self.head, body: body.into() };
        if let Ok(text) = std::str::from_utf8(&response.body) {
            response.head.check_text(text);
        }
        if response.head.status.as_u16() >= 400 {
            response.check_error();
        }
        response
    }
}

/// The payload of one server-sent event with one line of data.
pub(crate) fn payload(frame: &str) -> String {
    frame.trim_start_matches("data: ").trim_end_matches(['\r', '\n']).to_owned()
}

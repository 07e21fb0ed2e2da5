//! A buffered response with status 200 that is an error and nothing else.
//!
//! Some servers and gateways before them send their errors so. What else such a body has varies:
//! `{"error": {…}}`, FastAPI's `detail`, a list of errors, an error without an envelope, or an
//! empty list of results beside it.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::stream::failure::Failure;

/// The fields by which an error is known.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    /// The error of a server made with FastAPI, or a problem of RFC 9457.
    #[serde(borrow, default)]
    detail: Option<&'a RawValue>,
    #[serde(borrow, default)]
    errors: Option<&'a RawValue>,
    /// The sentence of an error without an envelope.
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
    /// What it is, of objects and of chats. One that has failed has its error beside it.
    #[serde(borrow, default)]
    object: Option<&'a RawValue>,
    /// The state of a response that has failed.
    #[serde(borrow, default)]
    status: Option<&'a RawValue>,
    #[serde(borrow, default)]
    choices: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    output: Option<&'a RawValue>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    results: Option<&'a RawValue>,
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
}

impl Body<'_> {
    fn is_error(&self) -> bool {
        let has_error = [self.error, self.detail, self.errors].into_iter().flatten().any(is_filled);
        let is_called_error = [self.kind, self.object]
            .into_iter()
            .flatten()
            .any(|name| matches!(name.get(), "\"error\""));
        let is_sentence = self.message.is_some_and(|message| message.get().starts_with('"'));
        has_error || is_called_error || is_sentence
    }

    fn has_results(&self) -> bool {
        let is_object = self
            .object
            .is_some_and(|object| object.get().starts_with('"') && object.get() != "\"error\"");
        let has_ended = self.status.is_some_and(|status| {
            matches!(status.get(), "\"failed\"" | "\"incomplete\"" | "\"cancelled\"")
        });
        let results = [self.choices, self.data, self.output, self.content, self.results, self.text];
        is_object || has_ended || results.into_iter().flatten().any(is_filled)
    }
}

/// Whether a value is more than nothing.
fn is_filled(value: &RawValue) -> bool {
    !matches!(value.get(), "null" | "false" | "\"\"" | "[]" | "{}")
}

/// The error that a body is. `None` if it is anything else.
#[must_use]
pub fn failure_of(body: &[u8]) -> Option<Failure> {
    if !body.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let read: Body<'_> = serde_json::from_slice(body).ok()?;
    (read.is_error() && !read.has_results()).then(|| Failure::read(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_known_by_its_shape_and_not_by_what_stands_beside_it() {
        for body in [
            r#"{"error":{"code":"429","message":"Busy"}}"#,
            r#" {"error":"upstream died"}"#,
            r#"{"id":"x","error":{"code":"server_error"},"choices":[],"usage":{"prompt_tokens":3}}"#,
            r#"{"type":"error","error":{"type":"overloaded_error"},"request_id":"x"}"#,
            r#"{"object":"error","message":"too long","code":400}"#,
            r#"{"statusCode":429,"message":"Rate limit is exceeded."}"#,
            r#"{"data":[],"error":{"message":"x"}}"#,
            r#"{"detail":"Service unavailable"}"#,
            r#"{"detail":[{"type":"missing","loc":["body","model"],"msg":"Field required"}]}"#,
            r#"{"type":"about:blank","title":"Odd","status":500,"detail":"x"}"#,
            r#"{"errors":[{"message":"x"}]}"#,
            r#"{"errors":{"model":["is odd"]}}"#,
        ] {
            assert!(failure_of(body.as_bytes()).is_some(), "{body}");
        }
        for body in [
            r#"{"id":"x","object":"chat.completion","choices":[{"message":{}}],"error":null}"#,
            r#"{"choices":[{"message":{"content":"{\"error\":1}"}}]}"#,
            r#"{"object":"response","status":"failed","error":{"code":"server_error"},"output":[]}"#,
            r#"{"id":"x","status":"failed","error":{"code":"server_error"},"output":[]}"#,
            r#"{"data":[{"b64_json":"x"}],"error":{"message":"of another image"}}"#,
            r#"{"type":"message","content":[{"type":"text","text":"error"}]}"#,
            r#"{"text":"message"}"#,
            r#"{"id":"x","object":"batch","errors":{"data":[{"message":"x"}]}}"#,
            r#"{"data":[{"b64_json":"x"}],"detail":"low"}"#,
            r#"{"data":[],"detail":null,"errors":[]}"#,
            r#"{"text":""}"#,
            "error",
            "[]",
            "",
        ] {
            assert!(failure_of(body.as_bytes()).is_none(), "{body}");
        }
    }
}

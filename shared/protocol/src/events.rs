//! The named events of the Responses API, as far as accounting and ownership have to read them.
//!
//! The first event names the response, one of the last carries its usage; words come in between
//! and are not read. <https://platform.openai.com/docs/api-reference/responses-streaming>

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::sse::Frame;
use crate::upstream::{self, Counted};

/// What an event means here.
#[derive(Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Words, or something else that is only handed on.
    Nothing,
    /// It names the response.
    Names(Option<String>),
    /// The response has ended, with this usage.
    Ends {
        /// The response's id.
        id: Option<String>,
        /// What it cost.
        counted: Option<Counted>,
    },
    /// Azure has given up.
    Fails {
        /// Whether it had no room.
        is_busy: bool,
    },
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    response: Option<Response<'a>>,
    #[serde(default)]
    code: Value,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

/// Reads an event, in proportion to the tokens that were expected.
pub fn read(frame: &Frame, expected: u64) -> Meaning {
    if frame.event().is_some_and(|name| name.ends_with(".delta")) {
        return Meaning::Nothing;
    }
    let data = frame.data();
    let Ok(event) = serde_json::from_slice::<Event<'_>>(&data) else { return Meaning::Nothing };
    let id = || event.response.as_ref()?.id.as_deref().map(ToOwned::to_owned);
    match event.kind.as_ref() {
        "error" => {
            let inner = event.error.and_then(|error| serde_json::from_str(error.get()).ok());
            let inner: Value = inner.unwrap_or_default();
            let is_busy = [&event.code, &inner["code"]].into_iter().any(|code| {
                matches!(code.as_str(), Some("rate_limit_exceeded" | "too_many_requests" | "429"))
            });
            Meaning::Fails { is_busy }
        }
        "response.completed" | "response.incomplete" | "response.failed" => {
            let usage = event.response.as_ref().and_then(|response| response.usage);
            let usage = usage.filter(|usage| usage.get() != "null");
            Meaning::Ends { id: id(), counted: usage.map(|usage| upstream::count(usage, expected)) }
        }
        _ if event.response.is_some() => Meaning::Names(id()),
        _ => Meaning::Nothing,
    }
}

/// An error in the middle of a stream: one event of the API's own shape. The official SDKs hand it
/// on, or raise it for the sake of its `error`.
pub fn error_event(body: &[u8], number: u64) -> Bytes {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = &body["error"];
    let event = serde_json::json!({
        "type": "error",
        "code": error["code"],
        "message": error["message"],
        "param": error["param"],
        "sequence_number": number,
        "error": error,
    });
    format!("event: error\ndata: {event}\n\n").into()
}

#[cfg(test)]
mod tests {
    use lanyard_domain::usage::Usage;

    use super::*;

    fn meaning(text: &'static str) -> Meaning {
        read(&Frame(Bytes::from(text)), 100)
    }

    #[test]
    fn only_what_governs_is_read() {
        let named = r#"event: response.created
data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","usage":null,"error":null}}"#;
        assert_eq!(meaning(named), Meaning::Names(Some("resp_1".to_owned())));
        let words = r#"data: {"type":"response.output_text.delta","delta":"\"error\""}"#;
        assert_eq!(meaning(words), Meaning::Nothing);
        assert_eq!(meaning("event: x.delta\ndata: {\"type\":\"error\"}"), Meaning::Nothing);
        assert_eq!(meaning(": ping"), Meaning::Nothing);
        let ended = r#"data: {"type":"response.incomplete","response":{"id":"resp_1","usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7}}}"#;
        let usage = Usage::of_tokens(3, 4);
        let counted = Some(Counted { usage, is_credible: true });
        assert_eq!(meaning(ended), Meaning::Ends { id: Some("resp_1".to_owned()), counted });
    }

    #[test]
    fn azures_errors_are_found_in_both_shapes() {
        for (text, is_busy) in [
            (r#"data: {"type":"error","code":"server_error","message":"x"}"#, false),
            (r#"data: {"type":"error","code":"rate_limit_exceeded","message":"x"}"#, true),
            (r#"data: {"type":"error","error":{"code":"too_many_requests"}}"#, true),
        ] {
            assert_eq!(meaning(text), Meaning::Fails { is_busy }, "{text}");
        }
    }
}

//! Turns a function's response into API Gateway's response.

use std::pin::Pin;
use std::task::{Context, Poll};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body::{Body, Frame};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::event::PayloadFormat;
use super::invocation::{BrokenOff, Outcome, StreamedBody};

/// The body of a response: there already, or on its way.
pub enum ResponseBody {
    /// There already.
    Buffered(Option<Bytes>),
    /// On its way.
    Streamed(StreamedBody),
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match &mut *self {
            Self::Buffered(bytes) => {
                let bytes = bytes.take().filter(|bytes| !bytes.is_empty());
                Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
            }
            Self::Streamed(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn size_hint(&self) -> http_body::SizeHint {
        match self {
            Self::Buffered(bytes) => {
                http_body::SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Self::Streamed(_) => http_body::SizeHint::default(),
        }
    }
}

/// A buffered response in the format of a function.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    status_code: u16,
    #[serde(default)]
    headers: Option<Map<String, Value>>,
    #[serde(default)]
    multi_value_headers: Option<Map<String, Value>>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: Option<bool>,
}

/// The response to a client, or `None` where API Gateway would say that the integration failed: the
/// function did, or its response is not in the form of its integration.
pub(super) fn integrate(
    outcome: Outcome,
    is_streamed: bool,
    format: PayloadFormat,
) -> Option<Response<ResponseBody>> {
    match outcome {
        Outcome::Buffered(bytes) if !is_streamed => buffered(&bytes, format),
        Outcome::Streamed { prelude, body } if is_streamed => {
            let given: Given = serde_json::from_slice(&prelude).ok()?;
            respond(&given, ResponseBody::Streamed(body))
        }
        Outcome::Buffered(_) | Outcome::Streamed { .. } | Outcome::Failed(_) => None,
    }
}

fn buffered(bytes: &Bytes, format: PayloadFormat) -> Option<Response<ResponseBody>> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    if format == PayloadFormat::V2 && value.get("statusCode").is_none() {
        // A function URL accepts any JSON as a body.
        let mut response = Response::new(ResponseBody::Buffered(Some(bytes.clone())));
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        return Some(response);
    }
    let given: Given = serde_json::from_value(value).ok()?;
    let body = given.body.clone().unwrap_or_default();
    let body = match given.is_base64_encoded {
        Some(true) => Bytes::from(STANDARD.decode(body).ok()?),
        Some(false) | None => Bytes::from(body),
    };
    respond(&given, ResponseBody::Buffered(Some(body)))
}

fn respond(given: &Given, body: ResponseBody) -> Option<Response<ResponseBody>> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(given.status_code).ok()?;
    let headers = response.headers_mut();
    for (name, value) in given.headers.iter().flatten() {
        add(headers, name, value)?;
    }
    // If both have a header, the multi-value form wins.
    for (name, values) in given.multi_value_headers.iter().flatten() {
        headers.remove(name.as_str());
        add(headers, name, values)?;
    }
    for cookie in given.cookies.iter().flatten() {
        headers.append(SET_COOKIE, cookie.parse().ok()?);
    }
    Some(response)
}

fn add(headers: &mut HeaderMap, name: &str, value: &Value) -> Option<()> {
    let name: HeaderName = name.parse().ok()?;
    let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    for value in values {
        headers.append(name.clone(), plain(value)?);
    }
    Some(())
}

fn plain(value: &Value) -> Option<HeaderValue> {
    match value {
        Value::String(text) => HeaderValue::from_str(text).ok(),
        Value::Number(_) | Value::Bool(_) => value.to_string().parse().ok(),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invocation::Failure;
    use serde_json::json;

    fn buffered(value: &Value) -> Outcome {
        Outcome::Buffered(value.to_string().into())
    }

    #[test]
    fn a_response_in_another_integrations_format_is_rejected() {
        let good = json!({"statusCode": 200, "body": "x"});
        assert!(integrate(buffered(&good), false, PayloadFormat::V1).is_some());
        assert!(integrate(buffered(&good), true, PayloadFormat::V1).is_none());
        let streamed = || Outcome::Streamed {
            prelude: good.to_string().into(),
            body: StreamedBody::channel().1,
        };
        assert!(integrate(streamed(), true, PayloadFormat::V1).is_some());
        assert!(integrate(streamed(), false, PayloadFormat::V1).is_none());
        let crashed = Outcome::Failed(Failure::Crashed);
        assert!(integrate(crashed, true, PayloadFormat::V1).is_none());
    }

    #[test]
    fn a_malformed_response_is_rejected() {
        for value in [json!("text"), json!({"body": "x"}), json!({"statusCode": "x"}), json!(null)]
        {
            assert!(integrate(buffered(&value), false, PayloadFormat::V1).is_none(), "{value}");
        }
        let any = integrate(buffered(&json!({"a": 1})), false, PayloadFormat::V2).unwrap();
        assert_eq!(any.status(), 200);
    }

    #[test]
    fn headers_of_many_values_win_and_base64_is_decoded() {
        let given = json!({
            "statusCode": 201, "headers": {"x-a": "0", "x-b": "b"},
            "multiValueHeaders": {"x-a": ["1", "2"]}, "body": "/w==", "isBase64Encoded": true,
        });
        let response = integrate(buffered(&given), false, PayloadFormat::V1).unwrap();
        let values: Vec<_> = response.headers().get_all("x-a").iter().collect();
        assert_eq!(values, ["1", "2"]);
        assert_eq!(response.headers()["x-b"], "b");
        assert!(
            matches!(response.body(), ResponseBody::Buffered(Some(bytes)) if bytes[..] == [0xff])
        );
    }
}

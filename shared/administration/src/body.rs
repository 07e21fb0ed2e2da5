//! A request's body: one JSON object without duplicate fields.

use std::fmt;

use http::header::CONTENT_ENCODING;
use lanyard_gateway::Request;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Value};

use crate::error::AdminError;

/// The largest body, in bytes.
const MOST_BYTES: usize = 256 * 1024;

/// The object that a request carries.
///
/// Its content type is not looked at: nothing else is ever understood here, and curl sends a wrong
/// one by default.
///
/// # Errors
///
/// 400 `invalid_json`, 413 or 415.
pub(crate) fn object(request: &Request) -> Result<Map<String, Value>, AdminError> {
    let body = bytes(request)?;
    // Programs on Windows write the mark of UTF-8 before a file.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let refused = |message: &str| Err(AdminError::InvalidJson(message.to_owned()));
    if body.is_empty() {
        return refused("The body is empty. Send a JSON object.");
    }
    match serde_json::from_slice(body) {
        Ok(Unrepeated(Value::Object(object))) => Ok(object),
        Ok(Unrepeated(_)) => refused("The body must be a JSON object."),
        Err(fault) => Err(AdminError::InvalidJson(match fault.classify() {
            Category::Data => format!("The body holds a field twice, {}.", place(&fault)),
            Category::Eof => "The body is not JSON: it ends too early.".to_owned(),
            Category::Syntax | Category::Io => {
                format!("The body is not JSON: it is malformed {}.", place(&fault))
            }
        })),
    }
}

/// The object that a request carries, or an empty one if there is no body at all.
///
/// # Errors
///
/// Those of [`object`].
pub(crate) fn optional_object(request: &Request) -> Result<Map<String, Value>, AdminError> {
    if request.http.body().is_empty() { Ok(Map::new()) } else { object(request) }
}

/// The bytes that a request carries.
///
/// # Errors
///
/// 413 or 415.
pub(crate) fn bytes(request: &Request) -> Result<&[u8], AdminError> {
    let mut encodings = request.http.headers().get_all(CONTENT_ENCODING).iter();
    if encodings.any(|encoding| encoding != "identity") {
        return Err(AdminError::UnsupportedMediaType);
    }
    let body = request.http.body();
    if body.len() > MOST_BYTES {
        return Err(AdminError::RequestTooLarge { limit: MOST_BYTES });
    }
    Ok(body)
}

fn place(fault: &serde_json::Error) -> String {
    format!("at line {}, column {}", fault.line(), fault.column())
}

/// A value in which no object has a field twice.
struct Unrepeated(Value);

impl<'de> Deserialize<'de> for Unrepeated {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Unrepeated(value)) = values.next_element()? {
            list.push(value);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Unrepeated(value))) = fields.next_entry::<String, _>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a field stands twice"));
            }
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn read(body: impl Into<Bytes>) -> Result<Map<String, Value>, AdminError> {
        object(&Request {
            id: "req_1".parse().unwrap(),
            now: chrono::DateTime::UNIX_EPOCH,
            deadline: None,
            http: http::Request::new(body.into()),
        })
    }

    #[test]
    fn an_object_keeps_its_values() {
        let object = read(r#"{"a": [1, -2, 0.5, "x", true, null, {"b": {}}]}"#).unwrap();
        assert_eq!(Value::Object(object).to_string(), r#"{"a":[1,-2,0.5,"x",true,null,{"b":{}}]}"#);
        assert_eq!(read("\u{feff}{\"a\": 1}").unwrap()["a"], 1);
    }

    #[test]
    fn anything_else_is_refused_with_its_place() {
        let fault = |body: &str| read(body.to_owned()).unwrap_err().to_string();
        assert_eq!(fault(""), "The body is empty. Send a JSON object.");
        assert_eq!(fault("[1]"), "The body must be a JSON object.");
        assert_eq!(fault("{"), "The body is not JSON: it ends too early.");
        assert_eq!(fault("{x}"), "The body is not JSON: it is malformed at line 1, column 2.");
        let twice = fault(r#"{"a":{"b":1,"\u0062":2}}"#);
        assert!(twice.starts_with("The body holds a field twice, at line 1"), "{twice}");
        assert!(read(vec![b'{', b'"', 0xff, b'"', b':', b'1', b'}']).is_err());
        assert!(fault(&format!("{{\"a\":{}", "[".repeat(10_000))).contains("malformed"));
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MOST_BYTES));
        assert!(matches!(read(long), Err(AdminError::RequestTooLarge { .. })));
    }
}

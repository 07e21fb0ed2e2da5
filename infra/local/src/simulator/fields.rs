//! Reads the typed fields of a body, and says in Azure's way which one is wrong.
//!
//! `null` counts as absent everywhere, as it does at Azure.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::refusal::Refusal;

/// A JSON object as it came.
pub(super) type Object = Map<String, Value>;

/// The body as an object.
pub(super) fn object(body: &[u8]) -> Result<Object, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::invalid("The body must be a JSON object.")),
        Err(_) => Err(Refusal::invalid("The body is not valid JSON.")),
    }
}

/// A field that is neither absent nor `null`.
pub(super) fn given<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

/// A true or false field; absent is false.
pub(super) fn flag(object: &Object, name: &str) -> Result<bool, Refusal> {
    match given(object, name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => Err(Refusal::wrong_type(name, "a boolean", other)),
    }
}

/// A text field.
pub(super) fn text<'a>(object: &'a Object, name: &str) -> Result<Option<&'a str>, Refusal> {
    match given(object, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(Refusal::wrong_type(name, "a string", other)),
    }
}

/// A whole number within a range.
pub(super) fn integer(
    object: &Object,
    name: &str,
    range: RangeInclusive<usize>,
) -> Result<Option<usize>, Refusal> {
    let Some(value) = given(object, name) else {
        return Ok(None);
    };
    let whole = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
    let Some(whole) = whole else {
        return Err(Refusal::wrong_type(name, "an integer", value));
    };
    match usize::try_from(whole) {
        Ok(number) if range.contains(&number) => Ok(Some(number)),
        Ok(number) if number > *range.end() => {
            let message = format!("'{name}' may be at most {}.", range.end());
            Err(Refusal::field(name, Some("integer_above_max_value"), message))
        }
        Ok(_) | Err(_) => {
            let message = format!("'{name}' must be at least {}.", range.start());
            Err(Refusal::field(name, Some("integer_below_min_value"), message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(refusal: Refusal) -> Option<&'static str> {
        let Refusal::Invalid { code, .. } = refusal else { panic!("not a bad field: {refusal:?}") };
        code
    }

    fn read(body: &str) -> Result<Option<usize>, Refusal> {
        integer(&object(body.as_bytes()).unwrap(), "max_tokens", 1..=10)
    }

    #[test]
    fn a_whole_number_in_range_is_read() {
        assert_eq!(read(r#"{"max_tokens": 10}"#), Ok(Some(10)));
        assert_eq!(read(r#"{"max_tokens": null}"#), Ok(None));
        assert_eq!(read("{}"), Ok(None));
    }

    #[test]
    fn other_numbers_and_types_are_told_apart() {
        assert_eq!(
            code(read(r#"{"max_tokens": 0}"#).unwrap_err()),
            Some("integer_below_min_value")
        );
        assert_eq!(
            code(read(r#"{"max_tokens": -1}"#).unwrap_err()),
            Some("integer_below_min_value")
        );
        assert_eq!(
            code(read(r#"{"max_tokens": 11}"#).unwrap_err()),
            Some("integer_above_max_value")
        );
        assert_eq!(code(read(r#"{"max_tokens": 1.5}"#).unwrap_err()), Some("invalid_type"));
        assert_eq!(code(read(r#"{"max_tokens": "5"}"#).unwrap_err()), Some("invalid_type"));
    }

    #[test]
    fn only_an_object_is_a_body() {
        assert!(object(b"{}").is_ok());
        for body in ["", "[]", "\"text\"", "{", "\u{fffd}"] {
            assert!(object(body.as_bytes()).is_err(), "{body}");
        }
    }
}

//! JSON as far as a body needs it: the fields of the outer object, undecoded.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::error::{BadRequestCode, BodyRefused};

/// How deep a body may nest. Its fields are parsed one by one, so this is one level more than the
/// parser allows of each.
const DEEPEST: usize = 128;

/// The fields of the outer object in their order.
///
/// # Errors
///
/// 400 `invalid_json`.
pub(crate) fn object(body: &[u8]) -> Result<Vec<(Cow<'_, str>, &RawValue)>, BodyRefused> {
    if body.is_empty() {
        return Err(invalid("The body is empty. Send a JSON object."));
    }
    let text = std::str::from_utf8(body).map_err(|_| invalid("The body is not UTF-8 text."))?;
    let Fields(fields) = serde_json::from_str(text)
        .map_err(|fault| invalid(format!("The body is not a JSON object: {}.", place(&fault))))?;
    check_depth_and_surrogates(body)?;
    Ok(fields)
}

/// The fields of an object of Azure's; none if it is something else.
pub(crate) fn fields(body: &[u8]) -> Option<Vec<(Cow<'_, str>, &RawValue)>> {
    let Fields(fields) = serde_json::from_slice(body).ok()?;
    Some(fields)
}

/// Whether a text has a letter that is written as an escape, so that a search for a name may miss
/// it. No encoder writes letters so.
pub(crate) fn hides_letters(text: &str) -> bool {
    static ESCAPES: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\\u00"));
    let bytes = text.as_bytes();
    ESCAPES.find_iter(bytes).any(|at| {
        let is_letter = |digit: &u8| (b'4'..=b'7').contains(digit);
        bytes.get(at + ESCAPES.needle().len()).is_some_and(is_letter)
    })
}

/// The digits of all numbers in a JSON text.
pub(crate) fn digits(json: &str) -> u64 {
    let body = json.as_bytes();
    let (mut digits, mut at) = (0, 0);
    while at < body.len() {
        let rest = body.get(at..).unwrap_or_default();
        let outside = memchr::memchr(b'"', rest).unwrap_or(rest.len());
        digits += rest[..outside].iter().filter(|byte| byte.is_ascii_digit()).count() as u64;
        at = end_of_string(body, at + outside + 1).unwrap_or(body.len());
    }
    digits
}

fn invalid(message: impl Into<String>) -> BodyRefused {
    BodyRefused::bad(BadRequestCode::InvalidJson, None, message)
}

/// Why and where a parse failed, without any of the text.
fn place(fault: &serde_json::Error) -> String {
    let what = match fault.classify() {
        Category::Eof => "it ends too early",
        Category::Data => return "it is something else".to_owned(),
        Category::Syntax | Category::Io => "it is malformed",
    };
    format!("{what} at line {}, column {}", fault.line(), fault.column())
}

struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Outer;
        impl<'de> Visitor<'de> for Outer {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(16);
                while let Some(Text(name)) = map.next_key()? {
                    fields.push((name, map.next_value()?));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Outer)
    }
}

/// Text, borrowed where it holds no escapes.
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowed;
        impl<'de> Visitor<'de> for Borrowed {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Borrowed)
    }
}

/// Checks that the parser leaves out for values that it skips: how deep they nest, and that every
/// `\u` escape of a surrogate has its other half.
fn check_depth_and_surrogates(body: &[u8]) -> Result<(), BodyRefused> {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(found) = memchr::memchr3(b'"', b'{', b'[', body.get(at..).unwrap_or_default())
        .map(|offset| at + offset)
    {
        depth -= closings(body.get(at..found).unwrap_or_default()).min(depth);
        at = found + 1;
        if body.get(found) == Some(&b'"') {
            at = end_of_string(body, at)?;
            continue;
        }
        depth += 1;
        if depth > DEEPEST {
            return Err(invalid(format!("The body nests deeper than {DEEPEST} levels.")));
        }
    }
    Ok(())
}

fn closings(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| matches!(byte, b'}' | b']')).count()
}

/// The index after the closing quote of a string whose syntax is known to be right.
fn end_of_string(body: &[u8], start: usize) -> Result<usize, BodyRefused> {
    let mut at = start;
    let rest = |at: usize| body.get(at..).unwrap_or_default();
    while let Some(offset) = memchr::memchr2(b'"', b'\\', rest(at)) {
        at += offset;
        if body.get(at) == Some(&b'"') {
            return Ok(at + 1);
        }
        let high = escaped_unit(rest(at));
        at += 2;
        if matches!(high, Some(0xDC00..=0xDFFF)) {
            return Err(invalid("The body holds half of a surrogate pair."));
        }
        if matches!(high, Some(0xD800..=0xDBFF)) {
            at += 4;
            if !matches!(escaped_unit(rest(at)), Some(0xDC00..=0xDFFF)) {
                return Err(invalid("The body holds half of a surrogate pair."));
            }
            at += 6;
        }
    }
    Ok(body.len())
}

/// The code unit of a `\u` escape at the start of `bytes`.
fn escaped_unit(bytes: &[u8]) -> Option<u16> {
    let hex = bytes.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_object(text: &str) -> bool {
        object(text.as_bytes()).is_ok()
    }

    #[test]
    fn only_an_object_is_a_body() {
        assert!(is_object(r#" {"a":1,"b":[{"c":"]}\""}]} "#));
        for text in
            ["", "[]", "\"x\"", "null", "{} x", "\u{feff}{}", "{\"a\":NaN}", "{\"a\":1,}", "{"]
        {
            assert!(!is_object(text), "{text:?}");
        }
        assert!(object(b"{\"a\":\"\xff\"}").is_err());
    }

    #[test]
    fn the_digits_of_numbers_stand_in_no_text() {
        for (json, expected) in [
            (r#"{"a1":[1,-2.50e2,true],"b":"34\"5","c":{"\\\\":6}}"#, 6),
            (r#""12""#, 0),
            ("12", 2),
            ("", 0),
        ] {
            assert_eq!(digits(json), expected, "{json}");
        }
    }

    #[test]
    fn values_keep_their_bytes() {
        let fields = object(br#"{"seed": 1.50e2, "x":{"b" :1,"b":2}}"#).unwrap();
        assert_eq!(fields[0].1.get(), "1.50e2");
        assert_eq!(fields[1].1.get(), r#"{"b" :1,"b":2}"#);
    }

    #[test]
    fn names_are_compared_unescaped() {
        let fields = object(br#"{"max\u005ftokens":1}"#).unwrap();
        assert_eq!(fields[0].0, "max_tokens");
    }

    #[test]
    fn depth_is_counted_also_where_nobody_reads() {
        let nested = |n| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert!(is_object(&nested(127)));
        assert!(!is_object(&nested(128)));
        assert!(!is_object(&nested(100_000)));
        assert!(is_object(&format!("{{\"a\":[{}0]}}", "[[[]]],".repeat(100))));
        assert!(is_object(&format!("{{\"a\":\"{}\"}}", "[".repeat(500))));
    }

    #[test]
    fn surrogates_come_in_pairs() {
        assert!(is_object(r#"{"a":"\ud83d\ude00 \\ud800 \"\u0041"}"#));
        for text in [
            r#"{"a":"\ud800"}"#,
            r#"{"a":"\ude00"}"#,
            r#"{"a":"\ud83dx"}"#,
            r#"{"a":"\ud83d\u0041"}"#,
        ] {
            assert!(!is_object(text), "{text}");
        }
    }
}

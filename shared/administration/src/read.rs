//! Readers of single values. Each error has the expected form, and repeats no part of the value.

use std::ops::RangeInclusive;
use std::str::FromStr;

use lanyard_domain::amount::nano_dollars;
use lanyard_domain::operation::Operation;
use serde_json::{Value, json};

/// The largest number of an allowance, far past anything that can be used up.
pub(crate) const MOST_UNITS: u64 = 1_000_000_000_000;
/// The most dollars of an allowance: up to here, JSON's numbers are exact to the billionth.
const MOST_USD: f64 = 1_000_000.0;
/// The longest web address, in bytes.
const LONGEST_ADDRESS: usize = 2_048;

/// How a field is read, and its schema.
pub(crate) struct Reader<R> {
    pub(crate) read: R,
    #[cfg(feature = "schema")]
    pub(crate) schema: Value,
}

/// A reader of single values: what [`reader`] makes.
macro_rules! reads {
    ($value:ty) => { Reader<impl FnOnce(&Value) -> Result<$value, String>> };
}
pub(crate) use reads;

/// A reader of values that this schema describes.
#[cfg_attr(not(feature = "schema"), expect(unused_variables, reason = "only schemas need it"))]
pub(crate) fn reader<T, R>(schema: impl FnOnce() -> Value, read: R) -> Reader<R>
where
    R: FnOnce(&Value) -> Result<T, String>,
{
    Reader {
        read,
        #[cfg(feature = "schema")]
        schema: schema(),
    }
}

/// What has a schema, where schemas are wanted.
#[cfg(feature = "schema")]
pub(crate) use schemars::JsonSchema as Described;

/// What has a schema, where schemas are wanted.
#[cfg(not(feature = "schema"))]
pub(crate) trait Described {}

#[cfg(not(feature = "schema"))]
impl<T> Described for T {}

/// The schema of a type.
#[cfg(feature = "schema")]
fn schema_of<T: Described>() -> Value {
    crate::noted::of::<T>()
}

#[cfg(not(feature = "schema"))]
fn schema_of<T: Described>() -> Value {
    Value::Null
}

impl<T, R: FnOnce(&Value) -> Result<T, String>> Reader<R> {
    /// The same reader with another message.
    pub(crate) fn or_else(self, words: impl FnOnce(String) -> String) -> reads!(T) {
        Reader {
            read: move |value: &Value| (self.read)(value).map_err(words),
            #[cfg(feature = "schema")]
            schema: self.schema,
        }
    }
}

/// Text of one line and some length, outer spaces trimmed.
pub(crate) fn line(length: RangeInclusive<usize>) -> reads!(String) {
    let (least, most) = (*length.start(), *length.end());
    let schema = move || json!({"type": "string", "minLength": least, "maxLength": most});
    reader(schema, move |value| {
        let text = value.as_str().map(str::trim);
        let is_line = |text: &&str| {
            length.contains(&text.chars().count()) && !text.contains(char::is_control)
        };
        let line = text.filter(is_line).map(ToOwned::to_owned);
        line.ok_or_else(|| format!("must be one line of text, {least} to {most} characters"))
    })
}

/// Text of several lines.
pub(crate) fn text(most: usize) -> reads!(String) {
    let schema = move || json!({"type": "string", "maxLength": most});
    reader(schema, move |value| {
        let is_control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        let is_text = |text: &&str| text.chars().count() <= most && !text.contains(is_control);
        let text = value.as_str().filter(is_text).map(ToOwned::to_owned);
        text.ok_or_else(|| format!("must be text of at most {most} characters"))
    })
}

/// Text that is parsed into a type.
pub(crate) fn parsed<T>() -> reads!(T)
where
    T: FromStr + Described,
    T::Err: std::fmt::Display,
{
    reader(schema_of::<T>, parse)
}

fn parse<T>(value: &Value) -> Result<T, String>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    let text = value.as_str().ok_or("must be text")?;
    text.parse().map_err(|fault: T::Err| fault.to_string())
}

/// A whole number.
pub(crate) fn whole(range: RangeInclusive<u64>) -> reads!(u64) {
    let (least, most) = (*range.start(), *range.end());
    let schema = move || json!({"type": "integer", "minimum": least, "maximum": most});
    reader(schema, move |value| {
        let number = value.as_u64().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("must be a whole number from {least} to {most}"))
    })
}

/// A limit of an allowance; `null`, read elsewhere, lifts it.
pub(crate) fn limit() -> reads!(u64) {
    whole(1..=MOST_UNITS).or_else(|fault| format!("{fault}, or null for no such limit"))
}

/// The same on money: dollars, of which accounts count billionths.
pub(crate) fn limit_of_money() -> reads!(u64) {
    let schema = || {
        let unit = "US dollars, with at most nine decimal places.";
        json!({"type": "number", "minimum": 1e-9, "maximum": MOST_USD, "description": unit})
    };
    reader(schema, |value| {
        let dollars = value.as_f64().filter(|dollars| *dollars <= MOST_USD);
        let nano = dollars.filter(|dollars| *dollars > 0.0).map(nano_dollars);
        nano.filter(|nano| *nano > 0).ok_or_else(|| {
            format!("must be US dollars, a number from 0.000000001 to {MOST_USD}, or null for no such limit")
        })
    })
}

/// Yes or no.
pub(crate) fn yes_or_no() -> reads!(bool) {
    let schema = || json!({"type": "boolean"});
    reader(schema, |value| value.as_bool().ok_or_else(|| "must be true or false".to_owned()))
}

/// A list of texts that are parsed into a type, without duplicates. Every wrong item is named.
pub(crate) fn list<T>() -> reads!(Vec<T>)
where
    T: FromStr + PartialEq + Described,
    T::Err: std::fmt::Display,
{
    let schema = || {
        let items = schema_of::<T>();
        json!({"type": "array", "minItems": 1, "uniqueItems": true, "items": items})
    };
    reader(schema, |value| {
        let values = value.as_array().filter(|values| !values.is_empty());
        let values = values.ok_or("must be a list of at least one name")?;
        let mut list = Vec::with_capacity(values.len());
        let mut faults = Vec::new();
        for (index, value) in values.iter().enumerate() {
            match parse(value) {
                Ok(item) if list.contains(&item) => {
                    faults.push(format!("[{index}] repeats a name"));
                }
                Ok(item) => list.push(item),
                Err(fault) => faults.push(format!("[{index}] {fault}")),
            }
        }
        if faults.is_empty() { Ok(list) } else { Err(faults.join("; ")) }
    })
}

/// One of a few values.
pub(crate) fn one_of<T: Copy>(words: &[(&str, T)]) -> reads!(T) {
    let names = move || words.iter().map(|(word, _)| *word).collect::<Vec<_>>();
    reader(
        move || json!({"type": "string", "enum": names()}),
        move |value| {
            let found = words.iter().find(|(word, _)| value.as_str() == Some(*word));
            let meaning = found.map(|(_, meaning)| *meaning);
            meaning.ok_or_else(|| format!("must be one of: {}", names().join(", ")))
        },
    )
}

/// The names of every operation, for messages.
pub(crate) fn operation_names() -> String {
    Operation::ALL.iter().map(|operation| operation.name()).collect::<Vec<_>>().join(", ")
}

/// A web address of one of these schemes.
pub(crate) fn address(schemes: &[&str]) -> reads!(String) {
    let schema = || json!({"type": "string", "format": "uri", "maxLength": LONGEST_ADDRESS});
    reader(schema, move |value| {
        let is_address = |text: &&str| {
            let uri = text.parse::<http::Uri>().ok();
            let scheme = uri.as_ref().and_then(http::Uri::scheme_str);
            let host = uri.as_ref().and_then(http::Uri::host);
            text.len() <= LONGEST_ADDRESS
                && text.bytes().all(|b| b.is_ascii_graphic() && !b"\"'<>`\\".contains(&b))
                && scheme.is_some_and(|scheme| schemes.contains(&scheme))
                && host.is_some_and(|host| !host.is_empty())
        };
        let text = value.as_str().filter(is_address).map(ToOwned::to_owned);
        text.ok_or_else(|| {
            format!("must be an address that begins with {}://", schemes.join(":// or "))
        })
    })
}

/// A mail address, by its form.
pub(crate) fn email() -> reads!(String) {
    let schema = || json!({"type": "string", "format": "email", "maxLength": 254});
    reader(schema, |value| {
        let is_email = |text: &&str| {
            let parts = text.split_once('@');
            let is_clean = |c: char| !c.is_whitespace() && !c.is_control() && !"<>\",;".contains(c);
            text.len() <= 254
                && text.chars().all(is_clean)
                && parts.is_some_and(|(user, host)| {
                    !user.is_empty() && !host.is_empty() && !host.contains('@')
                })
        };
        let text = value.as_str().filter(is_email).map(ToOwned::to_owned);
        text.ok_or_else(|| "must be a mail address".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_numbers_in_range_are_limits() {
        assert_eq!((limit().read)(&json!(1)), Ok(1));
        for value in [json!(0), json!(-1), json!(1.5), json!("100"), json!(1e18), json!(true)] {
            assert!((limit().read)(&value).is_err(), "{value}");
        }
    }

    #[test]
    fn a_line_is_trimmed_and_counted_in_characters() {
        assert_eq!((line(1..=4).read)(&json!("  Blå! ")).unwrap(), "Blå!");
        for value in [json!(""), json!("   "), json!("a\nb"), json!("abcde"), json!(5)] {
            assert!((line(1..=4).read)(&value).is_err(), "{value}");
        }
    }

    #[test]
    fn scripts_and_odd_texts_are_not_addresses() {
        let web = |text: &str| (address(&["https", "http"]).read)(&json!(text)).is_ok();
        assert!(web("https://example.org/hack?x=1"));
        assert!(web("http://example.org"));
        for text in [
            "javascript:alert(1)",
            "https://",
            "/relative",
            "data:text/html,x",
            "https://a b",
            "https://a/\"><script>",
            "HTTPS",
        ] {
            assert!(!web(text), "{text}");
        }
    }

    #[test]
    fn a_mail_address_has_two_sides() {
        assert!((email().read)(&json!("ada@example.org")).is_ok());
        for text in ["ada", "@x", "a@", "a@b@c", "a b@c", "<a@b>"] {
            assert!((email().read)(&json!(text)).is_err(), "{text}");
        }
    }
}

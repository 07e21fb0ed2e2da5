//! Readers of single values. Each says what the value must be, and repeats nothing of it.

use std::ops::RangeInclusive;
use std::str::FromStr;

use lanyard_domain::operation::Operation;
use serde_json::Value;

/// The largest number of an allowance, far past anything that can be used up.
pub(crate) const MOST_UNITS: u64 = 1_000_000_000_000;

/// Text of one line and some length, outer blanks trimmed.
pub(crate) fn line(length: RangeInclusive<usize>) -> impl FnOnce(&Value) -> Result<String, String> {
    move |value| {
        let text = value.as_str().map(str::trim);
        let is_line = |text: &&str| {
            length.contains(&text.chars().count()) && !text.contains(char::is_control)
        };
        text.filter(is_line).map(ToOwned::to_owned).ok_or_else(|| {
            let (least, most) = (length.start(), length.end());
            format!("must be one line of text, {least} to {most} characters")
        })
    }
}

/// Text of several lines.
pub(crate) fn text(most: usize) -> impl FnOnce(&Value) -> Result<String, String> {
    move |value| {
        let is_control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        let is_text = |text: &&str| text.chars().count() <= most && !text.contains(is_control);
        let text = value.as_str().filter(is_text).map(ToOwned::to_owned);
        text.ok_or_else(|| format!("must be text of at most {most} characters"))
    }
}

/// Text that becomes a type of its own.
pub(crate) fn parsed<T>(value: &Value) -> Result<T, String>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    let text = value.as_str().ok_or("must be text")?;
    text.parse().map_err(|fault: T::Err| fault.to_string())
}

/// A whole number.
pub(crate) fn whole(range: RangeInclusive<u64>) -> impl FnOnce(&Value) -> Result<u64, String> {
    move |value| {
        value.as_u64().filter(|number| range.contains(number)).ok_or_else(|| {
            format!("must be a whole number from {} to {}", range.start(), range.end())
        })
    }
}

/// A limit of an allowance; `null`, read elsewhere, lifts it.
pub(crate) fn limit(value: &Value) -> Result<u64, String> {
    whole(1..=MOST_UNITS)(value).map_err(|fault| format!("{fault}, or null for no such limit"))
}

/// Yes or no.
pub(crate) fn yes_or_no(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "must be true or false".to_owned())
}

/// A list of text that becomes a type of its own, each once. Every wrong item is named.
pub(crate) fn list<T>(value: &Value) -> Result<Vec<T>, String>
where
    T: FromStr + PartialEq,
    T::Err: std::fmt::Display,
{
    let values = value.as_array().filter(|values| !values.is_empty());
    let values = values.ok_or("must be a list of at least one name")?;
    let mut list = Vec::with_capacity(values.len());
    let mut faults = Vec::new();
    for (index, value) in values.iter().enumerate() {
        match parsed(value) {
            Ok(item) if list.contains(&item) => faults.push(format!("[{index}] repeats a name")),
            Ok(item) => list.push(item),
            Err(fault) => faults.push(format!("[{index}] {fault}")),
        }
    }
    if faults.is_empty() { Ok(list) } else { Err(faults.join("; ")) }
}

/// One of a few words.
pub(crate) fn one_of<T: Copy>(words: &[(&str, T)]) -> impl FnOnce(&Value) -> Result<T, String> {
    move |value| {
        let found = words.iter().find(|(word, _)| value.as_str() == Some(*word));
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            format!("must be one of: {}", words.join(", "))
        })
    }
}

/// The names of every operation, for messages.
pub(crate) fn operation_names() -> String {
    Operation::ALL.iter().map(|operation| operation.name()).collect::<Vec<_>>().join(", ")
}

/// A web address of one of these schemes.
pub(crate) fn address(schemes: &[&str]) -> impl FnOnce(&Value) -> Result<String, String> {
    move |value| {
        let is_address = |text: &&str| {
            let uri = text.parse::<http::Uri>().ok();
            let scheme = uri.as_ref().and_then(http::Uri::scheme_str);
            let host = uri.as_ref().and_then(http::Uri::host);
            text.len() <= 2_048
                && text.bytes().all(|b| b.is_ascii_graphic() && !b"\"'<>`\\".contains(&b))
                && scheme.is_some_and(|scheme| schemes.contains(&scheme))
                && host.is_some_and(|host| !host.is_empty())
        };
        let text = value.as_str().filter(is_address).map(ToOwned::to_owned);
        text.ok_or_else(|| {
            format!("must be an address that begins with {}://", schemes.join(":// or "))
        })
    }
}

/// A mail address, as far as one can tell.
pub(crate) fn email(value: &Value) -> Result<String, String> {
    let is_email = |text: &&str| {
        let parts = text.split_once('@');
        text.len() <= 254
            && text.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"<>\",;".contains(c))
            && parts.is_some_and(|(user, host)| {
                !user.is_empty() && !host.is_empty() && !host.contains('@')
            })
    };
    let text = value.as_str().filter(is_email).map(ToOwned::to_owned);
    text.ok_or_else(|| "must be a mail address".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_whole_numbers_in_range_are_limits() {
        assert_eq!(limit(&json!(1)), Ok(1));
        for value in [json!(0), json!(-1), json!(1.5), json!("100"), json!(1e18), json!(true)] {
            assert!(limit(&value).is_err(), "{value}");
        }
    }

    #[test]
    fn a_line_is_trimmed_and_counted_in_characters() {
        assert_eq!(line(1..=4)(&json!("  Blå! ")).unwrap(), "Blå!");
        for value in [json!(""), json!("   "), json!("a\nb"), json!("abcde"), json!(5)] {
            assert!(line(1..=4)(&value).is_err(), "{value}");
        }
    }

    #[test]
    fn scripts_and_odd_texts_are_no_addresses() {
        let web = |text: &str| address(&["https", "http"])(&json!(text)).is_ok();
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
        assert!(email(&json!("ada@example.org")).is_ok());
        for text in ["ada", "@x", "a@", "a@b@c", "a b@c", "<a@b>"] {
            assert!(email(&json!(text)).is_err(), "{text}");
        }
    }
}

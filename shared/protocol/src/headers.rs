//! The headers of a client that pass to Azure, and the values that a deployment refuses.

use lanyard_domain::hosted_tools::HostedTools;

/// A header that passes.
#[derive(Clone, Copy, Debug)]
pub struct PassedHeader {
    /// Its name, in lower case.
    pub name: &'static str,
    /// The value if the client sends none.
    pub default: Option<&'static str>,
    /// Whether it is a list whose values a deployment may not know.
    pub is_list: bool,
}

/// The most values of a list. Coding tools send about ten.
const MOST: usize = 32;

/// The values of such a header in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed<'a> {
    /// The name of the header.
    pub name: &'static str,
    /// Its values, each once.
    pub values: Vec<&'a str>,
    /// Whether Azure may refuse some of them.
    pub is_list: bool,
}

impl PassedHeader {
    /// Reads the lines of the header. Malformed values are left out.
    #[must_use]
    pub fn read<'a>(&self, lines: impl Iterator<Item = &'a str>) -> Option<Passed<'a>> {
        let mut values: Vec<&str> = Vec::new();
        for value in lines.flat_map(|line| line.split(',')).map(str::trim) {
            if is_value(value) && !values.contains(&value) && values.len() < MOST {
                values.push(value);
            }
        }
        if !self.is_list {
            values.truncate(1);
        }
        if values.is_empty() {
            values.extend(self.default);
        }
        (!values.is_empty()).then_some(Passed { name: self.name, values, is_list: self.is_list })
    }
}

/// The same alphabet as in the names of betas and versions.
fn is_value(text: &str) -> bool {
    (1..=HostedTools::LONGEST_TYPE).contains(&text.len()) && text.bytes().all(is_of_value)
}

fn is_of_value(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)
}

impl Passed<'_> {
    /// The header as it is sent, without the values that a deployment refuses. None if nothing is
    /// left.
    #[must_use]
    pub fn without(&self, refused: &[String]) -> Option<String> {
        let is_refused = |value: &str| self.is_list && refused.iter().any(|one| one == value);
        let kept: Vec<&str> =
            self.values.iter().copied().filter(|value| !is_refused(value)).collect();
        (!kept.is_empty()).then(|| kept.join(","))
    }

    /// The values of the list that Azure's refusal is about: those that it names, or all of them if
    /// it names the header alone. Nothing if the refusal is about something else.
    #[must_use]
    pub fn refused_in(&self, message: &str) -> RefusedValues {
        if !self.is_list || !message.to_ascii_lowercase().contains(self.name) {
            return RefusedValues::default();
        }
        let named: Vec<_> = self.values.iter().filter(|value| names(message, value)).collect();
        let are_named = !named.is_empty();
        let refused = if are_named { named } else { self.values.iter().collect() };
        let list = refused.into_iter().map(|value| (*value).to_owned()).collect();
        RefusedValues { list, are_named }
    }
}

/// Values of a header that Azure refuses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefusedValues {
    /// The values.
    pub list: Vec<String>,
    /// Whether Azure names them, so that they can be left out from now on.
    pub are_named: bool,
}

/// Whether a text has a value as a separate word.
fn names(text: &str, value: &str) -> bool {
    text.match_indices(value).any(|(at, _)| {
        let before = text[..at].bytes().next_back();
        let after = text[at + value.len()..].bytes().next();
        !before.is_some_and(is_of_value) && !after.is_some_and(|b| is_of_value(b) && b != b'.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BETA: PassedHeader =
        PassedHeader { name: "anthropic-beta", default: None, is_list: true };
    const VERSION: PassedHeader =
        PassedHeader { name: "anthropic-version", default: Some("2023-06-01"), is_list: false };

    #[test]
    fn values_pass_once_and_what_can_be_none_is_left_out() {
        let betas = BETA.read(["a-2025-01-01, b-2,a-2025-01-01", "c d, \u{e9}, ,e;f"].into_iter());
        assert_eq!(betas.unwrap().without(&[]).unwrap(), "a-2025-01-01,b-2");
        assert_eq!(BETA.read([""].into_iter()), None);
        let version = |lines: &'static [&'static str]| {
            VERSION.read(lines.iter().copied()).unwrap().without(&[]).unwrap()
        };
        assert_eq!(version(&[]), "2023-06-01");
        assert_eq!(version(&["2024-01-01"]), "2024-01-01");
        assert_eq!(version(&["2024-01-01, 2025"]), "2024-01-01");
        assert_eq!(version(&["x\" y"]), "2023-06-01");
    }

    #[test]
    fn a_refusal_names_the_values_that_are_not_known() {
        let betas = BETA.read(["code-2025-02-19,thinking-2025-05-14,the"].into_iter()).unwrap();
        let refused = |message: &str| betas.refused_in(message).list.join(" ");
        let unexpected = "Unexpected value(s) `code-2025-02-19` for the `anthropic-beta` header.";
        assert_eq!(refused(unexpected), "code-2025-02-19 the");
        assert_eq!(refused("Unknown Anthropic-Beta: thinking-2025-05-14."), "thinking-2025-05-14");
        assert_eq!(refused("anthropic-beta: xcode-2025-02-19"), betas.values.join(" "));
        assert_eq!(refused("max_tokens: code-2025-02-19"), "");
        let left = betas.without(&["the".to_owned(), "code-2025-02-19".to_owned()]);
        assert_eq!(left.unwrap(), "thinking-2025-05-14");
    }
}

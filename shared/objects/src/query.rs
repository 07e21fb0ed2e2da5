//! The query of a call. It is read by a closed list of parameters and written anew for Azure.

use std::fmt::Write as _;

use lanyard_domain::object::ObjectId;
use lanyard_gateway::error::{ApiError, BadRequestCode};

/// A parameter that Azure may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Param {
    /// `limit`: how many of a list.
    Limit,
    /// `order`: `asc` or `desc`.
    Order,
    /// `after`: an id.
    After,
    /// `before`: an id.
    Before,
    /// `include` or `include[]`, any number of times.
    Include,
    /// `purpose` of a file.
    Purpose,
    /// `filter`: the state of a file in a vector store.
    Filter,
    /// `stream`: whether a response is to be read as events.
    Stream,
    /// `starting_after`: the number of an event.
    StartingAfter,
    /// `run_id`: the run that wrote a message.
    RunId,
    /// `variant`: the video, or an image of it.
    Variant,
    /// `include_obfuscation`: whether events hide the length of words.
    IncludeObfuscation,
}

/// The largest limit in OpenAI's API, and the most that one page holds here.
const MAX_LIMIT: usize = 10_000;
const MAX_PAGE: usize = 100;

impl Param {
    fn name(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Order => "order",
            Self::After => "after",
            Self::Before => "before",
            Self::Include => "include",
            Self::Purpose => "purpose",
            Self::Filter => "filter",
            Self::Stream => "stream",
            Self::StartingAfter => "starting_after",
            Self::IncludeObfuscation => "include_obfuscation",
            Self::RunId => "run_id",
            Self::Variant => "variant",
        }
    }

    fn is_named(self, name: &str) -> bool {
        name == self.name() || (self == Self::Include && name == "include[]")
    }

    fn takes(self, value: &str) -> bool {
        let is_word = |extra: &[u8]| {
            (1..=128).contains(&value.len())
                && value.bytes().all(|b| b.is_ascii_alphanumeric() || extra.contains(&b))
        };
        match self {
            Self::Limit => value.parse().is_ok_and(|limit| (0..=MAX_LIMIT).contains(&limit)),
            Self::Order => matches!(value, "asc" | "desc"),
            Self::After | Self::Before | Self::RunId => value.parse::<ObjectId>().is_ok(),
            Self::Include => is_word(b"_.[]*"),
            Self::Purpose => is_word(b"_-"),
            Self::Filter | Self::Variant => is_word(b"_"),
            Self::Stream | Self::IncludeObfuscation => matches!(value, "true" | "false"),
            Self::StartingAfter => value.parse::<u32>().is_ok(),
        }
    }

    fn must(self) -> &'static str {
        match self {
            Self::Limit => "must be a whole number from 0 to 10000",
            Self::Order => "must be asc or desc",
            Self::After | Self::Before | Self::RunId => "must be an id from the list",
            Self::Include | Self::Purpose | Self::Filter | Self::Variant => {
                "has a value that cannot be"
            }
            Self::Stream | Self::IncludeObfuscation => "must be true or false",
            Self::StartingAfter => "must be the number of an event",
        }
    }
}

/// The parameters of a query.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(Param, String)>);

impl Query {
    /// Reads the parameters of a route and leaves out others.
    ///
    /// # Errors
    ///
    /// 400 that names the parameter.
    pub(super) fn read(params: &[Param], query: Option<&str>) -> Result<Self, ApiError> {
        let mut read = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (decoded(name), decoded(value)) else { continue };
            let Some(param) = params.iter().copied().find(|param| param.is_named(&name)) else {
                continue;
            };
            let is_again = read.iter().any(|(known, _)| *known == param);
            if !param.takes(&value) || (is_again && param != Param::Include) {
                return Err(ApiError::bad(
                    BadRequestCode::InvalidValue,
                    Some(param.name()),
                    format!("{} {}, once.", param.name(), param.must()),
                ));
            }
            read.push((param, value));
        }
        Ok(Self(read))
    }

    /// The value of a parameter.
    pub(super) fn get(&self, param: Param) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == param).map(|(_, value)| value.as_str())
    }

    /// The page size.
    pub(super) fn limit(&self, default: usize) -> usize {
        self.get(Param::Limit).and_then(|limit| limit.parse().ok()).unwrap_or(default).min(MAX_PAGE)
    }

    /// The query for Azure.
    pub(super) fn encoded(&self) -> String {
        let mut out = String::new();
        for (param, value) in &self.0 {
            if !out.is_empty() {
                out.push('&');
            }
            let is_list = *param == Param::Include;
            out.push_str(if is_list { "include%5B%5D" } else { param.name() });
            out.push('=');
            for byte in value.bytes() {
                if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
                    out.push(char::from(byte));
                } else {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "%{byte:02X}");
                }
            }
        }
        out
    }
}

/// Percent-decoded text. `None` if it is not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Param; 4] = [Param::Limit, Param::Order, Param::After, Param::Include];

    fn encoded(query: &str) -> Result<String, String> {
        let read = Query::read(&ALL, Some(query));
        read.map(|query| query.encoded()).map_err(|error| error.to_string())
    }

    #[test]
    fn known_parameters_are_rewritten_and_others_left_out() {
        let query = "api-version=v1&limit=20&order=asc&x=1&include%5B%5D=reasoning.encrypted_content\
                     &include[]=message.output_text.logprobs&after=file-1&after%5b%5D=x\
                     &include[]=step_details.tool_calls[*].file_search.results[*].content";
        assert_eq!(
            encoded(query).unwrap(),
            "limit=20&order=asc&include%5B%5D=reasoning.encrypted_content\
             &include%5B%5D=message.output_text.logprobs&after=file-1\
             &include%5B%5D=step_details.tool_calls%5B%2A%5D.file_search.results%5B%2A%5D.content"
        );
        assert_eq!(encoded("").unwrap(), "");
        // A page without objects, as at Azure.
        assert_eq!(encoded("limit=0").unwrap(), "limit=0");
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        for query in [
            "limit=-1",
            "limit=10001",
            "limit=1&limit=2",
            "limit=%31%26x",
            "order=up",
            "after=..%2Ffiles",
            "after=",
            "include[]=a%26b",
        ] {
            let name = query.split(['=', '[']).next().unwrap();
            assert!(encoded(query).unwrap_err().starts_with(name), "{query}");
        }
    }
}

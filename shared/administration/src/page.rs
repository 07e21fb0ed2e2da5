//! The query: pages of a list, and a few flags.

use std::collections::BTreeMap;
use std::str::FromStr;

use lanyard_gateway::hex;

use crate::form::Mistakes;

/// How many items a page holds unless asked.
const USUAL: u16 = 50;
/// How many at most.
const MOST: u16 = 100;

/// The parameters of a query, decoded.
#[derive(Debug, Default)]
pub(crate) struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads a query that may hold these parameters, each once.
    pub(crate) fn read(query: Option<&str>, known: &[&str], mistakes: &Mistakes) -> Self {
        let mut parameters = BTreeMap::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (percent_decoded(name), percent_decoded(value)) else {
                mistakes.add("query", "must be percent-encoded UTF-8");
                continue;
            };
            if !known.contains(&name.as_str()) {
                mistakes.add(
                    "query",
                    match known {
                        [] => "must be empty".to_owned(),
                        known => format!("may only hold: {}", known.join(", ")),
                    },
                );
            } else if parameters.insert(name.clone(), value).is_some() {
                mistakes.add(name, "must stand there once");
            }
        }
        Self(parameters)
    }

    /// A parameter as it was sent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// The requested page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page<C> {
    /// Where the page before ended.
    pub(crate) after: Option<C>,
    /// How many items.
    pub(crate) limit: u16,
}

impl<C: FromStr> Page<C> {
    /// Reads `limit` and `cursor`.
    pub(crate) fn read(query: &Query, mistakes: &Mistakes) -> Self {
        let limit = match query.get("limit").map(str::parse::<u16>) {
            None => USUAL,
            Some(Ok(limit)) if (1..=MOST).contains(&limit) => limit,
            Some(_) => {
                mistakes.add("limit", format!("must be a whole number from 1 to {MOST}"));
                USUAL
            }
        };
        let after = query.get("cursor").and_then(|text| {
            let cursor = unhex(text).and_then(|text| text.parse().ok());
            if cursor.is_none() {
                mistakes.add("cursor", "must be what the page before gave as next");
            }
            cursor
        });
        Self { after, limit }
    }
}

/// The place of the next page as clients see it. They are to send it back, not to read it.
pub(crate) fn cursor(place: Option<impl ToString>) -> Option<String> {
    place.map(|place| hex(place.to_string().as_bytes()))
}

fn unhex(text: &str) -> Option<String> {
    if text.is_empty() || !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    let bytes = (0..text.len()).step_by(2).map(|at| {
        let digits = text.get(at..at + 2).filter(|digits| !digits.starts_with('+'))?;
        u8::from_str_radix(digits, 16).ok()
    });
    String::from_utf8(bytes.collect::<Option<_>>()?).ok()
}

/// A text without its percent signs; `None` if it is not encoded well.
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> Result<Page<String>, crate::AdminError> {
        let mistakes = Mistakes::default();
        let query = Query::read(Some(query), &["limit", "cursor"], &mistakes);
        let page = Page::read(&query, &mistakes);
        mistakes.unless_any(Some(page))
    }

    #[test]
    fn a_cursor_leads_back_to_its_place() {
        let next = cursor(Some("team/ada 100%")).unwrap();
        let page = page(&format!("limit=7&cursor={next}")).unwrap();
        assert_eq!(page, Page { after: Some("team/ada 100%".to_owned()), limit: 7 });
    }

    #[test]
    fn odd_queries_are_refused() {
        assert_eq!(page("").unwrap().limit, USUAL);
        for query in [
            "limit=0",
            "limit=101",
            "limit=-1",
            "limit=ten",
            "cursor=",
            "cursor=xyz",
            "cursor=+1+2",
            "cursor=ff",
            "limit=1&limit=2",
            "page=2",
            "limit=%zz",
        ] {
            assert!(page(query).is_err(), "{query}");
        }
    }
}

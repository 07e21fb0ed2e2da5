//! The credentials of a request, in the order in which they are tried.
//!
//! An SDK may send a dummy key beside the good one, in another header or in the same one again. A
//! dummy may be well formed, such as `sk-x/y`, or become so with the name in `x-user-id`. So
//! credentials with a user of their own come first, and step 2 takes the first that is good.
//! Function URLs join the values of a header with commas, so each part is read as well.

use http::HeaderName;
use http::header::AUTHORIZATION;
use lanyard_domain::token::{AttendeeToken, EventCode};

use crate::error::ApiError;
use crate::headers;
use crate::request::Request;
use crate::signed::SignedToken;

/// The most credentials that are tried. A request must not guess many codes at once.
const MOST: usize = 3;

/// A well-formed credential. Step 2 decides whether it is valid.
#[derive(Debug)]
pub enum Token {
    /// The event's code and a user.
    Shared(AttendeeToken),
    /// A token of the event's, or a personal key.
    Signed(SignedToken),
}

/// Credentials in the order in which they are tried.
#[derive(Debug)]
pub struct Candidates<T = Token> {
    first: Option<T>,
    /// Empty for most requests, which saves an allocation.
    others: Vec<T>,
}

impl<T> IntoIterator for Candidates<T> {
    type Item = T;
    type IntoIter = std::iter::Chain<std::option::IntoIter<T>, std::vec::IntoIter<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.others)
    }
}

impl<T> Candidates<T> {
    const fn none() -> Self {
        Self { first: None, others: Vec::new() }
    }

    fn keep(&mut self, one: T) {
        if self.first.is_none() {
            self.first = Some(one);
        } else if self.others.len() < MOST - 1 {
            self.others.push(one);
        }
    }

    fn at_least_one(self) -> Result<Self, ApiError> {
        if self.first.is_some() { Ok(self) } else { Err(ApiError::InvalidEventCode) }
    }
}

/// The credentials of a request.
///
/// # Errors
///
/// [`ApiError::InvalidEventCode`], the same for missing and malformed ones.
pub fn tokens(request: &Request) -> Result<Candidates, ApiError> {
    let mut found = Candidates::none();
    each(request, &mut complete, &mut found);
    if let Some(user) = user_apart(request) {
        each(request, &mut |text| completed(text, user), &mut found);
    }
    found.at_least_one()
}

/// A credential that names its user.
fn complete(credential: &str) -> Option<Token> {
    if SignedToken::is_meant_by(credential) {
        return SignedToken::read(credential).map(Token::Signed);
    }
    AttendeeToken::parse(credential, None).ok().map(Token::Shared)
}

/// A credential that names no user, with the name that is sent apart.
fn completed(credential: &str, user: &str) -> Option<Token> {
    match complete(credential) {
        Some(_) => None,
        None => AttendeeToken::parse(credential, Some(user)).ok().map(Token::Shared),
    }
}

/// The user of a credential without one. Two different ones are none.
fn user_apart(request: &Request) -> Option<&str> {
    let mut users = values(request, headers::USER_ID);
    let first = users.next()?;
    users.all(|other| other == first).then_some(first)
}

/// The codes alone, for routes that concern no attendee. A user behind one is ignored, and an event
/// before it.
///
/// # Errors
///
/// [`ApiError::InvalidEventCode`], as for [`tokens`].
pub fn codes(request: &Request) -> Result<Candidates<EventCode>, ApiError> {
    let mut found = Candidates::none();
    let mut code = |credential: &str| {
        let code = credential.split('/').next().unwrap_or_default();
        let code = code.split_once('@').map_or(code, |(_, code)| code);
        code.trim_matches(' ').parse().ok()
    };
    each(request, &mut code, &mut found);
    found.at_least_one()
}

/// Keeps each well-formed credential, in the order of precedence. The original header decides alone.
fn each<T>(request: &Request, read: &mut impl FnMut(&str) -> Option<T>, found: &mut Candidates<T>) {
    if request.http.headers().contains_key(&headers::EVENT_CODE) {
        texts(request, headers::EVENT_CODE).for_each(|value| in_value(value, read, found));
        return;
    }
    for name in [headers::API_KEY, headers::X_API_KEY] {
        texts(request, name).for_each(|value| in_value(value, read, found));
    }
    texts(request, AUTHORIZATION).for_each(|value| in_tokens(value, read, found));
}

/// The values of a header that are plain text.
fn values(request: &Request, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = request.http.headers().get_all(name).iter();
    values.filter_map(|value| value.to_str().ok())
}

/// The values of a header in any letters. Quotes may be others than those of ASCII.
fn texts(request: &Request, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = request.http.headers().get_all(name).iter();
    values.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok())
}

/// Reads one value of a key's header. A user's name may contain a comma, so the complete value comes
/// first, unless it is a list of credentials.
fn in_value<T>(value: &str, read: &mut impl FnMut(&str) -> Option<T>, found: &mut Candidates<T>) {
    if !value.contains(',') {
        read(unquoted(value)).into_iter().for_each(|one| found.keep(one));
        return;
    }
    let parts: Vec<_> = value.split(',').map(|part| read(unquoted(part))).collect();
    if !parts.iter().all(Option::is_some) {
        read(unquoted(value)).into_iter().for_each(|one| found.keep(one));
    }
    parts.into_iter().flatten().for_each(|one| found.keep(one));
}

/// Reads one value of `Authorization`: a scheme begins each of joined values.
fn in_tokens<T>(value: &str, read: &mut impl FnMut(&str) -> Option<T>, found: &mut Candidates<T>) {
    let mut of_scheme = |text: &str| {
        if let Some(token) = bearer_in(text) {
            in_value(token, read, found);
        }
    };
    let begins = value.match_indices(',').map(|(at, _)| at + 1).filter(|at| {
        let scheme = value.get(*at..).unwrap_or_default().trim_start().split(' ').next();
        scheme.is_some_and(|scheme| {
            ["bearer", "basic"].iter().any(|it| scheme.eq_ignore_ascii_case(it))
        })
    });
    let mut from = 0;
    for begin in begins {
        of_scheme(value.get(from..begin - 1).unwrap_or_default());
        from = begin;
    }
    of_scheme(value.get(from..).unwrap_or_default());
}

/// The token of a value with the scheme `Bearer`.
fn bearer_in(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim_matches(' ').split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
}

/// The token of an `Authorization: Bearer` header that is there once.
#[must_use]
pub fn bearer(request: &Request) -> Option<&str> {
    bearer_in(request.header(&AUTHORIZATION).ok()??)
}

/// A credential without the quotes and the scheme that people paste along with it.
fn unquoted(credential: &str) -> &str {
    let text = without_quotes(credential);
    bearer_in(text).map_or(text, without_quotes)
}

fn without_quotes(text: &str) -> &str {
    let text = text.trim_matches(' ');
    let mut inner = text.chars();
    let open = inner.next();
    let close = QUOTES.iter().find(|(begin, _)| open == Some(*begin)).map(|(_, end)| *end);
    close.and_then(|close| inner.as_str().strip_suffix(close)).unwrap_or(text)
}

/// The quotes of keyboards and of text programs, as pairs.
const QUOTES: [(char, char); 11] = [
    ('"', '"'),
    ('\'', '\''),
    ('`', '`'),
    ('\u{201c}', '\u{201d}'),
    ('\u{2018}', '\u{2019}'),
    ('\u{201e}', '\u{201c}'),
    ('\u{201a}', '\u{2018}'),
    ('\u{201d}', '\u{201d}'),
    ('\u{2019}', '\u{2019}'),
    ('\u{ab}', '\u{bb}'),
    ('\u{bb}', '\u{ab}'),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The user of the first credential.
    fn user(given: &[(&'static str, &[u8])]) -> Option<String> {
        tried(given).first().map(|pair| pair.split_once('/').unwrap().1.to_owned())
    }

    /// Each code and user, in the order in which they are tried.
    fn tried(given: &[(&'static str, &[u8])]) -> Vec<String> {
        let mut http = http::Request::post("/api/v1/chat/completions");
        for (name, value) in given {
            http = http.header(*name, *value);
        }
        let id = format!("req_{:032x}", 1).parse().unwrap();
        let now = "2026-12-05T09:00:00Z".parse().unwrap();
        let http = http.body(bytes::Bytes::new()).unwrap();
        let tokens = tokens(&Request { id, now, deadline: None, http });
        let shared = |token| match token {
            Token::Shared(token) => Some(format!("{}/{}", token.code.as_str(), token.user)),
            Token::Signed(_) => None,
        };
        tokens.into_iter().flatten().filter_map(shared).collect()
    }

    #[test]
    fn a_dummy_hides_no_good_credential_wherever_it_stands() {
        for name in ["openai-event-code", "api-key", "x-api-key"] {
            for dummy in ["dummy", "", "no", "José/x", "a b/c", "\"\""] {
                for values in [[dummy, "code/ada"], ["code/ada", dummy]] {
                    let given = values.map(|value| (name, value.as_bytes()));
                    assert_eq!(user(&given).as_deref(), Some("ada"), "{name} {values:?}");
                }
            }
            for joined in
                ["dummy, code/ada", "dummy,'code/ada'", "code/ada, code/ada", "x,y, code/ada"]
            {
                assert_eq!(user(&[(name, joined.as_bytes())]).as_deref(), Some("ada"), "{joined}");
            }
            let comma = b"code/lovelace, ada".as_slice();
            assert_eq!(user(&[(name, comma)]).as_deref(), Some("lovelace, ada"));
        }
        for joined in [
            "Bearer dummy, Bearer code/ada",
            "Bearer code/ada, Bearer dummy",
            "Basic eDp5, bearer code/ada",
            "Bearer code/ada,Basic eDp5",
            "Bearer dummy,code/ada",
        ] {
            let given = [("authorization", joined.as_bytes())];
            assert_eq!(user(&given).as_deref(), Some("ada"), "{joined}");
        }
        let twice =
            [("authorization", b"Basic eDp5".as_slice()), ("authorization", b"Bearer code/ada")];
        assert_eq!(user(&twice).as_deref(), Some("ada"));
        assert_eq!(user(&[("authorization", b"Basic code/ada")]), None);
        assert_eq!(user(&[("authorization", b"code/ada")]), None);
    }

    #[test]
    fn a_credential_with_a_user_comes_before_those_that_the_name_apart_completes() {
        let good = ("authorization", b"Bearer code/ada".as_slice());
        for name in ["api-key", "x-api-key"] {
            let dummy = (name, b"dummy".as_slice());
            let apart = ("x-user-id", b"eve".as_slice());
            assert_eq!(tried(&[dummy, apart, good]), ["code/ada", "dummy/eve"]);
            let code = ("authorization", b"Bearer code".as_slice());
            assert_eq!(tried(&[dummy, apart, code]), ["dummy/eve", "code/eve"]);
            let slash = (name, b"sk-xx/yy".as_slice());
            assert_eq!(tried(&[slash, good]), ["sk-xx/yy", "code/ada"]);
        }
    }

    #[test]
    fn a_request_does_not_guess_many_codes() {
        let keys = b"one1/a,two2/b,three/c,four/d".as_slice();
        assert_eq!(tried(&[("api-key", keys)]), ["one1/a", "two2/b", "three/c"]);
        let more = ("x-api-key", b"five/e".as_slice());
        let original = ("openai-event-code", b"code/ada".as_slice());
        assert_eq!(tried(&[("api-key", keys), more]).len(), MOST);
        assert_eq!(tried(&[("api-key", keys), more, original]), ["code/ada"]);
    }

    #[test]
    fn the_first_of_several_good_ones_counts_and_the_original_header_alone() {
        let both = [("api-key", b"code/ada".as_slice()), ("api-key", b"code/bob")];
        assert_eq!(user(&both).as_deref(), Some("ada"));
        let order = [("x-api-key", b"code/ada".as_slice()), ("api-key", b"code/bob")];
        assert_eq!(user(&order).as_deref(), Some("bob"));
        let original = [("openai-event-code", b"dummy".as_slice()), ("api-key", b"code/bob")];
        assert_eq!(user(&original), None);
    }

    #[test]
    fn quotes_and_a_scheme_are_pasted_along_with_a_credential() {
        let quoted = QUOTES.map(|(open, close)| format!("{open}code/ada{close}"));
        let schemes = quoted.clone().map(|quoted| format!("Bearer {quoted}"));
        let around = QUOTES.map(|(open, close)| format!("{open}bearer code/ada{close}"));
        for pasted in quoted.iter().chain(&schemes).chain(&around) {
            for name in ["openai-event-code", "api-key", "x-api-key"] {
                let given = [(name, pasted.as_bytes())];
                assert_eq!(user(&given).as_deref(), Some("ada"), "{name}: {pasted}");
            }
            let value = format!("Bearer {pasted}");
            let given = [("authorization", value.as_bytes())];
            assert_eq!(user(&given).as_deref(), Some("ada"), "{value}");
        }
        for odd in ["\u{201c}code/ada", "Bearer", "Basic code/ada", "code/jos\u{e9}"] {
            assert_eq!(user(&[("api-key", odd.as_bytes())]), None, "{odd}");
        }
    }

    #[test]
    fn a_name_apart_serves_credentials_without_one() {
        let apart = |users: &[&'static [u8]]| {
            let [plain, slash] = [b"code".as_slice(), b"code/"].map(|code| {
                let mut given = vec![("api-key", code)];
                given.extend(users.iter().map(|user| ("x-user-id", *user)));
                user(&given)
            });
            assert_eq!(plain, slash);
            plain
        };
        assert_eq!(apart(&[b"ada"]).as_deref(), Some("ada"));
        assert_eq!(apart(&[b"ada", b"ada"]).as_deref(), Some("ada"));
        assert_eq!(apart(&[b"ada", b"bob"]), None);
        assert_eq!(apart(&[b"\xff"]), None);
        let named = [("api-key", b"code/ada".as_slice()), ("x-user-id", b"\xff")];
        assert_eq!(user(&named).as_deref(), Some("ada"));
    }
}

//! The credential of a request: the first that is well formed of all that it carries.
//!
//! An SDK may send a dummy key beside the good one, in another header or in the same one again.
//! Function URLs join the values of a header with commas, so each part is read as well.

use http::HeaderName;
use http::header::AUTHORIZATION;
use lanyard_domain::token::{AttendeeToken, EventCode};

use crate::error::ApiError;
use crate::headers;
use crate::request::Request;
use crate::signed::SignedToken;

/// A well-formed credential. Step 2 decides whether it is valid.
#[derive(Debug)]
pub enum Pass {
    /// The event's code and a user.
    Shared(AttendeeToken),
    /// A token of the event's, or a personal key.
    Signed(SignedToken),
}

/// The credential of a request.
///
/// # Errors
///
/// [`ApiError::InvalidEventCode`], the same for missing and malformed ones.
pub fn token(request: &Request) -> Result<Pass, ApiError> {
    let user = user_apart(request);
    first(request, |text| pass(text, user))
}

fn pass(credential: &str, user: Option<&str>) -> Option<Pass> {
    if SignedToken::is_meant_by(credential) {
        return SignedToken::read(credential).map(Pass::Signed);
    }
    AttendeeToken::parse(credential, user).ok().map(Pass::Shared)
}

/// The user of a credential without one. Two different ones are none.
fn user_apart(request: &Request) -> Option<&str> {
    let mut users = values(request, headers::USER_ID);
    let first = users.next()?;
    users.all(|other| other == first).then_some(first)
}

/// The code alone, for routes that concern no attendee. A user behind it is ignored, and an event
/// before it.
///
/// # Errors
///
/// [`ApiError::InvalidEventCode`], as for [`token`].
pub fn code(request: &Request) -> Result<EventCode, ApiError> {
    first(request, |credential| {
        let code = credential.split('/').next().unwrap_or_default();
        let code = code.split_once('@').map_or(code, |(_, code)| code);
        code.trim_matches(' ').parse().ok()
    })
}

/// The first well-formed credential, in the order of precedence. The original header decides alone.
fn first<T>(request: &Request, read: impl Fn(&str) -> Option<T>) -> Result<T, ApiError> {
    let has_original = request.http.headers().contains_key(&headers::EVENT_CODE);
    let keys = [headers::EVENT_CODE, headers::API_KEY, headers::X_API_KEY];
    let found = keys.into_iter().find_map(|name| {
        let is_asked = !has_original || name == headers::EVENT_CODE;
        texts(request, name).filter(|_| is_asked).find_map(|value| in_value(value, &read))
    });
    let found = found.or_else(|| {
        let mut tokens = texts(request, AUTHORIZATION).filter(|_| !has_original);
        tokens.find_map(|value| in_tokens(value, &read))
    });
    found.ok_or(ApiError::InvalidEventCode)
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
fn in_value<T>(value: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    let mut parts = value.split(',').map(|part| read(unquoted(part)));
    if !value.contains(',') {
        return parts.next().flatten();
    }
    let mut parts: Vec<_> = parts.collect();
    if parts.iter().all(Option::is_some) {
        return parts.swap_remove(0);
    }
    read(unquoted(value)).or_else(|| parts.into_iter().flatten().next())
}

/// Reads one value of `Authorization`: a scheme begins each of joined values.
fn in_tokens<T>(value: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    let of_scheme = |text: &str| in_value(bearer_in(text)?, &read);
    let begins = value.match_indices(',').map(|(at, _)| at + 1).filter(|at| {
        let scheme = value.get(*at..).unwrap_or_default().trim_start().split(' ').next();
        scheme.is_some_and(|scheme| {
            ["bearer", "basic"].iter().any(|it| scheme.eq_ignore_ascii_case(it))
        })
    });
    let mut from = 0;
    for begin in begins {
        let found = of_scheme(value.get(from..begin - 1).unwrap_or_default());
        if found.is_some() {
            return found;
        }
        from = begin;
    }
    of_scheme(value.get(from..).unwrap_or_default())
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
    let inner = |(open, close)| text.strip_prefix::<char>(open)?.strip_suffix::<char>(close);
    QUOTES.into_iter().find_map(inner).unwrap_or(text)
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

    fn user(given: &[(&'static str, &[u8])]) -> Option<String> {
        let mut http = http::Request::post("/api/v1/chat/completions");
        for (name, value) in given {
            http = http.header(*name, *value);
        }
        let id = format!("req_{:032x}", 1).parse().unwrap();
        let now = "2026-12-05T09:00:00Z".parse().unwrap();
        let http = http.body(bytes::Bytes::new()).unwrap();
        match token(&Request { id, now, deadline: None, http }).ok()? {
            Pass::Shared(token) => Some(token.user.as_str().to_owned()),
            Pass::Signed(_) => None,
        }
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

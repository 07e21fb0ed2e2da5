//! The headers that pass in each direction. Whatever is not named here does not pass.

use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use lanyard_domain::account::{Account, Field};
use lanyard_domain::admission;
use lanyard_domain::allowance::Allowance;
use lanyard_domain::amount::Amount;
use lanyard_domain::bill::Bill;
use lanyard_domain::limit::{Limit, Quantity};
use lanyard_domain::time::EpochNanos;
use lanyard_protocol::demand::HostedUse;

/// The seed's credential header.
pub const EVENT_CODE: HeaderName = HeaderName::from_static("openai-event-code");
/// The credential header of Azure's SDKs.
pub const API_KEY: HeaderName = HeaderName::from_static("api-key");
/// The credential header of Anthropic's SDKs.
pub const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// The user id where the credential holds none.
pub const USER_ID: HeaderName = HeaderName::from_static("x-user-id");
/// The model, before the body's.
pub const MODEL: HeaderName = HeaderName::from_static("x-model");
/// The session of requests that belong together.
pub const SESSION_ID: HeaderName = HeaderName::from_static("x-session-id");
/// The application that sends a request.
pub const APP_ID: HeaderName = HeaderName::from_static("x-app-id");
/// Whom the application serves. The credential has it already.
pub const COMPANY_ID: HeaderName = HeaderName::from_static("x-company-id");
/// A preview of OpenAI's API that the client requests.
pub const BETA: HeaderName = HeaderName::from_static("openai-beta");
/// The version of Anthropic's API, which its clients send with every request.
pub const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
/// The scheme of the client's request, as reported by the server that terminated TLS.
pub const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// Our id of the request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Azure's id of its response.
pub const UPSTREAM_REQUEST_ID: HeaderName = HeaderName::from_static("x-upstream-request-id");
/// Says `false` where repeating the request cannot help; both official SDKs obey.
pub const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
/// `retry-after` in milliseconds; both official SDKs read it first.
pub const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
/// The completion cap that Azure got, where it is another than the client's.
pub const EVENT_MAX_TOKENS: HeaderName = HeaderName::from_static("x-event-max-tokens");

/// The most calls of Azure's tools that a request may make, if Lanyard has set or lowered it.
pub const EVENT_MAX_TOOL_CALLS: HeaderName = HeaderName::from_static("x-event-max-tool-calls");

/// What the response cost in US dollars, where its usage is known before its headers are sent.
pub const EVENT_COST: HeaderName = HeaderName::from_static("x-event-cost");

/// The types of tools that were removed from the request, separated by commas.
pub const EVENT_DROPPED_TOOLS: HeaderName = HeaderName::from_static("x-event-dropped-tools");

const EXPOSED: &str = "x-request-id, x-upstream-request-id, x-session-id, retry-after, \
     retry-after-ms, x-should-retry, x-ratelimit-limit-requests, x-ratelimit-limit-tokens, \
     x-ratelimit-remaining-requests, x-ratelimit-remaining-tokens, x-ratelimit-reset-requests, \
     x-ratelimit-reset-tokens, x-event-max-tokens, x-event-max-tool-calls, \
     x-event-dropped-tools, x-event-cost";

/// For a preflight that names no headers. The star does not cover `authorization`,
/// <https://fetch.spec.whatwg.org/#http-access-control-allow-headers>.
const ALLOWED: HeaderValue = HeaderValue::from_static(
    "authorization, api-key, x-api-key, openai-event-code, content-type, *",
);

/// The longest list of headers in the response to a preflight, in bytes.
const MOST_ASKED: usize = 4_096;

/// Lets a page of any origin call the attendees' API. No cookies, so no credentials.
pub fn allow_any_origin(headers: &mut HeaderMap) {
    let mut set = |name, value| {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    };
    set("access-control-allow-origin", "*");
    set("access-control-expose-headers", EXPOSED);
}

/// Answers a browser's preflight with the headers that it asks for: libraries send new ones with
/// each release, and without cookies there is nothing to protect by a list.
pub fn allow_preflight(request: &HeaderMap, response: &mut HeaderMap) {
    let asked = request.get(ACCESS_CONTROL_REQUEST_HEADERS).filter(|asked| is_list(asked));
    let methods = HeaderValue::from_static("GET, POST, PUT, DELETE, OPTIONS");
    response.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    response.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.cloned().unwrap_or(ALLOWED));
    response.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
}

/// Whether a value is a list of header names and nothing else.
fn is_list(value: &HeaderValue) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.!#$%&'*+^`|~, ".contains(byte);
    (1..=MOST_ASKED).contains(&value.len()) && value.as_bytes().iter().all(is_part)
}

/// `retry-after` in whole seconds and `retry-after-ms`, both rounded up: a client that waits
/// exactly so long must not come too early.
pub fn set_retry_after(headers: &mut HeaderMap, wait: Duration) {
    let ms = u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
    headers.insert(http::header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1000)));
    headers.insert(RETRY_AFTER_MS, HeaderValue::from(ms));
}

/// The value of [`EVENT_MAX_TOKENS`]: the cap that was sent, and from what it was lowered. None if
/// the client's own cap was sent.
pub(crate) fn event_max_tokens(sent: Option<u64>, asked: Option<u64>) -> Option<HeaderValue> {
    match (sent?, asked) {
        (sent, None) => Some(HeaderValue::from(sent)),
        (sent, Some(asked)) if asked == sent => None,
        (sent, Some(asked)) => HeaderValue::try_from(format!("{sent};clamped-from={asked}")).ok(),
    }
}

/// The value of [`EVENT_MAX_TOOL_CALLS`]: the bound that was sent. None if it is the client's own.
pub(crate) fn event_max_tool_calls(hosted: Option<HostedUse>) -> Option<HeaderValue> {
    let hosted = hosted?;
    hosted.most.filter(|most| hosted.asked != Some(*most)).map(HeaderValue::from)
}

/// Sets [`EVENT_COST`], if the price is known.
pub(crate) fn set_cost(headers: &mut HeaderMap, bill: Option<&Bill>) {
    let dollars = bill.map(|bill| Amount::NanoUsd(bill.nano_usd()).to_string());
    if let Some(value) = dollars.and_then(|dollars| HeaderValue::try_from(dollars).ok()) {
        headers.insert(EVENT_COST, value);
    }
}

/// The limit of a minute, what is left of it, and the time until it is full again.
type RateHeaders = [HeaderName; 3];

const REQUESTS: RateHeaders = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];

const TOKENS: RateHeaders = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];

/// The six `x-ratelimit-*` headers, for the attendee's own rates.
pub fn set_rates(
    headers: &mut HeaderMap,
    allowance: &Allowance,
    account: &Account,
    now: EpochNanos,
) {
    let rates = [
        (REQUESTS, Limit::RequestsPerMinute, Quantity::Requests),
        (TOKENS, Limit::TokensPerMinute, Quantity::Tokens),
    ];
    for ([limit, remaining, reset], of, quantity) in rates {
        let Some(allowed) = allowance.limit(of) else { continue };
        let left = admission::remaining(account, Field::Tat(quantity), allowed, now);
        headers.insert(limit, HeaderValue::from(allowed));
        headers.insert(remaining, HeaderValue::from(left.units));
        let reset_ms = left.resets_in_ns.max(0).cast_unsigned().div_ceil(1_000_000);
        let text = format!("{}.{:03}s", reset_ms / 1000, reset_ms % 1000);
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(reset, value);
        }
    }
}

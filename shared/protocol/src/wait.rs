//! How long Azure asks to wait, in any of the forms in which it says so: seconds, milliseconds, a
//! date, or the time until one of its limits is full again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::HeaderMap;

/// How long to wait where Azure does not say.
pub const USUAL_WAIT: Duration = Duration::from_secs(5);

/// The bounds of a wait.
const BOUNDS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// Headers with a wait, and the milliseconds of their unit.
const WAITS: [(&str, f64); 3] =
    [("retry-after-ms", 1.0), ("x-ms-retry-after-ms", 1.0), ("retry-after", 1_000.0)];

/// Headers with what is left of a limit, and with the time until it is full again.
const LIMITS: [[&str; 2]; 6] = [
    ["x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"],
    ["x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"],
    ["anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"],
    ["anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"],
    ["anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"],
    ["anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"],
];

/// How long Azure asks to wait, within reason: its figure may be missing, negative, a day, or text.
/// A date is compared with the date of the response, or else with this time.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Duration {
    let now = text(headers, "date").and_then(date).unwrap_or(now);
    let named = |(name, unit_ms): &(&str, f64)| wait(text(headers, name)?, *unit_ms, now);
    let asked = WAITS.iter().find_map(named).or_else(|| until_full(headers, now));
    asked.unwrap_or(USUAL_WAIT).clamp(BOUNDS[0], BOUNDS[1])
}

/// The longest time until a limit is full again: of those that are used up, if any is.
fn until_full(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let until = |is_wanted: &dyn Fn(Option<&str>) -> bool| {
        let wanted = LIMITS.iter().filter(|[left, _]| is_wanted(text(headers, left)));
        wanted.filter_map(|[_, reset]| wait(text(headers, reset)?, 1_000.0, now)).max()
    };
    until(&|left| left == Some("0")).or_else(|| until(&|_| true))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

/// A wait as a number of this unit, as `1m30.5s`, or as the date of its end.
fn wait(text: &str, unit_ms: f64, now: DateTime<Utc>) -> Option<Duration> {
    if let Ok(value) = text.parse::<f64>() {
        return bounded(value * unit_ms);
    }
    if let Some(date) = date(text) {
        // A date that has passed asks for no wait.
        return Some((date - now).to_std().unwrap_or_default());
    }
    let mut rest = text;
    let mut total_ms = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let unit_ms = match unit {
            "ms" => 1.0,
            "s" => 1_000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            "d" => 86_400_000.0,
            _ => return None,
        };
        total_ms += number.parse::<f64>().ok()? * unit_ms;
        rest = after;
    }
    bounded(total_ms)
}

/// So many milliseconds, if there are any.
fn bounded(ms: f64) -> Option<Duration> {
    let most = BOUNDS[1].as_secs_f64();
    (ms.is_finite() && ms > 0.0).then(|| Duration::from_secs_f64((ms / 1_000.0).min(most)))
}

/// A date as HTTP writes it, or of RFC 3339. The day of the week does not matter.
fn date(text: &str) -> Option<DateTime<Utc>> {
    let plain = text.split_once(',').map_or(text, |(_, plain)| plain).trim();
    let date = DateTime::parse_from_rfc2822(plain).or_else(|_| DateTime::parse_from_rfc3339(plain));
    date.ok().map(|date| date.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(given: &[(&'static str, &str)]) -> u128 {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, value.parse().unwrap());
        }
        let now = "2026-12-05T09:00:00Z".parse().unwrap();
        retry_after(&headers, now).as_millis()
    }

    #[test]
    fn azures_wait_is_kept_within_a_second_and_a_minute() {
        let wait = |name, value| waits(&[(name, value)]);
        assert_eq!(wait("retry-after", "9"), 9_000);
        assert_eq!(wait("retry-after-ms", "2500"), 2_500);
        assert_eq!(wait("x-ms-retry-after-ms", "2500"), 2_500);
        assert_eq!(wait("retry-after-ms", "1"), 1_000);
        assert_eq!(wait("retry-after", "86400"), 60_000);
        for odd in ["-1", "0", "soon", "", "NaN", "5x", "s", "1.2.3s", "."] {
            assert_eq!(wait("retry-after", odd), 5_000, "{odd}");
        }
        assert_eq!(wait("retry-after", "1e9"), 60_000);
    }

    #[test]
    fn a_date_is_read_in_any_header() {
        for name in ["retry-after", "retry-after-ms", "x-ratelimit-reset-tokens"] {
            for (date, expected) in [
                ("Sat, 05 Dec 2026 09:00:12 GMT", 12_000),
                ("Mon, 05 Dec 2026 09:00:12 GMT", 12_000),
                ("2026-12-05T09:00:12Z", 12_000),
                ("Sat, 05 Dec 2026 08:00:00 GMT", 1_000),
                ("Sat, 05 Dec 2026 10:00:00 GMT", 60_000),
                ("Sat, 05 Foo 2026 10:00:00 GMT", 5_000),
            ] {
                assert_eq!(waits(&[(name, date)]), expected, "{name}: {date}");
            }
        }
        // Azure's own clock counts where it tells the time.
        let dates = [
            ("date", "Sat, 05 Dec 2026 07:00:00 GMT"),
            ("retry-after", "Sat, 05 Dec 2026 07:00:20 GMT"),
        ];
        assert_eq!(waits(&dates), 20_000);
    }

    #[test]
    fn without_a_wait_the_limit_that_is_used_up_gives_it() {
        let reset = |value| waits(&[("x-ratelimit-reset-requests", value)]);
        for (value, expected) in
            [("7s", 7_000), ("1m30.5s", 60_000), ("2500ms", 2_500), ("9", 9_000), ("20ms", 1_000)]
        {
            assert_eq!(reset(value), expected, "{value}");
        }
        let two = [("x-ratelimit-reset-requests", "50s"), ("x-ratelimit-reset-tokens", "8s")];
        assert_eq!(waits(&two), 50_000);
        let left = [("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-remaining-requests", "9")];
        assert_eq!(waits(&[two, left].concat()), 8_000);
        assert_eq!(waits(&[two[0], ("retry-after", "3")]), 3_000);
        assert_eq!(waits(&[("anthropic-ratelimit-tokens-reset", "2026-12-05T09:00:30Z")]), 30_000);
    }
}

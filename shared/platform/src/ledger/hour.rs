//! The item of a model's hour: each counter is an attribute.
//!
//! Errors are `error_<code>`, times to first byte are `first_byte_<bucket>`, minutes are `m<minute>`
//! and the times to first byte of a minute are `t<minute>`. One write unit covers a kilobyte. An item
//! with every unit, every bucket and ten kinds of errors stays below it. With sixty minutes as well,
//! it stays below three, and below two as long as the times of a minute are close to each other.
//!
//! The item without a model also has the last rejected requests, each in the attribute of its slot.
//! The 64 slots take 11 KB at most, with the longest names of users.

use chrono::{DateTime, Timelike, Utc};
use lanyard_domain::hour::{FirstBytes, HourCount, MinuteUse, PackedFirstBytes, Rejected};
use lanyard_domain::token::UserId;

/// The prefix of the attributes of errors.
pub(crate) const ERROR: &str = "error_";

/// The prefix of the attributes of times to first byte.
pub(crate) const FIRST_BYTE: &str = "first_byte_";

/// The prefix of the attributes of rejected requests. No other attribute begins with it.
pub(crate) const REJECTED: &str = "r_";

/// A rejected request as text. A user name may have spaces, so it is last.
pub(super) fn rejected_text(rejected: &Rejected) -> String {
    format!("{} {} {}", rejected.at.timestamp(), rejected.code, rejected.user)
}

/// Reads what [`rejected_text`] wrote: when, why and who.
pub(crate) fn read_rejected(text: &str) -> Option<(DateTime<Utc>, String, UserId)> {
    let (at, rest) = text.split_once(' ')?;
    let (code, user) = rest.split_once(' ')?;
    let at = DateTime::from_timestamp(at.parse().ok()?, 0)?;
    Some((at, code.to_owned(), user.parse().ok()?))
}

/// The attribute of tokens that were read from the cache.
pub(crate) const CACHE_READ: &str = "cache_read";

/// The attribute of tokens that were written to the cache.
pub(crate) const CACHE_WRITTEN: &str = "cache_written";

/// The name of the attribute of a minute.
pub(crate) fn minute_name(minute: u32) -> String {
    format!("m{minute:02}")
}

/// The name of the attribute of the times to first byte of a minute.
pub(crate) fn minute_times_name(minute: u32) -> String {
    format!("t{minute:02}")
}

/// Calls `add` with each attribute and the amount to add to it.
pub(super) fn each(count: &HourCount, mut add: impl FnMut(String, u128)) {
    let mut add_wide = |name: &str, amount: u128| {
        if amount > 0 {
            add(name.to_owned(), amount);
        }
    };
    let mut add = |name: &str, amount: u64| add_wide(name, amount.into());
    add("requests", count.requests);
    add("prompt_tokens", count.charge.prompt_tokens);
    add("completion_tokens", count.charge.completion_tokens);
    add(CACHE_READ, count.cache.read);
    add(CACHE_WRITTEN, count.cache.written);
    for (unit, amount) in count.charge.units.iter() {
        add(unit.name(), amount);
    }
    if count.requests > 0 {
        let used = MinuteUse { requests: count.requests, tokens: count.charge.tokens() };
        add(&minute_name(count.at.minute()), used.packed());
    }
    if let Some(ms) = count.first_byte_ms {
        add(&format!("{FIRST_BYTE}{}", FirstBytes::bucket(ms)), 1);
    }
    for (code, times) in &count.errors {
        add(&format!("{ERROR}{code}"), *times);
    }
    if let Some(ms) = count.first_byte_ms {
        add_wide(&minute_times_name(count.at.minute()), PackedFirstBytes::one(ms));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lanyard_domain::unit::{Unit, Units};
    use lanyard_domain::usage::{CacheUse, Charge};

    use super::*;
    use crate::table::Key;

    #[test]
    fn a_rejected_request_is_read_as_it_was_written() {
        let rejected = Rejected {
            user: "team 4/ada".parse().unwrap(),
            code: "rate_limit_exceeded",
            at: "2026-12-05T09:30:00Z".parse().unwrap(),
        };
        let read = read_rejected(&rejected_text(&rejected));
        assert_eq!(read, Some((rejected.at, rejected.code.to_owned(), rejected.user)));
        assert_eq!(read_rejected("now rate_limit_exceeded ada"), None);
    }

    /// The size of an hour in which every minute has these times to first byte.
    fn size_of_an_hour(times: &[u64]) -> usize {
        let (event, model) = ("e".repeat(26), "m".repeat(64));
        let at = "2026-12-05T09:00:00Z".parse().unwrap();
        let mut count = HourCount::new(event.parse().unwrap(), at, Some(model.parse().unwrap()));
        count.requests = 99_999;
        count.charge = Charge::of_tokens(99_999_999_999, 9_999_999_999);
        count.cache = CacheUse { read: 99_999_999_999, written: 99_999_999_999 };
        for unit in Unit::ALL.iter().copied() {
            count.charge.units = count.charge.units.plus(Units::of(unit, 9_999_999));
        }
        for code in [
            "rate_limit_exceeded",
            "too_many_in_flight",
            "insufficient_quota",
            "upstream_busy",
            "upstream_unreachable",
            "upstream_timeout",
            "content_filter",
            "refused_by_model",
            "upstream_misconfigured",
            "accounting_unavailable",
        ] {
            count.add_errors(code, 9_999_999);
        }
        let mut item: BTreeMap<String, u128> = BTreeMap::new();
        let buckets = (0..FirstBytes::BUCKETS).map(FirstBytes::bound_ms);
        for ms in buckets.map(|bound| bound.unwrap_or(60_000)) {
            count.first_byte_ms = Some(ms);
            each(&count, |name, amount| {
                item.insert(name, amount.max(9_999_999));
            });
        }
        item.retain(|name, _| name != &minute_times_name(0));
        for minute in 0..60 {
            count.at = at + chrono::TimeDelta::minutes(minute);
            let mut sum = 0;
            for ms in times {
                count.first_byte_ms = Some(*ms);
                each(&count, |name, amount| {
                    if name.starts_with('t') {
                        sum += amount * 4_321;
                    } else if name.starts_with('m') {
                        item.insert(name, amount);
                    }
                });
            }
            item.insert(minute_times_name(count.at.minute()), sum);
        }
        assert_eq!(item.len(), 5 + Unit::ALL.len() + 12 + 10 + 60 + 60);
        let key = Key::hour(&count.event, 0, at, count.model.as_ref());
        // A number takes one byte for two digits, and one more. Zeros at its end take none.
        let number = |number: &u128| number.to_string().trim_end_matches('0').len().div_ceil(2) + 1;
        "pk".len()
            + key.pk.len()
            + "sk".len()
            + key.sk.len()
            + item.iter().map(|(name, amount)| name.len() + number(amount)).sum::<usize>()
    }

    #[test]
    fn an_hour_of_everything_stays_below_three_kilobytes() {
        let times = [90, 150, 300, 700, 1_500, 3_000, 6_000, 12_000, 51_000];
        let size = size_of_an_hour(&times);
        assert!(size < 3_072, "{size} bytes");
        let close = size_of_an_hour(&times[3..5]);
        assert!(close < 2_300, "{close} bytes");
    }
}

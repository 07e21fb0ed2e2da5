//! The item of a model's hour: each counter is an attribute.
//!
//! Errors are `error_<code>`, times to first byte are `first_byte_<bucket>`, and minutes are
//! `m<minute>`. One write unit covers a kilobyte. An item with every unit, every bucket and ten kinds
//! of errors stays below it; with sixty minutes as well, it stays below two.
//!
//! The item without a model also has the last rejected requests, each in the attribute of its slot.
//! The 64 slots take 11 KB at most, with the longest names of users.

use chrono::{DateTime, Timelike, Utc};
use lanyard_domain::hour::{FirstBytes, HourCount, MinuteUse, Rejected};
use lanyard_domain::token::UserId;

/// The prefix of the attributes of errors.
pub(crate) const ERROR: &str = "error_";

/// The prefix of the attributes of times to first byte.
pub(crate) const FIRST_BYTE: &str = "first_byte_";

/// The prefix of the attributes of rejected requests. No other attribute begins with it.
pub(crate) const REJECTED: &str = "r_";

/// A rejected request as text. A user name may have blanks, so it is last.
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

/// Calls `add` with each attribute and the amount to add to it.
pub(super) fn each(count: &HourCount, mut add: impl FnMut(String, u64)) {
    let mut add = |name: &str, amount| {
        if amount > 0 {
            add(name.to_owned(), amount);
        }
    };
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

    #[test]
    fn an_hour_of_everything_stays_below_two_kilobytes() {
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
        let mut item = BTreeMap::new();
        for ms in
            (0..FirstBytes::BUCKETS).map(|bucket| FirstBytes::bound_ms(bucket).unwrap_or(60_000))
        {
            count.first_byte_ms = Some(ms);
            each(&count, |name, amount| {
                item.insert(name, amount.max(9_999_999));
            });
        }
        for minute in 0..60 {
            count.at = at + chrono::TimeDelta::minutes(minute);
            each(&count, |name, amount| {
                item.insert(name, amount);
            });
        }
        assert_eq!(item.len(), 5 + Unit::ALL.len() + 12 + 10 + 60);
        let key = Key::hour(&count.event, 0, at, count.model.as_ref());
        // A number takes one byte for two digits, and one more.
        let number = |number: &u64| number.to_string().len().div_ceil(2) + 1;
        let size = "pk".len()
            + key.pk.len()
            + "sk".len()
            + key.sk.len()
            + item.iter().map(|(name, amount)| name.len() + number(amount)).sum::<usize>();
        assert!(size < 2_048, "{size} bytes");
    }
}

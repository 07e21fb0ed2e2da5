//! What is left of a limit at an instant.

use chrono::{DateTime, TimeDelta, Utc};

use crate::account::{Account, Field};
use crate::admission::remaining;
use crate::by_model::LimitKey;
use crate::limit::Counting;
use crate::window::LocalDay;

/// What is left of one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// The amount that could be reserved now.
    pub remaining: u64,
    /// When all of it is back. `None` for what does not reset.
    pub resets_at: Option<DateTime<Utc>>,
}

/// What is left of a limit of an account on a local day.
#[must_use]
pub fn left(
    account: &Account,
    limit: LimitKey,
    allowed: u64,
    day: LocalDay,
    now: DateTime<Utc>,
) -> Left {
    let field = Field::of_limit(limit, day.date);
    let counted =
        |resets_at| Left { remaining: allowed.saturating_sub(account.count(field)), resets_at };
    match limit.limit.counting() {
        Counting::PerMinute(_) => {
            let rest = remaining(account, field, allowed, now.into());
            let resets_at = Some(now + TimeDelta::nanoseconds(rest.resets_in_ns));
            Left { remaining: rest.units, resets_at }
        }
        Counting::PerDay(_) => counted(Some(day.ends_at)),
        Counting::TokensTotal
        | Counting::UnitTotal(_)
        | Counting::InFlight
        | Counting::RequestsTotal => counted(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::Limit;

    #[test]
    fn what_is_left_is_what_was_not_used_or_reserved_and_a_day_gives_it_back() {
        let now: DateTime<Utc> = "2026-12-05T12:00:00Z".parse().unwrap();
        let ends_at = "2026-12-06T00:00:00Z".parse().unwrap();
        let day = LocalDay { date: now.date_naive(), ends_at };
        let model = Some("B6-_".parse().unwrap());
        let key = |limit, model| LimitKey { limit, model };
        let numbers = [
            (key(Limit::TokensTotal, None), 90),
            (key(Limit::RequestsPerDay, model), 120),
            (key(Limit::RequestsTotal, model), 3),
        ];
        let numbers = numbers.map(|(key, used)| (Field::of_limit(key, day.date), used));
        let account = Account { numbers: numbers.into_iter().collect(), ..Account::default() };
        let left = |limit, model| {
            let left = left(&account, key(limit, model), 100, day, now);
            (left.remaining, left.resets_at)
        };
        assert_eq!(left(Limit::TokensTotal, None), (10, None));
        assert_eq!(left(Limit::RequestsPerDay, model), (0, Some(ends_at)));
        assert_eq!(left(Limit::RequestsPerDay, None), (100, Some(ends_at)));
        assert_eq!(left(Limit::RequestsTotal, model), (97, None));
        assert_eq!(left(Limit::TokensPerMinute, None), (100, Some(now)));
    }
}

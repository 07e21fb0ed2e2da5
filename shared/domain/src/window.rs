//! When an event runs, and its local days.

use chrono::{
    DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike, Utc,
};
use serde::{Deserialize, Serialize};

use crate::time::{EpochNanos, MINUTE_NS};
use crate::zone::Zone;

/// `[starts_at, ends_at)` in UTC, and the event's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredWindow", into = "StoredWindow")]
pub struct Window {
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    zone: Zone,
}

/// The end is not after the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be after starts_at")]
pub struct EmptyWindow;

impl Window {
    /// # Errors
    ///
    /// [`EmptyWindow`] unless `ends_at` is after `starts_at`.
    pub fn new(
        starts_at: DateTime<Utc>,
        ends_at: DateTime<Utc>,
        zone: Zone,
    ) -> Result<Self, EmptyWindow> {
        if ends_at <= starts_at {
            return Err(EmptyWindow);
        }
        Ok(Self { starts_at, ends_at, zone })
    }

    /// The first instant at which the event is open.
    #[must_use]
    pub fn starts_at(&self) -> DateTime<Utc> {
        self.starts_at
    }

    /// The first instant at which the event has ended.
    #[must_use]
    pub fn ends_at(&self) -> DateTime<Utc> {
        self.ends_at
    }

    /// The IANA time zone for display and for the local day.
    #[must_use]
    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// The local day of the event at `now`.
    #[must_use]
    pub fn local_day(&self, now: DateTime<Utc>) -> LocalDay {
        let date = now.with_timezone(&self.zone).date_naive();
        let next = date.checked_add_days(Days::new(1)).unwrap_or(date);
        LocalDay { date, ends_at: first_instant(next, self.zone) }
    }

    /// An instant in the event's time zone, followed by the UTC time.
    #[must_use]
    pub fn display(&self, instant: DateTime<Utc>) -> String {
        let mut text = String::with_capacity(64);
        push_minute(&mut text, instant.with_timezone(&self.zone).naive_local());
        if self.zone != Zone::UTC {
            text.extend([" ", self.zone.name(), " ("]);
            push_minute(&mut text, instant.naive_utc());
            text.push_str(" UTC)");
        } else {
            text.push_str(" UTC");
        }
        text
    }
}

/// Writes `2026-12-05 14:30`. Many refusals name such times, and a formatter that reads its pattern
/// anew takes several times as long.
fn push_minute(text: &mut String, at: NaiveDateTime) {
    let year = u32::try_from(at.year()).unwrap_or_default();
    push_two(text, year / 100);
    push_two(text, year);
    for (before, number) in
        [('-', at.month()), ('-', at.day()), (' ', at.hour()), (':', at.minute())]
    {
        text.push(before);
        push_two(text, number);
    }
}

/// The last two digits of a number.
fn push_two(text: &mut String, number: u32) {
    text.extend([number / 10, number].map(|digit| char::from_digit(digit % 10, 10).unwrap_or('0')));
}

/// A calendar day in an event's time zone. It has 23, 24 or 25 hours if a clock change falls on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalDay {
    /// The local date.
    pub date: NaiveDate,
    /// The instant at which the next day begins.
    pub ends_at: DateTime<Utc>,
}

impl LocalDay {
    /// An instant at which the day has certainly begun, and not long before.
    #[must_use]
    pub fn has_begun_by(&self) -> EpochNanos {
        // Antarctica has had a day of 21 hours.
        const SHORTEST_NS: i64 = 20 * 60 * MINUTE_NS;
        EpochNanos(EpochNanos::from(self.ends_at).0.saturating_sub(SHORTEST_NS))
    }
}

/// The first instant of a date. If a clock change skips midnight, the day begins at the end of the
/// gap.
fn first_instant(date: NaiveDate, zone: Zone) -> DateTime<Utc> {
    let midnight = date.and_time(NaiveTime::MIN);
    for quarter_hours in 0..=4 * 24 {
        let candidate = midnight + chrono::TimeDelta::minutes(15 * quarter_hours);
        if let Some(instant) = zone.from_local_datetime(&candidate).earliest() {
            return instant.to_utc();
        }
    }
    midnight.and_utc()
}

#[derive(Serialize, Deserialize)]
struct StoredWindow {
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    time_zone: String,
}

impl TryFrom<StoredWindow> for Window {
    type Error = String;

    fn try_from(stored: StoredWindow) -> Result<Self, Self::Error> {
        let zone: Zone = stored.time_zone.parse().map_err(|_| "unknown time zone".to_owned())?;
        Self::new(stored.starts_at, stored.ends_at, zone).map_err(|fault| fault.to_string())
    }
}

impl From<Window> for StoredWindow {
    fn from(window: Window) -> Self {
        Self {
            starts_at: window.starts_at,
            ends_at: window.ends_at,
            time_zone: window.zone.name().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn zone(name: &str) -> Zone {
        name.parse().unwrap()
    }

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn days_follow_the_clock_changes_of_the_zone() {
        let day = |zone, now: &str| {
            let now = utc(now);
            Window::new(now, now + chrono::TimeDelta::days(9), zone).unwrap().local_day(now)
        };
        let spring = day(zone("Europe/Oslo"), "2026-03-29T00:00:00Z");
        assert_eq!(spring.ends_at, utc("2026-03-29T22:00:00Z"));
        let autumn = day(zone("Europe/Oslo"), "2026-10-24T22:00:00Z");
        assert_eq!(
            (autumn.date.to_string().as_str(), autumn.ends_at),
            ("2026-10-25", utc("2026-10-25T23:00:00Z"))
        );
        // In Beirut the clock change skips midnight. The day begins at one o'clock.
        let eve = day(zone("Asia/Beirut"), "2026-03-28T12:00:00Z");
        assert_eq!(eve.ends_at, utc("2026-03-28T22:00:00Z"));
    }

    #[test]
    fn an_event_must_end_after_it_starts() {
        let now = utc("2026-12-05T09:00:00Z");
        assert_eq!(Window::new(now, now, Zone::UTC), Err(EmptyWindow));
    }

    proptest! {
        #[test]
        fn now_is_always_inside_its_day(seconds in 0i64..4_000_000_000, zone in any::<prop::sample::Index>()) {
            let now = DateTime::from_timestamp(seconds, 0).unwrap();
            let zone = *zone.get(&Zone::all().collect::<Vec<_>>());
            let window = Window::new(now, now + chrono::TimeDelta::days(1), zone).unwrap();
            let day = window.local_day(now);
            prop_assert!(day.ends_at > now);
            prop_assert!(day.ends_at - now <= chrono::TimeDelta::hours(49));
            prop_assert_ne!(window.local_day(day.ends_at).date, day.date);
        }

        #[test]
        fn a_day_has_begun_before_it_ends(seconds in 1_767_225_600i64..4_000_000_000, zone in any::<prop::sample::Index>()) {
            let now = DateTime::from_timestamp(seconds, 0).unwrap();
            let zone = *zone.get(&Zone::all().collect::<Vec<_>>());
            let window = Window::new(now, now + chrono::TimeDelta::days(1), zone).unwrap();
            let day = window.local_day(now);
            prop_assert_eq!(window.local_day(day.has_begun_by().to_utc()).date, day.date);
        }
    }
}

//! When an event runs, and its local days.

use chrono::{
    DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike,
    Utc,
};
use serde::{Deserialize, Serialize};

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

/// Why a text is not a valid instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInstant {
    /// It is neither a local date and time nor one with an offset.
    #[error(
        "must be a date and time such as 2026-12-05T09:00, with an offset or Z if it is not local"
    )]
    Format,
    /// A clock change skips this local time.
    #[error(
        "{local} does not exist in {zone}: a clock change skips it; choose another time or add an offset"
    )]
    Gap {
        /// The local time as given.
        local: NaiveDateTime,
        /// The time zone.
        zone: Zone,
    },
    /// A clock change repeats this local time.
    #[error("{local} happens twice in {zone} because of a clock change: write {local}{first} or {local}{second}", first = .offsets.0, second = .offsets.1)]
    Fold {
        /// The local time as given.
        local: NaiveDateTime,
        /// The time zone.
        zone: Zone,
        /// The two offsets in force. The first is the earlier instant's.
        offsets: (String, String),
    },
    /// Before 1970 or after 2200.
    #[error("must lie between 1970 and 2200")]
    Range,
}

/// Reads a time that is local to `zone`, or that has an offset or `Z`.
///
/// # Errors
///
/// [`InvalidInstant`]. It reports a time that a clock change skips or repeats.
pub fn parse_instant(text: &str, zone: Zone) -> Result<DateTime<Utc>, InvalidInstant> {
    let instant = match DateTime::parse_from_rfc3339(text) {
        Ok(instant) => instant.to_utc(),
        Err(_) => local_instant(text, zone)?,
    };
    let is_sane = (0..7_258_118_400).contains(&instant.timestamp());
    if is_sane { Ok(instant) } else { Err(InvalidInstant::Range) }
}

fn local_instant(text: &str, zone: Zone) -> Result<DateTime<Utc>, InvalidInstant> {
    let with_offset = ["%Y-%m-%dT%H:%M%:z", "%Y-%m-%d %H:%M%:z"];
    if let Some(instant) =
        with_offset.iter().find_map(|format| DateTime::parse_from_str(text, format).ok())
    {
        return Ok(instant.to_utc());
    }
    if let Some(text) = text.strip_suffix('Z')
        && let Some(utc) = parse_naive(text)
    {
        return Ok(utc.and_utc());
    }
    let local = parse_naive(text).ok_or(InvalidInstant::Format)?;
    match zone.from_local_datetime(&local) {
        LocalResult::Single(instant) => Ok(instant.to_utc()),
        LocalResult::None => Err(InvalidInstant::Gap { local, zone }),
        LocalResult::Ambiguous(first, second) => {
            let offset = |instant: DateTime<Zone>| instant.format("%:z").to_string();
            Err(InvalidInstant::Fold { local, zone, offsets: (offset(first), offset(second)) })
        }
    }
}

fn parse_naive(text: &str) -> Option<NaiveDateTime> {
    ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
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
    use insta::assert_snapshot;
    use proptest::prelude::*;

    fn zone(name: &str) -> Zone {
        name.parse().unwrap()
    }

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn local_times_follow_the_zone_of_their_own_date() {
        let winter = parse_instant("2026-12-05T09:00", zone("Europe/Oslo")).unwrap();
        assert_eq!(winter, utc("2026-12-05T08:00:00Z"));
        let summer = parse_instant("2026-07-05 09:00:30", zone("Europe/Oslo")).unwrap();
        assert_eq!(summer, utc("2026-07-05T07:00:30Z"));
        let offset = parse_instant("2026-10-25T02:30+02:00", zone("Europe/Oslo")).unwrap();
        assert_eq!(offset, utc("2026-10-25T00:30:00Z"));
        let zulu = parse_instant("2026-10-25T02:30Z", zone("Asia/Kolkata")).unwrap();
        assert_eq!(zulu, utc("2026-10-25T02:30:00Z"));
    }

    #[test]
    fn clock_changes_are_named() {
        let say = |text, zone| parse_instant(text, zone).unwrap_err().to_string();
        assert_snapshot!(say("2026-03-29T02:30", zone("Europe/Oslo")), @"2026-03-29 02:30:00 does not exist in Europe/Oslo: a clock change skips it; choose another time or add an offset");
        assert_snapshot!(say("2026-10-25T02:30", zone("Europe/Oslo")), @"2026-10-25 02:30:00 happens twice in Europe/Oslo because of a clock change: write 2026-10-25 02:30:00+02:00 or 2026-10-25 02:30:00+01:00");
        assert!(matches!(
            parse_instant("2026-04-05T01:45", zone("Australia/Lord_Howe")),
            Err(InvalidInstant::Fold { .. })
        ));
        assert!(matches!(
            parse_instant("2011-12-30T12:00", zone("Pacific/Apia")),
            Err(InvalidInstant::Gap { .. })
        ));
    }

    #[test]
    fn malformed_times_are_rejected() {
        for text in ["", "soon", "2026-12-05", "2026-12-05T24:00", "2026-12-05T09:00+25:00", "1e18"]
        {
            assert_eq!(parse_instant(text, Zone::UTC), Err(InvalidInstant::Format), "{text}");
        }
        assert_eq!(parse_instant("9999-01-01T00:00", Zone::UTC), Err(InvalidInstant::Range));
    }

    #[test]
    fn the_format_that_a_message_suggests_is_accepted() {
        for text in ["2026-10-25 02:30:00+02:00", "2026-10-25 02:30:00+01:00"] {
            assert!(parse_instant(text, zone("Europe/Oslo")).is_ok(), "{text}");
        }
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
    }
}

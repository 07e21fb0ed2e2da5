//! Instants, as queries and responses write them.

use chrono::{DateTime, SecondsFormat, Utc};
use lanyard_domain::instant::parse_instant;
use lanyard_domain::zone::Zone;
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::AdminError;

/// An instant in the format of RFC 3339, to the second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(inline, extend("format" = "date-time")))]
pub(crate) struct Timestamp(String);

impl Timestamp {
    /// An instant in UTC.
    pub(crate) fn utc(instant: DateTime<Utc>) -> Self {
        Self(instant.to_rfc3339_opts(SecondsFormat::Secs, true))
    }

    /// An instant with the offset of a time zone.
    pub(crate) fn local(instant: DateTime<Utc>, zone: Zone) -> Self {
        Self(instant.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

/// The schema of an instant that is local to the event's zone or has an offset.
pub(crate) fn local_instant_schema() -> Value {
    let local = "In the event's time zone, such as `2026-12-05T09:00`, or with an offset.";
    json!({"type": "string", "description": local})
}

/// An instant in a query, local to a zone or with an offset.
pub(crate) fn instant(field: &str, text: &str, zone: Zone) -> Result<DateTime<Utc>, AdminError> {
    // A plus that is not escaped means a space in a query.
    let text = match text.rsplit_once(' ') {
        Some((time, offset)) if time.len() > "2026-12-05".len() => format!("{time}+{offset}"),
        Some(_) | None => text.to_owned(),
    };
    parse_instant(&text, zone).map_err(|fault| AdminError::field(field, fault.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_of_a_query_is_local_or_has_an_offset() {
        let zone: Zone = "Europe/Oslo".parse().unwrap();
        for text in [
            "2026-12-05T09:00",
            "2026-12-05 09:00:00",
            "2026-12-05T08:00Z",
            "2026-12-05T08:00:00.000Z",
            "2026-12-05T09:00+01:00",
            "2026-12-05T09:00:00+0100",
            "2026-12-05T09:00:00 01:00",
            "2026-12-05 09:00 0100",
        ] {
            let expected: DateTime<Utc> = "2026-12-05T08:00:00Z".parse().unwrap();
            assert_eq!(instant("since", text, zone).unwrap(), expected, "{text}");
        }
        for text in ["", "yesterday", "2026-12-05", "2026-12-05 ", "2026-03-29T02:30"] {
            assert!(instant("since", text, zone).is_err(), "{text}");
        }
    }
}

//! Instants, as responses format them.

use chrono::{DateTime, SecondsFormat, Utc};
use lanyard_domain::zone::Zone;
use serde::Serialize;

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

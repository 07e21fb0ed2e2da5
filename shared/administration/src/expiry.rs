//! When a new token expires: at an instant, or after a number of days.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use lanyard_domain::instant::{InvalidInstant, parse_instant, parse_with_offset};
use lanyard_domain::zone::Zone;
use serde_json::{Value, json};

use crate::form::Form;
use crate::read::{self, Reader, reader, reads};
use crate::time::local_instant_schema;

/// When tokens of a kind may expire.
pub(crate) struct Expiry {
    pub(crate) now: DateTime<Utc>,
    /// The latest, in days from now.
    pub(crate) most_days: u64,
    /// If a body names neither an instant nor days. `None` is never.
    pub(crate) default: Option<DateTime<Utc>>,
    pub(crate) written: WrittenTime,
}

/// How a body may write an instant.
#[derive(Clone, Copy)]
pub(crate) enum WrittenTime {
    /// In this zone, or with an offset.
    LocalTo(Zone),
    WithOffset,
}

impl Expiry {
    /// Reads `expires_at` or `days`.
    pub(crate) fn read(self, form: &Form<'_>) -> Option<DateTime<Utc>> {
        let Self { now, most_days, default, written } = self;
        let at = form.field("expires_at", written.instant()).value();
        let days = form.field("days", read::whole(1..=most_days)).value();
        let expires_at = match (at, days) {
            (Some(_), Some(_)) => {
                form.mistake("days", "goes only without expires_at");
                None
            }
            (Some(at), None) => Some(at),
            (None, Some(days)) => {
                i64::try_from(days).ok().map(|days| now.trunc_subsecs(0) + TimeDelta::days(days))
            }
            (None, None) => default,
        };
        let latest = now + TimeDelta::days(most_days.cast_signed());
        if expires_at.is_some_and(|at| at <= now || at > latest) {
            form.mistake("expires_at", format!("must be from now to {most_days} days from now"));
        }
        expires_at
    }
}

impl WrittenTime {
    fn instant(self) -> reads!(DateTime<Utc>) {
        let schema = move || match self {
            Self::LocalTo(_) => local_instant_schema(),
            Self::WithOffset => json!({"type": "string", "format": "date-time"}),
        };
        reader(schema, move |value| {
            let at = self.parse(value.as_str().unwrap_or_default())?;
            Ok(at.trunc_subsecs(0))
        })
    }

    fn parse(self, text: &str) -> Result<DateTime<Utc>, String> {
        match self {
            Self::LocalTo(zone) => parse_instant(text, zone).map_err(|fault| fault.to_string()),
            Self::WithOffset => parse_with_offset(text).map_err(|fault| {
                let has_none = matches!(fault, InvalidInstant::Format);
                let offset = "must be a time with an offset, such as 2026-12-06T18:00:00Z";
                if has_none { offset.to_owned() } else { fault.to_string() }
            }),
        }
    }
}

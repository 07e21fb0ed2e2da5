//! When a new token expires: at an instant, or after a number of days.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use lanyard_domain::instant::{InvalidInstant, parse_instant, parse_with_offset};
use lanyard_domain::zone::Zone;
use serde_json::{Value, json};

use crate::form::{Form, Given};
use crate::read::{self, Reader, reader, reads};

/// Reads `expires_at` or `days`, from now to so many days from now; `usual` if neither is given. With
/// a zone `expires_at` may be local to it.
pub(crate) fn read(
    form: &Form<'_>,
    now: DateTime<Utc>,
    most_days: u64,
    usual: Option<DateTime<Utc>>,
    zone: Option<Zone>,
) -> Option<DateTime<Utc>> {
    let at = form.field("expires_at", instant(zone));
    let days = form.field("days", read::whole(1..=most_days));
    let expires_at = match (at, days) {
        (Given::Value(_), Given::Value(_)) => {
            form.mistake("days", "goes only without expires_at");
            None
        }
        (Given::Value(at), _) => Some(at),
        (_, Given::Value(days)) => {
            i64::try_from(days).ok().map(|days| now.trunc_subsecs(0) + TimeDelta::days(days))
        }
        (_, _) => usual,
    };
    let latest = now + TimeDelta::days(most_days.cast_signed());
    if expires_at.is_some_and(|at| at <= now || at > latest) {
        form.mistake("expires_at", format!("must be from now to {most_days} days from now"));
    }
    expires_at
}

fn instant(zone: Option<Zone>) -> reads!(DateTime<Utc>) {
    let schema = move || match zone {
        Some(_) => {
            let local = "In the event's time zone, such as `2026-12-06T18:00`, or with an offset.";
            json!({"type": "string", "description": local})
        }
        None => json!({"type": "string", "format": "date-time"}),
    };
    reader(schema, move |value| {
        let text = value.as_str().unwrap_or_default();
        let read = match zone {
            Some(zone) => parse_instant(text, zone),
            None => parse_with_offset(text),
        };
        match (read, zone) {
            (Ok(at), _) => Ok(at.trunc_subsecs(0)),
            (Err(InvalidInstant::Format), None) => {
                Err("must be a time with an offset, such as 2026-12-06T18:00:00Z".to_owned())
            }
            (Err(fault), _) => Err(fault.to_string()),
        }
    })
}

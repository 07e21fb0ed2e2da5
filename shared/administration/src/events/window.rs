//! When an event is open, from the times and the zone that a body gives.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use lanyard_domain::instant::parse_instant;
use lanyard_domain::window::Window;
use lanyard_domain::zone::Zone;

use crate::form::{Given, Mistakes};

/// The longest event.
const LONGEST_DAYS: i64 = 31;

pub(super) fn new_window(
    starts_at: Given<String>,
    ends_at: Given<String>,
    zone: Given<Zone>,
    mistakes: &Mistakes,
) -> Option<Window> {
    let zone = zone.required("time_zone", mistakes);
    // Without a zone, malformed times can still be reported.
    let reading_zone = zone.unwrap_or(Zone::UTC);
    let starts_at = starts_at
        .required("starts_at", mistakes)
        .and_then(|text| instant("starts_at", &text, reading_zone, mistakes));
    let ends_at = ends_at
        .required("ends_at", mistakes)
        .and_then(|text| instant("ends_at", &text, reading_zone, mistakes));
    window(starts_at?, ends_at?, zone?, mistakes)
}

/// A change of the zone alone keeps the instants and changes how they, and days, are read.
pub(super) fn changed_window(
    before: &Window,
    starts_at: Given<String>,
    ends_at: Given<String>,
    zone: Given<Zone>,
    mistakes: &Mistakes,
) -> Option<Window> {
    let zone = zone.or(before.zone(), before.zone());
    let read = |field, given: Given<String>, before| match given {
        Given::Value(text) => instant(field, &text, zone, mistakes),
        Given::Absent | Given::Null | Given::Wrong => Some(before),
    };
    let starts_at = read("starts_at", starts_at, before.starts_at());
    let ends_at = read("ends_at", ends_at, before.ends_at());
    window(starts_at?, ends_at?, zone, mistakes)
}

fn instant(field: &str, text: &str, zone: Zone, mistakes: &Mistakes) -> Option<DateTime<Utc>> {
    match parse_instant(text, zone) {
        Ok(instant) => Some(instant.trunc_subsecs(0)),
        Err(fault) => {
            mistakes.add(field, fault.to_string());
            None
        }
    }
}

fn window(
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    zone: Zone,
    mistakes: &Mistakes,
) -> Option<Window> {
    let window = match Window::new(starts_at, ends_at, zone) {
        Ok(window) => window,
        Err(fault) => {
            mistakes.add("ends_at", fault.to_string());
            return None;
        }
    };
    // By the clock on the wall: a month in which the clocks change is a month.
    let on_the_wall = |instant: DateTime<Utc>| instant.with_timezone(&zone).naive_local();
    if on_the_wall(ends_at) - on_the_wall(starts_at) > TimeDelta::days(LONGEST_DAYS) {
        mistakes.add("ends_at", format!("must be at most {LONGEST_DAYS} days after starts_at"));
        return None;
    }
    Some(window)
}

//! Warnings about an event that an organiser should see before the attendees notice.

use chrono::{DateTime, Offset, TimeDelta, Utc};
use lanyard_domain::event::Event;
use lanyard_domain::limit::{Limit, Quantity};
use lanyard_domain::models::USUAL_OUTPUT;
use lanyard_domain::window::Window;
use lanyard_domain::zone::Zone;

/// Everything that is allowed and seldom meant.
pub(super) fn of(event: &Event) -> Vec<String> {
    let mut warnings = Vec::new();
    if event.code.is_guessable() {
        warnings.push(
            "The code can be guessed. Anyone who tries common words may use the event: leave the \
             code out to get one that cannot be guessed."
                .to_owned(),
        );
    }
    if let Some(at) = clock_change(&event.window) {
        let zone = event.window.zone();
        warnings.push(format!(
            "The clocks in {} change on {} during the event: that day is not 24 hours long.",
            zone.name(),
            at.with_timezone(&zone).date_naive()
        ));
    }
    warnings.extend(too_small(event));
    warnings.extend(super::by_model::warnings(event));
    warnings
}

/// The first instant of the window, to the hour, at which the zone has another offset.
fn clock_change(window: &Window) -> Option<DateTime<Utc>> {
    let zone = window.zone();
    let mut at = window.starts_at();
    while at < window.ends_at() {
        let next = (at + TimeDelta::hours(12)).min(window.ends_at());
        if offset_s(zone, next) != offset_s(zone, at) {
            let hours = (1..=12).map(|hours| (at + TimeDelta::hours(hours)).min(next));
            return hours.into_iter().find(|hour| offset_s(zone, *hour) != offset_s(zone, at));
        }
        at = next;
    }
    None
}

fn offset_s(zone: Zone, at: DateTime<Utc>) -> i32 {
    at.with_timezone(&zone).offset().fix().local_minus_utc()
}

/// Allowances under which a request with the largest output cap can never be admitted.
fn too_small(event: &Event) -> Vec<String> {
    let accounts = [("attendee", &event.allowances.attendee), ("event", &event.allowances.event)];
    // A limit per minute admits a larger request when nothing of it is used.
    let of_tokens = |limit: &&Limit| limit.quantity() == Quantity::Tokens && limit.rate().is_none();
    let limits: Vec<_> = Limit::ALL.iter().filter(of_tokens).collect();
    let mut warnings = Vec::new();
    for (whose, allowance) in accounts {
        for limit in &limits {
            let longest = event.max_completion_tokens.unwrap_or(USUAL_OUTPUT);
            // A prompt has at least one token.
            if allowance.limit(**limit).is_some_and(|allowed| allowed <= longest) {
                warnings.push(format!(
                    "allowances.{whose}.{} is smaller than a request with the longest response, \
                     {longest} tokens and its prompt: such requests are refused. Raise it, or \
                     lower max_completion_tokens.",
                    limit.name()
                ));
            }
        }
    }
    warnings
}

//! Refusals that are counted and not yet written down.
//!
//! A refusal must cost no write, or a flood of them would be one. They gather here and go to the
//! table together: at most once in ten seconds, or with what a settled request of the same hour and
//! model adds to its hour anyway. All of it may be lost with the process: the refusals since the
//! last writing, so of ten seconds at most before the last request that the process served.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use lanyard_domain::hour::{HourCount, Rejected};

/// How often they are written to the store.
const EVERY: TimeDelta = TimeDelta::seconds(10);

/// How many hours of models are remembered. A refusal in yet another one is not counted.
const MOST: usize = 100;

/// How many rejected requests are remembered one by one.
const MOST_REJECTED: usize = 32;

/// The counts to write.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<Pending>);

#[derive(Debug, Default)]
struct Pending {
    written_at: Option<DateTime<Utc>>,
    counts: Vec<HourCount>,
    /// Of each event, attendee and reason the last. Its hour has no model, so that the items that
    /// settled requests write stay small.
    rejected: Vec<(HourCount, Rejected)>,
}

impl Pending {
    fn remember(&mut self, hour: HourCount, rejected: Rejected) {
        let is_same = |(known, before): &(HourCount, Rejected)| {
            known.is_beside(&hour) && before.user == rejected.user && before.code == rejected.code
        };
        let is_full = self.rejected.len() >= MOST_REJECTED;
        match self.rejected.iter_mut().find(|known| is_same(known)) {
            Some((_, before)) => before.at = rejected.at,
            None if is_full => {}
            None => self.rejected.push((hour, rejected)),
        }
    }

    /// All counts, with the rejected requests in those without a model.
    fn take(&mut self) -> Vec<HourCount> {
        let mut counts = std::mem::take(&mut self.counts);
        for (hour, rejected) in std::mem::take(&mut self.rejected) {
            let at = counts.iter().position(|known| known.is_beside(&hour));
            let at = at.unwrap_or_else(|| {
                counts.push(hour);
                counts.len() - 1
            });
            if let Some(known) = counts.get_mut(at) {
                known.rejected.push(rejected);
            }
        }
        counts
    }
}

impl Refusals {
    /// Counts a refusal with others of its hour and model.
    pub(crate) fn add(&self, hour: HourCount, code: &'static str, rejected: Option<Rejected>) {
        let mut pending = self.lock();
        if let Some(rejected) = rejected {
            pending.remember(HourCount { model: None, ..hour.clone() }, rejected);
        }
        let counts = &mut pending.counts;
        let at = counts.iter().position(|known| known.is_beside(&hour)).unwrap_or(counts.len());
        if at == counts.len() && at < MOST {
            counts.push(hour);
        }
        if let Some(known) = counts.get_mut(at) {
            known.add_errors(code, 1);
        }
    }

    /// Takes what is to be written down now, if it is time.
    pub(crate) fn due(&self, now: DateTime<Utc>) -> Vec<HourCount> {
        let mut pending = self.lock();
        let is_early = pending.written_at.is_some_and(|written_at| now - written_at < EVERY);
        if is_early || pending.counts.is_empty() && pending.rejected.is_empty() {
            return Vec::new();
        }
        pending.written_at = Some(now);
        pending.take()
    }

    /// Gives what belongs to the same hour and model to a count that is about to be written down.
    pub(crate) fn join(&self, count: &mut HourCount) {
        let mut pending = self.lock();
        if let Some(at) = pending.counts.iter().position(|known| known.is_beside(count)) {
            for (code, times) in pending.counts.swap_remove(at).errors {
                count.add_errors(code, times);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pending> {
        // A panic elsewhere cannot leave a list of plain values half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(event: &str, at: &str) -> HourCount {
        let model = Some("gpt-4o".parse().unwrap());
        HourCount::new(event.parse().unwrap(), at.parse().unwrap(), model)
    }

    fn second(second: u32) -> DateTime<Utc> {
        format!("2026-12-05T09:30:{second:02}Z").parse().unwrap()
    }

    #[test]
    fn a_flood_is_written_once_in_ten_seconds() {
        let refusals = Refusals::default();
        let mut written = Vec::new();
        for at in 0..30 {
            for _ in 0..1_000 {
                refusals.add(hour("evt_1", "2026-12-05T09:30:00Z"), "rate_limit_exceeded", None);
                written.extend(refusals.due(second(at)));
            }
        }
        let times: Vec<_> = written.iter().map(|count| count.errors[0].1).collect();
        assert_eq!(times, [1, 10_000, 10_000]);
    }

    #[test]
    fn hours_models_and_events_are_counted_separately() {
        let refusals = Refusals::default();
        refusals.add(hour("evt_1", "2026-12-05T09:59:59Z"), "rate_limit_exceeded", None);
        refusals.add(hour("evt_1", "2026-12-05T10:00:00Z"), "rate_limit_exceeded", None);
        refusals.add(hour("evt_2", "2026-12-05T10:00:00Z"), "rate_limit_exceeded", None);
        refusals.add(
            HourCount { model: None, ..hour("evt_2", "2026-12-05T10:00:00Z") },
            "event_paused",
            None,
        );
        assert_eq!(refusals.due(second(0)).len(), 4);
        assert!(refusals.due(second(59)).is_empty());
    }

    #[test]
    fn a_settled_request_writes_the_refusals_of_its_hour_too() {
        let refusals = Refusals::default();
        for code in ["rate_limit_exceeded", "upstream_busy", "upstream_busy"] {
            refusals.add(hour("evt_1", "2026-12-05T09:30:00Z"), code, None);
        }
        refusals.add(hour("evt_2", "2026-12-05T09:30:00Z"), "rate_limit_exceeded", None);
        let mut settled = hour("evt_1", "2026-12-05T09:45:00Z");
        settled.add_errors("upstream_busy", 1);
        refusals.join(&mut settled);
        assert_eq!(settled.errors, [("upstream_busy", 3), ("rate_limit_exceeded", 1)]);
        assert_eq!(refusals.due(second(0)).len(), 1);
    }

    #[test]
    fn the_last_refusal_of_each_attendee_and_reason_is_remembered_beside_the_models() {
        let refusals = Refusals::default();
        let add = |user: &str, code, at| {
            let rejected = Rejected { user: user.parse().unwrap(), code, at: second(at) };
            refusals.add(hour("evt_1", "2026-12-05T09:30:00Z"), code, Some(rejected));
        };
        add("ada", "rate_limit_exceeded", 1);
        add("ada", "rate_limit_exceeded", 2);
        add("ada", "content_filter", 3);
        for other in 0..2 * MOST_REJECTED {
            add(&format!("user-{other}"), "event_full", 4);
        }
        // A settled request takes the counts of its own hour only.
        refusals.join(&mut hour("evt_1", "2026-12-05T09:45:00Z"));
        let due = refusals.due(second(5));
        let [without_model] = due.as_slice() else { panic!("{due:?}") };
        assert_eq!((without_model.model.as_ref(), without_model.errors.len()), (None, 0));
        assert_eq!(without_model.rejected.len(), MOST_REJECTED);
        let ada: Vec<_> =
            without_model.rejected.iter().take(2).map(|one| (one.code, one.at)).collect();
        assert_eq!(ada, [("rate_limit_exceeded", second(2)), ("content_filter", second(3))]);
        assert!(refusals.due(second(59)).is_empty());
    }

    #[test]
    fn the_counts_are_bounded_for_any_number_of_events() {
        let refusals = Refusals::default();
        for event in 0..2 * MOST {
            refusals.add(
                hour(&format!("evt_{event}"), "2026-12-05T09:30:00Z"),
                "event_paused",
                None,
            );
        }
        assert_eq!(refusals.due(second(0)).len(), MOST);
    }
}

//! What concurrent events need: Azure quota and Lambda concurrency.
//!
//! Events that overlap share both, so the needs are summed whenever an event starts.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::azure::Granted;
use super::finding::{Finding, grouped};
use super::inventory::{Event, Inventory, patch};

/// Requests of an attendee in a busy minute.
pub const REQUESTS_PER_MINUTE: u64 = 4;

/// Duration of a completion in seconds.
pub const SECONDS_PER_REQUEST: u64 = 10;

/// Events that run at the same time.
#[derive(Clone, Debug)]
pub(super) struct Overlap<'e> {
    /// The events.
    pub events: Vec<&'e Event>,
}

/// Each set of events that run at the same time, now or later.
#[must_use]
pub(super) fn overlaps(events: &[Event], now: DateTime<Utc>) -> Vec<Overlap<'_>> {
    let mut overlaps: Vec<Overlap<'_>> = Vec::new();
    for event in events.iter().filter(|event| event.ends_at > now) {
        let at = event.starts_at.max(now);
        let running: Vec<&Event> =
            events.iter().filter(|other| other.starts_at <= at && at < other.ends_at).collect();
        let is_known = |known: &Overlap<'_>| {
            known.events.iter().map(|event| &event.id).eq(running.iter().map(|event| &event.id))
        };
        if !overlaps.iter().any(is_known) {
            overlaps.push(Overlap { events: running });
        }
    }
    overlaps
}

impl Overlap<'_> {
    fn names(&self) -> String {
        let names = self.events.iter().map(|event| event.name.chars().take(40).collect::<String>());
        names.collect::<Vec<_>>().join(" + ")
    }

    fn attendees(&self) -> u64 {
        self.events.iter().fold(0, |sum, event| sum.saturating_add(event.attendees))
    }

    /// Concurrent requests in a busy minute.
    fn concurrent_requests(&self) -> u64 {
        let seconds = REQUESTS_PER_MINUTE * SECONDS_PER_REQUEST;
        self.attendees().saturating_mul(seconds).div_ceil(60)
    }
}

/// Compares Azure's quota with the tokens per minute that attendees may use.
#[must_use]
pub(super) fn check_quotas(
    inventory: &Inventory,
    granted: &[Granted],
    now: DateTime<Utc>,
    base: &str,
) -> Vec<Finding> {
    let overlaps = overlaps(&inventory.events, now);
    if overlaps.is_empty() {
        return vec![Finding::skip("quota", "No open or scheduled event.")];
    }
    overlaps.iter().map(|overlap| check_quota(overlap, inventory, granted, base)).collect()
}

fn check_quota(
    overlap: &Overlap<'_>,
    inventory: &Inventory,
    granted: &[Granted],
    base: &str,
) -> Finding {
    const CHECK: &str = "quota";
    let names = overlap.names();
    let offered = inventory.deployments.iter().zip(granted).filter(|(deployment, _)| {
        deployment.weight > 0 && overlap.events.iter().any(|event| event.offers(deployment))
    });
    let limits: Option<Vec<u64>> = offered.map(|(_, granted)| granted.tokens_per_minute).collect();
    let allowed: Option<Vec<u64>> =
        overlap.events.iter().map(|event| event.allowed_tokens()).collect();
    let Some(limits) = limits else {
        let seen = format!("{names}: the limit of a deployment is unknown.");
        return Finding::skip(CHECK, seen)
            .next("Azure reports no limit for it. Configure the deployment's tokens_per_minute.");
    };
    let limit = limits.into_iter().fold(0, u64::saturating_add);
    let Some(allowed) = allowed else {
        let seen = format!(
            "{names}: attendees have no limit in tokens per minute; Azure grants {} tokens/min.",
            grouped(limit)
        );
        let change = json!({"allowances": {"event": {"tokens_per_minute": limit}}});
        return Finding::warn(CHECK, seen, lowered(overlap, base, &change));
    };
    let allowed = allowed.into_iter().fold(0, u64::saturating_add);
    let seen = format!(
        "{names}: attendees may use {} tokens/min; Azure grants {} tokens/min.",
        grouped(allowed),
        grouped(limit)
    );
    if allowed <= limit {
        return Finding::ok(CHECK, seen);
    }
    let share = limit / u64::try_from(overlap.events.len()).unwrap_or(1).max(1);
    let change = json!({"allowances": {"event": {"tokens_per_minute": share}}});
    let advice = format!(
        "Attendees would get errors that the model is busy. Raise the deployments' quota at Azure, \
         add a replica, or lower the limit of the event:\n{}",
        lowered(overlap, base, &change)
    );
    // Attendees of several events seldom use all of their limits at the same time.
    match overlap.events.as_slice() {
        [_, _, ..] => Finding::warn(CHECK, seen, advice),
        _ => Finding::fail(CHECK, seen, advice),
    }
}

fn lowered(overlap: &Overlap<'_>, base: &str, change: &serde_json::Value) -> String {
    let calls = overlap.events.iter().map(|event| patch(base, event, change));
    calls.collect::<Vec<_>>().join("\n")
}

/// Compares the Lambda concurrency with the need of the largest set of events.
#[must_use]
pub(super) fn concurrency(
    inventory: Option<&Inventory>,
    available: u64,
    now: DateTime<Utc>,
    region: Option<&str>,
) -> Finding {
    const CHECK: &str = "aws concurrency";
    let overlaps = inventory.map(|inventory| overlaps(&inventory.events, now)).unwrap_or_default();
    let Some(largest) = overlaps.iter().max_by_key(|overlap| overlap.attendees()) else {
        let seen = format!("Account limit: {available}. No open or scheduled event.");
        return Finding::ok(CHECK, seen);
    };
    let (attendees, concurrent_requests) = (largest.attendees(), largest.concurrent_requests());
    let seen = format!(
        "Account limit: {available}. {}: {attendees} attendees × {REQUESTS_PER_MINUTE} \
         requests/min × {SECONDS_PER_REQUEST} s need {concurrent_requests}.",
        largest.names()
    );
    let wanted = attendees.max(concurrent_requests).saturating_mul(2).max(1_000);
    let region = region.map(|region| format!(" --region {region}")).unwrap_or_default();
    // The quota "Concurrent executions" of Lambda has this code in every region.
    let raise = format!(
        "aws service-quotas request-service-quota-increase{region} --service-code lambda \\\n    \
         --quota-code L-B99A9384 --desired-value {wanted}"
    );
    if available < concurrent_requests {
        let advice = format!(
            "Requests above the limit would be rejected. Request an increase from AWS some days \
             before the event. Reserved concurrency of other functions counts against it:\n  \
             {raise}"
        );
        return Finding::fail(CHECK, seen, advice);
    }
    if available < attendees {
        let advice = format!(
            "If everyone sends a request in the same second, some are rejected and must be \
             retried. Request an increase from AWS:\n  {raise}"
        );
        return Finding::warn(CHECK, seen, advice);
    }
    Finding::ok(CHECK, seen)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::super::inventory::samples::{a_deployment, an_event, an_idle_deployment};
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-12-01T00:00:00Z".parse().unwrap()
    }

    fn two_that_overlap() -> Vec<Event> {
        vec![
            an_event("oslo", "2026-12-05T09:00:00Z", "2026-12-06T18:00:00Z"),
            an_event("bergen", "2026-12-06T09:00:00Z", "2026-12-07T18:00:00Z"),
        ]
    }

    #[test]
    fn events_that_overlap_are_summed() {
        let events = two_that_overlap();
        let names: Vec<_> = overlaps(&events, now()).iter().map(Overlap::names).collect();
        assert_eq!(names, ["oslo", "oslo + bergen"]);
        let later = "2026-12-06T20:00:00Z".parse().unwrap();
        let names: Vec<_> = overlaps(&events, later).iter().map(Overlap::names).collect();
        assert_eq!(names, ["bergen"]);
    }

    #[test]
    fn limits_above_azures_quota_fail_and_of_two_events_at_once_warn() {
        let inventory =
            Inventory { deployments: vec![a_deployment("gpt-4o")], events: two_that_overlap() };
        let granted = [Granted { tokens_per_minute: Some(100_000) }];
        let findings = check_quotas(&inventory, &granted, now(), "https://h/api");
        let levels: Vec<_> = findings.iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Ok, Level::Warn]);
        let advice = findings[1].advice.as_deref().unwrap();
        assert!(advice.contains("PATCH https://h/api/admin/events/bergen"), "{advice}");
        assert!(advice.contains(r#""tokens_per_minute":50000"#), "{advice}");
    }

    #[test]
    fn a_replica_without_load_adds_no_quota() {
        let idle = an_idle_deployment("gpt-4o");
        let inventory = Inventory {
            deployments: vec![a_deployment("gpt-4o"), idle],
            events: two_that_overlap().split_off(1),
        };
        let limit = Granted { tokens_per_minute: Some(50_000) };
        let findings = check_quotas(&inventory, &[limit, limit], now(), "https://h/api");
        assert_eq!(findings[0].level, Level::Fail);
    }

    #[test]
    fn an_unknown_limit_is_skipped() {
        let inventory =
            Inventory { deployments: vec![a_deployment("gpt-4o")], events: two_that_overlap() };
        let findings = check_quotas(
            &inventory,
            &[Granted { tokens_per_minute: None }],
            now(),
            "https://h/api",
        );
        assert!(findings.iter().all(|finding| finding.level == Level::Skip));
    }

    #[test]
    fn a_new_accounts_ten_environments_are_too_few_for_a_hundred_attendees() {
        let inventory =
            Inventory { events: two_that_overlap().split_off(1), ..Inventory::default() };
        let level = |available| concurrency(Some(&inventory), available, now(), None).level;
        assert_eq!(level(10), Level::Fail);
        assert_eq!(level(66), Level::Fail);
        assert_eq!(level(67), Level::Warn);
        assert_eq!(level(100), Level::Ok);
        let seen = concurrency(Some(&inventory), 10, now(), None).seen;
        assert!(seen.ends_with("100 attendees × 4 requests/min × 10 s need 67."), "{seen}");
    }
}

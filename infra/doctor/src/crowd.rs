//! What events need together: tokens from Azure, and environments from Lambda.
//!
//! Events that overlap share both, so everything is reckoned for the moments at which events begin.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::azure::Granted;
use super::finding::{Finding, grouped};
use super::holdings::{Event, Holdings, patch};

/// Requests that an attendee makes in a busy minute.
pub const REQUESTS_PER_MINUTE: u64 = 4;

/// Seconds that a completion takes.
pub const SECONDS_PER_REQUEST: u64 = 10;

/// Events that run at the same time.
#[derive(Clone, Debug)]
pub(super) struct Moment<'e> {
    /// The events.
    pub events: Vec<&'e Event>,
}

/// Each set of events that run together, at the latest beginning or now.
#[must_use]
pub(super) fn moments(events: &[Event], now: DateTime<Utc>) -> Vec<Moment<'_>> {
    let mut moments: Vec<Moment<'_>> = Vec::new();
    for event in events.iter().filter(|event| event.ends_at > now) {
        let at = event.starts_at.max(now);
        let running: Vec<&Event> =
            events.iter().filter(|other| other.starts_at <= at && at < other.ends_at).collect();
        let is_known = |known: &Moment<'_>| {
            known.events.iter().map(|event| &event.id).eq(running.iter().map(|event| &event.id))
        };
        if !moments.iter().any(is_known) {
            moments.push(Moment { events: running });
        }
    }
    moments
}

impl Moment<'_> {
    fn names(&self) -> String {
        let names = self.events.iter().map(|event| event.name.chars().take(40).collect::<String>());
        names.collect::<Vec<_>>().join(" + ")
    }

    fn attendees(&self) -> u64 {
        self.events.iter().fold(0, |sum, event| sum.saturating_add(event.attendees))
    }

    /// Requests open at once in a busy minute.
    fn at_once(&self) -> u64 {
        let seconds = REQUESTS_PER_MINUTE * SECONDS_PER_REQUEST;
        self.attendees().saturating_mul(seconds).div_ceil(60)
    }
}

/// Whether Azure grants the tokens per minute that the events promise.
#[must_use]
pub(super) fn promises(
    holdings: &Holdings,
    granted: &[Granted],
    now: DateTime<Utc>,
    base: &str,
) -> Vec<Finding> {
    let moments = moments(&holdings.events, now);
    if moments.is_empty() {
        return vec![Finding::skip("quota", "No open or scheduled event.")];
    }
    moments.iter().map(|moment| promise(moment, holdings, granted, base)).collect()
}

fn promise(moment: &Moment<'_>, holdings: &Holdings, granted: &[Granted], base: &str) -> Finding {
    const CHECK: &str = "quota";
    let names = moment.names();
    let offered = holdings.deployments.iter().zip(granted).filter(|(deployment, _)| {
        deployment.weight > 0 && moment.events.iter().any(|event| event.offers(deployment))
    });
    let limits: Option<Vec<u64>> = offered.map(|(_, granted)| granted.tokens_per_minute).collect();
    let promised: Option<Vec<u64>> =
        moment.events.iter().map(|event| event.promised_tokens()).collect();
    let Some(limits) = limits else {
        let seen = format!("{names}: the limit of a deployment is unknown.");
        return Finding::skip(CHECK, seen)
            .next("Azure reports no limit for it. Configure the deployment's tokens_per_minute.");
    };
    let limit = limits.into_iter().fold(0, u64::saturating_add);
    let Some(promised) = promised else {
        let seen = format!(
            "{names}: attendees have no limit in tokens per minute; Azure grants {} tokens/min.",
            grouped(limit)
        );
        let change = json!({"allowances": {"event": {"tokens_per_minute": limit}}});
        return Finding::warn(CHECK, seen, lowered(moment, base, &change));
    };
    let promised = promised.into_iter().fold(0, u64::saturating_add);
    let seen = format!(
        "{names}: attendees may use {} tokens/min; Azure grants {} tokens/min.",
        grouped(promised),
        grouped(limit)
    );
    if promised <= limit {
        return Finding::ok(CHECK, seen);
    }
    let share = limit / u64::try_from(moment.events.len()).unwrap_or(1).max(1);
    let change = json!({"allowances": {"event": {"tokens_per_minute": share}}});
    let mend = format!(
        "Attendees would be told that the model is busy. Raise the deployments' quota at Azure, \
         add a replica, or lower the limit of the event:\n{}",
        lowered(moment, base, &change)
    );
    Finding::fail(CHECK, seen, mend)
}

fn lowered(moment: &Moment<'_>, base: &str, change: &serde_json::Value) -> String {
    let calls = moment.events.iter().map(|event| patch(base, event, change));
    calls.collect::<Vec<_>>().join("\n")
}

/// Whether Lambda may run as many environments as the largest crowd needs.
#[must_use]
pub(super) fn concurrency(
    holdings: Option<&Holdings>,
    available: u64,
    now: DateTime<Utc>,
    region: Option<&str>,
) -> Finding {
    const CHECK: &str = "aws concurrency";
    let moments = holdings.map(|holdings| moments(&holdings.events, now)).unwrap_or_default();
    let Some(largest) = moments.iter().max_by_key(|moment| moment.attendees()) else {
        let seen = format!("Account limit: {available}. No open or scheduled event.");
        return Finding::ok(CHECK, seen);
    };
    let (attendees, at_once) = (largest.attendees(), largest.at_once());
    let seen = format!(
        "Account limit: {available}. {}: {attendees} attendees × {REQUESTS_PER_MINUTE} \
         requests/min × {SECONDS_PER_REQUEST} s need {at_once}.",
        largest.names()
    );
    let wanted = attendees.max(at_once).saturating_mul(2).max(1_000);
    let region = region.map(|region| format!(" --region {region}")).unwrap_or_default();
    // The quota "Concurrent executions" of Lambda has this code in every region.
    let raise = format!(
        "aws service-quotas request-service-quota-increase{region} --service-code lambda \\\n    \
         --quota-code L-B99A9384 --desired-value {wanted}"
    );
    if available < at_once {
        let mend = format!(
            "Requests above the limit would be rejected. Request an increase from AWS some days \
             before the event. Reserved concurrency of other functions counts against it:\n  \
             {raise}"
        );
        return Finding::fail(CHECK, seen, mend);
    }
    if available < attendees {
        let mend = format!(
            "If everyone sends a request in the same second, some are rejected and must be \
             retried. Request an increase from AWS:\n  {raise}"
        );
        return Finding::warn(CHECK, seen, mend);
    }
    Finding::ok(CHECK, seen)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::super::holdings::samples::{a_deployment, an_event, an_idle_deployment};
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
    fn events_that_overlap_are_reckoned_together() {
        let events = two_that_overlap();
        let names: Vec<_> = moments(&events, now()).iter().map(Moment::names).collect();
        assert_eq!(names, ["oslo", "oslo + bergen"]);
        let later = "2026-12-06T20:00:00Z".parse().unwrap();
        let names: Vec<_> = moments(&events, later).iter().map(Moment::names).collect();
        assert_eq!(names, ["bergen"]);
    }

    #[test]
    fn a_promise_that_azure_does_not_keep_fails() {
        let holdings =
            Holdings { deployments: vec![a_deployment("gpt-4o")], events: two_that_overlap() };
        let granted = [Granted { tokens_per_minute: Some(100_000) }];
        let findings = promises(&holdings, &granted, now(), "https://h/api");
        let levels: Vec<_> = findings.iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Ok, Level::Fail]);
        let mend = findings[1].mend.as_deref().unwrap();
        assert!(mend.contains("PATCH https://h/api/admin/events/bergen"), "{mend}");
        assert!(mend.contains(r#""tokens_per_minute":50000"#), "{mend}");
    }

    #[test]
    fn a_replica_that_takes_no_load_grants_nothing() {
        let idle = an_idle_deployment("gpt-4o");
        let holdings = Holdings {
            deployments: vec![a_deployment("gpt-4o"), idle],
            events: two_that_overlap().split_off(1),
        };
        let limit = Granted { tokens_per_minute: Some(50_000) };
        let findings = promises(&holdings, &[limit, limit], now(), "https://h/api");
        assert_eq!(findings[0].level, Level::Fail);
    }

    #[test]
    fn an_unknown_limit_is_not_judged() {
        let holdings =
            Holdings { deployments: vec![a_deployment("gpt-4o")], events: two_that_overlap() };
        let findings =
            promises(&holdings, &[Granted { tokens_per_minute: None }], now(), "https://h/api");
        assert!(findings.iter().all(|finding| finding.level == Level::Skip));
    }

    #[test]
    fn a_new_accounts_ten_environments_are_too_few_for_a_hundred_attendees() {
        let holdings = Holdings { events: two_that_overlap().split_off(1), ..Holdings::default() };
        let level = |available| concurrency(Some(&holdings), available, now(), None).level;
        assert_eq!(level(10), Level::Fail);
        assert_eq!(level(66), Level::Fail);
        assert_eq!(level(67), Level::Warn);
        assert_eq!(level(100), Level::Ok);
        let seen = concurrency(Some(&holdings), 10, now(), None).seen;
        assert!(seen.ends_with("100 attendees × 4 requests/min × 10 s need 67."), "{seen}");
    }
}

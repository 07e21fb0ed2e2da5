//! Time, random numbers and the request log, as a test sets them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lanyard_domain::ids::EventId;

use super::{MemoryEvents, MemoryLedger, ScriptedUpstream, lock};
use crate::ports::{Clock, Incident, Random, RequestLine, RequestLog};
use crate::{Gateway, Ports};

/// A clock that only the test moves.
#[derive(Debug)]
pub struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    /// A clock that shows this instant.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves the clock to an instant, forward or back.
    pub fn set(&self, now: DateTime<Utc>) {
        *lock(&self.0) = now;
    }

    /// Moves the clock on.
    pub fn advance(&self, by: TimeDelta) {
        *lock(&self.0) += by;
    }
}

impl Default for TestClock {
    /// A Saturday at noon, UTC.
    fn default() -> Self {
        Self::at(DateTime::from_timestamp_nanos(1_796_472_000_000_000_000))
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *lock(&self.0)
    }
}

/// Always the same number.
#[derive(Debug, Default)]
pub struct FixedRandom(AtomicU64);

impl FixedRandom {
    /// Draws this number from now on.
    pub fn set(&self, number: u64) {
        self.0.store(number, Ordering::Relaxed);
    }
}

impl Random for FixedRandom {
    fn next_u64(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A request log that a test can read.
#[derive(Debug, Default)]
pub struct RecordedLog {
    lines: Mutex<Vec<RequestLine>>,
    incidents: Mutex<Vec<Incident>>,
}

impl RecordedLog {
    /// One line for each finished request.
    #[must_use]
    pub fn lines(&self) -> Vec<RequestLine> {
        lock(&self.lines).clone()
    }

    /// What was counted, in order.
    #[must_use]
    pub fn incidents(&self) -> Vec<Incident> {
        lock(&self.incidents).clone()
    }
}

impl RequestLog for RecordedLog {
    fn write(&self, line: &RequestLine) {
        lock(&self.lines).push(line.clone());
    }

    fn count(&self, incident: Incident, _event: Option<&EventId>) {
        lock(&self.incidents).push(incident);
    }
}

/// Every port in memory. A test keeps this to look at what the gateway did.
#[derive(Clone, Debug, Default)]
pub struct MemoryPorts {
    /// The time.
    pub clock: Arc<TestClock>,
    /// Random numbers.
    pub random: Arc<FixedRandom>,
    /// Where events are looked up.
    pub events: Arc<MemoryEvents>,
    /// Where accounts are kept.
    pub ledger: Arc<MemoryLedger>,
    /// Azure.
    pub upstream: Arc<ScriptedUpstream>,
    /// Where finished requests are written down.
    pub request_log: Arc<RecordedLog>,
}

impl MemoryPorts {
    /// A gateway over these ports. Each call is another process: it remembers nothing yet.
    #[must_use]
    pub fn a_gateway(&self) -> Arc<Gateway> {
        let ports = self.clone();
        Arc::new(Gateway::new(Ports {
            clock: ports.clock,
            random: ports.random,
            events: ports.events,
            ledger: ports.ledger,
            upstream: ports.upstream,
            request_log: ports.request_log,
            ledger_timeout: Duration::from_secs(10),
        }))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::BodyExt;
    use lanyard_domain::operation::Operation;
    use lanyard_domain::unit::{Unit, Units};
    use lanyard_domain::usage::Charge;

    use super::*;
    use crate::Request;
    use crate::ports::Listing;
    use crate::testing::{a_deployment, an_event};

    #[tokio::test]
    async fn a_request_goes_all_the_way_through_memory() {
        let world = MemoryPorts::default();
        let event = an_event("memory-only", world.clock.now());
        let id = event.id.clone();
        let deployments = vec![a_deployment("gpt-4o", Operation::ChatCompletions)];
        world.events.put(Listing {
            event,
            deployments,
            code_works_until: None,
            unreadable: Arc::default(),
        });
        let gateway = world.a_gateway();
        let http = http::Request::post("/api/v1/chat/completions")
            .header("api-key", "memory-only/ada")
            .body(Bytes::from(r#"{"messages":[]}"#))
            .unwrap();
        let now = world.clock.now();
        let request = Request { id: "req_1".parse().unwrap(), now, deadline: None, http };
        let response = gateway.forward(Operation::ChatCompletions, request).await.unwrap();
        assert!(!response.into_body().collect().await.unwrap().to_bytes().is_empty());
        gateway.settled().await;

        // 2.50 and 10 dollars per million.
        let units = Units::of(Unit::Usd, 17 * 2_500 + 5 * 10_000);
        let charge = Charge { units, ..Charge::of_tokens(17, 5) };
        assert_eq!(world.ledger.records()[0].charge, charge);
        let hour = world.ledger.hours(&id).remove(0);
        assert_eq!((hour.at, hour.model.unwrap().as_str()), (now, "gpt-4o"));
        assert_eq!((hour.requests, hour.charge), (1, charge));
        assert_eq!((hour.first_byte_ms, hour.errors), (Some(0), vec![]));
        assert_eq!(world.request_log.lines().len(), 1);
        let url = "http://azure.invalid/openai/v1/chat/completions";
        assert_eq!(world.upstream.calls()[0].url, url);
    }
}

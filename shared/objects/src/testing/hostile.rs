//! Any bytes, made into requests and sent through the handlers: the entry of the property test and
//! of the fuzzer.
//!
//! The bytes choose credentials, paths, queries, headers and bodies from what clients nearly send.
//! Whatever comes of it, the answer must be one that the contract knows, repeat nothing secret, and
//! leave the accounts balanced.

mod request;

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use lanyard_domain::allowance::{Allowance, Limit};
use lanyard_domain::event::Signing;
use lanyard_domain::operation::Operation;
use lanyard_gateway::answer::{Audience, answer};
use lanyard_gateway::ports::{Clock, Listing};
use lanyard_gateway::testing::{
    MemoryEvents, MemoryLedger, RecordedLog, SeededRandom, SimulatedAzure, TestClock, a_deployment,
    an_event, balance,
};
use lanyard_gateway::{Ports, Request};
use serde_json::Value;
use tokio::time::Instant;

use self::request::Grammar;
use super::MemoryObjects;
use crate::Objects;

/// The code of the event, which must never come back.
pub(super) const CODE: &str = "canary-code";
/// The event's id, which may.
pub(super) const EVENT: &str = "evt-hostile";
/// What attendees say, which must never come back in an error.
pub(super) const PROMPT: &str = "canary-prompt";
/// The secret of the event's tokens, which must never come back.
const SECRET: &str = "canary-signing";
/// The host of the deployments, which must never come back.
const HOST: &str = "canary-host";

/// Every status that the contract knows.
const STATUSES: [u16; 16] =
    [200, 400, 401, 403, 404, 405, 413, 415, 422, 429, 500, 502, 503, 504, 431, 408];

/// What the requests of one input came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Survived {
    /// How many requests were sent.
    pub requests: u64,
    /// How many of them were answered 200.
    pub answered: u64,
    /// How many were charged.
    pub charged: u64,
}

/// Sends what the bytes say through the handlers.
///
/// # Errors
///
/// The first thing that must not be.
pub fn survive(bytes: &[u8]) -> Result<Survived, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|fault| fault.to_string())?;
    runtime.block_on(send_all(bytes))
}

/// What the event signs tokens with, which must never come back either.
pub(super) fn signing() -> Signing {
    Signing { secret: SECRET.to_owned(), ..Signing::default() }
}

async fn send_all(bytes: &[u8]) -> Result<Survived, String> {
    let seed = bytes.iter().fold(7u64, |seed, byte| seed.wrapping_mul(31) + u64::from(*byte));
    let random = Arc::new(SeededRandom::new(seed));
    let clock = Arc::new(TestClock::default());
    let ledger = Arc::new(MemoryLedger::default());
    let events = Arc::new(MemoryEvents::default());
    let mut event = an_event(CODE, clock.now());
    event.allowances.attendee = Allowance::from([
        (Limit::RequestsPerMinute, 10),
        (Limit::TokensPerDay, 50_000),
        (Limit::ImagesTotal, 3),
        (Limit::AudioSecondsTotal, 40),
        (Limit::CharactersTotal, 400),
        (Limit::InFlight, 2),
    ]);
    event.keeps_objects = true;
    event.id = EVENT.parse().map_err(|_| "no id")?;
    event.signing = signing();
    let settings = event.clone();
    let mut deployment = a_deployment("model", Operation::ChatCompletions);
    deployment.endpoint = format!("https://{HOST}.openai.azure.com");
    deployment.operations = Operation::ALL.to_vec();
    events.put(Listing { event, deployments: vec![deployment], code_works_until: None });
    let ports = Ports {
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        random: Arc::clone(&random) as Arc<dyn lanyard_gateway::ports::Random>,
        events,
        ledger: Arc::clone(&ledger) as Arc<dyn lanyard_gateway::ports::Ledger>,
        upstream: Arc::new(SimulatedAzure::new(random)),
        request_log: Arc::new(RecordedLog::default()),
        ledger_timeout: Duration::from_secs(1),
    };
    let gateway = Objects::new(ports, Arc::new(MemoryObjects::default())).gateway();
    let mut survived = Survived::default();
    let mut grammar = Grammar::of(bytes);
    while let Some((operation, http)) = grammar.request() {
        survived.requests += 1;
        let id = format!("req_{}", survived.requests).parse().map_err(|_| "no id")?;
        let deadline = Some(Instant::now() + Duration::from_secs(300));
        let sent = http.body().clone();
        let request = Request { id, now: clock.now(), deadline, http };
        let gateway = Arc::clone(&gateway);
        let response = answer(Audience::Attendees, request, |request| async move {
            gateway.forward(operation, request).await
        })
        .await;
        survived.answered += u64::from(check(response, &sent).await?);
    }
    gateway.settled().await;
    survived.charged = balance(&ledger, &settings, |recorded, counted| recorded == counted).await?;
    Ok(survived)
}

/// Checks an answer; true if it was a success.
async fn check(response: lanyard_gateway::Response, sent: &[u8]) -> Result<bool, String> {
    let (head, body) = response.into_parts();
    let Ok(body) = body.collect().await;
    let body = body.to_bytes();
    let status = head.status.as_u16();
    let text = String::from_utf8_lossy(&body);
    let blame = |what: &str| {
        Err(format!("{what}: {status} {text:?} to {:?}", String::from_utf8_lossy(sent)))
    };
    if !STATUSES.contains(&status) {
        return blame("no status of the contract");
    }
    if status == 500 {
        return blame("our own mistake");
    }
    if body.is_empty() {
        return blame("an empty body");
    }
    if !head.headers.contains_key("x-request-id")
        || !head.headers.contains_key("access-control-allow-origin")
    {
        return blame("a header is missing");
    }
    let headers = format!("{:?}", head.headers);
    if [CODE, HOST, SECRET].iter().any(|secret| headers.contains(secret) || text.contains(secret)) {
        return blame("a secret came back");
    }
    if status == 200 {
        return Ok(true);
    }
    if text.contains(PROMPT) {
        return blame("the prompt came back");
    }
    let parsed: Value = serde_json::from_slice(&body).unwrap_or_default();
    let error = parsed.get("error").and_then(Value::as_object);
    let keys: Vec<_> = error.into_iter().flat_map(|error| error.keys()).collect();
    let has = |key: &str| keys.iter().any(|found| *found == key);
    if !["message", "type", "param", "code"].iter().all(|key| has(key)) {
        return blame("not the schema of errors");
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_grammar_reaches_answers_and_refusals() {
        let mut all = Survived::default();
        for seed in 0..200 {
            let random = SeededRandom::new(seed);
            let bytes: Vec<u8> =
                (0..600).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
            let survived = survive(&bytes).unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
            all.requests += survived.requests;
            all.answered += survived.answered;
            all.charged += survived.charged;
        }
        println!("{all:?}");
        assert!(all.answered > 20 && all.charged > 20, "{all:?}");
        assert!(all.requests > 3 * all.answered, "{all:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..800)) {
            if let Err(broken) = survive(&bytes) {
                return Err(TestCaseError::fail(broken));
            }
        }
    }
}

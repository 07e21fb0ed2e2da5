//! Any bytes, made into requests and sent through the handlers: the entry of the property test and
//! of the fuzzer.
//!
//! The bytes choose credentials, paths, queries, headers and bodies from what clients nearly send.
//! Each response must be one of the contract, must repeat no secret, and must leave the accounts
//! balanced.

mod request;
mod samples;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use http_body_util::BodyExt;
use lanyard_domain::allowance::{Allowance, Limit};
use lanyard_domain::event::{Event, Signing};
use lanyard_domain::object::{Kind, Owned};
use lanyard_domain::operation::Operation;
use lanyard_gateway::handler::{Audience, run_handler};
use lanyard_gateway::ports::{Clock, Listing};
use lanyard_gateway::testing::azure::{ScriptedUpstream, random_replies};
use lanyard_gateway::testing::{
    MemoryEvents, MemoryLedger, RecordedLog, SeededRandom, TestClock, a_deployment, an_event,
    balance,
};
use lanyard_gateway::{ApiError, Ports, Request, Response, parse};
use lanyard_protocol::Protocol;
use serde_json::{Value, json};
use tokio::time::Instant;

use self::request::stored::{self, Known};
use self::request::{Grammar, Sent};
use super::MemoryObjects;
use crate::Objects;
use crate::store::ObjectStore;

/// The code of the event, which must never come back.
pub(super) const CODE: &str = "canary-code";
/// The event's id, which may.
pub(super) const EVENT: &str = "evt-hostile";
/// The attendees' prompt, which must never come back in an error.
pub(super) const PROMPT: &str = "canary-prompt";
/// The secret of the event's tokens, which must never come back.
const SECRET: &str = "canary-signing";
/// The host of the deployments, which must never come back.
const HOST: &str = "canary-host";

/// Every status that the contract knows.
const STATUSES: [u16; 18] =
    [200, 400, 401, 402, 403, 404, 405, 408, 413, 415, 422, 429, 431, 500, 502, 503, 504, 529];

/// The results of one input's requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survived {
    /// How many requests were sent.
    pub requests: u64,
    /// How many of them were answered 200, by operation.
    pub answered: BTreeMap<Operation, u64>,
    /// What was done with stored objects: kinds, and names of routes.
    pub done: BTreeSet<(Kind, &'static str)>,
    /// How many named an object of another attendee's.
    pub foreign: u64,
    /// How many were charged.
    pub charged: u64,
}

/// Sends the requests that the bytes encode through the handlers.
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

/// The event's signing secret, which must never come back either.
pub(super) fn signing() -> Signing {
    Signing { secret: SECRET.to_owned(), ..Signing::default() }
}

fn endpoint() -> String {
    format!("https://{HOST}.openai.azure.com")
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
        (Limit::VideoSecondsTotal, 30),
        (Limit::InFlight, 3),
    ]);
    event.keeps_objects = true;
    event.id = EVENT.parse().map_err(|_| "no id")?;
    event.signing = signing();
    let settings = event.clone();
    let mut deployment = a_deployment("model", Operation::ChatCompletions);
    deployment.endpoint = endpoint();
    deployment.operations = Operation::ALL.to_vec();
    ledger.put_event(settings.clone());
    events.put(Listing {
        event,
        deployments: vec![deployment],
        code_works_until: None,
        unreadable: Arc::default(),
    });
    let ports = Ports {
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        random: Arc::clone(&random) as Arc<dyn lanyard_gateway::ports::Random>,
        events,
        ledger: Arc::clone(&ledger) as Arc<dyn lanyard_gateway::ports::Ledger>,
        upstream: Arc::new(ScriptedUpstream::new(random_replies(random))),
        request_log: Arc::new(RecordedLog::default()),
        ledger_timeout: Duration::from_secs(1),
    };
    let store = Arc::new(MemoryObjects::default());
    let known = store_first(&store, &settings, clock.now()).await?;
    let objects = Arc::new(Objects::new(ports, store));
    let mut survived = Survived::default();
    let mut grammar = Grammar::of(bytes, known);
    while let Some(sent) = grammar.request() {
        survived.requests += 1;
        survived.foreign += u64::from(sent.is_foreign);
        let id = format!("req_{}", survived.requests).parse().map_err(|_| "no id")?;
        let deadline = Some(Instant::now() + Duration::from_secs(300));
        let request = Request { id, now: clock.now(), deadline, http: sent.http.clone() };
        let (objects, operation) = (Arc::clone(&objects), sent.operation);
        let response = run_handler(Audience::Attendees, request, |request| async move {
            handle(&objects, operation, request).await
        })
        .await;
        let Some(body) = check(response, &sent).await? else { continue };
        *survived.answered.entry(operation).or_default() += 1;
        survived.done.extend(sent.route.map(|route| (route.kind, route.name)));
        if sent.makes {
            grammar.known.extend(made(&body, sent.user));
        }
    }
    finish(&objects, &clock).await?;
    survived.charged = balance(&ledger, &settings, |recorded, counted| recorded == counted).await?;
    Ok(survived)
}

/// Lets the function of an operation handle a request.
async fn handle(
    objects: &Objects,
    operation: Operation,
    request: Request,
) -> Result<Response, ApiError> {
    let is_call = if operation == Operation::Responses {
        let below = parse::below(request.http.uri().path(), operation);
        matches!(below, Ok(None)) && request.http.method() == Method::POST
    } else {
        Protocol::of(operation).documentation.is_some()
    };
    let of = |kind: &&Kind| kind.operation() == operation && **kind != Kind::Run;
    let kind = Kind::ALL.iter().find(of).copied().filter(|_| !is_call);
    match kind {
        Some(kind) => objects.handle(kind, request).await,
        None => objects.gateway().forward(operation, request).await,
    }
}

/// Gives two attendees an object of each kind.
async fn store_first(
    store: &MemoryObjects,
    event: &Event,
    now: DateTime<Utc>,
) -> Result<Vec<Known>, String> {
    let mut known = Vec::new();
    for user in 0..2 {
        for kind in Kind::ALL.iter().copied() {
            let id = stored::first_id(kind, user);
            let parent = (kind == Kind::Run).then(|| stored::first_id(Kind::Thread, user));
            let owned = serde_json::from_value(json!({
                "kind": kind, "id": id, "parent": parent, "event": event.id,
                "user": format!("user{user}"), "tokens": 100, "request_id": "req_0",
                "home": {"endpoint": endpoint(), "deployment": "model", "replica": "one"},
                "created_at": now, "event_ends_at": now,
            }));
            let owned: Owned = owned.map_err(|fault| fault.to_string())?;
            store.put(&owned).await.map_err(|fault| fault.to_string())?;
            known.push(Known { kind, id, user });
        }
    }
    Ok(known)
}

/// The objects that a response names, of an attendee who made them.
fn made(body: &[u8], user: usize) -> Vec<Known> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let ids = ["id", "thread_id"].into_iter().filter_map(|name| body[name].as_str());
    ids.filter_map(|id| Some(Known { kind: stored::kind_of(id)?, id: id.to_owned(), user }))
        .collect()
}

/// Waits until all is settled: jobs when they end, or an hour later when their holds do.
async fn finish(objects: &Objects, clock: &TestClock) -> Result<(), String> {
    for _ in 0..10 {
        objects.gateway().settled().await;
        clock.advance(TimeDelta::minutes(10));
        let until = Instant::now() + Duration::from_secs(60);
        let finished = objects.finish_jobs(clock.now(), until).await;
        finished.map_err(|fault| fault.to_string())?;
    }
    let swept = objects.gateway().sweep(clock.now()).await;
    swept.map(drop).map_err(|fault| format!("{fault:?}"))
}

/// Checks a response, and returns the body of one that was a success.
async fn check(response: Response, sent: &Sent) -> Result<Option<Bytes>, String> {
    let (head, body) = response.into_parts();
    let Ok(body) = body.collect().await;
    let body = body.to_bytes();
    let status = head.status.as_u16();
    let text = String::from_utf8_lossy(&body);
    let blame = |what: &str| {
        let body = String::from_utf8_lossy(sent.http.body());
        let (method, uri) = (sent.http.method(), sent.http.uri());
        Err(format!("{what}: {status} {text:?} to {method} {uri} {body:?}"))
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
    if sent.http.method() == Method::OPTIONS {
        // The response to a preflight is always the same.
        return Ok(None);
    }
    if status == 200 {
        return match sent.is_foreign {
            true => blame("an object of another attendee's"),
            false => Ok(Some(body)),
        };
    }
    if text.contains(PROMPT) {
        return blame("the prompt came back");
    }
    let parsed: Value = serde_json::from_slice(&body).unwrap_or_default();
    let error = parsed.get("error").and_then(Value::as_object);
    let keys: Vec<_> = error.into_iter().flat_map(|error| error.keys()).collect();
    let has = |key: &str| keys.iter().any(|found| *found == key);
    let has_schema = match sent.operation == Operation::Messages {
        true => {
            let is_anthropics = parsed["type"] == "error" && parsed["request_id"].is_string();
            is_anthropics && ["message", "type"].iter().all(|key| has(key))
        }
        false => ["message", "type", "param", "code"].iter().all(|key| has(key)),
    };
    if !has_schema {
        return blame("not the schema of errors");
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::ROUTES;
    use proptest::prelude::*;

    #[test]
    fn the_grammar_reaches_every_operation_every_route_and_refusals() {
        let mut all = Survived::default();
        for seed in 0..1_000 {
            let random = SeededRandom::new(seed);
            let bytes: Vec<u8> =
                (0..600).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
            let survived = survive(&bytes).unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
            all.requests += survived.requests;
            all.foreign += survived.foreign;
            all.charged += survived.charged;
            all.done.extend(survived.done);
            for (operation, times) in survived.answered {
                *all.answered.entry(operation).or_default() += times;
            }
        }
        println!("{all:?}");
        for operation in Operation::ALL.iter() {
            assert!(all.answered.get(operation) > Some(&10), "{operation}: {:?}", all.answered);
        }
        let named = ROUTES.iter().map(|route| (route.kind, route.name));
        let missing: Vec<_> = named.filter(|route| !all.done.contains(route)).collect();
        assert_eq!(missing, [], "never answered with success");
        assert!(all.charged > 1_000 && all.foreign > 100, "{all:?}");
        assert!(all.requests > 2 * all.answered.values().sum::<u64>(), "{all:?}");
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

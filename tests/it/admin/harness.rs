//! An organiser's desk: the API, the table behind it, and a clock.

use std::sync::Arc;

use bytes::Bytes;
use chrono::TimeDelta;
use http::{HeaderMap, Method};
use http_body_util::BodyExt;
use lanyard_administration::Administration;
use lanyard_administration::direct::{DirectCall, DirectResponse, direct};
use lanyard_administration::ports::KeyStore;
use lanyard_domain::event::Event;
use lanyard_domain::operation::Operation;
use lanyard_domain::usage::{CacheUse, Charge, UsageRecord};
use lanyard_gateway::Request;
use lanyard_gateway::handler::{Audience, run_handler};
use lanyard_gateway::ports::{Clock, EventStore, Ledger, Listing};
use lanyard_gateway::testing::TestClock;
use lanyard_platform::keys::FileKeys;
use lanyard_platform::organisers::Organisers;
use lanyard_platform::shell::{Machine, request_id};
use lanyard_platform::table::Table;
use serde_json::{Value, json};

use crate::support::canary;
use crate::support::described;
use crate::support::engine::Engine;

/// Every header that a response to an organiser may have.
const HEADERS: [&str; 5] =
    ["content-type", "x-request-id", "x-should-retry", "retry-after", "allow"];

/// The API with an empty table, at noon UTC on 5 December 2026.
pub(super) struct Harness {
    pub(super) admin: Arc<Administration>,
    pub(super) clock: Arc<TestClock>,
    pub(super) keys: Arc<dyn KeyStore>,
    pub(super) table: Table,
    pub(super) engine: Engine,
    pub(super) token: String,
}

impl Harness {
    /// A desk with the organiser `main`.
    pub(super) async fn open() -> Self {
        canary::watch_logs();
        let engine = Engine::start().await;
        let (table, own) = (engine.table(), engine.table_of(&["admin"]));
        let clock = Arc::new(TestClock::at("2026-12-05T12:00:00Z".parse().unwrap()));
        let keys = Arc::new(FileKeys::in_memory());
        let admin = Arc::new(Administration {
            store: Arc::new(Organisers::new(own.clone())),
            ledger: Arc::new(own) as Arc<dyn Ledger>,
            keys: Arc::new(engine.keys_of("admin", Arc::clone(&keys))),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            random: Arc::new(Machine),
            allow_loopback: false,
        });
        let mut harness = Self { admin, clock, keys, table, engine, token: String::new() };
        harness.token = harness.organiser("main").await;
        harness
    }

    /// A token for an organiser.
    pub(super) async fn organiser(&self, name: &str) -> String {
        let made = self.direct("POST", "/organisers", Some(json!({"name": name}))).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.body["token"].as_str().unwrap().to_owned()
    }

    /// A direct call for the organiser `main`.
    pub(super) async fn direct(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> DirectResponse {
        let (method, path) = (method.to_owned(), path.to_owned());
        let call = DirectCall { method, path, organiser: None, body };
        direct(&self.admin, call).await.unwrap()
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &self.token, Bytes::new()).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(Method::POST, path, &self.token, body.to_string()).await
    }

    pub(super) async fn patch(&self, path: &str, body: Value) -> Reply {
        self.send(Method::PATCH, path, &self.token, body.to_string()).await
    }

    pub(super) async fn put(&self, path: &str, body: Value) -> Reply {
        self.send(Method::PUT, path, &self.token, body.to_string()).await
    }

    pub(super) async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, &self.token, Bytes::new()).await
    }

    /// Sends a request with a token, and checks the properties of every response.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: impl Into<Bytes>,
    ) -> Reply {
        let mut http = http::Request::new(body.into());
        *http.method_mut() = method;
        *http.uri_mut() = format!("/api/admin{path}").parse().unwrap();
        http.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        self.ask(http).await
    }

    pub(super) async fn ask(&self, http: http::Request<Bytes>) -> Reply {
        let id = request_id().unwrap();
        let (method, path) = (http.method().clone(), http.uri().path().to_owned());
        let request = Request { id: id.clone(), now: self.clock.now(), deadline: None, http };
        let handled = run_handler(Audience::Organisers, request, |r| self.admin.handle(r)).await;
        let (head, body) = handled.into_parts();
        for name in head.headers.keys() {
            assert!(HEADERS.contains(&name.as_str()), "{name} leaks");
        }
        assert_eq!(head.headers["x-request-id"], id.as_str());
        assert_eq!(head.headers["content-type"], "application/json");
        assert_ne!(head.status, 409);
        self.engine.policed().assert_nothing_was_denied();
        let text = body.collect().await.unwrap().to_bytes();
        let text = std::str::from_utf8(&text).unwrap();
        assert!(!text.contains(canary::KEY), "a key leaks: {text}");
        described::check(&method, &path, head.status.as_u16(), text.as_bytes());
        let body = serde_json::from_str(text).unwrap();
        Reply { status: head.status.as_u16(), headers: head.headers, body }
    }

    /// An event that is open from nine to six in Oslo, and its path.
    pub(super) async fn event(&self, more: Value) -> (String, Value) {
        let event = self.post("/events", oslo(more)).await.ok(201);
        (format!("/events/{}", event["id"].as_str().unwrap()), event)
    }

    /// A deployment of this organiser's.
    pub(super) async fn deployment(&self, name: &str, operation: &str) {
        self.put(&format!("/deployments/{name}"), deployment(operation)).await.ok(201);
    }

    /// The event of a code.
    pub(super) async fn found(&self, code: &str) -> Option<Listing> {
        self.table.find(&code.parse().unwrap()).await.unwrap()
    }

    /// The event as the gateway reads it.
    pub(super) async fn stored(&self, path: &str) -> Event {
        let id = path.trim_start_matches("/events/").parse().unwrap();
        self.table.event(&id, true).await.unwrap().unwrap()
    }

    /// The record of an attendee's request at this moment.
    pub(super) fn record(&self, path: &str, user: &str, number: u64) -> UsageRecord {
        UsageRecord {
            request_id: format!("req_{number:032}").parse().unwrap(),
            event: path.trim_start_matches("/events/").parse().unwrap(),
            user: user.parse().unwrap(),
            operation: Operation::ChatCompletions,
            model: Some("gpt-4o".parse().unwrap()),
            charge: Charge::of_tokens(7, 5),
            is_estimated: false,
            status: 200,
            is_streamed: false,
            admitted_at: self.clock.now(),
            duration_ms: 1,
            first_byte_ms: 1,
            session: None,
            app: None,
            response_id: None,
            own_charge: None,
            cache: CacheUse::default(),
            bill: None,
        }
    }

    /// Moves the time on.
    pub(super) fn wait(&self, time: TimeDelta) {
        self.clock.advance(time);
    }
}

/// A body that makes an event, with more fields or others.
pub(super) fn oslo(more: Value) -> Value {
    let mut body = json!({
        "name": "Oslo Hack",
        "starts_at": "2026-12-05T09:00", "ends_at": "2026-12-05T18:00",
        "time_zone": "Europe/Oslo",
    });
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

/// A body that makes a deployment.
pub(super) fn deployment(operation: &str) -> Value {
    json!({
        "endpoint": "https://one.openai.azure.com",
        "operations": [operation],
        "key": canary::KEY,
    })
}

/// The response.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Reply {
    /// The body of a success.
    pub(super) fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// Checks a refusal's status, code and schema.
    pub(super) fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        let error = &self.body["error"];
        assert_eq!(error["code"], code, "{error}");
        for key in ["message", "type", "param", "code"] {
            assert!(error.get(key).is_some(), "{key} is missing: {error}");
        }
        self.body
    }

    /// The wrong fields of a refusal, in their order.
    pub(super) fn wrong_fields(self) -> Vec<String> {
        assert_eq!(self.status, 400, "{}", self.body);
        let details = self.body["error"]["details"].as_array().unwrap();
        details.iter().map(|detail| detail["field"].as_str().unwrap().to_owned()).collect()
    }
}

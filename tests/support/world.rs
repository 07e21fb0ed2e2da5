//! A world: one event, its attendees, an Azure, and the processes in between.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use lanyard_administration::Administration;
use lanyard_administration::audit::{Action, Actor, AuditEntry};
use lanyard_administration::own::attendee::OwnDeploymentsApi;
use lanyard_administration::ports::{EventSettingsStore, KeyStore};
use lanyard_domain::account::{Account, AccountKey, Change, Write};
use lanyard_domain::credential::AzureKey;
use lanyard_domain::event::Event;
use lanyard_domain::ids::EventId;
use lanyard_domain::shard;
use lanyard_functions::{Function, Handler};
use lanyard_gateway::handler::{Audience, run_handler};
use lanyard_gateway::people::People;
use lanyard_gateway::ports::{Clock, EventStore, Outcome};
use lanyard_gateway::testing::{FaultyLedger, FixedRandom};
use lanyard_gateway::testing::{MemoryEvents, MemoryLedger};
use lanyard_gateway::testing::{RecordedLog, TestClock};
use lanyard_gateway::{Gateway, Ports, Request};
use lanyard_local::functions;
use lanyard_objects::Objects;
use lanyard_objects::testing::{FaultyObjects, MemoryObjects};
use lanyard_platform::azure::Azure;
use lanyard_platform::https;
use lanyard_platform::keys::FileKeys;
use lanyard_platform::organisers::Organisers;
use lanyard_platform::shell::Machine;
use lanyard_runtime::template::Template;
use tokio::time::Instant;

use super::engine::Engine;
use super::{ScriptedAzure, Stream, TestResponse, described};

/// A world that was started. Clones are the same world.
#[derive(Clone)]
pub(crate) struct World(Arc<Inner>);

pub(crate) struct Inner {
    pub(super) azure: ScriptedAzure,
    pub(super) clock: Arc<TestClock>,
    pub(super) random: Arc<FixedRandom>,
    pub(super) request_log: Arc<RecordedLog>,
    pub(super) ledger: Arc<FaultyLedger>,
    pub(super) objects: Arc<FaultyObjects>,
    pub(super) keys: Arc<FileKeys>,
    pub(super) processes: Vec<Arc<Objects>>,
    pub(super) store: Store,
    pub(super) code: String,
    pub(super) id: EventId,
    pub(super) shards: u16,
    pub(super) functions: Vec<&'static str>,
    pub(super) requests: AtomicUsize,
    pub(super) is_settled: AtomicBool,
}

/// Where events and accounts are.
pub(crate) enum Store {
    Engine { engine: Engine, organisers: Organisers },
    Memory { events: Arc<MemoryEvents>, ledger: Arc<MemoryLedger>, objects: Arc<MemoryObjects> },
}

/// When the function that serves a request is stopped: an extension of the request.
#[derive(Clone, Copy)]
pub(crate) struct Deadline(pub(crate) Instant);

impl Deref for World {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.is_settled.load(Ordering::Relaxed), "the test ends without settle()");
        }
    }
}

impl World {
    pub(super) fn of(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Sends a request to the function of its path and reads the whole response.
    pub(crate) async fn send(&self, request: http::Request<Bytes>) -> TestResponse {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.open(request).await.collect().await;
        described::check(&method, &path, response.status().as_u16(), response.body());
        response
    }

    /// Sends a request to the function of its path. The processes take turns.
    pub(crate) async fn open(&self, request: http::Request<Bytes>) -> Stream {
        self.is_settled.store(false, Ordering::Relaxed);
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let objects = Arc::clone(&self.processes[number % self.processes.len()]);
        let gateway = objects.gateway();
        let request = self.request_number(number, request);
        let id = request.id.to_string();
        let row = function_of(request.http.uri().path());
        let (people, own) = (self.people(&gateway), self.own_harness(&gateway));
        let function = |request| async move {
            match row.handler {
                Handler::Gateway | Handler::Objects => {
                    functions::call(row.name, objects, request).await
                }
                Handler::Rate => {
                    rate::handle(people.expect("rating needs the engine"), request).await
                }
                Handler::Register => {
                    register::handle(people.expect("registering needs the engine"), request).await
                }
                Handler::OwnDeployments => {
                    let harness = own.expect("deployments of one's own need the engine");
                    own_deployments::handle(harness, request).await
                }
                Handler::Admin | Handler::Pages | Handler::Schedule => {
                    panic!("{} serves no attendees", row.name)
                }
            }
        };
        // Boxed, so that the type of a test does not nest the types of every function.
        let response = Box::pin(run_handler(Audience::Attendees, request, function)).await;
        let azure = self.azure.endpoint().replace("http://", "");
        Stream::new(response, &id, azure)
    }

    /// A request as a function gets it.
    pub(crate) fn request(&self, http: http::Request<Bytes>) -> Request {
        self.request_number(self.requests.fetch_add(1, Ordering::Relaxed), http)
    }

    fn request_number(&self, number: usize, http: http::Request<Bytes>) -> Request {
        let deadline = http.extensions().get::<Deadline>().map(|deadline| deadline.0);
        let id = format!("req_{number:032x}").parse().expect("is a request id");
        Request { id, now: self.clock.now(), deadline, http }
    }
}

/// The row of the function to which the template leads a path.
///
/// A path that API Gateway would refuse goes to the function of chats, which must refuse it too.
fn function_of(path: &str) -> &'static Function {
    static TEMPLATE: LazyLock<Template> =
        LazyLock::new(|| Template::read().expect("the template is read"));
    let name = TEMPLATE.route(path).map_or("chat-completions", |route| &route.function);
    lanyard_functions::named(name).expect("each function has a row")
}

impl Inner {
    fn people(&self, gateway: &Arc<Gateway>) -> Option<Arc<People>> {
        let Store::Engine { engine, .. } = &self.store else { return None };
        let store = Arc::new(engine.table_of(&self.functions));
        Some(Arc::new(People { gateway: Arc::clone(gateway), store }))
    }

    fn own_harness(&self, gateway: &Arc<Gateway>) -> Option<Arc<OwnDeploymentsApi>> {
        let Store::Engine { engine, .. } = &self.store else { return None };
        Some(Arc::new(OwnDeploymentsApi {
            gateway: Arc::clone(gateway),
            store: Arc::new(Organisers::new(engine.table_of(&self.functions))),
            keys: self.store.keys(&self.functions, &self.keys),
            allow_loopback: true,
        }))
    }

    /// The organisers' API over the same table.
    pub(crate) fn admin(&self) -> Arc<Administration> {
        let Store::Engine { engine, .. } = &self.store else {
            panic!("organisers need the engine");
        };
        let table = engine.table_of(&["admin"]);
        Arc::new(Administration {
            store: Arc::new(Organisers::new(table.clone())),
            ledger: Arc::new(table),
            keys: self.keys.clone(),
            clock: self.clock.clone(),
            random: Arc::new(Machine),
            allow_loopback: true,
        })
    }

    /// The id of the event.
    pub(crate) fn id(&self) -> &EventId {
        &self.id
    }

    /// The items of the table.
    pub(crate) async fn table_items(&self) -> Vec<lanyard_platform::table::Item> {
        let Store::Engine { engine, .. } = &self.store else { return Vec::new() };
        engine.items().await
    }

    /// The scripted Azure.
    pub(crate) fn azure(&self) -> &ScriptedAzure {
        &self.azure
    }

    /// The time, to be moved.
    pub(crate) fn clock(&self) -> &TestClock {
        &self.clock
    }

    /// Moves the time on.
    pub(crate) fn wait(&self, time: TimeDelta) {
        self.clock.advance(time);
    }

    /// The random number, to be chosen.
    pub(crate) fn random(&self) -> &FixedRandom {
        &self.random
    }

    /// The request log.
    pub(crate) fn request_log(&self) -> &RecordedLog {
        &self.request_log
    }

    /// The ledger, to be made to fail.
    pub(crate) fn ledger(&self) -> &FaultyLedger {
        &self.ledger
    }

    /// The owners of kept objects, to be made to fail.
    pub(crate) fn objects(&self) -> &FaultyObjects {
        &self.objects
    }

    /// A process, for what no request begins.
    pub(crate) fn gateway(&self) -> Arc<Gateway> {
        self.processes[0].gateway()
    }

    /// The same, for work on stored objects.
    pub(crate) fn process(&self) -> Arc<Objects> {
        Arc::clone(&self.processes[0])
    }

    /// The table, for tests that look behind the event.
    pub(crate) fn engine(&self) -> &Engine {
        match &self.store {
            Store::Engine { engine, .. } => engine,
            Store::Memory { .. } => panic!("this world is in memory"),
        }
    }

    /// A function without attendees, over the same table and under its own policies.
    pub(crate) fn function(&self, name: &'static str) -> Arc<Objects> {
        let table = Arc::new(self.engine().table_of(&[name]));
        let keys = Arc::new(self.engine().keys_of(name, Arc::clone(&self.keys)));
        let ports = Ports {
            clock: self.clock.clone(),
            random: self.random.clone(),
            events: table.clone(),
            ledger: table.clone(),
            upstream: Arc::new(Azure::new(https::client().expect("TLS can be set up"), keys, None)),
            request_log: self.request_log.clone(),
            ledger_timeout: Duration::from_secs(60),
        };
        Arc::new(Objects::new(ports, table))
    }

    /// The code of the event.
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// The events in memory.
    pub(crate) fn events(&self) -> &MemoryEvents {
        match &self.store {
            Store::Memory { events, .. } => events,
            Store::Engine { .. } => panic!("this world is not in memory"),
        }
    }

    /// The event's account, all shards of it together.
    pub(crate) async fn event_account(&self) -> Account {
        let keys: Vec<_> =
            (0..self.shards).map(|shard| AccountKey::of_shard(&self.id, shard)).collect();
        shard::total(&self.true_ledger().accounts(&keys).await.expect("the ledger reads"))
    }

    /// An attendee's account.
    pub(crate) async fn account(&self, user: &str) -> Account {
        self.account_of(&self.key(user)).await
    }

    async fn account_of(&self, key: &AccountKey) -> Account {
        self.true_ledger().account(key).await.expect("the ledger reads").unwrap_or_default()
    }

    fn key(&self, user: &str) -> AccountKey {
        AccountKey::Attendee(self.id.clone(), user.parse().expect("is a user"))
    }

    /// Changes an attendee's account as an organiser would.
    pub(crate) async fn change_attendee(&self, user: &str, changes: Vec<Change>) {
        let write = Write { conditions: Vec::new(), changes };
        let outcome = self.true_ledger().apply(&self.key(user), &write).await;
        assert!(matches!(outcome, Ok(Outcome::Made(_))));
    }

    /// Changes the event as an organiser would.
    pub(crate) async fn change_event(&self, change: impl FnOnce(&mut Event)) {
        let code = self.code.parse().expect("is a code");
        match &self.store {
            Store::Memory { events, .. } => {
                let found = events.find(&code).await;
                let mut listing = found.expect("memory reads").expect("the event is there");
                change(&mut listing.event);
                events.put(listing);
            }
            Store::Engine { organisers, engine } => {
                let found = engine.table().event(&self.id, true).await;
                let before = found.expect("the engine reads").expect("the event is there");
                let mut after = before.clone();
                change(&mut after);
                let changed = organisers.update_event(&before, after, &an_entry()).await;
                changed.expect("the engine writes");
            }
        }
    }

    /// Gives the event another code; the one before works until then.
    pub(crate) async fn rotate_code(&self, code: &str, works_until: DateTime<Utc>) {
        let Store::Engine { organisers, engine } = &self.store else {
            panic!("only organisers of the engine rotate codes");
        };
        let found = engine.table().event(&self.id, true).await;
        let before = found.expect("the engine reads").expect("the event is there");
        let code = code.parse().expect("is a code");
        let rotated = organisers.rotate_code(&before, code, works_until, &an_entry()).await;
        rotated.expect("the engine writes");
    }

    /// Changes the key of every deployment in the store.
    pub(crate) async fn change_keys(&self, key: &str) {
        let key = AzureKey::new(key).expect("is a key");
        for reference in ["gpt-4o-mini/one", "gpt-4o-mini/two", "text-embedding-3-small/one"] {
            self.keys.write(reference, &key).await.expect("memory keeps a key");
        }
    }
}

/// A change that some organiser made.
pub(super) fn an_entry() -> AuditEntry {
    AuditEntry {
        at: TestClock::default().now(),
        request_id: "req_organiser".parse().expect("is an id"),
        by: Actor::Organiser,
        action: Action::Change,
        attendee: None,
        subject: None,
        changes: Vec::new(),
    }
}

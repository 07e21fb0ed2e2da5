//! A seeded simulation of jobs and stored objects under everything that can go wrong.
//!
//! Several processes share a ledger and the owners of objects in memory. Calls to both are refused,
//! responses are lost, and processes die between any two. Azure works on runs for a random time.
//! Attendees make objects and runs, poll, cancel, delete, leave streams, and try the ids of others.
//! The sweep, the settling of jobs and the deletion run as in production. Time is virtual.
//!
//! What a client was given is always its own, never another's, and gone after the event. At the end
//! nothing is held, and the event, its attendees and the records agree.

mod azure;
mod faulty;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use http_body_util::BodyExt;
use lanyard_domain::event::Event;
use lanyard_domain::object::Kind;
use lanyard_domain::operation::Operation;
use lanyard_gateway::ports::{Clock, Listing};
use lanyard_gateway::testing::azure::kept::{Kept, run_usage};
use lanyard_gateway::testing::{
    MemoryEvents, MemoryLedger, RecordedLog, SeededRandom, a_deployment, a_window, an_event,
    balance,
};
use lanyard_gateway::{Ports, Request};
use lanyard_protocol::Protocol;
use serde_json::{Value, json};
use tokio::time::Instant;

use self::azure::azure;
use self::faulty::{FailingLedger, FailingObjects, Life};
use super::{MemoryObjects, lock};
use crate::Objects;

const PROCESSES: usize = 2;
const ACTIONS: u64 = 60;
const ATTENDEES: u64 = 3;

/// The clock of the simulation.
#[derive(Clone, Copy, Debug)]
struct VirtualClock {
    origin: Instant,
    began_at: DateTime<Utc>,
}

impl Clock for VirtualClock {
    fn now(&self) -> DateTime<Utc> {
        self.began_at + TimeDelta::from_std(self.origin.elapsed()).unwrap_or_default()
    }
}

/// The counts of a simulation.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    charged: u64,
    made: usize,
    runs: usize,
    foreign: u64,
    crashes: u64,
    troubles: u64,
}

/// An object that a client was given.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Given {
    user: u64,
    kind: Kind,
    id: String,
    /// The thread of a run.
    thread: Option<String>,
}

impl Given {
    fn path(&self) -> String {
        let collection = Protocol::of_kind(self.kind).path;
        match &self.thread {
            Some(thread) => format!("/api/v1/{collection}/{thread}/runs/{}", self.id),
            None => format!("/api/v1/{collection}/{}", self.id),
        }
    }
}

struct Simulation {
    clock: VirtualClock,
    random: Arc<SeededRandom>,
    ledger: Arc<MemoryLedger>,
    owners: Arc<MemoryObjects>,
    events: Arc<MemoryEvents>,
    event: Event,
    azure: Arc<Mutex<Kept>>,
    lives: Vec<Arc<Life>>,
    processes: Vec<(Arc<Objects>, Arc<Life>)>,
    given: Vec<Given>,
    ended_runs: BTreeSet<String>,
    requests: u64,
    counts: Counts,
}

impl Simulation {
    fn begin(seed: u64) -> Self {
        let began_at = DateTime::from_timestamp(1_796_511_000, 0).unwrap();
        let mut event = an_event("simulated", began_at);
        let (day, hour) = (TimeDelta::days(1), TimeDelta::hours(1));
        event.window = a_window(began_at - day, began_at + hour, "UTC");
        event.keeps_objects = true;
        event.max_completion_tokens = Some(1_000);
        let mut simulation = Self {
            clock: VirtualClock { origin: Instant::now(), began_at },
            random: Arc::new(SeededRandom::new(seed)),
            ledger: Arc::default(),
            owners: Arc::default(),
            events: Arc::default(),
            event,
            azure: Arc::new(Mutex::new(Kept::of(1))),
            lives: Vec::new(),
            processes: Vec::new(),
            given: Vec::new(),
            ended_runs: BTreeSet::new(),
            requests: 0,
            counts: Counts::default(),
        };
        let mut deployment = a_deployment("model", Operation::ChatCompletions);
        deployment.operations = Operation::ALL.to_vec();
        simulation.events.put(Listing {
            event: simulation.event.clone(),
            deployments: vec![deployment],
            code_works_until: None,
            unreadable: Arc::default(),
        });
        simulation.ledger.put_event(simulation.event.clone());
        simulation.owners.put_event(simulation.event.clone());
        for _ in 0..PROCESSES {
            let process = simulation.start_process(true);
            simulation.processes.push(process);
        }
        simulation
    }

    fn start_process(&mut self, is_troubled: bool) -> (Arc<Objects>, Arc<Life>) {
        let life = Arc::new(Life::new(Arc::clone(&self.random), is_troubled));
        self.lives.push(Arc::clone(&life));
        let ledger = FailingLedger { inner: Arc::clone(&self.ledger), life: Arc::clone(&life) };
        let owners = FailingObjects { inner: Arc::clone(&self.owners), life: Arc::clone(&life) };
        let ports = Ports {
            clock: Arc::new(self.clock),
            random: Arc::clone(&self.random) as Arc<dyn lanyard_gateway::ports::Random>,
            events: Arc::clone(&self.events) as Arc<dyn lanyard_gateway::ports::EventStore>,
            ledger: Arc::new(ledger),
            upstream: Arc::new(azure(Arc::clone(&self.azure), Arc::clone(&self.random))),
            request_log: Arc::new(RecordedLog::default()),
            ledger_timeout: Duration::from_millis(600),
        };
        (Arc::new(Objects::new(ports, Arc::new(owners))), life)
    }

    /// A dead process is replaced, as Lambda does.
    fn a_process(&mut self) -> Arc<Objects> {
        let index = usize::try_from(self.random.below(PROCESSES as u64)).unwrap();
        if self.processes[index].1.is_dead() {
            self.processes[index] = self.start_process(true);
        }
        Arc::clone(&self.processes[index].0)
    }

    /// Sends a request and reads its response, unless the process dies or the client leaves.
    async fn send(
        &mut self,
        user: u64,
        method: Method,
        path: &str,
        body: Value,
    ) -> Option<(u16, Bytes)> {
        self.requests += 1;
        let http = http::Request::builder()
            .method(&method)
            .uri(path)
            .header("openai-event-code", format!("simulated/user{user}"))
            .header("content-type", "application/json")
            .body(if body.is_null() { Bytes::new() } else { body.to_string().into() })
            .unwrap();
        let request = Request {
            id: format!("req_{}", self.requests).parse().unwrap(),
            now: self.clock.now(),
            deadline: Some(Instant::now() + Duration::from_secs(300)),
            http,
        };
        let objects = self.a_process();
        let is_response = method == Method::POST && path.ends_with("/responses");
        let kind = path.split('/').nth(3).map(|collection| {
            let of =
                |kind: &&Kind| **kind != Kind::Run && Protocol::of_kind(**kind).path == collection;
            *Kind::ALL.iter().find(of).unwrap()
        });
        let leaves = self.random.one_in(12);
        let answered = async move {
            let response = match kind.filter(|_| !is_response) {
                Some(kind) => objects.handle(kind, request).await,
                None => objects.gateway().forward(Operation::Responses, request).await,
            };
            let response = response.ok()?;
            let status = response.status().as_u16();
            let mut body = response.into_body();
            if leaves {
                let first = body.frame().await?.ok()?.into_data().ok()?;
                return Some((status, first));
            }
            let Ok(body) = body.collect().await;
            Some((status, body.to_bytes()))
        };
        // A dead process never responds.
        tokio::time::timeout(Duration::from_secs(400), answered).await.ok().flatten()
    }

    /// Notes the objects that a response gives to a client.
    fn note(&mut self, user: u64, kind: Kind, body: &[u8]) {
        let text = String::from_utf8_lossy(body);
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let shown = data.chain([&*text]).filter_map(|json| serde_json::from_str(json).ok());
        for shown in shown.collect::<Vec<Value>>() {
            let thread = shown["thread_id"].as_str().map(ToOwned::to_owned);
            let is_meant = kind != Kind::Run || shown["object"] == "thread.run";
            if let (true, Some(id)) = (is_meant, shown["id"].as_str()) {
                let given = Given { user, kind, id: id.to_owned(), thread };
                if !self.given.contains(&given) {
                    self.given.push(given);
                }
            }
        }
    }

    fn some(&self, is_meant: impl Fn(&Given) -> bool) -> Option<Given> {
        let found: Vec<_> = self.given.iter().filter(|given| is_meant(given)).collect();
        let at = usize::try_from(self.random.below(found.len() as u64)).unwrap();
        found.get(at).map(|given| (*given).clone())
    }

    async fn act(&mut self) -> Result<(), String> {
        let user = self.random.below(ATTENDEES);
        let is_own = |given: &Given, kind| given.user == user && given.kind == kind;
        match self.random.below(10) {
            0..=3 => {
                let kinds = [Kind::VectorStore, Kind::Response, Kind::Assistant, Kind::Thread];
                let kind = kinds[usize::try_from(self.random.below(4)).unwrap()];
                let body = if kind == Kind::Response {
                    json!({"model": "model", "input": "Hi"})
                } else if kind == Kind::Assistant {
                    json!({"model": "model"})
                } else {
                    json!({})
                };
                let path = format!("/api/v1/{}", Protocol::of_kind(kind).path);
                if let Some((200, made)) = self.send(user, Method::POST, &path, body).await {
                    self.note(user, kind, &made);
                }
            }
            4 | 5 => {
                let thread = self.some(|given| is_own(given, Kind::Thread));
                let assistant = self.some(|given| is_own(given, Kind::Assistant));
                if let (Some(thread), Some(assistant)) = (thread, assistant) {
                    let is_streamed = self.random.one_in(2);
                    let body = json!({"assistant_id": assistant.id, "stream": is_streamed});
                    let path = format!("{}/runs", thread.path());
                    if let Some((200, made)) = self.send(user, Method::POST, &path, body).await {
                        self.note(user, Kind::Run, &made);
                    }
                }
            }
            6 => {
                if let Some(run) = self.some(|given| is_own(given, Kind::Run)) {
                    let (method, end) = match self.random.below(3) {
                        0 => (Method::POST, "/cancel"),
                        _ => (Method::GET, ""),
                    };
                    self.send(user, method, &format!("{}{end}", run.path()), Value::Null).await;
                }
            }
            7 => {
                let is_whole = |given: &Given| given.user == user && given.kind != Kind::Run;
                if let Some(object) = self.some(is_whole) {
                    let path = object.path();
                    if let Some((200, _)) =
                        self.send(user, Method::DELETE, &path, Value::Null).await
                    {
                        let id = object.id.as_str();
                        self.given
                            .retain(|given| given.id != id && given.thread.as_deref() != Some(id));
                    }
                }
            }
            _ => {
                if let Some(object) = self.some(|given| given.user != user) {
                    let path = object.path();
                    self.counts.foreign += 1;
                    if let Some((200, _)) = self.send(user, Method::GET, &path, Value::Null).await {
                        return Err(format!("user{user} read {object:?}"));
                    }
                }
            }
        }
        Ok(())
    }

    /// Azure ends some of the runs on which it works.
    fn end_runs(&mut self, all: bool) {
        let runs = lock(&self.azure).ids().into_iter().filter(|id| id.starts_with("run_"));
        let open: Vec<_> = runs.filter(|id| !self.ended_runs.contains(id)).collect();
        for run in open {
            if !all && !self.random.one_in(4) {
                continue;
            }
            let end = match self.random.below(4) {
                0 => json!({"status": "failed", "usage": null,
                    "last_error": {"code": "server_error", "message": "x"}}),
                1 => json!({"status": "expired", "usage": run_usage()}),
                _ => json!({"status": "completed", "usage": run_usage()}),
            };
            lock(&self.azure).set_job(&run, end);
            self.ended_runs.insert(run);
        }
    }

    /// What runs every minute, each in a process that may die.
    async fn work(&mut self, is_troubled: bool) {
        let now = self.clock.now();
        let until = Instant::now() + Duration::from_secs(50);
        let longest = Duration::from_secs(55);
        let (sweep, _) = self.start_process(is_troubled);
        let _ = tokio::time::timeout(longest, sweep.gateway().sweep(now)).await;
        let (finish, _) = self.start_process(is_troubled);
        let _ = tokio::time::timeout(longest, finish.finish_jobs(now, until)).await;
        finish.gateway().settled().await;
        let (clear, _) = self.start_process(is_troubled);
        let until = Instant::now() + Duration::from_secs(50);
        let _ = tokio::time::timeout(longest, clear.clear_objects(now, until)).await;
    }

    async fn run(mut self) -> Result<Counts, String> {
        for _ in 0..ACTIONS {
            tokio::time::sleep(Duration::from_millis(self.random.below(30_000))).await;
            self.act().await?;
            self.end_runs(false);
            if self.random.one_in(3) {
                self.work(true).await;
            }
        }
        let (made, runs) = (self.given.len(), self.ended_runs.len());
        // Some runs never end. Each minute until the event and the last hold are over.
        if self.random.one_in(2) {
            self.end_runs(true);
        }
        for minute in 0..200 {
            tokio::time::sleep(Duration::from_secs(60)).await;
            self.work(minute < 90).await;
        }
        let agree = |recorded, counted| recorded == counted;
        self.counts.charged = balance(&self.ledger, &self.event, agree).await?;
        let left = lock(&self.azure).ids();
        // A run ends with its thread.
        let is_left = |given: &&Given| given.kind != Kind::Run && left.contains(&given.id);
        if let Some(given) = self.given.iter().find(is_left) {
            return Err(format!("{given:?} is still at Azure"));
        }
        self.counts.crashes = self.lives.iter().map(|life| u64::from(life.is_dead())).sum();
        self.counts.troubles = self.lives.iter().map(|life| life.troubles()).sum();
        Ok(Counts { made, runs, ..self.counts })
    }
}

fn simulate(seed: u64) -> Result<Counts, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|fault| fault.to_string())?;
    runtime.block_on(async { Simulation::begin(seed).run().await })
}

#[test]
fn two_hundred_seeds_keep_objects_and_jobs_accounted_owned_and_deleted() {
    let mut all = Counts::default();
    for seed in 0..200 {
        let counts = simulate(seed).unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
        all.charged += counts.charged;
        all.made += counts.made;
        all.runs += counts.runs;
        all.foreign += counts.foreign;
        all.crashes += counts.crashes;
        all.troubles += counts.troubles;
    }
    println!("{all:?}");
    assert!(all.crashes > 100 && all.troubles > 1_000 && all.charged > 1_000, "{all:?}");
    assert!(all.made > 1_000 && all.runs > 100 && all.foreign > 500, "{all:?}");
}

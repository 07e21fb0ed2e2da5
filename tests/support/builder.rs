//! Builds a world.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use chrono::{DateTime, Utc};
use lanyard_administration::ports::{DeploymentStore, EventSettingsStore, KeyStore};
use lanyard_domain::allowance::Limit;
use lanyard_domain::by_model::ModelLimit;
use lanyard_domain::catalog::{CompletionField, Deployment};
use lanyard_domain::credential::AzureKey;
use lanyard_domain::credential::Credential;
use lanyard_domain::event::Event;
use lanyard_domain::operation::Operation;
use lanyard_gateway::Ports;
use lanyard_gateway::ports::{Clock, EventStore, Ledger, Listing, Upstream};
use lanyard_gateway::testing::{
    FaultyLedger, FixedRandom, MemoryEvents, MemoryLedger, RecordedLog, TestClock, a_deployment,
    a_window, an_event,
};
use lanyard_objects::Objects;
use lanyard_objects::store::ObjectStore;
use lanyard_objects::testing::{FaultyObjects, MemoryObjects};
use lanyard_platform::azure::Azure;
use lanyard_platform::https;
use lanyard_platform::keys::FileKeys;
use lanyard_platform::organisers::Organisers;

use super::engine::Engine;
use super::world::{Inner, Store, an_entry};
use super::{ScriptedAzure, World, canary, policed};

/// Generous, because the engine is slow here. Tests of slow stores choose their own.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A world that is not there yet. By default it is one process over the embedded engine, with an
/// event without limits.
pub(crate) struct Builder {
    event: Event,
    deployments: Vec<Deployment>,
    processes: usize,
    is_in_memory: bool,
    timeout: Duration,
    upstream: Option<Arc<dyn Upstream>>,
    functions: Vec<&'static str>,
}

impl World {
    /// A world with one event, whose code begins with this name.
    pub(crate) fn event(name: &str) -> Builder {
        let clock = TestClock::default();
        let mut event = an_event(&format!("{name}-{}", canary::CODE), clock.now());
        event.id = format!("evt-{name}").parse().expect("the name is an id");
        let mut newer = a_deployment("o4-mini", Operation::ChatCompletions);
        newer.completion_field = CompletionField::MaxCompletionTokens;
        let mut deployments = vec![
            a_deployment("gpt-4o-mini", Operation::ChatCompletions),
            a_deployment("gpt-4o", Operation::ChatCompletions),
            a_deployment("text-embedding-3-small", Operation::Embeddings),
            newer,
        ];
        for deployment in &mut deployments {
            let name = format!("{}-{}", canary::AZURE_NAME, deployment.name);
            deployment.azure_name = name.parse().expect("the name is an id");
        }
        event.default_deployments = [
            (Operation::ChatCompletions, deployments[0].name.clone()),
            (Operation::Embeddings, deployments[2].name.clone()),
        ]
        .into();
        let (processes, is_in_memory, timeout, upstream) = (1, false, TIMEOUT, None);
        let functions = policed::functions().filter(|name| *name != "admin").collect();
        Builder { event, deployments, processes, is_in_memory, timeout, upstream, functions }
    }
}

impl Builder {
    /// Grants each attendee this much of one kind.
    pub(crate) fn attendee(mut self, limit: Limit, value: u64) -> Self {
        self.event.allowances.attendee = self.event.allowances.attendee.with(limit, Some(value));
        self
    }

    /// Grants everybody together this much of one kind.
    pub(crate) fn everybody(mut self, limit: Limit, value: u64) -> Self {
        self.event.allowances.event = self.event.allowances.event.with(limit, Some(value));
        self
    }

    /// Limits one model: for each attendee, or for everybody together.
    pub(crate) fn of_model(
        mut self,
        is_attendees: bool,
        name: &str,
        limit: Limit,
        allowed: u64,
    ) -> Self {
        let by_model = &mut self.event.allowances.by_model;
        let limits = if is_attendees { &mut by_model.attendee } else { &mut by_model.event };
        let name = name.parse().expect("the name is an id");
        let one = ModelLimit { name, limit, allowed };
        *limits = limits.iter().cloned().chain([one]).collect();
        self
    }

    /// Grants each attendee so many requests a day.
    pub(crate) fn requests_per_day(self, value: u64) -> Self {
        self.attendee(Limit::RequestsPerDay, value)
    }

    /// Lets so many attendees in.
    pub(crate) fn seats(mut self, seats: u64) -> Self {
        self.event.allowances.attendees = Some(seats);
        self
    }

    /// Opens the event from an instant to another, in a zone.
    pub(crate) fn window(mut self, starts_at: &str, ends_at: &str, zone: &str) -> Self {
        let utc = |text: &str| text.parse::<DateTime<Utc>>().expect("is an instant");
        self.event.window = a_window(utc(starts_at), utc(ends_at), zone);
        self
    }

    /// Changes anything else of the event.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Event)) -> Self {
        change(&mut self.event);
        self
    }

    /// Changes the deployments; those of the host `azure.invalid` are the scripted Azure.
    pub(crate) fn deployments(mut self, change: impl FnOnce(&mut Vec<Deployment>)) -> Self {
        change(&mut self.deployments);
        self
    }

    /// A second deployment behind the name gpt-4o-mini. Without a weight it is called last.
    pub(crate) fn two_replicas(self) -> Self {
        self.deployments(|deployments| {
            let mut second = deployments[0].clone();
            second.replica = "two".parse().expect("is a replica");
            second.weight = 0;
            second.azure_name =
                format!("{}-two", canary::AZURE_NAME).parse().expect("the name is an id");
            second.credential = Credential::Key("gpt-4o-mini/two".to_owned());
            deployments.push(second);
        })
    }

    /// This many processes over one store. They take turns.
    pub(crate) fn processes(mut self, processes: usize) -> Self {
        self.processes = processes;
        self
    }

    /// Events and accounts in memory instead of the engine: no table, but no waiting either.
    pub(crate) fn in_memory(mut self) -> Self {
        self.is_in_memory = true;
        self
    }

    /// How long an account may take to respond.
    pub(crate) fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Another Azure than the scripted one.
    pub(crate) fn upstream(mut self, upstream: Arc<dyn Upstream>) -> Self {
        self.upstream = Some(upstream);
        self
    }

    /// Nothing but this function: no other function may do more.
    pub(crate) fn only(mut self, function: &'static str) -> Self {
        self.functions = vec![function];
        self
    }

    pub(crate) async fn start(self) -> World {
        canary::watch_logs();
        let azure = ScriptedAzure::start().await;
        azure.completion(&format!("Hello, {}!", canary::COMPLETION));
        let mut deployments = self.deployments;
        let keys = Arc::new(FileKeys::in_memory());
        let key = AzureKey::new(canary::KEY).expect("is a key");
        for deployment in &mut deployments {
            if deployment.endpoint == "http://azure.invalid" {
                deployment.endpoint = azure.endpoint();
            }
            if let Credential::Key(reference) = &deployment.credential {
                keys.write(reference, &key).await.expect("memory keeps a key");
            }
        }
        let store = match self.is_in_memory {
            true => in_memory(&self.event, deployments),
            false => in_engine(&self.event, &deployments).await,
        };
        let clock = Arc::new(TestClock::default());
        let random = Arc::new(FixedRandom::default());
        let request_log = Arc::new(RecordedLog::default());
        let ledger = Arc::new(FaultyLedger::over(store.ledger(&self.functions)));
        let objects = Arc::new(FaultyObjects::over(store.objects(&self.functions)));
        let processes = (0..self.processes).map(|_| {
            let keys = store.keys(&self.functions, &keys);
            let azure =
                || Arc::new(Azure::new(https::client().expect("TLS can be set up"), keys, None));
            let ports = Ports {
                clock: clock.clone(),
                random: random.clone(),
                events: store.events(&self.functions),
                ledger: ledger.clone(),
                upstream: self.upstream.clone().unwrap_or_else(|| azure()),
                request_log: request_log.clone(),
                ledger_timeout: self.timeout,
            };
            Arc::new(Objects::new(ports, objects.clone()))
        });
        let processes = processes.collect();
        World::of(Inner {
            azure,
            clock,
            random,
            request_log,
            ledger,
            objects,
            keys,
            processes,
            store,
            code: self.event.code.as_str().to_owned(),
            id: self.event.id,
            shards: self.event.shards,
            functions: self.functions,
            requests: AtomicUsize::new(0),
            is_settled: AtomicBool::new(true),
        })
    }
}

fn in_memory(event: &Event, deployments: Vec<Deployment>) -> Store {
    let events = Arc::new(MemoryEvents::default());
    events.put(Listing {
        event: event.clone(),
        deployments,
        code_works_until: None,
        unreadable: Arc::default(),
    });
    let ledger = Arc::new(MemoryLedger::default());
    ledger.put_event(event.clone());
    let objects = Arc::new(MemoryObjects::default());
    objects.put_event(event.clone());
    Store::Memory { events, ledger, objects }
}

async fn in_engine(event: &Event, deployments: &[Deployment]) -> Store {
    let engine = Engine::start().await;
    let organisers = Organisers::new(engine.table());
    for deployment in deployments {
        let put = organisers.put_deployment(&event.organiser, deployment).await;
        put.expect("the engine keeps a deployment");
    }
    organisers.create_event(event, &an_entry()).await.expect("the engine keeps an event");
    Store::Engine { engine, organisers }
}

impl Store {
    fn events(&self, functions: &[&'static str]) -> Arc<dyn EventStore> {
        match self {
            Self::Engine { engine, .. } => Arc::new(engine.table_of(functions)),
            Self::Memory { events, .. } => events.clone(),
        }
    }

    fn objects(&self, functions: &[&'static str]) -> Arc<dyn ObjectStore> {
        match self {
            Self::Engine { engine, .. } => Arc::new(engine.table_of(functions)),
            Self::Memory { objects, .. } => objects.clone(),
        }
    }

    /// The keys behind the policies of the one function, if there is just one.
    pub(super) fn keys(
        &self,
        functions: &[&'static str],
        keys: &Arc<FileKeys>,
    ) -> Arc<dyn KeyStore> {
        match (self, functions) {
            (Self::Engine { engine, .. }, [only]) => {
                Arc::new(engine.keys_of(only, Arc::clone(keys)))
            }
            (Self::Engine { .. } | Self::Memory { .. }, _) => keys.clone(),
        }
    }

    fn ledger(&self, functions: &[&'static str]) -> Arc<dyn Ledger> {
        match self {
            Self::Engine { engine, .. } => Arc::new(engine.table_of(functions)),
            Self::Memory { ledger, .. } => ledger.clone(),
        }
    }
}

//! The requests per second of one event, by the number of shards, if its store accepts a limited
//! number of writes per second on one item.
//!
//! DynamoDB accepts 1,000 a second. The embedded engine accepts as many as the machine can do. So
//! it gets a limit that is small enough for this machine: see `shards/throttle.rs`. The gateway,
//! the ledger and the SDK are the real ones; Azure responds from memory. As many requests come each
//! second for every number of shards, more than the fewest can serve.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use clap::Parser;
use http_body_util::BodyExt;
use lanyard_domain::account::{AccountKey, Change, Field, Write};
use lanyard_domain::allowance::{Allowance, Limit};
use lanyard_domain::event::Event;
use lanyard_domain::operation::Operation;
use lanyard_domain::shard;
use lanyard_gateway::ports::{Clock, Ledger, Listing};
use lanyard_gateway::testing::{
    MemoryEvents, RecordedLog, ScriptedUpstream, a_deployment, an_event,
};
use lanyard_gateway::{Gateway, Ports, Request};
use lanyard_local::engine;
use lanyard_platform::clients::Timeouts;
use lanyard_platform::https::use_ring;
use lanyard_platform::shell::Machine;
use lanyard_platform::table::{self, Table};
use lanyard_runtime::run_secret::RunSecret;
use lanyard_tests::fixture::table_at;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::throttle::Throttle;

#[path = "shards/throttle.rs"]
mod throttle;

/// Measures what shards are worth.
#[derive(Parser)]
struct Options {
    /// Writes per second that the store accepts on one item.
    #[arg(long, default_value_t = 8)]
    writes: u32,

    /// Requests that come each second.
    #[arg(long, default_value_t = 40)]
    requests: u32,

    /// The duration in seconds, for each number of shards.
    #[arg(long, default_value_t = 10)]
    seconds: u32,

    /// The numbers of shards.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4, 8, 16])]
    shards: Vec<u16>,

    /// Cargo's mark for benchmarks.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Attendees, so many that none of their accounts is what is waited for.
const ATTENDEES: u32 = 200;

/// Processes that share the requests.
const PROCESSES: usize = 3;

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    use_ring();
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let _end = stop.clone().drop_guard();
    let secret = RunSecret::new()?;
    let store = engine::serve(engine::open(None)?, secret.clone(), &tasks, stop.clone()).await?;
    let behind = table_at(&store, &secret, TIMEOUT)?;
    let pair = |name: &str, is: &str| (name.to_owned(), is.to_owned());
    let attributes = [pair("pk", "S"), pair("sk", "S")];
    let keys = [pair("pk", "HASH"), pair("sk", "RANGE")];
    table::create(&behind, &attributes, &keys).await.map_err(|cause| anyhow!(cause))?;
    let throttle = Throttle::before(&store, options.writes).await?;
    let before = table_at(throttle.endpoint(), &secret, TIMEOUT)?;

    let mut output = std::io::stdout().lock();
    writeln!(
        output,
        "{} requests a second for {} s; the store takes {} writes a second on one item",
        options.requests, options.seconds, options.writes
    )?;
    writeln!(
        output,
        "{:>6}{:>14}{:>14}{:>12}{:>16}",
        "shards", "answered/s", "refused/s", "throttled", "left to reconcile"
    )?;
    for shards in &options.shards {
        let run = Run { shards: *shards, behind: &behind, before: &before };
        let throttled = throttle.count();
        let outcomes = run.take(&options).await?;
        let each = |count: u32| f64::from(count) / f64::from(options.seconds);
        writeln!(
            output,
            "{:>6}{:>14.1}{:>14.1}{:>12}{:>16}",
            shards,
            each(outcomes.answered),
            each(outcomes.refused),
            throttle.count() - throttled,
            outcomes.left
        )?;
        output.flush()?;
    }
    Ok(())
}

/// The outcomes of requests.
#[derive(Default)]
struct Outcomes {
    answered: u32,
    refused: u32,
    /// Requests that the event's account still counts as under way.
    left: u64,
}

struct Run<'r> {
    shards: u16,
    /// The store as it is, and with the limit before it.
    behind: &'r Table,
    before: &'r Table,
}

impl Run<'_> {
    async fn take(&self, options: &Options) -> Result<Outcomes> {
        let mut event = an_event(&format!("shards-{}", self.shards), Machine.now());
        event.shards = self.shards;
        event.allowances.event = Allowance::from([
            (Limit::RequestsPerMinute, 1_000_000),
            (Limit::TokensPerMinute, 1_000_000_000),
            (Limit::TokensTotal, 1_000_000_000_000),
        ]);
        self.seat(&event).await?;
        let events = Arc::new(MemoryEvents::default());
        let deployments = vec![a_deployment("gpt-4o-mini", Operation::ChatCompletions)];
        events.put(Listing {
            event: event.clone(),
            deployments,
            code_works_until: None,
            unreadable: Arc::default(),
        });
        let processes: Vec<_> =
            (0..PROCESSES).map(|_| a_process(Arc::clone(&events), self.before)).collect();

        let mut under_way = JoinSet::new();
        let mut tick = interval(Duration::from_secs(1) / options.requests.max(1));
        let end = Instant::now() + Duration::from_secs(options.seconds.into());
        let mut number = 0u32;
        while Instant::now() < end {
            tick.tick().await;
            let process = &processes[usize::try_from(number)? % PROCESSES];
            under_way.spawn(attend(Arc::clone(process), a_request(&event, number)?));
            number += 1;
        }
        let mut outcomes = Outcomes::default();
        for answered in under_way.join_all().await {
            match answered {
                true => outcomes.answered += 1,
                false => outcomes.refused += 1,
            }
        }
        for process in &processes {
            process.settled().await;
        }
        let shards = self.behind.accounts(&event.account_keys()).await?;
        outcomes.left = shard::total(&shards).count(Field::Open);
        Ok(outcomes)
    }

    /// Everybody has a seat already: the first request of a newcomer is not what is measured.
    async fn seat(&self, event: &Event) -> Result<()> {
        for attendee in 0..ATTENDEES {
            let user = format!("user-{attendee}").parse().context("is a user")?;
            let key = AccountKey::Attendee(event.id.clone(), user);
            let changes = vec![Change::Set(Field::SeatedAt, 1)];
            self.behind.apply(&key, &Write { conditions: Vec::new(), changes }).await?;
        }
        Ok(())
    }
}

fn a_process(events: Arc<MemoryEvents>, table: &Table) -> Arc<Gateway> {
    Arc::new(Gateway::new(Ports {
        clock: Arc::new(Machine),
        random: Arc::new(Machine),
        events,
        ledger: Arc::new(table.clone()),
        upstream: Arc::new(ScriptedUpstream::default()),
        request_log: Arc::new(RecordedLog::default()),
        ledger_timeout: TIMEOUT.all_tries,
    }))
}

fn a_request(event: &Event, number: u32) -> Result<Request> {
    let http = http::Request::post("/api/v1/chat/completions")
        .header("openai-event-code", format!("{}/user-{}", event.code.as_str(), number % ATTENDEES))
        .header("content-type", "application/json")
        .body(Bytes::from(r#"{"messages":[{"role":"user","content":"hello"}]}"#))?;
    let id = format!("req_{:016x}{number:016x}", event.shards).parse().context("is an id")?;
    Ok(Request { id, now: Machine.now(), deadline: None, http })
}

/// Whether a request gets a response.
async fn attend(process: Arc<Gateway>, request: Request) -> bool {
    match process.forward(Operation::ChatCompletions, request).await {
        Ok(response) => response.into_body().collect().await.is_ok(),
        Err(_) => false,
    }
}

/// The engine is slow here, and being slow is not what is measured.
const TIMEOUT: Timeouts =
    Timeouts { one_try: Duration::from_secs(20), all_tries: Duration::from_secs(20) };

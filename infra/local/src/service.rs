//! Everything put together, from the options to the last settlement.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use lanyard_gateway::ports::{Clock, EventStore, Journal, Ledger, Objects, Upstream};
use lanyard_gateway::{Gateway, Ports};
use lanyard_platform::azure::Azure;
use lanyard_platform::clients::{self, Patience};
use lanyard_platform::keys::{FileKeys, KeyStore};
use lanyard_platform::organisers::Organisers;
use lanyard_platform::settings::{Credentials, Settings};
use lanyard_platform::shell::Machine;
use lanyard_platform::table::Table;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::first_run::{self, FirstRun};
use crate::front::Front;
use crate::journal::LogLines;
use crate::options::Options;
use crate::simulator::Simulator;
use crate::template::{Schedule, Template};
use crate::{engine, template};

/// An embedded engine does one thing at a time, so a crowd waits in line.
const PATIENCE: Patience =
    Patience { one_try: Duration::from_secs(10), all_tries: Duration::from_secs(20) };

/// Serves until Ctrl-C.
///
/// # Errors
///
/// If a port, a file or the engine cannot be had.
pub async fn run(options: Options) -> Result<()> {
    let template = Template::read()?;
    let listener = TcpListener::bind(("127.0.0.1", options.port)).await.with_context(|| {
        format!("port {} cannot be had; choose another by --port", options.port)
    })?;
    let address = format!("http://{}", listener.local_addr()?);
    // Two stops: what takes requests ends before what they need.
    let (stop, stop_engine) = (CancellationToken::new(), CancellationToken::new());
    let helpers = TaskTracker::new();

    let data = (!options.memory).then(|| options.data.clone());
    if let Some(data) = &data {
        std::fs::create_dir_all(data)
            .with_context(|| format!("the data folder {} cannot be made", data.display()))?;
    }
    let table = open_table(&options, &template, data.as_ref(), &helpers, &stop_engine).await?;
    let azure_endpoint = match &options.azure_endpoint {
        Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
        None => start_simulator(&options, &helpers, &stop_engine).await?,
    };
    let keys: Arc<dyn KeyStore> = Arc::new(match &data {
        Some(data) => FileKeys::at(data.join("azure-keys.json")),
        None => FileKeys::in_memory(),
    });
    let ledger: Arc<dyn Ledger> = Arc::new(clients::without_retries(&table));
    let gateway = gateway(&table, &ledger, &keys)?;
    let admin = Arc::new(admin::Admin {
        organisers: Organisers::new(table.clone()),
        ledger,
        keys,
        clock: Arc::new(Machine),
        allow_loopback: true,
    });
    let welcome = first_run::prepare(
        &admin,
        FirstRun {
            azure_endpoint,
            azure_key: azure_key(&options)?,
            is_simulated: options.azure_endpoint.is_none(),
            data,
        },
    )
    .await?;
    let front = Arc::new(Front {
        template: template.clone(),
        gateway: Arc::clone(&gateway),
        admin,
        invocations: TaskTracker::new(),
    });
    for schedule in template.schedules {
        helpers.spawn(run_by(schedule, Arc::clone(&gateway), stop.clone()));
    }
    std::io::stdout().lock().write_all(welcome.text(&address).as_bytes())?;

    let stop_at_signal = stop.clone();
    helpers.spawn(async move {
        wait_for_signal().await;
        stop_at_signal.cancel();
    });
    front.serve(listener, stop.clone()).await?;
    stop.cancel();
    stop_engine.cancel();
    helpers.close();
    // The engine has nothing left to do; should it linger, its file is safe all the same.
    let _ = tokio::time::timeout(Duration::from_secs(5), helpers.wait()).await;
    Ok(())
}

async fn open_table(
    options: &Options,
    template: &template::Template,
    data: Option<&PathBuf>,
    helpers: &TaskTracker,
    stop: &CancellationToken,
) -> Result<Table> {
    let endpoint = match &options.dynamodb_endpoint {
        Some(endpoint) => endpoint.clone(),
        None => {
            let file = data.map(|data| data.join("table.db"));
            engine::start(file.as_deref(), helpers, stop.clone()).await?
        }
    };
    let settings = Settings {
        table: options.table.clone(),
        key_prefix: "/lanyard/local".to_owned(),
        region: options.region.clone(),
        credentials: Credentials {
            key_id: options.aws_key_id.clone(),
            secret: options.aws_secret.clone(),
            session: options.aws_session.clone(),
        },
        dynamodb_endpoint: Some(endpoint),
        function: "local".to_owned(),
    };
    let table = clients::table(&settings, PATIENCE);
    engine::create_table(&table, &template.table).await?;
    Ok(table)
}

async fn start_simulator(
    options: &Options,
    helpers: &TaskTracker,
    stop: &CancellationToken,
) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let simulator = Simulator { latency: options.simulator_latency };
    let stop = stop.clone();
    helpers.spawn(async move {
        if let Err(fault) = simulator.serve(listener, stop.cancelled_owned()).await {
            tracing::error!(fault = %fault, "the simulated Azure ended");
        }
    });
    Ok(address)
}

fn gateway(
    table: &Table,
    ledger: &Arc<dyn Ledger>,
    keys: &Arc<dyn KeyStore>,
) -> Result<Arc<Gateway>> {
    let azure = Azure::new(Arc::clone(keys)).map_err(|cause| anyhow::anyhow!(cause))?;
    Ok(Arc::new(Gateway::new(Ports {
        clock: Arc::new(Machine),
        luck: Arc::new(Machine),
        events: Arc::new(table.clone()) as Arc<dyn EventStore>,
        ledger: Arc::clone(ledger),
        upstream: Arc::new(azure) as Arc<dyn Upstream>,
        objects: Arc::new(table.clone()) as Arc<dyn Objects>,
        journal: Arc::new(LogLines) as Arc<dyn Journal>,
        ledger_patience: PATIENCE.all_tries,
    })))
}

fn azure_key(options: &Options) -> Result<Option<String>> {
    let Some(file) = &options.azure_key_file else { return Ok(options.azure_key.clone()) };
    let key = std::fs::read_to_string(file)
        .with_context(|| format!("the key file {} cannot be read", file.display()))?;
    Ok(Some(key.trim().to_owned()))
}

/// Runs a function by its schedule.
async fn run_by(schedule: Schedule, gateway: Arc<Gateway>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(schedule.every);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        let gateway = Arc::clone(&gateway);
        let done = match schedule.function.as_str() {
            "sweep" => {
                sweep::handle(gateway, Machine.now()).await.map(|swept| format!("{swept:?}"))
            }
            "clear-objects" => {
                let until = Instant::now() + schedule.timeout;
                let cleared = clear_objects::handle(gateway, Machine.now(), until).await;
                cleared.map(|cleared| format!("{cleared:?}"))
            }
            "finish-jobs" => {
                let until = Instant::now() + schedule.timeout;
                let finished = finish_jobs::handle(gateway, Machine.now(), until).await;
                finished.map(|finished| format!("{finished:?}"))
            }
            function => Err(format!("there is no function {function} here").into()),
        };
        match done {
            Ok(done) => tracing::debug!(function = schedule.function, done, "ran by schedule"),
            Err(cause) => {
                tracing::warn!(function = schedule.function, cause, "failed; the next run goes on");
            }
        }
    }
}

/// Ctrl-C, or the polite signal of a process manager.
async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

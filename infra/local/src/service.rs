//! Everything put together, from the options to the last settlement.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use lanyard_administration::own::attendee::OwnDeploymentsApi;
use lanyard_administration::ports::KeyStore;
use lanyard_gateway::Ports;
use lanyard_gateway::people::People;
use lanyard_gateway::ports::{Clock, EventStore, Ledger, RequestLog, Upstream};
use lanyard_objects::Objects;
use lanyard_platform::azure::Azure;
use lanyard_platform::clients::{self, Timeouts};
use lanyard_platform::https;
use lanyard_platform::identity::Sts;
use lanyard_platform::keys::FileKeys;
use lanyard_platform::organisers::Organisers;
use lanyard_platform::settings::{CredentialSource, Settings};
use lanyard_platform::shell::Machine;
use lanyard_platform::table::Table;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::data_folder::DataFolder;
use crate::engine;
use crate::first_run::{self, FirstRun, Welcome};
use crate::front::{Dispatch, Front};
use crate::in_process::InProcess;
use crate::options::Options;
use crate::request_log::LogLines;
use crate::simulator::Simulator;
use lanyard_runtime::aws::{self, Aws, Engine};
use lanyard_runtime::policy::Policies;
use lanyard_runtime::run_secret::RunSecret;
use lanyard_runtime::template::{Schedule, Template};
use lanyard_runtime::{Machinery, Runtime};

/// The embedded engine does one thing at a time, so concurrent calls wait in a queue.
const TIMEOUT: Timeouts =
    Timeouts { one_try: Duration::from_secs(30), all_tries: Duration::from_secs(60) };

/// Serves until Ctrl-C.
///
/// # Errors
///
/// If a port, a file, a binary or the engine cannot be had.
pub async fn run(options: Options) -> Result<()> {
    let service = Service::start(options, Template::read()?).await?;
    std::io::stdout().lock().write_all(service.welcome.text(&service.address).as_bytes())?;
    let stop = CancellationToken::new();
    let stop_at_signal = stop.clone();
    service.helpers.spawn(async move {
        wait_for_signal().await;
        stop_at_signal.cancel();
    });
    service.serve(stop).await
}

/// Everything that runs, but for the listener, which waits to be served.
pub struct Service {
    /// Where it is, such as `http://127.0.0.1:8787`.
    pub address: String,
    /// The table.
    pub table: Table,
    /// The binaries' environments, if the functions run by their binaries.
    pub runtime: Option<Arc<Runtime>>,
    /// The message when everything is running.
    pub welcome: Welcome,
    /// The gateway and stored objects as this process has them: the functions' or, beside their
    /// binaries, others over the same table.
    pub objects: Arc<Objects>,
    /// The keys of deployments.
    pub keys: Arc<dyn KeyStore>,
    listener: TcpListener,
    front: Arc<Front>,
    helpers: TaskTracker,
    stop_engine: CancellationToken,
    /// Locked for as long as the service runs.
    _folder: Option<DataFolder>,
}

impl Service {
    /// Starts everything that requests need.
    ///
    /// # Errors
    ///
    /// If a port, a file, a binary or the engine cannot be had.
    pub async fn start(options: Options, template: Template) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", options.port)).await.with_context(|| {
            format!("port {} cannot be had; choose another by --port", options.port)
        })?;
        let address = format!("http://{}", listener.local_addr()?);
        // Two stops: the servers stop before the services that they need.
        let stop_engine = CancellationToken::new();
        let helpers = TaskTracker::new();
        let data = (!options.memory).then(|| options.data.clone());
        let folder = data.as_deref().map(DataFolder::open).transpose()?;
        let http = https::client().map_err(|cause| anyhow::anyhow!(cause))?;
        let (table, engine) = open_table(&http, &options, &template, folder.as_ref()).await?;
        let azure_endpoint = match &options.azure_endpoint {
            Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
            None => start_simulator(&options, &helpers, &stop_engine).await?,
        };
        let keys: Arc<dyn KeyStore> = Arc::new(match &data {
            Some(data) => FileKeys::at(data.join("azure-keys.json")),
            None => FileKeys::in_memory(),
        });
        let ledger: Arc<dyn Ledger> = Arc::new(table.clone());
        let objects = objects(http, &table, &ledger, &keys, options.sts());
        let admin = Arc::new(lanyard_administration::Administration {
            store: Arc::new(Organisers::new(table.clone())),
            ledger,
            keys: Arc::clone(&keys),
            clock: Arc::new(Machine),
            random: Arc::new(Machine),
            allow_loopback: true,
        });
        let runtime = match options.runtime.runtime {
            true => {
                let keys = Arc::clone(&keys);
                let aws = Environs { engine, keys, helpers: &helpers, stop: &stop_engine };
                Some(Arc::new(aws.runtime(&options, &template).await?))
            }
            false => None,
        };
        let first = FirstRun {
            azure_endpoint,
            azure_key: azure_key(&options)?,
            is_simulated: options.azure_endpoint.is_none(),
            data,
        };
        let welcome = first_run::prepare(&admin, first).await?;
        let dispatch = match &runtime {
            Some(runtime) => Dispatch::Runtime(Arc::clone(runtime)),
            None => Dispatch::InProcess(Arc::new(InProcess {
                objects: Arc::clone(&objects),
                people: Arc::new(People {
                    gateway: objects.gateway(),
                    store: Arc::new(table.clone()),
                }),
                own: Arc::new(OwnDeploymentsApi {
                    gateway: objects.gateway(),
                    store: Arc::new(Organisers::new(table.clone())),
                    keys: Arc::clone(&keys),
                    allow_loopback: true,
                }),
                admin,
                invocations: TaskTracker::new(),
            })),
        };
        let front = Arc::new(Front { template, dispatch });
        Ok(Self {
            address,
            table,
            runtime,
            welcome,
            objects,
            keys,
            listener,
            front,
            helpers,
            stop_engine,
            _folder: folder,
        })
    }

    /// Serves until `stop`, then ends everything in order.
    ///
    /// # Errors
    ///
    /// If the listener fails for good.
    pub async fn serve(self, stop: CancellationToken) -> Result<()> {
        let clock = TaskTracker::new();
        for schedule in self.front.template.schedules.clone() {
            let stop = stop.clone();
            match &self.front.dispatch {
                Dispatch::InProcess(_) => {
                    clock.spawn(run_by(schedule, Arc::clone(&self.objects), stop));
                }
                Dispatch::Runtime(runtime) => {
                    let runtime = Arc::clone(runtime);
                    clock.spawn(async move { runtime.run_by(&schedule, stop).await });
                }
            }
        }
        self.front.serve(self.listener, stop.clone()).await?;
        stop.cancel();
        clock.close();
        clock.wait().await;
        self.stop_engine.cancel();
        self.helpers.close();
        // The stand-ins for Azure and AWS have nothing left to do.
        let _ = tokio::time::timeout(Duration::from_secs(5), self.helpers.wait()).await;
        Ok(())
    }
}

/// The surroundings of the binaries' environments.
struct Environs<'e> {
    engine: Engine,
    keys: Arc<dyn KeyStore>,
    helpers: &'e TaskTracker,
    stop: &'e CancellationToken,
}

impl Environs<'_> {
    async fn runtime(self, options: &Options, template: &Template) -> Result<Runtime> {
        if let Engine::At { address, .. } = &self.engine
            && address.contains(".amazonaws.com")
        {
            bail!(
                "--runtime runs over engines on this machine alone: its functions sign by names \
                 of their own, which AWS does not know"
            );
        }
        let secret = RunSecret::new()?;
        let mut machinery = Machinery {
            aws: "",
            secret: &secret,
            table: &options.table,
            region: &options.region,
            timeout: TIMEOUT.all_tries,
        };
        let place = machinery.place();
        let aws = Aws {
            engine: self.engine,
            secret: secret.clone(),
            keys: self.keys,
            key_prefix: template.key_prefix(&place)?,
            policies: Policies::read(&place, &[])?,
            place,
        };
        let address = aws::start(aws, self.helpers, self.stop.clone()).await?;
        machinery.aws = &address;
        Runtime::prepare(template.clone(), &options.runtime, &machinery).await
    }
}

async fn open_table(
    http: &reqwest::Client,
    options: &Options,
    template: &Template,
    folder: Option<&DataFolder>,
) -> Result<(Table, Engine)> {
    let settings = Settings {
        table: options.table.clone(),
        key_prefix: "/lanyard/local".to_owned(),
        region: options.region.clone(),
        credentials: CredentialSource::Keys(options.credentials()),
        dynamodb_endpoint: options.dynamodb_endpoint.clone(),
        dynamodb_timeout: None,
        ssm_endpoint: None,
        sts_endpoint: None,
        function: "local".to_owned(),
    };
    let table = clients::table(http, &settings, TIMEOUT).map_err(|cause| anyhow::anyhow!(cause))?;
    let (table, engine) = match &options.dynamodb_endpoint {
        Some(address) => {
            let (address, key_id) = (address.clone(), options.aws_key_id.clone());
            (table, Engine::At { address, key_id, session: options.aws_session.clone() })
        }
        None => {
            let engine = engine::open(folder.map(DataFolder::table).as_deref())?;
            (engine::within(&engine, &table), engine::behind_runtime(engine))
        }
    };
    engine::create_table(&table, &template.table).await?;
    Ok((table, engine))
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

fn objects(
    http: reqwest::Client,
    table: &Table,
    ledger: &Arc<dyn Ledger>,
    keys: &Arc<dyn KeyStore>,
    sts: Option<Sts>,
) -> Arc<Objects> {
    let azure = Azure::new(http, Arc::clone(keys), sts);
    let ports = Ports {
        clock: Arc::new(Machine),
        random: Arc::new(Machine),
        events: Arc::new(table.clone()) as Arc<dyn EventStore>,
        ledger: Arc::clone(ledger),
        upstream: Arc::new(azure) as Arc<dyn Upstream>,
        request_log: Arc::new(LogLines) as Arc<dyn RequestLog>,
        ledger_timeout: TIMEOUT.all_tries,
    };
    Arc::new(Objects::new(ports, Arc::new(table.clone())))
}

fn azure_key(options: &Options) -> Result<Option<String>> {
    let Some(file) = &options.azure_key_file else { return Ok(options.azure_key.clone()) };
    let key = std::fs::read_to_string(file)
        .with_context(|| format!("the key file {} cannot be read", file.display()))?;
    Ok(Some(key.trim().to_owned()))
}

/// Runs a function by its schedule.
async fn run_by(schedule: Schedule, objects: Arc<Objects>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(schedule.every);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        let objects = Arc::clone(&objects);
        let done = match schedule.function.as_str() {
            "sweep" => sweep::handle(objects.gateway(), Machine.now())
                .await
                .map(|swept| format!("{swept:?}")),
            "clear-objects" => {
                let until = Instant::now() + schedule.timeout;
                let cleared = clear_objects::handle(objects, Machine.now(), until).await;
                cleared.map(|cleared| format!("{cleared:?}"))
            }
            "finish-jobs" => {
                let until = Instant::now() + schedule.timeout;
                let finished = finish_jobs::handle(objects, Machine.now(), until).await;
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

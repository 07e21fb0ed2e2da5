//! The fixture of a function that runs as a separate process: an engine with the table and an open
//! event, a parameter store and the simulated Azure, all on loopback and in memory.
//!
//! The table was filled through the organisers' API, as on a developer's machine.

use std::sync::Arc;
use std::time::Duration;

use ::http::{Request, Response};
use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::Full;
use lanyard_administration::Administration;
use lanyard_local::engine;
use lanyard_local::first_run::{self, FirstRun};
use lanyard_local::simulator::Simulator;
use lanyard_platform::clients::{self, Timeouts};
use lanyard_platform::https;
use lanyard_platform::keys::FileKeys;
use lanyard_platform::organisers::Organisers;
use lanyard_platform::settings::{CredentialSource, Credentials, Settings};
use lanyard_platform::shell::Machine;
use lanyard_platform::table::{self, Table};
use lanyard_runtime::run_secret::RunSecret;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::http::serve;

/// The embedded engine does one thing at a time, and debug builds are slow.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The table's name.
const TABLE: &str = "lanyard";

/// A region, because the SDKs ask for one; nothing is sent there.
const REGION: &str = "eu-north-1";

/// The fixture, until it is dropped.
pub struct Fixture {
    table: Table,
    engine: String,
    secret: RunSecret,
    parameters: String,
    _end: DropGuard,
}

impl Fixture {
    /// Starts everything and makes the event `hackathon`.
    ///
    /// # Errors
    ///
    /// If loopback has no free port or the organisers' API refuses.
    pub async fn start() -> Result<Self> {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let end = stop.clone().drop_guard();
        let secret = RunSecret::new()?;
        let engine = engine::open(None)?;
        let engine = engine::serve(engine, secret.clone(), &tasks, stop.clone()).await?;
        let table = make_table(&engine, &secret).await?;

        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let azure = format!("http://{}", listener.local_addr()?);
        let simulator = Simulator { latency: Duration::ZERO };
        let until_end = stop.clone();
        tasks.spawn(async move { simulator.serve(listener, until_end.cancelled_owned()).await });

        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let parameters = format!("http://{}", listener.local_addr()?);
        tasks.spawn(stop.run_until_cancelled_owned(serve(listener, |request| async move {
            parameter_store(&request)
        })));

        let admin = Arc::new(Administration {
            store: Arc::new(Organisers::new(table.clone())),
            ledger: Arc::new(table.clone()),
            keys: Arc::new(FileKeys::in_memory()),
            clock: Arc::new(Machine),
            random: Arc::new(Machine),
            allow_loopback: true,
        });
        let first =
            FirstRun { azure_endpoint: azure, azure_key: None, is_simulated: true, data: None };
        first_run::prepare(&admin, first).await?;
        Ok(Self { table, engine, secret, parameters, _end: end })
    }

    /// The table, to read what functions have written.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The environment variables with which a function finds this fixture.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ACCESS_KEY_ID", "local".to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.engine.clone()),
            ("AWS_ENDPOINT_URL_SSM", self.parameters.clone()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
            ("AWS_SESSION_TOKEN", self.secret.reveal().to_owned()),
            ("LANYARD_DYNAMODB_TIMEOUT_MS", TIMEOUT.as_millis().to_string()),
            ("LANYARD_KEY_PREFIX", "/lanyard/fixture".to_owned()),
            ("LANYARD_TABLE", TABLE.to_owned()),
        ]
    }
}

/// The table behind an engine on loopback and its secret, by a client of our own.
///
/// # Errors
///
/// If TLS cannot be set up.
pub fn table_at(engine: &str, secret: &RunSecret, timeout: Timeouts) -> Result<Table> {
    let local = || "local".to_owned();
    let settings = Settings {
        table: TABLE.to_owned(),
        key_prefix: "/lanyard/fixture".to_owned(),
        region: REGION.to_owned(),
        credentials: CredentialSource::Keys(Credentials {
            key_id: local(),
            secret: local(),
            session: Some(secret.reveal().to_owned()),
        }),
        dynamodb_endpoint: Some(engine.to_owned()),
        dynamodb_timeout: None,
        ssm_endpoint: None,
        sts_endpoint: None,
        function: "fixture".to_owned(),
    };
    let http = https::client().map_err(|cause| anyhow::anyhow!(cause))?;
    clients::table(&http, &settings, timeout).map_err(|cause| anyhow::anyhow!(cause))
}

async fn make_table(engine: &str, secret: &RunSecret) -> Result<Table> {
    let table = table_at(engine, secret, Timeouts::of(TIMEOUT))?;
    let pair = |name: &str, is: &str| (name.to_owned(), is.to_owned());
    let attributes = [pair("pk", "S"), pair("sk", "S")];
    let keys = [pair("pk", "HASH"), pair("sk", "RANGE")];
    let created = table::create(&table, &attributes, &keys).await;
    created.map_err(|cause| anyhow::anyhow!(cause)).context("the table cannot be created")?;
    Ok(table)
}

/// Parameter Store, as far as the functions use it. Every parameter holds the simulator's key.
fn parameter_store(request: &Request<Bytes>) -> Response<Full<Bytes>> {
    let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
    let asked: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let (status, body) = match target {
        Some("AmazonSSM.GetParameter") => {
            let parameter = json!({
                "Name": asked["Name"], "Type": "SecureString", "Value": "simulated", "Version": 1,
            });
            (200, json!({ "Parameter": parameter }))
        }
        Some("AmazonSSM.PutParameter") => (200, json!({ "Tier": "Standard", "Version": 1 })),
        Some("AmazonSSM.DeleteParameter") => (200, json!({})),
        _ => (400, json!({ "__type": "UnknownOperationException" })),
    };
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() =
        ::http::StatusCode::from_u16(status).unwrap_or(::http::StatusCode::BAD_REQUEST);
    response
}

//! The embedded DynamoDB engine, in memory. Tests of one process call it in their own; those of
//! several know the secret of its listener.

use std::sync::Arc;
use std::time::Duration;

use lanyard_local::engine::{self, Connector};
use lanyard_platform::clients::{self, Timeouts};
use lanyard_platform::https;
use lanyard_platform::keys::FileKeys;
use lanyard_platform::settings::{CredentialSource, Credentials, Settings};
use lanyard_platform::table::{self, Item, Table};
use lanyard_runtime::run_secret::RunSecret;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::meter::Meter;
use super::policed::{Policed, PolicedKeys};

/// The engine is one mutex, built without optimisation, under many tests at once.
const TIMEOUT: Timeouts =
    Timeouts { one_try: Duration::from_secs(60), all_tries: Duration::from_secs(60) };

/// An engine with the table in it. Its listener ends when it is dropped.
pub(crate) struct Engine {
    within: Option<Connector>,
    endpoint: String,
    secret: RunSecret,
    policed: Policed,
    meter: Meter,
    _end: Option<DropGuard>,
}

impl Engine {
    /// The embedded engine.
    pub(crate) async fn start() -> Self {
        let engine = engine::open(None).expect("memory has room for a database");
        let secret = RunSecret::new().expect("the system has randomness");
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let end = stop.clone().drop_guard();
        let served = engine::serve(engine.clone(), secret.clone(), &tasks, stop).await;
        let endpoint = served.expect("loopback has a free port");
        Self::with_table(Some(engine), endpoint, secret, Some(end)).await
    }

    /// An engine that is there already.
    pub(crate) async fn at(endpoint: String) -> Self {
        let secret = RunSecret::new().expect("the system has randomness");
        Self::with_table(None, endpoint, secret, None).await
    }

    async fn with_table(
        within: Option<Connector>,
        endpoint: String,
        secret: RunSecret,
        end: Option<DropGuard>,
    ) -> Self {
        let engine = Self {
            within,
            endpoint,
            secret,
            policed: Policed::default(),
            meter: Meter::default(),
            _end: end,
        };
        let pair = |name: &str, is: &str| (name.to_owned(), is.to_owned());
        let attributes = [pair("pk", "S"), pair("sk", "S")];
        let keys = [pair("pk", "HASH"), pair("sk", "RANGE")];
        let created = table::create(&engine.table(), &attributes, &keys).await;
        created.expect("the engine creates a table");
        engine
    }

    /// Where it is.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The secret of its listener.
    pub(crate) fn secret(&self) -> &RunSecret {
        &self.secret
    }

    /// The table by a client of its own, in this process.
    pub(crate) fn table(&self) -> Table {
        let table = self.table_over_http();
        self.within.as_ref().map_or(table.clone(), |engine| engine::within(engine, &table))
    }

    /// The table by a client of its own, as another process would have it.
    pub(crate) fn table_over_http(&self) -> Table {
        let settings = Settings {
            table: "lanyard".to_owned(),
            key_prefix: "/lanyard".to_owned(),
            region: "eu-north-1".to_owned(),
            credentials: CredentialSource::Keys(Credentials {
                key_id: "local".to_owned(),
                secret: "local".to_owned(),
                session: Some(self.secret.reveal().to_owned()),
            }),
            dynamodb_endpoint: Some(self.endpoint.clone()),
            dynamodb_timeout: None,
            ssm_endpoint: None,
            sts_endpoint: None,
            function: "test".to_owned(),
        };
        let http = https::client().expect("TLS can be set up");
        clients::table(&http, &settings, TIMEOUT).expect("the region has a name")
    }

    /// The table as functions have it, whose policies are asked before each call.
    pub(crate) fn table_of(&self, functions: &[&'static str]) -> Table {
        self.meter.table(&self.policed.table(&self.table(), functions))
    }

    /// The keys as a function has them: its policies decide, and a file has the keys.
    pub(crate) fn keys_of(&self, function: &'static str, file: Arc<FileKeys>) -> PolicedKeys {
        self.policed.keys(function, &self.table(), &self.endpoint, file)
    }

    /// The capacity that functions' calls have used.
    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The calls of functions.
    pub(crate) fn policed(&self) -> &Policed {
        &self.policed
    }

    /// Every item there is.
    pub(crate) async fn items(&self) -> Vec<Item> {
        let table = self.table();
        let pages = table.client.scan().table_name(&table.name).into_paginator().items().send();
        pages.collect::<Result<_, _>>().await.expect("the engine reads")
    }
}

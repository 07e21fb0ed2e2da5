//! The embedded DynamoDB engine, in memory, on a loopback port of its own.

use std::sync::Arc;
use std::time::Duration;

use dynoxide::Database;
use lanyard_platform::clients::{self, Timeouts, without_retries};
use lanyard_platform::https;
use lanyard_platform::keys::FileKeys;
use lanyard_platform::settings::{CredentialSource, Credentials, Settings};
use lanyard_platform::table::{self, Item, Table};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::meter::Meter;
use super::policed::{Policed, PolicedKeys};

/// The engine is one mutex, built without optimisation, under many tests at once.
const TIMEOUT: Timeouts =
    Timeouts { one_try: Duration::from_secs(60), all_tries: Duration::from_secs(60) };

/// An engine with the table in it, which serves until it is dropped.
pub(crate) struct Engine {
    endpoint: String,
    policed: Policed,
    meter: Meter,
    _server: JoinSet<()>,
}

impl Engine {
    /// The embedded engine.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("it is bound"));
        let mut server = JoinSet::new();
        let database = Database::memory().expect("memory has room for a database");
        server.spawn(dynoxide::server::serve_on(listener, database));
        Self::with_table(endpoint, server).await
    }

    /// An engine that is there already.
    pub(crate) async fn at(endpoint: String) -> Self {
        Self::with_table(endpoint, JoinSet::new()).await
    }

    async fn with_table(endpoint: String, server: JoinSet<()>) -> Self {
        let engine = Self {
            endpoint,
            policed: Policed::default(),
            meter: Meter::default(),
            _server: server,
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

    /// The table by a client of its own, as another process would have it.
    pub(crate) fn table(&self) -> Table {
        let settings = Settings {
            table: "lanyard".to_owned(),
            key_prefix: "/lanyard".to_owned(),
            region: "eu-north-1".to_owned(),
            credentials: CredentialSource::Keys(Credentials {
                key_id: "local".to_owned(),
                secret: "local".to_owned(),
                session: None,
            }),
            dynamodb_endpoint: Some(self.endpoint.clone()),
            dynamodb_timeout: None,
            ssm_endpoint: None,
            sts_endpoint: None,
            function: "test".to_owned(),
        };
        let http = https::client().expect("TLS can be set up");
        without_retries(&clients::table(&http, &settings, TIMEOUT))
    }

    /// The table as functions have it, whose policies are asked before each call.
    pub(crate) fn table_of(&self, functions: &[&'static str]) -> Table {
        self.meter.table(self.policed.table(self.table(), functions))
    }

    /// The keys as a function has them: its policies are asked, and a file answers.
    pub(crate) fn keys_of(&self, function: &'static str, file: Arc<FileKeys>) -> PolicedKeys {
        self.policed.keys(function, &self.table(), &self.endpoint, file)
    }

    /// What functions' calls have cost.
    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// What functions have asked for.
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

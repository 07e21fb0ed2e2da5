//! The clients for AWS and Azure. They are built once, and connected before the first request.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, StalledStreamProtectionConfig};
use chrono::{DateTime, Utc};
use lanyard_administration::Administration;
use lanyard_administration::own::attendee::OwnDeploymentsApi;
use lanyard_administration::ports::KeyStore;
use lanyard_domain::account::AccountKey;
use lanyard_gateway::ports::{Cause, Clock, EventStore, Ledger, RequestLog, Upstream};
use lanyard_gateway::{Gateway, Ports};
use lanyard_objects::Objects;

use crate::azure::Azure;
use crate::credentials;
use crate::https;
use crate::identity::Sts;
use crate::keys::ParameterKeys;
use crate::organisers::Organisers;
use crate::settings::Settings;
use crate::shell::Machine;
use crate::table::{Access, Key, Table};
use crate::telemetry::Emf;

/// How long start-up may take to open connections. A failure is harmless, because requests open
/// them too.
const WARM_UP: Duration = Duration::from_secs(1);

/// The clients of one function.
#[derive(Clone)]
pub struct Clients {
    /// The table, with the retries of the SDK.
    pub table: Table,
    /// The store of keys.
    pub keys: Arc<dyn KeyStore>,
    /// The accounts. Each call is tried once, because only the caller knows what may be repeated.
    pub ledger: Arc<dyn Ledger>,
    /// The log of finished requests.
    pub request_log: Arc<dyn RequestLog>,
    azure: Arc<Azure>,
    timeout: Timeouts,
}

impl Clients {
    /// Builds the clients from the function's environment.
    ///
    /// # Errors
    ///
    /// If the environment is incomplete or TLS cannot be set up.
    pub async fn from_environment() -> Result<Self, Cause> {
        let settings = Settings::from_environment()?;
        let clients = Self::build(&settings)?;
        clients.warm_up().await;
        Ok(clients)
    }

    fn build(settings: &Settings) -> Result<Self, Cause> {
        let timeout = settings.dynamodb_timeout.map_or(Timeouts::AWS, Timeouts::of);
        let http = https::client()?;
        let table = table(&http, settings, timeout)?;
        let ledger = Arc::new(table.clone());
        let credentials = credentials::provider(&http, &settings.credentials);
        let mut ssm = aws_sdk_ssm::Config::builder()
            .behavior_version(aws_sdk_ssm::config::BehaviorVersion::latest())
            .region(aws_sdk_ssm::config::Region::new(settings.region.clone()))
            .credentials_provider(credentials.clone())
            .http_client(https::for_sdk(&http));
        if let Some(endpoint) = &settings.ssm_endpoint {
            ssm = ssm.endpoint_url(endpoint);
        }
        let keys: Arc<dyn KeyStore> = Arc::new(ParameterKeys {
            client: aws_sdk_ssm::Client::from_conf(ssm.build()),
            prefix: settings.key_prefix.clone(),
        });
        let sts = Sts::new(&settings.region, credentials, settings.sts_endpoint.as_deref());
        let azure = Arc::new(Azure::new(http, Arc::clone(&keys), Some(sts)));
        let request_log = Arc::new(Emf::new(settings.function.clone()));
        Ok(Self { table, keys, ledger, request_log, azure, timeout })
    }

    /// Opens a connection to DynamoDB by reading an item that does not exist.
    async fn warm_up(&self) {
        let Ok(nobody) = "warm-up".parse() else { return };
        let account = AccountKey::Event(nobody);
        let reads = async {
            tokio::join!(
                self.table.get(Key::account(&account), false),
                self.ledger.account(&account)
            )
        };
        let _ = tokio::time::timeout(WARM_UP, reads).await;
    }

    /// The current time, for work outside of requests.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        Machine.now()
    }

    /// The gateway with these clients.
    #[must_use]
    pub fn gateway(&self) -> Arc<Gateway> {
        self.objects().gateway()
    }

    /// The API of stored objects with these clients.
    #[must_use]
    pub fn objects(&self) -> Arc<Objects> {
        let events: Arc<dyn EventStore> = Arc::new(self.table.clone());
        let ports = Ports {
            clock: Arc::new(Machine),
            random: Arc::new(Machine),
            events,
            ledger: Arc::clone(&self.ledger),
            upstream: Arc::clone(&self.azure) as Arc<dyn Upstream>,
            request_log: Arc::clone(&self.request_log),
            ledger_timeout: self.timeout.all_tries,
        };
        Arc::new(Objects::new(ports, Arc::new(self.table.clone())))
    }
}

impl Clients {
    /// The organisers' API with these clients.
    #[must_use]
    pub fn administration(self) -> Arc<Administration> {
        Arc::new(Administration {
            store: Arc::new(Organisers::new(self.table)),
            ledger: self.ledger,
            keys: self.keys,
            clock: Arc::new(Machine),
            random: Arc::new(Machine),
            allow_loopback: false,
        })
    }

    /// The API of attendees' own deployments with these clients.
    #[must_use]
    pub fn own_deployments(self, gateway: Arc<Gateway>) -> Arc<OwnDeploymentsApi> {
        Arc::new(OwnDeploymentsApi {
            gateway,
            store: Arc::new(Organisers::new(self.table)),
            keys: self.keys,
            allow_loopback: false,
        })
    }
}

/// The timeouts of DynamoDB.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// One try.
    pub one_try: Duration,
    /// All tries of a call together.
    pub all_tries: Duration,
}

impl Timeouts {
    /// The timeouts for AWS's DynamoDB. They are short, because an attendee waits.
    pub const AWS: Self =
        Self { one_try: Duration::from_millis(250), all_tries: Duration::from_millis(600) };

    /// This time for all tries, and half of it for one.
    #[must_use]
    pub fn of(all_tries: Duration) -> Self {
        Self { one_try: all_tries / 2, all_tries }
    }
}

/// The table, with a client that retries reads.
///
/// # Errors
///
/// If the region has no valid name.
pub fn table(
    http: &reqwest::Client,
    settings: &Settings,
    timeout: Timeouts,
) -> Result<Table, Cause> {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(timeout.one_try)
        .operation_timeout(timeout.all_tries)
        .build();
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(https::for_sdk(http))
        .retry_config(RetryConfig::standard().with_max_attempts(2))
        // Each try has a timeout. Responses are a few kilobytes, so no stream needs supervision.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .timeout_config(timeouts);
    let credentials = credentials::provider(http, &settings.credentials);
    let access = Access::new(credentials, &settings.region, settings.dynamodb_endpoint.as_deref())?;
    Ok(Table::new(config, access, settings.table.clone()))
}

//! Tables and keys that ask the template's policies before each call, and remember what was asked.
//!
//! A call that no policy allows fails, as it would on AWS, and so does the test.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use async_trait::async_trait;
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Credentials, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use lanyard_administration::ports::KeyStore;
use lanyard_domain::credential::AzureKey;
use lanyard_functions::{Function, Grant, PARTITIONS, Target};
use lanyard_gateway::ports::Cause;
use lanyard_platform::keys::{FileKeys, ParameterKeys};
use lanyard_platform::table::Table;
use lanyard_runtime::policy::wire::requests;
use lanyard_runtime::policy::{Policies, Request};
use lanyard_runtime::template::Place;

/// Where the stack of tests seems to be.
pub(crate) fn place() -> Place {
    Place {
        stack: "lanyard".to_owned(),
        region: "eu-north-1".to_owned(),
        account: "123456789012".to_owned(),
        table: "lanyard".to_owned(),
    }
}

/// The path of the keys in that stack.
pub(crate) const KEYS: &str = "/lanyard/lanyard/azure-keys";

/// The functions of the template, by name.
pub(crate) fn functions() -> impl Iterator<Item = &'static str> {
    policies().functions()
}

fn policies() -> &'static Policies {
    static POLICIES: OnceLock<Policies> = OnceLock::new();
    POLICIES.get_or_init(|| Policies::read(&place(), &[]).expect("the template's roles are known"))
}

/// The calls, their callers, and the denied ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policed(Arc<Mutex<Calls>>);

#[derive(Debug, Default)]
struct Calls {
    asked: BTreeMap<Vec<&'static str>, BTreeSet<Request>>,
    denied: Vec<String>,
}

impl Policed {
    /// A table for any of these functions.
    pub(super) fn table(&self, table: &Table, functions: &[&'static str]) -> Table {
        table.with(|config| config.interceptor(self.guard(functions)))
    }

    /// Parameter Store for a function, as far as the call; what it holds is in a file.
    pub(super) fn keys(
        &self,
        function: &'static str,
        table: &Table,
        endpoint: &str,
        file: Arc<FileKeys>,
    ) -> PolicedKeys {
        let like = table.client.config();
        let mut config = aws_sdk_ssm::Config::builder()
            .behavior_version(aws_sdk_ssm::config::BehaviorVersion::latest())
            .credentials_provider(Credentials::new("local", "local", None, None, "tests"))
            .endpoint_url(endpoint)
            .interceptor(self.guard(&[function]));
        config.set_region(like.region().cloned()).set_http_client(like.http_client());
        let client = aws_sdk_ssm::Client::from_conf(config.build());
        PolicedKeys { parameters: ParameterKeys { client, prefix: KEYS.to_owned() }, file }
    }

    fn guard(&self, functions: &[&'static str]) -> Guard {
        Guard { functions: functions.to_vec(), calls: Arc::clone(&self.0) }
    }

    /// Fails if a function was denied something.
    pub(crate) fn assert_nothing_was_denied(&self) {
        let denied = &lock(&self.0).denied;
        assert!(denied.is_empty(), "the template's policies deny: {denied:#?}");
    }

    /// The calls of the only function over a table or keys, in the table's terms.
    pub(crate) fn asked(&self, function: &'static str) -> BTreeSet<(String, Target)> {
        let calls = lock(&self.0);
        let requests = calls.asked.get(&vec![function]).into_iter().flatten();
        let knows = |target| {
            let calls = lanyard_functions::named(function).map(Function::calls).unwrap_or_default();
            calls.iter().any(|grant| grant.on == target)
        };
        // A function that does not distinguish them sees attendees' keys as Azure's.
        let is_known = |on| on != Target::OwnKeys || knows(Target::OwnKeys);
        let as_known = |on| if is_known(on) { on } else { Target::AzureKeys };
        requests
            .flat_map(|request| targets(request).map(|on| (request.action.clone(), as_known(on))))
            .collect()
    }
}

/// A row of the table, without entries that are not calls of the SDK.
pub(crate) fn row(grant: Grant) -> (String, Target) {
    (grant.action.to_owned(), grant.on)
}

fn targets(request: &Request) -> impl Iterator<Item = Target> {
    let keys = request.context.values().flatten().map(|key| {
        let is_of = |pattern: &&str| key.starts_with(pattern.trim_end_matches('*'));
        let pattern = PARTITIONS.into_iter().find(is_of);
        Target::Items(pattern.unwrap_or_else(|| panic!("{key} is in no partition")))
    });
    let is_below = |path: &str| request.resource.starts_with(&place().parameter(path));
    let key = match () {
        () if is_below(&format!("{KEYS}/_/")) => Some(Target::OwnKeys),
        () if is_below(KEYS) => Some(Target::AzureKeys),
        () => None,
    };
    keys.chain(key)
}

struct Guard {
    functions: Vec<&'static str>,
    calls: Arc<Mutex<Calls>>,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guard({:?})", self.functions)
    }
}

impl Intercept for Guard {
    fn name(&self) -> &'static str {
        "Guard"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let call = context.request();
        let target = call.headers().get("x-amz-target").ok_or("a call without a target")?;
        let body = call.body().bytes().ok_or("a call whose body streams")?;
        for request in requests(&place(), target, body)? {
            let allows = |function: &&'static str| policies().allows(function, &request);
            let is_allowed = self.functions.iter().any(allows);
            if !is_allowed {
                let who = self.functions.join(" or ");
                let keys: Vec<_> = request.context.values().flatten().collect();
                let words = format!("{who}: {} on {keys:?} {}", request.action, request.resource);
                lock(&self.calls).denied.push(words.clone());
                return Err(words.into());
            }
            let mut calls = lock(&self.calls);
            calls.asked.entry(self.functions.clone()).or_default().insert(request);
        }
        Ok(())
    }
}

/// Keys that are asked for at Parameter Store, which is not there, and come from a file.
pub(crate) struct PolicedKeys {
    parameters: ParameterKeys,
    file: Arc<FileKeys>,
}

#[async_trait]
impl KeyStore for PolicedKeys {
    async fn read(&self, reference: &str) -> Result<AzureKey, Cause> {
        let _ = self.parameters.read(reference).await;
        self.file.read(reference).await
    }

    async fn write(&self, reference: &str, key: &AzureKey) -> Result<(), Cause> {
        let _ = self.parameters.write(reference, key).await;
        self.file.write(reference, key).await
    }

    async fn remove(&self, reference: &str) -> Result<(), Cause> {
        let _ = self.parameters.remove(reference).await;
        self.file.remove(reference).await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

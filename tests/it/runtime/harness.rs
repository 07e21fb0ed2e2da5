//! The complete service over the functions' binaries, with a scripted Azure.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use clap::Parser;
use lanyard_administration::ports::KeyStore;
use lanyard_domain::account::{Account, AccountKey, Field};
use lanyard_domain::ids::EventId;
use lanyard_domain::usage::Charge;
use lanyard_gateway::Gateway;
use lanyard_gateway::ports::{Clock, Ledger};
use lanyard_local::options::Options;
use lanyard_local::service::Service;
use lanyard_platform::https::use_ring;
use lanyard_platform::shell::Machine;
use lanyard_platform::table::Table;
use lanyard_runtime::Runtime;
use lanyard_runtime::invocation::Outcome;
use lanyard_runtime::template::{TEMPLATE, Template};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::{ScriptedAzure, canary, policed};

/// The key of every deployment.
pub(super) const AZURE_KEY: &str = canary::KEY;

/// The service with one event without limits, until it is ended or dropped.
pub(super) struct Harness {
    pub(super) azure: ScriptedAzure,
    pub(super) runtime: Arc<Runtime>,
    pub(super) gateway: Arc<Gateway>,
    pub(super) keys: Arc<dyn KeyStore>,
    address: String,
    table: Table,
    organiser: String,
    event: EventId,
    client: reqwest::Client,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl Harness {
    /// Starts it with these options besides.
    pub(super) async fn start(options: &[&str]) -> Self {
        Self::of(options, &bootstraps(), TEMPLATE).await
    }

    /// Starts it with binaries and a template of the test's own.
    pub(super) async fn of(options: &[&str], bootstraps: &Path, template: &str) -> Self {
        use_ring();
        canary::watch_logs();
        let azure = ScriptedAzure::start().await;
        let always = ["lanyard-local", "--runtime", "--memory", "--port", "0", "--bootstraps"];
        let bootstraps = bootstraps.to_str().unwrap();
        let endpoint = azure.endpoint();
        let rest = [bootstraps, "--azure-endpoint", &endpoint];
        let words = always.iter().chain(&rest).chain(options);
        let mut options = Options::try_parse_from(words).unwrap();
        options.azure_key = Some(AZURE_KEY.to_owned());
        let service = Service::start(options, Template::parse(template).unwrap()).await.unwrap();
        let stop = CancellationToken::new();
        let mut harness = Self {
            azure,
            runtime: Arc::clone(service.runtime.as_ref().unwrap()),
            gateway: service.objects.gateway(),
            keys: Arc::clone(&service.keys),
            address: service.address.clone(),
            table: service.table.clone(),
            organiser: service.welcome.token().unwrap().to_owned(),
            event: "evt-none".parse().unwrap(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            stop: stop.clone(),
            // A test may spawn: what it starts ends with it.
            served: tokio::runtime::Handle::current().spawn(async move {
                service.serve(stop).await.unwrap();
            }),
        };
        harness.event = harness.make_event().await;
        harness
    }

    /// By direct invocation, so that nothing but that works before a test begins.
    async fn make_event(&self) -> EventId {
        let now = Machine.now();
        let day = chrono::TimeDelta::days(1);
        let none = json!({
            "requests_per_minute": null, "tokens_per_minute": null, "in_flight": null,
            "requests_per_day": null, "tokens_per_day": null, "tokens_total": null,
        });
        let event = json!({
            "name": "Runtime", "code": canary::CODE, "time_zone": "UTC",
            "starts_at": (now - day).to_rfc3339(), "ends_at": (now + day).to_rfc3339(),
            "allowances": {"attendee": none, "event": none},
            "default_deployments": {"chat_completions": "gpt-4o"},
        });
        let response = self.invoke_admin("POST", "/events", Some(event)).await;
        assert_eq!(response["status"], 201, "{response}");
        response["body"]["id"].as_str().unwrap().parse().unwrap()
    }

    /// Invokes the organisers' function directly.
    pub(super) async fn invoke_admin(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Value {
        let call = json!({"method": method, "path": path, "body": body});
        self.invoke("admin", call.to_string()).await
    }

    /// Invokes a function directly and reads its JSON.
    pub(super) async fn invoke(&self, function: &str, event: impl Into<Bytes>) -> Value {
        invoke(&self.runtime, function, event.into()).await
    }

    pub(super) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method.parse().unwrap(), format!("{}{path}", self.address))
    }

    /// The organiser's token.
    pub(super) fn organiser(&self) -> &str {
        &self.organiser
    }

    pub(super) fn event(&self) -> &EventId {
        &self.event
    }

    pub(super) fn token(&self, user: &str) -> String {
        format!("{}/{user}", canary::CODE)
    }

    /// Sends a chat with further fields.
    pub(super) async fn chat(&self, user: &str, fields: Value) -> reqwest::Response {
        let mut body = json!({"messages": [{"role": "user", "content": canary::PROMPT}]});
        for (name, value) in fields.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        let request = self.request("POST", "/api/v1/chat/completions");
        let request = request
            .header("openai-event-code", self.token(user))
            .header("content-type", "application/json");
        request.body(body.to_string()).send().await.unwrap()
    }

    /// The event's account.
    pub(super) async fn account(&self) -> Account {
        let account = self.table.account(&AccountKey::Event(self.event.clone())).await;
        account.unwrap().unwrap_or_default()
    }

    /// The total usage, when every environment waits for its next call: the event and its attendees
    /// agree, and nothing is held.
    pub(super) async fn usage(&self) -> Charge {
        self.runtime.quiet().await;
        let event = self.account().await;
        let page = self.table.attendees(&self.event, None, 1_000).await.unwrap();
        let attendees = page.accounts;
        let spent = attendees.iter().fold(Charge::default(), |sum, (_, a)| sum.plus(a.spent()));
        assert_eq!(event.spent(), spent, "the event and its attendees disagree");
        for account in attendees.iter().map(|(_, account)| account).chain([&event]) {
            assert_eq!((account.count(Field::Held), account.count(Field::Open)), (0, 0));
        }
        spent
    }

    /// Waits until every environment of a function has been stopped by the kernel.
    pub(super) async fn frozen(&self, function: &str) {
        self.runtime.quiet().await;
        for process in self.runtime.environments(function) {
            while state(process) != Some('T') {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Asks the service to end, and does not wait for it.
    pub(super) fn ask_to_end(&self) {
        self.stop.cancel();
    }

    /// Ends the service in order.
    pub(super) async fn end(self) {
        let processes: Vec<_> = ["admin", "chat-completions", "embeddings", "event", "models"]
            .iter()
            .flat_map(|function| self.runtime.environments(function))
            .collect();
        // Connections that the client keeps open are closed when they are idle.
        drop(self.client);
        self.stop.cancel();
        self.served.await.unwrap();
        for process in processes {
            let path = format!("/proc/{process}");
            assert!(!Path::new(&path).exists(), "an environment has outlived the service");
        }
        canary::assert_logs_are_clean();
    }
}

/// Invokes a function directly and reads its JSON.
pub(super) async fn invoke(runtime: &Arc<Runtime>, function: &str, event: Bytes) -> Value {
    match runtime.invoke(function, event).await.unwrap() {
        Outcome::Buffered(response) => serde_json::from_slice(&response).unwrap(),
        Outcome::Streamed { prelude, .. } => serde_json::from_slice(&prelude).unwrap(),
        Outcome::Failed(failure) => panic!("{function}: {failure:?}"),
    }
}

/// The state of a process: `T` is stopped, `Z` dead.
pub(super) fn state(process: i32) -> Option<char> {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, after_name) = status.rsplit_once(") ")?;
    after_name.chars().next()
}

/// Sends a signal to an environment.
pub(super) fn signal(process: i32, signal: Signal) {
    kill_process(Pid::from_raw(process).unwrap(), signal).unwrap();
}

/// Where Cargo leaves the functions' binaries: beside the folder of this test's own.
pub(super) fn bootstraps() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let folder = this.parent().and_then(Path::parent).unwrap();
    for function in policed::functions() {
        let binary = folder.join(function);
        assert!(binary.is_file(), "{} is missing: run cargo test --workspace", binary.display());
    }
    folder.to_owned()
}

pub(super) fn text(chunk: Option<Bytes>) -> String {
    String::from_utf8(chunk.expect("there is more").into()).unwrap()
}

/// The code of an error.
pub(super) async fn code(response: reqwest::Response) -> String {
    let body = response.bytes().await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    body["error"]["code"].as_str().unwrap_or_default().to_owned()
}

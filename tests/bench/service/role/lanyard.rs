//! Lanyard: two of its functions over ports in memory, or what `cargo run` starts.

use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use http::Request;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use lanyard_administration::ports::KeyStore;
use lanyard_domain::credential::AzureKey;
use lanyard_domain::credential::Credential;
use lanyard_domain::operation::Operation;
use lanyard_gateway::handler::{Audience, run_handler};
use lanyard_gateway::ports::{Clock, Listing};
use lanyard_gateway::testing::{MemoryEvents, MemoryLedger, a_deployment, an_event};
use lanyard_gateway::{ApiError, Gateway, Ports, Response};
use lanyard_local::request_log::{self, LogLines};
use lanyard_local::service::Service;
use lanyard_platform::azure::Azure;
use lanyard_platform::https;
use lanyard_platform::keys::FileKeys;
use lanyard_platform::shell::{self, Machine};
use lanyard_runtime::loopback;
use lanyard_runtime::template::Template;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::organiser::{CHAT_MODEL, CODE, EMBEDDING_MODEL};

/// The functions that the measurements call: an organiser makes the event.
const FUNCTIONS: [&str; 3] = ["admin", "chat-completions", "embeddings"];

/// Starts two functions over ports in memory.
pub(super) async fn memory(
    azure: &str,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> Result<Value> {
    request_log::start_log();
    let gateway = gateway(azure).await?;
    let response = move |request| invoke(Arc::clone(&gateway), request);
    Ok(json!({"address": loopback::start(response, tasks, stop).await?}))
}

async fn gateway(azure: &str) -> Result<Arc<Gateway>> {
    let events = Arc::new(MemoryEvents::default());
    let keys = Arc::new(FileKeys::in_memory());
    let mut deployments = vec![
        a_deployment(CHAT_MODEL, Operation::ChatCompletions),
        a_deployment(EMBEDDING_MODEL, Operation::Embeddings),
    ];
    let key = AzureKey::new("scripted").context("the key is none")?;
    for deployment in &mut deployments {
        azure.clone_into(&mut deployment.endpoint);
        if let Credential::Key(reference) = &deployment.credential {
            keys.write(reference, &key).await.map_err(|cause| anyhow::anyhow!(cause))?;
        }
    }
    let event = an_event(CODE, Machine.now());
    events.put(Listing { event, deployments, code_works_until: None, unreadable: Arc::default() });
    let http = https::client().map_err(|cause| anyhow::anyhow!(cause))?;
    let upstream = Azure::new(http, keys, None);
    Ok(Arc::new(Gateway::new(Ports {
        clock: Arc::new(Machine),
        random: Arc::new(Machine),
        events,
        ledger: Arc::new(MemoryLedger::default()),
        upstream: Arc::new(upstream),
        request_log: Arc::new(LogLines),
        ledger_timeout: Duration::from_secs(10),
    })))
}

async fn invoke(gateway: Arc<Gateway>, request: Request<Incoming>) -> Response {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|whole| whole.to_bytes()).unwrap_or_default();
    let Ok(id) = shell::request_id() else {
        return ApiError::Internal(None).into_response();
    };
    let is_chat = head.uri.path().ends_with("/chat/completions");
    let http = Request::from_parts(head, body);
    let request = lanyard_gateway::Request { id, now: Machine.now(), deadline: None, http };
    run_handler(Audience::Attendees, request, |request| async move {
        match is_chat {
            true => chat_completions::handle(gateway, request).await,
            false => embeddings::handle(gateway, request).await,
        }
    })
    .await
}

/// Where the local service finds its world.
pub(super) struct Place {
    /// Azure.
    pub(super) azure: String,
    /// The engine, if it is not the service's own.
    pub(super) engine: Option<String>,
    /// Where its own engine keeps its file, if not in memory.
    pub(super) data: Option<PathBuf>,
    /// Whether functions run by the clock.
    pub(super) is_scheduled: bool,
}

/// Starts the local service; with binaries, by them.
pub(super) async fn local(
    place: &Place,
    binaries: Option<(PathBuf, usize)>,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> Result<Value> {
    request_log::start_log();
    let words = ["lanyard-local", "--port", "0", "--azure-endpoint", &place.azure];
    let mut words = words.map(ToOwned::to_owned).to_vec();
    match &place.data {
        Some(data) => words.extend(["--data".to_owned(), data.display().to_string()]),
        None => words.push("--memory".to_owned()),
    }
    if let Some(engine) = &place.engine {
        words.extend(["--dynamodb-endpoint".to_owned(), engine.clone()]);
    }
    let mut template = Template::read()?;
    if !place.is_scheduled {
        template.schedules.clear();
    }
    let mut folder = None;
    if let Some((binaries, environments)) = binaries {
        template.functions.retain(|function| FUNCTIONS.contains(&function.name.as_str()));
        template.schedules.clear();
        let named = by_name(&binaries)?;
        words.extend(["--runtime", "--bootstraps"].map(ToOwned::to_owned));
        words.push(named.path().display().to_string());
        words.extend(["--environments".to_owned(), environments.to_string()]);
        folder = Some(named);
    }
    let mut options = lanyard_local::options::Options::try_parse_from(words)?;
    options.azure_key = Some("scripted".to_owned());
    let service = Service::start(options, template).await?;
    let token = match &place.data {
        Some(data) => {
            let kept = std::fs::read_to_string(data.join("organiser-token"))?;
            Some(kept.trim().to_owned())
        }
        None => service.welcome.token().map(ToOwned::to_owned),
    };
    let ready = json!({"address": service.address, "token": token});
    tasks.spawn(async move {
        let _folder = folder;
        if let Err(fault) = service.serve(stop).await {
            let _ = writeln!(std::io::stderr(), "the service ended: {fault:#}");
        }
    });
    Ok(ready)
}

/// The binaries under the names that the local service looks for.
fn by_name(binaries: &Path) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    for function in FUNCTIONS {
        let place = binaries.join(function);
        let binary = if place.is_dir() { place.join("bootstrap") } else { place };
        let binary = binary
            .canonicalize()
            .with_context(|| format!("{} is missing: `make build` makes it", binary.display()))?;
        symlink(binary, folder.path().join(function))?;
    }
    Ok(folder)
}

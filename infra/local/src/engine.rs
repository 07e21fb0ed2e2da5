//! The embedded DynamoDB engine, which only this process reaches.
//!
//! The engine checks no signature. With a port, every program on this machine and every web page
//! open in a browser on it could write events and organiser tokens. So the SDK calls the engine's
//! functions ([`Connector`]), and there is no port. Tests and measurements with several processes
//! [`serve`] it to those that know the secret of the run.

mod connector;

use std::path::Path;

use anyhow::{Context, Result};
use bytes::Bytes;
use dynoxide::Database;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use lanyard_platform::table::Table;
use lanyard_runtime::loopback;
use lanyard_runtime::run_secret::RunSecret;
use serde_yaml_ng::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use connector::Connector;

/// DynamoDB's limit for a request.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Opens the engine's file, or an engine in memory.
///
/// # Errors
///
/// If the file cannot be opened.
pub fn open(file: Option<&Path>) -> Result<Connector> {
    let database = match file {
        Some(file) => {
            let path = file.to_str().context("the data folder's path is not UTF-8")?;
            Database::new(path).map_err(|fault| anyhow::anyhow!("cannot open {path}: {fault}"))?
        }
        None => Database::memory().map_err(|fault| anyhow::anyhow!("{fault}"))?,
    };
    Ok(Connector::new(database, file.is_none()))
}

/// A client of the table that calls an engine in this process.
#[must_use]
pub fn within(engine: &Connector, table: &Table) -> Table {
    table.with(|config| config.http_client(engine.http_client()))
}

/// Serves an engine on a free loopback port, for callers that send the secret as their session
/// token and are not web pages; returns the address.
///
/// # Errors
///
/// If loopback has no free port.
pub async fn serve(
    engine: Connector,
    secret: RunSecret,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> Result<String> {
    let handler = move |request: Request<Incoming>| {
        let (engine, secret) = (engine.clone(), secret.clone());
        async move { respond(&engine, &secret, request).await.map(Full::from) }
    };
    loopback::start(handler, tasks, stop).await
}

async fn respond(
    engine: &Connector,
    secret: &RunSecret,
    request: Request<Incoming>,
) -> Response<String> {
    if !secret.admits(request.headers()) {
        let message = "The security token included in the request is invalid.";
        return connector::refused("UnrecognizedClientException", message);
    }
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
    let target = target.unwrap_or_default().to_owned();
    match Limited::new(request.into_body(), MOST_BYTES).collect().await {
        Ok(body) => engine.respond(target, body.to_bytes()).await,
        Err(fault) => connector::refused("SerializationException", &fault.to_string()),
    }
}

/// An in-process engine for functions that run as processes of their own.
#[must_use]
pub fn behind_runtime(engine: Connector) -> lanyard_runtime::aws::Engine {
    let response = move |target: String, body: Bytes| {
        let engine = engine.clone();
        let answered = async move { engine.respond(target, body).await };
        futures_util::FutureExt::boxed(answered)
    };
    lanyard_runtime::aws::Engine::InProcess(std::sync::Arc::new(response))
}

/// Creates the table as the template defines it, unless it is there.
///
/// # Errors
///
/// If the engine does not respond or rejects the definition.
pub async fn create_table(table: &Table, definition: &Value) -> Result<()> {
    use lanyard_platform::table::create;
    let attributes = pairs(&definition["AttributeDefinitions"], "AttributeType")?;
    let keys = pairs(&definition["KeySchema"], "KeyType")?;
    create(table, &attributes, &keys)
        .await
        .map_err(|cause| anyhow::anyhow!(cause))
        .context("the table cannot be created")
}

/// `[{AttributeName: pk, AttributeType: S}, …]` as pairs.
fn pairs(list: &Value, second: &str) -> Result<Vec<(String, String)>> {
    let list = list.as_sequence().context("the template's table has no keys")?;
    list.iter()
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().map(ToOwned::to_owned);
            text("AttributeName").zip(text(second)).context("the template's table has an odd key")
        })
        .collect()
}

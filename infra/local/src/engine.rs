//! The embedded DynamoDB engine: the real wire protocol, on loopback, with the template's table.

use std::path::Path;

use anyhow::{Context, Result};
use dynoxide::Database;
use lanyard_platform::table::Table;
use serde_yaml_ng::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Starts the engine with its file, or in memory, and returns its address.
///
/// # Errors
///
/// If the file cannot be opened, for example because another process has it.
pub async fn start(
    file: Option<&Path>,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> Result<String> {
    let database = match file {
        Some(file) => {
            let path = file.to_str().context("the data folder's path is not UTF-8")?;
            Database::new(path).map_err(|fault| anyhow::anyhow!("cannot open {path}: {fault}"))?
        }
        None => Database::memory().map_err(|fault| anyhow::anyhow!("{fault}"))?,
    };
    serve(database, tasks, stop).await
}

/// Serves a database that is open and returns its address.
///
/// # Errors
///
/// If loopback has no free port.
pub async fn serve(
    database: Database,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    tasks.spawn(async move {
        let served =
            dynoxide::server::serve_with_shutdown(listener, database, stop.cancelled_owned()).await;
        if let Err(fault) = served {
            tracing::error!(fault = %fault, "the embedded engine ended");
        }
    });
    Ok(address)
}

/// Creates the table as the template defines it, unless it is there.
///
/// # Errors
///
/// If the engine does not answer or refuses the definition.
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

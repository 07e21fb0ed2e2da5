//! The embedded engine, which fills its own table: without HTTP a million items take seconds.

use std::collections::HashMap;
use std::ops::Range;

use anyhow::{Context, Result};
use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::{AttributeValue, Database, ImportOptions};
use lanyard_local::engine;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::child::run_secret;

/// How many are written at once: enough that a transaction costs nothing, few enough to keep.
const BATCH: usize = 10_000;

/// Copies of an item, each under its own name.
#[derive(Serialize, Deserialize)]
pub(crate) struct Copies {
    /// The table.
    pub(crate) table: String,
    /// The item's key.
    pub(crate) pk: String,
    pub(crate) sk: String,
    /// The item's name, wherever it is in the item.
    pub(crate) name: String,
    /// What a copy has instead: `{number}` is its number, `{spread}` 32 digits that distribute
    /// copies like random ids.
    pub(crate) names: String,
    /// The copies' numbers.
    pub(crate) numbers: Range<u64>,
}

impl Copies {
    fn name(&self, number: u64) -> String {
        let spread = u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let named = self.names.replace("{number}", &number.to_string());
        named.replace("{spread}", &format!("{spread:032x}"))
    }
}

/// An engine in memory, until the process ends.
pub(super) struct Engine {
    /// Where it serves.
    pub(super) address: String,
    database: Database,
}

impl Engine {
    /// Starts it.
    pub(super) async fn start(tasks: &TaskTracker, stop: CancellationToken) -> Result<Self> {
        let engine = engine::open(None)?;
        let database = engine.database().clone();
        let address = engine::serve(engine, run_secret()?.clone(), tasks, stop).await?;
        Ok(Self { address, database })
    }

    /// Fills the table with copies and returns how many were written.
    pub(super) fn copy(&self, copies: &Copies) -> Result<usize> {
        let text = |value: &String| AttributeValue::S(value.clone());
        let request = GetItemRequest {
            table_name: copies.table.clone(),
            key: HashMap::from([
                ("pk".to_owned(), text(&copies.pk)),
                ("sk".to_owned(), text(&copies.sk)),
            ]),
            ..GetItemRequest::default()
        };
        let found = self.database.get_item(request)?;
        let item =
            found.item.with_context(|| format!("{} {} is not there", copies.pk, copies.sk))?;
        let like = serde_json::to_string(&item)?;
        let mut names = copies.numbers.clone().map(|number| copies.name(number)).peekable();
        let mut written = 0;
        while names.peek().is_some() {
            let items = names.by_ref().take(BATCH);
            let items = items.map(|name| serde_json::from_str(&like.replace(&copies.name, &name)));
            let items = items.collect::<Result<Vec<_>, _>>()?;
            let options = ImportOptions::default();
            written += self.database.import_items(&copies.table, items, options)?.items_imported;
        }
        Ok(written)
    }
}

//! Filling the table: copies of items that real requests have left, written in bulk behind the
//! service's back.

use std::collections::HashMap;
use std::ops::Range;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use lanyard_platform::table::{ATTENDEE_PREFIX, Item, Partition, Table, get_text, text};
use tokio::task::JoinSet;

use super::World;

/// As many as DynamoDB takes at once.
const BATCH: usize = 25;

/// How many write at once: the engine does one thing at a time, and the others prepare theirs.
const WRITERS: u64 = 4;

/// More attendees' accounts, like this one.
pub(super) async fn attendees(world: &World, like: &Item, numbers: Range<u64>) -> Result<()> {
    fill(&world.table, like, numbers, |item, number| {
        item.insert("sk".to_owned(), text(format!("{ATTENDEE_PREFIX}attendee-{number}")));
        Ok(())
    })
    .await
}

/// Some usage record of the table.
pub(super) async fn a_record(world: &World) -> Result<Item> {
    let (client, name) = (&world.table.client, &world.table.name);
    let mut pages = client.scan().table_name(name).into_paginator().items().send();
    while let Some(item) = pages.next().await {
        let item = item?;
        if get_text(&item, "pk").is_ok_and(|pk| pk.starts_with(Partition::Request.prefix())) {
            return Ok(item);
        }
    }
    anyhow::bail!("no request has left a record")
}

/// More usage records, like this one.
pub(super) async fn records(world: &World, like: &Item, numbers: Range<u64>) -> Result<()> {
    let prefix = Partition::Request.prefix();
    let known = get_text(like, "pk").map_err(|cause| anyhow::anyhow!(cause))?;
    let known = known.strip_prefix(prefix).context("is no record")?.to_owned();
    fill(&world.table, like, numbers, move |item, number| {
        // Spread over the keys as random ids are.
        let id = format!(
            "req_{:032x}",
            u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
        );
        let document = get_text(item, "document").map_err(|cause| anyhow::anyhow!(cause))?;
        let document = document.replace(&known, &id);
        item.insert("pk".to_owned(), text(format!("{prefix}{id}")));
        item.insert("document".to_owned(), text(document));
        Ok(())
    })
    .await
}

async fn fill(
    table: &Table,
    like: &Item,
    numbers: Range<u64>,
    change: impl Fn(&mut Item, u64) -> Result<()> + Clone + Send + 'static,
) -> Result<()> {
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (table, like, change) = (table.clone(), like.clone(), change.clone());
        let mine =
            numbers.clone().skip(usize::try_from(writer)?).step_by(usize::try_from(WRITERS)?);
        writers.spawn(async move {
            let mut batch = Vec::with_capacity(BATCH);
            for number in mine {
                let mut item = like.clone();
                change(&mut item, number)?;
                let put = PutRequest::builder().set_item(Some(item)).build()?;
                batch.push(WriteRequest::builder().put_request(put).build());
                if batch.len() == BATCH {
                    write(&table, std::mem::take(&mut batch)).await?;
                }
            }
            write(&table, batch).await
        });
    }
    while let Some(written) = writers.join_next().await {
        written??;
    }
    Ok(())
}

async fn write(table: &Table, batch: Vec<WriteRequest>) -> Result<()> {
    let mut left = HashMap::from([(table.name.clone(), batch)]);
    while left.values().any(|batch| !batch.is_empty()) {
        let written = table.client.batch_write_item().set_request_items(Some(left)).send().await?;
        left = written.unprocessed_items.unwrap_or_default();
    }
    Ok(())
}

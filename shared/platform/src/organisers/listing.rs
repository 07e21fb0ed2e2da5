//! Reads lists: a page with the newest first, and many events at once.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use lanyard_administration::ports::OrganiserFault;
use lanyard_domain::event::Event;
use lanyard_domain::ids::{EventId, OrganiserId};
use lanyard_gateway::ports::Cause;

use super::{Organisers, unavailable};
use crate::table::{
    EVENT_PREFIX, Item, Key, Table, get_document, get_text, organiser_pk, readable,
};

/// The most items of one `BatchGetItem`.
const BATCH: usize = 100;

/// The pauses before a retry of the keys that DynamoDB left unprocessed.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(20),
    Duration::from_millis(60),
    Duration::from_millis(180),
    Duration::from_millis(540),
];

impl Organisers {
    /// Up to `limit` of an organiser's events after `after`, the newest first. The second value is
    /// the last event of the page if there are more. An event that cannot be read is logged and
    /// left out.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub(super) async fn newest_events(
        &self,
        organiser: &OrganiserId,
        after: Option<&EventId>,
        limit: u16,
    ) -> Result<(Vec<Event>, Option<EventId>), OrganiserFault> {
        let start = after.map(|id| Key::organisers_event(organiser, id).attributes());
        let below = self.table.below(organiser_pk(organiser), EVENT_PREFIX);
        let (shown, has_more) = newest(below.projection_expression("sk"), start, limit).await?;
        let id = |item: &Item| {
            Ok(get_text(item, "sk")?.trim_start_matches(EVENT_PREFIX).parse::<EventId>()?)
        };
        let mut ids: Vec<_> = shown.iter().filter_map(|item| readable(item, id)).collect();
        let keys = ids.iter().map(Key::event).collect();
        let mut events: Vec<Event> = Vec::with_capacity(ids.len());
        let items = self.table.batch(keys).await.map_err(unavailable)?;
        events.extend(items.iter().filter_map(|item| readable(item, get_document)));
        events.sort_by(|a, b| b.id.cmp(&a.id));
        Ok((events, ids.pop().filter(|_| has_more)))
    }
}

/// A page of a query, the newest item first, and whether there are more.
pub(super) async fn newest(
    query: QueryFluentBuilder,
    start: Option<Item>,
    limit: u16,
) -> Result<(Vec<Item>, bool), OrganiserFault> {
    let page = query
        .consistent_read(true)
        .scan_index_forward(false)
        .limit(i32::from(limit).saturating_add(1))
        .set_exclusive_start_key(start)
        .send()
        .await
        .map_err(unavailable)?;
    let mut items = page.items.unwrap_or_default();
    let has_more = items.len() > usize::from(limit);
    items.truncate(limit.into());
    Ok((items, has_more))
}

/// Every item of a query, by consistent reads.
async fn pages_of(query: QueryFluentBuilder) -> Result<Vec<Item>, Cause> {
    let mut items = Vec::new();
    let mut start: Option<Item> = None;
    loop {
        let page = query.clone().consistent_read(true).set_exclusive_start_key(start);
        let page = page.send().await?;
        items.extend(page.items.unwrap_or_default());
        start = page.last_evaluated_key;
        if start.is_none() {
            return Ok(items);
        }
    }
}

impl Table {
    /// Every item of a partition whose sort key has a prefix, by a consistent read.
    pub(crate) async fn all(&self, partition: String, prefix: &str) -> Result<Vec<Item>, Cause> {
        pages_of(self.below(partition, prefix)).await
    }

    /// Every item of a partition, by a consistent read.
    pub(super) async fn all_of(&self, partition: String) -> Result<Vec<Item>, Cause> {
        pages_of(self.in_partition(partition)).await
    }

    /// Those of several items that exist, by a consistent read, in any order.
    pub(crate) async fn batch(&self, keys: Vec<Key>) -> Result<Vec<Item>, Cause> {
        let mut found = Vec::with_capacity(keys.len());
        let mut wanted: Vec<Item> = keys.into_iter().map(Key::attributes).collect();
        let mut pauses = PAUSES.into_iter();
        while !wanted.is_empty() {
            let rest = wanted.split_off(wanted.len().min(BATCH));
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(wanted))
                .consistent_read(true)
                .build()?;
            let request = HashMap::from([(self.name.clone(), keys)]);
            let call = self.client.batch_get_item().set_request_items(Some(request));
            let response = call.send().await?;
            found.extend(response.responses.unwrap_or_default().into_values().flatten());
            let left_out = response.unprocessed_keys.unwrap_or_default();
            wanted = left_out.into_values().flat_map(|keys| keys.keys).collect();
            if !wanted.is_empty() {
                let pause = pauses.next().ok_or("DynamoDB keeps leaving items out")?;
                tokio::time::sleep(pause).await;
            }
            wanted.extend(rest);
        }
        Ok(found)
    }
}

//! The usage of an attendee by model, from the records of their requests.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lanyard_administration::ports::{AttendeeModelStore, OrganiserFault};
use lanyard_administration::records::ModelUsage;
use lanyard_domain::ids::{DeploymentName, EventId};
use lanyard_domain::token::UserId;
use lanyard_domain::usage::UsageRecord;

use super::{Organisers, away};
use crate::table::{Item, get_document, readable, records_pk};

/// The most pages that are read. A page has a megabyte, which is about a thousand records.
const PAGES: usize = 10;

#[async_trait]
impl AttendeeModelStore for Organisers {
    async fn attendee_models(
        &self,
        event: &EventId,
        user: &UserId,
        since: DateTime<Utc>,
    ) -> Result<Vec<ModelUsage>, OrganiserFault> {
        let mut sums: BTreeMap<Option<DeploymentName>, ModelUsage> = BTreeMap::new();
        let mut start: Option<Item> = None;
        for _ in 0..PAGES {
            let page = self
                .table
                .in_partition(records_pk(event, user))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(away)?;
            let records = page.items().iter();
            let records = records.filter_map(|item| readable(item, get_document::<UsageRecord>));
            // What was used before the attendee's seat was deleted by a reset of the event.
            for record in records.filter(|record| record.admitted_at >= since) {
                let empty = || ModelUsage { model: record.model.clone(), ..ModelUsage::default() };
                let sum = sums.entry(record.model.clone()).or_insert_with(empty);
                sum.requests += 1;
                sum.charge = sum.charge.plus(record.charge);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(sums.into_values().collect())
    }
}

//! The usage records of an attendee.

use async_trait::async_trait;
use lanyard_administration::ports::{OrganiserFault, RecordStore};
use lanyard_domain::ids::{EventId, RequestId};
use lanyard_domain::token::UserId;
use lanyard_domain::usage::UsageRecord;

use super::{Organisers, unavailable, unreadable};
use crate::table::{Key, get_document, get_text, readable, records_pk};

#[async_trait]
impl RecordStore for Organisers {
    async fn records(
        &self,
        event: &EventId,
        user: &UserId,
        after: Option<&RequestId>,
    ) -> Result<(Vec<UsageRecord>, Option<RequestId>), OrganiserFault> {
        let start = after.map(|request| Key::request(event, user, request).attributes());
        let query = self.table.in_partition(records_pk(event, user));
        let page = query.set_exclusive_start_key(start).send().await.map_err(unavailable)?;
        let records = page.items().iter().filter_map(|item| readable(item, get_document)).collect();
        let last = page.last_evaluated_key();
        let next = last.map(|key| get_text(key, "sk").and_then(|sk| Ok(sk.parse()?))).transpose();
        Ok((records, next.map_err(unreadable)?))
    }
}

//! The audit logs of events and organisers.

use async_trait::async_trait;
use lanyard_administration::audit::{AuditEntry, AuditLog};
use lanyard_administration::place::Place;
use lanyard_administration::ports::{AuditStore, OrganiserFault};

use super::listing::newest;
use super::{Organisers, unavailable, unreadable};
use crate::table::{
    AUDIT_PREFIX, Item, Key, event_pk, get_document, get_text, organiser_pk, put_document,
    readable, text,
};

/// The item of an audit entry.
pub(super) fn item(log: AuditLog<'_>, entry: &AuditEntry) -> Result<Item, OrganiserFault> {
    let mut item = Key::audit(partition(log), entry.at, &entry.request_id).attributes();
    put_document(&mut item, entry).map_err(unreadable)?;
    Ok(item)
}

/// The partition of a log.
fn partition(log: AuditLog<'_>) -> String {
    match log {
        AuditLog::Event(event) => event_pk(event),
        AuditLog::Organiser(organiser) => organiser_pk(organiser),
    }
}

#[async_trait]
impl AuditStore for Organisers {
    async fn write_audit(
        &self,
        log: AuditLog<'_>,
        entry: &AuditEntry,
    ) -> Result<(), OrganiserFault> {
        let put = self.table.client.put_item().table_name(&self.table.name);
        put.set_item(Some(item(log, entry)?)).send().await.map_err(unavailable)?;
        Ok(())
    }

    async fn audit(
        &self,
        log: AuditLog<'_>,
        after: Option<&Place>,
        limit: u16,
    ) -> Result<(Vec<AuditEntry>, Option<Place>), OrganiserFault> {
        let start = after.map(|position| {
            let sort_key = format!("{AUDIT_PREFIX}{position}");
            Item::from([("pk".to_owned(), text(partition(log))), ("sk".to_owned(), text(sort_key))])
        });
        let below = self.table.below(partition(log), AUDIT_PREFIX);
        let (shown, has_more) = newest(below, start, limit).await?;
        let entries = shown.iter().filter_map(|item| readable(item, get_document)).collect();
        let next = match (shown.last(), has_more) {
            (Some(last), true) => {
                let sort_key = get_text(last, "sk").map_err(unreadable)?;
                let position = sort_key.trim_start_matches(AUDIT_PREFIX);
                Some(position.parse().map_err(unreadable)?)
            }
            (Some(_) | None, _) => None,
        };
        Ok((entries, next))
    }
}

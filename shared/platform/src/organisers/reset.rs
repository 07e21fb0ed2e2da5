//! Deletes what an event used.

use futures_util::{StreamExt, TryStreamExt, stream};
use lanyard_administration::audit::{AuditEntry, AuditLog};
use lanyard_administration::ports::{AuditStore, OrganiserFault};
use lanyard_domain::account::{Account, AccountKey, Write};
use lanyard_domain::event::Event;
use lanyard_domain::reset::{Reset, is_idle, reset};
use lanyard_gateway::ports::{Ledger, Outcome};

use super::{Organisers, unavailable};
use crate::ledger::expressions::Expressions;
use crate::ledger::item;
use crate::table::{
    ATTENDEE_PREFIX, HOUR_PREFIX, Item, Key, SESSION_PREFIX, event_pk, rating_pk, shard_pk, user_of,
};

/// How many items are deleted together.
const AT_ONCE: usize = 16;

impl Organisers {
    /// Attendees come first and the event's own account last. So after a failure the event has
    /// counted too much and never too little, and the sweep corrects it.
    pub(super) async fn reset(
        &self,
        event: &Event,
        entry: &AuditEntry,
    ) -> Result<u64, OrganiserFault> {
        if self.table.get(Key::mark(&event.id), true).await.map_err(unavailable)?.is_some() {
            return Err(OrganiserFault::HasObjects);
        }
        let accounts = self.table.accounts(&event.account_keys()).await.map_err(unavailable)?;
        let is_busy = |account: &Account| account.apply(&idle()).is_none();
        if accounts.iter().any(is_busy) {
            return Err(OrganiserFault::InProgress);
        }
        let attendees =
            self.table.all(event_pk(&event.id), ATTENDEE_PREFIX).await.map_err(unavailable)?;
        let used = self.reset_attendees(event, &attendees).await?;
        let mut rest =
            self.table.all(event_pk(&event.id), SESSION_PREFIX).await.map_err(unavailable)?;
        rest.extend(self.table.all_of(rating_pk(&event.id)).await.map_err(unavailable)?);
        for shard in 0..event.shards.max(1) {
            let hours = self.table.all(shard_pk(&event.id, shard), HOUR_PREFIX).await;
            rest.extend(hours.map_err(unavailable)?);
        }
        let delete = |item: Item| self.delete(item, false);
        stream::iter(rest).map(delete).buffer_unordered(AT_ONCE).try_collect::<Vec<_>>().await?;
        for account in event.account_keys() {
            self.delete(Key::account(&account).attributes(), true).await?;
        }
        self.write_audit(AuditLog::Event(&event.id), entry).await?;
        Ok(used)
    }

    /// Resets the accounts of attendees, and returns how many had a seat.
    async fn reset_attendees(&self, event: &Event, items: &[Item]) -> Result<u64, OrganiserFault> {
        let one = |item: Item| async move {
            let account = item::account(&item).map_err(super::unreadable)?;
            let Some(user) = user_of(&item) else { return Ok(0) };
            match reset(&account) {
                Reset::Delete => self.delete(item, true).await?,
                Reset::Keep(write) if write.changes.is_empty() => {}
                Reset::Keep(write) => {
                    let key = AccountKey::Attendee(event.id.clone(), user);
                    match self.table.apply(&key, &write).await.map_err(unavailable)? {
                        Outcome::Made(_) => {}
                        Outcome::Kept(_) => return Err(OrganiserFault::InProgress),
                    }
                }
            }
            let has_seat = account.numbers.contains_key(&lanyard_domain::account::Field::SeatedAt);
            Ok(u64::from(has_seat))
        };
        let items = items.to_vec();
        let used = stream::iter(items).map(one).buffer_unordered(AT_ONCE);
        used.try_fold(0, |sum, one| async move { Ok(sum + one) }).await
    }

    /// Deletes an item; an account only if no request is in flight.
    async fn delete(&self, mut item: Item, is_account: bool) -> Result<(), OrganiserFault> {
        item.retain(|attribute, _| matches!(attribute.as_str(), "pk" | "sk"));
        let mut delete = self.table.client.delete_item().table_name(&self.table.name);
        if is_account {
            let words = Expressions::of(&idle());
            delete = delete
                .set_condition_expression(words.condition)
                .set_expression_attribute_names(Some(words.names))
                .set_expression_attribute_values(words.values);
        }
        match delete.set_key(Some(item)).send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(fault) if fault.is_conditional_check_failed_exception() => {
                    Err(OrganiserFault::InProgress)
                }
                Some(_) | None => Err(unavailable(error)),
            },
        }
    }
}

fn idle() -> Write {
    Write { conditions: vec![is_idle()], changes: Vec::new() }
}

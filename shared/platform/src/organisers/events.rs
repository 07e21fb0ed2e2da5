//! An organiser's events. Each change is one transaction.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use lanyard_administration::audit::{AuditEntry, AuditLog};
use lanyard_administration::ports::{EventSettingsStore, OrganiserFault};
use lanyard_domain::account::{Condition, Field, Write};
use lanyard_domain::event::Event;
use lanyard_domain::ids::{EventId, OrganiserId};
use lanyard_domain::token::EventCode;

use super::transaction::{Guard, Transaction};
use super::{Organisers, audit, unavailable, unreadable};
use crate::event_store::CodeItem;
use crate::ledger::expressions::Expressions;
use crate::table::{ATTENDEE_PREFIX, Item, Key, event_pk, number, put_document, text};

/// How long an event is swept after its end. It is longer than the lifetime of any reservation and
/// than any outage of ours.
const SWEPT_AFTER_END: TimeDelta = TimeDelta::days(1);

/// The attribute in the organiser's index that lists every code the event has had.
const CODES: &str = "codes";

#[async_trait]
impl EventSettingsStore for Organisers {
    async fn create_event(&self, event: &Event, entry: &AuditEntry) -> Result<(), OrganiserFault> {
        let is_new = Guard::new("attribute_not_exists(pk)", [], || OrganiserFault::VersionConflict);
        Transaction::on(&self.table)
            .put(code_item(event, &event.code, None), is_free(event, entry.at))?
            .put(event_item(event)?, is_new)?
            .put(index_item(event, vec![event.code.as_str().to_owned()]), None)?
            .put(sweep_item(event), None)?
            .put(audit::item(AuditLog::Event(&event.id), entry)?, None)?
            .commit()
            .await
    }

    async fn event(
        &self,
        organiser: &OrganiserId,
        id: &EventId,
    ) -> Result<Option<Event>, OrganiserFault> {
        let event = self.table.event(id, true).await?;
        Ok(event.filter(|event| event.organiser == *organiser))
    }

    async fn events(
        &self,
        organiser: &OrganiserId,
        after: Option<&EventId>,
        limit: u16,
    ) -> Result<(Vec<Event>, Option<EventId>), OrganiserFault> {
        self.newest_events(organiser, after, limit).await
    }

    async fn update_event(
        &self,
        before: &Event,
        after: Event,
        entry: &AuditEntry,
    ) -> Result<Event, OrganiserFault> {
        let after = Event { version: before.version.saturating_add(1), ..after };
        let mut transaction = Transaction::on(&self.table)
            .put(event_item(&after)?, is_unchanged(before))?
            .put(audit::item(AuditLog::Event(&after.id), entry)?, None)?;
        if after.window != before.window {
            transaction = transaction.put(sweep_item(&after), None)?;
        }
        transaction.commit().await?;
        Ok(after)
    }

    async fn rotate_code(
        &self,
        before: &Event,
        code: EventCode,
        works_until: DateTime<Utc>,
        entry: &AuditEntry,
    ) -> Result<Event, OrganiserFault> {
        let version = before.version.saturating_add(1);
        let after = Event { code, version, ..before.clone() };
        let mut codes = self.codes(before).await?;
        codes.push(after.code.as_str().to_owned());
        codes.sort();
        codes.dedup();
        Transaction::on(&self.table)
            .put(code_item(&after, &after.code, None), is_free(&after, entry.at))?
            .put(event_item(&after)?, is_unchanged(before))?
            .put(code_item(before, &before.code, Some(works_until.timestamp())), None)?
            .put(index_item(&after, codes), None)?
            .put(audit::item(AuditLog::Event(&after.id), entry)?, None)?
            .commit()
            .await?;
        Ok(after)
    }

    async fn delete_event(&self, event: &Event, entry: &AuditEntry) -> Result<(), OrganiserFault> {
        let codes = self.codes(event).await?;
        let mut transaction = Transaction::on(&self.table);
        for account in event.account_keys() {
            transaction = transaction.delete(Key::account(&account), is_unused())?;
        }
        transaction
            .delete(Key::event(&event.id), is_unchanged(event))?
            .delete(Key::organisers_event(&event.organiser, &event.id), None)?
            .delete(Key::sweep(&event.id), None)?
            .delete(Key::code(&event.code), None)?
            .put(audit::item(AuditLog::Event(&event.id), entry)?, None)?
            .commit()
            .await?;
        // The items that are left are useless without the event, and replaced codes expire by
        // themselves.
        if let Err(fault) = self.forget(event, &codes).await {
            tracing::warn!(event = %event.id, fault = ?fault, "remains of a deleted event stay");
        }
        Ok(())
    }

    async fn reset_event(&self, event: &Event, entry: &AuditEntry) -> Result<u64, OrganiserFault> {
        self.reset(event, entry).await
    }
}

impl Organisers {
    async fn forget(&self, event: &Event, codes: &[String]) -> Result<(), OrganiserFault> {
        for code in codes.iter().filter_map(|code| code.parse().ok()) {
            self.forget_code(event, &code).await?;
        }
        self.forget_attendees(&event.id).await
    }

    /// Every code that an event has had.
    async fn codes(&self, event: &Event) -> Result<Vec<String>, OrganiserFault> {
        let key = Key::organisers_event(&event.organiser, &event.id);
        let item = self.table.get(key, true).await.map_err(unavailable)?.unwrap_or_default();
        let codes = item.get(CODES).and_then(|codes| codes.as_ss().ok()).cloned();
        Ok(codes.unwrap_or_else(|| vec![event.code.as_str().to_owned()]))
    }

    /// Deletes a code, unless another event has taken it in the meantime.
    async fn forget_code(&self, event: &Event, code: &EventCode) -> Result<(), OrganiserFault> {
        let delete = self
            .table
            .client
            .delete_item()
            .table_name(&self.table.name)
            .set_key(Some(Key::code(code).attributes()))
            .condition_expression("attribute_not_exists(pk) OR #event = :event")
            .expression_attribute_names("#event", "event")
            .expression_attribute_values(":event", text(event.id.as_str()));
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(fault) if fault.is_conditional_check_failed_exception() => Ok(()),
                Some(_) | None => Err(unavailable(error)),
            },
        }
    }

    /// Deletes the accounts of attendees who were blocked before they joined.
    async fn forget_attendees(&self, event: &EventId) -> Result<(), OrganiserFault> {
        let accounts =
            self.table.all(event_pk(event), ATTENDEE_PREFIX).await.map_err(unavailable)?;
        for mut account in accounts {
            account.retain(|attribute, _| matches!(attribute.as_str(), "pk" | "sk"));
            let delete = self.table.client.delete_item().table_name(&self.table.name);
            delete.set_key(Some(account)).send().await.map_err(unavailable)?;
        }
        Ok(())
    }
}

/// Requires that a code is free: unused, expired, or an earlier code of the same event.
fn is_free(event: &Event, now: DateTime<Utc>) -> Guard {
    let values = [(":now", number(now.timestamp())), (":event", text(event.id.as_str()))];
    let condition = "attribute_not_exists(pk) OR works_until <= :now OR #event = :event";
    let mut guard = Guard::new(condition, values, || OrganiserFault::CodeTaken);
    guard.names.insert("#event".to_owned(), "event".to_owned());
    guard
}

/// Requires that an event is unchanged since it was read.
fn is_unchanged(before: &Event) -> Guard {
    let mut guard = Guard::new("#version = :version", [(":version", version(before))], || {
        OrganiserFault::VersionConflict
    });
    guard.names.insert("#version".to_owned(), "version".to_owned());
    guard
}

/// Requires that an event is unused: no request was charged or is in flight, and no seat is taken.
fn is_unused() -> Guard {
    let none = |field| Condition::AtMost(field, 0);
    let conditions = [Field::Requests, Field::Open, Field::Seats].map(none).to_vec();
    let words = Expressions::of(&Write { conditions, changes: Vec::new() });
    Guard {
        condition: words.condition.unwrap_or_default(),
        names: words.names,
        values: words.values.unwrap_or_default(),
        otherwise: || OrganiserFault::InUse,
    }
}

fn version(event: &Event) -> AttributeValue {
    AttributeValue::N(event.version.to_string())
}

fn event_item(event: &Event) -> Result<Item, OrganiserFault> {
    let mut item = Key::event(&event.id).attributes();
    put_document(&mut item, event).map_err(unreadable)?;
    item.insert("version".to_owned(), version(event));
    Ok(item)
}

fn code_item(event: &Event, code: &EventCode, works_until: Option<i64>) -> Item {
    CodeItem { event: event.id.clone(), organiser: event.organiser.clone(), works_until }
        .write(code)
}

fn index_item(event: &Event, codes: Vec<String>) -> Item {
    let mut item = Key::organisers_event(&event.organiser, &event.id).attributes();
    item.insert(CODES.to_owned(), AttributeValue::Ss(codes));
    item
}

fn sweep_item(event: &Event) -> Item {
    let mut item = Key::sweep(&event.id).attributes();
    let expires_at = event.window.ends_at() + SWEPT_AFTER_END;
    item.insert("starts_at".to_owned(), number(event.window.starts_at().timestamp()));
    item.insert("expires_at".to_owned(), number(expires_at.timestamp()));
    item
}

//! The owners of stored objects, in DynamoDB: one item for each object, with its owner first in the
//! key. Finding an object is one read, and listing an attendee's objects is one query. Neither can
//! stop half way.

use async_trait::async_trait;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use lanyard_domain::event::Event;
use lanyard_domain::ids::EventId;
use lanyard_domain::object::{Kind, ObjectId, Owned, Owner};
use lanyard_gateway::admit::JOB_LIFE;
use lanyard_gateway::ports::{Cause, Found, StoreFault};
use lanyard_objects::store::{ObjectPage, ObjectPlace, ObjectStore, Size};

use crate::table::{
    EVENT_PREFIX, Item, Key, Partition, Table, get_document, get_number, get_text, number,
    objects_pk, objects_prefix, place, put_document, readable, text,
};

/// The attribute of an object's size. It changes while the document stays the same.
const TOKENS: &str = "tokens";

/// The attribute of a mark that lists where the event may have objects. A mark of an earlier
/// release lacks it.
const ENDPOINTS: &str = "endpoints";

fn owned(item: &Item) -> Result<Owned, Cause> {
    let mut owned: Owned = get_document(item)?;
    if let Some(tokens) = get_number(item, TOKENS)? {
        owned.tokens = u64::try_from(tokens).unwrap_or_default();
    }
    Ok(owned)
}

/// How long an open job is remembered after its reservation has expired.
const REMEMBERED: chrono::TimeDelta = chrono::TimeDelta::days(1);

/// A count as a number that DynamoDB can add to without overflow.
fn size(tokens: u64) -> AttributeValue {
    number(i64::try_from(tokens).unwrap_or(i64::MAX / 1_024).min(i64::MAX / 1_024))
}

#[async_trait]
impl ObjectStore for Table {
    async fn put(&self, object: &Owned) -> Result<(), Cause> {
        let mut item = Key::object(&object.owner(), object.kind, &object.id).attributes();
        put_document(&mut item, object)?;
        item.insert(TOKENS.to_owned(), size(object.tokens));
        item.insert("expires_at".to_owned(), number(object.expires_at().timestamp()));
        self.client.put_item().table_name(&self.name).set_item(Some(item)).send().await?;
        Ok(())
    }

    async fn find(&self, owner: &Owner, kind: Kind, id: &ObjectId) -> Result<Option<Owned>, Cause> {
        let item = self.get(Key::object(owner, kind, id), true).await?;
        item.as_ref().map(owned).transpose()
    }

    async fn list(&self, owner: &Owner, kind: Kind) -> Result<Vec<Owned>, Cause> {
        let mut found = Vec::new();
        let mut start: Option<Item> = None;
        loop {
            let page = self
                .below(objects_pk(&owner.event), &objects_prefix(&owner.user, kind))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await?;
            found.extend(page.items().iter().filter_map(|item| readable(item, owned)));
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        found.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(found)
    }

    async fn resize(&self, object: &Owned, to: Size) -> Result<(), Cause> {
        let (expression, tokens) = match to {
            Size::Is(tokens) => ("SET tokens = :tokens", tokens),
            Size::Grows(tokens) => ("ADD tokens :tokens", tokens),
        };
        let resized = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(Key::object(&object.owner(), object.kind, &object.id).attributes()))
            .update_expression(expression)
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":tokens", size(tokens))
            .send()
            .await;
        was_made(resized).map(drop)
    }

    async fn forget(&self, object: &Owned) -> Result<(), Cause> {
        let key = Key::object(&object.owner(), object.kind, &object.id);
        self.remove(key).await
    }

    async fn mark(&self, event: &EventId, at: &str, until: DateTime<Utc>) -> Result<(), Cause> {
        let marked = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(Key::mark(event).attributes()))
            .update_expression(format!("SET expires_at = :until ADD {ENDPOINTS} :endpoint"))
            // A mark of an earlier release is one of every endpoint, and stays so.
            .condition_expression(format!(
                "attribute_not_exists(pk) OR attribute_exists({ENDPOINTS})"
            ))
            .expression_attribute_values(":until", number(until.timestamp()))
            .expression_attribute_values(":endpoint", AttributeValue::Ss(vec![at.to_owned()]))
            .send()
            .await;
        if was_made(marked)? {
            return Ok(());
        }
        let kept = self.client.update_item().table_name(&self.name);
        kept.set_key(Some(Key::mark(event).attributes()))
            .update_expression("SET expires_at = :until")
            .expression_attribute_values(":until", number(until.timestamp()))
            .send()
            .await?;
        Ok(())
    }

    async fn marked(&self) -> Result<Found<Event>, Cause> {
        self.marked_events(|_| true).await
    }

    async fn unmark(&self, event: &EventId) -> Result<(), Cause> {
        self.remove(Key::mark(event)).await
    }

    async fn open_job(&self, job: &Owned) -> Result<(), Cause> {
        let mut item = Key::job(job).attributes();
        put_document(&mut item, job)?;
        let until = job.created_at + JOB_LIFE + REMEMBERED;
        item.insert("expires_at".to_owned(), number(until.timestamp()));
        self.client.put_item().table_name(&self.name).set_item(Some(item)).send().await?;
        Ok(())
    }

    async fn open_jobs(&self) -> Result<Found<Owned>, Cause> {
        let mut jobs = Found::default();
        for item in self.all(Partition::Jobs.of(""), EVENT_PREFIX).await? {
            jobs.add(place(&item), get_document(&item));
        }
        Ok(jobs)
    }

    async fn close_job(&self, job: &Owned) -> Result<(), Cause> {
        self.remove(Key::job(job)).await
    }

    async fn of_event(
        &self,
        event: &EventId,
        after: Option<&ObjectPlace>,
        limit: u16,
    ) -> Result<ObjectPage, Cause> {
        let start = after.map(|ObjectPlace(sort_key)| {
            Item::from([
                ("pk".to_owned(), text(objects_pk(event))),
                ("sk".to_owned(), text(sort_key.as_str())),
            ])
        });
        let page = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(objects_pk(event)))
            .consistent_read(true)
            .limit(i32::from(limit))
            .set_exclusive_start_key(start)
            .send()
            .await?;
        let mut found = Found::default();
        for item in page.items() {
            found.add(place(item), owned(item));
        }
        let next = page.last_evaluated_key.as_ref().map(|last| get_text(last, "sk")).transpose()?;
        Ok(ObjectPage { found, next: next.map(|sort_key| ObjectPlace(sort_key.to_owned())) })
    }
}

/// Whether a write was made. It was not if its condition failed.
fn was_made(written: Result<UpdateItemOutput, SdkError<UpdateItemError>>) -> Result<bool, Cause> {
    match written {
        Ok(_) => Ok(true),
        Err(error) => match error.as_service_error() {
            Some(refused) if refused.is_conditional_check_failed_exception() => Ok(false),
            Some(_) | None => Err(error.into()),
        },
    }
}

impl Table {
    /// The events that may have objects at an endpoint.
    pub(crate) async fn events_with_objects_at(
        &self,
        endpoint: &str,
    ) -> Result<Found<Event>, Cause> {
        self.marked_events(|mark| match mark.get(ENDPOINTS).map(AttributeValue::as_ss) {
            Some(Ok(endpoints)) => endpoints.iter().any(|marked| marked == endpoint),
            Some(Err(_)) | None => true,
        })
        .await
    }

    /// The events of some of the marks.
    async fn marked_events(&self, is_meant: impl Fn(&Item) -> bool) -> Result<Found<Event>, Cause> {
        let mut events = Found::default();
        let marks = self.all(Partition::Marks.of(""), EVENT_PREFIX).await?;
        for mark in marks.iter().filter(|mark| is_meant(mark)) {
            let id = get_text(mark, "sk").map(|sk| sk.trim_start_matches(EVENT_PREFIX));
            let event = match id.and_then(|id| Ok(id.parse::<EventId>()?)) {
                Ok(id) => self.event(&id, true).await,
                Err(cause) => Err(StoreFault::Unreadable(cause)),
            };
            match event {
                Ok(event) => events.items.extend(event),
                Err(StoreFault::Unreadable(cause)) => events.add(place(mark), Err(cause)),
                Err(StoreFault::Unavailable(cause)) => return Err(cause),
            }
        }
        Ok(events)
    }

    /// Deletes an item if it exists.
    async fn remove(&self, key: Key) -> Result<(), Cause> {
        let delete = self.client.delete_item().table_name(&self.name);
        delete.set_key(Some(key.attributes())).send().await?;
        Ok(())
    }
}

//! Looks up an event by its code in two round trips. The second one is two concurrent reads.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use lanyard_domain::catalog::Deployment;
use lanyard_domain::event::Event;
use lanyard_domain::ids::{EventId, OrganiserId};
use lanyard_domain::token::{EventCode, UserId};
use lanyard_gateway::ports::{Cause, EventStore, Found, Listing, StoreFault};

use crate::table::{
    DEPLOYMENT_PREFIX, Item, Key, Table, get_document, get_number, get_text, organiser_pk, own_pk,
    place, text,
};

fn unavailable(fault: impl Into<Cause>) -> StoreFault {
    StoreFault::Unavailable(fault.into())
}

impl Table {
    /// An item. A read that is not consistent may return a slightly older version.
    pub(crate) async fn get(&self, key: Key, is_consistent: bool) -> Result<Option<Item>, Cause> {
        let response = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key.attributes()))
            .consistent_read(is_consistent)
            .send()
            .await?;
        Ok(response.item)
    }

    /// Every deployment of an organiser or of an attendee.
    async fn deployments(&self, partition: String) -> Result<Found<Deployment>, StoreFault> {
        let mut deployments = Found::default();
        let mut start: Option<Item> = None;
        loop {
            let page = self
                .below(partition.clone(), DEPLOYMENT_PREFIX)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unavailable)?;
            for item in page.items() {
                deployments.add(place(item), get_document(item));
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(deployments);
            }
        }
    }

    /// An event's settings.
    ///
    /// # Errors
    ///
    /// If the table cannot be read or the item is malformed.
    pub async fn event(
        &self,
        id: &EventId,
        is_consistent: bool,
    ) -> Result<Option<Event>, StoreFault> {
        let item = self.get(Key::event(id), is_consistent).await.map_err(unavailable)?;
        item.as_ref().map(get_document).transpose().map_err(StoreFault::Unreadable)
    }
}

#[async_trait]
impl EventStore for Table {
    async fn find(&self, code: &EventCode) -> Result<Option<Listing>, StoreFault> {
        let Some(item) = self.get(Key::code(code), false).await.map_err(unavailable)? else {
            return Ok(None);
        };
        let found = CodeItem::read(&item).map_err(StoreFault::Unreadable)?;
        let code_works_until = found.works_until.and_then(|at| DateTime::from_timestamp(at, 0));
        let (event, deployments) = tokio::join!(
            self.event(&found.event, false),
            self.deployments(organiser_pk(&found.organiser))
        );
        let Some(event) = event? else { return Ok(None) };
        Ok(Some(listing(event, deployments?, code_works_until)))
    }

    async fn find_by_id(&self, id: &EventId) -> Result<Option<Listing>, StoreFault> {
        let Some(event) = self.event(id, false).await? else { return Ok(None) };
        let deployments = self.deployments(organiser_pk(&event.organiser)).await?;
        Ok(Some(listing(event, deployments, None)))
    }

    async fn own_deployments(
        &self,
        event: &EventId,
        user: &UserId,
    ) -> Result<Found<Deployment>, StoreFault> {
        self.deployments(own_pk(event, user)).await
    }
}

fn listing(
    event: Event,
    found: Found<Deployment>,
    code_works_until: Option<DateTime<Utc>>,
) -> Listing {
    let Found { items, unreadable } = found;
    Listing { event, deployments: items, unreadable: unreadable.into(), code_works_until }
}

/// The item of an event code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeItem {
    /// The event.
    pub event: EventId,
    /// The organiser who owns it.
    pub organiser: OrganiserId,
    /// When a replaced code stops working, in Unix seconds. `None` for the current code.
    pub works_until: Option<i64>,
}

impl CodeItem {
    /// # Errors
    ///
    /// If the item is malformed.
    pub fn read(item: &Item) -> Result<Self, Cause> {
        Ok(Self {
            event: get_text(item, "event")?.parse()?,
            organiser: get_text(item, "organiser")?.parse()?,
            works_until: get_number(item, "works_until")?,
        })
    }

    /// The item's attributes, its key included.
    #[must_use]
    pub fn write(&self, code: &EventCode) -> Item {
        let mut item = Key::code(code).attributes();
        let mut put = |name: &str, value: AttributeValue| item.insert(name.to_owned(), value);
        put("event", text(self.event.as_str()));
        put("organiser", text(self.organiser.as_str()));
        if let Some(at) = self.works_until {
            put("works_until", crate::table::number(at));
            put("expires_at", crate::table::number(at));
        }
        item
    }
}

//! Where owners of objects are recorded.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lanyard_domain::event::Event;
use lanyard_domain::ids::EventId;
use lanyard_domain::object::{Kind, ObjectId, Owned, Owner};
use lanyard_gateway::ports::{Cause, Found};

/// How the size of an object changes. The size is the prompt tokens that naming it adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// It is this many tokens.
    Is(u64),
    /// It grows by this many tokens.
    Grows(u64),
}

/// A page of an event's objects.
#[derive(Debug, Default)]
pub struct ObjectPage {
    /// The objects.
    pub found: Found<Owned>,
    /// Where the next page begins, if there is one.
    pub next: Option<ObjectPlace>,
}

/// The end of a page of an event's objects, in the store's own format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectPlace(pub String);

/// Where owners of objects are recorded.
///
/// An object is found by its owner and its id together, so an object of another attendee is not
/// found. Every write may be repeated. [`Size::Grows`] then makes estimates too large, which is
/// safe.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// Records an object and its owner, as one item: completely or not at all.
    async fn put(&self, object: &Owned) -> Result<(), Cause>;

    /// Replaces the record of an object.
    async fn replace(&self, object: &Owned) -> Result<(), Cause> {
        self.put(object).await
    }

    /// An object, if it is this owner's.
    async fn find(&self, owner: &Owner, kind: Kind, id: &ObjectId) -> Result<Option<Owned>, Cause>;

    /// Every object of a kind that an owner has, the oldest first. One that cannot be read is logged
    /// and left out.
    async fn list(&self, owner: &Owner, kind: Kind) -> Result<Vec<Owned>, Cause>;

    /// Corrects the size of an object that is still there.
    async fn resize(&self, object: &Owned, size: Size) -> Result<(), Cause>;

    /// Forgets an object.
    async fn forget(&self, object: &Owned) -> Result<(), Cause>;

    /// Marks until then that an event may have objects at an endpoint, before the first is recorded.
    async fn mark(&self, event: &EventId, at: &str, until: DateTime<Utc>) -> Result<(), Cause>;

    /// Every event that may have objects.
    async fn marked(&self) -> Result<Found<Event>, Cause>;

    /// Removes the mark that an event may have objects.
    async fn unmark(&self, event: &EventId) -> Result<(), Cause>;

    /// Notes that Azure works on an object whose cost is not known yet.
    async fn open_job(&self, job: &Owned) -> Result<(), Cause>;

    /// Every object that Azure may still work on, at any event.
    async fn open_jobs(&self) -> Result<Found<Owned>, Cause>;

    /// Notes that Azure no longer works on an object.
    async fn close_job(&self, job: &Owned) -> Result<(), Cause>;

    /// Some of an event's objects, `after` one.
    async fn of_event(
        &self,
        event: &EventId,
        after: Option<&ObjectPlace>,
        limit: u16,
    ) -> Result<ObjectPage, Cause>;
}

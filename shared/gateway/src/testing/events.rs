//! Events in memory.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::ids::EventId;
use lanyard_domain::token::{EventCode, UserId};

use super::lock;
use crate::ports::{EventStore, Found, Listing, StoreFault};

/// The faults of a store of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventTrouble {
    /// It does not respond.
    Unavailable,
    /// Its item is malformed or of a newer schema.
    Unreadable,
}

/// Events by their codes.
#[derive(Debug, Default)]
pub struct MemoryEvents {
    listings: Mutex<HashMap<EventCode, Listing>>,
    own: Mutex<HashMap<(EventId, UserId), Vec<Deployment>>>,
    trouble: Mutex<Option<EventTrouble>>,
    lookups: AtomicUsize,
}

impl MemoryEvents {
    /// Lists an event under its own code, and replaces the one before.
    pub fn put(&self, listing: Listing) {
        lock(&self.listings).insert(listing.event.code.clone(), listing);
    }

    /// Gives an attendee deployments of their own, in place of those before.
    pub fn put_own(&self, event: &EventId, user: &UserId, deployments: Vec<Deployment>) {
        lock(&self.own).insert((event.clone(), user.clone()), deployments);
    }

    /// Fails every look-up like this from now on, or none.
    pub fn trouble(&self, trouble: Option<EventTrouble>) {
        *lock(&self.trouble) = trouble;
    }

    /// The number of lookups.
    #[must_use]
    pub fn lookups(&self) -> usize {
        self.lookups.load(Ordering::Relaxed)
    }
}

impl MemoryEvents {
    /// A look-up that finds nothing, or fails.
    fn find_nothing<T>(&self) -> Result<Option<T>, StoreFault> {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        match *lock(&self.trouble) {
            None => Ok(None),
            Some(EventTrouble::Unavailable) => Err(StoreFault::Unavailable("scripted".into())),
            Some(EventTrouble::Unreadable) => Err(StoreFault::Unreadable("scripted".into())),
        }
    }
}

#[async_trait]
impl EventStore for MemoryEvents {
    async fn find(&self, code: &EventCode) -> Result<Option<Listing>, StoreFault> {
        self.find_nothing::<()>()?;
        Ok(lock(&self.listings).get(code).cloned())
    }

    async fn find_by_id(&self, id: &EventId) -> Result<Option<Listing>, StoreFault> {
        let listing =
            lock(&self.listings).values().find(|listing| listing.event.id == *id).cloned();
        match listing {
            Some(listing) => self.find(&listing.event.code).await,
            None => self.find_nothing(),
        }
    }

    async fn own_deployments(
        &self,
        event: &EventId,
        user: &UserId,
    ) -> Result<Found<Deployment>, StoreFault> {
        self.find_nothing::<()>()?;
        let own = lock(&self.own).get(&(event.clone(), user.clone())).cloned();
        Ok(Found::all(own.unwrap_or_default()))
    }
}

//! Owners in memory, and owners that fail where a test wants.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lanyard_domain::event::Event;
use lanyard_domain::ids::EventId;
use lanyard_domain::object::{Kind, ObjectId, Owned, Owner};
use lanyard_gateway::ports::{Cause, Found};

use super::lock;
use crate::store::{ObjectPage, ObjectPlace, ObjectStore, Size};

type Place = (EventId, String, Kind, ObjectId);

/// Owners in memory.
#[derive(Debug, Default)]
pub struct MemoryObjects {
    kept: Mutex<BTreeMap<Place, Owned>>,
    events: Mutex<BTreeMap<EventId, Event>>,
    marked: Mutex<BTreeSet<EventId>>,
    jobs: Mutex<BTreeMap<Place, Owned>>,
}

fn place(owned: &Owned) -> Place {
    (owned.event.clone(), owned.user.to_string(), owned.kind, owned.id.clone())
}

impl MemoryObjects {
    /// Settings of an event, in place of those before.
    pub fn put_event(&self, event: Event) {
        lock(&self.events).insert(event.id.clone(), event);
    }
}

#[async_trait]
impl ObjectStore for MemoryObjects {
    async fn put(&self, object: &Owned) -> Result<(), Cause> {
        lock(&self.kept).insert(place(object), object.clone());
        Ok(())
    }

    async fn find(&self, owner: &Owner, kind: Kind, id: &ObjectId) -> Result<Option<Owned>, Cause> {
        let place = (owner.event.clone(), owner.user.to_string(), kind, id.clone());
        Ok(lock(&self.kept).get(&place).cloned())
    }

    async fn list(&self, owner: &Owner, kind: Kind) -> Result<Vec<Owned>, Cause> {
        let kept = lock(&self.kept);
        let own = kept.values().filter(|owned| owned.owner() == *owner && owned.kind == kind);
        let mut own: Vec<_> = own.cloned().collect();
        own.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(own)
    }

    async fn resize(&self, object: &Owned, size: Size) -> Result<(), Cause> {
        if let Some(kept) = lock(&self.kept).get_mut(&place(object)) {
            kept.tokens = match size {
                Size::Is(tokens) => tokens,
                Size::Grows(tokens) => kept.tokens.saturating_add(tokens),
            };
        }
        Ok(())
    }

    async fn forget(&self, object: &Owned) -> Result<(), Cause> {
        lock(&self.kept).remove(&place(object));
        Ok(())
    }

    async fn mark(&self, event: &EventId, _: &str, _until: DateTime<Utc>) -> Result<(), Cause> {
        lock(&self.marked).insert(event.clone());
        Ok(())
    }

    async fn marked(&self) -> Result<Found<Event>, Cause> {
        let events = lock(&self.events);
        let marked = lock(&self.marked).iter().filter_map(|id| events.get(id).cloned()).collect();
        Ok(Found::all(marked))
    }

    async fn unmark(&self, event: &EventId) -> Result<(), Cause> {
        lock(&self.marked).remove(event);
        Ok(())
    }

    async fn open_job(&self, job: &Owned) -> Result<(), Cause> {
        lock(&self.jobs).insert(place(job), job.clone());
        Ok(())
    }

    async fn open_jobs(&self) -> Result<Found<Owned>, Cause> {
        Ok(Found::all(lock(&self.jobs).values().cloned().collect()))
    }

    async fn close_job(&self, job: &Owned) -> Result<(), Cause> {
        lock(&self.jobs).remove(&place(job));
        Ok(())
    }

    async fn of_event(
        &self,
        event: &EventId,
        after: Option<&ObjectPlace>,
        limit: u16,
    ) -> Result<ObjectPage, Cause> {
        let kept = lock(&self.kept);
        let mut of_event: Vec<_> = kept
            .values()
            .filter(|owned| owned.event == *event)
            .map(|owned| (ObjectPlace(format!("{:?}", place(owned))), owned.clone()))
            .collect();
        of_event.sort_by(|(one, _), (other, _)| one.0.cmp(&other.0));
        let mut rest =
            of_event.into_iter().filter(|(at, _)| after.is_none_or(|after| at.0 > after.0));
        let (places, page): (Vec<_>, Vec<_>) = rest.by_ref().take(limit.into()).unzip();
        let next = rest.next().and(places.last().cloned());
        Ok(ObjectPage { found: Found::all(page), next })
    }
}

/// Owners whose next writes fail.
pub struct FaultyObjects {
    inner: Arc<dyn ObjectStore>,
    failing_puts: AtomicUsize,
    failing_opens: AtomicUsize,
    failing_closes: AtomicUsize,
    puts: AtomicUsize,
}

/// Fails, if it is still to fail.
fn fail(left: &AtomicUsize) -> Result<(), Cause> {
    match left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)) {
        Ok(_) => Err("scripted".into()),
        Err(_) => Ok(()),
    }
}

impl std::fmt::Debug for FaultyObjects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultyObjects").finish_non_exhaustive()
    }
}

impl FaultyObjects {
    /// Works like these, until a test sets a fault.
    #[must_use]
    pub fn over(inner: Arc<dyn ObjectStore>) -> Self {
        Self {
            inner,
            failing_puts: AtomicUsize::new(0),
            failing_opens: AtomicUsize::new(0),
            failing_closes: AtomicUsize::new(0),
            puts: AtomicUsize::new(0),
        }
    }

    /// Fails so many of the next writes of an owner.
    pub fn fail_puts(&self, times: usize) {
        self.failing_puts.store(times, Ordering::Relaxed);
    }

    /// Fails so many of the next writes that a job is open.
    pub fn fail_opens(&self, times: usize) {
        self.failing_opens.store(times, Ordering::Relaxed);
    }

    /// Fails so many of the next writes that a job is settled.
    pub fn fail_closes(&self, times: usize) {
        self.failing_closes.store(times, Ordering::Relaxed);
    }

    /// How many writes of an owner were tried.
    #[must_use]
    pub fn puts(&self) -> usize {
        self.puts.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl ObjectStore for FaultyObjects {
    async fn put(&self, object: &Owned) -> Result<(), Cause> {
        self.puts.fetch_add(1, Ordering::Relaxed);
        fail(&self.failing_puts)?;
        self.inner.put(object).await
    }

    async fn replace(&self, object: &Owned) -> Result<(), Cause> {
        self.inner.replace(object).await
    }

    async fn find(&self, owner: &Owner, kind: Kind, id: &ObjectId) -> Result<Option<Owned>, Cause> {
        self.inner.find(owner, kind, id).await
    }

    async fn list(&self, owner: &Owner, kind: Kind) -> Result<Vec<Owned>, Cause> {
        self.inner.list(owner, kind).await
    }

    async fn resize(&self, object: &Owned, size: Size) -> Result<(), Cause> {
        self.inner.resize(object, size).await
    }

    async fn forget(&self, object: &Owned) -> Result<(), Cause> {
        self.inner.forget(object).await
    }

    async fn mark(&self, event: &EventId, at: &str, until: DateTime<Utc>) -> Result<(), Cause> {
        self.inner.mark(event, at, until).await
    }

    async fn marked(&self) -> Result<Found<Event>, Cause> {
        self.inner.marked().await
    }

    async fn unmark(&self, event: &EventId) -> Result<(), Cause> {
        self.inner.unmark(event).await
    }

    async fn open_job(&self, job: &Owned) -> Result<(), Cause> {
        fail(&self.failing_opens)?;
        self.inner.open_job(job).await
    }

    async fn open_jobs(&self) -> Result<Found<Owned>, Cause> {
        self.inner.open_jobs().await
    }

    async fn close_job(&self, job: &Owned) -> Result<(), Cause> {
        fail(&self.failing_closes)?;
        self.inner.close_job(job).await
    }

    async fn of_event(
        &self,
        event: &EventId,
        after: Option<&ObjectPlace>,
        limit: u16,
    ) -> Result<ObjectPage, Cause> {
        self.inner.of_event(event, after, limit).await
    }
}

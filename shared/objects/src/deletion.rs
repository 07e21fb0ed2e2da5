//! Deletes what attendees stored at Azure, after their event has ended.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt, stream};
use lanyard_domain::catalog::Deployment;
use lanyard_domain::event::Event;
use lanyard_domain::object::Owned;
use lanyard_gateway::ports::{Cause, StoreFault, Unreadable};
use tokio::time::Instant;

use crate::Objects;
use crate::ownership::home_in;
use crate::store::ObjectPlace;

/// How long after its end an event is cleared. By then no request that began earlier is running, and
/// no process still assumes that the event is marked.
const AFTER_END: TimeDelta = TimeDelta::minutes(10);

/// How many objects are listed at once, and how many are deleted at once.
const PAGE: u16 = 100;
const AT_ONCE: usize = 8;

/// What a run of [`Objects::clear_objects`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Cleared {
    /// Events that had ended and had objects.
    pub events: u64,
    /// Objects that are deleted now.
    pub deleted: u64,
    /// Objects that could not be deleted. The next run tries again.
    pub left: u64,
}

/// The local service runs this as a task. This does not compile if it is not `Send`.
const _: fn(&Objects, DateTime<Utc>, Instant) = |objects, now, until| {
    fn is_send(_: impl Send) {}
    is_send(objects.clear_objects(now, until));
};

impl Objects {
    /// Deletes the objects of every event that has ended, until then.
    ///
    /// # Errors
    ///
    /// If the events cannot be listed. The next run goes on.
    pub async fn clear_objects(
        &self,
        now: DateTime<Utc>,
        until: Instant,
    ) -> Result<Cleared, Cause> {
        let mut cleared = Cleared::default();
        let request_log = self.gateway.ports().request_log.as_ref();
        for event in self.registry.store.marked().await?.reported(request_log, None) {
            if now < event.window.ends_at() + AFTER_END || Instant::now() >= until {
                continue;
            }
            cleared.events += 1;
            // An event that cannot be cleared does not stop the others.
            if let Err(cause) = self.clear_event(&event, until, &mut cleared).await {
                tracing::warn!(event = %event.id, cause, "an event's objects are not cleared yet");
            }
        }
        Ok(cleared)
    }

    async fn clear_event(
        &self,
        event: &Event,
        until: Instant,
        cleared: &mut Cleared,
    ) -> Result<(), Cause> {
        let ports = self.gateway.ports();
        let listing = match ports.events.find_by_id(&event.id).await {
            Err(StoreFault::Unreadable(cause)) => {
                let item = format!("a deployment of {}", event.organiser);
                let unreadable = Unreadable { item, cause };
                unreadable.report(ports.request_log.as_ref(), Some(&event.id));
                return Err(unreadable.cause);
            }
            listing => listing?,
        };
        let deployments = listing.map(|listing| listing.deployments).unwrap_or_default();
        let left_before = cleared.left;
        let mut after: Option<ObjectPlace> = None;
        loop {
            let page = self.registry.store.of_event(&event.id, after.as_ref(), PAGE).await?;
            after = page.next;
            // An object whose record cannot be read stays upstream, and the event stays marked.
            let unreadable = u64::try_from(page.found.unreadable.len()).unwrap_or(u64::MAX);
            cleared.left += unreadable;
            let page = page.found.reported(ports.request_log.as_ref(), Some(&event.id));
            let clearings =
                page.into_iter().map(|owned| self.delete_one(owned, &deployments, until));
            let mut clearings = stream::iter(clearings).buffer_unordered(AT_ONCE);
            while let Some(is_gone) = clearings.next().await {
                cleared.deleted += u64::from(is_gone);
                cleared.left += u64::from(!is_gone);
            }
            if Instant::now() >= until {
                return Ok(());
            }
            if after.is_none() {
                break;
            }
        }
        if cleared.left == left_before {
            self.registry.store.unmark(&event.id).await?;
        }
        Ok(())
    }

    /// True if the object and its record are deleted.
    async fn delete_one(&self, owned: Owned, deployments: &[Deployment], until: Instant) -> bool {
        if Instant::now() >= until {
            return false;
        }
        let cleared = async {
            let home = home_in(deployments, &owned.home)
                .ok_or("no deployment leads to the resource that keeps it any more")?;
            self.registry.delete(&owned, home).await?;
            self.registry.store.forget(&owned).await
        };
        match cleared.await {
            Ok(()) => true,
            Err(cause) => {
                tracing::warn!(
                    event = %owned.event, kind = %owned.kind, object = %owned.id, cause,
                    "an object is not deleted yet"
                );
                false
            }
        }
    }
}

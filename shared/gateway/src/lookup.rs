//! Step two: which event a code names, and whether it is open.
//!
//! Events are remembered for at most five seconds, so that a change is seen soon, and for fifteen
//! minutes while the store is away. Unknown codes are remembered apart, so that guesses cannot push
//! live events out.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use lanyard_domain::allowance::Allowances;
use lanyard_domain::catalog::{Catalog, Choice};
use lanyard_domain::event::{Closed, Event};
use lanyard_domain::operation::Operation;
use lanyard_domain::token::{AttendeeToken, EventCode, UserId};
use lanyard_domain::window::LocalDay;

use crate::Gateway;
use crate::error::{ApiError, ContactHint};
use crate::memory::Bounded;
use crate::ports::{Incident, StoreFault};

const FRESH: TimeDelta = TimeDelta::seconds(5);
const STALE: TimeDelta = TimeDelta::minutes(15);
const UNKNOWN: TimeDelta = TimeDelta::seconds(30);

/// An event with what it offers.
#[derive(Debug)]
pub struct OpenEvent {
    /// The event.
    pub event: Event,
    /// Its deployments.
    pub catalog: Catalog,
    code_works_until: Option<DateTime<Utc>>,
}

impl OpenEvent {
    /// An event that nobody asks for by its code.
    pub(crate) fn of(event: Event, catalog: Catalog) -> Self {
        Self { event, catalog, code_works_until: None }
    }
}

/// Events by their codes, as last read.
#[derive(Debug)]
pub struct Events {
    known: Bounded<EventCode, (DateTime<Utc>, Arc<OpenEvent>)>,
    unknown: Bounded<EventCode, DateTime<Utc>>,
}

impl Default for Events {
    fn default() -> Self {
        Self { known: Bounded::new(1_000), unknown: Bounded::new(10_000) }
    }
}

/// Proof that a token belongs to an event that is open now.
#[derive(Clone, Debug)]
pub struct Attendance {
    /// The event and its catalog.
    pub at: Arc<OpenEvent>,
    /// Who attends.
    pub user: UserId,
    /// The local day there.
    pub day: LocalDay,
}

impl Attendance {
    /// The event.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.at.event
    }

    /// What the event grants.
    #[must_use]
    pub fn allowances(&self) -> &Allowances {
        &self.at.event.allowances
    }

    /// Whom the attendee can ask.
    #[must_use]
    pub fn contact(&self) -> ContactHint {
        ContactHint::of(&self.at.event.contact)
    }

    /// The deployments for the first model that was named, or the event's default.
    ///
    /// # Errors
    ///
    /// [`ApiError::ModelNotFound`] with what the event offers.
    pub fn choose(
        &self,
        named: Option<&str>,
        operation: Operation,
    ) -> Result<Choice<'_>, ApiError> {
        let catalog = &self.at.catalog;
        let default = self.at.event.default_deployments.get(&operation);
        let found = match named.or(default.map(|name| name.as_str())) {
            Some(name) => catalog.named(name, operation),
            None => {
                let offered = catalog.names(Some(operation));
                // One model on offer needs no default.
                match offered.as_slice() {
                    [only] => catalog.named(only.as_str(), operation),
                    _ => Err(lanyard_domain::catalog::NotOffered { offered }),
                }
            }
        };
        found.map_err(|not| ApiError::ModelNotFound { offered: not.offered })
    }
}

impl Gateway {
    /// Finds the event of a token and checks that it is open.
    ///
    /// # Errors
    ///
    /// 401 for an unknown code, 403 for an event that is not open, 503 if it cannot be read.
    pub async fn look_up(
        &self,
        token: AttendeeToken,
        now: DateTime<Utc>,
    ) -> Result<Attendance, ApiError> {
        let at = self.open_event(&token.code, now).await?;
        let day = at.event.window.local_day(now);
        Ok(Attendance { at, user: token.user, day })
    }

    /// The event of a code, if it is open.
    ///
    /// # Errors
    ///
    /// As for [`Gateway::look_up`].
    pub async fn open_event(
        &self,
        code: &EventCode,
        now: DateTime<Utc>,
    ) -> Result<Arc<OpenEvent>, ApiError> {
        let works = |at: &Arc<OpenEvent>| at.code_works_until.is_none_or(|until| now < until);
        let Some(at) = self.find(code, now).await?.filter(works) else {
            self.ports.journal.count(Incident::InvalidCode, None);
            return Err(ApiError::InvalidEventCode);
        };
        let contact = ContactHint::of(&at.event.contact);
        at.event.check_open(now).map_err(|closed| match closed {
            Closed::NotStarted { starts_at } => ApiError::EventNotStarted { starts_at, contact },
            Closed::Ended { ended_at } => ApiError::EventEnded { ended_at, contact },
            Closed::Paused => ApiError::EventPaused { contact },
        })?;
        Ok(at)
    }

    async fn find(
        &self,
        code: &EventCode,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<OpenEvent>>, ApiError> {
        let known = self.events.known.get(code);
        if let Some((read_at, event)) = &known
            && now - read_at < FRESH
        {
            return Ok(Some(Arc::clone(event)));
        }
        if self.events.unknown.get(code).is_some_and(|read_at| now - read_at < UNKNOWN) {
            return Ok(None);
        }
        match self.ports.events.find(code).await {
            Ok(Some(listing)) => {
                let catalog =
                    Catalog::new(listing.deployments, listing.event.deployments.as_deref());
                let event = Arc::new(OpenEvent {
                    event: listing.event,
                    catalog,
                    code_works_until: listing.code_works_until,
                });
                self.events.known.insert(code.clone(), (now, Arc::clone(&event)));
                Ok(Some(event))
            }
            Ok(None) => {
                self.events.known.remove(code);
                self.events.unknown.insert(code.clone(), now);
                Ok(None)
            }
            Err(StoreFault::Away(cause)) => match known {
                Some((read_at, event)) if now - read_at < STALE => {
                    tracing::warn!(fault = %cause, "event store is away, using a remembered event");
                    self.ports.journal.count(Incident::StaleEvent, Some(&event.event.id));
                    Ok(Some(event))
                }
                Some(_) | None => Err(self.accounting_unavailable(Some(cause))),
            },
            Err(StoreFault::Unreadable(cause)) => Err(self.accounting_unavailable(Some(cause))),
        }
    }
}

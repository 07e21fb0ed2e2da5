//! Step two: which event a credential names, whether it is good, and whether the event is open.
//!
//! Events are remembered for at most five seconds, so that a change is seen soon, and for fifteen
//! minutes while the store is unavailable. Unknown codes are remembered apart, so that guesses
//! cannot push live events out.

mod holder;

pub(crate) use self::holder::Holder;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use lanyard_domain::access::{AccessDenied, AccessPolicy, Proof};
use lanyard_domain::account::AccountKey;
use lanyard_domain::affinity::Affinity;
use lanyard_domain::allowance::Allowances;
use lanyard_domain::catalog::Catalog;
use lanyard_domain::event::{Closed, Event, OwnDeployments};
use lanyard_domain::ids::EventId;
use lanyard_domain::models::ModelFacts;
use lanyard_domain::token::{EventCode, UserId};
use lanyard_domain::window::LocalDay;
use lanyard_protocol::demand::Caps;

use crate::Gateway;
use crate::error::{ApiError, ContactHint};
use crate::memory::Bounded;
use crate::parse::Candidates;
use crate::ports::{Incident, RequestLine, StoreFault};
use crate::upstream::UserHashes;

const FRESH: TimeDelta = TimeDelta::seconds(5);
const STALE: TimeDelta = TimeDelta::minutes(15);
const UNKNOWN: TimeDelta = TimeDelta::seconds(5);

/// An event with what it offers.
#[derive(Debug)]
pub struct OpenEvent {
    /// The event.
    pub event: Event,
    /// Its deployments.
    pub catalog: Catalog,
    users: UserHashes,
    code_works_until: Option<DateTime<Utc>>,
}

impl OpenEvent {
    /// An event that is looked up by its id.
    #[must_use]
    pub fn of(event: Event, catalog: Catalog) -> Self {
        Self { users: UserHashes::of(&event), event, catalog, code_works_until: None }
    }

    /// An attendee as Azure and the request log know them.
    #[must_use]
    pub fn user_hash(&self, user: &UserId) -> String {
        self.users.hash(user)
    }
}

/// Looked up by event code or by event id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Handle {
    /// A code that people type.
    Code(EventCode),
    /// The id, which a signed token names.
    Id(EventId),
}

/// Events by their handles, as last read, and attendees' own deployments.
#[derive(Debug)]
pub struct Events {
    known: Bounded<Handle, (DateTime<Utc>, Arc<OpenEvent>)>,
    unknown: Bounded<Handle, DateTime<Utc>>,
    own: Bounded<AccountKey, (DateTime<Utc>, Arc<Catalog>)>,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            known: Bounded::new(1_000),
            unknown: Bounded::new(10_000),
            own: Bounded::new(10_000),
        }
    }
}

/// Proof that a token belongs to an event that is open now.
#[derive(Clone, Debug)]
pub struct Attendance {
    /// The event and its catalog.
    pub at: Arc<OpenEvent>,
    /// The attendee.
    pub user: UserId,
    /// The local day there.
    pub day: LocalDay,
    /// The kind of credential.
    pub proof: Proof,
    /// Who may attend, and what the attendee's account must show.
    pub policy: AccessPolicy,
    /// Deployments that this attendee alone uses, before the event's.
    pub own: Arc<Catalog>,
}

impl Attendance {
    /// The event.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.at.event
    }

    /// The hash that decides which replica serves the attendee.
    #[must_use]
    pub fn affinity(&self) -> Affinity {
        Affinity::of(&self.at.event.id, &self.user)
    }

    /// The attendee's account.
    #[must_use]
    pub fn key(&self) -> AccountKey {
        AccountKey::Attendee(self.at.event.id.clone(), self.user.clone())
    }

    /// The limits of the event.
    #[must_use]
    pub fn allowances(&self) -> &Allowances {
        &self.at.event.allowances
    }

    /// Whom the attendee can ask.
    #[must_use]
    pub fn contact(&self) -> ContactHint {
        ContactHint::of(&self.at.event.contact)
    }

    /// The bounds of one request that names no model.
    #[must_use]
    pub fn caps(&self) -> Caps<'_> {
        self.caps_of(&ModelFacts::UNKNOWN)
    }

    /// The bounds of one request to a model with these facts.
    #[must_use]
    pub fn caps_of<'a>(&'a self, facts: &'a ModelFacts) -> Caps<'a> {
        let event = self.event();
        Caps {
            completion_tokens: facts.output_cap(event.max_completion_tokens),
            choices: event.max_choices,
            hosted_tools: &event.hosted_tools,
            keeps_objects: event.keeps_objects,
            facts,
        }
    }

    /// The error for a request that needs stored objects, at an event that keeps none.
    #[must_use]
    pub fn objects_not_kept(&self) -> ApiError {
        ApiError::ObjectsNotKept { contact: self.contact() }
    }

    /// The error for an attendee whose account does not admit them.
    #[must_use]
    pub fn access_denied(&self, why: AccessDenied) -> ApiError {
        access_denied(&self.at.event, why)
    }
}

fn access_denied(event: &Event, why: AccessDenied) -> ApiError {
    let contact = ContactHint::of(&event.contact);
    match why {
        AccessDenied::NotListed => ApiError::NotOnRoster { contact },
        AccessDenied::NeedsKey => {
            ApiError::RegistrationRequired { event: event.id.clone(), contact }
        }
        // The key is no longer valid.
        AccessDenied::KeyReplaced => ApiError::InvalidEventCode,
    }
}

impl Gateway {
    /// Finds the event of the first good credential, and checks that the event is open. The line
    /// learns of the event also if the event refuses.
    ///
    /// # Errors
    ///
    /// 401 for a credential that is not good, 403 for an event that is not open or not for this
    /// user, 503 if it cannot be read.
    pub async fn look_up(
        &self,
        tokens: Candidates,
        now: DateTime<Utc>,
        line: &mut RequestLine,
    ) -> Result<Attendance, ApiError> {
        self.attendance(tokens, now, line, check_open).await
    }

    /// The same, at an event that need not be open.
    ///
    /// # Errors
    ///
    /// As for [`Gateway::look_up`], without those about its time.
    pub async fn look_up_anytime(
        &self,
        tokens: Candidates,
        now: DateTime<Utc>,
    ) -> Result<Attendance, ApiError> {
        self.attendance(tokens, now, &mut RequestLine::default(), |_, _| Ok(())).await
    }

    async fn attendance(
        &self,
        tokens: Candidates,
        now: DateTime<Utc>,
        line: &mut RequestLine,
        check: impl Fn(&Event, DateTime<Utc>) -> Result<(), ApiError>,
    ) -> Result<Attendance, ApiError> {
        let Holder { at, user, proof } = self.first_holder(tokens, now, |_| true).await?;
        (line.event, line.user) = (Some(at.event.id.clone()), Some(user.clone()));
        check(&at.event, now)?;
        let policy = at.event.access.policy(proof).map_err(|why| access_denied(&at.event, why))?;
        let day = at.event.window.local_day(now);
        let own = match at.event.own_deployments {
            OwnDeployments::None => Arc::default(),
            OwnDeployments::Organiser | OwnDeployments::Attendee => {
                self.own_catalog(&at.event.id, &user, now).await?
            }
        };
        Ok(Attendance { at, user, day, proof, policy, own })
    }

    /// An attendee's own deployments, remembered as events are.
    async fn own_catalog(
        &self,
        event: &EventId,
        user: &UserId,
        now: DateTime<Utc>,
    ) -> Result<Arc<Catalog>, ApiError> {
        let key = AccountKey::Attendee(event.clone(), user.clone());
        let known = self.events.own.get(&key);
        if let Some((read_at, catalog)) = &known
            && now - read_at < FRESH
        {
            return Ok(Arc::clone(catalog));
        }
        match (self.ports.events.own_deployments(event, user).await, known) {
            (Ok(found), _) => {
                let deployments = found.reported(&*self.ports.request_log, Some(event));
                let catalog = Arc::new(Catalog::own(deployments));
                self.events.own.insert(key, (now, Arc::clone(&catalog)));
                Ok(catalog)
            }
            (Err(StoreFault::Unavailable(_)), Some((read_at, catalog)))
                if now - read_at < STALE =>
            {
                self.ports.request_log.count(Incident::StaleEvent, Some(event));
                Ok(catalog)
            }
            (Err(fault), _) => Err(self.accounting_unavailable(Some(fault.into()))),
        }
    }

    /// An event by a handle, open or not, as it was at most five seconds ago.
    ///
    /// # Errors
    ///
    /// 503 if it cannot be read.
    pub async fn find(
        &self,
        handle: &Handle,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<OpenEvent>>, ApiError> {
        let known = self.events.known.get(handle);
        if let Some((read_at, event)) = &known
            && now - read_at < FRESH
        {
            return Ok(Some(Arc::clone(event)));
        }
        if self.events.unknown.get(handle).is_some_and(|read_at| now - read_at < UNKNOWN) {
            return Ok(None);
        }
        if known.is_none() {
            self.free_calls.before_lookup().await;
        }
        let found = match handle {
            Handle::Code(code) => self.ports.events.find(code).await,
            Handle::Id(id) => self.ports.events.find_by_id(id).await,
        };
        match found {
            Ok(Some(listing)) => {
                for unreadable in &*listing.unreadable {
                    unreadable.report(&*self.ports.request_log, Some(&listing.event.id));
                }
                let catalog =
                    Catalog::new(listing.deployments, listing.event.deployments.as_deref());
                let code_works_until = listing.code_works_until;
                let event = OpenEvent::of(listing.event, catalog);
                let event = Arc::new(OpenEvent { code_works_until, ..event });
                self.events.known.insert(handle.clone(), (now, Arc::clone(&event)));
                Ok(Some(event))
            }
            Ok(None) => {
                self.events.known.remove(handle);
                self.events.unknown.insert(handle.clone(), now);
                // Also beside a good credential: its holder may guess those of other events.
                self.free_calls.found_nothing();
                Ok(None)
            }
            Err(StoreFault::Unavailable(cause)) => match known {
                Some((read_at, event)) if now - read_at < STALE => {
                    tracing::warn!(
                        fault = %cause,
                        "event store is unavailable, using a remembered event"
                    );
                    self.ports.request_log.count(Incident::StaleEvent, Some(&event.event.id));
                    Ok(Some(event))
                }
                Some(_) | None => Err(self.accounting_unavailable(Some(cause))),
            },
            Err(StoreFault::Unreadable(cause)) => Err(self.accounting_unavailable(Some(cause))),
        }
    }
}

pub(crate) fn check_open(event: &Event, now: DateTime<Utc>) -> Result<(), ApiError> {
    let contact = ContactHint::of(&event.contact);
    event.check_open(now).map_err(|closed| match closed {
        Closed::NotStarted { starts_at } => ApiError::EventNotStarted { starts_at, contact },
        Closed::Ended { ended_at } => ApiError::EventEnded { ended_at, contact },
        Closed::Paused => ApiError::EventPaused { contact },
    })
}

//! The life of one request.
//!
//! [`forward`] is the place to start: parse, look up, admit, select, send, relay, settle. This
//! crate knows HTTP and its [`ports`], never AWS.

pub mod admit;
pub mod answer;
pub mod background_tasks;
pub mod call;
mod choose;
mod demand;
pub mod error;
pub mod forward;
pub mod headers;
mod hex;
mod learnt;
pub mod lookup;
pub mod memory;
pub mod metadata;
pub mod parse;
pub mod people;
pub mod ports;
mod refusals;
pub mod relay;
pub mod request;
mod retry;
mod send;
pub mod settle;
pub mod signed;
pub mod stored;
pub mod sweep;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod upstream;

use std::sync::Arc;
use std::time::Duration;

use lanyard_domain::access::AccessPolicy;
use lanyard_domain::account::{Account, AccountKey};

use crate::background_tasks::BackgroundTasks;
use crate::learnt::Learnt;
use crate::lookup::{Attendance, Events};
use crate::memory::Memory;
use crate::ports::{Clock, EventStore, Ledger, Random, RequestLine, RequestLog, Upstream};
use crate::refusals::Refusals;
use crate::settle::Settler;
use crate::stored::StoredObjects;

pub use error::ApiError;
pub use hex::hex;
pub use request::{Body, Request, Response};

/// What the gateway needs of the world.
#[derive(Clone)]
pub struct Ports {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random numbers.
    pub random: Arc<dyn Random>,
    /// Where events are looked up.
    pub events: Arc<dyn EventStore>,
    /// Where accounts are kept.
    pub ledger: Arc<dyn Ledger>,
    /// Azure.
    pub upstream: Arc<dyn Upstream>,
    /// Where finished requests are written down.
    pub request_log: Arc<dyn RequestLog>,
    /// How long one account may take to answer, all tries together.
    pub ledger_timeout: Duration,
}

/// Everything that serves requests, and what one process remembers between them.
pub struct Gateway {
    pub(crate) ports: Ports,
    pub(crate) events: Events,
    pub(crate) settler: Arc<Settler>,
    pub(crate) learnt: Learnt,
    pub(crate) stored: Option<Arc<dyn StoredObjects>>,
}

impl Gateway {
    /// A gateway that remembers nothing yet.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        let settler = Arc::new(Settler {
            ledger: Arc::clone(&ports.ledger),
            clock: Arc::clone(&ports.clock),
            request_log: Arc::clone(&ports.request_log),
            memory: Memory::default(),
            refusals: Refusals::default(),
            tasks: BackgroundTasks::default(),
        });
        let (events, learnt) = (Events::default(), Learnt::default());
        Self { ports, events, settler, learnt, stored: None }
    }

    /// The world, as this gateway sees it.
    #[must_use]
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// The same gateway for requests that name stored objects too.
    #[must_use]
    pub fn with_stored_objects(mut self, stored: Arc<dyn StoredObjects>) -> Self {
        self.stored = Some(stored);
        self
    }

    /// The attendee who sends a request, for routes that cost nothing.
    ///
    /// # Errors
    ///
    /// 401, 403 and 503, as for every route.
    pub async fn attend(&self, request: &Request) -> Result<Attendance, ApiError> {
        let line = &mut RequestLine::default();
        let attendance = self.look_up(parse::token(request)?, request.now, line).await?;
        if attendance.policy != AccessPolicy::Anybody {
            let account = self.account(&attendance).await?;
            if let Some(why) = attendance.policy.refusal(&account) {
                return Err(attendance.access_denied(why));
            }
        }
        Ok(attendance)
    }

    /// An attendee's account as it is now; an empty one for a newcomer.
    ///
    /// # Errors
    ///
    /// 503 if the ledger does not answer.
    pub async fn account(&self, attendance: &Attendance) -> Result<Account, ApiError> {
        let key = AccountKey::Attendee(attendance.event().id.clone(), attendance.user.clone());
        let account = self.ports.ledger.account(&key).await;
        account
            .map(Option::unwrap_or_default)
            .map_err(|fault| self.accounting_unavailable(Some(fault.into())))
    }

    /// Waits until everything that outlives its answer is done: before a process may freeze or end.
    pub async fn settled(&self) {
        self.settler.tasks.done().await;
    }
}

//! The life of one request.
//!
//! [`forward`] is the place to start: parse, look up, admit, select, send, relay, settle. This
//! crate knows HTTP and its [`ports`], never AWS.

pub mod admit;
pub mod background_tasks;
pub mod call;
mod choose;
mod count;
mod demand;
pub mod error;
pub mod forward;
mod free_calls;
pub mod handler;
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

use chrono::{DateTime, Utc};
use lanyard_domain::account::{Account, AccountKey, Field};

use crate::background_tasks::BackgroundTasks;
use crate::free_calls::FreeCalls;
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

/// The implementations of the gateway's ports.
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
    /// The timeout of one account in the ledger, over all attempts.
    pub ledger_timeout: Duration,
}

/// Everything that serves requests, and what one process remembers between them.
pub struct Gateway {
    pub(crate) ports: Ports,
    pub(crate) events: Events,
    pub(crate) settler: Arc<Settler>,
    pub(crate) learnt: Learnt,
    pub(crate) stored: Option<Arc<dyn StoredObjects>>,
    pub(crate) free_calls: FreeCalls,
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
        let free_calls = FreeCalls::default();
        Self { ports, events, settler, learnt, stored: None, free_calls }
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

    /// The attendee who sends a request, and their account, for routes that cost nothing. Such
    /// routes have a rate of their own.
    ///
    /// # Errors
    ///
    /// 401, 403, 429 and 503, as for every route.
    pub async fn attend(&self, request: &Request) -> Result<(Attendance, Account), ApiError> {
        let line = &mut RequestLine::default();
        let attendance = self.look_up(parse::tokens(request)?, request.now, line).await?;
        self.count_free_call(&attendance, request.now)?;
        let account = self.account(&attendance).await?;
        expect_admitted(&attendance, &account)?;
        Ok((attendance, account))
    }

    /// Counts a call that costs the attendee nothing.
    ///
    /// # Errors
    ///
    /// 429 if there are too many.
    pub fn count_free_call(
        &self,
        attendance: &Attendance,
        now: DateTime<Utc>,
    ) -> Result<(), ApiError> {
        self.free_calls.call(attendance.key(), now)
    }

    /// An attendee's account as it is now; an empty one for a newcomer.
    ///
    /// # Errors
    ///
    /// 503 if the ledger does not respond.
    pub async fn account(&self, attendance: &Attendance) -> Result<Account, ApiError> {
        let key = AccountKey::Attendee(attendance.event().id.clone(), attendance.user.clone());
        let account = self.ports.ledger.account(&key).await;
        account
            .map(Option::unwrap_or_default)
            .map_err(|fault| self.accounting_unavailable(Some(fault.into())))
    }

    /// Waits until all background work is done: before a process may freeze or end.
    pub async fn settled(&self) {
        self.settler.tasks.done().await;
    }
}

/// Refuses what no write refuses: calls that cost nothing.
///
/// # Errors
///
/// 403 for a blocked attendee and for one whom the event does not admit.
pub fn expect_admitted(attendance: &Attendance, account: &Account) -> Result<(), ApiError> {
    if account.get(Field::Blocked) != 0 {
        return Err(ApiError::AttendeeBlocked { contact: attendance.contact() });
    }
    let denied = attendance.policy.refusal(account);
    denied.map_or(Ok(()), |why| Err(attendance.access_denied(why)))
}

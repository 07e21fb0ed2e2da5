//! A ledger that fails where a test wants.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lanyard_domain::account::{Account, AccountKey, Change, Field, Write};
use lanyard_domain::event::Event;
use lanyard_domain::hour::HourCount;
use lanyard_domain::ids::EventId;
use lanyard_domain::token::UserId;
use lanyard_domain::usage::UsageRecord;

use super::lock;
use crate::ports::{AttendeePage, Found, Ledger, LedgerFault, Outcome};

/// The kinds of calls to a ledger that tests distinguish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LedgerCall {
    /// A hold is put on an attendee's account.
    AttendeeHold,
    /// A hold on an attendee's account is settled.
    AttendeeSettle,
    /// The event's account is charged for a hold.
    EventHold,
    /// The event's account is settled.
    EventSettle,
    /// Another write to an account: a seat, a reconciliation.
    OtherWrite,
    /// A usage record.
    Record,
    /// An hour's counters.
    Hour,
    /// A request is filed in its session.
    Session,
    /// Accounts or events are read.
    Read,
}

impl LedgerCall {
    fn of(key: &AccountKey, write: &Write) -> Self {
        let is_held = |change: &Change| match change {
            Change::PutHold(..) => Some(true),
            Change::RemoveHold(_) => Some(false),
            Change::Add(Field::PeriodOpen(_), by) => Some(*by > 0),
            Change::Add(..) | Change::Set(..) | Change::Remove(_) => None,
        };
        match (key, write.changes.iter().find_map(is_held)) {
            (AccountKey::Attendee(..), Some(true)) => Self::AttendeeHold,
            (AccountKey::Attendee(..), Some(false)) => Self::AttendeeSettle,
            (AccountKey::Event(_) | AccountKey::Shard(..), Some(true)) => Self::EventHold,
            (AccountKey::Event(_) | AccountKey::Shard(..), Some(false)) => Self::EventSettle,
            (_, None) => Self::OtherWrite,
        }
    }
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerTrouble {
    /// It is refused, and certainly not made.
    Throttle,
    /// It is made, and its response is lost.
    LoseResponse,
    /// It is not made, and its outcome is unknown.
    OutcomeUnknown,
    /// It is not made, and gets no response.
    Hang,
}

/// Wraps a ledger. It fails as scripted and counts the calls.
pub struct FaultyLedger {
    inner: Arc<dyn Ledger>,
    script: Mutex<Script>,
}

#[derive(Default)]
struct Script {
    next: HashMap<LedgerCall, VecDeque<LedgerTrouble>>,
    always: HashMap<LedgerCall, LedgerTrouble>,
    asked: HashMap<LedgerCall, usize>,
}

impl FaultyLedger {
    /// A ledger that works as the other does until it is scripted.
    #[must_use]
    pub fn over(inner: Arc<dyn Ledger>) -> Self {
        Self { inner, script: Mutex::default() }
    }

    /// Fails the next call of this kind that nothing is scripted for yet.
    pub fn next(&self, call: LedgerCall, trouble: LedgerTrouble) {
        lock(&self.script).next.entry(call).or_default().push_back(trouble);
    }

    /// Fails every call of this kind that nothing is scripted for.
    pub fn always(&self, call: LedgerCall, trouble: LedgerTrouble) {
        lock(&self.script).always.insert(call, trouble);
    }

    /// Works from now on.
    pub fn recover(&self) {
        let mut script = lock(&self.script);
        script.next.clear();
        script.always.clear();
    }

    /// The number of calls of this kind.
    #[must_use]
    pub fn asked(&self, call: LedgerCall) -> usize {
        lock(&self.script).asked.get(&call).copied().unwrap_or_default()
    }

    /// The number of all calls.
    #[must_use]
    pub fn asked_in_all(&self) -> usize {
        lock(&self.script).asked.values().sum()
    }

    async fn play<T>(
        &self,
        call: LedgerCall,
        work: impl Future<Output = Result<T, LedgerFault>>,
    ) -> Result<T, LedgerFault> {
        let trouble = {
            let mut script = lock(&self.script);
            *script.asked.entry(call).or_default() += 1;
            let next = script.next.get_mut(&call).and_then(VecDeque::pop_front);
            next.or_else(|| script.always.get(&call).copied())
        };
        match trouble {
            None => work.await,
            Some(LedgerTrouble::Throttle) => Err(LedgerFault::NotMade("scripted".into())),
            Some(LedgerTrouble::OutcomeUnknown) => Err(LedgerFault::Unknown("scripted".into())),
            Some(LedgerTrouble::Hang) => std::future::pending().await,
            Some(LedgerTrouble::LoseResponse) => {
                work.await?;
                Err(LedgerFault::Unknown("scripted".into()))
            }
        }
    }
}

#[async_trait]
impl Ledger for FaultyLedger {
    async fn apply(&self, key: &AccountKey, write: &Write) -> Result<Outcome, LedgerFault> {
        self.play(LedgerCall::of(key, write), self.inner.apply(key, write)).await
    }

    async fn account(&self, key: &AccountKey) -> Result<Option<Account>, LedgerFault> {
        self.play(LedgerCall::Read, self.inner.account(key)).await
    }

    async fn accounts(&self, keys: &[AccountKey]) -> Result<Vec<Account>, LedgerFault> {
        self.play(LedgerCall::Read, self.inner.accounts(keys)).await
    }

    async fn attendees(
        &self,
        event: &EventId,
        after: Option<&UserId>,
        limit: u16,
    ) -> Result<AttendeePage, LedgerFault> {
        self.play(LedgerCall::Read, self.inner.attendees(event, after, limit)).await
    }

    async fn record(&self, record: &UsageRecord) -> Result<Option<UsageRecord>, LedgerFault> {
        self.play(LedgerCall::Record, self.inner.record(record)).await
    }

    async fn count_hour(&self, count: &HourCount) -> Result<(), LedgerFault> {
        self.play(LedgerCall::Hour, self.inner.count_hour(count)).await
    }

    async fn file_in_session(&self, record: &UsageRecord) -> Result<(), LedgerFault> {
        self.play(LedgerCall::Session, self.inner.file_in_session(record)).await
    }

    async fn events_to_sweep(&self, now: DateTime<Utc>) -> Result<Found<Event>, LedgerFault> {
        self.play(LedgerCall::Read, self.inner.events_to_sweep(now)).await
    }
}

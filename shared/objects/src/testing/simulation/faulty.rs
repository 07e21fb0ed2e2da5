//! The stores of one process: slow, unreliable, and closed once the process is dead.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lanyard_domain::account::{Account, AccountKey, Write};
use lanyard_domain::event::Event;
use lanyard_domain::hour::HourCount;
use lanyard_domain::ids::EventId;
use lanyard_domain::object::{Kind, ObjectId, Owned, Owner};
use lanyard_domain::token::UserId;
use lanyard_domain::usage::UsageRecord;
use lanyard_gateway::ports::{AttendeePage, Cause, Found, Ledger, LedgerFault, Outcome};
use lanyard_gateway::testing::{MemoryLedger, SeededRandom};

use crate::store::{ObjectPage, ObjectPlace, ObjectStore, Size};
use crate::testing::MemoryObjects;

/// The life of a process.
pub(super) struct Life {
    random: Arc<SeededRandom>,
    is_troubled: bool,
    is_dead: AtomicBool,
    troubles: AtomicU64,
}

impl Life {
    pub(super) fn new(random: Arc<SeededRandom>, is_troubled: bool) -> Self {
        let (is_dead, troubles) = (AtomicBool::new(false), AtomicU64::new(0));
        Self { random, is_troubled, is_dead, troubles }
    }

    pub(super) fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::Relaxed)
    }

    pub(super) fn troubles(&self) -> u64 {
        self.troubles.load(Ordering::Relaxed)
    }

    async fn die<T>(&self) -> T {
        self.is_dead.store(true, Ordering::Relaxed);
        std::future::pending().await
    }

    /// Makes a call, or not, or loses its response, or is the last thing that the process does.
    async fn play<T, E>(
        &self,
        work: impl Future<Output = Result<T, E>>,
        not_made: fn(Cause) -> E,
        unknown: fn(Cause) -> E,
    ) -> Result<T, E> {
        tokio::time::sleep(Duration::from_millis(self.random.below(30))).await;
        if self.is_dead() {
            return std::future::pending().await;
        }
        let fate = if self.is_troubled { self.random.below(200) } else { u64::MAX };
        if fate < 10 {
            self.troubles.fetch_add(1, Ordering::Relaxed);
        }
        match fate {
            0..=3 => Err(not_made("simulated".into())),
            4..=7 => {
                work.await?;
                Err(unknown("simulated".into()))
            }
            8 => self.die().await,
            9 => {
                work.await?;
                self.die().await
            }
            _ => work.await,
        }
    }
}

pub(super) struct FailingLedger {
    pub(super) inner: Arc<MemoryLedger>,
    pub(super) life: Arc<Life>,
}

impl FailingLedger {
    async fn play<T>(
        &self,
        work: impl Future<Output = Result<T, LedgerFault>>,
    ) -> Result<T, LedgerFault> {
        self.life.play(work, LedgerFault::NotMade, LedgerFault::Unknown).await
    }
}

#[async_trait]
impl Ledger for FailingLedger {
    async fn apply(&self, key: &AccountKey, write: &Write) -> Result<Outcome, LedgerFault> {
        self.play(self.inner.apply(key, write)).await
    }

    async fn account(&self, key: &AccountKey) -> Result<Option<Account>, LedgerFault> {
        self.play(self.inner.account(key)).await
    }

    async fn accounts(&self, keys: &[AccountKey]) -> Result<Vec<Account>, LedgerFault> {
        self.play(self.inner.accounts(keys)).await
    }

    async fn attendees(
        &self,
        event: &EventId,
        after: Option<&UserId>,
        limit: u16,
    ) -> Result<AttendeePage, LedgerFault> {
        self.play(self.inner.attendees(event, after, limit)).await
    }

    async fn record(&self, record: &UsageRecord) -> Result<Option<UsageRecord>, LedgerFault> {
        self.play(self.inner.record(record)).await
    }

    async fn count_hour(&self, count: &HourCount) -> Result<(), LedgerFault> {
        self.play(self.inner.count_hour(count)).await
    }

    async fn file_in_session(&self, record: &UsageRecord) -> Result<(), LedgerFault> {
        self.play(self.inner.file_in_session(record)).await
    }

    async fn events_to_sweep(&self, now: DateTime<Utc>) -> Result<Found<Event>, LedgerFault> {
        self.play(self.inner.events_to_sweep(now)).await
    }
}

pub(super) struct FailingObjects {
    pub(super) inner: Arc<MemoryObjects>,
    pub(super) life: Arc<Life>,
}

impl FailingObjects {
    async fn play<T>(&self, work: impl Future<Output = Result<T, Cause>>) -> Result<T, Cause> {
        self.life.play(work, |cause| cause, |cause| cause).await
    }
}

#[async_trait]
impl ObjectStore for FailingObjects {
    async fn put(&self, object: &Owned) -> Result<(), Cause> {
        self.play(self.inner.put(object)).await
    }

    async fn find(&self, owner: &Owner, kind: Kind, id: &ObjectId) -> Result<Option<Owned>, Cause> {
        self.play(self.inner.find(owner, kind, id)).await
    }

    async fn list(&self, owner: &Owner, kind: Kind) -> Result<Vec<Owned>, Cause> {
        self.play(self.inner.list(owner, kind)).await
    }

    async fn resize(&self, object: &Owned, size: Size) -> Result<(), Cause> {
        self.play(self.inner.resize(object, size)).await
    }

    async fn forget(&self, object: &Owned) -> Result<(), Cause> {
        self.play(self.inner.forget(object)).await
    }

    async fn mark(&self, event: &EventId, at: &str, until: DateTime<Utc>) -> Result<(), Cause> {
        self.play(self.inner.mark(event, at, until)).await
    }

    async fn marked(&self) -> Result<Found<Event>, Cause> {
        self.play(self.inner.marked()).await
    }

    async fn unmark(&self, event: &EventId) -> Result<(), Cause> {
        self.play(self.inner.unmark(event)).await
    }

    async fn open_job(&self, job: &Owned) -> Result<(), Cause> {
        self.play(self.inner.open_job(job)).await
    }

    async fn open_jobs(&self) -> Result<Found<Owned>, Cause> {
        self.play(self.inner.open_jobs()).await
    }

    async fn close_job(&self, job: &Owned) -> Result<(), Cause> {
        self.play(self.inner.close_job(job)).await
    }

    async fn of_event(
        &self,
        event: &EventId,
        after: Option<&ObjectPlace>,
        limit: u16,
    ) -> Result<ObjectPage, Cause> {
        self.play(self.inner.of_event(event, after, limit)).await
    }
}

//! One process's way to the ledger: slow, unreliable, and closed once the process is dead.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lanyard_domain::account::{Account, AccountKey, Change, Field, Write};
use lanyard_domain::allowance::Allowance;
use lanyard_domain::event::Event;
use lanyard_domain::hour::HourCount;
use lanyard_domain::ids::EventId;
use lanyard_domain::limit::{Counting, Limit};
use lanyard_domain::token::UserId;
use lanyard_domain::usage::UsageRecord;

use super::by_model;
use crate::ports::{AttendeePage, Found, Ledger, LedgerFault, Outcome};
use crate::testing::{MemoryLedger, SeededRandom, books, lock};

pub(super) struct SimulatedLedger {
    inner: Arc<MemoryLedger>,
    random: Arc<SeededRandom>,
    event: Event,
    is_troubled: bool,
    is_dead: AtomicBool,
    steps: AtomicU64,
    troubles: AtomicU64,
    moves: AtomicU64,
    restored: AtomicU64,
    broken: Mutex<Option<String>>,
}

/// The outcome of a call.
enum Fate {
    Works,
    Throttled,
    NeverArrives,
    ResponseLost,
    DiesBefore,
    DiesAfter,
}

impl SimulatedLedger {
    pub(super) fn new(
        inner: Arc<MemoryLedger>,
        random: Arc<SeededRandom>,
        event: Event,
        is_troubled: bool,
    ) -> Self {
        Self {
            inner,
            random,
            event,
            is_troubled,
            is_dead: AtomicBool::new(false),
            steps: AtomicU64::new(0),
            troubles: AtomicU64::new(0),
            moves: AtomicU64::new(0),
            restored: AtomicU64::new(0),
            broken: Mutex::default(),
        }
    }

    pub(super) fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::Relaxed)
    }

    pub(super) fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    pub(super) fn troubles(&self) -> u64 {
        self.troubles.load(Ordering::Relaxed)
    }

    pub(super) fn moves(&self) -> u64 {
        self.moves.load(Ordering::Relaxed)
    }

    pub(super) fn restored(&self) -> u64 {
        self.restored.load(Ordering::Relaxed)
    }

    fn count_moves(&self, write: &Write) {
        let has = |is: fn(&Change) -> bool| write.changes.iter().any(is);
        if has(|change| matches!(change, Change::Set(Field::MovedAt, _))) {
            self.moves.fetch_add(1, Ordering::Relaxed);
        } else if has(|change| matches!(change, Change::Add(Field::Moved(..), _))) {
            self.restored.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The first promise that a write through this process broke.
    pub(super) fn broken(&self) -> Option<String> {
        lock(&self.broken).clone()
    }

    /// The limits of a shard of the event's account.
    fn part(&self, key: &AccountKey) -> Allowance {
        match key {
            AccountKey::Event(_) => self.event.part(0, None),
            AccountKey::Shard(_, shard) => self.event.part(*shard, None),
            AccountKey::Attendee(..) => Allowance::default(),
        }
    }

    fn fate(&self) -> Fate {
        if !self.is_troubled {
            return Fate::Works;
        }
        match self.random.below(150) {
            0..=3 => Fate::Throttled,
            4..=6 => Fate::NeverArrives,
            7..=9 => Fate::ResponseLost,
            10 => Fate::DiesBefore,
            11 => Fate::DiesAfter,
            _ => Fate::Works,
        }
    }

    async fn play<T>(
        &self,
        work: impl Future<Output = Result<T, LedgerFault>>,
    ) -> Result<T, LedgerFault> {
        self.steps.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(self.random.below(40))).await;
        if self.is_dead() {
            return std::future::pending().await;
        }
        let fate = self.fate();
        if !matches!(fate, Fate::Works) {
            self.troubles.fetch_add(1, Ordering::Relaxed);
        }
        match fate {
            Fate::Works => work.await,
            Fate::Throttled => Err(LedgerFault::NotMade("simulated".into())),
            Fate::NeverArrives => {
                // The client gives a call up after a quarter of a second.
                tokio::time::sleep(Duration::from_millis(250)).await;
                Err(LedgerFault::Unknown("simulated".into()))
            }
            Fate::ResponseLost => {
                work.await?;
                tokio::time::sleep(Duration::from_millis(250)).await;
                Err(LedgerFault::Unknown("simulated".into()))
            }
            Fate::DiesBefore => self.die().await,
            Fate::DiesAfter => {
                work.await?;
                self.die().await
            }
        }
    }

    async fn die<T>(&self) -> T {
        self.is_dead.store(true, Ordering::Relaxed);
        std::future::pending().await
    }
}

#[async_trait]
impl Ledger for SimulatedLedger {
    async fn apply(&self, key: &AccountKey, write: &Write) -> Result<Outcome, LedgerFault> {
        self.play(async {
            let outcome = self.inner.apply(key, write).await?;
            if matches!(outcome, Outcome::Made(_)) {
                self.count_moves(write);
            }
            if let Outcome::Made(account) = &outcome
                && let Err(broken) = books::check(key, account)
                    .and_then(|()| check_budget(account, write, &self.part(key)))
                    .and_then(|()| by_model::check(&self.event, key, account, write))
            {
                lock(&self.broken).get_or_insert_with(|| format!("{broken} after {write:?}"));
            }
            Ok(outcome)
        })
        .await
    }

    async fn account(&self, key: &AccountKey) -> Result<Option<Account>, LedgerFault> {
        self.play(self.inner.account(key)).await
    }

    /// One after the other, so that what moves meanwhile may be seen twice or not at all.
    async fn accounts(&self, keys: &[AccountKey]) -> Result<Vec<Account>, LedgerFault> {
        self.play(async {
            let mut accounts = Vec::new();
            for key in keys {
                accounts.push(self.inner.account(key).await?.unwrap_or_default());
                tokio::time::sleep(Duration::from_millis(self.random.below(3))).await;
            }
            Ok(accounts)
        })
        .await
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

/// Checks that an admission to the event's account kept within the totals that it is granted, which
/// do not change during a run.
fn check_budget(account: &Account, write: &Write, granted: &Allowance) -> Result<(), String> {
    let is_admission =
        write.changes.iter().any(|c| matches!(c, Change::Add(Field::PeriodOpen(_), 1)));
    // Usage above an estimate may have passed a total. Only further requests are refused.
    let asked = |field| {
        write.changes.iter().any(|c| matches!(c, Change::Add(f, n) if *f == field && *n > 0))
    };
    for limit in Limit::ALL.iter().copied() {
        let field = match limit.counting() {
            Counting::TokensTotal => Field::Committed,
            Counting::UnitTotal(unit) => Field::UnitCommitted(unit),
            Counting::PerMinute(_)
            | Counting::PerDay(_)
            | Counting::InFlight
            | Counting::RequestsTotal => continue,
        };
        let committed = account.count(field);
        if let Some(most) = granted.limit(limit)
            && is_admission
            && asked(field)
            && committed > most
        {
            return Err(format!("{committed} were admitted where {most} {limit} are granted"));
        }
    }
    Ok(())
}

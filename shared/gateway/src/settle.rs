//! Step seven: what the request cost is written down, exactly once.
//!
//! The usage record comes first, then the attendee's account, whose hold makes the settlement
//! unrepeatable, then the event's account. Whatever fails in between, the sweep finds the hold, or
//! the reconciliation finds the difference.

mod budget;
mod hours;
mod pending;
mod record;
mod reservation;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use lanyard_domain::account::{AccountKey, Hold};
use lanyard_domain::admission::Side;
use lanyard_domain::allowance::Allowance;
use lanyard_domain::catalog::LeastRequest;
use lanyard_domain::event::Event;
use lanyard_domain::ids::RequestId;
use lanyard_domain::settlement::{self, Settlement};
use lanyard_domain::usage::{Charge, UsageRecord};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

use crate::Gateway;
use crate::background_tasks::BackgroundTasks;
use crate::call::{SHUTDOWN_MARGIN, time_left};
use crate::memory::Memory;
use crate::ports::{Clock, Incident, Ledger, LedgerFault, Outcome, RequestLine, RequestLog};
use crate::refusals::Refusals;
use crate::retry::{PAUSES, with_retry};

pub(crate) use budget::is_spent;
pub use pending::PendingRequest;
use record::record;
pub use reservation::Reservation;

/// How long a hold lives after its request's own deadline.
const AFTER_DEADLINE: Duration = Duration::from_secs(60);

/// How long a hold lives at most: 60 s longer than any function may run.
pub const HOLD_LIFE: chrono::TimeDelta = chrono::TimeDelta::minutes(16);

/// How long the hold of a request lives.
pub(crate) fn hold_life(deadline: Option<Instant>, is_streamed: bool) -> Duration {
    time_left(deadline, is_streamed) + SHUTDOWN_MARGIN + AFTER_DEADLINE
}

/// The outcome of a request that got what it asked for.
pub const OK: &str = "ok";

/// The parts that settlement needs, apart from the request.
pub struct Settler {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) request_log: Arc<dyn RequestLog>,
    pub(crate) memory: Memory,
    pub(crate) refusals: Refusals,
    /// Background work that must end before the process may be frozen.
    pub(crate) tasks: BackgroundTasks,
}

impl std::fmt::Debug for Settler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settler").field("tasks", &self.tasks.count()).finish_non_exhaustive()
    }
}

/// How a request ended, for its record.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    pub(crate) settlement: Settlement,
    /// Whether Azure's own count is missing.
    pub(crate) is_estimated: bool,
    pub(crate) outcome: &'static str,
    pub(crate) status: u16,
    pub(crate) first_byte_at: Option<DateTime<Utc>>,
}

impl Ending {
    /// An ending with this outcome and status.
    #[must_use]
    pub fn of(
        settlement: Settlement,
        outcome: &'static str,
        status: u16,
        first_byte_at: Option<DateTime<Utc>>,
    ) -> Self {
        let is_estimated = settlement.is_estimated();
        Self { settlement, is_estimated, outcome, status, first_byte_at }
    }
}

/// Whether a settlement was the first of its hold.
enum Settled {
    /// It was; with the used part of the event's budget after it, if that is known.
    First(Option<u64>),
    /// It had been settled before.
    Before,
}

impl Settled {
    fn budget_used_percent(self) -> Option<u64> {
        match self {
            Self::First(percent) => percent,
            Self::Before => None,
        }
    }
}

impl Settler {
    /// Settles after the response was passed on, and before the process may be frozen.
    pub(crate) fn settle_in_background(self: &Arc<Self>, reservation: Reservation, ending: Ending) {
        let settler = Arc::clone(self);
        self.in_background(async move {
            settler.settle(reservation, ending).await;
        });
    }

    /// Settles a reservation and writes its line in the request log. False if it stays to be settled.
    pub(crate) async fn settle(&self, mut reservation: Reservation, ending: Ending) -> bool {
        reservation.disarm();
        let now = self.clock.now();
        let is_own = reservation.metadata.is_own;
        let accounted = reservation.accounted(&ending.settlement);
        let prices = accounted.as_ref().map(|accounted| &accounted.prices);
        let bill = prices.and_then(|prices| prices.bill(ending.settlement.usage()?));
        let used = ending.settlement.charge_in_money(bill.as_ref(), &reservation.hold);
        let charge = used.map(|used| if is_own { Charge::default() } else { used });
        let record = charge.map(|charge| UsageRecord {
            own_charge: used.filter(|_| is_own),
            bill,
            ..record(&reservation, &ending, accounted.as_ref(), charge, now)
        });
        let (charge, is_recorded) = match &record {
            None => (None, false),
            Some(_) if !reservation.hold.is_recorded => (charge, false),
            Some(record) => match with_retry(PAUSES, || self.ledger.record(record), |_| true).await
            {
                Ok(None) => (charge, true),
                // The sweep was faster: its settlement counts.
                Ok(Some(earlier)) => (Some(earlier.charge), false),
                Err(fault) => {
                    self.failed(record, &fault);
                    return false;
                }
            },
        };
        let event = &reservation.at.event;
        let model = reservation.hold.model.map(|model| model.key);
        let allowances = [reservation.allowance, event.part(reservation.shard, model)];
        let shard = AccountKey::of_shard(&event.id, reservation.shard);
        let key = reservation.attendee_key();
        let least = budget::least_request(event, &reservation.at.catalog);
        let mut hour = Some(hours::of(&reservation, &ending, record.as_ref()));
        let (settled, (), ()) = tokio::join!(
            self.settle_accounts(
                [&key, &shard],
                &reservation.id,
                &reservation.hold,
                &allowances,
                charge,
                least,
            ),
            self.count_hour(hour.take_if(|_| is_recorded)),
            self.file_in_session(record.as_ref().filter(|_| is_recorded)),
        );
        if (record.is_none() || !reservation.hold.is_recorded)
            && matches!(settled, Ok(Settled::First(_)))
        {
            // There is no record, but the account has shown that this is the first settlement.
            self.count_hour(hour).await;
        }
        let is_settled = settled.is_ok();
        if let (Err(fault), Some(record)) = (&settled, &record) {
            self.failed(record, fault);
        }
        self.request_log.write(&RequestLine {
            request_id: Some(reservation.id.clone()),
            event: Some(reservation.at.event.id.clone()),
            attendee: Some(std::mem::take(&mut reservation.user_hash)),
            user: None,
            operation: Some(reservation.operation),
            model: Some(reservation.model.clone()),
            outcome: ending.outcome,
            status: ending.status,
            charge: charge.unwrap_or_default(),
            is_estimated: ending.is_estimated,
            is_streamed: reservation.is_streamed,
            duration_ms: ms_between(reservation.admitted_at, now),
            first_byte_ms: ms_between(reservation.admitted_at, ending.first_byte_at.unwrap_or(now)),
            dropped_tools: Arc::clone(&reservation.metadata.dropped_tools),
            budget_used_percent: settled.ok().and_then(Settled::budget_used_percent),
        });
        is_settled
    }

    /// Settles a hold on the attendee's account and, if that was the first time, on the event's.
    /// Says whether it was.
    async fn settle_accounts(
        &self,
        [attendee, event]: [&AccountKey; 2],
        id: &RequestId,
        hold: &Hold,
        [of_attendee, of_event]: &[Allowance; 2],
        charge: Option<Charge>,
        least: Option<LeastRequest>,
    ) -> Result<Settled, LedgerFault> {
        let now = self.clock.now();
        let is_first = self.settle_attendee(attendee, id, hold, of_attendee, charge, now).await?;
        if !is_first {
            return Ok(Settled::Before);
        }
        Ok(Settled::First(self.settle_event(event, id, hold, (of_event, least), charge).await))
    }

    /// True if this call settled the hold, false if it had been settled before.
    pub(crate) async fn settle_attendee(
        &self,
        key: &AccountKey,
        id: &RequestId,
        hold: &Hold,
        allowance: &Allowance,
        charge: Option<Charge>,
        now: DateTime<Utc>,
    ) -> Result<bool, LedgerFault> {
        let side = Side::Attendee { terms: 0 };
        let write = settlement::write(side, allowance, id, hold, charge, now.into());
        let mut is_unknown = false;
        let applied = with_retry(
            PAUSES,
            || self.ledger.apply(key, &write),
            |fault| {
                is_unknown |= matches!(fault, LedgerFault::Unknown(_));
                true
            },
        );
        match applied.await? {
            Outcome::Made(account) => {
                self.memory.saw_settled(key, account, hold.age_ms(now.into()));
                Ok(true)
            }
            // If the hold is gone after a lost response, this attempt has settled it. There are two
            // exceptions: the sweep may have settled an expired hold, and other requests may settle
            // a job.
            Outcome::Kept(_) => Ok(is_unknown && hold.expires_at > now.into() && !is_jobs(hold)),
        }
    }

    /// The event's share, at the shard that admitted the request. Made once: when the response is
    /// lost, the reconciliation will find the difference. Returns the used part of the budget after
    /// the write, if it was made.
    async fn settle_event(
        &self,
        key: &AccountKey,
        id: &RequestId,
        hold: &Hold,
        (part, least): (&Allowance, Option<LeastRequest>),
        charge: Option<Charge>,
    ) -> Option<u64> {
        let now = self.clock.now().into();
        let write = settlement::write(Side::Event, part, id, hold, charge, now);
        match with_retry(PAUSES, || self.ledger.apply(key, &write), LedgerFault::is_not_made).await
        {
            Ok(Outcome::Made(account)) => {
                let percent = budget::used_percent(part, &account, least);
                self.memory.saw_settled(key, account, hold.age_ms(now));
                percent
            }
            // The period was reconciled meanwhile, with this settlement in it.
            Ok(Outcome::Kept(_)) => None,
            Err(fault) => {
                tracing::warn!(
                    request_id = %id, fault = ?fault,
                    "event account not settled; it holds too much until it is reconciled"
                );
                None
            }
        }
    }

    /// Releases the holds that a refused request already had.
    pub(crate) fn release_in_background(
        self: &Arc<Self>,
        event: &Event,
        attendee: Option<AccountKey>,
        shard: Option<u16>,
        id: RequestId,
        hold: Hold,
    ) {
        if attendee.is_some() || shard.is_some() {
            self.in_background(self.release(event, attendee, shard, id, hold));
        }
    }

    /// The same, for a request that waits for it.
    pub(crate) fn release(
        self: &Arc<Self>,
        event: &Event,
        attendee: Option<AccountKey>,
        shard: Option<u16>,
        id: RequestId,
        hold: Hold,
    ) -> impl Future<Output = ()> + Send + 'static {
        let settler = Arc::clone(self);
        let model = hold.model.map(|model| model.key);
        let allowance = event.allowances.attendee_for(model);
        let shard =
            shard.map(|shard| (AccountKey::of_shard(&event.id, shard), event.part(shard, model)));
        async move {
            if let Some(key) = attendee {
                let now = settler.clock.now();
                let released =
                    settler.settle_attendee(&key, &id, &hold, &allowance, None, now).await;
                if let Err(fault) = released {
                    tracing::warn!(request_id = %id, fault = ?fault, "hold not released; the sweep will");
                }
            }
            if let Some((key, part)) = shard {
                settler.settle_event(&key, &id, &hold, (&part, None), None).await;
            }
        }
    }

    /// Files a request under the session that its client named, if it named one.
    pub(crate) async fn file_in_session(&self, record: Option<&UsageRecord>) {
        let Some(record) = record.filter(|record| record.named_session().is_some()) else { return };
        let filed = with_retry(PAUSES, || self.ledger.file_in_session(record), |_| true);
        if let Err(fault) = filed.await {
            let request_id = &record.request_id;
            tracing::warn!(%request_id, fault = ?fault, "request not filed in its session");
        }
    }

    /// Does the background work that must end before the process may be frozen. All of it has one
    /// type, so that the machinery of a task is there once.
    pub(crate) fn in_background(&self, work: impl Future<Output = ()> + Send + 'static) {
        let work: BoxFuture<'static, ()> = Box::pin(work);
        self.tasks.spawn(work);
    }

    /// A line from which the settlement can be made later. The hold stays charged until then.
    fn failed(&self, record: &UsageRecord, fault: &LedgerFault) {
        self.request_log.count(Incident::SettleFailed, Some(&record.event));
        let replay = serde_json::to_string(record).unwrap_or_default();
        tracing::error!(fault = ?fault, settlement = replay, "settle_failed");
    }
}

impl Gateway {
    /// Settles a reservation and writes its line in the request log. False if it stays to be settled.
    pub async fn settle(&self, reservation: Reservation, ending: Ending) -> bool {
        self.settler.settle(reservation, ending).await
    }

    /// Settles after the response was passed on, and before the process may be frozen.
    pub fn settle_in_background(&self, reservation: Reservation, ending: Ending) {
        self.settler.settle_in_background(reservation, ending);
    }

    /// Does work for which no client waits. It ends before the process may freeze.
    pub fn in_background(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.settler.in_background(work);
    }
}

/// Whether a hold lives longer than those of requests.
fn is_jobs(hold: &Hold) -> bool {
    hold.expires_at.since(hold.admitted_at) > HOLD_LIFE.num_nanoseconds().unwrap_or(i64::MAX)
}

/// Whole milliseconds from one instant to a later one.
#[must_use]
pub fn ms_between(from: DateTime<Utc>, to: DateTime<Utc>) -> u64 {
    u64::try_from((to - from).num_milliseconds()).unwrap_or_default()
}

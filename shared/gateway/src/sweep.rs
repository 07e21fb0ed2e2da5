//! Settles and corrects what crashed processes left open.
//!
//! Every minute, for every event that may need it: holds past their expiry are settled as their
//! usage record says, or at the estimate; and the periods that are over are compared, the event's
//! account with the sum of its attendees', and made equal.
//!
//! An item that cannot be read is counted as an incident and stops nothing but itself. Of an
//! unreadable account the counts that can be read are summed up, and the event's account then keeps
//! at least what was posted to it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use lanyard_domain::account::{Account, AccountKey, Field, Hold};
use lanyard_domain::event::Event;
use lanyard_domain::ids::{EventId, RequestId};
use lanyard_domain::operation::Operation;
use lanyard_domain::reconcile::{self, OpenHolds, Tally};
use lanyard_domain::settlement::Settlement;
use lanyard_domain::shard;
use lanyard_domain::time::{EpochNanos, MINUTE_NS, Period};
use lanyard_domain::token::UserId;
use lanyard_domain::usage::{CacheUse, Usage, UsageRecord};

use crate::Gateway;
use crate::ports::{Incident, LedgerFault, Outcome, Unreadable, UnreadableAccount};
use crate::settle::HOLD_LIFE;

/// Accounts that are read at once.
const PAGE: u16 = 200;

/// The counts of one sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Swept {
    /// Events looked at.
    pub events: u64,
    /// Holds that had expired.
    pub expired_holds: u64,
    /// Periods of an event that had to be reconciled.
    pub reconciled_periods: u64,
    /// Items that could not be read.
    pub unreadable: u64,
}

impl Gateway {
    /// Sweeps every event that may need it.
    ///
    /// # Errors
    ///
    /// The last fault of the ledger. Every event was tried, what was swept stays swept, and the next
    /// sweep goes on.
    pub async fn sweep(&self, now: DateTime<Utc>) -> Result<Swept, LedgerFault> {
        let mut swept = Swept::default();
        let events = self.ports.ledger.events_to_sweep(now).await?;
        for unreadable in &events.unreadable {
            self.unreadable(unreadable, None, &mut swept);
        }
        let mut last_fault = None;
        for event in events.items {
            if let Err(fault) = self.sweep_event(&event, now, &mut swept).await {
                tracing::warn!(event = %event.id, fault = ?fault, "an event is swept only in part");
                last_fault = self
                    .unless_unreadable(fault, "an account", &event, &mut swept)
                    .err()
                    .or(last_fault);
            }
        }
        last_fault.map_or(Ok(swept), Err)
    }

    fn unreadable(&self, unreadable: &Unreadable, event: Option<&EventId>, swept: &mut Swept) {
        unreadable.report(self.ports.request_log.as_ref(), event);
        swept.unreadable += 1;
    }

    /// Counts an item that cannot be read, and passes other faults on.
    fn unless_unreadable(
        &self,
        fault: LedgerFault,
        item: &str,
        event: &Event,
        swept: &mut Swept,
    ) -> Result<(), LedgerFault> {
        match fault {
            LedgerFault::Unreadable(cause) => {
                let unreadable = Unreadable { item: format!("{item} of {}", event.id), cause };
                self.unreadable(&unreadable, Some(&event.id), swept);
                Ok(())
            }
            LedgerFault::NotMade(_) | LedgerFault::Unknown(_) => Err(fault),
        }
    }

    async fn sweep_event(
        &self,
        event: &Event,
        now: DateTime<Utc>,
        swept: &mut Swept,
    ) -> Result<(), LedgerFault> {
        swept.events += 1;
        let keys = event.account_keys();
        let before = match self.ports.ledger.accounts(&keys).await {
            Ok(before) => Some(before),
            Err(fault) => {
                self.unless_unreadable(fault, "the account", event, swept)?;
                None
            }
        };
        let mut read = Attendees::default();
        let (mut seated, mut is_asking) = (0, false);
        let mut after = None;
        loop {
            let page = self.ports.ledger.attendees(&event.id, after.as_ref(), PAGE).await?;
            for UnreadableAccount { item, rest } in page.unreadable {
                self.unreadable(&item, Some(&event.id), swept);
                read.add(&rest);
                read.holds.may_be_more = true;
            }
            for (user, account) in page.accounts {
                let account = self.expire(event, &user, account, now, swept).await?;
                seated += u64::from(account.numbers.contains_key(&Field::SeatedAt));
                is_asking |= is_asking_now(&account, now);
                read.add(&account);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        // Holds have expired all the same. Only the unreadable account is left.
        let Some(before) = before else { return Ok(()) };
        // An unreadable account may have a seat.
        let first = before.first().filter(|_| !read.holds.may_be_more);
        let seats = first.and_then(|first| reconcile::seats(first, seated));
        let restored = shard::restore(&before, now.into());
        // Kept: the account changed meanwhile, and the next sweep tries again.
        for write in seats.filter(|_| !is_asking).into_iter().chain(restored) {
            self.ports.ledger.apply(&AccountKey::Event(event.id.clone()), &write).await?;
        }
        self.reconcile(event, &keys, before, &read, now, swept).await
    }

    /// Settles an attendee's expired holds and returns the account after that.
    async fn expire(
        &self,
        event: &Event,
        user: &UserId,
        mut account: Account,
        now: DateTime<Utc>,
        swept: &mut Swept,
    ) -> Result<Account, LedgerFault> {
        let key = AccountKey::Attendee(event.id.clone(), user.clone());
        let expired: Vec<(RequestId, Hold)> = account
            .holds
            .iter()
            .filter(|(_, hold)| hold.expires_at <= EpochNanos::from(now))
            .map(|(id, hold)| (id.clone(), *hold))
            .collect();
        if expired.is_empty() {
            return Ok(account);
        }
        for (id, hold) in expired {
            let record = expired_record(event, user, &id, &hold, now);
            let earlier = match hold.is_recorded {
                true => self.record_expired(&record, event, swept).await?,
                false => None,
            };
            // The request had written its own, and died after.
            self.settler.file_in_session(earlier.as_ref()).await;
            let charge = earlier.map_or(record.charge, |earlier| earlier.charge);
            let model = hold.model.map(|model| model.key);
            let allowance = account.allowance(&event.allowances.attendee_for(model));
            self.settler.settle_attendee(&key, &id, &hold, &allowance, Some(charge), now).await?;
            self.ports.request_log.count(Incident::HoldExpired, Some(&event.id));
            swept.expired_holds += 1;
        }
        if let Some(after) = self.ports.ledger.account(&key).await? {
            account = after;
        }
        Ok(account)
    }

    /// Writes the record of an expired hold. Returns the request's own record if there is one; one
    /// that cannot be read leaves the estimate.
    async fn record_expired(
        &self,
        record: &UsageRecord,
        event: &Event,
        swept: &mut Swept,
    ) -> Result<Option<UsageRecord>, LedgerFault> {
        match self.ports.ledger.record(record).await {
            Ok(earlier) => Ok(earlier),
            Err(fault) => {
                let item = format!("the record of {}", record.request_id);
                self.unless_unreadable(fault, &item, event, swept)?;
                Ok(None)
            }
        }
    }

    /// Makes the event's account equal to its attendees' in every period that is over. That is soon
    /// after its end if nothing of it is in flight, so that the event's account has few periods.
    ///
    /// All shards but the first are closed for the period, one after the other; then nothing that
    /// they have posted can change, and one write to the first settles the period for all.
    async fn reconcile(
        &self,
        event: &Event,
        keys: &[AccountKey],
        mut shards: Vec<Account>,
        attendees: &Attendees,
        now: DateTime<Utc>,
        swept: &mut Swept,
    ) -> Result<(), LedgerFault> {
        let longest = HOLD_LIFE.num_nanoseconds().unwrap_or(i64::MAX);
        let mut periods = reconcile::periods(&shards);
        periods.extend(attendees.tallies.keys().copied());
        let reconciled_through =
            |shard: &Account| shard.numbers.get(&Field::ReconciledThrough).copied();
        for period in periods {
            let is_reconciled = |shard: &Account| reconcile::is_reconciled(shard, period);
            if shards.first().is_none_or(is_reconciled) {
                continue;
            }
            if !reconcile::is_due(period, &shards, attendees.holds, now.into(), longest) {
                break;
            }
            let mut tally = attendees.tallies.get(&period).copied().unwrap_or_default();
            if attendees.holds.may_be_more {
                let posted = shards.iter().map(|shard| Tally::of(shard, period));
                tally = tally.at_least(posted.fold(Tally::default(), Tally::plus));
            }
            let mut is_needed = false;
            // The first comes last.
            for index in (0..shards.len()).rev() {
                let shard = &shards[index];
                let write = match index {
                    0 => reconcile::write(shard, period, tally),
                    _ => reconcile::close(shard, period, reconciled_through(&shards[0])),
                };
                let posted = if index == 0 { tally } else { Tally::of(shard, period) };
                is_needed |= reconcile::is_needed(shard, period, posted);
                tally = tally.less(posted);
                if index > 0 && is_reconciled(shard) {
                    continue;
                }
                match self.ports.ledger.apply(&keys[index], &write).await? {
                    Outcome::Made(after) => shards[index] = after,
                    // Another sweep was faster. It has seen the same.
                    Outcome::Kept(_) => return Ok(()),
                }
            }
            if is_needed {
                tracing::warn!(event = %event.id, period = period.0, "event account reconciled");
                self.ports.request_log.count(Incident::AccountReconciled, Some(&event.id));
                swept.reconciled_periods += 1;
            }
        }
        Ok(())
    }
}

/// The settled usage and the holds of all attendees of an event.
#[derive(Default)]
struct Attendees {
    tallies: BTreeMap<Period, Tally>,
    holds: OpenHolds,
}

impl Attendees {
    fn add(&mut self, account: &Account) {
        self.holds = self.holds.and(OpenHolds::of(account));
        for period in reconcile::periods([account]) {
            let tally = self.tallies.entry(period).or_default();
            *tally = tally.plus(Tally::of(account, period));
        }
    }
}

/// Whether a request of this newcomer may be between asking for a seat and taking it.
fn is_asking_now(account: &Account, now: DateTime<Utc>) -> bool {
    const AT_MOST_NS: i64 = MINUTE_NS;
    let asked = account.numbers.get(&Field::SeatAskedAt);
    asked.is_some_and(|asked| EpochNanos::from(now).since(EpochNanos(*asked)) < AT_MOST_NS)
}

/// The record of a request whose process died: at the estimate, since it may have reached a model.
fn expired_record(
    event: &Event,
    user: &UserId,
    id: &RequestId,
    hold: &Hold,
    now: DateTime<Utc>,
) -> UsageRecord {
    let charge = Settlement::AtLeast(Usage::default()).charge(hold).unwrap_or_default();
    UsageRecord {
        request_id: id.clone(),
        event: event.id.clone(),
        user: user.clone(),
        operation: Operation::ChatCompletions,
        model: None,
        charge,
        is_estimated: true,
        status: 0,
        is_streamed: false,
        admitted_at: hold.admitted_at.to_utc(),
        duration_ms: crate::settle::ms_between(hold.admitted_at.to_utc(), now),
        first_byte_ms: 0,
        session: None,
        app: None,
        response_id: None,
        own_charge: None,
        cache: CacheUse::default(),
        bill: None,
    }
}

//! A ledger in memory: one lock, and [`Account::apply`], which is what a write means.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lanyard_domain::account::{Account, AccountKey, Write};
use lanyard_domain::event::Event;
use lanyard_domain::hour::HourCount;
use lanyard_domain::ids::{EventId, RequestId, SessionId};
use lanyard_domain::token::UserId;
use lanyard_domain::usage::{Charge, UsageRecord};

use super::lock;
use crate::ports::{AttendeePage, Found, Ledger, LedgerFault, Outcome};

/// Accounts, records and hours in memory.
#[derive(Debug, Default)]
pub struct MemoryLedger(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    accounts: BTreeMap<AccountKey, Account>,
    records: HashMap<RequestId, UsageRecord>,
    hours: Vec<HourCount>,
    sessions: BTreeMap<(SessionId, RequestId), Charge>,
    events: BTreeMap<EventId, Event>,
}

impl MemoryLedger {
    /// Lets the sweep know of an event.
    pub fn put_event(&self, event: Event) {
        lock(&self.0).events.insert(event.id.clone(), event);
    }

    /// Every usage record, by its request's id.
    #[must_use]
    pub fn records(&self) -> Vec<UsageRecord> {
        let mut records: Vec<_> = lock(&self.0).records.values().cloned().collect();
        records.sort_by(|one, other| one.request_id.cmp(&other.request_id));
        records
    }

    /// The number of recorded requests of a session, and their charge.
    #[must_use]
    pub fn session(&self, session: &SessionId) -> (u64, Charge) {
        let state = lock(&self.0);
        let charges = state.sessions.iter().filter(|((of, _), _)| of == session);
        charges.fold((0, Charge::default()), |(requests, sum), (_, charge)| {
            (requests + 1, sum.plus(*charge))
        })
    }

    /// Everything that was counted in an event's hours, as it was counted.
    #[must_use]
    pub fn hours(&self, event: &EventId) -> Vec<HourCount> {
        lock(&self.0).hours.iter().filter(|count| count.event == *event).cloned().collect()
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn apply(&self, key: &AccountKey, write: &Write) -> Result<Outcome, LedgerFault> {
        let accounts = &mut lock(&self.0).accounts;
        let before = accounts.get_mut(key);
        let after = match &before {
            Some(account) => account.apply(write),
            None => Account::default().apply(write),
        };
        let Some(after) = after else { return Ok(Outcome::Kept(before.cloned())) };
        match before {
            Some(account) => account.clone_from(&after),
            None => {
                accounts.insert(key.clone(), after.clone());
            }
        }
        Ok(Outcome::Made(after))
    }

    async fn account(&self, key: &AccountKey) -> Result<Option<Account>, LedgerFault> {
        Ok(lock(&self.0).accounts.get(key).cloned())
    }

    async fn accounts(&self, keys: &[AccountKey]) -> Result<Vec<Account>, LedgerFault> {
        let state = lock(&self.0);
        Ok(keys.iter().map(|key| state.accounts.get(key).cloned().unwrap_or_default()).collect())
    }

    async fn attendees(
        &self,
        event: &EventId,
        after: Option<&UserId>,
        limit: u16,
    ) -> Result<AttendeePage, LedgerFault> {
        let state = lock(&self.0);
        let mut later = state.accounts.iter().filter_map(|(key, account)| match key {
            AccountKey::Attendee(of, user)
                if of == event && after.is_none_or(|after| user > after) =>
            {
                Some((user.clone(), account.clone()))
            }
            AccountKey::Attendee(..) | AccountKey::Event(_) | AccountKey::Shard(..) => None,
        });
        let page: Vec<_> = later.by_ref().take(limit.into()).collect();
        let last = page.last().map(|(user, _)| user.clone());
        let next = later.next().and(last);
        Ok(AttendeePage { accounts: page, unreadable: Vec::new(), next })
    }

    async fn record(&self, record: &UsageRecord) -> Result<Option<UsageRecord>, LedgerFault> {
        match lock(&self.0).records.entry(record.request_id.clone()) {
            Entry::Occupied(earlier) => Ok(Some(earlier.get().clone())),
            Entry::Vacant(place) => {
                place.insert(record.clone());
                Ok(None)
            }
        }
    }

    async fn count_hour(&self, count: &HourCount) -> Result<(), LedgerFault> {
        lock(&self.0).hours.push(count.clone());
        Ok(())
    }

    async fn file_in_session(&self, record: &UsageRecord) -> Result<(), LedgerFault> {
        let session =
            record.named_session().ok_or_else(|| LedgerFault::NotMade("no session".into()))?;
        let key = (session.clone(), record.request_id.clone());
        lock(&self.0).sessions.insert(key, record.charge);
        Ok(())
    }

    async fn events_to_sweep(&self, now: DateTime<Utc>) -> Result<Found<Event>, LedgerFault> {
        let events = &lock(&self.0).events;
        let due = events.values().filter(|event| event.window.starts_at() <= now);
        Ok(Found::all(due.cloned().collect()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::ledger_contract;

    #[tokio::test(flavor = "multi_thread")]
    async fn memory_keeps_the_ledgers_contract() {
        let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::default());
        ledger_contract(&[ledger], "memory").await;
    }
}

//! A ledger in memory: one lock, and [`Account::apply`], which is what a write means.

use std::collections::BTreeMap;
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
use crate::ports::{AttendeePage, Ledger, LedgerFault, Outcome};

/// Accounts, records and hours in memory.
#[derive(Debug, Default)]
pub struct MemoryLedger(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    accounts: BTreeMap<AccountKey, Account>,
    records: BTreeMap<RequestId, UsageRecord>,
    hours: Vec<HourCount>,
    sessions: BTreeMap<(SessionId, RequestId), Charge>,
    events: BTreeMap<EventId, Event>,
}

impl MemoryLedger {
    /// Lets the sweep know of an event.
    pub fn put_event(&self, event: Event) {
        lock(&self.0).events.insert(event.id.clone(), event);
    }

    /// Every usage record.
    #[must_use]
    pub fn records(&self) -> Vec<UsageRecord> {
        lock(&self.0).records.values().cloned().collect()
    }

    /// How many requests of a session are filed, and what they cost.
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
        let before = accounts.get(key).cloned();
        match before.clone().unwrap_or_default().apply(write) {
            Some(after) => {
                accounts.insert(key.clone(), after.clone());
                Ok(Outcome::Made(after))
            }
            None => Ok(Outcome::Kept(before)),
        }
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
        Ok((page, next))
    }

    async fn record(&self, record: &UsageRecord) -> Result<Option<UsageRecord>, LedgerFault> {
        let records = &mut lock(&self.0).records;
        let earlier = records.get(&record.request_id).cloned();
        if earlier.is_none() {
            records.insert(record.request_id.clone(), record.clone());
        }
        Ok(earlier)
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

    async fn events_to_sweep(&self, now: DateTime<Utc>) -> Result<Vec<Event>, LedgerFault> {
        let events = &lock(&self.0).events;
        Ok(events.values().filter(|event| event.window.starts_at() <= now).cloned().collect())
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

//! The totals of an event, read from the table itself: what must be true when all is quiet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use lanyard_domain::account::{Account, AccountKey, Field};
use lanyard_domain::ids::EventId;
use lanyard_domain::usage::{Charge, UsageRecord};
use lanyard_gateway::Ports;
use lanyard_gateway::ports::{Clock, Ledger};
use lanyard_gateway::testing::ScriptedUpstream;
use lanyard_local::request_log::LogLines;
use lanyard_objects::Objects;
use lanyard_platform::clients::Timeouts;
use lanyard_platform::shell::Machine;
use lanyard_platform::table::{Partition, Table, get_document, get_text};
use lanyard_tests::fixture::table_at;

use crate::child::run_secret;

/// The engine is one mutex, so concurrent calls wait in a queue.
const TIMEOUT: Timeouts =
    Timeouts { one_try: Duration::from_secs(60), all_tries: Duration::from_secs(60) };

/// Longer than any hold lives and any period lasts.
const MUCH_LATER: chrono::TimeDelta = chrono::TimeDelta::hours(2);

/// The table behind an engine, by a client of our own.
pub(crate) fn table(engine: &str) -> Result<Table> {
    table_at(engine, run_secret()?, TIMEOUT)
}

/// How many items are read at once. Asked for no number, the engine reads for each page all that is
/// left of the table.
const PAGE: i32 = 1_000;

/// The totals of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Settled requests and what they cost.
    pub(crate) requests: u64,
    pub(crate) charge: Charge,
    /// Tokens that are held, and requests under way.
    pub(crate) held: u64,
    pub(crate) open: u64,
}

impl Totals {
    fn of(account: &Account) -> Self {
        Self {
            requests: account.count(Field::Requests),
            charge: account.spent(),
            held: account.count(Field::Held),
            open: account.count(Field::Open).max(account.holds.len() as u64),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            charge: self.charge.plus(other.charge),
            held: self.held + other.held,
            open: self.open + other.open,
        }
    }
}

/// The event's account.
pub(crate) async fn event(table: &Table, event: &EventId) -> Result<Account> {
    Ok(table.account(&AccountKey::Event(event.clone())).await?.unwrap_or_default())
}

/// The sum of the accounts of an event's attendees.
pub(crate) async fn attendees(table: &Table, id: &EventId) -> Result<Totals> {
    let (mut sum, mut after) = (Totals::default(), None);
    loop {
        let page = table.attendees(id, after.as_ref(), 1_000).await?;
        sum = page.accounts.iter().fold(sum, |sum, (_, account)| sum.plus(Totals::of(account)));
        after = page.next;
        if after.is_none() {
            return Ok(sum);
        }
    }
}

/// Waits until nothing is held at an event, for so long at most; returns its account.
pub(crate) async fn quiet(table: &Table, id: &EventId, at_most: Duration) -> Result<Totals> {
    let until = tokio::time::Instant::now() + at_most;
    loop {
        let totals = Totals::of(&event(table, id).await?);
        if (totals.held == 0 && totals.open == 0) || tokio::time::Instant::now() >= until {
            return Ok(totals);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The sum of the records of each event.
pub(crate) struct Records(BTreeMap<EventId, Totals>);

impl Records {
    /// Reads all of them. No function reads the full table, but this is not a function.
    pub(crate) async fn read(table: &Table) -> Result<Self> {
        let mut sums: BTreeMap<EventId, Totals> = BTreeMap::new();
        let pages = table.client.scan().table_name(&table.name).limit(PAGE);
        let mut items = pages.into_paginator().items().send();
        while let Some(item) = items.next().await {
            let item = item?;
            if !get_text(&item, "pk").is_ok_and(|pk| pk.starts_with(Partition::Request.prefix())) {
                continue;
            }
            let record: UsageRecord =
                get_document(&item).map_err(|cause| anyhow::anyhow!(cause))?;
            let one = Totals { requests: 1, charge: record.charge, held: 0, open: 0 };
            let sum = sums.entry(record.event).or_default();
            *sum = sum.plus(one);
        }
        Ok(Self(sums))
    }
}

/// Three ways of adding up what an event used.
pub(crate) struct Books {
    /// The event's account.
    pub(crate) event: Totals,
    /// The sum of its attendees'.
    pub(crate) attendees: Totals,
    /// The sum of its records.
    pub(crate) records: Totals,
}

impl Books {
    /// Reads the accounts of an event, to lay beside all the records.
    pub(crate) async fn read(table: &Table, id: &EventId, records: &Records) -> Result<Self> {
        let attendees = attendees(table, id).await?;
        let records = records.0.get(id).copied().unwrap_or_default();
        Ok(Self { event: Totals::of(&event(table, id).await?), attendees, records })
    }

    /// Whether nothing is held and all three agree.
    pub(crate) fn check(&self) -> Result<()> {
        let Self { event, attendees, records } = self;
        ensure!(event.held == 0 && event.open == 0, "the event still holds {event:?}");
        ensure!(attendees.held == 0 && attendees.open == 0, "attendees still hold {attendees:?}");
        ensure!(event == attendees, "the event says {event:?}, its attendees {attendees:?}");
        ensure!(event == records, "the event says {event:?}, its records {records:?}");
        Ok(())
    }
}

/// The gateway of functions without attendees, over a table.
pub(crate) fn objects(table: &Table) -> Arc<Objects> {
    let ports = Ports {
        clock: Arc::new(Machine),
        random: Arc::new(Machine),
        events: Arc::new(table.clone()),
        ledger: Arc::new(table.clone()),
        upstream: Arc::new(ScriptedUpstream::default()),
        request_log: Arc::new(LogLines),
        ledger_timeout: TIMEOUT.all_tries,
    };
    Arc::new(Objects::new(ports, Arc::new(table.clone())))
}

/// Sweeps as the function will two hours from now, when every hold that a lost response left has
/// expired.
pub(crate) async fn sweep_much_later(table: &Table) -> Result<()> {
    objects(table).gateway().sweep(Machine.now() + MUCH_LATER).await?;
    Ok(())
}

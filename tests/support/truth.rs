//! Invariants when nothing runs: promises 3, 4 and 5 of the ledger, and no secret anywhere.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use lanyard_domain::account::{Account, Field};
use lanyard_domain::hour::HourCount;
use lanyard_domain::unit::Units;
use lanyard_domain::usage::{Charge, UsageRecord};
use lanyard_gateway::ports::Ledger;
use lanyard_platform::table::{Item, get_document, get_text};
use lanyard_platform::telemetry;

use super::world::{Inner, Store};
use super::{World, canary};

/// The total usage, on which the event's account, the attendees' accounts and the records agree.
#[derive(Debug)]
pub(crate) struct Totals {
    pub(crate) requests: u64,
    pub(crate) prompt_tokens: u64,
    pub(crate) completion_tokens: u64,
    /// Images, seconds and characters.
    pub(crate) units: Units,
    /// Every usage record.
    pub(crate) records: Vec<UsageRecord>,
}

impl Totals {
    /// Requests, prompt tokens and completion tokens.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        (self.requests, self.prompt_tokens, self.completion_tokens)
    }

    /// How many requests were charged by their estimate.
    pub(crate) fn estimated(&self) -> usize {
        self.records.iter().filter(|record| record.is_estimated).count()
    }
}

impl World {
    /// Waits until everything is settled, and checks that accounts and records agree.
    pub(crate) async fn settle(&self) -> Totals {
        self.quiet().await;
        let event = self.event_account().await;
        let attendees = self.accounts().await;
        let records = self.records().await;
        let sum = |number: fn(&Account) -> u64| attendees.iter().map(number).sum::<u64>();
        for account in attendees.iter().chain([&event]) {
            let held = (account.count(Field::Held), account.count(Field::Open));
            assert_eq!((held, account.holds.len()), ((0, 0), 0), "held for ever: {account:?}");
            assert_eq!(account.count(Field::Committed), account.spent().tokens(), "{account:?}");
            let units = (account.units(Field::UnitHeld), account.units(Field::UnitCommitted));
            assert_eq!(units, (Units::NONE, account.spent().units), "{account:?}");
            let negative = |(field, number): &(&Field, &i64)| {
                !matches!(field, Field::Override(_) | Field::OverrideOfModel(..)) && **number < 0
            };
            assert_eq!(account.numbers.iter().find(negative), None);
        }
        let spent = attendees.iter().fold(Charge::default(), |sum, a| sum.plus(a.spent()));
        assert_eq!(event.spent(), spent, "the event and its attendees disagree");
        assert_eq!(event.count(Field::Requests), sum(|a| a.count(Field::Requests)));
        let seated = |account: &&Account| account.numbers.contains_key(&Field::SeatedAt);
        let seats = attendees.iter().filter(seated).count() as u64;
        assert_eq!(event.count(Field::Seats), seats, "seats and the seated disagree");
        let recorded = records.iter().fold(Charge::default(), |sum, r| sum.plus(r.charge));
        assert_eq!(recorded, spent, "the records and the accounts disagree");
        assert_eq!(records.len() as u64, event.count(Field::Requests));
        Totals {
            requests: event.count(Field::Requests),
            prompt_tokens: spent.prompt_tokens,
            completion_tokens: spent.completion_tokens,
            units: spent.units,
            records,
        }
    }

    /// Waits until nothing goes on. Secrets are looked for; accounts may disagree.
    pub(crate) async fn quiet(&self) {
        for process in &self.processes {
            process.gateway().settled().await;
        }
        self.is_settled.store(true, Ordering::Relaxed);
        canary::assert_logs_are_clean();
        if let Store::Engine { engine, .. } = &self.store {
            engine.policed().assert_nothing_was_denied();
        }
        for line in self.request_log.lines() {
            let text = format!("{line:?} {:?}", telemetry::fields(&line));
            let secrets = [canary::KEY, canary::CODE, canary::PROMPT, canary::COMPLETION];
            assert_eq!(canary::in_text(&text, &secrets), None, "{text}");
        }
        for item in self.items().await {
            check_item(&item);
        }
    }
}

impl Inner {
    /// The ledger that the failing one wraps.
    pub(crate) fn true_ledger(&self) -> Arc<dyn Ledger> {
        match &self.store {
            Store::Engine { engine, .. } => Arc::new(engine.table()),
            Store::Memory { ledger, .. } => ledger.clone(),
        }
    }

    pub(crate) async fn accounts(&self) -> Vec<Account> {
        let page =
            self.true_ledger().attendees(&self.id, None, 1_000).await.expect("the ledger reads");
        assert_eq!(page.next, None, "a test has at most a thousand attendees");
        page.accounts.into_iter().map(|(_, account)| account).collect()
    }

    /// What was added to the hours of the event, which is in memory.
    pub(crate) fn hours(&self) -> Vec<HourCount> {
        match &self.store {
            Store::Memory { ledger, .. } => ledger.hours(&self.id),
            Store::Engine { .. } => panic!("this world is not in memory"),
        }
    }

    async fn records(&self) -> Vec<UsageRecord> {
        match &self.store {
            Store::Memory { ledger, .. } => ledger.records(),
            Store::Engine { engine, .. } => {
                let items = engine.items().await;
                let records = items.iter().filter(|item| has_prefix(item, "pk", "REQUEST#"));
                records.map(|item| get_document(item).expect("a record reads")).collect()
            }
        }
    }

    async fn items(&self) -> Vec<Item> {
        match &self.store {
            Store::Memory { .. } => Vec::new(),
            Store::Engine { engine, .. } => engine.items().await,
        }
    }
}

fn has_prefix(item: &Item, key: &str, prefix: &str) -> bool {
    get_text(item, key).is_ok_and(|value| value.starts_with(prefix))
}

/// The code is in the item that maps it and in the settings; deployments name their host.
fn check_item(item: &Item) {
    let text = format!("{item:?}");
    let mut secrets = vec![canary::KEY, canary::PROMPT, canary::COMPLETION];
    let is_settings = get_text(item, "sk").is_ok_and(|sk| sk == "EVENT");
    let is_index = has_prefix(item, "pk", "ORGANISER#");
    if !(is_settings || is_index || has_prefix(item, "pk", "CODE#")) {
        secrets.push(canary::CODE);
    }
    let is_own = has_prefix(item, "pk", "OWN#");
    if !(is_index || is_own) {
        secrets.push(canary::AZURE_NAME);
    }
    assert_eq!(canary::in_text(&text, &secrets), None, "a secret in the table: {text}");
}

//! The contract of every ledger.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a suite of tests fails by panicking")]

mod admit;
mod races;
mod reads;
mod shards;
mod writes;

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use lanyard_domain::account::{Account, AccountKey, Change, Condition, Field, Hold, Write};
use lanyard_domain::ids::{EventId, RequestId};
use lanyard_domain::time::EpochNanos;
use lanyard_domain::unit::Units;

use crate::ports::{Ledger, Outcome};

/// Runs the whole suite, and panics where a ledger differs.
///
/// Several ledgers are several processes over one store: the races deal their requests among them.
/// `run` keeps the events of one run apart from those of another on the same store.
pub async fn ledger_contract(processes: &[Arc<dyn Ledger>], run: &str) {
    let bench = Bench { processes: processes.to_vec(), run: run.to_owned() };
    writes::a_write_is_made_whole_or_not_at_all(&bench).await;
    writes::a_refused_write_returns_the_account_as_it_was(&bench).await;
    writes::every_condition_is_true_and_false_where_it_should_be(&bench).await;
    writes::every_change_is_made(&bench).await;
    writes::a_hold_is_put_once_and_removed_once(&bench).await;
    writes::accounts_are_apart(&bench).await;
    reads::attendees_come_in_order_and_in_pages(&bench).await;
    reads::a_record_is_kept_once_and_the_first_stays(&bench).await;
    reads::hours_are_counted(&bench).await;
    races::of_two_that_want_the_last_one_gets_it(&bench).await;
    races::exactly_as_many_are_admitted_as_fit(&bench).await;
    races::exactly_as_many_are_admitted_as_fit_a_limit_on_a_model(&bench).await;
    races::a_hold_is_settled_exactly_once(&bench).await;
    shards::several_accounts_are_read_at_once(&bench).await;
}

/// The ledgers under test.
struct Bench {
    processes: Vec<Arc<dyn Ledger>>,
    run: String,
}

impl Bench {
    fn ledger(&self) -> &dyn Ledger {
        self.processes.first().unwrap().as_ref()
    }

    /// An event that no other case uses.
    fn event(&self, case: &str) -> EventId {
        format!("{}.{case}", self.run).parse().unwrap()
    }

    fn attendee(&self, case: &str, user: &str) -> AccountKey {
        AccountKey::Attendee(self.event(case), user.parse().unwrap())
    }

    /// Makes changes that nothing can stop, and returns the account after them.
    async fn make(&self, key: &AccountKey, changes: Vec<Change>) -> Account {
        match self.ledger().apply(key, &Write { conditions: Vec::new(), changes }).await.unwrap() {
            Outcome::Made(account) => account,
            Outcome::Kept(_) => panic!("a write without conditions was not made"),
        }
    }

    /// Whether a write with this condition is made.
    async fn holds(&self, key: &AccountKey, condition: Condition) -> bool {
        let conditions = vec![condition];
        let changes = vec![Change::Add(Field::Requests, 1)];
        let outcome = self.ledger().apply(key, &Write { conditions, changes }).await.unwrap();
        matches!(outcome, Outcome::Made(_))
    }
}

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_796_472_000, 0).unwrap()
}

fn today() -> NaiveDate {
    noon().date_naive()
}

fn request(n: usize) -> RequestId {
    format!("req_{n}").parse().unwrap()
}

fn hold(tokens: u64) -> Hold {
    let now = EpochNanos::from(noon());
    Hold {
        prompt_tokens: tokens / 2,
        completion_tokens: tokens - tokens / 2,
        units: Units::NONE,
        admitted_at: now,
        day: today(),
        expires_at: EpochNanos(now.0 + 360_000_000_001),
        is_recorded: true,
        model: None,
    }
}

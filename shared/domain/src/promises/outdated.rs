//! What an admission removes from an account is never missed.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use proptest::prelude::*;

use super::{ATTENDEE, demand, noon, seated};
use crate::account::{Account, Field, signed};
use crate::admission::{self, Demand, Guess, Side};
use crate::allowance::Allowance;
use crate::limit::Quantity;
use crate::reconcile::{self, OpenHolds, Tally};
use crate::settlement;
use crate::time::{MINUTE_NS, Period};
use crate::usage::Charge;

/// The longest life of a reservation.
const LONGEST_NS: i64 = 16 * MINUTE_NS;

#[derive(Clone, Debug)]
enum Step {
    /// A request whose process is late by some seconds, and saw both accounts some steps ago.
    Admit {
        tokens: u64,
        late: i64,
        ago: usize,
    },
    /// A request ends. The event's part is lost in a crash, or not.
    Settle {
        pick: usize,
        used: Option<u64>,
        is_lost: bool,
    },
    Sweep,
}

fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let step = prop_oneof![
        4 => (1u64..40, 0i64..100, 0usize..4)
            .prop_map(|(tokens, late, ago)| Step::Admit { tokens, late, ago }),
        4 => (any::<usize>(), prop::option::of(0u64..60), prop::bool::weighted(0.15))
            .prop_map(|(pick, used, is_lost)| Step::Settle { pick, used, is_lost }),
        3 => Just(Step::Sweep),
    ];
    prop::collection::vec((0i64..600, step), 1..160)
}

/// Both accounts, the attendee's first.
type Accounts = [Account; 2];

/// Admits a request, without the removals if the account is not as it was seen.
fn admit(account: &mut Account, side: Side, demand: &Demand, seen: &Account, event: &Account) {
    let reconciled_through = event.get(Field::ReconciledThrough);
    let outdated = Guess::outdated(seen, demand, reconciled_through);
    let try_with = |guess: &Guess| {
        account.apply(&admission::write(side, &Allowance::default(), demand, guess))
    };
    let guess = Guess { outdated, ..Guess::default() };
    *account = try_with(&guess).or_else(|| try_with(&Guess::default())).unwrap();
}

fn sweep([attendee, event]: &mut Accounts, now: DateTime<Utc>) {
    for period in reconcile::periods([&*attendee, &*event]) {
        if reconcile::is_reconciled(event, period) {
            continue;
        }
        let (shards, holds) = (std::slice::from_ref(&*event), OpenHolds::of(attendee));
        if !reconcile::is_due(period, shards, holds, now.into(), LONGEST_NS) {
            break;
        }
        let write = reconcile::write(event, period, Tally::of(attendee, period));
        *event = event.apply(&write).unwrap();
    }
}

proptest! {
    #[test]
    fn removals_of_outdated_numbers_change_nothing_that_is_counted(steps in steps()) {
        let mut history: Vec<Accounts> = vec![[seated(), Account::default()]];
        let mut open: Vec<Demand> = Vec::new();
        let mut days = BTreeMap::<NaiveDate, i64>::new();
        let mut now = noon() + TimeDelta::hours(10);
        let mut is_lost_somewhere = false;
        for (n, (gap, step)) in steps.into_iter().enumerate() {
            now += TimeDelta::seconds(gap);
            let mut accounts = history.last().unwrap().clone();
            match step {
                Step::Admit { tokens, late, ago } => {
                    let demand = demand(n, tokens, now - TimeDelta::seconds(late));
                    let [seen, of_event] = &history[history.len().saturating_sub(1 + ago)];
                    let [attendee, event] = &mut accounts;
                    admit(attendee, ATTENDEE, &demand, seen, of_event);
                    admit(event, Side::Event, &demand, of_event, of_event);
                    *days.entry(demand.day.date).or_default() += signed(demand.hold().tokens());
                    open.push(demand);
                }
                Step::Settle { pick, used, is_lost } if !open.is_empty() => {
                    let demand = open.swap_remove(pick % open.len());
                    let (hold, none) = (demand.hold(), Allowance::default());
                    let charge = used.map(|used| Charge::of_tokens(used, 1));
                    let write = |side| {
                        settlement::write(side, &none, &demand.id, &hold, charge, now.into())
                    };
                    accounts[0] = accounts[0].apply(&write(ATTENDEE)).unwrap();
                    is_lost_somewhere |= is_lost;
                    if !is_lost {
                        accounts[1] = accounts[1].apply(&write(Side::Event)).unwrap();
                    }
                    let counted = signed(charge.map_or(0, |charge| charge.tokens()));
                    *days.entry(hold.day).or_default() += counted - signed(hold.tokens());
                }
                Step::Sweep => sweep(&mut accounts, now),
                Step::Settle { .. } => {}
            }
            let [attendee, event] = &accounts;
            for (field, number) in attendee.numbers.iter().chain(&event.numbers) {
                prop_assert!(*number >= 0, "{:?} is {}", field, number);
            }
            let held: u64 = open.iter().map(|demand| demand.hold().tokens()).sum();
            prop_assert_eq!(attendee.count(Field::Held), held);
            let in_periods: i64 = event.numbers.iter()
                .filter(|(field, _)| matches!(field, Field::PeriodHeld(_)))
                .map(|(_, held)| *held)
                .sum();
            prop_assert_eq!(event.get(Field::Held), in_periods);
            let today = now.date_naive();
            let counted = days.get(&today).copied().unwrap_or_default();
            let of_today = Field::Day(Quantity::Tokens, today);
            prop_assert_eq!(attendee.get(of_today), counted);
            // What a crash loses, the event counts until the day ends.
            prop_assert!(is_lost_somewhere || event.get(of_today) == counted);
            history.push(accounts);
        }
        let [mut attendee, mut event] = history.pop().unwrap();
        for demand in open {
            let (hold, none) = (demand.hold(), Allowance::default());
            let write = settlement::write(ATTENDEE, &none, &demand.id, &hold, None, now.into());
            attendee = attendee.apply(&write).unwrap();
        }
        let mut accounts = [attendee, event];
        now += TimeDelta::hours(2);
        sweep(&mut accounts, now);
        [attendee, event] = accounts;
        prop_assert_eq!(event.get(Field::Held), 0);
        prop_assert_eq!(event.spent(), attendee.spent());
        prop_assert_eq!(event.get(Field::Requests), attendee.get(Field::Requests));
        // The next request leaves nothing of earlier periods, and of earlier days only yesterday.
        let next = demand(1_000, 1, now);
        let seen = event.clone();
        admit(&mut event, Side::Event, &next, &seen, &seen);
        let left = reconcile::periods([&event]);
        prop_assert_eq!(left.into_iter().collect::<Vec<_>>(), [Period::of(next.now)]);
    }
}

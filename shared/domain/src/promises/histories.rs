//! The same guarantees for any history, as property tests.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::{ATTENDEE, admit, demand, demand_for, noon, only, seated, settle};
use crate::account::{Account, Field};
use crate::admission::{self, Demand, Side};
use crate::allowance::{Allowance, Limit};
use crate::estimate::Estimate;
use crate::limit::Quantity;
use crate::reconcile::{self, Tally};
use crate::settlement::{self, Settlement};
use crate::time::{EpochNanos, MINUTE_NS};
use crate::unit::{Unit, Units};
use crate::usage::{Charge, Usage};

#[derive(Clone, Debug)]
enum Step {
    Admit { estimate: Estimate },
    Settle { pick: usize, settlement: Settlement },
    SettleAgain { pick: usize },
    Wait { seconds: i64 },
    Allow { limit: usize, value: Option<u64> },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let units = || {
        prop_oneof![
            2 => Just(Units::NONE),
            1 => (0..Unit::ALL.len(), 1u64..6)
                .prop_map(|(unit, count)| Units::of(Unit::ALL[unit], count)),
        ]
    };
    let usage = (0u64..60, 0u64..60, units()).prop_map(|(prompt, completion, units)| Usage {
        units,
        ..Usage::of_tokens(prompt, completion)
    });
    let settlement = prop_oneof![
        usage.clone().prop_map(Settlement::Exact),
        usage.prop_map(Settlement::AtLeast),
        Just(Settlement::Void),
    ];
    let step = prop_oneof![
        5 => (1u64..40, units())
            .prop_map(|(tokens, units)| Step::Admit { estimate: Estimate { units, ..Estimate::of_tokens(0, tokens) } }),
        3 => (any::<usize>(), settlement).prop_map(|(pick, settlement)| Step::Settle { pick, settlement }),
        1 => any::<usize>().prop_map(|pick| Step::SettleAgain { pick }),
        2 => (0i64..90).prop_map(|seconds| Step::Wait { seconds }),
        1 => (0..Limit::ALL.len(), prop::option::of(1u64..400)).prop_map(|(limit, value)| Step::Allow { limit, value }),
    ];
    prop::collection::vec(step, 1..80)
}

proptest! {
    #[test]
    fn promises_2_3_and_5_hold_under_any_history(steps in steps(), budget in 50u64..2_000) {
        let mut allowance = only(Limit::TokensTotal, budget).with(Limit::InFlight, Some(8));
        let mut account = seated();
        let mut now = noon();
        // A request is settled with the allowance under which it was admitted.
        let mut open: Vec<(Demand, Allowance)> = Vec::new();
        let mut closed: Vec<(Demand, Allowance)> = Vec::new();
        let mut spent = Charge::default();
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                Step::Admit { estimate } => {
                    let demand = demand_for(n, estimate, now);
                    if admit(&mut account, ATTENDEE, &allowance, &demand).is_ok() {
                        open.push((demand, allowance));
                        if let Some(budget) = allowance.limit(Limit::TokensTotal) {
                            prop_assert!(account.count(Field::Committed) <= budget);
                        }
                        for (unit, _) in estimate.units.iter() {
                            if let Some(most) = allowance.limit(Limit::total_of(unit)) {
                                prop_assert!(account.count(Field::UnitCommitted(unit)) <= most);
                            }
                        }
                        if let Some(most) = allowance.limit(Limit::InFlight) {
                            prop_assert!(account.count(Field::Open) <= most);
                        }
                    }
                }
                Step::Settle { pick, settlement } if !open.is_empty() => {
                    let (demand, allowance) = open.swap_remove(pick % open.len());
                    spent = spent.plus(settlement.charge(&demand.hold()).unwrap_or_default());
                    prop_assert!(settle(&mut account, &allowance, &demand, settlement, now));
                    closed.push((demand, allowance));
                }
                Step::SettleAgain { pick } if !closed.is_empty() => {
                    let (again, allowance) = &closed[pick % closed.len()];
                    let before = account.clone();
                    let usage = Usage::of_tokens(9, 9);
                    prop_assert!(!settle(&mut account, allowance, again, Settlement::Exact(usage), now));
                    prop_assert_eq!(&account, &before);
                }
                Step::Wait { seconds } => now += TimeDelta::seconds(seconds),
                Step::Allow { limit, value } => allowance = allowance.with(Limit::ALL[limit], value),
                Step::Settle { .. } | Step::SettleAgain { .. } => {}
            }
            let held: u64 = open.iter().map(|(demand, _)| demand.hold().tokens()).sum();
            prop_assert_eq!(account.count(Field::Held), held);
            prop_assert_eq!(account.count(Field::Open), open.len() as u64);
            prop_assert_eq!(account.spent(), spent);
            prop_assert_eq!(account.count(Field::Committed), spent.tokens() + held);
            let held = open.iter().fold(Units::NONE, |sum, (demand, _)| sum.plus(demand.estimate.units));
            prop_assert_eq!(account.units(Field::UnitHeld), held);
            prop_assert_eq!(account.units(Field::UnitCommitted), spent.units.plus(held));
            for (field, number) in &account.numbers {
                prop_assert!(*number >= 0, "{:?} is {}", field, number);
            }
        }
        for (demand, allowance) in open {
            settle(&mut account, &allowance, &demand, Settlement::Void, now);
        }
        prop_assert_eq!(account.get(Field::Held), 0);
        prop_assert_eq!(account.units(Field::UnitHeld), Units::NONE);
        prop_assert!(account.holds.is_empty());
    }

    /// Compares with a reference that knows every true cost at once. Whatever the order of refunds,
    /// no minute admits more true tokens than an ideal bucket would.
    #[test]
    fn a_refund_of_rate_never_grants_more_than_the_true_cost_would_have_left(
        requests in prop::collection::vec(
            (prop_oneof![4 => 1u64..50, 1 => 50u64..400], 0u64..400, 0i64..40_000, 0i64..120_000),
            1..40,
        ),
    ) {
        let allowed = 100;
        let allowance = only(Limit::TokensPerMinute, allowed);
        let mut account = seated();
        let mut now = noon();
        let mut pending: Vec<(DateTime<Utc>, Demand, u64)> = Vec::new();
        let mut ideal_tat = 0i64;
        for (n, (estimate, used, gap_ms, lasts_ms)) in requests.into_iter().enumerate() {
            now += TimeDelta::milliseconds(gap_ms);
            pending.sort_by_key(|(ends, ..)| *ends);
            while pending.first().is_some_and(|(ends, ..)| *ends <= now) {
                let (ends, demand, used) = pending.remove(0);
                let usage = Usage::of_tokens(0, used);
                settle(&mut account, &allowance, &demand, Settlement::Exact(usage), ends);
            }
            let demand = demand(n, estimate, now);
            let used = used.min(estimate);
            if admit(&mut account, ATTENDEE, &allowance, &demand).is_ok() {
                let at = EpochNanos::from(now).0;
                ideal_tat = ideal_tat.max(at) + admission::cost_ns(used, allowed);
                // A request that is larger than the minute needed a full bucket.
                prop_assert!(ideal_tat - at <= MINUTE_NS.max(admission::cost_ns(used, allowed)));
                prop_assert!(account.get(Field::Tat(Quantity::Tokens)) >= ideal_tat.min(at));
                pending.push((now + TimeDelta::milliseconds(lasts_ms), demand, used));
            }
        }
    }

    /// A crash between the attendee's write and the event's leaves a difference. The reconciliation
    /// removes it, whatever happens in later periods in the meantime.
    #[test]
    fn promise_4_the_event_equals_its_attendees_after_the_reconciliation(
        history in prop::collection::vec((0usize..3, 1u64..100, 0u64..120, 0u8..4, 0i64..400, 0u64..4), 1..40),
    ) {
        let allowance = Allowance::default();
        let mut event = Account::default();
        let mut attendees = [seated(), seated(), seated()];
        let mut now = noon();
        for (n, (who, tokens, used, crash, gap, images)) in history.into_iter().enumerate() {
            now += TimeDelta::seconds(gap);
            let units = Units::of(Unit::Images, images);
            let demand = demand_for(n, Estimate { units, ..Estimate::of_tokens(0, tokens) }, now);
            let hold = demand.hold();
            admit(&mut attendees[who], ATTENDEE, &allowance, &demand).unwrap();
            if crash != 1 {
                admit(&mut event, Side::Event, &allowance, &demand).unwrap();
            }
            let charge = match crash {
                // The process crashed before the response. The sweep charges the estimate, on the
                // attendee's account alone if the event's account never got the request.
                1 | 2 => Settlement::AtLeast(Usage::default()).charge(&hold),
                _ => {
                    let units = Units::of(Unit::Images, images / 2);
                    Settlement::Exact(Usage { units, ..Usage::of_tokens(used, 0) }).charge(&hold)
                }
            };
            let settle = |side| settlement::write(side, &allowance, &demand.id, &hold, charge, now.into());
            attendees[who] = attendees[who].apply(&settle(ATTENDEE)).unwrap();
            if crash == 0 {
                event = event.apply(&settle(Side::Event)).unwrap();
            }
        }
        now += TimeDelta::hours(1);
        let mut reconciled = event.clone();
        for period in reconcile::periods(attendees.iter().chain([&event])) {
            prop_assert!(reconcile::is_over(period, now.into(), 6 * MINUTE_NS));
            let tally = attendees.iter().fold(Tally::default(), |sum, a| sum.plus(Tally::of(a, period)));
            let write = reconcile::write(&reconciled, period, tally);
            reconciled = reconciled.apply(&write).unwrap();
            prop_assert_eq!(reconciled.apply(&write), None);
        }
        let expected = attendees.iter().fold(Charge::default(), |sum, a| sum.plus(a.spent()));
        let requests: u64 = attendees.iter().map(|a| a.count(Field::Requests)).sum();
        prop_assert_eq!(reconciled.spent(), expected);
        prop_assert_eq!(reconciled.count(Field::Requests), requests);
        prop_assert_eq!(reconciled.get(Field::Held), 0);
        prop_assert_eq!(reconciled.get(Field::Open), 0);
        prop_assert_eq!(reconciled.units(Field::UnitHeld), Units::NONE);
        prop_assert_eq!(reconciled.units(Field::UnitCommitted), expected.units);
        prop_assert_eq!(reconciled.count(Field::Committed), expected.tokens());
    }
}

//! The promises of the ledger, as properties of the pure rules.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use proptest::prelude::*;

use crate::account::{Account, Field};
use crate::admission::{self, Demand, Guess, Refusal, Side, refusal};
use crate::allowance::{Allowance, Limit};
use crate::estimate::Estimate;
use crate::mend::{self, Tally};
use crate::settlement::{self, Settlement};
use crate::time::{EpochNanos, MINUTE_NS};
use crate::unit::{Unit, Units};
use crate::usage::{Charge, Usage};
use crate::window::LocalDay;

const ATTENDEE: Side = Side::Attendee { terms: 0 };

fn noon() -> DateTime<Utc> {
    "2026-12-05T12:00:00Z".parse().unwrap()
}

fn demand(n: usize, tokens: u64, now: DateTime<Utc>) -> Demand {
    demand_for(n, Estimate::of_tokens(0, tokens), now)
}

fn demand_for(n: usize, estimate: Estimate, now: DateTime<Utc>) -> Demand {
    let day = now.date_naive();
    Demand {
        is_recorded: true,
        id: format!("req_{n}").parse().unwrap(),
        estimate,
        now: now.into(),
        day: LocalDay { date: day, ends_at: midnight_after(day) },
        expires_at: (now + TimeDelta::minutes(6)).into(),
    }
}

fn midnight_after(day: NaiveDate) -> DateTime<Utc> {
    (day + TimeDelta::days(1)).and_time(chrono::NaiveTime::MIN).and_utc()
}

fn seated() -> Account {
    let mut account = Account::default();
    account.numbers.insert(Field::SeatedAt, 1);
    account
}

/// Admission as the gateway does it: propose from a guess, and from what the store shows if wrong.
fn admit(
    account: &mut Account,
    side: Side,
    allowance: &Allowance,
    demand: &Demand,
) -> Result<(), Refusal> {
    let mut guess = Guess::default();
    for _ in 0..3 {
        let write = admission::propose(side, allowance, demand, &guess)?;
        if let Some(after) = account.apply(&write) {
            *account = after;
            return Ok(());
        }
        if let Some(refusal) = refusal(allowance, account, demand) {
            return Err(refusal);
        }
        guess = Guess::from_account(account, demand.now);
    }
    panic!("neither admitted nor refused: {account:?} {demand:?}");
}

fn settle(
    account: &mut Account,
    allowance: &Allowance,
    demand: &Demand,
    settlement: Settlement,
    now: DateTime<Utc>,
) -> bool {
    let hold = demand.hold();
    let write = settlement::write(
        ATTENDEE,
        allowance,
        &demand.id,
        &hold,
        settlement.charge(&hold),
        now.into(),
    );
    match account.apply(&write) {
        Some(after) => {
            *account = after;
            true
        }
        None => false,
    }
}

fn only(limit: Limit, value: u64) -> Allowance {
    Allowance::default().with(limit, Some(value))
}

fn counts_requests(limit: Limit) -> bool {
    matches!(limit, Limit::RequestsPerMinute | Limit::RequestsPerDay | Limit::InFlight)
}

/// What a request asks for that is counted by a limit, which is that of a unit or not.
fn asks_for(limit: Limit, amount: u64) -> Estimate {
    match limit {
        Limit::UnitTotal(unit) => Estimate::of_units(Units::of(unit, amount)),
        Limit::RequestsPerMinute
        | Limit::TokensPerMinute
        | Limit::RequestsPerDay
        | Limit::TokensPerDay
        | Limit::TokensTotal
        | Limit::InFlight => Estimate::of_tokens(0, amount),
    }
}

#[test]
fn promise_1_n_requests_at_once_on_an_allowance_of_k_admit_exactly_k() {
    for limit in Limit::ALL {
        for n in [2u64, 16, 256] {
            for k in [1u64, 7, 100, 255] {
                let allowed = if counts_requests(limit) { k } else { k * 13 };
                let each = asks_for(limit, 13);
                let mut account = seated();
                let admitted = (0..n)
                    .filter(|i| {
                        let demand = demand_for(usize::try_from(*i).unwrap(), each, noon());
                        admit(&mut account, ATTENDEE, &only(limit, allowed), &demand).is_ok()
                    })
                    .count();
                assert_eq!(admitted as u64, n.min(k), "{limit:?} n={n} k={k}");
            }
        }
    }
}

#[test]
fn a_refusal_names_the_first_instant_that_helps() {
    let allowance = only(Limit::RequestsPerMinute, 7);
    let mut account = seated();
    for n in 0..7 {
        admit(&mut account, ATTENDEE, &allowance, &demand(n, 1, noon())).unwrap();
    }
    let Err(Refusal::Rate { retry_at, .. }) =
        admit(&mut account, ATTENDEE, &allowance, &demand(8, 1, noon()))
    else {
        panic!("an eighth request must be refused");
    };
    let just_before = retry_at.to_utc() - TimeDelta::nanoseconds(1);
    assert!(admit(&mut account, ATTENDEE, &allowance, &demand(8, 1, just_before)).is_err());
    assert!(admit(&mut account, ATTENDEE, &allowance, &demand(8, 1, retry_at.to_utc())).is_ok());
}

#[test]
fn a_day_ends_at_local_midnight_and_not_before() {
    let allowance = only(Limit::RequestsPerDay, 1);
    let mut account = seated();
    admit(&mut account, ATTENDEE, &allowance, &demand(1, 1, noon())).unwrap();
    let midnight = midnight_after(noon().date_naive());
    let late = demand(2, 1, midnight - TimeDelta::nanoseconds(1));
    assert_eq!(
        admit(&mut account, ATTENDEE, &allowance, &late),
        Err(Refusal::Day { limit: Limit::RequestsPerDay, allowed: 1, resets_at: midnight })
    );
    admit(&mut account, ATTENDEE, &allowance, &demand(2, 1, midnight)).unwrap();
}

#[test]
fn what_exceeds_the_whole_allowance_can_never_fit() {
    for limit in Limit::ALL.into_iter().filter(|limit| !counts_requests(*limit)) {
        let demand = demand_for(1, asks_for(limit, 11), noon());
        let refused = admit(&mut seated(), ATTENDEE, &only(limit, 10), &demand);
        assert_eq!(refused, Err(Refusal::NeverFits { limit, allowed: 10, needed: 11 }));
    }
}

#[test]
fn a_request_without_a_unit_is_never_refused_for_it_and_leaves_no_number_of_it() {
    let allowance = only(Limit::UnitTotal(Unit::Images), 0);
    let mut account = seated();
    let first = demand(1, 5, noon());
    admit(&mut account, ATTENDEE, &allowance, &first).unwrap();
    settle(&mut account, &allowance, &first, Settlement::Exact(Usage::of_tokens(1, 1)), noon());
    let is_of_a_unit = |field: &&Field| {
        matches!(
            field,
            Field::UnitCommitted(_)
                | Field::UnitHeld(_)
                | Field::UnitSpent(_)
                | Field::PeriodUnitHeld(..)
                | Field::PeriodUnitSpent(..)
        )
    };
    assert_eq!(account.numbers.keys().find(is_of_a_unit), None);
}

#[test]
fn a_spent_unit_is_refused_by_its_name_and_others_go_on() {
    let images = Limit::UnitTotal(Unit::Images);
    let allowance = only(images, 3).with(Limit::UnitTotal(Unit::Characters), Some(9));
    let mut account = seated();
    let two = demand_for(1, asks_for(images, 2), noon());
    admit(&mut account, ATTENDEE, &allowance, &two).unwrap();
    assert_eq!(
        admit(&mut account, ATTENDEE, &allowance, &demand_for(2, asks_for(images, 2), noon())),
        Err(Refusal::Budget { limit: images, allowed: 3, remaining: 1 })
    );
    let text = asks_for(Limit::UnitTotal(Unit::Characters), 9);
    admit(&mut account, ATTENDEE, &allowance, &demand_for(3, text, noon())).unwrap();
    // One of the two images was made: the other comes back.
    let made = Usage::of_units(Units::of(Unit::Images, 1));
    settle(&mut account, &allowance, &two, Settlement::Exact(made), noon());
    let again = demand_for(4, asks_for(images, 2), noon());
    admit(&mut account, ATTENDEE, &allowance, &again).unwrap();
    assert_eq!(account.spent().units, Units::of(Unit::Images, 1));
}

#[test]
fn a_blocked_or_unseated_attendee_is_not_admitted() {
    let mut blocked = seated();
    blocked.numbers.insert(Field::Blocked, 1);
    let demand = demand(1, 1, noon());
    assert_eq!(
        admit(&mut blocked, ATTENDEE, &Allowance::default(), &demand),
        Err(Refusal::Blocked)
    );
    let write =
        admission::propose(ATTENDEE, &Allowance::default(), &demand, &Guess::default()).unwrap();
    assert_eq!(Account::default().apply(&write), None);
}

#[test]
fn an_attendees_own_limit_replaces_the_events() {
    let mut account = seated();
    account.numbers.insert(Field::Override(Limit::RequestsPerDay), 3);
    account.numbers.insert(Field::Override(Limit::InFlight), crate::account::NO_LIMIT);
    let granted = only(Limit::RequestsPerDay, 1).with(Limit::InFlight, Some(4));
    let own = account.allowance(&granted);
    assert_eq!((own.requests_per_day, own.in_flight), (Some(3), None));
}

#[test]
fn a_settled_request_frees_what_it_did_not_use() {
    let allowance = only(Limit::TokensPerMinute, 1_000).with(Limit::TokensTotal, Some(1_000));
    let mut account = seated();
    let first = demand(1, 1_000, noon());
    admit(&mut account, ATTENDEE, &allowance, &first).unwrap();
    assert!(admit(&mut account, ATTENDEE, &allowance, &demand(2, 1, noon())).is_err());
    let usage = Usage::of_tokens(100, 100);
    assert!(settle(&mut account, &allowance, &first, Settlement::Exact(usage), noon()));
    admit(&mut account, ATTENDEE, &allowance, &demand(3, 800, noon())).unwrap();
    assert!(admit(&mut account, ATTENDEE, &allowance, &demand(4, 1, noon())).is_err());
}

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
        // A request is settled by the allowance under which it was admitted.
        let mut open: Vec<(Demand, Allowance)> = Vec::new();
        let mut closed: Vec<(Demand, Allowance)> = Vec::new();
        let mut spent = Charge::default();
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                Step::Admit { estimate } => {
                    let demand = demand_for(n, estimate, now);
                    if admit(&mut account, ATTENDEE, &allowance, &demand).is_ok() {
                        open.push((demand, allowance));
                        if let Some(budget) = allowance.tokens_total {
                            prop_assert!(account.count(Field::Committed) <= budget);
                        }
                        for (unit, _) in estimate.units.iter() {
                            if let Some(most) = allowance.limit(Limit::UnitTotal(unit)) {
                                prop_assert!(account.count(Field::UnitCommitted(unit)) <= most);
                            }
                        }
                        if let Some(most) = allowance.in_flight {
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

    /// Against a reference that knows every true cost at once: whatever the order of refunds, no
    /// minute ever sees more true tokens admitted than an ideal bucket would allow.
    #[test]
    fn a_refund_of_rate_never_grants_more_than_the_true_cost_would_have_left(
        requests in prop::collection::vec((1u64..50, 0u64..50, 0i64..20_000, 0i64..30_000), 1..40),
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
                prop_assert!(ideal_tat - at <= MINUTE_NS);
                prop_assert!(account.get(Field::TokenTat) >= ideal_tat.min(at));
                pending.push((now + TimeDelta::milliseconds(lasts_ms), demand, used));
            }
        }
    }

    /// Crashes between the attendee's write and the event's leave a difference; the mend takes it
    /// away, whatever happens in later periods meanwhile.
    #[test]
    fn promise_4_the_event_equals_its_attendees_after_the_mend(
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
                // Crashed before the answer: the sweep charges the estimate, on the attendee alone
                // when the event never heard of the request.
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
        let mut mended = event.clone();
        for period in mend::periods(attendees.iter().chain([&event])) {
            prop_assert!(mend::is_over(period, now.into(), 6 * MINUTE_NS));
            let tally = attendees.iter().fold(Tally::default(), |sum, a| sum.plus(Tally::of(a, period)));
            let write = mend::write(&mended, period, tally);
            mended = mended.apply(&write).unwrap();
            prop_assert_eq!(mended.apply(&write), None);
        }
        let expected = attendees.iter().fold(Charge::default(), |sum, a| sum.plus(a.spent()));
        let requests: u64 = attendees.iter().map(|a| a.count(Field::Requests)).sum();
        prop_assert_eq!(mended.spent(), expected);
        prop_assert_eq!(mended.count(Field::Requests), requests);
        prop_assert_eq!(mended.get(Field::Held), 0);
        prop_assert_eq!(mended.get(Field::Open), 0);
        prop_assert_eq!(mended.units(Field::UnitHeld), Units::NONE);
        prop_assert_eq!(mended.units(Field::UnitCommitted), expected.units);
        prop_assert_eq!(mended.count(Field::Committed), expected.tokens());
    }
}

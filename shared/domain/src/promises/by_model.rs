//! The same guarantees for limits on one model.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::{ATTENDEE, admit, asks_for, counts_requests, demand_for, noon, seated};
use crate::account::{Account, Change, Field};
use crate::admission::{Demand, Refusal, Side};
use crate::allowance::{Allowance, Allowances, Limit};
use crate::by_model::{ByModel, LimitKey, ModelKey, ModelLimit, ModelLimits};
use crate::estimate::Estimate;
use crate::ids::DeploymentName;
use crate::limit::{Counting, Quantity};
use crate::reconcile::{self, Tally};
use crate::settlement::{self, Settlement};
use crate::unit::{Unit, Units};
use crate::usage::{Charge, Usage};

fn name(text: &str) -> DeploymentName {
    text.parse().unwrap()
}

fn limits(of: &[(&str, Limit, u64)]) -> ModelLimits {
    let limit = |(model, limit, allowed): &(&str, Limit, u64)| ModelLimit {
        name: name(model),
        limit: *limit,
        allowed: *allowed,
    };
    of.iter().map(limit).collect()
}

/// The same limits for each attendee and for all together.
fn both(of: &[(&str, Limit, u64)]) -> Allowances {
    let by_model = ByModel { attendee: limits(of), event: limits(of) };
    Allowances { by_model, ..Allowances::default() }
}

/// A request to a model, as the gateway makes it.
fn asks(n: usize, model: &str, estimate: Estimate, allowances: &Allowances) -> Demand {
    let model = allowances.by_model.held(&name(model));
    Demand { model, ..demand_for(n, estimate, noon()) }
}

fn granted(side: Side, demand: &Demand, allowances: &Allowances) -> Allowance {
    match side {
        Side::Attendee { .. } => allowances.attendee_for(demand.model_key()),
        Side::Event => allowances.event_for(demand.model_key()),
    }
}

fn admit_to(
    account: &mut Account,
    side: Side,
    allowances: &Allowances,
    demand: &Demand,
) -> Result<(), Refusal> {
    admit(account, side, &granted(side, demand, allowances), demand)
}

fn settle(
    account: &mut Account,
    side: Side,
    allowances: &Allowances,
    demand: &Demand,
    charge: Option<Charge>,
) {
    let (hold, granted) = (demand.hold(), granted(side, demand, allowances));
    let write = settlement::write(side, &granted, &demand.id, &hold, charge, noon().into());
    *account = account.apply(&write).unwrap();
}

fn of(model: &str, limit: Limit) -> LimitKey {
    LimitKey { limit, model: Some(ModelKey::of(&name(model))) }
}

const SIDES: [Side; 2] = [ATTENDEE, Side::Event];

#[test]
fn promise_1_a_limit_of_k_on_a_model_admits_exactly_k_and_other_models_go_on() {
    for limit in Limit::BY_MODEL.iter().copied() {
        for n in [2u64, 16, 256] {
            for k in [1u64, 7, 100, 255] {
                for side in SIDES {
                    let allowed = if counts_requests(limit) { k } else { k * 13 };
                    let allowances = both(&[("dear", limit, allowed)]);
                    let mut account = seated();
                    let mut admitted = 0;
                    for i in 0..n {
                        let i = usize::try_from(i).unwrap();
                        let each = asks_for(limit, 13);
                        let dear = asks(2 * i, "Dear", each, &allowances);
                        admitted +=
                            u64::from(admit_to(&mut account, side, &allowances, &dear).is_ok());
                        let cheap = asks(2 * i + 1, "cheap", each, &allowances);
                        admit_to(&mut account, side, &allowances, &cheap).unwrap();
                    }
                    assert_eq!(admitted, n.min(k), "{limit:?} {side:?} n={n} k={k}");
                }
            }
        }
    }
}

#[test]
fn a_refusal_names_the_limit_and_its_model_and_whether_waiting_for_a_response_helps() {
    for limit in Limit::BY_MODEL.iter().copied().filter(|limit| limit.rate().is_none()) {
        for side in SIDES {
            let allowed = if counts_requests(limit) { 1 } else { 13 };
            let allowances = both(&[("dear", limit, allowed)]);
            let mut account = seated();
            let first = asks(1, "dear", asks_for(limit, 13), &allowances);
            admit_to(&mut account, side, &allowances, &first).unwrap();
            let again = asks(2, "dear", asks_for(limit, 13), &allowances);
            let refused = admit_to(&mut account, side, &allowances, &again).unwrap_err();
            assert_eq!(refused.limit(), Some(of("dear", limit)));
            assert!(refused.may_end_with_a_request(), "{refused:?}");
            if limit == Limit::InFlight {
                continue;
            }
            let used = Settlement::Exact(Usage {
                units: first.estimate.units,
                ..Usage::of_tokens(0, first.estimate.tokens())
            });
            settle(&mut account, side, &allowances, &first, used.charge(&first.hold()));
            let refused = admit_to(&mut account, side, &allowances, &again).unwrap_err();
            assert!(!refused.may_end_with_a_request(), "{refused:?}");
        }
    }
}

#[test]
fn a_rate_of_a_model_has_the_exact_time_to_retry() {
    let allowances = both(&[("dear", Limit::RequestsPerMinute, 2)]);
    for side in SIDES {
        let mut account = seated();
        for n in 0..2 {
            let demand = asks(n, "dear", Estimate::of_tokens(1, 1), &allowances);
            admit_to(&mut account, side, &allowances, &demand).unwrap();
        }
        let third = asks(3, "dear", Estimate::of_tokens(1, 1), &allowances);
        let Err(Refusal::Rate { limit, allowed: 2, retry_at, .. }) =
            admit_to(&mut account, side, &allowances, &third)
        else {
            panic!("a third request must be refused")
        };
        assert_eq!(limit, of("dear", Limit::RequestsPerMinute));
        assert_eq!(retry_at.to_utc() - noon(), TimeDelta::seconds(30));
        let in_time = Demand { now: retry_at, ..third };
        admit_to(&mut account, side, &allowances, &in_time).unwrap();
    }
}

#[test]
fn the_limits_on_all_models_come_first_in_a_refusal_of_the_same_kind() {
    let mut allowances = both(&[("dear", Limit::TokensTotal, 5)]);
    allowances.attendee.set(Limit::TokensTotal, Some(5));
    let demand = asks(1, "dear", Estimate::of_tokens(0, 6), &allowances);
    let refused = admit_to(&mut seated(), ATTENDEE, &allowances, &demand);
    let limit = Limit::TokensTotal.into();
    assert_eq!(refused, Err(Refusal::NeverFits { limit, allowed: 5, needed: 6 }));
}

/// The kinds of limits that the histories change.
const KINDS: [Limit; 6] = [
    Limit::RequestsTotal,
    Limit::RequestsPerDay,
    Limit::TokensTotal,
    Limit::UsdTotal,
    Limit::InFlight,
    Limit::TokensPerMinute,
];

const MODELS: [&str; 3] = ["one", "two", "three"];

#[derive(Clone, Debug)]
enum Step {
    Admit { model: usize, tokens: u64 },
    Settle { pick: usize, used: Option<u64> },
    Allow { limits: Vec<(usize, usize, u64)> },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let limits = prop::collection::vec((0..MODELS.len(), 0..KINDS.len(), 1u64..60), 0..=4);
    let step = prop_oneof![
        5 => (0..MODELS.len(), 1u64..20)
            .prop_map(|(model, tokens)| Step::Admit { model, tokens }),
        3 => (any::<usize>(), prop::option::of(0u64..30))
            .prop_map(|(pick, used)| Step::Settle { pick, used }),
        1 => limits.prop_map(|limits| Step::Allow { limits }),
    ];
    prop::collection::vec(step, 1..80)
}

fn allow(limits: &[(usize, usize, u64)]) -> Allowances {
    let each: Vec<_> =
        limits.iter().map(|(model, kind, value)| (MODELS[*model], KINDS[*kind], *value)).collect();
    let mut each_once = each.clone();
    each_once.sort_unstable_by_key(|(model, limit, _)| (*model, *limit));
    each_once.dedup_by_key(|(model, limit, _)| (*model, *limit));
    both(&each_once)
}

fn estimate(tokens: u64) -> Estimate {
    Estimate { units: Units::of(Unit::Usd, tokens), ..Estimate::of_tokens(0, tokens) }
}

/// What a reservation has put into the number of a limit, if that limit counts it.
fn held_by(demand: &Demand, limit: LimitKey) -> u64 {
    let counts = demand
        .model
        .is_some_and(|held| Some(held.key) == limit.model && held.event.contains(limit.limit));
    if counts { demand.hold().amount(limit.limit) } else { 0 }
}

proptest! {
    /// Limits on models come, change and go while requests run. What a limit counts is at any time
    /// what its requests used and reserve, and nothing becomes negative.
    #[test]
    fn promises_2_3_and_5_hold_while_limits_on_models_change(steps in steps()) {
        let mut allowances = allow(&[(0, 0, 3), (1, 2, 50)]);
        let mut accounts = [seated(), seated()];
        let mut open: Vec<Demand> = Vec::new();
        let mut spent = std::collections::BTreeMap::<LimitKey, u64>::new();
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                Step::Admit { model, tokens } => {
                    let demand = asks(n, MODELS[model], estimate(tokens), &allowances);
                    let mut after = accounts.clone();
                    let admitted = SIDES.iter().zip(&mut after).all(|(side, account)| {
                        admit_to(account, *side, &allowances, &demand).is_ok()
                    });
                    if !admitted {
                        continue;
                    }
                    accounts = after;
                    let granted = allowances.event_for(demand.model_key());
                    for (limit, allowed) in granted.each().filter(|(limit, _)| !limit.is_rate()) {
                        let field = Field::of_limit(limit, noon().date_naive());
                        prop_assert!(accounts[1].count(field) <= allowed, "{:?}", limit);
                    }
                    open.push(demand);
                }
                Step::Settle { pick, used } if !open.is_empty() => {
                    let demand = open.swap_remove(pick % open.len());
                    let hold = demand.hold();
                    let settlement = match used {
                        None => Settlement::Void,
                        Some(used) => Settlement::Exact(Usage {
                            units: Units::of(Unit::Usd, used),
                            ..Usage::of_tokens(used, 0)
                        }),
                    };
                    let charge = settlement.charge(&hold);
                    for (side, account) in SIDES.iter().zip(&mut accounts) {
                        settle(account, *side, &allowances, &demand, charge);
                    }
                    for limit in hold.model.iter().flat_map(|held| held.event.iter()) {
                        let key = LimitKey { limit, model: demand.model_key() };
                        let amount = match (limit.counting(), charge) {
                            (Counting::InFlight, _) | (_, None) => 0,
                            (_, Some(charge)) => {
                                limit.quantity().among(1, charge.tokens(), &charge.units)
                            }
                        };
                        *spent.entry(key).or_default() += amount;
                    }
                }
                Step::Allow { limits } => allowances = allow(&limits),
                Step::Settle { .. } => {}
            }
            for (model, kind) in MODELS.iter().flat_map(|m| KINDS.map(|kind| (*m, kind))) {
                let key = of(model, kind);
                if key.is_rate() {
                    continue;
                }
                let held: u64 = open.iter().map(|demand| held_by(demand, key)).sum();
                let expected = spent.get(&key).copied().unwrap_or_default() + held;
                let field = Field::of_limit(key, noon().date_naive());
                prop_assert_eq!(accounts[0].count(field), expected, "{:?}", key);
                prop_assert_eq!(accounts[1].count(field), expected, "{:?}", key);
                let in_periods: i64 = periods(&accounts[1], key);
                prop_assert_eq!(in_periods, i64::try_from(held).unwrap(), "{:?}", key);
            }
            for (field, number) in accounts.iter().flat_map(|account| &account.numbers) {
                prop_assert!(*number >= 0, "{:?} is {}", field, number);
            }
        }
    }

    /// A crash leaves what a lost request reserved of a limit on its model. The reconciliation
    /// releases it and charges what was used: never too little, and exactly that if the lost
    /// requests used one model.
    #[test]
    fn promise_4_a_limit_on_a_model_counts_what_its_requests_used_after_the_reconciliation(
        history in prop::collection::vec((0usize..2, 1u64..100, 0u64..120, any::<bool>()), 1..20),
        one_model in any::<bool>(),
    ) {
        let kinds = [Limit::TokensTotal, Limit::RequestsTotal];
        let each = |model: &'static str| kinds.map(|kind| (model, kind, 1_000_000));
        let allowances = both(&[each("one"), each("two")].concat());
        let (mut event, mut attendee) = (Account::default(), seated());
        let mut used_by = [(0, 0); 2];
        for (n, (model, tokens, used, is_lost)) in history.into_iter().enumerate() {
            let model = if one_model { 0 } else { model };
            let demand = asks(n, MODELS[model], Estimate::of_tokens(0, tokens), &allowances);
            admit_to(&mut event, Side::Event, &allowances, &demand).unwrap();
            admit_to(&mut attendee, ATTENDEE, &allowances, &demand).unwrap();
            let charge = Settlement::Exact(Usage::of_tokens(used, 0)).charge(&demand.hold());
            settle(&mut attendee, ATTENDEE, &allowances, &demand, charge);
            if !is_lost {
                settle(&mut event, Side::Event, &allowances, &demand, charge);
            }
            used_by[model].0 += used;
            used_by[model].1 += 1;
        }
        for period in reconcile::periods([&event]) {
            let write = reconcile::write(&event, period, Tally::of(&attendee, period));
            prop_assert!(write.changes.iter().all(|c| !matches!(c, Change::PutHold(..))));
            event = event.apply(&write).unwrap();
            prop_assert_eq!(event.apply(&write), None);
            prop_assert!(!reconcile::is_needed(&event, period, Tally::default()));
        }
        for (model, (tokens, requests)) in ["one", "two"].into_iter().zip(used_by) {
            let counted = kinds.map(|kind| {
                event.count(Field::of_limit(of(model, kind), noon().date_naive()))
            });
            let is_at_least = counted[0] >= tokens && counted[1] >= requests;
            prop_assert!(is_at_least, "{}: {:?} of {} and {}", model, counted, tokens, requests);
            if one_model {
                prop_assert_eq!(counted, [tokens, requests]);
            }
            for kind in kinds {
                prop_assert_eq!(periods(&event, of(model, kind)), 0);
            }
        }
    }
}

/// What the periods of an event hold of a limit.
fn periods(event: &Account, limit: LimitKey) -> i64 {
    let is_its = |field: &Field| {
        matches!(field, Field::PeriodModelHeld(_, model, kind)
            if Some(*model) == limit.model && *kind == limit.limit)
    };
    event.numbers.iter().filter(|(field, _)| is_its(field)).map(|(_, held)| *held).sum()
}

#[test]
fn a_quantity_is_never_counted_for_a_model_without_a_limit_on_it() {
    let allowances = both(&[("dear", Limit::ImagesTotal, 5)]);
    let mut account = seated();
    let demand = asks(1, "dear", Estimate::of_tokens(3, 4), &allowances);
    admit_to(&mut account, ATTENDEE, &allowances, &demand).unwrap();
    let other = asks(2, "cheap", asks_for(Limit::ImagesTotal, 3), &allowances);
    admit_to(&mut account, ATTENDEE, &allowances, &other).unwrap();
    assert_eq!(other.model, None);
    let is_of_model = |field: &&Field| matches!(field, Field::OfModel(..) | Field::OfModelDay(..));
    assert_eq!(account.numbers.keys().find(is_of_model), None);
    assert_eq!(Limit::ImagesTotal.quantity(), Quantity::Unit(Unit::Images));
}

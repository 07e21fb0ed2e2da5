//! Tests of the ledger's guarantees for an event's account in several shards.

mod contender;
mod history;
mod large;

use chrono::{DateTime, TimeDelta, Utc};

use self::contender::{Contender, Step};
use super::*;
use crate::admission::{Guess, Side};
use crate::by_model::{ByModel, HeldModel, ModelLimit, ModelLimits};
use crate::ids::DeploymentName;
use crate::unit::Units;
use crate::window::LocalDay;

const EACH: u64 = 13;

fn noon() -> DateTime<Utc> {
    "2026-12-05T12:00:00Z".parse().unwrap()
}

fn demand(n: usize, estimate: Estimate, now: DateTime<Utc>) -> Demand {
    let midnight = now.date_naive().succ_opt().unwrap().and_time(chrono::NaiveTime::MIN);
    Demand {
        is_recorded: true,
        model: None,
        id: format!("req_{n:032x}").parse().unwrap(),
        estimate,
        least: None,
        now: now.into(),
        day: LocalDay { date: now.date_naive(), ends_at: midnight.and_utc() },
        expires_at: (now + TimeDelta::minutes(6)).into(),
    }
}

fn only(limit: Limit, value: u64) -> Allowance {
    Allowance::default().with(limit, Some(value))
}

/// A limit of one model alone, and what makes a request one to it.
fn only_of_model(limit: Limit, value: u64) -> (Allowance, HeldModel) {
    let name: DeploymentName = "dear".parse().unwrap();
    let limits: ModelLimits =
        [ModelLimit { name: name.clone(), limit, allowed: value }].into_iter().collect();
    let by_model = ByModel { event: limits.clone(), ..ByModel::default() };
    (Allowance::default().for_model(limits.of(&name)), by_model.held(&name).unwrap())
}

/// The limit that admits exactly `k` requests, and the estimate of each request.
fn room_for(limit: Limit, k: u64) -> (u64, Estimate) {
    let estimate = Estimate::of_tokens(6, 7);
    match limit.quantity() {
        Quantity::Requests => (k, estimate),
        Quantity::Tokens => (k * EACH, estimate),
        Quantity::Unit(unit) => (k * EACH, Estimate { units: Units::of(unit, EACH), ..estimate }),
    }
}

/// The seed for which all contenders take turns evenly, so that all do the same step at the same
/// time.
const IN_STEP: u64 = 0;

/// How often each race is run. The order of calls differs each time.
const ROUNDS: u64 = 4;

/// Runs contenders in an order chosen by `seed` until all are done, and counts the admitted ones.
/// One in `crashes` crashes after it took room and before it gave it.
fn race(
    shards: &mut [Account],
    allowance: &Allowance,
    contenders: &mut Vec<Contender>,
    seed: u64,
    crashes: u64,
) -> usize {
    let is_in_step = seed == IN_STEP;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut admitted = 0;
    for calls in 0.. {
        if contenders.is_empty() {
            return admitted;
        }
        let count = contenders.len();
        assert!(calls < 4_000 * shards.len().max(16), "{count} get nowhere: {allowance:?}");
        let index = match is_in_step {
            true => calls % count,
            false => random.usize(..count),
        };
        let contender = &mut contenders[index];
        // In the end, a contender that still waits for a lost amount has waited long enough.
        contender.go(shards, allowance, crashes == 0 || calls < 2_000);
        let has_taken = matches!(&contender.step, Step::Give { taken } if !taken.is_empty());
        if has_taken && crashes > 0 && random.u64(..crashes) == 0 {
            contender.step = Step::Dead;
        }
        if contender.is_done() {
            admitted += usize::from(matches!(contender.step, Step::Admitted));
            contenders.swap_remove(index);
        }
    }
    admitted
}

fn contenders_of(n: usize, estimate: Estimate, of: u16, now: DateTime<Utc>) -> Vec<Contender> {
    (0..n).map(|i| Contender::new(demand(i, estimate, now), of)).collect()
}

#[test]
fn the_parts_of_shards_add_up_to_the_limit() {
    for of in [1, 2, 3, 7, 16, 64] {
        for allowance in [0, 1, 5, 63, 64, 65, 1_000_003, u64::MAX] {
            let parts = (0..of).map(|shard| only(Limit::TokensTotal, allowance).part(shard, of));
            let sum: u64 = parts.map(|part| part.limit(Limit::TokensTotal).unwrap()).sum();
            assert_eq!(sum, allowance, "in {of}");
        }
    }
    assert_eq!(Allowance::default().part(3, 16), Allowance::default());
}

#[test]
fn requests_are_spread_evenly_over_shards() {
    for of in [2u16, 3, 16, 64] {
        let mut asked = vec![0u32; usize::from(of)];
        for n in 0..6_400 {
            let [home, second, first] = choices(&demand(n, Estimate::NOTHING, noon()).id, of);
            assert!(home != second && home < of && second < of && first == 0);
            asked[usize::from(home)] += 1;
        }
        let (most, even) = (asked.iter().max().unwrap(), 6_400 / u32::from(of));
        assert!(*most < even + even / 2, "{asked:?}");
    }
    assert_eq!(choices(&"req_1".parse().unwrap(), 1), [0, 0, 0]);
}

#[test]
fn promise_1_holds_in_any_order_of_calls_for_any_number_of_shards() {
    let mut seed = 1;
    for limit in Limit::ALL.iter().copied() {
        for of in [1u16, 4, 16] {
            let cases = [(2, 1), (16, 5), (16, 6), (16, 7), (64, 25), (64, 27), (64, 63)];
            let cases = cases.into_iter().flat_map(|case| [(case, 0), (case, EACH - 1)]);
            for ((n, k), slack) in cases {
                let (allowed, estimate) = room_for(limit, k);
                // Not a multiple of the request, but still without room for one more.
                let allowed = if allowed == k { k } else { allowed + slack };
                let allowance = only(limit, allowed);
                if is_large(&allowance, of, &estimate) {
                    assert!(limit == Limit::TokensPerMinute && k < of.into());
                    continue;
                }
                for round in 0..ROUNDS {
                    let mut shards = vec![Account::default(); of.into()];
                    let mut contenders = contenders_of(n, estimate, of, noon());
                    if limit.rate().is_none() && round > 0 {
                        // Every third contender is a job. In step, two jobs might take from each
                        // other for ever.
                        for job in contenders.iter_mut().step_by(3) {
                            *job = Contender::new(job.demand.clone(), of).bound(of);
                        }
                    }
                    let order = if round == 0 { IN_STEP } else { seed };
                    let admitted = race(&mut shards, &allowance, &mut contenders, order, 0);
                    seed += 1;
                    assert_eq!(admitted as u64, k, "{limit:?} n={n} k={k} shards={of}");
                    let all = total(&shards);
                    assert_eq!((all.count(Field::Open), all.count(Field::Held)), (k, k * EACH));
                    assert_eq!(all.get(Field::Committed), all.get(Field::Held));
                }
            }
        }
    }
}

#[test]
fn promise_1_holds_for_a_limit_on_a_model_in_any_number_of_shards() {
    let mut seed = 1;
    for limit in Limit::BY_MODEL.iter().copied() {
        for (n, k, slack) in [(2, 1, 0), (16, 7, EACH - 1), (64, 27, 0)] {
            for of in [1u16, 4, 16] {
                let (allowed, estimate) = room_for(limit, k);
                let allowed = if allowed == k { k } else { allowed + slack };
                let (allowance, model) = only_of_model(limit, allowed);
                if is_large(&allowance, of, &estimate) {
                    assert!(limit == Limit::TokensPerMinute && k < of.into());
                    continue;
                }
                for order in [IN_STEP, seed] {
                    let mut shards = vec![Account::default(); of.into()];
                    let mut contenders = contenders_of(n, estimate, of, noon());
                    for contender in &mut contenders {
                        contender.demand.model = Some(model);
                    }
                    let admitted = race(&mut shards, &allowance, &mut contenders, order, 0);
                    seed += 1;
                    assert_eq!(admitted as u64, k, "{limit:?} n={n} k={k} shards={of}");
                    assert_eq!(total(&shards).count(Field::Open), k);
                }
            }
        }
    }
}

#[test]
fn without_gathering_the_rest_in_parts_stays_unused() {
    let (allowed, estimate) = room_for(Limit::TokensTotal, 25);
    let allowance = only(Limit::TokensTotal, allowed);
    let mut shards = vec![Account::default(); 16];
    let mut asks_all = |n: usize| {
        let contender = Contender::new(demand(n, estimate, noon()), 16);
        (0..16).any(|shard| contender.ask(&mut shards, &allowance, shard))
    };
    assert_eq!((0..64).filter(|n| asks_all(*n)).count(), 16);
}

#[test]
fn room_lost_between_shards_is_restored_and_used() {
    let mut seed = 7;
    let mut lost = 0;
    for limit in Limit::ALL.iter().copied().filter(|limit| limit.rate().is_none()) {
        for of in [4u16, 16] {
            let (allowed, estimate) = room_for(limit, 25);
            let allowance = only(limit, allowed);
            let mut shards = vec![Account::default(); of.into()];
            seed += 1;
            let mut contenders = contenders_of(64, estimate, of, noon());
            let before = race(&mut shards, &allowance, &mut contenders, seed, 2);
            assert!(before <= 25, "{before}");
            lost += 25 - before;
            let later = noon() + TimeDelta::minutes(2);
            assert_eq!(restore(&shards, (later - TimeDelta::milliseconds(1)).into()), None);
            if let Some(write) = restore(&shards, later.into()) {
                shards[0] = shards[0].apply(&write).unwrap();
                assert_eq!(shards[0].apply(&write), None, "released twice");
            }
            assert_eq!(restore(&shards, later.into()), None);
            let mut contenders = contenders_of(64, estimate, of, later);
            let after = race(&mut shards, &allowance, &mut contenders, seed, 0);
            assert_eq!(before + after, 25, "{limit:?} shards={of}");
        }
    }
    assert!(lost > 0, "no crash lost anything");
}

#[test]
fn a_refusal_names_the_time_at_which_enough_has_flowed_back_in_all() {
    let allowance = only(Limit::TokensPerMinute, 1_600);
    let estimate = Estimate::of_tokens(0, 90);
    let mut shards = vec![Account::default(); 16];
    let mut contenders = contenders_of(40, estimate, 16, noon());
    assert_eq!(race(&mut shards, &allowance, &mut contenders, 3, 0), 17);
    // 70 of 1,600 are left, spread over all shards.
    let asked = plan(&allowance, &shards, &demand(99, estimate, noon()), None, true);
    let Plan::Refuse(Refusal::Rate { retry_at, allowed: 1_600, .. }) = asked else {
        panic!("{asked:?}");
    };
    let wait = retry_at.to_utc() - noon();
    // 20 tokens at 1,600 a minute, plus one for each shard.
    assert_eq!(wait.num_milliseconds(), 1_350);
    let mut contenders = contenders_of(1, estimate, 16, retry_at.to_utc());
    assert_eq!(race(&mut shards, &allowance, &mut contenders, 3, 0), 1);
}

#[test]
fn the_sum_of_all_is_right_while_something_moves() {
    let allowance = only(Limit::TokensTotal, 400);
    let mut shards = vec![Account::default(); 4];
    let asks = demand(1, Estimate::of_tokens(0, 150), noon());
    let Plan::Gather(takes) = plan(&allowance, &shards, &asks, None, true) else { panic!() };
    let take = &takes[0];
    shards[usize::from(take.shard)] = shards[usize::from(take.shard)].apply(&take.write).unwrap();
    assert_eq!(total(&shards).get(Field::Committed), 0);
    let other = demand(2, Estimate::of_tokens(0, 400), noon());
    assert_eq!(plan(&allowance, &shards, &other, None, true), Plan::Wait);
    assert!(matches!(
        plan(&allowance, &shards, &other, None, false),
        Plan::Refuse(Refusal::Budget { .. })
    ));
    let late = demand(2, other.estimate, noon() + TimeDelta::seconds(5));
    assert!(matches!(
        plan(&allowance, &shards, &late, None, true),
        Plan::Refuse(Refusal::Budget { .. })
    ));
}

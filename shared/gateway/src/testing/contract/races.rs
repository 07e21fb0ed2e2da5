//! Many writes at once.

use std::sync::Arc;

use lanyard_domain::account::{AccountKey, Change, Condition, Field, Write};
use lanyard_domain::admission::{Demand, Side};
use lanyard_domain::allowance::{Allowance, Limit};
use lanyard_domain::by_model::LimitKey;
use lanyard_domain::settlement;
use lanyard_domain::unit::Units;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::admit::{admit, allowance_for, allowance_of_model_for, demand};
use super::{Bench, noon};
use crate::ports::{Ledger, Outcome};

/// How many at once, and how many of them fit.
const CROWDS: [(usize, u64); 3] = [(2, 1), (16, 7), (256, 100)];

/// Starts all at the same moment, distributed over the processes, and counts the admitted ones.
async fn race<F>(bench: &Bench, n: usize, run: impl Fn(usize, Arc<dyn Ledger>) -> F) -> usize
where
    F: Future<Output = bool> + Send + 'static,
{
    let start = Arc::new(Barrier::new(n));
    let mut runners = JoinSet::new();
    for i in 0..n {
        let ledger = Arc::clone(&bench.processes[i % bench.processes.len()]);
        let (runner, start) = (run(i, ledger), Arc::clone(&start));
        runners.spawn(async move {
            start.wait().await;
            runner.await
        });
    }
    runners.join_all().await.into_iter().filter(|said_yes| *said_yes).count()
}

pub(super) async fn of_two_that_want_the_last_one_gets_it(bench: &Bench) {
    let key = AccountKey::Event(bench.event("last"));
    let seats = 20;
    let made = race(bench, 2 * seats, |_, ledger| {
        let key = key.clone();
        let write = Write {
            conditions: vec![Condition::AtMost(Field::Seats, 19)],
            changes: vec![Change::Add(Field::Seats, 1)],
        };
        async move { matches!(ledger.apply(&key, &write).await.unwrap(), Outcome::Made(_)) }
    });
    assert_eq!(made.await, seats);
    let account = bench.ledger().account(&key).await.unwrap().unwrap();
    assert_eq!(account.count(Field::Seats), 20);
}

pub(super) async fn exactly_as_many_are_admitted_as_fit(bench: &Bench) {
    for (n, k) in CROWDS {
        for limit in Limit::ALL.iter().copied() {
            let case = format!("race-{}-{n}", limit.name());
            let attendee = bench.attendee(&case, "ada");
            bench.make(&attendee, vec![Change::Set(Field::SeatedAt, 1)]).await;
            let event = AccountKey::Event(bench.event(&case));
            for (key, side) in [(attendee, Side::Attendee { terms: 0 }), (event, Side::Event)] {
                let (allowance, estimate) = allowance_for(limit, k);
                let admitted = race(bench, n, |i, ledger| {
                    let (key, demand) = (key.clone(), demand(i, estimate));
                    async move { admit(&*ledger, &key, side, &allowance, &demand).await.is_ok() }
                });
                let admitted = admitted.await as u64;
                assert_eq!(admitted, k, "{limit:?} n={n} {side:?}");
                let account = bench.ledger().account(&key).await.unwrap().unwrap();
                assert_eq!(account.count(Field::Open), k);
                assert_eq!(account.count(Field::Held), k * estimate.tokens());
                for (unit, each) in estimate.units.iter() {
                    assert_eq!(account.count(Field::UnitHeld(unit)), k * each);
                    assert_eq!(account.count(Field::UnitCommitted(unit)), k * each);
                }
            }
        }
    }
}

/// One limit on a model for each way of counting. What they count is as without a model, and larger
/// crowds compete for all of them in `tests/it/by_model.rs`.
const OF_A_MODEL: [Limit; 6] = [
    Limit::TokensPerMinute,
    Limit::UsdPerDay,
    Limit::TokensTotal,
    Limit::UsdTotal,
    Limit::RequestsTotal,
    Limit::InFlight,
];

pub(super) async fn exactly_as_many_are_admitted_as_fit_a_limit_on_a_model(bench: &Bench) {
    let (n, k) = CROWDS[1];
    for limit in OF_A_MODEL {
        let case = format!("race-of-a-model-{}-{n}", limit.name());
        let attendee = bench.attendee(&case, "ada");
        bench.make(&attendee, vec![Change::Set(Field::SeatedAt, 1)]).await;
        let event = AccountKey::Event(bench.event(&case));
        for (key, side) in [(attendee, Side::Attendee { terms: 0 }), (event, Side::Event)] {
            let (allowance, model, estimate) = allowance_of_model_for(limit, k);
            // Every third request is to another model, and is not counted.
            let (others, to_model) = (n / 2, n);
            let admitted = race(bench, to_model + others, |i, ledger| {
                let is_other = i >= to_model;
                let model = Some(model).filter(|_| !is_other);
                let allowance = if is_other { Allowance::default() } else { allowance };
                let (key, demand) = (key.clone(), Demand { model, ..demand(i, estimate) });
                async move {
                    let admitted = admit(&*ledger, &key, side, &allowance, &demand).await;
                    assert!(admitted.is_ok() || !is_other, "{admitted:?}");
                    admitted.is_ok() && !is_other
                }
            });
            assert_eq!(admitted.await as u64, k, "{limit:?} n={n} {side:?}");
            let account = bench.ledger().account(&key).await.unwrap().unwrap();
            assert_eq!(account.count(Field::Open), k + others as u64);
            if limit.rate().is_none() {
                let counted = LimitKey { limit, model: Some(model.key) };
                let counted = account.count(Field::of_limit(counted, noon().date_naive()));
                let each = demand(0, estimate).hold().amount(limit);
                assert_eq!(counted, k * each, "{limit:?} n={n} {side:?}");
            }
        }
    }
}

pub(super) async fn a_hold_is_settled_exactly_once(bench: &Bench) {
    let key = bench.attendee("settle", "ada");
    bench.make(&key, vec![Change::Set(Field::SeatedAt, 1)]).await;
    let (allowance, estimate) = allowance_for(Limit::ImagesTotal, 5);
    let side = Side::Attendee { terms: 0 };
    let demand = demand(1, estimate);
    admit(bench.ledger(), &key, side, &allowance, &demand).await.unwrap();
    let hold = demand.hold();
    let settled = race(bench, 16, |_, ledger| {
        let key = key.clone();
        let write = settlement::write(side, &allowance, &demand.id, &hold, None, noon().into());
        async move { matches!(ledger.apply(&key, &write).await.unwrap(), Outcome::Made(_)) }
    });
    assert_eq!(settled.await, 1);
    let account = bench.ledger().account(&key).await.unwrap().unwrap();
    assert_eq!((account.get(Field::Held), account.get(Field::Open)), (0, 0));
    assert_eq!(account.units(Field::UnitHeld), Units::NONE);
    assert!(account.holds.is_empty());
}

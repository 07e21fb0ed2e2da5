//! Tests of the ledger's guarantees against the pure rules.

mod by_model;
mod histories;
mod lowered;
mod outdated;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::account::{Account, Field};
use crate::admission::{self, Demand, Guess, Refusal, Side, refusal};
use crate::allowance::{Allowance, Limit};
use crate::estimate::Estimate;
use crate::limit::{Counting, Quantity};
use crate::settlement::{self, Settlement};
use crate::unit::{Unit, Units};
use crate::usage::Usage;
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
        model: None,
        id: format!("req_{n}").parse().unwrap(),
        estimate,
        least: None,
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

/// Admits a request like the gateway does: with a guess first, then with the account that the store
/// returned if the guess was wrong.
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
        guess = Guess::from_account(account, demand);
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
    limit.quantity() == Quantity::Requests
}

/// An estimate for a request whose amount a limit counts, in tokens or in another unit.
fn asks_for(limit: Limit, amount: u64) -> Estimate {
    match limit.quantity() {
        Quantity::Unit(unit) => Estimate::of_units(Units::of(unit, amount)),
        Quantity::Requests | Quantity::Tokens => Estimate::of_tokens(0, amount),
    }
}

#[test]
fn promise_1_n_requests_at_once_on_an_allowance_of_k_admit_exactly_k() {
    for limit in Limit::ALL.iter().copied() {
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
        Err(Refusal::Day {
            limit: Limit::RequestsPerDay.into(),
            allowed: 1,
            remaining: 0,
            resets_at: midnight,
            is_held: true,
        })
    );
    admit(&mut account, ATTENDEE, &allowance, &demand(2, 1, midnight)).unwrap();
}

/// Waiting for requests in flight helps only if what is spent leaves room.
#[test]
fn a_refusal_shows_whether_only_reservations_prevent_admission() {
    let is_strict =
        |limit: &Limit| limit.rate().is_none() && !matches!(limit.counting(), Counting::InFlight);
    for limit in Limit::ALL.iter().copied().filter(is_strict) {
        let (one, all) = if counts_requests(limit) { (1, 1) } else { (6, 10) };
        let allowance = only(limit, all);
        let mut account = seated();
        let is_held = |account: &mut Account| {
            let second = demand_for(2, asks_for(limit, one), noon());
            match admit(account, ATTENDEE, &allowance, &second) {
                Err(Refusal::Day { is_held, .. } | Refusal::Budget { is_held, .. }) => is_held,
                other => panic!("{limit}: {other:?}"),
            }
        };
        let first = demand_for(1, asks_for(limit, one), noon());
        admit(&mut account, ATTENDEE, &allowance, &first).unwrap();
        assert!(is_held(&mut account), "{limit}");
        let hold = account.holds.get(&first.id).unwrap();
        let used = Usage { units: hold.units, ..Usage::of_tokens(hold.tokens(), 0) };
        settle(&mut account, &allowance, &first, Settlement::Exact(used), noon());
        assert!(!is_held(&mut account), "{limit}");
    }
}

#[test]
fn a_request_above_a_day_or_a_total_can_never_fit() {
    let is_strict = |limit: &Limit| !counts_requests(*limit) && limit.rate().is_none();
    for limit in Limit::ALL.iter().copied().filter(is_strict) {
        let demand = demand_for(1, asks_for(limit, 11), noon());
        let refused = admit(&mut seated(), ATTENDEE, &only(limit, 10), &demand);
        assert_eq!(
            refused,
            Err(Refusal::NeverFits { limit: limit.into(), allowed: 10, needed: 11 })
        );
    }
}

#[test]
fn a_limit_of_zero_admits_nothing_of_any_size() {
    for limit in Limit::ALL.iter().copied() {
        for amount in [1, 1_000] {
            let demand = demand_for(1, asks_for(limit, amount), noon());
            let refused = admit(&mut seated(), ATTENDEE, &only(limit, 0), &demand);
            let needed = if counts_requests(limit) { 1 } else { amount };
            assert_eq!(
                refused,
                Err(Refusal::NeverFits { limit: limit.into(), allowed: 0, needed })
            );
        }
    }
}

#[test]
fn of_many_requests_larger_than_a_minute_one_is_admitted_and_the_next_after_its_debt() {
    let allowance = only(Limit::TokensPerMinute, 100);
    for n in [2, 16, 256] {
        let mut account = seated();
        let mut now = noon();
        for round in 0..3 {
            let ask = |i| demand(round * n + i, 250, now);
            let outcomes: Vec<_> =
                (0..n).map(|i| admit(&mut account, ATTENDEE, &allowance, &ask(i))).collect();
            assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "n={n}");
            let Err(Refusal::Rate { retry_at, .. }) = outcomes[n - 1] else { panic!() };
            // 250 tokens at 100 a minute.
            assert_eq!(retry_at.to_utc() - now, TimeDelta::seconds(150));
            let early = retry_at.to_utc() - TimeDelta::nanoseconds(1);
            let again = demand(round * n, 101, early);
            assert!(admit(&mut account, ATTENDEE, &allowance, &again).is_err());
            now = retry_at.to_utc();
        }
    }
}

#[test]
fn a_request_within_a_minute_waits_for_its_part_of_a_debt() {
    let allowance = only(Limit::TokensPerMinute, 100);
    let mut account = seated();
    admit(&mut account, ATTENDEE, &allowance, &demand(1, 250, noon())).unwrap();
    let wait = |account: &mut Account, tokens| match admit(
        account,
        ATTENDEE,
        &allowance,
        &demand(2, tokens, noon()),
    ) {
        Err(Refusal::Rate { retry_at, .. }) => retry_at.to_utc() - noon(),
        other => panic!("{other:?}"),
    };
    assert_eq!(wait(&mut account, 10), TimeDelta::seconds(96));
    assert_eq!(wait(&mut account, 100), TimeDelta::seconds(150));
    assert_eq!(wait(&mut account, 10_000), TimeDelta::seconds(150));
    // It used 60 of its 250 tokens in 30 s: 36 s of debt, of which 30 s have passed.
    let now = noon() + TimeDelta::seconds(30);
    let usage = Settlement::Exact(Usage::of_tokens(0, 60));
    assert!(settle(&mut account, &allowance, &demand(1, 250, noon()), usage, now));
    admit(&mut account, ATTENDEE, &allowance, &demand(3, 90, now)).unwrap();
    assert!(admit(&mut account, ATTENDEE, &allowance, &demand(4, 1, now)).is_err());
}

#[test]
fn a_request_without_a_unit_is_never_refused_for_it_and_leaves_no_number_of_it() {
    let allowance = only(Limit::ImagesTotal, 0);
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
    let images = Limit::ImagesTotal;
    let allowance = only(images, 3).with(Limit::CharactersTotal, Some(9));
    let mut account = seated();
    let two = demand_for(1, asks_for(images, 2), noon());
    admit(&mut account, ATTENDEE, &allowance, &two).unwrap();
    assert_eq!(
        admit(&mut account, ATTENDEE, &allowance, &demand_for(2, asks_for(images, 2), noon())),
        Err(Refusal::Budget { limit: images.into(), allowed: 3, remaining: 1, is_held: true })
    );
    let text = asks_for(Limit::CharactersTotal, 9);
    admit(&mut account, ATTENDEE, &allowance, &demand_for(3, text, noon())).unwrap();
    // One of the two images was made, so the other one is released.
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
    assert_eq!(own.limit(Limit::RequestsPerDay), Some(3));
    assert_eq!(own.limit(Limit::InFlight), None);
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

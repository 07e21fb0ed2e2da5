//! One write at a time.

use lanyard_domain::account::{
    Account, AccountKey, Change, Condition, Field, Hold, NO_LIMIT, Write,
};
use lanyard_domain::allowance::Limit;
use lanyard_domain::limit::Quantity;
use lanyard_domain::time::Period;
use lanyard_domain::unit::{Unit, Units};

use super::{Bench, hold, request, today};
use crate::ports::Outcome;

pub(super) async fn a_write_is_made_whole_or_not_at_all(bench: &Bench) {
    let key = AccountKey::Event(bench.event("whole"));
    bench.make(&key, vec![Change::Set(Field::Seats, 3)]).await;
    let write = Write {
        conditions: vec![
            Condition::AtMost(Field::Seats, 3),
            Condition::Present(Field::Seats),
            Condition::Absent(Field::Seats),
        ],
        changes: vec![Change::Add(Field::Held, 7), Change::Set(Field::Seats, 9)],
    };
    let Outcome::Kept(Some(old)) = bench.ledger().apply(&key, &write).await.unwrap() else {
        panic!("one failed condition must keep the account");
    };
    assert_eq!(old.numbers, [(Field::Seats, 3)].into_iter().collect());
    let write = Write { conditions: write.conditions[..2].to_vec(), ..write };
    let Outcome::Made(new) = bench.ledger().apply(&key, &write).await.unwrap() else {
        panic!("conditions that all hold must let the write be made");
    };
    assert_eq!(new.numbers, [(Field::Seats, 9), (Field::Held, 7)].into_iter().collect());
    assert_eq!(bench.ledger().account(&key).await.unwrap(), Some(new));
}

pub(super) async fn a_refused_write_returns_the_account_as_it_was(bench: &Bench) {
    let key = bench.attendee("refused", "nobody");
    let write = Write {
        conditions: vec![Condition::Present(Field::SeatedAt)],
        changes: vec![Change::Add(Field::Held, 1)],
    };
    assert_eq!(bench.ledger().account(&key).await.unwrap(), None);
    assert_eq!(bench.ledger().apply(&key, &write).await.unwrap(), Outcome::Kept(None));
    assert_eq!(bench.ledger().account(&key).await.unwrap(), None, "a refused write left a trace");

    let account = bench.make(
        &key,
        vec![Change::Add(Field::Open, 2), Change::PutHold(request(1), Box::new(hold(5)))],
    );
    let account = account.await;
    assert_eq!(bench.ledger().apply(&key, &write).await.unwrap(), Outcome::Kept(Some(account)));
}

pub(super) async fn every_condition_is_true_and_false_where_it_should_be(bench: &Bench) {
    let key = bench.attendee("conditions", "ada");
    let five = Field::Committed;
    let none = Field::Held;
    bench
        .make(&key, vec![Change::Set(five, 5), Change::PutHold(request(1), Box::new(hold(1)))])
        .await;
    let cases = [
        (Condition::AtMost(five, 5), true),
        (Condition::AtMost(five, 4), false),
        (Condition::AtMost(five, -1), false),
        // An absent number counts as zero.
        (Condition::AtMost(none, 0), true),
        (Condition::AtMost(none, 9), true),
        (Condition::AtMost(none, -1), false),
        (Condition::AtLeast(five, 5), true),
        (Condition::AtLeast(five, 6), false),
        (Condition::AtLeast(none, 0), false),
        (Condition::AtLeast(none, -1), false),
        (Condition::Below(five, 6), true),
        (Condition::Below(five, 5), false),
        (Condition::Below(none, 0), true),
        (Condition::Below(none, -1), true),
        (Condition::Present(five), true),
        (Condition::Present(none), false),
        (Condition::Absent(five), false),
        (Condition::Absent(none), true),
        (Condition::Is(five, 5), true),
        (Condition::Is(five, 6), false),
        (Condition::Is(none, 0), false),
        (Condition::HoldPresent(request(1)), true),
        (Condition::HoldPresent(request(2)), false),
        (Condition::HoldAbsent(request(1)), false),
        (Condition::HoldAbsent(request(2)), true),
    ];
    for (condition, expected) in cases {
        let said = format!("{condition:?}");
        assert_eq!(bench.holds(&key, condition).await, expected, "{said}");
    }
    bench.make(&key, vec![Change::Set(none, -3)]).await;
    assert!(bench.holds(&key, Condition::AtMost(none, -3)).await);
    assert!(!bench.holds(&key, Condition::AtMost(none, -4)).await);
    assert!(bench.holds(&key, Condition::AtMost(none, 0)).await);
}

pub(super) async fn every_change_is_made(bench: &Bench) {
    let key = bench.attendee("changes", "x' or '1'='1");
    // The sum with a number that does not lose its last digit in floating point.
    let large = 9_007_199_254_740_993;
    let period = Period(2_994_120);
    let with_units = Hold { units: Units::of(Unit::Characters, 4_096), ..hold(10) };
    let account = bench
        .make(
            &key,
            vec![
                Change::Add(Field::Committed, large),
                Change::Set(Field::Tat(Quantity::Tokens), i64::MAX),
                Change::Set(Field::Override(Limit::InFlight), NO_LIMIT),
                Change::Add(Field::Day(Quantity::Requests, today()), 1),
                Change::Add(Field::PeriodHeld(period), 4),
                Change::Add(Field::UnitHeld(Unit::Images), 3),
                Change::Add(Field::PeriodUnitHeld(period, Unit::AudioSeconds), 60),
                Change::PutHold(request(1), Box::new(hold(9))),
                Change::PutHold(request(2), Box::new(with_units)),
            ],
        )
        .await;
    let mut expected = Account {
        numbers: [
            (Field::Committed, large),
            (Field::Tat(Quantity::Tokens), i64::MAX),
            (Field::Override(Limit::InFlight), NO_LIMIT),
            (Field::Day(Quantity::Requests, today()), 1),
            (Field::PeriodHeld(period), 4),
            (Field::UnitHeld(Unit::Images), 3),
            (Field::PeriodUnitHeld(period, Unit::AudioSeconds), 60),
        ]
        .into_iter()
        .collect(),
        holds: [(request(1), hold(9)), (request(2), with_units)].into_iter().collect(),
    };
    assert_eq!(account, expected);

    let account = bench
        .make(
            &key,
            vec![
                Change::Add(Field::Committed, -1),
                Change::Set(Field::Tat(Quantity::Tokens), 3),
                Change::Remove(Field::Day(Quantity::Requests, today())),
                Change::Remove(Field::Seats),
                Change::Add(Field::PeriodHeld(period), -4),
                Change::Add(Field::UnitHeld(Unit::Images), -3),
                Change::Remove(Field::PeriodUnitHeld(period, Unit::AudioSeconds)),
                Change::RemoveHold(request(1)),
                Change::RemoveHold(request(3)),
            ],
        )
        .await;
    expected.numbers.extend([(Field::Committed, large - 1), (Field::Tat(Quantity::Tokens), 3)]);
    expected.numbers.insert(Field::PeriodHeld(period), 0);
    expected.numbers.insert(Field::UnitHeld(Unit::Images), 0);
    expected.numbers.remove(&Field::PeriodUnitHeld(period, Unit::AudioSeconds));
    expected.numbers.remove(&Field::Day(Quantity::Requests, today()));
    expected.holds.remove(&request(1));
    assert_eq!(account, expected);
    assert_eq!(bench.ledger().account(&key).await.unwrap(), Some(expected));
}

pub(super) async fn a_hold_is_put_once_and_removed_once(bench: &Bench) {
    let key = bench.attendee("hold", "ada");
    let put = Write {
        conditions: vec![Condition::HoldAbsent(request(1))],
        changes: vec![Change::PutHold(request(1), Box::new(hold(5))), Change::Add(Field::Held, 5)],
    };
    let remove = Write {
        conditions: vec![Condition::HoldPresent(request(1))],
        changes: vec![Change::RemoveHold(request(1)), Change::Add(Field::Held, -5)],
    };
    for (write, held) in [(&put, 5), (&remove, 0)] {
        let first = bench.ledger().apply(&key, write).await.unwrap();
        assert!(matches!(first, Outcome::Made(_)));
        let Outcome::Kept(Some(again)) = bench.ledger().apply(&key, write).await.unwrap() else {
            panic!("made twice: {write:?}");
        };
        assert_eq!(again.get(Field::Held), held);
    }
}

pub(super) async fn accounts_are_apart(bench: &Bench) {
    let (one, two) = (bench.event("apart-one"), bench.event("apart-two"));
    let keys = [
        AccountKey::Event(one.clone()),
        AccountKey::Event(two.clone()),
        AccountKey::Attendee(one.clone(), "ada".parse().unwrap()),
        AccountKey::Attendee(two, "ada".parse().unwrap()),
        AccountKey::Attendee(one, "ada#1".parse().unwrap()),
    ];
    for (key, number) in keys.iter().zip(1..) {
        bench.make(key, vec![Change::Set(Field::Requests, number)]).await;
    }
    for (key, number) in keys.iter().zip(1..) {
        let account = bench.ledger().account(key).await.unwrap().unwrap();
        assert_eq!(account.get(Field::Requests), number, "{key:?}");
    }
}

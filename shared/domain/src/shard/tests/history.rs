//! Invariants of all shards together after any history.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::*;
use crate::reconcile::{self, Tally};
use crate::settlement::{self, Settlement};
use crate::unit::Unit;
use crate::usage::{Charge, Usage};

#[derive(Clone, Debug)]
enum Event {
    Come { tokens: u64, units: u64 },
    Settle { pick: usize, used: u64 },
    Void { pick: usize },
    Wait { seconds: i64 },
    Allow { tokens: u64 },
}

proptest! {
    /// All shards together behave like one account, whatever is admitted, settled and moved.
    #[test]
    fn promises_2_and_5_hold_for_all_shards_together(
        history in prop::collection::vec(prop_oneof![
            6 => (1u64..60, 0u64..3).prop_map(|(tokens, units)| Event::Come { tokens, units }),
            3 => (any::<usize>(), 0u64..60).prop_map(|(pick, used)| Event::Settle { pick, used }),
            1 => any::<usize>().prop_map(|pick| Event::Void { pick }),
            1 => (0i64..40).prop_map(|seconds| Event::Wait { seconds }),
            1 => (100u64..900).prop_map(|tokens| Event::Allow { tokens }),
        ], 1..80),
        of in 1u16..9,
    ) {
        let mut whole = only(Limit::TokensTotal, 500)
            .with(Limit::InFlight, Some(6))
            .with(Limit::TokensPerDay, Some(800))
            .with(Limit::TokensPerMinute, Some(60 * 8))
            .with(Limit::ImagesTotal, Some(9));
        let (mut shards, mut now) = (vec![Account::default(); of.into()], noon());
        let mut open: Vec<(u16, Demand)> = Vec::new();
        let mut spent = Charge::default();
        let mut lowered = false;
        for (n, event) in history.into_iter().enumerate() {
            match event {
                Event::Come { tokens, units } => {
                    let units = Units::of(Unit::Images, units);
                    let estimate = Estimate { units, ..Estimate::of_tokens(0, tokens) };
                    let asks = demand(n, estimate, now);
                    if never_fits(&whole, of, None, &estimate).is_some() { continue }
                    let used = total(&shards);
                    let before: Vec<u64> = shards.iter().map(|s| s.count(Field::PeriodOpen(reconcile_period(now)))).collect();
                    let mut alone = vec![Contender::new(asks.clone(), of)];
                    if race(&mut shards, &whole, &mut alone, 1, 0) == 1 {
                        let after = shards.iter().map(|s| s.count(Field::PeriodOpen(reconcile_period(now))));
                        let at = after.zip(before).position(|(after, before)| after > before).unwrap();
                        open.push((u16::try_from(at).unwrap(), asks));
                        // If a limit was lowered, shards may exceed their parts. The excess comes
                        // on top of the limit.
                        let part = |s: u16| signed(whole.part(s, of).limit(Limit::TokensTotal).unwrap());
                        let over: i64 = (0..of).map(|s| (shards[usize::from(s)].get(Field::Committed) - part(s)).max(0)).sum();
                        let most = signed(whole.limit(Limit::TokensTotal).unwrap()) + over;
                        prop_assert!(over == 0 || lowered);
                        prop_assert!(total(&shards).get(Field::Committed) <= most);
                        prop_assert!(total(&shards).count(Field::Open) <= 6);
                        prop_assert!(total(&shards).count(Field::UnitCommitted(Unit::Images)) <= 9);
                    } else {
                        // Only a request that does not fit is refused, apart from rates.
                        let slow = whole.with(Limit::TokensPerMinute, None);
                        let is_over = admission::lacks(&slow, &used, &asks).is_some();
                        let free: i64 = (0..of).map(|s| free(Limit::TokensPerMinute.into(), &whole.part(s, of), &shards[usize::from(s)], &asks)).sum();
                        prop_assert!(is_over || free < signed(tokens), "refused for nothing");
                        let fits = room(&whole, &shards, &asks, false).tokens;
                        let comes = |tokens| {
                            let asks = demand(n, Estimate { units: Units::NONE, ..Estimate::of_tokens(0, tokens) }, now);
                            race(&mut shards.clone(), &whole, &mut vec![Contender::new(asks, of)], 1, 0)
                        };
                        if !lowered && units.is_none() && (1..tokens).contains(&fits) && comes(1) == 1 {
                            prop_assert_eq!((comes(fits), comes(fits + 1)), (1, 0));
                        }
                    }
                }
                Event::Settle { pick, used } if !open.is_empty() => {
                    let (shard, asked) = open.swap_remove(pick % open.len());
                    let used = Usage { units: asked.estimate.units, ..Usage::of_tokens(0, used.min(asked.estimate.tokens())) };
                    spent = spent.plus(settle(&mut shards, &whole, shard, &asked, Settlement::Exact(used), now));
                }
                Event::Void { pick } if !open.is_empty() => {
                    let (shard, asked) = open.swap_remove(pick % open.len());
                    settle(&mut shards, &whole, shard, &asked, Settlement::Void, now);
                }
                Event::Wait { seconds } => now += TimeDelta::seconds(seconds),
                Event::Allow { tokens } => {
                    lowered |= tokens < whole.limit(Limit::TokensTotal).unwrap();
                    whole = whole.with(Limit::TokensTotal, Some(tokens));
                }
                Event::Settle { .. } | Event::Void { .. } => {}
            }
            let all = total(&shards);
            let held: u64 = open.iter().map(|(_, asked)| asked.estimate.tokens()).sum();
            prop_assert_eq!((all.count(Field::Held), all.count(Field::Open)), (held, open.len() as u64));
            prop_assert_eq!(all.spent(), spent);
            prop_assert_eq!(all.count(Field::Committed), spent.tokens() + held);
            let moved = |(field, by): (&Field, &i64)| matches!(field, Field::Moved(..)) && *by != 0;
            prop_assert!(!all.numbers.iter().any(moved), "something is between two shards");
        }
    }

    /// After the reconciliation, all shards together equal the attendees' accounts. This holds
    /// whatever crashes, even if the reconciliation itself crashes after any of its writes and
    /// starts again.
    #[test]
    fn promise_4_all_shards_equal_the_attendees_after_the_reconciliation(
        history in prop::collection::vec((0u16..4, 1u64..100, 0u64..120, 0u8..4, 0i64..400, 0u64..4), 1..40),
        deaths in prop::collection::vec(0usize..12, 0..6),
    ) {
        let whole = Allowance::default();
        let mut shards = vec![Account::default(); 4];
        let mut attendee = Account::default();
        attendee.numbers.insert(Field::SeatedAt, 1);
        let mut now = noon();
        for (n, (shard, tokens, used, crash, gap, images)) in history.into_iter().enumerate() {
            now += TimeDelta::seconds(gap);
            let units = Units::of(Unit::Images, images);
            let asks = demand(n, Estimate { units, ..Estimate::of_tokens(0, tokens) }, now);
            let hold = asks.hold();
            let side = Side::Attendee { terms: 0 };
            attendee = attendee.apply(&admission::write(side, &whole, &asks, &Guess::default())).unwrap();
            let account = &mut shards[usize::from(shard)];
            if crash != 1 {
                let write = admission::write(Side::Event, &whole, &asks, &Guess::default());
                *account = account.apply(&write).unwrap();
            }
            let charge = match crash {
                1 | 2 => Settlement::AtLeast(Usage::default()).charge(&hold),
                _ => Settlement::Exact(Usage { units, ..Usage::of_tokens(used, 0) }).charge(&hold),
            };
            let settle = |side| settlement::write(side, &whole, &asks.id, &hold, charge, now.into());
            attendee = attendee.apply(&settle(side)).unwrap();
            if crash == 0 {
                *account = account.apply(&settle(Side::Event)).unwrap();
            }
        }
        let mut deaths = deaths.into_iter();
        loop {
            let mut left = deaths.next();
            if !reconcile_all(&mut shards, &attendee, &mut left) { continue }
            break;
        }
        let all = total(&shards);
        prop_assert_eq!(all.spent(), attendee.spent());
        prop_assert_eq!(all.get(Field::Requests), attendee.get(Field::Requests));
        prop_assert_eq!((all.get(Field::Held), all.get(Field::Open)), (0, 0));
        prop_assert_eq!(all.units(Field::UnitHeld), Units::NONE);
        prop_assert_eq!(all.units(Field::UnitCommitted), attendee.spent().units);
        prop_assert_eq!(all.count(Field::Committed), attendee.spent().tokens());
    }
}

fn reconcile_period(now: DateTime<Utc>) -> crate::time::Period {
    crate::time::Period::of(now.into())
}

fn settle(
    shards: &mut [Account],
    whole: &Allowance,
    shard: u16,
    asked: &Demand,
    settlement: Settlement,
    now: DateTime<Utc>,
) -> Charge {
    let (part, hold) = (whole.part(shard, u16::try_from(shards.len()).unwrap()), asked.hold());
    let charge = settlement.charge(&hold);
    let write = settlement::write(Side::Event, &part, &asked.id, &hold, charge, now.into());
    let account = &mut shards[usize::from(shard)];
    *account = account.apply(&write).unwrap();
    charge.unwrap_or_default()
}

/// Reconciles like the sweep does. False if it crashes after the given number of writes.
fn reconcile_all(shards: &mut [Account], attendee: &Account, left: &mut Option<usize>) -> bool {
    let mut periods = reconcile::periods(shards.iter());
    periods.extend(reconcile::periods([attendee]));
    for period in periods {
        let is_reconciled = |shard: &Account| reconcile::is_reconciled(shard, period);
        if is_reconciled(&shards[0]) {
            continue;
        }
        let mut tally = Tally::of(attendee, period);
        for index in (0..shards.len()).rev() {
            let write = match index {
                0 => reconcile::write(&shards[0], period, tally),
                _ => {
                    tally = tally.less(Tally::of(&shards[index], period));
                    if is_reconciled(&shards[index]) {
                        continue;
                    }
                    let last = shards[0].numbers.get(&Field::ReconciledThrough).copied();
                    reconcile::close(&shards[index], period, last)
                }
            };
            if *left == Some(0) {
                return false;
            }
            *left = left.map(|left| left - 1);
            shards[index] = shards[index].apply(&write).unwrap();
            assert_eq!(shards[index].apply(&write), None, "reconciled twice");
        }
    }
    true
}

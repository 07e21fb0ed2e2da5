//! Invariants of an account after every write, and of all accounts when nothing runs.

use std::collections::BTreeMap;

use lanyard_domain::account::{Account, AccountKey, Field, signed};
use lanyard_domain::event::Event;
use lanyard_domain::limit::Counting;
use lanyard_domain::shard;
use lanyard_domain::token::UserId;
use lanyard_domain::unit::Unit;
use lanyard_domain::usage::Charge;

use crate::ports::Ledger;
use crate::testing::MemoryLedger;

/// Checks an account just after a write.
pub(super) fn check(key: &AccountKey, account: &Account) -> Result<(), String> {
    // Room that was moved between shards is not usage.
    let account =
        &Account { holds: account.holds.clone(), ..shard::total(std::slice::from_ref(account)) };
    for (field, number) in &account.numbers {
        if *number < 0
            && !matches!(field, Field::Override(_) | Field::OverrideOfModel(..) | Field::Moved(..))
        {
            return Err(format!("{field:?} of {key:?} is {number}"));
        }
    }
    let spent = account.spent().tokens();
    let (held, committed) = (account.count(Field::Held), account.count(Field::Committed));
    if spent + held != committed {
        return Err(format!("{key:?}: spent {spent} and held {held} are not {committed}"));
    }
    for unit in Unit::ALL.iter().copied() {
        let (spent, held) =
            (account.get(Field::UnitSpent(unit)), account.get(Field::UnitHeld(unit)));
        let committed = account.get(Field::UnitCommitted(unit));
        let in_holds: u64 = account.holds.values().map(|hold| hold.units.get(unit)).sum();
        let in_periods: i64 = account
            .numbers
            .iter()
            .filter(|(field, _)| matches!(field, Field::PeriodUnitHeld(_, of) if *of == unit))
            .map(|(_, number)| number)
            .sum();
        let under_way = match key {
            AccountKey::Attendee(..) => signed(in_holds),
            AccountKey::Event(_) | AccountKey::Shard(..) => in_periods,
        };
        if spent + held != committed || held != under_way {
            return Err(format!(
                "{key:?}: {unit} spent {spent}, held {held} ({under_way}) are not {committed}"
            ));
        }
    }
    match key {
        AccountKey::Attendee(..) => {
            let in_holds: u64 = account.holds.values().map(|hold| hold.tokens()).sum();
            let open = account.holds.len() as u64;
            if in_holds != held || open != account.count(Field::Open) {
                return Err(format!("{key:?}: holds of {in_holds} in {open} against {held}"));
            }
        }
        AccountKey::Event(_) | AccountKey::Shard(..) => {
            let in_periods: i64 = account
                .numbers
                .iter()
                .filter(|(field, _)| matches!(field, Field::PeriodHeld(_)))
                .map(|(_, number)| number)
                .sum();
            if in_periods != account.get(Field::Held) {
                return Err(format!("{key:?}: periods hold {in_periods}, the event {held}"));
            }
        }
    }
    Ok(())
}

/// Requests, and what they cost.
pub(super) type Counted = (u64, Charge);

/// Checks that nothing is held, and that records, attendees and the event agree: what records say
/// and what an account says do so by the given rule. Returns how many
/// requests were charged.
pub async fn balance(
    ledger: &MemoryLedger,
    event: &Event,
    do_agree: fn(Counted, Counted) -> bool,
) -> Result<u64, String> {
    let keys = event.account_keys();
    let shards = ledger.accounts(&keys).await.map_err(|fault| fault.to_string())?;
    for (key, shard) in keys.iter().zip(&shards) {
        check(key, shard)?;
        let day = |field: &Field| matches!(field, Field::Moved(limit, _) if matches!(limit.limit.counting(), Counting::PerDay(_)));
        let lost = shards
            .iter()
            .flat_map(|shard| &shard.numbers)
            .filter(|(field, _)| matches!(field, Field::Moved(..)) && !day(field))
            .map(|(_, by)| *by)
            .sum::<i64>();
        if lost != 0 {
            return Err(format!("{lost} are lost between shards"));
        }
    }
    let of_event = shard::total(&shards);
    let event = &event.id;
    let page = ledger.attendees(event, None, u16::MAX).await.map_err(|fault| fault.to_string())?;
    let attendees = page.accounts;
    let mut by_user: BTreeMap<UserId, (u64, Charge)> = BTreeMap::new();
    for record in ledger.records() {
        let (requests, charge) = by_user.entry(record.user).or_default();
        *requests += 1;
        *charge = charge.plus(record.charge);
    }
    let (mut requests, mut spent) = (0, Charge::default());
    for (user, account) in &attendees {
        check(&AccountKey::Attendee(event.clone(), user.clone()), account)?;
        let holds_units = !account.units(Field::UnitHeld).is_none();
        if account.get(Field::Held) != 0 || holds_units || !account.holds.is_empty() {
            return Err(format!("{user} still holds {:?}", account.holds));
        }
        let recorded = by_user.remove(user).unwrap_or_default();
        let counted = (account.count(Field::Requests), account.spent());
        if !do_agree(recorded, counted) {
            return Err(format!("{user}: records say {recorded:?}, the account {counted:?}"));
        }
        requests += counted.0;
        spent = spent.plus(counted.1);
    }
    if let Some((user, _)) = by_user.first_key_value() {
        return Err(format!("{user} has records and no account"));
    }
    let counted = (of_event.count(Field::Requests), of_event.spent());
    if (requests, spent) != counted {
        return Err(format!("attendees used {requests} and {spent:?}, the event {counted:?}"));
    }
    if of_event.get(Field::Held) != 0 || of_event.get(Field::Open) != 0 {
        return Err(format!("the event still holds {}", of_event.get(Field::Held)));
    }
    if !of_event.units(Field::UnitHeld).is_none() {
        return Err(format!("the event still holds {:?}", of_event.units(Field::UnitHeld)));
    }
    Ok(requests)
}

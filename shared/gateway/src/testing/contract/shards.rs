//! Several accounts in one read, as the shards of an event's account are.

use lanyard_domain::account::{Account, AccountKey, Change, Field};
use lanyard_domain::allowance::Limit;
use lanyard_domain::shard;

use super::{Bench, today};

pub(super) async fn several_accounts_are_read_at_once(bench: &Bench) {
    let event = bench.event("shards");
    let keys: Vec<_> = (0..shard::MOST).map(|n| AccountKey::of_shard(&event, n)).collect();
    let moved = Field::Moved(Limit::TokensPerDay.into(), Some(today()));
    for (key, number) in keys.iter().zip(1..) {
        if number != 3 {
            let fields = [(Field::Committed, number), (moved, -number), (Field::MovedAt, number)];
            let changes = fields.map(|(field, number)| Change::Set(field, number));
            bench.make(key, changes.to_vec()).await;
        }
    }
    let accounts = bench.ledger().accounts(&keys).await.unwrap();
    assert_eq!(accounts.len(), keys.len());
    for (account, number) in accounts.iter().zip(1..) {
        let expected = if number == 3 { (0, 0, 0) } else { (number, -number, number) };
        let [committed, moved, at] =
            [Field::Committed, moved, Field::MovedAt].map(|f| account.get(f));
        assert_eq!((committed, moved, at), expected);
    }
    assert_eq!(accounts[2], Account::default(), "there is none");
}

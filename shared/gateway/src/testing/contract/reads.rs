//! Pages, records and hours.

use chrono::TimeDelta;
use lanyard_domain::account::{AccountKey, Change, Field};
use lanyard_domain::hour::HourCount;
use lanyard_domain::ids::EventId;
use lanyard_domain::operation::Operation;
use lanyard_domain::token::UserId;
use lanyard_domain::unit::{Unit, Units};
use lanyard_domain::usage::{CacheUse, Charge, UsageRecord};

use super::{Bench, noon};

pub(super) async fn attendees_come_in_order_and_in_pages(bench: &Bench) {
    let event = bench.event("pages");
    let page = bench.ledger().attendees(&event, None, 10).await.unwrap();
    assert_eq!((page.accounts, page.next), (vec![], None));
    let users = ["~", "ada", "ada lovelace", "ada-1", "bob", "b/c", "0"];
    for (user, number) in users.iter().zip(1..) {
        let key = AccountKey::Attendee(event.clone(), user.parse().unwrap());
        bench.make(&key, vec![Change::Set(Field::Requests, number)]).await;
    }
    bench.make(&AccountKey::Event(event.clone()), vec![Change::Set(Field::Seats, 7)]).await;
    bench.make(&bench.attendee("pages-not", "eve"), vec![Change::Set(Field::Requests, 9)]).await;

    let mut expected: Vec<UserId> = users.iter().map(|user| user.parse().unwrap()).collect();
    expected.sort();
    for limit in [1, 2, 3, 7, 100] {
        assert_eq!(paged(bench, &event, limit).await, expected, "in pages of {limit}");
    }
}

async fn paged(bench: &Bench, event: &EventId, limit: u16) -> Vec<UserId> {
    let mut users = Vec::new();
    let mut after = None;
    loop {
        let page = bench.ledger().attendees(event, after.as_ref(), limit).await.unwrap();
        assert!(page.accounts.len() <= usize::from(limit) && page.unreadable.is_empty());
        for (user, account) in page.accounts {
            assert!(account.get(Field::Requests) > 0, "{user} without its account");
            users.push(user);
        }
        after = page.next;
        if after.is_none() {
            return users;
        }
    }
}

pub(super) async fn a_record_is_kept_once_and_the_first_stays(bench: &Bench) {
    let charge = Charge { units: Units::of(Unit::Images, 2), ..Charge::of_tokens(17, 5) };
    let first = UsageRecord {
        request_id: format!("req_{}", bench.run).parse().unwrap(),
        event: bench.event("record"),
        user: "ada".parse().unwrap(),
        operation: Operation::Embeddings,
        model: Some("gpt-4o-mini".parse().unwrap()),
        charge,
        is_estimated: true,
        status: 200,
        is_streamed: true,
        admitted_at: noon() + TimeDelta::milliseconds(123),
        duration_ms: 1_234,
        first_byte_ms: 56,
        session: Some("my-session".parse().unwrap()),
        app: Some("my-app".parse().unwrap()),
        response_id: Some("chatcmpl-1".parse().unwrap()),
        own_charge: None,
        cache: CacheUse { read: 7, written: 3 },
        bill: None,
    };
    assert_eq!(bench.ledger().record(&first).await.unwrap(), None);
    let second = UsageRecord { model: None, charge: Charge::default(), ..first.clone() };
    assert_eq!(bench.ledger().record(&second).await.unwrap(), Some(first.clone()));
    assert_eq!(bench.ledger().record(&second).await.unwrap(), Some(first.clone()));
    for _ in 0..2 {
        bench.ledger().file_in_session(&first).await.unwrap();
    }
}

pub(super) async fn hours_are_counted(bench: &Bench) {
    let event = bench.event("hours");
    let charge = Charge { units: Units::of(Unit::AudioSeconds, 61), ..Charge::of_tokens(17, 5) };
    for model in [Some("gpt-4o-mini"), Some("gpt-4o-mini"), Some("gpt-4o"), None] {
        let model = model.map(|model| model.parse().unwrap());
        let mut count = HourCount::new(event.clone(), noon(), model);
        (count.requests, count.charge, count.first_byte_ms) = (1, charge, Some(70));
        count.cache = CacheUse { read: 7, written: 3 };
        count.add_errors("upstream_busy", 1);
        count.add_errors("rate_limit_exceeded", 12);
        bench.ledger().count_hour(&count).await.unwrap();
    }
}

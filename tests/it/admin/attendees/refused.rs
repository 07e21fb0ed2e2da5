//! What refuses an attendee, and what is known of somebody who never came.

use chrono::TimeDelta;
use lanyard_domain::account::{AccountKey, Change, Field, Write};
use lanyard_domain::allowance::Limit;
use lanyard_domain::by_model::ModelKey;
use lanyard_domain::limit::Quantity;
use lanyard_domain::time::EpochNanos;
use lanyard_gateway::ports::{Clock, Ledger};
use serde_json::{Value, json};

use super::super::harness::Harness;
use super::{id, uses};

#[tokio::test]
async fn what_was_decided_about_somebody_who_never_came_is_removed() {
    let harness = Harness::open().await;
    let (path, _) = harness.event(json!({})).await;
    let of = |user: &str| format!("{path}/attendees/{user}");
    harness.put(&format!("{path}/roster"), json!({"users": ["ada"]})).await.ok(200);
    let decided = json!({"blocked": true, "allowance": {"in_flight": 2}});
    let ada = harness.patch(&of("ada"), decided.clone()).await.ok(200);
    assert_eq!((&ada["on_roster"], &ada["registered"]), (&json!(true), &json!(false)));
    let nobody = harness.patch(&of("mallroy"), decided).await.ok(200);
    assert_eq!(nobody["on_roster"], false);

    assert_eq!(harness.delete(&of("ada")).await.wrong_fields(), ["user"]);
    let removed = harness.delete(&of("mallroy")).await.ok(200);
    assert_eq!(removed, json!({"user": "mallroy", "deleted": true, "seat": false}));
    harness.get(&of("mallroy")).await.refused(404, "not_found");
    harness.delete(&of("mallroy")).await.refused(404, "not_found");
    let listed = harness.get(&format!("{path}/attendees")).await.ok(200);
    assert_eq!(listed["attendees"].as_array().unwrap().len(), 1);
    let audit = harness.get(&format!("{path}/audit")).await.ok(200);
    let of_nobody = audit["audit"].as_array().unwrap().iter();
    let of_nobody: Vec<_> = of_nobody.filter(|entry| entry["attendee"] == "mallroy").collect();
    assert_eq!(of_nobody.len(), 2, "both changes: {audit}");

    // A block that is lifted leaves nothing to list either.
    harness.patch(&of("eve"), json!({"blocked": true})).await.ok(200);
    harness.patch(&of("eve"), json!({"blocked": false})).await.ok(200);
    harness.get(&of("eve")).await.refused(404, "not_found");
}

#[tokio::test]
async fn the_details_of_an_attendee_say_what_refuses_them_now() {
    let harness = Harness::open().await;
    harness.deployment("gpt-4o", "chat_completions").await;
    let by_model = json!({"gpt-4o": {"requests_total": 1}});
    let limits = json!({
        "attendee": {"tokens_total": 5_000, "by_model": by_model},
        "event": {"tokens_total": 9_000, "tokens_per_day": 9_000},
    });
    let (path, event) = harness.event(json!({"allowances": limits})).await;
    let refused = async |user: &str| {
        let shown = harness.get(&format!("{path}/attendees/{user}")).await.ok(200);
        shown["refused_by"].clone()
    };
    uses(&harness, &event, "ada", 10, 10).await;
    assert_eq!(refused("ada").await, json!([]));

    // What a third has used is missing for everybody.
    let set =
        |field, number| Write { conditions: vec![], changes: vec![Change::Set(field, number)] };
    let account = AccountKey::Event(id(&event));
    harness.table.apply(&account, &set(Field::Committed, 8_999)).await.unwrap();
    let limit = json!({"name": "tokens_total", "allowed": 9_000, "remaining": 1});
    let spent = json!({"scope": "event", "code": "insufficient_quota", "limit": limit});
    assert_eq!(refused("ada").await, json!([spent]));
    harness.table.apply(&account, &set(Field::Committed, 0)).await.unwrap();
    let today = Field::Day(Quantity::Tokens, harness.clock.now().date_naive());
    harness.table.apply(&account, &set(today, 9_000)).await.unwrap();
    let of_day = refused("ada").await;
    assert_eq!(of_day[0]["limit"]["name"], "tokens_per_day");
    assert_eq!(of_day[0]["ends_at"], "2026-12-05T23:00:00Z", "midnight in Oslo");
    harness.table.apply(&account, &set(today, 0)).await.unwrap();

    // Their own limits: on a model, and per minute with the time at which it is free again.
    let ada = AccountKey::Attendee(id(&event), "ada".parse().unwrap());
    let key = ModelKey::of(&"gpt-4o".parse().unwrap());
    let used = set(Field::OfModel(key, Limit::RequestsTotal), 1);
    harness.table.apply(&ada, &used).await.unwrap();
    let later = EpochNanos::from(harness.clock.now() + TimeDelta::minutes(2)).0;
    harness.table.apply(&ada, &set(Field::Tat(Quantity::Requests), later)).await.unwrap();
    let own = refused("ada").await;
    let named: Vec<_> = own
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["scope"], &one["code"], &one["limit"]["name"], &one["limit"]["model"]))
        .collect();
    let (scope, none) = (json!("attendee"), Value::Null);
    assert_eq!(
        named,
        [
            (&scope, &json!("rate_limit_exceeded"), &json!("requests_per_minute"), &none),
            (&scope, &json!("insufficient_quota"), &json!("requests_total"), &json!("gpt-4o")),
        ]
    );
    assert_eq!(own[0]["ends_at"], "2026-12-05T12:01:03Z");

    // What is no limit: the event's state, the roster, a block, and the seats.
    let codes = async |user: &str| {
        let refused = refused(user).await;
        refused.as_array().unwrap().iter().map(|one| text(&one["code"])).collect::<Vec<_>>()
    };
    harness.patch(&format!("{path}/attendees/eve"), json!({"blocked": true})).await.ok(200);
    harness
        .patch(&path, json!({"access": "roster", "allowances": {"event": {"attendees": 1}}}))
        .await
        .ok(200);
    harness.table.apply(&account, &set(Field::Seats, 1)).await.unwrap();
    harness.post(&format!("{path}/pause"), json!({})).await.ok(200);
    let all = ["event_paused", "attendee_blocked", "not_on_roster", "event_full"];
    assert_eq!(codes("eve").await, all);
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

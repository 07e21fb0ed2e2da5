//! The reset of a rehearsal.

use chrono::TimeDelta;
use http::Method;
use lanyard_domain::account::{AccountKey, Change, Field, Write};
use lanyard_domain::hour::HourCount;
use lanyard_domain::ids::EventId;
use lanyard_domain::time::EpochNanos;
use lanyard_gateway::ports::{Clock, Ledger};
use lanyard_objects::store::ObjectStore;
use serde_json::{Value, json};

use super::harness::Harness;

fn id(event: &Value) -> EventId {
    event["id"].as_str().unwrap().parse().unwrap()
}

async fn change(harness: &Harness, key: AccountKey, changes: Vec<Change>) {
    let write = Write { conditions: Vec::new(), changes };
    harness.table.apply(&key, &write).await.unwrap();
}

/// Usage of an attendee, as settled requests leave it.
async fn rehearse(harness: &Harness, event: &Value, user: &str) {
    let used = [Change::Add(Field::Requests, 1), Change::Add(Field::PromptTokens, 7)];
    change(harness, AccountKey::Event(id(event)), used.to_vec()).await;
    let mut changes = used.to_vec();
    changes.push(Change::Set(Field::SeatedAt, EpochNanos::from(harness.clock.now()).0));
    change(harness, AccountKey::Attendee(id(event), user.parse().unwrap()), changes).await;
    let mut hour = HourCount::new(id(event), harness.clock.now(), None);
    hour.errors = vec![("event_paused", 1)];
    harness.table.count_hour(&hour).await.unwrap();
}

#[tokio::test]
async fn usage_is_deleted_and_decisions_about_attendees_stay() {
    let harness = Harness::open().await;
    let (path, event) = harness.event(json!({})).await;
    for user in ["ada", "bob"] {
        rehearse(&harness, &event, user).await;
    }
    harness.patch(&format!("{path}/attendees/bob"), json!({"blocked": true})).await.ok(200);
    harness.post(&format!("{path}/pause"), json!({})).await.ok(200);
    let confirm = json!({"confirm": event["id"]});
    harness.wait(TimeDelta::seconds(1));

    let done = harness.post(&format!("{path}/reset"), confirm).await.ok(200);

    assert_eq!(done, json!({"id": event["id"], "reset": true, "attendees": 2}));
    let attendees = harness.get(&format!("{path}/attendees")).await.ok(200);
    assert_eq!(attendees["attendees"].as_array().unwrap().len(), 1, "{attendees}");
    let bob = &attendees["attendees"][0];
    assert_eq!((&bob["blocked"], &bob["joined_at"]), (&json!(true), &Value::Null));
    assert_eq!(bob["usage"]["requests"], 0);
    let details = harness.get(&format!("{path}/attendees/bob")).await.ok(200);
    assert_eq!((&details["usage"], &details["rejected"]), (&bob["usage"], &json!([])));
    harness.get(&format!("{path}/attendees/ada")).await.refused(404, "not_found");
    let usage = harness.get(&format!("{path}/usage?by=hour")).await.ok(200);
    assert_eq!((&usage["total"]["requests"], &usage["rows"]), (&json!(0), &json!([])));
    let audit = harness.get(&format!("{path}/audit")).await.ok(200);
    assert_eq!(audit["audit"][0]["action"], "reset");
    // An event that nobody has used since can be deleted.
    harness.delete(&path).await.ok(200);
}

#[tokio::test]
async fn an_event_that_has_begun_needs_a_confirmation_and_an_open_one_a_pause() {
    let harness = Harness::open().await;
    let (path, event) = harness.event(json!({"starts_at": "2026-12-05T17:00"})).await;
    let reset = format!("{path}/reset");
    harness.post(&reset, json!({})).await.ok(200);
    harness.wait(TimeDelta::minutes(4 * 60 + 30));
    let confirm = json!({"confirm": event["id"]});
    assert_eq!(harness.post(&reset, confirm.clone()).await.wrong_fields(), ["id"]);
    harness.post(&format!("{path}/end"), json!({})).await.ok(200);
    for wrong in [json!({}), json!({"confirm": "evt_1"}), json!({"confirm": true})] {
        assert_eq!(harness.post(&reset, wrong).await.wrong_fields(), ["confirm"]);
    }
    harness.post(&reset, confirm).await.ok(200);
    let stranger = harness.organiser("stranger").await;
    harness.send(Method::POST, &reset, &stranger, "{}").await.refused(404, "not_found");
}

#[tokio::test]
async fn nothing_is_reset_while_requests_run_or_objects_are_stored() {
    let harness = Harness::open().await;
    let (path, event) = harness.event(json!({})).await;
    rehearse(&harness, &event, "ada").await;
    harness.post(&format!("{path}/pause"), json!({})).await.ok(200);
    let reset =
        async || harness.post(&format!("{path}/reset"), json!({"confirm": event["id"]})).await;
    let open = |by| vec![Change::Add(Field::Open, by)];
    let account = || AccountKey::Event(id(&event));

    change(&harness, account(), open(1)).await;
    let busy = reset().await;
    assert_eq!(busy.headers["retry-after"], "1");
    busy.refused(503, "requests_in_progress");
    change(&harness, account(), open(-1)).await;

    let until = harness.clock.now() + TimeDelta::days(1);
    harness.table.mark(&id(&event), "https://my.openai.azure.com", until).await.unwrap();
    reset().await.refused(400, "event_has_objects");
    let ada = harness.get(&format!("{path}/attendees/ada")).await.ok(200);
    assert_eq!(ada["usage"]["requests"], 1);
}

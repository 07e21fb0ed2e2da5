//! Attendees and what was used.

mod limits;
mod refused;

use chrono::{DateTime, TimeDelta, Utc};
use insta::assert_snapshot;
use lanyard_domain::account::{Account, AccountKey, Change, Field, Write};
use lanyard_domain::hour::{HourCount, Rejected};
use lanyard_domain::ids::EventId;
use lanyard_domain::time::EpochNanos;
use lanyard_domain::usage::Charge;
use lanyard_gateway::ports::{Clock, Ledger};
use lanyard_platform::table::get_text;
use serde_json::{Value, json};

use super::harness::Harness;

fn id(event: &Value) -> EventId {
    event["id"].as_str().unwrap().parse().unwrap()
}

/// Gives an attendee an account that has used the event.
async fn uses(harness: &Harness, event: &Value, user: &str, prompt: i64, completion: i64) {
    let seated_at = EpochNanos::from(harness.clock.now()).0;
    let add = |field, by| Change::Add(field, by);
    let mut changes = vec![
        add(Field::Requests, 1),
        add(Field::PromptTokens, prompt),
        add(Field::CompletionTokens, completion),
        add(Field::Held, 5),
        add(Field::Open, 1),
    ];
    let write = |changes: &[Change]| Write { conditions: vec![], changes: changes.to_vec() };
    harness.table.apply(&AccountKey::Event(id(event)), &write(&changes)).await.unwrap();
    changes.push(Change::Set(Field::SeatedAt, seated_at));
    let key = AccountKey::Attendee(id(event), user.parse().unwrap());
    harness.table.apply(&key, &write(&changes)).await.unwrap();
}

async fn account(harness: &Harness, event: &Value, user: &str) -> Account {
    let key = AccountKey::Attendee(id(event), user.parse().unwrap());
    harness.table.account(&key).await.unwrap().unwrap()
}

#[tokio::test]
async fn attendees_are_listed_by_page_with_their_usage() {
    let harness = Harness::open().await;
    let (path, event) = harness.event(json!({})).await;
    for (user, prompt) in [("ada", 10), ("bob", 20), ("team/eve 100%", 30)] {
        uses(&harness, &event, user, prompt, 1).await;
    }
    let first = harness.get(&format!("{path}/attendees?limit=2")).await.ok(200);
    assert_eq!(first["attendees"].as_array().unwrap().len(), 2);
    let next = first["next"].as_str().unwrap();
    let last = harness.get(&format!("{path}/attendees?limit=2&cursor={next}")).await.ok(200);
    assert_eq!(last["attendees"][0]["user"], "team/eve 100%");
    assert_eq!(last["next"], Value::Null);
    let all = harness.get(&format!("{path}/attendees?limit=3")).await.ok(200);
    assert_eq!((all["attendees"].as_array().unwrap().len(), &all["next"]), (3, &Value::Null));
    assert_snapshot!(serde_json::to_string_pretty(&first["attendees"][0]).unwrap(), @r#"
    {
      "allowance": {
        "audio_seconds_total": 3600,
        "characters_total": 100000,
        "images_total": 50,
        "in_flight": 8,
        "requests_per_day": 1000,
        "requests_per_minute": 20,
        "tokens_per_day": null,
        "tokens_per_minute": 40000,
        "tokens_total": 1000000,
        "usd_per_day": null,
        "usd_total": null,
        "video_seconds_total": 60
      },
      "blocked": false,
      "in_flight": 1,
      "joined_at": "2026-12-05T12:00:00Z",
      "on_roster": false,
      "own_limits": [],
      "registered": false,
      "usage": {
        "completion_tokens": 1,
        "held_tokens": 5,
        "prompt_tokens": 10,
        "requests": 1,
        "total_tokens": 11
      },
      "user": "ada"
    }
    "#);
}

#[tokio::test]
async fn an_attendee_is_blocked_and_let_in_again() {
    let harness = Harness::open().await;
    let (path, event) = harness.event(json!({})).await;
    uses(&harness, &event, "team/eve", 1, 1).await;
    let eve = format!("{path}/attendees/Team%2FEve");
    let blocked = harness.patch(&eve, json!({"blocked": true})).await.ok(200);
    assert_eq!((&blocked["user"], &blocked["blocked"]), (&json!("team/eve"), &json!(true)));
    assert_eq!(blocked["usage"]["requests"], 1);
    assert_eq!(account(&harness, &event, "team/eve").await.get(Field::Blocked), 1);
    let free = harness.patch(&eve, json!({"blocked": false})).await.ok(200);
    assert_eq!(free["blocked"], false);
    assert_eq!(account(&harness, &event, "team/eve").await.numbers.get(&Field::Blocked), None);
}

#[tokio::test]
async fn an_attendee_can_be_blocked_before_their_first_request() {
    let harness = Harness::open().await;
    let (path, event) = harness.event(json!({})).await;
    let blocked =
        harness.patch(&format!("{path}/attendees/%2e%2e"), json!({"blocked": true})).await;
    let blocked = blocked.ok(200);
    assert_eq!((&blocked["user"], &blocked["joined_at"]), (&json!(".."), &Value::Null));
    assert_eq!(account(&harness, &event, "..").await.get(Field::Blocked), 1);
}

#[tokio::test]
async fn usage_adds_up_in_all_and_by_attendee_model_and_hour() {
    let harness = Harness::open().await;
    let (path, event) = harness.event(json!({})).await;
    let usage = async |by: &str| harness.get(&format!("{path}/usage{by}")).await.ok(200);
    assert_eq!(usage("").await["total"]["total_tokens"], 0);

    uses(&harness, &event, "ada", 10, 1).await;
    uses(&harness, &event, "bob", 20, 2).await;
    uses(&harness, &event, "bob", 30, 3).await;
    let nine: DateTime<Utc> = "2026-12-05T09:30:00Z".parse().unwrap();
    let models = ["gpt-4o-mini", "gpt-4o", "gpt-4o"];
    for (index, (model, tokens)) in models.into_iter().zip([10, 20, 30]).enumerate() {
        let at = nine + TimeDelta::minutes(20 * i64::try_from(index).unwrap());
        let mut hour = HourCount::new(id(&event), at, Some(model.parse().unwrap()));
        (hour.requests, hour.charge) = (1, Charge::of_tokens(tokens, tokens / 10));
        (hour.first_byte_ms, hour.errors) = (Some(tokens * 10), vec![("upstream_busy", tokens)]);
        harness.table.count_hour(&hour).await.unwrap();
    }
    let mut refused = HourCount::new(id(&event), nine, None);
    refused.errors = vec![("event_paused", 7), ("upstream_busy", 1)];
    harness.table.count_hour(&refused).await.unwrap();

    let by_attendee = usage("?by=attendee").await;
    assert_snapshot!(by_attendee, @r#"{"next":null,"rows":[{"completion_tokens":1,"held_tokens":5,"prompt_tokens":10,"requests":1,"total_tokens":11,"user":"ada"},{"completion_tokens":5,"held_tokens":10,"prompt_tokens":50,"requests":2,"total_tokens":55,"user":"bob"}],"total":{"completion_tokens":6,"held_tokens":15,"prompt_tokens":60,"requests":3,"total_tokens":66}}"#);
    assert_eq!(usage("").await["total"], by_attendee["total"]);
    assert_snapshot!(usage("?by=model").await["rows"], @r#"[{"cache_read_tokens":0,"cache_written_tokens":0,"completion_tokens":5,"errors":{"upstream_busy":50},"first_byte":{"buckets":[{"requests":1,"up_to_ms":200},{"requests":1,"up_to_ms":400}],"p50_ms":150,"p95_ms":300,"requests":2},"model":"gpt-4o","prompt_tokens":50,"requests":2,"total_tokens":55},{"cache_read_tokens":0,"cache_written_tokens":0,"completion_tokens":1,"errors":{"upstream_busy":10},"first_byte":{"buckets":[{"requests":1,"up_to_ms":100}],"p50_ms":75,"p95_ms":75,"requests":1},"model":"gpt-4o-mini","prompt_tokens":10,"requests":1,"total_tokens":11}]"#);
    assert_snapshot!(usage("?by=hour").await["rows"], @r#"[{"cache_read_tokens":0,"cache_written_tokens":0,"completion_tokens":3,"errors":{"event_paused":7,"upstream_busy":31},"first_byte":{"buckets":[{"requests":1,"up_to_ms":100},{"requests":1,"up_to_ms":200}],"p50_ms":75,"p95_ms":150,"requests":2},"hour":"2026-12-05T09:00:00Z","prompt_tokens":30,"requests":2,"total_tokens":33},{"cache_read_tokens":0,"cache_written_tokens":0,"completion_tokens":3,"errors":{"upstream_busy":30},"first_byte":{"buckets":[{"requests":1,"up_to_ms":400}],"p50_ms":300,"p95_ms":300,"requests":1},"hour":"2026-12-05T10:00:00Z","prompt_tokens":30,"requests":1,"total_tokens":33}]"#);
    let paged = usage("?by=attendee&limit=1").await;
    let next = paged["next"].as_str().unwrap();
    assert_eq!(usage(&format!("?by=attendee&cursor={next}")).await["rows"][0]["user"], "bob");
    let odd = harness.get(&format!("{path}/usage?by=country&limit=1000")).await;
    assert_eq!(odd.wrong_fields(), ["by", "limit"]);
}

#[tokio::test]
async fn an_unused_seat_can_be_freed_and_a_used_one_not() {
    let harness = Harness::open().await;
    let (path, event) = harness.event(json!({})).await;
    let id: EventId = event["id"].as_str().unwrap().parse().unwrap();
    let seat = |user: &str, more: Vec<Change>| {
        let key = AccountKey::Attendee(id.clone(), user.parse().unwrap());
        let mut changes = vec![Change::Set(Field::SeatedAt, 1)];
        changes.extend(more);
        (key, Write { conditions: Vec::new(), changes })
    };
    let seats = AccountKey::Event(id.clone());
    let three = Write { conditions: Vec::new(), changes: vec![Change::Add(Field::Seats, 3)] };
    for (key, write) in [
        seat("idle", Vec::new()),
        seat("busy", vec![Change::Add(Field::Open, 1)]),
        seat("used", vec![Change::Add(Field::Requests, 1)]),
        (seats.clone(), three),
    ] {
        harness.table.apply(&key, &write).await.unwrap();
    }
    for user in ["busy", "used"] {
        let refused = harness.delete(&format!("{path}/attendees/{user}")).await;
        assert_eq!(refused.wrong_fields(), ["user"]);
    }
    let freed = harness.delete(&format!("{path}/attendees/idle")).await.ok(200);
    assert_eq!(freed, json!({"user": "idle", "deleted": true, "seat": true}));
    let listed = harness.get(&format!("{path}/attendees")).await.ok(200);
    let users: Vec<_> =
        listed["attendees"].as_array().unwrap().iter().map(|one| &one["user"]).collect();
    assert_eq!(users, ["busy", "used"]);
    harness.delete(&format!("{path}/attendees/idle")).await.refused(404, "not_found");
    harness.delete(&format!("{path}/attendees/nobody")).await.refused(404, "not_found");
    let left = harness.table.account(&seats).await.unwrap().unwrap();
    assert_eq!(left.count(Field::Seats), 2);
}

#[tokio::test]
async fn the_details_of_an_attendee_have_the_last_rejected_requests() {
    let harness = Harness::open().await;
    let (path, event) = harness.event(json!({})).await;
    let noon = harness.clock.now();
    let reject = async |user: &str, code: &'static str, minutes: i64| {
        let at = noon + TimeDelta::minutes(minutes);
        let mut hour = HourCount::new(id(&event), at, None);
        hour.rejected = vec![Rejected { user: user.parse().unwrap(), code, at }];
        harness.table.count_hour(&hour).await.unwrap();
    };
    for minutes in [1, 2, 61] {
        reject("ada", "rate_limit_exceeded", minutes).await;
    }
    reject("ada", "content_filter", 3).await;
    reject("team 4/eve", "event_full", 4).await;

    let ada = harness.get(&format!("{path}/attendees/ada")).await.ok(200);
    let rejected: Vec<_> = ada["rejected"].as_array().unwrap().iter().collect();
    let shown = |at: &str, code: &str| json!({"at": at, "code": code});
    assert_eq!(
        rejected,
        [
            &shown("2026-12-05T13:01:00Z", "rate_limit_exceeded"),
            &shown("2026-12-05T12:03:00Z", "content_filter"),
            &shown("2026-12-05T12:02:00Z", "rate_limit_exceeded"),
        ]
    );
    let eve = harness.get(&format!("{path}/attendees/team%204%2Feve")).await.ok(200);
    assert_eq!(
        (&eve["joined_at"], &eve["rejected"][0]["code"]),
        (&Value::Null, &json!("event_full"))
    );
    harness.get(&format!("{path}/attendees/bob")).await.refused(404, "not_found");
    // What is remembered of single requests is no usage.
    let usage = harness.get(&format!("{path}/usage?by=model")).await.ok(200);
    assert_eq!(usage["rows"], json!([]));
}

#[tokio::test]
async fn a_flood_of_rejected_requests_leaves_an_hour_of_bounded_size() {
    let harness = Harness::open().await;
    let (_, event) = harness.event(json!({})).await;
    let at = harness.clock.now();
    for flush in 0..40 {
        let mut hour = HourCount::new(id(&event), at, None);
        let one = |number: i64| Rejected {
            user: format!("user-{}", flush * 32 + number).parse().unwrap(),
            code: "rate_limit_exceeded",
            at,
        };
        hour.rejected = (0..32).map(one).collect();
        harness.table.count_hour(&hour).await.unwrap();
    }
    let items = harness.engine.items().await;
    let hour =
        items.iter().find(|item| get_text(item, "sk").unwrap().starts_with("HOUR#")).unwrap();
    let slots = hour.keys().filter(|name| name.starts_with("r_")).count();
    assert!((50..=64).contains(&slots), "{slots}");
}

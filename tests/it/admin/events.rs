//! Events: made in one call, listed, read, changed, deleted.

use chrono::TimeDelta;
use insta::assert_snapshot;
use lanyard_domain::account::{AccountKey, Change, Field, Write};
use lanyard_gateway::ports::Ledger;
use lanyard_platform::table::{AUDIT_PREFIX, get_text};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::harness::{Harness, oslo};

fn texts<'v>(list: &'v Value, field: &str) -> Vec<&'v str> {
    list.as_array().unwrap().iter().map(|item| item[field].as_str().unwrap()).collect()
}

#[tokio::test]
async fn one_call_with_a_name_a_window_and_a_zone_makes_an_event() {
    let harness = Harness::open().await;
    harness.deployment("gpt-4o-mini", "chat_completions").await;
    let (path, mut event) = harness.event(json!({})).await;

    let code = event["code"].as_str().unwrap().to_owned();
    let (slug, random) = code.rsplit_once('-').unwrap();
    assert_eq!((slug, random.len()), ("oslo-hack", 8));
    let listing = harness.found(&code.to_uppercase()).await.unwrap();
    assert_eq!(format!("/events/{}", listing.event.id), path);
    assert_eq!((listing.deployments.len(), listing.code_works_until), (1, None));
    assert_eq!(harness.get(&path).await.ok(200), event);

    event["id"] = json!("[id]");
    event["code"] = json!("[code]");
    assert_snapshot!(serde_json::to_string_pretty(&event).unwrap(), @r#"
    {
      "access": "open",
      "allowances": {
        "attendee": {
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
        "event": {
          "attendees": 300,
          "audio_seconds_total": 180000,
          "characters_total": 5000000,
          "images_total": 2500,
          "in_flight": 400,
          "requests_per_day": null,
          "requests_per_minute": 2000,
          "tokens_per_day": null,
          "tokens_per_minute": null,
          "tokens_total": 50000000,
          "usd_per_day": null,
          "usd_total": null,
          "video_seconds_total": 3000
        }
      },
      "attendees": 100,
      "auto_register": false,
      "code": "[code]",
      "contact": {
        "email": null,
        "email_public": false,
        "name": null
      },
      "created_at": "2026-12-05T12:00:00Z",
      "default_deployments": {
        "chat_completions": "gpt-4o-mini"
      },
      "deployments": null,
      "description": null,
      "ends_at": "2026-12-05T18:00:00+01:00",
      "extra_tool_types": [],
      "hosted_tools": {},
      "id": "[id]",
      "image_url": null,
      "keeps_objects": false,
      "max_choices": 1,
      "max_completion_tokens": null,
      "name": "Oslo Hack",
      "own_deployments": "none",
      "paused": false,
      "preset": "workshop",
      "records_requests": true,
      "shards": 1,
      "starts_at": "2026-12-05T09:00:00+01:00",
      "status": "open",
      "time_zone": "Europe/Oslo",
      "url": null,
      "url_text": null,
      "version": 1,
      "warnings": []
    }
    "#);
}

#[tokio::test]
async fn the_status_follows_the_clock() {
    let harness = Harness::open().await;
    let window = json!({"starts_at": "2026-12-05T12:30Z", "ends_at": "2026-12-05T13:00Z"});
    let (path, event) = harness.event(window).await;
    assert_eq!(event["status"], "scheduled");
    harness.wait(TimeDelta::minutes(30));
    assert_eq!(harness.get(&path).await.ok(200)["status"], "open");
    harness.wait(TimeDelta::minutes(30));
    assert_eq!(harness.get(&path).await.ok(200)["status"], "ended");
}

#[tokio::test]
async fn events_are_listed_by_page_with_the_newest_first() {
    let harness = Harness::open().await;
    for number in 1..=5 {
        harness.event(json!({"name": format!("Event {number}")})).await;
        harness.wait(TimeDelta::seconds(1));
    }
    let first = harness.get("/events?limit=2").await.ok(200);
    assert_eq!(texts(&first["events"], "name"), ["Event 5", "Event 4"]);
    let next = first["next"].as_str().unwrap();
    let second = harness.get(&format!("/events?limit=2&cursor={next}")).await.ok(200);
    assert_eq!(texts(&second["events"], "name"), ["Event 3", "Event 2"]);
    let next = second["next"].as_str().unwrap();
    let last = harness.get(&format!("/events?limit=2&cursor={next}")).await.ok(200);
    assert_eq!(texts(&last["events"], "name"), ["Event 1"]);
    assert_eq!(last["next"], Value::Null);
    let all = harness.get("/events?limit=5").await.ok(200);
    assert_eq!((all["events"].as_array().unwrap().len(), &all["next"]), (5, &Value::Null));
    assert_eq!(harness.get("/events?limit=0&cursor=x").await.wrong_fields(), ["limit", "cursor"]);
}

#[tokio::test]
async fn every_wrong_field_is_listed_and_nothing_is_made() {
    let harness = Harness::open().await;
    let wrong = harness
        .post(
            "/events",
            json!({
                "ends_at": "2026-12-05T18:00", "starts_at": "soon", "time_zone": "Norway/Oslo",
                "attendees": "many", "deployments": ["gpt-9"], "colour": "red",
                "allowances": {"event": {"in_flight": 0}},
            }),
        )
        .await;
    assert_eq!(
        wrong.wrong_fields(),
        [
            "time_zone",
            "attendees",
            "allowances.event.in_flight",
            "colour",
            "name",
            "starts_at",
            "deployments",
        ]
    );
    assert_eq!(harness.get("/events").await.ok(200)["events"], json!([]));
}

#[tokio::test]
async fn tools_that_clients_run_may_be_listed_as_extra_ones() {
    let harness = Harness::open().await;
    harness.deployment("gpt-4o-mini", "chat_completions").await;
    let types = ["apply_patch", "shell", "local_shell", "computer", "namespace", "tool_search"];
    let (path, _) = harness.event(json!({"extra_tool_types": types})).await;
    harness.patch(&path, json!({"extra_tool_types": types[4..]})).await.ok(200);
}

#[tokio::test]
async fn a_change_names_fields_and_null_clears_them() {
    let harness = Harness::open().await;
    harness.deployment("gpt-4o", "chat_completions").await;
    harness.deployment("gpt-4o-mini", "chat_completions").await;
    let all = json!({
        "deployments": ["gpt-4o-mini"],
        "contact": {"name": "Ada", "email": "ada@example.org"},
        "url": "https://example.org", "max_completion_tokens": 256,
    });
    let (path, before) = harness.event(all).await;
    assert_eq!(before["default_deployments"]["chat_completions"], "gpt-4o-mini");

    let change = json!({
        "ends_at": "2026-12-06T18:00", "deployments": null, "url": null,
        "contact": {"email": null},
        "default_deployments": {"chat_completions": "gpt-4o"},
        "allowances": {"attendee": {"tokens_per_day": 5_000}},
    });
    let after = harness.patch(&path, change).await.ok(200);
    assert_eq!(after["ends_at"], "2026-12-06T18:00:00+01:00");
    assert_eq!((&after["deployments"], &after["url"]), (&Value::Null, &Value::Null));
    let contact = json!({"name": "Ada", "email": null, "email_public": false});
    assert_eq!(after["contact"], contact);
    assert_eq!(after["default_deployments"]["chat_completions"], "gpt-4o");
    assert_eq!(after["allowances"]["attendee"]["tokens_per_day"], 5_000);
    assert_eq!(after["max_completion_tokens"], 256);
    assert_eq!((&before["version"], &after["version"]), (&json!(1), &json!(2)));
    assert_eq!(harness.get(&path).await.ok(200), after);
    assert_eq!(harness.stored(&path).await.version, 2);

    assert_eq!(harness.patch(&path, json!({})).await.ok(200), after);
    let wrong =
        harness.patch(&path, json!({"code": "other", "name": null, "ends_at": "never"})).await;
    assert_eq!(wrong.wrong_fields(), ["code", "name", "ends_at"]);
}

#[tokio::test]
async fn changes_at_once_are_all_made() {
    let harness = Harness::open().await;
    let (path, _) = harness.event(json!({})).await;
    let changes = [
        json!({"name": "Other"}),
        json!({"attendees": 7}),
        json!({"max_choices": 2}),
        json!({"url_text": "Here"}),
    ];
    let harness = std::sync::Arc::new(harness);
    let mut changing = JoinSet::new();
    for change in changes {
        let (harness, path) = (std::sync::Arc::clone(&harness), path.clone());
        changing.spawn(async move { harness.patch(&path, change).await.ok(200) });
    }
    changing.join_all().await;
    let event = harness.get(&path).await.ok(200);
    assert_eq!((&event["name"], &event["attendees"]), (&json!("Other"), &json!(7)));
    assert_eq!((&event["max_choices"], &event["url_text"]), (&json!(2), &json!("Here")));
    assert_eq!(event["version"], 5);
}

#[tokio::test]
async fn of_two_events_with_one_code_only_the_first_is_created() {
    let harness = std::sync::Arc::new(Harness::open().await);
    let other = harness.organiser("other").await;
    let mut making = JoinSet::new();
    for number in 0..8 {
        let harness = std::sync::Arc::clone(&harness);
        let token = if number % 2 == 0 { harness.token.clone() } else { other.clone() };
        making.spawn(async move {
            let body = oslo(json!({"code": "Hackathon"})).to_string();
            harness.send(http::Method::POST, "/events", &token, body).await.status
        });
    }
    let mut statuses = making.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 400, 400, 400, 400, 400, 400, 400]);
    let refused = harness.post("/events", oslo(json!({"code": "hackathon"}))).await;
    assert_eq!(refused.refused(400, "code_taken")["error"]["param"], "code");
}

#[tokio::test]
async fn an_unused_event_is_deleted_with_all_its_codes() {
    let harness = Harness::open().await;
    let (path, _) = harness.event(json!({"code": "first"})).await;
    let rotate = json!({"code": "second", "grace_minutes": 60});
    harness.post(&format!("{path}/rotate-code"), rotate).await.ok(200);
    harness.patch(&format!("{path}/attendees/eve"), json!({"blocked": true})).await.ok(200);

    let deleted = harness.delete(&path).await.ok(200);
    assert_eq!(deleted["deleted"], true);
    harness.get(&path).await.refused(404, "not_found");
    harness.delete(&path).await.refused(404, "not_found");
    assert_eq!(harness.get("/events").await.ok(200)["events"], json!([]));
    for item in harness.engine.items().await {
        let (pk, sk) = (get_text(&item, "pk").unwrap(), get_text(&item, "sk").unwrap());
        let is_token = pk.starts_with("TOKEN#") || sk.starts_with("TOKEN#");
        let stays = is_token || sk.starts_with(AUDIT_PREFIX);
        assert!(stays, "{pk} {sk} is left");
    }
    harness.event(json!({"code": "first"})).await;
}

#[tokio::test]
async fn a_used_event_is_not_deleted() {
    for field in [Field::Seats, Field::Open, Field::Requests] {
        let harness = Harness::open().await;
        let (path, event) = harness.event(json!({})).await;
        let key = AccountKey::Event(event["id"].as_str().unwrap().parse().unwrap());
        let write = |by| Write { conditions: vec![], changes: vec![Change::Add(field, by)] };
        harness.table.apply(&key, &write(1)).await.unwrap();
        harness.delete(&path).await.refused(400, "event_in_use");
        assert_eq!(harness.get(&path).await.ok(200), event);
        harness.table.apply(&key, &write(-1)).await.unwrap();
        harness.delete(&path).await.ok(200);
    }
}

#[tokio::test]
async fn the_audit_log_lists_changes_newest_first() {
    let harness = Harness::open().await;
    let (path, _) = harness.event(json!({"code": "canary.code-7e21"})).await;
    let tick = || harness.wait(TimeDelta::minutes(1));
    tick();
    harness.patch(&path, json!({"attendees": 7, "contact": {"name": "Ada"}})).await.ok(200);
    tick();
    let pause = harness.direct("POST", &format!("{path}/pause"), None).await;
    assert_eq!(pause.status, 200);
    tick();
    harness.post(&format!("{path}/rotate-code"), json!({})).await.ok(200);
    tick();
    harness.patch(&format!("{path}/attendees/Eve"), json!({"blocked": true})).await.ok(200);

    let first = harness.get(&format!("{path}/audit?limit=3")).await.ok(200);
    let next = first["next"].as_str().unwrap();
    let second = harness.get(&format!("{path}/audit?limit=3&cursor={next}")).await.ok(200);
    assert_eq!(texts(&second["audit"], "action"), ["change", "create"]);
    assert_eq!(second["next"], Value::Null);
    assert!(!format!("{first}{second}").contains("canary.code"));

    let mut entries = first["audit"].as_array().unwrap().clone();
    entries.push(second["audit"][0].clone());
    for entry in &mut entries {
        entry["request_id"] = json!("[id]");
    }
    assert_snapshot!(serde_json::to_string_pretty(&entries).unwrap(), @r#"
    [
      {
        "action": "change_attendee",
        "at": "2026-12-05T12:04:00Z",
        "attendee": "eve",
        "by": "organiser",
        "changes": [
          {
            "field": "blocked",
            "from": false,
            "to": true
          }
        ],
        "request_id": "[id]"
      },
      {
        "action": "rotate_code",
        "at": "2026-12-05T12:03:00Z",
        "attendee": null,
        "by": "organiser",
        "changes": [
          {
            "field": "old_code_works_until",
            "from": null,
            "to": "2026-12-05T12:03:00Z"
          }
        ],
        "request_id": "[id]"
      },
      {
        "action": "pause",
        "at": "2026-12-05T12:02:00Z",
        "attendee": null,
        "by": "operator",
        "changes": [
          {
            "field": "paused",
            "from": false,
            "to": true
          }
        ],
        "request_id": "[id]"
      },
      {
        "action": "change",
        "at": "2026-12-05T12:01:00Z",
        "attendee": null,
        "by": "organiser",
        "changes": [
          {
            "field": "attendees",
            "from": 100,
            "to": 7
          },
          {
            "field": "contact.name",
            "from": null,
            "to": "Ada"
          }
        ],
        "request_id": "[id]"
      }
    ]
    "#);
}

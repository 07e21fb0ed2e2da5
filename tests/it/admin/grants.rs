//! The AWS calls of the organisers' API: every row of its table and no other.

use chrono::TimeDelta;
use lanyard_domain::account::{AccountKey, Change, Field, Write};
use lanyard_domain::ids::SessionId;
use lanyard_domain::usage::UsageRecord;
use lanyard_gateway::people::{PeopleStore, Rating};
use lanyard_gateway::ports::{Clock, Ledger};
use serde_json::json;

use super::harness::Harness;
use crate::template_calls::rows;

#[tokio::test]
async fn admin_makes_only_the_allowed_calls() {
    let harness = Harness::open().await;
    harness.deployment("gpt-4o", "chat_completions").await;
    let (path, _) = harness.event(json!({"attendees": 10})).await;
    harness.wait(TimeDelta::minutes(1));
    harness.get("/events").await.ok(200);
    harness.get(&format!("{path}/attendees")).await.ok(200);
    harness.patch(&format!("{path}/attendees/ada"), json!({"blocked": true})).await.ok(200);
    harness.post(&format!("{path}/rotate-code"), json!({})).await.ok(200);
    let roster = json!({"users": ["ada"]});
    harness.put(&format!("{path}/roster"), roster).await.ok(200);
    harness.post(&format!("{path}/tokens"), json!({"user": "ada"})).await.ok(201);
    harness.get(&format!("{path}/ratings")).await.ok(200);
    harness.delete(&format!("{path}/registrations/ada")).await.refused(404, "not_found");
    let filed = session_with_a_first_request(&harness, &path).await;
    // Records count from the attendee's seat on.
    let event = path.trim_start_matches("/events/").parse().unwrap();
    let changes = vec![Change::Set(Field::SeatedAt, 1)];
    let seat = Write { conditions: Vec::new(), changes };
    let ada = AccountKey::Attendee(event, "ada".parse().unwrap());
    harness.table.apply(&ada, &seat).await.unwrap();
    let details = harness.get(&format!("{path}/attendees/ada")).await.ok(200);
    assert_eq!(details["by_model"][0]["model"], "gpt-4o");
    let sessions = harness.get(&format!("{path}/usage?by=session")).await.ok(200);
    assert_eq!(sessions["rows"][0]["session"], filed);
    harness.patch(&path, json!({"own_deployments": "organiser"})).await.ok(200);
    let own = json!({
        "endpoint": "https://hers.openai.azure.com", "operations": ["embeddings"], "key": "k",
    });
    let mine = format!("{path}/own-deployments/mine?user=ada");
    harness.put(&mine, own).await.ok(201);
    harness.delete(&mine).await.ok(200);
    harness.post(&format!("{path}/pause"), json!({})).await.ok(200);
    let confirm = json!({"confirm": path.trim_start_matches("/events/")});
    harness.post(&format!("{path}/reset"), confirm).await.ok(200);
    harness.delete(&path).await;
    harness.delete("/deployments/gpt-4o").await;
    let token = harness.post("/tokens", json!({"name": "ci"})).await.ok(201);
    harness.delete(&format!("/tokens/{}", token["id"].as_str().unwrap())).await.ok(200);
    assert_eq!(harness.engine.policed().asked("admin"), rows("admin"));
}

/// A rated request in a session that was made for an earlier one, whose record is looked for.
async fn session_with_a_first_request(harness: &Harness, path: &str) -> String {
    let first = "req_00000000000000000000000000000001".parse().unwrap();
    let session = SessionId::made_for(&first);
    let record = UsageRecord { session: Some(session.clone()), ..harness.record(path, "ada", 2) };
    harness.table.record(&record).await.unwrap();
    harness.table.file_in_session(&record).await.unwrap();
    let rating = Rating { is_up: true, feedback: String::new(), rated_at: harness.clock.now() };
    assert!(harness.table.rate(&record, &rating).await.unwrap());
    session.as_str().to_owned()
}

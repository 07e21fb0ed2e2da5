//! What the organisers' API asks of AWS: every row of its table and no other.

use chrono::TimeDelta;
use serde_json::json;

use super::desk::Desk;
use crate::template_calls::rows;

#[tokio::test]
async fn admin_asks_for_its_rows_and_no_others() {
    let desk = Desk::open().await;
    desk.deployment("gpt-4o", "chat_completions").await;
    let (path, _) = desk.event(json!({"attendees": 10})).await;
    desk.wait(TimeDelta::minutes(1));
    desk.get("/events").await.ok(200);
    desk.get(&format!("{path}/attendees")).await.ok(200);
    desk.patch(&format!("{path}/attendees/ada"), json!({"blocked": true})).await.ok(200);
    desk.post(&format!("{path}/rotate-code"), json!({})).await.ok(200);
    desk.delete(&path).await;
    desk.delete("/deployments/gpt-4o").await;
    assert_eq!(desk.engine.policed().asked("admin"), rows("admin"));
}

//! Responses that Azure accepts and then ends with an error.

use serde_json::{Value, json};

use super::{USUAL, open, pieces};
use crate::support::azure::kept::{event, events, of_events, response as response_of};
use crate::support::{World, canary};

/// Sends three streamed requests whose streams have these events, and returns the last event of the
/// last one.
async fn thrice(world: &World, end: &str) -> String {
    let created = json!({"response": response_of("resp_1", "", "in_progress")});
    let script = [event("response.created", 0, created), end.to_owned()];
    let mut last = String::new();
    for _ in 0..3 {
        world.azure().script(of_events(&script));
        let fields = json!({"input": "word ".repeat(6_000)});
        let mut pieces = pieces(&mut open(world, "ada", fields).await).await;
        assert_eq!(pieces[0], script[0]);
        last = pieces.pop().unwrap();
    }
    last
}

#[tokio::test]
async fn a_request_that_azure_refuses_in_the_stream_costs_no_tokens() {
    let error = |code: &str| {
        let error = json!({"type": "invalid_request_error", "code": code, "message": "Too long.",
            "param": "input"});
        format!("event: error\ndata: {}\n\n", json!({"type": "error", "error": error}))
    };
    let failed = |code: &str| {
        let mut response = response_of("resp_1", "", "failed");
        response["error"] = json!({"code": code, "message": "Too long."});
        response["usage"] = Value::Null;
        event("response.failed", 1, json!({"response": response}))
    };
    for (end, code, requests) in [
        (error("context_length_exceeded"), "context_length_exceeded", 3),
        (failed("context_length_exceeded"), "context_length_exceeded", 3),
        (error("rate_limit_exceeded"), "rate_limit_exceeded", 0),
        (failed("rate_limit_exceeded"), "rate_limit_exceeded", 0),
    ] {
        let world = World::event("overlong").in_memory().keeping().start().await;
        let last = thrice(&world, &end).await;
        let data: Value = serde_json::from_str(last.split("data: ").nth(1).unwrap()).unwrap();
        let said = match data["type"].as_str() {
            Some("error") => {
                assert_eq!(data["code"], data["error"]["code"]);
                assert_eq!(data["message"], "Too long.");
                &data["code"]
            }
            _ => &data["response"]["error"]["code"],
        };
        assert_eq!(said, code, "{last}");
        assert_eq!(world.settle().await.counts(), (requests, 0, 0), "{end}");
    }
}

#[tokio::test]
async fn a_response_that_failed_hides_the_name_of_its_deployment() {
    let world = World::event("named").in_memory().keeping().start().await;
    let mut response = response_of("resp_1", "", "failed");
    let name = format!("{}-gpt-4o-mini", canary::AZURE_NAME);
    response["error"] = json!({"code": "server_error", "message": format!("{name} failed.")});
    let end = event("response.failed", 1, json!({"response": response}));
    assert!(thrice(&world, &end).await.contains(r#""message":"gpt-4o-mini failed.""#));
    world.settle().await;
}

#[tokio::test]
async fn events_that_keep_a_stream_alive_pass_and_cost_nothing() {
    let world = World::event("alive").in_memory().keeping().start().await;
    let mut script = events("resp_1", "Hello");
    let alive = event("keepalive", 9, json!({}));
    script.splice(1..1, [alive.clone(), ": ping\n\n".to_owned(), alive]);
    world.azure().script(of_events(&script));
    assert_eq!(pieces(&mut open(&world, "ada", json!({})).await).await, script);
    assert_eq!(world.settle().await.counts(), USUAL);
}

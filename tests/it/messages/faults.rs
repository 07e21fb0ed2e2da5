//! Azure's faults while it serves messages (wire contract, section 5).

use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::support::world::Deadline;

/// A message capped at 50 tokens, in a function that is stopped in a little more than five seconds.
fn hurried(ada: &Attendee, fields: Value) -> Request<Bytes> {
    let mut request = request(ada, MESSAGES, fields);
    let deadline = Deadline(Instant::now() + Duration::from_millis(5_400));
    request.extensions_mut().insert(deadline);
    request
}

fn small() -> Value {
    json!({"max_tokens": 50})
}

fn refusal(status: u16, kind: &str) -> Reply {
    let error = json!({"type": "error", "error": {"type": kind, "message": "Scripted."}});
    Reply::json(status, error.to_string())
}

/// A model at two resources.
fn two(name: &str) -> Builder {
    world(name).deployments(|deployments| {
        let one = deployments.iter().find(|one| one.name.as_str() == MODEL).unwrap();
        let mut two = one.clone();
        two.replica = "two".parse().unwrap();
        two.azure_name = format!("{}-two", canary::AZURE_NAME).parse().unwrap();
        deployments.push(two);
    })
}

#[tokio::test]
async fn a_second_resource_takes_over_what_the_first_did_not_serve() {
    for (status, kind) in [
        (529, "overloaded_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "api_error"),
        (504, "timeout_error"),
    ] {
        let world = two("failover").start().await;
        let ada = world.attendee("ada").await;
        world.azure().script(refusal(status, kind));
        ask(&ada, json!({})).await.assert_ok();
        let models: Vec<_> =
            world.azure().requests().iter().map(|call| call.json()["model"].clone()).collect();
        assert_eq!(models.len(), 2, "{status}");
        assert_ne!(models[0], models[1], "{status}");
        // The failed call is not charged.
        assert_eq!(world.settle().await.counts(), (1, 17, 5), "{status}");
    }
}

#[tokio::test]
async fn what_both_resources_refuse_costs_no_tokens() {
    for (status, kind, seen, requests) in [
        (529, "overloaded_error", 529, 0),
        (429, "rate_limit_error", 429, 0),
        (500, "api_error", 502, 1),
        (504, "timeout_error", 504, 1),
    ] {
        let world = two("both").start().await;
        let ada = world.attendee("ada").await;
        world.azure().always(refusal(status, kind));
        ask(&ada, json!({})).await.assert_refused(seen, "");
        assert_eq!(world.azure().calls(), 2, "{status}");
        assert_eq!(world.settle().await.counts(), (requests, 0, 0), "{status}");
    }
}

#[tokio::test]
async fn a_sent_message_without_a_response_is_charged_and_not_repeated() {
    for (reply, status) in [(Reply::dropped(), 502), (Reply::reset(), 502), (Reply::hang(), 504)] {
        for is_streamed in [false, true] {
            let world = two("lost").start().await;
            let ada = world.attendee("ada").await;
            world.azure().script(reply.clone());
            let fields = json!({"max_tokens": 50, "stream": is_streamed});
            let response = ada.send(hurried(&ada, fields)).await;
            response.assert_refused(status, "");
            assert_eq!(response.header("x-should-retry"), Some("false"), "{status}");
            assert_eq!(world.azure().calls(), 1, "{status}");
            let totals = world.settle().await;
            assert_eq!((totals.requests, totals.completion_tokens), (1, 50), "{status}");
            assert_eq!(totals.estimated(), 1);
        }
    }
}

#[tokio::test]
async fn an_unusable_message_is_502_and_charged_its_estimate() {
    let unusable = [
        Reply::html(),
        Reply::malformed_json(),
        Reply::json(200, "[]"),
        claude::message("cut").claim_length(100_000),
        claude::message("cut").chunked().close_after(0),
        Reply::gzip_labelled("{\"usage\":{}}"),
    ];
    let count = unusable.len() as u64;
    let world = world("unusable").start().await;
    let ada = world.attendee("ada").await;
    for reply in unusable {
        world.azure().script(reply);
        ask(&ada, small()).await.assert_refused(502, "");
    }
    let totals = world.settle().await;
    assert_eq!((totals.requests, totals.completion_tokens), (count, count * 50));
    assert_eq!(totals.estimated() as u64, count);
}

#[tokio::test]
async fn usage_that_cannot_be_believed_is_charged_by_estimate_and_within_bounds() {
    let odd = [
        json!({"input_tokens": -1, "output_tokens": -5}),
        json!({"input_tokens": "17", "output_tokens": "5"}),
        json!({"input_tokens": 17}),
        json!({"input_tokens": 17, "output_tokens": 5, "cache_read_input_tokens": -9}),
        json!({"input_tokens": 17, "output_tokens": 5, "cache_creation_input_tokens": "many"}),
        json!({"input_tokens": 17, "output_tokens": 5, "iterations": [{"input_tokens": -1}]}),
        json!([]),
        Value::Null,
    ];
    let count = odd.len() as u64;
    let world = world("usage").start().await;
    let ada = world.attendee("ada").await;
    for usage in odd {
        world.azure().script(Reply::json(200, json!({"id": "msg_1", "usage": usage}).to_string()));
        ask(&ada, small()).await.assert_ok();
    }
    let totals = world.settle().await;
    // What is missing of the prompt is charged as output.
    assert!(totals.requests == count && totals.completion_tokens >= count * 50, "{totals:?}");
    assert_eq!(totals.estimated() as u64, count);

    let huge = json!({"input_tokens": 1, "output_tokens": 5, "cache_read_input_tokens": u64::MAX});
    world.azure().script(Reply::json(200, json!({"usage": huge}).to_string()));
    ask(&ada, small()).await.assert_ok();
    let after = world.settle().await;
    let prompt = after.prompt_tokens - totals.prompt_tokens;
    assert!((1..3_000_000).contains(&prompt), "{prompt}");
}

#[tokio::test]
async fn a_stream_that_breaks_or_stalls_ends_with_an_error_and_is_charged_its_estimate() {
    let whole = || claude::stream(canary::COMPLETION);
    for (reply, kind) in [
        (whole().close_after(4), "api_error"),
        (whole().reset_after(4), "api_error"),
        (whole().hang_after(4), "timeout_error"),
    ] {
        let world = world("broken").start().await;
        let ada = world.attendee("ada").await;
        let case = format!("{reply:?}").chars().take(80).collect::<String>();
        world.azure().script(reply);
        let fields = json!({"max_tokens": 50, "stream": true});
        let mut stream = world.open(hurried(&ada, fields)).await;
        let mut last = String::new();
        while let Some(event) = stream.next().await {
            last = event;
        }
        let error = last.strip_prefix("event: error\ndata: ");
        let error: Value =
            serde_json::from_str(error.unwrap_or_else(|| panic!("{case}: {last}"))).unwrap();
        assert_eq!((&error["type"], &error["error"]["type"]), (&json!("error"), &json!(kind)));
        let totals = world.settle().await;
        assert_eq!((totals.requests, totals.prompt_tokens), (1, 17), "{case}");
        let is_counted = totals.estimated() == 0 && totals.completion_tokens == 5;
        assert!(is_counted || totals.completion_tokens >= 50, "{case}: {totals:?}");
    }
}

#[tokio::test]
async fn an_attendee_who_leaves_is_charged_what_azure_counts() {
    let world = world("leaves").start().await;
    let ada = world.attendee("ada").await;
    let gate = Gate::closed();
    world.azure().script(claude::stream(canary::COMPLETION).gated(&gate));
    let mut stream = world.open(request(&ada, MESSAGES, json!({"stream": true}))).await;
    gate.release(1);
    stream.next().await.unwrap();
    drop(stream);
    gate.open();
    let totals = world.settle().await;
    assert_eq!((totals.counts(), totals.estimated()), ((1, 17, 5), 0));
}

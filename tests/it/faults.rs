//! Azure's faults, row by row (wire contract, section 5).

use std::sync::Arc;
use std::time::Duration;

use lanyard_domain::allowance::Limit;
use lanyard_gateway::ports::{Clock, Incident};
use lanyard_gateway::testing::ScriptedUpstream;
use serde_json::json;
use tokio::time::Instant;

use crate::support::attendee::{Attendee, CHAT, chat};
use crate::support::world::Deadline;
use crate::support::{Reply, TestResponse, World, canary};

/// A chat capped at 50 tokens, in a function that is stopped in a little more than five seconds.
async fn hurried(ada: &Attendee) -> TestResponse {
    let mut body = chat("hello");
    body["max_tokens"] = json!(50);
    let mut request = ada.post(CHAT, body.to_string());
    request.extensions_mut().insert(Deadline(Instant::now() + Duration::from_millis(5_400)));
    ada.send(request).await
}

/// Failures that Azure certainly does not bill.
fn not_billed() -> [(Reply, u16, &'static str, u64); 4] {
    [
        (Reply::too_many_requests(Some("1")), 429, "upstream_busy", 0),
        (Reply::error(500, "500", "Scripted."), 502, "upstream_unreachable", 1),
        (Reply::error(503, "503", "Scripted."), 502, "upstream_unreachable", 1),
        (Reply::error(504, "504", "Scripted."), 504, "upstream_timeout", 1),
    ]
}

/// Failures after which a model may have worked.
fn lost() -> [(Reply, u16, &'static str); 3] {
    [
        (Reply::dropped(), 502, "upstream_unreachable"),
        (Reply::reset(), 502, "upstream_unreachable"),
        (Reply::hang(), 504, "upstream_timeout"),
    ]
}

#[tokio::test]
async fn a_second_deployment_takes_over_before_the_first_byte() {
    for (reply, ..) in not_billed() {
        let world = World::event("failover").in_memory().two_replicas().start().await;
        let ada = world.attendee("ada").await;
        let case = format!("{reply:?}");
        world.azure().script(reply);
        hurried(&ada).await.assert_ok();
        let asked = world.azure().requests();
        let models: Vec<_> = asked.iter().map(|call| call.json()["model"].clone()).collect();
        let name = canary::AZURE_NAME;
        assert_eq!(models, [format!("{name}-gpt-4o-mini"), format!("{name}-two")], "{case}");
        // The failed call is not charged.
        assert_eq!(world.settle().await.counts(), (1, 17, 5), "{case}");
    }
}

#[tokio::test]
async fn a_sent_request_without_a_response_is_charged_and_not_repeated() {
    for (reply, status, code) in lost() {
        let world = World::event("lost").in_memory().two_replicas().start().await;
        let ada = world.attendee("ada").await;
        world.azure().script(reply);
        let response = hurried(&ada).await;
        response.assert_refused(status, code);
        assert_eq!(response.header("x-should-retry"), Some("false"));
        assert_eq!(world.azure().calls(), 1, "{code}");
        let totals = world.settle().await;
        assert_eq!((totals.requests, totals.completion_tokens), (1, 50), "{code}");
        assert_eq!(totals.estimated(), 1);
    }
}

#[tokio::test]
async fn dropped_connections_are_counted_by_the_limits() {
    for limit in [Limit::RequestsPerMinute, Limit::RequestsPerDay] {
        let world = World::event("dropped").in_memory().attendee(limit, 1).start().await;
        let ada = world.attendee("ada").await;
        world.azure().always(Reply::dropped());
        for number in 0..20 {
            let response = ada.chat("hello").await;
            assert_eq!(
                response.code() == "upstream_unreachable",
                number == 0,
                "{}",
                response.text()
            );
            world.quiet().await;
        }
        assert_eq!((world.azure().calls(), world.settle().await.requests), (1, 1));
    }
}

#[tokio::test]
async fn a_refusal_of_azures_is_charged_the_prompt_it_read() {
    // Whether the prompt is charged; the request always counts.
    for (status, code, is_read) in [
        (400, "context_length_exceeded", false),
        (422, "invalid_value", false),
        (400, "content_filter", true),
        (403, "content_filter", true),
        (403, "ResponsibleAIPolicyViolation", true),
        (408, "408", true),
    ] {
        let world = World::event("read").in_memory().two_replicas().start().await;
        let ada = world.attendee("ada").await;
        world.azure().script(Reply::error(status, code, "Scripted refusal."));
        let response = hurried(&ada).await;
        let seen = match status {
            408 => 504,
            403 => 400,
            status => status,
        };
        assert_eq!(response.status().as_u16(), seen, "{code}");
        assert_eq!(world.azure().calls(), 1, "{code}");
        if is_read && status != 408 {
            let error = &response.json()["error"];
            assert_eq!(
                (&error["code"], &error["type"]),
                (&json!("content_filter"), &json!("invalid_request_error"))
            );
            assert_eq!(error["message"], "Scripted refusal.");
        }
        let totals = world.settle().await;
        assert_eq!((totals.requests, totals.completion_tokens), (1, 0), "{code}");
        assert_eq!(totals.prompt_tokens > 0, is_read, "{code}");
    }
}

#[tokio::test]
async fn a_stream_fails_over_too() {
    let world = World::event("failover").two_replicas().start().await;
    let ada = world.attendee("ada").await;
    world.azure().script(Reply::error(503, "503", "Scripted."));
    let payloads = ada.chat_stream("hello").await.rest().await;
    assert_eq!(payloads.last().unwrap(), "[DONE]");
    assert_eq!((world.azure().calls(), world.settle().await.counts()), (2, (1, 17, 5)));
}

#[tokio::test]
async fn two_calls_are_the_most_and_neither_is_charged() {
    for (replicas, (reply, status, code, requests)) in
        [1, 2].into_iter().flat_map(|n| std::iter::repeat(n).zip(not_billed()))
    {
        let world = World::event("both").in_memory();
        let world = if replicas == 2 { world.two_replicas() } else { world };
        let world = world.start().await;
        let ada = world.attendee("ada").await;
        world.azure().always(reply);
        let response = hurried(&ada).await;
        response.assert_refused(status, code);
        assert_eq!(response.header("x-should-retry"), None);
        assert_eq!(world.azure().calls(), replicas);
        // A failure of Azure's costs no tokens, but it was a request; being busy is none.
        assert_eq!(world.settle().await.counts(), (requests, 0, 0), "{code}");
    }
}

#[tokio::test]
async fn a_deployment_that_refuses_connections_is_unreachable() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let world = World::event("closed").two_replicas();
    let world = world.deployments(|deployments| deployments[0].endpoint = endpoint);
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_ok();
    assert_eq!((world.azure().calls(), world.settle().await.counts()), (1, (1, 17, 5)));
}

#[tokio::test]
async fn azures_wait_is_bounded() {
    let world = World::event("busy").in_memory().start().await;
    let ada = world.attendee("ada").await;
    for (said, expected) in [
        (None, "5"),
        (Some("-1"), "5"),
        (Some("soon"), "5"),
        (Some("0"), "5"),
        (Some("1e9"), "60"),
        (Some("86400"), "60"),
        (Some("30"), "30"),
        (Some("0.2"), "1"),
    ] {
        world.azure().script(Reply::too_many_requests(said));
        let busy = ada.chat("hello").await;
        busy.assert_refused(429, "upstream_busy");
        assert_eq!(busy.header("retry-after"), Some(expected), "{said:?}");
        assert_eq!(busy.header("x-should-retry"), None);
    }
    assert_eq!(world.request_log().incidents(), [Incident::UpstreamBusy; 8]);
    assert_eq!(world.settle().await.requests, 0);
}

#[tokio::test]
async fn azures_wait_may_be_a_date_or_the_reset_of_a_limit() {
    let world = World::event("busy-until").in_memory().start().await;
    let ada = world.attendee("ada").await;
    let in_20_s = world.clock().now() + chrono::TimeDelta::seconds(20);
    let date = in_20_s.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    for header in ["retry-after", "retry-after-ms", "x-ratelimit-reset-requests"] {
        world.azure().script(Reply::too_many_requests(None).header(header, &date));
        let busy = ada.chat("hello").await;
        busy.assert_refused(429, "upstream_busy");
        let wait: u64 = busy.header("retry-after").unwrap().parse().unwrap();
        // The date has whole seconds.
        assert!((19..=20).contains(&wait), "{header}: {wait}");
    }
    world.settle().await;
}

#[tokio::test]
async fn azures_refusal_of_our_key_is_our_error() {
    for status in [401, 403, 404] {
        let world = World::event("ours").in_memory().start().await;
        let ada = world.attendee("ada").await;
        let message = format!("Access denied for {}, {}.", canary::KEY, canary::AZURE_NAME);
        world.azure().script(Reply::error(status, "DeploymentNotFound", &message));
        let response = ada.chat("hello").await;
        response.assert_refused(503, "upstream_misconfigured");
        assert_eq!(response.header("x-should-retry"), Some("false"));
        assert_eq!(world.azure().calls(), 1, "{status}");
        assert_eq!(world.request_log().incidents(), [Incident::UpstreamMisconfigured]);
        assert_eq!(world.settle().await.requests, 0);
    }
}

#[tokio::test]
async fn a_key_that_was_changed_is_read_again_at_once() {
    let world = World::event("key").start().await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_ok();
    let renewed = format!("{}-renewed", canary::KEY);
    world.change_keys(&renewed).await;
    world.azure().script(Reply::error(401, "401", "Scripted."));
    ada.chat("hello").await.assert_ok();
    let keys: Vec<_> = world
        .azure()
        .requests()
        .iter()
        .map(|call| call.header("api-key").unwrap().to_owned())
        .collect();
    assert_eq!(keys, [canary::KEY, canary::KEY, &renewed]);
    assert_eq!(world.settle().await.counts(), (2, 34, 10));
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    let world = World::event("redirect").start().await;
    let ada = world.attendee("ada").await;
    let elsewhere = format!("{}/openai/v1/chat/completions", world.azure().endpoint());
    world.azure().script(Reply::redirect(&elsewhere));
    ada.chat("hello").await.assert_refused(502, "upstream_unreachable");
    assert_eq!((world.azure().calls(), world.settle().await.requests), (1, 0));
}

#[tokio::test]
async fn an_unusable_response_is_502_and_charged_its_estimate() {
    let unusable = [
        Reply::html(),
        Reply::malformed_json(),
        Reply::json(200, ""),
        Reply::json(200, "[]"),
        Reply::chat("cut").claim_length(100_000),
        Reply::chat("cut").chunked().close_after(0),
        Reply::gzip_labelled("{\"usage\":{}}"),
        Reply::huge(300),
    ];
    let count = unusable.len() as u64;
    let world = World::event("unusable").in_memory().start().await;
    let ada = world.attendee("ada").await;
    for reply in unusable {
        let case: String = format!("{reply:?}").chars().take(120).collect();
        world.azure().script(reply);
        let response = hurried_without_deadline(&ada).await;
        assert_eq!(
            (response.status().as_u16(), response.code().as_str()),
            (502, "upstream_unreachable"),
            "{case}"
        );
    }
    let totals = world.settle().await;
    assert_eq!((totals.requests, totals.completion_tokens), (count, count * 50));
    assert!(totals.records.iter().all(|record| record.is_estimated && record.status == 502));
}

async fn hurried_without_deadline(ada: &Attendee) -> TestResponse {
    let mut body = chat("hello");
    body["max_tokens"] = json!(50);
    ada.send(ada.post(CHAT, body.to_string())).await
}

#[tokio::test]
async fn usage_that_cannot_be_believed_is_charged_by_estimate() {
    let world = World::event("usage").in_memory().start().await;
    let ada = world.attendee("ada").await;
    let odd = [
        r#""usage":{"prompt_tokens":-1,"completion_tokens":-5}"#,
        r#""usage":{"prompt_tokens":"17","completion_tokens":"5"}"#,
        r#""usage":{"prompt_tokens":1.5,"completion_tokens":2.5}"#,
        r#""usage":{}"#,
        r#""usage":null"#,
        r#""usage":"many""#,
        r#""usage":[]"#,
        r#""id":"without""#,
    ];
    for usage in odd {
        world.azure().script(Reply::json(200, format!("{{{usage}}}")));
        hurried_without_deadline(&ada).await.assert_ok();
    }
    let totals = world.settle().await;
    assert_eq!((totals.requests, totals.completion_tokens), (8, 8 * 50));
    assert_eq!(totals.estimated(), 8);
}

#[tokio::test]
async fn huge_usage_is_bounded() {
    let world = World::event("huge").in_memory().start().await;
    let ada = world.attendee("ada").await;
    let usage = r#"{"usage":{"prompt_tokens":9223372036854775807,"completion_tokens":5}}"#;
    world.azure().script(Reply::json(200, usage));
    hurried_without_deadline(&ada).await.assert_ok();
    let totals = world.settle().await;
    assert_eq!((totals.completion_tokens, totals.estimated()), (5, 1));
    assert!((1..2_000_000).contains(&totals.prompt_tokens), "{}", totals.prompt_tokens);
}

#[tokio::test]
async fn a_stall_ends_with_an_error_event_before_the_function_is_stopped() {
    let world = World::event("stall").start().await;
    let ada = world.attendee("ada").await;
    for (left_ms, frames) in [(5_400, 3), (5_000, 0), (3_000, 0)] {
        world.azure().script(Reply::chat_stream("one two three", true).hang_after(frames));
        let mut body = chat("hello");
        (body["stream"], body["max_tokens"]) = (json!(true), json!(50));
        let mut request = ada.post(CHAT, body.to_string());
        request.extensions_mut().insert(Deadline(Instant::now() + Duration::from_millis(left_ms)));
        let mut stream = world.open(request).await;
        let last = stream.rest().await.pop().unwrap();
        assert!(last.contains("upstream_timeout"), "{left_ms}: {last}");
    }
    let totals = world.settle().await;
    // The others had no time to be sent.
    assert_eq!((totals.requests, totals.estimated(), world.azure().calls()), (1, 1, 1));
}

#[tokio::test]
async fn a_panic_is_a_500_and_leaves_nothing_held() {
    let upstream = ScriptedUpstream::new(|_| panic!("scripted"));
    let world = World::event("panic").upstream(Arc::new(upstream)).start().await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_refused(500, "internal_error");
    // The call may have left before the panic, so it is charged at its estimate.
    let totals = world.settle().await;
    assert_eq!(totals.requests, 1);
    assert!(totals.records[0].is_estimated && totals.records[0].status == 500);
}

#[tokio::test]
async fn a_deployment_without_a_key_is_our_fault() {
    let upstream = Arc::new(ScriptedUpstream::new(|_| Reply::no_credential()));
    let world = World::event("no-key").in_memory().upstream(upstream).start().await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_refused(503, "upstream_misconfigured");
    assert_eq!(world.settle().await.requests, 0);
}

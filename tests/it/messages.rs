//! `POST …/messages`, in Anthropic's format, and what its clients call beside it.

mod attacks;
mod faults;
mod races;

use bytes::Bytes;
use http::{HeaderValue, Request};
use lanyard_domain::allowance::Limit;
use lanyard_domain::operation::Operation;
use lanyard_gateway::ports::Incident;
use serde_json::{Value, json};

use crate::support::attendee::Attendee;
use crate::support::azure::claude;
use crate::support::builder::Builder;
use crate::support::{Gate, Reply, TestResponse, World, canary};

const MESSAGES: &str = "/api/v1/messages";
const COUNT: &str = "/api/anthropic/v1/messages/count_tokens";
const MODEL: &str = "model-messages";

fn world(name: &str) -> Builder {
    World::event(name).in_memory().everything()
}

fn body(fields: Value) -> Value {
    let mut body = json!({"model": MODEL, "max_tokens": 100});
    body["messages"] = json!([{"role": "user", "content": canary::PROMPT}]);
    for (name, value) in fields.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

fn request(ada: &Attendee, path: &str, fields: Value) -> Request<Bytes> {
    ada.post(path, body(fields).to_string())
}

async fn ask(ada: &Attendee, fields: Value) -> TestResponse {
    ada.send(request(ada, MESSAGES, fields)).await
}

#[tokio::test]
async fn a_message_passes_with_its_headers_and_costs_its_cache_as_well() {
    let world = world("message").start().await;
    let ada = world.attendee("ada").await;
    let mut request = request(&ada, MESSAGES, json!({"metadata": {"user_id": "ada@example.org"}}));
    let headers = request.headers_mut();
    headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    headers.append("anthropic-beta", HeaderValue::from_static("one-2025-01-01,two-2025-01-01"));
    headers.append("anthropic-beta", HeaderValue::from_static("three-2025-01-01"));
    headers.insert("anthropic-dangerous-direct-browser-access", HeaderValue::from_static("true"));
    let response = ada.send(request).await;
    let message = response.assert_ok().json();
    assert_eq!((&message["type"], &message["role"]), (&json!("message"), &json!("assistant")));
    assert_eq!(message["usage"], claude::usage(5));
    let sent = world.azure().requests().pop().unwrap();
    assert_eq!(sent.path(), "/anthropic/v1/messages");
    assert_eq!(sent.header("anthropic-version"), Some("2023-06-01"));
    let betas = "one-2025-01-01,two-2025-01-01,three-2025-01-01";
    assert_eq!(sent.header("anthropic-beta"), Some(betas));
    assert_eq!(sent.header("anthropic-dangerous-direct-browser-access"), None);
    let user = sent.json()["metadata"]["user_id"].as_str().unwrap().to_owned();
    assert!(user.len() == 32 && !user.contains("ada"), "{user}");
    assert_eq!(sent.json()["model"], format!("{}-{MODEL}", canary::AZURE_NAME));
    // Without a version of the client's own there is still one.
    ask(&ada, json!({"max_tokens": 1_000_000})).await.assert_ok();
    let sent = world.azure().requests().pop().unwrap();
    assert_eq!(sent.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(sent.json()["max_tokens"], 4_096);
    let totals = world.settle().await;
    assert_eq!(totals.counts(), (2, 34, 10));
    assert_eq!(totals.estimated(), 0);
    for record in &totals.records {
        assert_eq!((record.cache.read, record.cache.written), (4, 3));
    }
    assert_eq!(totals.records[0].response_id.as_ref().unwrap().as_str(), "msg_scripted");
}

#[tokio::test]
async fn a_stream_passes_event_by_event_and_is_counted_to_the_token() {
    let world = world("stream").start().await;
    let ada = world.attendee("ada").await;
    let gate = Gate::closed();
    let events = claude::events(canary::COMPLETION);
    world.azure().script(claude::stream(canary::COMPLETION).gated(&gate));
    let mut stream = world.open(request(&ada, MESSAGES, json!({"stream": true}))).await;
    for event in &events {
        gate.release(1);
        assert_eq!(stream.next().await.unwrap().as_bytes(), event);
    }
    assert_eq!(stream.next().await, None);
    assert_eq!(world.settle().await.counts(), (1, 17, 5));
}

#[tokio::test]
async fn each_refusal_has_anthropics_shape_and_says_whether_waiting_helps() {
    let world = world("refusals").requests_per_day(1).start().await;
    let ada = world.attendee("ada").await;
    let stranger = |header: &'static str, value: &'static str| {
        let mut request = request(&ada, MESSAGES, json!({}));
        request.headers_mut().remove("openai-event-code");
        request.headers_mut().insert(header, HeaderValue::from_static(value));
        request
    };
    for (header, value) in
        [("x-api-key", "nope-code/ada"), ("authorization", "Bearer nope-code/ada")]
    {
        let refused = ada.send(stranger(header, value)).await;
        refused.assert_refused(401, "invalid_event_code");
        assert_eq!(refused.header("x-should-retry"), Some("false"));
        assert_eq!(refused.json()["request_id"], refused.header("x-request-id").unwrap());
    }
    for (fields, status) in [
        (json!({"model": "gpt-nope"}), 404),
        (json!({"max_tokens": 0}), 400),
        (json!({"messages": "x"}), 400),
        (json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}), 400),
    ] {
        ask(&ada, fields).await.assert_refused(status, "");
    }
    let mut got = request(&ada, MESSAGES, json!({}));
    *got.method_mut() = http::Method::GET;
    ada.send(got).await.assert_refused(405, "");
    ask(&ada, json!({})).await.assert_ok();
    world.settle().await;
    let spent = ask(&ada, json!({})).await;
    spent.assert_refused(402, "");
    assert_eq!(
        (spent.header("x-should-retry"), spent.header("retry-after")),
        (Some("false"), None)
    );
    assert_eq!(world.settle().await.requests, 1);
}

#[tokio::test]
async fn the_credential_goes_where_anthropics_sdks_put_it() {
    let world = world("keys").start().await;
    let ada = world.attendee("ada").await;
    for (header, value) in
        [("x-api-key", ada.token()), ("authorization", format!("Bearer {}", ada.token()))]
    {
        let mut request = request(&ada, "/api/anthropic/v1/messages", json!({}));
        request.headers_mut().remove("openai-event-code");
        request.headers_mut().insert(header, value.parse().unwrap());
        ada.send(request).await.assert_ok();
    }
    assert_eq!(world.settle().await.counts(), (2, 34, 10));
}

#[tokio::test]
async fn azures_own_refusals_pass_and_a_lack_of_room_costs_nothing() {
    let world = world("busy").start().await;
    let ada = world.attendee("ada").await;
    let error = |kind: &str, message: &str| {
        json!({"type": "error", "error": {"type": kind, "message": message}}).to_string()
    };
    world.azure().script(Reply::json(529, error("overloaded_error", "Overloaded")));
    let busy = ask(&ada, json!({})).await;
    busy.assert_refused(529, "");
    assert_eq!(busy.header("retry-after"), Some("5"));
    let limited = Reply::json(429, error("rate_limit_error", "x")).header("retry-after", "7");
    world.azure().script(limited);
    let limited = ask(&ada, json!({})).await;
    limited.assert_refused(429, "");
    assert_eq!(limited.header("retry-after"), Some("7"));
    assert_eq!(world.request_log().incidents(), [Incident::UpstreamBusy; 2]);
    let why = "max_tokens: must be greater than thinking.budget_tokens";
    world.azure().script(Reply::json(400, error("invalid_request_error", why)));
    let refused = ask(&ada, json!({})).await;
    refused.assert_refused(400, "");
    assert_eq!(refused.json()["error"]["message"], why);
    // The deployment is ours to get right, whatever Claude calls it.
    let name = format!("model: {}-{MODEL}", canary::AZURE_NAME);
    world.azure().script(Reply::json(404, error("not_found_error", &name)));
    let missing = ask(&ada, json!({})).await;
    missing.assert_refused(503, "");
    assert_eq!(missing.header("x-should-retry"), Some("false"));
    assert_eq!(world.settle().await.counts(), (1, 0, 0));
}

#[tokio::test]
async fn an_unknown_beta_is_left_out_once_azure_refuses_it_and_from_then_on() {
    let world = world("betas").start().await;
    let ada = world.attendee("ada").await;
    let with_betas = |betas: &'static str| {
        let mut request = request(&ada, MESSAGES, json!({}));
        request.headers_mut().insert("anthropic-beta", HeaderValue::from_static(betas));
        request
    };
    let refusal = |message: &str| {
        let error = json!({"type": "invalid_request_error", "message": message});
        Reply::json(400, json!({"type": "error", "error": error}).to_string())
    };
    let betas = || -> Vec<Option<String>> {
        let sent = world.azure().requests();
        sent.iter().map(|sent| sent.header("anthropic-beta").map(ToOwned::to_owned)).collect()
    };
    let unexpected = "Unexpected value(s) `new-2030-01-01` for the `anthropic-beta` header.";
    world.azure().script(refusal(unexpected));
    for _ in 0..2 {
        ada.send(with_betas("good-2025-01-01,new-2030-01-01")).await.assert_ok();
    }
    let good = || Some("good-2025-01-01".to_owned());
    let both = Some("good-2025-01-01,new-2030-01-01".to_owned());
    assert_eq!(betas(), [both, good(), good()]);
    // Where none is named, the header is left out, and asked for again the next time.
    world.azure().script(refusal("The anthropic-beta header is not valid."));
    for _ in 0..2 {
        ada.send(with_betas("good-2025-01-01")).await.assert_ok();
    }
    assert_eq!(betas()[3..], [good(), None, good()]);
    // There is no third call, and none for a refusal of something else.
    world.azure().script(refusal("Unexpected `a-1` for the `anthropic-beta` header."));
    world.azure().script(refusal("Unexpected `b-1` for the `anthropic-beta` header."));
    ada.send(with_betas("a-1,b-1")).await.assert_refused(400, "");
    ada.send(with_betas("a-1,b-1,c-1")).await.assert_ok();
    assert_eq!(betas()[8..], [Some("c-1".to_owned())]);
    world.azure().script(refusal("c-1: the max_tokens are odd"));
    ada.send(with_betas("c-1")).await.assert_refused(400, "");
    assert_eq!(betas().len(), 10);
    // A refusal of the request costs a request; what was asked for twice, one.
    assert_eq!(world.settle().await.counts(), (7, 85, 25));
}

#[tokio::test]
async fn an_error_in_a_stream_keeps_its_type_and_costs_what_was_made() {
    let world = world("broken").start().await;
    let ada = world.attendee("ada").await;
    let stream = async |events: Vec<Bytes>| {
        world.azure().script(Reply::sse_bytes("", &[]).pieces(events));
        let mut stream = world.open(request(&ada, MESSAGES, json!({"stream": true}))).await;
        let mut last = String::new();
        while let Some(event) = stream.next().await {
            last = event;
        }
        let data = last.strip_prefix("event: error\ndata: ").unwrap_or_else(|| panic!("{last}"));
        serde_json::from_str::<Value>(data).unwrap()
    };
    let name = format!("{}-{MODEL}", canary::AZURE_NAME);
    let busy = claude::error("overloaded_error", &format!("{name} is overloaded"));
    let event = stream(vec![claude::start(), busy.clone()]).await;
    assert_eq!(
        (&event["type"], &event["error"]["type"]),
        (&json!("error"), &json!("overloaded_error"))
    );
    assert_eq!(event["error"]["message"], format!("{MODEL} is overloaded"));
    assert!(event["request_id"].is_string());
    // Nobody bills that.
    assert_eq!(world.settle().await.counts(), (0, 0, 0));

    let event = stream(vec![claude::start(), claude::delta("Hi"), busy]).await;
    assert_eq!(event["error"]["type"], "overloaded_error");
    let totals = world.settle().await;
    assert!(totals.records[0].is_estimated);
    assert_eq!(totals.records[0].charge.prompt_tokens, 17);
    assert!(totals.records[0].charge.completion_tokens < 10, "{totals:?}");

    let event = stream(vec![claude::start(), claude::delta("Hi")]).await;
    assert_eq!(event["error"]["type"], "api_error");
    let totals = world.settle().await;
    let last = totals.records.iter().max_by_key(|record| record.charge.completion_tokens).unwrap();
    // At least the estimate, of a prompt that Azure has counted.
    assert!(last.is_estimated && last.charge.prompt_tokens == 17, "{totals:?}");
    assert!(last.charge.completion_tokens >= 100, "{totals:?}");
}

#[tokio::test]
async fn a_count_costs_nothing_and_is_estimated_where_azure_does_not_count() {
    let world = world("count").requests_per_day(1).attendee(Limit::TokensTotal, 1).start().await;
    let ada = world.attendee("ada").await;
    let search = json!([{"name": "own", "input_schema": {}}, {"type": "web_search_20250305", "name": "web_search"}]);
    let fields = json!({"tools": search, "stream": true, "metadata": {"user_id": "ada"}});
    let count = async || ada.send(request(&ada, COUNT, fields.clone())).await;
    assert_eq!(count().await.assert_ok().json(), json!({"input_tokens": 17}));
    let sent = world.azure().requests().pop().unwrap();
    assert_eq!(sent.path(), "/anthropic/v1/messages/count_tokens");
    let mut names: Vec<_> = sent.json().as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(names, ["messages", "model", "tools"]);
    assert_eq!(sent.json()["tools"], json!([search[0]]));
    for reply in [Reply::error(404, "404", "Resource not found"), Reply::error(405, "405", "x")] {
        world.azure().script(reply);
        let tokens = count().await.assert_ok().json()["input_tokens"].as_u64().unwrap();
        assert!((10..100).contains(&tokens), "{tokens}");
    }
    world.azure().script(Reply::html());
    count().await.assert_refused(502, "");
    world.azure().script(Reply::error(401, "401", "x"));
    count().await.assert_refused(503, "");
    let mut stranger = request(&ada, COUNT, json!({}));
    stranger.headers_mut().insert("openai-event-code", HeaderValue::from_static("nope/ada"));
    ada.send(stranger).await.assert_refused(401, "");
    let totals = world.settle().await;
    assert_eq!((totals.counts(), totals.records.len()), ((0, 0, 0), 0));
}

#[tokio::test]
async fn models_are_listed_in_the_shape_of_the_asking_client_page_by_page() {
    let world = world("models").deployments(|deployments| {
        let mut second = deployments.last().unwrap().clone();
        second.operations = vec![Operation::Messages];
        second.name = "claude-zeta".parse().unwrap();
        deployments.push(second);
    });
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    let list = async |path: &str, has_version: bool| {
        let mut request = ada.get(path);
        if has_version {
            let version = HeaderValue::from_static("2023-06-01");
            request.headers_mut().insert("anthropic-version", version);
        }
        ada.send(request).await
    };
    let all = list("/api/v1/models?limit=1000", true).await.assert_ok().json();
    let ids = |page: &Value| -> Vec<String> {
        let models = page["data"].as_array().unwrap().iter();
        models.map(|model| model["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&all), ["claude-zeta", MODEL]);
    assert_eq!((&all["has_more"], &all["first_id"]), (&json!(false), &json!("claude-zeta")));
    assert_eq!(all["data"][0]["type"], "model");
    assert!(all["data"][0]["created_at"].as_str().unwrap().ends_with('Z'));
    let first = list("/api/anthropic/v1/models?limit=1", false).await.assert_ok().json();
    assert_eq!((ids(&first), &first["has_more"]), (vec!["claude-zeta".to_owned()], &json!(true)));
    let second = list("/api/v1/models?limit=1&after_id=claude-zeta", true).await.json();
    assert_eq!((ids(&second), &second["has_more"]), (vec![MODEL.to_owned()], &json!(false)));
    let before = list("/api/v1/models?before_id=model-messages", true).await.json();
    assert_eq!(ids(&before), ["claude-zeta"]);
    list("/api/v1/models?limit=0", true).await.assert_refused(400, "");
    let one = list("/api/v1/models/claude-zeta", true).await.assert_ok().json();
    assert_eq!((&one["type"], &one["display_name"]), (&json!("model"), &json!("claude-zeta")));
    list("/api/v1/models/nope", true).await.assert_refused(404, "");
    assert_eq!(list("/api/v1/models", false).await.json()["object"], "list");
    world.settle().await;
}

#[tokio::test]
async fn ids_of_files_and_containers_are_the_attendees_own_or_refused() {
    let world = World::event("owned").everything().keeping().start().await;
    let ada = world.attendee("ada").await;
    let document = json!([{"role": "user", "content": [
        {"type": "document", "source": {"type": "file", "file_id": "file-of-bobs"}},
    ]}]);
    let calls = world.azure().calls();
    ask(&ada, json!({"messages": document})).await.assert_refused(404, "");
    ask(&ada, json!({"container": "container_1"})).await.assert_refused(400, "");
    ask(&ada, json!({"thread": {"type": "continue", "previous_message_id": "msg_1"}}))
        .await
        .assert_refused(400, "");
    assert_eq!(world.azure().calls(), calls);
    // The arguments of a tool are the model's own words.
    let history = json!([
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": [
            {"type": "tool_use", "id": "t", "name": "n", "input": {"file_id": "file-of-bobs"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]},
    ]);
    ask(&ada, json!({"messages": history})).await.assert_ok();
    world.settle().await;
}

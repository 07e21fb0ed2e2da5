//! Tools that Azure runs, where money is limited: their calls are bounded, reserved and paid.

use lanyard_domain::account::{Change, Field};
use lanyard_domain::allowance::Limit;
use lanyard_domain::amount::NANO_PER_USD;
use lanyard_domain::bill::{Line, Priced};
use lanyard_domain::hosted_tools::HostedTools;
use lanyard_domain::unit::Unit;
use lanyard_gateway::testing::azure::{claude, kept};
use serde_json::{Value, json};

use super::{lines, message, only_record, with_claude};
use crate::support::attendee::{Attendee, CHAT, chat};
use crate::support::builder::Builder;
use crate::support::{Reply, TestResponse, World};

/// The context of GPT-4o mini, and the price of its tokens.
const TURN: u64 = 128_000 * 150;
/// The price of a search.
const SEARCH: u64 = 14_000_000;

fn allowing(world: Builder) -> Builder {
    world.in_memory().keeping().with(|event| {
        event.hosted_tools = HostedTools::allowing([
            "web_search",
            "file_search",
            "web_fetch",
            "mcp",
            "code_execution",
        ]);
    })
}

fn limited(name: &str, nano_usd: u64) -> Builder {
    allowing(World::event(name)).everybody(Limit::UsdTotal, nano_usd)
}

/// A response with these tools, which is not stored.
fn with_tools(tools: &Value, fields: &Value) -> Value {
    let mut body =
        json!({"model": "gpt-4o-mini", "input": "hello", "store": false, "tools": tools});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

async fn respond(ada: &Attendee, body: &Value) -> TestResponse {
    ada.send(ada.post("/api/v1/responses", body.to_string())).await
}

/// A response of the usual tokens, in which Azure ran these calls.
fn having_called(kinds: &[&str]) -> Value {
    let mut body = kept::response("resp_1", "Hi", "completed");
    let output = body["output"].as_array_mut().unwrap();
    for (n, kind) in kinds.iter().enumerate() {
        output.insert(0, json!({"type": kind, "id": format!("ws_{n}"), "status": "completed"}));
    }
    body
}

#[tokio::test]
async fn calls_are_bounded_only_where_money_is_limited() {
    let search = json!([{"type": "web_search"}]);
    for (is_limited, asked, sent, notice) in [
        (false, json!(null), json!(null), None),
        (false, json!(50), json!(50), None),
        (true, json!(null), json!(10), Some("10")),
        (true, json!(50), json!(10), Some("10")),
        (true, json!(3), json!(3), None),
    ] {
        let world = if is_limited {
            limited("bound", NANO_PER_USD)
        } else {
            allowing(World::event("bound"))
        };
        let world = world.start().await;
        let fields = if asked.is_null() { json!({}) } else { json!({"max_tool_calls": asked}) };
        let ada = world.attendee("ada").await;
        let response = respond(&ada, &with_tools(&search, &fields)).await;
        assert_eq!(response.assert_ok().header("x-event-max-tool-calls"), notice, "{asked}");
        assert_eq!(world.azure().requests()[0].json()["max_tool_calls"], sent, "{asked}");
        world.settle().await;
    }
}

#[tokio::test]
async fn calls_are_paid_as_often_as_the_output_shows_them() {
    let tools = json!([{"type": "web_search"}, {"type": "file_search", "vector_store_ids": []}]);
    let tools = json!([tools[0], {"type": "function", "name": "f", "parameters": {}}]);
    let called = having_called(&["web_search_call", "function_call", "web_search_call"]);
    let completed = kept::event(
        "response.completed",
        1,
        json!({"type": "response.completed", "response": called}),
    );
    for (is_streamed, reply) in
        [(false, Reply::json(200, called.to_string())), (true, Reply::sse_bytes(completed, &[]))]
    {
        let world = limited("paid", NANO_PER_USD).start().await;
        world.azure().script(reply);
        let ada = world.attendee("ada").await;
        respond(&ada, &with_tools(&tools, &json!({"stream": is_streamed}))).await.assert_ok();
        let record = only_record(&world).await;
        let expected = [
            (Priced::Input, Line(17, 150_000)),
            (Priced::Output, Line(5, 600_000)),
            (Priced::WebSearch, Line(2, SEARCH * 1_000)),
        ];
        assert_eq!(lines(record.bill.as_ref().unwrap()), expected, "{is_streamed}");
        let paid = record.charge.units.get(Unit::Usd);
        assert_eq!(paid, record.bill.unwrap().nano_usd(), "{is_streamed}");
        assert_eq!(paid, 2 * SEARCH + 17 * 150 + 5 * 600);
    }
}

#[tokio::test]
async fn what_the_calls_may_cost_is_reserved_and_the_bound_is_lowered_to_what_fits() {
    // A turn costs 0.0192 dollars at most, a call 0.014, and the output 0.0006.
    let needs = |calls: u64| (calls + 1) * TURN + calls * SEARCH + 1_000 * 600;
    let tools = json!([{"type": "web_search"}]);
    for (budget, sent) in [
        (needs(10), Some(10)),
        (needs(10) - 1, Some(9)),
        (needs(3), Some(3)),
        (needs(1), Some(1)),
        (needs(1) - 1, None),
    ] {
        let world = limited("lowered", budget).start().await;
        let ada = world.attendee("ada").await;
        world.azure().always(Reply::dropped());
        let body = with_tools(&tools, &json!({"max_output_tokens": 1_000}));
        let response = respond(&ada, &body).await;
        let Some(sent) = sent else {
            response.assert_refused(400, "allowance_too_small");
            assert_eq!(world.azure().calls(), 0);
            world.settle().await;
            continue;
        };
        assert_eq!(world.azure().requests()[0].json()["max_tool_calls"], sent, "{budget}");
        // All that was reserved is charged, because nothing shows what was called.
        assert_eq!(world.settle().await.units.get(Unit::Usd), needs(sent), "{budget}");
    }
}

#[tokio::test]
async fn each_tool_of_a_message_gets_a_bound_of_its_own() {
    let world = allowing(with_claude("uses")).everybody(Limit::UsdTotal, 50 * NANO_PER_USD);
    let world = world.start().await;
    let own = json!({"name": "f", "input_schema": {"type": "object"}});
    let search = json!({"type": "web_search_20250305", "name": "web_search"});
    let fetch = json!({"type": "web_fetch_20250910", "name": "web_fetch", "max_uses": 2});
    let mut body = message(100);
    body["tools"] = json!([own, search, fetch]);
    let mut usage = claude::usage(5);
    usage["server_tool_use"] = json!({"web_search_requests": 3, "web_fetch_requests": 1});
    let reply = json!({"id": "msg_1", "type": "message", "role": "assistant",
        "model": "claude-haiku-4-5", "content": [], "stop_reason": "end_turn", "usage": usage});
    world.azure().script(Reply::json(200, reply.to_string()));
    let ada = world.attendee("ada").await;
    ada.send(ada.post("/api/v1/messages", body.to_string())).await.assert_ok();
    let sent = world.azure().requests()[0].json();
    let mut bounded = search.clone();
    bounded["max_uses"] = json!(10);
    assert_eq!(sent["tools"], json!([own, bounded, fetch]));
    let bill = only_record(&world).await.bill.unwrap();
    assert!(lines(&bill).contains(&(Priced::WebSearch, Line(3, 10_000_000_000))), "{bill:?}");
    assert_eq!(bill.count(Priced::WebFetch), 1);
}

#[tokio::test]
async fn what_cannot_be_bounded_is_refused_with_a_text_for_the_organiser() {
    let world = allowing(with_claude("unbounded")).everybody(Limit::UsdTotal, 50 * NANO_PER_USD);
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    let mut searching = chat("hello");
    searching["web_search_options"] = json!({});
    let mut executing = message(100);
    executing["tools"] = json!([{"type": "code_execution_20250825", "name": "code_execution"}]);
    let mut with_server = message(100);
    with_server["mcp_servers"] =
        json!([{"type": "url", "url": "https://example.org", "name": "x"}]);
    let search = json!({"type": "web_search_20250305", "name": "web_search"});
    let mut added = message(100);
    let tool = json!({"type": "tool_definition", "definition": search});
    let content = json!([{"type": "tool_addition", "tool": tool}]);
    added["messages"].as_array_mut().unwrap().push(json!({"role": "system", "content": content}));
    let mcp = json!([{"type": "mcp", "server_label": "x", "server_url": "https://example.org"}, {"type": "web_search"}]);
    for (path, body) in [
        (CHAT, searching),
        ("/api/v1/messages", executing),
        ("/api/v1/messages", with_server),
        ("/api/v1/messages", added),
        ("/api/v1/responses", with_tools(&mcp, &json!({"max_tool_calls": 1}))),
    ] {
        let refused = ada.send(ada.post(path, body.to_string())).await;
        assert_eq!(refused.status(), 403, "{path} {body}");
        let text = refused.text();
        assert!(text.contains("no bound") && text.contains("organiser"), "{path}: {text}");
    }
    // Tools of an item of the input are bounded with the others.
    let mut body = with_tools(&json!([]), &json!({}));
    body["input"] = json!([{"role": "user", "content": "hello"},
        {"type": "additional_tools", "tools": [{"type": "web_search"}]}]);
    respond(&ada, &body).await.assert_ok();
    assert_eq!(world.azure().requests()[0].json()["max_tool_calls"], 10);
    assert_eq!(world.settle().await.requests, 1);
}

#[tokio::test]
async fn calls_are_bounded_for_an_attendee_whose_money_alone_is_limited() {
    let world = allowing(World::event("own")).start().await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_ok();
    let own = Change::Set(Field::Override(Limit::UsdTotal), 1_000_000_000);
    world.change_attendee("ada", vec![own, Change::Add(Field::Terms, 1)]).await;
    let search = json!([{"type": "web_search"}]);
    respond(&ada, &with_tools(&search, &json!({}))).await.assert_ok();
    let grace = world.attendee("grace").await;
    respond(&grace, &with_tools(&search, &json!({}))).await.assert_ok();
    let sent: Vec<_> =
        world.azure().requests().iter().map(|sent| sent.json()["max_tool_calls"].clone()).collect();
    assert_eq!(sent, [json!(null), json!(10), json!(null)]);
    assert_eq!(world.settle().await.requests, 3);
}

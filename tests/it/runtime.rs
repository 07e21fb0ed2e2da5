//! The functions' own binaries, run as Lambda runs them.

mod bodies;
mod concurrency;
mod ends;
mod freeze;
mod harness;
mod limits;
mod managed;
mod samples;
mod slow;
mod valve;

use serde_json::json;

use self::harness::{Harness, text};
use crate::support::{Gate, Reply, usual};

/// The path of the documented calls.
const CHAT: &str = "/api/v1/chat/completions";

/// The request of a documented `curl` command.
struct Curl {
    headers: Vec<(String, String)>,
    body: String,
}

/// Every `curl` of the README and of the attendees' page that asks for a chat completion.
fn curls() -> Vec<Curl> {
    let pages = [include_str!("../../README.md"), include_str!("../../docs/attendees.md")].concat();
    let mut curls = Vec::new();
    for block in pages.split("```shell").skip(1).filter_map(|block| block.split("```").next()) {
        let Some((_, words)) = block.split_once(CHAT) else { continue };
        let headers = words.split("-H \"").skip(1).filter_map(|header| {
            let (name, value) = header.split('"').next()?.split_once(": ")?;
            Some((name.to_owned(), value.to_owned()))
        });
        let body = words.split_once("-d '").and_then(|(_, body)| body.split('\'').next());
        let body = body.expect("each has a body").to_owned();
        curls.push(Curl { headers: headers.collect(), body });
    }
    curls
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binaries_serve_the_documented_calls_in_both_event_formats() {
    let curls = curls();
    assert_eq!(curls.len(), 2, "one whole, one streamed");
    for format in ["1.0", "2.0"] {
        let harness = Harness::start(&["--payload-format-version", format]).await;
        for Curl { headers, body } in &curls {
            let mut request = harness.request("POST", CHAT).body(body.clone());
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 200, "{format} {body}");
            let is_streamed = body.contains("\"stream\": true");
            let media_type = response.headers()["content-type"].to_str().unwrap().to_owned();
            assert_eq!(media_type.starts_with("text/event-stream"), is_streamed);
            assert!(response.headers().contains_key("x-request-id"));
            let said = response.text().await.unwrap();
            assert_eq!(said.ends_with("data: [DONE]\n\n"), is_streamed, "{said}");
            assert!(said.contains("scripted"), "{said}");
        }
        let asked = harness.azure.requests();
        assert!(asked.iter().all(|request| request.header("api-key") == Some(harness::AZURE_KEY)));
        harness.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_arrive_one_by_one() {
    let harness = Harness::start(&[]).await;
    let gate = Gate::closed();
    harness.azure.script(Reply::chat_stream("one two three four five", true).gated(&gate));
    // The first is Azure's own and goes no further; the second names the role.
    gate.release(2);
    let mut response = harness.chat("ada", json!({"stream": true})).await;
    let mut frame = async || text(response.chunk().await.unwrap());
    assert!(frame().await.contains("assistant"));
    for word in ["one", "two", "three", "four", "five"] {
        gate.release(1);
        assert!(frame().await.contains(word), "{word}");
    }
    gate.open();
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn buffered_functions_respond_and_unknown_paths_are_404() {
    let harness = Harness::start(&[]).await;
    for (path, word) in [("/api/v1/models", "gpt-4o"), ("/api/v1/event", "allowance")] {
        let response = harness.request("GET", path).header("api-key", harness.token("ada"));
        let response = response.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert!(response.text().await.unwrap().contains(word), "{path}");
    }
    let embeddings = harness.request("POST", "/api/v1/embeddings?api-version=2024-10-21");
    let embeddings = embeddings
        .header("api-key", harness.token("ada"))
        .header("content-type", "application/json")
        .body(json!({"model": "text-embedding-3-small", "input": "x"}).to_string());
    let response = embeddings.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(harness.usage().await.prompt_tokens, usual::PROMPT_TOKENS);

    let nowhere = harness.request("GET", "/api/v9/models").send().await.unwrap();
    assert_eq!(nowhere.status(), 404);
    assert!(!nowhere.headers().contains_key("x-request-id"), "no function was asked");
    assert_eq!(harness::code(nowhere).await, "unknown_route");
    harness.end().await;
}

//! The scripted Azure follows its script, as a client sees it.

use std::time::{Duration, Instant};

use lanyard_gateway::testing::azure::{AZURE_HEADERS, UPSTREAM_REQUEST_ID};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::frames::{CONTENT, DONE, FINISH, PROMPT_FILTER, ROLE, USAGE};
use super::usual::{COMPLETION_TOKENS, EMBEDDING, EMBEDDING_BASE64, PROMPT_TOKENS};
use super::{Gate, LineEnding, Reply, ScriptedAzure};
use crate::support::loopback::wire::Connection;

mod faults;

const CHAT: &str = "/openai/v1/chat/completions";

async fn connect(azure: &ScriptedAzure) -> Connection {
    let address = azure.endpoint().strip_prefix("http://").unwrap().to_owned();
    Connection::new(TcpStream::connect(address).await.unwrap())
}

async fn post(connection: &mut Connection, path: &str, headers: &str, body: &str) {
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: azure\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    connection.write(request.as_bytes()).await.unwrap();
}

/// What was read and not used yet.
fn unread(connection: &Connection) -> String {
    String::from_utf8_lossy(&connection.unread).into_owned()
}

/// Reads until this text has come.
async fn read_to(connection: &mut Connection, mark: &str) -> String {
    while !unread(connection).contains(mark) {
        assert!(connection.fill().await.unwrap(), "closed before {mark}");
    }
    unread(connection)
}

/// All that comes until the connection ends, and whether it ended in order.
async fn read_all(connection: &mut Connection) -> (String, bool) {
    loop {
        match connection.fill().await {
            Ok(true) => {}
            Ok(false) => return (unread(connection), true),
            Err(_) => return (unread(connection), false),
        }
    }
}

/// One call on a connection of its own: all that came, and whether it ended in order.
async fn call(azure: &ScriptedAzure, path: &str, body: &Value) -> (String, bool) {
    let mut connection = connect(azure).await;
    post(&mut connection, path, "connection: close\r\n", &body.to_string()).await;
    read_all(&mut connection).await
}

async fn chat(azure: &ScriptedAzure, reply: Reply) -> (String, bool) {
    azure.script(reply);
    call(azure, CHAT, &json!({})).await
}

fn body(response: &str) -> &str {
    response.split_once("\r\n\r\n").unwrap().1
}

/// The payloads of a response whose chunks hold one event each.
fn payloads(response: &str) -> Vec<&str> {
    body(response).lines().filter_map(|line| line.strip_prefix("data: ")).collect()
}

#[tokio::test]
async fn a_chat_gets_the_tests_text_and_a_fixed_usage() {
    let azure = ScriptedAzure::start().await;
    azure.completion("canary-42 sings");
    let (response, is_orderly) = call(&azure, CHAT, &json!({"model": "gpt-4o-mini"})).await;
    assert!(is_orderly);
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"));
    for (name, value) in AZURE_HEADERS {
        assert!(response.contains(&format!("\r\n{name}: {value}\r\n")));
    }
    assert!(response.contains(UPSTREAM_REQUEST_ID));
    let body: Value = serde_json::from_str(body(&response)).unwrap();
    assert_eq!(body["choices"][0]["message"]["content"], "canary-42 sings");
    assert_eq!(body["usage"]["prompt_tokens"], PROMPT_TOKENS);
    assert_eq!(body["usage"]["completion_tokens"], COMPLETION_TOKENS);
}

#[tokio::test]
async fn a_stream_has_five_frames_of_text_and_the_requested_usage() {
    let azure = ScriptedAzure::start().await;
    azure.completion("one canary-42");
    for wants_usage in [false, true] {
        let options = json!({"include_usage": wants_usage});
        let request = json!({"stream": true, "stream_options": options});
        let (response, _) = call(&azure, CHAT, &request).await;
        assert!(response.contains("\r\ncontent-type: text/event-stream"));
        assert!(response.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"));
        let payloads = payloads(&response);
        assert_eq!(payloads[0], PROMPT_FILTER);
        assert_eq!(payloads.last(), Some(&DONE));
        let chunks: Vec<Value> = payloads[1..payloads.len() - 1]
            .iter()
            .map(|payload| serde_json::from_str(payload).unwrap())
            .collect();
        assert_eq!(chunks.len(), 1 + 5 + 1 + usize::from(wants_usage));
        let words: String = chunks[1..6]
            .iter()
            .map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().unwrap())
            .collect();
        assert_eq!(words, "one canary-42");
        assert!(payloads.iter().any(|payload| payload.contains("canary-42")));
        assert_eq!(payloads.contains(&USAGE), wants_usage);
        assert_eq!(chunks[0].get("usage").is_some(), wants_usage);
    }
}

#[tokio::test]
async fn every_input_gets_an_embedding() {
    let azure = ScriptedAzure::start().await;
    let path = "/openai/deployments/text-embedding-3-small/embeddings?api-version=2024-10-21";
    let cases = [(json!("a"), 1), (json!(["a", "b"]), 2), (json!([1, 2, 3]), 1)];
    for (input, expected) in cases {
        let (response, _) = call(&azure, path, &json!({"input": input})).await;
        let body: Value = serde_json::from_str(body(&response)).unwrap();
        assert_eq!(body["data"].as_array().unwrap().len(), expected);
        assert_eq!(body["data"][0]["embedding"], json!(EMBEDDING));
        assert_eq!(body["usage"]["total_tokens"], PROMPT_TOKENS);
    }
    let (response, _) =
        call(&azure, path, &json!({"input": "a", "encoding_format": "base64"})).await;
    assert!(response.contains(EMBEDDING_BASE64));
    let (response, _) = chat(&azure, Reply::embeddings(3)).await;
    assert!(response.contains("\"index\":2"));
}

#[tokio::test]
async fn requests_are_recorded_as_they_arrived() {
    let azure = ScriptedAzure::start().await;
    let mut connection = connect(&azure).await;
    let request = "POST /openai/v1/embeddings?a=b HTTP/1.1\r\nApi-Key: k\r\n\
                   transfer-encoding: chunked\r\nconnection: close\r\n\r\n\
                   4\r\n{\"a\"\r\nA\r\n: \"bcdef\"}\r\n0\r\n\r\n";
    connection.write(request.as_bytes()).await.unwrap();
    azure.called(1).await;

    let requests = azure.requests();
    assert_eq!((azure.calls(), requests.len()), (1, 1));
    assert_eq!(requests[0].method, "POST");
    assert_eq!(requests[0].target, "/openai/v1/embeddings?a=b");
    assert_eq!(requests[0].path(), "/openai/v1/embeddings");
    assert_eq!(requests[0].header("api-key"), Some("k"));
    assert_eq!(requests[0].headers.len(), 3);
    assert_eq!(requests[0].body, "{\"a\": \"bcdef\"}");
    assert_eq!(requests[0].json(), json!({"a": "bcdef"}));
}

#[tokio::test]
async fn scripted_replies_come_in_order_before_the_usual_one() {
    let azure = ScriptedAzure::start().await;
    azure.always(Reply::error(500, "500", "always"));
    azure.script(Reply::too_many_requests(Some("soon")));
    azure.script(Reply::content_filter());
    let first = call(&azure, CHAT, &json!({})).await.0;
    assert!(first.starts_with("HTTP/1.1 429 Too Many Requests\r\n"));
    assert!(first.contains("\r\nretry-after: soon\r\n"));
    assert!(call(&azure, CHAT, &json!({})).await.0.contains("ResponsibleAIPolicyViolation"));
    for _ in 0..2 {
        assert!(call(&azure, CHAT, &json!({})).await.0.starts_with("HTTP/1.1 500 "));
    }
}

#[tokio::test]
async fn an_unknown_path_is_404() {
    let azure = ScriptedAzure::start().await;
    assert!(call(&azure, "/v1/chat/completions", &json!({})).await.0.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn a_well_formed_response_keeps_the_connection() {
    let azure = ScriptedAzure::start().await;
    let mut connection = connect(&azure).await;
    azure.script(Reply::chat("first"));
    azure.script(Reply::chat_stream("second", false));
    azure.script(Reply::json(200, "third"));
    for mark in ["first", "[DONE]\n\n\r\n0\r\n\r\n", "third"] {
        post(&mut connection, CHAT, "", "{}").await;
        assert!(!read_to(&mut connection, mark).await.contains("connection: close"));
    }
    assert_eq!((azure.calls(), azure.connections()), (3, 1));
}

#[tokio::test]
async fn headers_can_be_set_and_left_out() {
    let azure = ScriptedAzure::start().await;
    let reply = Reply::json(201, "{}")
        .header("Content-Type", "text/plain")
        .without_header("x-ms-region")
        .header("x-extra", "1");
    let (response, _) = chat(&azure, reply).await;
    assert!(response.starts_with("HTTP/1.1 201 Created\r\n"));
    assert!(response.contains("\r\nContent-Type: text/plain\r\n"));
    assert!(response.contains("\r\nx-extra: 1\r\n"));
    assert!(!response.contains("application/json") && !response.contains("x-ms-region"));
}

#[tokio::test]
async fn a_frame_leaves_when_the_test_releases_it() {
    let azure = ScriptedAzure::start().await;
    let gate = Gate::closed();
    let stream = Reply::sse(&[PROMPT_FILTER, ROLE, CONTENT, FINISH, DONE], LineEnding::Lf);
    azure.script(stream.gated(&gate));
    let mut connection = connect(&azure).await;
    post(&mut connection, CHAT, "", "{}").await;
    let before = read_to(&mut connection, "\r\n\r\n").await;
    assert!(!before.contains("data: "));

    gate.release(2);
    let two = read_to(&mut connection, "\"assistant\"").await;
    assert_eq!(payloads(&two), [PROMPT_FILTER, ROLE]);
    gate.open();
    let all = read_to(&mut connection, "0\r\n\r\n").await;
    assert_eq!(payloads(&all), [PROMPT_FILTER, ROLE, CONTENT, FINISH, DONE]);
}

#[tokio::test]
async fn headers_can_be_held_back_or_delayed() {
    let azure = ScriptedAzure::start().await;
    let gate = Gate::closed();
    azure.script(Reply::json(200, "held").held(&gate));
    let mut connection = connect(&azure).await;
    post(&mut connection, CHAT, "", "{}").await;
    azure.called(1).await;
    assert_eq!(unread(&connection), "");
    gate.release(1);
    read_to(&mut connection, "held").await;

    let asked = Instant::now();
    let pause = Duration::from_millis(10);
    chat(&azure, Reply::json(200, "").delay(pause).pieces(["a", "b"]).every(pause)).await;
    assert!(asked.elapsed() >= 3 * pause);
}

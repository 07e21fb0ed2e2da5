//! Environments that are frozen between calls.

use std::time::Duration;

use serde_json::json;

use super::harness::{Harness, text};
use super::valve::Valve;
use crate::support::{Gate, Reply, usual};

#[tokio::test(flavor = "multi_thread")]
async fn every_stream_is_settled_before_its_environment_freezes_the_last_one_included() {
    let harness = Harness::start(&["--freeze", "--environments", "1"]).await;
    for calls in 1..=3 {
        let response = harness.chat("ada", json!({"stream": true})).await;
        assert!(response.text().await.unwrap().ends_with("data: [DONE]\n\n"));
        // From here on nothing runs in it: what is not written now never will be.
        harness.frozen("chat-completions").await;
        assert_eq!(harness.usage().await.completion_tokens, calls * usual::COMPLETION_TOKENS);
    }
    assert_eq!(harness.runtime.environments("chat-completions").len(), 1);
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_is_not_frozen_while_a_sent_response_is_being_settled() {
    let valve = Valve::open().await;
    let engine = ["--dynamodb-endpoint", &valve.address, "--aws-session", &valve.session];
    let harness = Harness::start(&[["--freeze"].as_slice(), &engine].concat()).await;
    valve.shut(true);
    // The response does not wait for what it cost to be written down.
    harness.chat("ada", json!({})).await.text().await.unwrap();
    let frozen = harness.frozen("chat-completions");
    let frozen = tokio::time::timeout(Duration::from_millis(500), frozen).await;
    assert!(frozen.is_err(), "it asked for its next call before it had settled");
    valve.shut(false);
    harness.frozen("chat-completions").await;
    assert_eq!(harness.usage().await.prompt_tokens, usual::PROMPT_TOKENS);
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attendee_who_leaves_at_the_first_frame_is_settled_before_the_environment_is_frozen() {
    let harness = Harness::start(&["--freeze"]).await;
    let gate = Gate::closed();
    harness.azure.script(Reply::chat_stream("one two three four five", true).gated(&gate));
    gate.release(2);
    let mut response = harness.chat("ada", json!({"stream": true})).await;
    assert!(text(response.chunk().await.unwrap()).contains("assistant"));
    drop(response);
    gate.open();
    harness.frozen("chat-completions").await;
    let used = harness.usage().await;
    let all = (usual::PROMPT_TOKENS, usual::COMPLETION_TOKENS);
    assert_eq!((used.prompt_tokens, used.completion_tokens), all);
    harness.end().await;
}

//! Requests that API Gateway and Lambda refuse or end.

use std::os::unix::fs::symlink;
use std::path::Path;

use lanyard_runtime::template::TEMPLATE;
use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;

use super::harness::{self, Harness, bootstraps};
use crate::support::{Gate, Reply, policed};

/// The functions' binaries, some of them in another's place.
fn swapped(swaps: &[(&str, &Path)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for function in policed::functions() {
        let own = bootstraps().join(function);
        let swap = swaps.iter().find(|(name, _)| *name == function);
        let binary = swap.map_or(own.as_path(), |(_, binary)| binary);
        symlink(binary, folder.path().join(function)).unwrap();
    }
    folder
}

/// Fails unless API Gateway itself reported that the function failed.
async fn assert_failed(response: reqwest::Response) {
    assert!(response.status().is_server_error(), "{}", response.status());
    assert!(!response.headers().contains_key("x-request-id"));
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    assert_eq!(harness::code(response).await, "internal_error");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_hangs_is_given_up_killed_and_replaced() {
    // The function itself gives up on Azure five seconds before its end.
    let template = TEMPLATE.replace("Timeout: !Ref FunctionTimeout", "Timeout: 7");
    let waits = "TimeoutInMillis: !If [RunsFor900, 900000, !If [RunsFor600, 600000, 300000]]";
    let template = template.replace(waits, "TimeoutInMillis: 4000");
    let harness = Harness::of(&[], &bootstraps(), &template).await;
    let gate = Gate::closed();
    harness.azure.script(Reply::chat("hello").held(&gate));
    let hang = async {
        harness.azure.called(1).await;
        let process = harness.runtime.environments("chat-completions")[0];
        harness::signal(process, Signal::STOP);
        process
    };
    let (response, hung) = tokio::join!(harness.chat("ada", json!({})), hang);
    assert_eq!(response.status(), 504);
    assert!(!response.headers().contains_key("x-request-id"), "the function said nothing");
    assert_eq!(harness::code(response).await, "upstream_timeout");

    let next = harness.chat("ada", json!({})).await;
    assert_eq!(next.status(), 200);
    assert!(harness.runtime.environments("chat-completions").contains(&hung));
    // It is idle when the hanging one was killed.
    harness.runtime.quiet().await;
    assert!(!harness.runtime.environments("chat-completions").contains(&hung));
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_breaks_off_when_its_environment_is_killed() {
    let harness = Harness::start(&[]).await;
    let gate = Gate::closed();
    harness.azure.script(Reply::chat_stream("one two three four five", true).gated(&gate));
    gate.release(2);
    let mut response = harness.chat("ada", json!({"stream": true})).await;
    assert!(harness::text(response.chunk().await.unwrap()).contains("assistant"));
    harness::signal(harness.runtime.environments("chat-completions")[0], Signal::KILL);
    assert!(response.chunk().await.is_err(), "a stream that breaks off does not end well");
    gate.open();
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_cannot_start_fails_every_call_at_once() {
    let folder = swapped(&[("models", Path::new("/bin/false"))]);
    let harness = Harness::of(&[], folder.path(), TEMPLATE).await;
    let call = || harness.request("GET", "/api/v1/models").header("api-key", harness.token("ada"));
    let (first, second) = tokio::join!(call().send(), call().send());
    assert_failed(first.unwrap()).await;
    assert_failed(second.unwrap()).await;
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_in_the_other_integrations_format_is_a_failure() {
    let (models, chat) = (bootstraps().join("models"), bootstraps().join("chat-completions"));
    let folder = swapped(&[("models", &chat), ("chat-completions", &models)]);
    let harness = Harness::of(&[], folder.path(), TEMPLATE).await;
    let models = harness.request("GET", "/api/v1/models").header("api-key", harness.token("ada"));
    assert_failed(models.send().await.unwrap()).await;
    assert_failed(harness.chat("ada", json!({})).await).await;
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_too_large_reaches_no_function() {
    let harness = Harness::start(&[]).await;
    let padding = "x".repeat(7 * 1024 * 1024);
    let response = harness.chat("ada", json!({"user": padding})).await;
    assert_eq!(response.status(), 413);
    assert_eq!(harness::code(response).await, "request_too_large");
    assert_eq!(harness.runtime.environments("chat-completions"), [0; 0]);
    harness.end().await;
}

//! A model that is silent for longer than clients wait for a head.

use std::time::Duration;

use serde_json::json;

use super::harness::{Harness, text};
use crate::support::{Gate, Reply, usual};

/// One buffered and one streamed request, whose model is silent until the stream has begun, and
/// then for so long.
async fn silent_for_longer(time: Duration) {
    let harness = Harness::start(&["--freeze"]).await;
    let gate = Gate::closed();
    harness.azure.script(Reply::chat("Well.").held(&gate));
    let think = async {
        harness.azure.called(1).await;
        harness.azure.script(Reply::chat_stream("Well considered.", true).held(&gate));
        // Its head comes after half a minute, before the model's.
        let mut streamed = harness.chat("eve", json!({"stream": true})).await;
        assert_eq!(streamed.status(), 200);
        assert_eq!(text(streamed.chunk().await.unwrap()), ": keep-alive\n");
        tokio::time::sleep(time).await;
        gate.open();
        let rest = streamed.text().await.unwrap();
        assert!(rest.contains("considered") && rest.ends_with("data: [DONE]\n\n"), "{rest}");
    };
    let (buffered, ()) = tokio::join!(harness.chat("ada", json!({})), think);
    assert_eq!(buffered.status(), 200);
    assert!(buffered.text().await.unwrap().contains("Well."));
    harness.frozen("chat-completions").await;
    let used = harness.usage().await;
    let each = (usual::PROMPT_TOKENS, usual::COMPLETION_TOKENS);
    assert_eq!((used.prompt_tokens, used.completion_tokens), (2 * each.0, 2 * each.1));
    assert_eq!(harness.azure.calls(), 2);
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_model_is_waited_for_and_charged_once() {
    silent_for_longer(Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes four minutes"]
async fn a_model_that_is_silent_for_four_minutes_is_waited_for_and_charged_once() {
    silent_for_longer(Duration::from_secs(240)).await;
}

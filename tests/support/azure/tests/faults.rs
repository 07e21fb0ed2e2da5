//! Lies, drops, stalls and other bodies than a response.

use serde_json::Value;

use super::super::frames::{CONTENT, DONE, PROMPT_FILTER, ROLE, sse};
use super::super::{Gate, LineEnding, Reply, ScriptedAzure};
use super::{CHAT, body, chat, connect, payloads, post, read_all, read_to};

#[tokio::test]
async fn a_connection_is_dropped_where_the_script_says() {
    let azure = ScriptedAzure::start().await;
    assert_eq!(chat(&azure, Reply::dropped()).await, (String::new(), true));
    assert_eq!(chat(&azure, Reply::reset()).await, (String::new(), false));

    let stream = || Reply::sse(&[ROLE, CONTENT, DONE], LineEnding::Lf);
    let (response, is_orderly) = chat(&azure, stream().close_after(2)).await;
    assert_eq!((payloads(&response), is_orderly), (vec![ROLE, CONTENT], true));
    assert!(response.contains("\r\nconnection: close\r\n"));
    let (response, _) = chat(&azure, stream().close_after(3)).await;
    assert!(response.ends_with("data: [DONE]\n\n\r\n"), "the end is withheld");

    azure.script(stream().reset_after(1));
    let mut connection = connect(&azure).await;
    post(&mut connection, CHAT, "", "{}").await;
    assert!(!read_all(&mut connection).await.1);
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed() {
    let azure = ScriptedAzure::start().await;
    azure.script(Reply::hang());
    let mut hung = connect(&azure).await;
    post(&mut hung, CHAT, "", "{}").await;
    azure.called(1).await;
    drop(hung);
    azure.abandoned(1).await;

    azure.script(Reply::chat_stream("words", true).hang_after(1));
    let mut stalled = connect(&azure).await;
    post(&mut stalled, CHAT, "", "{}").await;
    let first = read_to(&mut stalled, "\n\n").await;
    assert_eq!(payloads(&first), [PROMPT_FILTER]);
    drop(stalled);
    azure.abandoned(2).await;

    azure.script(Reply::chat_stream("words", true).gated(&Gate::closed()));
    let mut waiting = connect(&azure).await;
    post(&mut waiting, CHAT, "", "{}").await;
    read_to(&mut waiting, "\r\n\r\n").await;
    drop(waiting);
    azure.abandoned(3).await;
}

#[tokio::test]
async fn lengths_may_be_wrong_or_missing() {
    let azure = ScriptedAzure::start().await;
    let (response, is_orderly) = chat(&azure, Reply::json(200, "{}").claim_length(100)).await;
    assert!(response.contains("\r\ncontent-length: 100\r\n"));
    assert_eq!((body(&response), is_orderly), ("{}", true));

    let (response, _) = chat(&azure, Reply::json(200, "{}").until_close()).await;
    assert!(!response.contains("content-length") && response.ends_with("\r\n\r\n{}"));

    let reply = Reply::json(200, "").pieces(["ab", "", "c"]).chunked();
    assert_eq!(body(&chat(&azure, reply).await.0), "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n");
}

#[tokio::test]
async fn bodies_may_be_malformed() {
    let azure = ScriptedAzure::start().await;
    assert!(chat(&azure, Reply::html()).await.0.contains("\r\ncontent-type: text/html\r\n"));
    let (response, _) = chat(&azure, Reply::malformed_json()).await;
    assert!(serde_json::from_str::<Value>(body(&response)).is_err());
    let (response, _) = chat(&azure, Reply::redirect("http://elsewhere/")).await;
    assert!(response.starts_with("HTTP/1.1 302 Found\r\n"));
    assert!(response.contains("\r\nlocation: http://elsewhere/\r\n"));
    let (response, _) = chat(&azure, Reply::gzip_labelled("{}")).await;
    assert!(response.contains("\r\ncontent-encoding: gzip\r\n"));
    let (response, _) = chat(&azure, Reply::too_many_requests(None)).await;
    assert!(!response.contains("retry-after"));
}

#[tokio::test]
async fn a_huge_body_has_its_claimed_length() {
    let azure = ScriptedAzure::start().await;
    let (response, is_orderly) = chat(&azure, Reply::huge(2)).await;
    assert!(is_orderly && response.ends_with("0\r\n\r\n"));
    assert_eq!(body(&response).matches('x').count(), 2 * 1024 * 1024);
}

#[tokio::test]
async fn events_end_and_are_cut_as_the_test_chooses() {
    let azure = ScriptedAzure::start().await;
    for (ending, end) in
        [(LineEnding::Lf, "\n"), (LineEnding::CrLf, "\r\n"), (LineEnding::Cr, "\r")]
    {
        let (response, _) = chat(&azure, Reply::sse(&["a"], ending).until_close()).await;
        assert_eq!(body(&response), format!("data: a{end}{end}"));
    }
    let events = sse(&["a", "b"]);
    let (response, _) = chat(&azure, Reply::sse_bytes(events, &[3, 10])).await;
    assert_eq!(body(&response), "3\r\ndat\r\n7\r\na: a\n\nd\r\n8\r\nata: b\n\n\r\n0\r\n\r\n");
}

#[tokio::test]
async fn it_is_gone_when_dropped() {
    let azure = ScriptedAzure::start().await;
    let mut kept = connect(&azure).await;
    post(&mut kept, CHAT, "", "{}").await;
    read_to(&mut kept, "usage").await;
    drop(azure);
    assert!(matches!(kept.fill().await, Ok(false) | Err(_)));
}

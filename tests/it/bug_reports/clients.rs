//! What clients send that other servers take, or that they must be able to understand a refusal of.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use lanyard_domain::allowance::Limit;
use serde_json::json;

use super::RESPONSES;
use crate::support::asking::recording;
use crate::support::attendee::CHAT;
use crate::support::{World, usual};

#[tokio::test]
async fn a_compressed_body_is_refused_by_the_name_of_its_header() {
    let world = World::event("compressed").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    // A frame of zstd with one raw block, as Codex sends it.
    let frame = b"\x28\xb5\x2f\xfd\x20\x02\x11\x00\x00{}";
    for (encoding, path) in [("zstd", RESPONSES), ("zstd", CHAT), ("gzip", RESPONSES)] {
        let mut request = ada.post(path, Bytes::from_static(frame));
        request.headers_mut().insert(CONTENT_ENCODING, encoding.parse().unwrap());
        let refused = ada.send(request).await;
        refused.assert_refused(415, "unsupported_media_type");
        assert!(refused.text().contains("content-encoding"), "{}", refused.text());
        assert_eq!(refused.header("access-control-allow-origin"), Some("*"));
    }
    assert_eq!((world.azure().calls(), world.settle().await.requests), (0, 0));
}

#[tokio::test]
async fn an_empty_name_of_a_model_is_none() {
    let world = World::event("empty-model").in_memory().start().await;
    let ada = world.attendee("ada").await;
    for (body, header) in [("", None), ("", Some("")), ("gpt-4o-mini", Some(""))] {
        let body = json!({"model": body, "messages": [{"role": "user", "content": "hi"}]});
        let mut request = ada.post(CHAT, body.to_string());
        if let Some(header) = header {
            request.headers_mut().insert("x-model", header.parse().unwrap());
        }
        ada.send(request).await.assert_ok();
    }
    let sent: Vec<_> = world.azure().requests().iter().map(|call| call.json()).collect();
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|body| body["model"] == sent[0]["model"]), "{sent:?}");
    assert_eq!(world.settle().await.requests, 3);
}

#[tokio::test]
async fn an_agent_that_is_a_little_too_quick_is_given_few_seconds_in_the_text_too() {
    let world = World::event("quick").in_memory().keeping().attendee(Limit::RequestsPerMinute, 20);
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    for turn in 0..22 {
        let response = ada.respond(json!({})).await;
        if turn < 20 {
            response.assert_ok();
            continue;
        }
        response.assert_refused(429, "rate_limit_exceeded");
        let wait_s: u64 = response.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=3).contains(&wait_s), "{wait_s}");
        assert!(response.text().contains(&format!("{wait_s} second")), "{}", response.text());
        world.quiet().await;
    }
    assert_eq!(world.settle().await.requests, 20);
}

/// A form as `MultipartFormDataContent` of .NET writes it: names without quotes, two file names.
#[tokio::test]
async fn a_form_of_dotnet_is_read_on_each_route() {
    let world = World::event("dotnet").in_memory().keeping().everything().start().await;
    let ada = world.attendee("ada").await;
    let (wav, png) = (recording(), b"\x89PNG".to_vec());
    let cases: [(&str, &str, &str, &[u8], &str); 3] = [
        ("files", "file", "notes.jsonl", b"{}", "purpose"),
        ("audio/transcriptions", "file", "speech.wav", &wav, "language"),
        ("images/edits", "image", "elephant.png", &png, "prompt"),
    ];
    for (calls, (path, file, name, bytes, field)) in cases.into_iter().enumerate() {
        let mut form = format!(
            "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Disposition: form-data; name={field}\r\n\r\nassistants\r\n\
             --b\r\nContent-Disposition: form-data; name={file}; filename={name}; \
             filename*=utf-8''{name}\r\n\r\n"
        )
        .into_bytes();
        form.extend(bytes);
        form.extend(b"\r\n--b--\r\n");
        let mut request = ada.post(&format!("/api/v1/{path}"), form);
        let content_type = "multipart/form-data; boundary=\"b\"".parse().unwrap();
        request.headers_mut().insert(CONTENT_TYPE, content_type);
        let response = ada.send(request).await;
        assert_eq!(response.status(), 200, "{path}: {}", response.text());
        let sent = world.azure().requests()[calls].body.clone();
        let has = |part: &[u8]| sent.windows(part.len()).any(|found| found == part);
        assert!(has(bytes) && has(b"assistants"), "{path}");
    }
    world.settle().await;
}

#[tokio::test]
async fn tools_that_the_client_runs_pass_at_every_event() {
    let world = World::event("own-tools").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    for kind in ["apply_patch", "shell", "local_shell", "computer", "computer_use_preview"] {
        let tools = json!([{"type": kind}]);
        ada.respond(json!({"tools": tools})).await.assert_ok();
        assert_eq!(world.azure().requests().pop().unwrap().json()["tools"], tools, "{kind}");
    }
    let paid = 5 * usual::PROMPT_TOKENS;
    assert_eq!(world.settle().await.counts(), (5, paid, 5 * usual::COMPLETION_TOKENS));
}

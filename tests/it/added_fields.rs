//! Fields that we add to a request must not make a model refuse it.

use serde_json::{Value, json};

use crate::support::attendee::{CHAT, chat};
use crate::support::{Reply, World};

fn refused(status: u16, body: &Value) -> Reply {
    Reply::json(status, body.to_string())
}

fn unsupported(field: &str) -> Value {
    json!({"error": {
        "message": format!("Unsupported parameter: '{field}' is not supported with this model."),
        "type": "invalid_request_error", "param": field, "code": "unsupported_parameter",
    }})
}

fn unrecognized(field: &str) -> Value {
    json!({"error": {
        "message": format!("Unrecognized request argument supplied: {field}"),
        "type": "invalid_request_error", "param": null, "code": null,
    }})
}

fn plain(sentence: &str) -> Reply {
    Reply::json(422, sentence.to_owned()).header("content-type", "text/plain")
}

fn forbidden(field: &str) -> Value {
    json!({"detail": [{
        "type": "extra_forbidden", "loc": ["body", field], "msg": "Extra inputs are not permitted",
    }]})
}

#[tokio::test]
async fn the_request_is_repeated_once_without_it_and_the_next_one_is_right_at_once() {
    let cases = [
        (false, "max_tokens", refused(400, &unsupported("max_tokens"))),
        (false, "user", refused(422, &forbidden("user"))),
        (true, "user", refused(400, &unrecognized("user"))),
        (false, "user", plain("unknown field `user`, expected one of `model`, `metadata`")),
        (true, "stream_options", plain("Unrecognized request argument supplied: stream_options")),
        (true, "stream_options", refused(422, &forbidden("stream_options"))),
        (true, "stream_options", refused(400, &unrecognized("stream_options"))),
    ];
    for (is_streamed, field, reply) in cases {
        let world = World::event("added").in_memory().start().await;
        let ada = world.attendee("ada").await;
        let mut body = chat("hello");
        body["stream"] = json!(is_streamed);
        world.azure().script(reply);
        for calls in [2, 3] {
            let response = ada.send(ada.post(CHAT, body.to_string())).await;
            response.assert_ok();
            assert_eq!(world.azure().calls(), calls, "{field}");
        }
        let sent: Vec<_> = world.azure().requests().iter().map(|call| call.json()).collect();
        assert!(sent[0].get(field).is_some(), "{}", sent[0]);
        let mut expected = sent[0].clone();
        let value = expected.as_object_mut().unwrap().remove(field).unwrap();
        if field == "max_tokens" {
            expected["max_completion_tokens"] = value;
        }
        // Only what was named is remembered.
        assert_eq!(sent[2], expected, "{field}");
        for ours in ["user", "stream_options"] {
            expected.as_object_mut().unwrap().remove(ours);
        }
        assert_eq!(sent[1], expected, "{field}");
        assert_eq!(world.settle().await.requests, 2, "{field}");
    }
}

#[tokio::test]
async fn a_model_that_is_known_to_refuse_a_field_never_gets_it() {
    let world = World::event("mistral").in_memory();
    let world = world.deployments(|deployments| {
        deployments[0].model = Some("mistral-small-2503".to_owned());
    });
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    let mut body = chat("hello");
    (body["stream"], body["user"], body["safety_identifier"]) =
        (json!(true), json!("person-7f3a"), json!("person-7f3a"));
    ada.send(ada.post(CHAT, body.to_string())).await.assert_ok();
    let sent = world.azure().requests()[0].json();
    for field in ["user", "safety_identifier", "stream_options"] {
        assert!(sent.get(field).is_none(), "{sent}");
    }
    world.settle().await;
}

#[tokio::test]
async fn a_field_that_the_client_sent_is_the_clients_to_correct() {
    let world = World::event("theirs").in_memory().start().await;
    let ada = world.attendee("ada").await;
    world.azure().always(refused(400, &unsupported("stream_options")));
    let mut body = chat("hello");
    (body["stream"], body["stream_options"]) = (json!(true), json!({"include_usage": true}));
    ada.send(ada.post(CHAT, body.to_string())).await.assert_refused(400, "unsupported_parameter");
    assert_eq!(world.azure().calls(), 1);
    world.azure().always(refused(400, &unsupported("seed")));
    ada.chat("hello").await.assert_refused(400, "unsupported_parameter");
    assert_eq!(world.azure().calls(), 2);
    world.settle().await;
}

#[tokio::test]
async fn a_deployment_that_refuses_one_field_after_the_other_fails_no_request() {
    let world = World::event("one-after-the-other").in_memory().start().await;
    let ada = world.attendee("ada").await;
    let mut body = chat("hello");
    body["stream"] = json!(true);
    let has = |call: usize| {
        let sent = world.azure().requests()[call].json();
        ["user", "stream_options"].map(|field| sent.get(field).is_some())
    };
    for (field, calls) in [("user", 2), ("stream_options", 4)] {
        world.azure().script(refused(400, &unrecognized(field)));
        ada.send(ada.post(CHAT, body.to_string())).await.assert_ok();
        assert_eq!(world.azure().calls(), calls, "{field}");
        // It would refuse the other one now.
        assert_eq!(has(calls - 1), [false, false], "{field}");
    }
    assert_eq!((has(0), has(2)), ([true, true], [false, true]));
    ada.send(ada.post(CHAT, body.to_string())).await.assert_ok();
    assert_eq!(world.azure().calls(), 5);
    assert_eq!(has(4), [false, false]);
    assert_eq!(world.settle().await.requests, 3);
}

#[tokio::test]
async fn reasoning_that_is_not_asked_for_breaks_no_response() {
    let world = World::event("no-include").in_memory().keeping();
    let world = world.with(|event| event.keeps_objects = false).deployments(|deployments| {
        for deployment in deployments {
            deployment.model = Some("gpt-5-mini".to_owned());
        }
    });
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    let body = json!({"input": "hello", "safety_identifier": "x", "include": ["a.b"]});
    world.azure().script(refused(400, &unsupported("user")));
    ada.send(ada.post("/api/v1/responses", body.to_string())).await.assert_ok();
    let sent: Vec<_> = world.azure().requests().iter().map(|call| call.json()).collect();
    assert_eq!(sent[0]["include"], json!(["a.b", "reasoning.encrypted_content"]));
    // What the client itself asked for stays.
    assert_eq!(sent[1]["include"], json!(["a.b"]));
    for field in ["user", "safety_identifier"] {
        assert!(sent[0].get(field).is_some() && sent[1].get(field).is_none(), "{field}");
    }
    ada.send(ada.post("/api/v1/responses", body.to_string())).await.assert_ok();
    let later = world.azure().requests()[2].json();
    assert_eq!((later.get("user"), &later["include"]), (None, &sent[0]["include"]));
    world.settle().await;
}

#[tokio::test]
async fn a_second_refusal_is_passed_on_and_nothing_is_remembered() {
    let world = World::event("twice").in_memory().start().await;
    let ada = world.attendee("ada").await;
    world.azure().script(refused(400, &unsupported("user")));
    world.azure().script(refused(400, &unsupported("stop")));
    ada.chat("hello").await.assert_refused(400, "unsupported_parameter");
    assert_eq!(world.azure().calls(), 2);
    ada.chat("hello").await.assert_ok();
    assert!(world.azure().requests()[2].json().get("user").is_some());
    world.settle().await;
}

#[tokio::test]
async fn a_second_field_of_ours_that_is_refused_is_remembered_with_the_first() {
    let world = World::event("one-by-one").in_memory().start().await;
    let ada = world.attendee("ada").await;
    world.azure().script(refused(400, &unsupported("max_tokens")));
    world.azure().script(refused(400, &unsupported("user")));
    ada.chat("hello").await.assert_refused(400, "unsupported_parameter");
    assert_eq!(world.azure().calls(), 2);
    ada.chat("hello").await.assert_ok();
    assert_eq!(world.azure().calls(), 3);
    let sent = world.azure().requests()[2].json();
    assert!(sent.get("user").is_none() && sent.get("max_tokens").is_none(), "{sent}");
    world.settle().await;
}

#[tokio::test]
async fn no_name_of_a_person_reaches_azure_on_any_route() {
    let world = World::event("persons").in_memory().keeping().everything().start().await;
    let ada = world.attendee("ada").await;
    let paths = [
        ("chat/completions", json!({"messages": [], "max_tokens": 5})),
        ("completions", json!({"prompt": "a"})),
        ("embeddings", json!({"input": "a"})),
        ("responses", json!({"input": "a"})),
        ("moderations", json!({"input": "a"})),
        ("images/generations", json!({"prompt": "a"})),
        ("audio/speech", json!({"input": "a", "voice": "alloy"})),
        ("conversations", json!({})),
        ("vector_stores", json!({"name": "a"})),
        ("assistants", json!({"model": "gpt-4o-mini"})),
        ("threads", json!({"messages": [{"role": "user", "content": "a"}]})),
    ];
    for (calls, (path, mut body)) in paths.into_iter().enumerate() {
        let person = "person-7f3a@example.org";
        body["user"] = json!(person);
        body["safety_identifier"] = json!(person);
        body["user_security_context"] = json!({"end_user_id": person});
        body["metadata"] = json!({"user_id": person, "lesson": "7"});
        let response = ada.send(ada.post(&format!("/api/v1/{path}"), body.to_string())).await;
        assert!(response.status().is_success(), "{path}: {}", response.text());
        assert_eq!(world.azure().calls(), calls + 1, "{path}");
        let sent = world.azure().requests()[calls].clone();
        let sent = String::from_utf8_lossy(&sent.body).into_owned();
        assert!(!sent.contains("person-7f3a"), "{path}: {sent}");
        if matches!(path, "responses" | "threads" | "assistants") {
            assert!(sent.contains(r#""lesson":"7""#), "{path}: {sent}");
        }
    }
    let person = b"person-7f3a".as_slice();
    let image = ("image", "; filename=\"a.png\"\r\nContent-Type: image/png", b"\x89PNG".as_slice());
    let parts =
        [image, ("user", "", person), ("safety_identifier", "", person), ("prompt", "", b"a")];
    let form = ada.post_form("/api/v1/images/edits", &parts);
    ada.send(form).await.assert_ok();
    let sent = world.azure().requests().pop().unwrap();
    assert!(!String::from_utf8_lossy(&sent.body).contains("person-7f3a"));
    world.settle().await;
}

#[tokio::test]
async fn a_stream_without_usage_is_counted_from_its_text() {
    let world = World::event("uncounted").in_memory();
    let world = world.deployments(|deployments| {
        deployments[0].model = Some("mistral-small-2503".to_owned());
    });
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    let text = "one two three four five six seven eight nine ten";
    world.azure().script(Reply::chat_stream(text, false));
    ada.chat_stream("hello").await.rest().await;
    let totals = world.settle().await;
    let completion = totals.counts().2;
    // Of 4,096 tokens that may have come, about ten did.
    assert!((10..40).contains(&completion), "{completion}");
    assert_eq!(totals.estimated(), 1);
    // A stream that breaks off is charged as it was reserved.
    world.azure().script(Reply::chat_stream(text, false).close_after(3));
    ada.chat_stream("hello").await.rest().await;
    assert!(world.settle().await.counts().2 > 4_096);
}

//! Ids in bodies: an object of another attendee is not found, wherever its id is.

use http::Method;
use lanyard_domain::hosted_tools::HostedTools;
use lanyard_domain::object::Kind;
use serde_json::{Value, json};

use crate::support::attendee::{Attendee, CHAT};
use crate::support::azure::kept::{event, of_events, response as response_of};
use crate::support::kept::{path, response};
use crate::support::{Reply, World};

/// The paths that accept an id in the body.
enum To {
    Response,
    Conversation,
    VectorStore,
    /// Below a vector store of the sender's own.
    Below(&'static str),
    Chat,
    Assistant,
    /// An assistant of the sender's own.
    OwnAssistant,
    Thread,
    /// A thread of the sender's own, and below it.
    OwnThread(&'static str),
    /// A run with a new thread.
    ThreadAndRun,
    Video,
}

/// The objects of the sender.
struct Own {
    store: String,
    assistant: String,
    thread: String,
}

impl Own {
    async fn of(who: &Attendee) -> Self {
        Self {
            store: who.own(Kind::VectorStore).await,
            assistant: who.own(Kind::Assistant).await,
            thread: who.own(Kind::Thread).await,
        }
    }
}

/// One row for each place in a body at which Azure reads an id.
fn rows(id: &str) -> Vec<(Kind, To, Value)> {
    let input = |part: Value| json!({"input": [{"role": "user", "content": [part]}]});
    let file = json!({"type": "input_file", "file_id": id});
    vec![
        (Kind::Response, To::Response, json!({"previous_response_id": id})),
        (Kind::Conversation, To::Response, json!({"conversation": id})),
        (Kind::Conversation, To::Response, json!({"conversation": {"id": id}})),
        (Kind::File, To::Response, input(file.clone())),
        (Kind::File, To::Response, input(json!({"type": "input_image", "file_id": id}))),
        (
            Kind::File,
            To::Response,
            json!({"input": [{"type": "function_call_output", "call_id": "c", "output": [file]}]}),
        ),
        (
            Kind::File,
            To::Response,
            json!({"input": [{"type": "computer_call_output", "call_id": "c",
                "output": {"type": "computer_screenshot", "file_id": id}}]}),
        ),
        (
            Kind::VectorStore,
            To::Response,
            json!({"tools": [{"type": "file_search", "vector_store_ids": [id]}]}),
        ),
        (
            Kind::File,
            To::Response,
            json!({"tools": [{"type": "code_interpreter",
                "container": {"type": "auto", "file_ids": [id]}}]}),
        ),
        (
            Kind::Container,
            To::Response,
            json!({"tools": [{"type": "code_interpreter", "container": id}]}),
        ),
        (
            Kind::Container,
            To::Response,
            json!({"input": [{"type": "code_interpreter_call", "id": "ci_1", "code": "1",
                "container_id": id}, {"role": "user", "content": "again"}]}),
        ),
        (
            Kind::File,
            To::Response,
            json!({"tools": [{"type": "image_generation", "input_image_mask": {"file_id": id}}]}),
        ),
        (
            Kind::File,
            To::Conversation,
            json!({"items": [{"type": "message", "role": "user",
                "content": [{"type": "input_file", "file_id": id}]}]}),
        ),
        // Places that no list names.
        (
            Kind::File,
            To::Response,
            json!({"instructions": [{"role": "user", "content": [
            {"type": "input_file", "file_id": id}]}]}),
        ),
        (Kind::File, To::Response, json!({"new_field": {"deep": [{"file_ids": [[id]]}]}})),
        (
            Kind::VectorStore,
            To::Response,
            json!({"input": [{"type": "additional_tools", "tools": [
            {"type": "file_search", "vector_store_ids": [id]}]}]}),
        ),
        (Kind::File, To::VectorStore, json!({"file_ids": [id]})),
        (Kind::File, To::Below("/files"), json!({"file_id": id})),
        (Kind::File, To::Below("/file_batches"), json!({"file_ids": [id]})),
        (Kind::File, To::Below("/file_batches"), json!({"files": [{"file_id": id}]})),
        (
            Kind::File,
            To::Chat,
            json!({"messages": [{"role": "user", "content": [
                {"type": "file", "file": {"file_id": id}}]}]}),
        ),
    ]
    .into_iter()
    .chain(rows_of_assistants(id))
    .collect()
}

fn rows_of_assistants(id: &str) -> Vec<(Kind, To, Value)> {
    let interpreted = json!({"tool_resources": {"code_interpreter": {"file_ids": [id]}}});
    let searched = json!({"tool_resources": {"file_search": {"vector_store_ids": [id]}}});
    let attached = json!([{"file_id": id, "tools": [{"type": "file_search"}]}]);
    let message = json!({"role": "user", "content": "hello", "attachments": attached});
    let image = json!({"role": "user", "content": [
        {"type": "image_file", "image_file": {"file_id": id}}]});
    vec![
        (Kind::File, To::Assistant, interpreted.clone()),
        (Kind::VectorStore, To::Assistant, searched.clone()),
        (Kind::File, To::OwnAssistant, interpreted.clone()),
        (Kind::VectorStore, To::OwnAssistant, searched.clone()),
        (Kind::File, To::Thread, interpreted.clone()),
        (Kind::VectorStore, To::Thread, searched.clone()),
        (Kind::File, To::Thread, json!({"messages": [message]})),
        (Kind::File, To::Thread, json!({"messages": [image]})),
        (Kind::File, To::OwnThread(""), interpreted.clone()),
        (Kind::VectorStore, To::OwnThread(""), searched.clone()),
        (Kind::File, To::OwnThread("/messages"), message.clone()),
        (Kind::File, To::OwnThread("/messages"), image.clone()),
        (Kind::Assistant, To::OwnThread("/runs"), json!({"assistant_id": id})),
        (Kind::File, To::OwnThread("/runs"), json!({"additional_messages": [message]})),
        (Kind::File, To::OwnThread("/runs"), json!({"additional_messages": [image]})),
        (Kind::Assistant, To::ThreadAndRun, json!({"assistant_id": id})),
        (Kind::File, To::ThreadAndRun, interpreted.clone()),
        (Kind::VectorStore, To::ThreadAndRun, searched.clone()),
        (Kind::File, To::ThreadAndRun, json!({"thread": {"messages": [message]}})),
        (Kind::File, To::ThreadAndRun, json!({"thread": {"messages": [image]}})),
        (Kind::File, To::ThreadAndRun, json!({"thread": interpreted})),
        (Kind::VectorStore, To::ThreadAndRun, json!({"thread": searched})),
        (Kind::File, To::Video, json!({"input_reference": {"file_id": id}})),
    ]
}

/// A body with its other required fields.
fn with(needed: Value, body: Value) -> Value {
    let mut all = needed;
    for (name, value) in body.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    all
}

async fn send(who: &Attendee, to: &To, own: &Own, body: Value) -> crate::support::TestResponse {
    let store = &own.store;
    let assistant = json!({"assistant_id": own.assistant});
    let (path, body) = match to {
        To::Response => (path(Kind::Response), response(body)),
        To::Conversation => (path(Kind::Conversation), body),
        To::VectorStore => (path(Kind::VectorStore), body),
        To::Below(end) => (format!("{}/{store}{end}", path(Kind::VectorStore)), body),
        To::Chat => (CHAT.to_owned(), body),
        To::Assistant => (path(Kind::Assistant), with(json!({"model": "gpt-4o-mini"}), body)),
        To::OwnAssistant => (format!("{}/{}", path(Kind::Assistant), own.assistant), body),
        To::Thread => (path(Kind::Thread), body),
        To::OwnThread(end) => {
            let needed = if *end == "/runs" { assistant } else { json!({}) };
            (format!("{}/{}{end}", path(Kind::Thread), own.thread), with(needed, body))
        }
        To::ThreadAndRun => (format!("{}/runs", path(Kind::Thread)), with(assistant, body)),
        To::Video => (path(Kind::Video), with(json!({"prompt": "elephants"}), body)),
    };
    who.call(Method::POST, &path, Some(&body)).await
}

#[tokio::test]
async fn an_id_in_a_body_is_the_attendees_own_or_404() {
    let world = World::event("bodies").in_memory().keeping().with(|event| {
        let tools = ["file_search", "code_interpreter", "image_generation"];
        event.hosted_tools = HostedTools::allowing(tools);
    });
    let world = world.start().await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    let (adas, bobs) = (Own::of(&ada).await, Own::of(&bob).await);
    for row in 0..rows("").len() {
        let kind = rows("")[row].0;
        let id = ada.own(kind).await;
        let place = rows("X").remove(row).2;
        let calls = world.azure().calls();
        let mut refusals = Vec::new();
        for (who, own, id) in
            [(&bob, &bobs, id.as_str()), (&ada, &adas, "never-was"), (&bob, &bobs, "never/was")]
        {
            let (_, to, body) = rows(id).remove(row);
            let refused = send(who, &to, own, body).await;
            refused.assert_refused(404, "object_not_found");
            refusals.push(refused.text().to_owned());
        }
        refusals.dedup();
        assert_eq!(refusals.len(), 1, "{place}");
        assert_eq!(world.azure().calls(), calls, "{place}");
        let (_, to, body) = rows(&id).remove(row);
        send(&ada, &to, &adas, body).await.assert_ok();
        assert!(world.azure().requests().pop().unwrap().json().to_string().contains(&id));
    }
    world.end_jobs().await;
    world.settle().await;
}

#[tokio::test]
async fn ids_cannot_be_hidden_by_doubles_letters_or_escapes() {
    let world = World::event("hidden").in_memory().keeping().start().await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    let (theirs, own) = (ada.own(Kind::File).await, bob.own(Kind::File).await);
    let calls = world.azure().calls();
    for (status, body) in [
        (404, format!(r#"{{"file_ids":["{own}"],"file_ids":["{theirs}"]}}"#)),
        (404, format!(r#"{{"file_ids":["{theirs}"],"file_ids":["{own}"]}}"#)),
        (404, format!(r#"{{"File_IDs":["{theirs}"]}}"#)),
        (404, format!(r#"{{"file\u005fids":["{theirs}"]}}"#)),
        (404, format!(r#"{{"file_ids":[["{theirs}"]]}}"#)),
        (404, format!(r#"{{"file_ids":"{theirs}"}}"#)),
        (400, format!(r#"{{"file_ids":["{theirs}"]"#)),
    ] {
        let response = bob.send(bob.post(&path(Kind::VectorStore), body.clone())).await;
        assert_eq!(response.status().as_u16(), status, "{body}");
    }
    for body in [
        format!(r#"{{"input":"x","Conversation":"{theirs}"}}"#),
        format!(r#"{{"input":"x","conversation":null,"conversation":"{theirs}"}}"#),
        r#"{"input":"x","prompt":{"id":"pmpt_1"}}"#.to_owned(),
    ] {
        let response = bob.send(bob.post(&path(Kind::Response), body.clone())).await;
        assert_eq!(response.status().as_u16(), 400, "{body}");
    }
    // Items of responses that are not one's own.
    for body in [
        r#"{"input":[{"type":"item_reference","id":"msg_1"}]}"#,
        r#"{"input":[{"id":"msg_1"}]}"#,
        r#"{"input":[{"type":"reasoning","id":"rs_1","summary":[]}]}"#,
        r#"{"input":[{"type":"image_generation_call","id":"ig_1"}]}"#,
        r#"{"input":[{"type":"code_interpreter_call","container_id":"cntr_1"}]}"#,
    ] {
        let response = bob.send(bob.post(&path(Kind::Response), body)).await;
        response.assert_refused(404, "object_not_found");
    }
    let items = r#"{"items":[{"type":"item_reference","id":"msg_1"}]}"#;
    let response = bob.send(bob.post(&path(Kind::Conversation), items)).await;
    response.assert_refused(400, "parameter_not_allowed");
    assert_eq!(world.azure().calls(), calls);
    world.settle().await;
}

#[tokio::test]
async fn an_id_is_refused_at_an_event_that_stores_nothing() {
    let world = World::event("bodies-not").in_memory().keeping();
    let world = world.with(|event| event.keeps_objects = false).start().await;
    let ada = world.attendee("ada").await;
    let response = ada.respond(json!({"previous_response_id": "resp_1"})).await;
    response.assert_refused(403, "objects_not_kept");
    let (_, to, body) = rows("file-1").pop().unwrap();
    let none = String::new();
    let own = Own { store: none.clone(), assistant: none.clone(), thread: none };
    send(&ada, &to, &own, body).await.assert_refused(403, "objects_not_kept");
    assert_eq!((world.azure().calls(), world.settle().await.requests), (0, 0));
}

/// A response whose output has an item of this id.
fn with_item(id: &str, item: &str) -> Value {
    let mut body = response_of(id, "Hello", "completed");
    body["output"] = json!([
        {"type": "reasoning", "id": format!("rs_{item}"), "summary": []},
        {"type": "message", "id": format!("msg_{item}"), "role": "assistant", "content": []},
    ]);
    body
}

#[tokio::test]
async fn an_item_can_be_referred_to_by_the_creator_of_its_response() {
    let world = World::event("items").in_memory().keeping().start().await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    world.azure().script(Reply::json(200, with_item("resp_buffered", "1").to_string()));
    ada.respond(json!({})).await.assert_ok();
    let done = json!({"response": with_item("resp_streamed", "2")});
    let created = json!({"response": response_of("resp_streamed", "", "in_progress")});
    let script = [event("response.created", 0, created), event("response.completed", 1, done)];
    world.azure().script(of_events(&script));
    let mut body = response(json!({}));
    body["stream"] = json!(true);
    world.open(ada.post(&path(Kind::Response), body.to_string())).await.collect().await;
    for item in ["1", "2"] {
        let input = json!([
            {"role": "user", "content": "Hello"},
            {"type": "reasoning", "id": format!("rs_{item}"), "summary": []},
            {"type": "item_reference", "id": format!("msg_{item}")},
            {"role": "user", "content": "Go on"},
        ]);
        ada.respond(json!({"input": input})).await.assert_ok();
        assert_eq!(world.azure().requests().pop().unwrap().json()["input"], input);
        bob.respond(json!({"input": input})).await.assert_refused(404, "object_not_found");
    }
    let other = json!([{"type": "item_reference", "id": "msg_9"}]);
    ada.respond(json!({"input": other})).await.assert_refused(404, "object_not_found");
    world.settle().await;
}

#[tokio::test]
async fn reasoning_without_its_content_is_left_out_unless_it_is_stored() {
    let world = World::event("bare").in_memory().keeping().start().await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    world.azure().script(Reply::json(200, with_item("resp_bare", "1").to_string()));
    ada.respond(json!({})).await.assert_ok();
    let (before, after) =
        (json!({"role": "user", "content": "a"}), json!({"role": "user", "content": "b"}));
    let bare = |id: Value| json!({"type": "reasoning", "id": id, "summary": [], "encrypted_content": null});
    let sent = async |who: &Attendee, items: &[Value]| {
        let ends = [&before, &after].map(std::slice::from_ref);
        let input: Vec<_> = [ends[0], items, ends[1]].concat();
        who.respond(json!({"store": false, "input": input})).await.assert_ok();
        world.azure().requests().pop().unwrap().json()["input"].clone()
    };
    let stored = bare("rs_1".into());
    assert_eq!(sent(&ada, std::slice::from_ref(&stored)).await, json!([before, stored, after]));
    // Not stored, another's, and without an id.
    assert_eq!(sent(&ada, &[bare("rs_9".into()), bare(Value::Null)]).await, json!([before, after]));
    assert_eq!(sent(&bob, std::slice::from_ref(&stored)).await, json!([before, after]));
    assert_eq!(
        sent(&ada, &[bare("rs_9".into()), stored.clone()]).await,
        json!([before, stored, after])
    );
    // A reference that is not the attendee's own is still refused, and so is one to a stored input.
    for (kind, store) in [("item_reference", false), ("reasoning", true)] {
        let input = json!([{"type": kind, "id": "rs_1"}]);
        let refused = bob.respond(json!({"store": store, "input": input})).await;
        refused.assert_refused(404, "object_not_found");
    }
    world.settle().await;
}

#[tokio::test]
async fn approvals_and_earlier_audio_must_be_the_requests_own() {
    let world = World::event("approvals").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    let approval =
        json!({"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": true});
    let refused = ada.respond(json!({"input": [approval]})).await;
    refused.assert_refused(400, "parameter_not_allowed");
    let asked = json!({"type": "mcp_approval_request", "id": "mcpr_1", "name": "t"});
    ada.respond(json!({"input": [asked, approval]})).await.assert_ok();
    let chat = json!({"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]});
    let refused = ada.send(ada.post(CHAT, chat.to_string())).await;
    refused.assert_refused(400, "parameter_not_allowed");
    world.settle().await;
}

//! Containers of the code interpreter: each is the attendee's whose response has made it.

use http::Method;
use lanyard_domain::hosted_tools::HostedTools;
use lanyard_domain::object::Kind;
use serde_json::{Value, json};

use crate::support::azure::kept::{event, of_events, response};
use crate::support::kept::path;
use crate::support::{Reply, World};

fn interpreter(container: Value) -> Value {
    json!({"store": false, "tools": [{"type": "code_interpreter", "container": container}]})
}

fn auto() -> Value {
    interpreter(json!({"type": "auto"}))
}

/// An item of a response that has worked in a container.
fn called(container: &str) -> Value {
    json!({"id": "ci_1", "type": "code_interpreter_call", "status": "completed", "code": "1",
        "container_id": container, "outputs": null})
}

/// A message that cites a file of a container.
fn cites(container: &str) -> Value {
    let citation = json!({"type": "container_file_citation", "container_id": container,
        "file_id": "cfile_1", "filename": "a.csv", "start_index": 0, "end_index": 0});
    json!({"id": "msg_2", "type": "message", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": "Hi", "annotations": [citation]}]})
}

fn with_output(item: Value) -> Value {
    let mut body = response("resp_9", "Hi", "completed");
    body["output"].as_array_mut().unwrap().push(item);
    body
}

#[tokio::test]
async fn the_containers_of_a_response_are_the_attendees_own_however_it_is_sent() {
    let event_of = |name: &str, data: Value| event(name, 1, data);
    let created = || event_of("response.created", json!({"response": {"id": "resp_9"}}));
    let ended = |item| event_of("response.completed", json!({"response": with_output(item)}));
    let plain = || ended(json!({"id": "msg_3", "type": "message", "content": []}));
    let added = |item: Value| event_of("response.output_item.added", json!({"item": item}));
    let annotated = |item: Value| {
        let annotation = &item["content"][0]["annotations"][0];
        event_of("response.output_text.annotation.added", json!({"annotation": annotation}))
    };
    let buffered = |item| Reply::json(200, with_output(item).to_string());
    let world = World::event("contained").in_memory().keeping().start().await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    let reply = |way: usize, id: &str| match way {
        0 => buffered(called(id)),
        1 => buffered(cites(id)),
        2 => of_events(&[created(), added(called(id)), plain()]),
        3 => of_events(&[created(), annotated(cites(id)), plain()]),
        _ => of_events(&[created(), ended(called(id))]),
    };
    for way in 0..5 {
        let is_streamed = way > 1;
        for is_stored in [false, true] {
            let id = &format!("cntr_{way}{is_stored}");
            world.azure().script(reply(way, id));
            let mut asked = auto();
            (asked["store"], asked["stream"]) = (json!(is_stored), json!(is_streamed));
            ada.respond(asked).await.assert_ok();
            let one = format!("{}/{id}", path(Kind::Container));
            for below in ["", "/files", "/files/cfile_1", "/files/cfile_1/content"] {
                let calls = world.azure().calls();
                let refused = bob.call(Method::GET, &format!("{one}{below}"), None).await;
                refused.assert_refused(404, "object_not_found");
                assert_eq!(world.azure().calls(), calls, "{id}{below}");
                world.azure().script(Reply::json(200, json!({"id": id}).to_string()));
                let read = ada.call(Method::GET, &format!("{one}{below}"), None).await;
                assert!(read.assert_ok().text().contains(id.as_str()), "{id}{below}");
                let sent = world.azure().requests().pop().unwrap();
                assert_eq!(sent.path(), format!("/openai/v1/containers/{id}{below}"));
            }
        }
    }
    world.settle().await;
}

#[tokio::test]
async fn a_response_works_in_an_own_container_again_and_in_no_other() {
    let world = World::event("again").in_memory().keeping().start().await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    let id = ada.own(Kind::Container).await;
    let kept = world.azure().kept();
    let again = ada.respond(interpreter(json!(id))).await;
    assert_eq!(again.assert_ok().json()["output"][0]["container_id"], *id);
    assert_eq!(world.azure().kept(), kept);
    let calls = world.azure().calls();
    let file = bob.own(Kind::File).await;
    for (who, container) in [
        (&bob, json!(id)),
        (&bob, json!({"type": "auto", "id": id})),
        (&ada, json!("cntr_never")),
        (&ada, json!({"type": "auto", "file_ids": [file]})),
    ] {
        let refused = who.respond(interpreter(container.clone())).await;
        refused.assert_refused(404, "object_not_found");
        assert_eq!(refused.json()["error"]["param"], "tools", "{container}");
    }
    assert_eq!(world.azure().calls(), calls + 1);
    let one = format!("{}/{id}", path(Kind::Container));
    ada.call(Method::DELETE, &one, None).await.assert_ok();
    ada.call(Method::GET, &one, None).await.assert_refused(404, "object_not_found");
    ada.respond(interpreter(json!(id))).await.assert_refused(404, "object_not_found");
    // Containers come from responses alone.
    let made = ada.call(Method::POST, &path(Kind::Container), Some(&json!({"name": "x"}))).await;
    made.assert_refused(404, "unknown_route");
    world.settle().await;
}

#[tokio::test]
async fn without_kept_objects_or_the_tool_there_are_no_containers() {
    for (keeps, allows) in [(false, true), (true, false)] {
        let world = World::event("none").in_memory().keeping().with(|event| {
            event.keeps_objects = keeps;
            let allowed: &[&str] = if allows { &["code_interpreter"] } else { &[] };
            event.hosted_tools = HostedTools::allowing(allowed.iter().copied());
        });
        let world = world.start().await;
        let ada = world.attendee("ada").await;
        let made = ada.respond(auto()).await;
        assert_eq!(made.status(), if allows { 200 } else { 400 });
        let one = format!("{}/cntr_1", path(Kind::Container));
        let read = ada.call(Method::GET, &one, None).await;
        match keeps {
            true => read.assert_refused(404, "object_not_found"),
            false => read.assert_refused(403, "objects_not_kept"),
        };
        world.settle().await;
    }
}

#[tokio::test]
async fn a_container_whose_owner_cannot_be_stored_is_not_passed_on() {
    for is_streamed in [false, true] {
        let world = World::event("unwritten").in_memory().keeping().start().await;
        let ada = world.attendee("ada").await;
        world.objects().fail_puts(3);
        let mut asked = auto();
        asked["stream"] = json!(is_streamed);
        let refused = ada.respond(asked).await;
        assert_eq!(refused.status(), if is_streamed { 200 } else { 503 });
        assert!(refused.text().contains("ownership_unavailable"), "{}", refused.text());
        assert!(!refused.text().contains("cntr_"), "{}", refused.text());
        assert!(world.azure().kept().is_empty());
        world.settle().await;
    }
}

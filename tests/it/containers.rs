//! Containers of the code interpreter: each is the attendee's whose response has made it.

use http::Method;
use lanyard_domain::event::OwnDeployments;
use lanyard_domain::hosted_tools::HostedTools;
use lanyard_domain::object::Kind;
use serde_json::{Value, json};

use crate::support::attendee::Attendee;
use crate::support::azure::ScriptedAzure;
use crate::support::azure::kept::{event, of_events, response};
use crate::support::kept::path;
use crate::support::{Reply, TestResponse, World, canary};

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

/// The calls that take the output of an earlier turn as input.
fn calls_with_input() -> [String; 3] {
    let responses = path(Kind::Response);
    [responses.clone(), format!("{responses}/compact"), format!("{responses}/input_tokens")]
}

/// The output of a first turn, as a client sends it back, and the next question.
fn history(container: &str) -> Value {
    json!([{"role": "user", "content": "a"}, called(container), cites(container),
        {"role": "user", "content": "b"}])
}

#[tokio::test]
async fn the_second_turn_works_in_the_container_of_the_first() {
    for (keeps, is_streamed) in [(false, false), (false, true), (true, false), (true, true)] {
        let world = World::event("second").in_memory().keeping();
        let world = world.with(|event| event.keeps_objects = keeps).start().await;
        let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
        let mut asked = auto();
        asked["stream"] = json!(is_streamed);
        let first = ada.respond(asked.clone()).await;
        let first = first.assert_ok().text();
        let at = first.find("cntr_").unwrap();
        let id = first[at..].split('"').next().unwrap();
        asked["input"] = history(id);
        for sent_to in calls_with_input() {
            let is_response = sent_to == path(Kind::Response);
            let mut body = asked.clone();
            if !is_response {
                body["stream"] = json!(false);
                let made = json!({"id": "resp_2", "object": "x", "output": [], "input_tokens": 1});
                world.azure().script(Reply::json(200, made.to_string()));
            }
            let second = ada.call(Method::POST, &sent_to, Some(&with_model(&body))).await;
            let second = second.assert_ok().text();
            assert!(!is_response || second.contains(id), "{second}");
            let sent = world.azure().requests().pop().unwrap().json();
            // The model sees what it ran, and what that has said.
            let item = &sent["input"][1];
            assert_eq!((&item["code"], &item["container_id"]), (&json!("1"), &json!(id)));
            let cited = &sent["input"][2]["content"][0]["annotations"][0];
            assert_eq!(cited["file_id"], "cfile_1", "{sent_to}");
            let calls = world.azure().calls();
            let refused = bob.call(Method::POST, &sent_to, Some(&with_model(&body))).await;
            refused.assert_refused(404, "object_not_found");
            assert_eq!(world.azure().calls(), calls);
        }
        let named = ada.respond(interpreter(json!(id))).await;
        assert_eq!(named.assert_ok().json()["output"][0]["container_id"], id);
        bob.respond(interpreter(json!(id))).await.assert_refused(404, "object_not_found");
        if keeps {
            let items = json!({"items": [called(id), cites(id)]});
            let made = |who| call_conversations(who, &items);
            made(&ada).await.assert_ok();
            made(&bob).await.assert_refused(404, "object_not_found");
        }
        world.settle().await;
    }
}

async fn call_conversations(who: &Attendee, items: &Value) -> TestResponse {
    who.call(Method::POST, &path(Kind::Conversation), Some(items)).await
}

fn with_model(body: &Value) -> Value {
    let mut body = body.clone();
    body["model"] = json!("gpt-4o-mini");
    body
}

#[tokio::test]
async fn a_citation_opens_no_container() {
    for keeps in [false, true] {
        let world = World::event("cited").in_memory().keeping();
        let world = world.with(|event| event.keeps_objects = keeps).start().await;
        let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
        world.azure().script(Reply::json(200, with_output(called("cntr_a")).to_string()));
        ada.respond(auto()).await.assert_ok();
        let mut asked = auto();
        asked["input"] = json!([cites("cntr_a"), {"role": "user", "content": "b"}]);
        bob.respond(asked.clone()).await.assert_ok();
        // Even if Azure worked in it.
        world.azure().script(Reply::json(200, with_output(called("cntr_a")).to_string()));
        let refused = bob.respond(asked.clone()).await;
        refused.assert_refused(404, "object_not_found");
        assert!(!refused.text().contains("cntr_a"), "{}", refused.text());
        asked["input"] = history("cntr_a");
        bob.respond(asked).await.assert_refused(404, "object_not_found");
        world.settle().await;
    }
}

#[tokio::test]
async fn an_earlier_container_chooses_the_resource_only_where_the_model_is_there() {
    let second = ScriptedAzure::start().await;
    let endpoint = second.endpoint();
    let world = World::event("where").in_memory().keeping().deployments(|deployments| {
        let first = deployments.iter().find(|one| one.name.as_str() == "gpt-4o-mini");
        let first = first.unwrap().clone();
        let there = |name: &str, replica: &str, weight| {
            let mut one = first.clone();
            (one.name, one.replica) = (name.parse().unwrap(), replica.parse().unwrap());
            (one.endpoint, one.weight) = (endpoint.clone(), weight);
            one
        };
        let mut here = first.clone();
        here.name = "here".parse().unwrap();
        deployments.extend([there("there", "default", 1), there("gpt-4o-mini", "two", 0), here]);
    });
    let world = world.with(|event| event.keeps_objects = false).start().await;
    let ada = world.attendee("ada").await;
    let ask = async |model: &str, input: Value| {
        let mut asked = auto();
        (asked["model"], asked["input"]) = (json!(model), input);
        ada.respond(asked).await.assert_ok().json()["output"][0]["container_id"].clone()
    };
    let id = ask("there", json!("a")).await;
    let id = id.as_str().unwrap();
    assert_eq!((world.azure().calls(), second.calls()), (0, 1));
    ask("gpt-4o-mini", history(id)).await;
    assert_eq!((world.azure().calls(), second.calls()), (0, 2));
    ask("here", history(id)).await;
    assert_eq!((world.azure().calls(), second.calls()), (1, 2));
    world.settle().await;
}

#[tokio::test]
async fn the_containers_of_ones_own_deployment_are_nobody_elses() {
    for keeps in [false, true] {
        let world = World::event("mine").keeping().with(|event| {
            event.own_deployments = OwnDeployments::Attendee;
            event.keeps_objects = keeps;
        });
        let world = world.start().await;
        let (ada, bob) = (world.signed("ada").await, world.attendee("bob").await);
        let described = json!({"endpoint": world.azure().endpoint(), "azure_name": "own",
            "operations": ["responses"], "key": canary::KEY});
        let mut put = ada.post("/api/v1/deployments/gpt-4o-mini", described.to_string());
        *put.method_mut() = Method::PUT;
        assert_eq!(ada.send(put).await.status(), 201);
        world.wait(chrono::TimeDelta::seconds(6));
        let first = ada.respond(auto()).await.assert_ok().json();
        let mut asked = auto();
        let id = first["output"][0]["container_id"].as_str().unwrap();
        asked["input"] = history(id);
        for stolen in [asked.clone(), interpreter(json!(id))] {
            bob.respond(stolen).await.assert_refused(404, "object_not_found");
        }
        ada.respond(asked).await.assert_ok();
        assert!(world.azure().requests().iter().all(|sent| sent.json()["model"] == "own"));
        world.settle().await;
    }
}

#[tokio::test]
async fn the_output_of_every_tool_is_taken_back() {
    let said = |annotation: Value| {
        json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": "x", "annotations": [annotation]}]})
    };
    let items = json!([
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"},
        {"type": "file_search_call", "id": "fs_1", "status": "completed", "queries": ["x"],
            "results": [{"file_id": "file-gone", "filename": "a", "score": 1, "text": "x"}]},
        said(json!({"type": "file_citation", "file_id": "file-gone", "index": 0})),
        said(json!({"type": "file_path", "file_id": "file-gone", "index": 0})),
        said(json!({"type": "url_citation", "url": "https://a.example", "title": "a"})),
        {"type": "web_search_call", "id": "ws_1", "status": "completed",
            "action": {"type": "search", "query": "x"}},
        {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "iVBO"},
        {"type": "mcp_list_tools", "id": "mcpl_1", "server_label": "s",
            "tools": [{"name": "t", "input_schema": {"file_id": "x"}, "annotations": {"a": 1}}]},
        {"type": "mcp_call", "id": "mcp_1", "server_label": "s", "name": "t", "arguments": "{}",
            "output": "x", "approval_request_id": "mcpr_0"},
        {"type": "mcp_approval_request", "id": "mcpr_1", "server_label": "s", "name": "t",
            "arguments": "{}"},
        {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": true},
        {"type": "computer_call", "id": "cu_1", "call_id": "c1", "action": {"type": "wait"}},
        {"type": "computer_call_output", "call_id": "c1",
            "output": {"type": "computer_screenshot", "image_url": "data:image/png;base64,iVBO"}},
        {"type": "shell_call", "id": "sh_1", "call_id": "c2", "environment": {"type": "local"},
            "action": {"commands": ["ls"]}},
        {"type": "shell_call_output", "call_id": "c2", "output": [{"stdout": "a"}]},
        {"type": "apply_patch_call", "id": "ap_1", "call_id": "c3",
            "operation": {"type": "create_file", "path": "a", "diff": "+a"}},
        {"type": "local_shell_call", "id": "ls_1", "call_id": "c4",
            "action": {"type": "exec", "command": ["ls"], "env": {"file_id": "x"}}},
        {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAAA"},
        {"role": "user", "content": "next"},
    ]);
    for keeps in [false, true] {
        let world = World::event("echo").in_memory().keeping();
        let world = world.with(|event| event.keeps_objects = keeps).start().await;
        let ada = world.attendee("ada").await;
        let count = items.as_array().unwrap().len();
        for store in [false, true] {
            let body = json!({"input": items, "store": store, "tools": [{"type": "custom"}]});
            ada.respond(body).await.assert_ok();
            let sent = world.azure().requests().pop().unwrap().json();
            assert_eq!(sent["input"].as_array().unwrap().len(), count);
            assert_eq!(sent["input"][1]["results"], items[1]["results"]);
        }
        // What Azure reads from a file is no history.
        let screen = json!({"type": "computer_screenshot", "file_id": "file-1"});
        let screen = json!([{"type": "computer_call_output", "call_id": "c", "output": screen}]);
        let refused = ada.respond(json!({"input": screen})).await;
        match keeps {
            true => refused.assert_refused(404, "object_not_found"),
            false => refused.assert_refused(403, "objects_not_kept"),
        };
        if keeps {
            call_conversations(&ada, &json!({"items": items})).await.assert_ok();
        }
        world.settle().await;
    }
}

//! Azure's words about what failed, on the routes of stored objects.

use http::Method;
use lanyard_domain::object::Kind;
use serde_json::{Value, json};

use crate::support::azure::kept::of_events;
use crate::support::kept::{form, path};
use crate::support::{Reply, World, canary};

/// The resource that the organiser's deployments are at, as Azure may write it.
const HOST: &str = "their-resource.openai.azure.com";

/// What Azure says of a failure.
fn said() -> String {
    let name = format!("{}-gpt-4o-mini", canary::AZURE_NAME);
    let keys = format!("{} or {}", "0a".repeat(16), canary::KEY);
    format!("Failed at https://{HOST}/openai/deployments/{name} for key {keys}")
}

fn assert_hidden(place: &str, text: &str) {
    for ours in [canary::AZURE_NAME, "their-resource", "azure.com", "0a0a", canary::KEY] {
        assert!(!text.contains(ours), "{place}: {text}");
    }
    let shown = "Failed at the model's resource/openai/deployments/gpt-4o-mini for key [redacted] \
        or [redacted]";
    assert!(text.contains(shown), "{place}: {text}");
}

#[tokio::test]
async fn what_azure_says_of_a_failure_names_nothing_of_the_organisers_on_any_route() {
    let world = World::event("named").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    let run = ada.own(Kind::Run).await;
    let (thread, run) = run.split_once('|').unwrap();
    let store = ada.own(Kind::VectorStore).await;
    let response = ada.own(Kind::Response).await;
    let file = ada.own(Kind::File).await;
    let video = ada.own(Kind::Video).await;
    let error = json!({"code": "server_error", "message": said()});
    let failed = |id: &str, field: &str, error: &Value| {
        let mut object = json!({"id": id, "object": "x", "status": "failed"});
        object[field] = error.clone();
        object
    };
    let list = |object: Value| json!({"object": "list", "data": [object], "has_more": false});
    let runs = format!("{}/{thread}/runs", path(Kind::Thread));
    let in_store = format!("{}/{store}/files", path(Kind::VectorStore));
    let ended = failed(run, "last_error", &error);
    for (path, object) in [
        (format!("{runs}/{run}"), ended.clone()),
        (runs.clone(), list(ended.clone())),
        (format!("{runs}/{run}/steps"), list(failed("step_1", "last_error", &error))),
        (format!("{runs}/{run}/steps/step_1"), failed("step_1", "last_error", &error)),
        (in_store.clone(), list(failed(&file, "last_error", &error))),
        (format!("{in_store}/{file}"), failed(&file, "last_error", &error)),
        (format!("{}/{file}", path(Kind::File)), failed(&file, "status_details", &json!(said()))),
        (path(Kind::File), failed(&file, "status_details", &json!(said()))),
        (format!("{}/{response}", path(Kind::Response)), failed(&response, "error", &error)),
        (format!("{}/{video}", path(Kind::Video)), failed(&video, "error", &error)),
    ] {
        world.azure().script(Reply::json(200, object.to_string()));
        let shown = ada.call(Method::GET, &path, None).await;
        assert_hidden(&path, shown.assert_ok().text());
    }
    // The reply to an upload, too.
    let uploaded = failed("file-new", "status_details", &json!(said()));
    world.azure().script(Reply::json(200, uploaded.to_string()));
    let mut upload = ada.post(&path(Kind::File), form("user_data"));
    let kind = "multipart/form-data; boundary=edge".parse().unwrap();
    upload.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    assert_hidden("upload", ada.send(upload).await.assert_ok().text());
    world.quiet().await;
}

#[tokio::test]
async fn the_stream_of_a_run_that_failed_names_nothing_of_the_organisers() {
    let world = World::event("stream").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    let (thread, assistant) = (ada.own(Kind::Thread).await, ada.own(Kind::Assistant).await);
    let error = json!({"code": "server_error", "message": said()});
    let run = json!({"id": "run_1", "object": "thread.run", "thread_id": thread,
        "assistant_id": assistant, "status": "in_progress", "usage": null});
    let mut ended = run.clone();
    (ended["status"], ended["last_error"]) = ("failed".into(), error.clone());
    let step = json!({"id": "step_1", "object": "thread.run.step", "run_id": "run_1",
        "thread_id": thread, "status": "failed", "last_error": error});
    world.azure().script(of_events(&[
        format!("event: thread.run.created\ndata: {run}\n\n"),
        format!("event: thread.run.step.failed\ndata: {step}\n\n"),
        format!("event: thread.run.failed\ndata: {ended}\n\n"),
        "event: done\ndata: [DONE]\n\n".to_owned(),
    ]));
    let body = json!({"assistant_id": assistant, "stream": true}).to_string();
    let runs = format!("{}/{thread}/runs", path(Kind::Thread));
    let shown = ada.send(ada.post(&runs, body)).await;
    let events: Vec<_> = shown.assert_ok().text().split("\n\n").collect();
    for name in ["thread.run.step.failed", "thread.run.failed"] {
        let event = events.iter().find(|event| event.starts_with(&format!("event: {name}\n")));
        assert_hidden(name, event.unwrap());
    }
    world.quiet().await;
}

#[tokio::test]
async fn what_attendees_wrote_keeps_its_bytes_beside_an_error() {
    let world = World::event("kept").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    let response = ada.own(Kind::Response).await;
    let text = format!("How do I call https://{HOST}/openai?");
    let object = json!({"id": response, "object": "response", "status": "failed",
        "error": {"code": "server_error", "message": said()}, "instructions": text});
    world.azure().script(Reply::json(200, object.to_string()));
    let one = format!("{}/{response}", path(Kind::Response));
    let shown = ada.call(Method::GET, &one, None).await;
    assert_hidden("error", &shown.assert_ok().json()["error"].to_string());
    assert_eq!(shown.json()["instructions"], text);
    world.quiet().await;
}

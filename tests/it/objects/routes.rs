//! Ownership, for every kind and method: one row for each.

use lanyard_domain::object::Kind;
use lanyard_objects::routes::{Action, ROUTES, Route};
use serde_json::{Value, json};

use crate::support::World;
use crate::support::kept::path;

/// One row for each kind and verb: what its body is.
const ROWS: [(Kind, &str, &str); 68] = [
    (Kind::Response, "retrieve", ""),
    (Kind::Response, "delete", ""),
    (Kind::Response, "cancel", ""),
    (Kind::Response, "input_items.list", ""),
    (Kind::Conversation, "create", "{}"),
    (Kind::Conversation, "retrieve", ""),
    (Kind::Conversation, "update", r#"{"metadata":{"a":"b"}}"#),
    (Kind::Conversation, "delete", ""),
    (Kind::Conversation, "items.create", r#"{"items":[{"role":"user","content":"hello"}]}"#),
    (Kind::Conversation, "items.list", ""),
    (Kind::Conversation, "items.retrieve", ""),
    (Kind::Conversation, "items.delete", ""),
    (Kind::File, "create", "a form"),
    (Kind::File, "list", ""),
    (Kind::File, "retrieve", ""),
    (Kind::File, "delete", ""),
    (Kind::File, "content", ""),
    (Kind::VectorStore, "create", "{}"),
    (Kind::VectorStore, "list", ""),
    (Kind::VectorStore, "retrieve", ""),
    (Kind::VectorStore, "update", r#"{"name":"x"}"#),
    (Kind::VectorStore, "delete", ""),
    (Kind::VectorStore, "search", r#"{"query":"x"}"#),
    (Kind::VectorStore, "files.create", r#"{"attributes":{}}"#),
    (Kind::VectorStore, "files.list", ""),
    (Kind::VectorStore, "files.retrieve", ""),
    (Kind::VectorStore, "files.update", r#"{"attributes":{}}"#),
    (Kind::VectorStore, "files.delete", ""),
    (Kind::VectorStore, "files.content", ""),
    (Kind::VectorStore, "file_batches.create", r#"{"file_ids":[]}"#),
    (Kind::VectorStore, "file_batches.retrieve", ""),
    (Kind::VectorStore, "file_batches.cancel", ""),
    (Kind::VectorStore, "file_batches.list_files", ""),
    (Kind::Assistant, "create", r#"{"model":"gpt-4o-mini"}"#),
    (Kind::Assistant, "list", ""),
    (Kind::Assistant, "retrieve", ""),
    (Kind::Assistant, "update", r#"{"name":"x"}"#),
    (Kind::Assistant, "delete", ""),
    (Kind::Run, "create_and_run", "a run"),
    (Kind::Thread, "create", "{}"),
    (Kind::Thread, "retrieve", ""),
    (Kind::Thread, "update", r#"{"metadata":{"a":"b"}}"#),
    (Kind::Thread, "delete", ""),
    (Kind::Thread, "messages.create", r#"{"role":"user","content":"hello"}"#),
    (Kind::Thread, "messages.list", ""),
    (Kind::Thread, "messages.retrieve", ""),
    (Kind::Thread, "messages.update", r#"{"metadata":{}}"#),
    (Kind::Thread, "messages.delete", ""),
    (Kind::Run, "create", "a run"),
    (Kind::Run, "list", ""),
    (Kind::Run, "retrieve", ""),
    (Kind::Run, "update", r#"{"metadata":{}}"#),
    (Kind::Run, "cancel", ""),
    (Kind::Run, "submit_tool_outputs", r#"{"tool_outputs":[]}"#),
    (Kind::Run, "steps.list", ""),
    (Kind::Run, "steps.retrieve", ""),
    (Kind::Video, "create", r#"{"prompt":"elephants"}"#),
    (Kind::Video, "list", ""),
    (Kind::Video, "retrieve", ""),
    (Kind::Video, "delete", ""),
    (Kind::Video, "content", ""),
    (Kind::Video, "remix", r#"{"prompt":"more"}"#),
    (Kind::Container, "retrieve", ""),
    (Kind::Container, "delete", ""),
    (Kind::Container, "files.list", ""),
    (Kind::Container, "files.retrieve", ""),
    (Kind::Container, "files.delete", ""),
    (Kind::Container, "files.content", ""),
];

/// The row of a verb. A verb without one fails.
fn body_of(route: &Route) -> Option<Value> {
    let row = ROWS.iter().find(|(kind, name, _)| (*kind, *name) == (route.kind, route.name));
    let (_, _, body) = row.unwrap_or_else(|| panic!("{route:?} has no row"));
    serde_json::from_str(body).ok()
}

fn path_of(route: &Route, id: &str) -> String {
    let segments = route.path.iter().map(|part| match *part {
        "THREAD" => id.split('|').next().unwrap_or(id),
        "ID" => id.split('|').next_back().unwrap_or(id),
        "*" => "sub-1",
        part => part,
    });
    std::iter::once(path(route.kind).as_str()).chain(segments).collect::<Vec<_>>().join("/")
}

#[test]
fn every_verb_has_a_row_and_every_row_a_verb() {
    assert_eq!(ROWS.len(), ROUTES.len());
    for route in &ROUTES {
        body_of(route);
    }
    for (kind, name, _) in ROWS {
        assert!(
            ROUTES.iter().any(|route| route.kind == kind && route.name == name),
            "{kind} {name}"
        );
    }
    for kind in Kind::ALL.iter().copied() {
        assert!(ROUTES.iter().any(|route| route.kind == kind), "{kind} has no routes");
    }
}

#[tokio::test]
async fn the_second_attendee_gets_404_on_the_firsts_ids_by_every_verb() {
    let world = World::event("second").in_memory().keeping().start().await;
    let elsewhere = World::event("elsewhere").in_memory().keeping().start().await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    let namesake = elsewhere.attendee("ada").await;
    let mut tried = 0;
    for route in &ROUTES {
        let mut body = body_of(route);
        if route.kind == Kind::Run && route.action == Action::Start {
            body = Some(json!({"assistant_id": ada.own(Kind::Assistant).await}));
        }
        let call = |who, id: &str| {
            let (path, body): (String, Option<Value>) = (path_of(route, id), body.clone());
            let who: &crate::support::attendee::Attendee = who;
            let who = who.clone();
            async move { who.call(route.method.clone(), &path, body.as_ref()).await }
        };
        let name = format!("{} {}", route.kind, route.name);
        match route.action {
            Action::Create => {
                let id = ada.own(route.kind).await;
                assert!(world.azure().kept().contains(&id), "{name}");
            }
            // A top-level creation has no id in its path.
            Action::Start if !route.path.iter().any(|part| ["ID", "THREAD"].contains(part)) => {
                let made = call(&ada, "").await.assert_ok().json();
                let id = made["id"].as_str().unwrap().to_owned();
                assert!(world.azure().kept().contains(&id), "{name}");
            }
            Action::List => {
                let id = ada.own(route.kind).await;
                let own = call(&ada, "").await;
                assert!(own.assert_ok().text().contains(&id), "{name}");
                for other in [&bob, &namesake] {
                    let list = call(other, "").await.assert_ok().json();
                    assert_eq!((&list["data"], &list["has_more"]), (&json!([]), &json!(false)));
                }
            }
            Action::Poll
            | Action::Read
            | Action::Download
            | Action::Change
            | Action::Extend
            | Action::Start
            | Action::Resume
            | Action::Delete => {
                let id = ada.own(route.kind).await;
                let calls = world.azure().calls();
                let unknown = call(&bob, "never-was").await;
                unknown.assert_refused(404, "object_not_found");
                let responses = [
                    call(&bob, &id).await,
                    call(&namesake, &id).await,
                    call(&ada, "never-was").await,
                    call(&ada, "..").await,
                    call(&ada, "a%2fb").await,
                    call(&ada, &id.to_uppercase()).await,
                    call(&ada, &"x".repeat(129)).await,
                ];
                for response in responses {
                    assert_eq!(response.status(), 404, "{name}");
                    assert_eq!(response.text(), unknown.text(), "{name}");
                }
                assert_eq!(world.azure().calls(), calls, "{name} reached Azure");
                let one = id.split('|').next_back().unwrap();
                assert!(world.azure().kept().iter().any(|kept| kept == one), "{name}");
                let own = call(&ada, &id).await;
                assert_eq!(own.status(), 200, "{name}: {}", own.line());
                // A video that is made anew is first asked how long it is, and what is deleted, what
                // it came to.
                let is_deleted = route.action == Action::Delete
                    && [Kind::Thread, Kind::Video].contains(&route.kind);
                let looks = usize::from(route.name == "remix" || is_deleted);
                assert_eq!(world.azure().calls(), calls + 1 + looks, "{name}");
                let sent = world.azure().requests().pop().unwrap();
                assert_eq!(sent.method, route.method, "{name}");
                assert!(sent.path().contains(id.split('|').next().unwrap()), "{name}");
                tried += 1;
            }
        }
    }
    assert_eq!(tried, 57);
    world.end_jobs().await;
    world.settle().await;
    elsewhere.settle().await;
}

#[tokio::test]
async fn every_method_is_refused_at_an_event_that_stores_nothing() {
    let world = World::event("nothing").in_memory().keeping().with(|e| e.keeps_objects = false);
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    for route in &ROUTES {
        let path = path_of(route, "x-1");
        let response = ada.call(route.method.clone(), &path, body_of(route).as_ref()).await;
        response.assert_refused(403, "objects_not_kept");
        assert_eq!(response.header("x-should-retry"), Some("false"));
    }
    assert_eq!((world.azure().calls(), world.settle().await.requests), (0, 0));
}

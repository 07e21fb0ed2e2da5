//! Events whose attendees the organiser lists.

use lanyard_domain::access::Access;
use serde_json::json;

use crate::support::World;

#[tokio::test]
async fn only_listed_users_are_admitted_and_others_take_no_seat() {
    let world =
        World::event("roster").seats(2).with(|event| event.access = Access::Roster).start().await;
    let (ada, bob) = (world.attendee("Ada").await, world.attendee("bob").await);
    let said =
        world.organise("PUT", "/roster", json!({"users": ["ada", "team/x", "ADA"]}), 200).await;
    assert_eq!(said, json!({"users": 2, "added": 2, "removed": 0}));
    ada.chat("hello").await.assert_ok();
    for _ in 0..3 {
        bob.chat("hello").await.assert_refused(403, "not_on_roster");
    }
    bob.send(bob.get("/api/v1/models")).await.assert_refused(403, "not_on_roster");
    ada.send(ada.get("/api/v1/event")).await.assert_ok();

    let said = world.organise("PUT", "/roster", json!({"users": ["bob", "team/x"]}), 200).await;
    assert_eq!(said, json!({"users": 2, "added": 1, "removed": 1}));
    ada.chat("hello").await.assert_refused(403, "not_on_roster");
    bob.chat("hello").await.assert_ok();
    world.organise("DELETE", "/roster/team%2Fx", json!({}), 200).await;
    world.organise("DELETE", "/roster/team%2Fx", json!({}), 404).await;
    let listed = world.organise("GET", "/roster", json!(null), 200).await;
    assert_eq!(listed["users"].as_array().unwrap().len(), 1);
    assert_eq!(listed["users"][0]["user"], "bob");
    assert_eq!(world.settle().await.requests, 2);
}

#[tokio::test]
async fn a_roster_of_hundreds_is_written_and_paged() {
    let world =
        World::event("roster-only").with(|event| event.access = Access::Roster).start().await;
    let users: Vec<_> = (0..900).map(|i| format!("user-{i:05}")).collect();
    world.organise("PUT", "/roster", json!({"users": users}), 200).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page =
            world.organise("GET", &format!("/roster?limit=100{cursor}"), json!(null), 200).await;
        let names = page["users"].as_array().unwrap().iter();
        seen.extend(names.map(|user| user["user"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, users);
    let many: Vec<_> = (0..5_001).map(|i| i.to_string()).collect();
    world.organise("PUT", "/roster", json!({"users": many}), 400).await;
    world.organise("PUT", "/roster", json!({"users": ["ok", "", 5]}), 400).await;
    world.settle().await;
}

#[tokio::test]
async fn a_page_finds_listed_users_behind_many_others() {
    let world = World::event("gaps").with(|event| event.access = Access::Roster).start().await;
    let users = ["a", "b", "c", "d", "e"];
    world.organise("PUT", "/roster", json!({"users": users}), 200).await;
    // The account stays, the name on the roster does not.
    world.organise("DELETE", "/roster/c", json!({}), 200).await;
    for limit in 1..=5 {
        let (mut seen, mut cursor) = (String::new(), String::new());
        loop {
            let path = format!("/roster?limit={limit}{cursor}");
            let page = world.organise("GET", &path, json!(null), 200).await;
            let names = page["users"].as_array().unwrap().iter();
            seen.extend(names.map(|user| user["user"].as_str().unwrap()));
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, "abde", "by pages of {limit}");
    }
    world.settle().await;
}

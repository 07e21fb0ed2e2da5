//! Signed tokens: issued, used in every place of a credential, and revoked.

use chrono::TimeDelta;
use lanyard_domain::access::Access;
use serde_json::json;

use crate::support::World;

const CHAT: &str = "/api/v1/chat/completions";

#[tokio::test]
async fn a_token_is_a_credential_wherever_a_code_is() {
    let world = World::event("token").start().await;
    let (token, _) = world.token("Ada").await;
    for name in ["openai-event-code", "api-key", "authorization"] {
        let value = if name == "authorization" { format!("Bearer {token}") } else { token.clone() };
        let request = http::Request::post(CHAT)
            .header(name, value)
            .header("x-user-id", "somebody-else")
            .body(r#"{"messages":[]}"#.into());
        world.send(request.unwrap()).await.assert_ok();
    }
    let totals = world.settle().await;
    assert!(totals.records.iter().all(|record| record.user.as_str() == "ada"));
    assert_eq!(totals.requests, 3);
}

#[tokio::test]
async fn a_bad_token_gets_the_bytes_of_a_bad_code() {
    let (world, other) = (World::event("mine").start().await, World::event("other").start().await);
    let bad_code = world.chat_as("no-such-code/ada").await;
    bad_code.assert_refused(401, "invalid_event_code");
    let (foreign, _) = other.token("ada").await;
    let (token, jti) = world.token("ada").await;
    let (short, _) = {
        let body = json!({"user": "ada", "days": 1});
        let issued = world.organise("POST", "/tokens", body, 201).await;
        (issued["token"].as_str().unwrap().to_owned(), ())
    };
    let forged =
        token.replace(token.rsplit('.').next().unwrap(), foreign.rsplit('.').next().unwrap());
    let header = token.split('.').next().unwrap();
    for odd in [&foreign, &forged, header, &format!("{header}.."), &format!("{token}x")] {
        assert_eq!(world.chat_as(odd).await.line(), bad_code.line(), "{odd}");
    }
    world.organise("DELETE", &format!("/tokens/{jti}"), json!({}), 200).await;
    world.wait(TimeDelta::seconds(6));
    assert_eq!(world.chat_as(&token).await.line(), bad_code.line());
    world.chat_as(&short).await.assert_ok();
    world
        .change_event(|event| {
            let (start, end) = (event.window.starts_at(), event.window.ends_at());
            event.window =
                lanyard_gateway::testing::a_window(start, end + TimeDelta::days(9), "UTC");
        })
        .await;
    world.wait(TimeDelta::days(1));
    assert_eq!(world.chat_as(&short).await.line(), bad_code.line());
    assert_eq!(world.azure().calls(), 1);
    world.settle().await;
    other.settle().await;
}

#[tokio::test]
async fn tokens_are_listed_without_themselves_and_revoked_all_at_once() {
    let world = World::event("list").start().await;
    let (first, jti) = world.token("ada").await;
    let (second, _) = world.token("bob").await;
    world.organise("DELETE", &format!("/tokens/{jti}"), json!({}), 200).await;
    world.organise("DELETE", "/tokens/tok_none", json!({}), 404).await;
    let listed = world.organise("GET", "/tokens", json!(null), 200).await;
    let tokens = listed["tokens"].as_array().unwrap();
    assert_eq!(tokens.len(), 2);
    let of = |user: &str| tokens.iter().find(|token| token["user"] == user).unwrap();
    assert_eq!((&of("ada")["revoked"], &of("bob")["revoked"]), (&json!(true), &json!(false)));
    assert!(!listed.to_string().contains("eyJ"));
    world.chat_as(&second).await.assert_ok();
    world.organise("DELETE", "/tokens", json!({}), 200).await;
    world.wait(TimeDelta::seconds(6));
    world.chat_as(&second).await.assert_refused(401, "invalid_event_code");
    world.settle().await;
    for item in world.table_items().await {
        let text = format!("{item:?}");
        assert!(!text.contains(&first) && !text.contains(&second));
    }
}

#[tokio::test]
async fn a_token_obeys_the_window_the_pause_and_the_block_and_needs_no_roster() {
    let world = World::event("obey").with(|event| event.access = Access::Roster).start().await;
    let (token, _) = world.token("ada").await;
    world.chat_as(&token).await.assert_ok();
    world.organise("PATCH", "/attendees/ada", json!({"blocked": true}), 200).await;
    world.chat_as(&token).await.assert_refused(403, "attendee_blocked");
    world.organise("PATCH", "/attendees/ada", json!({"blocked": false}), 200).await;
    world.organise("POST", "/pause", json!({}), 200).await;
    world.wait(TimeDelta::seconds(6));
    world.chat_as(&token).await.assert_refused(403, "event_paused");
    world.organise("POST", "/resume", json!({}), 200).await;
    world.organise("POST", "/end", json!({}), 200).await;
    world.wait(TimeDelta::seconds(6));
    world.chat_as(&token).await.assert_refused(403, "event_ended");
    world.settle().await;
}

#[tokio::test]
async fn odd_tokens_are_not_issued() {
    let world = World::event("issue").start().await;
    for body in [
        json!({}),
        json!({"user": ""}),
        json!({"user": "ada", "days": 0}),
        json!({"user": "ada", "days": 367}),
        json!({"user": "ada", "days": 1, "expires_at": "2026-12-06T00:00:00Z"}),
        json!({"user": "ada", "expires_at": "2026-12-05T11:59:59Z"}),
        json!({"user": "ada", "expires_at": "2026-12-06"}),
        json!({"user": "ada", "scope": "all"}),
    ] {
        let refused = world.organise("POST", "/tokens", body, 400).await;
        assert!(!refused["error"]["details"].as_array().unwrap().is_empty());
    }
    world.settle().await;
}

#[tokio::test]
async fn a_token_expires_at_a_local_time_of_its_event() {
    let world = World::event("local-expiry");
    let world = world.window("2026-12-05T08:00:00Z", "2026-12-05T18:00:00Z", "Europe/Oslo");
    let world = world.start().await;
    for expires_at in ["2026-12-06T10:00", "2026-12-06T10:00:00+0100", "2026-12-06T09:00Z"] {
        let body = json!({"user": "ada", "expires_at": expires_at});
        let issued = world.organise("POST", "/tokens", body, 201).await;
        assert_eq!(issued["expires_at"], "2026-12-06T09:00:00Z", "{expires_at}");
    }
    world.settle().await;
}

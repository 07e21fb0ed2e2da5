//! What attendees do beside calling models, and their organiser.

use bytes::Bytes;
use lanyard_administration::direct::{DirectCall, direct};
use serde_json::{Value, json};

use super::attendee::Attendee;
use super::{TestResponse, World};

impl World {
    /// A call of the event's organiser; fails unless the response has this status.
    pub(crate) async fn organise(
        &self,
        method: &str,
        path: &str,
        body: Value,
        status: u16,
    ) -> Value {
        let call = DirectCall {
            method: method.to_owned(),
            path: format!("/events/{}{path}", self.id()),
            organiser: Some("organiser".to_owned()),
            body: Some(body),
        };
        let response = direct(&self.admin(), call).await.expect("the machine has randomness");
        assert_eq!(response.status, status, "{method} {path}: {}", response.body);
        response.body
    }

    /// A signed token for a user.
    pub(crate) async fn token(&self, user: &str) -> (String, String) {
        let issued = self.organise("POST", "/tokens", json!({"user": user}), 201).await;
        let text = |name: &str| issued[name].as_str().expect("is text").to_owned();
        (text("token"), text("jti"))
    }

    /// Sends a chat with any credential.
    pub(crate) async fn chat_as(&self, credential: &str) -> TestResponse {
        let body = super::attendee::chat("hello").to_string();
        let request = http::Request::post(super::attendee::CHAT)
            .header("authorization", format!("Bearer {credential}"))
            .header("content-type", "application/json")
            .body(Bytes::from(body));
        self.send(request.expect("the credential is plain")).await
    }
}

impl Attendee {
    /// Registers with a proof.
    pub(crate) async fn register(&self, world: &World, proof: &str) -> TestResponse {
        let path = format!("/api/event/{}/register", world.id());
        self.send(self.post(&path, json!({"proof": proof}).to_string())).await
    }

    /// Rates a response.
    pub(crate) async fn rate(&self, id: &str, body: Value) -> TestResponse {
        self.send(self.post(&format!("/api/v1/responses/{id}/rate"), body.to_string())).await
    }

    /// Sends a chat in a session.
    pub(crate) async fn chat_in(&self, session: &str) -> TestResponse {
        let body = super::attendee::chat("hello").to_string();
        let mut request = self.post(super::attendee::CHAT, body);
        request.headers_mut().insert("x-session-id", session.parse().expect("is plain"));
        self.send(request).await
    }
}

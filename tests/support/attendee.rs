//! An attendee, and their requests.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::{Stream, TestResponse, World, canary};

/// An attendee of the world's event.
#[derive(Clone)]
pub(crate) struct Attendee {
    world: World,
    user: String,
    /// A signed token, used in place of the code.
    signed: Option<String>,
}

/// The path that most clients use.
pub(crate) const CHAT: &str = "/api/v1/chat/completions";
/// The path of embeddings.
pub(crate) const EMBEDDINGS: &str = "/api/v1/embeddings";

impl World {
    /// An attendee of this name, without a seat yet.
    pub(crate) async fn attendee(&self, user: &str) -> Attendee {
        Attendee { world: self.clone(), user: user.to_owned(), signed: None }
    }

    /// An attendee of this name with a signed token.
    pub(crate) async fn signed(&self, user: &str) -> Attendee {
        let (token, _) = self.token(user).await;
        // The event is read again with the key that signed it.
        self.wait(chrono::TimeDelta::seconds(6));
        Attendee { world: self.clone(), user: user.to_owned(), signed: Some(token) }
    }
}

impl Attendee {
    /// The credential.
    pub(crate) fn token(&self) -> String {
        let shared = || format!("{}/{}", self.world.code(), self.user);
        self.signed.clone().unwrap_or_else(shared)
    }

    /// A request with the seed's credential header and a JSON body.
    pub(crate) fn post(&self, path: &str, body: impl Into<Bytes>) -> http::Request<Bytes> {
        let request = http::Request::post(path)
            .header("openai-event-code", self.token())
            .header(CONTENT_TYPE, "application/json")
            .body(body.into());
        request.expect("the path and the credential are well formed")
    }

    /// A request without a body.
    pub(crate) fn get(&self, path: &str) -> http::Request<Bytes> {
        let request = http::Request::get(path).header("openai-event-code", self.token());
        request.body(Bytes::new()).expect("the path and the credential are well formed")
    }

    /// Sends anything.
    pub(crate) async fn send(&self, request: http::Request<Bytes>) -> TestResponse {
        self.world.send(request).await
    }

    /// Calls the model and waits for the complete response.
    pub(crate) async fn chat(&self, text: &str) -> TestResponse {
        self.send(self.post(CHAT, chat(text).to_string())).await
    }

    /// Asks the model for a stream.
    pub(crate) async fn chat_stream(&self, text: &str) -> Stream {
        self.chat_stream_with(text, json!({})).await
    }

    /// Asks the model for a stream, with further fields.
    pub(crate) async fn chat_stream_with(&self, text: &str, fields: Value) -> Stream {
        let mut body = chat(text);
        body["stream"] = json!(true);
        for (name, value) in fields.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        self.world.open(self.post(CHAT, body.to_string())).await
    }

    /// Asks for embeddings.
    pub(crate) async fn embed(&self, input: Value) -> TestResponse {
        self.send(self.post(EMBEDDINGS, json!({"input": input}).to_string())).await
    }
}

/// The body of a chat with one message, which contains the canary prompt.
pub(crate) fn chat(text: &str) -> Value {
    let content = format!("{text} {}", canary::PROMPT);
    json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": content}]})
}

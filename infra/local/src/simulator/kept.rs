//! What the simulated resource keeps, in memory: stored responses, conversations, files and vector
//! stores, assistants, videos and containers. As at Azure, every caller who names an id gets the object.

mod assistants;
mod containers;
mod responses;
mod stores;
mod videos;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::request::Parts;
use serde_json::{Value, json};

use self::assistants::Assistants;
use self::containers::Container;
use self::responses::Stored;
use self::stores::Store;
use self::videos::Videos;
use super::cache;
use super::fields::{self, Object};
use super::refusal::Refusal;
use super::response::{Body, SimulatedResponse};
use super::responses::items::items;
use super::route::has_key;
use super::stamp::Stamp;

/// Everything that is kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The id of the resource.
    resource: String,
    /// The prompts that were read.
    pub(super) prompts: cache::Prompts,
    responses: BTreeMap<String, Stored>,
    conversations: BTreeMap<String, Conversation>,
    files: BTreeMap<String, (Value, Bytes)>,
    stores: BTreeMap<String, Store>,
    containers: BTreeMap<String, Container>,
    assistants: Assistants,
    videos: Videos,
}

#[derive(Debug)]
struct Conversation {
    body: Value,
    items: Vec<Value>,
}

/// A response, or the refusal that Azure would send.
pub(super) type SimulatedResult = Result<SimulatedResponse, Refusal>;

impl Kept {
    /// Nothing yet, in a resource with an id of its own.
    pub(super) fn of(resource: String) -> Self {
        Self { resource, ..Self::default() }
    }

    /// The response to a request about kept objects; none to any other.
    pub(super) fn respond(
        &mut self,
        head: &Parts,
        body: &[u8],
        stamp: &Stamp,
    ) -> Option<SimulatedResponse> {
        let path = head.uri.path().strip_prefix("/openai/")?;
        let query = head.uri.query().unwrap_or_default();
        let path = match path.strip_prefix("v1/") {
            Some(path) => path,
            None if query.contains("api-version=") => path,
            None => return None,
        };
        let segments: Vec<&str> = path.split('/').collect();
        let kinds = [
            "responses",
            "conversations",
            "files",
            "vector_stores",
            "assistants",
            "threads",
            "videos",
            "containers",
        ];
        if !kinds.contains(&segments[0]) {
            return None;
        }
        if !has_key(&head.headers) {
            return Some(Refusal::Key.into());
        }
        let call = Call { method: head.method.as_str(), head, body, query, stamp };
        let answered = match segments[0] {
            "responses" => self.responses(&call, &segments[1..]),
            "conversations" => self.conversations(&call, &segments[1..]),
            "files" => self.files(&call, &segments[1..]),
            "assistants" => self.assistants.assistants(&call, &segments[1..]),
            "threads" => self.assistants.threads(&call, &segments[1..]),
            "containers" => self.containers(&call, &segments[1..]),
            "videos" => self.videos.respond(&call, &segments[1..]),
            _ => self.vector_stores(&call, &segments[1..]),
        };
        Some(answered.unwrap_or_else(SimulatedResponse::from))
    }

    fn conversations(&mut self, call: &Call<'_>, path: &[&str]) -> SimulatedResult {
        let (id, rest) = match path {
            [] if call.method == "POST" => {
                let body = call.object()?;
                let id = call.stamp.id("conv_");
                let conversation = Conversation {
                    body: json!({
                        "id": id, "object": "conversation", "created_at": call.stamp.created(),
                        "metadata": body.get("metadata").cloned().unwrap_or_else(|| json!({})),
                    }),
                    items: items(&body, "items", call.stamp)?,
                };
                let made = conversation.body.clone();
                self.conversations.insert(id, conversation);
                return buffered(&made);
            }
            [] => return Err(Refusal::Path),
            [id, rest @ ..] => (*id, rest),
        };
        let conversation = self.conversations.get_mut(id).ok_or(Refusal::Missing)?;
        match (call.method, rest) {
            ("GET", []) => buffered(&conversation.body),
            ("POST", []) => {
                conversation.body["metadata"] =
                    call.object()?.get("metadata").cloned().unwrap_or_default();
                buffered(&conversation.body)
            }
            ("DELETE", []) => {
                self.conversations.remove(id);
                buffered(&json!({"id": id, "object": "conversation.deleted", "deleted": true}))
            }
            ("POST", ["items"]) => {
                let items = items(&call.object()?, "items", call.stamp)?;
                conversation.items.extend(items.iter().cloned());
                buffered(&page(items, ""))
            }
            ("GET", ["items"]) => {
                let mut items = conversation.items.clone();
                if !call.query.contains("order=asc") {
                    items.reverse();
                }
                buffered(&page(items, call.query))
            }
            ("GET", ["items", item]) => {
                let found = conversation.items.iter().find(|one| one["id"] == **item);
                buffered(found.ok_or(Refusal::Missing)?)
            }
            ("DELETE", ["items", item]) => {
                conversation.items.retain(|one| one["id"] != **item);
                buffered(&conversation.body)
            }
            _ => Err(Refusal::Path),
        }
    }
}

/// A request about kept objects.
pub(super) struct Call<'c> {
    pub(super) method: &'c str,
    pub(super) head: &'c Parts,
    pub(super) body: &'c [u8],
    pub(super) query: &'c str,
    pub(super) stamp: &'c Stamp,
}

impl Call<'_> {
    /// The body, which may be absent.
    pub(super) fn object(&self) -> Result<Object, Refusal> {
        if self.body.is_empty() { Ok(Object::new()) } else { fields::object(self.body) }
    }
}

/// A response of JSON.
pub(super) fn buffered(value: &Value) -> SimulatedResult {
    Ok(SimulatedResponse::of(Body::Buffered(value.to_string().into()), "", 0))
}

/// The first of a list, as many as the query asks for.
pub(super) fn page(mut items: Vec<Value>, query: &str) -> Value {
    let limit = query.split('&').find_map(|pair| pair.strip_prefix("limit=")?.parse().ok());
    let limit: usize = limit.unwrap_or(20);
    let after = query.split('&').find_map(|pair| pair.strip_prefix("after="));
    if let Some(at) = after.and_then(|after| items.iter().position(|item| item["id"] == after)) {
        items.drain(..=at);
    }
    let has_more = items.len() > limit;
    items.truncate(limit);
    let id = |item: Option<&Value>| item.map(|item| item["id"].clone());
    json!({"object": "list", "first_id": id(items.first()), "last_id": id(items.last()),
        "has_more": has_more, "data": items})
}

#[cfg(test)]
pub(super) mod tests {
    use http::{Request, StatusCode};

    use super::*;

    /// What a request is answered.
    pub(in super::super) fn call(
        kept: &mut Kept,
        method: &str,
        path: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path).header("api-key", "k").body(());
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let stamp = Stamp::now(u64::try_from(body.len()).unwrap());
        let response = kept.respond(&request.unwrap().into_parts().0, &body, &stamp).unwrap();
        let Body::Buffered(bytes) = response.body else { panic!("a stream was not asked for") };
        (response.status, serde_json::from_slice(&bytes).unwrap())
    }

    #[test]
    fn a_conversation_grows_by_its_responses() {
        let mut kept = Kept::default();
        let made = call(&mut kept, "POST", "/openai/v1/conversations", &json!({})).1;
        let ask = json!({"model": "gpt-4o-mini", "input": "Hello", "conversation": made["id"]});
        for _ in 0..2 {
            call(&mut kept, "POST", "/openai/v1/responses", &ask);
        }
        let id = made["id"].as_str().unwrap();
        let items = format!("/openai/v1/conversations/{id}/items?order=asc&limit=3");
        let page = call(&mut kept, "GET", &items, &Value::Null).1;
        assert_eq!((page["data"].as_array().unwrap().len(), &page["has_more"]), (3, &json!(true)));
    }
}

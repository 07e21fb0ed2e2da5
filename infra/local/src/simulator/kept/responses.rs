//! Responses: made, stored, and read again.

use serde_json::{Value, json};

use super::super::catalog;
use super::super::fields::{self, Object};
use super::super::refusal::Refusal;
use super::super::response::{Body, SimulatedResponse};
use super::super::responses::{Made, Maker, items, seal};
use super::{Call, Kept, SimulatedResult, buffered, page};

/// A stored response, with what was said up to it.
#[derive(Debug)]
pub(super) struct Stored {
    body: Value,
    input: Vec<Value>,
    said: Vec<Value>,
}

/// A request that was understood.
struct Asked {
    body: Object,
    /// Its items, with ids.
    input: Vec<Value>,
    /// Everything up to it, its own items included.
    said: Vec<Value>,
    conversation: Option<String>,
}

impl Kept {
    pub(super) fn responses(&mut self, call: &Call<'_>, path: &[&str]) -> SimulatedResult {
        match (call.method, path) {
            ("POST", []) => self.create(call),
            ("POST", ["compact"]) => self.compact(call),
            ("POST", ["input_tokens"]) => {
                let asked = self.asked(call)?;
                let made = self.make(call, &asked)?;
                let tokens = made.body["usage"]["input_tokens"].clone();
                buffered(&json!({"object": "response.input_tokens", "input_tokens": tokens}))
            }
            ("GET", [id]) => buffered(&self.responses.get(*id).ok_or(Refusal::Missing)?.body),
            ("DELETE", [id]) => {
                self.responses.remove(*id).ok_or(Refusal::Missing)?;
                buffered(&json!({"id": id, "object": "response", "deleted": true}))
            }
            ("POST", [id, "cancel"]) => {
                self.responses.get(*id).ok_or(Refusal::Missing)?;
                Err(Refusal::invalid("Only responses in the background can be cancelled."))
            }
            ("GET", [id, "input_items"]) => {
                let stored = self.responses.get(*id).ok_or(Refusal::Missing)?;
                buffered(&page(stored.input.iter().rev().cloned().collect(), call.query))
            }
            _ => Err(Refusal::Path),
        }
    }

    fn create(&mut self, call: &Call<'_>) -> SimulatedResult {
        let asked = self.asked(call)?;
        let mut made = self.make(call, &asked)?;
        self.interpret(call, &asked.body, &mut made)?;
        let Asked { body, input, mut said, conversation } = asked;
        said.extend(made.output.iter().cloned());
        if let Some(talk) = conversation.and_then(|id| self.conversations.get_mut(&id)) {
            talk.items.extend(input.iter().chain(&made.output).cloned());
        }
        if fields::given(&body, "store") != Some(&Value::Bool(false)) {
            let id = made.body["id"].as_str().unwrap_or_default().to_owned();
            self.responses.insert(id, Stored { body: made.body.clone(), input, said });
        }
        let tokens = made.body["usage"]["total_tokens"].as_u64().unwrap_or_default();
        let tokens = usize::try_from(tokens).unwrap_or_default();
        let response = match fields::flag(&body, "stream")? {
            true => Body::Frames(Box::new(made.events().into_iter())),
            false => Body::Buffered(made.body.to_string().into()),
        };
        let deployment = fields::text(&body, "model")?.unwrap_or_default();
        Ok(SimulatedResponse::of(response, deployment, tokens))
    }

    /// Reads a request, with what was said before it.
    fn asked(&self, call: &Call<'_>) -> Result<Asked, Refusal> {
        let body = fields::object(call.body)?;
        let mut said = Vec::new();
        if let Some(id) = fields::text(&body, "previous_response_id")? {
            let stored = self.responses.get(id);
            said.clone_from(&stored.ok_or_else(|| previous_is_missing(id))?.said);
        }
        let conversation = match fields::given(&body, "conversation") {
            None => None,
            Some(given) => {
                let id = given.as_str().or(given["id"].as_str()).unwrap_or_default();
                let talk = self.conversations.get(id).ok_or(Refusal::Missing)?;
                said.extend(talk.items.iter().cloned());
                Some(id.to_owned())
            }
        };
        let mut input = items::items(&body, "input", call.stamp)?;
        if input.is_empty() {
            return Err(Refusal::missing("input"));
        }
        items::resolve(&body, &mut input, |id| self.item(id))?;
        said.extend(input.iter().cloned());
        items::check(&said, &self.resource)?;
        Ok(Asked { body, input, said, conversation })
    }

    /// A stored item by its id.
    fn item(&self, id: &str) -> Option<&Value> {
        let responses = self.responses.values().flat_map(|stored| &stored.said);
        let conversations = self.conversations.values().flat_map(|talk| &talk.items);
        responses.chain(conversations).find(|item| item["id"] == id)
    }

    fn make(&mut self, call: &Call<'_>, asked: &Asked) -> Result<Made, Refusal> {
        let model = fields::text(&asked.body, "model")?;
        let model = model.ok_or_else(|| Refusal::missing("model"))?;
        let model = catalog::find(model, catalog::Operation::Chat)?;
        let mut maker = Maker {
            model,
            resource: &self.resource,
            prompts: &mut self.prompts,
            stamp: call.stamp,
        };
        maker.make(&asked.body, &asked.said)
    }

    /// The user's messages, and one item in place of all the rest.
    fn compact(&mut self, call: &Call<'_>) -> SimulatedResult {
        let asked = self.asked(call)?;
        let made = self.make(call, &asked)?;
        let users = asked.input.into_iter().filter(|item| item["role"] == "user");
        let mut output: Vec<_> = users.collect();
        let id = call.stamp.id("cmp_");
        output.push(json!({
            "type": "compaction", "encrypted_content": seal::seal(&self.resource, &id), "id": id,
        }));
        buffered(&json!({
            "id": call.stamp.id("resp_"), "object": "response.compaction",
            "created_at": call.stamp.created(), "output": output, "usage": made.body["usage"],
        }))
    }
}

fn previous_is_missing(id: &str) -> Refusal {
    let message = format!("Previous response with id '{id}' not found.");
    Refusal::field("previous_response_id", Some("previous_response_not_found"), message)
}

#[cfg(test)]
mod tests;

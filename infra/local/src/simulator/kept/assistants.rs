//! Simulated assistants, their threads and messages.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::catalog::{self, Operation};
use super::super::fields::{self, Object};
use super::super::refusal::Refusal;
use super::super::response::{Body, SimulatedResponse};
use super::super::stamp::Stamp;
use super::super::work::Run;
use super::{Call, SimulatedResult, buffered, page};

/// The assistants and the threads of a resource.
#[derive(Debug, Default)]
pub(super) struct Assistants {
    assistants: BTreeMap<String, Value>,
    threads: BTreeMap<String, Thread>,
}

#[derive(Debug)]
struct Thread {
    body: Value,
    /// In the order in which they were said.
    messages: Vec<Value>,
    runs: Vec<Run>,
}

/// The fields of an assistant that a request can set, at its creation and later.
const ASSISTANT: [&str; 10] = [
    "model",
    "name",
    "description",
    "instructions",
    "tools",
    "tool_resources",
    "metadata",
    "temperature",
    "top_p",
    "response_format",
];

impl Assistants {
    /// Answers a request about assistants.
    pub(super) fn assistants(&mut self, call: &Call<'_>, path: &[&str]) -> SimulatedResult {
        match (call.method, path) {
            ("POST", []) => {
                let body = call.object()?;
                let model = fields::text(&body, "model")?;
                catalog::find(model.ok_or_else(|| Refusal::missing("model"))?, Operation::Chat)?;
                let id = call.stamp.id("asst_");
                let mut made = json!({
                    "id": id, "object": "assistant", "created_at": call.stamp.created(),
                    "name": null, "description": null, "instructions": null, "tools": [],
                    "tool_resources": {}, "metadata": {}, "temperature": 1.0, "top_p": 1.0,
                    "response_format": "auto",
                });
                change(&mut made, &body, &ASSISTANT);
                self.assistants.insert(id, made.clone());
                buffered(&made)
            }
            ("GET", []) => {
                buffered(&page(self.assistants.values().rev().cloned().collect(), call.query))
            }
            ("GET", [id]) => buffered(self.assistants.get(*id).ok_or(Refusal::Missing)?),
            ("POST", [id]) => {
                let assistant = self.assistants.get_mut(*id).ok_or(Refusal::Missing)?;
                let body = call.object()?;
                if let Some(model) = fields::text(&body, "model")? {
                    catalog::find(model, Operation::Chat)?;
                }
                change(assistant, &body, &ASSISTANT);
                buffered(assistant)
            }
            ("DELETE", [id]) => {
                self.assistants.remove(*id).ok_or(Refusal::Missing)?;
                buffered(&json!({"id": id, "object": "assistant.deleted", "deleted": true}))
            }
            _ => Err(Refusal::Path),
        }
    }

    /// Answers a request about threads, and what is below them.
    pub(super) fn threads(&mut self, call: &Call<'_>, path: &[&str]) -> SimulatedResult {
        match (call.method, path) {
            ("POST", []) => {
                let thread = Thread::begin(&call.object()?, call.stamp)?;
                let made = thread.body.clone();
                self.keep(thread);
                buffered(&made)
            }
            ("POST", ["runs"]) => {
                let body = call.object()?;
                let said = fields::given(&body, "thread").and_then(Value::as_object).cloned();
                let thread = Thread::begin(&said.unwrap_or_default(), call.stamp)?;
                let made = thread.body.clone();
                let id = self.keep(thread);
                self.run(call, &id, &body, Some(made))
            }
            ("POST", [id, "runs"]) => self.run(call, id, &call.object()?, None),
            ("DELETE", [id]) => {
                self.threads.remove(*id).ok_or(Refusal::Missing)?;
                buffered(&json!({"id": id, "object": "thread.deleted", "deleted": true}))
            }
            (_, [id, rest @ ..]) => {
                self.threads.get_mut(*id).ok_or(Refusal::Missing)?.respond(call, rest)
            }
            _ => Err(Refusal::Path),
        }
    }

    fn keep(&mut self, thread: Thread) -> String {
        let id = thread.body["id"].as_str().unwrap_or_default().to_owned();
        self.threads.insert(id.clone(), thread);
        id
    }

    fn run(
        &mut self,
        call: &Call<'_>,
        thread: &str,
        body: &Object,
        made: Option<Value>,
    ) -> SimulatedResult {
        let assistant = fields::text(body, "assistant_id")?;
        let assistant = assistant.ok_or_else(|| Refusal::missing("assistant_id"))?;
        let assistant = self.assistants.get(assistant).ok_or(Refusal::Missing)?;
        let thread = self.threads.get_mut(thread).ok_or(Refusal::Missing)?;
        // Runs that were started before are done now, as if time had passed.
        for run in &mut thread.runs {
            while !run.is_idle() {
                thread.messages.extend(run.advance(call.stamp));
            }
        }
        let more = fields::given(body, "additional_messages").and_then(Value::as_array);
        for (index, said) in more.into_iter().flatten().enumerate() {
            let message = thread.message(said.as_object(), index, call.stamp)?;
            thread.messages.push(message);
        }
        let id = thread.body["id"].as_str().unwrap_or_default();
        let mut run = Run::begin(body, assistant, id, &thread.messages, call.stamp)?;
        if !fields::flag(body, "stream")? {
            let shown = run.body.clone();
            thread.runs.push(run);
            return buffered(&shown);
        }
        let first = made.map(|thread| format!("event: thread.created\ndata: {thread}\n\n").into());
        let (events, message) = run.events(true, call.stamp);
        thread.messages.extend(message);
        thread.runs.push(run);
        Ok(streamed(first.into_iter().chain(events).collect()))
    }
}

fn streamed(events: Vec<Bytes>) -> SimulatedResponse {
    SimulatedResponse::of(Body::Frames(Box::new(events.into_iter())), "", 0)
}

impl Thread {
    fn begin(body: &Object, stamp: &Stamp) -> Result<Self, Refusal> {
        let given = |name: &str| fields::given(body, name).cloned().unwrap_or_else(|| json!({}));
        let mut thread = Self {
            body: json!({
                "id": stamp.id("thread_"), "object": "thread", "created_at": stamp.created(),
                "metadata": given("metadata"), "tool_resources": given("tool_resources"),
            }),
            messages: Vec::new(),
            runs: Vec::new(),
        };
        let said = fields::given(body, "messages").and_then(Value::as_array);
        for (index, said) in said.into_iter().flatten().enumerate() {
            let message = thread.message(said.as_object(), index, stamp)?;
            thread.messages.push(message);
        }
        Ok(thread)
    }

    fn message(
        &self,
        body: Option<&Object>,
        index: usize,
        stamp: &Stamp,
    ) -> Result<Value, Refusal> {
        let body = body.ok_or_else(|| Refusal::invalid("A message is an object."))?;
        let role = fields::text(body, "role")?.ok_or_else(|| Refusal::missing("role"))?;
        if !["user", "assistant"].contains(&role) {
            return Err(Refusal::unsupported("role", "'user' and 'assistant'"));
        }
        let text =
            |text: &Value| json!({"type": "text", "text": {"value": text, "annotations": []}});
        let content = match fields::given(body, "content") {
            None => return Err(Refusal::missing("content")),
            Some(Value::Array(parts)) => parts
                .iter()
                .map(|part| if part["type"] == "text" { text(&part["text"]) } else { part.clone() })
                .collect(),
            Some(said) => vec![text(said)],
        };
        let given = |name: &str| fields::given(body, name).cloned();
        Ok(json!({
            "id": stamp.id(&format!("msg_{}_{index}_", self.messages.len())),
            "object": "thread.message", "created_at": stamp.created(),
            "thread_id": self.body["id"], "status": "completed", "incomplete_details": null,
            "completed_at": stamp.created(), "incomplete_at": null, "role": role,
            "content": content, "assistant_id": null, "run_id": null,
            "attachments": given("attachments").unwrap_or_else(|| json!([])),
            "metadata": given("metadata").unwrap_or_else(|| json!({})),
        }))
    }

    fn respond(&mut self, call: &Call<'_>, path: &[&str]) -> SimulatedResult {
        match (call.method, path) {
            ("GET", []) => buffered(&self.body),
            ("POST", []) => {
                change(&mut self.body, &call.object()?, &["metadata", "tool_resources"]);
                buffered(&self.body)
            }
            ("POST", ["messages"]) => {
                let message = self.message(Some(&call.object()?), 0, call.stamp)?;
                self.messages.push(message.clone());
                buffered(&message)
            }
            ("GET", ["messages"]) => {
                let run = call.query.split('&').find_map(|pair| pair.strip_prefix("run_id="));
                let of_run = |message: &&Value| run.is_none_or(|run| message["run_id"] == run);
                let mut messages: Vec<Value> =
                    self.messages.iter().filter(of_run).cloned().collect();
                if !call.query.contains("order=asc") {
                    messages.reverse();
                }
                buffered(&page(messages, call.query))
            }
            (method, ["messages", id]) => {
                let at = self.messages.iter().position(|message| message["id"] == **id);
                let at = at.ok_or(Refusal::Missing)?;
                match method {
                    "DELETE" => {
                        self.messages.remove(at);
                        let deleted = json!({"id": id, "object": "thread.message.deleted",
                            "deleted": true});
                        return buffered(&deleted);
                    }
                    "POST" => change(&mut self.messages[at], &call.object()?, &["metadata"]),
                    "GET" => {}
                    _ => return Err(Refusal::Path),
                }
                buffered(&self.messages[at])
            }
            ("GET", ["runs"]) => {
                let runs = self.runs.iter().rev().map(|run| run.body.clone()).collect();
                buffered(&page(runs, call.query))
            }
            (_, ["runs", id, rest @ ..]) => self.work(call, id, rest),
            _ => Err(Refusal::Path),
        }
    }

    /// Answers a request about one run.
    fn work(&mut self, call: &Call<'_>, id: &str, path: &[&str]) -> SimulatedResult {
        let run = self.runs.iter_mut().find(|run| run.body["id"] == id);
        let run = run.ok_or(Refusal::Missing)?;
        match (call.method, path) {
            ("GET", []) => self.messages.extend(run.advance(call.stamp)),
            ("POST", []) => change(&mut run.body, &call.object()?, &["metadata"]),
            ("POST", ["cancel"]) => run.cancel(call.stamp)?,
            ("POST", ["submit_tool_outputs"]) => {
                let body = call.object()?;
                run.submit(&body, &self.messages, call.stamp)?;
                if fields::flag(&body, "stream")? {
                    let (events, message) = run.events(false, call.stamp);
                    self.messages.extend(message);
                    return Ok(streamed(events));
                }
            }
            ("GET", ["steps"]) => {
                return buffered(&page(run.steps.iter().rev().cloned().collect(), call.query));
            }
            ("GET", ["steps", id]) => {
                let step = run.steps.iter().find(|step| step["id"] == **id);
                return buffered(step.ok_or(Refusal::Missing)?);
            }
            _ => return Err(Refusal::Path),
        }
        buffered(&run.body)
    }
}

/// Takes over some fields of a body.
fn change(object: &mut Value, body: &Object, names: &[&str]) {
    for name in names {
        if let Some(value) = body.get(*name) {
            object[*name] = value.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::super::Kept;
    use super::super::tests::call;
    use super::*;

    const ASSISTANTS: &str = "/openai/v1/assistants";
    const THREADS: &str = "/openai/v1/threads";

    fn id(made: &Value) -> &str {
        made["id"].as_str().unwrap()
    }

    /// An assistant and a thread with one message.
    fn prepared(kept: &mut Kept, tools: &Value) -> (String, String) {
        let body = json!({"model": "gpt-4o-mini", "instructions": "Be kind.", "tools": tools});
        let assistant = call(kept, "POST", ASSISTANTS, &body).1;
        let said = json!({"messages": [{"role": "user", "content": "How is the weather?"}]});
        let thread = call(kept, "POST", THREADS, &said).1;
        (id(&assistant).to_owned(), format!("{THREADS}/{}", id(&thread)))
    }

    #[test]
    fn a_run_is_queued_at_work_and_done_as_it_is_looked_at() {
        let mut kept = Kept::default();
        let (assistant, thread) = prepared(&mut kept, &json!([]));
        let body = json!({"assistant_id": assistant});
        let run = call(&mut kept, "POST", &format!("{thread}/runs"), &body).1;
        assert_eq!((&run["status"], &run["usage"]), (&json!("queued"), &Value::Null));
        let one = format!("{thread}/runs/{}", id(&run));
        assert_eq!(call(&mut kept, "GET", &one, &Value::Null).1["status"], "in_progress");
        let done = call(&mut kept, "GET", &one, &Value::Null).1;
        assert_eq!(done["status"], "completed");
        assert!(done["usage"]["completion_tokens"].as_u64().unwrap() > 5);
        let messages = call(&mut kept, "GET", &format!("{thread}/messages"), &Value::Null).1;
        let text = messages["data"][0]["content"][0]["text"]["value"].as_str().unwrap();
        assert!(text.starts_with("[simulated]") && text.contains("It saw 2 messages"), "{text}");
        let steps = call(&mut kept, "GET", &format!("{one}/steps"), &Value::Null).1;
        assert_eq!(steps["data"][0]["type"], "message_creation");
        let late = call(&mut kept, "POST", &format!("{one}/cancel"), &Value::Null);
        assert_eq!(late.0, StatusCode::BAD_REQUEST);
    }

    #[test]
    fn a_run_waits_for_its_tools_and_can_be_stopped() {
        let mut kept = Kept::default();
        let tool = json!([{"type": "function", "function": {"name": "read_weather"}}]);
        let (assistant, thread) = prepared(&mut kept, &tool);
        let body = json!({"assistant_id": assistant});
        let runs = format!("{thread}/runs");
        let first = call(&mut kept, "POST", &runs, &body).1;
        let one = format!("{runs}/{}", id(&first));
        call(&mut kept, "GET", &one, &Value::Null);
        let waits = call(&mut kept, "GET", &one, &Value::Null).1;
        let calls = &waits["required_action"]["submit_tool_outputs"]["tool_calls"];
        let outputs = json!({"tool_outputs": [{"tool_call_id": calls[0]["id"], "output": "rain"}]});
        let outputs_path = format!("{one}/submit_tool_outputs");
        assert_eq!(call(&mut kept, "POST", &outputs_path, &outputs).1["status"], "queued");
        call(&mut kept, "GET", &one, &Value::Null);
        assert_eq!(call(&mut kept, "GET", &one, &Value::Null).1["status"], "completed");
        let second = call(&mut kept, "POST", &runs, &body).1;
        let cancel = format!("{runs}/{}/cancel", id(&second));
        assert_eq!(call(&mut kept, "POST", &cancel, &Value::Null).1["status"], "cancelled");
    }
}

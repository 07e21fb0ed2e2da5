//! A run of a simulated assistant: what it will say is known when it begins, and each look at it
//! takes it a step on, so that a client that polls sees it queued, at work and at its end.

use bytes::Bytes;
use serde_json::{Value, json};

use super::catalog::{self, Operation};
use super::chat::ChatRequest;
use super::completion::{Completion, Said};
use super::fields::{self, Object};
use super::refusal::Refusal;
use super::stamp::Stamp;

/// How long a run may take before it expires, in seconds.
const LIFE: u64 = 600;

/// A run, with what it will come to.
#[derive(Debug)]
pub(super) struct Run {
    /// The run as responses show it.
    pub(super) body: Value,
    /// What it has done so far.
    pub(super) steps: Vec<Value>,
    tokens: Vec<String>,
    said: Said,
    is_cut: bool,
    usage: Value,
}

impl Run {
    /// Begins to work on what was said in a thread.
    pub(super) fn begin(
        body: &Object,
        assistant: &Value,
        thread: &str,
        messages: &[Value],
        stamp: &Stamp,
    ) -> Result<Self, Refusal> {
        let of = |name: &str| fields::given(body, name).cloned();
        let model = of("model").unwrap_or_else(|| assistant["model"].clone());
        let instructions = of("instructions").unwrap_or_else(|| assistant["instructions"].clone());
        let tools = of("tools").unwrap_or_else(|| assistant["tools"].clone());
        let shown = json!({
            "id": stamp.id("run_"), "object": "thread.run", "created_at": stamp.created(),
            "thread_id": thread, "assistant_id": assistant["id"], "status": "queued",
            "required_action": null, "last_error": null, "incomplete_details": null,
            "expires_at": stamp.created() + LIFE, "started_at": null, "cancelled_at": null,
            "failed_at": null, "completed_at": null, "model": model,
            "instructions": instructions.as_str().unwrap_or_default(),
            "tools": if tools.is_array() { tools } else { json!([]) },
            "metadata": of("metadata").unwrap_or_else(|| json!({})), "usage": null,
            "temperature": of("temperature").unwrap_or_else(|| json!(1.0)),
            "top_p": of("top_p").unwrap_or_else(|| json!(1.0)),
            "max_prompt_tokens": of("max_prompt_tokens"),
            "max_completion_tokens": of("max_completion_tokens"),
            "truncation_strategy": {"type": "auto", "last_messages": null},
            "tool_choice": "auto", "parallel_tool_calls": true, "response_format": "auto",
        });
        let mut run = Self {
            body: shown,
            steps: Vec::new(),
            tokens: Vec::new(),
            said: Said::Text,
            is_cut: false,
            usage: json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}),
        };
        run.think(messages, &[], stamp)?;
        Ok(run)
    }

    /// Makes up what comes next, after these messages and what tools have said.
    fn think(
        &mut self,
        messages: &[Value],
        outputs: &[Value],
        stamp: &Stamp,
    ) -> Result<(), Refusal> {
        let model = self.body["model"].as_str().ok_or_else(|| Refusal::missing("model"))?;
        let model = catalog::find(model, Operation::Chat)?;
        let instructions = self.body["instructions"].as_str().filter(|text| !text.is_empty());
        let system = instructions.map(|text| json!({"role": "system", "content": text}));
        let mut said: Vec<Value> = system.into_iter().chain(messages.iter().map(as_chat)).collect();
        if let (Said::Call { name, .. }, false) = (&self.said, outputs.is_empty()) {
            let calls = outputs.iter().map(|output| {
                json!({"id": output["tool_call_id"], "type": "function",
                    "function": {"name": name, "arguments": self.tokens.concat()}})
            });
            said.push(json!({"role": "assistant", "content": null,
                "tool_calls": calls.collect::<Vec<_>>()}));
        }
        said.extend(outputs.iter().map(|output| {
            json!({"role": "tool", "tool_call_id": output["tool_call_id"],
                "content": output["output"]})
        }));
        let mut chat = Object::new();
        chat.insert("messages".to_owned(), said.into());
        if let Some(cap) = self.body["max_completion_tokens"].as_u64() {
            let cap = usize::try_from(cap).unwrap_or(usize::MAX).min(model.largest());
            chat.insert(model.facts().cap.name().to_owned(), cap.into());
        }
        let tools = self.body["tools"].as_array().into_iter().flatten();
        let tools: Vec<Value> = tools.filter(|tool| tool["type"] == "function").cloned().collect();
        if !tools.is_empty() {
            chat.insert("tools".to_owned(), tools.into());
        }
        let completion = Completion::compose(&ChatRequest::read(&chat, model)?, stamp);
        let choice = completion.choices.first().ok_or(Refusal::Path)?;
        self.tokens.clone_from(&choice.tokens);
        self.said = choice.said.clone();
        self.is_cut = choice.finish_reason == "length";
        let used = completion.usage();
        for field in ["prompt_tokens", "completion_tokens", "total_tokens"] {
            let sum = self.usage[field].as_u64().unwrap_or(0) + used[field].as_u64().unwrap_or(0);
            self.usage[field] = sum.into();
        }
        Ok(())
    }

    /// Whether the run makes no progress by itself: it has ended, or waits for the results of tools.
    pub(super) fn is_idle(&self) -> bool {
        !matches!(self.body["status"].as_str(), Some("queued" | "in_progress"))
    }

    /// Takes a step, and returns the message that it wrote, if it did.
    pub(super) fn advance(&mut self, stamp: &Stamp) -> Option<Value> {
        match self.body["status"].as_str() {
            Some("queued") => {
                self.body["status"] = "in_progress".into();
                self.body["started_at"] = stamp.created().into();
                None
            }
            Some("in_progress") => self.end(stamp),
            _ => None,
        }
    }

    fn end(&mut self, stamp: &Stamp) -> Option<Value> {
        let text = self.tokens.concat();
        if let Said::Call { name, id, .. } = &self.said {
            let call = json!({"id": id, "type": "function",
                "function": {"name": name, "arguments": text}});
            self.body["status"] = "requires_action".into();
            self.body["required_action"] = json!({"type": "submit_tool_outputs",
                "submit_tool_outputs": {"tool_calls": [call]}});
            let details = json!({"type": "tool_calls", "tool_calls": [call]});
            self.steps.push(self.step(details, "in_progress", stamp));
            return None;
        }
        let message = json!({
            "id": stamp.id("msg_"), "object": "thread.message", "created_at": stamp.created(),
            "thread_id": self.body["thread_id"], "run_id": self.body["id"],
            "assistant_id": self.body["assistant_id"], "role": "assistant",
            "status": if self.is_cut { "incomplete" } else { "completed" },
            "incomplete_details": self.is_cut.then(|| json!({"reason": "max_tokens"})),
            "completed_at": stamp.created(), "incomplete_at": null, "metadata": {},
            "content": [{"type": "text", "text": {"value": text, "annotations": []}}],
            "attachments": [],
        });
        let details = json!({"type": "message_creation",
            "message_creation": {"message_id": message["id"]}});
        self.steps.push(self.step(details, "completed", stamp));
        self.body["usage"] = self.usage.clone();
        if self.is_cut {
            self.body["status"] = "incomplete".into();
            self.body["incomplete_details"] = json!({"reason": "max_completion_tokens"});
        } else {
            self.body["status"] = "completed".into();
            self.body["completed_at"] = stamp.created().into();
        }
        Some(message)
    }

    fn step(&self, details: Value, status: &str, stamp: &Stamp) -> Value {
        let is_done = status == "completed";
        json!({
            "id": stamp.id(&format!("step_{}", self.steps.len())), "object": "thread.run.step",
            "created_at": stamp.created(), "run_id": self.body["id"],
            "assistant_id": self.body["assistant_id"], "thread_id": self.body["thread_id"],
            "type": details["type"], "status": status, "step_details": details,
            "completed_at": is_done.then(|| stamp.created()), "expired_at": null,
            "cancelled_at": null, "failed_at": null, "last_error": null, "metadata": {},
            "usage": is_done.then(|| self.usage.clone()),
        })
    }

    /// Takes the results of its tools and continues.
    pub(super) fn submit(
        &mut self,
        body: &Object,
        messages: &[Value],
        stamp: &Stamp,
    ) -> Result<(), Refusal> {
        if self.body["status"] != "requires_action" {
            return Err(Refusal::invalid("The run waits for no outputs of tools."));
        }
        let outputs = fields::given(body, "tool_outputs").and_then(Value::as_array);
        let outputs = outputs.ok_or_else(|| Refusal::missing("tool_outputs"))?;
        self.think(messages, outputs, stamp)?;
        if let Some(step) = self.steps.last_mut() {
            step["status"] = "completed".into();
            step["completed_at"] = stamp.created().into();
        }
        self.body["status"] = "queued".into();
        self.body["required_action"] = Value::Null;
        Ok(())
    }

    /// Stops it. What it has used by then is counted.
    pub(super) fn cancel(&mut self, stamp: &Stamp) -> Result<(), Refusal> {
        if self.is_idle() && self.body["status"] != "requires_action" {
            let status = self.body["status"].as_str().unwrap_or_default();
            return Err(Refusal::invalid(format!("A run that is {status} cannot be cancelled.")));
        }
        self.body["status"] = "cancelled".into();
        self.body["cancelled_at"] = stamp.created().into();
        self.body["required_action"] = Value::Null;
        self.body["usage"] = self.usage.clone();
        Ok(())
    }

    /// All that is left of it as named events, until it is idle, and the message it wrote.
    pub(super) fn events(&mut self, begins: bool, stamp: &Stamp) -> (Vec<Bytes>, Option<Value>) {
        let mut events = Vec::new();
        let mut say = |name: &str, data: &Value| {
            events.push(Bytes::from(format!("event: {name}\ndata: {data}\n\n")));
        };
        if begins {
            say("thread.run.created", &self.body);
        }
        say("thread.run.queued", &self.body);
        self.advance(stamp);
        say("thread.run.in_progress", &self.body);
        let message = self.advance(stamp);
        let step = self.steps.last().cloned().unwrap_or_default();
        let mut open = step.clone();
        open["status"] = "in_progress".into();
        open["usage"] = Value::Null;
        say("thread.run.step.created", &open);
        if let Some(message) = &message {
            let mut open = message.clone();
            open["status"] = "in_progress".into();
            open["content"] = json!([]);
            say("thread.message.created", &open);
            say("thread.message.in_progress", &open);
            for (index, token) in self.tokens.iter().enumerate() {
                let mut text = json!({"value": token});
                if index == 0 {
                    text["annotations"] = json!([]);
                }
                let delta = json!({"content": [{"index": 0, "type": "text", "text": text}]});
                let delta = json!({"id": message["id"], "object": "thread.message.delta",
                    "delta": delta});
                say("thread.message.delta", &delta);
            }
            let name = if self.is_cut { "incomplete" } else { "completed" };
            say(&format!("thread.message.{name}"), message);
            say("thread.run.step.completed", &step);
        }
        let status = self.body["status"].as_str().unwrap_or_default();
        say(&format!("thread.run.{status}"), &self.body);
        events.push(Bytes::from_static(b"event: done\ndata: [DONE]\n\n"));
        (events, message)
    }
}

/// A message of a thread as one of a chat.
fn as_chat(message: &Value) -> Value {
    let parts = message["content"].as_array().into_iter().flatten();
    let parts = parts.map(|part| match part["type"].as_str() {
        Some("text") => json!({"type": "text", "text": part["text"]["value"]}),
        Some("image_url") => json!({"type": "image_url", "image_url": part["image_url"]}),
        _ => json!({"type": "text", "text": "a file"}),
    });
    json!({"role": message["role"], "content": parts.collect::<Vec<_>>()})
}

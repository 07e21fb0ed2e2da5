//! The stored objects of the scripted Azure: responses, conversations, files and vector stores.
//! Like Azure, it returns them to every caller that has the id.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde_json::{Value, json};

use super::usual::{COMPLETION_TOKENS, PROMPT_TOKENS};
use super::{Recorded, Reply};

/// The objects of one resource.
#[derive(Debug, Default)]
pub struct Kept {
    /// Distinguishes this resource's ids from another's.
    resource: u16,
    made: usize,
    ids: BTreeSet<String>,
    /// The fields of jobs.
    jobs: BTreeMap<String, Value>,
}

/// The bytes of every file.
pub const CONTENT: &[u8] = b"\x00\x01 some bytes \xff";

impl Kept {
    /// A resource that has nothing yet.
    #[must_use]
    pub fn of(resource: u16) -> Self {
        Self { resource, ..Self::default() }
    }

    /// Every id there is.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.ids.iter().cloned().collect()
    }

    /// Loses an object, as time does.
    pub fn lose(&mut self, id: &str) {
        self.ids.remove(id);
    }

    /// The correct reply to a request about stored objects.
    pub fn reply(&mut self, request: &Recorded, completion: &str) -> Option<Reply> {
        let path = request.path().strip_prefix("/openai/")?;
        let path = path.strip_prefix("v1/").unwrap_or(path);
        let segments: Vec<&str> = path.split('/').collect();
        let prefix = match segments[0] {
            "responses" => "resp_",
            "conversations" => "conv_",
            "files" => "file-",
            "vector_stores" => "vs_",
            "assistants" => "asst_",
            "threads" => "thread_",
            "videos" => "video_",
            "containers" => "cntr_",
            _ => return None,
        };
        let body = request.json();
        if let Some(reply) = self.job(request.method.as_str(), &segments, &body) {
            return Some(reply);
        }
        Some(match (request.method.as_str(), segments.as_slice()) {
            ("POST", ["responses"]) => self.respond(&body, completion),
            ("POST", [collection]) => {
                let id = self.id(prefix);
                self.ids.insert(id.clone());
                Reply::json(200, object(collection, &id).to_string())
            }
            ("DELETE", [_, id]) if self.ids.remove(*id) => {
                Reply::json(200, json!({"id": id, "deleted": true}).to_string())
            }
            ("GET" | "POST", [collection, id, rest @ ..]) if self.ids.contains(*id) => match rest {
                [] => Reply::json(200, object(collection, id).to_string()),
                ["content"] => {
                    Reply::json(200, CONTENT).header("content-type", "application/octet-stream")
                }
                rest => {
                    let said = json!({"object": "below", "path": rest.join("/"), "data": []});
                    Reply::json(200, said.to_string())
                }
            },
            ("DELETE", [_, id, rest @ ..]) if self.ids.contains(*id) => {
                Reply::json(200, json!({"path": rest.join("/"), "deleted": true}).to_string())
            }
            _ => missing("No such object"),
        })
    }

    /// Changes fields of a job from now on.
    pub fn set_job(&mut self, id: &str, fields: Value) {
        let job = self.jobs.entry(id.to_owned()).or_default();
        for (name, value) in fields.as_object().into_iter().flatten() {
            job[name] = value.clone();
        }
    }

    /// The correct reply to a request about a run or a video.
    fn job(&mut self, method: &str, segments: &[&str], body: &Value) -> Option<Reply> {
        let model = &body["model"];
        match (method, segments) {
            ("POST", ["threads", "runs"]) => {
                let thread = self.id("thread_");
                self.ids.insert(thread.clone());
                Some(self.run(&thread, body))
            }
            ("POST", ["threads", thread, "runs"]) if self.ids.contains(*thread) => {
                Some(self.run(thread, body))
            }
            ("POST", ["videos"] | ["videos", _, "remix"]) => {
                let id = self.id("video_");
                let seconds = body["seconds"].as_str().unwrap_or("4");
                self.ids.insert(id.clone());
                let video = json!({"id": id, "object": "video", "model": model, "status": "queued",
                    "progress": 0, "seconds": seconds});
                self.jobs.insert(id, video.clone());
                Some(Reply::json(200, video.to_string()))
            }
            ("GET", ["videos", id, "content"]) if self.ids.contains(*id) => {
                Some(Reply::json(200, CONTENT).header("content-type", "video/mp4"))
            }
            ("GET", ["threads", thread, "runs"]) if self.ids.contains(*thread) => {
                let runs = self.jobs.values().filter(|job| job["thread_id"] == **thread);
                let list = json!({"object": "list", "data": runs.collect::<Vec<_>>()});
                Some(Reply::json(200, list.to_string()))
            }
            ("GET", ["videos", id])
            | ("GET" | "POST", ["threads", _, "runs", id])
            | ("POST", ["threads", _, "runs", id, "cancel" | "submit_tool_outputs"]) => {
                let job = self.jobs.get(*id).filter(|_| self.ids.contains(*id));
                let job = job.map(|job| Reply::json(200, job.to_string()));
                Some(job.unwrap_or_else(|| missing("No such job")))
            }
            _ => None,
        }
    }

    fn run(&mut self, thread: &str, body: &Value) -> Reply {
        let id = self.id("run_");
        self.ids.insert(id.clone());
        let run = json!({"id": id, "object": "thread.run", "thread_id": thread,
            "assistant_id": body["assistant_id"], "model": body["model"], "status": "queued",
            "usage": null});
        self.jobs.insert(id.clone(), run.clone());
        if body["stream"] != true {
            return Reply::json(200, run.to_string());
        }
        let mut done = run.clone();
        done["status"] = "completed".into();
        done["usage"] = run_usage();
        self.jobs.insert(id, done.clone());
        let event = |name: &str, data: &Value| format!("event: {name}\ndata: {data}\n\n");
        let delta = json!({"object": "thread.message.delta", "delta": {"content": []}});
        let events = [
            event("thread.created", &json!({"id": thread, "object": "thread"})),
            event("thread.run.created", &run),
            event("thread.run.queued", &run),
            event("thread.message.delta", &delta),
            event("thread.run.completed", &done),
            "event: done\ndata: [DONE]\n\n".to_owned(),
        ];
        of_events(&events)
    }

    /// The container that a code interpreter of a request works in: that of an earlier call, as at
    /// Azure, if the tool names none.
    fn interpreter(&mut self, body: &Value) -> Option<String> {
        let tools = body["tools"].as_array()?;
        let tool = tools.iter().find(|tool| tool["type"] == "code_interpreter")?;
        let earlier = || {
            let calls = body["input"].as_array()?.iter().rev();
            let mut calls = calls.filter(|item| item["type"] == "code_interpreter_call");
            calls.find_map(|item| item["container_id"].as_str())
        };
        let named = tool["container"].as_str().or_else(earlier).map(ToOwned::to_owned);
        let id = named.unwrap_or_else(|| self.id("cntr_"));
        self.ids.insert(id.clone());
        Some(id)
    }

    fn id(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}{}x{:04}", self.resource, self.made)
    }

    fn respond(&mut self, body: &Value, completion: &str) -> Reply {
        let names = ["previous_response_id", "conversation"];
        let named = names.iter().filter_map(|name| {
            body[name].as_str().or(body[name]["id"].as_str()).map(ToOwned::to_owned)
        });
        if named.into_iter().any(|id| !self.ids.contains(&id)) {
            return missing("Previous response not found.");
        }
        let id = self.id("resp_");
        if body["store"] == true {
            self.ids.insert(id.clone());
        }
        let mut response = response(&id, completion, "completed");
        if let Some(container) = self.interpreter(body) {
            let call = json!({"id": "ci_1", "type": "code_interpreter_call", "status": "completed",
                "code": "1", "container_id": container, "outputs": null});
            let mut output = vec![call.clone()];
            output.extend(response["output"].as_array().into_iter().flatten().cloned());
            response["output"] = output.into();
            if body["stream"] == true {
                let item = json!({"output_index": 0, "item": call});
                let done = json!({"response": response});
                return of_events(&[
                    event("response.created", 0, json!({"response": {"id": id}})),
                    event("response.output_item.added", 1, item),
                    event("response.completed", 2, done),
                ]);
            }
        }
        match body["stream"] == true {
            true => stream(&id, completion),
            false => Reply::json(200, response.to_string()),
        }
    }
}

fn object(collection: &str, id: &str) -> Value {
    json!({"id": id, "object": collection, "purpose": "user_data"})
}

fn missing(message: &str) -> Reply {
    let error = json!({"message": message, "type": "invalid_request_error", "param": "id",
        "code": null});
    Reply::json(404, json!({"error": error}).to_string())
}

/// The usage of a run.
pub fn run_usage() -> Value {
    json!({"prompt_tokens": PROMPT_TOKENS, "completion_tokens": COMPLETION_TOKENS,
        "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS})
}

/// A response of the usual price.
pub fn response(id: &str, text: &str, status: &str) -> Value {
    let usage = match status {
        "in_progress" => Value::Null,
        _ => json!({
            "input_tokens": PROMPT_TOKENS, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": COMPLETION_TOKENS, "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
        }),
    };
    json!({
        "id": id, "object": "response", "created_at": 1_764_000_000, "status": status,
        "error": null, "model": "gpt-4o-mini-2024-07-18",
        "output": [{"id": "msg_1", "type": "message", "role": "assistant", "status": status,
            "content": [{"type": "output_text", "text": text, "annotations": []}]}],
        "usage": usage,
    })
}

/// One named event.
pub fn event(name: &str, number: usize, rest: Value) -> String {
    let mut data = json!({"type": name, "sequence_number": number});
    for (field, value) in rest.as_object().into_iter().flatten() {
        data[field] = value.clone();
    }
    format!("event: {name}\ndata: {data}\n\n")
}

/// The events of a streamed response.
pub fn events(id: &str, text: &str) -> Vec<String> {
    let delta = |number, word: &str| {
        event("response.output_text.delta", number, json!({"delta": word, "item_id": "msg_1"}))
    };
    let words: Vec<&str> = text.split_inclusive(' ').collect();
    let mut events = vec![
        event("response.created", 0, json!({"response": response(id, "", "in_progress")})),
        event("response.in_progress", 1, json!({"response": response(id, "", "in_progress")})),
    ];
    events.extend(words.iter().enumerate().map(|(at, word)| delta(at + 2, word)));
    let done = json!({"response": response(id, text, "completed")});
    events.push(event("response.completed", words.len() + 2, done));
    events
}

/// A streamed response, each event a piece of its own.
pub fn stream(id: &str, text: &str) -> Reply {
    of_events(&events(id, text))
}

/// A stream of these events.
pub fn of_events(events: &[String]) -> Reply {
    let mut ends = Vec::new();
    let mut end = 0;
    for event in events {
        end += event.len();
        ends.push(end);
    }
    ends.pop();
    Reply::sse_bytes(Bytes::from(events.concat()), &ends)
}

//! A response as named events, a token each.

use bytes::Bytes;
use serde_json::{Value, json};

use super::Made;

/// The events in order, before they are numbered.
type Events = Vec<(&'static str, Value)>;

impl Made {
    /// The response as named events.
    pub(in super::super) fn events(&self) -> Vec<Bytes> {
        let mut started = self.body.clone();
        started["status"] = json!("in_progress");
        started["output"] = json!([]);
        started["usage"] = Value::Null;
        let mut events = vec![
            ("response.created", json!({"response": started})),
            ("response.in_progress", json!({"response": started})),
        ];
        for (index, item) in self.output.iter().enumerate() {
            match item["type"].as_str() {
                Some("reasoning") => reasoning(item, index, &mut events),
                Some("message") => self.message(item, index, &mut events),
                Some("code_interpreter_call") => interpreted(item, index, &mut events),
                _ => self.call(item, index, &mut events),
            }
        }
        match (&self.failure, self.body["status"].as_str()) {
            (Some(failure), _) => {
                let error = failure.body()["error"].clone();
                let mut failed = self.body.clone();
                failed["error"] = json!({"code": error["code"], "message": error["message"]});
                events.push(("error", json!({"error": error})));
                events.push(("response.failed", json!({"response": failed})));
            }
            (None, Some("incomplete")) => {
                events.push(("response.incomplete", json!({"response": self.body})));
            }
            (None, _) => events.push(("response.completed", json!({"response": self.body}))),
        }
        let numbered = events.into_iter().enumerate().map(|(number, (name, data))| {
            let data = with(&json!({"type": name, "sequence_number": number}), data);
            Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
        });
        numbered.collect()
    }

    fn message(&self, item: &Value, index: usize, events: &mut Events) {
        let part = |text: &str, annotations: &Value| json!({"type": "output_text", "text": text, "annotations": annotations, "logprobs": []});
        let annotations = &item["content"][0]["annotations"];
        let place = json!({"item_id": item["id"], "output_index": index, "content_index": 0});
        let whole = self.tokens.concat();
        added(item, "content", json!([]), index, events);
        events.push((
            "response.content_part.added",
            with(&place, json!({"part": part("", &json!([]))})),
        ));
        for token in &self.tokens {
            let delta = json!({"delta": token, "logprobs": []});
            events.push(("response.output_text.delta", with(&place, delta)));
        }
        for (at, annotation) in annotations.as_array().into_iter().flatten().enumerate() {
            let annotation = json!({"annotation": annotation, "annotation_index": at});
            events.push(("response.output_text.annotation.added", with(&place, annotation)));
        }
        let done = json!({"text": whole, "logprobs": []});
        events.push(("response.output_text.done", with(&place, done)));
        let part = with(&place, json!({"part": part(&whole, annotations)}));
        events.push(("response.content_part.done", part));
        events.push(("response.output_item.done", json!({"output_index": index, "item": item})));
    }

    fn call(&self, item: &Value, index: usize, events: &mut Events) {
        let place = json!({"item_id": item["id"], "output_index": index});
        let (field, delta, done) = match item["type"] == "custom_tool_call" {
            true => (
                "input",
                "response.custom_tool_call_input.delta",
                "response.custom_tool_call_input.done",
            ),
            false => (
                "arguments",
                "response.function_call_arguments.delta",
                "response.function_call_arguments.done",
            ),
        };
        added(item, field, json!(""), index, events);
        for token in &self.tokens {
            events.push((delta, with(&place, json!({"delta": token}))));
        }
        let mut last = json!({"name": item["name"]});
        last[field] = json!(self.tokens.concat());
        events.push((done, with(&place, last)));
        events.push(("response.output_item.done", json!({"output_index": index, "item": item})));
    }
}

fn interpreted(item: &Value, index: usize, events: &mut Events) {
    let place = json!({"item_id": item["id"], "output_index": index});
    added(item, "code", json!(""), index, events);
    events.push(("response.code_interpreter_call.in_progress", place.clone()));
    let delta = json!({"delta": item["code"]});
    events.push(("response.code_interpreter_call_code.delta", with(&place, delta)));
    let done = json!({"code": item["code"]});
    events.push(("response.code_interpreter_call_code.done", with(&place, done)));
    events.push(("response.code_interpreter_call.interpreting", place.clone()));
    events.push(("response.code_interpreter_call.completed", place));
    events.push(("response.output_item.done", json!({"output_index": index, "item": item})));
}

fn reasoning(item: &Value, index: usize, events: &mut Events) {
    added(item, "summary", json!([]), index, events);
    for (at, part) in item["summary"].as_array().into_iter().flatten().enumerate() {
        let place = json!({"item_id": item["id"], "output_index": index, "summary_index": at});
        let empty = json!({"part": {"type": "summary_text", "text": ""}});
        events.push(("response.reasoning_summary_part.added", with(&place, empty)));
        let delta = json!({"delta": part["text"]});
        events.push(("response.reasoning_summary_text.delta", with(&place, delta)));
        let done = json!({"text": part["text"]});
        events.push(("response.reasoning_summary_text.done", with(&place, done)));
        let part = json!({"part": part});
        events.push(("response.reasoning_summary_part.done", with(&place, part)));
    }
    events.push(("response.output_item.done", json!({"output_index": index, "item": item})));
}

/// The beginning of an item: all of it but its content.
fn added(item: &Value, field: &str, empty: Value, index: usize, events: &mut Events) {
    let mut open = item.clone();
    if open.get("status").is_some() {
        open["status"] = json!("in_progress");
    }
    open[field] = empty;
    events.push(("response.output_item.added", json!({"output_index": index, "item": open})));
}

/// An object with the fields of another in it.
fn with(object: &Value, more: Value) -> Value {
    let mut all = object.clone();
    for (name, value) in more.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    all
}

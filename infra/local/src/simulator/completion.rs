//! Composes what the simulated model answers, and writes it as Azure's `chat.completion`.

use serde_json::{Value, json};

use super::chat::ChatRequest;
use super::offer::{Kind, ToolCall};
use super::stamp::Stamp;
use super::{tokens, words};

/// The fingerprint of every simulated response; no real system has it.
pub(super) const SYSTEM_FINGERPRINT: &str = "fp_simulated0";

/// What a choice consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// Words, or JSON text
    Text,
    /// A call of this tool, with this id
    Call {
        /// The shape on the wire.
        kind: Kind,
        /// The namespace of the tool, if it has one.
        namespace: Option<String>,
        /// The tool's name.
        name: String,
        /// The id by which the client answers.
        id: String,
    },
}

/// One of the responses to a prompt.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) said: Said,
    /// The text, or the call's arguments, token by token.
    pub(super) tokens: Vec<String>,
    pub(super) finish_reason: &'static str,
    /// How many tokens went before them, unseen.
    pub(super) reasoning: usize,
}

/// All responses to one prompt.
#[derive(Debug, Clone)]
pub(super) struct Completion {
    pub(super) id: String,
    pub(super) created: u64,
    pub(super) model: &'static str,
    pub(super) choices: Vec<Choice>,
    prompt_tokens: usize,
    cached_tokens: usize,
}

impl Completion {
    /// The response to a request; the same words for the same request.
    pub(super) fn compose(request: &ChatRequest, stamp: &Stamp) -> Self {
        Self {
            id: stamp.completion_id(),
            created: stamp.created(),
            model: request.model.version,
            choices: (0..request.choices).map(|index| choice(request, index, stamp)).collect(),
            prompt_tokens: request.prompt_tokens,
            cached_tokens: request.cached_tokens,
        }
    }

    /// `usage`, in which a completion token is a frame of the stream or one of the reasoning.
    pub(super) fn usage(&self) -> Value {
        let reasoning_tokens: usize = self.choices.iter().map(|choice| choice.reasoning).sum();
        let written: usize = self.choices.iter().map(|choice| choice.tokens.len()).sum();
        let completion_tokens = written + reasoning_tokens;
        json!({
            "completion_tokens": completion_tokens,
            "completion_tokens_details": {
                "accepted_prediction_tokens": 0,
                "audio_tokens": 0,
                "reasoning_tokens": reasoning_tokens,
                "rejected_prediction_tokens": 0,
            },
            "prompt_tokens": self.prompt_tokens,
            "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": self.cached_tokens},
            "total_tokens": self.prompt_tokens + completion_tokens,
        })
    }

    /// The buffered response.
    pub(super) fn body(&self) -> Value {
        let choices = self.choices.iter().enumerate();
        json!({
            "choices": choices.map(|(index, choice)| choice.body(index)).collect::<Vec<_>>(),
            "created": self.created,
            "id": self.id,
            "model": self.model,
            "object": "chat.completion",
            "prompt_filter_results": prompt_filter_results(),
            "system_fingerprint": SYSTEM_FINGERPRINT,
            "usage": self.usage(),
        })
    }
}

impl Choice {
    fn body(&self, index: usize) -> Value {
        let text = self.tokens.concat();
        let mut message = json!({
            "annotations": [], "content": null, "refusal": null, "role": "assistant",
        });
        let content_filter_results = match &self.said {
            Said::Text => {
                message["content"] = Value::String(text);
                completion_filter_results()
            }
            Said::Call { kind, name, id, .. } => {
                match kind {
                    Kind::Function => {
                        message["tool_calls"] = json!([{
                            "function": {"arguments": text, "name": name},
                            "id": id,
                            "type": "function",
                        }]);
                    }
                    Kind::Custom => {
                        message["tool_calls"] = json!([{
                            "custom": {"input": text, "name": name},
                            "id": id,
                            "type": "custom",
                        }]);
                    }
                    Kind::Legacy => {
                        message["function_call"] = json!({"arguments": text, "name": name});
                    }
                }
                json!({})
            }
        };
        json!({
            "content_filter_results": content_filter_results,
            "finish_reason": self.finish_reason,
            "index": index,
            "logprobs": null,
            "message": message,
        })
    }
}

/// What Azure's filter found in the prompt: nothing.
pub(super) fn prompt_filter_results() -> Value {
    json!([{
        "prompt_index": 0,
        "content_filter_results": {
            "hate": {"filtered": false, "severity": "safe"},
            "jailbreak": {"detected": false, "filtered": false},
            "self_harm": {"filtered": false, "severity": "safe"},
            "sexual": {"filtered": false, "severity": "safe"},
            "violence": {"filtered": false, "severity": "safe"},
        },
    }])
}

fn completion_filter_results() -> Value {
    json!({
        "hate": {"filtered": false, "severity": "safe"},
        "protected_material_code": {"detected": false, "filtered": false},
        "protected_material_text": {"detected": false, "filtered": false},
        "self_harm": {"filtered": false, "severity": "safe"},
        "sexual": {"filtered": false, "severity": "safe"},
        "violence": {"filtered": false, "severity": "safe"},
    })
}

fn choice(request: &ChatRequest, index: usize, stamp: &Stamp) -> Choice {
    let (said, text, finish_reason) = match &request.call {
        Some(ToolCall { kind, namespace, name, arguments }) => {
            let finish_reason = match kind {
                Kind::Function | Kind::Custom => "tool_calls",
                Kind::Legacy => "function_call",
            };
            let (kind, name, id) = (*kind, name.clone(), stamp.call_id(index));
            let namespace = namespace.clone();
            (Said::Call { kind, namespace, name, id }, arguments.clone(), finish_reason)
        }
        None => (Said::Text, words::of(request, index), "stop"),
    };
    let mut tokens: Vec<String> = tokens::split(&text).map(str::to_owned).collect();
    let reasoning = request.reasoning.min(request.cap);
    let left = request.cap - reasoning;
    let is_cut = tokens.len() > left;
    tokens.truncate(left);
    let finish_reason = if is_cut { "length" } else { finish_reason };
    Choice { said, tokens, finish_reason, reasoning }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::simulator::catalog::{self, Operation};

    /// The response to a user's "Hello" with these fields beside it.
    pub(in crate::simulator) fn completion(rest: Value) -> Completion {
        respond("gpt-4o-mini", rest)
    }

    fn respond(model: &str, rest: Value) -> Completion {
        let mut body = json!({"messages": [{"role": "user", "content": "Hello"}]});
        body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        let model = catalog::find(model, Operation::Chat).unwrap();
        let request = ChatRequest::read(body.as_object().unwrap(), model).unwrap();
        Completion::compose(&request, &Stamp::fixed())
    }

    fn content(body: &Value) -> &str {
        body["choices"][0]["message"]["content"].as_str().unwrap()
    }

    #[test]
    fn a_plain_answer_has_the_shape_of_azure() {
        let body = completion(json!({})).body();
        let mut shape = body.clone();
        shape["id"] = json!("chatcmpl-x");
        shape["choices"][0]["message"]["content"] = json!("text");
        assert_eq!(
            shape,
            json!({
                "choices": [{
                    "content_filter_results": completion_filter_results(),
                    "finish_reason": "stop",
                    "index": 0,
                    "logprobs": null,
                    "message": {
                        "annotations": [], "content": "text", "refusal": null, "role": "assistant",
                    },
                }],
                "created": 1_764_000_000,
                "id": "chatcmpl-x",
                "model": "gpt-4o-mini-2024-07-18",
                "object": "chat.completion",
                "prompt_filter_results": prompt_filter_results(),
                "system_fingerprint": "fp_simulated0",
                "usage": {
                    "completion_tokens": tokens::count(content(&body)),
                    "completion_tokens_details": {
                        "accepted_prediction_tokens": 0, "audio_tokens": 0,
                        "reasoning_tokens": 0, "rejected_prediction_tokens": 0,
                    },
                    "prompt_tokens": 8,
                    "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 0},
                    "total_tokens": 8 + tokens::count(content(&body)),
                },
            })
        );
        assert!(content(&body).starts_with("[simulated] "));
        assert!(content(&body).contains("Hello"));
    }

    #[test]
    fn a_cap_cuts_the_answer_and_says_so() {
        let body = completion(json!({"max_tokens": 3})).body();
        assert_eq!(content(&body), "[simulated] ");
        assert_eq!(body["choices"][0]["finish_reason"], "length");
        assert_eq!(body["usage"]["completion_tokens"], 3);
    }

    #[test]
    fn reasoning_is_paid_and_comes_out_of_the_cap() {
        let reasoned = respond("gpt-5-mini", json!({})).body();
        let details = &reasoned["usage"]["completion_tokens_details"];
        assert_eq!(details["reasoning_tokens"], 128);
        let written = tokens::count(content(&reasoned));
        assert_eq!(reasoned["usage"]["completion_tokens"], 128 + written);

        let low = json!({"reasoning_effort": "low", "max_completion_tokens": 50});
        let cut = respond("gpt-5-mini", low).body();
        assert_eq!((content(&cut), &cut["choices"][0]["finish_reason"]), ("", &json!("length")));
        assert_eq!(cut["usage"]["completion_tokens"], 50);
        assert_eq!(cut["usage"]["completion_tokens_details"]["reasoning_tokens"], 50);
    }

    #[test]
    fn a_stop_ends_the_answer_before_it() {
        let body = completion(json!({"stop": ["never", " No "]})).body();
        assert_eq!(content(&body), "[simulated]");
        assert_eq!(body["choices"][0]["finish_reason"], "stop");
    }

    #[test]
    fn every_choice_is_numbered_and_paid() {
        let body = completion(json!({"n": 3, "max_tokens": 2})).body();
        let indexes: Vec<_> =
            body["choices"].as_array().unwrap().iter().map(|c| &c["index"]).collect();
        assert_eq!(indexes, [0, 1, 2]);
        assert_eq!(body["usage"]["completion_tokens"], 6);
        assert!(content(&completion(json!({"n": 2})).body()).ends_with("This is choice 1 of 2."));
    }

    #[test]
    fn a_tool_is_called_with_content_null() {
        let tools = json!([{"type": "function", "function": {"name": "hello"}}]);
        let body = completion(json!({"tools": tools})).body();
        let choice = &body["choices"][0];
        assert_eq!(choice["finish_reason"], "tool_calls");
        assert_eq!(choice["message"]["content"], Value::Null);
        let call = &choice["message"]["tool_calls"][0];
        assert_eq!(call["function"], json!({"arguments": "{}", "name": "hello"}));
        assert!(call["id"].as_str().unwrap().starts_with("call_"));
        assert_eq!(body["usage"]["completion_tokens"], 1);
    }

    #[test]
    fn the_older_functions_are_called_in_their_own_form() {
        let body = completion(json!({"functions": [{"name": "hello"}]})).body();
        let choice = &body["choices"][0];
        assert_eq!(choice["finish_reason"], "function_call");
        assert_eq!(choice["message"]["function_call"], json!({"arguments": "{}", "name": "hello"}));
        assert!(choice["message"].get("tool_calls").is_none());
    }

    #[test]
    fn a_tools_result_is_put_into_words() {
        let body = completion(json!({"messages": [
            {"role": "user", "content": "Weather?"},
            {"role": "function", "name": "f", "content": "rain"},
        ], "functions": [{"name": "f"}]}))
        .body();
        assert!(content(&body).contains("The tool said: \"rain\""));
    }

    #[test]
    fn json_is_answered_where_json_is_asked_for() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "boolean"}}});
        let format = json!({"type": "json_schema", "json_schema": {"name": "s", "schema": schema}});
        let body = completion(json!({"response_format": format})).body();
        assert_eq!(content(&body), r#"{"a":true}"#);

        let body = completion(json!({
            "messages": [{"role": "user", "content": "Answer in JSON"}],
            "response_format": {"type": "json_object"},
        }))
        .body();
        let object: Value = serde_json::from_str(content(&body)).unwrap();
        assert_eq!(object["simulated"], true);
    }
}

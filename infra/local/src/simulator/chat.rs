//! Reads a chat request: everything that decides what the simulated model says.
//!
//! Sampling fields such as `temperature` mean nothing here; reasoning models refuse them.

use serde_json::Value;

use super::catalog::{Model, Operation};
use super::fields::{self, Object};
use super::offer::ToolCall;
use super::prompt::Prompt;
use super::refusal::Refusal;
use super::{cache, parameters, tools};

/// The most choices that the API makes of one prompt.
const MOST_CHOICES: usize = 128;

/// The shape that the response's text must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Format {
    /// Plain words
    Text,
    /// Any JSON object
    Json,
    /// A JSON object of this schema
    Schema(Value),
}

/// What a stream should carry beside the tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Streaming {
    /// A last frame with the usage.
    pub(super) usage: bool,
    /// Filler that hides the length of each token.
    pub(super) obfuscation: bool,
}

/// A request that can be answered.
#[derive(Debug)]
pub(super) struct ChatRequest {
    pub(super) model: &'static Model,
    pub(super) prompt: Prompt,
    /// The price of the messages and the tools.
    pub(super) prompt_tokens: usize,
    pub(super) call: Option<ToolCall>,
    pub(super) format: Format,
    /// The longest completion, in tokens per choice, its reasoning included.
    pub(super) cap: usize,
    /// How long the model reasons, in tokens per choice.
    pub(super) reasoning: usize,
    /// How many tokens of the prompt were read before.
    pub(super) cached_tokens: usize,
    pub(super) choices: usize,
    pub(super) stop: Vec<String>,
    pub(super) streaming: Option<Streaming>,
}

impl ChatRequest {
    /// Reads a body for a model, or says what is wrong with it.
    pub(super) fn read(body: &Object, model: &'static Model) -> Result<Self, Refusal> {
        let request = Self::read_unchecked(body, model)?;
        request.check_context("messages")?;
        Ok(request)
    }

    /// Reads a body that may be longer than the context window.
    pub(super) fn read_unchecked(body: &Object, model: &'static Model) -> Result<Self, Refusal> {
        parameters::refuse_arguments(body, parameters::CHAT)?;
        parameters::refuse_for_chat(body, model)?;
        let stores = fields::flag(body, "store")?;
        if fields::given(body, "metadata").is_some() && !stores {
            let message = "The 'metadata' parameter is only allowed when 'store' is enabled.";
            return Err(Refusal::field("metadata", None, message));
        }
        let prompt = Prompt::read(body)?;
        let call = tools::of_chat(body, &prompt)?;
        let effort = fields::given(body, "reasoning_effort");
        let request = Self {
            model,
            prompt_tokens: prompt.tokens + tools::prompt_tokens(body),
            call,
            format: format(body, &prompt)?,
            cap: cap(body, model)?,
            reasoning: parameters::reasoning_tokens(effort, "reasoning_effort", model)?,
            cached_tokens: 0,
            choices: fields::integer(body, "n", 1..=MOST_CHOICES)?.unwrap_or(1),
            stop: stop(body)?,
            streaming: streaming(body)?,
            prompt,
        };
        if request.prompt.mentions("trigger the content filter") {
            return Err(Refusal::ContentFilter);
        }
        if request.prompt.mentions("trigger a rate limit") {
            return Err(Refusal::RateLimit(Operation::Chat));
        }
        Ok(request)
    }

    /// Refuses a prompt that is longer than the context window, as a chat or a response says it.
    pub(super) fn check_context(&self, param: &str) -> Result<(), Refusal> {
        let (tokens, context) = (self.prompt_tokens, self.model.context());
        if tokens <= context {
            return Ok(());
        }
        let message = match param {
            "input" => "Your input exceeds the context window of this model. Please adjust your \
                        input and try again."
                .to_owned(),
            _ => format!(
                "This model's maximum context length is {context} tokens. However, your messages \
                 resulted in {tokens} tokens. Please reduce the length of the messages."
            ),
        };
        Err(Refusal::field(param, Some("context_length_exceeded"), message))
    }

    /// Looks up how much of the prompt was read before.
    pub(super) fn look_up(&mut self, prompts: &mut cache::Prompts, prompt: &str) {
        self.cached_tokens = prompts.read(self.model.name, prompt).min(self.prompt_tokens);
    }
}

fn cap(body: &Object, model: &Model) -> Result<usize, Refusal> {
    let older = fields::integer(body, "max_tokens", 1..=model.largest())?;
    let newer = fields::integer(body, "max_completion_tokens", 1..=model.largest())?;
    if older.is_some() && newer.is_some() {
        let message = "'max_tokens' and 'max_completion_tokens' cannot be given together.";
        return Err(Refusal::field("max_tokens", Some("invalid_parameter_combination"), message));
    }
    Ok(newer.or(older).unwrap_or(model.largest()))
}

fn stop(body: &Object) -> Result<Vec<String>, Refusal> {
    let listed = match fields::given(body, "stop") {
        None => return Ok(Vec::new()),
        Some(Value::String(text)) => return Ok(vec![text.clone()]),
        Some(Value::Array(listed)) => listed,
        Some(other) => return Err(Refusal::wrong_type("stop", "a string or an array", other)),
    };
    if listed.len() > 4 {
        let message = "'stop' may hold at most four strings.";
        return Err(Refusal::field("stop", Some("array_above_max_length"), message));
    }
    let texts = listed.iter().map(|stop| {
        let wrong = || Refusal::wrong_type("stop", "an array of strings", stop);
        stop.as_str().map(ToOwned::to_owned).ok_or_else(wrong)
    });
    texts.collect()
}

fn streaming(body: &Object) -> Result<Option<Streaming>, Refusal> {
    let is_streamed = fields::flag(body, "stream")?;
    let options = match fields::given(body, "stream_options") {
        None => {
            return Ok(is_streamed.then_some(Streaming { usage: false, obfuscation: true }));
        }
        Some(Value::Object(options)) => options,
        Some(other) => return Err(Refusal::wrong_type("stream_options", "an object", other)),
    };
    if !is_streamed {
        let message = "'stream_options' makes sense only together with 'stream'.";
        return Err(Refusal::field("stream_options", None, message));
    }
    let hides_length = fields::given(options, "include_obfuscation") != Some(&Value::Bool(false));
    let usage = fields::flag(options, "include_usage")?;
    Ok(Some(Streaming { usage, obfuscation: hides_length }))
}

fn format(body: &Object, prompt: &Prompt) -> Result<Format, Refusal> {
    match fields::given(body, "response_format") {
        None => Ok(Format::Text),
        Some(format) => {
            let described = (&format["json_schema"], "response_format.json_schema");
            Format::read(format, described, "response_format", prompt)
        }
    }
}

impl Format {
    /// Reads a format; its schema stands in an object of its own or beside the type.
    pub(super) fn read(
        format: &Value,
        (described, place): (&Value, &str),
        param: &str,
        prompt: &Prompt,
    ) -> Result<Self, Refusal> {
        match format["type"].as_str() {
            Some("text") => Ok(Self::Text),
            Some("json_object") if prompt.mentions("json") => Ok(Self::Json),
            Some("json_object") => {
                let message = "With 'json_object' the messages must contain the word 'json'.";
                Err(Refusal::field("messages", None, message))
            }
            Some("json_schema") => schema(described, place, param).map(Self::Schema),
            Some(_) => {
                let supported = "'text', 'json_object' and 'json_schema'";
                Err(Refusal::unsupported(&format!("{param}.type"), supported))
            }
            None => Err(Refusal::missing(&format!("{param}.type"))),
        }
    }
}

fn schema(described: &Value, place: &str, param: &str) -> Result<Value, Refusal> {
    let Some(name) = described["name"].as_str() else {
        return Err(Refusal::missing(&format!("{place}.name")));
    };
    let schema = &described["schema"];
    if schema.is_null() {
        return Err(Refusal::missing(&format!("{place}.schema")));
    }
    if described["strict"] == true
        && let Some(fault) = not_strict(schema)
    {
        let message = format!("Invalid schema for response_format '{name}': {fault}");
        return Err(Refusal::field(param, Some("invalid_json_schema"), message));
    }
    Ok(schema.clone())
}

/// Why a strict schema is refused: each object must require all that it has and allow nothing else.
fn not_strict(schema: &Value) -> Option<&'static str> {
    let is_object = schema["type"] == "object" || schema.get("$ref").is_some();
    if !is_object {
        return Some("schema must be a JSON Schema of 'type: \"object\"'.");
    }
    fn fault(schema: &Value) -> Option<&'static str> {
        match schema {
            Value::Object(fields) => {
                if let Some(properties) = schema["properties"].as_object() {
                    if schema["additionalProperties"] != false {
                        return Some(
                            "'additionalProperties' is required to be supplied and to be false.",
                        );
                    }
                    let is_required = |name: &String| {
                        let required = schema["required"].as_array();
                        required.is_some_and(|required| required.iter().any(|one| one == name))
                    };
                    if !properties.keys().all(is_required) {
                        return Some(
                            "'required' is required to be supplied and to be an array including \
                             every key in properties.",
                        );
                    }
                }
                fields.values().find_map(fault)
            }
            Value::Array(many) => many.iter().find_map(fault),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }
    fault(schema)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::simulator::catalog;

    fn read(rest: Value) -> Result<ChatRequest, Refusal> {
        let mut body = json!({"messages": [{"role": "user", "content": "Hello, JSON"}]});
        body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        let model = catalog::find("gpt-4o-mini", Operation::Chat).unwrap();
        ChatRequest::read(body.as_object().unwrap(), model)
    }

    fn param(rest: Value) -> String {
        match read(rest.clone()) {
            Err(Refusal::Invalid { param: Some(param), .. }) => param,
            other => panic!("{rest}: {other:?}"),
        }
    }

    #[test]
    fn a_plain_request_has_defaults() {
        let request = read(json!({})).unwrap();
        assert_eq!((request.cap, request.choices, request.streaming), (16_384, 1, None));
        assert_eq!(request.format, Format::Text);
    }

    #[test]
    fn caps_stops_choices_and_streams_are_read() {
        let request = read(json!({
            "max_completion_tokens": 3, "n": 2, "stop": ["a", "b"], "stream": true,
            "stream_options": {"include_usage": true, "include_obfuscation": false},
        }))
        .unwrap();
        assert_eq!((request.cap, request.choices), (3, 2));
        assert_eq!(request.stop, ["a", "b"]);
        assert_eq!(request.streaming, Some(Streaming { usage: true, obfuscation: false }));
    }

    #[test]
    fn a_bad_field_is_named() {
        let cases = [
            (json!({"max_tokens": 0}), "max_tokens"),
            (json!({"max_tokens": 5, "max_completion_tokens": 5}), "max_tokens"),
            (json!({"n": 0}), "n"),
            (json!({"stream": "true"}), "stream"),
            (json!({"stream_options": {"include_usage": true}}), "stream_options"),
            (json!({"stop": [1]}), "stop"),
            (json!({"response_format": {"type": "yaml"}}), "response_format.type"),
            (
                json!({"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}),
                "response_format.json_schema.name",
            ),
        ];
        for (rest, expected) in cases {
            assert_eq!(param(rest), expected);
        }
    }

    #[test]
    fn a_strict_schema_is_closed_and_complete() {
        let refused = |schema: Value| {
            let described = json!({"name": "s", "strict": true, "schema": schema});
            let format = json!({"type": "json_schema", "json_schema": described});
            read(json!({"response_format": format})).is_err()
        };
        let open = json!({"type": "object", "properties": {"a": {"type": "string"}}});
        assert!(refused(open.clone()) && refused(json!({"type": "string"})));
        let mut closed = open;
        closed["additionalProperties"] = json!(false);
        assert!(refused(closed.clone()));
        closed["required"] = json!(["a"]);
        assert!(!refused(closed.clone()));
        closed["properties"]["a"] = json!({"type": "object", "properties": {}});
        assert!(refused(closed));
    }

    #[test]
    fn metadata_needs_a_stored_chat() {
        assert_eq!(param(json!({"metadata": {"run": "7"}})), "metadata");
        assert!(read(json!({"metadata": {"run": "7"}, "store": true})).is_ok());
    }

    #[test]
    fn the_magic_words_are_obeyed() {
        let say = |text: &str| json!({"messages": [{"role": "user", "content": text}]});
        let filtered = read(say("Please trigger the Content Filter.")).unwrap_err();
        assert_eq!(filtered, Refusal::ContentFilter);
        let limited = read(say("trigger a rate limit")).unwrap_err();
        assert_eq!(limited, Refusal::RateLimit(Operation::Chat));
    }

    #[test]
    fn a_prompt_past_the_context_is_refused() {
        let long = "word".repeat(128_001);
        let body = json!({"messages": [{"role": "user", "content": long}]});
        let refused = read(body).unwrap_err().body();
        assert_eq!(refused["error"]["param"], "messages");
        assert_eq!(refused["error"]["code"], "context_length_exceeded");
    }
}

//! What a model refuses, by its facts: parameters that nobody knows, that reasoning models lack, and
//! those that other models of Foundry do not take.

use serde_json::Value;

use super::catalog::Model;
use super::fields::{self, Object};
use super::refusal::Refusal;

/// The parameters of `chat/completions`.
pub(super) const CHAT: &[&str] = &[
    "audio",
    "data_sources",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "user_security_context",
    "verbosity",
    "web_search_options",
];

/// The parameters of `responses`.
pub(super) const RESPONSES: &[&str] = &[
    "background",
    "client_metadata",
    "context_management",
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// The parameters of `completions`.
pub(super) const COMPLETIONS: &[&str] = &[
    "best_of",
    "echo",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_tokens",
    "model",
    "n",
    "presence_penalty",
    "prompt",
    "seed",
    "stop",
    "stream",
    "stream_options",
    "suffix",
    "temperature",
    "top_p",
    "user",
];

/// The parameters of `embeddings`.
pub(super) const EMBEDDINGS: &[&str] =
    &["dimensions", "encoding_format", "input", "input_type", "model", "user"];

/// Refuses what `completions` and chats do not know, as they say it.
pub(super) fn refuse_arguments(body: &Object, known: &[&str]) -> Result<(), Refusal> {
    let unknown: Vec<&str> = unknown(body, known).collect();
    let plural = if unknown.len() > 1 { "s" } else { "" };
    match unknown.as_slice() {
        [] => Ok(()),
        names => Err(Refusal::invalid(format!(
            "Unrecognized request argument{plural} supplied: {}",
            names.join(", ")
        ))),
    }
}

/// Refuses what is not known, as newer operations say it: the first, by its place.
pub(super) fn refuse_parameters(body: &Object, known: &[&str], place: &str) -> Result<(), Refusal> {
    match unknown(body, known).next() {
        None => Ok(()),
        Some(name) => {
            let param = if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
            let message = format!("Unknown parameter: '{param}'.");
            Err(Refusal::field(param, Some("unknown_parameter"), message))
        }
    }
}

fn unknown<'b>(body: &'b Object, known: &[&str]) -> impl Iterator<Item = &'b str> {
    body.keys().map(String::as_str).filter(|name| !known.contains(name))
}

/// Refuses the parameters of a chat that the model does not take.
pub(super) fn refuse_for_chat(body: &Object, model: &Model) -> Result<(), Refusal> {
    let facts = model.facts();
    let extra = [
        ("user", facts.refuses_user),
        ("safety_identifier", facts.refuses_user),
        ("stream_options", facts.refuses_stream_options),
    ];
    let extra: Vec<&'static str> = extra
        .into_iter()
        .filter(|(name, is_refused)| *is_refused && body.contains_key(*name))
        .map(|(name, _)| name)
        .collect();
    if !extra.is_empty() {
        return Err(Refusal::Extra(extra));
    }
    if !model.reasons() {
        return match fields::given(body, "reasoning_effort") {
            Some(_) => {
                Err(Refusal::invalid("Unrecognized request argument supplied: reasoning_effort"))
            }
            None => Ok(()),
        };
    }
    if fields::given(body, "max_tokens").is_some() {
        let message = "Unsupported parameter: 'max_tokens' is not supported with this model. \
                       Use 'max_completion_tokens' instead.";
        return Err(Refusal::field("max_tokens", Some("unsupported_parameter"), message));
    }
    for name in ["logit_bias", "logprobs", "stop", "top_logprobs"] {
        if fields::given(body, name).is_some_and(|value| *value != Value::Bool(false)) {
            return Err(unsupported(name, Some("unsupported_parameter")));
        }
    }
    for (name, usual) in SAMPLING {
        if let Some(given) = other_than(body, name, usual) {
            let message = format!(
                "Unsupported value: '{name}' does not support {given} with this model. Only the \
                 default ({usual}) value is supported."
            );
            return Err(Refusal::field(name, Some("unsupported_value"), message));
        }
    }
    Ok(())
}

/// Refuses the parameters of a response that the model does not take.
pub(super) fn refuse_for_response(body: &Object, model: &Model) -> Result<(), Refusal> {
    let wants_reasoning = fields::given(body, "include")
        .and_then(Value::as_array)
        .is_some_and(|listed| listed.iter().any(|one| one == "reasoning.encrypted_content"));
    if !model.reasons() {
        let reasoning = fields::given(body, "reasoning");
        let effort = reasoning.is_some_and(|reasoning| !reasoning["effort"].is_null());
        return match (wants_reasoning, effort) {
            (true, _) => {
                let message = "Encrypted content is not supported with this model.";
                Err(Refusal::field("include", None, message))
            }
            (false, true) => Err(unsupported("reasoning.effort", Some("unsupported_parameter"))),
            (false, false) => Ok(()),
        };
    }
    for (name, usual) in SAMPLING {
        if other_than(body, name, usual).is_some() {
            return Err(unsupported(name, None));
        }
    }
    match fields::given(body, "top_logprobs") {
        Some(_) => Err(unsupported("top_logprobs", None)),
        None => Ok(()),
    }
}

/// What steers how a model samples, and the only value that reasoning models take.
const SAMPLING: [(&str, u8); 4] =
    [("temperature", 1), ("top_p", 1), ("presence_penalty", 0), ("frequency_penalty", 0)];

fn other_than<'b>(body: &'b Object, name: &str, usual: u8) -> Option<&'b Value> {
    let given = fields::given(body, name)?;
    let is_usual = given.as_f64().is_some_and(|number| (number - f64::from(usual)).abs() < 1e-9);
    (!is_usual).then_some(given)
}

fn unsupported(name: &str, code: Option<&'static str>) -> Refusal {
    let message = format!("Unsupported parameter: '{name}' is not supported with this model.");
    Refusal::field(name, code, message)
}

/// The reasoning tokens of a completion at an effort; none where the model does not reason.
pub(super) fn reasoning_tokens(
    effort: Option<&Value>,
    place: &str,
    model: &Model,
) -> Result<usize, Refusal> {
    if !model.reasons() {
        return Ok(0);
    }
    match effort.map(Value::as_str) {
        None | Some(Some("medium")) => Ok(128),
        Some(Some("none" | "minimal")) => Ok(0),
        Some(Some("low")) => Ok(64),
        Some(Some("high")) => Ok(512),
        Some(Some("xhigh")) => Ok(1_024),
        Some(_) => {
            let supported = "'none', 'minimal', 'low', 'medium', 'high' and 'xhigh'";
            Err(Refusal::unsupported(place, supported))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::simulator::catalog::{self, Operation};

    fn refusal(body: &Value, name: &str) -> Option<Value> {
        let model = catalog::find(name, Operation::Chat).unwrap();
        let refused = refuse_for_chat(body.as_object().unwrap(), model).err()?;
        Some(refused.body())
    }

    #[test]
    fn a_parameter_that_nobody_knows_is_named_in_the_words_of_the_operation() {
        let body = json!({"messages": [], "colour": 1, "stopp": 2});
        let body = body.as_object().unwrap();
        let chat = refuse_arguments(body, CHAT).unwrap_err().body();
        let message = "[simulated] Unrecognized request arguments supplied: colour, stopp";
        assert_eq!(chat["error"]["message"], message);
        let input = refuse_parameters(body, &["messages"], "input[2]").unwrap_err().body();
        assert_eq!(input["error"]["message"], "[simulated] Unknown parameter: 'input[2].colour'.");
        assert_eq!(input["error"]["code"], "unknown_parameter");
        assert_eq!(refuse_arguments(body, &["messages", "colour", "stopp"]), Ok(()));
    }

    #[test]
    fn reasoning_models_have_one_cap_and_no_sampling_whatever_their_deployment_is_called() {
        for name in ["gpt-5-mini", "prod-smart"] {
            let cap = refusal(&json!({"max_tokens": 5}), name).unwrap();
            assert_eq!(cap["error"]["code"], "unsupported_parameter");
            assert_eq!(cap["error"]["param"], "max_tokens");
            let warm = refusal(&json!({"temperature": 0}), name).unwrap();
            assert_eq!(warm["error"]["code"], "unsupported_value");
            assert_eq!(refusal(&json!({"stop": ["a"]}), name).unwrap()["error"]["param"], "stop");
            assert_eq!(refusal(&json!({"temperature": 1.0, "logprobs": false}), name), None);
        }
        let usual = json!({"max_tokens": 5, "temperature": 0, "stop": "a"});
        assert_eq!(refusal(&usual, "gpt-4o"), None);
        assert!(refusal(&json!({"reasoning_effort": "low"}), "gpt-4o").is_some());
    }

    #[test]
    fn mistral_names_each_field_too_many() {
        let body = json!({"user": "a", "stream": true, "stream_options": {}});
        for name in ["mistral-large-3", "prod-french"] {
            let refused = refusal(&body, name).unwrap();
            let places: Vec<_> =
                refused["detail"].as_array().unwrap().iter().map(|one| &one["loc"][1]).collect();
            assert_eq!(places, ["user", "stream_options"]);
        }
        assert_eq!(Refusal::Extra(vec!["user"]).status().as_u16(), 422);
        assert_eq!(refusal(&body, "gpt-4o"), None);
    }

    #[test]
    fn only_reasoning_models_give_encrypted_reasoning() {
        let body = json!({"include": ["reasoning.encrypted_content"]});
        let refused = |name| {
            let model = catalog::find(name, Operation::Chat).unwrap();
            refuse_for_response(body.as_object().unwrap(), model).err()
        };
        assert_eq!(refused("gpt-5-mini"), None);
        assert_eq!(refused("gpt-4o").unwrap().body()["error"]["param"], "include");
    }
}

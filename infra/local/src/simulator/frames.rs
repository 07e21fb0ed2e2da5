//! Writes a completion as the server-sent events of Azure's streams, one token a frame.
//!
//! The first frame carries the prompt's filter results and no choice, then come the role, the
//! tokens and the finish of each choice, the usage where it was asked for, and `[DONE]`.

use bytes::Bytes;
use serde_json::{Value, json};

use super::chat::Streaming;
use super::completion::{Choice, Completion, SYSTEM_FINGERPRINT, Said, prompt_filter_results};
use super::offer::Kind;
use super::stamp::Stamp;

/// The frames in order, each made when it is asked for.
pub(super) fn frames(
    completion: Completion,
    streaming: Streaming,
    stamp: Stamp,
) -> impl Iterator<Item = Bytes> + Send + 'static {
    let usage = streaming.usage.then(|| completion.usage());
    let steps = steps(&completion);
    let last = steps.len();
    let chunk = move |step: Option<(usize, usize)>| {
        let (number, choices, usage) = match step {
            Some((number, index)) => {
                let step = number / completion.choices.len();
                let choice = choice(&completion.choices[index], index, step);
                (number, json!([choice]), Value::Null)
            }
            None => (last, json!([]), usage.clone().unwrap_or_default()),
        };
        let mut chunk = json!({
            "choices": choices,
            "created": completion.created,
            "id": completion.id,
            "model": completion.model,
            "object": "chat.completion.chunk",
            "system_fingerprint": SYSTEM_FINGERPRINT,
        });
        if streaming.usage {
            chunk["usage"] = usage;
        }
        if streaming.obfuscation {
            chunk["obfuscation"] = Value::String(stamp.obfuscation(number));
        }
        event(&chunk)
    };
    let usage_step = streaming.usage.then_some(None);
    std::iter::once(event(&prompt_frame()))
        .chain(steps.into_iter().map(Some).chain(usage_step).map(chunk))
        .chain([Bytes::from_static(b"data: [DONE]\n\n")])
}

/// Pairs of a running number and a choice's index: the choices take turns until each is finished.
///
/// The number divided by the count of choices is the step of that choice.
fn steps(completion: &Completion) -> Vec<(usize, usize)> {
    let choices = &completion.choices;
    let longest = choices.iter().map(last_step).max().unwrap_or(0);
    (0..(longest + 1) * choices.len())
        .map(|number| (number, number % choices.len()))
        .filter(|(number, index)| number / choices.len() <= last_step(&choices[*index]))
        .collect()
}

/// The role is step 0, then come the tokens, and the finish is the last.
fn last_step(choice: &Choice) -> usize {
    choice.tokens.len() + 1
}

fn choice(choice: &Choice, index: usize, step: usize) -> Value {
    let token = step.checked_sub(1).and_then(|step| choice.tokens.get(step));
    let is_last = step == last_step(choice);
    let delta = match token {
        Some(token) => token_delta(&choice.said, token),
        None if is_last => json!({}),
        None => first_delta(&choice.said),
    };
    let is_filtered = token.is_some() && choice.said == Said::Text;
    json!({
        "content_filter_results": if is_filtered { token_filter_results() } else { json!({}) },
        "delta": delta,
        "finish_reason": is_last.then_some(choice.finish_reason),
        "index": index,
        "logprobs": null,
    })
}

fn first_delta(said: &Said) -> Value {
    let mut delta = json!({"content": null, "refusal": null, "role": "assistant"});
    match said {
        Said::Text => delta["content"] = json!(""),
        Said::Call { kind: Kind::Function, name, id, .. } => {
            let function = json!({"arguments": "", "name": name});
            delta["tool_calls"] =
                json!([{"function": function, "id": id, "index": 0, "type": "function"}]);
        }
        Said::Call { kind: Kind::Custom, name, id, .. } => {
            let custom = json!({"input": "", "name": name});
            delta["tool_calls"] =
                json!([{"custom": custom, "id": id, "index": 0, "type": "custom"}]);
        }
        Said::Call { kind: Kind::Legacy, name, .. } => {
            delta["function_call"] = json!({"arguments": "", "name": name});
        }
    }
    delta
}

fn token_delta(said: &Said, token: &str) -> Value {
    match said {
        Said::Text => json!({"content": token}),
        Said::Call { kind: Kind::Function, .. } => {
            json!({"tool_calls": [{"function": {"arguments": token}, "index": 0}]})
        }
        Said::Call { kind: Kind::Custom, .. } => {
            json!({"tool_calls": [{"custom": {"input": token}, "index": 0}]})
        }
        Said::Call { kind: Kind::Legacy, .. } => json!({"function_call": {"arguments": token}}),
    }
}

fn prompt_frame() -> Value {
    json!({
        "choices": [],
        "created": 0,
        "id": "",
        "model": "",
        "object": "",
        "prompt_filter_results": prompt_filter_results(),
    })
}

fn token_filter_results() -> Value {
    json!({
        "hate": {"filtered": false, "severity": "safe"},
        "self_harm": {"filtered": false, "severity": "safe"},
        "sexual": {"filtered": false, "severity": "safe"},
        "violence": {"filtered": false, "severity": "safe"},
    })
}

fn event(chunk: &Value) -> Bytes {
    Bytes::from(format!("data: {chunk}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::completion::tests::completion;

    fn stream(rest: Value, usage: bool) -> Vec<Value> {
        let streaming = Streaming { usage, obfuscation: false };
        let mut payloads: Vec<String> = frames(completion(rest), streaming, Stamp::fixed())
            .map(|frame| {
                let text = String::from_utf8(frame.to_vec()).unwrap();
                text.strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap().to_owned()
            })
            .collect();
        assert_eq!(payloads.pop().unwrap(), "[DONE]");
        payloads.iter().map(|payload| serde_json::from_str(payload).unwrap()).collect()
    }

    fn delta(chunk: &Value) -> &Value {
        &chunk["choices"][0]["delta"]
    }

    #[test]
    fn a_stream_has_the_prompt_the_role_the_tokens_and_the_finish() {
        let chunks = stream(json!({"max_tokens": 3}), false);
        assert_eq!(chunks.len(), 1 + 1 + 3 + 1);
        assert_eq!(chunks[0], prompt_frame());
        assert_eq!(
            *delta(&chunks[1]),
            json!({"content": "", "refusal": null, "role": "assistant"})
        );
        let text: String =
            chunks[2..5].iter().map(|chunk| delta(chunk)["content"].as_str().unwrap()).collect();
        assert_eq!(text, "[simulated] ");
        assert_eq!(*delta(&chunks[5]), json!({}));
        assert_eq!(chunks[5]["choices"][0]["finish_reason"], "length");
        assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));
    }

    #[test]
    fn usage_comes_last_and_counts_the_frames() {
        let chunks = stream(json!({}), true);
        let (usage, before) = chunks.split_last().unwrap();
        assert_eq!(usage["choices"], json!([]));
        let contents = before.iter().filter(|chunk| {
            delta(chunk)["content"].as_str().is_some_and(|content| !content.is_empty())
        });
        assert_eq!(usage["usage"]["completion_tokens"], contents.count());
        assert!(before[1..].iter().all(|chunk| chunk["usage"] == Value::Null));
        assert!(before[1..].iter().all(|chunk| chunk.get("usage").is_some()));
        assert!(before[0].get("usage").is_none());
    }

    #[test]
    fn a_tool_call_is_streamed_in_pieces() {
        let parameters = json!({"properties": {"city": {"type": "string"}}});
        let tool =
            json!({"type": "function", "function": {"name": "hello", "parameters": parameters}});
        let chunks = stream(json!({"tools": [tool]}), true);
        let first = &delta(&chunks[1])["tool_calls"][0];
        assert_eq!((&first["index"], &first["type"]), (&json!(0), &json!("function")));
        assert_eq!(first["function"], json!({"arguments": "", "name": "hello"}));
        let calls = chunks
            .iter()
            .filter_map(|chunk| delta(chunk)["tool_calls"][0]["function"]["arguments"].as_str());
        assert_eq!(calls.collect::<String>(), r#"{"city":"simulated city"}"#);
        let finish = &chunks[chunks.len() - 2]["choices"][0];
        assert_eq!(finish["finish_reason"], "tool_calls");
    }

    #[test]
    fn choices_take_turns_and_each_is_finished() {
        let chunks = stream(json!({"n": 2, "max_tokens": 1}), false);
        let turns: Vec<_> = chunks[1..].iter().map(|chunk| &chunk["choices"][0]["index"]).collect();
        assert_eq!(turns, [0, 1, 0, 1, 0, 1]);
        let finished =
            chunks.iter().filter(|chunk| chunk["choices"][0]["finish_reason"].is_string());
        assert_eq!(finished.count(), 2);
    }

    #[test]
    fn obfuscation_is_added_unless_declined() {
        let streaming = Streaming { usage: false, obfuscation: true };
        let frames: Vec<_> = frames(completion(json!({})), streaming, Stamp::fixed()).collect();
        assert!(String::from_utf8_lossy(&frames[2]).contains("\"obfuscation\":"));
    }
}

//! Legacy completions: each prompt is continued by words that say they are simulated.

use bytes::Bytes;
use serde_json::{Value, json};

use super::catalog::Model;
use super::fields::{self, Object};
use super::refusal::Refusal;
use super::response::Body;
use super::stamp::Stamp;
use super::{parameters, tokens};

/// The completion without a cap, as at Azure.
const USUAL_CAP: usize = 16;

/// The response to a request, and the tokens of its prompts.
pub(super) fn respond(
    body: &Object,
    model: &Model,
    stamp: &Stamp,
) -> Result<(Body, usize), Refusal> {
    parameters::refuse_arguments(body, parameters::COMPLETIONS)?;
    let prompts = prompts(body)?;
    let cap = fields::integer(body, "max_tokens", 1..=model.largest())?.unwrap_or(USUAL_CAP);
    let choices = fields::integer(body, "n", 1..=128)?.unwrap_or(1);
    let best_of = fields::integer(body, "best_of", 1..=20)?.unwrap_or(choices).max(choices);
    let prompt_tokens: usize = prompts.iter().map(|(_, tokens)| tokens).sum();
    let texts: Vec<(Vec<String>, bool)> = prompts
        .iter()
        .flat_map(|(prompt, _)| std::iter::repeat_n(prompt, choices))
        .map(|prompt| {
            let text = format!(" [simulated] This continues \"{prompt}\".");
            let all: Vec<String> = tokens::split(&text).map(ToOwned::to_owned).collect();
            let is_cut = all.len() > cap;
            (all.into_iter().take(cap).collect(), is_cut)
        })
        .collect();
    let written: usize = texts.iter().map(|(tokens, _)| tokens.len()).sum();
    let completion_tokens = written / choices * best_of;
    let usage = json!({
        "prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    });
    let head = json!({
        "id": stamp.completion_id().replace("chatcmpl", "cmpl"), "object": "text_completion",
        "created": stamp.created(), "model": model.version,
    });
    let choice = |index: usize, text: &str, finish: Option<&str>| json!({"text": text, "index": index, "logprobs": null, "finish_reason": finish});
    let finish = |is_cut: bool| Some(if is_cut { "length" } else { "stop" });
    if !fields::flag(body, "stream")? {
        let mut response = head;
        let choices = texts.iter().enumerate();
        let choices = choices.map(|(i, (text, cut))| choice(i, &text.concat(), finish(*cut)));
        response["choices"] = choices.collect();
        response["usage"] = usage;
        return Ok((Body::Buffered(Bytes::from(response.to_string())), prompt_tokens));
    }
    let with = |choices: Value, usage: &Value| {
        let mut frame = head.clone();
        frame["choices"] = choices;
        frame["usage"] = usage.clone();
        Bytes::from(format!("data: {frame}\n\n"))
    };
    let mut frames = Vec::new();
    for (index, (text, is_cut)) in texts.iter().enumerate() {
        frames.extend(text.iter().map(|t| with(json!([choice(index, t, None)]), &Value::Null)));
        frames.push(with(json!([choice(index, "", finish(*is_cut))]), &Value::Null));
    }
    if body.get("stream_options").is_some_and(|options| options["include_usage"] == true) {
        frames.push(with(json!([]), &usage));
    }
    frames.push(Bytes::from_static(b"data: [DONE]\n\n"));
    Ok((Body::Frames(Box::new(frames.into_iter())), prompt_tokens))
}

/// The beginning of each prompt, and its tokens.
fn prompts(body: &Object) -> Result<Vec<(String, usize)>, Refusal> {
    let wrong = |given: &Value| {
        Refusal::wrong_type("prompt", "a string, an array of strings or of tokens", given)
    };
    let one = |prompt: &Value| match prompt {
        Value::String(text) => Ok((text.chars().take(40).collect(), tokens::count(text))),
        Value::Array(tokens) => Ok(("tokens".to_owned(), tokens.len())),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Err(wrong(prompt)),
    };
    match fields::given(body, "prompt") {
        None => Ok(vec![(String::new(), 1)]),
        Some(Value::Array(many)) if !many.is_empty() && !many.iter().all(Value::is_number) => {
            many.iter().map(one).collect()
        }
        Some(prompt) => Ok(vec![one(prompt)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::catalog::{self, Operation};

    fn buffered(body: Value) -> Value {
        let model = catalog::find("gpt-35-turbo-instruct", Operation::Completions).unwrap();
        match respond(body.as_object().unwrap(), model, &Stamp::fixed()).unwrap().0 {
            Body::Buffered(bytes) => serde_json::from_slice(&bytes).unwrap(),
            Body::Octets(_) | Body::Frames(_) | Body::Typed(..) => {
                panic!("no stream was asked for")
            }
        }
    }

    #[test]
    fn every_prompt_is_continued_and_counted() {
        let one = buffered(json!({"prompt": "Once upon a time", "max_tokens": 3}));
        assert_eq!(one["choices"][0]["finish_reason"], "length");
        assert_eq!(one["usage"]["completion_tokens"], 3);
        let many = buffered(json!({"prompt": ["a", "b"], "n": 2}));
        assert_eq!(many["choices"].as_array().unwrap().len(), 4);
        assert_eq!(buffered(json!({"prompt": [1, 2, 3]}))["usage"]["prompt_tokens"], 3);
    }
}

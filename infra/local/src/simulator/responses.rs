//! The Responses API over the same simulated model: reads an input as a chat, and writes what a
//! chat would answer as a response, buffered or as named events.

use serde_json::{Value, json};

use super::catalog::Model;
use super::chat::{ChatRequest, Format};
use super::completion::{Choice, Completion, Said};
use super::fields::{self, Object};
use super::offer::Kind;
use super::refusal::Refusal;
use super::stamp::Stamp;
use super::tools::choose;
use super::{cache, parameters};

mod events;
pub(super) mod items;
pub(super) mod seal;
mod tools;

/// The shortest cap that the API takes.
const LEAST_CAP: usize = 16;

/// A response that was made.
pub(super) struct Made {
    /// The complete response.
    pub(super) body: Value,
    /// Its output.
    pub(super) output: Vec<Value>,
    /// The text or the arguments of the last item, token by token.
    tokens: Vec<String>,
    /// Why it failed after it began, which only a stream can say.
    failure: Option<Refusal>,
}

/// What a response is made with.
pub(super) struct Maker<'m> {
    pub(super) model: &'static Model,
    /// The id of the resource, which alone reads its encrypted content.
    pub(super) resource: &'m str,
    pub(super) prompts: &'m mut cache::Prompts,
    pub(super) stamp: &'m Stamp,
}

impl Maker<'_> {
    /// Makes the response to everything that was said.
    pub(super) fn make(&mut self, body: &Object, said: &[Value]) -> Result<Made, Refusal> {
        let request = self.read(body, said)?;
        if let Err(failure) = self.check_context(body, &request) {
            let is_streamed = fields::flag(body, "stream")?;
            let body = self.frame(body, "failed", &[]);
            let made = Made { body, output: Vec::new(), tokens: Vec::new(), failure: None };
            return match is_streamed {
                true => Ok(Made { failure: Some(failure), ..made }),
                false => Err(failure),
            };
        }
        let completion = Completion::compose(&request, self.stamp);
        let choice = completion.choices.first().ok_or(Refusal::Path)?;
        let is_cut = choice.finish_reason == "length";
        let output = self.output(body, choice, is_cut);
        let status = if is_cut { "incomplete" } else { "completed" };
        let mut response = self.frame(body, status, &output);
        let usage = completion.usage();
        let cached = &usage["prompt_tokens_details"]["cached_tokens"];
        let reasoning = &usage["completion_tokens_details"]["reasoning_tokens"];
        response["usage"] = json!({
            "input_tokens": usage["prompt_tokens"],
            "input_tokens_details": {"cached_tokens": cached},
            "output_tokens": usage["completion_tokens"],
            "output_tokens_details": {"reasoning_tokens": reasoning},
            "total_tokens": usage["total_tokens"],
        });
        Ok(Made { output, body: response, tokens: choice.tokens.clone(), failure: None })
    }

    /// The request as a chat.
    fn read(&mut self, body: &Object, said: &[Value]) -> Result<ChatRequest, Refusal> {
        parameters::refuse_parameters(body, parameters::RESPONSES, "")?;
        parameters::refuse_for_response(body, self.model)?;
        let instructions = fields::text(body, "instructions")?;
        let system = instructions.map(|text| json!({"role": "system", "content": text}));
        let messages: Vec<Value> =
            system.into_iter().chain(said.iter().filter_map(items::message)).collect();
        let mut chat = Object::new();
        chat.insert("messages".to_owned(), messages.into());
        let mut request = ChatRequest::read_unchecked(&chat, self.model).map_err(in_input)?;
        let most = self.model.largest();
        let cap = fields::integer(body, "max_output_tokens", LEAST_CAP..=most)?;
        request.cap = cap.unwrap_or(most);
        let effort = fields::given(body, "reasoning").map(|given| &given["effort"]);
        let effort = effort.filter(|effort| !effort.is_null());
        request.reasoning = parameters::reasoning_tokens(effort, "reasoning.effort", self.model)?;
        let offers = tools::read(body, said)?;
        request.prompt_tokens += offers.tokens;
        request.call =
            choose(&offers.list, tools::choice(body, &offers)?, &request.prompt, "tool_choice")?;
        if let Some(format) = fields::given(body, "text").map(|text| &text["format"])
            && !format.is_null()
        {
            let read =
                Format::read(format, (format, "text.format"), "text.format", &request.prompt);
            request.format = read.map_err(in_input)?;
        }
        let prompt = format!("{instructions:?}{}{}", offers.described, Value::from(said.to_vec()));
        request.look_up(self.prompts, &prompt);
        Ok(request)
    }

    /// Azure begins a streamed response before it counts, so the fault comes as an event.
    fn check_context(&self, body: &Object, request: &ChatRequest) -> Result<(), Refusal> {
        match fields::text(body, "truncation")? {
            Some("auto") => Ok(()),
            None | Some("disabled") => request.check_context("input"),
            Some(_) => Err(Refusal::unsupported("truncation", "'auto' and 'disabled'")),
        }
    }

    fn output(&self, body: &Object, choice: &Choice, is_cut: bool) -> Vec<Value> {
        let mut output = Vec::new();
        if choice.reasoning > 0 {
            output.push(self.reasoning(body, choice.reasoning));
        }
        // What is cut while it reasons says nothing.
        if is_cut && choice.tokens.is_empty() {
            return output;
        }
        let text = choice.tokens.concat();
        let status = if is_cut { "incomplete" } else { "completed" };
        output.push(match &choice.said {
            Said::Text => json!({
                "id": self.stamp.id("msg_"), "type": "message", "role": "assistant",
                "status": status, "content": [
                    {"type": "output_text", "text": text, "annotations": [], "logprobs": []}],
            }),
            Said::Call { kind: Kind::Custom, namespace, name, id } => {
                let mut item = json!({
                    "id": self.stamp.id("ctc_"), "type": "custom_tool_call", "status": status,
                    "call_id": id, "name": name, "input": text,
                });
                put_namespace(&mut item, namespace.as_deref());
                item
            }
            Said::Call { kind: Kind::Function | Kind::Legacy, namespace, name, id } => {
                let mut item = json!({
                    "id": self.stamp.id("fc_"), "type": "function_call", "status": status,
                    "call_id": id, "name": name, "arguments": text,
                });
                put_namespace(&mut item, namespace.as_deref());
                item
            }
        });
        output
    }

    fn reasoning(&self, body: &Object, tokens: usize) -> Value {
        let reasoning = fields::given(body, "reasoning");
        let wants_summary = reasoning.is_some_and(|given| given["summary"].is_string());
        let summary = match wants_summary {
            true => {
                json!([{"type": "summary_text", "text": "[simulated] **Summary of the reasoning**"}])
            }
            false => json!([]),
        };
        let id = self.stamp.id("rs_");
        let mut item = json!({"id": id, "type": "reasoning", "summary": summary});
        let include = fields::given(body, "include").and_then(Value::as_array);
        if include.is_some_and(|listed| listed.iter().any(|one| one == seal::INCLUDE)) {
            item["encrypted_content"] = seal::seal(self.resource, &format!("{id} {tokens}")).into();
        }
        item
    }

    /// The response around its output.
    fn frame(&self, body: &Object, status: &str, output: &[Value]) -> Value {
        let given = |name: &str| fields::given(body, name).cloned();
        let is_cut = status == "incomplete";
        let text = given("text").filter(|text| text["format"].is_object());
        let reasoning = given("reasoning").unwrap_or_else(|| json!({}));
        json!({
            "id": self.stamp.id("resp_"),
            "object": "response",
            "created_at": self.stamp.created(),
            "status": status,
            "background": false,
            "error": null,
            "incomplete_details": is_cut.then(|| json!({"reason": "max_output_tokens"})),
            "instructions": given("instructions"),
            "max_output_tokens": given("max_output_tokens"),
            "metadata": given("metadata").unwrap_or_else(|| json!({})),
            "model": self.model.version,
            "output": output,
            "parallel_tool_calls": given("parallel_tool_calls").unwrap_or(Value::Bool(true)),
            "previous_response_id": given("previous_response_id"),
            "conversation": given("conversation").map(|one| {
                if one.is_string() { json!({"id": one}) } else { one }
            }),
            "prompt_cache_key": given("prompt_cache_key"),
            "reasoning": {"effort": reasoning["effort"], "summary": reasoning["summary"]},
            "safety_identifier": given("safety_identifier"),
            "service_tier": "default",
            "store": given("store").unwrap_or(Value::Bool(true)),
            "temperature": given("temperature").unwrap_or_else(|| json!(1.0)),
            "text": text.unwrap_or_else(|| json!({"format": {"type": "text"}})),
            "tool_choice": given("tool_choice").unwrap_or_else(|| json!("auto")),
            "tools": given("tools").unwrap_or_else(|| json!([])),
            "top_p": given("top_p").unwrap_or_else(|| json!(1.0)),
            "truncation": given("truncation").unwrap_or_else(|| json!("disabled")),
            "usage": null,
            "user": given("user"),
        })
    }
}

fn put_namespace(item: &mut Value, namespace: Option<&str>) {
    if let Some(namespace) = namespace {
        item["namespace"] = namespace.into();
    }
}

/// A fault of a message, as one of the input.
fn in_input(mut refusal: Refusal) -> Refusal {
    if let Refusal::Invalid { message, param: Some(param), .. } = &mut refusal
        && param.starts_with("messages")
    {
        *message = message.replace("messages", "input");
        *param = param.replace("messages", "input");
    }
    refusal
}

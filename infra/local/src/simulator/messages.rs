//! Claude on Azure AI Foundry: `/anthropic/v1/messages` and `…/count_tokens`.
//!
//! Beside the words that change every answer, "trigger an overload" gives status 529, and "trigger
//! an error in the stream" an error event after the first words. A prompt chooses tools as it does
//! for chats. Only some values of `anthropic-beta` are known here, as at Foundry.

mod write;

use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::catalog::{self, Operation};
use super::fields::{self, Object};
use super::offer::Offer;
use super::refusal::Refusal;
use super::response::{Body, SimulatedResponse};
use super::route;
use super::stamp::Stamp;
use super::{mention, tokens};

/// The base of Anthropic's API at a resource.
const BASE: &str = "/anthropic/v1/";

/// With more tools than these, one is called only where the prompt has its arguments: coding agents
/// send many tools, and name them in what they say about them.
const FEW_TOOLS: usize = 8;

/// The values of `anthropic-beta` that are known.
const BETAS: [&str; 7] = [
    "claude-code-20250219",
    "context-1m-2025-08-07",
    "context-management-2025-06-27",
    "fine-grained-tool-streaming-2025-05-14",
    "interleaved-thinking-2025-05-14",
    "output-128k-2025-02-19",
    "prompt-caching-2024-07-31",
];

/// What the model says.
enum Said {
    Thinking(String),
    Text(String),
    Call { name: String, input: Value },
}

/// A message that was made.
struct Message {
    id: String,
    model: &'static str,
    said: Vec<Said>,
    stop_reason: &'static str,
    /// Tokens that were neither read from the cache nor written to it.
    input: usize,
    cache_read: usize,
    cache_write: usize,
    output: usize,
    /// Whether the stream ends with an error.
    breaks: bool,
}

/// The response to a request below Anthropic's base; none for another.
pub(super) fn respond(head: &Parts, body: &[u8], stamp: &Stamp) -> Option<SimulatedResponse> {
    let path = head.uri.path().strip_prefix(BASE)?;
    let decided = match (&head.method, path) {
        _ if !route::has_key(&head.headers) => Err(Refusal::Key),
        (&Method::POST, "messages") => messages(head, body, stamp),
        (&Method::POST, "messages/count_tokens") => count(head, body),
        _ => Err(Refusal::Path),
    };
    Some(decided.unwrap_or_else(|refusal| refused(&refusal, stamp)))
}

fn messages(head: &Parts, body: &[u8], stamp: &Stamp) -> Result<SimulatedResponse, Refusal> {
    let body = read(head, body)?;
    let model = fields::text(&body, "model")?.unwrap_or_default();
    let model = catalog::find(model, Operation::Messages)?;
    if fields::integer(&body, "max_tokens", 1..=1_000_000)?.is_none() {
        return Err(Refusal::missing("max_tokens"));
    }
    let prompt = last_text(&body, &offers(&body));
    let mentions = |words: &str| prompt.to_ascii_lowercase().contains(words);
    if mentions("trigger a rate limit") {
        return Err(Refusal::RateLimit(Operation::Messages));
    }
    if mentions("trigger an overload") {
        return Ok(error(overloaded(), "overloaded_error", "Overloaded", stamp));
    }
    if mentions("trigger the content filter") {
        return Err(Refusal::invalid("The prompt asked for the content filter."));
    }
    let message =
        compose(&body, model.version, &prompt, mentions("trigger an error in the stream"), stamp);
    let tokens = message.input + message.output;
    let body = match fields::flag(&body, "stream")? {
        true => Body::Frames(Box::new(write::events(&message).into_iter())),
        false => Body::Buffered(write::buffered(&message).to_string().into()),
    };
    Ok(SimulatedResponse::of(body, model.name, tokens))
}

fn count(head: &Parts, body: &[u8]) -> Result<SimulatedResponse, Refusal> {
    let body = read(head, body)?;
    let model = fields::text(&body, "model")?.unwrap_or_default();
    let model = catalog::find(model, Operation::Messages)?;
    let counted = json!({"input_tokens": prompt_tokens(&body)});
    Ok(SimulatedResponse::of(Body::Buffered(counted.to_string().into()), model.name, 0))
}

/// Reads the body, and refuses betas that are not known.
fn read(head: &Parts, body: &[u8]) -> Result<Object, Refusal> {
    let sent = head.headers.get_all("anthropic-beta").iter();
    let sent = sent.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let unknown: Vec<_> = sent.map(str::trim).filter(|value| !BETAS.contains(value)).collect();
    if !unknown.is_empty() {
        let values = unknown.join("`, `");
        let message = format!("Unexpected value(s) `{values}` for the `anthropic-beta` header.");
        return Err(Refusal::invalid(message));
    }
    if !head.headers.contains_key("anthropic-version") {
        return Err(Refusal::invalid("anthropic-version: header is required"));
    }
    let body = fields::object(body)?;
    match fields::given(&body, "messages") {
        Some(Value::Array(messages)) if !messages.is_empty() => Ok(body),
        Some(_) | None => Err(Refusal::missing("messages")),
    }
}

fn list<'b>(body: &'b Object, name: &str) -> impl DoubleEndedIterator<Item = &'b Value> {
    body.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// The tokens of everything that the model reads.
fn prompt_tokens(body: &Object) -> usize {
    let read = ["system", "messages", "tools"].iter().filter_map(|name| body.get(*name));
    read.map(|value| tokens::count(&value.to_string())).sum()
}

/// The blocks of a message; a text is one.
fn blocks(message: &Value) -> Vec<Value> {
    let content = &message["content"];
    match content.as_str() {
        Some(text) => vec![json!({"type": "text", "text": text})],
        None => content.as_array().cloned().unwrap_or_default(),
    }
}

/// Whether a message of the user only carries results of tools.
fn is_result(message: &Value) -> bool {
    blocks(message).iter().any(|block| block["type"] == "tool_result")
}

/// The tools of a request. Those that the server itself runs have no schema.
fn offers(body: &Object) -> Vec<Offer<'_>> {
    list(body, "tools").filter_map(Offer::of_messages).collect()
}

/// What the user said last, without the results of tools and what a coding agent adds by itself.
fn last_text(body: &Object, offers: &[Offer<'_>]) -> String {
    let users = list(body, "messages").filter(|message| message["role"] == "user");
    let texts = users.rev().map(text_of).filter(|text| !text.is_empty());
    // Agents say more behind the prompt.
    let texts: Vec<_> = texts.collect();
    let asking = texts.iter().find(|text| !mention::with_arguments(text, offers).is_empty());
    asking.or(texts.first()).cloned().unwrap_or_default()
}

fn text_of(message: &Value) -> String {
    let blocks = blocks(message);
    let texts = blocks.iter().filter_map(|block| block["text"].as_str());
    let texts = texts.filter(|text| !text.trim_start().starts_with("<system-reminder>"));
    texts.collect::<Vec<_>>().join("\n")
}

fn compose(
    body: &Object,
    model: &'static str,
    prompt: &str,
    breaks: bool,
    stamp: &Stamp,
) -> Message {
    let cap = body["max_tokens"].as_u64().and_then(|cap| usize::try_from(cap).ok());
    let mut left = cap.unwrap_or(usize::MAX);
    let mut said = Vec::new();
    let thinking = body.get("thinking").is_some_and(|thinking| thinking["type"] != "disabled");
    if thinking {
        said.push(Said::Thinking("[simulated] Hm.".to_owned()));
    }
    let mut stop_reason = "end_turn";
    match call(body, prompt) {
        Some((name, input)) => {
            stop_reason = "tool_use";
            said.push(Said::Call { name, input });
        }
        None => said.push(Said::Text(words(body, prompt))),
    }
    let mut output = 0;
    for part in &mut said {
        let used = tokens::count(&part.text());
        if let Said::Text(text) = part
            && used > left
        {
            *text = tokens::split(text).take(left).collect();
            stop_reason = "max_tokens";
        }
        let used = used.min(left);
        left -= used;
        output += used;
    }
    let all = prompt_tokens(body);
    // A conversation that goes on finds in the cache what its first request has written to it.
    let is_cached = body.values().any(|value| value.to_string().contains("\"cache_control\""));
    let repeated = ["system", "tools"].iter().filter_map(|name| body.get(*name));
    let repeated: usize = repeated.map(|value| tokens::count(&value.to_string())).sum();
    let cached = if is_cached { repeated } else { 0 };
    let goes_on = list(body, "messages").count() > 1;
    Message {
        id: stamp.id("msg_"),
        model,
        said,
        stop_reason,
        input: all - cached,
        cache_read: if goes_on { cached } else { 0 },
        cache_write: if goes_on { 0 } else { cached },
        output,
        breaks,
    }
}

impl Said {
    fn text(&self) -> String {
        match self {
            Self::Thinking(text) | Self::Text(text) => text.clone(),
            Self::Call { input, .. } => input.to_string(),
        }
    }
}

fn words(body: &Object, prompt: &str) -> String {
    let excerpt: String = prompt.chars().take(80).collect();
    match list(body, "messages").next_back().is_some_and(is_result) {
        true => "[simulated] The tool has answered. A real model would now go on.".to_owned(),
        false => format!(
            "[simulated] No model was asked: this text comes from Lanyard's Azure simulator. It saw \
             {} messages, and the last one said: \"{excerpt}\".",
            list(body, "messages").count()
        ),
    }
}

/// The tool to call now, with its arguments.
fn call(body: &Object, prompt: &str) -> Option<(String, Value)> {
    let offers = offers(body);
    let choice = body.get("tool_choice").unwrap_or(&Value::Null);
    let messages: Vec<_> = list(body, "messages").collect();
    let asked_at = messages.iter().rposition(|message| text_of(message) == prompt).unwrap_or(0);
    let done = messages[asked_at..].iter().filter(|message| is_result(message)).count();
    let (offer, given) = match choice["type"].as_str() {
        Some("none") => None,
        Some("tool") if done == 0 => {
            let offer = offers.iter().find(|offer| choice["name"] == offer.name)?;
            Some((offer, mention::given(prompt, offer)))
        }
        Some("any") if done == 0 => {
            let first = || Some((offers.first()?, None));
            asked(prompt, 0, &offers).or_else(first)
        }
        _ => asked(prompt, done, &offers),
    }?;
    let call = offer.call(given);
    Some((call.name, serde_json::from_str(&call.arguments).unwrap_or_default()))
}

/// The tool that a prompt asks for after so many calls.
fn asked<'o, 'a>(
    prompt: &str,
    calls: usize,
    offers: &'o [Offer<'a>],
) -> Option<(&'o Offer<'a>, Option<String>)> {
    let with_arguments = mention::with_arguments(prompt, offers);
    match with_arguments.is_empty() && offers.len() <= FEW_TOOLS {
        true => mention::asked(prompt, calls, offers),
        false => with_arguments.into_iter().nth(calls),
    }
}

fn overloaded() -> StatusCode {
    StatusCode::from_u16(529).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}

/// A refusal in Anthropic's shape. What Azure's own front door refuses has Azure's.
fn refused(refusal: &Refusal, stamp: &Stamp) -> SimulatedResponse {
    let kind = match refusal {
        Refusal::Key | Refusal::Path => return SimulatedResponse::from(refusal.clone()),
        Refusal::Missing | Refusal::Item(_) | Refusal::Deployment => "not_found_error",
        Refusal::TooLarge => "request_too_large",
        Refusal::RateLimit(_) => "rate_limit_error",
        Refusal::Operation { .. }
        | Refusal::Extra(_)
        | Refusal::Invalid { .. }
        | Refusal::ContentFilter => "invalid_request_error",
    };
    let body = refusal.body();
    let message = body["error"]["message"].as_str().unwrap_or_default();
    let message = match matches!(refusal, Refusal::Deployment) {
        true => format!("model: {message}"),
        false => message.to_owned(),
    };
    let mut response = error(refusal.status(), kind, &message, stamp);
    response.headers.extend(refusal.headers());
    response
}

fn error(status: StatusCode, kind: &str, message: &str, stamp: &Stamp) -> SimulatedResponse {
    let error = json!({"type": kind, "message": message});
    let id = stamp.id("req_");
    let body = json!({"type": "error", "error": error, "request_id": id});
    SimulatedResponse { status, headers: Vec::new(), body: Body::Buffered(body.to_string().into()) }
}

#[cfg(test)]
mod tests;

//! `POST …/responses`, and what is done with stored responses.
//!
//! An input of items as JSON; tokens are counted. Azure stores a response unless `store` is false.
//! <https://platform.openai.com/docs/api-reference/responses>

mod calls;

use std::borrow::Cow;

use bytes::Bytes;
use lanyard_domain::account::Hold;
use lanyard_domain::estimate::Estimate;
use lanyard_domain::object::Kind;
use lanyard_domain::operation::Operation;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::added::AddedField;
use crate::chunk;
use crate::content::Content;
use crate::demand::{Caps, Demanded, HostedUse};
use crate::documentation::{
    Documentation, MAX_OUTPUT_TOKENS, MODEL, STREAM, STREAM_OPTIONS, Sample, TOOLS,
};
use crate::error::{BadRequestCode, BodyRefused, invalid, not_allowed};
use crate::fields::{count, flag, is_streamed, refuse_background};
use crate::payload::{Payload, Target};
use crate::references::IdPlace;
use crate::response::ResponseFormat;
use crate::sse::Frame;
use crate::stream::failure::{self, Failure};
use crate::stream::{StreamEvent, StreamFormat, StreamState};
use crate::tools::Decided;
use crate::usage::{Counted, ResponseUsage};
use crate::write::Object;
use crate::{Placement, Protocol};
use crate::{buffered, identity, input, items, stored, tools, usage};

pub(crate) static PROTOCOL: Protocol = Protocol {
    placement: Placement::Resource,
    ids: IDS,
    response: ResponseFormat { cost, ..ResponseFormat::TOKENS },
    stream: StreamFormat {
        read: read_event,
        error: error_event,
        of_buffered: buffered::response,
        ..chunk::FORMAT
    },
    documentation: Some(DOCUMENTATION),
    ..Protocol::call(Operation::Responses, "responses", read, write)
};

/// Where the body of a response may name stored objects, beside the fields that hold ids by name.
pub(crate) const IDS: &[IdPlace] = &[
    IdPlace::names("conversation", Kind::Conversation),
    IdPlace::names("conversation.id", Kind::Conversation),
    IdPlace::refused("prompt.id", STORED_PROMPT),
];

const DOCUMENTATION: Documentation =
    Documentation::new("respond", "Responses", "responses/create", SAMPLE).reads(
        "ResponseRequest",
        &[
            MODEL,
            STREAM,
            STREAM_OPTIONS,
            MAX_OUTPUT_TOKENS,
            (
                "store",
                r#"{"type": "boolean", "description": "Whether Azure stores the response, if the event keeps objects."}"#,
            ),
            ("background", r#"{"type": "boolean", "description": "Must be `false`."}"#),
            TOOLS,
        ],
    );

const SAMPLE: Sample = Sample::Json {
    fields: r#""input": "Hi""#,
    cheapest: Some(r#", "store": false, "max_output_tokens": 16"#),
};

/// The bound of the calls of Azure's tools in one response.
const MAX_TOOL_CALLS: &str = "max_tool_calls";

const STORED_PROMPT: &str =
    "Stored prompts are not offered. Send the prompt itself as input or instructions.";

/// The demand of a response, or of a request with the same body.
pub(crate) fn read(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<Demanded, BodyRefused> {
    refuse_background(payload)?;
    refuse_beyond_event(payload)?;
    refuse_fields_of_chats(payload)?;
    let earlier = payload.field("previous_response_id");
    if earlier.is_some_and(|raw| !raw.get().starts_with('"')) {
        return Err(invalid("previous_response_id", "must be the id of a response, as text"));
    }
    let input = items::read(payload, "input")?;
    let (mut item_ids, mut reasoning_ids) = (Vec::new(), Vec::new());
    if let Some(input) = &input {
        items::check_approvals(payload, input)?;
        match caps.keeps_objects {
            true => (item_ids, reasoning_ids) = items::references(input),
            false => items::refuse_references("input", input, true)?,
        }
    }
    let Decided { dropped, choice, hosted } =
        tools::check_call(payload, input.as_ref().map(|input| ("input", input)), caps)?;
    if payload.field("prompt").is_some() {
        return Err(not_allowed("prompt", STORED_PROMPT));
    }
    let is_streamed = is_streamed(payload)?;
    if payload.field("stream_options").is_some() && !is_streamed {
        return Err(invalid("stream_options", "is only allowed together with \"stream\": true"));
    }
    // Azure's own default is to store.
    let is_kept = flag(payload, "store")?.unwrap_or(true) && caps.keeps_objects;
    let reasons = caps.facts.reasons || payload.field("reasoning").is_some();
    let asked = count(payload, "max_output_tokens")?;
    // Azure checks it.
    let most_calls = payload.field(MAX_TOOL_CALLS).and_then(|calls| calls.get().parse().ok());
    let prompt = items::estimate(payload, "input", input.as_ref(), caps)?;
    let listed = instructions(payload, caps)?;
    let prompt = Estimate { prompt_tokens: prompt.prompt_tokens.saturating_add(listed), ..prompt };
    let cap = caps.cap(asked, caps.completion_tokens, prompt.prompt_tokens);
    Ok(Demanded {
        is_streamed,
        completion_cap: Some(cap),
        asked_cap: asked,
        is_kept,
        item_ids,
        reasoning_ids,
        is_stateless: !caps.keeps_objects,
        adds_reasoning: reasons && !is_kept,
        dropped_tools: dropped,
        changed_tool_choice: choice,
        hosted: hosted.map(|hosted| HostedUse { asked: most_calls, ..hosted }),
        contexts: usage::contexts(hosted.is_some(), most_calls),
        estimate: Estimate { completion_tokens: cap, ..prompt },
        ..Demanded::nothing()
    })
}

/// The tokens of instructions that are a list of items; as a text they are counted with the body.
fn instructions(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<u64, BodyRefused> {
    const FIELD: &str = "instructions";
    let list = payload.field(FIELD).filter(|raw| raw.get().starts_with('['));
    let Some(raw) = list else { return Ok(0) };
    let Some(items) = items::read(payload, FIELD)? else { return Ok(0) };
    items::refuse_references(FIELD, &items, false)?;
    tools::check_items(FIELD, &items, caps)?;
    Ok(Content::of(raw.get(), &items, caps.facts).tokens)
}

/// An agent of the organiser's resource brings tools and instructions of its own, and data sources
/// their keys.
fn refuse_beyond_event(payload: &Payload<'_>) -> Result<(), BodyRefused> {
    let reaching = ["agent", "agent_reference", "data_sources", "dataSources"];
    match reaching.into_iter().find(|name| payload.field(name).is_some()) {
        None => Ok(()),
        Some(field) => {
            Err(not_allowed(field, format!("{field} is not allowed here. Leave it out.")))
        }
    }
}

fn refuse_fields_of_chats(payload: &Payload<'_>) -> Result<(), BodyRefused> {
    let others = ["max_tokens", "max_completion_tokens", "messages", "n", "best_of"];
    let found = others.into_iter().find(|name| payload.field(name).is_some());
    let Some(field) = found else { return Ok(()) };
    let instead = match field {
        "messages" => "Use input.",
        "n" | "best_of" => "Ask again instead.",
        _ => "Use max_output_tokens.",
    };
    Err(BodyRefused::bad(
        BadRequestCode::UnknownParameter,
        Some(field),
        format!("{field} does not belong to responses. {instead}"),
    ))
}

/// Fields that are written anew, and those of chats and agents, which are refused unless they are `null`.
const REPLACED: [&str; 15] = [
    "model",
    "store",
    "max_output_tokens",
    "stream",
    "background",
    "max_tokens",
    "max_completion_tokens",
    "messages",
    "n",
    "best_of",
    "prompt",
    "agent",
    "agent_reference",
    "data_sources",
    "dataSources",
];

fn write(payload: &Payload<'_>, demanded: &Demanded, target: &Target<'_>, out: &mut Vec<u8>) {
    let mut object = Object { out };
    object.text("model", target.azure_name);
    object.identity(AddedField::User, target);
    object.raw("store", if demanded.is_kept { "true" } else { "false" });
    if let Some(cap) = demanded.completion_cap {
        object.raw("max_output_tokens", &cap.to_string());
    }
    if demanded.is_streamed {
        object.raw("stream", "true");
    }
    // Without it a client cannot send the reasoning back with the result of a tool.
    let include = payload.field("include").map(RawValue::get);
    let added = (demanded.adds_reasoning && !target.refused.has(AddedField::Include))
        .then(|| input::with_reasoning(include));
    let added = added.flatten();
    if let Some(include) = &added {
        object.raw("include", include);
    }
    let most_calls = demanded.hosted.and_then(|hosted| hosted.most);
    if let Some(most) = most_calls {
        object.raw(MAX_TOOL_CALLS, &most.to_string());
    }
    for (name, raw) in &payload.fields {
        match name.as_ref() {
            MAX_TOOL_CALLS if most_calls.is_some() => {}
            "service_tier" => object.raw("service_tier", "\"default\""),
            "safety_identifier" => object.identity(AddedField::SafetyIdentifier, target),
            name if identity::is_metadata(name) => {
                object.raw(name, &identity::metadata(raw.get(), target.user));
            }
            "include" if added.is_some() => {}
            "input" => object.raw(name, &input::written(raw.get(), demanded, target.left_out)),
            "tools" if !demanded.dropped_tools.is_empty() => {
                object.tools(name, raw.get(), &demanded.dropped_tools);
            }
            "tool_choice" => object.raw(name, demanded.written_tool_choice(raw)),
            name if REPLACED.contains(&name) || identity::names_person(name) => {}
            name => object.raw(name, raw.get()),
        }
    }
    object.end();
}

/// A count with the calls of Azure's tools that an output shows.
fn with_calls(counted: Counted, output: Option<&RawValue>) -> Counted {
    Counted { usage: Usage { calls: calls::of(output), ..counted.usage }, ..counted }
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
    /// The error of an event that may have no type.
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<Response<'a>>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
}

fn failure_of(error: Option<&RawValue>) -> Failure {
    let error = error.and_then(|error| serde_json::from_str(error.get()).ok());
    Failure::of(&error.unwrap_or_default())
}

/// The usage of a buffered response. A failed one may have no usage.
fn cost(response: &ResponseUsage<'_>, body: &[u8], hold: &Hold) -> Settlement {
    #[derive(Deserialize)]
    struct Ended<'a> {
        #[serde(borrow)]
        status: Cow<'a, str>,
        #[serde(borrow)]
        error: Option<&'a RawValue>,
        #[serde(borrow)]
        output: Option<&'a RawValue>,
    }
    let settlement = (ResponseFormat::TOKENS.cost)(response, body, hold);
    if let Settlement::Exact(usage) = settlement {
        let calls = match calls::may_be_in(body) {
            true => serde_json::from_slice::<Ended<'_>>(body).ok().and_then(|ended| ended.output),
            false => None,
        };
        return Settlement::Exact(Usage { calls: calls::of(calls), ..usage });
    }
    let Ok(ended) = serde_json::from_slice::<Ended<'_>>(body) else { return settlement };
    if ended.status != "failed" || response.counted().is_some_and(|counted| counted.has_tokens()) {
        return settlement;
    }
    let mut state = StreamState::default();
    if let Some(output) = ended.output.filter(|output| output.get().len() > "[]".len()) {
        state.produced.add(output.get().as_bytes());
    }
    failure::settle(&failure_of(ended.error), &state, hold)
}

/// Reads an event. The first names the response, one of the last carries its usage; text comes in
/// between and is not parsed. <https://platform.openai.com/docs/api-reference/responses-streaming>
fn read_event(frame: &Frame, state: &mut StreamState) -> StreamEvent {
    if frame.event().is_some_and(|name| name.ends_with(".delta")) {
        state.produced.add(&frame.0);
        return StreamEvent::Pass;
    }
    let data = frame.data();
    if frame.is_named_error() && !data.is_empty() {
        return fails(&data, state);
    }
    let Ok(event) = serde_json::from_slice::<Event<'_>>(&data) else { return StreamEvent::Pass };
    let kind = event.kind.as_deref().or_else(|| frame.event()).unwrap_or_default();
    if event.error.is_some() && !kind.starts_with("response.") {
        return fails(&data, state);
    }
    let id = || event.response.as_ref()?.id.as_deref().map(ToOwned::to_owned);
    if state.model.is_none() {
        let named = event.response.as_ref().and_then(|response| response.model);
        state.model = named.and_then(usage::known_model);
    }
    match kind {
        "error" => fails(&data, state),
        "response.completed" | "response.incomplete" | "response.failed" => {
            let usage = event.response.as_ref().and_then(|response| response.usage);
            let usage = usage.filter(|usage| usage.get() != "null");
            let output = event.response.as_ref().and_then(|response| response.output);
            let counted = usage.map(|usage| {
                let counted = usage::count(usage, state.most_tokens);
                with_calls(counted, output)
            });
            let id = id();
            state.is_done = true;
            state.response_id = id.as_deref().and_then(|id| id.parse().ok());
            state.count(counted);
            if kind == "response.failed" {
                let error = event.response.as_ref().and_then(|response| response.error);
                state.failure = Some(Box::new(failure_of(error)));
            }
            StreamEvent::Names(id)
        }
        _ if event.response.is_some() => StreamEvent::Names(id()),
        kind => {
            // Output that was streamed in parts is not counted again in full.
            let is_whole = kind == "response.output_item.done" && state.produced.is_nothing();
            if is_whole || kind.ends_with(".delta") {
                state.produced.add(&frame.0);
            }
            match stored::may_name_container(&data) {
                true => StreamEvent::Shows { kind: Kind::Container, data: data.into() },
                false => StreamEvent::Pass,
            }
        }
    }
}

fn fails(data: &[u8], state: &mut StreamState) -> StreamEvent {
    state.failure = Some(Box::new(Failure::read(data)));
    StreamEvent::Fails
}

/// An error in the middle of a stream: one event of the API's own shape. The official SDKs hand it
/// on, or raise it for the sake of its `error`.
fn error_event(body: &[u8], number: u64) -> Bytes {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = &body["error"];
    let event = serde_json::json!({
        "type": "error",
        "code": error["code"],
        "message": error["message"],
        "param": error["param"],
        "sequence_number": number,
        "error": error,
    });
    format!("event: error\ndata: {event}\n\n").into()
}

#[cfg(test)]
mod tests;

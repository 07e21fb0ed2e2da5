//! The fields that govern cost and routing: what each may be, and what a request costs by them.

use std::borrow::Cow;

use lanyard_domain::estimate::Estimate;
use lanyard_domain::operation::Operation;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{BadRequestCode, Refused};
use crate::payload::{Payload, invalid, not_allowed};
use crate::prompts::{Images, Prompts};
use crate::{audio, images, responses};

const MOST_TOOLS: usize = 128;
pub(crate) const MOST_INPUTS: usize = 2_048;

/// What an event allows one request to ask for.
#[derive(Clone, Copy, Debug)]
pub struct Caps<'a> {
    /// The largest completion of one choice.
    pub completion_tokens: u64,
    /// The most choices.
    pub choices: u64,
    /// Tool types allowed beside `function` and `custom`.
    pub extra_tool_types: &'a [String],
    /// Whether objects may be kept upstream.
    pub keeps_objects: bool,
}

/// What a request asks for, within its caps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demanded {
    /// Whether the answer is to be streamed.
    pub is_streamed: bool,
    /// Whether the client itself wants the usage frame of a stream.
    pub wants_usage: bool,
    /// The completion cap that is sent; none for operations that complete nothing.
    pub completion_cap: Option<u64>,
    /// The cap that the client asked for, where it was above the event's.
    pub clamped_from: Option<u64>,
    /// Whether the client itself named the newer field for the cap.
    pub(crate) names_completion_tokens: bool,
    /// Whether the answer is kept upstream.
    pub is_kept: bool,
    /// Whether Azure goes on working after its answer.
    pub is_job: bool,
    /// What it may cost.
    pub estimate: Estimate,
}

impl Demanded {
    /// An answer without a completion, at this estimate.
    pub(crate) fn of(estimate: Estimate, is_streamed: bool) -> Self {
        Self {
            is_streamed,
            wants_usage: false,
            completion_cap: None,
            clamped_from: None,
            names_completion_tokens: false,
            is_kept: false,
            is_job: false,
            estimate,
        }
    }

    /// Of what costs a request and no tokens.
    #[must_use]
    pub fn nothing() -> Self {
        Self::of(Estimate::default(), false)
    }

    /// The same with what the objects that a request names add to its prompt.
    #[must_use]
    pub fn carrying(mut self, tokens: u64) -> Self {
        self.estimate.prompt_tokens = self.estimate.prompt_tokens.saturating_add(tokens);
        self
    }
}

/// Reads the governed fields.
pub(crate) fn read(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<Demanded, Refused> {
    if payload.operation == Operation::Responses {
        return responses::read(payload, caps);
    }
    refuse_what_no_event_allows(payload)?;
    check_tools(payload, caps)?;
    match payload.operation {
        Operation::ChatCompletions => {
            let images = Images::in_messages(payload)?;
            let text_bytes = payload.bytes.saturating_sub(images.bytes) as u64;
            completing(payload, caps, |cap, choices| {
                Estimate::new(text_bytes, images.count, cap, choices)
            })
        }
        Operation::Completions => {
            let prompts = Prompts::of(payload)?;
            completing(payload, caps, |cap, choices| {
                let choices = choices.saturating_mul(prompts.count);
                let mut estimate = Estimate::new(payload.bytes as u64, 0, cap, choices);
                estimate.prompt_tokens = estimate.prompt_tokens.max(prompts.tokens);
                estimate
            })
        }
        Operation::Embeddings => {
            check_inputs(payload)?;
            check_streaming(payload)?;
            choices(payload, caps)?;
            Ok(Demanded::of(Estimate::new(payload.bytes as u64, 0, 0, 1), false))
        }
        Operation::ImagesGenerations | Operation::ImagesEdits => images::read(payload),
        Operation::AudioTranscriptions | Operation::AudioTranslations => audio::heard(payload),
        Operation::AudioSpeech => audio::spoken(payload),
        // Azure counts nothing for these, and neither do we but the request.
        Operation::Moderations => {
            check_inputs(payload)?;
            Ok(Demanded::nothing())
        }
        Operation::Responses
        | Operation::Conversations
        | Operation::Files
        | Operation::VectorStores
        | Operation::Assistants
        | Operation::Threads
        | Operation::Videos => Ok(Demanded::nothing()),
    }
}

/// What is asked of a model that completes a text.
fn completing(
    payload: &Payload<'_>,
    caps: &Caps<'_>,
    estimate: impl FnOnce(u64, u64) -> Estimate,
) -> Result<Demanded, Refused> {
    let (is_streamed, wants_usage) = check_streaming(payload)?;
    let choices = choices(payload, caps)?;
    let asked = completion_cap(payload)?;
    let cap = asked.map_or(caps.completion_tokens, |asked| asked.min(caps.completion_tokens));
    Ok(Demanded {
        is_streamed,
        wants_usage,
        completion_cap: Some(cap),
        clamped_from: asked.filter(|asked| *asked > cap),
        names_completion_tokens: payload.field("max_completion_tokens").is_some(),
        is_kept: false,
        is_job: false,
        estimate: estimate(cap, choices),
    })
}

/// Whether the answer is streamed, and whether the client wants the usage of the stream.
fn check_streaming(payload: &Payload<'_>) -> Result<(bool, bool), Refused> {
    let is_streamed = flag(payload, "stream")?.unwrap_or(false);
    Ok((is_streamed, wants_usage(payload, is_streamed)?))
}

pub(crate) fn refuse_background(payload: &Payload<'_>) -> Result<(), Refused> {
    if flag(payload, "background")? == Some(true) {
        return Err(not_allowed(
            "background",
            "background is not allowed: the answer must be waited for. Leave it out.",
        ));
    }
    Ok(())
}

fn refuse_what_no_event_allows(payload: &Payload<'_>) -> Result<(), Refused> {
    refuse_background(payload)?;
    for field in ["data_sources", "dataSources"] {
        if payload.field(field).is_some() {
            return Err(not_allowed(field, format!("{field} is not allowed here. Leave it out.")));
        }
    }
    if payload.field("max_output_tokens").is_some() {
        return Err(Refused::bad(
            BadRequestCode::UnknownParameter,
            Some("max_output_tokens"),
            "max_output_tokens does not belong to this operation. Use max_completion_tokens.",
        ));
    }
    Ok(())
}

pub(crate) fn flag(payload: &Payload<'_>, name: &str) -> Result<Option<bool>, Refused> {
    match payload.written(name)? {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(invalid(name, "must be true or false, without quotes")),
    }
}

/// A count from 1 to 2^31 − 1, the range of Azure's own integers.
pub(crate) fn count(payload: &Payload<'_>, name: &str) -> Result<Option<u64>, Refused> {
    let Some(text) = payload.written(name)? else {
        return Ok(None);
    };
    // JSON has no sign before a number, and no zeros: a form gets no other numbers.
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse::<u64>()
        .ok()
        .filter(|_| is_plain)
        .filter(|count| (1..=u64::from(i32::MAX.cast_unsigned())).contains(count))
        .map(Some)
        .ok_or_else(|| invalid(name, "must be a whole number from 1 to 2147483647"))
}

fn completion_cap(payload: &Payload<'_>) -> Result<Option<u64>, Refused> {
    let older = count(payload, "max_tokens")?;
    let newer = count(payload, "max_completion_tokens")?;
    if older.is_some() && newer.is_some() {
        return Err(invalid(
            "max_tokens",
            "and max_completion_tokens are both there. Send only one of them",
        ));
    }
    Ok(older.or(newer))
}

fn choices(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<u64, Refused> {
    let mut choices = 1;
    for name in ["n", "best_of"] {
        let Some(asked) = count(payload, name)? else {
            continue;
        };
        if asked > caps.choices {
            let most = caps.choices;
            return Err(not_allowed(
                name,
                format!("{name} is at most {most} at this event. Ask again instead."),
            ));
        }
        choices = choices.max(asked);
    }
    Ok(choices)
}

fn wants_usage(payload: &Payload<'_>, is_streamed: bool) -> Result<bool, Refused> {
    #[derive(Deserialize)]
    struct StreamOptions {
        include_usage: Option<bool>,
    }
    let Some(raw) = payload.field("stream_options") else {
        return Ok(false);
    };
    if !is_streamed {
        return Err(invalid("stream_options", "is only allowed together with \"stream\": true"));
    }
    serde_json::from_str::<StreamOptions>(raw.get())
        .map(|options| options.include_usage.unwrap_or(false))
        .map_err(|_| {
            invalid("stream_options", "must be an object such as {\"include_usage\": true}")
        })
}

pub(crate) fn check_tools(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<(), Refused> {
    #[derive(Deserialize)]
    struct Tool<'a> {
        #[serde(rename = "type", borrow)]
        kind: Cow<'a, str>,
    }
    let Some(raw) = payload.field("tools") else {
        return Ok(());
    };
    let tools: Vec<Tool<'_>> = serde_json::from_str(raw.get())
        .map_err(|_| invalid("tools", "must be a list of objects that each have a type"))?;
    if tools.len() > MOST_TOOLS {
        return Err(invalid("tools", &format!("may hold at most {MOST_TOOLS} tools")));
    }
    let is_allowed = |kind: &str| {
        matches!(kind, "function" | "custom")
            || caps.extra_tool_types.iter().any(|extra| extra == kind)
    };
    if tools.iter().any(|tool| !is_allowed(&tool.kind)) {
        return Err(not_allowed(
            "tools",
            "Only tools of the types function and custom are allowed at this event.",
        ));
    }
    Ok(())
}

fn check_inputs(payload: &Payload<'_>) -> Result<(), Refused> {
    let Some(raw) = payload.field("input") else {
        return Err(invalid("input", "is missing. Send a text or a list of texts"));
    };
    if !raw.get().starts_with(['[', '"']) {
        return Err(invalid("input", "must be a text, a list of texts or lists of tokens"));
    }
    let Ok(inputs) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else {
        return Ok(());
    };
    // A flat list of numbers is one input.
    let is_tokens = inputs.first().is_some_and(|first| !first.get().starts_with(['"', '[']));
    if inputs.len() > MOST_INPUTS && !is_tokens {
        return Err(invalid("input", &format!("may hold at most {MOST_INPUTS} texts")));
    }
    Ok(())
}

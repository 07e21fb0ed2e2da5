//! `POST …/messages`: Claude on Azure AI Foundry, in Anthropic's format; and the call beside it
//! that counts the tokens of the same body.
//!
//! A conversation as JSON; tokens are counted, also those that are read from the cache and written to
//! it. <https://docs.claude.com/en/api/messages>

mod count;
mod stream;
mod usage;

use std::borrow::Cow;
use std::sync::LazyLock;

use lanyard_domain::operation::Operation;
use memchr::memmem::Finder;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::added::AddedField;
use crate::demand::{Caps, Demanded, HostedUse};
use crate::documentation::{Documentation, MAX_TOKENS, MODEL, STREAM, Sample, TOOLS};
use crate::error::{BadRequestCode, BodyRefused, invalid, not_allowed};
use crate::fields::{count, is_streamed, refuse_background};
use crate::headers::PassedHeader;
use crate::payload::{Payload, Target};
use crate::references::{CONTAINER, IdPlace};
use crate::response::ResponseFormat;
use crate::tools::Decided;
use crate::write::Object;
use crate::{Api, Placement, Protocol};
use crate::{estimate, identity, tools};

pub(crate) static PROTOCOL: Protocol = Protocol {
    response: ResponseFormat { cost: usage::cost, ..ResponseFormat::TOKENS },
    stream: stream::FORMAT,
    counting: Some(&count::TOKENS),
    documentation: Some(Documentation {
        note: Some(
            "Counted against the attendee's limits and sent to Azure, in Anthropic's format. With \
             `\"stream\": true` the response is a stream of server-sent events.",
        ),
        ..Documentation::new("message", "Messages of Claude", PAGE, SAMPLE)
            .reads("Messages", &FIELDS)
    }),
    ..call("messages", read, write)
};

/// A call in this format.
const fn call(path: &'static str, read: crate::ReadBody, write: crate::WriteBody) -> Protocol {
    Protocol {
        api: Api::Anthropic,
        placement: Placement::Resource,
        headers: &[
            PassedHeader { name: "anthropic-version", default: Some("2023-06-01"), is_list: false },
            PassedHeader { name: "anthropic-beta", default: None, is_list: true },
        ],
        ids: IDS,
        ..Protocol::call(Operation::Messages, path, read, write)
    }
}

/// The arguments of tools, as the model wrote them, name nothing.
const IDS: &[IdPlace] = &[
    IdPlace::free("input"),
    IdPlace::refused("container", CONTAINER),
    IdPlace::refused("container.id", CONTAINER),
];

const PAGE: &str = "https://docs.claude.com/en/api/messages";

const FIELDS: [(&str, &str); 9] = [
    MODEL,
    ("messages", r#"{"type": "array", "maxItems": 2048, "items": {"type": "object"}}"#),
    MAX_TOKENS,
    STREAM,
    TOOLS,
    (
        "thinking",
        r#"{"type": "object", "description": "Its budget is lowered with `max_tokens`."}"#,
    ),
    (
        "metadata",
        r#"{"type": "object", "description": "Replaced by a hash that identifies the attendee."}"#,
    ),
    ("service_tier", r#"{"type": "string", "description": "Always sent as `standard_only`."}"#),
    (
        "mcp_servers",
        r#"{"type": "array", "items": {"type": "object"}, "description": "Decided on as the hosted tool `mcp`."}"#,
    ),
];

const SAMPLE: Sample = Sample::Json {
    fields: r#""messages": [{"role": "user", "content": "Hi"}]"#,
    cheapest: Some(r#", "max_tokens": 1"#),
};

/// Reads the governed fields of a message, or of a count of its tokens.
fn read(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<Demanded, BodyRefused> {
    refuse_background(payload)?;
    refuse_foreign(payload)?;
    let Decided { dropped, choice, hosted } = tools::check_messages(payload, caps)?;
    let hosted = hosted.map(|hosted| {
        let (tools, asked) = tools::asked_uses(payload.field("tools"));
        HostedUse { tools, asked, ..hosted }
    });
    let prompt_tokens = prompt_tokens(payload, caps)?;
    let asked = count(payload, "max_tokens")?;
    let cap = caps.cap(asked, caps.completion_tokens, prompt_tokens);
    Ok(Demanded {
        is_streamed: is_streamed(payload)?,
        completion_cap: Some(cap),
        asked_cap: asked,
        is_stateless: true,
        dropped_tools: dropped,
        changed_tool_choice: choice,
        hosted,
        contexts: crate::usage::contexts(hosted.is_some(), None),
        estimate: estimate::completion(prompt_tokens, cap, 1),
        ..Demanded::nothing()
    })
}

/// Refuses what reaches past the event, and the caps of other operations.
fn refuse_foreign(payload: &Payload<'_>) -> Result<(), BodyRefused> {
    let is_there = |name: &&str| payload.field(name).is_some();
    if let Some(field) = ["max_completion_tokens", "max_output_tokens"].into_iter().find(is_there) {
        return Err(BodyRefused::bad(
            BadRequestCode::UnknownParameter,
            Some(field),
            format!("{field} does not belong to messages. Use max_tokens."),
        ));
    }
    if is_there(&"thread") {
        return Err(not_allowed(
            "thread",
            "thread is not allowed: Azure would keep the conversation where everybody at the event can name it. Send all messages with each request.",
        ));
    }
    if is_there(&"inference_geo") {
        return Err(not_allowed(
            "inference_geo",
            "inference_geo is not allowed: the organiser has chosen where the model runs. Leave it out.",
        ));
    }
    Ok(())
}

/// The types of parts with encoded data, or with the address of some.
static ENCODED: LazyLock<[Finder<'_>; 5]> = LazyLock::new(|| {
    ["\"image\"", "\"document\"", "\"signature\"", "\"encrypted_", "\"redacted_thinking\""]
        .map(Finder::new)
});

fn prompt_tokens(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<u64, BodyRefused> {
    let Some(raw) = payload.field("messages").map(RawValue::get) else {
        return Err(invalid("messages", "is missing. Send a list of messages"));
    };
    let messages = serde_json::from_str::<Vec<&RawValue>>(raw)
        .map_err(|_| invalid("messages", "must be a list"))?;
    estimate::messages(payload, &messages, raw, &*ENCODED, caps.facts)
}

/// Fields that are written anew, and those that would change the price, the model or who is billed.
/// `diagnostics` compares with a message that may be another attendee's.
const REPLACED: [&str; 12] = [
    "model",
    "max_tokens",
    "stream",
    "speed",
    "fallbacks",
    "fallback_credit_token",
    "billing_policy",
    "user_profile_id",
    "diagnostics",
    "background",
    "thread",
    "inference_geo",
];

fn write(payload: &Payload<'_>, demanded: &Demanded, target: &Target<'_>, out: &mut Vec<u8>) {
    let mut object = Object { out };
    object.text("model", target.azure_name);
    if let Some(cap) = demanded.completion_cap {
        object.raw("max_tokens", &cap.to_string());
    }
    if demanded.is_streamed {
        object.raw("stream", "true");
    }
    write_identity(&mut object, target);
    write_rest(payload, demanded, object);
}

/// Everything but the model, the cap and whether the response is streamed.
fn write_rest(payload: &Payload<'_>, demanded: &Demanded, mut object: Object<'_>) {
    let bound = demanded.hosted.and_then(|hosted| hosted.most);
    for (name, raw) in &payload.fields {
        match name.as_ref() {
            name if identity::is_metadata(name) => {}
            "service_tier" => object.raw(name, "\"standard_only\""),
            "thinking" => {
                if let Some(thinking) = thinking(raw.get(), demanded) {
                    object.raw(name, &thinking);
                }
            }
            "tools" if bound.is_some() => object.tools(
                name,
                &tools::with_uses(raw.get(), bound.unwrap_or_default()),
                &demanded.dropped_tools,
            ),
            "tools" | tools::MCP_SERVERS if !demanded.dropped_tools.is_empty() => {
                object.tools(name, raw.get(), &demanded.dropped_tools);
            }
            "tool_choice" => object.raw(name, demanded.written_tool_choice(raw)),
            name if REPLACED.contains(&name) || identity::names_person(name) => {}
            name => object.raw(name, raw.get()),
        }
    }
    object.end();
}

/// Writes the hash that identifies the attendee.
fn write_identity(object: &mut Object<'_>, target: &Target<'_>) {
    if let Some(user) = target.identity(AddedField::Metadata) {
        let user = serde_json::json!({"user_id": user});
        object.raw(AddedField::Metadata.name(), &user.to_string());
    }
}

/// The least budget of thinking that the API takes.
const LEAST_BUDGET: u64 = 1_024;

/// The value of `thinking`, within the cap. The API wants its budget below the cap, so a lowered cap
/// lowers the budget as well: to three quarters of it, so that there is room for the response. `None`
/// if that is less than the least budget.
fn thinking<'r>(raw: &'r str, demanded: &Demanded) -> Option<Cow<'r, str>> {
    const BUDGET: &str = "budget_tokens";
    let kept = Some(Cow::Borrowed(raw));
    let (Some(cap), asked) = (demanded.completion_cap, demanded.asked_cap) else { return kept };
    let Ok(mut thinking) = serde_json::from_str::<Map<String, Value>>(raw) else { return kept };
    let budget = thinking.get(BUDGET).and_then(Value::as_u64);
    // Between tools a budget may be larger than the cap, if the client wants it so.
    let is_lowered = asked.is_none_or(|asked| cap < asked);
    if !is_lowered || budget.is_none_or(|budget| budget < cap) {
        return kept;
    }
    let budget = cap - cap / 4;
    if budget < LEAST_BUDGET {
        return None;
    }
    thinking.insert(BUDGET.to_owned(), budget.into());
    Some(Value::Object(thinking).to_string().into())
}

#[cfg(test)]
mod tests;

//! The fields that govern assistants, threads and runs.

use bytes::Bytes;
use lanyard_domain::estimate::Estimate;

use crate::error::Refused;
use crate::governed::{Caps, Demanded, check_tools, count, flag};
use crate::payload::{Payload, invalid, not_allowed};
use crate::tree::Node;
use crate::write::Object;

/// The largest prompt of a run that names none, all its turns together: what OpenAI advises at
/// least where files are searched, <https://platform.openai.com/docs/assistants/deep-dive#max-completion-and-max-prompt-tokens>.
pub const RUN_PROMPT: u64 = 20_000;

/// The least that Azure takes for either bound of a run.
const LEAST: u64 = 256;

/// Checks the tools of an assistant or a run, and what tools are to find.
///
/// # Errors
///
/// 400 for tools that the event does not allow, and for vector stores that would be nobody's.
pub(crate) fn check(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<(), Refused> {
    check_tools(payload, caps)?;
    for field in ["tool_resources", "thread"] {
        let Some(raw) = payload.field(field) else { continue };
        let node = serde_json::from_str::<Node<'_>>(raw.get())
            .map_err(|_| invalid(field, "cannot be read"))?;
        if makes_stores(&node) {
            return Err(not_allowed(
                field,
                "Vector stores are not made along with something else. Make one by POST \
                 /vector_stores and name it in vector_store_ids.",
            ));
        }
    }
    Ok(())
}

fn makes_stores(node: &Node<'_>) -> bool {
    node.all("vector_stores").any(|stores| *stores != Node::Null)
        || node.children().any(makes_stores)
}

/// What a run may cost: its two bounds, which Azure is told and keeps.
///
/// The prompt's is the caller's, or else this one; the completion's is at most the event's.
///
/// # Errors
///
/// 400 that names the parameter.
pub(crate) fn run(
    payload: &Payload<'_>,
    caps: &Caps<'_>,
    usual_prompt: u64,
) -> Result<Demanded, Refused> {
    check(payload, caps)?;
    let is_streamed = flag(payload, "stream")?.unwrap_or(false);
    let most = caps.completion_tokens.max(LEAST);
    let asked = count(payload, "max_completion_tokens")?;
    let cap = asked.map_or(most, |asked| asked.min(most));
    let prompt = count(payload, "max_prompt_tokens")?.unwrap_or(usual_prompt.max(LEAST));
    let mut demanded = Demanded::of(Estimate::of_tokens(prompt, cap), is_streamed);
    demanded.completion_cap = Some(cap);
    demanded.clamped_from = asked.filter(|asked| *asked > cap);
    demanded.is_job = true;
    Ok(demanded)
}

/// The body of a run for Azure.
pub(crate) fn write_run(payload: &Payload<'_>, demanded: &Demanded, azure_name: &str) -> Bytes {
    let mut out = Vec::with_capacity(payload.bytes + 256);
    let mut object = Object { out: &mut out };
    object.text("model", azure_name);
    object.raw("max_prompt_tokens", &demanded.estimate.prompt_tokens.to_string());
    object.raw("max_completion_tokens", &demanded.estimate.completion_tokens.to_string());
    for (name, raw) in &payload.fields {
        if !matches!(name.as_ref(), "model" | "max_prompt_tokens" | "max_completion_tokens") {
            object.raw(name, raw.get());
        }
    }
    out.push(b'}');
    out.into()
}

/// The body of an assistant for Azure.
pub(crate) fn write_assistant(payload: &Payload<'_>, azure_name: &str) -> Bytes {
    let mut out = Vec::with_capacity(payload.bytes + 64);
    let mut object = Object { out: &mut out };
    object.text("model", azure_name);
    for (name, raw) in payload.fields.iter().filter(|(name, _)| name != "model") {
        object.raw(name, raw.get());
    }
    out.push(b'}');
    out.into()
}

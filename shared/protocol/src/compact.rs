//! `POST …/responses/compact` and `POST …/responses/input_tokens`
//!
//! Both take the body of a response. The first returns a shorter input, and is accounted like a
//! response. The second counts the tokens of an input, and costs a request.
//! <https://platform.openai.com/docs/api-reference/responses/compact>

use bytes::Bytes;
use lanyard_domain::estimate::Estimate;
use lanyard_domain::operation::Operation;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;

use crate::demand::{Caps, Demanded, HostedUse};
use crate::documentation::{Documentation, Field, MODEL, Sample, TOOLS};
use crate::error::{BodyRefused, invalid};
use crate::payload::{Payload, Target};
use crate::response::ResponseFormat;
use crate::write::Object;
use crate::{Placement, Protocol, identity, input, responses};

/// Makes a long input shorter.
pub static COMPACT: Protocol = Protocol {
    placement: Placement::Resource,
    may_be_missing: true,
    ids: responses::IDS,
    documentation: Some(Documentation {
        note: Some("Counted like a response."),
        ..Documentation::new("compact", "Makes a long input shorter", "responses/compact", SAMPLE)
            .reads("Compaction", &FIELDS)
    }),
    ..Protocol::call(Operation::Responses, "responses/compact", read_compact, write)
};

/// Counts the tokens of an input.
pub static INPUT_TOKENS: Protocol = Protocol {
    placement: Placement::Resource,
    ids: responses::IDS,
    documentation: Some(Documentation {
        note: Some("Costs a request and no tokens. An estimate, where Azure does not count."),
        ..Documentation::new("countInput", "Counts an input", "responses/input-tokens", SAMPLE)
            .reads("InputTokens", &FIELDS)
    }),
    response: ResponseFormat {
        cost: |_, _, _| Settlement::Exact(Usage::of_tokens(0, 0)),
        ..ResponseFormat::TOKENS
    },
    ..Protocol::call(Operation::Responses, "responses/input_tokens", read_count, write)
};

const FIELDS: [Field; 3] =
    [MODEL, ("input", r#"{"type": ["string", "array"], "items": {"type": "object"}}"#), TOOLS];

const SAMPLE: Sample = Sample::Json { fields: r#""input": "Hi""#, cheapest: Some("") };

fn read_compact(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<Demanded, BodyRefused> {
    let demanded = responses::read(payload, caps)?;
    if demanded.is_streamed {
        return Err(invalid("stream", "is not possible here. Leave it out"));
    }
    // Azure accepts no cap here, so only the estimate uses the event's.
    // Nor a bound on calls of Azure's tools.
    let hosted = demanded.hosted.map(|hosted| HostedUse { price: None, ..hosted });
    let is_kept = false;
    Ok(Demanded { completion_cap: None, is_kept, adds_reasoning: false, hosted, ..demanded })
}

fn read_count(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<Demanded, BodyRefused> {
    let demanded = read_compact(payload, caps)?;
    let counted = Some(demanded.estimate.prompt_tokens);
    // No tool runs.
    Ok(Demanded { counted, hosted: None, estimate: Estimate::default(), ..demanded })
}

/// Fields that are written anew, or that only a response has.
const LEFT_OUT: [&str; 14] = [
    "model",
    "user",
    "safety_identifier",
    "store",
    "stream",
    "stream_options",
    "background",
    "include",
    "max_output_tokens",
    "max_tokens",
    "max_completion_tokens",
    "messages",
    "n",
    "best_of",
];

fn write(payload: &Payload<'_>, demanded: &Demanded, target: &Target<'_>, out: &mut Vec<u8>) {
    let mut object = Object { out };
    object.text("model", target.azure_name);
    for (name, raw) in &payload.fields {
        match name.as_ref() {
            "service_tier" => object.raw(name, "\"default\""),
            "input" => object.raw(name, &input::written(raw.get(), demanded, target.left_out)),
            "tools" if !demanded.dropped_tools.is_empty() => {
                object.tools(name, raw.get(), &demanded.dropped_tools);
            }
            "tool_choice" => object.raw(name, demanded.written_tool_choice(raw)),
            name if identity::is_metadata(name) => {
                object.raw(name, &identity::metadata(raw.get(), target.user));
            }
            name if LEFT_OUT.contains(&name) || identity::names_person(name) => {}
            name => object.raw(name, raw.get()),
        }
    }
    object.end();
}

/// A count of input tokens, in Azure's format.
#[must_use]
pub fn count_of(input_tokens: u64) -> Bytes {
    let count = serde_json::json!({
        "object": "response.input_tokens",
        "input_tokens": input_tokens,
    });
    count.to_string().into()
}

//! `POST …/completions`, and `…/engines/{engine}/completions` of old clients.
//!
//! Legacy completions: one prompt or several, as texts or as lists of tokens.
//! <https://platform.openai.com/docs/api-reference/completions>

use lanyard_domain::catalog::CompletionField;
use lanyard_domain::operation::Operation;

use crate::Protocol;
use crate::buffered;
use crate::chunk;
use crate::completion::{self, ApiCaps};
use crate::demand::{Caps, Demanded};
use crate::documentation::{
    BEST_OF, CHOICES, Documentation, Field, MODEL, PROMPT, STREAM, STREAM_OPTIONS, Sample,
};
use crate::error::BodyRefused;
use crate::fields::refuse_foreign;
use crate::inputs::Inputs;
use crate::payload::{Payload, Target};
use crate::stream::StreamFormat;
use crate::tools;

pub(crate) static PROTOCOL: Protocol = Protocol {
    has_engine_path: true,
    stream: StreamFormat {
        read: completion::read_text,
        missing: completion::missing,
        of_buffered: buffered::text,
        ..chunk::FORMAT
    },
    documentation: Some(DOCUMENTATION),
    ..Protocol::call(Operation::Completions, "completions", read, write)
};

const DOCUMENTATION: Documentation =
    Documentation::new("complete", "Legacy completions", "completions/create", SAMPLE)
        .reads("Completion", &[MODEL, PROMPT, STREAM, STREAM_OPTIONS, CAP, CHOICES, BEST_OF]);

const CAP: Field = (
    "max_tokens",
    r#"{"type": "integer", "minimum": 0, "description": "16 by default; lowered to what the event and the model allow. 0 with `echo` scores the prompt."}"#,
);

const SAMPLE: Sample =
    Sample::Json { fields: r#""prompt": "Hi""#, cheapest: Some(r#", "max_tokens": 1"#) };

/// A request without a cap gets 16, as at OpenAI. One that repeats its prompt with `echo` may ask for
/// the probabilities of the prompt alone.
const CAPS: ApiCaps = ApiCaps { usual: 16, least: 0 };

fn read(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<Demanded, BodyRefused> {
    refuse_foreign(payload)?;
    tools::check_all(payload, caps)?;
    let mut prompts = Inputs::of(payload, "prompt")?.unwrap_or(Inputs { count: 1, tokens: 0 });
    // The model reads the suffix with each prompt.
    if let Some(suffix) = Inputs::of(payload, "suffix")? {
        let suffixes = suffix.tokens.saturating_mul(prompts.count);
        prompts.tokens = prompts.tokens.saturating_add(suffixes);
    }
    completion::read(payload, caps, &prompts, CAPS)
}

fn write(payload: &Payload<'_>, demanded: &Demanded, target: &Target<'_>, out: &mut Vec<u8>) {
    completion::write(payload, demanded, target, CompletionField::MaxTokens, out);
}

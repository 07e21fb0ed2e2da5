//! `POST …/embeddings`
//!
//! Texts become vectors; prompt tokens are counted, and nothing is completed.
//! <https://platform.openai.com/docs/api-reference/embeddings>

use lanyard_domain::estimate::Estimate;
use lanyard_domain::operation::Operation;

use crate::Protocol;
use crate::added::AddedField;
use crate::completion::{check_streaming, choices};
use crate::demand::{Caps, Demanded};
use crate::documentation::{Documentation, INPUT, MODEL, Sample};
use crate::error::BodyRefused;
use crate::fields::refuse_foreign;
use crate::inputs::Inputs;
use crate::payload::{Payload, Target};
use crate::{image_embeddings, tools, write};

pub(crate) static PROTOCOL: Protocol = Protocol {
    has_inference_path: true,
    is_bound_to_model: true,
    beside: &[&image_embeddings::PROTOCOL],
    documentation: Some(DOCUMENTATION),
    ..Protocol::call(Operation::Embeddings, "embeddings", read, write)
};

const DOCUMENTATION: Documentation =
    Documentation::new("embed", "Embeddings", "embeddings/create", SAMPLE)
        .reads("Embedding", &[MODEL, INPUT]);

const SAMPLE: Sample = Sample::Json { fields: r#""input": "Hi""#, cheapest: Some("") };

fn read(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<Demanded, BodyRefused> {
    refuse_foreign(payload)?;
    tools::check_all(payload, caps)?;
    let input = Inputs::required(payload)?;
    check_streaming(payload)?;
    choices(payload, caps)?;
    let demanded = Demanded::of(Estimate::of_tokens(input.tokens, 0), false);
    Ok(Demanded { contexts: input.count, ..demanded })
}

fn write(payload: &Payload<'_>, demanded: &Demanded, target: &Target<'_>, out: &mut Vec<u8>) {
    write::body(payload, demanded, target, out, |object| object.identity(AddedField::User, target));
}

//! `POST …/images/generations` and `POST …/images/edits`
//!
//! Images are counted as they are made. Models that report tokens are charged those as well; what
//! images of the size can have is held.
//! <https://platform.openai.com/docs/api-reference/images>

use std::borrow::Cow;

use bytes::Bytes;
use lanyard_domain::account::Hold;
use lanyard_domain::estimate::Estimate;
use lanyard_domain::images::drawn::DrawnRule;
use lanyard_domain::images::tokens_of_fidelity;
use lanyard_domain::operation::Operation;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::unit::{Unit, Units};
use lanyard_domain::usage::Usage;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::added::AddedField;
use crate::buffered::media;
use crate::chunk;
use crate::chunk::{Chunk, NO_END};
use crate::content::{MOST_IMAGES, size_of, tokens_of_image_file};
use crate::demand::{Caps, Demanded};
use crate::documentation::{Documentation, MODEL, STREAM, Sample};
use crate::error::{BodyRefused, invalid};
use crate::fields::{count, is_streamed, refuse_background, refuse_foreign_to_images};
use crate::multipart::Form;
use crate::payload::{Payload, Target};
use crate::response::ResponseFormat;
use crate::sse::Frame;
use crate::stream::{StreamEvent, StreamFormat, StreamState};
use crate::tokens::{tokens_of_plain_text, tokens_of_text};
use crate::tools;
use crate::usage::{Counted, ResponseUsage, at_least, with_units};
use crate::write;
use crate::{BodyEncoding, Protocol, WriteBody};

/// The most that any model makes at once.
const MOST_AT_ONCE: u64 = 10;

/// The parts of a form that hold images.
const FILES: [&str; 3] = [IMAGE, "image[]", MASK];
const IMAGE: &str = "image";
const MASK: &str = "mask";

pub(crate) static GENERATIONS: Protocol = Protocol {
    documentation: Some(
        Documentation::new(
            "makeImages",
            "Images, at most 10 at once",
            "images/create",
            Sample::Json { fields: r#""prompt": "Hi""#, cheapest: None },
        )
        .reads(
            "ImageGeneration",
            &[MODEL, ("n", r#"{"type": "integer", "minimum": 1, "maximum": 10}"#), STREAM],
        ),
    ),
    ..images(
        Operation::ImagesGenerations,
        "images/generations",
        write_json,
        media::generated_images,
    )
};

pub(crate) static EDITS: Protocol = Protocol {
    body: BodyEncoding::Form,
    documentation: Some(Documentation::new(
        "editImages",
        "Edited images",
        "images/createEdit",
        Sample::Form("image"),
    )),
    ..images(Operation::ImagesEdits, "images/edits", write_form, media::edited_images)
};

const fn images(
    operation: Operation,
    path: &'static str,
    write: WriteBody,
    of_buffered: fn(&[u8], bool) -> Option<Bytes>,
) -> Protocol {
    Protocol {
        response: ResponseFormat { cost, ..ResponseFormat::TOKENS },
        stream: StreamFormat { read: read_event, missing, of_buffered, settle, ..chunk::FORMAT },
        ..Protocol::call(operation, path, read, write)
    }
}

fn read(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<Demanded, BodyRefused> {
    refuse_foreign_to_images(payload)?;
    if payload.written("background")? == Some("true") {
        refuse_background(payload)?;
    }
    tools::check_all(payload, caps)?;
    let mut prompt_tokens = 0;
    match &payload.form {
        Some(form) => {
            let images = form.files(&FILES)?;
            let count = images.iter().filter(|image| image.name != MASK).count();
            if count as u64 > MOST_IMAGES {
                return Err(invalid(IMAGE, &format!("may hold at most {MOST_IMAGES} images")));
            }
            let images = images.into_iter();
            let is_faithful = keeps_details(form, caps.facts.drawn);
            let extra =
                |file: &[u8]| if is_faithful { tokens_of_fidelity(size_of(file)) } else { 0 };
            let images = images.map(|image| {
                tokens_of_image_file(image.body, caps.facts).saturating_add(extra(image.body))
            });
            prompt_tokens = images.fold(prompt_tokens, u64::saturating_add);
            let texts = form.texts().map(|text| tokens_of_plain_text(text.as_bytes()));
            prompt_tokens = texts.fold(prompt_tokens, u64::saturating_add);
        }
        None => prompt_tokens = tokens_of_text(payload.body),
    }
    let images = count(payload, "n")?.unwrap_or(1);
    if images > MOST_AT_ONCE {
        return Err(invalid("n", &format!("must be a whole number from 1 to {MOST_AT_ONCE}")));
    }
    let units = Units::of(Unit::Images, images);
    // Models with a price for the tokens of an image report them.
    let each = match caps.facts.prices.output_image {
        Some(_) => tokens_of_image(payload, caps.facts.drawn.unwrap_or(DrawnRule::UNKNOWN))?,
        None => 0,
    };
    let tokens = Estimate::of_tokens(prompt_tokens, images.saturating_mul(each));
    let estimate = Estimate { units, ..tokens };
    Ok(Demanded::of(estimate, is_streamed(payload)?))
}

/// Whether the images of a prompt are to be kept in their details. Of a field that is there twice,
/// nobody knows which value counts.
///
/// Models since gpt-image-2 always keep them:
/// <https://platform.openai.com/docs/guides/image-generation#input-fidelity>.
fn keeps_details(form: &Form<'_>, rule: Option<DrawnRule>) -> bool {
    if let Some(DrawnRule::Grid(_)) = rule {
        return true;
    }
    form.texts_of("input_fidelity").any(|fidelity| fidelity.trim() != "low")
}

/// The most tokens of one image of a request, and of its partial images.
fn tokens_of_image(payload: &Payload<'_>, rule: DrawnRule) -> Result<u64, BodyRefused> {
    // Of a field that is there twice, nobody knows which value counts.
    let value = |name: &str| match payload.fields.iter().filter(|(field, _)| field == name).count()
    {
        0 | 1 => Ok(payload.written(name)?.map(|value| value.trim_matches('"'))),
        _ => Ok(Some("")),
    };
    let has_partial = !matches!(value("partial_images")?, None | Some("0" | "null"));
    Ok(rule.tokens(value("size")?, value("quality")?, has_partial))
}

fn write_json(payload: &Payload<'_>, demanded: &Demanded, target: &Target<'_>, out: &mut Vec<u8>) {
    write::body(payload, demanded, target, out, |object| {
        object.identity(AddedField::User, target);
        if demanded.is_streamed {
            object.raw("stream", "true");
        }
        if let Some(background) = payload.field("background") {
            object.raw("background", background.get());
        }
    });
}

fn write_form(payload: &Payload<'_>, _: &Demanded, target: &Target<'_>, out: &mut Vec<u8>) {
    let user = target.identity(AddedField::User).map(|user| ("user", user));
    let ours = [Some(("model", target.azure_name)), user];
    write::form(payload, ours.into_iter().flatten(), out);
}

/// Each image that the response holds, and tokens where the model reports them.
fn cost(response: &ResponseUsage<'_>, body: &[u8], hold: &Hold) -> Settlement {
    #[derive(Deserialize)]
    struct Made {
        data: Option<Vec<IgnoredAny>>,
    }
    let counted = response.counted();
    let made = serde_json::from_slice::<Made>(body).ok().and_then(|made| made.data);
    match made {
        Some(made) => of_images(counted, made.len() as u64, hold),
        None => at_least(counted),
    }
}

/// What an event of a stream carries.
#[derive(Default, Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    b64_json: Option<IgnoredAny>,
}

/// An event with usage, or one that says so, carries a complete image. Others carry parts of one.
fn read_event(frame: &Frame, state: &mut StreamState) -> StreamEvent {
    let chunk = Chunk::read(frame, state);
    if chunk.event != StreamEvent::Pass {
        return chunk.event;
    }
    let data = frame.data();
    let event = serde_json::from_slice::<Event<'_>>(&data).unwrap_or_default();
    if chunk.counted.is_some() || event.kind.is_some_and(|kind| kind.ends_with(".completed")) {
        state.images += 1;
        state.has_partial = false;
    } else if event.b64_json.is_some() {
        state.has_partial = true;
    }
    if let Some(counted) = chunk.counted {
        state.counted = Some(state.counted.map_or(counted, |before| before.plus(counted)));
    }
    chunk.event
}

/// No event ends a stream of images: it has ended when all of them are there.
fn missing(state: &StreamState) -> Option<&'static str> {
    let has_all = state.images > 0 && state.images >= state.most_images;
    (!state.is_done && !has_all).then_some(NO_END)
}

fn settle(state: &StreamState, hold: &Hold, is_broken: bool) -> Settlement {
    match state.images {
        made if made > 0 && !is_broken => of_images(state.counted, made, hold),
        _ => at_least(state.counted),
    }
}

fn of_images(counted: Option<Counted>, made: u64, hold: &Hold) -> Settlement {
    let units = Units::of(Unit::Images, made);
    match counted {
        Some(counted) => with_units(counted, units),
        None if hold.completion_tokens == 0 => Settlement::Exact(Usage::of_units(units)),
        // The model counts tokens, and has not said how many.
        None => {
            let each = hold.completion_tokens / hold.units.get(Unit::Images).max(1);
            let tokens = Usage::of_tokens(hold.prompt_tokens, each.saturating_mul(made));
            Settlement::Estimated(Usage { units, ..tokens })
        }
    }
}

#[cfg(test)]
mod tests;

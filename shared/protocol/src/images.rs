//! `POST …/images/generations` and `POST …/images/edits`
//!
//! Images are counted as they are made. Models that report tokens are charged those as well; they
//! are bounded by the images, so only the prompt is held.
//! <https://platform.openai.com/docs/api-reference/images>

use lanyard_domain::account::Hold;
use lanyard_domain::estimate::Estimate;
use lanyard_domain::images::tokens_of_generated;
use lanyard_domain::operation::Operation;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::unit::{Unit, Units};
use lanyard_domain::usage::Usage;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::added::AddedField;
use crate::chunk;
use crate::chunk::Chunk;
use crate::demand::{Caps, Demanded};
use crate::documentation::{Documentation, MODEL, STREAM, Sample};
use crate::error::{BodyRefused, invalid};
use crate::fields::{count, is_streamed, refuse_background, refuse_foreign_to_images};
use crate::payload::{Payload, Target};
use crate::response::ResponseFormat;
use crate::sse::Frame;
use crate::stream::{StreamEvent, StreamFormat, StreamState};
use crate::tokens::tokens_of_text;
use crate::tools;
use crate::usage::{Counted, ResponseUsage, at_least, with_units};
use crate::write;
use crate::{BodyEncoding, Protocol, WriteBody};

/// The most that any model makes at once.
const MOST_AT_ONCE: u64 = 10;

/// The parts of a form that hold images.
const FILES: [&str; 3] = ["image", "image[]", "mask"];

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
    ..images(Operation::ImagesGenerations, "images/generations", write_json)
};

pub(crate) static EDITS: Protocol = Protocol {
    body: BodyEncoding::Form,
    documentation: Some(Documentation::new(
        "editImages",
        "Edited images",
        "images/createEdit",
        Sample::Form("image"),
    )),
    ..images(Operation::ImagesEdits, "images/edits", write_form)
};

const fn images(operation: Operation, path: &'static str, write: WriteBody) -> Protocol {
    Protocol {
        response: ResponseFormat { cost, ..ResponseFormat::TOKENS },
        stream: StreamFormat { read: read_event, settle, ..chunk::FORMAT },
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
            form.files(&FILES)?;
            let texts = form.texts().map(|text| tokens_of_text(text.as_bytes()));
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
        Some(_) => tokens_of_image(payload)?,
        None => 0,
    };
    let tokens = Estimate::of_tokens(prompt_tokens, images.saturating_mul(each));
    let estimate = Estimate { units, ..tokens };
    Ok(Demanded::of(estimate, is_streamed(payload)?))
}

/// The most tokens of one image of a request, and of its partial images.
fn tokens_of_image(payload: &Payload<'_>) -> Result<u64, BodyRefused> {
    // Of a field that is there twice, nobody knows which value counts.
    let value = |name: &str| match payload.fields.iter().filter(|(field, _)| field == name).count()
    {
        0 | 1 => Ok(payload.written(name)?.map(|value| value.trim_matches('"'))),
        _ => Ok(Some("")),
    };
    let has_partial = !matches!(value("partial_images")?, None | Some("0" | "null"));
    Ok(tokens_of_generated(value("size")?, value("quality")?, has_partial))
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
fn cost(response: &ResponseUsage<'_>, body: &[u8], _: &Hold) -> Settlement {
    #[derive(Deserialize)]
    struct Made {
        data: Option<Vec<IgnoredAny>>,
    }
    let counted = response.counted();
    let made = serde_json::from_slice::<Made>(body).ok().and_then(|made| made.data);
    match made {
        Some(made) => of_images(counted, made.len() as u64),
        None => at_least(counted),
    }
}

/// An event with usage carries one image.
fn read_event(frame: &Frame, state: &mut StreamState) -> StreamEvent {
    let chunk = Chunk::read(frame, state);
    if let Some(counted) = chunk.counted {
        state.images += 1;
        state.counted = Some(state.counted.map_or(counted, |before| before.plus(counted)));
    }
    chunk.event
}

fn settle(state: &StreamState, _: &Hold, is_broken: bool) -> Settlement {
    match state.images {
        made if made > 0 && !is_broken => of_images(state.counted, made),
        _ => at_least(state.counted),
    }
}

fn of_images(counted: Option<Counted>, made: u64) -> Settlement {
    let units = Units::of(Unit::Images, made);
    match counted {
        Some(counted) => with_units(counted, units),
        None => Settlement::Exact(Usage::of_units(units)),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use lanyard_domain::hosted_tools::HostedTools;
    use lanyard_domain::models::ModelFacts;

    use super::*;
    use crate::response::tests::a_hold;

    #[test]
    fn the_tokens_of_images_are_held_by_size_and_quality() {
        let facts = ModelFacts::of("gpt-image-1").unwrap();
        assert!(facts.prices.output_image.is_some());
        let hosted_tools = HostedTools::default();
        let caps = Caps {
            completion_tokens: 4_096,
            choices: 1,
            hosted_tools: &hosted_tools,
            keeps_objects: false,
            facts,
        };
        let held = |fields: &str| {
            let body = format!(r#"{{"prompt":"x"{fields}}}"#);
            let request = http::Request::new(Bytes::from(body));
            let id = "req_1".parse().unwrap();
            let payload = Payload::read(&GENERATIONS, &request, &id).unwrap();
            read(&payload, &caps).unwrap().estimate.completion_tokens
        };
        assert_eq!(held(""), 6_240);
        assert_eq!(held(r#","n":10,"size":"1536x1024","quality":"high""#), 62_400);
        assert_eq!(held(r#","size":"1024x1024","quality":"low""#), 272);
        assert_eq!(held(r#","quality":"auto","partial_images":2"#), 6_540);
        assert_eq!(held(r#","quality":"low","quality":"high""#), 6_240);
    }

    fn settled(body: &str) -> Option<Settlement> {
        let hold = Hold { units: Units::of(Unit::Images, 2), ..a_hold() };
        let cost = GENERATIONS.read_response(body.as_bytes(), &hold, u64::MAX);
        cost.map(|(settlement, _)| settlement)
    }

    #[test]
    fn images_are_counted_as_they_were_made() {
        let one = Settlement::Exact(Usage::of_units(Units::of(Unit::Images, 1)));
        assert_eq!(settled(r#"{"data":[{"url":"x"}]}"#), Some(one));
        let with_tokens =
            r#"{"data":[{}],"usage":{"input_tokens":7,"output_tokens":1056,"total_tokens":1063}}"#;
        let usage = Usage { units: Units::of(Unit::Images, 1), ..Usage::of_tokens(7, 1_056) };
        assert_eq!(settled(with_tokens), Some(Settlement::Exact(usage)));
        assert_eq!(settled("{}"), Some(Settlement::AtLeast(Usage::default())));
        assert_eq!(settled("<html>"), None);
    }
}

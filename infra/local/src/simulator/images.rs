//! Images: one transparent pixel each, whatever was asked for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::catalog::Model;
use super::fields::{self, Object};
use super::refusal::Refusal;
use super::response::Body;
use super::stamp::Stamp;
use super::{parameters, tokens};

const PIXEL: [u8; 68] = [
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0x1f, 0x15, 0xc4,
    0x89, 0x00, 0x00, 0x00, 0x0b, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0x60, 0x00, 0x02, 0x00,
    0x00, 0x05, 0x00, 0x01, 0xe9, 0xfa, 0xdc, 0xd8, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44,
    0xae, 0x42, 0x60, 0x82,
];

/// The tokens of a square image of medium quality.
const IMAGE_TOKENS: usize = 1_056;

/// The tokens that each partial image adds.
const PARTIAL_TOKENS: usize = 100;

/// The parameters of every image model.
const COMMON: [&str; 12] = [
    "image",
    "image[]",
    "mask",
    "model",
    "moderation",
    "n",
    "prompt",
    "quality",
    "size",
    "stream",
    "user",
    "input_fidelity",
];

/// The parameters of models that report tokens.
const OF_TOKENS: [&str; 4] =
    ["background", "output_compression", "output_format", "partial_images"];

/// The parameters of older models.
const OF_IMAGES: [&str; 2] = ["response_format", "style"];

/// The response to a request, and the tokens of its prompt.
pub(super) fn respond(
    body: &Object,
    model: &Model,
    is_edit: bool,
    stamp: &Stamp,
) -> Result<(Body, usize), Refusal> {
    let counts_tokens = model.facts().prices.output_image.is_some();
    let others: &[&str] = if counts_tokens { &OF_TOKENS } else { &OF_IMAGES };
    parameters::refuse_parameters(body, &[&COMMON, others].concat(), "")?;
    let prompt = fields::text(body, "prompt")?.ok_or_else(|| Refusal::missing("prompt"))?;
    if prompt.to_lowercase().contains("trigger the content filter") {
        return Err(Refusal::ContentFilter);
    }
    let count = fields::integer(body, "n", 1..=10)?.unwrap_or(1);
    let background = fields::text(body, "background")?.unwrap_or("auto");
    if !["auto", "opaque", "transparent"].contains(&background) {
        return Err(Refusal::unsupported("background", "'transparent', 'opaque' and 'auto'"));
    }
    let is_url = !counts_tokens && fields::text(body, "response_format")? != Some("b64_json");
    let pixel = STANDARD.encode(PIXEL);
    let one = |number: usize| match is_url {
        true => json!({
            "url": format!("https://simulated.invalid/{}.png", stamp.uuid(&number.to_string())),
            "revised_prompt": format!("[simulated] {prompt}"),
        }),
        false => json!({"b64_json": pixel}),
    };
    let prompt_tokens = tokens::count(prompt);
    let usage = |output: usize| {
        json!({
            "input_tokens": prompt_tokens, "output_tokens": output,
            "total_tokens": prompt_tokens + output,
            "input_tokens_details": {"text_tokens": prompt_tokens, "image_tokens": 0},
        })
    };
    if counts_tokens && fields::flag(body, "stream")? {
        let operation = if is_edit { "image_edit" } else { "image_generation" };
        let event = |kind: &str, name: &str, value: Value| {
            let kind = format!("{operation}.{kind}");
            let mut event = json!({
                "type": kind, "b64_json": pixel, "created_at": stamp.created(),
                "background": background, "output_format": "png", "quality": "medium",
                "size": "1024x1024",
            });
            event[name] = value;
            Bytes::from(format!("event: {kind}\ndata: {event}\n\n"))
        };
        let partial = fields::integer(body, "partial_images", 0..=3)?.unwrap_or(0);
        let mut events: Vec<Bytes> = (0..partial)
            .map(|index| event("partial_image", "partial_image_index", index.into()))
            .collect();
        let cost = usage(IMAGE_TOKENS + partial * PARTIAL_TOKENS);
        events.push(event("completed", "usage", cost));
        return Ok((Body::Frames(Box::new(events.into_iter())), prompt_tokens));
    }
    let mut response = json!({
        "created": stamp.created(), "data": (0..count).map(one).collect::<Vec<Value>>(),
    });
    if counts_tokens {
        response["background"] = background.into();
        response["usage"] = usage(count * IMAGE_TOKENS);
    }
    Ok((Body::Buffered(Bytes::from(response.to_string())), prompt_tokens))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::catalog::{self, Operation};

    fn asked(name: &str, is_edit: bool, rest: Value) -> Result<String, Refusal> {
        let model = catalog::find(name, Operation::Images).unwrap();
        let mut body = json!({"prompt": "an elephant"});
        body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        let response = respond(body.as_object().unwrap(), model, is_edit, &Stamp::fixed());
        response.map(|(body, _)| match body {
            Body::Buffered(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            Body::Frames(frames) => {
                frames.map(|frame| String::from_utf8(frame.to_vec()).unwrap()).collect()
            }
            Body::Octets(_) | Body::Typed(..) => panic!("JSON was asked for"),
        })
    }

    #[test]
    fn partial_images_come_first_and_are_paid() {
        let stream = json!({"stream": true, "partial_images": 2, "background": "transparent"});
        for (is_edit, name) in [(false, "image_generation"), (true, "image_edit")] {
            let events = asked("gpt-image-1", is_edit, stream.clone()).unwrap();
            assert_eq!(events.matches(&format!("event: {name}.partial_image\n")).count(), 2);
            assert_eq!(events.matches(&format!("event: {name}.completed\n")).count(), 1);
            assert!(events.contains("\"output_tokens\":1256"), "{events}");
            assert!(events.contains("\"background\":\"transparent\""), "{events}");
        }
    }

    #[test]
    fn each_model_has_parameters_of_its_own() {
        let refused = |name, rest| asked(name, false, rest).unwrap_err().body();
        let old = refused("dall-e-3", json!({"background": "opaque"}));
        assert_eq!(old["error"]["param"], "background");
        let new = refused("gpt-image-1", json!({"response_format": "url"}));
        assert_eq!(new["error"]["code"], "unknown_parameter");
        assert!(asked("gpt-image-1", false, json!({"background": "blue"})).is_err());
        assert!(asked("dall-e-3", false, json!({"style": "vivid"})).unwrap().contains("\"url\""));
    }
}

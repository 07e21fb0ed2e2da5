//! Images: one transparent pixel each, whatever was asked for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::answer::Body;
use super::catalog::Model;
use super::fields::{self, Object};
use super::refusal::Refusal;
use super::stamp::Stamp;
use super::tokens;

const PIXEL: [u8; 68] = [
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0x1f, 0x15, 0xc4,
    0x89, 0x00, 0x00, 0x00, 0x0b, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0x60, 0x00, 0x02, 0x00,
    0x00, 0x05, 0x00, 0x01, 0xe9, 0xfa, 0xdc, 0xd8, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44,
    0xae, 0x42, 0x60, 0x82,
];

/// The tokens of a square image of medium quality.
const PICTURE_TOKENS: usize = 1_056;

/// The response to a request, and the tokens of its prompt.
pub(super) fn answer(
    body: &Object,
    model: &Model,
    stamp: &Stamp,
) -> Result<(Body, usize), Refusal> {
    let prompt = fields::text(body, "prompt")?.ok_or_else(|| Refusal::missing("prompt"))?;
    if prompt.to_lowercase().contains("trigger the content filter") {
        return Err(Refusal::ContentFilter);
    }
    let count = fields::integer(body, "n", 1..=10)?.unwrap_or(1);
    let counts_tokens = model.name.starts_with("gpt-image");
    let format = fields::text(body, "response_format")?;
    let is_url = !counts_tokens && format != Some("b64_json");
    let pixel = STANDARD.encode(PIXEL);
    let one = |number: usize| match is_url {
        true => json!({
            "url": format!("https://simulated.invalid/{}.png", stamp.uuid(&number.to_string())),
            "revised_prompt": format!("[simulated] {prompt}"),
        }),
        false => json!({"b64_json": pixel}),
    };
    let prompt_tokens = tokens::count(prompt);
    let usage = |images: usize| {
        json!({
            "input_tokens": prompt_tokens, "output_tokens": images * PICTURE_TOKENS,
            "total_tokens": prompt_tokens + images * PICTURE_TOKENS,
            "input_tokens_details": {"text_tokens": prompt_tokens, "image_tokens": 0},
        })
    };
    if counts_tokens && fields::flag(body, "stream")? {
        let event = |kind: &str, rest: Value| {
            let mut event = json!({"type": kind, "b64_json": pixel, "created_at": stamp.created()});
            if let (Value::Object(event), Value::Object(rest)) = (&mut event, rest) {
                event.extend(rest);
            }
            Bytes::from(format!("event: {kind}\ndata: {event}\n\n"))
        };
        let partial = fields::integer(body, "partial_images", 0..=3)?.unwrap_or(0);
        let mut events: Vec<Bytes> = (0..partial)
            .map(|index| {
                event("image_generation.partial_image", json!({"partial_image_index": index}))
            })
            .collect();
        events.push(event("image_generation.completed", json!({"usage": usage(1)})));
        return Ok((Body::Frames(Box::new(events.into_iter())), prompt_tokens));
    }
    let mut whole = json!({
        "created": stamp.created(), "data": (0..count).map(one).collect::<Vec<Value>>(),
    });
    if counts_tokens {
        whole["usage"] = usage(count);
    }
    Ok((Body::Whole(Bytes::from(whole.to_string())), prompt_tokens))
}

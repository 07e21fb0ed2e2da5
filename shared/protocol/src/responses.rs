//! The fields that govern a call of the Responses API.

use lanyard_domain::estimate::Estimate;

use crate::error::{BadRequestCode, Refused};
use crate::governed::{Caps, Demanded, check_tools, count, flag, refuse_background};
use crate::payload::{Payload, invalid, not_allowed};
use crate::prompts::MOST_IMAGES;
use crate::references::refuse_item_references;
use crate::tree::Node;
use crate::write::Object;

/// The most items of one input.
const MOST_ITEMS: usize = 2_048;

/// Reads the governed fields.
pub(crate) fn read(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<Demanded, Refused> {
    refuse_background(payload)?;
    refuse_fields_of_chats(payload)?;
    check_tools(payload, caps)?;
    if payload.field("prompt").is_some() {
        return Err(not_allowed(
            "prompt",
            "Stored prompts are not offered. Send the prompt itself as input or instructions.",
        ));
    }
    let is_streamed = flag(payload, "stream")?.unwrap_or(false);
    if payload.field("stream_options").is_some() && !is_streamed {
        return Err(invalid("stream_options", "is only allowed together with \"stream\": true"));
    }
    // Azure's own default is to store.
    let is_kept = flag(payload, "store")?.unwrap_or(true) && caps.keeps_objects;
    let asked = count(payload, "max_output_tokens")?;
    let cap = asked.map_or(caps.completion_tokens, |asked| asked.min(caps.completion_tokens));
    let prompt = items(payload, "input")?;
    Ok(Demanded {
        is_streamed,
        completion_cap: Some(cap),
        clamped_from: asked.filter(|asked| *asked > cap),
        is_kept,
        estimate: Estimate { completion_tokens: cap, ..prompt },
        ..Demanded::nothing()
    })
}

fn refuse_fields_of_chats(payload: &Payload<'_>) -> Result<(), Refused> {
    let others = ["max_tokens", "max_completion_tokens", "messages", "n", "best_of"];
    let found = others.into_iter().find(|name| payload.field(name).is_some());
    let Some(field) = found else { return Ok(()) };
    let instead = match field {
        "messages" => "Use input.",
        "n" | "best_of" => "Ask again instead.",
        _ => "Use max_output_tokens.",
    };
    Err(Refused::bad(
        BadRequestCode::UnknownParameter,
        Some(field),
        format!("{field} does not belong to responses. {instead}"),
    ))
}

/// What a body with a list of items in this field may cost as a prompt: images by the picture, the
/// rest by its bytes.
///
/// # Errors
///
/// 400 for too many items or images, and for items that are only named.
pub(crate) fn items(payload: &Payload<'_>, field: &'static str) -> Result<Estimate, Refused> {
    let Some(raw) = payload.field(field) else {
        return Ok(Estimate::new(payload.bytes as u64, 0, 0, 1));
    };
    let node: Node<'_> =
        serde_json::from_str(raw.get()).map_err(|_| invalid(field, "cannot be read"))?;
    if let Node::List(list) = &node
        && list.len() > MOST_ITEMS
    {
        return Err(invalid(field, &format!("may hold at most {MOST_ITEMS} items")));
    }
    refuse_item_references(field, &node)?;
    let mut images = Images::default();
    images.see(&node);
    if images.count > MOST_IMAGES {
        return Err(invalid(field, &format!("may hold at most {MOST_IMAGES} images")));
    }
    let text_bytes = payload.bytes.saturating_sub(images.bytes);
    Ok(Estimate::new(text_bytes as u64, images.count, 0, 1))
}

/// The image parts of an input, however deep.
#[derive(Default)]
struct Images {
    count: u64,
    bytes: usize,
}

impl Images {
    fn see(&mut self, node: &Node<'_>) {
        let is_image =
            node.all("type").any(|kind| matches!(kind.text(), Some("input_image" | "image_url")));
        if is_image {
            self.count += 1;
            let urls = node.all("image_url").filter_map(Node::text);
            self.bytes += urls.map(str::len).sum::<usize>();
        }
        for child in node.children() {
            self.see(child);
        }
    }
}

/// Writes the body for Azure: governed fields as this proxy wants them, the rest as they came.
pub(crate) fn write(
    payload: &Payload<'_>,
    demanded: &Demanded,
    azure_name: &str,
    user: &str,
    out: &mut Vec<u8>,
) {
    let mut object = Object { out };
    object.text("model", azure_name);
    object.text("user", user);
    object.raw("store", if demanded.is_kept { "true" } else { "false" });
    if let Some(cap) = demanded.completion_cap {
        object.raw("max_output_tokens", &cap.to_string());
    }
    if demanded.is_streamed {
        object.raw("stream", "true");
    }
    for (name, raw) in &payload.fields {
        match name.as_ref() {
            "model"
            | "user"
            | "safety_identifier"
            | "store"
            | "max_output_tokens"
            | "stream"
            | "background"
            | "max_tokens"
            | "max_completion_tokens"
            | "messages"
            | "n"
            | "best_of"
            | "prompt" => {}
            "service_tier" => object.raw("service_tier", "\"default\""),
            name => object.raw(name, raw.get()),
        }
    }
    object.out.push(b'}');
}

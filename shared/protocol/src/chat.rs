//! `POST …/chat/completions`
//!
//! A conversation as JSON; tokens are counted. Images in messages count by the image, the rest by
//! its bytes. <https://platform.openai.com/docs/api-reference/chat>

use lanyard_domain::catalog::CompletionField;
use lanyard_domain::object::Kind;
use lanyard_domain::operation::Operation;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::Protocol;
use crate::chunk;
use crate::demand::{Caps, Demanded};
use crate::error::{BodyRefused, invalid};
use crate::estimate;
use crate::fields::{check_tools, refuse_foreign};
use crate::payload::{Payload, Target};
use crate::references::IdPlace;
use crate::stream::StreamFormat;
use crate::{completion, sse};

const MOST_MESSAGES: usize = 2_048;

/// The most images of one request.
pub(crate) const MOST_IMAGES: u64 = 50;

pub(crate) static PROTOCOL: Protocol = Protocol {
    ids: &[IdPlace::names_if_mentioned("messages.**.file_id", Kind::File)],
    stream: StreamFormat {
        longest_frame: Some(sse::LONGEST_FRAME),
        read: completion::read_event,
        ..chunk::FORMAT
    },
    ..Protocol::call(Operation::ChatCompletions, "chat/completions", read, write)
};

fn read(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<Demanded, BodyRefused> {
    refuse_foreign(payload)?;
    check_tools(payload, caps)?;
    let images = Images::in_messages(payload)?;
    let text_bytes = payload.bytes.saturating_sub(images.bytes) as u64;
    completion::read(payload, caps, |cap, choices| {
        estimate::completion(text_bytes, images.count, cap, choices)
    })
}

/// The cap goes by the field that the deployment takes, unless the client named the newer one.
fn write(payload: &Payload<'_>, demanded: &Demanded, target: &Target<'_>, out: &mut Vec<u8>) {
    let field = if demanded.names_completion_tokens {
        CompletionField::MaxCompletionTokens
    } else {
        target.completion_field
    };
    completion::write(payload, demanded, target, field, out);
}

/// The image parts of a conversation. They cost by the image, not by the bytes of its encoding.
#[derive(Default)]
struct Images {
    count: u64,
    bytes: usize,
}

impl Images {
    fn in_messages(payload: &Payload<'_>) -> Result<Self, BodyRefused> {
        #[derive(Deserialize)]
        struct Message<'a> {
            #[serde(borrow)]
            content: Option<&'a RawValue>,
        }
        #[derive(Deserialize)]
        struct Part {
            #[serde(rename = "type")]
            kind: Option<String>,
        }
        let Some(raw) = payload.field("messages") else {
            return Ok(Self::default());
        };
        if !raw.get().starts_with('[') {
            return Err(invalid("messages", "must be a list"));
        }
        // What is no message is Azure's to refuse; here it just has no images.
        let messages = serde_json::from_str::<Vec<&RawValue>>(raw.get()).unwrap_or_default();
        if messages.len() > MOST_MESSAGES {
            return Err(invalid("messages", &format!("may hold at most {MOST_MESSAGES} messages")));
        }
        let mut images = Self::default();
        for message in messages {
            let content =
                serde_json::from_str::<Message<'_>>(message.get()).ok().and_then(|m| m.content);
            let Some(content) = content.filter(|content| content.get().starts_with('[')) else {
                continue;
            };
            for part in serde_json::from_str::<Vec<&RawValue>>(content.get()).unwrap_or_default() {
                let kind = serde_json::from_str::<Part>(part.get()).ok().and_then(|p| p.kind);
                if kind.is_some_and(|kind| kind == "image_url") {
                    images.count += 1;
                    images.bytes += part.get().len();
                }
            }
        }
        if images.count > MOST_IMAGES {
            return Err(invalid("messages", &format!("may hold at most {MOST_IMAGES} images")));
        }
        Ok(images)
    }
}

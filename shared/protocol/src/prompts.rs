//! What prompts hold beside text: pictures in a conversation, several prompts at once, tokens.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::Refused;
use crate::governed::MOST_INPUTS;
use crate::payload::{Payload, invalid};

const MOST_MESSAGES: usize = 2_048;
pub(crate) const MOST_IMAGES: u64 = 50;

/// The prompts of a legacy completion: a text, several, or lists of tokens.
pub(crate) struct Prompts {
    pub(crate) count: u64,
    /// The tokens of those that are lists of tokens.
    pub(crate) tokens: u64,
}

impl Prompts {
    pub(crate) fn of(payload: &Payload<'_>) -> Result<Self, Refused> {
        let one = Self { count: 1, tokens: 0 };
        let Some(raw) = payload.field("prompt").filter(|raw| !raw.get().starts_with('"')) else {
            return Ok(one);
        };
        let prompts = serde_json::from_str::<Vec<&RawValue>>(raw.get())
            .map_err(|_| invalid("prompt", "must be a text, a list of texts or lists of tokens"))?;
        let tokens = prompts.iter().map(|prompt| match prompt.get() {
            list if list.starts_with('[') => list.split(',').count(),
            text if text.starts_with('"') => 0,
            _ => 1,
        });
        let tokens = tokens.sum::<usize>() as u64;
        let is_one = prompts.first().is_none_or(|first| !first.get().starts_with(['"', '[']));
        if is_one {
            return Ok(Self { tokens, ..one });
        }
        if prompts.len() > MOST_INPUTS {
            return Err(invalid("prompt", &format!("may hold at most {MOST_INPUTS} texts")));
        }
        Ok(Self { count: prompts.len() as u64, tokens })
    }
}

/// The image parts of a conversation. They cost by the picture, not by the bytes of its encoding.
#[derive(Default)]
pub(crate) struct Images {
    pub(crate) count: u64,
    pub(crate) bytes: usize,
}

impl Images {
    pub(crate) fn in_messages(payload: &Payload<'_>) -> Result<Self, Refused> {
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

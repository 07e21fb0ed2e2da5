//! `POST …/completions`, and `…/engines/{engine}/completions` of old clients.
//!
//! Legacy completions: one prompt or several, as texts or as lists of tokens.
//! <https://platform.openai.com/docs/api-reference/completions>

use lanyard_domain::catalog::CompletionField;
use lanyard_domain::operation::Operation;
use serde_json::value::RawValue;

use crate::Protocol;
use crate::chunk;
use crate::demand::{Caps, Demanded};
use crate::error::{BodyRefused, invalid};
use crate::estimate;
use crate::fields::{MOST_INPUTS, check_tools, refuse_foreign};
use crate::payload::{Payload, Target};
use crate::stream::StreamFormat;
use crate::{completion, sse};

pub(crate) static PROTOCOL: Protocol = Protocol {
    has_engine_path: true,
    stream: StreamFormat {
        longest_frame: Some(sse::LONGEST_FRAME),
        read: completion::read_event,
        ..chunk::FORMAT
    },
    ..Protocol::call(Operation::Completions, "completions", read, write)
};

fn read(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<Demanded, BodyRefused> {
    refuse_foreign(payload)?;
    check_tools(payload, caps)?;
    let prompts = Prompts::of(payload)?;
    completion::read(payload, caps, |cap, choices| {
        let choices = choices.saturating_mul(prompts.count);
        let mut estimate = estimate::completion(payload.bytes as u64, 0, cap, choices);
        estimate.prompt_tokens = estimate.prompt_tokens.max(prompts.tokens);
        estimate
    })
}

fn write(payload: &Payload<'_>, demanded: &Demanded, target: &Target<'_>, out: &mut Vec<u8>) {
    completion::write(payload, demanded, target, CompletionField::MaxTokens, out);
}

/// The prompts: a text, several, or lists of tokens.
struct Prompts {
    count: u64,
    /// The tokens of those that are lists of tokens.
    tokens: u64,
}

impl Prompts {
    fn of(payload: &Payload<'_>) -> Result<Self, BodyRefused> {
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

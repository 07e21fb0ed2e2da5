//! One chunk of a streamed completion, or one event of another operation that has the same shape.
//!
//! Most chunks are content and are not parsed: only those that can say something about the cost,
//! an error or the prompt filter.

use std::sync::LazyLock;

use lanyard_domain::account::Hold;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;
use memchr::memmem::Finder;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::sse::Frame;
use crate::stream::{StreamEvent, StreamFormat, StreamState};
use crate::usage::{Counted, ResponseUsage, with_units};

static FILTER: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\"prompt_filter_results\""));
static ERROR: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\"error\""));
static USAGE: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\"usage\""));

/// The longest frame that carries an image or audio: ten megapixels as text are less.
const LONGEST_MEDIA_FRAME: usize = 32 * 1024 * 1024;

/// Chunks of any size, with the usage of tokens in one of the last.
pub(crate) const FORMAT: StreamFormat = StreamFormat {
    longest_frame: Some(LONGEST_MEDIA_FRAME),
    read: |frame, state| {
        let chunk = Chunk::read(frame, state);
        state.counted = chunk.counted.or(state.counted);
        chunk.event
    },
    missing: |_| None,
    settle: settle_tokens,
    error: |body, _| [b"data: ".as_slice(), body, b"\n\n"].concat().into(),
};

/// The tokens that Azure counted.
fn settle_tokens(state: &StreamState, _: &Hold, _: bool) -> Settlement {
    match state.counted {
        Some(counted) => with_units(counted, counted.usage.units),
        // A frame of one token is some 300 bytes. This is far below that on purpose: it only
        // matters where more came than was asked for.
        None => Settlement::AtLeast(Usage::of_tokens(0, state.content_bytes / 1_000)),
    }
}

/// What a chunk says.
pub(crate) struct Chunk {
    /// What to do with it.
    pub(crate) event: StreamEvent,
    /// What it says of the cost.
    pub(crate) counted: Option<Counted>,
    /// Whether it holds a part of a completion.
    pub(crate) has_choices: bool,
}

#[derive(Default, Deserialize)]
struct Fields<'a> {
    choices: Option<Vec<IgnoredAny>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    prompt_filter_results: Option<IgnoredAny>,
}

impl Chunk {
    /// Reads a chunk, and notes the response's id, its length and its end.
    pub(crate) fn read(frame: &Frame, state: &mut StreamState) -> Self {
        let pass = Self { event: StreamEvent::Pass, counted: None, has_choices: false };
        if !may_govern(frame) {
            if is_end(frame) {
                state.is_done = true;
            } else {
                state.content_bytes += frame.0.len() as u64;
            }
            return pass;
        }
        let data = frame.data();
        let fields = serde_json::from_slice::<Fields<'_>>(&data).unwrap_or_default();
        let has_choices = fields.choices.is_some_and(|choices| !choices.is_empty());
        if fields.error.is_some() && !has_choices {
            return Self { event: StreamEvent::Fails { is_busy: false }, ..pass };
        }
        let usage = serde_json::from_slice::<ResponseUsage<'_>>(&data).ok();
        let counted = usage.as_ref().and_then(|usage| usage.counted(state.expected_tokens));
        if counted.is_some() {
            state.response_id = usage.and_then(|usage| usage.id());
        }
        let is_filter = fields.prompt_filter_results.is_some() && state.hides.prompt_filter;
        let event = if is_filter && !has_choices { StreamEvent::Drop } else { StreamEvent::Pass };
        Self { event, counted, has_choices }
    }
}

/// Reads an event of a stream that ends with the one that carries its usage.
pub(crate) fn read_last(frame: &Frame, state: &mut StreamState) -> StreamEvent {
    let chunk = Chunk::read(frame, state);
    if let Some(counted) = chunk.counted {
        state.is_done = true;
        state.counted = Some(counted);
    }
    chunk.event
}

fn is_end(frame: &Frame) -> bool {
    frame.0.len() < 32 && frame.data() == b"[DONE]"
}

/// Whether a chunk says something that has to be read.
fn may_govern(frame: &Frame) -> bool {
    let holds = |needle: &Finder<'_>| needle.find(&frame.0).is_some();
    holds(&FILTER) || holds(&ERROR) || has_usage(frame)
}

/// A usage of `null`, which most chunks have, is none.
fn has_usage(frame: &Frame) -> bool {
    USAGE.find_iter(&frame.0).any(|at| {
        let rest = frame.0.get(at + USAGE.needle().len()..).unwrap_or_default();
        let value = rest.iter().position(|byte| !byte.is_ascii_whitespace() && *byte != b':');
        value.is_none_or(|value| !rest[value..].starts_with(b"null"))
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn usage_of_null_is_no_reason_to_parse() {
        let governs = |text: &'static str| may_govern(&Frame(Bytes::from(text)));
        assert!(!governs("data: {\"choices\":[],\"usage\" : null}\n\n"));
        assert!(governs("data: {\"usage\":{\"prompt_tokens\":1}}\n\n"));
        assert!(!governs("data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\n"));
    }
}

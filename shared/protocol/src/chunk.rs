//! One chunk of a streamed completion, or one event of another operation that has the same shape.
//!
//! Most chunks are content and are not parsed: only those that may have usage or an error, and the
//! first ones until there is output.

use std::borrow::Cow;
use std::sync::LazyLock;

use lanyard_domain::account::Hold;
use lanyard_domain::models::KnownModel;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;
use memchr::memmem::Finder;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::sse::{Frame, LONGEST_FRAME};
use crate::stream::failure::Failure;
use crate::stream::{StreamEvent, StreamFormat, StreamState};
use crate::tokens::RunningText;
use crate::usage::{Counted, ResponseUsage, known_model, with_units};

/// A field of this name, or an event of this name without quotation marks.
static ERROR: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"error"));
static QUOTED_ERROR: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\"error\""));
static USAGE: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\"usage\""));

/// The log's words for a stream without its last event.
pub(crate) const NO_END: &str = "the stream has no end";

/// Chunks of any size, with the usage of tokens in one of the last.
pub(crate) const FORMAT: StreamFormat = StreamFormat {
    longest_frame: Some(LONGEST_FRAME),
    read: |frame, state| {
        let chunk = Chunk::read(frame, state);
        state.count(chunk.counted);
        chunk.event
    },
    missing: |state| (!state.is_done).then_some(NO_END),
    settle: settle_tokens,
    error: |body, _| [b"data: ".as_slice(), body, b"\n\n"].concat().into(),
    ..StreamFormat::BYTES
};

/// The tokens that Azure counted. A count that cannot be read is none, but costs at least what can be
/// read of it.
fn settle_tokens(state: &StreamState, hold: &Hold, is_broken: bool) -> Settlement {
    let counted = state.counted.map(|counted| with_units(counted, counted.usage.units));
    if let Some(exact @ Settlement::Exact(_)) = counted {
        return exact;
    }
    let estimated = |completion: u64| {
        let read = state.counted.or(state.prompt).map(|counted| counted.usage).unwrap_or_default();
        Usage::of_tokens(
            hold.prompt_tokens.max(read.prompt_tokens),
            completion.max(read.completion_tokens),
        )
    };
    let of_text =
        |tokens: u64| Settlement::Estimated(estimated(tokens.min(hold.completion_tokens)));
    // The usage was not requested. The text is complete, so its usage can be estimated.
    if state.counts_text && state.is_done && !is_broken {
        // A completion may repeat its prompt.
        return of_text(state.text.tokens());
    }
    // The model has stopped, and what it wrote is there. Reasoning is not, if it is hidden.
    let reasons = state.model.map_or(state.reasons, KnownModel::reasons);
    let is_complete = !is_broken && !state.produced.is_nothing();
    if is_complete && !reasons {
        return of_text(state.produced.tokens());
    }
    // As many tokens as were reserved, but at the price of the model that a router has chosen.
    if is_complete && state.model.is_some() {
        let usage = estimated(hold.completion_tokens);
        return Settlement::Estimated(Usage { units: hold.units, ..usage });
    }
    if let Some(counted) = counted {
        return counted.with_reserved_output(hold);
    }
    // A frame of one token is some 300 bytes. This is far below that on purpose: it only matters
    // where more came than was asked for.
    let produced = state.produced.bytes() / 1_000;
    let prompt = state.prompt.map(|counted| counted.usage).unwrap_or_default();
    let reserved = if prompt.prompt_tokens > 0 { hold.completion_tokens } else { 0 };
    let completion_tokens = produced.max(reserved);
    Settlement::AtLeast(Usage { completion_tokens, ..prompt })
}

/// The fields of a chunk.
pub(crate) struct Chunk {
    /// What to do with it.
    pub(crate) event: StreamEvent,
    /// Its usage.
    pub(crate) counted: Option<Counted>,
    /// Whether it holds a part of a completion.
    pub(crate) has_choices: bool,
}

#[derive(Default, Deserialize)]
struct Fields<'a> {
    choices: Option<Vec<IgnoredAny>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    object: Option<&'a RawValue>,
}

impl Fields<'_> {
    /// Whether the event is an error, in an envelope or without one.
    fn is_error(&self) -> bool {
        let is_named = |name: Option<&RawValue>| name.is_some_and(|name| name.get() == "\"error\"");
        self.error.is_some() || is_named(self.kind) || is_named(self.object)
    }
}

impl Chunk {
    /// Reads a chunk, and notes the response's id, its length and its end.
    pub(crate) fn read(frame: &Frame, state: &mut StreamState) -> Self {
        let pass = Self { event: StreamEvent::Pass, counted: None, has_choices: false };
        if !may_govern(frame) {
            if is_end(frame) {
                state.is_done = true;
            } else {
                note_output(frame, state);
            }
            return pass;
        }
        let data = frame.data();
        let fields = serde_json::from_slice::<Fields<'_>>(&data).unwrap_or_default();
        let is_error = fields.is_error() || (frame.is_named_error() && !data.is_empty());
        let has_choices = fields.choices.is_some_and(|choices| !choices.is_empty());
        if is_error && !has_choices {
            state.failure = Some(Box::new(Failure::read(&data)));
            return Self { event: StreamEvent::Fails, ..pass };
        }
        let mut usage = serde_json::from_slice::<ResponseUsage<'_>>(&data).ok();
        let counted = usage.as_mut().and_then(|usage| {
            usage.most = state.most_tokens;
            usage.counted()
        });
        if counted.is_some() {
            state.model = usage.as_ref().and_then(ResponseUsage::model).or(state.model);
            state.response_id = usage.and_then(|usage| usage.id());
        } else {
            note_output(frame, state);
        }
        Self { event: StreamEvent::Pass, counted, has_choices }
    }
}

/// Adds the texts of a chunk: of responses, reasoning and arguments of tools.
pub(crate) fn add_texts(data: &[u8], text: &mut RunningText) {
    let chunk: Value = serde_json::from_slice(data).unwrap_or_default();
    let choices = chunk["choices"].as_array().into_iter().flatten();
    let parts = choices.flat_map(|choice| [&choice["delta"], &choice["text"]]);
    parts.for_each(|part| add_text(part, text));
}

fn add_text(value: &Value, text: &mut RunningText) {
    match value {
        Value::String(piece) => text.add(piece.as_bytes()),
        Value::Array(list) => list.iter().for_each(|value| add_text(value, text)),
        Value::Object(fields) => {
            let of_model = fields.iter().filter(|(name, _)| *name != "role" && *name != "type");
            of_model.for_each(|(_, value)| add_text(value, text));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Counts a frame that has output. Once some has come, all frames count: only the first few are
/// parsed.
fn note_output(frame: &Frame, state: &mut StreamState) {
    if !state.produced.is_nothing() || has_output(&frame.data(), state) {
        state.produced.add(&frame.0);
    }
}

/// Whether a chunk carries output: a comment, a role or a filter's result is none. An event without
/// choices is an image, audio or a part of a transcript. Notes the model that the chunk names.
fn has_output(data: &[u8], state: &mut StreamState) -> bool {
    #[derive(Deserialize)]
    struct Begun<'a> {
        choices: Option<Vec<Part>>,
        #[serde(borrow, default)]
        model: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Part {
        #[serde(default)]
        delta: Filled,
        #[serde(default)]
        text: Filled,
    }
    let Ok(Begun { choices, model }) = serde_json::from_slice::<Begun<'_>>(data) else {
        return false;
    };
    if state.model.is_none() {
        state.model = model.and_then(known_model);
    }
    choices.is_none_or(|choices| choices.iter().any(|part| part.delta.0 || part.text.0))
}

/// Whether a value is not empty: an empty text or list does not, nor does the role of an object.
#[derive(Clone, Copy, Default)]
struct Filled(bool);

impl<'de> Deserialize<'de> for Filled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FilledVisitor)
    }
}

struct FilledVisitor;

impl<'de> Visitor<'de> for FilledVisitor {
    type Value = Filled;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Filled, E> {
        Ok(Filled(false))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Filled, E> {
        Ok(Filled(false))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Filled, E> {
        Ok(Filled(true))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Filled, E> {
        Ok(Filled(true))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Filled, E> {
        Ok(Filled(true))
    }

    fn visit_str<E>(self, text: &str) -> Result<Filled, E> {
        Ok(Filled(!text.is_empty()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Filled, A::Error> {
        let mut is_filled = false;
        while list.next_element::<IgnoredAny>()?.is_some() {
            is_filled = true;
        }
        Ok(Filled(is_filled))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Filled, A::Error> {
        let mut is_filled = false;
        while let Some(name) = object.next_key::<Cow<'de, str>>()? {
            is_filled |= object.next_value::<Filled>()?.0 && name != "role";
        }
        Ok(Filled(is_filled))
    }
}

/// Reads an event of a stream that ends with the one that carries its usage, or that says so.
pub(crate) fn read_last(frame: &Frame, state: &mut StreamState) -> StreamEvent {
    let chunk = Chunk::read(frame, state);
    state.is_done |= chunk.counted.is_some() || is_type(&DONE, frame);
    state.count(chunk.counted);
    chunk.event
}

/// The end of a type, such as `speech.audio.done`.
static DONE: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b".done"));

/// Whether the type of an event ends in this. Most events do not contain it and are not parsed.
fn is_type(end: &Finder<'_>, frame: &Frame) -> bool {
    #[derive(Deserialize)]
    struct Typed<'a> {
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
    }
    if end.find(&frame.0).is_none() {
        return false;
    }
    let data = frame.data();
    let kind = serde_json::from_slice::<Typed<'_>>(&data).ok().map(|event| event.kind);
    let kind = kind.as_deref().or_else(|| frame.event()).unwrap_or_default();
    kind.trim().as_bytes().ends_with(end.needle())
}

/// Whether a chunk without a part of a completion is only about filters: not the end, a comment, or
/// anything else that is not a JSON object. A part of `null` is none.
pub(crate) fn is_without(part: &Finder<'_>, frame: &Frame) -> bool {
    !frame.has_value(part) && frame.data().trim_ascii_start().starts_with(b"{")
}

fn is_end(frame: &Frame) -> bool {
    frame.0.len() < 32 && frame.data() == b"[DONE]"
}

/// Whether a chunk has a field that must be read.
fn may_govern(frame: &Frame) -> bool {
    may_be_error(frame) || frame.has_value(&USAGE)
}

/// Most frames do not contain the word.
fn may_be_error(frame: &Frame) -> bool {
    let holds = |needle: &Finder<'_>| needle.find(&frame.0).is_some();
    holds(&ERROR) && (holds(&QUOTED_ERROR) || frame.is_named_error())
}

#[cfg(test)]
mod tests;

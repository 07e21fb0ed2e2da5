//! The ends of the choices of a streamed completion.
//!
//! `[DONE]` ends a stream, but some models send none: their streams are complete when each choice
//! that has begun has a reason for its end, or when the usage of all of them has come.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use crate::sse::Frame;

/// How many of the latest chunks of a single choice are looked at. Behind its end come those about
/// filters.
const LATEST: usize = 4;

/// The choices of a stream that have begun, and those that have ended.
#[derive(Clone, Debug, Default)]
pub struct ChoiceEnds {
    /// How many were asked for. If there may be more than one, each chunk is read.
    asked: u64,
    several: Choices,
    /// The latest chunks of a single choice. They are read only if the stream has no other end.
    latest: [Frame; LATEST],
    count: usize,
    has_total: bool,
}

#[derive(Clone, Debug, Default)]
struct Choices {
    begun: BTreeSet<u64>,
    ended: BTreeSet<u64>,
}

#[derive(Deserialize)]
struct Chunk {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u64,
    #[serde(default)]
    finish_reason: Value,
}

impl ChoiceEnds {
    /// The choices of a request for so many.
    #[must_use]
    pub fn of(asked: u64) -> Self {
        Self { asked, ..Self::default() }
    }

    /// Notes the choices of a chunk.
    pub(crate) fn note(&mut self, frame: &Frame) {
        match self.asked > 1 {
            true => self.several.note(frame),
            false => {
                self.latest[self.count % LATEST] = frame.clone();
                self.count += 1;
            }
        }
    }

    /// Notes a usage without choices, which comes behind all of them.
    pub(crate) fn note_total(&mut self) {
        self.has_total = true;
    }

    /// Whether nothing is missing.
    pub(crate) fn are_complete(&self) -> bool {
        let choices = self.choices();
        self.has_total || (!choices.ended.is_empty() && choices.begun.is_subset(&choices.ended))
    }

    /// Whether as many have ended as were asked for; true for a stream without choices. Where one breaks
    /// off, choices may be missing of which nothing has come yet.
    #[must_use]
    pub fn have_all_ended(&self) -> bool {
        let Choices { begun, ended } = self.choices();
        self.has_total || begun.is_empty() || ended.len() as u64 >= self.asked
    }

    fn choices(&self) -> Choices {
        let mut choices = self.several.clone();
        self.latest.iter().for_each(|frame| choices.note(frame));
        choices
    }
}

/// Whether a choice has ended. Some models send an empty reason with each chunk.
pub(crate) fn has_reason(finish_reason: &Value) -> bool {
    !finish_reason.is_null() && finish_reason != ""
}

impl Choices {
    fn note(&mut self, frame: &Frame) {
        let Ok(chunk) = serde_json::from_slice::<Chunk>(&frame.data()) else { return };
        for choice in chunk.choices {
            self.begun.insert(choice.index);
            if has_reason(&choice.finish_reason) {
                self.ended.insert(choice.index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn ends_of(asked: u64, chunks: &[&str]) -> ChoiceEnds {
        let mut ends = ChoiceEnds::of(asked);
        for chunk in chunks {
            ends.note(&Frame(Bytes::from(format!("data: {chunk}\n\n"))));
        }
        ends
    }

    fn are_complete(asked: u64, chunks: &[&str]) -> bool {
        ends_of(asked, chunks).are_complete()
    }

    #[test]
    fn a_completion_has_ended_when_each_choice_that_has_begun_says_why() {
        let role = r#"{"choices":[{"index":0,"delta":{"role":"assistant"},"finish_reason":null}]}"#;
        let stop = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
        let filter =
            r#"{"choices":[{"index":0,"content_filter_results":{},"finish_reason":null}]}"#;
        let quoted =
            r#"{"choices":[{"index":0,"delta":{"content":"\"finish_reason\":\"stop\""}}]}"#;
        assert!(!are_complete(1, &[]));
        assert!(!are_complete(1, &[role, quoted, &role.replace("null", "\"\"")]));
        assert!(are_complete(1, &[role, stop]));
        assert!(are_complete(1, &[role, stop, filter]));
        let (second, ended) =
            (role.replace(":0", ":1"), stop.replace(":0", ":1").replace("stop", "length"));
        assert!(!are_complete(2, &[role, &second, stop]));
        assert!(are_complete(2, &[role, &second, stop, &ended, filter]));
        assert!(are_complete(2, &[role, stop]), "the model may have made one only");
        assert!(!ends_of(2, &[role, stop]).have_all_ended(), "the second may not have begun");
        assert!(ends_of(2, &[role, &second, stop, &ended]).have_all_ended());
        assert!(ends_of(2, &[]).have_all_ended(), "a stream without choices");
    }
}

//! Texts in a request, one or several, or the same as lists of token numbers.

use serde_json::value::RawValue;

use crate::error::{BodyRefused, invalid};
use crate::payload::Payload;
use crate::tokens::tokens_of_text;

/// The most texts of one request.
const MOST: usize = 2_048;

/// The content of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inputs {
    /// How many texts.
    pub(crate) count: u64,
    /// Their tokens: estimated for texts, exact for lists of token numbers.
    pub(crate) tokens: u64,
}

impl Inputs {
    /// Reads a field; `None` if it is not there.
    ///
    /// # Errors
    ///
    /// [`BodyRefused`] if it is neither a text nor a list, or holds too many texts.
    pub(crate) fn of(payload: &Payload<'_>, field: &str) -> Result<Option<Self>, BodyRefused> {
        let Some(raw) = payload.field(field).map(RawValue::get) else { return Ok(None) };
        if raw.starts_with('"') {
            return Ok(Some(Self { count: 1, tokens: tokens_of_text(raw.as_bytes()) }));
        }
        let texts = serde_json::from_str::<Vec<&RawValue>>(raw)
            .map_err(|_| invalid(field, "must be a text, a list of texts or lists of tokens"))?;
        let tokens = texts.iter().map(|text| tokens(text.get())).fold(0, u64::saturating_add);
        // A flat list of numbers is one input.
        let is_one = texts.first().is_none_or(|first| !first.get().starts_with(['"', '[']));
        if is_one {
            return Ok(Some(Self { count: 1, tokens }));
        }
        if texts.len() > MOST {
            return Err(invalid(field, &format!("may hold at most {MOST} texts")));
        }
        Ok(Some(Self { count: texts.len() as u64, tokens }))
    }

    /// Reads `input`.
    ///
    /// # Errors
    ///
    /// [`BodyRefused`], also if it is not there.
    pub(crate) fn required(payload: &Payload<'_>) -> Result<Self, BodyRefused> {
        Self::of(payload, "input")?
            .ok_or_else(|| invalid("input", "is missing. Send a text or a list of texts"))
    }
}

/// A text by its estimate, a list by its elements, a number as one token.
fn tokens(raw: &str) -> u64 {
    if raw.starts_with('"') {
        return tokens_of_text(raw.as_bytes());
    }
    let numbers = raw.bytes().filter(|byte| *byte == b',').count() as u64 + 1;
    // Anything else that the model may read as text.
    if raw.contains('"') { numbers.max(tokens_of_text(raw.as_bytes())) } else { numbers }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_tokens_and_everything_else_counts_as_text() {
        assert_eq!(tokens("[1,22,333]"), 3);
        assert_eq!(tokens("7"), 1);
        let text = "some words ".repeat(100);
        let nested = format!(r#"{{"type":"text","text":"{text}"}}"#);
        assert!(tokens(&format!("\"{text}\"")) >= 190);
        assert!(tokens(&nested) >= 190 && tokens(&format!("[{nested}]")) >= 190);
    }
}

//! Estimates of the tokens of a body, before Azure has counted them.
//!
//! Usage above the estimate is charged too.

use lanyard_domain::estimate::Estimate;

use crate::content::Content;
use crate::payload::Payload;
use crate::tokens::tokens_of_text;

/// A text that is read, and nothing that is written.
pub(crate) fn prompt(text: &[u8]) -> Estimate {
    Estimate::of_tokens(tokens_of_text(text), 0)
}

/// A prompt of so many tokens, and the cap for each choice.
pub(crate) fn completion(prompt_tokens: u64, cap: u64, choices: u64) -> Estimate {
    Estimate::of_tokens(prompt_tokens, cap.saturating_mul(choices))
}

/// The prompt tokens of a JSON body of which one field was read as content: that content, and the
/// text of all other fields.
pub(crate) fn prompt_tokens(payload: &Payload<'_>, field: &str, content: &Content<'_>) -> u64 {
    let others = payload.fields.iter().filter(|(name, _)| name != field);
    others
        .map(|(_, raw)| tokens_of_text(raw.get().as_bytes()))
        .fold(content.tokens, u64::saturating_add)
}

//! The usage of a message in Anthropic's format.
//!
//! The tokens of the prompt are three figures: those that were read from the cache, those that were
//! written to it, and the others. If the server itself worked in several rounds, such as for a
//! compaction, the rounds are listed, and the figures of the message may lack some of them.

use lanyard_domain::account::Hold;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::response::ResponseFormat;
use crate::usage::{self, Counted, ResponseUsage, with_units};

#[derive(Deserialize)]
struct Rounds<'a> {
    #[serde(borrow, default)]
    iterations: Option<Vec<&'a RawValue>>,
}

/// The usage of a complete message.
pub(super) fn count(usage: &RawValue, most_tokens: u64) -> Counted {
    let counted = usage::count(usage, most_tokens);
    let rounds = serde_json::from_str::<Rounds<'_>>(usage.get()).ok();
    let rounds = rounds.and_then(|rounds| rounds.iterations).unwrap_or_default();
    let rounds = rounds.into_iter().map(|round| usage::count(round, most_tokens));
    let Some(sum) = rounds.reduce(Counted::plus) else { return counted };
    let most = |of: fn(Usage) -> u64| of(counted.usage).max(of(sum.usage));
    let tokens = Usage::of_tokens(most(|u| u.prompt_tokens), most(|u| u.completion_tokens));
    let complete =
        if sum.usage.prompt_tokens > counted.usage.prompt_tokens { sum } else { counted };
    Counted {
        usage: Usage {
            details: complete.usage.details,
            calls: counted.usage.calls.max(sum.usage.calls),
            ..tokens
        },
        is_credible: counted.is_credible && sum.is_credible,
    }
}

/// The settlement of a buffered message.
pub(super) fn cost(response: &ResponseUsage<'_>, body: &[u8], hold: &Hold) -> Settlement {
    match response.usage() {
        Some(usage) => with_units(count(usage, response.most), hold.units),
        None => (ResponseFormat::TOKENS.cost)(response, body, hold),
    }
}

//! How a buffered response is read, and its usage.

use lanyard_domain::account::Hold;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;

use crate::usage::{ResponseUsage, with_units};

/// How a response that is not a stream of events is read.
#[derive(Clone, Copy, Debug)]
pub struct ResponseFormat {
    /// The `accept` header for Azure.
    pub accept: &'static str,
    /// The kind of a response with this content type, without its parameters.
    pub content: fn(&str) -> Content,
    /// The usage of a JSON response.
    pub cost: fn(&ResponseUsage<'_>, &[u8], &Hold) -> Settlement,
}

/// How a response is relayed, and as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Server-sent events, as they come.
    Events,
    /// A JSON document, buffered.
    Json,
    /// A text, buffered.
    Text(&'static str),
    /// Bytes of Azure's type, as they come.
    Bytes,
    /// Nothing that the operation responds with.
    Unusable,
}

impl ResponseFormat {
    /// JSON with a usage in tokens. Other units are known before and stay as they were held.
    pub(crate) const TOKENS: Self = Self {
        accept: "application/json",
        content: |_| Content::Json,
        cost: |response, _, hold| match response.counted() {
            Some(counted) => with_units(counted, hold.units),
            None => Settlement::AtLeast(Usage::of_tokens(0, 0)),
        },
    };
}

#[cfg(test)]
pub(crate) mod tests {
    use lanyard_domain::time::EpochNanos;
    use lanyard_domain::unit::Units;

    use super::*;

    /// A hold of nothing.
    pub(crate) fn a_hold() -> Hold {
        Hold {
            prompt_tokens: 0,
            completion_tokens: 0,
            units: Units::NONE,
            admitted_at: EpochNanos(0),
            day: chrono::NaiveDate::MIN,
            expires_at: EpochNanos(0),
            is_recorded: true,
            model: None,
        }
    }
}

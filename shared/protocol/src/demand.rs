//! What a request asks for, and how much of it an event allows.

use lanyard_domain::estimate::Estimate;
use lanyard_domain::models::ModelFacts;

/// What an event allows one request to ask for.
#[derive(Clone, Copy, Debug)]
pub struct Caps<'a> {
    /// The largest completion of one choice.
    pub completion_tokens: u64,
    /// The most choices.
    pub choices: u64,
    /// Tool types allowed beside `function` and `custom`.
    pub extra_tool_types: &'a [String],
    /// Whether objects may be kept upstream.
    pub keeps_objects: bool,
    /// What is known of the model that takes the request.
    pub facts: &'a ModelFacts,
}

/// What a request asks for, within its caps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demanded {
    /// Whether the response is to be streamed.
    pub is_streamed: bool,
    /// Whether the client itself wants the usage frame of a stream.
    pub wants_usage: bool,
    /// The completion cap that is sent; none for operations that complete nothing.
    pub completion_cap: Option<u64>,
    /// The cap that the client asked for, where it was above the event's.
    pub clamped_from: Option<u64>,
    /// Whether the client itself named the newer field for the cap.
    pub(crate) names_completion_tokens: bool,
    /// Whether the response is kept upstream.
    pub is_kept: bool,
    /// Whether Azure goes on working after its response.
    pub is_job: bool,
    /// What it may cost.
    pub estimate: Estimate,
}

impl Demanded {
    /// A response without a completion, at this estimate.
    pub(crate) fn of(estimate: Estimate, is_streamed: bool) -> Self {
        Self {
            is_streamed,
            wants_usage: false,
            completion_cap: None,
            clamped_from: None,
            names_completion_tokens: false,
            is_kept: false,
            is_job: false,
            estimate,
        }
    }

    /// Of what costs a request and no tokens.
    #[must_use]
    pub fn nothing() -> Self {
        Self::of(Estimate::default(), false)
    }

    /// The same with what the objects that a request names add to its prompt.
    #[must_use]
    pub fn carrying(mut self, tokens: u64) -> Self {
        self.estimate.prompt_tokens = self.estimate.prompt_tokens.saturating_add(tokens);
        self
    }
}

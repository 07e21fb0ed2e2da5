//! The demand of a request, and the bounds of an event.

use lanyard_domain::estimate::Estimate;
use lanyard_domain::hosted_tools::HostedTools;
use lanyard_domain::models::ModelFacts;
use serde_json::value::RawValue;

/// The bounds of an event for one request.
#[derive(Clone, Copy, Debug)]
pub struct Caps<'a> {
    /// The largest completion of one choice, and the cap of a request that names none.
    pub completion_tokens: u64,
    /// The most choices.
    pub choices: u64,
    /// The policy for hosted tools.
    pub hosted_tools: &'a HostedTools,
    /// Whether objects may be kept upstream.
    pub keeps_objects: bool,
    /// The facts of the model.
    pub facts: &'a ModelFacts,
}

#[cfg(test)]
impl Caps<'static> {
    /// The caps of an event with the usual settings for a model of the table.
    pub(crate) fn of_model(name: &str) -> Self {
        static NO_TOOLS: HostedTools = HostedTools::none();
        Self {
            completion_tokens: 4_096,
            choices: 1,
            hosted_tools: &NO_TOOLS,
            keeps_objects: false,
            facts: ModelFacts::of(name).unwrap(),
        }
    }
}

impl Caps<'_> {
    /// The cap of a request with a prompt of so many tokens: the client's, or else the usual one,
    /// within the event's. A cap that we fill in must not be why a model refuses a prompt that fits
    /// its context, so it leaves room for it. But the prompt is an upper bound, of images and files
    /// above all, so enough for a response is always left. The context of a model that reasons is
    /// that of its input alone.
    pub(crate) fn cap(&self, asked: Option<u64>, usual: u64, prompt_tokens: u64) -> u64 {
        if let Some(asked) = asked {
            return asked.min(self.completion_tokens);
        }
        let usual = usual.min(self.completion_tokens);
        let context = self.facts.context.filter(|_| !self.facts.reasons);
        let room = context.map(|context| context.saturating_sub(prompt_tokens));
        room.map_or(usual, |room| usual.min(room.max(self.facts.least_cap())))
    }
}

/// Tools of Azure's that a request may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostedUse {
    /// What the dearest call costs, in nano-dollars. `None` if a price is not known, or if nothing in
    /// the request can bound the calls.
    pub price: Option<u64>,
    /// How many tools have a bound of their own.
    pub tools: u64,
    /// The client's bound.
    pub asked: Option<u64>,
    /// The bound that is sent instead of the client's.
    pub most: Option<u64>,
    /// The context of the model, which each turn between two calls may fill.
    pub context: u64,
}

/// The most calls of a request whose tools are bounded.
pub const MOST_CALLS: u64 = 10;

impl HostedUse {
    /// All calls that its bounds allow. `None` if it has none.
    #[must_use]
    pub fn calls(&self) -> Option<u64> {
        Some(self.most?.saturating_mul(self.tools))
    }
}

/// The demand of a request, within its caps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demanded {
    /// Whether the response is to be streamed.
    pub is_streamed: bool,
    /// Whether the client itself wants the usage frame of a stream.
    pub wants_usage: bool,
    /// The completion cap that is sent; none for operations that complete nothing.
    pub completion_cap: Option<u64>,
    /// The cap that the client asked for.
    pub asked_cap: Option<u64>,
    /// Whether the response is kept upstream.
    pub is_kept: bool,
    /// Whether the event keeps nothing upstream, so that no id of an item means anything there.
    pub is_stateless: bool,
    /// Whether we request encrypted reasoning, which the client did not request.
    pub adds_reasoning: bool,
    /// Whether a model runs. Calls about stored objects run none.
    pub runs_model: bool,
    /// Whether Azure goes on working after its response.
    pub is_job: bool,
    /// The ids of items of earlier responses that the input refers to.
    pub item_ids: Vec<String>,
    /// The ids of reasoning without its content. It is removed unless it is stored.
    pub reasoning_ids: Vec<String>,
    /// Those of them that are not stored, once that is known.
    pub unstored_ids: Vec<String>,
    /// The prompt tokens that the client asks to be counted, by our estimate.
    pub counted: Option<u64>,
    /// The types of tools that are removed from the request, each once.
    pub dropped_tools: Vec<String>,
    /// The choice of a tool that is sent instead of the client's, which names some of them.
    pub changed_tool_choice: Option<String>,
    /// The tools of its own that Azure may call.
    pub hosted: Option<HostedUse>,
    /// How often the request may fill the model's context: once for each text, or for each turn with
    /// tools of Azure's.
    pub contexts: u64,
    /// The completions of the response, for each of which a cap is reserved.
    pub choices: u64,
    /// The estimate.
    pub estimate: Estimate,
}

impl Demanded {
    /// A response without a completion, at this estimate.
    pub(crate) fn of(estimate: Estimate, is_streamed: bool) -> Self {
        Self {
            is_streamed,
            wants_usage: false,
            completion_cap: None,
            asked_cap: None,
            is_kept: false,
            is_stateless: false,
            adds_reasoning: false,
            runs_model: true,
            is_job: false,
            item_ids: Vec::new(),
            reasoning_ids: Vec::new(),
            unstored_ids: Vec::new(),
            counted: None,
            dropped_tools: Vec::new(),
            changed_tool_choice: None,
            hosted: None,
            contexts: 1,
            choices: 1,
            estimate,
        }
    }

    /// A demand that costs a request and no tokens.
    #[must_use]
    pub fn nothing() -> Self {
        Self::of(Estimate::default(), false)
    }

    /// The same of a call about stored objects, which runs no model.
    #[must_use]
    pub fn of_objects() -> Self {
        Self { runs_model: false, ..Self::nothing() }
    }

    /// The choice of a tool as it is sent.
    pub(crate) fn written_tool_choice<'a>(&'a self, clients: &'a RawValue) -> &'a str {
        self.changed_tool_choice.as_deref().unwrap_or_else(|| clients.get())
    }

    /// The same with a bound on the calls of Azure's tools: the client's, but no more than ten. `None`
    /// if it has none, cannot have one or has it already.
    #[must_use]
    pub fn with_bounded_calls(&self) -> Option<Self> {
        let hosted =
            self.hosted.filter(|hosted| hosted.price.is_some() && hosted.most.is_none())?;
        Some(self.with_calls(hosted, hosted.asked.unwrap_or(MOST_CALLS).min(MOST_CALLS)))
    }

    /// The same with fewer of these calls: the most of which `fits` is true, and one if there is none.
    /// `None` if there are no fewer.
    #[must_use]
    pub fn with_fewer_calls(&self, fits: impl Fn(&Self) -> bool) -> Option<Self> {
        let hosted = self.hosted?;
        let fewer = (1..hosted.most?).rev().map(|most| self.with_calls(hosted, most));
        let mut last = None;
        for demanded in fewer {
            if fits(&demanded) {
                return Some(demanded);
            }
            last = Some(demanded);
        }
        last
    }

    fn with_calls(&self, hosted: HostedUse, most: u64) -> Self {
        Self { hosted: Some(HostedUse { most: Some(most), ..hosted }), ..self.clone() }
    }

    /// The cap, if it is ours: the client named none, or a larger one.
    #[must_use]
    pub fn own_cap(&self) -> Option<u64> {
        self.completion_cap.filter(|cap| self.asked_cap.is_none_or(|asked| *cap < asked))
    }

    /// The same lowered as far as it may be: with the lowest cap, where the cap is ours, and with one
    /// call of Azure's tools, where they are bounded. `None` if neither can be lower.
    #[must_use]
    pub fn at_least(&self, least_cap: u64) -> Option<Self> {
        let fewest = self.with_fewer_calls(|_| false);
        fewest.as_ref().unwrap_or(self).with_least_cap(least_cap).or(fewest)
    }

    /// The same with the highest lower cap at which it `fits`. `None` where the cap is the client's, or
    /// where not even the lowest one fits.
    #[must_use]
    pub fn with_lower_cap(&self, least: u64, fits: impl Fn(&Self) -> bool) -> Option<Self> {
        let cap = self.own_cap()?;
        let mut highest = self.with_least_cap(least).filter(|lowest| fits(lowest))?;
        let (mut fitting, mut too_high) = (least, cap);
        while too_high - fitting > 1 {
            let middle = fitting.midpoint(too_high);
            let lowered = self.with_cap(middle);
            if fits(&lowered) {
                (fitting, highest) = (middle, lowered);
            } else {
                too_high = middle;
            }
        }
        Some(highest)
    }

    /// The same with the lowest cap. `None` where the cap is the client's, or as low.
    #[must_use]
    pub fn with_least_cap(&self, least: u64) -> Option<Self> {
        let cap = self.own_cap()?;
        (least < cap).then(|| self.with_cap(least))
    }

    fn with_cap(&self, cap: u64) -> Self {
        let completion_tokens = cap.saturating_mul(self.choices);
        let estimate = Estimate { completion_tokens, ..self.estimate };
        Self { completion_cap: Some(cap), estimate, ..self.clone() }
    }

    /// The same with what the objects that a request names add to its prompt.
    #[must_use]
    pub fn carrying(mut self, tokens: u64) -> Self {
        // A request that only counts them does not read them.
        match &mut self.counted {
            Some(counted) => *counted = counted.saturating_add(tokens),
            None => {
                let prompt = &mut self.estimate.prompt_tokens;
                *prompt = prompt.saturating_add(tokens);
            }
        }
        self
    }
}

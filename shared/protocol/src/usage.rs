//! Usage as Azure reports it, within bounds.

mod calls;

use lanyard_domain::account::Hold;
use lanyard_domain::ids::ResponseId;
use lanyard_domain::models::{KnownModel, ModelFacts};
use lanyard_domain::settlement::Settlement;
use lanyard_domain::tool_calls::ToolCalls;
use lanyard_domain::unit::{Unit, Units};
use lanyard_domain::usage::{TokenDetails, Usage};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Tokens as Azure counted them, and whether the figures can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The tokens, within bounds.
    pub usage: Usage,
    /// False if a figure was missing, negative, absurd or no number.
    pub is_credible: bool,
}

impl Counted {
    /// Whether there are any tokens.
    #[must_use]
    pub const fn has_tokens(&self) -> bool {
        self.usage.prompt_tokens > 0 || self.usage.completion_tokens > 0
    }

    /// Of two counts of the same response the larger one: a stream may report its usage as it grows,
    /// and a later count may be of a part.
    #[must_use]
    pub(crate) fn larger(self, later: Self) -> Self {
        let tokens = |counted: &Self| {
            counted.usage.prompt_tokens.saturating_add(counted.usage.completion_tokens)
        };
        if tokens(&later) >= tokens(&self) { later } else { self }
    }

    /// The sum of the usage of two parts of a response.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |of: fn(Usage) -> u64| of(self.usage).saturating_add(of(other.usage));
        let details = self.usage.details.plus(other.usage.details);
        let tokens = Usage::of_tokens(sum(|u| u.prompt_tokens), sum(|u| u.completion_tokens));
        let model = self.usage.model.or(other.usage.model);
        let calls = self.usage.calls.max(other.usage.calls);
        Self {
            usage: Usage { details, calls, model, ..tokens },
            is_credible: self.is_credible && other.is_credible,
        }
    }
}

/// Tokens as Azure counted them, beside units that are known. A response without any tokens and
/// units is none that a model gives.
pub(crate) fn with_units(counted: Counted, units: Units) -> Settlement {
    let usage = Usage { units, ..counted.usage };
    let has_units = units.iter().any(|(unit, count)| unit != Unit::Usd && count > 0);
    match counted.is_credible && (counted.has_tokens() || has_units) {
        true => Settlement::Exact(usage),
        false => Settlement::AtLeast(usage),
    }
}

/// At least the tokens that Azure counted, if it counted any.
pub(crate) fn at_least(counted: Option<Counted>) -> Settlement {
    Settlement::AtLeast(counted.map_or_else(Usage::default, |counted| counted.usage))
}

/// The usage that a response reports.
#[derive(Debug, Deserialize)]
pub struct ResponseUsage<'a> {
    /// The model's id of the response; embeddings have none.
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    /// Present in every response of a model.
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    /// The model that wrote it, or the deployment's name.
    #[serde(borrow, default)]
    model: Option<&'a RawValue>,
    /// The most tokens that either figure is believed to have.
    #[serde(skip)]
    pub(crate) most: u64,
}

/// Usage with the field names of chat completions, or of the newer operations.
#[derive(Deserialize)]
struct RawUsage<'a> {
    #[serde(borrow, default, alias = "input_tokens_details", alias = "input_token_details")]
    prompt_tokens_details: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "output_tokens_details", alias = "output_token_details")]
    completion_tokens_details: Option<&'a RawValue>,
    #[serde(default)]
    prompt_tokens: Value,
    #[serde(default)]
    completion_tokens: Value,
    #[serde(default)]
    total_tokens: Value,
    #[serde(default)]
    input_tokens: Value,
    #[serde(default)]
    output_tokens: Value,
    /// Anthropic counts the tokens that were read from the cache beside the others.
    #[serde(default)]
    cache_read_input_tokens: Value,
    /// The same of those that were written to it.
    #[serde(default)]
    cache_creation_input_tokens: Value,
    /// Those that were written, by how long they stay.
    #[serde(borrow, default)]
    cache_creation: Option<&'a RawValue>,
    /// The calls of Anthropic's own tools.
    #[serde(borrow, default)]
    server_tool_use: Option<&'a RawValue>,
}

/// Tokens of a prompt or of a completion that have another price.
#[derive(Default, Deserialize)]
struct RawDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
    #[serde(default, alias = "cache_creation_tokens")]
    cache_write_tokens: Option<u64>,
    #[serde(default)]
    audio_tokens: Option<u64>,
    #[serde(default)]
    image_tokens: Option<u64>,
}

impl RawDetails {
    /// Details that cannot be read change no total, so they are left out.
    fn read(details: Option<&RawValue>) -> Option<Self> {
        // A list would be read as the fields in their order.
        let details = details?.get();
        details.starts_with('{').then(|| serde_json::from_str(details).ok())?
    }
}

fn details(raw: &RawUsage<'_>) -> TokenDetails {
    let prompt = RawDetails::read(raw.prompt_tokens_details);
    let completion = RawDetails::read(raw.completion_tokens_details);
    let (has_prompt_kinds, has_completion_kinds) = (prompt.is_some(), completion.is_some());
    let (prompt, completion) = (prompt.unwrap_or_default(), completion.unwrap_or_default());
    TokenDetails {
        cached: prompt.cached_tokens.unwrap_or_default(),
        cache_write: prompt.cache_write_tokens.unwrap_or_default(),
        cache_write_hour: 0,
        input_audio: prompt.audio_tokens.unwrap_or_default(),
        input_image: prompt.image_tokens.unwrap_or_default(),
        output_audio: completion.audio_tokens.unwrap_or_default(),
        output_image: completion.image_tokens.unwrap_or_default(),
        has_prompt_kinds,
        has_completion_kinds,
    }
}

/// The tokens that a message wrote to the cache, for five minutes and for an hour. What is written for
/// an hour is a part of all that is written.
fn written(raw: &RawUsage<'_>) -> [u64; 2] {
    #[derive(Default, Deserialize)]
    struct Lives {
        #[serde(default)]
        ephemeral_1h_input_tokens: Option<u64>,
    }
    let all = raw.cache_creation_input_tokens.as_u64().unwrap_or_default();
    let lives =
        raw.cache_creation.and_then(|lives| serde_json::from_str::<Lives>(lives.get()).ok());
    let hour = lives.unwrap_or_default().ephemeral_1h_input_tokens.unwrap_or_default().min(all);
    [all - hour, hour]
}

impl ResponseUsage<'_> {
    /// The response's id as Azure wrote it, if it is text.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        serde_json::from_str(self.id?.get()).ok()
    }

    /// The model that it names, if that is a known one.
    pub(crate) fn model(&self) -> Option<KnownModel> {
        known_model(self.model?)
    }

    /// The response's id, if it has one that can be one.
    #[must_use]
    pub fn id(&self) -> Option<ResponseId> {
        serde_json::from_str(self.id?.get()).ok()
    }

    /// Whether the response may be an error and nothing else: it names one, or has no usage.
    pub(crate) fn may_be_error(&self) -> bool {
        self.has_error() || self.usage().is_none()
    }

    /// Whether the response names an error.
    pub(crate) fn has_error(&self) -> bool {
        self.error.is_some_and(|error| error.get() != "null")
    }

    /// The usage as it was written, if there is any.
    pub(crate) fn usage(&self) -> Option<&RawValue> {
        self.usage.filter(|usage| usage.get() != "null")
    }

    /// The usage, if there is any, within what is possible.
    #[must_use]
    pub fn counted(&self) -> Option<Counted> {
        Some(count(self.usage()?, self.most))
    }
}

/// The model that a field of a response names, if it is a known one. No name of a model needs escapes.
pub(crate) fn known_model(field: &RawValue) -> Option<KnownModel> {
    let name = field.get().strip_prefix('"')?.strip_suffix('"')?;
    KnownModel::of(name)
}

/// The most tokens that the prompt or the completion of a request may be reported to have: the
/// model's context, as often as the request can fill it, and the possible error of the estimate. A
/// larger figure is a fault of Azure's, and would empty a budget.
#[must_use]
pub fn most_tokens(facts: &ModelFacts, contexts: u64, hold: &Hold) -> u64 {
    let estimated = hold.tokens().saturating_mul(ESTIMATE_ERROR);
    context(facts).saturating_mul(contexts.max(1)).saturating_add(estimated)
}

/// The context of a model, at most.
#[must_use]
pub fn context(facts: &ModelFacts) -> u64 {
    facts.context.map_or(UNKNOWN_CONTEXT, |context| context.max(LEAST_CONTEXT))
}

/// How often a response may fill the context in which Azure calls tools of its own: once for each
/// turn of the model. The client may bound its calls; some research makes dozens of them.
pub(crate) fn contexts(uses_hosted: bool, most_calls: Option<u64>) -> u64 {
    match uses_hosted {
        true => most_calls.map_or(USUAL_TURNS, |calls| calls.saturating_add(1).min(MOST_TURNS)),
        false => 1,
    }
}

/// The most turns where the client does not bound its calls of tools.
const USUAL_TURNS: u64 = 100;

/// The most turns that a client may ask for.
const MOST_TURNS: u64 = 1_000;

/// The context of any model, at least: a deployment may be of a newer model than its name says.
const LEAST_CONTEXT: u64 = 32_768;

/// The context of a model that is not in the table, at most.
const UNKNOWN_CONTEXT: u64 = 1_000_000;

/// A text may have four times the estimated tokens.
const ESTIMATE_ERROR: u64 = 4;

/// Usage as a response or an event carries it, within what is possible.
#[must_use]
pub fn count(usage: &RawValue, most: u64) -> Counted {
    let Ok(mut raw) = serde_json::from_str::<RawUsage<'_>>(usage.get()) else {
        return Counted { usage: Usage::default(), is_credible: false };
    };
    let mut details = details(&raw);
    let mut cached = [Value::Null, Value::Null];
    if raw.prompt_tokens.is_null() && raw.completion_tokens.is_null() {
        let read = raw.cache_read_input_tokens.as_u64().unwrap_or_default();
        details.cached = details.cached.saturating_add(read);
        let [minutes, hour] = written(&raw);
        details.cache_write = details.cache_write.saturating_add(minutes);
        details.cache_write_hour = hour;
        raw.prompt_tokens = raw.input_tokens;
        raw.completion_tokens = raw.output_tokens;
        cached = [raw.cache_read_input_tokens, raw.cache_creation_input_tokens];
    }
    // An embedding has no completion; everything else has both figures.
    let completion = match (&raw.completion_tokens, &raw.prompt_tokens) {
        (Value::Null, Value::Number(_)) if raw.total_tokens == raw.prompt_tokens => Some(0),
        (completion, _) => completion.as_u64(),
    };
    let cached = cached.iter().filter(|tokens| !tokens.is_null()).map(Value::as_u64);
    let prompt =
        cached.fold(raw.prompt_tokens.as_u64(), |sum, tokens| Some(sum?.saturating_add(tokens?)));
    let is_credible = [prompt, completion].iter().all(|n| n.is_some_and(|n| n <= most));
    let tokens = Usage::of_tokens(
        prompt.unwrap_or_default().min(most),
        completion.unwrap_or_default().min(most),
    );
    let calls = raw.server_tool_use.map_or(ToolCalls::NONE, calls::of_message);
    Counted { usage: Usage { details, calls, ..tokens }, is_credible }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(usage: &str) -> Option<(u64, u64, bool)> {
        let body = format!(r#"{{"id":"x","usage":{usage}}}"#);
        let mut response: ResponseUsage<'_> = serde_json::from_str(&body).unwrap();
        response.most = 128_400;
        let counted = response.counted()?;
        let Usage { prompt_tokens, completion_tokens, .. } = counted.usage;
        Some((prompt_tokens, completion_tokens, counted.is_credible))
    }

    #[test]
    fn honest_usage_is_believed() {
        let chat = r#"{"prompt_tokens":17,"completion_tokens":5,"total_tokens":22}"#;
        assert_eq!(counted(chat), Some((17, 5, true)));
        assert_eq!(counted(r#"{"prompt_tokens":8,"total_tokens":8}"#), Some((8, 0, true)));
        assert_eq!(counted(r#"{"input_tokens":8,"output_tokens":9}"#), Some((8, 9, true)));
        assert_eq!(counted("null"), None);
    }

    #[test]
    fn tokens_of_another_price_are_told_apart() {
        let details = |usage: &str| {
            let raw: Box<RawValue> = serde_json::from_str(usage).unwrap();
            count(&raw, 100).usage.details
        };
        let chat = r#"{"prompt_tokens":17,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":16,"audio_tokens":1},"completion_tokens_details":{"reasoning_tokens":3,"audio_tokens":2}}"#;
        let both = TokenDetails {
            has_prompt_kinds: true,
            has_completion_kinds: true,
            ..TokenDetails::NONE
        };
        let of_chat = TokenDetails { cached: 16, input_audio: 1, output_audio: 2, ..both };
        assert_eq!(details(chat), of_chat);
        let response = r#"{"input_tokens":17,"output_tokens":5,"input_tokens_details":{"cached_tokens":4},"output_tokens_details":{"image_tokens":5}}"#;
        let of_response = TokenDetails { cached: 4, output_image: 5, ..both };
        assert_eq!(details(response), of_response);
        let of_audio = r#"{"input_tokens":14,"output_tokens":5,"input_token_details":{"audio_tokens":14,"text_tokens":0}}"#;
        let of_recording =
            TokenDetails { input_audio: 14, has_prompt_kinds: true, ..TokenDetails::NONE };
        assert_eq!(details(of_audio), of_recording);
        let message = r#"{"input_tokens":10,"output_tokens":5,"cache_read_input_tokens":200,"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_5m_input_tokens":23,"ephemeral_1h_input_tokens":7}}"#;
        let of_message = TokenDetails {
            cached: 200,
            cache_write: 23,
            cache_write_hour: 7,
            ..TokenDetails::NONE
        };
        assert_eq!(details(message), of_message);
        for odd in ["null", "[]", r#"{"cached_tokens":-1}"#, r#""x""#] {
            let usage = format!(
                r#"{{"prompt_tokens":1,"completion_tokens":1,"prompt_tokens_details":{odd}}}"#
            );
            assert_eq!(details(&usage), TokenDetails::NONE, "{odd}");
        }
    }

    #[test]
    fn a_request_may_fill_a_context_for_each_text_and_each_turn() {
        let facts = ModelFacts::of("text-embedding-3-small").unwrap();
        let hold = Hold { prompt_tokens: 1_000, ..crate::response::tests::a_hold() };
        let most = |contexts| most_tokens(facts, contexts, &hold);
        assert_eq!(most(1), 32_768 + 4_000);
        assert_eq!(most(40), 40 * 32_768 + 4_000);
        let facts = ModelFacts::of("gpt-4o-mini").unwrap();
        let turns = |hosted, calls| most_tokens(facts, contexts(hosted, calls), &hold) - 4_000;
        assert_eq!(turns(false, None), 128_000);
        assert_eq!(turns(false, Some(9)), 128_000);
        assert_eq!(turns(true, None), 100 * 128_000);
        assert_eq!(turns(true, Some(9)), 10 * 128_000);
        assert_eq!(turns(true, Some(u64::MAX)), 1_000 * 128_000);
    }

    #[test]
    fn odd_usage_is_bounded_and_not_believed() {
        for usage in [
            r#"{"prompt_tokens":-1,"completion_tokens":5}"#,
            r#"{"prompt_tokens":"17","completion_tokens":5}"#,
            r#"{"prompt_tokens":17}"#,
            r#"{"prompt_tokens":1.5,"completion_tokens":5}"#,
            r#""many""#,
            "[]",
            "{}",
        ] {
            assert!(!counted(usage).unwrap().2, "{usage}");
        }
        let huge = counted(r#"{"prompt_tokens":9223372036854775808,"completion_tokens":5}"#);
        assert_eq!(huge, Some((128_400, 5, false)));
    }
}

//! Facts about Azure's models: one table, compiled in from `models.json`.
//!
//! Rules depend on these facts, never on a deployment's name. A deployment names its model, and the
//! organiser may override each fact. A model that is not in the table gets defaults that protect
//! the organiser's budget.

mod family;
mod known;
mod prices;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::known::KnownModel;
pub use self::prices::ModelPrices;
use crate::dated;
use crate::images::ImageRule;
use crate::images::drawn::DrawnRule;
use crate::operation::Operation;

/// The field in which a deployment takes the cap on completion tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub enum CompletionField {
    /// `max_tokens`
    MaxTokens,
    /// `max_completion_tokens`: o-series and gpt-5-class models reject `max_tokens`.
    MaxCompletionTokens,
}

impl CompletionField {
    /// The field's name in a request.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
        }
    }
}

/// The facts of one model. `None` means that the source does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelFacts {
    /// The operations that it serves, as far as the source says. Azure may add to them.
    pub operations: &'static [Operation],
    /// The context window: the most tokens of prompt and completion together.
    pub context: Option<u64>,
    /// The most completion tokens.
    pub max_output: Option<u64>,
    /// Whether it uses reasoning tokens, which count as completion tokens.
    pub reasons: bool,
    /// The field in which it takes the cap on completion tokens.
    pub cap: CompletionField,
    /// How it counts images. `None` if it takes no images.
    pub image: Option<ImageRule>,
    /// How it counts the tokens of images that it generates, if it does.
    pub drawn: Option<DrawnRule>,
    /// Whether it rejects a request with `user`.
    pub refuses_user: bool,
    /// Whether it rejects a request with `stream_options`.
    pub refuses_stream_options: bool,
    /// Whether its tokenizer is `cl100k_base`, which needs more tokens for most languages.
    pub has_older_tokenizer: bool,
    /// The day on which Azure retires it, as `2027-04-14`.
    pub retires: Option<&'static str>,
    /// The models of which a model router chooses one for each request. Empty for any other model.
    pub routes_to: &'static [&'static str],
    /// Its prices.
    pub prices: ModelPrices,
}

impl ModelFacts {
    /// The facts of a model that is not in the table.
    pub const UNKNOWN: Self = Self {
        operations: &[],
        context: None,
        max_output: None,
        reasons: false,
        cap: CompletionField::MaxTokens,
        image: Some(ImageRule::UNKNOWN),
        drawn: None,
        refuses_user: false,
        refuses_stream_options: false,
        has_older_tokenizer: false,
        retires: None,
        routes_to: &[],
        prices: ModelPrices::UNKNOWN,
    };

    /// The most completion tokens of one choice, at an event with this cap. Without one it is 4,096,
    /// and 16,384 for a model that reasons, because its reasoning is part of the completion. No cap
    /// passes what the model can write.
    #[must_use]
    pub fn output_cap(&self, of_event: Option<u64>) -> u64 {
        let usual = if self.reasons { USUAL_REASONING_OUTPUT } else { USUAL_OUTPUT };
        let cap = of_event.unwrap_or(usual);
        self.max_output.map_or(cap, |most| cap.min(most))
    }

    /// The least cap that is filled in or lowered for a client: below it a response is of no use,
    /// because a model that reasons may spend all of it before the first word.
    #[must_use]
    pub const fn least_cap(&self) -> u64 {
        if self.reasons { 4_096 } else { 1_024 }
    }

    /// The facts of a model by its name, in any case. A suffix of a known name, such as a date or a
    /// team, is ignored.
    #[must_use]
    pub fn of(name: &str) -> Option<&'static Self> {
        beginnings(name).find_map(named).map(|(_, facts)| facts)
    }

    /// Whether Azure has retired it at an instant, as far as the date is known.
    #[must_use]
    pub fn is_retired(&self, now: DateTime<Utc>) -> bool {
        // Days are written so that their texts are in order.
        self.retires.is_some_and(|day| *day <= *now.date_naive().to_string())
    }

    /// Whether it serves an operation. `None` if the source does not say which it serves.
    #[must_use]
    pub fn serves(&self, operation: Operation) -> Option<bool> {
        (!self.operations.is_empty()).then(|| self.operations.contains(&operation))
    }

    /// Whether it chooses another model for each request.
    #[must_use]
    pub fn is_router(&self) -> bool {
        !self.routes_to.is_empty()
    }

    /// The most that its tokens may cost: of a model router, those of the dearest model that it may
    /// choose, and its own share.
    #[must_use]
    pub fn highest_prices(&self) -> ModelPrices {
        let routes = self.routes_to.iter().filter_map(|name| named(name));
        routes.fold(self.prices, |most, (_, facts)| most.max(&facts.prices))
    }
}

/// An organiser's facts about a deployment's model, where the table has none or wrong ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactOverrides {
    /// The context window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<u64>,
    /// The most completion tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output: Option<u64>,
    /// Whether it reasons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasons: Option<bool>,
}

impl FactOverrides {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These facts, with the overrides.
    #[must_use]
    pub fn over(&self, facts: &ModelFacts) -> ModelFacts {
        ModelFacts {
            context: self.context.or(facts.context),
            max_output: self.max_output.or(facts.max_output),
            reasons: self.reasons.unwrap_or(facts.reasons),
            ..*facts
        }
    }
}

/// The model of the documentation, of examples and of a new local service. Change it here: tests
/// compare what cannot use this constant.
pub const DEFAULT_MODEL: &str = "gpt-5-mini";

/// The output cap where neither the event nor the model has a smaller one.
pub const USUAL_OUTPUT: u64 = 4_096;

/// The same for models that reason.
pub const USUAL_REASONING_OUTPUT: u64 = 16_384;

pub(crate) static MODELS: &[(&str, ModelFacts)] = include!(concat!(env!("OUT_DIR"), "/models.rs"));

fn named(name: &str) -> Option<(&'static str, &'static ModelFacts)> {
    // Azure writes small letters, which are compared as they are.
    let has_capitals = name.bytes().any(|byte| byte.is_ascii_uppercase());
    let lower = has_capitals.then(|| name.to_ascii_lowercase());
    let wanted = lower.as_deref().unwrap_or(name);
    let at = MODELS.binary_search_by_key(&wanted, |(known, _)| known).ok()?;
    MODELS.get(at).map(|(name, facts)| (*name, facts))
}

/// A model's name without the version at its end: a date as OpenAI (`-2025-08-07`), Anthropic
/// (`-20250929`) or Vertex AI (`@20250929`) writes it, `latest`, or Claude Code's mark of a long
/// context (`[1m]`).
#[must_use]
pub fn without_version(name: &str) -> Option<&str> {
    let begin = match name.strip_suffix("[1m]") {
        Some(begin) => Some(begin),
        None => name.strip_suffix("-latest").or_else(|| name.strip_suffix(":latest")),
    };
    begin.or_else(|| without_date(name)).filter(|begin| !begin.is_empty())
}

/// A model's name without the date at its end.
fn without_date(name: &str) -> Option<&str> {
    dated::without_date(name, b"-@", b"-")
}

/// A model's name without the month and the day at its end, as OpenAI's older models have them
/// (`gpt-4-0613`, `gpt-4-1106-preview`). Numbers that are no day stay: `mistral-large-2411`.
pub(crate) fn without_short_date(name: &str) -> Option<&str> {
    let (begin, date) = name.strip_suffix("-preview").unwrap_or(name).rsplit_once('-')?;
    let is_date = date.len() == 4 && date.bytes().all(|byte| byte.is_ascii_digit());
    let (month, day) = date.split_at_checked(2).filter(|_| is_date)?;
    let is_day = ("01"..="12").contains(&month) && ("01"..="31").contains(&day);
    (is_day && !begin.is_empty()).then_some(begin)
}

/// A name, then its beginnings before each hyphen, the longest first.
fn beginnings(name: &str) -> impl Iterator<Item = &str> {
    let ends = name.rmatch_indices('-').map(|(at, _)| at);
    std::iter::once(name.len()).chain(ends).map(|end| &name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_found_by_any_spelling_and_without_their_date() {
        let mini = ModelFacts::of("gpt-5-mini").unwrap();
        assert!(mini.reasons && mini.cap == CompletionField::MaxCompletionTokens);
        assert_eq!(ModelFacts::of("GPT-5-Mini-2099-01-31"), Some(mini));
        assert_eq!(ModelFacts::of("gpt-5-mini-hack-7"), Some(mini));
        assert!(ModelFacts::of("o4-mini-team-3").unwrap().reasons);
        assert_eq!(ModelFacts::of("prod-smart"), None);
        assert_eq!(ModelFacts::of("-gpt"), None);
        assert_eq!(without_date("-2025-08-07"), None);
        assert_eq!(without_date("gpt-5-2025-8-07"), None);
        assert_eq!(without_date("gpt-5-123456789"), None);
        assert_eq!(without_date("gpt-5@2025-08-07"), Some("gpt-5"));
    }

    #[test]
    fn an_older_models_date_is_a_month_and_a_day() {
        for name in ["gpt-4-0613", "gpt-4-1106-preview", "gpt-4-0314"] {
            assert_eq!(without_short_date(name), Some("gpt-4"), "{name}");
        }
        for name in ["mistral-large-2411", "gpt-4-0600", "gpt-4-06131", "gpt-4-preview", "-0613"] {
            assert_eq!(without_short_date(name), None, "{name}");
        }
    }

    #[test]
    fn a_version_is_a_date_latest_or_the_mark_of_a_long_context() {
        for name in [
            "claude-sonnet-4-5-20250929",
            "claude-sonnet-4-5@20250929",
            "claude-sonnet-4-5-2025-09-29",
            "claude-sonnet-4-5-latest",
            "claude-sonnet-4-5:latest",
            "claude-sonnet-4-5[1m]",
        ] {
            assert_eq!(without_version(name), Some("claude-sonnet-4-5"), "{name}");
        }
        for name in ["claude-sonnet-4-5", "-latest", "[1m]", "-20250929", "latest", ""] {
            assert_eq!(without_version(name), None, "{name}");
        }
    }

    #[test]
    fn the_output_cap_is_the_events_or_the_usual_one_and_never_above_the_models() {
        let cap = |model, of_event| ModelFacts::of(model).unwrap().output_cap(of_event);
        assert_eq!(cap("gpt-4o-mini", None), 4_096);
        assert_eq!(cap("gpt-5-mini", None), 16_384);
        assert_eq!(cap("gpt-5-mini", Some(100)), 100);
        assert_eq!(cap("gpt-5-mini", Some(1_000_000)), 128_000);
        assert_eq!(cap("computer-use-preview", None), 1_024);
        for model in [
            "deepseek-r1",
            "deepseek-v3.1",
            "gpt-oss-120b",
            "grok-3-mini",
            "grok-4-fast-reasoning",
            "kimi-k2.5",
            "model-router",
            "model_router",
        ] {
            assert_eq!(cap(model, None), 16_384, "{model}");
        }
        for model in ["grok-4", "grok-code-fast-1"] {
            assert_eq!(cap(model, None), 8_192, "{model}");
        }
        for model in ["deepseek-v3", "grok-3", "grok-4-fast-non-reasoning", "gpt-5-chat"] {
            assert_eq!(cap(model, None), 4_096, "{model}");
        }
        assert_eq!(ModelFacts::UNKNOWN.output_cap(None), 4_096);
        assert_eq!(ModelFacts::UNKNOWN.output_cap(Some(50_000)), 50_000);
    }

    #[test]
    fn an_organiser_may_override_a_fact() {
        let said = FactOverrides { reasons: Some(true), max_output: Some(8_000), context: None };
        let facts = said.over(&ModelFacts::UNKNOWN);
        assert_eq!((facts.context, facts.output_cap(None)), (None, 8_000));
        let mini = ModelFacts::of("gpt-5-mini").unwrap();
        assert_eq!(FactOverrides::default().over(mini), *mini);
    }

    #[test]
    fn a_model_router_costs_at_most_what_the_dearest_of_its_models_does_and_its_own_share() {
        let router = ModelFacts::of("model-router").unwrap();
        assert!(router.is_router());
        let most = router.highest_prices();
        assert_eq!(most.surcharge, Some(140_000));
        for route in router.routes_to {
            let (_, facts) = named(route).unwrap();
            assert!(!facts.is_router() && !facts.prices.is_unknown(), "{route}");
            assert!(most.input >= facts.prices.input, "{route}");
            assert!(most.output >= facts.prices.output, "{route}");
        }
        let mini = ModelFacts::of("gpt-5-mini").unwrap();
        assert_eq!(mini.highest_prices(), mini.prices);
    }

    #[test]
    fn the_table_is_sorted_and_within_reason() {
        assert!(MODELS.is_sorted_by(|(a, _), (b, _)| a < b));
        for (name, facts) in MODELS {
            assert_eq!(*name, name.to_ascii_lowercase());
            if let (Some(context), Some(output)) = (facts.context, facts.max_output) {
                assert!(output <= context.max(output) && context < 20_000_000, "{name}");
            }
            if let Some(date) = facts.retires {
                assert!(without_date(&format!("x-{date}")).is_some(), "{name}: {date}");
            }
        }
    }
}

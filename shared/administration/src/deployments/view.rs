//! What organisers see of their deployments: neither a key nor where it is stored.

use chrono::{DateTime, Utc};
use lanyard_domain::amount::Amount;
use lanyard_domain::catalog::{AzureApi, CompletionField, Deployment};
use lanyard_domain::credential::{Credential, Identity};
use lanyard_domain::ids::{DeploymentName, Replica};
use lanyard_domain::model_warnings;
use lanyard_domain::models::ModelFacts;
use lanyard_domain::operation::Operation;
use serde::Serialize;
use serde_json::Number;

/// The response of the calls about one deployment.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Deployment"))]
pub(crate) struct DeploymentView<'d> {
    /// The name of the model for attendees.
    name: &'d DeploymentName,
    /// One of several deployments that share a name and its load.
    replica: &'d Replica,
    endpoint: &'d str,
    /// The name of the deployment at Azure.
    azure_name: &'d DeploymentName,
    /// The model that it serves; `null` if it is the name at Azure, or the name for attendees.
    model: Option<&'d str>,
    /// The tokens of prompt and output together, instead of the known fact.
    #[serde(skip_serializing_if = "Option::is_none")]
    context_window: Option<u64>,
    /// The most output tokens, instead of the known fact.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    /// Whether it reasons, instead of the known fact.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<bool>,
    operations: &'d [Operation],
    #[serde(flatten)]
    api: &'d AzureApi,
    /// Its share of the load among replicas; 0 keeps requests away.
    weight: u32,
    /// Azure's own limit, to route around; `null` if unknown.
    requests_per_minute: Option<u64>,
    /// Azure's own limit, to route around; `null` if unknown.
    tokens_per_minute: Option<u64>,
    /// The field for the most output tokens that the model takes.
    completion_field: CompletionField,
    prices: Option<PricesView>,
    /// The identity that is used to authenticate; `null` with a key, which is never shown.
    identity: Option<&'d Identity>,
    /// What is known of its model, without what replaces it here; absent for an unknown model.
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<FactsView>,
    /// Warnings about the model that concern attendees.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(default))]
    warnings: Vec<String>,
}

/// What Lanyard knows of a model. Each `null` is not known.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "ModelFacts"))]
struct FactsView {
    /// The tokens of prompt and output together.
    context_window: Option<u64>,
    /// The most output tokens.
    max_output_tokens: Option<u64>,
    /// Whether it reasons.
    reasoning: bool,
    /// The day on which Azure retires it.
    retires_on: Option<&'static str>,
    /// Its list price.
    prices: Option<PricesView>,
}

impl FactsView {
    fn of(facts: &ModelFacts) -> Self {
        let prices = facts.prices;
        Self {
            context_window: facts.context,
            max_output_tokens: facts.max_output,
            reasoning: facts.reasons,
            retires_on: facts.retires,
            prices: (!prices.is_unknown()).then(|| PricesView {
                prompt: prices.input.and_then(dollars),
                completion: prices.output.and_then(dollars),
                cached_prompt: prices.cached_input.and_then(dollars),
                cache_write: prices.cache_write.and_then(dollars),
                image: prices.image.and_then(unit_dollars),
                audio_second: prices.second.and_then(unit_dollars),
                character: prices.character.and_then(unit_dollars),
                video_second: prices.video_second.and_then(unit_dollars),
            }),
        }
    }
}

/// Dollars per million tokens, and dollars for one image, second or character.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Prices"))]
struct PricesView {
    #[cfg_attr(feature = "schema", schemars(with = "Option<f64>"))]
    prompt: Option<Number>,
    #[cfg_attr(feature = "schema", schemars(with = "Option<f64>"))]
    completion: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<f64>"))]
    cached_prompt: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<f64>"))]
    cache_write: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<f64>"))]
    image: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<f64>"))]
    audio_second: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<f64>"))]
    character: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<f64>"))]
    video_second: Option<Number>,
}

impl<'d> DeploymentView<'d> {
    pub(crate) fn of(deployment: &'d Deployment) -> Self {
        Self {
            name: &deployment.name,
            replica: &deployment.replica,
            endpoint: &deployment.endpoint,
            azure_name: &deployment.azure_name,
            model: deployment.model.as_deref(),
            context_window: deployment.overrides.context,
            max_output_tokens: deployment.overrides.max_output,
            reasoning: deployment.overrides.reasons,
            operations: &deployment.operations,
            api: &deployment.api,
            weight: deployment.weight,
            requests_per_minute: deployment.requests_per_minute,
            tokens_per_minute: deployment.tokens_per_minute,
            completion_field: deployment.completion_field,
            prices: deployment.prices.map(|prices| PricesView {
                prompt: dollars(prices.prompt),
                completion: dollars(prices.completion),
                cached_prompt: prices.cached_prompt.and_then(dollars),
                cache_write: prices.cache_write.and_then(dollars),
                image: prices.image.and_then(unit_dollars),
                audio_second: prices.audio_second.and_then(unit_dollars),
                character: prices.character.and_then(unit_dollars),
                video_second: prices.video_second.and_then(unit_dollars),
            }),
            identity: match &deployment.credential {
                Credential::Key(_) => None,
                Credential::Identity(identity) => Some(identity),
            },
            facts: None,
            warnings: Vec::new(),
        }
    }

    /// The same with what is known of its model, and what is to be said about that.
    pub(crate) fn with_facts(self, deployment: &Deployment, now: DateTime<Utc>) -> Self {
        let facts = deployment.known_facts().map(FactsView::of);
        Self { facts, warnings: model_warnings::of(deployment, now), ..self }
    }
}

fn dollars(micro: u64) -> Option<Number> {
    let decimal = format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000);
    decimal.parse().ok().and_then(Number::from_f64)
}

/// Dollars of nano-dollars.
fn unit_dollars(nano: u64) -> Option<Number> {
    Number::from_f64(Amount::NanoUsd(nano).number())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn micro_dollars_read_as_the_dollars_they_were() {
        let text = |micro| dollars(micro).unwrap().to_string();
        assert_eq!(text(150_000), "0.15");
        assert_eq!(text(600_000), "0.6");
        assert_eq!(text(15_000_000), "15.0");
        assert_eq!(text(1), "1e-6");
    }
}

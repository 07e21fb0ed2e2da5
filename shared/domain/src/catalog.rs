//! The deployments that an event offers, and the choice between replicas.

use serde::{Deserialize, Serialize};

use crate::affinity::Affinity;
use crate::credential::Credential;
use crate::estimate::Estimate;
use crate::ids::{DeploymentName, Replica};
pub use crate::models::CompletionField;
use crate::models::{
    FactOverrides, KnownModel, ModelFacts, ModelPrices, without_short_date, without_version,
};
use crate::operation::Operation;
pub use crate::prices::Prices;

/// The form of Azure's API by which a deployment is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "api", content = "api_version")]
pub enum AzureApi {
    /// `{endpoint}/openai/v1/{operation}`, with the model in the body.
    V1,
    /// `{endpoint}/openai/deployments/{azure name}/{operation}?api-version=…`.
    Classic(String),
}

/// A deployment at Azure, offered under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// The name that events offer.
    pub name: DeploymentName,
    /// Tells deployments of the same name apart.
    pub replica: Replica,
    /// Scheme and host, without a path.
    pub endpoint: String,
    /// The deployment's name at Azure.
    pub azure_name: DeploymentName,
    /// The model that it serves, by its name in the table of models. Without one, the name at
    /// Azure is taken for the model's, and then the name on offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The organiser's facts about the model, instead of the table's.
    #[serde(default, skip_serializing_if = "FactOverrides::is_empty")]
    pub overrides: FactOverrides,
    /// The operations that it supports.
    pub operations: Vec<Operation>,
    /// The form of API by which it is called.
    #[serde(flatten)]
    pub api: AzureApi,
    /// Its share of the requests among replicas. 0 means none.
    pub weight: u32,
    /// Its quota of requests per minute, if known.
    pub requests_per_minute: Option<u64>,
    /// Its quota of tokens per minute, if known.
    pub tokens_per_minute: Option<u64>,
    /// The field in which it takes the cap on completion tokens.
    pub completion_field: CompletionField,
    /// Its prices, if known.
    pub prices: Option<Prices>,
    /// The credential that calls it.
    #[serde(flatten)]
    pub credential: Credential,
}

impl Deployment {
    /// The facts about its model.
    #[must_use]
    pub fn facts(&self) -> ModelFacts {
        let facts = self.known_facts().copied().unwrap_or_else(|| self.facts_by_family());
        let facts = self.overrides.over(&facts);
        let prices = match self.prices {
            Some(prices) => prices.over(&facts.prices),
            None => facts.highest_prices(),
        };
        ModelFacts { prices, ..facts }
    }

    /// The facts about its model, if the model is known.
    #[must_use]
    pub fn known_facts(&self) -> Option<&'static ModelFacts> {
        match &self.model {
            Some(model) => ModelFacts::of(model),
            None => ModelFacts::of(self.azure_name.as_str())
                .or_else(|| ModelFacts::of(self.name.as_str())),
        }
    }

    /// The facts about a model that is not known. The first of its names that tells anything decides.
    fn facts_by_family(&self) -> ModelFacts {
        let names =
            [self.model.as_deref(), Some(self.azure_name.as_str()), Some(self.name.as_str())];
        let mut told = names.into_iter().flatten().map(ModelFacts::by_family);
        told.find(|facts| *facts != ModelFacts::UNKNOWN).unwrap_or(ModelFacts::UNKNOWN)
    }

    /// The one model that it serves, if that is known.
    fn known_model(&self) -> Option<KnownModel> {
        match &self.model {
            Some(model) => KnownModel::deployed_as(model),
            None => KnownModel::deployed_as(self.azure_name.as_str())
                .or_else(|| KnownModel::deployed_as(self.name.as_str())),
        }
    }

    /// Whether its responses are texts, whose length is capped.
    #[must_use]
    pub fn writes_text(&self) -> bool {
        self.operations.iter().any(|operation| operation.writes_text())
    }

    /// Whether the deployment supports an operation.
    #[must_use]
    pub fn does(&self, operation: Operation) -> bool {
        self.operations.contains(&operation)
    }
}

/// The deployments that an event offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    deployments: Vec<Deployment>,
    /// The facts about their models, in the same order. Looked up once, not for each request.
    facts: Vec<ModelFacts>,
    /// What a request to each name may cost at most, whichever replica responds.
    prices: Vec<ModelPrices>,
    /// The one model that each of them serves, in the same order.
    models: Vec<Option<KnownModel>>,
    is_own: bool,
}

/// What a response of a deployment is accounted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountedModel {
    /// The name of the model that wrote it, if that is another one than the deployment's.
    pub name: Option<&'static str>,
    /// Its prices.
    pub prices: ModelPrices,
}

/// The least that any request to a catalog can need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeastRequest {
    /// In tokens.
    pub tokens: u64,
    /// In nano-dollars, where a price is known.
    pub nano_usd: Option<u64>,
}

/// How closely a name must be that of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// Letter for letter.
    Exact,
    /// In any case, with a provider before it (`openai/gpt-5-mini`) or a version behind it
    /// (`gpt-5-mini-2025-08-07`, `claude-sonnet-4-5-20250929`, `gpt-5-mini-latest`).
    Loose,
}

impl Catalog {
    /// The catalog of an event: the organiser's deployments that it names, or all of them.
    #[must_use]
    pub fn new(deployments: Vec<Deployment>, offered: Option<&[DeploymentName]>) -> Self {
        let mut deployments = deployments;
        if let Some(offered) = offered {
            deployments.retain(|deployment| offered.contains(&deployment.name));
        }
        deployments.sort_by(|a, b| (&a.name, &a.replica).cmp(&(&b.name, &b.replica)));
        let facts: Vec<_> = deployments.iter().map(Deployment::facts).collect();
        let all = || deployments.iter().zip(&facts);
        let dearest = |name: &DeploymentName| {
            let replicas = all().filter(|(replica, _)| replica.name == *name);
            replicas.fold(ModelPrices::default(), |most, (_, facts)| most.max(&facts.prices))
        };
        let prices = deployments.iter().map(|deployment| dearest(&deployment.name)).collect();
        let models = deployments.iter().map(Deployment::known_model).collect();
        Self { deployments, facts, prices, models, is_own: false }
    }

    /// The catalog of deployments that only one attendee uses and pays for.
    #[must_use]
    pub fn own(deployments: Vec<Deployment>) -> Self {
        Self { is_own: true, ..Self::new(deployments, None) }
    }

    /// Whether the deployments belong to one attendee.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// Whether it offers no deployment.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deployments.is_empty()
    }

    /// Every deployment, by name and replica.
    #[must_use]
    pub fn deployments(&self) -> &[Deployment] {
        &self.deployments
    }

    /// The most completion tokens of one choice that an event with this cap allows of any of the
    /// models that write text.
    #[must_use]
    pub fn output_cap(&self, of_event: Option<u64>) -> u64 {
        let all = self.deployments.iter().zip(&self.facts);
        let writers = all.filter(|(deployment, _)| deployment.writes_text());
        let caps = writers.map(|(_, facts)| facts.output_cap(of_event));
        caps.max().unwrap_or_else(|| ModelFacts::UNKNOWN.output_cap(of_event))
    }

    /// The least that a request can need at an event with this cap: one token of a prompt, and the
    /// least cap of the models that write text.
    #[must_use]
    pub fn least_request(&self, of_event: Option<u64>) -> LeastRequest {
        let all = self.deployments.iter().zip(&self.facts);
        let least = all.filter(|(deployment, _)| deployment.writes_text()).map(|(_, facts)| {
            let cap = facts.least_cap().min(facts.output_cap(of_event));
            let estimate = Estimate::of_tokens(1, cap);
            LeastRequest { tokens: estimate.tokens(), nano_usd: facts.prices.most(&estimate) }
        });
        let least = least.reduce(|one, other| LeastRequest {
            tokens: one.tokens.min(other.tokens),
            nano_usd: one.nano_usd.into_iter().chain(other.nano_usd).min(),
        });
        least.unwrap_or(LeastRequest { tokens: 1, nano_usd: None })
    }

    /// The prices of a name on offer: of its replicas, the highest. `None` if it is not on offer.
    #[must_use]
    pub fn prices(&self, name: &DeploymentName) -> Option<&ModelPrices> {
        let at = self.deployments.iter().position(|deployment| deployment.name == *name)?;
        self.prices.get(at)
    }

    /// How a response to a request for this name is accounted, if it names the model that wrote it. A
    /// model router names another one each time, and so does a deployment of another model than the
    /// organiser believes. An organiser's price holds for all of them, and so does the highest price
    /// where the response names none that is known. `None` if the name is not on offer.
    #[must_use]
    pub fn accounted(
        &self,
        name: &DeploymentName,
        written_by: Option<KnownModel>,
    ) -> Option<AccountedModel> {
        let held = *self.prices(name)?;
        let as_held = Some(AccountedModel { name: None, prices: held });
        let Some(model) = written_by else { return as_held };
        let replicas = || {
            let all = self.deployments.iter().zip(&self.facts).zip(&self.models);
            all.filter(|((deployment, _), _)| deployment.name == *name)
        };
        // Some operations respond with the deployment's name instead of the model's.
        let is_deployed =
            |((deployment, facts), deployed): ((&Deployment, &ModelFacts), &Option<_>)| {
                *deployed == Some(model)
                    || (!facts.is_router()
                        && KnownModel::of(deployment.azure_name.as_str()) == Some(model))
            };
        if replicas().any(is_deployed) {
            return as_held;
        }
        let is_known =
            replicas().any(|((_, facts), deployed)| deployed.is_some() || facts.is_router());
        let is_priced = replicas().any(|((deployment, _), _)| deployment.prices.is_some());
        let prices = match is_priced || model.prices().is_unknown() {
            true => held,
            false => ModelPrices { surcharge: held.surcharge, ..*model.prices() },
        };
        // A deployment whose model is not known is known by the name that the organiser gave it.
        Some(AccountedModel { name: is_known.then(|| model.name()), prices })
    }

    /// The names on offer without repetition, for one operation or for any.
    #[must_use]
    pub fn names(&self, operation: Option<Operation>) -> Vec<DeploymentName> {
        let mut names: Vec<_> = self
            .deployments
            .iter()
            .filter(|deployment| operation.is_none_or(|operation| deployment.does(operation)))
            .map(|deployment| deployment.name.clone())
            .collect();
        names.dedup();
        names
    }

    /// The deployments of this name that support an operation, if there are any.
    #[must_use]
    pub fn named(
        &self,
        name: &str,
        operation: Operation,
        spelling: Spelling,
    ) -> Option<Choice<'_>> {
        let name = match spelling {
            Spelling::Exact => name,
            Spelling::Loose => self.spelt_loosely(name, Some(operation))?.as_str(),
        };
        let is_meant = |(deployment, _): &(&Deployment, &ModelFacts)| {
            deployment.name.as_str() == name && deployment.does(operation)
        };
        let mut meant = self.deployments.iter().zip(&self.facts).filter(is_meant).peekable();
        let (_, facts) = *meant.peek()?;
        let replicas = meant.map(|(deployment, _)| deployment).collect();
        Some(Choice { replicas, is_own: self.is_own, facts })
    }

    /// The name on offer that is meant by another spelling, for one operation or for any. A name in
    /// other letters is closer than one without its version. Of names that differ only in case it is
    /// the first in the order of bytes.
    #[must_use]
    pub fn spelt_loosely(
        &self,
        wanted: &str,
        operation: Option<Operation>,
    ) -> Option<&DeploymentName> {
        let wanted = wanted.rsplit('/').next()?.trim_matches(' ');
        let find = |wanted: &str| {
            let offered = self.deployments.iter();
            let mut offered =
                offered.filter(|d| operation.is_none_or(|operation| d.does(operation)));
            offered.find(|d| d.name.eq_ignore_case(wanted)).map(|d| &d.name)
        };
        let mut shorter = Some(wanted);
        while let Some(name) = shorter {
            if let Some(found) = find(name) {
                return Some(found);
            }
            shorter = without_version(name).or_else(|| without_short_date(name));
        }
        None
    }

    /// The operations that any deployment supports.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        let is_served = |operation: &Operation| self.deployments.iter().any(|d| d.does(*operation));
        Operation::ALL.iter().copied().filter(is_served).collect()
    }
}

/// The replicas of one name, at least one. They differ only in their share of the requests.
#[derive(Clone, Debug)]
pub struct Choice<'a> {
    replicas: Vec<&'a Deployment>,
    is_own: bool,
    facts: &'a ModelFacts,
}

impl<'a> Choice<'a> {
    /// The replicas in the order in which to try them for an attendee. Of many attendees, each
    /// replica comes first for a part that is in proportion to its weight.
    #[must_use]
    pub fn order_for(&self, attendee: Affinity) -> Vec<&'a Deployment> {
        let mut order = self.replicas.clone();
        if order.len() > 1 {
            let score =
                |replica: &Deployment| attendee.score(replica.replica.as_str(), replica.weight);
            order.sort_by(|a, b| score(b).total_cmp(&score(a)));
        }
        order
    }

    /// The replicas at one resource, if there are any.
    #[must_use]
    pub fn at(&self, endpoint: &str) -> Option<Self> {
        let replicas: Vec<_> =
            self.replicas.iter().copied().filter(|d| d.endpoint == endpoint).collect();
        (!replicas.is_empty()).then_some(Self { replicas, is_own: self.is_own, facts: self.facts })
    }

    /// The facts about their model. Replicas of one name serve one model.
    #[must_use]
    pub fn facts(&self) -> &'a ModelFacts {
        self.facts
    }

    /// Whether they belong to the attendee. The event does not pay for their tokens.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// The name that they share.
    #[must_use]
    pub fn name(&self) -> Option<&'a DeploymentName> {
        self.replicas.first().map(|deployment| &deployment.name)
    }
}

#[cfg(test)]
mod tests;

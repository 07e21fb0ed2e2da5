//! The deployments that an event offers, and the choice between replicas.

use serde::{Deserialize, Serialize};

use crate::credential::Credential;
use crate::ids::{DeploymentName, Replica};
pub use crate::models::CompletionField;
use crate::models::ModelFacts;
use crate::operation::Operation;

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

/// Prices in micro-dollars per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prices {
    /// For prompt tokens.
    pub prompt: u64,
    /// For completion tokens.
    pub completion: u64,
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
    pub fn facts(&self) -> &'static ModelFacts {
        self.known_facts().unwrap_or(&ModelFacts::UNKNOWN)
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

    /// Whether its responses are texts, whose length is capped.
    #[must_use]
    pub fn writes_text(&self) -> bool {
        const TEXTS: [Operation; 4] = [
            Operation::ChatCompletions,
            Operation::Completions,
            Operation::Responses,
            Operation::Threads,
        ];
        TEXTS.into_iter().any(|operation| self.does(operation))
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
    is_own: bool,
}

/// The event offers no such model for the operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such model at this event")]
pub struct NotOffered {
    /// The models that the event offers for it.
    pub offered: Vec<DeploymentName>,
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
        Self { deployments, is_own: false }
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
        let writers = self.deployments.iter().filter(|deployment| deployment.writes_text());
        let caps = writers.map(|deployment| deployment.facts().output_cap(of_event));
        caps.max().unwrap_or_else(|| ModelFacts::UNKNOWN.output_cap(of_event))
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

    /// The deployments that share a name and support an operation.
    ///
    /// # Errors
    ///
    /// [`NotOffered`] if there is none.
    pub fn named(&self, name: &str, operation: Operation) -> Result<Choice<'_>, NotOffered> {
        let replicas: Vec<_> = self
            .deployments
            .iter()
            .filter(|deployment| deployment.name.as_str() == name && deployment.does(operation))
            .collect();
        if replicas.is_empty() {
            return Err(NotOffered { offered: self.names(Some(operation)) });
        }
        let facts = replicas.first().map_or(&ModelFacts::UNKNOWN, |replica| replica.facts());
        Ok(Choice { replicas, is_own: self.is_own, facts })
    }
}

/// The replicas of one name, at least one. They differ only in their share of the requests.
#[derive(Clone, Debug)]
pub struct Choice<'a> {
    replicas: Vec<&'a Deployment>,
    is_own: bool,
    /// Looked up once for each request.
    facts: &'static ModelFacts,
}

impl<'a> Choice<'a> {
    /// The replicas in the order in which to try them: the first picked by weight, the others after
    /// it.
    ///
    /// `random` is a random number. Over many requests, each replica comes first in proportion to its
    /// weight.
    #[must_use]
    pub fn pick_weighted(&self, random: u64) -> Vec<&'a Deployment> {
        let total: u64 = self.replicas.iter().map(|d| u64::from(d.weight)).sum();
        let mut order = self.replicas.clone();
        if total == 0 {
            return order;
        }
        let mut point = random % total;
        for index in 0..order.len() {
            let weight = u64::from(order[index].weight);
            if point < weight {
                order.rotate_left(index);
                break;
            }
            point -= weight;
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
    pub fn facts(&self) -> &'static ModelFacts {
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn deployment(name: &str, replica: &str, weight: u32) -> Deployment {
        Deployment {
            name: name.parse().unwrap(),
            replica: replica.parse().unwrap(),
            endpoint: "https://one.openai.azure.com".to_owned(),
            azure_name: name.parse().unwrap(),
            model: None,
            operations: vec![Operation::ChatCompletions],
            api: AzureApi::V1,
            weight,
            requests_per_minute: None,
            tokens_per_minute: None,
            completion_field: CompletionField::MaxTokens,
            prices: None,
            credential: Credential::Key("key".to_owned()),
        }
    }

    #[test]
    fn an_event_offers_what_it_names_or_all() {
        let all = vec![deployment("b", "1", 1), deployment("a", "1", 1), deployment("a", "2", 1)];
        let names = |catalog: Catalog| -> Vec<String> {
            catalog.names(None).iter().map(ToString::to_string).collect()
        };
        assert_eq!(names(Catalog::new(all.clone(), None)), ["a", "b"]);
        assert_eq!(names(Catalog::new(all, Some(&["b".parse().unwrap()]))), ["b"]);
    }

    #[test]
    fn a_model_that_cannot_do_the_operation_is_not_offered() {
        let catalog = Catalog::new(vec![deployment("a", "1", 1)], None);
        assert!(catalog.named("a", Operation::ChatCompletions).is_ok());
        assert_eq!(catalog.named("a", Operation::Embeddings).unwrap_err().offered, []);
        let unknown = catalog.named("A", Operation::ChatCompletions).unwrap_err();
        assert_eq!(unknown.offered.len(), 1);
    }

    proptest! {
        #[test]
        fn replicas_come_first_in_proportion_to_their_weight(weights in prop::collection::vec(0u32..20, 1..6)) {
            let replicas: Vec<_> = weights.iter().enumerate().map(|(i, w)| deployment("a", &format!("r{i}"), *w)).collect();
            let catalog = Catalog::new(replicas, None);
            let choice = catalog.named("a", Operation::ChatCompletions).unwrap();
            let total: u64 = weights.iter().map(|w| u64::from(*w)).sum();
            let mut firsts = vec![0u32; weights.len()];
            for random in 0..total {
                let order = choice.pick_weighted(random);
                prop_assert_eq!(order.len(), weights.len());
                let first: usize = order[0].replica.as_str()[1..].parse().unwrap();
                firsts[first] += 1;
            }
            prop_assert_eq!(firsts, if total == 0 { vec![0; weights.len()] } else { weights });
        }
    }
}

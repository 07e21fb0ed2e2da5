//! Which deployments an event offers, and which of several takes a request.

use serde::{Deserialize, Serialize};

use crate::credential::Credential;
use crate::ids::{DeploymentName, Replica};
use crate::operation::Operation;

/// Which form of Azure's API a deployment is called by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "api", content = "api_version")]
pub enum AzureApi {
    /// `{endpoint}/openai/v1/{operation}`, the model named in the body.
    V1,
    /// `{endpoint}/openai/deployments/{azure name}/{operation}?api-version=…`.
    Classic(String),
}

/// The field by which a deployment takes the completion cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompletionField {
    /// `max_tokens`
    MaxTokens,
    /// `max_completion_tokens`: o-series and gpt-5-class models refuse the other.
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

/// Prices in micro-dollars per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prices {
    /// For prompt tokens.
    pub prompt: u64,
    /// For completion tokens.
    pub completion: u64,
}

/// A deployment at Azure that can take requests under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// The name that events offer.
    pub name: DeploymentName,
    /// Which of those that share the name.
    pub replica: Replica,
    /// Scheme and host, without a path.
    pub endpoint: String,
    /// The deployment's name at Azure.
    pub azure_name: DeploymentName,
    /// What it can do.
    pub operations: Vec<Operation>,
    /// How it is called.
    #[serde(flatten)]
    pub api: AzureApi,
    /// Its share of the load among deployments of the same name; 0 takes none.
    pub weight: u32,
    /// Its quota of requests per minute, if known.
    pub requests_per_minute: Option<u64>,
    /// Its quota of tokens per minute, if known.
    pub tokens_per_minute: Option<u64>,
    /// How it takes the completion cap.
    pub completion_field: CompletionField,
    /// What it costs, if known.
    pub prices: Option<Prices>,
    /// What it is called with.
    #[serde(flatten)]
    pub credential: Credential,
}

impl Deployment {
    /// Whether the deployment does an operation.
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
    /// What the event offers instead.
    pub offered: Vec<DeploymentName>,
}

impl Catalog {
    /// The catalog of an event: of an organiser's deployments those it names, or all.
    #[must_use]
    pub fn new(deployments: Vec<Deployment>, offered: Option<&[DeploymentName]>) -> Self {
        let mut deployments = deployments;
        if let Some(offered) = offered {
            deployments.retain(|deployment| offered.contains(&deployment.name));
        }
        deployments.sort_by(|a, b| (&a.name, &a.replica).cmp(&(&b.name, &b.replica)));
        Self { deployments, is_own: false }
    }

    /// The catalog of deployments that one attendee alone uses, and pays.
    #[must_use]
    pub fn own(deployments: Vec<Deployment>) -> Self {
        Self { is_own: true, ..Self::new(deployments, None) }
    }

    /// Whether its deployments are one attendee's own.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// Whether it offers nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deployments.is_empty()
    }

    /// Every deployment on offer, by name and replica.
    #[must_use]
    pub fn deployments(&self) -> &[Deployment] {
        &self.deployments
    }

    /// The names on offer, each once, for one operation or for any.
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

    /// The deployments that share a name and do an operation.
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
        Ok(Choice { replicas, is_own: self.is_own })
    }
}

/// Deployments of one name: at least one, interchangeable but for their share of the load.
#[derive(Clone, Debug)]
pub struct Choice<'a> {
    replicas: Vec<&'a Deployment>,
    is_own: bool,
}

impl<'a> Choice<'a> {
    /// The replicas in the order in which to try them: the first by weight and luck, the others
    /// after it.
    ///
    /// `luck` is any number; over many, each replica comes first in proportion to its weight.
    #[must_use]
    pub fn by_luck(&self, luck: u64) -> Vec<&'a Deployment> {
        let total: u64 = self.replicas.iter().map(|d| u64::from(d.weight)).sum();
        let mut order = self.replicas.clone();
        if total == 0 {
            return order;
        }
        let mut point = luck % total;
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

    /// Those of the replicas that are at one resource; none if no replica is.
    #[must_use]
    pub fn at(&self, endpoint: &str) -> Option<Self> {
        let replicas: Vec<_> =
            self.replicas.iter().copied().filter(|d| d.endpoint == endpoint).collect();
        (!replicas.is_empty()).then_some(Self { replicas, is_own: self.is_own })
    }

    /// The field by which these deployments take the completion cap. Replicas of one name serve
    /// one model, so the first speaks for all.
    #[must_use]
    pub fn completion_field(&self) -> CompletionField {
        self.replicas
            .first()
            .map_or(CompletionField::MaxCompletionTokens, |deployment| deployment.completion_field)
    }

    /// Whether they are the attendee's own, so that the event does not pay for their tokens.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// The name they share.
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
            for luck in 0..total {
                let order = choice.by_luck(luck);
                prop_assert_eq!(order.len(), weights.len());
                let first: usize = order[0].replica.as_str()[1..].parse().unwrap();
                firsts[first] += 1;
            }
            prop_assert_eq!(firsts, if total == 0 { vec![0; weights.len()] } else { weights });
        }
    }
}

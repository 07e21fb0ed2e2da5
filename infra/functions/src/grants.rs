//! What a function may do, one action and one target at a time, as tests compare it.

use std::collections::BTreeSet;

use crate::function::Function;
use crate::policies::{Policy, Resource};

/// The audience of tokens that Azure takes in place of a key,
/// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust>.
pub const AZURE_AUDIENCE: &str = "api://AzureADTokenExchange";

/// An action of AWS, and on what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The action by IAM's name.
    pub action: &'static str,
    /// On what.
    pub on: Target,
}

/// What an action may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Items whose partition key is like this.
    Items(&'static str),
    /// The parameters that hold Azure's keys.
    AzureKeys,
    /// Those of them that hold the keys of attendees' own deployments.
    OwnKeys,
    /// The function's own log.
    OwnLog,
    /// Tokens for Azure, where the operator has chosen them over keys.
    AzureIdentity,
    /// X-Ray, where the operator has turned it on. It knows no narrower resource.
    Traces,
}

/// Lambda writes what a function prints with the function's role. It is not an AWS call.
const RUNNING: [Grant; 4] = [
    Grant { action: "logs:CreateLogStream", on: Target::OwnLog },
    Grant { action: "logs:PutLogEvents", on: Target::OwnLog },
    Grant { action: "xray:PutTraceSegments", on: Target::Traces },
    Grant { action: "xray:PutTelemetryRecords", on: Target::Traces },
];

impl Function {
    /// What the SDK is asked for.
    #[must_use]
    pub fn calls(&self) -> BTreeSet<Grant> {
        let policies = self.policies.iter().copied().chain(&self.own_policy);
        policies.flat_map(Policy::grants).collect()
    }

    /// All that the role must allow, and nothing else may it.
    #[must_use]
    pub fn grants(&self) -> BTreeSet<Grant> {
        self.calls().into_iter().chain(RUNNING).collect()
    }
}

impl Policy {
    fn grants(&self) -> impl Iterator<Item = Grant> {
        self.statements.iter().flat_map(|statement| {
            let targets = statement.on.targets();
            let on_each =
                move |&action| targets.clone().into_iter().map(move |on| Grant { action, on });
            statement.actions.iter().flat_map(on_each)
        })
    }
}

impl Resource {
    fn targets(self) -> Vec<Target> {
        match self {
            Self::Items(partitions) => partitions.iter().copied().map(Target::Items).collect(),
            Self::AzureKeys => vec![Target::AzureKeys],
            Self::OwnKeys => vec![Target::OwnKeys],
            Self::AzureIdentity => vec![Target::AzureIdentity],
        }
    }
}

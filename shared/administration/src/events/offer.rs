//! Which of an organiser's deployments an event offers, and what a request gets that names none.

use std::collections::BTreeMap;

use lanyard_domain::allowance::Capacity;
use lanyard_domain::catalog::{Catalog, Deployment};
use lanyard_domain::ids::DeploymentName;
use lanyard_domain::operation::Operation;
use lanyard_protocol::Protocol;

use super::draft::Defaults;
use crate::form::{Given, Mistakes};

pub(super) fn offered(
    given: Given<Vec<DeploymentName>>,
    before: Option<Vec<DeploymentName>>,
    deployments: &[Deployment],
    mistakes: &Mistakes,
) -> Option<Vec<DeploymentName>> {
    if let Given::Value(names) = &given {
        let all = Catalog::new(deployments.to_vec(), None).names(None);
        let unknown: Vec<_> = names
            .iter()
            .enumerate()
            .filter(|(_, name)| !all.contains(name))
            .map(|(index, _)| format!("[{index}]"))
            .collect();
        if !unknown.is_empty() {
            mistakes.add(
                "deployments",
                match all.as_slice() {
                    [] => format!("{} is unknown: you have no deployments yet", unknown.join(", ")),
                    all => format!("{} is unknown; you have: {}", unknown.join(", "), joined(all)),
                },
            );
        }
    }
    given.or_before(before)
}

pub(super) fn joined(names: &[DeploymentName]) -> String {
    names.iter().map(DeploymentName::as_str).collect::<Vec<_>>().join(", ")
}

/// The model of a request that names none: the body's, the one before if the event still offers it,
/// or the obvious one.
pub(super) fn defaults(
    given: Given<Defaults>,
    before: &BTreeMap<Operation, DeploymentName>,
    catalog: &Catalog,
    mistakes: &Mistakes,
) -> BTreeMap<Operation, DeploymentName> {
    let forgets_all = matches!(given, Given::Null);
    let mut given = given.value().unwrap_or_default();
    let mut defaults = BTreeMap::new();
    for operation in Operation::ALL.iter().copied() {
        let names = catalog.names(Some(operation));
        let before = before.get(&operation).filter(|name| !forgets_all && names.contains(name));
        let chosen = match given.remove(&operation) {
            Some(Some(name)) if !names.contains(&name) => {
                let field = format!("default_deployments.{operation}");
                mistakes.add(
                    field,
                    match names.as_slice() {
                        [] => "must be left out: the event offers no deployment that does this"
                            .to_owned(),
                        names => {
                            format!("must be one that the event offers for this: {}", joined(names))
                        }
                    },
                );
                None
            }
            Some(Some(name)) => Some(name),
            Some(None) => obvious(operation, names),
            None => before.cloned().or_else(|| obvious(operation, names)),
        };
        defaults.extend(chosen.map(|name| (operation, name)));
    }
    defaults
}

/// Any model will do for a curl line from a slide; embeddings of two models do not mix.
fn obvious(operation: Operation, names: Vec<DeploymentName>) -> Option<DeploymentName> {
    let is_obvious = !Protocol::of(operation).is_bound_to_model || names.len() == 1;
    names.into_iter().next().filter(|_| is_obvious)
}

/// The sum of the quotas of the offered deployments that write text, as far as they are known.
/// Images and audio have quotas of their own.
pub(super) fn capacity(catalog: &Catalog) -> Capacity {
    let is_at_work = |deployment: &&Deployment| deployment.weight > 0 && deployment.writes_text();
    let at_work = || catalog.deployments().iter().filter(is_at_work);
    let sum = |quota: fn(&Deployment) -> Option<u64>| {
        at_work().filter_map(quota).reduce(u64::saturating_add)
    };
    Capacity {
        requests_per_minute: sum(|deployment| deployment.requests_per_minute),
        tokens_per_minute: sum(|deployment| deployment.tokens_per_minute),
    }
}

//! Which of an organiser's deployments an event offers, and what a request gets that names none.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use lanyard_domain::allowance::Capacity;
use lanyard_domain::catalog::{Catalog, Deployment};
use lanyard_domain::estimate::Estimate;
use lanyard_domain::ids::DeploymentName;
use lanyard_domain::images::drawn::DrawnRule;
use lanyard_domain::operation::Operation;
use lanyard_domain::unit::{Unit, Units};
use lanyard_protocol::{Protocol, videos};

use super::draft::Defaults;
use crate::form::{Given, Mistakes};

/// The tokens of an ordinary prompt.
const USUAL_PROMPT: u64 = 1_000;

pub(super) fn offered(
    given: Given<Vec<DeploymentName>>,
    before: Option<Vec<DeploymentName>>,
    deployments: &[Deployment],
    mistakes: &Mistakes,
) -> Option<Vec<DeploymentName>> {
    let names = match given {
        Given::Value(names) => names,
        given @ (Given::Absent | Given::Null | Given::Wrong) => return given.or_before(before),
    };
    let all = Catalog::new(deployments.to_vec(), None).names(None);
    let mut known: Vec<DeploymentName> = Vec::with_capacity(names.len());
    let mut unknown = Vec::new();
    for (index, name) in names.iter().enumerate() {
        match named(&all, name) {
            Some(name) if known.contains(name) => {}
            Some(name) => known.push(name.clone()),
            None => unknown.push(format!("[{index}]")),
        }
    }
    if !unknown.is_empty() {
        mistakes.add(
            "deployments",
            match all.as_slice() {
                [] => format!("{} is unknown: you have no deployments yet", unknown.join(", ")),
                all => format!("{} is unknown; you have: {}", unknown.join(", "), joined(all)),
            },
        );
    }
    Some(known)
}

/// The one of these names that is meant, in any case.
fn named<'n>(names: &'n [DeploymentName], wanted: &DeploymentName) -> Option<&'n DeploymentName> {
    let in_any_case = || names.iter().find(|name| name.eq_ignore_case(wanted.as_str()));
    names.iter().find(|name| *name == wanted).or_else(in_any_case)
}

pub(super) fn joined(names: &[DeploymentName]) -> String {
    names.iter().map(DeploymentName::as_str).collect::<Vec<_>>().join(", ")
}

/// What an event offers, and the instant at which models are retired or not.
pub(super) struct Offer<'a> {
    pub(super) catalog: &'a Catalog,
    /// The names in the order of the organiser. `None` for every deployment.
    pub(super) listed: Option<&'a [DeploymentName]>,
    pub(super) now: DateTime<Utc>,
}

/// The model of a request that names none: the body's, the one before if the event still offers it,
/// or the obvious one.
pub(super) fn defaults(
    given: Given<Defaults>,
    before: &BTreeMap<Operation, DeploymentName>,
    offer: &Offer<'_>,
    mistakes: &Mistakes,
) -> BTreeMap<Operation, DeploymentName> {
    let forgets_all = matches!(given, Given::Null);
    let mut given = given.value().unwrap_or_default();
    let mut defaults = BTreeMap::new();
    for operation in Operation::ALL.iter().copied() {
        let names = offer.catalog.names(Some(operation));
        let before = before.get(&operation).filter(|name| !forgets_all && names.contains(name));
        let chosen = match given.remove(&operation) {
            Some(Some(name)) => named(&names, &name).cloned().or_else(|| {
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
            }),
            Some(None) => offer.obvious(operation, names),
            None => before.cloned().or_else(|| offer.obvious(operation, names)),
        };
        defaults.extend(chosen.map(|name| (operation, name)));
    }
    defaults
}

impl Offer<'_> {
    /// Any model will do for a curl line from a slide; embeddings of two models do not mix. It is the
    /// first that Azure has not retired: in the order of the event's list, else by name.
    fn obvious(
        &self,
        operation: Operation,
        mut names: Vec<DeploymentName>,
    ) -> Option<DeploymentName> {
        let is_obvious = !Protocol::of(operation).is_bound_to_model || names.len() == 1;
        let place = |name: &DeploymentName| {
            self.listed.and_then(|listed| listed.iter().position(|one| one == name))
        };
        // The sort is stable: without a list the names stay in their order.
        names.sort_by_key(|name| (self.is_retired(name), place(name)));
        names.into_iter().next().filter(|_| is_obvious)
    }

    fn is_retired(&self, name: &DeploymentName) -> bool {
        let mut replicas = self.catalog.deployments().iter().filter(|one| one.name == *name);
        replicas.all(|one| one.known_facts().is_some_and(|facts| facts.is_retired(self.now)))
    }
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

/// What an ordinary request to the dearest of the models on offer may cost, in nano-dollars: a text of
/// the least length that is lowered to, one image, or the longest video. `None` if no price is known.
pub(super) fn dearest_request(catalog: &Catalog, of_event: Option<u64>) -> Option<u64> {
    let of_units = |unit, count| Estimate::of_units(Units::of(unit, count));
    let video = of_units(Unit::VideoSeconds, videos::MOST_SECONDS);
    let costs = |deployment: &Deployment| {
        let facts = deployment.facts();
        let output = facts.least_cap().min(facts.output_cap(of_event));
        let text = Estimate::of_tokens(USUAL_PROMPT, output);
        let drawn = facts.drawn.unwrap_or(DrawnRule::UNKNOWN).tokens(None, None, false);
        let image = Estimate { completion_tokens: drawn, ..of_units(Unit::Images, 1) };
        // A model has prices for what it makes alone.
        [text, image, video].iter().filter_map(|one| facts.prices.most(one)).max()
    };
    catalog.deployments().iter().filter_map(costs).max()
}

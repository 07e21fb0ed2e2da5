//! The limits on single models of an event: which a body sets, and whether there may be so many.

use std::collections::{BTreeMap, BTreeSet};

use lanyard_domain::by_model::{ByModel, MOST, ModelKey, ModelLimit, ModelLimits};
use lanyard_domain::catalog::Catalog;
use lanyard_domain::event::Event;
use lanyard_domain::ids::DeploymentName;
use lanyard_domain::limit::Limit;

use super::draft::{ByModelDraft, ModelsDraft};
use super::offer::joined;
use crate::form::{Given, Mistakes, shortened};

/// The limits on single models after a body: those from before, with what it sets and lifts.
pub(super) fn changed(
    given: ByModelDraft,
    before: &ByModel,
    catalog: &Catalog,
    mistakes: &Mistakes,
) -> ByModel {
    let change = |field, given, before| one(field, given, before, catalog, mistakes);
    ByModel {
        attendee: change("allowances.attendee.by_model", given.attendee, &before.attendee),
        event: change("allowances.event.by_model", given.event, &before.event),
    }
}

fn one(
    field: &str,
    given: Given<ModelsDraft>,
    before: &ModelLimits,
    catalog: &Catalog,
    mistakes: &Mistakes,
) -> ModelLimits {
    let models = match given {
        Given::Absent | Given::Wrong => return before.clone(),
        Given::Null => return ModelLimits::default(),
        Given::Value(models) => models,
    };
    let mut after: BTreeMap<(DeploymentName, Limit), u64> =
        before.iter().map(|one| ((one.name.clone(), one.limit), one.allowed)).collect();
    let mut given = BTreeSet::new();
    for (text, limits) in models {
        let offered = catalog.names(None);
        let known = before.names().into_iter().chain(&offered);
        let is_meant = |name: &&DeploymentName| name.eq_ignore_case(&text);
        let sets = limits.as_ref().is_some_and(|limits| limits.0.values().any(Option::is_some));
        let is_offered = offered.iter().any(|name| is_meant(&name));
        let Some(name) = known.into_iter().find(is_meant).filter(|_| is_offered || !sets) else {
            let message = match offered.as_slice() {
                [] => "is no model of the event: it offers none".to_owned(),
                names => format!("must be a model that the event offers: {}", joined(names)),
            };
            mistakes.add(format!("{field}.{}", shortened(&text)), message);
            continue;
        };
        if !given.insert(name.clone()) {
            mistakes.add(
                format!("{field}.{}", shortened(&text)),
                format!("is the model {name} a second time: give its limits once"),
            );
        }
        match limits {
            None => after.retain(|(of, _), _| of != name),
            Some(limits) => {
                for (limit, value) in limits.0 {
                    match value {
                        Some(value) => after.insert((name.clone(), limit), value),
                        None => after.remove(&(name.clone(), limit)),
                    };
                }
            }
        }
    }
    if after.len() > MOST {
        mistakes.add(
            field,
            format!(
                "has {} limits: set at most {MOST} in all, each of them on one model",
                after.len()
            ),
        );
    }
    let limit = |((name, limit), allowed): ((DeploymentName, Limit), u64)| ModelLimit {
        name,
        limit,
        allowed,
    };
    let limits: ModelLimits = after.into_iter().map(limit).collect();
    if let Some((one, other)) = indistinct(&limits) {
        mistakes.add(field, format!("cannot tell {one} from {other}: rename one of them"));
    }
    limits
}

/// Two models whose numbers would have the same name in the table.
fn indistinct(limits: &ModelLimits) -> Option<(DeploymentName, DeploymentName)> {
    let names = limits.names();
    let pairs = names
        .iter()
        .enumerate()
        .flat_map(|(at, one)| names.iter().skip(at + 1).map(move |other| (*one, *other)));
    let mut same = pairs.filter(|(one, other)| ModelKey::of(one) == ModelKey::of(other));
    same.next().map(|(one, other)| (one.clone(), other.clone()))
}

/// Limits on models that the event does not offer any more.
pub(super) fn warnings(event: &Event) -> Vec<String> {
    let Some(offered) = &event.deployments else { return Vec::new() };
    let by_model = &event.allowances.by_model;
    let mut warnings = Vec::new();
    for (whose, limits) in [("attendee", &by_model.attendee), ("event", &by_model.event)] {
        for name in limits.names() {
            if !offered.iter().any(|offered| offered.eq_ignore_case(name.as_str())) {
                warnings.push(format!(
                    "allowances.{whose}.by_model limits {name}, which the event does not offer."
                ));
            }
        }
    }
    warnings
}

//! An attendee's own limits, which replace the event's: which there are, and which a body sets.

use std::collections::BTreeMap;

use lanyard_domain::account::{Account, Change, Field, NO_LIMIT, signed};
use lanyard_domain::allowance::Limit;
use lanyard_domain::by_model::{ModelKey, ModelLimit, ModelLimits};
use lanyard_domain::event::Event;
use lanyard_domain::ids::DeploymentName;

use crate::events::{LimitsDraft, ModelsDraft, models};
use crate::form::{Form, Given, shortened};

/// Ends the refusals that gateways remember: they were decided by the limits before.
const LIMITS_CHANGED: Change = Change::Add(Field::Terms, 1);

/// The names of the limits that are the attendee's own.
pub(super) fn limits(account: &Account) -> Vec<&'static str> {
    let is_own = |limit: &Limit| account.numbers.contains_key(&Field::Override(*limit));
    Limit::ALL.iter().copied().filter(is_own).map(Limit::name).collect()
}

/// The attendee's own limits on single models, by model and limit name.
pub(super) fn limits_by_model(
    account: &Account,
    event: &Event,
) -> BTreeMap<String, Vec<&'static str>> {
    let mut own: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    for one in event.allowances.by_model.attendee.iter() {
        if account.numbers.contains_key(&field_of(one)) {
            own.entry(one.name.to_string()).or_default().push(one.limit.name());
        }
    }
    own
}

fn field_of(one: &ModelLimit) -> Field {
    Field::OverrideOfModel(ModelKey::of(&one.name), one.limit)
}

/// The fields of the attendee's own limits on single models, also of those that the event has lost.
fn on_models(account: &Account) -> impl Iterator<Item = Field> {
    let fields = account.numbers.keys().copied();
    fields.filter(|field| matches!(field, Field::OverrideOfModel(..)))
}

/// The changes that a body asks for. A limit that it names twice, in other letters, is set once.
pub(super) fn set(form: Form<'_>, granted: &ModelLimits, before: &Account) -> Vec<Change> {
    let mut own = BTreeMap::new();
    match models(&form) {
        Given::Value(models) => {
            // An own limit that the event has lost is shown to nobody. It must not apply again when
            // the event gets the limit back, and must not fill the item.
            let is_granted = |field: &Field| granted.iter().any(|one| field_of(one) == *field);
            let lost = on_models(before).filter(|field| !is_granted(field));
            own.extend(lost.map(|field| (field, None)));
            set_on_models(models, granted, before, &form, &mut own);
        }
        Given::Null => own.extend(on_models(before).map(|field| (field, None))),
        Given::Absent | Given::Wrong => {}
    }
    let number = |value: Option<u64>| Some(value.map_or(NO_LIMIT, signed));
    let all = LimitsDraft::read(form).0.into_iter();
    own.extend(all.map(|(limit, value)| (Field::Override(limit), number(value))));
    let change = |(field, number)| match number {
        Some(number) => Change::Set(field, number),
        None => Change::Remove(field),
    };
    own.into_iter().map(change).chain([LIMITS_CHANGED]).collect()
}

/// The changes that give all of the event's limits back.
pub(super) fn reset(before: &Account) -> Vec<Change> {
    let all = Limit::ALL.iter().copied().map(Field::Override);
    all.chain(on_models(before)).map(Change::Remove).chain([LIMITS_CHANGED]).collect()
}

/// The number of each limit on a model that a body names, `None` to give the event's back.
///
/// An attendee's own limit on a model replaces one that the event sets for each attendee. Only those
/// are counted, so there is nothing else to replace.
fn set_on_models(
    models: ModelsDraft,
    granted: &ModelLimits,
    before: &Account,
    form: &Form<'_>,
    own: &mut BTreeMap<Field, Option<i64>>,
) {
    let none = |name: String, is: &str| {
        let first = "set it for each attendee first, in allowances.attendee.by_model of the event";
        form.mistake(&format!("by_model.{name}"), format!("{is}: {first}"));
    };
    for (text, limits) in models {
        let of_model = || granted.iter().filter(|one| one.name.eq_ignore_case(&text));
        let is_known = of_model().next().is_some() || has_own(before, &text);
        match limits {
            Some(limits) if !limits.0.is_empty() => {
                for (limit, value) in limits.0 {
                    match of_model().find(|one| one.limit == limit) {
                        Some(one) => {
                            own.insert(field_of(one), Some(value.map_or(NO_LIMIT, signed)));
                        }
                        None => {
                            let name = format!("{}.{}", shortened(&text), limit.name());
                            none(name, "is no limit of this event");
                        }
                    }
                }
            }
            Some(_) | None if !is_known => none(shortened(&text), "has no limit in this event"),
            Some(_) => {}
            None => own.extend(of_model().map(|one| (field_of(one), None))),
        }
    }
}

/// Whether the attendee has an own limit on a model, also if the event has lost it.
fn has_own(account: &Account, text: &str) -> bool {
    let key = text.parse::<DeploymentName>().ok().map(|name| ModelKey::of(&name));
    on_models(account)
        .any(|field| matches!(field, Field::OverrideOfModel(model, _) if Some(model) == key))
}

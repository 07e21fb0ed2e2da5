//! An attendee's own limits, which replace the event's: which there are, and which a body sets.

use std::collections::BTreeMap;

use lanyard_domain::account::{Account, Change, Field, NO_LIMIT, signed};
use lanyard_domain::allowance::Limit;
use lanyard_domain::by_model::{ModelKey, ModelLimit, ModelLimits};
use lanyard_domain::event::Event;

use crate::events::{LimitsDraft, ModelsDraft, models};
use crate::form::{Form, Given};

/// The names of the limits that are the attendee's own.
pub(super) fn limits(account: &Account) -> Vec<&'static str> {
    let is_own = |limit: &Limit| account.numbers.contains_key(&Field::Override(*limit));
    Limit::ALL.iter().copied().filter(is_own).map(Limit::name).collect()
}

/// The same of the event's limits on single models.
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

/// The changes that a body asks for. A limit that it names twice, in other letters, is set once.
pub(super) fn set(form: Form<'_>, granted: &ModelLimits) -> Vec<Change> {
    let mut own = BTreeMap::new();
    match models(&form) {
        Given::Value(models) => on_models(models, granted, &form, &mut own),
        Given::Null => own.extend(granted.iter().map(|one| (field_of(one), None))),
        Given::Absent | Given::Wrong => {}
    }
    let number = |value: Option<u64>| Some(value.map_or(NO_LIMIT, signed));
    let all = LimitsDraft::read(form).0.into_iter();
    own.extend(all.map(|(limit, value)| (Field::Override(limit), number(value))));
    let change = |(field, number)| match number {
        Some(number) => Change::Set(field, number),
        None => Change::Remove(field),
    };
    own.into_iter().map(change).collect()
}

/// The changes that give all of the event's limits back.
pub(super) fn reset(account: &Account) -> Vec<Change> {
    let of_models = account.numbers.keys().copied();
    let of_models = of_models.filter(|field| matches!(field, Field::OverrideOfModel(..)));
    let all = Limit::ALL.iter().copied().map(Field::Override);
    all.chain(of_models).map(Change::Remove).collect()
}

/// The number of each limit on a model that a body names, `None` to give the event's back.
///
/// An attendee's own limit on a model replaces one that the event sets for each attendee. Only those
/// are counted, so there is nothing else to replace.
fn on_models(
    models: ModelsDraft,
    granted: &ModelLimits,
    form: &Form<'_>,
    own: &mut BTreeMap<Field, Option<i64>>,
) {
    for (text, limits) in models {
        let of_model =
            || granted.iter().filter(|one| one.name.as_str().eq_ignore_ascii_case(&text));
        let Some(limits) = limits else {
            own.extend(of_model().map(|one| (field_of(one), None)));
            continue;
        };
        for (limit, value) in limits.0 {
            match of_model().find(|one| one.limit == limit) {
                Some(one) => {
                    own.insert(field_of(one), Some(value.map_or(NO_LIMIT, signed)));
                }
                None => {
                    let short: String = text.chars().take(64).collect();
                    form.mistake(
                        &format!("by_model.{short}.{}", limit.name()),
                        "is no limit of this event: set it for each attendee first, in \
                         allowances.attendee.by_model of the event",
                    );
                }
            }
        }
    }
}

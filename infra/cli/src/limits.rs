//! The limits of an account: each with its name, that on one model as `MODEL:LIMIT`.

use serde_json::Value;

use crate::money;

/// One limit of an account.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Named<'v> {
    /// As people write it, with the model before it.
    pub(crate) full: String,
    /// Without the model.
    pub(crate) name: &'v str,
    pub(crate) value: &'v Value,
}

impl Named<'_> {
    /// The value as people read it.
    pub(crate) fn amount(&self) -> String {
        money::limit(self.name, self.value)
    }
}

/// The limits on all models, and those on single ones.
pub(crate) fn named<'v>(all: &'v Value, by_model: &'v Value) -> Vec<Named<'v>> {
    let of = |value: &'v Value| value.as_object().into_iter().flatten();
    let of_all = of(all).filter(|(name, _)| *name != "by_model").map(|(name, value)| Named {
        full: name.clone(),
        name,
        value,
    });
    let of_models = of(by_model).flat_map(|(model, limits)| {
        let full = move |name: &str| format!("{model}:{name}");
        of(limits).map(move |(name, value)| Named { full: full(name), name, value })
    });
    of_all.chain(of_models).collect()
}

/// The limits of an account that has those on models in `by_model`.
pub(crate) fn of_account(limits: &Value) -> Vec<Named<'_>> {
    named(limits, &limits["by_model"])
}

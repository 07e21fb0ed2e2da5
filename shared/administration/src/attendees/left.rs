//! What an attendee has left of each limit.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use lanyard_domain::account::Account;
use lanyard_domain::allowance::Allowance;
use lanyard_domain::amount::Amount;
use lanyard_domain::by_model::{LimitKey, ModelLimits};
use lanyard_domain::ids::DeploymentName;
use lanyard_domain::left::left;
use lanyard_domain::window::LocalDay;
use serde::Serialize;

use crate::time::Timestamp;

/// One limit, and what is left of it.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "LimitLeft"))]
pub(super) struct LeftView {
    allowed: Amount,
    remaining: Amount,
    /// When all of it is back; absent for what does not reset.
    #[serde(skip_serializing_if = "Option::is_none")]
    resets_at: Option<Timestamp>,
}

/// An account on a day of its event.
pub(super) struct AccountOnDay<'a> {
    pub(super) account: &'a Account,
    pub(super) day: LocalDay,
    pub(super) now: DateTime<Utc>,
}

impl AccountOnDay<'_> {
    /// What is left of each limit of an allowance.
    pub(super) fn left_of_limits(&self, allowance: &Allowance) -> BTreeMap<&'static str, LeftView> {
        let one = |(key, allowed): (LimitKey, u64)| {
            let left = left(self.account, key, allowed, self.day, self.now);
            let amount = |count| key.quantity().amount(count);
            let view = LeftView {
                allowed: amount(allowed),
                remaining: amount(left.remaining),
                resets_at: left.resets_at.map(Timestamp::utc),
            };
            (key.limit.name(), view)
        };
        allowance.each().map(one).collect()
    }

    /// What is left of the limits on single models.
    pub(super) fn left_of_models(
        &self,
        limits: &ModelLimits,
    ) -> BTreeMap<String, BTreeMap<&'static str, LeftView>> {
        let left = |(name, of_model): (&DeploymentName, Allowance)| {
            (name.to_string(), self.left_of_limits(&of_model))
        };
        Allowance::by_name(limits).map(left).collect()
    }
}

//! Warnings about limits of which all, or more, is spent: requests that use them are refused from now
//! on.

use lanyard_domain::account::Account;
use lanyard_domain::admission::unspent;
use lanyard_domain::allowance::Allowance;
use lanyard_domain::by_model::{LimitKey, ModelLimits};
use lanyard_domain::event::Event;
use lanyard_domain::limit::{Counting, Limit, Quantity};
use lanyard_domain::unit::Unit;
use lanyard_domain::window::LocalDay;

/// The limits of one account, and what it used.
pub(crate) struct Limited<'a> {
    /// The path of the limits in a body.
    pub(crate) path: &'static str,
    pub(crate) limits: &'a Allowance,
    pub(crate) by_model: &'a ModelLimits,
    pub(crate) account: &'a Account,
    pub(crate) day: LocalDay,
}

impl<'a> Limited<'a> {
    /// Those of an event, whose shards are added up.
    pub(crate) fn of_event(event: &'a Event, account: &'a Account, day: LocalDay) -> Self {
        let path = "allowances.event";
        let (limits, by_model) = (&event.allowances.event, &event.allowances.by_model.event);
        Self { path, limits, by_model, account, day }
    }

    /// A sentence for each limit that is used up.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let Self { path, .. } = self;
        let mut warnings = self.of_limits(self.limits, path, "");
        for (name, of_model) in Allowance::by_name(self.by_model) {
            let path = format!("{path}.by_model.{name}");
            warnings.extend(self.of_limits(&of_model, &path, &format!(" to {name}")));
        }
        warnings
    }

    fn of_limits(&self, limits: &Allowance, path: &str, to: &str) -> Vec<String> {
        let warning = |(key, allowed): (LimitKey, u64)| {
            let LimitKey { limit, .. } = key;
            let until = until(limit)?;
            let over = unspent(key, allowed, self.account, self.day).checked_neg()?;
            let spent = allowed.saturating_add(u64::try_from(over).ok()?);
            let amount = |count| limit.quantity().amount(count);
            let (name, allowed, spent) = (limit.name(), amount(allowed), amount(spent));
            Some(format!(
                "{path}.{name} is used up: {spent} of {allowed} {limit} are spent. {}{to} are refused \
                 until {until}.",
                requests(limit.quantity()),
            ))
        };
        limits.each().filter_map(warning).collect()
    }
}

/// The requests that use a quantity.
fn requests(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Requests | Quantity::Tokens | Quantity::Unit(Unit::Usd) => "Requests",
        Quantity::Unit(Unit::Images) => "Requests for images",
        Quantity::Unit(Unit::AudioSeconds) => "Requests with audio",
        Quantity::Unit(Unit::Characters) => "Requests for speech",
        Quantity::Unit(Unit::VideoSeconds) => "Requests for videos",
    }
}

/// When a limit that is used up admits requests again. `None` if it is never used up for long.
fn until(limit: Limit) -> Option<&'static str> {
    match limit.counting() {
        Counting::PerMinute(_) | Counting::InFlight => None,
        Counting::PerDay(_) => Some("it is raised or the day ends"),
        Counting::TokensTotal | Counting::UnitTotal(_) | Counting::RequestsTotal => {
            Some("it is raised")
        }
    }
}

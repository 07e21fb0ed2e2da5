//! What refuses the requests of an attendee now: the event, a limit of it, or the attendee's own.

use chrono::{DateTime, Utc};
use lanyard_domain::access::Access;
use lanyard_domain::account::{Account, Field};
use lanyard_domain::admission::{Demand, Refusal, is_full, refusal_by};
use lanyard_domain::allowance::Allowance;
use lanyard_domain::amount::Amount;
use lanyard_domain::by_model::ModelLimits;
use lanyard_domain::catalog::LeastRequest;
use lanyard_domain::estimate::Estimate;
use lanyard_domain::event::{Event, Phase};
use lanyard_domain::ids::{DeploymentName, RequestId};
use lanyard_domain::limit::Quantity;
use lanyard_domain::unit::{Unit, Units};
use serde::Serialize;

use crate::time::Timestamp;

/// A reason for which requests of an attendee are refused now.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "CurrentRefusal"))]
pub(super) struct RefusalView {
    scope: Scope,
    /// The code of the error. `not_on_roster` and `registration_required` refuse no signed token.
    code: &'static str,
    /// The limit that is reached, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(default))]
    limit: Option<LimitView>,
    /// When it ends by itself. Absent if it does not, or if that depends on requests in progress.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(default))]
    ends_at: Option<Timestamp>,
}

/// Whose rule it is.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(inline))]
#[serde(rename_all = "snake_case")]
enum Scope {
    Event,
    Attendee,
}

/// A limit of which too little is left for a request that sets no output limit.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "LimitReached"))]
struct LimitView {
    name: &'static str,
    /// The model, if it is a limit on one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(default))]
    model: Option<DeploymentName>,
    allowed: Amount,
    /// What is left; absent for a limit per minute, and for one that is too small even if nothing is
    /// used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(default))]
    remaining: Option<Amount>,
}

/// What decides whether the requests of an attendee are refused, at an instant.
pub(super) struct RefusalCheck<'a> {
    pub(super) event: &'a Event,
    /// All shards of the event's account together.
    pub(super) of_event: &'a Account,
    pub(super) of_attendee: &'a Account,
    /// The least that a request to the event's models can need.
    pub(super) least: LeastRequest,
    pub(super) request: &'a RequestId,
    pub(super) now: DateTime<Utc>,
}

impl RefusalCheck<'_> {
    /// Why requests would be refused. Empty if one with the least output that is filled in would be
    /// admitted.
    ///
    /// The rates of an event in shards are not judged: what one shard lacks, another may have.
    pub(super) fn refusals(&self) -> Vec<RefusalView> {
        let mut found: Vec<_> = self.by_event().into_iter().chain(self.by_access()).collect();
        let limits = &self.event.allowances;
        let own = self.of_attendee.allowance(&limits.attendee);
        let own_by_model = self.of_attendee.model_limits(&limits.by_model.attendee);
        self.add_limits(Scope::Attendee, &own, &own_by_model, &mut found);
        self.add_limits(Scope::Event, &limits.event, &limits.by_model.event, &mut found);
        found
    }

    /// The state of the event.
    fn by_event(&self) -> Option<RefusalView> {
        let window = &self.event.window;
        let (code, ends_at) = match self.event.phase(self.now) {
            Phase::Open => return None,
            Phase::Scheduled => ("event_not_started", Some(window.starts_at())),
            Phase::Paused => ("event_paused", None),
            Phase::Ended => ("event_ended", None),
        };
        Some(RefusalView::of(Scope::Event, code, ends_at))
    }

    /// Blocks, access, and seats. A signed token needs no place on the roster and no registration.
    fn by_access(&self) -> Vec<RefusalView> {
        let has = |field| self.of_attendee.get(field) != 0;
        let by_access = match self.event.access {
            Access::Roster if !has(Field::Listed) => Some("not_on_roster"),
            Access::Registered { auto_register: false } if !has(Field::Claim) => {
                Some("registration_required")
            }
            Access::Open | Access::Roster | Access::Registered { .. } => None,
        };
        let is_refused_seat =
            !has(Field::SeatedAt) && is_full(self.of_event, self.event.allowances.attendees);
        let all = [
            has(Field::Blocked).then_some((Scope::Attendee, "attendee_blocked")),
            by_access.map(|code| (Scope::Attendee, code)),
            is_refused_seat.then_some((Scope::Event, "event_full")),
        ];
        all.into_iter().flatten().map(|(scope, code)| RefusalView::of(scope, code, None)).collect()
    }

    fn add_limits(
        &self,
        scope: Scope,
        allowance: &Allowance,
        by_model: &ModelLimits,
        found: &mut Vec<RefusalView>,
    ) {
        let account = match scope {
            Scope::Event => self.of_event,
            Scope::Attendee => self.of_attendee,
        };
        let mut add = |allowance: &Allowance, model: Option<&DeploymentName>| {
            let refused = allowance.each().filter_map(|(key, allowed)| {
                let demand = self.demand(key.quantity());
                let refusal = refusal_by(key, allowed, account, &demand)?;
                RefusalView::by_limit(scope, refusal, model)
            });
            found.extend(refused);
        };
        add(allowance, None);
        for (name, of_model) in Allowance::by_name(by_model) {
            add(&of_model, Some(name));
        }
    }

    /// The smallest demand for a quantity: for tokens and dollars that of a request that sets no output
    /// limit; for images, seconds and characters one.
    fn demand(&self, quantity: Quantity) -> Demand {
        let estimate = match quantity {
            Quantity::Requests | Quantity::Tokens => Estimate::of_tokens(self.least.tokens, 0),
            Quantity::Unit(Unit::Usd) => {
                let least = self.least.nano_usd.unwrap_or(1);
                Estimate::of_units(Units::of(Unit::Usd, least))
            }
            Quantity::Unit(unit) => Estimate::of_units(Units::of(unit, 1)),
        };
        Demand {
            id: self.request.clone(),
            estimate,
            least: None,
            now: self.now.into(),
            day: self.event.window.local_day(self.now),
            expires_at: self.now.into(),
            is_recorded: false,
            model: None,
        }
    }
}

impl RefusalView {
    fn of(scope: Scope, code: &'static str, ends_at: Option<DateTime<Utc>>) -> Self {
        Self { scope, code, limit: None, ends_at: ends_at.map(Timestamp::utc) }
    }

    fn by_limit(scope: Scope, refusal: Refusal, model: Option<&DeploymentName>) -> Option<Self> {
        let key = refusal.limit()?;
        let (code, allowed, remaining, ends_at) = match refusal {
            Refusal::Rate { allowed, retry_at, .. } => {
                ("rate_limit_exceeded", allowed, None, Some(retry_at.to_utc()))
            }
            Refusal::Day { allowed, remaining, is_held: true, .. }
            | Refusal::Budget { allowed, remaining, is_held: true, .. } => {
                ("rate_limit_exceeded", allowed, Some(remaining), None)
            }
            Refusal::Day { allowed, remaining, resets_at, .. } => {
                ("insufficient_quota", allowed, Some(remaining), Some(resets_at))
            }
            Refusal::Budget { allowed, remaining, .. } => {
                ("insufficient_quota", allowed, Some(remaining), None)
            }
            Refusal::InFlight { allowed, .. } => ("too_many_in_flight", allowed, Some(0), None),
            Refusal::NeverFits { allowed, .. } => ("allowance_too_small", allowed, None, None),
            Refusal::Blocked => return None,
        };
        let amount = |count| key.quantity().amount(count);
        let limit = LimitView {
            name: key.limit.name(),
            model: model.cloned(),
            allowed: amount(allowed),
            remaining: remaining.map(amount),
        };
        Some(Self { limit: Some(limit), ..Self::of(scope, code, ends_at) })
    }
}

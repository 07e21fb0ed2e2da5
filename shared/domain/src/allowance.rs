//! The limits of an event: for each attendee, and in total.

use enum_map::EnumMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::amount::JsonAmount;
use crate::by_model::{ByModel, LimitKey, ModelKey, ModelLimits, OfModel};
use crate::ids::DeploymentName;
pub use crate::limit::Limit;
use crate::limit::Quantity;
use crate::named;
use crate::unit::Unit;

/// The limits of one account. `None` means no limit.
///
/// For a request it also has the limits on the request's model ([`Allowance::for_model`]).
///
/// The JSON form is an object of all limits by name but those on a model, money in dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    limits: EnumMap<Limit, Option<u64>>,
    of_model: Option<OfModel>,
}

impl Serialize for Allowance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Limit::ALL.iter().map(|limit| {
            let allowed = self.limits[*limit];
            (limit.name(), allowed.map(|allowed| limit.quantity().amount(allowed)))
        }))
    }
}

impl<'de> Deserialize<'de> for Allowance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let count = |limit: Limit, amount: Option<JsonAmount>| {
            amount.map(|amount| limit.quantity().count_of(amount))
        };
        let limits = named::read(deserializer, count)?;
        Ok(Self { limits, of_model: None })
    }
}

impl FromIterator<(Limit, u64)> for Allowance {
    fn from_iter<I: IntoIterator<Item = (Limit, u64)>>(limits: I) -> Self {
        limits.into_iter().fold(Self::default(), |all, (limit, value)| all.with(limit, Some(value)))
    }
}

impl<const N: usize> From<[(Limit, u64); N]> for Allowance {
    fn from(limits: [(Limit, u64); N]) -> Self {
        limits.into_iter().collect()
    }
}

impl Allowance {
    /// The value of a limit.
    #[must_use]
    pub fn limit(&self, limit: Limit) -> Option<u64> {
        self.limits[limit]
    }

    /// Sets a limit or lifts it.
    pub fn set(&mut self, limit: Limit, value: Option<u64>) {
        self.limits[limit] = value;
    }

    /// Replaces a limit by an attendee's own, or lifts it. A limit on a model is replaced only if it
    /// is among those on the request's model.
    pub(crate) fn replace(&mut self, key: LimitKey, own: Option<u64>) {
        match key.model {
            None => self.set(key.limit, own),
            Some(model) => {
                if let Some(of_model) = &mut self.of_model
                    && of_model.key() == model
                {
                    of_model.replace(key.limit, own);
                }
            }
        }
    }

    /// The same allowance with one limit set or lifted.
    #[must_use]
    pub fn with(mut self, limit: Limit, value: Option<u64>) -> Self {
        self.set(limit, value);
        self
    }

    /// The same allowance with the limits on the model of one request.
    #[must_use]
    pub fn for_model(mut self, of_model: Option<OfModel>) -> Self {
        self.of_model = of_model;
        self
    }

    /// The limits on each model alone, with the model's name.
    pub fn by_name(limits: &ModelLimits) -> impl Iterator<Item = (&DeploymentName, Self)> {
        let of = |name| (name, Self::default().for_model(limits.of(name)));
        limits.names().into_iter().map(of)
    }

    /// The same allowance without its limits on tokens per minute.
    #[must_use]
    pub fn without_token_rate(self) -> Self {
        let of_model = self.of_model.map(|of| of.without(Limit::TokensPerMinute));
        self.with(Limit::TokensPerMinute, None).for_model(of_model)
    }

    /// The value of a limit on all models or on one.
    #[must_use]
    pub fn get(&self, key: LimitKey) -> Option<u64> {
        match key.model {
            None => self.limits[key.limit],
            Some(model) => {
                self.of_model.filter(|of| of.key() == model).and_then(|of| of.limit(key.limit))
            }
        }
    }

    /// The limits that are set and their values: those on all models, then those on one.
    pub fn each(&self) -> impl Iterator<Item = (LimitKey, u64)> {
        let all = Limit::ALL
            .iter()
            .filter_map(|limit| Some((LimitKey::from(*limit), self.limits[*limit]?)));
        let of_model = self.of_model.iter().flat_map(|of| {
            let model = Some(of.key());
            of.iter().map(move |(limit, allowed)| (LimitKey { limit, model }, allowed))
        });
        all.chain(of_model)
    }

    /// Whether it limits money.
    #[must_use]
    pub fn limits_money(&self) -> bool {
        self.each().any(|(key, _)| key.quantity() == Quantity::Unit(Unit::Usd))
    }

    /// The part that one of several shards owns, computed for each limit. The remainder of the
    /// division goes to the first shards, so that the parts add up to the whole.
    #[must_use]
    pub fn part(&self, shard: u16, of: u16) -> Self {
        if of <= 1 {
            return *self;
        }
        let (shard, of) = (u64::from(shard), u64::from(of));
        let piece = |whole| whole / of + u64::from(shard < whole % of);
        Self {
            limits: self.limits.map(|_, whole| whole.map(piece)),
            of_model: self.of_model.map(|of| of.map(piece)),
        }
    }
}

/// The kind of an event, from which its default limits follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", schemars(inline))]
pub enum Preset {
    /// Chats and small applications.
    #[default]
    Workshop,
    /// Coding agents, whose requests are large and frequent.
    Agents,
    /// A short demonstration: small limits.
    Demo,
}

/// The default limits of one attendee.
struct Each {
    requests_per_minute: u64,
    /// At least so many. The fair share of the quota may be more.
    tokens_per_minute: u64,
    requests_per_day: u64,
    in_flight: u64,
    /// Half of this, times the attendees, is the event's total.
    tokens_total: u64,
    /// The part of the usual units.
    units_percent: u64,
}

impl Preset {
    /// Every preset and its name in the organisers' API.
    pub const ALL: [(&'static str, Self); 3] =
        [("workshop", Self::Workshop), ("agents", Self::Agents), ("demo", Self::Demo)];

    const fn each(self) -> Each {
        match self {
            Self::Workshop => Each {
                requests_per_minute: 20,
                tokens_per_minute: 40_000,
                requests_per_day: 1_000,
                in_flight: 8,
                tokens_total: 1_000_000,
                units_percent: 100,
            },
            Self::Agents => Each {
                requests_per_minute: 60,
                tokens_per_minute: 200_000,
                requests_per_day: 5_000,
                in_flight: 16,
                tokens_total: 5_000_000,
                units_percent: 100,
            },
            Self::Demo => Each {
                requests_per_minute: 10,
                tokens_per_minute: 10_000,
                requests_per_day: 100,
                in_flight: 2,
                tokens_total: 50_000,
                units_percent: 10,
            },
        }
    }

    /// The most completion tokens of one choice. `None` leaves it to the model.
    #[must_use]
    pub const fn max_completion_tokens(self) -> Option<u64> {
        match self {
            Self::Workshop => None,
            Self::Agents => Some(16_384),
            Self::Demo => Some(1_024),
        }
    }
}

/// The most requests in flight of an event whose concurrency is not known. An AWS account starts with
/// 1,000 environments, and other functions need some of them.
const MOST_IN_FLIGHT: u64 = 800;

/// The default limit of an attendee on a unit. It is enough for a weekend's project and costs a few
/// dollars at most. Money has none unless the event has a budget in dollars: the price of a model may
/// be unknown.
fn usual(unit: Unit) -> Option<u64> {
    match unit {
        Unit::Images => Some(50),
        Unit::AudioSeconds => Some(3_600),
        Unit::Characters => Some(100_000),
        Unit::VideoSeconds => Some(60),
        Unit::Usd => None,
    }
}

/// All limits of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowances {
    /// The limits of each attendee.
    pub attendee: Allowance,
    /// The limits of the event in total. Attendees' own limits are not enough, because user ids are
    /// self-declared.
    pub event: Allowance,
    /// How many attendees may join.
    pub attendees: Option<u64>,
    /// Limits on single models. Events of earlier versions have none.
    #[serde(default, skip_serializing_if = "ByModel::is_empty")]
    pub by_model: ByModel,
}

impl Allowances {
    /// The limits of each attendee for a request to a model.
    #[must_use]
    pub fn attendee_for(&self, model: Option<ModelKey>) -> Allowance {
        let of_model = model.and_then(|key| self.by_model.attendee.with_key(key));
        self.attendee.for_model(of_model)
    }

    /// The limits of the event for a request to a model.
    #[must_use]
    pub fn event_for(&self, model: Option<ModelKey>) -> Allowance {
        let of_model = model.and_then(|key| self.by_model.event.with_key(key));
        self.event.for_model(of_model)
    }

    /// Default limits from the kind of event, the expected number of attendees and the quota of the
    /// deployments for text.
    ///
    /// Attendees read and think between calls. So together they get four times the deployments'
    /// tokens per minute. Of tokens and of each unit, the event's limit is half of what all attendees
    /// together may use.
    #[must_use]
    pub fn for_attendees(preset: Preset, attendees: u64, capacity: Capacity) -> Self {
        let attendees = attendees.max(1);
        let each = preset.each();
        let share = capacity.tokens_per_minute.map(|tokens| tokens.saturating_mul(4) / attendees);
        let share = match preset {
            Preset::Workshop => share.unwrap_or_default(),
            Preset::Agents | Preset::Demo => 0,
        };
        let attendee_tokens = each.tokens_per_minute.max(share);
        let mut attendee = Allowance::from([
            (Limit::RequestsPerMinute, each.requests_per_minute),
            (Limit::TokensPerMinute, attendee_tokens),
            (Limit::RequestsPerDay, each.requests_per_day),
            (Limit::InFlight, each.in_flight),
        ]);
        let requests = attendees.saturating_mul(each.requests_per_minute);
        let in_flight = attendees.saturating_mul(4).clamp(each.in_flight, MOST_IN_FLIGHT);
        let mut event = Allowance::from([
            (Limit::RequestsPerMinute, capacity.requests_per_minute.unwrap_or(requests)),
            (Limit::TokensTotal, attendees.saturating_mul(each.tokens_total / 2)),
            (Limit::InFlight, in_flight),
        ])
        .with(Limit::TokensPerMinute, capacity.tokens_per_minute);
        for unit in Unit::ALL {
            let Some(usual) = usual(*unit) else { continue };
            let (limit, each) = (Limit::total_of(*unit), usual * each.units_percent / 100);
            let together = each.saturating_mul(attendees).div_ceil(2).max(each);
            attendee.set(limit, Some(each));
            event.set(limit, Some(together));
        }
        let attendees_at_most = Some(attendees.saturating_mul(3));
        let usual =
            Self { attendee, event, attendees: attendees_at_most, by_model: ByModel::default() };
        usual.with_shares(attendees, |_| true)
    }

    /// The default of an attendee's total: twice the fair share of the event's, and never more than
    /// all of it. `None` if the event has no such total.
    #[must_use]
    pub fn share(&self, limit: Limit, attendees: u64) -> Option<u64> {
        let share =
            |total: u64| (total.saturating_mul(2) / attendees.max(1)).clamp(1, total.max(1));
        self.event.limit(limit).map(share)
    }

    /// The same with the default of each attendee's total where it applies.
    #[must_use]
    pub fn with_shares(mut self, attendees: u64, applies: impl Fn(Limit) -> bool) -> Self {
        for limit in SHARED.into_iter().filter(|limit| applies(*limit)) {
            self.attendee.set(limit, self.share(limit, attendees));
        }
        self
    }

    /// Whether an attendee's total is its default, as far as its value says.
    #[must_use]
    pub fn has_share(&self, limit: Limit, attendees: u64) -> bool {
        self.attendee.limit(limit) == self.share(limit, attendees)
    }
}

/// The totals of an event of which each attendee gets a share by default.
pub const SHARED: [Limit; 2] = [Limit::TokensTotal, Limit::UsdTotal];

/// The quota of an event's deployments per minute. `None` where an organiser gave no figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// Requests per minute of all deployments together.
    pub requests_per_minute: Option<u64>,
    /// Tokens per minute of all deployments together.
    pub tokens_per_minute: Option<u64>,
}

#[cfg(test)]
mod tests;

//! Limits on one model, for each attendee and for the event.
//!
//! An account has room for [`MOST`] of them: its item must stay small, because a write costs a unit of
//! capacity for each kilobyte. So what they count has short names: a [`ModelKey`] for the model and a
//! letter for the limit. A request without such limits costs nothing more than before.

mod held;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use enum_map::EnumMap;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::held::{HeldModel, LimitSet};
use crate::amount::{Amount, JsonAmount};
use crate::ids::DeploymentName;
use crate::limit::{Limit, Quantity};
use crate::named;

/// The most limits by model of one account.
pub const MOST: usize = 4;

/// The name on offer of a model, in 24 bits. It does not depend on the case of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelKey(u32);

/// The signs of a key: six bits each.
const SIGNS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

impl ModelKey {
    /// The number of signs.
    pub const LENGTH: usize = 4;

    /// The key of a name.
    #[must_use]
    pub fn of(name: &DeploymentName) -> Self {
        // FNV-1a, with its upper bits folded in: <http://www.isthe.com/chongo/tech/comp/fnv/>.
        let hash = name.as_str().bytes().fold(0x811c_9dc5, |hash: u32, byte| {
            (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193)
        });
        Self((hash ^ (hash >> 24)) & 0x00ff_ffff)
    }
}

impl fmt::Display for ModelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        [18, 12, 6, 0].into_iter().try_for_each(|shift| {
            let sign = SIGNS[usize::try_from((self.0 >> shift) & 63).unwrap_or_default()];
            write!(f, "{}", char::from(sign))
        })
    }
}

/// A text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no key of a model")]
pub struct InvalidModelKey;

impl FromStr for ModelKey {
    type Err = InvalidModelKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != Self::LENGTH {
            return Err(InvalidModelKey);
        }
        let value = |sign: u8| SIGNS.iter().position(|known| *known == sign);
        text.bytes().try_fold(Self(0), |Self(key), sign| {
            let value = value(sign).and_then(|value| u32::try_from(value).ok());
            Ok(Self(key << 6 | value.ok_or(InvalidModelKey)?))
        })
    }
}

/// One limit of an account: on all models together, or on one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LimitKey {
    /// Which kind of limit.
    pub limit: Limit,
    /// The model. `None` for all of them.
    pub model: Option<ModelKey>,
}

impl From<Limit> for LimitKey {
    fn from(limit: Limit) -> Self {
        Self { limit, model: None }
    }
}

impl LimitKey {
    /// The quantity that the limit counts.
    #[must_use]
    pub const fn quantity(self) -> Quantity {
        self.limit.quantity()
    }

    /// Whether it is a limit per minute.
    #[must_use]
    pub const fn is_rate(self) -> bool {
        self.limit.rate().is_some()
    }
}

/// The limits of one account on the model of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfModel {
    key: ModelKey,
    limits: [Option<(Limit, u64)>; MOST],
}

impl OfModel {
    /// The model.
    #[must_use]
    pub fn key(&self) -> ModelKey {
        self.key
    }

    /// The value of a limit.
    #[must_use]
    pub fn limit(&self, limit: Limit) -> Option<u64> {
        self.iter().find(|(of, _)| *of == limit).map(|(_, allowed)| allowed)
    }

    /// The limits and their values, in the order of display.
    pub fn iter(&self) -> impl Iterator<Item = (Limit, u64)> {
        self.limits.iter().flatten().copied()
    }

    /// Gives a limit that there is another value, or lifts it.
    pub(crate) fn replace(&mut self, limit: Limit, value: Option<u64>) {
        for place in &mut self.limits {
            if place.is_some_and(|(of, _)| of == limit) {
                *place = value.map(|value| (limit, value));
            }
        }
    }

    /// The same limits without one.
    #[must_use]
    pub(crate) fn without(mut self, limit: Limit) -> Self {
        for place in &mut self.limits {
            place.take_if(|(of, _)| *of == limit);
        }
        self
    }

    /// The same limits with other values.
    #[must_use]
    pub(crate) fn map(mut self, value: impl Fn(u64) -> u64) -> Self {
        for (_, allowed) in self.limits.iter_mut().flatten() {
            *allowed = value(*allowed);
        }
        self
    }
}

/// One limit on one model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModelLimit {
    /// The name under which the event offers the model.
    pub name: DeploymentName,
    /// Which kind of limit.
    pub limit: Limit,
    /// Its value.
    pub allowed: u64,
}

/// The limits by model of one account, by name and then in the order of display.
///
/// The JSON form is an object of the models, each with an object of its limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelLimits(Vec<ModelLimit>);

impl FromIterator<ModelLimit> for ModelLimits {
    fn from_iter<I: IntoIterator<Item = ModelLimit>>(limits: I) -> Self {
        let mut limits: Vec<_> = limits.into_iter().collect();
        limits.sort();
        Self(limits)
    }
}

impl ModelLimits {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every limit.
    pub fn iter(&self) -> impl Iterator<Item = &ModelLimit> {
        self.0.iter()
    }

    /// The models that have limits, each once.
    #[must_use]
    pub fn names(&self) -> Vec<&DeploymentName> {
        let mut names: Vec<_> = self.0.iter().map(|one| &one.name).collect();
        names.dedup();
        names
    }

    /// The limits of the model with a name on offer.
    #[must_use]
    pub fn of(&self, name: &DeploymentName) -> Option<OfModel> {
        self.where_is(|one| one.name.eq_ignore_case(name.as_str()))
    }

    /// The limits of the model with a key.
    #[must_use]
    pub fn with_key(&self, key: ModelKey) -> Option<OfModel> {
        self.where_is(|one| ModelKey::of(&one.name) == key)
    }

    fn where_is(&self, is_meant: impl Fn(&ModelLimit) -> bool) -> Option<OfModel> {
        let mut meant = self.0.iter().filter(|one| is_meant(one)).peekable();
        let key = ModelKey::of(&meant.peek()?.name);
        let mut limits = [None; MOST];
        for (place, one) in limits.iter_mut().zip(meant) {
            *place = Some((one.limit, one.allowed));
        }
        Some(OfModel { key, limits })
    }
}

impl Serialize for ModelLimits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut models = serializer.serialize_map(None)?;
        for limits in self.0.chunk_by(|one, next| one.name == next.name) {
            let amount = |one: &ModelLimit| (one.limit.name(), amount(one));
            let limits_of: Vec<(&str, Amount)> = limits.iter().map(amount).collect();
            if let Some(first) = limits.first() {
                models.serialize_entry(&first.name, &Object(limits_of))?;
            }
        }
        models.end()
    }
}

fn amount(one: &ModelLimit) -> Amount {
    one.limit.quantity().amount(one.allowed)
}

/// A JSON object of the limits of one model.
struct Object(Vec<(&'static str, Amount)>);

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

impl<'de> Deserialize<'de> for ModelLimits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let models = BTreeMap::<DeploymentName, Values>::deserialize(deserializer)?;
        let limits = models.into_iter().flat_map(|(name, Values(values))| {
            let limit = move |(limit, allowed): (Limit, Option<u64>)| {
                Some(ModelLimit { name: name.clone(), limit, allowed: allowed? })
            };
            values.into_iter().filter_map(limit)
        });
        Ok(limits.collect())
    }
}

/// The values of the limits of one model.
struct Values(EnumMap<Limit, Option<u64>>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let count = |limit: Limit, amount: Option<JsonAmount>| {
            amount.map(|amount| limit.quantity().count_of(amount))
        };
        named::read(deserializer, count).map(Self)
    }
}

/// The limits by model of an event: of each attendee, and of all together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByModel {
    /// The limits of each attendee.
    #[serde(default, skip_serializing_if = "ModelLimits::is_empty")]
    pub attendee: ModelLimits,
    /// The limits of the event in total.
    #[serde(default, skip_serializing_if = "ModelLimits::is_empty")]
    pub event: ModelLimits,
}

impl ByModel {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.attendee.is_empty() && self.event.is_empty()
    }

    /// What a reservation for the model with this name on offer must remember. `None` if the model has
    /// no limit.
    #[must_use]
    pub fn held(&self, name: &DeploymentName) -> Option<HeldModel> {
        if self.is_empty() {
            return None;
        }
        let (attendee, event) = (self.attendee.of(name), self.event.of(name));
        let set = |of: Option<OfModel>| -> LimitSet {
            of.iter().flat_map(OfModel::iter).map(|(limit, _)| limit).collect()
        };
        let key = attendee.or(event)?.key();
        Some(HeldModel { key, attendee: set(attendee), event: set(event) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DeploymentName {
        text.parse().unwrap()
    }

    #[test]
    fn a_key_is_four_signs_that_do_not_change_and_not_depend_on_case() {
        assert_eq!(ModelKey::of(&name("gpt-5")).to_string(), "B65R");
        assert_eq!(ModelKey::of(&name("GPT-5")), ModelKey::of(&name("gpt-5")));
        for model in ["gpt-5", "gpt-5-mini", "claude-haiku-4-5", "o3", "a"] {
            let key = ModelKey::of(&name(model));
            assert_eq!(key.to_string().parse(), Ok(key), "{model}");
            assert_eq!(key.to_string().len(), ModelKey::LENGTH);
        }
        for text in ["", "abc", "abcde", "ab@d", "äbc"] {
            assert!(text.parse::<ModelKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn limits_are_stored_by_model_and_read_in_order() {
        let json = r#"{"gpt-5":{"requests_per_day":20,"usd_total":1.5},"o3":{"requests_total":3}}"#;
        let limits: ModelLimits = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&limits).unwrap(), json);
        let of = limits.of(&name("GPT-5")).unwrap();
        let expected = [(Limit::RequestsPerDay, 20), (Limit::UsdTotal, 1_500_000_000)];
        assert_eq!(of.iter().collect::<Vec<_>>(), expected);
        assert_eq!(limits.with_key(of.key()), Some(of));
        assert_eq!(limits.of(&name("gpt-5-mini")), None);
        assert_eq!(limits.names(), [&name("gpt-5"), &name("o3")]);
        let newer = r#"{"gpt-5":{"of_a_newer_release":20},"o3":{"requests_total":3}}"#;
        assert_eq!(serde_json::from_str::<ModelLimits>(newer).unwrap().iter().count(), 1);
        assert_eq!(serde_json::to_string(&ByModel::default()).unwrap(), "{}");
    }
}

//! What a reservation remembers of the limits on its model.

use std::fmt;
use std::str::FromStr;

use super::{InvalidModelKey, ModelKey};
use crate::limit::Limit;

/// Some kinds of limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitSet(u16);

impl LimitSet {
    fn bit(limit: Limit) -> u16 {
        1 << (limit as u16)
    }

    /// Whether a limit is among them.
    #[must_use]
    pub fn contains(self, limit: Limit) -> bool {
        self.0 & Self::bit(limit) != 0
    }

    /// The limits in the order of display.
    pub fn iter(self) -> impl Iterator<Item = Limit> {
        Limit::BY_MODEL.iter().copied().filter(move |limit| self.contains(*limit))
    }
}

impl FromIterator<Limit> for LimitSet {
    fn from_iter<I: IntoIterator<Item = Limit>>(limits: I) -> Self {
        Self(limits.into_iter().fold(0, |set, limit| set | Self::bit(limit)))
    }
}

/// The model of a reservation, and which of its limits count it at the two accounts.
///
/// It is written down at admission. So a settlement changes exactly the numbers that the admission
/// changed, whatever the organiser has changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldModel {
    /// The model.
    pub key: ModelKey,
    /// The limits of the attendee.
    pub attendee: LimitSet,
    /// The limits of the event.
    pub event: LimitSet,
}

/// The stored form: the key and the letters of the limits, `Ab3_rU/N`.
impl fmt::Display for HeldModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = |set: LimitSet| set.iter().map(Limit::letter).collect::<String>();
        write!(f, "{}{}/{}", self.key, letters(self.attendee), letters(self.event))
    }
}

impl FromStr for HeldModel {
    type Err = InvalidModelKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, limits) = text.split_at_checked(ModelKey::LENGTH).ok_or(InvalidModelKey)?;
        let (attendee, event) = limits.split_once('/').ok_or(InvalidModelKey)?;
        // A limit of a newer release is left out.
        let set = |letters: &str| letters.chars().filter_map(Limit::of_letter).collect();
        Ok(Self { key: key.parse()?, attendee: set(attendee), event: set(event) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::by_model::{ByModel, ModelLimits};
    use crate::ids::DeploymentName;

    fn name(text: &str) -> DeploymentName {
        text.parse().unwrap()
    }

    #[test]
    fn a_reservation_remembers_which_limits_count_it() {
        let read = |json| serde_json::from_str::<ModelLimits>(json).unwrap();
        let by_model = ByModel {
            attendee: read(r#"{"gpt-5":{"requests_per_day":20,"in_flight":1}}"#),
            event: read(r#"{"gpt-5":{"usd_total":3},"o3":{"tokens_total":9}}"#),
        };
        let held = by_model.held(&name("gpt-5")).unwrap();
        assert_eq!(held.to_string(), format!("{}RF/U", held.key));
        assert_eq!(held.to_string().parse(), Ok(held));
        assert_eq!(by_model.held(&name("o3")).unwrap().to_string()[4..], *"/B");
        assert_eq!(by_model.held(&name("gpt-4o")), None);
        assert_eq!(ByModel::default().held(&name("gpt-5")), None);
        assert!("RF/U".parse::<HeldModel>().is_err());
    }
}

//! The position of an item among an event's others, for a cursor.

use std::fmt;
use std::str::FromStr;

/// The place of a change or of a rating: the instant and the id of which its sort key is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(String);

impl Place {
    /// The place that a stored sort key names.
    #[must_use]
    pub fn of_sort_key(text: String) -> Self {
        Self(text)
    }
}

/// The text is not a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no place among what is listed")]
pub struct InvalidPlace;

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_place = (1..=128).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-:.#_".contains(&b));
        is_place.then(|| Self(text.to_owned())).ok_or(InvalidPlace)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

//! The model that a response names as its author.

use super::{ModelFacts, ModelPrices, beginnings, named, without_version};

/// A model of the table, as a response names the model that wrote it.
#[derive(Clone, Copy)]
pub struct KnownModel {
    name: &'static str,
    facts: &'static ModelFacts,
}

impl KnownModel {
    /// The model with a name in any case, with a provider before it or a version behind it. `None` for
    /// a model router, which writes nothing itself.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let name = name.rsplit('/').next()?;
        let (exact, undated) = (named(name), without_version(name).and_then(named));
        let (_, facts) = exact.or(undated)?;
        let (name, of_undated) = undated.or(exact)?;
        // A version without a price of its own has that of the model.
        let facts = if facts.prices.is_unknown() { of_undated } else { facts };
        (!facts.is_router()).then_some(Self { name, facts })
    }

    /// The model that a deployment with this name serves, by the rules of [`ModelFacts::of`].
    pub(crate) fn deployed_as(name: &str) -> Option<Self> {
        beginnings(name).find_map(Self::of)
    }

    /// The names of the table that a text may mean: the same letters and digits, or at most two of
    /// them different. The nearest come first, at most three.
    #[must_use]
    pub fn near(text: &str) -> Vec<&'static str> {
        let wanted = plain(text);
        let far = |name: &str| distance(&plain(name), &wanted);
        let near = super::MODELS.iter().map(|(name, _)| (far(name), *name));
        let mut near: Vec<_> = near.filter(|(far, _)| *far <= MOST_DIFFERENT).collect();
        near.sort_unstable();
        near.truncate(3);
        near.into_iter().map(|(_, name)| name).collect()
    }

    /// Its name without a version.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Whether it reasons before it responds.
    #[must_use]
    pub fn reasons(self) -> bool {
        self.facts.reasons
    }

    /// Its prices.
    #[must_use]
    pub fn prices(self) -> &'static ModelPrices {
        &self.facts.prices
    }
}

/// How many letters of a near name differ.
const MOST_DIFFERENT: usize = 2;

/// The letters and digits of a name.
fn plain(name: &str) -> Vec<u8> {
    name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase()).collect()
}

/// The Levenshtein distance: how many letters are to be added, removed or replaced.
fn distance(one: &[u8], other: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, byte) in one.iter().enumerate() {
        let mut diagonal = at;
        row[0] = at + 1;
        for (column, wanted) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(byte != wanted);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

impl PartialEq for KnownModel {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for KnownModel {}

impl std::fmt::Debug for KnownModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("KnownModel").field(&self.name).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_near_its_model() {
        assert_eq!(KnownModel::near("gpt5mini")[0], "gpt-5-mini");
        assert_eq!(KnownModel::near("GPT-4.o-mni")[0], "gpt-4o-mini");
        assert!(KnownModel::near("gpt-4").len() <= 3);
        assert_eq!(KnownModel::near("prod-smart"), Vec::<&str>::new());
    }

    #[test]
    fn the_model_of_a_response_is_known_in_each_version() {
        let name = |text| KnownModel::of(text).map(KnownModel::name);
        for text in ["gpt-5-mini", "GPT-5-mini-2025-08-07", "azure/gpt-5-mini", "gpt-5-mini-latest"]
        {
            assert_eq!(name(text), Some("gpt-5-mini"), "{text}");
        }
        assert_eq!(name("claude-sonnet-4-5-20250929"), Some("claude-sonnet-4-5"));
        // A version of the table is one of its model.
        assert!(named("o3-mini-2025-01-31").is_some());
        assert_eq!(name("o3-mini-2025-01-31"), Some("o3-mini"));
        for text in
            ["", "gpt-5-mini-of-tomorrow", "prod-smart", "model-router", "model-router-2025-11-18"]
        {
            assert_eq!(name(text), None, "{text}");
        }
    }
}

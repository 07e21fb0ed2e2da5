//! Encrypted reasoning that a client sends back. Only the resource that has written it can read it.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::value::RawValue;

use crate::json;

/// Encrypted reasoning that is left out, because no resource can read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut<'a> {
    /// All of it.
    All,
    /// What has these fingerprints.
    Of(&'a [u64]),
}

impl LeftOut<'_> {
    /// Nothing.
    pub const NONE: Self = Self::Of(&[]);

    /// Whether reasoning with this encrypted content, if it has any, is left out.
    pub(crate) fn has(self, encrypted: Option<&RawValue>) -> bool {
        match self {
            Self::All => true,
            Self::Of([]) => false,
            Self::Of(known) => {
                encrypted.is_some_and(|encrypted| known.contains(&fingerprint(encrypted)))
            }
        }
    }
}

/// What tells encrypted reasoning apart from other, within this process.
fn fingerprint(encrypted: &RawValue) -> u64 {
    let mut hasher = DefaultHasher::new();
    encrypted.get().hash(&mut hasher);
    hasher.finish()
}

/// The fingerprints of the encrypted reasoning in an input.
pub(crate) fn fingerprints(input: &str) -> Vec<u64> {
    let items = serde_json::from_str::<Vec<&RawValue>>(input).unwrap_or_default();
    let fingerprint_of = |item: &&RawValue| {
        let fields = json::object(item.get().as_bytes()).ok()?;
        let value = |wanted: &str| fields.iter().find(|(name, _)| name == wanted);
        let is_reasoning = value("type").is_some_and(|(_, kind)| kind.get() == "\"reasoning\"");
        let (_, encrypted) = value("encrypted_content").filter(|_| is_reasoning)?;
        Some(fingerprint(encrypted))
    };
    items.iter().filter_map(fingerprint_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_piece_of_encrypted_reasoning_has_a_fingerprint_of_its_own() {
        let two = r#"[{"type":"reasoning","encrypted_content":"g"},{"type":"message"},
            {"type":"reasoning","encrypted_content":"h"},{"type":"reasoning"}]"#;
        let [first, second] = fingerprints(two)[..] else { panic!("two are encrypted") };
        assert_ne!(first, second);
        let encrypted: Box<RawValue> = serde_json::from_str("\"g\"").unwrap();
        for (left_out, expected) in [
            (LeftOut::All, true),
            (LeftOut::NONE, false),
            (LeftOut::Of(&[first]), true),
            (LeftOut::Of(&[second]), false),
        ] {
            assert_eq!(left_out.has(Some(&encrypted)), expected, "{left_out:?}");
        }
        assert!(!LeftOut::Of(&[first]).has(None));
        let none = r#"[{"type":"compaction","encrypted_content":"g"},"x"]"#;
        assert_eq!((fingerprints(none), fingerprints("\"x\"")), (vec![], vec![]));
    }
}

//! What every type has that holds one text and prints it.

/// Gives a type around an `Arc<str>`, whose form its `FromStr` checks, what goes with that: the text
/// itself, the conversions by which serde reads and writes it, and `Display`. Not for secrets.
///
/// The text is shared because one request names its event, its user and itself some thirty times: a
/// copy of the name is no copy of its text.
macro_rules! holds_text {
    ($(#[$doc:meta])* $name:ident, $invalid:ty) => {
        impl $name {
            $(#[$doc])*
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $invalid;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.as_str().to_owned()
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

pub(crate) use holds_text;

//! What every type has that holds one text and prints it.

/// Gives a type around a `String`, whose form its `FromStr` checks, what goes with that: the text
/// itself, the conversions by which serde reads and writes it, and `Display`. Not for secrets.
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
                value.0
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

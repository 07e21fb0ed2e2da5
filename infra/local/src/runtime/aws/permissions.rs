//! Who may do what.

use super::call::Call;

/// What decides. It permits everything: the functions' policies are checked where they are read.
#[derive(Clone, Debug, Default)]
pub enum Permissions {
    /// Every function may do everything.
    #[default]
    Everything,
}

/// A call that its function may not make.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{function} is not authorized to perform: {action} because no identity-based policy allows the {action} action"
)]
pub struct AccessDenied {
    /// The function.
    pub function: String,
    /// Such as `dynamodb:UpdateItem`.
    pub action: String,
}

impl Permissions {
    /// Whether a function may do what a call does.
    ///
    /// # Errors
    ///
    /// [`AccessDenied`] if it may not.
    pub fn permit(&self, _function: &str, _call: &Call) -> Result<(), AccessDenied> {
        match self {
            Self::Everything => Ok(()),
        }
    }
}

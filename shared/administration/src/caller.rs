//! Who calls, and for which organiser.

use lanyard_domain::ids::OrganiserId;
use lanyard_gateway::{Request, parse};

use crate::audit::Actor;
use crate::error::AdminError;
use crate::organiser_token::OrganiserToken;
use crate::ports::AdministrationStore;

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Somebody with an organiser's token.
    Token(OrganiserId),
    /// Somebody who may invoke the function itself, and so may make organisers.
    Operator {
        /// For whom they act.
        acting_as: OrganiserId,
    },
}

impl Caller {
    /// The caller whom a request's token names.
    ///
    /// # Errors
    ///
    /// 401 for every token that is missing, malformed or unknown, or 503.
    pub(crate) async fn of(
        store: &dyn AdministrationStore,
        request: &Request,
    ) -> Result<Self, AdminError> {
        let token = parse::bearer(request).and_then(OrganiserToken::read);
        let token = token.ok_or(AdminError::InvalidOrganiserToken)?;
        let organiser = store.organiser_of(&token).await?;
        organiser.map(Self::Token).ok_or(AdminError::InvalidOrganiserToken)
    }

    /// Whose events and deployments are meant.
    #[must_use]
    pub fn organiser(&self) -> &OrganiserId {
        match self {
            Self::Token(organiser) | Self::Operator { acting_as: organiser } => organiser,
        }
    }

    /// The caller as the audit names them.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::Token(_) => Actor::Organiser,
            Self::Operator { .. } => Actor::Operator,
        }
    }
}

//! The caller, and the organiser whose data is meant.

use lanyard_domain::ids::OrganiserId;
use lanyard_gateway::{Request, parse};

use crate::audit::Actor;
use crate::error::AdminError;
use crate::organiser_token::OrganiserToken;
use crate::ports::AdministrationStore;
use crate::records::OrganiserTokenRecord;

/// The caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Somebody with an organiser's token.
    Token(OrganiserId, OrganiserTokenRecord),
    /// A caller that may invoke the function itself, and so may create organisers.
    Operator {
        /// For whom they act.
        acting_as: OrganiserId,
    },
}

impl Caller {
    /// The caller of a request, by its token.
    ///
    /// # Errors
    ///
    /// 401 for every token that is missing, malformed, unknown, revoked or expired, or 503.
    pub(crate) async fn of(
        store: &dyn AdministrationStore,
        request: &Request,
    ) -> Result<Self, AdminError> {
        let token = parse::bearer(request).and_then(OrganiserToken::read);
        let token = token.ok_or(AdminError::InvalidOrganiserToken)?;
        match store.organiser_of(&token).await? {
            Some((organiser, record)) if record.is_valid(request.now) => {
                Ok(Self::Token(organiser, record))
            }
            Some(_) | None => Err(AdminError::InvalidOrganiserToken),
        }
    }

    /// The organiser whose events and deployments are meant.
    #[must_use]
    pub fn organiser(&self) -> &OrganiserId {
        match self {
            Self::Token(organiser, _) | Self::Operator { acting_as: organiser } => organiser,
        }
    }

    /// The caller as the audit names them.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::Token(..) => Actor::Organiser,
            Self::Operator { .. } => Actor::Operator,
        }
    }
}

//! Which path means what.

use lanyard_domain::ids::{EventId, TokenId};
use lanyard_domain::token::UserId;

use crate::error::AdminError;
use crate::page::percent_decoded;

/// The resource of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    Organisers,
    /// The tokens of the calling organiser.
    OrganiserTokens,
    OrganiserToken(TokenId),
    /// Changes of the calling organiser's deployments and tokens.
    OrganiserAudit,
    Events,
    Event(EventId),
    Step(EventId, Step),
    RotateCode(EventId),
    Reset(EventId),
    Attendees(EventId),
    Attendee(EventId, UserId),
    Usage(EventId),
    Audit(EventId),
    Tokens(EventId),
    Token(EventId, TokenId),
    Roster(EventId),
    Listed(EventId, UserId),
    Registration(EventId, UserId),
    Ratings(EventId),
    OwnDeployments(EventId),
    /// By a name that has not been checked.
    OwnDeployment(EventId, String),
    Deployments,
    /// By a name that has not been checked.
    Deployment(String),
}

/// A change of an event's phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Pause,
    Resume,
    End,
}

impl Resource {
    /// Reads a path below `/api/admin`, without slashes at its ends.
    ///
    /// # Errors
    ///
    /// 404 for a path that leads nowhere and for a name that cannot be.
    pub(crate) fn at(path: &str) -> Result<Self, AdminError> {
        let (head, rest) = path.split_once('/').unwrap_or((path, ""));
        match (head, rest) {
            ("organisers", "") => Ok(Self::Organisers),
            ("tokens", "") => Ok(Self::OrganiserTokens),
            ("tokens", id) => {
                let id = id.parse().map_err(|_| AdminError::NotFound { what: "token" })?;
                Ok(Self::OrganiserToken(id))
            }
            ("audit", "") => Ok(Self::OrganiserAudit),
            ("events", "") => Ok(Self::Events),
            ("events", rest) => Self::of_event(rest),
            ("deployments", "") => Ok(Self::Deployments),
            ("deployments", name) if !name.contains('/') => {
                percent_decoded(name).map(Self::Deployment).ok_or(AdminError::UnknownRoute)
            }
            _ => Err(AdminError::UnknownRoute),
        }
    }

    fn of_event(path: &str) -> Result<Self, AdminError> {
        let (id, rest) = path.split_once('/').unwrap_or((path, ""));
        let id = id.parse().map_err(|_| AdminError::NotFound { what: "event" })?;
        match rest {
            "" => Ok(Self::Event(id)),
            "pause" => Ok(Self::Step(id, Step::Pause)),
            "resume" => Ok(Self::Step(id, Step::Resume)),
            "end" => Ok(Self::Step(id, Step::End)),
            "rotate-code" => Ok(Self::RotateCode(id)),
            "reset" => Ok(Self::Reset(id)),
            "attendees" => Ok(Self::Attendees(id)),
            "usage" => Ok(Self::Usage(id)),
            "audit" => Ok(Self::Audit(id)),
            "tokens" => Ok(Self::Tokens(id)),
            "roster" => Ok(Self::Roster(id)),
            "ratings" => Ok(Self::Ratings(id)),
            "own-deployments" => Ok(Self::OwnDeployments(id)),
            rest => Self::of_part(id, rest),
        }
    }

    /// A path below an event that ends in a name.
    fn of_part(id: EventId, path: &str) -> Result<Self, AdminError> {
        let (part, name) = path.split_once('/').ok_or(AdminError::UnknownRoute)?;
        let user = |what| {
            // A name may hold slashes, and a front door may have decoded it already: then what
            // looks badly encoded is the name itself.
            let user = percent_decoded(name).unwrap_or_else(|| name.to_owned());
            user.parse().map_err(|_| AdminError::NotFound { what })
        };
        match part {
            "attendees" => Ok(Self::Attendee(id, user("attendee")?)),
            "roster" => Ok(Self::Listed(id, user("user on the roster")?)),
            "registrations" => Ok(Self::Registration(id, user("registration")?)),
            "tokens" => {
                let token = name.parse().map_err(|_| AdminError::NotFound { what: "token" })?;
                Ok(Self::Token(id, token))
            }
            "own-deployments" if !name.contains('/') => {
                let name = percent_decoded(name).ok_or(AdminError::UnknownRoute)?;
                Ok(Self::OwnDeployment(id, name))
            }
            _ => Err(AdminError::UnknownRoute),
        }
    }

    /// The methods that the path takes.
    pub(crate) fn allow(&self) -> &'static str {
        match self {
            Self::Events | Self::OrganiserTokens => "GET, POST",
            Self::Event(_) => "GET, PATCH, DELETE",
            Self::Attendee(..) => "GET, PATCH, DELETE",
            Self::Deployment(_) | Self::OwnDeployment(..) => "PUT, DELETE",
            Self::Tokens(_) => "GET, POST, DELETE",
            Self::OrganiserToken(_)
            | Self::Token(..)
            | Self::Listed(..)
            | Self::Registration(..) => "DELETE",
            Self::Roster(_) => "GET, PUT",
            Self::Organisers | Self::Step(..) | Self::RotateCode(_) | Self::Reset(_) => "POST",
            Self::OrganiserAudit
            | Self::Attendees(_)
            | Self::Usage(_)
            | Self::Audit(_)
            | Self::Ratings(_)
            | Self::OwnDeployments(_)
            | Self::Deployments => "GET",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attendees_may_have_any_name() {
        let attendee = |path: &str| match Resource::at(path) {
            Ok(Resource::Attendee(_, user)) => user.as_str().to_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!(attendee("events/e1/attendees/Ada"), "ada");
        assert_eq!(attendee("events/e1/attendees/team%2Fada%20l"), "team/ada l");
        assert_eq!(attendee("events/e1/attendees/team/ada"), "team/ada");
        assert_eq!(attendee("events/e1/attendees/%2e%2e"), "..");
        assert_eq!(attendee("events/e1/attendees/100%"), "100%");
    }

    #[test]
    fn other_paths_lead_nowhere() {
        for path in [
            "",
            "event",
            "events//pause",
            "events/e1/explode",
            "events/e1/pause/x",
            "events/e1/attendees/",
            "events/e1/attendees/%ff",
            "events/a%2Fb",
            "deployments/a/b",
            "organisers/main",
        ] {
            let is_nowhere = match Resource::at(path) {
                Err(_) => true,
                // Not UTF-8, so not encoded correctly: a name with a percent sign.
                Ok(Resource::Attendee(_, user)) => user.as_str() == "%ff",
                Ok(_) => false,
            };
            assert!(is_nowhere, "{path}");
        }
    }
}

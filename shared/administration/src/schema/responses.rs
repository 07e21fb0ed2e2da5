//! The schemas of responses to organisers, and to attendees about their own deployments.

use schemars::{Schema, SchemaGenerator};

use crate::DeletedUser;
use crate::attendees::{AttendeeDetails, AttendeePage, AttendeeView, FreedSeatView};
use crate::deployments::{DeletedDeployment, DeploymentPage, DeploymentView};
use crate::error::Envelope;
use crate::events::{AuditPage, DeletedEvent, EventPage, EventView};
use crate::organisers::{OrganiserTokenPage, OrganiserTokenView};
use crate::own::AttendeesDeployments;
use crate::own::attendee::{OwnDeployment, OwnDeploymentList};
use crate::ratings::RatingPage;
use crate::reset::ResetEvent;
use crate::roster::{RosterChange, RosterPage};
use crate::tokens::{AllRevoked, TokenPage, TokenView};
use crate::usage::UsageReport;

macro_rules! responses {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {
        $(
            $(#[$doc])*
            pub fn $name(schemas: &mut SchemaGenerator) -> Schema {
                schemas.subschema_for::<$type>()
            }
        )*
    };
}

responses! {
    /// An error.
    error: Envelope<'_>;
    /// An event.
    event: EventView<'_>;
    /// A page of events.
    events: EventPage<'_>;
    /// An event that is gone.
    deleted_event: DeletedEvent<'_>;
    /// What a reset deleted.
    reset_event: ResetEvent<'_>;
    /// A page of the audit log.
    audit: AuditPage;
    /// An attendee.
    attendee: AttendeeView<'_>;
    /// An attendee with the rejected requests.
    attendee_details: AttendeeDetails<'_>;
    /// A page of attendees.
    attendees: AttendeePage<'_>;
    /// What was removed of an attendee who has used nothing.
    freed_seat: FreedSeatView<'_>;
    /// The usage of an event.
    usage: UsageReport;
    /// A page of ratings.
    ratings: RatingPage<'_>;
    /// A signed token.
    token: TokenView<'_>;
    /// A page of signed tokens.
    tokens: TokenPage<'_>;
    /// That every token is revoked.
    all_revoked: AllRevoked<'_>;
    /// A token of an organiser.
    organiser_token: OrganiserTokenView<'_>;
    /// A page of an organiser's tokens.
    organiser_tokens: OrganiserTokenPage<'_>;
    /// A page of the roster.
    roster: RosterPage;
    /// The result of writing a roster.
    roster_change: RosterChange;
    /// A user who is gone.
    deleted_user: DeletedUser<'_>;
    /// A deployment.
    deployment: DeploymentView<'_>;
    /// A page of deployments.
    deployments: DeploymentPage<'_>;
    /// A deployment that is gone.
    deleted_deployment: DeletedDeployment;
    /// The deployments of one attendee, as the organiser sees them.
    attendees_deployments: AttendeesDeployments<'_>;
    /// A deployment of the attendee's own.
    own_deployment: OwnDeployment<'_>;
    /// Deployments of the attendee's own.
    own_deployments: OwnDeploymentList<'_>;
}

//! Deployments that one attendee alone uses: bound by the organiser here, and by attendees in a
//! function of their own, which reads bodies and endpoints by this same code.

pub mod attendee;

use http::StatusCode;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::credential::Credential;
use lanyard_domain::event::{Event, OwnDeployments};
use lanyard_domain::ids::{DeploymentName, EventId, Replica};
use lanyard_domain::token::UserId;
use lanyard_gateway::error::{BadRequestCode, Missing};
use lanyard_gateway::ports::Cause;
use lanyard_gateway::upstream::UserHashes;
use lanyard_gateway::{ApiError, Request, Response};
use serde::Serialize;
use serde_json::Value;

use crate::audit::Action;
use crate::deployments::{self, DeletedDeployment, DeploymentView, Terms};
use crate::error::AdminError;
use crate::events::owned;
use crate::form::Mistakes;
use crate::page::Query;
use crate::ports::{KeyStore, OwnDeploymentStore};
use crate::{Call, body, reply};

/// The most deployments of one attendee.
const MOST: usize = 20;

/// Where an attendee's own deployments and their keys are.
pub(crate) struct OwnPlace<'p> {
    /// The event.
    pub(crate) event: &'p Event,
    /// The attendee.
    pub(crate) user: &'p UserId,
    /// Where deployments are stored.
    pub(crate) store: &'p dyn OwnDeploymentStore,
    /// Where their keys are kept.
    pub(crate) keys: &'p dyn KeyStore,
    /// Whether a deployment may be on this machine.
    pub(crate) allow_loopback: bool,
}

impl OwnPlace<'_> {
    /// Adds the deployment that a body describes, and returns whether it is new.
    ///
    /// It is called only with a key. With an identity, which is not a secret, an attendee could
    /// call the event's own resource, and the tokens would not be counted.
    ///
    /// # Errors
    ///
    /// 400 with every mistake, or the table or the key store is unavailable.
    pub(crate) async fn put(
        &self,
        name: &str,
        request: &Request,
    ) -> Result<(bool, Deployment), AdminError> {
        let body = body::object(request)?;
        let before = self.all().await?;
        let replica = deployments::replica(body.get("replica").and_then(Value::as_str)).ok();
        let earlier =
            before.iter().find(|d| d.name.as_str() == name && Some(&d.replica) == replica.as_ref());
        deployments::expect_distinct(name, &before)?;
        let is_new = earlier.is_none();
        if is_new && before.len() >= MOST {
            return Err(AdminError::field(
                "name",
                format!("is one too many: an attendee has at most {MOST}"),
            ));
        }
        let terms = Terms { before: earlier, allow_loopback: self.allow_loopback };
        let mut described = deployments::described(name, &body, &self.event.organiser, terms)?;
        let deployment = &mut described.deployment;
        if let Credential::Identity(_) = deployment.credential {
            return Err(AdminError::field(
                "identity",
                "is for the event's deployments: give a \"key\" here",
            ));
        }
        let reference = own_reference(self.event, self.user, &deployment.name, &deployment.replica);
        if let Some(key) = &described.key {
            let written = self.keys.write(&reference, key).await;
            written.map_err(AdminError::StoreUnavailable)?;
        }
        deployment.credential = Credential::Key(reference);
        let written = self.store.put_own_deployment(&self.event.id, self.user, deployment).await;
        written.map_err(AdminError::StoreUnavailable)?;
        Ok((is_new, described.deployment))
    }

    /// Removes a deployment and its key.
    ///
    /// # Errors
    ///
    /// 404 if there is none, 400 for an odd query, or the table or the key store is unavailable.
    pub(crate) async fn delete(
        &self,
        name: &str,
        query: Option<&str>,
    ) -> Result<DeletedDeployment, AdminError> {
        let mistakes = Mistakes::default();
        let query = Query::read(query, &["replica", "user", "api-version"], &mistakes);
        let replica = deployments::replica(query.get("replica"));
        let replica = replica.map_err(|fault| mistakes.add("replica", fault)).ok();
        let replica = mistakes.unless_any(replica)?;
        let missing = || AdminError::NotFound { what: "deployment" };
        let name = name.parse().map_err(|_| missing())?;
        let (event, user) = (&self.event.id, self.user);
        let found = self.store.own_deployment(event, user, &name, &replica).await;
        found.map_err(AdminError::StoreUnavailable)?.ok_or_else(missing)?;
        let deleted = self.store.delete_own_deployment(event, user, &name, &replica).await;
        deleted.map_err(AdminError::StoreUnavailable)?;
        let reference = own_reference(self.event, user, &name, &replica);
        self.keys.remove(&reference).await.map_err(AdminError::StoreUnavailable)?;
        Ok(DeletedDeployment { name, replica, deleted: true, warnings: Vec::new() })
    }

    /// Every deployment of the attendee's.
    ///
    /// # Errors
    ///
    /// If the table is unavailable or an item is malformed.
    async fn all(&self) -> Result<Vec<Deployment>, AdminError> {
        let found = self.store.own_deployments(&self.event.id, self.user).await;
        found.map_err(AdminError::StoreUnavailable)
    }
}

/// The path of the key of an attendee's own deployment: apart from organisers' keys, whose
/// references begin with the organiser's id, which holds a letter or a digit.
fn own_reference(event: &Event, user: &UserId, name: &DeploymentName, replica: &Replica) -> String {
    let user = UserHashes::of(event).hash(user);
    format!("_/{}/{user}/{name}/{replica}", event.id)
}

impl AdminError {
    /// The same refusal, as an error of attendees.
    pub(crate) fn for_attendee(self, unavailable: impl FnOnce(Cause) -> ApiError) -> ApiError {
        let text = self.to_string();
        match self {
            Self::Invalid(mistakes) => {
                let field = mistakes.first().map(|mistake| mistake.field.clone());
                let all: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
                let code = match mistakes.iter().all(|mistake| mistake.is_unknown) {
                    true => BadRequestCode::UnknownParameter,
                    false => BadRequestCode::InvalidValue,
                };
                ApiError::bad(code, field.as_deref(), format!("{}.", all.join("; ")))
            }
            Self::InvalidJson(message) => ApiError::bad(BadRequestCode::InvalidJson, None, message),
            Self::NotFound { .. } => ApiError::NotFound(Missing::Deployment),
            Self::UnsupportedMediaType => ApiError::UnsupportedMediaType {
                hint: "The body must not be compressed. Send it without content-encoding.",
            },
            Self::RequestTooLarge { limit } => ApiError::RequestTooLarge { limit },
            Self::StoreUnavailable(cause) => unavailable(cause),
            Self::InvalidOrganiserToken
            | Self::UnknownRoute
            | Self::MethodNotAllowed { .. }
            | Self::CodeTaken
            | Self::EventInUse
            | Self::EventHasObjects
            | Self::RequestsInProgress
            | Self::DeploymentInUse { .. }
            | Self::DeploymentHasObjects { .. }
            | Self::Busy => ApiError::Internal(Some(text.into())),
            Self::Internal(cause) => ApiError::Internal(cause),
        }
    }
}

/// The attendee whom the query names.
fn user(call: Call<'_>) -> Result<UserId, AdminError> {
    call.query(&["user", "replica"], |query, mistakes| {
        let user = query.get("user").and_then(|text| text.parse().ok());
        if user.is_none() {
            mistakes.add("user", "is required: whose deployments are meant");
        }
        user
    })
}

/// The deployments of one attendee.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct AttendeesDeployments<'a> {
    user: &'a UserId,
    deployments: Vec<DeploymentView<'a>>,
}

/// `GET /events/{id}/own-deployments?user=`
pub(crate) async fn list(call: Call<'_>, id: &EventId) -> Result<Response, AdminError> {
    let user = user(call)?;
    let event = owned(call, id).await?;
    let all = place(call, &event, &user).all().await?;
    let deployments = all.iter().map(DeploymentView::of).collect();
    reply(StatusCode::OK, &AttendeesDeployments { user: &user, deployments })
}

/// `PUT /events/{id}/own-deployments/{name}?user=`
pub(crate) async fn put(call: Call<'_>, id: &EventId, name: &str) -> Result<Response, AdminError> {
    let user = user(call)?;
    let event = owned(call, id).await?;
    if event.own_deployments == OwnDeployments::None {
        return Err(AdminError::field(
            "own_deployments",
            "is \"none\" at this event, so nobody would use this one: PATCH it first",
        ));
    }
    let (is_new, deployment) = place(call, &event, &user).put(name, call.request).await?;
    note(call, id, &user).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    reply(status, &DeploymentView::of(&deployment).with_facts(&deployment, call.now()))
}

/// `DELETE /events/{id}/own-deployments/{name}?user=&replica=`
pub(crate) async fn delete(
    call: Call<'_>,
    id: &EventId,
    name: &str,
) -> Result<Response, AdminError> {
    let user = user(call)?;
    let event = owned(call, id).await?;
    let query = call.request.http.uri().query();
    let view = place(call, &event, &user).delete(name, query).await?;
    note(call, id, &user).await?;
    reply(StatusCode::OK, &view)
}

fn place<'p>(call: Call<'p>, event: &'p Event, user: &'p UserId) -> OwnPlace<'p> {
    OwnPlace {
        event,
        user,
        store: call.admin.store.as_ref(),
        keys: call.admin.keys.as_ref(),
        allow_loopback: call.admin.allow_loopback,
    }
}

async fn note(call: Call<'_>, id: &EventId, user: &UserId) -> Result<(), AdminError> {
    call.audit_attendee(id, user, Action::ChangeOwnDeployments, Vec::new()).await
}

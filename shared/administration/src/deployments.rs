//! An organiser's deployments. A key comes in and never goes out; an identity is not a secret.

mod credential;
mod draft;
mod endpoint;
mod objects;
mod removal;
#[cfg(test)]
mod tests;
mod view;

use std::fmt;
use std::str::FromStr;

use http::StatusCode;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::credential::Credential;
use lanyard_domain::ids::{DeploymentName, Replica};
use lanyard_gateway::Response;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::audit::{Action, AuditEntry, AuditLog, FieldChange};
use crate::error::AdminError;
use crate::page::cursor;
use crate::{Call, body, changes, reply};

pub(crate) use draft::{Described, Terms, described, expect_distinct, replica};

use draft::key_reference;
pub use endpoint::is_azures;
use removal::Removal;
pub(crate) use view::DeploymentView;

/// A page of deployments, by name and replica.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct DeploymentPage<'a> {
    deployments: Vec<DeploymentView<'a>>,
    /// The cursor of the next page.
    next: Option<String>,
}

/// A deployment that is gone.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct DeletedDeployment {
    pub(crate) name: DeploymentName,
    pub(crate) replica: Replica,
    /// Always `true`.
    pub(crate) deleted: bool,
    /// Events that have no default model any more for an operation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub(crate) warnings: Vec<String>,
}

/// `GET /deployments`
pub(crate) async fn list(call: Call<'_>) -> Result<Response, AdminError> {
    let page = call.page::<Place>()?;
    let mut deployments = call.admin.store.deployments(call.organiser()).await?;
    deployments.retain(|d| page.after.as_ref().is_none_or(|after| Place::of(d) > *after));
    let shown = deployments.get(..usize::from(page.limit)).unwrap_or(&deployments);
    let next = shown.last().filter(|_| shown.len() < deployments.len()).map(Place::of);
    let view = |deployment| DeploymentView::of(deployment).with_facts(deployment, call.now());
    let deployments = shown.iter().map(view).collect();
    reply(StatusCode::OK, &DeploymentPage { deployments, next: cursor(next) })
}

/// `PUT /deployments/{name}`
///
/// The key is written before the deployment: a deployment without its key would refuse attendees,
/// a key without its deployment does nothing. For the same reason the key that an identity replaces
/// goes last, and whether or not there is one: an earlier try may have been cut short.
pub(crate) async fn put(call: Call<'_>, name: &str) -> Result<Response, AdminError> {
    call.no_query()?;
    let admin = call.admin;
    let body = body::object(call.request)?;
    let existing = existing(call, name, &body).await?;
    if existing.is_none() {
        expect_distinct(name, &admin.store.deployments(call.organiser()).await?)?;
    }
    let terms = Terms { before: existing.as_ref(), allow_loopback: admin.allow_loopback };
    let Described { deployment, key } = described(name, &body, call.organiser(), terms)?;
    if let Some(before) = existing.as_ref().filter(|one| one.endpoint != deployment.endpoint) {
        let (_, others) = split(call, &Place::of(before)).await?;
        objects::expect_none(call, before, &others).await?;
    }
    let reference = key_reference(call.organiser(), &deployment.name, &deployment.replica);
    let changes = changed(existing.as_ref(), &deployment, key.is_some());
    if let Some(key) = key {
        let written = admin.keys.write(&reference, &key).await;
        written.map_err(AdminError::StoreUnavailable)?;
    }
    admin.store.put_deployment(call.organiser(), &deployment).await?;
    if let Credential::Identity(_) = deployment.credential {
        let removed = admin.keys.remove(&reference).await;
        removed.map_err(AdminError::StoreUnavailable)?;
    }
    note(call, Action::ChangeDeployment, &Place::of(&deployment), changes).await?;
    let status = if existing.is_none() { StatusCode::CREATED } else { StatusCode::OK };
    reply(status, &DeploymentView::of(&deployment).with_facts(&deployment, call.now()))
}

/// The audit entry of a change. A key is named and never shown.
fn changed(
    before: Option<&Deployment>,
    after: &Deployment,
    is_key_written: bool,
) -> Vec<FieldChange> {
    let fields =
        |deployment: &Deployment| match serde_json::to_value(DeploymentView::of(deployment)) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) | Err(_) => Map::new(),
        };
    let before_fields = before.map(fields).unwrap_or_default();
    let mut all = changes::between(&before_fields, &fields(after));
    if is_key_written {
        let to = if before.is_some() { "replaced" } else { "set" };
        all.push(FieldChange { field: "key".to_owned(), from: Value::Null, to: to.into() });
    }
    all
}

async fn note(
    call: Call<'_>,
    action: Action,
    place: &Place,
    changes: Vec<FieldChange>,
) -> Result<(), AdminError> {
    let entry =
        AuditEntry { subject: Some(place.to_string()), ..call.audit_entry(action, changes) };
    Ok(call.admin.store.write_audit(AuditLog::Organiser(call.organiser()), &entry).await?)
}

/// The deployment that a body would replace, as far as its names can be read.
async fn existing(
    call: Call<'_>,
    name: &str,
    body: &Map<String, Value>,
) -> Result<Option<Deployment>, AdminError> {
    let replica = draft::replica(body.get("replica").and_then(Value::as_str));
    let (Ok(name), Ok(replica)) = (name.parse(), replica) else { return Ok(None) };
    Ok(call.admin.store.deployment(call.organiser(), &name, &replica).await?)
}

/// `DELETE /deployments/{name}?replica=`
///
/// An event that is made at the same moment may still come to offer it; it then offers nothing
/// under this name, and its attendees see which ones there are.
pub(crate) async fn delete(call: Call<'_>, name: &str) -> Result<Response, AdminError> {
    let replica = call.query(&["replica"], |query, mistakes| {
        let replica = draft::replica(query.get("replica"));
        replica.map_err(|fault| mistakes.add("replica", fault)).ok()
    })?;
    let store = &call.admin.store;
    let missing = || AdminError::NotFound { what: "deployment" };
    let name: DeploymentName = name.parse().map_err(|_| missing())?;
    let place = Place(name.clone(), replica.clone());
    let (deployment, rest) = split(call, &place).await?;
    objects::expect_none(call, &deployment.ok_or_else(missing)?, &rest).await?;
    let warnings = Removal { name: &name, rest: &rest }.prepare(call).await?;
    store.delete_deployment(call.organiser(), &name, &replica).await?;
    let removed = call.admin.keys.remove(&key_reference(call.organiser(), &name, &replica)).await;
    removed.map_err(AdminError::StoreUnavailable)?;
    note(call, Action::RemoveDeployment, &place, Vec::new()).await?;
    reply(StatusCode::OK, &DeletedDeployment { name, replica, deleted: true, warnings })
}

/// The organiser's deployment at a place, if there is one, and all others.
async fn split(
    call: Call<'_>,
    place: &Place,
) -> Result<(Option<Deployment>, Vec<Deployment>), AdminError> {
    let mut all = call.admin.store.deployments(call.organiser()).await?;
    let at = all.iter().position(|one| Place::of(one) == *place);
    Ok((at.map(|at| all.remove(at)), all))
}

/// The position of a deployment in the list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place(DeploymentName, Replica);

impl Place {
    fn of(deployment: &Deployment) -> Self {
        Self(deployment.name.clone(), deployment.replica.clone())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.0, self.1)
    }
}

impl FromStr for Place {
    type Err = lanyard_domain::ids::InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, replica) = text.split_once('#').unwrap_or((text, ""));
        Ok(Self(name.parse()?, replica.parse()?))
    }
}

//! `PUT`, `GET` and `DELETE /api/v1/deployments`: deployments that one attendee alone uses.
//!
//! An endpoint is checked as an organiser's is. A key comes in and never goes out; it is stored apart
//! from the organisers' keys, where no other attendee's request leads.

use std::sync::Arc;

use http::{Method, StatusCode};
use lanyard_domain::access::Proof;
use lanyard_domain::catalog::{CompletionField, Deployment};
use lanyard_domain::event::OwnDeployments;
use lanyard_domain::ids::{DeploymentName, Replica};
use lanyard_domain::operation::Operation;
use lanyard_gateway::error::Missing;
use lanyard_gateway::handler::json;
use lanyard_gateway::lookup::Attendance;
use lanyard_gateway::ports::Cause;
use lanyard_gateway::{ApiError, Gateway, Request, Response, parse};
use serde::Serialize;

use super::OwnPlace;
use crate::ports::{KeyStore, OwnDeploymentStore};

/// The API of attendees' own deployments, over its ports.
pub struct OwnDeploymentsApi {
    /// Looks up events and attendees.
    pub gateway: Arc<Gateway>,
    /// Where deployments are stored.
    pub store: Arc<dyn OwnDeploymentStore>,
    /// Where their keys are stored.
    pub keys: Arc<dyn KeyStore>,
    /// Whether a deployment may be on this machine. Only the local server allows it.
    pub allow_loopback: bool,
}

impl OwnDeploymentsApi {
    /// Lists, adds or removes an attendee's own deployments.
    ///
    /// # Errors
    ///
    /// 403 `not_offered` where the event keeps that to its organiser, 400 with every mistake, 404
    /// for what is not there; 401, 403 and 503 as everywhere.
    pub async fn handle(&self, request: Request) -> Result<Response, ApiError> {
        let name = named(request.http.uri().path())?.map(ToOwned::to_owned);
        let allow = if name.is_some() { "GET, PUT, DELETE, OPTIONS" } else { "GET, OPTIONS" };
        let method = request.http.method().clone();
        let is_change = method == Method::PUT || method == Method::DELETE;
        if method != Method::GET && !(is_change && name.is_some()) {
            return Err(ApiError::MethodNotAllowed { allow });
        }
        let (attendance, _) = self.gateway.attend(&request).await?;
        may(&attendance, is_change)?;
        match name {
            None => self.list(&attendance).await,
            Some(name) if method == Method::GET => self.show(&attendance, &name).await,
            Some(name) if method == Method::PUT => self.put(&attendance, &name, &request).await,
            Some(name) => self.delete(&attendance, &name, &request).await,
        }
    }

    async fn list(&self, attendance: &Attendance) -> Result<Response, ApiError> {
        let found = self.all(attendance).await?;
        let deployments = found.iter().map(OwnDeployment::of).collect();
        json(StatusCode::OK, &OwnDeploymentList { deployments })
    }

    async fn show(&self, attendance: &Attendance, name: &str) -> Result<Response, ApiError> {
        let mut found = self.all(attendance).await?;
        found.retain(|deployment| deployment.name.as_str() == name);
        if found.is_empty() {
            return Err(ApiError::NotFound(Missing::Deployment));
        }
        let deployments = found.iter().map(OwnDeployment::of).collect();
        json(StatusCode::OK, &OwnDeploymentList { deployments })
    }

    async fn put(
        &self,
        attendance: &Attendance,
        name: &str,
        request: &Request,
    ) -> Result<Response, ApiError> {
        let (is_new, deployment) = self
            .place(attendance)
            .put(name, request)
            .await
            .map_err(|error| error.for_attendee(|cause| self.unavailable(cause)))?;
        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        json(status, &OwnDeployment::of(&deployment))
    }

    async fn delete(
        &self,
        attendance: &Attendance,
        name: &str,
        request: &Request,
    ) -> Result<Response, ApiError> {
        let deleted = self.place(attendance).delete(name, request.http.uri().query()).await;
        let deleted =
            deleted.map_err(|error| error.for_attendee(|cause| self.unavailable(cause)))?;
        json(StatusCode::OK, &deleted)
    }

    async fn all(&self, attendance: &Attendance) -> Result<Vec<Deployment>, ApiError> {
        let found = self.store.own_deployments(&attendance.event().id, &attendance.user).await;
        found.map_err(|cause| self.unavailable(cause))
    }

    /// Where the attendee's own deployments are stored.
    fn place<'a>(&'a self, attendance: &'a Attendance) -> OwnPlace<'a> {
        OwnPlace {
            event: attendance.event(),
            user: &attendance.user,
            store: self.store.as_ref(),
            keys: self.keys.as_ref(),
            allow_loopback: self.allow_loopback,
        }
    }

    fn unavailable(&self, cause: Cause) -> ApiError {
        self.gateway.accounting_unavailable(Some(cause))
    }
}

/// The name in `…/deployments/{name}`, if there is one.
fn named(path: &str) -> Result<Option<&str>, ApiError> {
    let path = parse::path_within_api(path);
    let bases = ["v1/deployments", "openai/v1/deployments", "openai-proxy/deployments"];
    let rest = bases.iter().find_map(|base| path.strip_prefix(base));
    match rest.ok_or(ApiError::UnknownRoute)? {
        "" => Ok(None),
        rest => {
            let name =
                rest.strip_prefix('/').filter(|name| !name.is_empty() && !name.contains('/'));
            name.map(Some).ok_or(ApiError::UnknownRoute)
        }
    }
}

/// A change needs a personal key or a signed token. Everybody has the event's code, and a change of
/// a deployment decides where its attendee's prompts go.
fn may(attendance: &Attendance, is_change: bool) -> Result<(), ApiError> {
    let (may, what) = match (attendance.event().own_deployments, attendance.proof) {
        (OwnDeployments::None, _) => (false, "deployments of your own"),
        (OwnDeployments::Organiser, _) => (!is_change, "deployments of your own"),
        (OwnDeployments::Attendee, Proof::Code) => (
            !is_change,
            "changes of deployments with the event code, which everybody has: use your personal \
             key, or ask for a signed token",
        ),
        (OwnDeployments::Attendee, Proof::Key(_) | Proof::Token) => (true, ""),
    };
    let contact = attendance.contact();
    may.then_some(()).ok_or(ApiError::NotOffered { what, contact })
}

/// A deployment as its attendee sees it. Its endpoint is left out: the organiser may have lent it.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct OwnDeployment<'a> {
    name: &'a DeploymentName,
    replica: &'a Replica,
    operations: &'a [Operation],
    /// The field for the most output tokens that the model takes.
    completion_field: CompletionField,
}

impl<'a> OwnDeployment<'a> {
    fn of(deployment: &'a Deployment) -> Self {
        Self {
            name: &deployment.name,
            replica: &deployment.replica,
            operations: &deployment.operations,
            completion_field: deployment.completion_field,
        }
    }
}

/// Deployments of an attendee's own.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct OwnDeploymentList<'a> {
    deployments: Vec<OwnDeployment<'a>>,
}

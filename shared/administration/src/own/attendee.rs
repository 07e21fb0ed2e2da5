//! `PUT`, `GET` and `DELETE /api/v1/deployments`: deployments that one attendee alone uses.
//!
//! An endpoint is checked as an organiser's is. A key comes in and never goes out; it is stored apart
//! from the organisers' keys, where no other attendee's request leads.

use std::sync::Arc;

use http::{Method, StatusCode};
use lanyard_domain::catalog::Deployment;
use lanyard_domain::event::OwnDeployments;
use lanyard_gateway::answer::json;
use lanyard_gateway::error::Missing;
use lanyard_gateway::lookup::Attendance;
use lanyard_gateway::ports::Cause;
use lanyard_gateway::{ApiError, Gateway, Request, Response, parse};
use serde_json::{Value, json as value};

use super::OwnPlace;
use crate::ports::{KeyStore, OwnDeploymentStore};

/// The API of attendees' own deployments, over its ports.
pub struct OwnDeploymentsApi {
    /// What knows events and attendees.
    pub gateway: Arc<Gateway>,
    /// Where deployments are stored.
    pub store: Arc<dyn OwnDeploymentStore>,
    /// Where their keys are stored.
    pub keys: Arc<dyn KeyStore>,
    /// Whether a deployment may be on this machine. Only the local server allows it.
    pub allow_loopback: bool,
}

impl OwnDeploymentsApi {
    /// Lists, binds or takes away an attendee's own deployments.
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
        let attendance = self.gateway.attend(&request).await?;
        may(&attendance, is_change)?;
        match name {
            None => self.list(&attendance).await,
            Some(name) if method == Method::GET => self.show(&attendance, &name).await,
            Some(name) if method == Method::PUT => self.put(&attendance, &name, &request).await,
            Some(name) => self.delete(&attendance, &name, &request).await,
        }
    }

    async fn list(&self, attendance: &Attendance) -> Result<Response, ApiError> {
        json(StatusCode::OK, &value!({"deployments": self.all(attendance).await?}))
    }

    async fn show(&self, attendance: &Attendance, name: &str) -> Result<Response, ApiError> {
        let mut found = self.all(attendance).await?;
        found.retain(|deployment| deployment["name"] == name);
        if found.is_empty() {
            return Err(ApiError::NotFound(Missing::Deployment));
        }
        json(StatusCode::OK, &value!({"deployments": found}))
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
            .map_err(|error| error.for_attendee(|cause| self.away(cause)))?;
        json(if is_new { StatusCode::CREATED } else { StatusCode::OK }, &view(&deployment))
    }

    async fn delete(
        &self,
        attendance: &Attendance,
        name: &str,
        request: &Request,
    ) -> Result<Response, ApiError> {
        let deleted = self.place(attendance).delete(name, request.http.uri().query()).await;
        let view = deleted.map_err(|error| error.for_attendee(|cause| self.away(cause)))?;
        json(StatusCode::OK, &view)
    }

    async fn all(&self, attendance: &Attendance) -> Result<Vec<Value>, ApiError> {
        let found = self.store.own_deployments(&attendance.event().id, &attendance.user).await;
        Ok(found.map_err(|cause| self.away(cause))?.iter().map(view).collect())
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

    fn away(&self, cause: Cause) -> ApiError {
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

fn may(attendance: &Attendance, is_change: bool) -> Result<(), ApiError> {
    let may = match attendance.event().own_deployments {
        OwnDeployments::None => false,
        OwnDeployments::Organiser => !is_change,
        OwnDeployments::Attendee => true,
    };
    let contact = attendance.contact();
    may.then_some(()).ok_or(ApiError::NotOffered { what: "deployments of your own", contact })
}

/// A deployment as its attendee sees it. Where it is stays unsaid: it may be the organiser's gift.
fn view(deployment: &Deployment) -> Value {
    value!({
        "name": deployment.name,
        "replica": deployment.replica,
        "operations": deployment.operations,
        "completion_field": deployment.completion_field,
    })
}

//! One call about stored objects: the attendee and the route.

use lanyard_domain::catalog::Deployment;
use lanyard_domain::ids::DeploymentName;
use lanyard_domain::object::{Kind, Owned};
use lanyard_domain::operation::Operation;
use lanyard_gateway::admit::Reservation;
use lanyard_gateway::call::SHUTDOWN_MARGIN;
use lanyard_gateway::error::ApiError;
use lanyard_gateway::forward::SETTLED;
use lanyard_gateway::lookup::Attendance;
use lanyard_gateway::metadata::RequestMetadata;
use lanyard_gateway::ports::RequestLine;
use lanyard_gateway::request::Request;
use lanyard_gateway::{Gateway, headers, parse};
use lanyard_protocol::Protocol;
use lanyard_protocol::demand::Demanded;
use tokio::time::Instant;

use crate::Objects;
use crate::ownership::expect_objects;
use crate::query::Query;
use crate::registry::owner_of;
use crate::routes::{Action, RouteMatch, not_found};

/// A call whose sender is known and whose path and query are read. Its body is not.
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request,
    pub(crate) attendance: Attendance,
    pub(crate) matched: RouteMatch<'a>,
    pub(crate) query: Query,
    metadata: RequestMetadata,
}

impl<'a> Call<'a> {
    /// Reads all of a call but its body.
    ///
    /// # Errors
    ///
    /// 400, 401, 403 and 503, as for every route; 403 if the event stores no objects.
    pub(crate) async fn read(
        gateway: &Gateway,
        request: &'a Request,
        matched: RouteMatch<'a>,
        line: &mut RequestLine,
    ) -> Result<Self, ApiError> {
        let attendance = gateway.look_up(parse::tokens(request)?, request.now, line).await?;
        let query = request.http.uri().query();
        let metadata = RequestMetadata::read(request)?;
        let query = Query::read(matched.route.query, query)?;
        expect_objects(&attendance)?;
        Ok(Self { request, attendance, matched, query, metadata })
    }

    pub(crate) fn kind(&self) -> Kind {
        self.matched.route.kind
    }

    pub(crate) fn action(&self) -> Action {
        self.matched.route.action
    }

    pub(crate) fn operation(&self) -> Operation {
        self.kind().operation()
    }

    pub(crate) fn protocol(&self) -> &'static Protocol {
        Protocol::of_kind(self.kind())
    }

    /// The model that the header names. Like in `forward`, it comes before the body's.
    pub(crate) fn model_header(&self) -> Option<&str> {
        self.request.header(&headers::MODEL).ok().flatten().filter(|name| !name.is_empty())
    }

    /// When the response must be complete.
    pub(crate) fn until(&self) -> Option<Instant> {
        self.request.deadline.map(|deadline| deadline - SHUTDOWN_MARGIN)
    }

    /// The same path and query at the resource of a deployment.
    ///
    /// # Errors
    ///
    /// 404 if the path holds something that cannot be an id.
    pub(crate) fn url(&self, deployment: &Deployment) -> Result<String, ApiError> {
        let segments = self.matched.segments()?;
        Ok(self.protocol().url_below(deployment, segments, &self.query.encoded()))
    }

    pub(crate) fn not_found(&self) -> ApiError {
        self.matched.not_found()
    }
}

impl Objects {
    /// The object that a path is about, or the thread below which something is created. `None` if
    /// the path names no object.
    ///
    /// # Errors
    ///
    /// 404 unless every object that the path names is the caller's own, 503 if the store is
    /// unavailable.
    pub(crate) async fn owned_path(&self, call: &Call<'_>) -> Result<Option<Owned>, ApiError> {
        let owner = owner_of(&call.attendance);
        let mut last: Option<Owned> = None;
        for (kind, id) in call.matched.ids()? {
            let found = self.registry.find(&owner, kind, &id).await?;
            let owned = found.ok_or_else(|| not_found(kind))?;
            if owned.parent.as_ref() != last.as_ref().map(|thread| &thread.id) {
                return Err(call.not_found());
            }
            last = Some(owned);
        }
        Ok(last)
    }

    /// Reserves what a call may cost. The call must be sent next: from now on an unknown end costs
    /// the estimate, and the settlement writes the line.
    pub(crate) async fn admit(
        &self,
        call: &Call<'_>,
        model: &DeploymentName,
        demanded: &Demanded,
        line: &mut RequestLine,
    ) -> Result<Reservation, ApiError> {
        let (operation, metadata) = (call.operation(), call.metadata.clone());
        let admitted = self.gateway.admit(
            call.request,
            &call.attendance,
            model,
            operation,
            demanded,
            metadata,
        );
        let mut reservation = admitted.await?;
        line.outcome = SETTLED;
        reservation.mark_sent();
        Ok(reservation)
    }
}

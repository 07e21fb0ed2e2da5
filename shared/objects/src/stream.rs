//! A run as a stream of named events: recorded before its id is passed on, settled when its end is.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::object::{Kind, ObjectId, Owned};
use lanyard_protocol::Protocol;
use lanyard_protocol::sse::Frame;
use lanyard_protocol::stream::StreamState;

use crate::answers::{EVENTS, respond};
use crate::jobs::{Jobs, Shown};
use crate::keeper::Birth;
use crate::told::Telling;
use lanyard_gateway::admit::Reservation;
use lanyard_gateway::call::SHUTDOWN_MARGIN;
use lanyard_gateway::error::ApiError;
use lanyard_gateway::lookup::{Attendance, OpenEvent};
use lanyard_gateway::ports::UpstreamBody;
use lanyard_gateway::relay::Stream;
use lanyard_gateway::request::{Request, Response};
use lanyard_gateway::stored::ResponseHook;

/// A run that is streamed.
pub(super) struct Working {
    jobs: Jobs,
    at: Arc<OpenEvent>,
    home: Deployment,
    request: Request,
    /// The thread that is made along with it, and the run, before Azure has named them.
    pub(super) births: Option<(Option<Birth>, Birth)>,
    /// The run, once it is known.
    pub(super) run: Option<Owned>,
}

impl Working {
    /// A run at this deployment, of which nothing is known yet.
    pub(super) fn on(
        jobs: Jobs,
        attendance: &Attendance,
        home: &Deployment,
        request: &Request,
    ) -> Self {
        Self {
            jobs,
            at: Arc::clone(&attendance.at),
            home: home.clone(),
            request: Request {
                id: request.id.clone(),
                now: request.now,
                deadline: request.deadline,
                http: http::Request::new(Bytes::new()),
            },
            births: None,
            run: None,
        }
    }

    /// Passes the stream on. A reservation is settled at its end only if no run is ever shown.
    pub(super) fn start(
        self,
        answer: http::Response<UpstreamBody>,
        headers: HeaderMap,
        reservation: Option<Reservation>,
    ) -> Response {
        let gateway = Arc::clone(&self.jobs.gateway);
        let stream = Stream {
            request_id: self.request.id.clone(),
            until: self.request.deadline.map(|deadline| deadline - SHUTDOWN_MARGIN),
            format: Protocol::of_kind(Kind::Run).stream,
            state: StreamState::default(),
            hook: Some(Box::new(self)),
            reservation,
        };
        respond(headers, EVENTS, gateway.pump(stream, answer.into_body()))
    }

    /// Nobody learns an id before it is written down whose it is.
    async fn record_thread(&mut self, id: Option<ObjectId>) -> Result<(), ApiError> {
        let Some((thread, _)) = &mut self.births else { return Ok(()) };
        if let (Some(birth), Some(id)) = (thread.take(), id) {
            let kept = self.jobs.keeper.keep(birth, id, &self.home).await;
            kept.map_err(|cause| self.jobs.keeper.ownership_unavailable(cause))?;
        }
        Ok(())
    }

    async fn record_run(
        &mut self,
        data: &[u8],
        reservation: &mut Option<Reservation>,
    ) -> Result<(), ApiError> {
        let Some(shown) = Shown::read(data) else { return Ok(()) };
        let id = |id: Option<&str>| id.and_then(|id| id.parse::<ObjectId>().ok());
        let thread = id(shown.thread_id.as_deref());
        if self.run.is_none()
            && let Some(own) = id(shown.id.as_deref())
        {
            self.record_thread(thread.clone()).await?;
            if let Some((_, birth)) = self.births.take() {
                // From now on the run's end settles it, or its hold's.
                if let Some(reservation) = reservation.take() {
                    reservation.leave_open();
                }
                let kept = self.jobs.keeper.keep(birth.below(thread), own, &self.home).await;
                self.run =
                    Some(kept.map_err(|cause| self.jobs.keeper.ownership_unavailable(cause))?);
            }
        }
        if let Some(run) = &self.run
            && run.id.as_str() == shown.id.as_deref().unwrap_or_default()
            && shown.has_ended()
        {
            self.jobs.seen(run, &self.at, data).await;
        }
        Ok(())
    }
}

#[async_trait]
impl ResponseHook for Working {
    async fn shows(
        &mut self,
        event: Frame,
        kind: Kind,
        data: Bytes,
        reservation: &mut Option<Reservation>,
    ) -> Result<Bytes, ApiError> {
        if kind == Kind::Thread {
            let id = Shown::read(&data).and_then(|shown| shown.id?.parse().ok());
            self.record_thread(id).await?;
            return Ok(event.0);
        }
        self.record_run(&data, reservation).await?;
        let deployments = self.at.catalog.deployments();
        let telling = Telling::of(Kind::Run, deployments, &self.home, &self.request);
        let name = event.event().unwrap_or_default();
        let mut rewritten = format!("event: {name}\ndata: ").into_bytes();
        rewritten.extend_from_slice(&telling.retell(data));
        rewritten.extend_from_slice(b"\n\n");
        Ok(rewritten.into())
    }

    fn lacks_object(&self) -> bool {
        self.run.is_none()
    }
}

//! A run as a stream of named events. Its owner is recorded before its id is passed on, and it is
//! settled when the stream shows its end.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::object::{Kind, ObjectId, Owned};
use lanyard_gateway::admit::Reservation;
use lanyard_gateway::call::SHUTDOWN_MARGIN;
use lanyard_gateway::error::ApiError;
use lanyard_gateway::lookup::{Attendance, OpenEvent};
use lanyard_gateway::ports::{Secret, UpstreamBody};
use lanyard_gateway::relay::Stream;
use lanyard_gateway::request::{Request, Response};
use lanyard_gateway::stored::ResponseHook;
use lanyard_protocol::Protocol;
use lanyard_protocol::refusal::OurNames;
use lanyard_protocol::sse::Frame;
use lanyard_protocol::stream::{Produced, StreamState};

use crate::jobs::{JobState, Jobs};
use crate::registry::NewObject;
use crate::responses::{EVENTS, respond, without_secret};
use crate::rewrite::Rewriter;

/// A run that is streamed.
pub(super) struct RunStream {
    jobs: Jobs,
    at: Arc<OpenEvent>,
    home: Deployment,
    request: Request,
    /// The thread that Azure creates along with the run, and the run, before Azure has named them.
    pub(super) new_objects: Option<(Option<NewObject>, NewObject)>,
    /// The run, once it is known.
    pub(super) run: Option<Owned>,
    /// The credential of the call.
    secret: Option<Secret>,
}

impl RunStream {
    /// A run at this deployment that Azure has not named yet.
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
            new_objects: None,
            run: None,
            secret: None,
        }
    }

    /// Passes the stream on. The reservation is settled at its end only if it never shows a run.
    pub(super) fn start(
        mut self,
        response: http::Response<UpstreamBody>,
        headers: HeaderMap,
        reservation: Option<Reservation>,
    ) -> Response {
        let gateway = Arc::clone(&self.jobs.gateway);
        self.secret = response.extensions().get().cloned();
        let stream = Stream {
            request_id: self.request.id.clone(),
            until: self.request.deadline.map(|deadline| deadline - SHUTDOWN_MARGIN),
            format: Protocol::of_kind(Kind::Run).stream,
            state: StreamState::default(),
            names: OurNames::of(&self.home).with(self.secret.as_ref()),
            hook: Some(Box::new(self)),
            reservation,
        };
        respond(headers, EVENTS, gateway.pump(stream, response.into_body()))
    }

    /// Records the owner of the thread. The attendee learns its id afterwards.
    async fn record_thread(&mut self, id: Option<ObjectId>) -> Result<(), ApiError> {
        let Some((thread, _)) = &mut self.new_objects else { return Ok(()) };
        if let (Some(thread), Some(id)) = (thread.take(), id) {
            self.jobs.registry.register(thread, id, &self.home).await?;
        }
        Ok(())
    }

    async fn record_run(
        &mut self,
        data: &[u8],
        produced: Produced,
        reservation: &mut Option<Reservation>,
    ) -> Result<(), ApiError> {
        let Some(state) = JobState::read(data) else { return Ok(()) };
        let id = |id: Option<&str>| id.and_then(|id| id.parse::<ObjectId>().ok());
        let thread = id(state.thread_id.as_deref());
        if self.run.is_none()
            && let Some(own) = id(state.id.as_deref())
        {
            self.record_thread(thread.clone()).await?;
            if let Some((_, mut run)) = self.new_objects.take() {
                // From now on the end of the run settles it, or the end of the hold.
                if let Some(reservation) = reservation.take() {
                    reservation.leave_open();
                }
                run.parent = run.parent.or(thread);
                self.run = Some(self.jobs.registry.register(run, own, &self.home).await?);
            }
        }
        if let Some(run) = &self.run
            && run.id.as_str() == state.id.as_deref().unwrap_or_default()
            && state.has_ended()
        {
            self.jobs.settle_if_ended(run, &self.at, data, produced).await;
        }
        Ok(())
    }
}

#[async_trait]
impl ResponseHook for RunStream {
    async fn shows(
        &mut self,
        event: Frame,
        kind: Kind,
        data: Bytes,
        produced: Produced,
        reservation: &mut Option<Reservation>,
    ) -> Result<Bytes, ApiError> {
        if kind == Kind::Thread {
            let id = JobState::read(&data).and_then(|state| state.id?.parse().ok());
            self.record_thread(id).await?;
            return Ok(event.0);
        }
        let name = event.event().unwrap_or_default();
        // A step has an id and a state of its own.
        if !name.starts_with("thread.run.step.") {
            self.record_run(&data, produced, reservation).await?;
        }
        let rewriter = Rewriter::of(Kind::Run, &self.at, &self.home, &self.request);
        let mut rewritten = format!("event: {name}\ndata: ").into_bytes();
        let data = without_secret(data, &self.home, self.secret.as_ref());
        rewritten.extend_from_slice(&rewriter.rewrite(data));
        rewritten.extend_from_slice(b"\n\n");
        Ok(rewritten.into())
    }

    /// An error event does not say what the run cost. The run does, unless Azure still works on it:
    /// then the next poll or [`Objects::finish_jobs`](crate::Objects::finish_jobs) settles it, and
    /// finds in the record what the stream has shown.
    async fn fails(&self, produced: Produced, is_by_azure: bool) {
        let Some(mut run) = self.run.clone() else { return };
        let (jobs, at) = (self.jobs.clone(), Arc::clone(&self.at));
        self.jobs.gateway.in_background(async move {
            if is_by_azure
                && let Ok(Some(response)) = jobs.read_job(&run, &at).await
                && jobs.settle_if_ended(&run, &at, &response, produced).await
            {
                return;
            }
            if !produced.is_nothing() {
                run.streamed_tokens = produced.tokens();
                jobs.registry.record_streamed(&run).await;
            }
        });
    }

    fn lacks_object(&self) -> bool {
        self.run.is_none()
    }
}

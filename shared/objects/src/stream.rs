//! A run as a stream of named events: written down before its id is told, settled when its end is.
//!
//! <https://platform.openai.com/docs/api-reference/assistants-streaming/events>

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::object::{Kind, ObjectId, Owned};
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;
use lanyard_gateway::admit::Reservation;
use lanyard_gateway::error::ApiError;
use lanyard_gateway::lookup::{Attendance, OpenEvent};
use lanyard_gateway::ports::UpstreamBody;
use lanyard_gateway::relay::pump::{Fed, WAITING_FRAMES};
use lanyard_gateway::relay::{Next, next_chunk};
use lanyard_gateway::request::{Request, Response};
use lanyard_gateway::send::LAST_WORDS;
use lanyard_gateway::settle::{Ending, OK};
use lanyard_protocol::sse::{Frame, Scanner};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::answers::{EVENTS, respond};
use crate::jobs::{Jobs, Shown};
use crate::keeper::Birth;
use crate::told::Telling;

/// A run that is streamed.
pub(super) struct Working {
    jobs: Jobs,
    at: Arc<OpenEvent>,
    home: Deployment,
    request: Request,
    until: Option<Instant>,
    /// The thread that is made along with it, and the run, before Azure has named them.
    pub(super) births: Option<(Option<Birth>, Birth)>,
    /// The run, once it is known.
    pub(super) run: Option<Owned>,
    /// The hold of a run that is not known yet.
    pub(super) reservation: Option<Reservation>,
    /// `None` once the attendee has left.
    downstream: Option<mpsc::Sender<Bytes>>,
    has_ended: bool,
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
            until: request.deadline.map(|deadline| deadline - LAST_WORDS),
            births: None,
            run: None,
            reservation: None,
            downstream: None,
            has_ended: false,
        }
    }

    /// Hands the stream on. A task drives it to its end, whoever still listens.
    pub(super) fn start(
        mut self,
        answer: http::Response<UpstreamBody>,
        headers: HeaderMap,
    ) -> Response {
        let (sender, receiver) = mpsc::channel(WAITING_FRAMES);
        self.downstream = Some(sender);
        let gateway = Arc::clone(&self.jobs.gateway);
        gateway.in_background(self.run_to_end(answer.into_body()));
        respond(headers, EVENTS, Fed::body(receiver))
    }

    async fn run_to_end(mut self, mut upstream: UpstreamBody) {
        let driven = self.drive(&mut upstream).await;
        drop(upstream);
        let error = match driven {
            Ok(()) if self.run.is_none() => Some(ApiError::UpstreamUnreachable(None)),
            driven => driven.err(),
        };
        if let Some(error) = &error {
            tracing::warn!(request_id = %self.request.id, error = ?error, "a run's stream broke off");
            let mut event = b"event: error\ndata: ".to_vec();
            event.extend_from_slice(&error.body());
            event.extend_from_slice(b"\n\n");
            self.say(event.into()).await;
        }
        // Azure may have worked, on a run that it never named.
        if let Some(reservation) = self.reservation.take() {
            let outcome = error.as_ref().map_or(OK, ApiError::code);
            let ending = Ending::of(Settlement::AtLeast(Usage::default()), outcome, 200, None);
            self.jobs.gateway.settle(reservation, ending).await;
        }
    }

    async fn drive(&mut self, upstream: &mut UpstreamBody) -> Result<(), ApiError> {
        let too_long = |_| ApiError::UpstreamUnreachable(Some("a frame is too long".into()));
        let mut scanner = Scanner::default();
        loop {
            match next_chunk(upstream, self.until).await {
                Next::Chunk(chunk) => {
                    scanner.push(chunk);
                    while let Some(frame) = scanner.next_frame().map_err(too_long)? {
                        self.take(frame).await?;
                    }
                }
                Next::End => {
                    if let Some(frame) = scanner.finish() {
                        self.take(frame).await?;
                    }
                    return Ok(());
                }
                // After the end a break is no loss.
                Next::Broken(_) if self.has_ended => return Ok(()),
                Next::Broken(error) => return Err(error),
            }
        }
    }

    async fn take(&mut self, frame: Frame) -> Result<(), ApiError> {
        let is_run = |name: &str| {
            name.strip_prefix("thread.run.").is_some_and(|rest| !rest.starts_with("step."))
        };
        match frame.event() {
            Some("error") => {
                Err(ApiError::UpstreamUnreachable(Some("an error in the stream".into())))
            }
            Some("thread.created") => {
                let data = frame.data();
                let id = Shown::read(&data).and_then(|shown| shown.id?.parse().ok());
                self.keep_thread(id).await?;
                self.say(frame.0).await;
                Ok(())
            }
            Some(name) if is_run(name) => {
                let mut told = format!("event: {name}\ndata: ").into_bytes();
                let data = Bytes::from(frame.data());
                self.take_run(&data).await?;
                let deployments = self.at.catalog.deployments();
                let telling = Telling::of(Kind::Run, deployments, &self.home, &self.request);
                told.extend_from_slice(&telling.retell(data));
                told.extend_from_slice(b"\n\n");
                self.say(told.into()).await;
                Ok(())
            }
            Some(_) | None => {
                self.say(frame.0).await;
                Ok(())
            }
        }
    }

    /// Nobody learns an id before it is written down whose it is.
    async fn keep_thread(&mut self, id: Option<ObjectId>) -> Result<(), ApiError> {
        let Some((thread, _)) = &mut self.births else { return Ok(()) };
        if let (Some(birth), Some(id)) = (thread.take(), id) {
            let kept = self.jobs.keeper.keep(birth, id, &self.home).await;
            kept.map_err(|cause| self.jobs.keeper.ownership_unavailable(cause))?;
        }
        Ok(())
    }

    async fn take_run(&mut self, data: &[u8]) -> Result<(), ApiError> {
        let Some(shown) = Shown::read(data) else { return Ok(()) };
        let id = |id: Option<&str>| id.and_then(|id| id.parse::<ObjectId>().ok());
        let thread = id(shown.thread_id.as_deref());
        if self.run.is_none()
            && let Some(own) = id(shown.id.as_deref())
        {
            self.keep_thread(thread.clone()).await?;
            if let Some((_, birth)) = self.births.take() {
                // From now on the run's end settles it, or its hold's.
                if let Some(reservation) = self.reservation.take() {
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
            self.has_ended = true;
            self.jobs.seen(run, &self.at, data).await;
        }
        Ok(())
    }

    /// Hands bytes to the attendee, if there is one.
    async fn say(&mut self, bytes: Bytes) {
        let Some(downstream) = &self.downstream else { return };
        let sent = match self.until {
            Some(until) => tokio::time::timeout_at(until, downstream.send(bytes)).await.ok(),
            None => Some(downstream.send(bytes).await),
        };
        if !matches!(sent, Some(Ok(()))) {
            self.downstream = None;
        }
    }
}

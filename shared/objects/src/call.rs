//! A call that concerns one object of the caller's own: to the resource that keeps it, and to no
//! other.

use bytes::Bytes;
use http::{HeaderValue, Method};
use lanyard_domain::account::Field;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::object::{Kind, Owned};
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;
use lanyard_gateway::admit::Reservation;
use lanyard_gateway::call::{Failure, SHUTDOWN_MARGIN, call_deployment, timeout};
use lanyard_gateway::error::{ApiError, ModelRefusal};
use lanyard_gateway::forward::SETTLED;
use lanyard_gateway::headers;
use lanyard_gateway::lookup::Attendance;
use lanyard_gateway::notes::Notes;
use lanyard_gateway::ports::{RequestLine, UpstreamBody, UpstreamCall};
use lanyard_gateway::request::{Request, Response, whole};
use lanyard_gateway::settle::{Ending, OK, ms_between};
use lanyard_protocol::demand::Demanded;
use lanyard_protocol::payload::{JSON, Payload};
use lanyard_protocol::{Protocol, assistants, conversations, stored, threads};

use crate::Objects;
use crate::ownership::{deployment_at, owner_of, pinned_at};
use crate::query::{Param, Query};
use crate::responses::{EVENTS, bytes_type, is_events, json_body, respond, upstream_id};
use crate::rewrite::Rewriter;
use crate::routes::{Action, RouteMatch};
use crate::store::Size;
use crate::stream::RunStream;

/// Nothing of a model was used.
pub(super) const NO_TOKENS: Settlement = Settlement::Exact(Usage::of_tokens(0, 0));

/// What is sent to a resource.
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) content_type: Option<HeaderValue>,
    pub(super) body: Bytes,
    pub(super) is_streamed: bool,
}

impl Outgoing {
    /// A call without a body.
    pub(super) fn plain(method: Method, url: String) -> Self {
        Self { method, url, content_type: None, body: Bytes::new(), is_streamed: false }
    }
}

impl Objects {
    /// Does something with an object, for a request of the allowance.
    pub(super) async fn act(
        &self,
        request: &Request,
        attendance: &Attendance,
        matched: &RouteMatch<'_>,
        query: &Query,
        notes: Notes,
        line: &mut RequestLine,
    ) -> Result<Response, ApiError> {
        let route = matched.route;
        let segments = matched.segments()?;
        let owned = self.registry.owned_path(attendance, matched).await?;
        let owned = owned.ok_or_else(|| matched.not_found())?;
        let deployment = deployment_at(attendance, &owned.home)?;
        line.model = Some(deployment.name.clone());
        let url = Protocol::of_kind(route.kind).url_below(deployment, segments, &query.encoded());
        let mut outgoing = Outgoing::plain(route.method.clone(), url);
        let (mut added_tokens, mut new_model) = (0, None);
        if route.method == Method::POST && !request.http.body().is_empty() {
            let payload = Payload::read(Protocol::of_kind(route.kind), &request.http, &request.id)?;
            let named = self.registry.named(attendance, payload.references()?).await?;
            named.expect_home(&owned.home)?;
            if route.action == Action::Extend {
                added_tokens = conversations::items_tokens(&payload)?;
            }
            if matches!(route.kind, Kind::Assistant | Kind::Thread) {
                assistants::check(&payload, &attendance.caps())?;
            }
            outgoing.is_streamed =
                route.action == Action::Resume && threads::is_streamed(&payload)?;
            outgoing.content_type = Some(JSON);
            outgoing.body = match payload.model()?.filter(|_| route.kind == Kind::Assistant) {
                None => request.http.body().clone(),
                Some(model) => {
                    let choice = attendance.choose_shared(Some(&model), route.kind.operation())?;
                    let choice = pinned_at(choice, &owned.home)?;
                    let there = choice.by_luck(0).first().copied();
                    let there = there.ok_or(ApiError::Internal(None))?;
                    new_model = Some(there);
                    assistants::write(&payload, there.azure_name.as_str())
                }
            };
        }
        if route.action == Action::Delete {
            self.settle_before_deletion(request, attendance, &owned, deployment).await;
        }
        let demanded = Demanded::nothing();
        let operation = route.kind.operation();
        let mut reservation = self
            .gateway
            .admit(request, attendance, &deployment.name, operation, &demanded, notes)
            .await?;
        line.outcome = SETTLED;
        reservation.mark_sent();
        let answer = match self.call_home(request, route.kind, deployment, outgoing).await {
            Ok(answer) => answer,
            Err(failure) => {
                if matches!(failure, Failure::Missing) && route.action == Action::Delete {
                    self.forget(&owned).await;
                }
                return Err(self.refuse(failure, matched, reservation));
            }
        };
        if route.action == Action::Delete {
            self.forget(&owned).await;
        }
        if let Some(model) = new_model {
            self.registry.change_model(&owned, model).await;
        }
        if route.action == Action::Extend {
            self.registry.resize(&owned, Size::Grows(added_tokens)).await;
        }
        let headers =
            self.gateway.answer_headers(answer.headers(), request, &demanded, &reservation);
        let handed_on = match route.action {
            Action::Download => {
                let content_type = bytes_type(route.kind, answer.headers());
                self.pass(request, answer, headers, content_type).await
            }
            Action::Resume if is_events(&answer) => {
                let mut run_stream = RunStream::on(self.jobs(), attendance, deployment, request);
                run_stream.run = Some(owned);
                Ok(run_stream.start(answer, headers, None))
            }
            Action::Delete => self.buffered(request, answer, headers, Some(&owned)).await,
            Action::Create
            | Action::List
            | Action::Poll
            | Action::Read
            | Action::Change
            | Action::Extend
            | Action::Start
            | Action::Resume => {
                let rewritten =
                    self.rewritten(request, attendance, matched, &owned, deployment, answer).await;
                rewritten.map(|bytes| respond(headers, JSON, whole(bytes)))
            }
        };
        let ending = match &handed_on {
            Ok(_) => Ending::of(NO_TOKENS, OK, 200, Some(self.gateway.ports().clock.now())),
            Err(error) => Ending::of(NO_TOKENS, error.code(), error.status().as_u16(), None),
        };
        self.gateway.settle_behind(reservation, ending);
        handed_on
    }

    /// Reads an object as often as the pace allows.
    pub(super) async fn poll(
        &self,
        request: &Request,
        attendance: &Attendance,
        matched: &RouteMatch<'_>,
        query: &Query,
        line: &mut RequestLine,
    ) -> Result<Response, ApiError> {
        let route = matched.route;
        let segments = matched.segments()?;
        // No write admits it, so what that would refuse must be looked for.
        let (owned, account) = tokio::join!(
            self.registry.owned_path(attendance, matched),
            self.gateway.account(attendance)
        );
        let (owned, account) = (owned?, account?);
        if account.get(Field::Blocked) != 0 {
            return Err(ApiError::AttendeeBlocked { contact: attendance.contact() });
        }
        if let Some(why) = attendance.entry.refusal(&account) {
            return Err(attendance.no_entry(why));
        }
        let owned = owned.ok_or_else(|| matched.not_found())?;
        let deployment = deployment_at(attendance, &owned.home)?;
        line.model = Some(deployment.name.clone());
        let turn = segments
            .iter()
            .rev()
            .find_map(|segment| segment.parse().ok())
            .unwrap_or_else(|| owned.id.clone());
        let until = request.deadline.map(|deadline| deadline - SHUTDOWN_MARGIN);
        let url = Protocol::of_kind(route.kind).url_below(deployment, segments, &query.encoded());
        let is_streamed = query.get(Param::Stream) == Some("true");
        self.throttle.turn(&turn, until).await;
        let outgoing = Outgoing { is_streamed, ..Outgoing::plain(Method::GET, url) };
        let answer = match self.call_home(request, route.kind, deployment, outgoing).await {
            Ok(answer) => answer,
            Err(Failure::Missing) => return Err(matched.not_found()),
            Err(failure) => return Err(failure.into_error()),
        };
        let mut headers = upstream_id(answer.headers());
        let allowance = account.allowance(&attendance.allowances().attendee);
        headers::set_rates(&mut headers, &allowance, &account, request.now.into());
        let handed_on = match is_streamed && is_events(&answer) {
            true => self.pass(request, answer, headers, EVENTS).await,
            false => {
                let rewritten =
                    self.rewritten(request, attendance, matched, &owned, deployment, answer).await;
                rewritten.map(|bytes| respond(headers, JSON, whole(bytes)))
            }
        }?;
        line.request_id = Some(request.id.clone());
        line.outcome = OK;
        line.status = 200;
        line.duration_ms = ms_between(request.now, self.gateway.ports().clock.now());
        self.gateway.ports().journal.write(line);
        Ok(handed_on)
    }

    /// Calls a resource, with its key read anew if that has been changed.
    pub(super) async fn call_home(
        &self,
        request: &Request,
        kind: Kind,
        deployment: &Deployment,
        outgoing: Outgoing,
    ) -> Result<http::Response<UpstreamBody>, Failure> {
        let asked = request.header(&headers::BETA).ok().flatten();
        let call = UpstreamCall {
            method: outgoing.method,
            url: outgoing.url,
            content_type: outgoing.content_type,
            body: outgoing.body,
            beta: Protocol::of_kind(kind).preview(asked),
            accept: stored::accept(outgoing.is_streamed),
            is_streamed: outgoing.is_streamed,
            request_id: request.id.clone(),
            patience: timeout(request.deadline),
        };
        let upstream = self.gateway.ports().upstream.as_ref();
        match call_deployment(upstream, deployment, || call.clone()).await {
            // What Azure has retired is not there for anybody, and it says so.
            Err(Failure::NotThere(refusal)) if may_be_retired(kind, &refusal) => {
                Err(Failure::Refused(refusal))
            }
            called => called,
        }
    }

    /// Gives a request back that came to nothing.
    pub(super) fn refuse(
        &self,
        failure: Failure,
        matched: &RouteMatch<'_>,
        reservation: Reservation,
    ) -> ApiError {
        let error = match failure {
            Failure::Missing => matched.not_found(),
            failure => failure.into_error(),
        };
        self.gateway.report(&error, &reservation);
        let ending = Ending::of(Settlement::Void, error.code(), error.status().as_u16(), None);
        self.gateway.settle_behind(reservation, ending);
        error
    }

    /// Forgets what is gone upstream. If that fails, it is forgotten when it is next missed.
    pub(super) async fn forget(&self, owned: &Owned) {
        let forgetting = self.registry.objects.forget(owned);
        let forgot = tokio::time::timeout(self.gateway.ports().ledger_patience, forgetting).await;
        if !matches!(forgot, Ok(Ok(()))) {
            tracing::warn!(kind = %owned.kind, object = %owned.id, "a deleted object is still listed");
        }
    }

    /// An answer read whole, in the event's own words. A job that it shows to have ended is settled.
    async fn rewritten(
        &self,
        request: &Request,
        attendance: &Attendance,
        matched: &RouteMatch<'_>,
        owned: &Owned,
        home: &Deployment,
        answer: http::Response<UpstreamBody>,
    ) -> Result<Bytes, ApiError> {
        let bytes = json_body(request, answer).await?;
        match (owned.kind, matched.route.kind) {
            // Its steps have a state of their own.
            (Kind::Run | Kind::Video, _) if matched.is_about_itself() => {
                self.settle_job_if_ended(owned, &attendance.at, &bytes);
            }
            (Kind::Thread, Kind::Run) => {
                self.settle_runs_that_ended(owner_of(attendance), &attendance.at, &bytes);
            }
            _ => {}
        }
        let deployments = attendance.at.catalog.deployments();
        Ok(Rewriter::of(matched.route.kind, deployments, home, request).rewrite(bytes))
    }
}

/// Whether Azure may have given up a kind at some resource, so that what it says is not our fault.
fn may_be_retired(kind: Kind, refusal: &ModelRefusal) -> bool {
    match kind {
        Kind::Assistant | Kind::Thread | Kind::Run | Kind::Video => {
            refusal.code.as_deref() != Some("DeploymentNotFound")
        }
        Kind::Response | Kind::Conversation | Kind::File | Kind::VectorStore => false,
    }
}

//! Starting a job: what it may cost is reserved, and the hold outlives the answer.

use bytes::Bytes;
use http::{HeaderValue, Method};
use lanyard_domain::catalog::Deployment;
use lanyard_domain::limit::{Limit, Quantity};
use lanyard_domain::object::{Kind, ObjectId, Owned};
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;
use lanyard_gateway::admit::Reservation;
use lanyard_gateway::error::ApiError;
use lanyard_gateway::forward::SETTLED;
use lanyard_gateway::headers;
use lanyard_gateway::lookup::Attendance;
use lanyard_gateway::notes::Notes;
use lanyard_gateway::ports::RequestLine;
use lanyard_gateway::request::{Request, Response, whole};
use lanyard_gateway::settle::Ending;
use lanyard_protocol::demand::Demanded;
use lanyard_protocol::payload::{JSON, Payload};
use lanyard_protocol::threads::RUN_PROMPT;
use lanyard_protocol::videos::{MOST_SECONDS, VideoRequest};
use lanyard_protocol::{Protocol, threads};

use crate::Objects;
use crate::call::Outgoing;
use crate::jobs::JobState;
use crate::ownership::{NamedObjects, deployment_at, pinned};
use crate::query::Query;
use crate::registry::NewObject;
use crate::responses::{is_events, json_body, respond};
use crate::rewrite::Rewriter;
use crate::routes::RouteMatch;
use crate::stream::RunStream;

/// What is to be started, and where.
struct Plan<'a> {
    home: &'a Deployment,
    url: String,
    content_type: HeaderValue,
    body: Bytes,
    demanded: Demanded,
    /// The thread of a run, unless that is made along with it.
    thread: Option<Owned>,
}

impl Objects {
    /// Starts a run or a video.
    pub(super) async fn start(
        &self,
        request: &Request,
        attendance: &Attendance,
        matched: &RouteMatch<'_>,
        query: &Query,
        notes: Notes,
        line: &mut RequestLine,
    ) -> Result<Response, ApiError> {
        let kind = matched.route.kind;
        let plan = match kind {
            Kind::Run => self.plan_run(request, attendance, matched, query).await?,
            _ => self.plan_video(request, attendance, matched).await?,
        };
        let home = plan.home;
        line.model = Some(home.name.clone());
        let operation = kind.operation();
        let mut reservation = self
            .gateway
            .admit(request, attendance, &home.name, operation, &plan.demanded, notes)
            .await?;
        line.outcome = SETTLED;
        reservation.mark_sent();
        let outgoing = Outgoing {
            content_type: Some(plan.content_type),
            body: plan.body,
            is_streamed: plan.demanded.is_streamed,
            ..Outgoing::plain(Method::POST, plan.url)
        };
        let answer = match self.call_home(request, kind, home, outgoing).await {
            Ok(answer) => answer,
            Err(failure) => return Err(self.refuse(failure, matched, reservation)),
        };
        let headers =
            self.gateway.answer_headers(answer.headers(), request, &plan.demanded, &reservation);
        let mut new_object = NewObject::of(kind, request, attendance, 0);
        new_object.parent = plan.thread.as_ref().map(|thread| thread.id.clone());
        let makes_thread = kind == Kind::Run && new_object.parent.is_none();
        let thread = makes_thread.then(|| NewObject::of(Kind::Thread, request, attendance, 0));
        let deployments = attendance.at.catalog.deployments();
        let rewriter = Rewriter::of(kind, deployments, home, request);
        if plan.demanded.is_streamed && is_events(&answer) {
            let mut run_stream = RunStream::on(self.jobs(), attendance, home, request);
            run_stream.new_objects = Some((thread, new_object));
            return Ok(run_stream.start(answer, headers, Some(reservation)));
        }
        let bytes = match json_body(request, answer).await {
            Ok(bytes) => bytes,
            Err(error) => return Err(self.unusable(error, reservation)),
        };
        let state = JobState::read(&bytes);
        let id = |id: Option<&str>| id.and_then(|id| id.parse::<ObjectId>().ok());
        let own_id = id(state.as_ref().and_then(|state| state.id.as_deref()));
        let thread_id = id(state.as_ref().and_then(|state| state.thread_id.as_deref()));
        let (Some(own_id), true) = (own_id, !makes_thread || thread_id.is_some()) else {
            let odd = ApiError::UpstreamUnreachable(Some("what was made has no usable id".into()));
            return Err(self.unusable(odd, reservation));
        };
        // From now on the job's end settles it, or its hold's.
        reservation.leave_open();
        if let (Some(thread), Some(thread_id)) = (thread, thread_id) {
            new_object.parent = Some(thread_id.clone());
            let kept = self.registry.keep(thread, thread_id, home).await;
            kept.map_err(|cause| self.registry.ownership_unavailable(cause))?;
        }
        let owned = self.registry.keep(new_object, own_id, home).await;
        let owned = owned.map_err(|cause| self.registry.ownership_unavailable(cause))?;
        self.settle_job_if_ended(&owned, &attendance.at, &bytes);
        Ok(respond(headers, JSON, whole(rewriter.rewrite(bytes))))
    }

    /// Azure may have begun to work, and nobody can tell on what.
    fn unusable(&self, error: ApiError, reservation: Reservation) -> ApiError {
        let settlement = Settlement::AtLeast(Usage::default());
        let ending = Ending::of(settlement, error.code(), error.status().as_u16(), None);
        self.gateway.settle_behind(reservation, ending);
        error
    }

    async fn plan_run<'a>(
        &self,
        request: &Request,
        attendance: &'a Attendance,
        matched: &RouteMatch<'_>,
        query: &Query,
    ) -> Result<Plan<'a>, ApiError> {
        let operation = Kind::Run.operation();
        let owned = self.registry.owned_path(attendance, matched).await?;
        let payload = Payload::read(Protocol::of(operation), &request.http, &request.id)?;
        let named = self.registry.named(attendance, payload.references()?).await?;
        if let Some(thread) = &owned {
            named.expect_home(&thread.home)?;
        }
        let assistant = named.assistant().ok_or_else(|| {
            ApiError::bad(
                lanyard_gateway::error::BadRequestCode::InvalidValue,
                Some("assistant_id"),
                "assistant_id is missing. Name an assistant of your own.",
            )
        })?;
        let model = payload.model()?;
        let header = request.header(&headers::MODEL).ok().flatten();
        // As `forward` has it; who names no model gets the assistant's.
        let model = header.or(model.as_deref()).unwrap_or(assistant.home.deployment.as_str());
        let choice = pinned(attendance.choose_shared(Some(model), operation)?, &named)?;
        let home = crate::create::home_of(&choice, attendance)?;
        let demanded = threads::read_run(&payload, &attendance.caps(), most_prompt(attendance))?;
        Ok(Plan {
            home,
            url: Protocol::of(operation).url_below(home, matched.segments()?, &query.encoded()),
            content_type: JSON,
            body: threads::write_run(&payload, &demanded, home.azure_name.as_str()),
            demanded,
            thread: owned,
        })
    }

    async fn plan_video<'a>(
        &self,
        request: &Request,
        attendance: &'a Attendance,
        matched: &RouteMatch<'_>,
    ) -> Result<Plan<'a>, ApiError> {
        let operation = Kind::Video.operation();
        let original = self.registry.owned_path(attendance, matched).await?;
        let video = VideoRequest::read(&request.http, &request.id)?;
        let named = self.registry.named(attendance, video.references()?).await?;
        let (home, seconds) = match &original {
            Some(original) => {
                named.expect_home(&original.home)?;
                let home = deployment_at(attendance, &original.home)?;
                (home, Some(self.seconds_of(request, matched, original, home).await?))
            }
            None => {
                let model = video.model()?;
                let header = request.header(&headers::MODEL).ok().flatten();
                let choice = attendance.choose_shared(header.or(model.as_deref()), operation)?;
                let choice = pinned(choice, &named)?;
                (crate::create::home_of(&choice, attendance)?, None)
            }
        };
        let (demanded, content_type, body) = match seconds {
            Some(seconds) => video.again(seconds)?,
            None => video.for_azure(home.azure_name.as_str())?,
        };
        let segments = matched.segments()?;
        let url = Protocol::of(operation).url_below(home, segments, "");
        Ok(Plan { home, url, content_type, body, demanded, thread: None })
    }

    /// How long a film is that is to be made anew: the new one will be as long.
    async fn seconds_of(
        &self,
        request: &Request,
        matched: &RouteMatch<'_>,
        original: &Owned,
        home: &Deployment,
    ) -> Result<u64, ApiError> {
        let url = Protocol::of_kind(original.kind).url_below(home, [original.id.as_str()], "");
        let read = self.call_home(request, original.kind, home, Outgoing::plain(Method::GET, url));
        let answer = match read.await {
            Ok(answer) => answer,
            Err(lanyard_gateway::call::Failure::Missing) => return Err(matched.not_found()),
            Err(failure) => return Err(failure.into_error()),
        };
        let bytes = json_body(request, answer).await?;
        let seconds = JobState::read(&bytes).and_then(|state| state.seconds());
        Ok(seconds.unwrap_or(MOST_SECONDS))
    }
}

/// The largest prompt of a run that names none: what is usual, or less where an attendee is granted
/// less.
fn most_prompt(attendance: &Attendance) -> u64 {
    let granted = &attendance.allowances().attendee;
    let of_tokens = |limit: &&Limit| limit.quantity() == Quantity::Tokens;
    let limits = Limit::ALL.iter().filter(of_tokens);
    let least = limits.filter_map(|limit| granted.limit(*limit)).min();
    least.map_or(RUN_PROMPT, |least| (least / 2).min(RUN_PROMPT))
}

impl NamedObjects {
    /// The assistant among them.
    fn assistant(&self) -> Option<&Owned> {
        self.of_kind(Kind::Assistant)
    }
}

impl NewObject {
    /// A run's thread, once it is known.
    pub(super) fn below(mut self, thread: Option<ObjectId>) -> Self {
        self.parent = self.parent.or(thread);
        self
    }
}

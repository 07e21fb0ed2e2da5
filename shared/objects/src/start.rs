//! Starting a job. The request reserves what the job may cost, and the hold outlives the response.

use bytes::Bytes;
use http::{HeaderValue, Method};
use lanyard_domain::catalog::Deployment;
use lanyard_domain::limit::{Limit, Quantity};
use lanyard_domain::object::{Kind, ObjectId, Owned};
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;
use lanyard_gateway::admit::Reservation;
use lanyard_gateway::call::Failure;
use lanyard_gateway::error::{ApiError, BadRequestCode};
use lanyard_gateway::lookup::Attendance;
use lanyard_gateway::ports::RequestLine;
use lanyard_gateway::request::{Response, full};
use lanyard_gateway::settle::Ending;
use lanyard_protocol::Protocol;
use lanyard_protocol::demand::Demanded;
use lanyard_protocol::payload::{JSON, Payload};
use lanyard_protocol::threads::{self, RUN_PROMPT};
use lanyard_protocol::videos::{MOST_SECONDS, VideoRequest};

use crate::Objects;
use crate::call::Call;
use crate::jobs::JobState;
use crate::ownership::{deployment_at, home_of, pinned};
use crate::registry::NewObject;
use crate::responses::{is_events, json_body, respond};
use crate::rewrite::Rewriter;
use crate::stream::RunStream;
use crate::upstream::Outgoing;

/// What to start, and where.
struct Plan<'a> {
    home: &'a Deployment,
    url: String,
    content_type: HeaderValue,
    body: Bytes,
    demanded: Demanded,
    /// The thread of a run, unless Azure creates it along with the run.
    thread: Option<Owned>,
}

impl Objects {
    /// Starts a run or a video.
    pub(crate) async fn start(
        &self,
        call: &Call<'_>,
        line: &mut RequestLine,
    ) -> Result<Response, ApiError> {
        let Call { request, attendance, .. } = call;
        let kind = call.kind();
        let plan = match kind == Kind::Run {
            true => self.plan_run(call).await?,
            false => self.plan_video(call).await?,
        };
        let home = plan.home;
        line.model = Some(home.name.clone());
        let reservation = self.admit(call, &home.name, &plan.demanded, line).await?;
        let outgoing = Outgoing {
            content_type: Some(plan.content_type),
            body: plan.body,
            is_streamed: plan.demanded.is_streamed,
            ..Outgoing::plain(Method::POST, plan.url)
        };
        let response = match self.call_home(request, kind, home, outgoing.of(attendance)).await {
            Ok(response) => response,
            Err(failure) => return Err(self.refuse(failure, call, reservation)),
        };
        let headers = self.gateway.response_headers(
            response.headers(),
            request,
            &plan.demanded,
            &reservation,
        );
        let mut job = NewObject::of(kind, request, attendance, 0);
        job.parent = plan.thread.as_ref().map(|thread| thread.id.clone());
        let makes_thread = kind == Kind::Run && job.parent.is_none();
        let thread = makes_thread.then(|| NewObject::of(Kind::Thread, request, attendance, 0));
        if plan.demanded.is_streamed && is_events(&response) {
            let mut stream = RunStream::on(self.jobs(), attendance, home, request);
            stream.new_objects = Some((thread, job));
            return Ok(stream.start(response, headers, Some(reservation)));
        }
        let bytes = match json_body(request, home, response).await {
            Ok(bytes) => bytes,
            Err(error) => return Err(self.unusable(error, reservation)),
        };
        let state = JobState::read(&bytes);
        let id = |id: Option<&str>| id.and_then(|id| id.parse::<ObjectId>().ok());
        let own_id = id(state.as_ref().and_then(|state| state.id.as_deref()));
        let thread_id = id(state.as_ref().and_then(|state| state.thread_id.as_deref()));
        let (Some(own_id), true) = (own_id, !makes_thread || thread_id.is_some()) else {
            let cause = "the new object has no usable id";
            let error = ApiError::UpstreamUnreachable(Some(cause.into()));
            return Err(self.unusable(error, reservation));
        };
        // From now on the end of the job settles it, or the end of the hold.
        reservation.leave_open();
        if let (Some(thread), Some(thread_id)) = (thread, thread_id) {
            job.parent = Some(thread_id.clone());
            self.registry.register(thread, thread_id, home).await?;
        }
        let owned = self.registry.register(job, own_id, home).await?;
        self.settle_job_if_ended(&owned, &attendance.at, &bytes);
        let rewriter = Rewriter::of(kind, &attendance.at, home, request);
        Ok(respond(headers, JSON, full(rewriter.rewrite(bytes))))
    }

    /// Settles at least the estimate: Azure may have started a job whose id is unknown. If the
    /// response is an error, it has not.
    fn unusable(&self, error: ApiError, reservation: Reservation) -> ApiError {
        let error = error.after_sending();
        let settlement = if let ApiError::RefusedByModel(refusal) = &error {
            refusal.settlement(reservation.hold())
        } else {
            Settlement::AtLeast(Usage::default())
        };
        let ending = Ending::of(settlement, error.code(), error.status().as_u16(), None);
        self.gateway.settle_in_background(reservation, ending);
        error
    }

    async fn plan_run<'a>(&self, call: &'a Call<'_>) -> Result<Plan<'a>, ApiError> {
        let Call { request, attendance, .. } = call;
        let operation = call.operation();
        let thread = self.owned_path(call).await?;
        let payload = Payload::read(call.protocol(), &request.http, &request.id)?;
        let named = self.registry.named(attendance, payload.references()?).await?;
        if let Some(thread) = &thread {
            named.expect_home(&thread.home)?;
        }
        let assistant = named.of_kind(Kind::Assistant).ok_or_else(|| {
            ApiError::bad(
                BadRequestCode::InvalidValue,
                Some("assistant_id"),
                "assistant_id is missing. Name an assistant of your own.",
            )
        })?;
        let model = payload.model()?;
        let model = call.model_header().or(model.as_deref());
        let model = model.unwrap_or(assistant.home.deployment.as_str());
        let choice = pinned(attendance.choose_shared(Some(model), operation)?, &named)?;
        let home = home_of(&choice, attendance)?;
        let caps = attendance.caps_of(choice.facts());
        let demanded = threads::read_run(&payload, &caps, default_prompt(attendance))?;
        Ok(Plan {
            home,
            url: call.url(home)?,
            content_type: JSON,
            body: threads::write_run(&payload, &demanded, home.azure_name.as_str()),
            demanded,
            thread,
        })
    }

    async fn plan_video<'a>(&self, call: &'a Call<'_>) -> Result<Plan<'a>, ApiError> {
        let Call { request, attendance, .. } = call;
        let original = self.owned_path(call).await?;
        let video = VideoRequest::read(&request.http, &request.id)?;
        let named = self.registry.named(attendance, video.references()?).await?;
        let (home, (demanded, content_type, body)) = match &original {
            Some(original) => {
                named.expect_home(&original.home)?;
                let home = deployment_at(attendance, &original.home)?;
                let (seconds, is_large) = self.extent_of(call, original, home).await?;
                (home, video.again(seconds, is_large)?)
            }
            None => {
                let model = video.model()?;
                let model = call.model_header().or(model.as_deref());
                let choice = pinned(attendance.choose_shared(model, call.operation())?, &named)?;
                let home = home_of(&choice, attendance)?;
                (home, video.for_azure(home.azure_name.as_str())?)
            }
        };
        Ok(Plan { home, url: call.url(home)?, content_type, body, demanded, thread: None })
    }

    /// The seconds of the original of a remix, and whether it is large. The remix will be the same.
    async fn extent_of(
        &self,
        call: &Call<'_>,
        original: &Owned,
        home: &Deployment,
    ) -> Result<(u64, bool), ApiError> {
        let url = Protocol::of_kind(original.kind).url_below(home, [original.id.as_str()], "");
        let outgoing = Outgoing::plain(Method::GET, url);
        let response = match self.call_home(call.request, original.kind, home, outgoing).await {
            Ok(response) => response,
            Err(Failure::Missing(_)) => return Err(call.not_found()),
            Err(failure) => return Err(failure.into_error()),
        };
        let bytes = json_body(call.request, home, response).await?;
        let state = JobState::read(&bytes);
        let seconds = state.as_ref().and_then(JobState::seconds).unwrap_or(MOST_SECONDS);
        Ok((seconds, state.is_none_or(|state| state.is_large())))
    }
}

/// The prompt bound of a run that names none: the default, or half of what the attendee is granted.
fn default_prompt(attendance: &Attendance) -> u64 {
    let granted = &attendance.allowances().attendee;
    let of_tokens = |limit: &&Limit| limit.quantity() == Quantity::Tokens;
    let limits = Limit::ALL.iter().filter(of_tokens);
    let least = limits.filter_map(|limit| granted.limit(*limit)).min();
    least.map_or(RUN_PROMPT, |least| (least / 2).min(RUN_PROMPT))
}

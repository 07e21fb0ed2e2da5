//! Acting on one object of the caller's own, for one request of the allowance.

use bytes::Bytes;
use http::Method;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::object::{Kind, Owned};
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;
use lanyard_gateway::call::Failure;
use lanyard_gateway::error::ApiError;
use lanyard_gateway::ports::{RequestLine, UpstreamBody};
use lanyard_gateway::request::{Response, full};
use lanyard_gateway::settle::{Ending, OK};
use lanyard_protocol::demand::Demanded;
use lanyard_protocol::payload::{JSON, Payload};
use lanyard_protocol::{assistants, conversations, threads};

use crate::Objects;
use crate::call::Call;
use crate::ownership::{deployment_at, home_of, pinned_at};
use crate::registry::owner_of;
use crate::responses::{bytes_type, is_events, json_body, respond};
use crate::rewrite::Rewriter;
use crate::routes::Action;
use crate::store::Size;
use crate::stream::RunStream;
use crate::upstream::Outgoing;

/// No model worked.
pub(crate) const NO_TOKENS: Settlement = Settlement::Exact(Usage::of_tokens(0, 0));

/// A call, ready to be sent, and what it changes in the object's record.
struct Plan<'a> {
    outgoing: Outgoing,
    /// The tokens that it adds to later requests that name the object.
    added_tokens: u64,
    /// The model that an assistant has from now on.
    new_model: Option<&'a Deployment>,
}

impl Objects {
    /// Reads below an object, downloads, changes or deletes it, or resumes a run.
    pub(crate) async fn act(
        &self,
        call: &Call<'_>,
        line: &mut RequestLine,
    ) -> Result<Response, ApiError> {
        let Call { request, attendance, .. } = call;
        let action = call.action();
        // A malformed id is rejected before the store is read.
        call.matched.segments()?;
        let owned = self.owned_path(call).await?.ok_or_else(|| call.not_found())?;
        let deployment = deployment_at(attendance, &owned.home)?;
        line.model = Some(deployment.name.clone());
        let plan = self.plan(call, &owned, deployment).await?;
        if action == Action::Delete {
            self.settle_before_deletion(call, &owned, deployment).await;
        }
        let demanded = Demanded::of_objects();
        let reservation = self.admit(call, &deployment.name, &demanded, line).await?;
        let sent =
            self.call_home(request, call.kind(), deployment, plan.outgoing.of(attendance)).await;
        if action == Action::Delete && matches!(sent, Ok(_) | Err(Failure::Missing(_))) {
            self.registry.forget(&owned).await;
        }
        let upstream = match sent {
            Ok(upstream) => upstream,
            Err(failure) => return Err(self.refuse(failure, call, reservation)),
        };
        if let Some(model) = plan.new_model {
            self.registry.change_model(&owned, model).await;
        }
        if action == Action::Extend {
            self.registry.resize(&owned, Size::Grows(plan.added_tokens)).await;
        }
        let headers =
            self.gateway.response_headers(upstream.headers(), request, &demanded, &reservation);
        let response = match action {
            Action::Download => {
                let content_type = bytes_type(call.kind(), upstream.headers());
                self.pass(call, upstream, headers, content_type).await
            }
            Action::Resume if is_events(&upstream) => {
                let mut stream = RunStream::on(self.jobs(), attendance, deployment, request);
                stream.run = Some(owned);
                Ok(stream.start(upstream, headers, None))
            }
            Action::Delete => self.deleted(request, upstream, headers, &owned, deployment).await,
            Action::Create
            | Action::List
            | Action::Poll
            | Action::Read
            | Action::Change
            | Action::Extend
            | Action::Start
            | Action::Resume => {
                let rewritten = self.rewritten(call, &owned, deployment, upstream).await;
                rewritten.map(|bytes| respond(headers, JSON, full(bytes)))
            }
        };
        let ending = match &response {
            Ok(_) => Ending::of(NO_TOKENS, OK, 200, Some(self.gateway.ports().clock.now())),
            Err(error) => Ending::of(NO_TOKENS, error.code(), error.status().as_u16(), None),
        };
        self.gateway.settle_in_background(reservation, ending);
        response
    }

    /// Reads the body of a call and writes the one for Azure.
    async fn plan<'a>(
        &self,
        call: &'a Call<'_>,
        owned: &Owned,
        deployment: &Deployment,
    ) -> Result<Plan<'a>, ApiError> {
        let Call { request, attendance, .. } = call;
        let (kind, action) = (call.kind(), call.action());
        let method = call.matched.route.method.clone();
        let outgoing = Outgoing::plain(method, call.url(deployment)?);
        let mut plan = Plan { outgoing, added_tokens: 0, new_model: None };
        if plan.outgoing.method != Method::POST || request.http.body().is_empty() {
            return Ok(plan);
        }
        let payload = Payload::read(call.protocol(), &request.http, &request.id)?;
        let named = self.registry.named(attendance, payload.references()?).await?;
        named.expect_home(&owned.home)?;
        if action == Action::Extend {
            plan.added_tokens = conversations::items_tokens(&payload, &attendance.caps())?
                .saturating_add(named.tokens());
        }
        if matches!(kind, Kind::Assistant | Kind::Thread) {
            assistants::check(&payload, &attendance.caps())?;
        }
        plan.outgoing.is_streamed = action == Action::Resume && threads::is_streamed(&payload)?;
        plan.outgoing.content_type = Some(JSON);
        plan.outgoing.body = match payload.model()?.filter(|_| kind == Kind::Assistant) {
            None => request.http.body().clone(),
            Some(model) => {
                let choice = attendance.choose_shared(Some(&model), call.operation())?;
                let model = home_of(&pinned_at(choice, &owned.home)?, attendance)?;
                plan.new_model = Some(model);
                assistants::write(&payload, model.azure_name.as_str())
            }
        };
        Ok(plan)
    }

    /// The body of a response, with the event's own names. A job that it shows to have ended is
    /// settled.
    pub(crate) async fn rewritten(
        &self,
        call: &Call<'_>,
        owned: &Owned,
        home: &Deployment,
        upstream: http::Response<UpstreamBody>,
    ) -> Result<Bytes, ApiError> {
        let Call { request, attendance, .. } = call;
        let bytes = json_body(request, home, upstream).await?;
        // The steps of a run have a state of their own.
        if owned.kind.is_job() && call.matched.is_about_itself() {
            self.settle_job_if_ended(owned, &attendance.at, &bytes);
        } else if owned.kind == Kind::Thread && call.kind() == Kind::Run {
            self.settle_runs_that_ended(owner_of(attendance), &attendance.at, &bytes);
        }
        Ok(Rewriter::of(call.kind(), &attendance.at, home, request).rewrite(bytes))
    }
}

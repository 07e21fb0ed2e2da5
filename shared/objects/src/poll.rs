//! Reading one object. It is free, because clients poll until an object is ready, and throttled.

use http::Method;
use lanyard_gateway::call::Failure;
use lanyard_gateway::error::ApiError;
use lanyard_gateway::ports::RequestLine;
use lanyard_gateway::request::{Response, full};
use lanyard_gateway::settle::{OK, ms_between};
use lanyard_gateway::{expect_admitted, headers};
use lanyard_protocol::payload::JSON;

use crate::Objects;
use crate::call::Call;
use crate::ownership::deployment_at;
use crate::query::Param;
use crate::responses::{EVENTS, is_events, respond, upstream_id};
use crate::upstream::Outgoing;

impl Objects {
    /// Reads an object once the throttle lets it.
    pub(crate) async fn poll(
        &self,
        call: &Call<'_>,
        line: &mut RequestLine,
    ) -> Result<Response, ApiError> {
        let Call { request, attendance, .. } = call;
        let segments = call.matched.segments()?;
        // No write admits this call, so what a write would refuse is checked here.
        self.gateway.count_free_call(attendance, request.now)?;
        let (owned, account) =
            tokio::join!(self.owned_path(call), self.gateway.account(attendance));
        let (owned, account) = (owned?, account?);
        expect_admitted(attendance, &account)?;
        let owned = owned.ok_or_else(|| call.not_found())?;
        let deployment = deployment_at(attendance, &owned.home)?;
        line.model = Some(deployment.name.clone());
        let id = segments.iter().rev().find_map(|segment| segment.parse().ok());
        self.throttle.turn(&id.unwrap_or_else(|| owned.id.clone()), call.until()).await;

        let is_streamed = call.query.get(Param::Stream) == Some("true");
        let outgoing =
            Outgoing { is_streamed, ..Outgoing::plain(Method::GET, call.url(deployment)?) };
        let upstream = match self.call_home(request, call.kind(), deployment, outgoing).await {
            Ok(upstream) => upstream,
            Err(Failure::Missing(_)) => return Err(call.not_found()),
            Err(failure) => return Err(failure.into_error()),
        };
        let mut headers = upstream_id(upstream.headers());
        let allowance = account.allowance(&attendance.allowances().attendee);
        headers::set_rates(&mut headers, &allowance, &account, request.now.into());
        let response = if is_streamed && is_events(&upstream) {
            self.pass(call, upstream, headers, EVENTS).await?
        } else {
            let bytes = self.rewritten(call, &owned, deployment, upstream).await?;
            respond(headers, JSON, full(bytes))
        };
        line.request_id = Some(request.id.clone());
        line.outcome = OK;
        line.status = 200;
        line.duration_ms = ms_between(request.now, self.gateway.ports().clock.now());
        self.gateway.ports().request_log.write(line);
        Ok(response)
    }
}

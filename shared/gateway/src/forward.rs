//! Read this first: a participant's request in seven steps.

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::{HeaderMap, Method};
use lanyard_domain::catalog::Deployment;
use lanyard_domain::operation::Operation;
use lanyard_protocol::Protocol;
use tokio::sync::oneshot;

use crate::Gateway;
use crate::demand::{Demand, ModelCall};
use crate::error::ApiError;
use crate::handler::expect_method;
use crate::parse::{self, Candidates, Route};
use crate::ports::RequestLine;
use crate::relay::{Early, begin_early};
use crate::request::{Request, Response};
use crate::send::{NotSent, Sent};
use crate::settle::{Reservation, is_spent, ms_between};

impl Gateway {
    /// Takes a request from its arrival to the response.
    ///
    /// # Errors
    ///
    /// Every row of the error table.
    pub async fn forward(
        self: &Arc<Self>,
        operation: Operation,
        request: Request,
    ) -> Result<Response, ApiError> {
        let protocol = Protocol::of(operation);
        let path = request.http.uri().path();
        let is_at = |it: &Protocol| parse::route(path, it).is_ok();
        if let Some(counting) = protocol.counting.filter(|it| is_at(&it.protocol)) {
            return self.count(counting, request).await;
        }
        let beside = protocol.beside.iter().find(|it| is_at(it));
        self.forward_as(beside.copied().unwrap_or(protocol), request).await
    }

    /// The same by another protocol of an operation.
    ///
    /// # Errors
    ///
    /// Every row of the error table.
    pub async fn forward_as(
        self: &Arc<Self>,
        protocol: &'static Protocol,
        request: Request,
    ) -> Result<Response, ApiError> {
        let gateway = Arc::clone(self);
        let (early, mut begun) = oneshot::channel();
        // It owns all that it needs, so that it can go on behind a response that begins early.
        let mut serving: BoxFuture<'static, _> = Box::pin(async move {
            let operation = Some(protocol.operation);
            let mut line = RequestLine { operation, ..RequestLine::default() };
            let answered = gateway.serve(protocol, &request, &mut line, early).await;
            gateway.note_refusal(&request, line, &answered);
            answered
        });
        tokio::select! {
            biased;
            answered = &mut serving => answered,
            Ok(early) = &mut begun => Ok(self.respond_early(early, serving)),
        }
    }

    /// The seven steps: parse, look up, admit, select, send, relay, settle.
    ///
    /// Each takes the output of the one before, so nothing is sent that was not admitted. Relaying
    /// settles at the end of the response, which may be long after this function has returned.
    async fn serve(
        &self,
        protocol: &'static Protocol,
        request: &Request,
        line: &mut RequestLine,
        early: oneshot::Sender<Early>,
    ) -> Result<Response, ApiError> {
        let (route, tokens) = parse(request, protocol)?;
        let attendance = self.look_up(tokens, request.now, line).await?;
        let Demand { mut call, metadata } =
            self.demand(request, &attendance, protocol, &route, line).await?;
        let admitted = self.admit_call(request, &attendance, &mut call, metadata).await;
        let mut reservation = admitted.inspect_err(|error| {
            let is_spent = is_spent(error, &call.demanded, call.choice.facts());
            line.budget_used_percent = is_spent.then_some(100);
        })?;
        line.outcome = SETTLED;
        let candidates = self.select(&call.choice, call.protocol.operation, attendance.affinity());
        reservation.mark_sent();
        match self.send_or_begin(request, &call, &candidates, &reservation, early).await {
            Ok(sent) => self.relay(request, &mut call, sent, reservation).await,
            Err(not_sent) => self.response_unsent(request, &call, reservation, not_sent),
        }
    }

    /// Sends a request. A response that may be streamed begins before Azure's if that takes long.
    async fn send_or_begin<'d>(
        &self,
        request: &Request,
        call: &ModelCall<'_>,
        candidates: &[&'d Deployment],
        reservation: &Reservation,
        early: oneshot::Sender<Early>,
    ) -> Result<Sent<'d>, NotSent> {
        let sending = pin!(self.send(request, call, candidates, reservation));
        match call.demanded.is_streamed {
            true => begin_early(sending, || self.begin(request, call, reservation, early)).await,
            false => sending.await,
        }
    }

    /// Lets the response begin before Azure's.
    fn begin(
        &self,
        request: &Request,
        call: &ModelCall<'_>,
        reservation: &Reservation,
        early: oneshot::Sender<Early>,
    ) {
        let headers =
            self.response_headers(&HeaderMap::new(), request, &call.demanded, reservation);
        let (format, until) = (call.stream_format(), call.until);
        let (request_id, wants_usage) = (request.id.clone(), call.demanded.wants_usage);
        // The client may have left, and the request goes on.
        let _ = early.send(Early { headers, format, wants_usage, request_id, until });
    }

    /// Writes down a request that was refused before anything was reserved, and counts it at its
    /// event.
    pub fn note_refusal(
        &self,
        request: &Request,
        mut line: RequestLine,
        answered: &Result<Response, ApiError>,
    ) {
        if let Err(error) = answered
            && line.outcome != SETTLED
        {
            line.request_id = Some(request.id.clone());
            line.outcome = error.code();
            line.status = error.status().as_u16();
            line.duration_ms = ms_between(request.now, self.ports.clock.now());
            self.ports.request_log.write(&line);
            self.settler.count_refusal(line, request.now);
        }
        self.settler.write_refusals(request.now);
    }
}

/// By which path a request arrived, and whose it claims to be.
pub(crate) fn parse<'a>(
    request: &'a Request,
    protocol: &Protocol,
) -> Result<(Route<'a>, Candidates), ApiError> {
    let route = parse::route(request.http.uri().path(), protocol)?;
    expect_method(request, &Method::POST, "POST, OPTIONS")?;
    Ok((route, parse::tokens(request)?))
}

/// The line of the request log is written when the reservation is settled.
pub const SETTLED: &str = "settled";

/// Handlers run on any thread: this does not compile if a step of `forward` could not.
const _: fn(&Arc<Gateway>, Request) = |gateway, request| {
    fn is_send(_: impl Send) {}
    is_send(gateway.forward(Operation::ChatCompletions, request));
};

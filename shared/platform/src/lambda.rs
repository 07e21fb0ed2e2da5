//! Runs handlers on Lambda.
//!
//! Clients are built and connected while Lambda starts the environment. Background tasks of a
//! request, such as its settlement, outlive its response. They are awaited after the response was
//! passed to the runtime, and before the next invocation is requested. So the environment cannot
//! freeze in between, and no attendee waits.
//!
//! On Managed Instances one environment serves many requests at once, up to
//! `AWS_LAMBDA_MAX_CONCURRENCY`. Each request waits only for its own background tasks (decision
//! record 27). Elsewhere the variable is unset, and requests come one at a time.

mod event;
mod nodelay;
pub mod organisers;
mod settled;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http_body_util::{BodyExt, Full};
use lambda_http::{LambdaEvent, RequestExt, service_fn};
use lambda_runtime::Runtime;
use lanyard_administration::{AdminError, Administration};
use lanyard_gateway::handler::{Audience, run_handler};
use lanyard_gateway::ports::{Cause, Clock};
use lanyard_gateway::{ApiError, Gateway, Request, Response};
use lanyard_objects::Objects;
use serde::Serialize;
use tokio::time::Instant;

use self::event::{Buffered, Streamed};
use crate::clients::Clients;
use crate::shell::{self, Machine};
use crate::telemetry;

/// Why a function cannot start or continue.
pub type Error = lambda_runtime::Error;

/// The longest run of any function:
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html>.
const LONGEST_RUN: Duration = Duration::from_secs(900);

/// The state of a handler. It is built once for each environment.
pub trait State: Clone + Send + Sync + 'static {
    /// Builds the state from the clients of this environment.
    fn of(clients: &Clients) -> Self;
}

impl State for Arc<Gateway> {
    fn of(clients: &Clients) -> Self {
        clients.gateway()
    }
}

impl State for Arc<Objects> {
    fn of(clients: &Clients) -> Self {
        clients.objects()
    }
}

/// Serves a proxied route. Responses are streamed to a `RESPONSE_STREAM` integration.
///
/// # Errors
///
/// If the function cannot start. The error names every problem of its environment.
pub async fn stream<S, H, F>(handle: H) -> Result<(), Error>
where
    S: State,
    H: Fn(S, Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response, ApiError>> + Send + 'static,
{
    telemetry::start();
    let state = S::of(&Clients::from_environment().await?);
    let service = service_fn(move |event: lambda_http::Request| {
        nodelay::on_runtime_sockets();
        let served = serve(state.clone(), handle.clone(), event);
        async move { Ok::<_, Infallible>(served.await) }
    });
    Runtime::new(Streamed(service)).layer(settled::Settled).run_concurrent().await
}

/// Serves a route with buffered responses.
///
/// # Errors
///
/// If the function cannot start. The error names every problem of its environment.
pub async fn buffer<H, F>(handle: H) -> Result<(), Error>
where
    H: Fn(Arc<Gateway>, Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response, ApiError>> + Send + 'static,
{
    telemetry::start();
    buffer_over(Clients::from_environment().await?.gateway(), handle).await
}

async fn buffer_over<H, F>(gateway: Arc<Gateway>, handle: H) -> Result<(), Error>
where
    H: Fn(Arc<Gateway>, Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response, ApiError>> + Send + 'static,
{
    let service = service_fn(move |event: lambda_http::Request| {
        let served = serve(Arc::clone(&gateway), handle.clone(), event);
        async move { Ok::<_, Infallible>(collected(served.await).await) }
    });
    Runtime::new(Buffered(service)).layer(settled::Settled).run_concurrent().await
}

/// Serves a route with buffered responses and a state other than the gateway.
///
/// # Errors
///
/// Those of [`buffer`].
pub async fn buffer_with<S, H, F>(
    build: impl FnOnce(Clients, Arc<Gateway>) -> S,
    handle: H,
) -> Result<(), Error>
where
    S: Clone + Send + Sync + 'static,
    H: Fn(S, Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response, ApiError>> + Send + 'static,
{
    telemetry::start();
    let clients = Clients::from_environment().await?;
    let gateway = clients.gateway();
    let state = build(clients, Arc::clone(&gateway));
    let handle = move |_: Arc<Gateway>, request| handle(state.clone(), request);
    buffer_over(gateway, handle).await
}

/// Serves files with a handler that needs no state. The responses are streamed, because a buffered
/// integration would need Base64 for compressed bytes.
///
/// # Errors
///
/// If the runtime cannot be reached.
pub async fn stream_files<H, F>(handle: H) -> Result<(), Error>
where
    H: Fn(Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response, ApiError>> + Send + 'static,
{
    telemetry::start();
    let service = service_fn(move |event: lambda_http::Request| {
        nodelay::on_runtime_sockets();
        let handle = handle.clone();
        async move {
            let response = match request(event) {
                Ok(request) => run_handler(Audience::Visitors, request, handle).await,
                Err(cause) => ApiError::Internal(Some(cause)).into_response(),
            };
            Ok::<_, Infallible>(response)
        }
    });
    lambda_runtime::run(Streamed(service)).await
}

/// A response in the form that a buffered integration takes.
async fn collected(response: Response) -> http::Response<Full<Bytes>> {
    let (head, body) = response.into_parts();
    let Ok(body) = body.collect().await;
    http::Response::from_parts(head, Full::new(body.to_bytes()))
}

/// Runs a job for each invocation by a schedule. The response is the job's result.
///
/// # Errors
///
/// If the function cannot start. The error names every problem of its environment.
pub async fn on_schedule<S, H, F, R>(job: H) -> Result<(), Error>
where
    S: State,
    H: Fn(S, DateTime<Utc>) -> F,
    F: Future<Output = Result<R, Cause>>,
    R: Serialize,
{
    telemetry::start();
    let clients = Clients::from_environment().await?;
    let state = S::of(&clients);
    run_raw(|_| {
        let done = job(state.clone(), clients.now());
        async { Ok(serde_json::to_value(done.await?)?) }
    })
    .await
}

/// Serves organisers with buffered responses: requests from API Gateway, and direct invocations.
///
/// # Errors
///
/// If the function cannot start. The error names every problem of its environment.
pub async fn administer<H, F>(handle: H) -> Result<(), Error>
where
    H: Fn(Arc<Administration>, Request) -> F + Copy,
    F: Future<Output = Result<Response, AdminError>>,
{
    telemetry::start();
    let administration = Clients::from_environment().await?.administration();
    run_raw(|payload| organisers::serve_invocation(&administration, handle, payload)).await
}

/// Serves invocations that are not requests of attendees.
///
/// # Errors
///
/// If the function cannot start. The error names every problem of its environment.
async fn run_raw<F, Fut>(handler: F) -> Result<(), Error>
where
    F: Fn(serde_json::Value) -> Fut,
    Fut: Future<Output = Result<serde_json::Value, Cause>>,
{
    lambda_runtime::run(service_fn(|event: LambdaEvent<serde_json::Value>| handler(event.payload)))
        .await
}

async fn serve<S, H, F>(state: S, handle: H, event: lambda_http::Request) -> Response
where
    H: Fn(S, Request) -> F,
    F: Future<Output = Result<Response, ApiError>>,
{
    match request(event) {
        Ok(request) => {
            run_handler(Audience::Attendees, request, |request| handle(state, request)).await
        }
        Err(cause) => ApiError::Internal(Some(cause)).into_response(),
    }
}

/// Converts an event of Lambda to a request.
///
/// # Errors
///
/// If the system has no randomness for the request's id.
pub fn request(event: lambda_http::Request) -> Result<Request, Cause> {
    let now = Machine.now();
    let deadline = event.lambda_context_ref().and_then(|context| {
        let left_ms = i64::try_from(context.deadline).ok()?.checked_sub(now.timestamp_millis())?;
        let left = Duration::from_millis(u64::try_from(left_ms).ok()?);
        // Some emulators give a meaningless deadline.
        (left <= LONGEST_RUN).then(|| Instant::now() + left)
    });
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the crate may add variants; none has bytes"
    )]
    let http = event.map(|body| match body {
        lambda_http::Body::Text(text) => Bytes::from(text),
        lambda_http::Body::Binary(bytes) => Bytes::from(bytes),
        _ => Bytes::new(),
    });
    Ok(Request { id: shell::request_id()?, now, deadline, http })
}

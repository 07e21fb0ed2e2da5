//! One call to a deployment, and what came of it.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http::StatusCode;
use lanyard_domain::account::Hold;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;
use lanyard_protocol::refusal::{self, OurNames};
use lanyard_protocol::wait;
use tokio::time::Instant;

use crate::error::{ApiError, ModelRefusal, table};
use crate::ports::{
    Cause, Clock, CredentialMark, Upstream, UpstreamBody, UpstreamCall, UpstreamFault,
};
use crate::request::skip_mark;

/// The time limit of a buffered response, from the request to its last byte. API Gateway ends a
/// connection without a byte after 300 s.
const LONGEST_BUFFERED: Duration = Duration::from_secs(285);

/// The longest run of a function.
pub const LONGEST_RUN: Duration = Duration::from_secs(900);

/// The time kept back for a last event and settling before the function is stopped.
pub const SHUTDOWN_MARGIN: Duration = Duration::from_secs(5);

/// The most of an error response that is read, in bytes.
const LONGEST_ERROR: usize = 64 * 1024;

/// Why a call came to nothing.
#[derive(Debug)]
pub enum Failure {
    /// The model has no room, or there was no connection: nothing is billed, and another deployment
    /// may do better.
    Transient(ApiError),
    /// The deployment says that it has failed, which Azure does not bill.
    Faulty(ApiError),
    /// The request was sent and nothing usable came back. A model may be working on it.
    Lost(ApiError),
    /// The model has read the prompt and given up.
    TimedOut,
    /// The key may have been changed, or the token may have been revoked.
    BadCredential(Option<CredentialMark>),
    /// Azure knows the deployment, but not the object that the request names.
    Missing(Box<ModelRefusal>),
    /// Azure does not know the path, or the deployment.
    NotThere(Box<ModelRefusal>),
    /// Azure refuses what the client sent.
    Refused(Box<ModelRefusal>),
    /// Nothing helps.
    Final(ApiError),
}

/// Calls a deployment, and once more with another credential if it refuses the first. The clock
/// serves for waits that Azure gives as a date.
///
/// # Errors
///
/// Why the call came to nothing.
pub async fn call_deployment(
    upstream: &dyn Upstream,
    clock: &dyn Clock,
    deployment: &Deployment,
    call: impl Fn() -> UpstreamCall,
) -> Result<http::Response<UpstreamBody>, Failure> {
    match call_once(upstream, clock, deployment, call()).await {
        Err(Failure::BadCredential(refused))
            if upstream.renew_credential(deployment, refused).await =>
        {
            call_once(upstream, clock, deployment, call()).await
        }
        called => called,
    }
}

/// Calls a deployment once. The only place that interprets a status of Azure's.
///
/// # Errors
///
/// Why the call came to nothing.
pub(crate) async fn call_once(
    upstream: &dyn Upstream,
    clock: &dyn Clock,
    deployment: &Deployment,
    call: UpstreamCall,
) -> Result<http::Response<UpstreamBody>, Failure> {
    let response = upstream.send(deployment, call).await?;
    let status = response.status();
    Err(match status {
        status if status.is_success() => return Ok(response),
        StatusCode::TOO_MANY_REQUESTS => Failure::Transient(ApiError::UpstreamBusy {
            retry_after: wait::retry_after(response.headers(), clock.now()),
        }),
        status if status == table::overloaded() => {
            Failure::Transient(ApiError::UpstreamOverloaded {
                retry_after: wait::retry_after(response.headers(), clock.now()),
            })
        }
        StatusCode::REQUEST_TIMEOUT => Failure::TimedOut,
        StatusCode::GATEWAY_TIMEOUT => Failure::Faulty(ApiError::UpstreamLate(Some(said(status)))),
        status if status.is_server_error() => {
            Failure::Faulty(ApiError::UpstreamUnreachable(Some(said(status))))
        }
        StatusCode::UNAUTHORIZED => Failure::BadCredential(response.extensions().get().copied()),
        StatusCode::FORBIDDEN => {
            let (body, names) = read_error(response, deployment).await;
            let refusal = refusal::refusal(status, &body, &names);
            match refusal.is_about_request() {
                true => Failure::Refused(Box::new(refusal)),
                false => Failure::Final(misconfigured(status)),
            }
        }
        StatusCode::NOT_FOUND => {
            let (body, names) = read_error(response, deployment).await;
            let refusal = Box::new(refusal::refusal(status, &body, &names));
            match refusal::is_missing_object(&body) {
                true => Failure::Missing(refusal),
                false => Failure::NotThere(refusal),
            }
        }
        status if status.is_client_error() => {
            let (body, names) = read_error(response, deployment).await;
            // 409 would make the legacy SDK repeat the request without a pause.
            let shown =
                if status == StatusCode::CONFLICT { StatusCode::BAD_REQUEST } else { status };
            let refusal = refusal::refusal(shown, &body, &names);
            match refusal.is_about_deployment() {
                true => Failure::Final(misconfigured(status)),
                false => Failure::Refused(Box::new(refusal)),
            }
        }
        status => Failure::Final(ApiError::UpstreamUnreachable(Some(said(status)))),
    })
}

impl Failure {
    /// Whether the deployment refuses our credential or does not exist. Nothing is billed, and
    /// another deployment may do better.
    pub(crate) fn is_misconfiguration(&self) -> bool {
        match self {
            Self::BadCredential(_) | Self::Final(ApiError::UpstreamMisconfigured(_)) => true,
            Self::NotThere(_) => self.is_missing_deployment(),
            Self::Transient(_)
            | Self::Faulty(_)
            | Self::Lost(_)
            | Self::TimedOut
            | Self::Missing(_)
            | Self::Refused(_)
            | Self::Final(_) => false,
        }
    }

    /// Whether Azure says that it is the deployment that does not exist.
    pub(crate) fn is_missing_deployment(&self) -> bool {
        matches!(self, Self::NotThere(refusal)
            if refusal.code.as_deref() == Some("DeploymentNotFound"))
    }

    /// The error for the client.
    #[must_use]
    pub fn into_error(self) -> ApiError {
        match self {
            Self::Transient(error)
            | Self::Faulty(error)
            | Self::Lost(error)
            | Self::Final(error) => error,
            Self::TimedOut => ApiError::UpstreamTimeout,
            Self::NotThere(_) => misconfigured(StatusCode::NOT_FOUND),
            Self::BadCredential(_) => misconfigured(StatusCode::UNAUTHORIZED),
            Self::Missing(refusal) | Self::Refused(refusal) => ApiError::RefusedByModel(refusal),
        }
    }

    /// What the request cost. Only what Azure certainly does not bill is void.
    #[must_use]
    pub fn settlement(&self, hold: &Hold) -> Settlement {
        // A filter that refuses has read the prompt. Azure reports no usage for it, so the estimate
        // is charged.
        let prompt = Settlement::Estimated(hold.prompt());
        match self {
            Self::Transient(_)
            | Self::BadCredential(_)
            | Self::Missing(_)
            | Self::NotThere(_)
            | Self::Final(_) => Settlement::Void,
            Self::Refused(refusal) if refusal.is_by_filter() => prompt,
            Self::Refused(refusal)
                if matches!(refusal.status, StatusCode::NOT_FOUND | StatusCode::FORBIDDEN) =>
            {
                Settlement::Void
            }
            // It cost no tokens, but it was a request.
            Self::Refused(_) | Self::Faulty(_) => Settlement::Exact(Usage::default()),
            Self::TimedOut => prompt,
            Self::Lost(_) => Settlement::AtLeast(Usage::default()),
        }
    }
}

impl From<UpstreamFault> for Failure {
    fn from(fault: UpstreamFault) -> Self {
        match fault {
            UpstreamFault::NotConnected(cause) => {
                Self::Transient(ApiError::UpstreamUnreachable(Some(cause)))
            }
            UpstreamFault::Broken(cause) => Self::Lost(ApiError::UpstreamBroken(Some(cause))),
            UpstreamFault::Timeout => Self::Lost(ApiError::UpstreamTimeout),
            UpstreamFault::NoCredential(cause) => {
                Self::Final(ApiError::UpstreamMisconfigured(Some(cause)))
            }
        }
    }
}

fn misconfigured(status: StatusCode) -> ApiError {
    ApiError::UpstreamMisconfigured(Some(said(status)))
}

fn said(status: StatusCode) -> Cause {
    format!("the deployment answered {status}").into()
}

/// How long a response may take from now on. A stream has all of the function's time; a buffered
/// one has less, because its connection is idle meanwhile.
#[must_use]
pub fn time_left(deadline: Option<Instant>, is_streamed: bool) -> Duration {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let left = left.unwrap_or(LONGEST_RUN).min(LONGEST_RUN).saturating_sub(SHUTDOWN_MARGIN);
    if is_streamed { left } else { left.min(LONGEST_BUFFERED) }
}

/// As much of an error as comes soon, and the names that clients must not see of it. Missing usage
/// fields only make the record less detailed.
async fn read_error(
    response: http::Response<UpstreamBody>,
    deployment: &Deployment,
) -> (Bytes, OurNames) {
    let (head, mut body) = response.into_parts();
    let mut read = Vec::new();
    let until = Instant::now() + SHUTDOWN_MARGIN;
    while read.len() < LONGEST_ERROR
        && let Ok(Some(Ok(chunk))) = tokio::time::timeout_at(until, body.next()).await
    {
        read.extend_from_slice(&chunk);
    }
    let mut read = Bytes::from(read);
    skip_mark(&mut read);
    (read, OurNames::of(deployment).with(head.extensions.get()))
}

//! One call to a deployment, and what came of it.

use std::time::Duration;

use futures_util::StreamExt;
use http::StatusCode;
use lanyard_domain::catalog::Deployment;
use lanyard_protocol::refusal;
use tokio::time::Instant;

use crate::error::{ApiError, ModelRefusal};
use crate::ports::{Cause, CredentialMark, Upstream, UpstreamBody, UpstreamCall, UpstreamFault};

/// How long to wait for the head of a response.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// The time kept back for telling the attendee and settling before the function is stopped.
pub const SHUTDOWN_MARGIN: Duration = Duration::from_secs(5);

/// The most of an error response that is read, in bytes.
const LONGEST_ERROR: usize = 64 * 1024;

/// Why a call came to nothing.
#[derive(Debug)]
pub enum Failure {
    /// Another deployment may do better.
    Transient(ApiError),
    /// The key may have been changed, or the token may have been revoked.
    BadCredential(Option<CredentialMark>),
    /// Azure knows the deployment, and not what the request names.
    Missing(Box<ModelRefusal>),
    /// Azure does not know the path, or the deployment.
    NotThere(Box<ModelRefusal>),
    /// Azure refuses what the client sent.
    Refused(Box<ModelRefusal>),
    /// Nothing helps.
    Final(ApiError),
}

/// Calls a deployment, and once more with another credential if it refuses the first.
///
/// # Errors
///
/// Why the call came to nothing. After a second call nothing is [`Failure::Transient`]: no third
/// one leaves for one request.
pub async fn call_deployment(
    upstream: &dyn Upstream,
    deployment: &Deployment,
    call: impl Fn() -> UpstreamCall,
) -> Result<http::Response<UpstreamBody>, Failure> {
    match call_once(upstream, deployment, call()).await {
        Err(Failure::BadCredential(refused))
            if upstream.renew_credential(deployment, refused).await =>
        {
            call_once(upstream, deployment, call()).await.map_err(Failure::without_retry)
        }
        called => called,
    }
}

/// Calls a deployment once. This is the one place that says what a status of Azure's means.
///
/// # Errors
///
/// Why the call came to nothing.
pub(crate) async fn call_once(
    upstream: &dyn Upstream,
    deployment: &Deployment,
    call: UpstreamCall,
) -> Result<http::Response<UpstreamBody>, Failure> {
    let response = upstream.send(deployment, call).await?;
    let status = response.status();
    Err(match status {
        status if status.is_success() => return Ok(response),
        StatusCode::TOO_MANY_REQUESTS => Failure::Transient(ApiError::UpstreamBusy {
            retry_after: refusal::retry_after(response.headers()),
        }),
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => {
            Failure::Transient(ApiError::UpstreamTimeout)
        }
        status if status.is_server_error() => {
            Failure::Transient(ApiError::UpstreamUnreachable(Some(said(status))))
        }
        StatusCode::UNAUTHORIZED => Failure::BadCredential(response.extensions().get().copied()),
        StatusCode::FORBIDDEN => Failure::Final(misconfigured(status)),
        StatusCode::NOT_FOUND => {
            let body = read_error(response.into_body()).await;
            match refusal::is_missing_object(&body) {
                true => Failure::Missing(Box::new(refusal::refusal(status, &body, deployment))),
                false => Failure::NotThere(Box::new(refusal::refusal(status, &body, deployment))),
            }
        }
        status if status.is_client_error() => {
            let body = read_error(response.into_body()).await;
            // 409 would make the legacy SDK repeat the request without a pause.
            let status =
                if status == StatusCode::CONFLICT { StatusCode::BAD_REQUEST } else { status };
            Failure::Refused(Box::new(refusal::refusal(status, &body, deployment)))
        }
        status => Failure::Final(ApiError::UpstreamUnreachable(Some(said(status)))),
    })
}

impl Failure {
    /// The error for the client.
    #[must_use]
    pub fn into_error(self) -> ApiError {
        match self {
            Self::Transient(error) | Self::Final(error) => error,
            Self::NotThere(_) => misconfigured(StatusCode::NOT_FOUND),
            Self::BadCredential(_) => misconfigured(StatusCode::UNAUTHORIZED),
            Self::Missing(refusal) | Self::Refused(refusal) => ApiError::RefusedByModel(refusal),
        }
    }

    fn without_retry(self) -> Self {
        match self {
            Self::Transient(error) => Self::Final(error),
            other @ (Self::BadCredential(_)
            | Self::Missing(_)
            | Self::NotThere(_)
            | Self::Refused(_)
            | Self::Final(_)) => other,
        }
    }
}

impl From<UpstreamFault> for Failure {
    fn from(fault: UpstreamFault) -> Self {
        match fault {
            UpstreamFault::Unreachable(cause) => {
                Self::Transient(ApiError::UpstreamUnreachable(Some(cause)))
            }
            UpstreamFault::Timeout => Self::Transient(ApiError::UpstreamTimeout),
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

/// How long the head of a response may take: less where the function is stopped earlier.
#[must_use]
pub fn timeout(deadline: Option<Instant>) -> Duration {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    left.map_or(LONGEST_WAIT, |left| left.saturating_sub(SHUTDOWN_MARGIN).min(LONGEST_WAIT))
}

/// As much of an error as comes soon. What is missing only costs detail.
async fn read_error(mut body: UpstreamBody) -> Vec<u8> {
    let mut read = Vec::new();
    let until = Instant::now() + SHUTDOWN_MARGIN;
    while read.len() < LONGEST_ERROR
        && let Ok(Some(Ok(chunk))) = tokio::time::timeout_at(until, body.next()).await
    {
        read.extend_from_slice(&chunk);
    }
    read
}

//! Steps four and five: which deployment takes the request, and the call to it.
//!
//! At most two calls leave for one request: to a second deployment of the same name when the first
//! is busy, broken or silent, or to the same one with another credential.

use std::time::Duration;

use futures_util::StreamExt;
use http::{Method, StatusCode};
use lanyard_domain::catalog::{Choice, Deployment};
use lanyard_protocol::demand::Demanded;
use lanyard_protocol::payload::{Payload, Target};
use lanyard_protocol::{Protocol, refusal};
use tokio::time::Instant;

use crate::Gateway;
use crate::admit::Reservation;
use crate::error::ApiError;
use crate::ports::{Cause, CredentialMark, Incident, UpstreamBody, UpstreamCall, UpstreamFault};
use crate::request::Request;
use crate::stored::ResponseHook;

/// How long to wait for the head of an answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// The time kept back for telling the attendee and settling before the function is stopped.
pub const LAST_WORDS: Duration = Duration::from_secs(5);

/// The most of an error answer that is read.
const LONGEST_ERROR: usize = 64 * 1024;

/// What came of the calls.
pub enum Sent<'d> {
    /// This deployment is answering.
    Answer {
        /// Its response.
        answer: http::Response<UpstreamBody>,
        /// The deployment.
        from: &'d Deployment,
    },
    /// Azure refused what the participant sent. `is_charged` if its filter read the prompt.
    Refused {
        /// What Azure said.
        error: ApiError,
        /// Whether the prompt was read.
        is_charged: bool,
    },
}

/// A request on its way to whichever deployment takes it.
struct Outgoing<'a> {
    request: &'a Request,
    payload: &'a Payload<'a>,
    demanded: &'a Demanded,
    protocol: &'static Protocol,
    user: &'a str,
}

impl Outgoing<'_> {
    fn to(&self, deployment: &Deployment) -> UpstreamCall {
        let target = Target {
            azure_name: deployment.azure_name.as_str(),
            completion_field: deployment.completion_field,
            user: self.user,
        };
        UpstreamCall {
            method: Method::POST,
            url: self.protocol.url(deployment),
            body: self.payload.for_azure(self.demanded, &target),
            content_type: Some(self.payload.content_type()),
            beta: None,
            accept: self.protocol.accept(self.demanded.is_streamed),
            is_streamed: self.demanded.is_streamed,
            request_id: self.request.id.clone(),
            patience: patience(self.request.deadline),
        }
    }
}

/// Why a call came to nothing.
pub enum Failure {
    /// Another deployment may do better.
    Transient(ApiError),
    /// The key may have been changed, or the token may have been revoked.
    BadCredential(Option<CredentialMark>),
    /// Azure knows the deployment, and not what the request names.
    Missing,
    /// Azure does not know the path, or the deployment.
    NotThere(Box<crate::error::ModelRefusal>),
    /// Nothing helps.
    Final(ApiError),
}

impl Gateway {
    /// Sends an admitted request.
    ///
    /// # Errors
    ///
    /// 429, 502, 503 or 504: nothing reached a model.
    pub(crate) async fn send<'d>(
        &self,
        request: &Request,
        payload: &Payload<'_>,
        demanded: &Demanded,
        choice: &Choice<'d>,
        reservation: &mut Reservation,
        hook: Option<&dyn ResponseHook>,
    ) -> Result<Sent<'d>, ApiError> {
        let user = reservation.user_hash.clone();
        let outgoing = Outgoing {
            request,
            payload,
            demanded,
            protocol: Protocol::of(reservation.operation),
            user: &user,
        };
        let order = choice.by_luck(self.ports.luck.draw());
        let first = *order.first().ok_or(ApiError::Internal(None))?;
        let call = outgoing.to(first);
        reservation.mark_sent();
        let failure = match self.call(first, call).await {
            Ok(sent) => return Ok(sent),
            Err(failure) => failure,
        };
        // Azure has lost, or deleted by itself, what our record still names.
        if let (Failure::Missing, Some(error)) = (&failure, hook.and_then(ResponseHook::missing)) {
            return Err(error);
        }
        let second = match &failure {
            Failure::Transient(_) => order.get(1).copied(),
            Failure::BadCredential(refused) => {
                let is_renewed = self.ports.upstream.renew_credential(first, *refused).await;
                is_renewed.then_some(first)
            }
            Failure::Missing | Failure::NotThere(_) | Failure::Final(_) => None,
        };
        let error = match second {
            Some(second) => match self.call(second, outgoing.to(second)).await {
                Ok(sent) => return Ok(sent),
                Err(failure) => failure.into_error(),
            },
            None => failure.into_error(),
        };
        self.report(&error, reservation);
        match error {
            ApiError::UpstreamMisconfigured(cause) if reservation.notes.is_own => {
                Err(ApiError::OwnDeploymentRefused(cause))
            }
            error => Err(error),
        }
    }

    /// Calls a deployment once.
    ///
    /// # Errors
    ///
    /// Why the call came to nothing.
    pub async fn call<'d>(
        &self,
        deployment: &'d Deployment,
        call: UpstreamCall,
    ) -> Result<Sent<'d>, Failure> {
        let response = match self.ports.upstream.send(deployment, call).await {
            Ok(response) => response,
            Err(UpstreamFault::Unreachable(cause)) => {
                return Err(Failure::Transient(ApiError::UpstreamUnreachable(Some(cause))));
            }
            Err(UpstreamFault::Timeout) => {
                return Err(Failure::Transient(ApiError::UpstreamTimeout));
            }
            Err(UpstreamFault::NoCredential(cause)) => {
                return Err(Failure::Final(ApiError::UpstreamMisconfigured(Some(cause))));
            }
        };
        let status = response.status();
        let misconfigured = || ApiError::UpstreamMisconfigured(Some(said(status)));
        match status {
            status if status.is_success() => {
                Ok(Sent::Answer { answer: response, from: deployment })
            }
            StatusCode::TOO_MANY_REQUESTS => Err(Failure::Transient(ApiError::UpstreamBusy {
                retry_after: refusal::retry_after(response.headers()),
            })),
            StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => {
                Err(Failure::Transient(ApiError::UpstreamTimeout))
            }
            status if status.is_server_error() => {
                Err(Failure::Transient(ApiError::UpstreamUnreachable(Some(said(status)))))
            }
            StatusCode::UNAUTHORIZED => {
                Err(Failure::BadCredential(response.extensions().get().copied()))
            }
            StatusCode::NOT_FOUND => {
                let body = read_error(response.into_body()).await;
                Err(if refusal::is_missing_object(&body) {
                    Failure::Missing
                } else {
                    Failure::NotThere(Box::new(refusal::refusal(status, &body, deployment)))
                })
            }
            StatusCode::FORBIDDEN => Err(Failure::Final(misconfigured())),
            status if status.is_client_error() => {
                let body = read_error(response.into_body()).await;
                // 409 would make the legacy SDK repeat the request without a pause.
                let status =
                    if status == StatusCode::CONFLICT { StatusCode::BAD_REQUEST } else { status };
                let refused = refusal::refusal(status, &body, deployment);
                let is_charged = refused.code.as_deref() == Some("content_filter");
                Ok(Sent::Refused { error: ApiError::RefusedByModel(Box::new(refused)), is_charged })
            }
            status => Err(Failure::Final(ApiError::UpstreamUnreachable(Some(said(status))))),
        }
    }

    /// Counts an error of Azure's that an organiser must know of.
    pub fn report(&self, error: &ApiError, reservation: &Reservation) {
        // Whose key it is, mends it.
        if reservation.notes.is_own {
            return;
        }
        let event = Some(&reservation.at.event.id);
        if let ApiError::UpstreamMisconfigured(_) = error {
            self.ports.journal.count(Incident::UpstreamMisconfigured, event);
            tracing::error!(model = %reservation.model, "upstream_misconfigured");
        }
        if let ApiError::UpstreamBusy { .. } = error {
            self.ports.journal.count(Incident::UpstreamBusy, event);
        }
    }
}

impl Failure {
    /// The error for the attendee.
    #[must_use]
    pub fn into_error(self) -> ApiError {
        match self {
            Self::Transient(error) | Self::Final(error) => error,
            Self::Missing | Self::NotThere(_) => {
                ApiError::UpstreamMisconfigured(Some(said(StatusCode::NOT_FOUND)))
            }
            Self::BadCredential(_) => {
                ApiError::UpstreamMisconfigured(Some(said(StatusCode::UNAUTHORIZED)))
            }
        }
    }
}

fn said(status: StatusCode) -> Cause {
    format!("the deployment answered {status}").into()
}

/// How long the answer's head may take: less where the function is stopped earlier.
#[must_use]
pub fn patience(deadline: Option<Instant>) -> Duration {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    left.map_or(PATIENCE, |left| left.saturating_sub(LAST_WORDS).min(PATIENCE))
}

/// As much of an error as comes soon. What is missing only costs detail.
async fn read_error(mut body: UpstreamBody) -> Vec<u8> {
    let mut read = Vec::new();
    let until = Instant::now() + LAST_WORDS;
    while read.len() < LONGEST_ERROR
        && let Ok(Some(Ok(chunk))) = tokio::time::timeout_at(until, body.next()).await
    {
        read.extend_from_slice(&chunk);
    }
    read
}

//! At most two calls for one request.
//!
//! The second goes to a second deployment of the same name when the first is busy, cannot be
//! reached, refuses our credential, does not exist, soon reports a failure, or cannot read the
//! encrypted reasoning. Or it goes to the same one: with another credential, without our own fields if the deployment refuses one, or without
//! the reasoning. After silence there is no second call, because a model may be working.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};
use lanyard_domain::catalog::Deployment;
use lanyard_domain::ids::EventId;
use lanyard_protocol::added::RefusedFields;
use lanyard_protocol::headers::{Passed, RefusedValues};
use lanyard_protocol::payload::Target;
use lanyard_protocol::reasoning::LeftOut;
use tokio::time::Instant;

use super::Sent;
use crate::call::{Failure, call_once};
use crate::demand::ModelCall;
use crate::error::{ApiError, ModelRefusal};
use crate::ports::UpstreamCall;
use crate::request::Request;
use crate::{Gateway, Ports};

/// How long after the first call a failure may lead to a second call.
const FAILOVER_TIME: Duration = Duration::from_secs(10);

/// The calls for one request.
pub(crate) struct Attempts<'a, 'c> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) request: &'a Request,
    pub(crate) call: &'a ModelCall<'c>,
    pub(crate) event: &'a EventId,
    /// The id of the attendee at Azure.
    pub(crate) user: &'a str,
}

/// The fields and values that a call leaves out.
#[derive(Clone)]
struct Omits {
    refused: RefusedFields,
    /// All encrypted reasoning.
    drops_reasoning: bool,
    /// Encrypted reasoning that the deployment could not read, by its fingerprints.
    unreadable: Arc<[u64]>,
    /// Values of the client's headers.
    values: Arc<[String]>,
}

impl Attempts<'_, '_> {
    /// Calls the first deployment, and once more where that can help.
    pub(crate) async fn run<'d>(
        &self,
        first: &'d Deployment,
        others: &[&'d Deployment],
    ) -> Result<Sent<'d>, Failure> {
        let upstream = self.gateway.ports.upstream.as_ref();
        let refused = self.refused(first);
        let began_at = Instant::now();
        let failure = match self.once(first, refused).await {
            Ok(sent) => return Ok(sent),
            Err(failure) => failure,
        };
        if Instant::now() >= self.call.until {
            return Err(failure);
        }
        let is_soon = began_at.elapsed() <= FAILOVER_TIME;
        match (failure, others) {
            (Failure::Transient(_), [second, ..]) => self.once(second, self.refused(second)).await,
            (Failure::Faulty(_), [second, ..]) if is_soon => {
                self.once(second, self.refused(second)).await
            }
            (Failure::BadCredential(mark), _) if upstream.renew_credential(first, mark).await => {
                let sent = self.once(first, refused).await;
                // There is no third call, but the next request goes to another.
                if sent.as_ref().is_err_and(Failure::is_misconfiguration) {
                    self.leave_alone(first);
                }
                sent
            }
            (failure, others) if failure.is_misconfiguration() => {
                self.leave_alone(first);
                let [second, ..] = others else { return Err(failure) };
                // The attendee sees nothing of it, so the organiser has to.
                self.report(&failure.into_error());
                self.once(second, self.refused(second)).await
            }
            (Failure::Refused(refusal), others) => self.past(refusal, first, refused, others).await,
            (failure, _) => Err(failure),
        }
    }

    fn leave_alone(&self, deployment: &Deployment) {
        let now = self.gateway.ports.clock.now();
        let operation = self.call.protocol.operation;
        self.gateway.learnt.note_misconfigured(deployment, operation, now);
    }

    fn report(&self, error: &ApiError) {
        let choice = &self.call.choice;
        if !choice.is_own()
            && let Some(model) = choice.name()
        {
            self.gateway.report_for(error, self.event, model);
        }
    }

    /// The second call after a refusal that is not about what the client sent.
    async fn past<'d>(
        &self,
        refusal: Box<ModelRefusal>,
        first: &'d Deployment,
        refused: RefusedFields,
        others: &[&'d Deployment],
    ) -> Result<Sent<'d>, Failure> {
        let omits = self.omits(first, refused);
        let values = self.refused_values(&refusal);
        if !values.list.is_empty() {
            return self.past_values(refusal, first, omits, values).await;
        }
        if refusal.is_about_encrypted_reasoning() {
            let without = Omits { drops_reasoning: true, ..omits.clone() };
            let sent = match others {
                [second, ..] => self.once(second, self.refused(second)).await,
                [] if self.differs(first, &omits, &without) => self.by(first, without).await,
                [] => return Err(Failure::Refused(refusal)),
            };
            // There is no third call, but the next request to these deployments leaves out what
            // none of them could read. Which of it they do not say, so all of it is left out.
            let is_unreadable = match &sent {
                Ok(_) => others.is_empty(),
                Err(Failure::Refused(second)) => second.is_about_encrypted_reasoning(),
                Err(_) => false,
            };
            if is_unreadable {
                let prints = self.fingerprints();
                for asked in std::iter::once(&first).chain(others.first()) {
                    self.gateway.learnt.note_unreadable(asked, &prints);
                }
            }
            return sent;
        }
        let is_ours = |field| self.call.payload.is_ours(field);
        let fields = refusal.fields.filter(is_ours);
        let without = Omits { refused: refused.and(fields), ..omits.clone() };
        if fields.is_empty() || !self.differs(first, &omits, &without) {
            return Err(Failure::Refused(refusal));
        }
        // Some deployments name one field at a time, and there is no third call. So the second has
        // nothing of ours that it can do without. Only what was named is remembered.
        let ours = RefusedFields::all_but_caps().filter(is_ours);
        let sent = self.by(first, Omits { refused: without.refused.and(ours), ..without }).await;
        match &sent {
            Ok(_) => self.gateway.learnt.note_refused(first, fields),
            // It accepted the body without these and refuses others of ours. There is no third call,
            // but the next request leaves out both.
            Err(Failure::Refused(second)) if !second.fields.filter(is_ours).is_empty() => {
                self.gateway.learnt.note_refused(first, fields.and(second.fields.filter(is_ours)));
            }
            Err(_) => {}
        }
        sent
    }

    /// The second call without values of headers that the deployment does not know.
    async fn past_values<'d>(
        &self,
        refusal: Box<ModelRefusal>,
        first: &'d Deployment,
        omits: Omits,
        refused: RefusedValues,
    ) -> Result<Sent<'d>, Failure> {
        if refused.list.iter().all(|value| omits.values.contains(value)) {
            return Err(Failure::Refused(refusal));
        }
        let values = omits.values.iter().chain(&refused.list).cloned().collect();
        let sent = self.by(first, Omits { values, ..omits }).await;
        let learnt = &self.gateway.learnt;
        match &sent {
            Ok(_) if refused.are_named => learnt.note_refused_values(first, &refused.list),
            // It refuses others. There is no third call, but the next request leaves out both.
            Err(Failure::Refused(second)) => {
                let others = self.refused_values(second);
                for named in [refused, others].iter().filter(|values| values.are_named) {
                    learnt.note_refused_values(first, &named.list);
                }
            }
            Ok(_) | Err(_) => {}
        }
        sent
    }

    /// The values of the client's headers that a refusal is about.
    fn refused_values(&self, refusal: &ModelRefusal) -> RefusedValues {
        let refused = self.call.passed.iter().map(|header| header.refused_in(&refusal.message));
        refused.into_iter().find(|refused| !refused.list.is_empty()).unwrap_or_default()
    }

    /// Everything that a deployment is known to refuse.
    fn omits(&self, to: &Deployment, refused: RefusedFields) -> Omits {
        let values = match self.call.passed.is_empty() {
            true => Arc::default(),
            false => self.gateway.learnt.refused_values(to),
        };
        let learnt = &self.gateway.learnt;
        let unreadable = match learnt.has_unreadable() {
            true => learnt.unreadable(to, self.fingerprints()),
            false => Arc::default(),
        };
        Omits { refused, drops_reasoning: false, unreadable, values }
    }

    /// The encrypted reasoning in the request. Another attendee's is never the same.
    fn fingerprints(&self) -> Vec<u64> {
        self.call.payload.reasoning_fingerprints()
    }

    /// Whether the body is another one.
    fn differs(&self, to: &Deployment, before: &Omits, after: &Omits) -> bool {
        self.upstream_call(to, before).body != self.upstream_call(to, after).body
    }

    async fn once<'d>(
        &self,
        to: &'d Deployment,
        refused: RefusedFields,
    ) -> Result<Sent<'d>, Failure> {
        self.by(to, self.omits(to, refused)).await
    }

    async fn by<'d>(&self, to: &'d Deployment, omits: Omits) -> Result<Sent<'d>, Failure> {
        let Ports { upstream, clock, .. } = &self.gateway.ports;
        let call = self.upstream_call(to, &omits);
        match call_once(upstream.as_ref(), clock.as_ref(), to, call).await {
            Ok(response) => Ok(Sent { response, from: to, refused: omits.refused }),
            Err(failure) => {
                if let Failure::Transient(
                    ApiError::UpstreamBusy { retry_after }
                    | ApiError::UpstreamOverloaded { retry_after },
                ) = &failure
                {
                    let now = clock.now();
                    self.gateway.learnt.note_busy(to, now, *retry_after);
                }
                Err(failure)
            }
        }
    }

    /// The fields of ours that a deployment refuses, as far as it is known.
    fn refused(&self, deployment: &Deployment) -> RefusedFields {
        let known = RefusedFields::of(self.call.choice.facts());
        known.and(self.gateway.learnt.refused(deployment))
    }

    fn upstream_call(&self, to: &Deployment, omits: &Omits) -> UpstreamCall {
        let Self { call, request, user, .. } = self;
        let target = Target {
            azure_name: to.azure_name.as_str(),
            completion_field: to.completion_field,
            user,
            refused: omits.refused,
            left_out: match omits.drops_reasoning {
                true => LeftOut::All,
                false => LeftOut::Of(&omits.unreadable),
            },
        };
        let header = |passed: &Passed<'_>| {
            let value = HeaderValue::try_from(passed.without(&omits.values)?).ok()?;
            Some((HeaderName::from_static(passed.name), value))
        };
        UpstreamCall {
            method: Method::POST,
            url: call.protocol.url(to),
            body: call.payload.for_azure(&call.demanded, &target),
            content_type: Some(call.payload.content_type()),
            beta: None,
            headers: call.passed.iter().filter_map(header).collect(),
            accept: call.protocol.accept(call.demanded.is_streamed),
            is_streamed: call.demanded.is_streamed,
            request_id: request.id.clone(),
            timeout: call.until.saturating_duration_since(Instant::now()),
        }
    }
}

//! A call that concerns one object of the caller's own: to the resource that keeps it, and to no
//! other.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use lanyard_domain::account::Field;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::object::Owned;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;
use serde::de::IgnoredAny;
use tokio::time::Instant;

use super::query::{Param, Query};
use super::verbs::{Asked, Deed};
use crate::admit::Reservation;
use crate::error::ApiError;
use crate::forward::SETTLED;
use crate::lookup::Attendance;
use crate::notes::Notes;
use crate::payload::{Demanded, Payload};
use crate::ports::{RequestLine, Size, UpstreamBody, UpstreamCall};
use crate::relay::media;
use crate::relay::{Next, next_chunk, read_whole};
use crate::request::{Body, Request, Response, whole};
use crate::send::{Failure, JSON, LAST_WORDS, Sent, patience};
use crate::settle::{Ending, ms_between};
use crate::{Gateway, headers, upstream};

/// Nothing of a model was used.
pub(super) const NO_TOKENS: Settlement = Settlement::Exact(Usage::of_tokens(0, 0));

/// What is sent to a resource.
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) content_type: Option<HeaderValue>,
    pub(super) body: Bytes,
    pub(super) is_streamed: bool,
}

impl Outgoing {
    /// A call without a body.
    pub(super) fn plain(method: Method, url: String) -> Self {
        Self { method, url, content_type: None, body: Bytes::new(), is_streamed: false }
    }
}

impl Gateway {
    /// Does something with an object, for a request of the allowance.
    pub(super) async fn touch(
        &self,
        request: &Request,
        attendance: &Attendance,
        asked: &Asked<'_>,
        query: &Query,
        notes: Notes,
        line: &mut RequestLine,
    ) -> Result<Response, ApiError> {
        let (verb, id) = (asked.verb, asked.id()?);
        let segments = asked.segments(&id)?;
        let owned = self.owned(&attendance.owner(), verb.kind, &id).await?;
        let owned = owned.ok_or_else(|| asked.not_found())?;
        let deployment = attendance.deployment_at(&owned.home)?;
        line.model = Some(deployment.name.clone());
        let url =
            upstream::below_url(deployment, verb.kind.operation(), segments, &query.encoded());
        let mut outgoing = Outgoing::plain(verb.method.clone(), url);
        let mut added_tokens = 0;
        if verb.method == Method::POST && !request.http.body().is_empty() {
            let payload = Payload::read(verb.kind.operation(), request)?;
            let named = self.named(attendance, payload.references()?).await?;
            named.expect_home(&owned.home)?;
            if verb.deed == Deed::Extend {
                added_tokens = payload.items_tokens()?;
            }
            outgoing.content_type = Some(JSON);
            outgoing.body = request.http.body().clone();
        }
        let demanded = Demanded::nothing();
        let operation = verb.kind.operation();
        let mut reservation =
            self.admit(request, attendance, &deployment.name, operation, &demanded, notes).await?;
        line.outcome = SETTLED;
        reservation.mark_sent();
        let answer = match self.call_home(request, deployment, outgoing).await {
            Ok(answer) => answer,
            Err(failure) => {
                if matches!(failure, Failure::Missing) && verb.deed == Deed::Delete {
                    self.forget(&owned).await;
                }
                return Err(self.refuse(failure, asked, reservation));
            }
        };
        if verb.deed == Deed::Delete {
            self.forget(&owned).await;
        }
        if verb.deed == Deed::Extend {
            self.keeper.resize(&owned, Size::Grows(added_tokens)).await;
        }
        let headers = self.answer_headers(answer.headers(), request, &demanded, &reservation);
        let handed_on = match verb.deed {
            Deed::Download => self.pass(request, answer, headers, OCTETS).await,
            Deed::Delete => self.whole_answer(request, answer, headers, Some(&owned)).await,
            Deed::Create | Deed::List | Deed::Poll | Deed::Read | Deed::Change | Deed::Extend => {
                self.whole_answer(request, answer, headers, None).await
            }
        };
        let ending = match &handed_on {
            Ok(_) => Ending::of(NO_TOKENS, "ok", 200, Some(self.ports.clock.now())),
            Err(error) => Ending::of(NO_TOKENS, error.code(), error.status().as_u16(), None),
        };
        self.settle_behind(reservation, ending);
        handed_on
    }

    /// Reads an object as often as the pace allows.
    pub(super) async fn poll(
        &self,
        request: &Request,
        attendance: &Attendance,
        asked: &Asked<'_>,
        query: &Query,
        line: &mut RequestLine,
    ) -> Result<Response, ApiError> {
        let (verb, id) = (asked.verb, asked.id()?);
        let segments = asked.segments(&id)?;
        let owner = attendance.owner();
        // No write admits it, so what that would refuse must be looked for.
        let (owned, account) =
            tokio::join!(self.owned(&owner, verb.kind, &id), self.account(attendance));
        let (owned, account) = (owned?, account?);
        if account.get(Field::Blocked) != 0 {
            return Err(ApiError::AttendeeBlocked { contact: attendance.contact() });
        }
        if let Some(why) = attendance.entry.refusal(&account) {
            return Err(attendance.no_entry(why));
        }
        let owned = owned.ok_or_else(|| asked.not_found())?;
        let deployment = attendance.deployment_at(&owned.home)?;
        line.model = Some(deployment.name.clone());
        let turn = segments
            .iter()
            .rev()
            .find_map(|segment| segment.parse().ok())
            .unwrap_or_else(|| id.clone());
        let until = request.deadline.map(|deadline| deadline - LAST_WORDS);
        let url =
            upstream::below_url(deployment, verb.kind.operation(), segments, &query.encoded());
        let is_streamed = query.get(Param::Stream) == Some("true");
        self.pace.turn(&turn, until).await;
        let outgoing = Outgoing { is_streamed, ..Outgoing::plain(Method::GET, url) };
        let answer = match self.call_home(request, deployment, outgoing).await {
            Ok(answer) => answer,
            Err(Failure::Missing) => return Err(asked.not_found()),
            Err(failure) => return Err(failure.into_error()),
        };
        let mut headers = upstream_id(answer.headers());
        let allowance = account.allowance(&attendance.allowances().attendee);
        headers::set_rates(&mut headers, &allowance, &account, request.now.into());
        let is_events = answer
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
        let handed_on = match is_streamed && is_events {
            true => self.pass(request, answer, headers, EVENTS).await,
            false => self.whole_answer(request, answer, headers, None).await,
        }?;
        line.request_id = Some(request.id.clone());
        line.outcome = "ok";
        line.status = 200;
        line.duration_ms = ms_between(request.now, self.ports.clock.now());
        self.ports.journal.write(line);
        Ok(handed_on)
    }

    /// Calls a resource, with its key read anew if that has been changed.
    pub(super) async fn call_home(
        &self,
        request: &Request,
        deployment: &Deployment,
        outgoing: Outgoing,
    ) -> Result<http::Response<UpstreamBody>, Failure> {
        let call = UpstreamCall {
            method: outgoing.method,
            url: outgoing.url,
            content_type: outgoing.content_type,
            body: outgoing.body,
            accept: media::accepted_of_object(outgoing.is_streamed),
            is_streamed: outgoing.is_streamed,
            request_id: request.id.clone(),
            patience: patience(request.deadline),
        };
        let sent = match self.call(deployment, call.clone()).await {
            Err(Failure::BadCredential(refused))
                if self.ports.upstream.renew_credential(deployment, refused).await =>
            {
                self.call(deployment, call).await
            }
            sent => sent,
        };
        match sent? {
            Sent::Answer { answer, .. } => Ok(answer),
            Sent::Refused { error, .. } => Err(Failure::Final(error)),
        }
    }

    /// Gives a request back that came to nothing.
    pub(super) fn refuse(
        &self,
        failure: Failure,
        asked: &Asked<'_>,
        reservation: Reservation,
    ) -> ApiError {
        let error = match failure {
            Failure::Missing => asked.not_found(),
            failure => failure.into_error(),
        };
        self.report(&error, &reservation);
        let ending = Ending::of(Settlement::Void, error.code(), error.status().as_u16(), None);
        self.settle_behind(reservation, ending);
        error
    }

    /// Forgets what is gone upstream. If that fails, it is forgotten when it is next missed.
    pub(super) async fn forget(&self, owned: &Owned) {
        let forgetting = self.ports.objects.forget(owned);
        let forgot = tokio::time::timeout(self.ports.ledger_patience, forgetting).await;
        if !matches!(forgot, Ok(Ok(()))) {
            tracing::warn!(kind = %owned.kind, object = %owned.id, "a deleted object is still listed");
        }
    }

    /// An answer read whole and handed on unchanged. An object that was `deleted` is gone even if
    /// Azure has no words for it.
    async fn whole_answer(
        &self,
        request: &Request,
        answer: http::Response<UpstreamBody>,
        headers: HeaderMap,
        deleted: Option<&Owned>,
    ) -> Result<Response, ApiError> {
        let bytes = json_body(request, answer).await;
        let bytes = match (bytes, deleted) {
            (Ok(bytes), _) => bytes,
            (Err(_), Some(owned)) => {
                let id = owned.id.as_str();
                let said = serde_json::json!({
                    "id": id, "object": format!("{}.deleted", owned.kind), "deleted": true,
                });
                said.to_string().into()
            }
            (Err(error), None) => return Err(error),
        };
        Ok(respond(headers, JSON, whole(bytes)))
    }

    /// An answer handed on as it comes. A break ends it.
    async fn pass(
        &self,
        request: &Request,
        answer: http::Response<UpstreamBody>,
        headers: HeaderMap,
        content_type: HeaderValue,
    ) -> Result<Response, ApiError> {
        let until = request.deadline.map(|deadline| deadline - LAST_WORDS);
        let mut body = answer.into_body();
        // An empty body hangs a streaming front door.
        let first = loop {
            match next_chunk(&mut body, until).await {
                Next::Chunk(chunk) if chunk.is_empty() => {}
                Next::Chunk(chunk) => break chunk,
                Next::End => return Err(ApiError::UpstreamUnreachable(None)),
                Next::Broken(error) => return Err(error),
            }
        };
        Ok(respond(headers, content_type, passed(first, body, until)))
    }
}

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");

fn passed(first: Bytes, body: UpstreamBody, until: Option<Instant>) -> Body {
    let rest = stream::unfold(body, move |mut body| async move {
        match next_chunk(&mut body, until).await {
            Next::Chunk(chunk) => Some((chunk, body)),
            Next::End => None,
            Next::Broken(error) => {
                tracing::warn!(error = ?error, "an answer broke off");
                None
            }
        }
    });
    let chunks = stream::once(async { first }).chain(rest);
    StreamBody::new(chunks.map(|chunk| Ok(Frame::data(chunk)))).boxed_unsync()
}

/// A body that is JSON.
pub(super) async fn json_body(
    request: &Request,
    answer: http::Response<UpstreamBody>,
) -> Result<Bytes, ApiError> {
    let until = request.deadline.map(|deadline| deadline - LAST_WORDS);
    let bytes = read_whole(answer.into_body(), until).await?;
    match serde_json::from_slice::<IgnoredAny>(&bytes) {
        Ok(_) => Ok(bytes),
        Err(_) => Err(ApiError::UpstreamUnreachable(Some("the answer is not JSON".into()))),
    }
}

/// Azure's id of its answer, as a header of ours.
pub(super) fn upstream_id(azure: &HeaderMap) -> HeaderMap {
    let mut out = HeaderMap::with_capacity(12);
    crate::relay::copy_upstream_id(azure, &mut out);
    out
}

pub(super) fn respond(headers: HeaderMap, content_type: HeaderValue, body: Body) -> Response {
    let mut response = http::Response::new(body);
    *response.headers_mut() = headers;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

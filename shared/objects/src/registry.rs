//! Recording who owns which object.
//!
//! Azure names an object when it has created it. Lanyard then records the owner, and passes the id
//! on afterwards. If the owner cannot be recorded, the object is deleted again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Method, StatusCode};
use lanyard_domain::catalog::Deployment;
use lanyard_domain::ids::{EventId, RequestId};
use lanyard_domain::object::{Home, Kind, ObjectId, Owned, Owner};
use lanyard_gateway::Ports;
use lanyard_gateway::call::{Failure, call_deployment};
use lanyard_gateway::error::ApiError;
use lanyard_gateway::lookup::Attendance;
use lanyard_gateway::memory::Bounded;
use lanyard_gateway::metadata::RequestMetadata;
use lanyard_gateway::ports::{Cause, Clock, Incident, Random, RequestLog, Upstream, UpstreamCall};
use lanyard_gateway::request::Request;
use lanyard_protocol::{Protocol, stored};
use tokio::time::Instant;

use crate::store::{ObjectStore, Size};

/// How long a process assumes that an event is marked. It must be shorter than the time from an
/// event's end to the deletion of its objects, which removes the mark.
const MARKED: Duration = Duration::from_secs(300);

/// Pauses before the second and third try.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(250)];

/// The timeout of one deletion at Azure.
const DELETING: Duration = Duration::from_secs(10);

/// Records who owns which object.
pub(crate) struct Registry {
    pub(crate) store: Arc<dyn ObjectStore>,
    upstream: Arc<dyn Upstream>,
    clock: Arc<dyn Clock>,
    request_log: Arc<dyn RequestLog>,
    random: Arc<dyn Random>,
    /// The timeout of one call of the store.
    timeout: Duration,
    /// Events that are marked as having objects, and the endpoints of these.
    marked: Bounded<(EventId, String), Instant>,
}

/// A new object that Azure has not named yet.
#[derive(Clone, Debug)]
pub(crate) struct NewObject {
    pub(crate) kind: Kind,
    /// The thread of a run.
    pub(crate) parent: Option<ObjectId>,
    pub(crate) owner: Owner,
    /// The prompt tokens that naming it adds, as far as they are known.
    pub(crate) tokens: u64,
    pub(crate) request_id: RequestId,
    /// The items of a response.
    pub(crate) items: Vec<ObjectId>,
    /// For a job: the metadata of its usage record.
    pub(crate) metadata: Option<RequestMetadata>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) event_ends_at: DateTime<Utc>,
}

/// An attendee as an owner.
pub(crate) fn owner_of(attendance: &Attendance) -> Owner {
    Owner { event: attendance.event().id.clone(), user: attendance.user.clone() }
}

impl NewObject {
    /// An object that this request creates.
    pub(crate) fn of(kind: Kind, request: &Request, attendance: &Attendance, tokens: u64) -> Self {
        Self {
            kind,
            parent: None,
            owner: owner_of(attendance),
            tokens,
            request_id: request.id.clone(),
            items: Vec::new(),
            metadata: kind.is_job().then(|| RequestMetadata::read(request).ok()).flatten(),
            created_at: request.now,
            event_ends_at: attendance.event().window.ends_at(),
        }
    }
}

/// A call about an object for which no client waits.
pub(crate) fn background_call(
    owned: &Owned,
    method: Method,
    url: String,
    timeout: Duration,
) -> UpstreamCall {
    UpstreamCall {
        method,
        url,
        content_type: None,
        body: Bytes::new(),
        beta: Protocol::of_kind(owned.kind).preview,
        headers: Vec::new(),
        accept: stored::accept(false),
        is_streamed: false,
        request_id: owned.request_id.clone(),
        timeout,
    }
}

impl Registry {
    pub(crate) fn new(ports: &Ports, store: Arc<dyn ObjectStore>) -> Self {
        Self {
            store,
            upstream: Arc::clone(&ports.upstream),
            clock: Arc::clone(&ports.clock),
            request_log: Arc::clone(&ports.request_log),
            random: Arc::clone(&ports.random),
            timeout: ports.ledger_timeout,
            marked: Bounded::new(1_000),
        }
    }

    /// An object, if it is this owner's.
    ///
    /// # Errors
    ///
    /// 503 if the store is unavailable.
    pub(crate) async fn find(
        &self,
        owner: &Owner,
        kind: Kind,
        id: &ObjectId,
    ) -> Result<Option<Owned>, ApiError> {
        let found = self.within_timeout(self.store.find(owner, kind, id)).await;
        found.map_err(|cause| self.unavailable(cause))
    }

    /// Every object of a kind that is this owner's, the oldest first.
    ///
    /// # Errors
    ///
    /// 503 if the store is unavailable.
    pub(crate) async fn list(&self, owner: &Owner, kind: Kind) -> Result<Vec<Owned>, ApiError> {
        let listed = self.within_timeout(self.store.list(owner, kind)).await;
        listed.map_err(|cause| self.unavailable(cause))
    }

    fn unavailable(&self, cause: Cause) -> ApiError {
        ApiError::AccountingUnavailable { retry_after: self.random.spread(), cause: Some(cause) }
    }

    /// Records the owner of a new object.
    ///
    /// # Errors
    ///
    /// 503 if the owner cannot be recorded. The object is then deleted at Azure.
    pub(crate) async fn register(
        &self,
        object: NewObject,
        id: ObjectId,
        home: &Deployment,
    ) -> Result<Owned, ApiError> {
        let (session, app) =
            object.metadata.map(|metadata| (metadata.session, metadata.app)).unzip();
        let owned = Owned {
            kind: object.kind,
            id,
            parent: object.parent,
            event: object.owner.event,
            user: object.owner.user,
            home: Home {
                endpoint: home.endpoint.clone(),
                deployment: home.name.clone(),
                replica: home.replica.clone(),
            },
            tokens: object.tokens,
            request_id: object.request_id,
            session,
            app: app.flatten(),
            items: object.items,
            streamed_tokens: 0,
            created_at: object.created_at,
            event_ends_at: object.event_ends_at,
        };
        let Err(cause) = self.write(&owned).await else { return Ok(owned) };
        self.request_log.count(Incident::ObjectUnrecorded, Some(&owned.event));
        self.undo(&owned, home).await;
        Err(ApiError::OwnershipUnavailable {
            retry_after: self.random.spread(),
            cause: Some(cause),
        })
    }

    async fn write(&self, owned: &Owned) -> Result<(), Cause> {
        let place = (owned.event.clone(), owned.home.endpoint.clone());
        let is_marked = self.marked.get(&place).is_some_and(|at: Instant| at.elapsed() < MARKED);
        if !is_marked {
            let until = owned.expires_at();
            self.with_retry(|| self.store.mark(&owned.event, &owned.home.endpoint, until)).await?;
            self.marked.insert(place, Instant::now());
        }
        if owned.kind.is_job() {
            // First, so that the job is settled even if the second write fails.
            self.with_retry(|| self.store.open_job(owned)).await?;
        }
        self.with_retry(|| self.store.put(owned)).await
    }

    /// One try, for as long as the store may take.
    async fn within_timeout<T>(
        &self,
        response: impl Future<Output = Result<T, Cause>>,
    ) -> Result<T, Cause> {
        match tokio::time::timeout(self.timeout, response).await {
            Ok(response) => response,
            Err(elapsed) => Err(elapsed.into()),
        }
    }

    async fn with_retry<F>(&self, write: impl Fn() -> F) -> Result<(), Cause>
    where
        F: Future<Output = Result<(), Cause>>,
    {
        let mut pauses = PAUSES.into_iter();
        loop {
            let Err(cause) = self.within_timeout(write()).await else { return Ok(()) };
            let Some(pause) = pauses.next() else { return Err(cause) };
            tokio::time::sleep(pause).await;
        }
    }

    /// Deletes an object that has no owner, and its record, if there is one.
    async fn undo(&self, owned: &Owned, home: &Deployment) {
        let deleted = match self.delete(owned, home).await {
            Ok(()) => Ok(()),
            Err(_) => self.delete(owned, home).await,
        };
        if let Err(cause) = deleted {
            self.request_log.count(Incident::ObjectOrphaned, Some(&owned.event));
            tracing::error!(
                kind = %owned.kind, object = %owned.id, deployment = %owned.home.deployment,
                replica = %owned.home.replica, cause, "object_orphaned"
            );
        }
        // There may be no record, and that is as good.
        let _ = self.within_timeout(self.store.forget(owned)).await;
    }

    /// Deletes an object at Azure. An object that is already gone counts as deleted.
    pub(crate) async fn delete(&self, owned: &Owned, home: &Deployment) -> Result<(), Cause> {
        let is_run = owned.kind == Kind::Run;
        // Azure deletes a run with its thread. Until then it can be cancelled.
        let (method, end) = match is_run {
            true => (Method::POST, Some("cancel")),
            false => (Method::DELETE, None),
        };
        let url = Protocol::of_kind(owned.kind).url_below(home, owned.segments().chain(end), "");
        let call = || background_call(owned, method.clone(), url.clone(), DELETING);
        let (upstream, clock) = (self.upstream.as_ref(), self.clock.as_ref());
        match call_deployment(upstream, clock, home, call).await {
            Ok(_) | Err(Failure::Missing(_) | Failure::NotThere(_)) => Ok(()),
            // The run has ended already.
            Err(Failure::Refused(refusal))
                if is_run && refusal.status == StatusCode::BAD_REQUEST =>
            {
                Ok(())
            }
            Err(failure) => Err(failure.into_error().into()),
        }
    }

    /// Records the new model of an assistant. A failure is only logged: a run that names no model
    /// then uses the former one.
    pub(crate) async fn change_model(&self, owned: &Owned, model: &Deployment) {
        let home = Home {
            endpoint: owned.home.endpoint.clone(),
            deployment: model.name.clone(),
            replica: model.replica.clone(),
        };
        let changed = Owned { home, ..owned.clone() };
        if self.with_retry(|| self.store.put(&changed)).await.is_err() {
            tracing::warn!(kind = %owned.kind, object = %owned.id, "an object's model is out of date");
        }
    }

    /// Records the items of a response. A failure is only logged: requests then cannot refer to
    /// them.
    pub(crate) async fn record_items(&self, owned: &Owned) {
        if self.with_retry(|| self.store.replace(owned)).await.is_err() {
            tracing::warn!(kind = %owned.kind, object = %owned.id, "the items of a response are not recorded");
        }
    }

    /// Corrects the size of an object. A failure is only logged, because sizes serve estimates.
    pub(crate) async fn resize(&self, owned: &Owned, size: Size) {
        if self.within_timeout(self.store.resize(owned, size)).await.is_err() {
            tracing::warn!(kind = %owned.kind, object = %owned.id, "an object's size is out of date");
        }
    }

    /// Forgets an object that Azure no longer has. If that fails, a list or another deletion
    /// repeats it.
    pub(crate) async fn forget(&self, owned: &Owned) {
        if self.within_timeout(self.store.forget(owned)).await.is_err() {
            tracing::warn!(kind = %owned.kind, object = %owned.id, "a deleted object is still listed");
        }
    }

    /// Records what a stream of a run has shown, in case the run fails without a count. A failure is
    /// only logged: then that output is not charged.
    pub(crate) async fn record_streamed(&self, run: &Owned) {
        let written = async {
            self.with_retry(|| self.store.put(run)).await?;
            self.with_retry(|| self.store.open_job(run)).await
        };
        if written.await.is_err() {
            tracing::warn!(job = %run.id, "what a stream of a run has shown is not recorded");
        }
    }

    /// Notes that a job is settled. If that fails, it is read again later.
    pub(crate) async fn close_job(&self, job: &Owned) {
        if self.within_timeout(self.store.close_job(job)).await.is_err() {
            tracing::warn!(job = %job.id, "a settled job is still listed as open");
        }
    }
}

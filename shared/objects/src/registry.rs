//! Writing down whose a new object is.
//!
//! The owner is written down after Azure has made the object, since only then is there an id, and
//! before the id is told to anybody. If that cannot be done, the object is deleted again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Method, StatusCode};
use lanyard_domain::catalog::Deployment;
use lanyard_domain::ids::{EventId, RequestId};
use lanyard_domain::object::{Home, Kind, ObjectId, Owned, Owner};
use lanyard_gateway::call::{Failure, call_deployment};
use lanyard_gateway::error::ApiError;
use lanyard_gateway::lookup::Attendance;
use lanyard_gateway::memory::Bounded;
use lanyard_gateway::notes::Notes;
use lanyard_gateway::ports::{Cause, Incident, Journal, Luck, Upstream, UpstreamCall};
use lanyard_gateway::request::Request;
use lanyard_protocol::{Protocol, stored};
use tokio::time::Instant;

use crate::ownership::owner_of;
use crate::store::{ObjectStore, Size};

/// How long a process takes for granted that an event is marked. Less than what passes between an
/// event's end and the clearing that removes the mark.
const MARKED: Duration = Duration::from_secs(300);

/// Pauses before the second and third try.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(250)];

/// How long deleting may take.
const DELETING: Duration = Duration::from_secs(10);

/// What keeping needs, apart from any request.
pub(crate) struct Registry {
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) upstream: Arc<dyn Upstream>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) luck: Arc<dyn Luck>,
    /// How long the table may take to answer one try.
    pub(crate) timeout: Duration,
    pub(crate) marked: Bounded<EventId, Instant>,
}

/// A new object, before Azure has said its id.
#[derive(Clone, Debug)]
pub(crate) struct NewObject {
    pub(crate) kind: Kind,
    /// The thread of a run.
    pub(crate) parent: Option<ObjectId>,
    pub(crate) owner: Owner,
    /// As far as they are known.
    pub(crate) tokens: u64,
    pub(crate) request_id: RequestId,
    /// Of a job, what was noted of its request.
    pub(crate) notes: Option<Notes>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) event_ends_at: DateTime<Utc>,
}

impl NewObject {
    /// What a new object is, before Azure has named it.
    pub(crate) fn of(kind: Kind, request: &Request, attendance: &Attendance, tokens: u64) -> Self {
        Self {
            kind,
            parent: None,
            owner: owner_of(attendance),
            tokens,
            request_id: request.id.clone(),
            notes: kind.is_job().then(|| Notes::read(request).ok()).flatten(),
            created_at: request.now,
            event_ends_at: attendance.event().window.ends_at(),
        }
    }
}

impl Registry {
    /// A 503 for what was made and could not be written down as anybody's.
    pub(super) fn ownership_unavailable(&self, cause: Cause) -> ApiError {
        ApiError::OwnershipUnavailable { retry_after: self.luck.spread(), cause: Some(cause) }
    }

    /// A 503 for records that cannot be read.
    pub(super) fn unreadable(&self, cause: Cause) -> ApiError {
        ApiError::AccountingUnavailable { retry_after: self.luck.spread(), cause: Some(cause) }
    }

    /// Writes down an object as its owner's.
    ///
    /// # Errors
    ///
    /// If it could not be written down: then it is deleted upstream.
    pub(crate) async fn keep(
        &self,
        new_object: NewObject,
        id: ObjectId,
        home: &Deployment,
    ) -> Result<Owned, Cause> {
        let (session, app) = new_object.notes.map(|notes| (notes.session, notes.app)).unzip();
        let owned = Owned {
            kind: new_object.kind,
            id,
            parent: new_object.parent,
            event: new_object.owner.event,
            user: new_object.owner.user,
            home: Home {
                endpoint: home.endpoint.clone(),
                deployment: home.name.clone(),
                replica: home.replica.clone(),
            },
            tokens: new_object.tokens,
            request_id: new_object.request_id,
            session,
            app: app.flatten(),
            created_at: new_object.created_at,
            event_ends_at: new_object.event_ends_at,
        };
        match self.write(&owned).await {
            Ok(()) => Ok(owned),
            Err(cause) => {
                self.journal.count(Incident::ObjectUnrecorded, Some(&owned.event));
                self.undo(&owned, home).await;
                Err(cause)
            }
        }
    }

    async fn write(&self, owned: &Owned) -> Result<(), Cause> {
        let is_marked =
            self.marked.get(&owned.event).is_some_and(|at: Instant| at.elapsed() < MARKED);
        if !is_marked {
            self.with_retry(|| self.objects.mark(&owned.event, owned.expires_at())).await?;
            self.marked.insert(owned.event.clone(), Instant::now());
        }
        if owned.kind.is_job() {
            // First, so that what is made is paid for whatever becomes of it.
            self.with_retry(|| self.objects.open_job(owned)).await?;
        }
        self.with_retry(|| self.objects.put(owned)).await
    }

    async fn with_retry<F>(&self, write: impl Fn() -> F) -> Result<(), Cause>
    where
        F: Future<Output = Result<(), Cause>>,
    {
        let mut pauses = PAUSES.into_iter();
        loop {
            let cause = match tokio::time::timeout(self.timeout, write()).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(cause)) => cause,
                Err(elapsed) => elapsed.into(),
            };
            let Some(pause) = pauses.next() else { return Err(cause) };
            tokio::time::sleep(pause).await;
        }
    }

    /// Deletes what nobody owns, and what an unknown write may have left of its record.
    async fn undo(&self, owned: &Owned, home: &Deployment) {
        let deleted = match self.delete(owned, home).await {
            Ok(()) => Ok(()),
            Err(_) => self.delete(owned, home).await,
        };
        if let Err(cause) = deleted {
            self.journal.count(Incident::ObjectOrphaned, Some(&owned.event));
            tracing::error!(
                kind = %owned.kind, object = %owned.id, deployment = %owned.home.deployment,
                replica = %owned.home.replica, cause, "object_orphaned"
            );
        }
        // Its absence is as good.
        let _ = tokio::time::timeout(self.timeout, self.objects.forget(owned)).await;
    }

    /// Deletes an object upstream. One that is gone already is deleted.
    pub(crate) async fn delete(&self, owned: &Owned, home: &Deployment) -> Result<(), Cause> {
        let is_run = owned.kind == Kind::Run;
        let end = is_run.then_some("cancel");
        let call = || UpstreamCall {
            // A run cannot be deleted: it goes with its thread. It can be told to stop.
            method: if is_run { Method::POST } else { Method::DELETE },
            url: Protocol::of_kind(owned.kind).url_below(home, owned.segments().chain(end), ""),
            content_type: None,
            body: Bytes::new(),
            beta: Protocol::of_kind(owned.kind).preview,
            accept: stored::accept(false),
            is_streamed: false,
            request_id: owned.request_id.clone(),
            patience: DELETING,
        };
        match call_deployment(self.upstream.as_ref(), home, call).await {
            Ok(_) | Err(Failure::Missing | Failure::NotThere(_)) => Ok(()),
            // It has ended already.
            Err(Failure::Refused(refusal))
                if is_run && refusal.status == StatusCode::BAD_REQUEST =>
            {
                Ok(())
            }
            Err(failure) => Err(failure.into_error().into()),
        }
    }

    /// Writes down the model that an object has from now on, at the resource that keeps it. A run
    /// that names none would be sent with the former, so a fault is logged and no more.
    pub(crate) async fn change_model(&self, owned: &Owned, model: &Deployment) {
        let home = Home {
            endpoint: owned.home.endpoint.clone(),
            deployment: model.name.clone(),
            replica: model.replica.clone(),
        };
        let changed = Owned { home, ..owned.clone() };
        if self.with_retry(|| self.objects.put(&changed)).await.is_err() {
            tracing::warn!(kind = %owned.kind, object = %owned.id, "an object's model is out of date");
        }
    }

    /// Corrects the size of an object. It only serves estimates, so a fault is logged and no more.
    pub(crate) async fn resize(&self, owned: &Owned, size: Size) {
        let resized = tokio::time::timeout(self.timeout, self.objects.resize(owned, size)).await;
        if !matches!(resized, Ok(Ok(()))) {
            tracing::warn!(kind = %owned.kind, object = %owned.id, "an object's size is out of date");
        }
    }
}

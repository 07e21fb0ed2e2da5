//! Looking at jobs where nobody else does: each minute at those whose end nobody has seen, and at
//! what is about to be deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt, stream};
use http::{Method, StatusCode};
use lanyard_domain::catalog::{Catalog, Deployment};
use lanyard_domain::ids::EventId;
use lanyard_domain::object::{Kind, Owned};
use lanyard_gateway::admit::JOB_LIFE;
use lanyard_gateway::call::{Failure, call_deployment};
use lanyard_gateway::lookup::{Attendance, OpenEvent};
use lanyard_gateway::ports::{Cause, UpstreamCall};
use lanyard_gateway::relay::read_whole;
use lanyard_gateway::request::Request;
use lanyard_protocol::{Protocol, stored};
use tokio::time::Instant;

use crate::Objects;
use crate::call::Outgoing;
use crate::jobs::UNKNOWN;
use crate::ownership::{home_in, owner_of};
use crate::responses::json_body;

/// How old a job must be before a 404 is believed: what is new may not be everywhere yet.
const NEW: TimeDelta = TimeDelta::minutes(5);

/// Jobs that are looked at at once.
const AT_ONCE: usize = 8;

/// How long one look may take.
const LOOKING: std::time::Duration = std::time::Duration::from_secs(10);

/// What a look at the open jobs did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Finished {
    /// Jobs that nobody had seen the end of.
    pub settled: u64,
    /// Jobs that Azure still works on, or that could not be read.
    pub left: u64,
}

/// The job runs as a task where it runs locally: this does not compile if it could not.
const _: fn(&Objects, DateTime<Utc>, Instant) = |objects, now, until| {
    fn is_send(_: impl Send) {}
    is_send(objects.finish_jobs(now, until));
};

impl Objects {
    /// Settles what has ended of that which is about to be deleted: nobody can tell afterwards what
    /// it cost. If it cannot be read, it costs what it could.
    pub(super) async fn settle_before_deletion(
        &self,
        request: &Request,
        attendance: &Attendance,
        owned: &Owned,
        home: &Deployment,
    ) {
        let runs = match owned.kind {
            Kind::Thread => Some("runs"),
            Kind::Video => None,
            Kind::Response
            | Kind::Conversation
            | Kind::File
            | Kind::VectorStore
            | Kind::Assistant
            | Kind::Run => return,
        };
        if !self.gateway.account(attendance).await.is_ok_and(|account| !account.holds.is_empty()) {
            return;
        }
        let query = if runs.is_some() { "limit=100" } else { "" };
        let segments = owned.segments().chain(runs);
        let url = Protocol::of_kind(owned.kind).url_below(home, segments, query);
        let outgoing = Outgoing::plain(Method::GET, url);
        let Ok(answer) = self.call_home(request, owned.kind, home, outgoing).await else { return };
        let Ok(answer) = json_body(request, answer).await else { return };
        if runs.is_some() {
            self.jobs().settle_ended_runs(&owner_of(attendance), &attendance.at, &answer).await;
        } else {
            self.jobs().settle_if_ended(owned, &attendance.at, &answer).await;
        }
    }

    /// Reads the jobs of which nobody has seen the end, and settles those that have ended.
    ///
    /// # Errors
    ///
    /// If the jobs cannot be listed. What was settled stays so, and the next look goes on.
    pub async fn finish_jobs(&self, now: DateTime<Utc>, until: Instant) -> Result<Finished, Cause> {
        let open = self.registry.objects.open_jobs().await?;
        let mut finished = Finished::default();
        if open.is_empty() {
            return Ok(finished);
        }
        let ids: BTreeSet<EventId> = open.iter().map(|owned| owned.event.clone()).collect();
        let mut events: BTreeMap<EventId, Arc<OpenEvent>> = BTreeMap::new();
        for id in ids {
            // One event's trouble is not the next one's.
            match self.gateway.ports().events.find_by_id(&id).await {
                Ok(Some(listing)) => {
                    // All deployments: one that is no longer on offer may be at work all the same.
                    let catalog = Catalog::new(listing.deployments, None);
                    events.insert(id, Arc::new(OpenEvent::of(listing.event, catalog)));
                }
                Ok(None) => {}
                Err(fault) => {
                    tracing::warn!(event = %id, fault = ?fault, "its jobs are not read yet");
                }
            }
        }
        let looks = open.into_iter().map(|owned| {
            let at = events.get(&owned.event).cloned();
            async move { Instant::now() < until && self.look_at(&owned, at.as_ref(), now).await }
        });
        let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
        while let Some(is_done) = looks.next().await {
            finished.settled += u64::from(is_done);
            finished.left += u64::from(!is_done);
        }
        Ok(finished)
    }

    /// True if the job is settled.
    async fn look_at(
        &self,
        owned: &Owned,
        at: Option<&Arc<OpenEvent>>,
        now: DateTime<Utc>,
    ) -> bool {
        let jobs = self.jobs();
        // Its hold is gone by now, and the sweep has charged what it could cost.
        if now - owned.created_at > JOB_LIFE + NEW {
            jobs.close(owned).await;
            return true;
        }
        let Some(at) = at else { return false };
        match self.read_job(owned, at).await {
            Ok(Some(answer)) => jobs.settle_if_ended(owned, at, &answer).await,
            Ok(None) if now - owned.created_at > NEW => jobs.settle(owned, at, |_| UNKNOWN).await,
            Ok(None) => false,
            Err(cause) => {
                tracing::warn!(event = %owned.event, job = %owned.id, cause, "a job cannot be read");
                false
            }
        }
    }

    /// A job as it is now; none if it is gone.
    async fn read_job(&self, owned: &Owned, at: &OpenEvent) -> Result<Option<bytes::Bytes>, Cause> {
        let home = home_in(at.catalog.deployments(), &owned.home)
            .ok_or("no deployment leads to the resource that works on it any more")?;
        let call = || UpstreamCall {
            method: Method::GET,
            url: Protocol::of_kind(owned.kind).url_below(home, owned.segments(), ""),
            content_type: None,
            body: bytes::Bytes::new(),
            beta: Protocol::of_kind(owned.kind).preview,
            accept: stored::accept(false),
            is_streamed: false,
            request_id: owned.request_id.clone(),
            patience: LOOKING,
        };
        match call_deployment(self.gateway.ports().upstream.as_ref(), home, call).await {
            Ok(answer) => {
                let until = Some(Instant::now() + LOOKING);
                Ok(Some(read_whole(answer.into_body(), until).await?))
            }
            Err(Failure::Missing | Failure::NotThere(_)) => Ok(None),
            Err(Failure::Refused(refusal)) if refusal.status == StatusCode::GONE => Ok(None),
            Err(failure) => Err(failure.into_error().into()),
        }
    }
}

//! Settles jobs whose end no client has seen: every minute, and before a job is deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt, stream};
use http::{Method, StatusCode};
use lanyard_domain::catalog::{Catalog, Deployment};
use lanyard_domain::ids::EventId;
use lanyard_domain::object::{Kind, Owned};
use lanyard_gateway::Ports;
use lanyard_gateway::admit::JOB_LIFE;
use lanyard_gateway::call::{Failure, call_deployment};
use lanyard_gateway::lookup::OpenEvent;
use lanyard_gateway::ports::{Cause, StoreFault, Unreadable};
use lanyard_gateway::relay::read_whole;
use lanyard_protocol::Protocol;
use lanyard_protocol::stream::Produced;
use tokio::time::Instant;

use crate::Objects;
use crate::call::Call;
use crate::jobs::{Jobs, UNKNOWN};
use crate::ownership::home_in;
use crate::registry::{background_call, owner_of};
use crate::responses::json_body;
use crate::upstream::Outgoing;

/// The age of a job from which a 404 means that it is gone. A new object may not be everywhere yet.
const NEW: TimeDelta = TimeDelta::minutes(5);

/// How many jobs are read at once.
const AT_ONCE: usize = 8;

/// The timeout of one read.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// What a run of [`Objects::finish_jobs`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Finished {
    /// Jobs that had ended and are settled now.
    pub settled: u64,
    /// Jobs that Azure still works on, or that could not be read.
    pub left: u64,
}

/// The local service runs this as a task. This does not compile if it is not `Send`.
const _: fn(&Objects, DateTime<Utc>, Instant) = |objects, now, until| {
    fn is_send(_: impl Send) {}
    is_send(objects.finish_jobs(now, until));
};

impl Objects {
    /// Settles jobs that have ended before they are deleted, because Azure then forgets what they
    /// cost. A job that cannot be read costs its estimate.
    pub(crate) async fn settle_before_deletion(
        &self,
        call: &Call<'_>,
        owned: &Owned,
        home: &Deployment,
    ) {
        let Call { request, attendance, .. } = call;
        let runs = match owned.kind {
            Kind::Thread => Some("runs"),
            Kind::Video => None,
            Kind::Response
            | Kind::Conversation
            | Kind::File
            | Kind::VectorStore
            | Kind::Assistant
            | Kind::Container
            | Kind::Run => return,
        };
        if !self.gateway.account(attendance).await.is_ok_and(|account| !account.holds.is_empty()) {
            return;
        }
        let query = if runs.is_some() { "limit=100" } else { "" };
        let segments = owned.segments().chain(runs);
        let url = Protocol::of_kind(owned.kind).url_below(home, segments, query);
        let outgoing = Outgoing::plain(Method::GET, url);
        let Ok(response) = self.call_home(request, owned.kind, home, outgoing).await else {
            return;
        };
        let Ok(response) = json_body(request, home, response).await else { return };
        if runs.is_some() {
            self.jobs().settle_ended_runs(&owner_of(attendance), &attendance.at, &response).await;
        } else {
            self.jobs()
                .settle_if_ended(owned, &attendance.at, &response, Produced::default())
                .await;
        }
    }

    /// Reads every open job until then, and settles those that have ended.
    ///
    /// # Errors
    ///
    /// If the jobs cannot be listed. The next run goes on.
    pub async fn finish_jobs(&self, now: DateTime<Utc>, until: Instant) -> Result<Finished, Cause> {
        let request_log = self.gateway.ports().request_log.as_ref();
        let open = self.registry.store.open_jobs().await?;
        let unreadable = u64::try_from(open.unreadable.len()).unwrap_or(u64::MAX);
        let open = open.reported(request_log, None);
        let mut finished = Finished { left: unreadable, ..Finished::default() };
        if open.is_empty() {
            return Ok(finished);
        }
        let ids: BTreeSet<EventId> = open.iter().map(|owned| owned.event.clone()).collect();
        let mut events: BTreeMap<EventId, Arc<OpenEvent>> = BTreeMap::new();
        for id in ids {
            // An event that cannot be read does not stop the others.
            match self.gateway.ports().events.find_by_id(&id).await {
                Ok(Some(listing)) => {
                    // All deployments: one that is no longer offered may still be working.
                    let catalog = Catalog::new(listing.deployments, None);
                    events.insert(id, Arc::new(OpenEvent::of(listing.event, catalog)));
                }
                Ok(None) => {}
                Err(StoreFault::Unreadable(cause)) => {
                    let item = format!("the event or a deployment of {id}");
                    Unreadable { item, cause }.report(request_log, Some(&id));
                }
                Err(StoreFault::Unavailable(cause)) => {
                    tracing::warn!(event = %id, cause, "its jobs are not read yet");
                }
            }
        }
        let finishing = open.into_iter().map(|owned| {
            let at = events.get(&owned.event).cloned();
            async move { Instant::now() < until && self.finish_job(&owned, at.as_ref(), now).await }
        });
        let mut finishing = stream::iter(finishing).buffer_unordered(AT_ONCE);
        while let Some(is_done) = finishing.next().await {
            finished.settled += u64::from(is_done);
            finished.left += u64::from(!is_done);
        }
        Ok(finished)
    }

    /// True if the job is settled.
    async fn finish_job(
        &self,
        owned: &Owned,
        at: Option<&Arc<OpenEvent>>,
        now: DateTime<Utc>,
    ) -> bool {
        let jobs = self.jobs();
        // The hold has expired, and the sweep has charged the estimate.
        if now - owned.created_at > JOB_LIFE + NEW {
            self.registry.close_job(owned).await;
            return true;
        }
        let Some(at) = at else { return false };
        match jobs.read_job(owned, at).await {
            Ok(Some(response)) => {
                jobs.settle_if_ended(owned, at, &response, Produced::default()).await
            }
            Ok(None) if now - owned.created_at > NEW => jobs.settle(owned, at, |_| UNKNOWN).await,
            Ok(None) => false,
            Err(cause) => {
                tracing::warn!(event = %owned.event, job = %owned.id, cause, "a job cannot be read");
                false
            }
        }
    }
}

impl Jobs {
    /// A job as it is now. `None` if Azure no longer has it.
    pub(crate) async fn read_job(
        &self,
        owned: &Owned,
        at: &OpenEvent,
    ) -> Result<Option<bytes::Bytes>, Cause> {
        let home = home_in(at.catalog.deployments(), &owned.home)
            .ok_or("no deployment leads to the resource that works on it any more")?;
        let url = Protocol::of_kind(owned.kind).url_below(home, owned.segments(), "");
        let call = || background_call(owned, Method::GET, url.clone(), READ_TIMEOUT);
        let Ports { upstream, clock, .. } = self.gateway.ports();
        match call_deployment(upstream.as_ref(), clock.as_ref(), home, call).await {
            Ok(response) => {
                let until = Some(Instant::now() + READ_TIMEOUT);
                Ok(Some(read_whole(response.into_body(), until).await?))
            }
            Err(Failure::Missing(_) | Failure::NotThere(_)) => Ok(None),
            Err(Failure::Refused(refusal)) if refusal.status == StatusCode::GONE => Ok(None),
            Err(failure) => Err(failure.into_error().into()),
        }
    }
}

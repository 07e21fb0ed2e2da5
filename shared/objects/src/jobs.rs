//! Jobs: runs and videos, on which Azure works after its response.
//!
//! The request that starts a job reserves what the job may cost. The hold stays open until the job
//! has ended. Then it is settled from Azure's own figures by the first call that shows the end: a
//! poll, a stream, a list, a cancellation, or [`Objects::finish_jobs`]. The hold allows only one.

use std::borrow::Cow;
use std::sync::Arc;

use lanyard_domain::account::{AccountKey, Hold};
use lanyard_domain::ids::SessionId;
use lanyard_domain::models::ModelFacts;
use lanyard_domain::object::{Kind, ObjectId, Owned, Owner};
use lanyard_domain::settlement::Settlement;
use lanyard_domain::unit::{Unit, Units};
use lanyard_domain::usage::Usage;
use lanyard_gateway::Gateway;
use lanyard_gateway::lookup::OpenEvent;
use lanyard_gateway::metadata::RequestMetadata;
use lanyard_gateway::settle::PendingRequest;
use lanyard_protocol::stream::failure::{self, Failure};
use lanyard_protocol::stream::{Produced, StreamState};
use lanyard_protocol::usage::{self, most_tokens};
use lanyard_protocol::videos::is_large;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::Objects;
use crate::registry::Registry;

/// The state of a job, as Azure shows it.
#[derive(Deserialize)]
pub(super) struct JobState<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) thread_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    /// Why a run has failed.
    #[serde(borrow)]
    last_error: Option<&'a RawValue>,
    #[serde(default)]
    seconds: Value,
    #[serde(default)]
    size: Value,
}

impl<'a> JobState<'a> {
    /// Reads Azure's JSON.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Whether Azure has stopped working on it.
    pub(super) fn has_ended(&self) -> bool {
        let ends = ["completed", "incomplete", "failed", "cancelled", "expired"];
        self.status.as_deref().is_some_and(|status| ends.contains(&status))
    }

    fn is_completed(&self) -> bool {
        self.status.as_deref() == Some("completed")
    }

    /// The seconds of a video.
    pub(super) fn seconds(&self) -> Option<u64> {
        let seconds = match &self.seconds {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        seconds.filter(|seconds| (1..=3_600).contains(seconds))
    }

    /// Whether a video has the price of large ones. One of an unknown size may have it.
    pub(super) fn is_large(&self) -> bool {
        self.size.as_str().is_none_or(is_large)
    }

    /// The cost of a job that has ended.
    ///
    /// A run costs the tokens that Azure counted, however it ended. One that failed without a count
    /// costs its prompt at most and what a stream of it has produced. A video costs its seconds, or
    /// nothing if it failed.
    fn settlement(&self, kind: Kind, hold: &Hold, produced: Produced) -> Settlement {
        if kind == Kind::Video {
            return match self.is_completed() {
                true => {
                    let seconds =
                        self.seconds().unwrap_or_else(|| hold.units.get(Unit::VideoSeconds));
                    let units = Units::of(Unit::VideoSeconds, seconds);
                    let is_large_video = self.is_large();
                    Settlement::Exact(Usage { is_large_video, ..Usage::of_units(units) })
                }
                false => Settlement::Void,
            };
        }
        match self.usage.filter(|usage| usage.get() != "null") {
            // Azure counts what a run has used before it fails. Without a count there was nothing
            // but the prompt and what has been seen, or not even that.
            None if self.status.as_deref() == Some("failed") => {
                let error = self.last_error.and_then(|raw| serde_json::from_str(raw.get()).ok());
                let failure = Failure::of(&error.unwrap_or_default());
                let state = StreamState { produced, ..StreamState::default() };
                failure::settle(&failure, &state, hold)
            }
            None => UNKNOWN,
            Some(usage) => {
                let counted = usage::count(usage, most_tokens(&ModelFacts::UNKNOWN, 1, hold));
                match counted.is_credible {
                    true => Settlement::Exact(counted.usage),
                    false => Settlement::AtLeast(counted.usage),
                }
            }
        }
    }
}

/// Azure does not say what a job cost: the estimate.
pub(super) const UNKNOWN: Settlement = Settlement::AtLeast(Usage::of_tokens(0, 0));

/// Settles jobs, within a request or after it.
#[derive(Clone)]
pub(crate) struct Jobs {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) registry: Arc<Registry>,
}

impl Jobs {
    /// Settles a job if this response shows its end, after what a stream of it has produced. True
    /// if nothing is left to do.
    pub(super) async fn settle_if_ended(
        &self,
        owned: &Owned,
        at: &Arc<OpenEvent>,
        response: &[u8],
        produced: Produced,
    ) -> bool {
        let Some(state) = JobState::read(response).filter(JobState::has_ended) else {
            return false;
        };
        let produced = match produced.is_nothing() {
            true => Produced::of_tokens(owned.streamed_tokens),
            false => produced,
        };
        self.settle(owned, at, |hold| state.settlement(owned.kind, hold, produced)).await
    }

    /// Settles a job. True if nothing is left to do.
    pub(super) async fn settle(
        &self,
        owned: &Owned,
        at: &Arc<OpenEvent>,
        settlement: impl FnOnce(&Hold) -> Settlement,
    ) -> bool {
        let is_settled = self.gateway.settle_pending(pending(owned), at, settlement).await;
        if is_settled {
            self.registry.close_job(owned).await;
        }
        is_settled
    }

    /// Settles the runs of a list that have ended.
    pub(super) async fn settle_ended_runs(
        &self,
        owner: &Owner,
        at: &Arc<OpenEvent>,
        response: &[u8],
    ) {
        #[derive(Deserialize)]
        struct List<'a> {
            #[serde(borrow)]
            data: Vec<&'a RawValue>,
        }
        let Ok(list) = serde_json::from_slice::<List<'_>>(response) else { return };
        let key = AccountKey::Attendee(owner.event.clone(), owner.user.clone());
        let Ok(Some(account)) = self.gateway.ports().ledger.account(&key).await else { return };
        if account.holds.is_empty() {
            return;
        }
        for raw in list.data {
            let Some(state) = JobState::read(raw.get().as_bytes()).filter(JobState::has_ended)
            else {
                continue;
            };
            let id = state.id.as_deref().and_then(|id| id.parse::<ObjectId>().ok());
            let Some(id) = id else { continue };
            let found = self.registry.find(owner, Kind::Run, &id).await;
            if let Ok(Some(owned)) = found
                && account.holds.contains_key(&owned.request_id)
            {
                let seen = Produced::of_tokens(owned.streamed_tokens);
                self.settle(&owned, at, |hold| state.settlement(owned.kind, hold, seen)).await;
            }
        }
    }
}

/// The request that made a job.
fn pending(job: &Owned) -> PendingRequest {
    let session = job.session.clone();
    PendingRequest {
        id: job.request_id.clone(),
        user: job.user.clone(),
        operation: job.kind.operation(),
        model: job.home.deployment.clone(),
        metadata: RequestMetadata {
            session: session.unwrap_or_else(|| SessionId::made_for(&job.request_id)),
            app: job.app.clone(),
            response_id: job.id.as_str().parse().ok(),
            is_own: false,
            dropped_tools: Arc::default(),
        },
    }
}

impl Objects {
    pub(crate) fn jobs(&self) -> Jobs {
        Jobs { gateway: Arc::clone(&self.gateway), registry: Arc::clone(&self.registry) }
    }

    /// Settles a job in the background if this response shows its end.
    pub(super) fn settle_job_if_ended(
        &self,
        owned: &Owned,
        at: &Arc<OpenEvent>,
        response: &bytes::Bytes,
    ) {
        let has_ended = JobState::read(response).is_some_and(|state| state.has_ended());
        if owned.kind.is_job() && has_ended {
            let (jobs, owned, at, response) =
                (self.jobs(), owned.clone(), Arc::clone(at), response.clone());
            self.gateway.in_background(async move {
                jobs.settle_if_ended(&owned, &at, &response, Produced::default()).await;
            });
        }
    }

    /// Settles runs in the background that this list shows to have ended.
    pub(super) fn settle_runs_that_ended(
        &self,
        owner: Owner,
        at: &Arc<OpenEvent>,
        response: &bytes::Bytes,
    ) {
        let (jobs, at, response) = (self.jobs(), Arc::clone(at), response.clone());
        self.gateway
            .in_background(async move { jobs.settle_ended_runs(&owner, &at, &response).await });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanyard_domain::time::EpochNanos;

    fn settled(kind: Kind, response: &str) -> Option<Settlement> {
        let hold = Hold {
            prompt_tokens: 1_000,
            completion_tokens: 256,
            units: Units::of(Unit::VideoSeconds, 8),
            admitted_at: EpochNanos(0),
            day: chrono::NaiveDate::MIN,
            expires_at: EpochNanos(0),
            is_recorded: true,
            model: None,
        };
        let state = JobState::read(response.as_bytes()).filter(JobState::has_ended)?;
        Some(state.settlement(kind, &hold, Produced::default()))
    }

    #[test]
    fn a_run_is_charged_azures_usage_however_it_ended() {
        for status in ["completed", "incomplete", "failed", "cancelled", "expired"] {
            let response = format!(
                r#"{{"status":"{status}","usage":{{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}}}"#
            );
            let exact = Settlement::Exact(Usage::of_tokens(7, 5));
            assert_eq!(settled(Kind::Run, &response), Some(exact), "{status}");
        }
        for status in ["queued", "in_progress", "requires_action", "cancelling", "new"] {
            assert_eq!(settled(Kind::Run, &format!(r#"{{"status":"{status}"}}"#)), None);
        }
        let uncounted = |status: &str, error: &str| {
            let response = format!(r#"{{"status":"{status}","usage":null,"last_error":{error}}}"#);
            settled(Kind::Run, &response)
        };
        for status in ["completed", "incomplete", "cancelled", "expired"] {
            assert_eq!(uncounted(status, "null"), Some(UNKNOWN), "{status}");
        }
        // One that failed before anything was counted has used its prompt at most.
        for error in ["null", r#"{"code":"server_error","message":"x"}"#] {
            let Some(Settlement::Estimated(usage)) = uncounted("failed", error) else { panic!() };
            assert_eq!((usage.prompt_tokens, usage.completion_tokens), (1_000, 0));
        }
        let busy = uncounted("failed", r#"{"code":"rate_limit_exceeded","message":"x"}"#);
        assert_eq!(busy, Some(Settlement::Void));
        assert_eq!(settled(Kind::Run, "<html>"), None);
    }

    #[test]
    fn a_video_costs_its_seconds_and_a_failed_one_nothing() {
        let video = |response: &str| settled(Kind::Video, response);
        let completed = |rest: &str, seconds, is_large_video| {
            let units = Units::of(Unit::VideoSeconds, seconds);
            let usage = Usage { is_large_video, ..Usage::of_units(units) };
            let response = format!(r#"{{"status":"completed",{rest}}}"#);
            assert_eq!(video(&response), Some(Settlement::Exact(usage)), "{rest}");
        };
        completed(r#""seconds":"4","size":"720x1280""#, 4, false);
        completed(r#""seconds":12,"size":"720x1280""#, 12, false);
        completed(r#""seconds":"many","size":"720x1280""#, 8, false);
        completed(r#""seconds":"4","size":"1792x1024""#, 4, true);
        completed(r#""seconds":"4""#, 4, true);
        completed(r#""seconds":"4","size":{"width":1792}"#, 4, true);
        assert_eq!(video(r#"{"status":"failed","seconds":"4"}"#), Some(Settlement::Void));
        assert_eq!(video(r#"{"status":"in_progress","seconds":"4"}"#), None);
    }
}

//! What one process has learned about deployments: which are busy, and which of our fields they
//! refuse. All of it may be lost at any time.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use lanyard_domain::catalog::Deployment;
use lanyard_domain::operation::Operation;
use lanyard_protocol::added::RefusedFields;

use crate::memory::Bounded;

/// How many deployments are remembered.
const MOST: usize = 1_000;

/// The state of deployments, by resource and name at Azure.
#[derive(Debug)]
pub(crate) struct Learnt {
    /// Most processes never learn anything, so most requests need not look.
    is_any: AtomicBool,
    known: Bounded<u64, Known>,
    has_unreadable: AtomicBool,
    /// Encrypted reasoning that a deployment could not read, by the deployment and its fingerprint.
    unreadable: Bounded<(u64, u64), ()>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    busy_until: Option<DateTime<Utc>>,
    refused: RefusedFields,
    refused_values: Arc<[String]>,
}

/// How long a misconfigured deployment is left alone while there is another. An organiser who has
/// corrected it should not have to wait.
const MISCONFIGURED_TIME: Duration = Duration::from_secs(60);

/// How many refused values of headers are remembered of a deployment. Clients choose them.
const MOST_VALUES: usize = 64;

/// How many pieces of unreadable reasoning are remembered, and how many of them one request may add,
/// so that it does not push out those of others. The next request adds the rest.
const MOST_UNREADABLE: usize = 4_096;
const MOST_UNREADABLE_AT_ONCE: usize = 256;

impl Default for Learnt {
    fn default() -> Self {
        Self {
            is_any: AtomicBool::new(false),
            known: Bounded::new(MOST),
            has_unreadable: AtomicBool::new(false),
            unreadable: Bounded::new(MOST_UNREADABLE),
        }
    }
}

impl Learnt {
    /// The fields of ours that a deployment has refused.
    pub(crate) fn refused(&self, deployment: &Deployment) -> RefusedFields {
        self.of(deployment).refused
    }

    /// The values of the client's headers that a deployment has refused.
    pub(crate) fn refused_values(&self, deployment: &Deployment) -> Arc<[String]> {
        self.of(deployment).refused_values
    }

    /// Remembers values of headers that a deployment has refused by name.
    pub(crate) fn note_refused_values(&self, deployment: &Deployment, values: &[String]) {
        tracing::warn!(deployment = %deployment.name, values = values.len(), "a header is refused");
        self.change(key(deployment), |known| {
            let mut all = known.refused_values.to_vec();
            all.extend_from_slice(values);
            all.sort_unstable();
            all.dedup();
            all.truncate(MOST_VALUES);
            known.refused_values = all.into();
        });
    }

    /// Whether there is reasoning that a deployment could not read. Most requests need not look.
    pub(crate) fn has_unreadable(&self) -> bool {
        self.has_unreadable.load(Ordering::Relaxed)
    }

    /// Those of these fingerprints that are of reasoning that a deployment could not read.
    pub(crate) fn unreadable(&self, deployment: &Deployment, mut prints: Vec<u64>) -> Arc<[u64]> {
        let deployment = key(deployment);
        prints.retain(|print| self.unreadable.get(&(deployment, *print)).is_some());
        prints.into()
    }

    /// Remembers reasoning that a deployment could not read.
    pub(crate) fn note_unreadable(&self, deployment: &Deployment, prints: &[u64]) {
        let deployment = key(deployment);
        let pairs = prints.iter().map(|print| (deployment, *print));
        let new = pairs.filter(|pair| self.unreadable.get(pair).is_none());
        new.take(MOST_UNREADABLE_AT_ONCE).for_each(|pair| self.unreadable.insert(pair, ()));
        self.has_unreadable.store(true, Ordering::Relaxed);
    }

    /// Whether Azure has asked to leave a deployment alone until later.
    pub(crate) fn is_busy(&self, deployment: &Deployment, now: DateTime<Utc>) -> bool {
        self.of(deployment).busy_until.is_some_and(|until| now < until)
    }

    /// Remembers that a deployment got past the refusal of these fields without them.
    pub(crate) fn note_refused(&self, deployment: &Deployment, fields: RefusedFields) {
        for field in fields.iter() {
            let field = field.name();
            tracing::warn!(deployment = %deployment.name, field, "a field is refused");
        }
        self.change(key(deployment), |known| known.refused = known.refused.and(fields));
    }

    /// Remembers that a deployment is busy for a while.
    pub(crate) fn note_busy(&self, deployment: &Deployment, now: DateTime<Utc>, wait: Duration) {
        self.change(key(deployment), |known| known.busy_until = Some(now + wait));
    }

    /// Whether a deployment has lately been misconfigured for an operation.
    pub(crate) fn is_misconfigured(
        &self,
        deployment: &Deployment,
        operation: Operation,
        now: DateTime<Utc>,
    ) -> bool {
        let known = self.at(|| key_of_use(deployment, operation));
        known.busy_until.is_some_and(|until| now < until)
    }

    /// Remembers that a deployment is misconfigured for an operation.
    pub(crate) fn note_misconfigured(
        &self,
        deployment: &Deployment,
        operation: Operation,
        now: DateTime<Utc>,
    ) {
        let until = now + MISCONFIGURED_TIME;
        self.change(key_of_use(deployment, operation), |known| known.busy_until = Some(until));
    }

    fn of(&self, deployment: &Deployment) -> Known {
        self.at(|| key(deployment))
    }

    fn at(&self, key: impl FnOnce() -> u64) -> Known {
        if !self.is_any.load(Ordering::Relaxed) {
            return Known::default();
        }
        self.known.get(&key()).unwrap_or_default()
    }

    fn change(&self, key: u64, change: impl FnOnce(&mut Known)) {
        self.known.change(&key, change);
        self.is_any.store(true, Ordering::Relaxed);
    }
}

/// A deployment with this credential, which others may call with a better one, and for this operation,
/// which it may not serve.
fn key_of_use(deployment: &Deployment, operation: Operation) -> u64 {
    let mut hasher = DefaultHasher::new();
    (key(deployment), &deployment.credential, operation).hash(&mut hasher);
    hasher.finish()
}

fn key(deployment: &Deployment) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&deployment.endpoint, deployment.azure_name.as_str()).hash(&mut hasher);
    hasher.finish()
}

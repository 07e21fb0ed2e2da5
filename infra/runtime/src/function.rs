//! A function: the calls that wait for it and the environments that serve them.
//!
//! An environment is started when more calls wait than environments are free or about to be, up to
//! a limit. Calls beyond that wait in the order in which they came.

mod environment;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rustix::process::Pid;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::environment::Environment;
use super::invocation::{Failure, Invocation, Outcome};
use crate::template;

/// The settings of an environment.
pub(super) struct Definition {
    /// The parts of the template that the emulator uses.
    pub(super) template: template::Function,
    /// The binary.
    pub(super) bootstrap: PathBuf,
    /// The whole environment of the process, without the Runtime API's address.
    pub(super) variables: BTreeMap<String, String>,
    /// Its ARN.
    pub(super) arn: String,
    /// How many environments there may be.
    pub(super) most_environments: usize,
    /// Whether an environment is frozen while no call waits for it.
    pub(super) is_frozen_between_calls: bool,
}

/// A function. Clones are the same function.
#[derive(Clone)]
pub(super) struct Function(Arc<Inner>);

pub(super) struct Inner {
    pub(super) definition: Definition,
    state: Mutex<State>,
    arrivals: Notify,
    /// Cancelled when the emulator ends.
    pub(super) ended: CancellationToken,
    environments: TaskTracker,
    numbers: AtomicU64,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Invocation>,
    /// Environments that have asked for a call and got none yet.
    idle: usize,
    /// Environments that have not asked yet.
    starting: usize,
    /// Every environment, and its process once it has one.
    alive: BTreeMap<u64, Option<Pid>>,
}

/// Counts an environment as idle until it is dropped.
pub(super) struct Idle<'f>(&'f Inner);

impl Drop for Idle<'_> {
    fn drop(&mut self) {
        self.0.lock().idle -= 1;
    }
}

impl std::ops::Deref for Function {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Function {
    pub(super) fn new(definition: Definition) -> Self {
        Self(Arc::new(Inner {
            definition,
            state: Mutex::default(),
            arrivals: Notify::new(),
            ended: CancellationToken::new(),
            environments: TaskTracker::new(),
            numbers: AtomicU64::new(1),
        }))
    }

    /// Calls the function and waits for the result. A caller that stops waiting changes nothing:
    /// the function runs on.
    pub(super) async fn invoke(&self, id: String, trace: String, event: Bytes) -> Outcome {
        let (caller, response) = oneshot::channel();
        self.lock().waiting.push_back(Invocation { id, trace, event, caller });
        self.arrivals.notify_one();
        self.start_what_is_missing();
        response.await.unwrap_or(Outcome::Failed(Failure::Ended))
    }

    fn start_what_is_missing(&self) {
        let mut state = self.lock();
        let limit = self.definition.most_environments;
        while state.waiting.len() > state.idle + state.starting
            && state.alive.len() < limit
            && !self.ended.is_cancelled()
        {
            let number = self.numbers.fetch_add(1, Ordering::Relaxed);
            state.starting += 1;
            state.alive.insert(number, None);
            let function = self.clone();
            self.environments.spawn(async move {
                let has_started = Environment::live(&function, number).await;
                function.ended(number, has_started);
            });
        }
    }

    /// An environment has ended; the next one replaces it if a call waits.
    fn ended(&self, number: u64, has_started: bool) {
        let mut state = self.lock();
        state.alive.remove(&number);
        if !has_started {
            state.starting -= 1;
            // As on Lambda, the call that made it start has failed. The others try again.
            if let Some(invocation) = state.waiting.pop_front() {
                let _ = invocation.caller.send(Outcome::Failed(Failure::Init));
            }
        }
        drop(state);
        self.start_what_is_missing();
    }

    /// Ends every environment. Calls that still wait get no response.
    pub(super) async fn end(&self) {
        self.ended.cancel();
        self.lock().waiting.clear();
        self.environments.close();
        self.environments.wait().await;
    }
}

impl Inner {
    /// An environment has its process.
    pub(super) fn has_process(&self, number: u64, process: Option<Pid>) {
        self.lock().alive.insert(number, process);
    }

    /// An environment has asked for its first call.
    pub(super) fn has_started(&self) {
        self.lock().starting -= 1;
    }

    /// The call that waits longest, if one does.
    pub(super) fn take(&self) -> Option<Invocation> {
        self.lock().waiting.pop_front()
    }

    /// Counts the caller as idle until the value is dropped.
    pub(super) fn idle(&self) -> Idle<'_> {
        self.lock().idle += 1;
        Idle(self)
    }

    /// The next call. An environment that ends while it is idle loses no call.
    pub(super) async fn arrival(&self) -> Invocation {
        loop {
            let arrival = self.arrivals.notified();
            if let Some(invocation) = self.take() {
                return invocation;
            }
            arrival.await;
        }
    }

    /// The processes of all environments.
    pub(super) fn processes(&self) -> Vec<Pid> {
        self.lock().alive.values().copied().flatten().collect()
    }

    /// Whether every environment has nothing to do.
    pub(super) fn is_quiet(&self) -> bool {
        let state = self.lock();
        state.waiting.is_empty() && state.idle == state.alive.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere cannot leave counters half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! An Azure OpenAI on loopback whose responses, delays and faults a test scripts.
//!
//! Without a script it responds correctly. It records its requests, so that a test can look at them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lanyard_gateway::ports::UpstreamCall;
use lanyard_gateway::testing::azure::Script;
use tokio::sync::watch;

pub(crate) use lanyard_gateway::testing::azure::{
    Gate, LineEnding, Recorded, Reply, claude, frames, kept, usual,
};

use super::loopback::Loopback;

#[cfg(test)]
mod tests;

/// How long a test waits for something that should happen soon. Busy machines are slow, so only a hang
/// ends here.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A scripted Azure on a loopback port of its own, which serves until it is dropped.
pub(crate) struct ScriptedAzure {
    script: Arc<Mutex<Script>>,
    server: Loopback,
}

impl ScriptedAzure {
    /// Starts on a free port of 127.0.0.1.
    pub(crate) async fn start() -> Self {
        let mut script = None;
        let started = Loopback::start(|port| {
            let made = Arc::new(Mutex::new(Script::of(port)));
            script = Some(Arc::clone(&made));
            move |request| lock(&made).reply(request)
        });
        let server = started.await;
        match (server, script) {
            (Ok(server), Some(script)) => Self { script, server },
            (Err(_), _) | (_, None) => unreachable!("loopback has no free port"),
        }
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub(crate) fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// How many requests have arrived in full.
    pub(crate) fn calls(&self) -> usize {
        self.server.calls()
    }

    /// How many connections were opened; fewer than calls when they were kept alive.
    pub(crate) fn connections(&self) -> usize {
        self.server.counts.connections.load(Ordering::Relaxed)
    }

    /// The requests in the order in which they arrived.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        lock(&self.script).requests.clone()
    }

    /// The ids of stored objects.
    pub(crate) fn kept(&self) -> Vec<String> {
        lock(&self.script).kept.ids()
    }

    /// Loses a stored object, as Azure may.
    pub(crate) fn lose(&self, id: &str) {
        lock(&self.script).kept.lose(id);
    }

    /// Changes these fields of a run or a video from now on.
    pub(crate) fn set_job(&self, id: &str, fields: serde_json::Value) {
        lock(&self.script).kept.set_job(id, fields);
    }

    /// Replies to the next call that nothing is scripted for yet.
    pub(crate) fn script(&self, reply: Reply) {
        lock(&self.script).next.push_back(reply);
    }

    /// Replies to every call that nothing is scripted for.
    pub(crate) fn always(&self, reply: Reply) {
        lock(&self.script).always = Some(reply);
    }

    /// Replies to every call that asks for a stream and that nothing is scripted for.
    pub(crate) fn streams(&self, reply: Reply) {
        lock(&self.script).streams = Some(reply);
    }

    /// Holds back each response that is not scripted until the gate lets it through.
    pub(crate) fn hold(&self, gate: &Gate) {
        lock(&self.script).gate = Some(gate.clone());
    }

    /// The text of correct chat responses.
    ///
    /// A stream cuts it between words only, so that a canary without spaces stays in one frame.
    pub(crate) fn completion(&self, text: &str) {
        text.clone_into(&mut lock(&self.script).completion);
    }

    /// Waits until so many requests have arrived.
    pub(crate) async fn called(&self, times: usize) {
        reached(&self.server.counts.calls, times, "called").await;
    }

    /// Waits until clients have left so many responses before their end.
    pub(crate) async fn abandoned(&self, times: usize) {
        reached(&self.server.counts.abandoned, times, "abandoned").await;
    }
}

/// A call for embeddings to this Azure.
pub(crate) fn a_call(azure: &ScriptedAzure, number: usize) -> UpstreamCall {
    UpstreamCall {
        url: format!("{}/openai/v1/embeddings", azure.endpoint()),
        body: "{}".into(),
        method: http::Method::POST,
        content_type: Some(http::HeaderValue::from_static("application/json")),
        beta: None,
        headers: Vec::new(),
        accept: "application/json",
        is_streamed: false,
        request_id: format!("req_{number}").parse().expect("is an id"),
        timeout: Duration::from_secs(30),
    }
}

async fn reached(counter: &watch::Sender<usize>, times: usize, what: &str) {
    let mut counted = counter.subscribe();
    let waited = tokio::time::timeout(TIMEOUT, counted.wait_for(|count| *count >= times)).await;
    let count = *counter.borrow();
    assert!(waited.is_ok(), "{what} {count} times in {TIMEOUT:?}, not {times}");
}

fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

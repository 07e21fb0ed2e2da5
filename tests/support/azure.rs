//! An Azure OpenAI whose every answer, delay and fault is scripted by the test.
//!
//! It speaks HTTP/1.1 on a raw socket, because a proper HTTP server refuses to lie about a length
//! or to drop a connection halfway. Without a script it answers correctly. What it is asked is
//! kept, so that a test can look at it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) use self::gate::Gate;
pub(crate) use self::reply::{AZURE_HEADERS, LineEnding, Reply, UPSTREAM_REQUEST_ID};
pub(crate) use self::wire::Recorded;

use self::wire::{Connection, Outcome};

pub(crate) mod frames;
pub(crate) mod kept;
pub(crate) mod usual;

mod gate;
mod reply;
mod wire;

#[cfg(test)]
mod tests;

/// How long a test waits for something that should happen at once.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A scripted Azure on a loopback port of its own, which serves until it is dropped.
pub(crate) struct ScriptedAzure {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Dropping it ends the listener and all connections.
    _server: JoinSet<()>,
}

struct Shared {
    script: Mutex<Script>,
    calls: watch::Sender<usize>,
    abandoned: watch::Sender<usize>,
    connections: AtomicUsize,
}

struct Script {
    next: VecDeque<Reply>,
    always: Option<Reply>,
    streams: Option<Reply>,
    gate: Option<Gate>,
    completion: String,
    kept: kept::Kept,
    requests: Vec<Recorded>,
}

impl ScriptedAzure {
    /// Starts on a free port of 127.0.0.1.
    pub(crate) async fn start() -> Self {
        let bound = TcpListener::bind("127.0.0.1:0").await;
        let Ok((listener, Ok(address))) = bound.map(|listener| {
            let address = listener.local_addr();
            (listener, address)
        }) else {
            unreachable!("loopback has no free port");
        };
        let script = Script {
            next: VecDeque::new(),
            always: None,
            streams: None,
            gate: None,
            completion: usual::COMPLETION.to_owned(),
            kept: kept::Kept::of(address.port()),
            requests: Vec::new(),
        };
        let shared = Arc::new(Shared {
            script: Mutex::new(script),
            calls: watch::Sender::new(0),
            abandoned: watch::Sender::new(0),
            connections: AtomicUsize::new(0),
        });
        let mut server = JoinSet::new();
        server.spawn(serve(listener, shared.clone()));
        Self { address, shared, _server: server }
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests have arrived in full.
    pub(crate) fn calls(&self) -> usize {
        *self.shared.calls.borrow()
    }

    /// How many connections were opened; fewer than calls when they were kept alive.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// The requests in the order in which they arrived.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.shared.script().requests.clone()
    }

    /// The ids of what is kept.
    pub(crate) fn kept(&self) -> Vec<String> {
        self.shared.script().kept.ids()
    }

    /// Loses an object without telling anybody.
    pub(crate) fn lose(&self, id: &str) {
        self.shared.script().kept.lose(id);
    }

    /// Changes what is told of a run or a video from now on.
    pub(crate) fn set_job(&self, id: &str, fields: serde_json::Value) {
        self.shared.script().kept.set_job(id, fields);
    }

    /// Answers the next call that nothing is scripted for yet.
    pub(crate) fn script(&self, reply: Reply) {
        self.shared.script().next.push_back(reply);
    }

    /// Answers every call that nothing is scripted for.
    pub(crate) fn always(&self, reply: Reply) {
        self.shared.script().always = Some(reply);
    }

    /// Answers every call that asks for a stream and that nothing is scripted for.
    pub(crate) fn streams(&self, reply: Reply) {
        self.shared.script().streams = Some(reply);
    }

    /// Lets no answer that is not scripted begin before the gate does.
    pub(crate) fn hold(&self, gate: &Gate) {
        self.shared.script().gate = Some(gate.clone());
    }

    /// The text of the usual chat answers.
    ///
    /// A stream cuts it between words only, so that a canary without blanks stays in one frame.
    pub(crate) fn completion(&self, text: &str) {
        text.clone_into(&mut self.shared.script().completion);
    }

    /// Waits until so many requests have arrived.
    pub(crate) async fn called(&self, times: usize) {
        self.reached(&self.shared.calls, times, "called").await;
    }

    /// Waits until clients have left so many answers before their end.
    pub(crate) async fn abandoned(&self, times: usize) {
        self.reached(&self.shared.abandoned, times, "abandoned").await;
    }

    async fn reached(&self, counter: &watch::Sender<usize>, times: usize, what: &str) {
        let mut counted = counter.subscribe();
        let waited = tokio::time::timeout(TIMEOUT, counted.wait_for(|count| *count >= times)).await;
        let count = *counter.borrow();
        assert!(waited.is_ok(), "{what} {count} times in {TIMEOUT:?}, not {times}");
    }
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reply(&self, request: &Recorded) -> Reply {
        let mut script = self.script();
        script.requests.push(request.clone());
        let is_streamed = request.json()["stream"] == true;
        let next = script.next.pop_front();
        let streamed = || script.streams.clone().filter(|_| is_streamed);
        let scripted = next.or_else(streamed).or_else(|| script.always.clone());
        if let Some(scripted) = scripted {
            return scripted;
        }
        let completion = script.completion.clone();
        let kept = script.kept.reply(request, &completion);
        let usual = kept.unwrap_or_else(|| usual::reply(request, &completion));
        match &script.gate {
            Some(gate) => usual.held(gate),
            None => usual,
        }
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                shared.connections.fetch_add(1, Ordering::Relaxed);
                connections.spawn(converse(Connection::new(stream), shared.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Answers the requests of one connection, until an answer or the client ends it.
async fn converse(mut connection: Connection, shared: Arc<Shared>) {
    while let Ok(Some(request)) = connection.request().await {
        let reply = shared.reply(&request);
        shared.calls.send_modify(|calls| *calls += 1);
        match connection.answer(&reply).await {
            Outcome::Complete if reply.keeps_alive() && !request.wants_close() => {}
            Outcome::Complete => return,
            Outcome::Reset => return connection.reset(),
            Outcome::Abandoned => {
                shared.abandoned.send_modify(|abandoned| *abandoned += 1);
                return;
            }
        }
    }
}

//! One environment: a process of the function's binary, with a Runtime API of its own.
//!
//! Each has its own port, which identifies the caller. The process has its own process group:
//! Ctrl-C at a terminal reaches only the server, which lets responses finish. If the server is
//! killed, the kernel sends SIGCONT and SIGHUP to the stopped group that it orphaned, which ends a
//! frozen process. One that runs ends by itself when its Runtime API is gone.

mod api;

use std::process::Stdio;
use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Function;
use crate::invocation::{Failure, Invocation, Outcome};

/// How long reading the last output of an ended process may take.
const SHUTDOWN_MARGIN: Duration = Duration::from_secs(1);

/// A running environment.
pub(super) struct Environment {
    pub(super) function: Function,
    number: u64,
    process: Option<Pid>,
    state: Mutex<State>,
    /// When the process is killed, if it is not done by then.
    deadline: watch::Sender<Option<Instant>>,
}

#[derive(Default)]
struct State {
    has_started: bool,
    running: Option<Running>,
}

/// The call that an environment has, from its handing over to the question for the next one.
struct Running {
    id: String,
    /// Gone once there is a response.
    caller: Option<oneshot::Sender<Outcome>>,
}

/// Why an environment ended.
enum End {
    Exited(String),
    TimedOut,
    Stopped,
}

impl Environment {
    /// Runs an environment to its end. Whether it ever asked for a call.
    pub(super) async fn live(function: &Function, number: u64) -> bool {
        match Self::try_live(function, number).await {
            Ok(has_started) => has_started,
            Err(fault) => {
                let name = &function.definition.template.name;
                tracing::error!("an environment of {name} cannot be started: {fault:#}");
                false
            }
        }
    }

    async fn try_live(function: &Function, number: u64) -> Result<bool> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut child = start(function, &listener)?;
        let mut tasks = JoinSet::new();
        let name = &function.definition.template.name;
        if let Some(output) = child.stdout.take() {
            tasks.spawn(repeat(output, name.clone(), number));
        }
        if let Some(output) = child.stderr.take() {
            tasks.spawn(repeat(output, name.clone(), number));
        }
        let process = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        function.has_process(number, process);
        // Lambda repeats an init that takes too long, within the function's own timeout.
        let (deadline, watched) =
            watch::channel(Some(Instant::now() + function.definition.template.timeout));
        let environment = Arc::new(Self {
            function: function.clone(),
            number,
            process,
            state: Mutex::default(),
            deadline,
        });
        let mut connections = JoinSet::new();
        let end = loop {
            tokio::select! {
                status = child.wait() => break End::Exited(
                    status.map_or_else(|fault| fault.to_string(), |status| status.to_string())
                ),
                () = overdue(watched.clone()) => break End::TimedOut,
                () = function.ended.cancelled() => break End::Stopped,
                accepted = listener.accept() => if let Ok((socket, _)) = accepted {
                    let _ = socket.set_nodelay(true);
                    connections.spawn(serve(Arc::clone(&environment), socket));
                },
                Some(_) = connections.join_next() => {}
            }
        };
        // SIGKILL ends a frozen process too.
        let _ = child.start_kill();
        let _ = child.wait().await;
        let last_words = async {
            while connections.join_next().await.is_some() {}
            while tasks.join_next().await.is_some() {}
        };
        let _ = tokio::time::timeout(SHUTDOWN_MARGIN, last_words).await;
        Ok(environment.close(&end))
    }

    /// Answers the caller, if it still waits.
    fn close(&self, end: &End) -> bool {
        let name = &self.function.definition.template.name;
        let mut state = self.lock();
        let caller = state.running.take().and_then(|running| running.caller);
        let failure = match end {
            End::TimedOut => Failure::TimedOut,
            End::Exited(_) => Failure::Crashed,
            End::Stopped => Failure::Ended,
        };
        match end {
            End::Exited(status) if !state.has_started => tracing::error!(
                "{name}#{}: the function ended while it started ({status}); what it said is above",
                self.number
            ),
            End::Exited(status) => {
                tracing::error!("{name}#{}: the environment ended ({status})", self.number);
            }
            End::TimedOut => tracing::error!(
                "{name}#{}: timed out after {:?}",
                self.number,
                self.function.definition.template.timeout
            ),
            End::Stopped => {}
        }
        if let Some(caller) = caller {
            let _ = caller.send(Outcome::Failed(failure));
        }
        state.has_started
    }

    /// The next call. The process may be frozen until it comes.
    pub(super) async fn next(&self) -> Invocation {
        self.finish();
        let invocation = match self.function.take() {
            Some(invocation) => invocation,
            None => {
                let _idle = self.function.idle();
                self.freeze(Signal::STOP);
                let invocation = self.function.arrival().await;
                self.freeze(Signal::CONT);
                invocation
            }
        };
        let timeout = self.function.definition.template.timeout;
        self.deadline.send_replace(Some(Instant::now() + timeout));
        invocation
    }

    /// Notes what runs now. Nothing is awaited between the taking of a call and this.
    pub(super) fn runs(&self, id: String, caller: oneshot::Sender<Outcome>) {
        self.lock().running = Some(Running { id, caller: Some(caller) });
    }

    /// The caller that waits for the response to an invocation; `None` if it does not run here or
    /// has its response.
    pub(super) fn caller_of(&self, id: &str) -> Option<oneshot::Sender<Outcome>> {
        let mut state = self.lock();
        state.running.as_mut().filter(|running| running.id == id)?.caller.take()
    }

    /// The process asks for an invocation, so it has finished the one before.
    fn finish(&self) {
        self.deadline.send_replace(None);
        let mut state = self.lock();
        if !std::mem::replace(&mut state.has_started, true) {
            self.function.has_started();
        }
        if let Some(caller) = state.running.take().and_then(|running| running.caller) {
            let _ = caller.send(Outcome::Failed(Failure::Malformed));
        }
    }

    fn freeze(&self, signal: Signal) {
        let Some(process) = self.process else { return };
        if self.function.definition.is_frozen_between_calls {
            // It may just have ended, which is noticed elsewhere.
            let _ = kill_process(process, signal);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere cannot leave it half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn start(function: &Function, listener: &TcpListener) -> Result<Child> {
    let definition = &function.definition;
    Command::new(&definition.bootstrap)
        .env_clear()
        .envs(&definition.variables)
        .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr()?.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("{} does not run", definition.bootstrap.display()))
}

async fn serve(environment: Arc<Environment>, socket: tokio::net::TcpStream) {
    let service = service_fn(move |request| api::respond(Arc::clone(&environment), request));
    // A process that ends breaks its connections.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
}

/// Writes a function's output to the server's log.
async fn repeat(output: impl AsyncRead + Unpin, name: String, number: u64) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::info!("{name}#{number}: {}", without_envelope(&line).unwrap_or(line));
    }
}

/// A line of metrics without what only CloudWatch reads of it.
fn without_envelope(line: &str) -> Option<String> {
    let mut fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).ok()?;
    fields.remove("_aws")?;
    serde_json::to_string(&fields).ok()
}

/// Returns when the deadline of the moment has passed.
async fn overdue(mut deadline: watch::Receiver<Option<Instant>>) {
    loop {
        let at = *deadline.borrow_and_update();
        let passed = async {
            match at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = passed => return,
            changed = deadline.changed() => if changed.is_err() {
                std::future::pending::<()>().await;
            },
        }
    }
}

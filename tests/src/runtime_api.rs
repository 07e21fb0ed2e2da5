//! Lambda's Runtime API for one environment. The caller sends the invocations one by one.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::http::serve;
use ::http::{Request, Response, StatusCode};
use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http_body_util::Full;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// Longer than any start or response on any machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The separator between the head and the body of a streamed response.
const SEPARATOR: [u8; 8] = [0; 8];

/// The API, until it is dropped.
pub struct Runtime {
    address: String,
    turns: mpsc::UnboundedReceiver<Turn>,
    answers: mpsc::UnboundedReceiver<Posted>,
    _server: JoinSet<()>,
}

/// The function asks for an invocation.
pub struct Turn {
    /// When it asked.
    pub at: Instant,
    event: oneshot::Sender<Bytes>,
}

impl Turn {
    /// Gives the function the invocation for which it asked.
    ///
    /// # Errors
    ///
    /// If it has gone.
    pub fn give(self, event: &str) -> Result<()> {
        let given = self.event.send(Bytes::copy_from_slice(event.as_bytes()));
        ensure!(given.is_ok(), "it went away while it asked for an invocation");
        Ok(())
    }
}

/// A message of the function.
struct Posted {
    /// When the last of it had arrived.
    at: Instant,
    path: String,
    body: Bytes,
}

/// That a function has answered.
#[derive(Clone, Copy, Debug)]
pub struct Invoked {
    /// When the response was complete.
    pub at: Instant,
    /// Its status.
    pub status: u64,
}

impl Runtime {
    /// Listens on a free port.
    ///
    /// # Errors
    ///
    /// If loopback has none.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (ask, turns) = mpsc::unbounded_channel();
        let (post, answers) = mpsc::unbounded_channel();
        let mut server = JoinSet::new();
        server.spawn(serve(listener, move |request| {
            let (ask, post) = (ask.clone(), post.clone());
            async move { reply(request, &ask, &post).await }
        }));
        Ok(Self { address, turns, answers, _server: server })
    }

    /// Its address, for `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Waits until the function asks for an invocation.
    ///
    /// # Errors
    ///
    /// If it sends something else, or nothing.
    pub async fn next(&mut self) -> Result<Turn> {
        tokio::select! {
            turn = self.turns.recv() => turn.context("the runtime API ended"),
            // The only other message is an error at start.
            response = self.answers.recv() => match response {
                Some(response) => bail!("{}: {}", response.path, String::from_utf8_lossy(&response.body)),
                None => bail!("the runtime API ended"),
            },
            () = tokio::time::sleep(TIMEOUT) => bail!("it asked for no invocation"),
        }
    }

    /// Gives the function an invocation and waits for its response, which may be no fault.
    ///
    /// # Errors
    ///
    /// If there is none, or it is a fault.
    pub async fn invoke(&mut self, turn: Turn, event: &str) -> Result<Invoked> {
        turn.give(event)?;
        self.answered().await
    }

    /// Waits for the next message. It must not be an error.
    ///
    /// # Errors
    ///
    /// If there is none, or it is a fault.
    pub async fn answered(&mut self) -> Result<Invoked> {
        let response = tokio::time::timeout(TIMEOUT, self.answers.recv()).await;
        let response = response.context("it gave no answer")?.context("the runtime API ended")?;
        let text = String::from_utf8_lossy(&response.body);
        let status = status(&response)?.filter(|status| *status < 500);
        let status = status.with_context(|| format!("a fault at {}: {text}", response.path))?;
        Ok(Invoked { at: response.at, status })
    }
}

async fn reply(
    request: Request<Bytes>,
    ask: &mpsc::UnboundedSender<Turn>,
    post: &mpsc::UnboundedSender<Posted>,
) -> Response<Full<Bytes>> {
    static INVOCATIONS: AtomicUsize = AtomicUsize::new(0);

    let at = Instant::now();
    let path = request.uri().path().to_owned();
    if !path.ends_with("/invocation/next") {
        let _ = post.send(Posted { at, path, body: request.into_body() });
        let mut accepted = Response::new(Full::default());
        *accepted.status_mut() = StatusCode::ACCEPTED;
        return accepted;
    }
    let (give, event) = oneshot::channel();
    let _ = ask.send(Turn { at, event: give });
    let Ok(event) = event.await else {
        // The measurement is over, and the function is about to be ended.
        return std::future::pending().await;
    };
    let id = INVOCATIONS.fetch_add(1, Ordering::Relaxed);
    let mut response = Response::new(Full::from(event));
    for (name, value) in [
        ("lambda-runtime-aws-request-id", format!("00000000-0000-4000-8000-{id:012}")),
        ("lambda-runtime-deadline-ms", deadline_ms().to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-north-1:123456789012:function:measured".to_owned(),
        ),
    ] {
        if let Ok(value) = value.try_into() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

#[expect(clippy::disallowed_methods, reason = "Lambda names the deadline by the wall clock")]
fn deadline_ms() -> u128 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    (now + TIMEOUT).as_millis()
}

/// The status of a response, streamed, buffered or to a direct call; 200 for a job's, which has
/// none, and none for a function's own failure.
fn status(response: &Posted) -> Result<Option<u64>> {
    if !response.path.ends_with("/response") {
        return Ok(None);
    }
    let head = match response.body.windows(SEPARATOR.len()).position(|bytes| bytes == SEPARATOR) {
        Some(end) => response.body.slice(..end),
        None => response.body.clone(),
    };
    let head: Value = serde_json::from_slice(&head)?;
    let status = head["statusCode"].as_u64().or(head["status"].as_u64()).unwrap_or(200);
    Ok(head.is_object().then_some(status))
}

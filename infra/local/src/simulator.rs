//! An Azure OpenAI for one machine, so that everything can be tried without a key.
//!
//! It answers the proxied operations over HTTP in Azure's shapes, and says in each response that no
//! model was asked: the text starts with `[simulated]`, and the header `x-lanyard-simulator: true`
//! is there. Stored responses, conversations, files, vector stores, assistants, threads and videos
//! are kept in memory. It counts no limits and checks no identity.
//!
//! What a model refuses and whether it reasons follows from the facts of the model. A message
//! decides which tool is called: see [`mention`].
//!
//! Words in a prompt that change the answer: "trigger the content filter" gives Azure's 400,
//! "trigger a rate limit" its 429. The key `wrong-key` gives its 401.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::kept::Kept;
use self::refusal::Refusal;
use self::response::{HttpBody, SimulatedResponse};
use self::stamp::Stamp;

mod cache;
mod catalog;
mod chat;
mod completion;
mod embeddings;
mod fields;
mod form;
mod frames;
mod grammar;
mod images;
mod kept;
mod legacy;
mod mention;
mod messages;
mod moderations;
mod offer;
mod parameters;
mod pattern;
mod prompt;
mod refusal;
mod response;
mod responses;
mod route;
mod schema;
mod speech;
mod stamp;
mod tokens;
mod tools;
mod upload;
mod words;
mod work;

/// The longest body that is read, in bytes.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// The requests per minute that the simulator's headers grant each deployment.
pub const REQUESTS_PER_MINUTE: usize = 10_000;

/// The tokens per minute that they grant.
pub const TOKENS_PER_MINUTE: usize = 2_000_000;

/// How long running responses may take after the stop.
const GRACE: Duration = Duration::from_secs(5);

/// After this many failures in a row the listener is given up.
const MOST_FAILURES: u32 = 100;

/// The simulated Azure OpenAI resource.
#[derive(Debug, Clone, Default)]
pub struct Simulator {
    /// The time to the first byte; a tenth of it passes between the frames of a stream.
    pub latency: Duration,
}

impl Simulator {
    /// Serves HTTP/1.1 on the listener until `stop` is ready, then lets responses in progress finish
    /// for at most five seconds.
    ///
    /// # Errors
    ///
    /// When the listener takes no connections any more.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let resource = Arc::new(Resource {
            latency: self.latency,
            serial: AtomicU64::new(0),
            // Two simulators are two resources, which read no encrypted content of each other.
            kept: Mutex::new(Kept::of(Stamp::now(0).uuid(&listener.local_addr()?.to_string()))),
        });
        let ending = CancellationToken::new();
        let mut connections = JoinSet::new();
        let mut failures = 0;
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        failures = 0;
                        connections.spawn(connection(stream, resource.clone(), ending.clone()));
                    }
                    Err(error) => {
                        failures += 1;
                        if failures > MOST_FAILURES {
                            return Err(error).context("the simulator's listener has failed");
                        }
                        // A client that left at once, or no free file descriptor for the moment.
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                },
            }
        }
        drop(listener);
        ending.cancel();
        let finished = async { while connections.join_next().await.is_some() {} };
        // What is still open after that is closed with the set.
        let _ = tokio::time::timeout(GRACE, finished).await;
        Ok(())
    }
}

/// What all connections share.
struct Resource {
    latency: Duration,
    serial: AtomicU64,
    kept: Mutex<Kept>,
}

impl Resource {
    async fn respond(&self, request: Request<Incoming>) -> Response<HttpBody> {
        let stamp = Stamp::now(self.serial.fetch_add(1, Ordering::Relaxed));
        let (head, body) = request.into_parts();
        let response = match Limited::new(body, MOST_BYTES).collect().await {
            Ok(body) => {
                let body = body.to_bytes();
                // A panic elsewhere cannot leave what is kept half written.
                let claude = messages::respond(&head, &body, &stamp);
                let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
                let response = claude.or_else(|| kept.respond(&head, &body, &stamp));
                response.unwrap_or_else(|| route::respond(&head, &body, &stamp, &mut kept.prompts))
            }
            Err(_) => SimulatedResponse::from(Refusal::TooLarge),
        };
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        response.into_response(&stamp, self.latency)
    }
}

async fn connection(stream: TcpStream, resource: Arc<Resource>, ending: CancellationToken) {
    // Without it a small frame waits for the client's acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let resource = resource.clone();
        async move { Ok::<_, Infallible>(resource.respond(request).await) }
    });
    let mut served = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // A client that breaks its connection is nobody's concern here.
        _ = served.as_mut() => return,
        () = ending.cancelled() => served.as_mut().graceful_shutdown(),
    }
    let _ = served.await;
}

#[cfg(test)]
mod tests;

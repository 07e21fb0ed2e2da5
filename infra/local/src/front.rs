//! A stand-in for API Gateway's front: HTTP on loopback, and the template's routes.
//!
//! [`Dispatch`] calls the function of a route, in this process or in an environment of its binary.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::in_process::InProcess;
use lanyard_runtime::Runtime;
use lanyard_runtime::invocation::BrokenOff;
use lanyard_runtime::template::Template;

/// Lambda's limit for a request, with some room for the event around it.
const MOST_BYTES: usize = 6 * 1024 * 1024;

/// How long running responses may take after the stop.
const GRACE: Duration = Duration::from_secs(30);

/// A response, which breaks off where a function does.
type ServerResponse = http::Response<UnsyncBoxBody<Bytes, BrokenOff>>;

/// The routes and their functions.
pub struct Front {
    /// The routes.
    pub template: Template,
    /// Calls their functions.
    pub dispatch: Dispatch,
}

/// How a function is run.
pub enum Dispatch {
    /// By a call in this process.
    InProcess(Arc<InProcess>),
    /// By its own binary.
    Runtime(Arc<Runtime>),
}

impl Front {
    /// Serves until `stop`, then lets running responses finish.
    ///
    /// # Errors
    ///
    /// If the listener fails for good.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> Result<()> {
        let graceful = GracefulShutdown::new();
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => break,
            };
            let Ok((socket, client)) = accepted else {
                // Out of descriptors, most likely: some will be free again.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            // Frames are small writes: without this each would wait for an acknowledgement.
            let _ = socket.set_nodelay(true);
            let front = Arc::clone(&self);
            let service = service_fn(move |request| {
                let front = Arc::clone(&front);
                async move { Ok::<_, Infallible>(front.respond(request, client).await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(socket), service);
            let connection = graceful.watch(connection);
            connections.spawn(async move {
                // A broken connection of a client is not logged.
                let _ = connection.await;
            });
        }
        drop(listener);
        let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
        let _ = tokio::time::timeout(GRACE, self.dispatch.quiet()).await;
        if let Dispatch::Runtime(runtime) = &self.dispatch {
            runtime.end().await;
        }
        Ok(())
    }

    async fn respond(
        &self,
        request: http::Request<Incoming>,
        client: SocketAddr,
    ) -> ServerResponse {
        let (head, body) = request.into_parts();
        let route = self.template.route(head.uri.path());
        let body = Limited::new(body, MOST_BYTES).collect().await;
        let body = body.ok().map(http_body_util::Collected::to_bytes);
        match &self.dispatch {
            Dispatch::InProcess(functions) => {
                let response = functions.respond(route, head, body).await;
                response.map(|body| body.map_err(|never| match never {}).boxed_unsync())
            }
            Dispatch::Runtime(runtime) => {
                let response = runtime.respond(route, &head, body, client.ip()).await;
                response.map(BodyExt::boxed_unsync)
            }
        }
    }
}

impl Dispatch {
    /// Returns when nothing goes on and everything is settled.
    async fn quiet(&self) {
        match self {
            Self::InProcess(functions) => functions.quiet().await,
            Self::Runtime(runtime) => runtime.quiet().await,
        }
    }
}

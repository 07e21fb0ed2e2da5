//! A stand-in for API Gateway: HTTP on loopback, the template's routes, the functions behind them.
//!
//! As on Lambda, a function whose client has left goes on to its end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use lanyard_gateway::answer::{Audience, answer};
use lanyard_gateway::{ApiError, Gateway, Request, Response};
use lanyard_platform::shell::{self, Machine};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::template::{Route, Template};

/// Lambda's limit for a request, with some room for the event around it.
const MOST_BYTES: usize = 6 * 1024 * 1024;

/// How long answers under way may take after the end was asked for.
const GRACE: Duration = Duration::from_secs(30);

/// The functions that stand behind routes. `invoke` knows each of them.
pub const FUNCTIONS: [&str; 19] = [
    "admin",
    "assistants",
    "audio-speech",
    "audio-transcriptions",
    "audio-translations",
    "chat-completions",
    "completions",
    "conversations",
    "embeddings",
    "event",
    "files",
    "images-edits",
    "images-generations",
    "models",
    "moderations",
    "responses",
    "threads",
    "vector-stores",
    "videos",
];

/// The functions and what they need.
pub struct Front {
    /// The routes.
    pub template: Template,
    /// What serves attendees.
    pub gateway: Arc<Gateway>,
    /// What serves organisers.
    pub admin: Arc<admin::Admin>,
    /// Functions under way.
    pub invocations: TaskTracker,
}

impl Front {
    /// Serves until `stop`, then lets answers under way finish.
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
            let Ok((socket, _)) = accepted else {
                // Out of descriptors, most likely: some will be free again.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            // Frames are small writes: without this each would wait for an acknowledgement.
            let _ = socket.set_nodelay(true);
            let front = Arc::clone(&self);
            let service = service_fn(move |request| {
                let front = Arc::clone(&front);
                async move { Ok::<_, Infallible>(front.answer(request).await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(socket), service);
            let connection = graceful.watch(connection);
            connections.spawn(async move {
                // A client that breaks its connection is no news.
                let _ = connection.await;
            });
        }
        drop(listener);
        let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
        self.invocations.close();
        let _ = tokio::time::timeout(GRACE, self.invocations.wait()).await;
        self.gateway.settled().await;
        Ok(())
    }

    async fn answer(self: Arc<Self>, request: http::Request<Incoming>) -> Response {
        let (head, body) = request.into_parts();
        let route = self.template.route(head.uri.path()).cloned();
        let body = match Limited::new(body, MOST_BYTES).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(_) => {
                Err(ApiError::RequestTooLarge { limit: lanyard_gateway::payload::MOST_BYTES })
            }
        };
        let (bytes, refusal) = match body {
            Ok(bytes) => (bytes, None),
            Err(refusal) => (Bytes::new(), Some(refusal)),
        };
        let request = match arrive(http::Request::from_parts(head, bytes), route.as_ref()) {
            Ok(request) => request,
            Err(cause) => return ApiError::Internal(Some(cause)).into_response(),
        };
        let Some(route) = route else {
            return answer(Audience::Attendees, request, |_| async { Err(ApiError::UnknownRoute) })
                .await;
        };
        if let Some(refusal) = refusal {
            return answer(Audience::Attendees, request, |_| async { Err(refusal) }).await;
        }
        let front = Arc::clone(&self);
        let invocation = async move { front.invoke(&route, request).await };
        match self.invocations.spawn(invocation).await {
            Ok(response) => response,
            Err(fault) => ApiError::Internal(Some(fault.into())).into_response(),
        }
    }

    async fn invoke(&self, route: &Route, request: Request) -> Response {
        let gateway = Arc::clone(&self.gateway);
        match route.function.as_str() {
            "admin" => admin::answer(Arc::clone(&self.admin), request).await,
            "chat-completions" => {
                answer(Audience::Attendees, request, |r| chat_completions::handle(gateway, r)).await
            }
            "embeddings" => {
                answer(Audience::Attendees, request, |r| embeddings::handle(gateway, r)).await
            }
            "conversations" => {
                answer(Audience::Attendees, request, |r| conversations::handle(gateway, r)).await
            }
            "assistants" => {
                answer(Audience::Attendees, request, |r| assistants::handle(gateway, r)).await
            }
            "threads" => {
                answer(Audience::Attendees, request, |r| threads::handle(gateway, r)).await
            }
            "videos" => answer(Audience::Attendees, request, |r| videos::handle(gateway, r)).await,
            "files" => answer(Audience::Attendees, request, |r| files::handle(gateway, r)).await,
            "responses" => {
                answer(Audience::Attendees, request, |r| responses::handle(gateway, r)).await
            }
            "vector-stores" => {
                answer(Audience::Attendees, request, |r| vector_stores::handle(gateway, r)).await
            }
            "completions" => {
                answer(Audience::Attendees, request, |r| completions::handle(gateway, r)).await
            }
            "images-generations" => {
                answer(Audience::Attendees, request, |r| images_generations::handle(gateway, r))
                    .await
            }
            "images-edits" => {
                answer(Audience::Attendees, request, |r| images_edits::handle(gateway, r)).await
            }
            "audio-transcriptions" => {
                answer(Audience::Attendees, request, |r| audio_transcriptions::handle(gateway, r))
                    .await
            }
            "audio-translations" => {
                answer(Audience::Attendees, request, |r| audio_translations::handle(gateway, r))
                    .await
            }
            "audio-speech" => {
                answer(Audience::Attendees, request, |r| audio_speech::handle(gateway, r)).await
            }
            "moderations" => {
                answer(Audience::Attendees, request, |r| moderations::handle(gateway, r)).await
            }
            "event" => answer(Audience::Attendees, request, |r| event::handle(gateway, r)).await,
            "models" => answer(Audience::Attendees, request, |r| models::handle(gateway, r)).await,
            _ => {
                answer(Audience::Attendees, request, |_| async { Err(ApiError::UnknownRoute) })
                    .await
            }
        }
    }
}

/// A request with its id, its time and the function's deadline.
fn arrive(
    http: http::Request<Bytes>,
    route: Option<&Route>,
) -> Result<Request, lanyard_gateway::ports::Cause> {
    use lanyard_gateway::ports::Clock;
    let deadline = route.map(|route| Instant::now() + route.timeout);
    Ok(Request { id: shell::request_id()?, now: Machine.now(), deadline, http })
}

//! A small HTTP server for stand-ins that answer from memory.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use ::http::{Request, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Answers every request on the listener by `answer`, until the future is dropped.
pub async fn serve<A, F>(listener: TcpListener, answer: A)
where
    A: Fn(Request<Bytes>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let answer = Arc::new(answer);
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        // Without this an answer in two writes would wait for an acknowledgement.
        let _ = socket.set_nodelay(true);
        let answer = Arc::clone(&answer);
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = Arc::clone(&answer);
            async move {
                let (head, body) = request.into_parts();
                // A body that breaks off is answered like one that ends there.
                let body = body.collect().await.map(|whole| whole.to_bytes()).unwrap_or_default();
                Ok::<_, Infallible>(answer(Request::from_parts(head, body)).await)
            }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
        connections.spawn(async move {
            // A caller may go at any time.
            let _ = connection.await;
        });
        while connections.try_join_next().is_some() {}
    }
}

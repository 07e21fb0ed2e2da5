//! A small HTTP server for stand-ins in memory.

use std::future::Future;
use std::sync::Arc;

use ::http::{Request, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use lanyard_runtime::loopback;
use tokio::net::TcpListener;

/// Passes every request on the listener to `handler`, until the future is dropped.
pub async fn serve<A, F>(listener: TcpListener, handler: A)
where
    A: Fn(Request<Bytes>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let handler = Arc::new(handler);
    let whole = move |request: Request<Incoming>| {
        let handler = Arc::clone(&handler);
        async move {
            let (head, body) = request.into_parts();
            // A body that breaks off is treated like one that ends there.
            let body = body.collect().await.map(|whole| whole.to_bytes()).unwrap_or_default();
            handler(Request::from_parts(head, body)).await
        }
    };
    loopback::serve(listener, whole).await;
}

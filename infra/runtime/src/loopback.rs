//! A loopback server for stand-ins: it accepts connections and passes on each request.
//!
//! The caller makes the responses. The front door and the simulated Azure, which let their callers
//! finish when they end, accept by themselves.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Serves `respond` on a free port, as one of the tasks, until `stop`; returns the address.
///
/// # Errors
///
/// If loopback has no free port.
pub async fn start<A, F, B>(
    respond: A,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> Result<String>
where
    A: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error: Error + Send + Sync> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    tasks.spawn(stop.run_until_cancelled_owned(serve(listener, respond)));
    Ok(address)
}

/// Passes every request on the listener to `respond`, until the future is dropped. Its connections
/// end with it.
pub async fn serve<A, F, B>(listener: TcpListener, respond: A)
where
    A: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error: Error + Send + Sync> + Send + 'static,
{
    let respond = Arc::new(respond);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((socket, _)) = accepted else {
            // Out of descriptors, most likely: some will be free again.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // Without this a response in two writes would wait for an acknowledgement.
        let _ = socket.set_nodelay(true);
        let respond = Arc::clone(&respond);
        let service = service_fn(move |request| {
            let response = respond(request);
            async move { Ok::<_, Infallible>(response.await) }
        });
        let served = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
        connections.spawn(async move {
            // A caller may go at any time.
            let _ = served.await;
        });
    }
}

//! Serves a scripted Azure on a loopback port.
//!
//! It speaks HTTP/1.1 on a raw socket, because an HTTP server refuses to send a wrong length or to
//! drop a connection halfway.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lanyard_gateway::testing::azure::{Recorded, Reply};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::wire::{Connection, Outcome};

pub(crate) mod wire;

/// A server on a port of its own, until it is dropped.
pub(crate) struct Loopback {
    address: SocketAddr,
    /// What clients did.
    pub(crate) counts: Arc<Counts>,
    /// Dropping it ends the listener and all connections.
    _server: JoinSet<()>,
}

/// Counts of what clients did.
#[derive(Default)]
pub(crate) struct Counts {
    /// Requests that arrived in full.
    pub(crate) calls: watch::Sender<usize>,
    /// Responses that a client left before their end.
    pub(crate) abandoned: watch::Sender<usize>,
    /// Connections that were opened.
    pub(crate) connections: AtomicUsize,
}

impl Loopback {
    /// Starts on a free port of 127.0.0.1. The script is made for the port.
    pub(crate) async fn start<S>(script: impl FnOnce(u16) -> S) -> io::Result<Self>
    where
        S: Fn(&Recorded) -> Reply + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let counts = Arc::<Counts>::default();
        let mut server = JoinSet::new();
        let script = Arc::new(script(address.port()));
        server.spawn(serve(listener, script, Arc::clone(&counts)));
        Ok(Self { address, counts, _server: server })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests have arrived in full.
    pub(crate) fn calls(&self) -> usize {
        *self.counts.calls.borrow()
    }
}

async fn serve<S>(listener: TcpListener, script: Arc<S>, counts: Arc<Counts>)
where
    S: Fn(&Recorded) -> Reply + Send + Sync + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                counts.connections.fetch_add(1, Ordering::Relaxed);
                let (script, counts) = (Arc::clone(&script), Arc::clone(&counts));
                connections.spawn(async move {
                    converse(Connection::new(stream), &*script, &counts).await;
                });
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Replies to the requests of one connection, until a reply or the client ends it.
async fn converse(
    mut connection: Connection,
    script: &(impl Fn(&Recorded) -> Reply + Sync),
    counts: &Counts,
) {
    while let Ok(Some(request)) = connection.request().await {
        let reply = script(&request);
        counts.calls.send_modify(|calls| *calls += 1);
        match connection.send(&reply).await {
            Outcome::Complete if reply.keeps_alive() && !request.wants_close() => {}
            Outcome::Complete => return,
            Outcome::Reset => return connection.reset(),
            Outcome::Abandoned => {
                counts.abandoned.send_modify(|abandoned| *abandoned += 1);
                return;
            }
        }
    }
}

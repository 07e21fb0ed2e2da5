//! A way to the engine that the test can close for the writing down of usage.

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::support::engine::Engine;

/// The header of a request for one write.
const WRITE: &[u8] = b"DynamoDB_20120810.PutItem";

/// An engine whose writes of complete items wait while the valve is shut.
pub(super) struct Valve {
    pub(super) address: String,
    /// The session token that the engine behind it admits.
    pub(super) session: String,
    is_shut: watch::Sender<bool>,
    _engine: Engine,
    _server: JoinSet<()>,
}

impl Valve {
    pub(super) async fn open() -> Self {
        let engine = Engine::start().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let behind = engine.endpoint().trim_start_matches("http://").to_owned();
        let (is_shut, watched) = watch::channel(false);
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let engine = TcpStream::connect(&behind).await.unwrap();
                connections.spawn(pass(client, engine, watched.clone()));
            }
        });
        let session = engine.secret().reveal().to_owned();
        Self { address, session, is_shut, _engine: engine, _server: server }
    }

    pub(super) fn shut(&self, is_shut: bool) {
        self.is_shut.send_replace(is_shut);
    }
}

async fn pass(client: TcpStream, engine: TcpStream, mut is_shut: watch::Receiver<bool>) {
    client.set_nodelay(true).unwrap();
    engine.set_nodelay(true).unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_engine, mut to_engine) = engine.into_split();
    let asking = async {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from_client.read(&mut bytes).await {
            if bytes[..read].windows(WRITE.len()).any(|part| part == WRITE) {
                let _ = is_shut.wait_for(|is_shut| !is_shut).await;
            }
            if to_engine.write_all(&bytes[..read]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = asking => {}
        _ = copy(&mut from_engine, &mut to_client) => {}
    }
}

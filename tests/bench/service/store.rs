//! A proxy in front of the engine. It counts calls to DynamoDB and their capacity. It can also
//! inject the faults that DynamoDB may have.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Slower than DynamoDB ever is, faster than any timeout here.
const SLOW: Duration = Duration::from_secs(1);

/// The calls of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Asked {
    /// Calls.
    pub(crate) calls: u64,
    /// Capacity units.
    pub(crate) units: f64,
}

/// Calls by their operation's name.
pub(crate) type Counts = BTreeMap<String, Asked>;

/// The store, until it is dropped.
pub(crate) struct Store {
    /// Where it is.
    pub(crate) endpoint: String,
    state: Arc<State>,
    _server: JoinSet<()>,
}

struct State {
    http: reqwest::Client,
    engine: String,
    counts: Mutex<Counts>,
    is_troubled: AtomicBool,
    troubles: AtomicU64,
    serial: AtomicU64,
}

/// The fault of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    None,
    /// It is refused, and not made.
    Throttled,
    /// It fails, and is not made.
    Failed,
    /// It is made, and the response is lost.
    Lost,
    /// It is late.
    Slow,
}

impl Store {
    /// Starts before an engine.
    pub(crate) async fn before(engine: &str) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().http1_only().tcp_nodelay(true).build()?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(State {
            http,
            engine: engine.to_owned(),
            counts: Mutex::default(),
            is_troubled: AtomicBool::default(),
            troubles: AtomicU64::default(),
            serial: AtomicU64::default(),
        });
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::clone(&state)));
        Ok(Self { endpoint, state, _server: server })
    }

    /// The calls so far.
    pub(crate) fn counts(&self) -> Counts {
        self.state.counts().clone()
    }

    /// Goes wrong now and then from now on, or no more.
    pub(crate) fn trouble(&self, is_troubled: bool) {
        self.state.is_troubled.store(is_troubled, Ordering::Relaxed);
    }

    /// The number of injected faults.
    pub(crate) fn troubles(&self) -> u64 {
        self.state.troubles.load(Ordering::Relaxed)
    }
}

/// The calls between two counts.
pub(crate) fn since(now: &Counts, before: &Counts) -> Counts {
    let of = |(operation, asked): (&String, &Asked)| {
        let then = before.get(operation).copied().unwrap_or_default();
        let more = Asked { calls: asked.calls - then.calls, units: asked.units - then.units };
        (operation.clone(), more)
    };
    now.iter().map(of).filter(|(_, asked)| asked.calls > 0).collect()
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((socket, _)) = accepted else { continue };
        let _ = socket.set_nodelay(true);
        let state = Arc::clone(&state);
        connections.spawn(async move {
            let service = service_fn(|request| state.respond(request));
            let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

impl State {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, io::Error> {
        let (mut head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let trouble = match self.is_troubled.load(Ordering::Relaxed) {
            true => trouble(self.serial.fetch_add(1, Ordering::Relaxed)),
            false => Trouble::None,
        };
        if trouble != Trouble::None {
            self.troubles.fetch_add(1, Ordering::Relaxed);
        }
        match trouble {
            Trouble::Throttled => return Ok(fault(400, "ThrottlingException")),
            Trouble::Failed => return Ok(fault(500, "InternalServerError")),
            Trouble::Slow => tokio::time::sleep(SLOW).await,
            Trouble::None | Trouble::Lost => {}
        }
        let target = head.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
        let operation = target.and_then(|target| target.split_once('.')).map(|(_, name)| name);
        let operation = operation.unwrap_or_default().to_owned();
        head.headers.remove(http::header::HOST);
        head.headers.remove(http::header::CONTENT_LENGTH);
        let sent = self.http.post(&self.engine).headers(head.headers).body(counted(&body));
        let stored = sent.send().await.map_err(io::Error::other)?;
        let (status, headers) = (stored.status(), stored.headers().clone());
        let body = stored.bytes().await.map_err(io::Error::other)?;
        {
            let mut counts = self.counts();
            let asked = counts.entry(operation).or_default();
            asked.calls += 1;
            asked.units += units(&body);
        }
        if trouble == Trouble::Lost {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status;
        for name in ["content-type", "x-amzn-requestid", "x-amz-crc32"] {
            if let Some(value) = headers.get(name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        Ok(response)
    }
}

/// The call, with a request for its consumed capacity. The engine checks no signature.
fn counted(body: &Bytes) -> Bytes {
    let Ok(Value::Object(mut call)) = serde_json::from_slice(body) else { return body.clone() };
    call.insert("ReturnConsumedCapacity".to_owned(), "TOTAL".into());
    Value::Object(call).to_string().into()
}

/// The capacity units that a response names, of one table or of several.
fn units(body: &[u8]) -> f64 {
    let response: Value = serde_json::from_slice(body).unwrap_or_default();
    let of = |consumed: &Value| consumed["CapacityUnits"].as_f64().unwrap_or_default();
    let consumed = &response["ConsumedCapacity"];
    let tables = consumed.as_array().map_or(std::slice::from_ref(consumed), Vec::as_slice);
    tables.iter().map(of).sum()
}

/// The fault of a call: in eight of a hundred something.
fn trouble(serial: u64) -> Trouble {
    let mut random = fastrand::Rng::with_seed(serial);
    match random.u8(..100) {
        0..2 => Trouble::Throttled,
        2..4 => Trouble::Failed,
        4..6 => Trouble::Lost,
        6..8 => Trouble::Slow,
        _ => Trouble::None,
    }
}

fn fault(status: u16, kind: &str) -> Response<Full<Bytes>> {
    let body = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{kind}"), "message": ""});
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let json = http::HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}

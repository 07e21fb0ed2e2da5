//! A limit of writes per second on one item, with DynamoDB's error.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;
use lanyard_tests::http::serve;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// DynamoDB's error if an item gets more writes than its partition accepts.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>
const REFUSAL: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API."}"#;

/// How much of a second's writes may come at once.
const BURST_SECONDS: f64 = 0.25;

/// The limit before a store, until it is dropped.
pub(crate) struct Throttle {
    endpoint: String,
    state: Arc<State>,
    _server: JoinSet<()>,
}

struct State {
    store: String,
    client: reqwest::Client,
    writes: f64,
    /// The writes that each item can still accept, and since when.
    items: Mutex<HashMap<String, (f64, Instant)>>,
    refused: AtomicU64,
}

impl Throttle {
    /// Lets so many writes a second through to each item of a store.
    pub(crate) async fn before(store: &str, writes: u32) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(State {
            store: store.to_owned(),
            client: reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?,
            writes: writes.into(),
            items: Mutex::default(),
            refused: AtomicU64::default(),
        });
        let mut server = JoinSet::new();
        let shared = Arc::clone(&state);
        server.spawn(serve(listener, move |request| {
            let state = Arc::clone(&shared);
            async move { state.respond(request).await }
        }));
        Ok(Self { endpoint, state, _server: server })
    }

    /// Where it is.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// How many writes it has refused.
    pub(crate) fn count(&self) -> u64 {
        self.state.refused.load(Ordering::Relaxed)
    }
}

impl State {
    async fn respond(&self, request: Request<Bytes>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        if written(&head.headers, &body).is_some_and(|item| !self.takes(item)) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return said(StatusCode::BAD_REQUEST, Bytes::from_static(REFUSAL.as_bytes()));
        }
        let call = self.client.post(&self.store).headers(head.headers).body(body);
        match call.send().await {
            Ok(response) => {
                let status = response.status();
                said(status, response.bytes().await.unwrap_or_default())
            }
            Err(_) => said(StatusCode::BAD_GATEWAY, Bytes::new()),
        }
    }

    /// Counts a write to an item, unless it has had too many.
    fn takes(&self, item: String) -> bool {
        let most = (self.writes * BURST_SECONDS).max(1.0);
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, since) = items.entry(item).or_insert((most, Instant::now()));
        *left = (*left + since.elapsed().as_secs_f64() * self.writes).min(most);
        *since = Instant::now();
        let takes = *left >= 1.0;
        if takes {
            *left -= 1.0;
        }
        takes
    }
}

/// The key of the item that a call writes to; a failed condition costs as much as a write.
fn written(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let target = headers.get("x-amz-target")?.to_str().ok()?;
    let call: Value = serde_json::from_slice(body).ok()?;
    let key = match target.rsplit('.').next()? {
        "UpdateItem" | "DeleteItem" => &call["Key"],
        "PutItem" => &call["Item"],
        _ => return None,
    };
    Some(format!("{}|{}", key["pk"]["S"].as_str()?, key["sk"]["S"].as_str()?))
}

fn said(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}

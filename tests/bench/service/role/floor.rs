//! The floor: hyper in, reqwest out, the body streamed through. It reads nothing, counts nothing
//! and keeps nothing, so what Lanyard costs beyond it is what Lanyard does.

use anyhow::Result;
use bytes::Bytes;
use futures_util::TryStreamExt;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use lanyard_runtime::loopback;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

type ServerResponse = Response<UnsyncBoxBody<Bytes, reqwest::Error>>;

/// Starts it.
pub(super) async fn start(
    azure: String,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> Result<Value> {
    // The settings of `lanyard_platform::azure`.
    let http = reqwest::Client::builder().no_proxy().http1_only().tcp_nodelay(true).build()?;
    let response = move |request| pass(http.clone(), azure.clone(), request);
    let address = loopback::start(response, tasks, stop).await?;
    Ok(json!({"address": address}))
}

async fn pass(http: reqwest::Client, azure: String, request: Request<Incoming>) -> ServerResponse {
    try_pass(http, azure, request).await.unwrap_or_else(|_| {
        let nothing = Full::default().map_err(|never| match never {}).boxed_unsync();
        let mut response = Response::new(nothing);
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        response
    })
}

async fn try_pass(
    http: reqwest::Client,
    azure: String,
    request: Request<Incoming>,
) -> Result<ServerResponse> {
    let (mut head, body) = request.into_parts();
    head.headers.remove(http::header::HOST);
    let url = format!("{azure}{}", head.uri);
    let body = body.collect().await?.to_bytes();
    let sent = http.request(head.method, url).headers(head.headers).body(body).send().await?;
    let mut response = Response::new(());
    *response.status_mut() = sent.status();
    *response.headers_mut() = sent.headers().clone();
    let body = StreamBody::new(sent.bytes_stream().map_ok(Frame::data));
    Ok(response.map(|()| BodyExt::boxed_unsync(body)))
}

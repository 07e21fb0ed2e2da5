//! A buffered integration: it waits for the full response, then sends it at once.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Full;
use lanyard_tests::http::serve;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A proxy that serves until it is dropped.
pub(super) struct Buffering {
    address: SocketAddr,
    _server: JoinSet<()>,
}

impl Buffering {
    pub(super) fn address(&self) -> String {
        format!("http://{}/api", self.address)
    }
}

/// A proxy in front of a service whose address ends with `/api`.
pub(super) async fn before(address: &str) -> Buffering {
    let origin = address.strip_suffix("/api").expect("is a base").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = JoinSet::new();
    server.spawn(serve(listener, move |request| {
        let origin = origin.clone();
        async move { whole(&origin, request).await }
    }));
    Buffering { address, _server: server }
}

async fn whole(origin: &str, request: http::Request<Bytes>) -> http::Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let mut headers = head.headers;
    headers.remove("host");
    let upstream = reqwest::Client::new()
        .request(head.method, format!("{origin}{}", head.uri))
        .headers(headers)
        .body(body)
        .send()
        .await
        .unwrap();
    let mut response = http::Response::new(Full::default());
    *response.status_mut() = upstream.status();
    *response.headers_mut() = upstream.headers().clone();
    response.headers_mut().remove("transfer-encoding");
    *response.body_mut() = Full::new(upstream.bytes().await.unwrap());
    response
}

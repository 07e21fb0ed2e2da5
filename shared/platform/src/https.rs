//! The single HTTPS client of a process. It serves Azure, Entra ID and, inside its SDK, AWS.
//!
//! TLS roots are read once, and the binary holds one HTTP stack. The SDK's own client would add a
//! second one with HTTP/2 (decision record 26).

use std::time::Duration;

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_sdk_dynamodb::error::{BoxError, ConnectorError};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use http::HeaderValue;
use http::header::USER_AGENT;
use lanyard_gateway::ports::Cause;
use reqwest::{Body, redirect};

const CONNECT: Duration = Duration::from_secs(5);

/// Azure closes idle connections after about four minutes. This client closes them first.
const IDLE: Duration = Duration::from_secs(90);

/// Selects ring as the cryptography of all HTTPS clients of this process. aws-lc would use 30 ms of
/// processor time on its first handshake.
pub fn use_ring() {
    // It fails if an earlier client installed ring already. That is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A client with pooled connections, and without redirects, proxies and decompression.
///
/// # Errors
///
/// If TLS cannot be set up.
pub fn client() -> Result<reqwest::Client, Cause> {
    use_ring();
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        .http1_only()
        .build()?;
    Ok(client)
}

/// The same client as an HTTP client for the AWS SDK.
pub fn for_sdk(client: &reqwest::Client) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector(client.clone()));
    http_client_fn(move |_, _| connector.clone())
}

/// The SDK names itself by an interceptor, which is no part of the writes of [`crate::table`].
const USER_AGENT_OF_WRITES: HeaderValue =
    HeaderValue::from_static(concat!("lanyard/", env!("CARGO_PKG_VERSION")));

/// The SDK applies the timeouts: it cancels each try by itself.
#[derive(Debug)]
struct Connector(reqwest::Client);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let mut request = request.try_into_http1x().map_err(misused)?.map(Body::wrap);
            request.headers_mut().entry(USER_AGENT).or_insert(USER_AGENT_OF_WRITES);
            let request = request.try_into().map_err(misused)?;
            let response = client.execute(request).await.map_err(failed)?;
            let response = http::Response::<Body>::from(response).map(SdkBody::from_body_1_x);
            HttpResponse::try_from(response)
                .map_err(|fault| ConnectorError::other(fault.into(), None))
        })
    }
}

fn misused(fault: impl Into<BoxError>) -> ConnectorError {
    ConnectorError::user(fault.into())
}

/// Classifies an error, so that the SDK can decide about a retry.
fn failed(fault: reqwest::Error) -> ConnectorError {
    match fault.is_timeout() {
        true => ConnectorError::timeout(fault.into()),
        false => ConnectorError::io(fault.into()),
    }
}

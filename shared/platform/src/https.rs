//! The one HTTPS client of a process: Azure's, Entra's and, under its SDK, AWS's.
//!
//! One set of TLS roots is read at the start, and one HTTP stack is in the binary. The SDK's own
//! would bring a second, with HTTP/2 in it (decision record 26).

use std::time::Duration;

use aws_sdk_dynamodb::config::{RuntimeComponents, SharedHttpClient};
use aws_sdk_dynamodb::error::{BoxError, ConnectorError};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use lanyard_gateway::ports::Cause;
use reqwest::{Body, redirect};

const CONNECT: Duration = Duration::from_secs(5);

/// Azure closes idle connections after about four minutes; be first.
const IDLE: Duration = Duration::from_secs(90);

/// Makes ring the cryptography of every HTTPS client of this process: aws-lc would spend 30 ms of
/// processor time on its first handshake.
pub fn use_ring() {
    // Installed already by an earlier client: just as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A client with pooled connections, without redirects, proxies and decompression.
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

/// The same client for an SDK of AWS.
pub fn for_sdk(client: &reqwest::Client) -> SharedHttpClient {
    SharedHttpClient::new(Connector(client.clone()))
}

/// How long to wait is the SDK's own business: it gives up each try by itself.
#[derive(Clone, Debug)]
struct Connector(reqwest::Client);

impl HttpClient for Connector {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(misused)?.map(Body::wrap);
            let request = request.try_into().map_err(misused)?;
            let answer = client.execute(request).await.map_err(failed)?;
            let answer = http::Response::<Body>::from(answer).map(SdkBody::from_body_1_x);
            HttpResponse::try_from(answer)
                .map_err(|fault| ConnectorError::other(fault.into(), None))
        })
    }
}

fn misused(fault: impl Into<BoxError>) -> ConnectorError {
    ConnectorError::user(fault.into())
}

/// What the SDK needs to know to decide on another try.
fn failed(fault: reqwest::Error) -> ConnectorError {
    match fault.is_timeout() {
        true => ConnectorError::timeout(fault.into()),
        false => ConnectorError::io(fault.into()),
    }
}

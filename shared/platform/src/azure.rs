//! Azure OpenAI over HTTPS: pooled connections, no redirects, no proxy, no decompression.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use http::HeaderValue;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use lanyard_domain::catalog::Deployment;
use lanyard_gateway::ports::{Cause, Upstream, UpstreamBody, UpstreamCall, UpstreamFault};
use reqwest::redirect;
use tokio::time::Instant;

use crate::keys::{AzureKey, KeyStore};

const CONNECT: Duration = Duration::from_secs(5);

/// Azure closes idle connections after about four minutes; be first.
const IDLE: Duration = Duration::from_secs(90);

/// How long a key is used before it is read again.
const KEY_LIFE: Duration = Duration::from_secs(300);

/// Makes ring the cryptography of every HTTPS client of this process.
pub fn use_ring() {
    // Installed already by an earlier client: just as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The client of all deployments.
pub struct Azure {
    http: reqwest::Client,
    keys: Arc<dyn KeyStore>,
    known: Mutex<HashMap<String, (Instant, AzureKey)>>,
}

impl Azure {
    /// A client that reads keys from a store.
    ///
    /// # Errors
    ///
    /// If TLS cannot be set up.
    pub fn new(keys: Arc<dyn KeyStore>) -> Result<Self, Cause> {
        use_ring();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .http1_only()
            .build()?;
        Ok(Self { http, keys, known: Mutex::default() })
    }

    async fn key(&self, reference: &str) -> Result<AzureKey, Cause> {
        if let Some((read_at, key)) = self.lock().get(reference)
            && read_at.elapsed() < KEY_LIFE
        {
            return Ok(key.clone());
        }
        self.read_key(reference).await
    }

    async fn read_key(&self, reference: &str) -> Result<AzureKey, Cause> {
        let key = self.keys.read(reference).await?;
        self.lock().insert(reference.to_owned(), (Instant::now(), key.clone()));
        Ok(key)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Instant, AzureKey)>> {
        // A panic elsewhere cannot leave a map of plain values half written.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Upstream for Azure {
    async fn send(
        &self,
        deployment: &Deployment,
        call: UpstreamCall,
    ) -> Result<http::Response<UpstreamBody>, UpstreamFault> {
        let key = self.key(&deployment.key_reference).await.map_err(UpstreamFault::NoKey)?;
        let mut secret = HeaderValue::from_str(key.reveal())
            .map_err(|fault| UpstreamFault::NoKey(fault.into()))?;
        secret.set_sensitive(true);
        let mut request = self.http.request(call.method, &call.url).header("api-key", secret);
        if let Some(content_type) = call.content_type {
            request = request.header(CONTENT_TYPE, content_type).body(call.body);
        }
        if let Some(beta) = call.beta {
            request = request.header("openai-beta", beta);
        }
        let sending = request
            .header(ACCEPT, call.accept)
            .header(USER_AGENT, concat!("lanyard/", env!("CARGO_PKG_VERSION")))
            .header("x-ms-client-request-id", call.request_id.as_str())
            .send();
        let answer = match tokio::time::timeout(call.patience, sending).await {
            Ok(Ok(answer)) => answer,
            // The URL would name the resource in the log.
            Ok(Err(fault)) if fault.is_timeout() && !fault.is_connect() => {
                return Err(UpstreamFault::Timeout);
            }
            Ok(Err(fault)) => return Err(UpstreamFault::Unreachable(fault.without_url().into())),
            Err(_) => return Err(UpstreamFault::Timeout),
        };
        let mut response = http::Response::new(());
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        let body = answer
            .bytes_stream()
            .map(|chunk| chunk.map_err(|fault| Cause::from(fault.without_url())));
        Ok(response.map(|()| body.boxed()))
    }

    async fn renew_key(&self, deployment: &Deployment) -> bool {
        let reference = &deployment.key_reference;
        let before = self.lock().get(reference).map(|(_, key)| key.clone());
        match self.read_key(reference).await {
            Ok(key) => before.as_ref() != Some(&key),
            Err(fault) => {
                tracing::error!(fault = %fault, "a deployment's key cannot be read");
                false
            }
        }
    }
}

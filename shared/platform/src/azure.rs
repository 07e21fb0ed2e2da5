//! Azure OpenAI over HTTPS, with the credential of each deployment.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderName, HeaderValue};
use lanyard_administration::ports::KeyStore;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::credential::{Audience, Credential};
use lanyard_gateway::ports::{
    Cause, CredentialMark, Secret, Upstream, UpstreamBody, UpstreamCall, UpstreamFault,
};
use tokio::time::Instant;

use crate::identity::{IdentityTokens, Sts};

/// How long a key is cached before it is read again.
const KEY_LIFE: Duration = Duration::from_secs(300);

/// The client for all deployments.
pub struct Azure {
    http: reqwest::Client,
    keys: Arc<dyn KeyStore>,
    /// By reference, one for each endpoint.
    known: Mutex<HashMap<String, Vec<KnownKey>>>,
    /// The number of the next key that is read and was not known.
    marks: AtomicU64,
    tokens: IdentityTokens,
}

/// A cached key.
#[derive(Clone)]
struct KnownKey {
    value: HeaderValue,
    /// The endpoint for which the key was read. Another endpoint has another key under the same
    /// reference, and while old settings are cached both are in use.
    endpoint: String,
    read_at: Instant,
    /// The number of this key. A different key has a different one.
    mark: CredentialMark,
}

/// A credential as a header of a request.
struct CredentialHeader {
    name: HeaderName,
    value: HeaderValue,
    mark: CredentialMark,
}

impl Azure {
    /// A client that reads keys from a store and gets proofs of identity from STS. Without STS,
    /// requests to deployments with an identity fail with an error that says what is missing.
    #[must_use]
    pub fn new(http: reqwest::Client, keys: Arc<dyn KeyStore>, sts: Option<Sts>) -> Self {
        let tokens = IdentityTokens::new(http.clone(), sts);
        Self { http, keys, known: Mutex::default(), marks: AtomicU64::default(), tokens }
    }

    /// The same client with another address for Entra ID, whatever the authority. For tests only.
    #[must_use]
    pub fn with_entra_at(mut self, base: impl Into<String>) -> Self {
        self.tokens.entra_at(base.into());
        self
    }

    async fn credential_header(
        &self,
        deployment: &Deployment,
        url: &str,
    ) -> Result<CredentialHeader, Cause> {
        match &deployment.credential {
            Credential::Key(reference) => {
                let KnownKey { value, mark, .. } =
                    self.key(reference, &deployment.endpoint).await?;
                Ok(CredentialHeader { name: HeaderName::from_static("api-key"), value, mark })
            }
            Credential::Identity(identity) => {
                let (value, mark) = self.tokens.token(identity, Audience::of(url)).await?;
                Ok(CredentialHeader { name: AUTHORIZATION, value, mark })
            }
        }
    }

    async fn key(&self, reference: &str, endpoint: &str) -> Result<KnownKey, Cause> {
        match self.known(reference, endpoint) {
            Some(known) if known.read_at.elapsed() < KEY_LIFE => Ok(known),
            _ => self.read_key(reference, endpoint).await,
        }
    }

    fn known(&self, reference: &str, endpoint: &str) -> Option<KnownKey> {
        let known = self.lock();
        known.get(reference)?.iter().find(|known| known.endpoint == endpoint).cloned()
    }

    async fn read_key(&self, reference: &str, endpoint: &str) -> Result<KnownKey, Cause> {
        let mut value = HeaderValue::from_str(self.keys.read(reference).await?.reveal())?;
        value.set_sensitive(true);
        let mut known = self.lock();
        let of_reference = known.entry(reference.to_owned()).or_default();
        let mark = of_reference
            .iter()
            .find(|before| before.endpoint == endpoint && before.value == value)
            .map_or_else(
                || CredentialMark(self.marks.fetch_add(1, Ordering::Relaxed)),
                |before| before.mark,
            );
        of_reference
            .retain(|other| other.endpoint != endpoint && other.read_at.elapsed() < KEY_LIFE);
        let endpoint = endpoint.to_owned();
        let read = KnownKey { value, endpoint, read_at: Instant::now(), mark };
        of_reference.push(read.clone());
        Ok(read)
    }

    /// Reads a key again, unless it was read since the refused key was used.
    async fn renew_key(
        &self,
        reference: &str,
        endpoint: &str,
        refused: Option<CredentialMark>,
    ) -> bool {
        let known = self.known(reference, endpoint).map(|known| known.mark);
        if refused.is_some() && known != refused {
            return known.is_some();
        }
        match self.read_key(reference, endpoint).await {
            Ok(read) => known != Some(read.mark),
            Err(fault) => {
                tracing::error!(fault = %fault, "a deployment's key cannot be read");
                false
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Vec<KnownKey>>> {
        // A panic elsewhere cannot leave a map of plain values in a partial state.
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
        let until = Instant::now() + call.timeout;
        let header = self.credential_header(deployment, &call.url);
        let header = tokio::time::timeout_at(until, header).await;
        let CredentialHeader { name, value, mark } = header
            .map_err(|late| UpstreamFault::NoCredential(late.into()))?
            .map_err(UpstreamFault::NoCredential)?;
        let mut request = self.http.request(call.method, &call.url).header(name, value.clone());
        let secret = Secret::of(value);
        if let Some(content_type) = call.content_type {
            request = request.header(CONTENT_TYPE, content_type).body(call.body);
        }
        if let Some(beta) = call.beta {
            request = request.header("openai-beta", beta);
        }
        for (name, value) in call.headers {
            request = request.header(name, value);
        }
        let sending = request
            .header(ACCEPT, call.accept)
            .header(USER_AGENT, concat!("lanyard/", env!("CARGO_PKG_VERSION")))
            .header("x-ms-client-request-id", call.request_id.as_str())
            .send();
        let upstream = match tokio::time::timeout_at(until, sending).await {
            Ok(Ok(upstream)) => upstream,
            // The URL would reveal the resource in the log.
            Ok(Err(fault)) if fault.is_connect() || fault.is_builder() => {
                return Err(UpstreamFault::NotConnected(fault.without_url().into()));
            }
            Ok(Err(fault)) if fault.is_timeout() => return Err(UpstreamFault::Timeout),
            Ok(Err(fault)) => return Err(UpstreamFault::Broken(fault.without_url().into())),
            Err(_) => return Err(UpstreamFault::Timeout),
        };
        let mut response = http::Response::new(());
        *response.status_mut() = upstream.status();
        *response.headers_mut() = upstream.headers().clone();
        response.extensions_mut().insert(mark);
        response.extensions_mut().insert(secret);
        let body = upstream
            .bytes_stream()
            .map(|chunk| chunk.map_err(|fault| Cause::from(fault.without_url())));
        Ok(response.map(|()| body.boxed()))
    }

    async fn renew_credential(
        &self,
        deployment: &Deployment,
        refused: Option<CredentialMark>,
    ) -> bool {
        match &deployment.credential {
            Credential::Key(reference) => {
                self.renew_key(reference, &deployment.endpoint, refused).await
            }
            Credential::Identity(identity) => {
                let audience = Audience::of(&deployment.endpoint);
                self.tokens.renew(identity, audience, refused).await
            }
        }
    }
}

//! Sends HTTP requests. A failure is a short sentence without addresses or secrets.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use anyhow::Context;
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt;
use http::{HeaderMap, StatusCode};
use lanyard_gateway::ports::Clock;
use lanyard_platform::shell::Machine;
use lanyard_protocol::refusal::Secret;
use lanyard_protocol::sse::Scanner;
use reqwest::{RequestBuilder, redirect};
use serde_json::Value;
use tokio::time::Instant;

use super::delivery::ChunkTimes;

const CONNECT: Duration = Duration::from_secs(10);

/// How long a response may take, to its last byte.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The largest body that is read.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The HTTP clients.
pub(super) struct HttpClient {
    local: reqwest::Client,
    remote: reqwest::Client,
}

/// Why there is no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoResponse {
    /// The host name cannot be resolved.
    UnknownName,
    /// Connection refused.
    Refused,
    /// The TLS handshake failed.
    Tls,
    /// Timeout.
    Late,
    /// The connection was closed, or the response is not HTTP.
    Broken,
}

/// A buffered response.
#[derive(Clone, Debug)]
pub(super) struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The middle of the request by this machine's clock.
    pub sent_at: DateTime<Utc>,
    /// From the request to the last byte.
    pub elapsed: Duration,
}

/// A stream, or another response in its place.
pub(super) enum Streamed {
    /// A stream of events.
    EventStream(EventStream),
    /// Another response.
    Other(Response),
}

/// What a stream contained.
#[derive(Debug)]
pub(super) struct EventStream {
    /// The headers.
    pub headers: HeaderMap,
    /// When its chunks arrived.
    pub times: ChunkTimes,
    /// The total tokens, if the stream had usage.
    pub total_tokens: Option<u64>,
    /// Whether the stream had an error.
    pub has_error: bool,
    /// Whether the stream ended with `[DONE]`.
    pub is_done: bool,
}

impl HttpClient {
    /// Clients that follow no redirects. Requests to this machine bypass proxies.
    ///
    /// # Errors
    ///
    /// If TLS cannot be set up.
    pub(super) fn new() -> anyhow::Result<Self> {
        lanyard_platform::https::use_ring();
        let builder = || {
            reqwest::Client::builder()
                .connect_timeout(CONNECT)
                .timeout(TIMEOUT)
                .redirect(redirect::Policy::none())
                .tcp_nodelay(true)
                .http1_only()
                .user_agent(concat!("lanyard-doctor/", env!("CARGO_PKG_VERSION")))
        };
        let local = builder().no_proxy().build().context("the HTTP client cannot be set up")?;
        let remote = builder().build().context("the HTTP client cannot be set up")?;
        Ok(Self { local, remote })
    }

    /// A `GET`.
    pub(super) fn get(&self, url: &str) -> RequestBuilder {
        self.client(url).get(url)
    }

    /// A `POST` of JSON.
    pub(super) fn post(&self, url: &str, body: &Value) -> RequestBuilder {
        let request = self.client(url).post(url).header("content-type", "application/json");
        request.body(body.to_string())
    }

    /// A `DELETE`.
    pub(super) fn delete(&self, url: &str) -> RequestBuilder {
        self.client(url).delete(url)
    }

    fn client(&self, url: &str) -> &reqwest::Client {
        match is_local(url) {
            true => &self.local,
            false => &self.remote,
        }
    }
}

/// Whether a URL is on this machine. Only the host counts, because a user name may look like one.
#[must_use]
pub(super) fn is_local(url: &str) -> bool {
    let url = reqwest::Url::parse(url).ok();
    let host = url.as_ref().and_then(reqwest::Url::host_str).unwrap_or_default();
    ["127.0.0.1", "localhost", "[::1]"].contains(&host)
}

/// Sends a request and reads the whole response.
///
/// # Errors
///
/// Why it failed.
pub(super) async fn buffered(request: RequestBuilder) -> Result<Response, NoResponse> {
    let (clock, started) = (Machine.now(), Instant::now());
    let response = request.send().await.map_err(|error| NoResponse::of(&error))?;
    let sent_at = clock + TimeDelta::from_std(started.elapsed() / 2).unwrap_or_default();
    read(response, sent_at, started).await
}

async fn read(
    response: reqwest::Response,
    sent_at: DateTime<Utc>,
    started: Instant,
) -> Result<Response, NoResponse> {
    let (status, headers) = (response.status(), response.headers().clone());
    let mut chunks = response.bytes_stream();
    let mut body = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        body.extend_from_slice(&chunk.map_err(|error| NoResponse::of(&error))?);
        if body.len() > MOST_BYTES {
            return Err(NoResponse::Broken);
        }
    }
    Ok(Response { status, headers, body: body.freeze(), sent_at, elapsed: started.elapsed() })
}

/// Sends a request and notes when each chunk of the stream arrives.
///
/// # Errors
///
/// Why there is no response, or why it was interrupted.
pub(super) async fn streamed(request: RequestBuilder) -> Result<Streamed, NoResponse> {
    let (clock, started) = (Machine.now(), Instant::now());
    let response = request.send().await.map_err(|error| NoResponse::of(&error))?;
    let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
    let is_stream = content_type.is_some_and(|value| value.starts_with("text/event-stream"));
    if !response.status().is_success() || !is_stream {
        return read(response, clock, started).await.map(Streamed::Other);
    }
    let mut frames = EventStream {
        headers: response.headers().clone(),
        times: ChunkTimes::default(),
        total_tokens: None,
        has_error: false,
        is_done: false,
    };
    let mut scanner = Scanner::default();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        scanner.push(chunk.map_err(|error| NoResponse::of(&error))?);
        while let Some(frame) = scanner.next_frame().map_err(|_| NoResponse::Broken)? {
            frames.take(&frame.data(), started.elapsed());
        }
    }
    frames.times.end(started.elapsed());
    Ok(Streamed::EventStream(frames))
}

impl EventStream {
    fn take(&mut self, data: &[u8], at: Duration) {
        if data.is_empty() {
            return;
        }
        self.times.frame(at);
        if data == b"[DONE]" {
            self.is_done = true;
            return;
        }
        let frame: Value = serde_json::from_slice(data).unwrap_or_default();
        self.has_error |= frame.get("error").is_some();
        if let Some(tokens) = frame["usage"]["total_tokens"].as_u64() {
            self.total_tokens = Some(tokens);
        }
    }
}

impl Response {
    /// The same without the key of the call, which an error may repeat.
    #[must_use]
    pub(super) fn without(self, secret: &Secret) -> Self {
        Self { body: secret.hide_in(self.body), ..self }
    }

    /// The body as JSON; `null` if it is not JSON.
    #[must_use]
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The error's code, if it is a plain word.
    #[must_use]
    pub(super) fn code(&self) -> Option<String> {
        plain(self.json()["error"]["code"].as_str()?)
    }

    /// The time by the server's clock.
    #[must_use]
    pub(super) fn date(&self) -> Option<DateTime<Utc>> {
        let date = self.headers.get("date")?.to_str().ok()?;
        Some(DateTime::parse_from_rfc2822(date).ok()?.to_utc())
    }
}

/// A header that is a whole number.
#[must_use]
pub(super) fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// An identifier, which cannot be a secret; `None` for any other text.
#[must_use]
pub(super) fn plain(text: &str) -> Option<String> {
    let is_plain = (1..=48).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    is_plain.then(|| text.to_owned())
}

impl NoResponse {
    fn of(error: &reqwest::Error) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(inner) = cause {
            let io = inner.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
            if io == Some(std::io::ErrorKind::ConnectionRefused) {
                return Self::Refused;
            }
            let text = inner.to_string();
            if text.contains("dns error") || text.contains("lookup address") {
                return Self::UnknownName;
            }
            if ["certificate", "handshake", "tls", "TLS"].iter().any(|word| text.contains(word)) {
                return Self::Tls;
            }
            cause = inner.source();
        }
        match error.is_timeout() {
            true => Self::Late,
            false => Self::Broken,
        }
    }
}

impl fmt::Display for NoResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownName => "the host name cannot be resolved",
            Self::Refused => "connection refused",
            Self::Tls => "TLS failed: the certificate is not trusted on this machine",
            Self::Late => "no response in time",
            Self::Broken => "the connection was closed, or the response is not HTTP",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_near() {
        for local in ["http://127.0.0.1:8787/api", "http://localhost/", "http://[::1]:1"] {
            assert!(is_local(local), "{local}");
        }
        for remote in [
            "https://localhost.example.com",
            "https://a.openai.azure.com",
            "127.0.0.1",
            "http://127.0.0.1:80@evil.example/",
            "http://localhost:1@evil.example",
        ] {
            assert!(!is_local(remote), "{remote}");
        }
    }

    #[test]
    fn only_identifiers_are_repeated() {
        assert_eq!(plain("DeploymentNotFound").as_deref(), Some("DeploymentNotFound"));
        for text in ["", "a sentence", "https://host", &"x".repeat(49)] {
            assert_eq!(plain(text), None, "{text}");
        }
    }
}

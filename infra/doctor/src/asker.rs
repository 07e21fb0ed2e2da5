//! Asks over HTTP, and says in a sentence why there is no answer. No address and no secret is part
//! of such a sentence.

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
use lanyard_protocol::sse::Scanner;
use reqwest::{RequestBuilder, redirect};
use serde_json::Value;
use tokio::time::Instant;

use super::pace::Arrivals;

const CONNECT: Duration = Duration::from_secs(10);

/// How long an answer may take, to its last byte.
const PATIENCE: Duration = Duration::from_secs(60);

/// The most that is read of a body.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The HTTP clients.
pub(super) struct Asker {
    near: reqwest::Client,
    far: reqwest::Client,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// The host's name leads nowhere.
    UnknownName,
    /// Nothing listens.
    Refused,
    /// The connection is not trusted.
    Tls,
    /// It took too long.
    Late,
    /// The connection broke, or what came was no HTTP.
    Broken,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The middle of the call by this machine's clock.
    pub asked_at: DateTime<Utc>,
    /// From the question to the last byte.
    pub took: Duration,
}

/// A streamed answer, or the refusal in its place.
pub(super) enum Streamed {
    /// Frames came.
    Frames(Frames),
    /// Something else came.
    Other(Answer),
}

/// What a stream brought.
#[derive(Debug)]
pub(super) struct Frames {
    /// The headers.
    pub headers: HeaderMap,
    /// When.
    pub arrivals: Arrivals,
    /// The tokens of the usage frame, if there was one.
    pub total_tokens: Option<u64>,
    /// Whether an error came in place of the end.
    pub has_error: bool,
    /// Whether `[DONE]` came.
    pub is_done: bool,
}

impl Asker {
    /// Clients that follow no redirect. On the way to this machine no proxy is asked.
    ///
    /// # Errors
    ///
    /// If TLS cannot be set up.
    pub(super) fn new() -> anyhow::Result<Self> {
        lanyard_platform::https::use_ring();
        let builder = || {
            reqwest::Client::builder()
                .connect_timeout(CONNECT)
                .timeout(PATIENCE)
                .redirect(redirect::Policy::none())
                .tcp_nodelay(true)
                .http1_only()
                .user_agent(concat!("lanyard-doctor/", env!("CARGO_PKG_VERSION")))
        };
        let near = builder().no_proxy().build().context("the HTTP client cannot be set up")?;
        let far = builder().build().context("the HTTP client cannot be set up")?;
        Ok(Self { near, far })
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

    fn client(&self, url: &str) -> &reqwest::Client {
        match is_near(url) {
            true => &self.near,
            false => &self.far,
        }
    }
}

/// Whether an address is this machine's, by its host: a user's name may look like one.
#[must_use]
pub(super) fn is_near(url: &str) -> bool {
    let url = reqwest::Url::parse(url).ok();
    let host = url.as_ref().and_then(reqwest::Url::host_str).unwrap_or_default();
    ["127.0.0.1", "localhost", "[::1]"].contains(&host)
}

/// Asks and reads the whole answer.
///
/// # Errors
///
/// Why there is none.
pub(super) async fn whole(request: RequestBuilder) -> Result<Answer, Silence> {
    let (clock, started) = (Machine.now(), Instant::now());
    let answer = request.send().await.map_err(|fault| Silence::of(&fault))?;
    let asked_at = clock + TimeDelta::from_std(started.elapsed() / 2).unwrap_or_default();
    read(answer, asked_at, started).await
}

async fn read(
    answer: reqwest::Response,
    asked_at: DateTime<Utc>,
    started: Instant,
) -> Result<Answer, Silence> {
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut chunks = answer.bytes_stream();
    let mut body = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        body.extend_from_slice(&chunk.map_err(|fault| Silence::of(&fault))?);
        if body.len() > MOST_BYTES {
            return Err(Silence::Broken);
        }
    }
    Ok(Answer { status, headers, body: body.freeze(), asked_at, took: started.elapsed() })
}

/// Asks for a stream, and notes when each frame came.
///
/// # Errors
///
/// Why there is no answer, or why it broke off.
pub(super) async fn streamed(request: RequestBuilder) -> Result<Streamed, Silence> {
    let (clock, started) = (Machine.now(), Instant::now());
    let answer = request.send().await.map_err(|fault| Silence::of(&fault))?;
    let content_type = answer.headers().get("content-type").and_then(|value| value.to_str().ok());
    let is_stream = content_type.is_some_and(|value| value.starts_with("text/event-stream"));
    if !answer.status().is_success() || !is_stream {
        return read(answer, clock, started).await.map(Streamed::Other);
    }
    let mut frames = Frames {
        headers: answer.headers().clone(),
        arrivals: Arrivals::default(),
        total_tokens: None,
        has_error: false,
        is_done: false,
    };
    let mut scanner = Scanner::default();
    let mut chunks = answer.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        scanner.push(chunk.map_err(|fault| Silence::of(&fault))?);
        while let Some(frame) = scanner.next_frame().map_err(|_| Silence::Broken)? {
            frames.take(&frame.data(), started.elapsed());
        }
    }
    frames.arrivals.end(started.elapsed());
    Ok(Streamed::Frames(frames))
}

impl Frames {
    fn take(&mut self, data: &[u8], at: Duration) {
        if data.is_empty() {
            return;
        }
        self.arrivals.frame(at);
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

impl Answer {
    /// The body as JSON; `null` if it is none.
    #[must_use]
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The error's code, if it is a plain word.
    #[must_use]
    pub(super) fn code(&self) -> Option<String> {
        plain(self.json()["error"]["code"].as_str()?)
    }

    /// The time by the answering machine's clock.
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

/// A word as machines write them, and so nothing secret; `None` for any other text.
#[must_use]
pub(super) fn plain(text: &str) -> Option<String> {
    let is_plain = (1..=48).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    is_plain.then(|| text.to_owned())
}

impl Silence {
    fn of(fault: &reqwest::Error) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(fault);
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
        match fault.is_timeout() {
            true => Self::Late,
            false => Self::Broken,
        }
    }
}

impl fmt::Display for Silence {
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
        for near in ["http://127.0.0.1:8787/api", "http://localhost/", "http://[::1]:1"] {
            assert!(is_near(near), "{near}");
        }
        for far in [
            "https://localhost.example.com",
            "https://a.openai.azure.com",
            "127.0.0.1",
            "http://127.0.0.1:80@evil.example/",
            "http://localhost:1@evil.example",
        ] {
            assert!(!is_near(far), "{far}");
        }
    }

    #[test]
    fn only_plain_words_are_repeated() {
        assert_eq!(plain("DeploymentNotFound").as_deref(), Some("DeploymentNotFound"));
        for text in ["", "a sentence", "https://host", &"x".repeat(49)] {
            assert_eq!(plain(text), None, "{text}");
        }
    }
}

//! An Azure that answers, breaks off, refuses and stays silent.

mod stored;

pub use self::stored::id_prefix;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use http::StatusCode;
use lanyard_domain::catalog::Deployment;

use super::SeededRandom;
use crate::ports::{Cause, CredentialMark, Upstream, UpstreamBody, UpstreamCall, UpstreamFault};

/// An Azure whose behaviour a seed decides.
#[derive(Debug)]
pub struct SimulatedAzure {
    random: Arc<SeededRandom>,
}

impl SimulatedAzure {
    /// An Azure with this source of random numbers.
    #[must_use]
    pub fn new(random: Arc<SeededRandom>) -> Self {
        Self { random }
    }

    fn usage(&self) -> String {
        let (prompt, completion) = (self.random.below(200), self.random.below(2_000));
        format!(r#"{{"prompt_tokens":{prompt},"completion_tokens":{completion}}}"#)
    }

    /// A whole answer to a call of this address.
    fn whole(&self, url: &str) -> String {
        let some = self.random.below(5);
        match self.random.below(10) {
            0 => "<html>".to_owned(),
            1 => r#"{"choices":[]}"#.to_owned(),
            2 => r#"{"choices":[],"usage":{"prompt_tokens":-1}}"#.to_owned(),
            _ if url.contains("/images/") => {
                let data = vec!["{}"; usize::try_from(some).unwrap_or_default()].join(",");
                format!(r#"{{"data":[{data}],"usage":{}}}"#, self.usage())
            }
            3 if url.contains("/audio/tr") => r#"{"text":"a","duration":-3}"#.to_owned(),
            4 if url.contains("/audio/tr") => format!(r#"{{"text":"a","usage":{}}}"#, self.usage()),
            _ if url.contains("/audio/tr") => format!(r#"{{"text":"a","duration":{some}.5}}"#),
            _ => format!(r#"{{"choices":[],"usage":{}}}"#, self.usage()),
        }
    }

    /// The events of a stream that is no conversation; a break is `None`.
    fn events(&self, url: &str) -> Vec<Option<String>> {
        let (part, last) = match url {
            url if url.contains("/images/") => {
                ("image_generation.partial_image", "image_generation.completed")
            }
            url if url.contains("/speech") => ("speech.audio.delta", "speech.audio.done"),
            _ => ("transcript.text.delta", "transcript.text.done"),
        };
        let parts =
            (0..self.random.below(5)).map(|_| Some(format!("data: {{\"type\":\"{part}\"}}\n\n")));
        let mut events: Vec<_> = parts.collect();
        events.push(
            (!self.random.one_in(5))
                .then(|| format!("data: {{\"type\":\"{last}\",\"usage\":{}}}\n\n", self.usage())),
        );
        events
    }

    /// The pieces of an answer; a break is `None`.
    fn pieces(&self, url: &str, is_streamed: bool) -> Vec<Option<String>> {
        if !is_streamed && url.contains("/speech") {
            let mut pieces: Vec<_> =
                (0..self.random.below(4)).map(|_| Some("sound".to_owned())).collect();
            pieces.extend(self.random.one_in(5).then_some(None));
            return pieces;
        }
        // That of a file in a vector store is JSON.
        if url.contains("/content") && !url.contains("/vector_stores/") {
            let second = (!self.random.one_in(5)).then(|| "bytes".to_owned());
            return vec![Some("bytes".to_owned()), second];
        }
        if !is_streamed {
            return vec![Some(self.stored(url).unwrap_or_else(|| self.whole(url)))];
        }
        if let Some(events) = self.stored_events(url) {
            return events;
        }
        if !url.ends_with("completions") {
            return self.events(url);
        }
        let mut pieces =
            vec![Some("data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n".to_owned())];
        for _ in 0..self.random.below(12) {
            pieces
                .push(Some("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n".to_owned()));
        }
        if self.random.one_in(6) {
            pieces.push(None);
        } else {
            if !self.random.one_in(8) {
                let usage = self.usage();
                pieces.push(Some(format!("data: {{\"choices\":[],\"usage\":{usage}}}\n\n")));
            }
            pieces.push(Some("data: [DONE]\n\n".to_owned()));
        }
        pieces
    }
}

#[async_trait]
impl Upstream for SimulatedAzure {
    async fn send(
        &self,
        _: &Deployment,
        call: UpstreamCall,
    ) -> Result<http::Response<UpstreamBody>, UpstreamFault> {
        tokio::time::sleep(Duration::from_millis(self.random.below(3_000))).await;
        let status = match self.random.below(20) {
            0 => StatusCode::TOO_MANY_REQUESTS,
            1 => StatusCode::INTERNAL_SERVER_ERROR,
            2 => StatusCode::BAD_REQUEST,
            3 => return Err(UpstreamFault::NotConnected("simulated".into())),
            5 => return Err(UpstreamFault::Broken("simulated".into())),
            4 => {
                tokio::time::sleep(call.timeout).await;
                return Err(UpstreamFault::Timeout);
            }
            _ => StatusCode::OK,
        };
        let random = Arc::clone(&self.random);
        let pieces = self.pieces(&call.url, call.is_streamed && status == StatusCode::OK);
        let body = futures_util::stream::iter(pieces).then(move |piece| {
            let pause = Duration::from_millis(random.below(1_000));
            async move {
                tokio::time::sleep(pause).await;
                piece.map(Bytes::from).ok_or_else(|| Cause::from("simulated"))
            }
        });
        let mut response = http::Response::new(body.boxed());
        *response.status_mut() = status;
        let content_type = match call.is_streamed {
            true => "text/event-stream",
            false if call.url.contains("/speech") && self.random.one_in(9) => "text/html",
            false if call.url.contains("/speech") => "audio/mpeg",
            false if call.url.contains("/audio/") && self.random.one_in(3) => "text/plain",
            false => "application/json",
        };
        let content_type = http::HeaderValue::from_static(content_type);
        response.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
        Ok(response)
    }

    async fn renew_credential(&self, _: &Deployment, _: Option<CredentialMark>) -> bool {
        false
    }
}

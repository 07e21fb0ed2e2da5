//! An Azure that answers, breaks off, refuses and stays silent.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use http::StatusCode;
use lanyard_domain::catalog::Deployment;

use super::SeededLuck;
use crate::ports::{Cause, CredentialMark, Upstream, UpstreamBody, UpstreamCall, UpstreamFault};

pub(super) struct SimulatedAzure {
    pub(super) luck: Arc<SeededLuck>,
}

impl SimulatedAzure {
    fn usage(&self) -> String {
        let (prompt, completion) = (self.luck.below(200), self.luck.below(2_000));
        format!(r#"{{"prompt_tokens":{prompt},"completion_tokens":{completion}}}"#)
    }

    /// The pieces of an answer; a break is `None`.
    fn pieces(&self, is_streamed: bool) -> Vec<Option<String>> {
        if !is_streamed {
            let body = match self.luck.below(10) {
                0 => "<html>".to_owned(),
                1 => r#"{"choices":[]}"#.to_owned(),
                2 => r#"{"choices":[],"usage":{"prompt_tokens":-1}}"#.to_owned(),
                _ => format!(r#"{{"choices":[],"usage":{}}}"#, self.usage()),
            };
            return vec![Some(body)];
        }
        let mut pieces =
            vec![Some("data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n".to_owned())];
        for _ in 0..self.luck.below(12) {
            pieces
                .push(Some("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n".to_owned()));
        }
        if self.luck.one_in(6) {
            pieces.push(None);
        } else {
            if !self.luck.one_in(8) {
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
        tokio::time::sleep(Duration::from_millis(self.luck.below(3_000))).await;
        let status = match self.luck.below(20) {
            0 => StatusCode::TOO_MANY_REQUESTS,
            1 => StatusCode::INTERNAL_SERVER_ERROR,
            2 => StatusCode::BAD_REQUEST,
            3 => return Err(UpstreamFault::Unreachable("simulated".into())),
            4 => {
                tokio::time::sleep(call.patience).await;
                return Err(UpstreamFault::Timeout);
            }
            _ => StatusCode::OK,
        };
        let luck = Arc::clone(&self.luck);
        let pieces = self.pieces(call.is_streamed && status == StatusCode::OK);
        let body = futures_util::stream::iter(pieces).then(move |piece| {
            let pause = Duration::from_millis(luck.below(1_000));
            async move {
                tokio::time::sleep(pause).await;
                piece.map(Bytes::from).ok_or_else(|| Cause::from("simulated"))
            }
        });
        let mut response = http::Response::new(body.boxed());
        *response.status_mut() = status;
        let content_type = if call.is_streamed { "text/event-stream" } else { "application/json" };
        let content_type = http::HeaderValue::from_static(content_type);
        response.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
        Ok(response)
    }

    async fn renew_credential(&self, _: &Deployment, _: Option<CredentialMark>) -> bool {
        false
    }
}

//! The scripted Azure as the gateway's port, without sockets.

use std::fmt;
use std::sync::Mutex;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use http::StatusCode;
use lanyard_domain::catalog::Deployment;

use super::{Fault, Recorded, Reply};
use crate::ports::{Cause, CredentialMark, Upstream, UpstreamBody, UpstreamCall, UpstreamFault};
use crate::testing::lock;

/// Plays the replies of a script, which may also panic. It waits on tokio's clock.
pub struct ScriptedUpstream {
    script: Box<dyn Fn(&Recorded) -> Reply + Send + Sync>,
    calls: Mutex<Vec<UpstreamCall>>,
}

impl ScriptedUpstream {
    /// An Azure with this script.
    pub fn new(script: impl Fn(&Recorded) -> Reply + Send + Sync + 'static) -> Self {
        Self { script: Box::new(script), calls: Mutex::default() }
    }

    /// The calls in their order.
    #[must_use]
    pub fn calls(&self) -> Vec<UpstreamCall> {
        lock(&self.calls).clone()
    }
}

impl Default for ScriptedUpstream {
    /// Responds to everything with a usage of 17 and 5 tokens.
    fn default() -> Self {
        let usage = r#"{"usage":{"prompt_tokens":17,"completion_tokens":5,"total_tokens":22}}"#;
        Self::new(move |_| Reply::json(200, usage))
    }
}

impl fmt::Debug for ScriptedUpstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedUpstream").finish_non_exhaustive()
    }
}

#[async_trait]
impl Upstream for ScriptedUpstream {
    async fn send(
        &self,
        _deployment: &Deployment,
        call: UpstreamCall,
    ) -> Result<http::Response<UpstreamBody>, UpstreamFault> {
        let reply = (self.script)(&Recorded::from(&call));
        let timeout = call.timeout;
        lock(&self.calls).push(call);
        let head = async {
            reply.before_headers.pass(0).await;
            match reply.fault(None) {
                None => Ok(()),
                Some(Fault::Close | Fault::Reset) => Err(UpstreamFault::Broken("scripted".into())),
                Some(Fault::Hang) => std::future::pending().await,
                Some(Fault::NotConnected) => Err(UpstreamFault::NotConnected("scripted".into())),
                Some(Fault::NoCredential) => Err(UpstreamFault::NoCredential("scripted".into())),
            }
        };
        tokio::time::timeout(timeout, head).await.unwrap_or(Err(UpstreamFault::Timeout))?;
        let mut response = http::Response::builder();
        for (name, value) in &reply.headers {
            response = response.header(name, value);
        }
        let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let response = response.status(status).body(body(reply));
        response.map_err(|fault| UpstreamFault::Broken(fault.into()))
    }

    async fn renew_credential(&self, _deployment: &Deployment, _: Option<CredentialMark>) -> bool {
        false
    }
}

/// The pieces of a reply up to its end or to where it breaks off.
fn body(reply: Reply) -> UpstreamBody {
    let pieces = stream::unfold((reply, Some(0)), |(reply, next)| async move {
        let number = next?;
        // A cut past the last piece still withholds the end.
        let is_end = number == reply.count();
        let fault = if is_end { reply.cut.map(|cut| cut.fault) } else { reply.fault(next) };
        match fault {
            Some(Fault::Hang) => std::future::pending().await,
            Some(_) => Some((Err(Cause::from("scripted")), (reply, None))),
            None if is_end => None,
            None => {
                reply.before_piece.pass(number).await;
                Some((Ok(reply.piece(number)), (reply, Some(number + 1))))
            }
        }
    });
    pieces.boxed()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use futures_util::TryStreamExt;
    use lanyard_domain::operation::Operation;
    use tokio::time::Instant;

    use super::*;
    use crate::testing::a_deployment;

    const TIMEOUT: Duration = Duration::from_secs(60);

    async fn send(reply: Reply) -> Result<http::Response<UpstreamBody>, UpstreamFault> {
        let upstream = ScriptedUpstream::new(move |_| reply.clone());
        let call = UpstreamCall {
            method: http::Method::POST,
            url: "https://azure.invalid/openai/v1/embeddings?x=1".to_owned(),
            content_type: None,
            body: Bytes::new(),
            beta: None,
            headers: Vec::new(),
            accept: "application/json",
            is_streamed: false,
            request_id: "req_1".parse().unwrap(),
            timeout: TIMEOUT,
        };
        assert_eq!(Recorded::from(&call).target, "/openai/v1/embeddings?x=1");
        upstream.send(&a_deployment("model", Operation::Embeddings), call).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_waits_before_its_head_and_before_each_piece() {
        let reply = Reply::json(201, "").pieces(["a", "b"]).delay(TIMEOUT / 2).every(TIMEOUT);
        let started_at = Instant::now();
        let response = send(reply).await.unwrap();
        assert_eq!((response.status().as_u16(), started_at.elapsed()), (201, TIMEOUT / 2));
        assert_eq!(response.headers()["content-type"], "application/json");
        let pieces: Vec<_> = response.into_body().try_collect().await.unwrap();
        assert_eq!(pieces, ["a", "b"]);
        assert_eq!(started_at.elapsed(), TIMEOUT / 2 + 2 * TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn faults_before_the_head_are_those_of_the_port() {
        let fault = async |reply| send(reply).await.err().unwrap();
        assert!(matches!(fault(Reply::dropped()).await, UpstreamFault::Broken(_)));
        assert!(matches!(fault(Reply::not_connected()).await, UpstreamFault::NotConnected(_)));
        assert!(matches!(fault(Reply::no_credential()).await, UpstreamFault::NoCredential(_)));
        let started_at = Instant::now();
        assert!(matches!(fault(Reply::hang()).await, UpstreamFault::Timeout));
        let late = Reply::chat("late").delay(2 * TIMEOUT);
        assert!(matches!(fault(late).await, UpstreamFault::Timeout));
        assert_eq!(started_at.elapsed(), 2 * TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_breaks_off_where_it_is_cut() {
        for (cut, arrives) in [(0, 0), (1, 1), (2, 2), (9, 2)] {
            let reply = Reply::json(200, "").pieces(["a", "b"]).close_after(cut);
            let mut body = send(reply).await.unwrap().into_body();
            for _ in 0..arrives {
                assert!(body.next().await.unwrap().is_ok(), "{cut}");
            }
            assert!(body.next().await.unwrap().is_err(), "{cut}");
            assert!(body.next().await.is_none(), "{cut}");
        }
        let reply = Reply::json(200, "").pieces(["a"]).hang_after(1);
        let mut body = send(reply).await.unwrap().into_body();
        assert!(body.next().await.unwrap().is_ok());
        assert!(tokio::time::timeout(TIMEOUT, body.next()).await.is_err());
    }
}

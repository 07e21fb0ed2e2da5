//! Work to be counted: some requests through the gateway over memory ports, on one thread.
//!
//! Run by `tests/bench/counts.py` under valgrind, twice with different numbers of requests, so that
//! what remains of the difference is one request's own. It prints nothing and measures nothing.
#![expect(clippy::expect_used, reason = "half a measurement is none")]

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::limit::Limit;
use lanyard_domain::operation::Operation;
use lanyard_gateway::ports::{
    Clock, CredentialMark, Listing, RequestLine, RequestLog, Upstream, UpstreamBody, UpstreamCall,
    UpstreamFault,
};
use lanyard_gateway::testing::{MemoryPorts, a_deployment, an_event};
use lanyard_gateway::{Gateway, Ports, Request};

const QUESTION: &str = r#"{"model":"gpt-4o","messages":[{"role":"system","content":"You answer in one sentence."},{"role":"user","content":"Which city hosts the event?"}],"max_tokens":64,"temperature":0.2}"#;
const STREAMED: &str = r#"{"model":"gpt-4o","stream":true,"messages":[{"role":"system","content":"You answer in one sentence."},{"role":"user","content":"Which city hosts the event?"}],"max_tokens":64,"temperature":0.2}"#;
const ANSWER: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1796472000,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"role":"assistant","content":"The event takes place in Oslo.","refusal":null},"logprobs":null,"finish_reason":"stop","content_filter_results":{}}],"usage":{"prompt_tokens":29,"completion_tokens":8,"total_tokens":37}}"#;
const FRAME: &str = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1796472000,\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" city\"},\"logprobs\":null,\"finish_reason\":null,\"content_filter_results\":{}}],\"usage\":null}\n\n";
const USAGE: &str = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1796472000,\"model\":\"gpt-4o-2024-08-06\",\"choices\":[],\"usage\":{\"prompt_tokens\":29,\"completion_tokens\":40,\"total_tokens\":69}}\n\ndata: [DONE]\n\n";

/// counts WORK REQUESTS, where WORK is `buffered`, `stream-FRAMES` or `refusal`.
fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let work = arguments.next().unwrap_or_else(|| "buffered".to_owned());
    let requests = arguments.next().map_or(1, |n| n.parse().expect("is a number of requests"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime starts").block_on(run(&work, requests));
}

async fn run(work: &str, requests: usize) {
    let frames = work.strip_prefix("stream-").map(|n| n.parse().expect("is a number of frames"));
    let world = MemoryPorts::default();
    let mut event = an_event("counted", world.clock.now());
    event.allowances.event.set(Limit::TokensTotal, Some(1_000_000_000));
    event.allowances.attendee.set(Limit::RequestsPerMinute, Some(1_000_000));
    if work == "refusal" {
        event.allowances.attendee.set(Limit::RequestsPerDay, Some(1));
    }
    let deployments = vec![a_deployment("gpt-4o", Operation::ChatCompletions)];
    world.events.put(Listing {
        event,
        deployments,
        code_works_until: None,
        unreadable: Arc::default(),
    });
    let gateway = Arc::new(Gateway::new(Ports {
        clock: world.clock.clone(),
        random: world.random.clone(),
        events: world.events.clone(),
        ledger: world.ledger.clone(),
        upstream: Arc::new(Prompt { frames }),
        request_log: Arc::new(Nobody),
        ledger_timeout: std::time::Duration::from_secs(10),
    }));
    for number in 0..requests {
        let body = if frames.is_some() { STREAMED } else { QUESTION };
        let http = http::Request::post("/api/v1/chat/completions")
            .header("openai-event-code", "counted/ada")
            .header(CONTENT_TYPE, "application/json")
            .body(Bytes::from_static(body.as_bytes()))
            .expect("is a request");
        let id = format!("req_{number:08}").parse().expect("is an id");
        let request = Request { id, now: world.clock.now(), deadline: None, http };
        match gateway.forward(Operation::ChatCompletions, request).await {
            Ok(response) => drop(response.into_body().collect().await),
            Err(error) => assert!(work == "refusal" && number > 0, "{error:?}"),
        }
        gateway.settled().await;
    }
}

/// An Azure that has every response at once, a stream frame by frame. It does less than the scripted
/// one, because its instructions are counted too.
struct Prompt {
    frames: Option<usize>,
}

#[async_trait]
impl Upstream for Prompt {
    async fn send(
        &self,
        _deployment: &Deployment,
        _call: UpstreamCall,
    ) -> Result<http::Response<UpstreamBody>, UpstreamFault> {
        let bytes = |text: &'static str| Ok(Bytes::from_static(text.as_bytes()));
        let (content_type, body) = match self.frames {
            None => ("application/json", stream::iter([bytes(ANSWER)]).boxed()),
            Some(frames) => {
                let frames = (0..frames).map(move |_| bytes(FRAME)).chain([bytes(USAGE)]);
                ("text/event-stream", stream::iter(frames).boxed())
            }
        };
        let response = http::Response::builder().header(CONTENT_TYPE, content_type).body(body);
        Ok(response.expect("is a response"))
    }

    async fn renew_credential(&self, _deployment: &Deployment, _: Option<CredentialMark>) -> bool {
        false
    }
}

/// A request log without a reader: what writing a line costs is the platform's.
struct Nobody;

impl RequestLog for Nobody {
    fn write(&self, _line: &RequestLine) {}

    fn count(
        &self,
        _incident: lanyard_gateway::ports::Incident,
        _event: Option<&lanyard_domain::ids::EventId>,
    ) {
    }
}

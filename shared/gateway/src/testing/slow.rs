//! Models that think for minutes. Time is paused, so these tests take none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt;
use lanyard_domain::account::AccountKey;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::operation::Operation;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{MemoryPorts, a_deployment, an_event};
use crate::ports::{
    Clock, CredentialMark, Ledger, Listing, Upstream, UpstreamBody, UpstreamCall, UpstreamFault,
};
use crate::{Gateway, Ports, Request, Response};

/// An Azure that is silent before its head, and again after the first piece of its body.
struct Slow {
    before_head: Duration,
    status: StatusCode,
    pieces: &'static [&'static str],
    between: Duration,
    calls: AtomicU32,
}

const CHAT: &[&str] =
    &[r#"{"usage":{"prompt_tokens":20,"completion_tokens":9000,"total_tokens":9020}}"#];
const EVENTS: &[&str] = &[
    "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":9000}}\n\ndata: [DONE]\n\n",
];

impl Slow {
    fn after(seconds: u64, pieces: &'static [&'static str]) -> Self {
        Self {
            before_head: Duration::from_secs(seconds),
            status: StatusCode::OK,
            pieces,
            between: Duration::ZERO,
            calls: AtomicU32::new(0),
        }
    }
}

#[async_trait]
impl Upstream for Slow {
    async fn send(
        &self,
        _: &Deployment,
        call: UpstreamCall,
    ) -> Result<http::Response<UpstreamBody>, UpstreamFault> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.before_head > call.timeout {
            sleep(call.timeout).await;
            return Err(UpstreamFault::Timeout);
        }
        sleep(self.before_head).await;
        let between = self.between;
        let pieces = futures_util::stream::iter(self.pieces.iter().enumerate());
        let pieces = pieces.then(move |(at, piece)| async move {
            if at > 0 {
                sleep(between).await;
            }
            Ok(Bytes::from_static(piece.as_bytes()))
        });
        let mut response = http::Response::new(pieces.boxed());
        *response.status_mut() = self.status;
        let kind = match call.is_streamed && self.status == StatusCode::OK {
            true => "text/event-stream",
            false => "application/json",
        };
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        Ok(response)
    }

    async fn renew_credential(&self, _: &Deployment, _: Option<CredentialMark>) -> bool {
        false
    }
}

struct World {
    memory: MemoryPorts,
    azure: Arc<Slow>,
    gateway: Arc<Gateway>,
}

impl World {
    fn of(azure: Slow) -> Self {
        let memory = MemoryPorts::default();
        let event = an_event("slow-event", memory.clock.now());
        let mut deployments = vec![a_deployment("gpt-4o", Operation::ChatCompletions)];
        deployments.push(Deployment { replica: "two".parse().unwrap(), ..deployments[0].clone() });
        memory.events.put(Listing { event, deployments, code_works_until: None });
        let azure = Arc::new(azure);
        let gateway = Arc::new(Gateway::new(Ports {
            clock: memory.clock.clone(),
            random: memory.random.clone(),
            events: memory.events.clone(),
            ledger: memory.ledger.clone(),
            upstream: azure.clone(),
            request_log: memory.request_log.clone(),
            ledger_timeout: Duration::from_secs(10),
        }));
        Self { memory, azure, gateway }
    }

    /// A chat in a function that may run for so many seconds.
    async fn chat(&self, is_streamed: bool, limit_s: u64) -> (StatusCode, Response) {
        let body = json!({"messages": [], "stream": is_streamed}).to_string();
        let http = http::Request::post("/api/v1/chat/completions")
            .header("api-key", "slow-event/ada")
            .body(Bytes::from(body))
            .unwrap();
        let deadline = Some(Instant::now() + Duration::from_secs(limit_s));
        let now = self.memory.clock.now();
        let request = Request { id: "req_1".parse().unwrap(), now, deadline, http };
        let answered = self.gateway.forward(Operation::ChatCompletions, request).await;
        let response = answered.unwrap_or_else(crate::ApiError::into_response);
        (response.status(), response)
    }

    /// How often Azure was called, and what was charged: requests, and tokens of both kinds.
    async fn after(&self) -> (u32, usize, u64, u64) {
        self.gateway.settled().await;
        let records = self.memory.ledger.records();
        let sum = |of: fn(&lanyard_domain::usage::UsageRecord) -> u64| records.iter().map(of).sum();
        (
            self.azure.calls.load(Ordering::Relaxed),
            records.len(),
            sum(|record| record.charge.prompt_tokens),
            sum(|record| record.charge.completion_tokens),
        )
    }
}

async fn text(response: Response) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.into()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_model_that_thinks_for_four_minutes_is_waited_for_and_charged_once() {
    let world = World::of(Slow::after(240, CHAT));
    let (status, response) = world.chat(false, 900).await;
    assert_eq!((status, text(response).await), (StatusCode::OK, CHAT[0].to_owned()));
    assert_eq!(world.after().await, (1, 1, 20, 9_000));
}

#[tokio::test(start_paused = true)]
async fn a_stream_begins_after_half_a_minute_and_says_that_it_lives() {
    let world = World::of(Slow::after(240, EVENTS));
    let started_at = Instant::now();
    let (status, response) = world.chat(true, 900).await;
    assert_eq!((status, started_at.elapsed().as_secs()), (StatusCode::OK, 30));
    assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream; charset=utf-8");
    let text = text(response).await;
    assert_eq!(text.matches(": keep-alive\n\n").count(), 1 + (240 - 30 - 1) / 15, "{text}");
    assert!(text.ends_with("data: [DONE]\n\n") && !text.contains("\"usage\""), "{text}");
    assert_eq!(world.after().await, (1, 1, 20, 9_000));
}

#[tokio::test(start_paused = true)]
async fn silence_in_the_middle_of_a_stream_ends_nothing() {
    let world = World::of(Slow { between: Duration::from_secs(610), ..Slow::after(1, EVENTS) });
    let (_, response) = world.chat(true, 900).await;
    let text = text(response).await;
    assert_eq!(text.matches(": keep-alive\n\n").count(), 610 / 15, "{text}");
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    assert_eq!(world.after().await, (1, 1, 20, 9_000));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_the_head_is_an_event() {
    let refused: &[&str] =
        &[r#"{"error":{"message":"Too long.","code":"context_length_exceeded","type":"x"}}"#];
    let slow = Slow::after(60, refused);
    let world = World::of(Slow { status: StatusCode::BAD_REQUEST, ..slow });
    let (status, response) = world.chat(true, 900).await;
    assert_eq!(status, StatusCode::OK);
    let text = text(response).await;
    let last = text.trim_end().split("data: ").last().unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!(last["error"]["code"], "context_length_exceeded");
    assert_eq!(world.after().await, (1, 1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_before_the_head_is_charged_all_the_same() {
    let world = World::of(Slow::after(240, EVENTS));
    drop(world.chat(true, 900).await);
    assert_eq!(world.after().await, (1, 1, 20, 9_000));
}

#[tokio::test(start_paused = true)]
async fn a_buffered_response_that_takes_too_long_is_charged_and_not_repeated() {
    let world = World::of(Slow::after(400, CHAT));
    let started_at = Instant::now();
    let (status, response) = world.chat(false, 900).await;
    assert_eq!((status, started_at.elapsed().as_secs()), (StatusCode::GATEWAY_TIMEOUT, 285));
    assert_eq!(response.headers()["x-should-retry"], "false");
    assert!(text(response).await.contains("stream"));
    let (calls, requests, _, completion_tokens) = world.after().await;
    assert_eq!((calls, requests, completion_tokens), (1, 1, 4_096));
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_five_seconds_before_its_function() {
    let world = World::of(Slow::after(2_000, EVENTS));
    let started_at = Instant::now();
    let (_, response) = world.chat(true, 300).await;
    assert!(text(response).await.contains("upstream_timeout"));
    assert_eq!(started_at.elapsed().as_secs(), 295);
    assert_eq!(world.after().await.1, 1);
}

#[tokio::test(start_paused = true)]
async fn a_hold_ends_a_minute_after_its_own_requests_deadline() {
    for (is_streamed, limit_s, life_s) in
        [(true, 900, 960), (true, 300, 360), (false, 900, 350), (false, 100, 160)]
    {
        let world = World::of(Slow::after(50, if is_streamed { EVENTS } else { CHAT }));
        let chat = world.chat(is_streamed, limit_s);
        let look = async {
            sleep(Duration::from_secs(20)).await;
            let key = AccountKey::Attendee("slow-event".parse().unwrap(), "ada".parse().unwrap());
            let account = world.memory.ledger.account(&key).await.unwrap().unwrap();
            let hold = account.holds.values().next().copied().unwrap();
            hold.expires_at.since(hold.admitted_at) / 1_000_000_000
        };
        let ((_, response), life) = tokio::join!(chat, look);
        assert_eq!(life, life_s, "{is_streamed} {limit_s}");
        text(response).await;
        world.gateway.settled().await;
    }
}

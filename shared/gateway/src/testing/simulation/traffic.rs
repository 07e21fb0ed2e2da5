//! Random requests of the simulated attendees, and the limits of their event.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use lanyard_domain::allowance::{Allowance, Limit};
use lanyard_domain::operation::Operation;
use lanyard_protocol::Protocol;
use tokio::time::Instant;

use super::super::SeededRandom;
use super::{ATTENDEES, Simulation, by_model};
use crate::Gateway;
use crate::ports::Clock;
use crate::request::Request;

impl Simulation {
    /// Mostly chats, and operations that are counted in other units.
    pub(super) fn an_operation(&self) -> Operation {
        match self.random.below(8) {
            0 => Operation::ImagesGenerations,
            1 => Operation::AudioSpeech,
            2 => Operation::AudioTranscriptions,
            3 => Operation::Messages,
            _ => Operation::ChatCompletions,
        }
    }

    pub(super) fn a_request(&self, operation: Operation, number: u64) -> Result<Request, String> {
        let user = self.random.below(ATTENDEES);
        let stream = self.random.one_in(2);
        let cap = 1 + self.random.below(1_500);
        let some = usize::try_from(self.random.below(60)).unwrap_or_default();
        let words = "word ".repeat(some);
        let images = 1 + some % 4;
        let body = if operation == Operation::ImagesGenerations {
            format!(r#"{{"stream":{stream},"n":{images},"prompt":"{words}"}}"#)
        } else if operation == Operation::AudioSpeech {
            let format = if stream { "sse" } else { "audio" };
            format!(r#"{{"stream_format":"{format}","voice":"v","input":"{words}"}}"#)
        } else if operation == Operation::AudioTranscriptions {
            format!(
                "--b\r\ncontent-disposition: form-data; name=\"stream\"\r\n\r\n{stream}\r\n--b\r\n\
                 content-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n{}\r\n--b--",
                words.repeat(100),
            )
        } else {
            format!(
                r#"{{"stream":{stream},"max_tokens":{cap},"messages":[{{"role":"user","content":"{words}"}}]}}"#
            )
        };
        let protocol = Protocol::of(operation);
        let content_type = match protocol.takes_form() {
            true => "multipart/form-data; boundary=b",
            false => "application/json",
        };
        let model = by_model::MODELS[usize::from(self.random.one_in(3))];
        let http = http::Request::post(format!("/api/v1/{}", protocol.path))
            .header("openai-event-code", format!("simulated/user{user}"))
            .header("x-model", model)
            .header("content-type", content_type)
            .body(Bytes::from(body))
            .map_err(|fault| fault.to_string())?;
        let id = format!("req_{number}").parse().map_err(|_| "no id")?;
        let deadline = Some(Instant::now() + Duration::from_secs(300));
        Ok(Request { id, now: self.clock.now(), deadline, http })
    }
}

/// Limits of every kind, or none, tight enough to be reached.
pub(super) fn allowance(random: &SeededRandom) -> Allowance {
    let some = |least: u64, more: u64| (!random.one_in(3)).then(|| least + random.below(more));
    let ranges = [
        (Limit::RequestsPerMinute, 1, 20),
        (Limit::TokensPerMinute, 500, 20_000),
        (Limit::RequestsPerDay, 1, 30),
        (Limit::TokensPerDay, 500, 30_000),
        (Limit::TokensTotal, 500, 40_000),
        (Limit::ImagesTotal, 1, 20),
        (Limit::AudioSecondsTotal, 1, 60),
        (Limit::CharactersTotal, 1, 2_000),
        (Limit::UsdPerDay, 1_000_000, 300_000_000),
        (Limit::UsdTotal, 1_000_000, 500_000_000),
        (Limit::InFlight, 1, 5),
    ];
    let limits =
        ranges.into_iter().filter_map(|(limit, least, more)| Some((limit, some(least, more)?)));
    limits.collect()
}

/// An attendee sends a request and reads the response, or leaves in the middle.
pub(super) async fn attend(
    gateway: Arc<Gateway>,
    operation: Operation,
    request: Request,
    random: &SeededRandom,
) {
    let Ok(response) = gateway.forward(operation, request).await else { return };
    let mut body = response.into_body();
    let mut timeout = if random.one_in(5) { random.below(4) } else { u64::MAX };
    while timeout > 0 && body.frame().await.is_some() {
        timeout -= 1;
        if random.one_in(10) {
            tokio::time::sleep(Duration::from_millis(random.below(5_000))).await;
        }
    }
}

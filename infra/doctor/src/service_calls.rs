//! Uses an event as an attendee would: calls every model, buffered and streamed, and checks that
//! each token is accounted for.

mod judge;

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use http::HeaderValue;
use lanyard_domain::catalog::CompletionField;
use lanyard_domain::operation::Operation;
use lanyard_protocol::Protocol;
use lanyard_protocol::added::{AddedField, refused_fields};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use self::judge::{judge_account, judge_call, judge_stream, rejected};
use super::azure::{cheapest_request, stream_request};
use super::client::{HttpClient, Response, Streamed, buffered, streamed};
use super::delivery::ChunkTimes;
use super::finding::{Finding, Level};
use super::inventory::Inventory;
use super::secret::Secret;

/// User name of the doctor at an event.
pub(super) const USER: &str = "lanyard-doctor";

/// How long a settlement may take to appear.
const SETTLEMENT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often it is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The error's code if the service cannot reach the model's endpoint.
const UNREACHABLE: &str = "upstream_unreachable";

/// The timing of Azure's own streams, by model name.
pub(super) type Direct<'d> = Vec<(&'d str, &'d ChunkTimes)>;

/// The models whose streams have no usage, because they refuse `stream_options`.
pub(super) type Uncounted<'d> = BTreeSet<&'d str>;

/// The given credential, or the code of an open event.
#[must_use]
pub(super) fn credential(given: Option<&Secret>, inventory: Option<&Inventory>) -> Option<Secret> {
    let open = || Some(&inventory?.events.iter().find(|event| event.is_open())?.code);
    given.or_else(open).map(|code| code.with_user(USER))
}

/// Explains how to create an event for the test calls.
#[must_use]
pub(super) fn without_credential(base: &str, now: DateTime<Utc>) -> Finding {
    let instant = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let event = json!({
        "name": "Trial", "attendees": 10, "time_zone": "UTC",
        "starts_at": instant(now), "ends_at": instant(now + TimeDelta::hours(1)),
    });
    Finding::skip("service calls", "No open event and no code, so nothing was called.").next(
        format!(
            "Create an event for an hour, and run the doctor again:\n  \
             curl {base}/admin/events -H \"Authorization: Bearer $LANYARD_ORGANISER_TOKEN\" \\\n    \
             -H 'Content-Type: application/json' -d '{event}'"
        ),
    )
}

/// The event as the attendee sees it.
#[derive(Clone, Debug, Deserialize)]
struct Access {
    models: Vec<Model>,
    usage: Usage,
}

#[derive(Clone, Debug, Deserialize)]
struct Model {
    id: String,
    operations: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
struct Usage {
    requests: u64,
    total_tokens: u64,
    held_tokens: u64,
}

/// Calls the event's models one after the other, or only the named ones.
pub(super) async fn run(
    client: &HttpClient,
    base: &str,
    credential: &Secret,
    direct: &Direct<'_>,
    uncounted: &Uncounted<'_>,
    only: &[String],
) -> Vec<Finding> {
    let Some(code) = credential.header("") else {
        let advice = "A code has letters, digits, - _ and dots, then / and a user name.";
        return vec![Finding::fail(
            "service calls",
            "The code has characters that are not allowed.",
            advice,
        )];
    };
    let service_calls = ServiceCalls { client, base, code };
    let mut before = match service_calls.read_access().await {
        Ok(access) => access,
        Err(finding) => return vec![finding],
    };
    before.models.retain(|model| only.is_empty() || only.contains(&model.id));
    let mut findings = Vec::new();
    let mut charged = Charged::default();
    let mut left_out = BTreeSet::new();
    let mut unreachable = Vec::new();
    for model in &before.models {
        let direct = direct.iter().find(|(name, _)| *name == model.id).map(|(_, stream)| *stream);
        for name in &model.operations {
            // A newer service may have operations that this doctor does not know.
            match name
                .parse()
                .ok()
                .and_then(|operation| Some((operation, cheapest_call(operation)?)))
            {
                Some((operation, body)) => {
                    let called = service_calls.call(&model.id, operation, body, &mut charged);
                    let Some(called) = called.await else {
                        // Its other calls would show the same.
                        unreachable.push(model.id.as_str());
                        break;
                    };
                    findings.push(called);
                    if operation == Operation::ChatCompletions {
                        let is_counted = !uncounted.contains(model.id.as_str());
                        let stream =
                            service_calls.stream(&model.id, is_counted, direct, &mut charged);
                        findings.push(stream.await);
                    }
                }
                None => {
                    left_out.insert(name.as_str());
                }
            }
        }
    }
    if !unreachable.is_empty() {
        let unreachable = unreachable.join(", ");
        let seen = format!("502 {UNREACHABLE}. The service does not reach: {unreachable}.");
        let advice = "Compare the endpoints of these deployments with the Azure portal. If the azure \
                      checks above reach them, look at the network of the service.";
        findings.push(Finding::fail("service upstream", seen, advice));
    }
    if !left_out.is_empty() {
        let left_out = left_out.into_iter().collect::<Vec<_>>().join(", ");
        let seen =
            format!("Not called, because they are expensive or store something: {left_out}.");
        findings.push(Finding::skip("service others", seen));
    }
    if before.models.is_empty() {
        let advice = "Offer deployments at the event: PATCH its field deployments, or add a \
                    deployment.";
        findings.push(Finding::fail("service calls", "The event has no such model.", advice));
    } else {
        findings.push(service_calls.settled(before.usage, charged).await);
    }
    findings
}

/// The usage that the responses reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Charged {
    requests: u64,
    tokens: u64,
}

struct ServiceCalls<'t> {
    client: &'t HttpClient,
    base: &'t str,
    code: HeaderValue,
}

impl ServiceCalls<'_> {
    async fn read_access(&self) -> Result<Access, Finding> {
        const CHECK: &str = "service event";
        let url = format!("{}/v1/event", self.base);
        let sent = buffered(self.client.get(&url).header("openai-event-code", self.code.clone()));
        let response = sent.await.map_err(|reason| {
            Finding::fail(CHECK, format!("GET /v1/event: {reason}."), "Run the doctor again.")
        })?;
        if !response.status.is_success() {
            return Err(rejected(CHECK.to_owned(), &response));
        }
        serde_json::from_slice(&response.body).map_err(|_| {
            let seen = "The response of GET /v1/event cannot be read.";
            Finding::fail(CHECK, seen, "Use the doctor of the deployed version.")
        })
    }

    /// Calls an operation of a model. `None` if the service cannot reach its endpoint.
    async fn call(
        &self,
        model: &str,
        operation: Operation,
        body: Value,
        charged: &mut Charged,
    ) -> Option<Finding> {
        let check = format!("service {model} {}", operation.name());
        let called = buffered(self.post(Protocol::of(operation).path, model, body)).await;
        let code = called.as_ref().ok().and_then(Response::code);
        let is_reached = code.as_deref() != Some(UNREACHABLE);
        is_reached.then(|| judge_call(check, operation, &called, charged))
    }

    async fn stream(
        &self,
        model: &str,
        mut is_counted: bool,
        direct: Option<&ChunkTimes>,
        charged: &mut Charged,
    ) -> Finding {
        let path = Protocol::of(Operation::ChatCompletions).path;
        let mut called = streamed(self.post(path, model, stream_request(is_counted))).await;
        if let Ok(Streamed::Other(refusal)) = &called
            && refused_fields(refusal.status, &refusal.body).has(AddedField::StreamOptions)
        {
            is_counted = false;
            called = streamed(self.post(path, model, stream_request(is_counted))).await;
        }
        judge_stream(format!("service {model} stream"), &called, is_counted, direct, charged)
    }

    fn post(&self, path: &str, model: &str, mut body: Value) -> reqwest::RequestBuilder {
        body["model"] = json!(model);
        let url = format!("{}/v1/{path}", self.base);
        self.client.post(&url, &body).header("openai-event-code", self.code.clone())
    }

    /// Waits until the usage appears in the attendee's account.
    async fn settled(&self, before: Usage, charged: Charged) -> Finding {
        let deadline = Instant::now() + SETTLEMENT_TIMEOUT;
        loop {
            let after = match self.read_access().await {
                Ok(read_access) => read_access.usage,
                Err(finding) => return finding,
            };
            let finding = judge_account(before, after, charged);
            if finding.level == Level::Ok || Instant::now() > deadline {
                return finding;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

/// The cheapest body of an operation, with enough output tokens for a model that reasons. The
/// gateway writes the cap as each deployment takes it.
fn cheapest_call(operation: Operation) -> Option<Value> {
    let mut body = cheapest_request(operation, CompletionField::MaxTokens)?;
    if operation == Operation::ChatCompletions {
        body[CompletionField::MaxTokens.name()] = json!(16);
    }
    Some(body)
}

#[cfg(test)]
mod tests;

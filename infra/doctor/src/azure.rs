//! Calls each deployment at Azure directly, with its own key: a short request and a short stream.

mod judge;
mod unreachable;

use std::path::Path;

use chrono::TimeDelta;
use futures_util::future::join_all;
use http::{HeaderMap, HeaderValue, StatusCode};
use lanyard_administration::is_azures;
use lanyard_administration::ports::KeyStore;
use lanyard_domain::catalog::{CompletionField, Deployment};
use lanyard_domain::credential::Credential;
use lanyard_domain::operation::Operation;
use lanyard_gateway::ports::Clock as _;
use lanyard_platform::keys::FileKeys;
use lanyard_platform::shell::Machine;
use lanyard_protocol::Protocol;
use lanyard_protocol::added::{AddedField, RefusedFields, refused_fields};
use lanyard_protocol::documentation::Sample;
use lanyard_protocol::refusal::Secret;
use serde_json::{Value, json};

use super::aws::Stack;
use super::client::{
    HttpClient, NoResponse, Response, Streamed, buffered, is_local, number, streamed,
};
use super::clock;
use super::delivery::ChunkTimes;
use super::finding::Finding;
use super::inventory::{Inventory, Listed, label};

/// A prompt whose stream has enough chunks to judge their timing, for few tokens.
const STREAM_PROMPT: &str = "Count from one to thirty in words.";

/// Max output tokens of the stream.
const STREAM_TOKENS: u64 = 2_000;

/// Where keys are read.
pub(super) enum Keys<'k> {
    /// The local service's data folder.
    Folder(&'k Path),
    /// The deployed stack's parameters.
    Stack(&'k Stack),
    /// Unknown.
    Unknown,
}

/// What Azure grants a deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Granted {
    /// From the response headers, else the configured limit.
    pub tokens_per_minute: Option<u64>,
}

/// The result of one deployment's checks.
#[derive(Debug, Default)]
pub(super) struct Inspection {
    /// The findings.
    pub findings: Vec<Finding>,
    /// Azure's limit.
    pub granted: Granted,
    /// The timing of its stream.
    pub times: Option<ChunkTimes>,
    /// The fields of the gateway's that the model refuses.
    pub refused: RefusedFields,
    /// How far Azure's clock is ahead of this machine's.
    pub ahead: Option<TimeDelta>,
    /// Why there was no response at all.
    unreachable: Option<NoResponse>,
}

/// Calls all deployments concurrently. The results are in the order of the list.
pub(super) async fn inspect(
    client: &HttpClient,
    base: &str,
    inventory: &Inventory,
    keys: &Keys<'_>,
) -> Vec<Inspection> {
    let inspections =
        inventory.deployments.iter().map(|one| inspect_deployment(client, base, one, keys));
    let mut seen = join_all(inspections).await;
    unreachable::report(&inventory.deployments, &mut seen);
    seen
}

async fn inspect_deployment(
    client: &HttpClient,
    base: &str,
    deployment: &Listed,
    keys: &Keys<'_>,
) -> Inspection {
    let declared = Granted { tokens_per_minute: deployment.tokens_per_minute };
    let known = RefusedFields::of(&deployment.facts());
    let mut seen = Inspection { granted: declared, refused: known, ..Inspection::default() };
    let check = |what: &str| format!("azure {} {what}", label(deployment));
    seen.findings.extend(judge::model(deployment, &check("model"), Machine.now()));
    let key = match key(deployment, keys).await {
        Ok(key) => key,
        Err(finding) => {
            seen.findings.push(Finding { check: check("key"), ..finding });
            return seen;
        }
    };
    let is_cheap =
        |operation: &Operation| cheapest_request(*operation, deployment.completion_field).is_some();
    let Some(operation) = deployment.operations.iter().copied().find(is_cheap) else {
        let finding =
            Finding::skip("", "Not called: its operations are expensive or store something.");
        seen.findings.push(Finding { check: check("call"), ..finding });
        return seen;
    };
    let mut call = Call { client, deployment, operation, key, refused: known };

    let (response, finding) = match call.once(base).await {
        Ok(called) => called,
        Err(reason) => {
            seen.unreachable = Some(reason);
            return seen;
        }
    };
    seen.findings.push(Finding { check: check("call"), ..finding });
    seen.ahead = clock::ahead(&response);
    if !response.status.is_success() {
        return seen;
    }
    let limits = Limits::of(&response.headers);
    seen.granted.tokens_per_minute = limits.tokens.or(declared.tokens_per_minute);
    let finding = judge::limits(deployment, limits, base);
    seen.findings.push(Finding { check: check("limits"), ..finding });

    if operation == Operation::ChatCompletions {
        let streamed = call.stream().await;
        let is_counted = !call.refused.has(AddedField::StreamOptions);
        let finding = judge::stream(&streamed, is_counted);
        seen.findings.push(Finding { check: check("stream"), ..finding });
        seen.refused = call.refused;
        let finding = judge::refused(deployment, known, call.refused, base);
        seen.findings.extend(finding.map(|found| Finding { check: check("fields"), ..found }));
        if let Ok(Streamed::EventStream(frames)) = streamed {
            seen.times = Some(frames.times);
        }
    }
    seen
}

/// The key of a deployment, or why it cannot be called from here.
async fn key(deployment: &Deployment, keys: &Keys<'_>) -> Result<HeaderValue, Finding> {
    let Credential::Key(reference) = &deployment.credential else {
        let seen = "It uses an Entra ID identity, which only the deployed functions have.";
        let next = "Nothing to do. The service checks below show whether it works.";
        return Err(Finding::skip("", seen).next(next));
    };
    let key = match keys {
        Keys::Stack(stack) => stack.key(reference).await?,
        Keys::Folder(data) => FileKeys::at(data.join("azure-keys.json")).read(reference).await.ok(),
        Keys::Unknown => None,
    };
    let Some(key) = key else {
        let seen = "The key cannot be read here, so Azure is not called directly.";
        return Err(Finding::skip("", seen).next(match keys {
            Keys::Stack(_) | Keys::Folder(_) => {
                "If the keys belong to another organiser, use --organiser NAME. The service \
                 checks below show whether it works."
            }
            Keys::Unknown => "Use --stack NAME, so that its keys can be read.",
        }));
    };
    // The service at --address names the endpoint, and that service need not be genuine.
    if !(is_azures(&deployment.endpoint) || is_local(&deployment.endpoint)) {
        let advice = "Check that --address is your service, and write the deployment again.";
        return Err(Finding::fail(
            "",
            "The endpoint is not an Azure host, so the key is not sent.",
            advice,
        ));
    }
    let key = HeaderValue::from_str(key.reveal());
    let mut key =
        key.map_err(|_| Finding::skip("", "The key has characters that are not allowed."))?;
    key.set_sensitive(true);
    Ok(key)
}

struct Call<'c> {
    client: &'c HttpClient,
    deployment: &'c Listed,
    operation: Operation,
    key: HeaderValue,
    /// The fields of the gateway's that the model refuses, as far as it is known.
    refused: RefusedFields,
}

impl Call<'_> {
    /// Notes which fields of the gateway's a response refuses. True if the same request can be
    /// repeated without them.
    fn learns(&mut self, response: &Response) -> bool {
        let fields = refused_fields(response.status, &response.body);
        let is_added = |field| matches!(field, AddedField::User | AddedField::StreamOptions);
        let ours = fields.filter(|field| is_added(field) && !self.refused.has(field));
        self.refused = self.refused.and(ours);
        !ours.is_empty()
    }

    /// The cheapest request, with what the gateway adds. If Azure rejects an added field, the
    /// request is repeated without it; if it rejects the cap field, the other one is tried.
    async fn once(&mut self, base: &str) -> Result<(Response, Finding), NoResponse> {
        let field = self.deployment.completion_field;
        let mut response = self.call(field).await?;
        if self.learns(&response) {
            response = self.call(field).await?;
        }
        let other = match field {
            CompletionField::MaxTokens => CompletionField::MaxCompletionTokens,
            CompletionField::MaxCompletionTokens => CompletionField::MaxTokens,
        };
        if response.status == StatusCode::BAD_REQUEST
            && self.operation == Operation::ChatCompletions
            && let Ok(second) = self.call(other).await
            && second.status.is_success()
        {
            return Ok((second, judge::other_field(self.deployment, other, base)));
        }
        let finding = judge::call(self.deployment, &response, base);
        Ok((response, finding))
    }

    async fn call(&self, field: CompletionField) -> Result<Response, NoResponse> {
        let mut body = cheapest_request(self.operation, field).unwrap_or_default();
        body["model"] = json!(self.deployment.azure_name);
        self.add_user(&mut body);
        Ok(buffered(self.request(&body)).await?.without(&Secret::of(self.key.clone())))
    }

    /// Adds the hash of an attendee to a chat, as the gateway does.
    fn add_user(&self, body: &mut Value) {
        if self.operation == Operation::ChatCompletions && !self.refused.has(AddedField::User) {
            body["user"] = json!("lanyard-doctor");
        }
    }

    /// A stream, repeated without `stream_options` if the model refuses them.
    async fn stream(&mut self) -> Result<Streamed, NoResponse> {
        let streamed = self.stream_once().await;
        match &streamed {
            Ok(Streamed::Other(refusal)) if self.learns(refusal) => self.stream_once().await,
            Ok(_) | Err(_) => streamed,
        }
    }

    async fn stream_once(&self) -> Result<Streamed, NoResponse> {
        let mut body = chat(STREAM_PROMPT, self.deployment.completion_field, STREAM_TOKENS);
        body["model"] = json!(self.deployment.azure_name);
        body["stream"] = json!(true);
        if !self.refused.has(AddedField::StreamOptions) {
            body["stream_options"] = json!({"include_usage": true});
        }
        self.add_user(&mut body);
        Ok(match streamed(self.request(&body)).await? {
            Streamed::Other(refusal) => {
                Streamed::Other(refusal.without(&Secret::of(self.key.clone())))
            }
            stream @ Streamed::EventStream(_) => stream,
        })
    }

    fn request(&self, body: &Value) -> reqwest::RequestBuilder {
        let protocol = Protocol::of(self.operation);
        let request = self.client.post(&protocol.url(self.deployment), body);
        let usual = protocol.headers.iter().filter_map(|it| Some((it.name, it.default?)));
        let request = usual.fold(request, |request, (name, value)| request.header(name, value));
        request.header("api-key", self.key.clone())
    }
}

/// The cheapest request body of an operation; `None` if even that is expensive.
#[must_use]
pub(super) fn cheapest_request(operation: Operation, field: CompletionField) -> Option<Value> {
    if operation == Operation::ChatCompletions {
        return Some(chat("Hi", field, smallest_cap(field)));
    }
    let Sample::Json { fields, cheapest } = Protocol::of(operation).documentation?.sample else {
        return None;
    };
    serde_json::from_str(&format!("{{{fields}{}}}", cheapest?)).ok()
}

/// A chat request.
#[must_use]
pub(super) fn chat(prompt: &str, field: CompletionField, cap: u64) -> Value {
    json!({"messages": [{"role": "user", "content": prompt}], field.name(): cap})
}

/// The body of a streamed chat, which asks for the usage where the model reports it.
#[must_use]
pub(super) fn stream_request(is_counted: bool) -> Value {
    let mut body = chat(STREAM_PROMPT, CompletionField::MaxTokens, STREAM_TOKENS);
    body["stream"] = json!(true);
    if is_counted {
        body["stream_options"] = json!({"include_usage": true});
    }
    body
}

/// The smallest cap. Reasoning models need room for reasoning tokens and reject a smaller one.
fn smallest_cap(field: CompletionField) -> u64 {
    match field {
        CompletionField::MaxTokens => 1,
        CompletionField::MaxCompletionTokens => 16,
    }
}

/// Azure's own limits, per minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Limits {
    tokens: Option<u64>,
    requests: Option<u64>,
    remaining_tokens: Option<u64>,
}

impl Limits {
    /// Reads `x-ratelimit-*`. Azure may give the period of a limit; the default is a minute.
    fn of(headers: &HeaderMap) -> Self {
        let limit = |unit: &str| {
            let limit = number(headers, &format!("x-ratelimit-limit-{unit}"))?;
            let period = number(headers, &format!("x-ratelimit-renewalperiod-{unit}"));
            let period = period.filter(|seconds| *seconds > 0).unwrap_or(60);
            // Azure sometimes sends 0 for no limit.
            Some(limit.saturating_mul(60) / period).filter(|limit| *limit > 0)
        };
        Self {
            tokens: limit("tokens"),
            requests: limit("requests"),
            remaining_tokens: number(headers, "x-ratelimit-remaining-tokens"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_to_azure_and_nowhere_else() {
        for endpoint in ["https://oslo.openai.azure.com", "https://oslo.openai.azure.us"] {
            assert!(is_azures(endpoint), "{endpoint}");
        }
        for endpoint in [
            "http://oslo.openai.azure.com",
            "https://evil.example/.openai.azure.com",
            "https://evil.example?.openai.azure.com",
            "https://evil.example#.openai.azure.com",
            "https://oslo.openai.azure.com@evil.example",
            "https://oslo.openai.azure.com:8443",
            "https://openai.azure.com.evil.example",
        ] {
            assert!(!is_azures(endpoint), "{endpoint}");
        }
    }
}

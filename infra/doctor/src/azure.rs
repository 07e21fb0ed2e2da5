//! Calls each deployment at Azure directly, by its own key: one short answer and one short stream.

mod judge;

use std::path::Path;

use chrono::TimeDelta;
use futures_util::future::join_all;
use http::{HeaderMap, HeaderValue, StatusCode};
use lanyard_administration::ports::KeyStore;
use lanyard_domain::catalog::{CompletionField, Deployment};
use lanyard_domain::credential::Credential;
use lanyard_domain::operation::Operation;
use lanyard_platform::keys::FileKeys;
use lanyard_protocol::Protocol;
use serde_json::{Value, json};

use super::asker::{Answer, Asker, Silence, Streamed, is_near, number, streamed, whole};
use super::aws::Stack;
use super::clock;
use super::finding::Finding;
use super::holdings::{Holdings, Listed, label};
use super::pace::Arrivals;

/// What a stream is asked for: enough frames to see them apart, for few tokens.
const LONG_QUESTION: &str = "Count from one to thirty in words.";

/// The most tokens of a streamed answer.
const LONG_ANSWER: u64 = 100;

/// Where keys are read.
pub(super) enum Keys<'k> {
    /// The local service's data folder.
    Folder(&'k Path),
    /// The deployed stack's parameters.
    Stack(&'k Stack),
    /// Nowhere.
    Unknown,
}

/// What Azure grants a deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Granted {
    /// By its headers, or as it was declared if there are none.
    pub tokens_per_minute: Option<u64>,
}

/// What was seen of one deployment.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// What its checks found.
    pub findings: Vec<Finding>,
    /// What it is granted.
    pub granted: Granted,
    /// How its stream came.
    pub arrivals: Option<Arrivals>,
    /// How far Azure's clock is ahead.
    pub ahead: Option<TimeDelta>,
}

/// Calls every deployment, all at the same time, in the order of the list.
pub(super) async fn look(
    asker: &Asker,
    base: &str,
    holdings: &Holdings,
    keys: &Keys<'_>,
) -> Vec<Seen> {
    let looks = holdings.deployments.iter().map(|one| look_at(asker, base, one, keys));
    join_all(looks).await
}

async fn look_at(asker: &Asker, base: &str, deployment: &Listed, keys: &Keys<'_>) -> Seen {
    let declared = Granted { tokens_per_minute: deployment.tokens_per_minute };
    let mut seen = Seen { granted: declared, ..Seen::default() };
    let check = |what: &str| format!("azure {} {what}", label(deployment));
    let key = match key(deployment, keys).await {
        Ok(key) => key,
        Err(finding) => {
            seen.findings.push(Finding { check: check("key"), ..finding });
            return seen;
        }
    };
    let is_cheap =
        |operation: &Operation| question(*operation, deployment.completion_field).is_some();
    let Some(operation) = deployment.operations.iter().copied().find(is_cheap) else {
        let finding =
            Finding::skip("", "Not called: its operations are expensive or store something.");
        seen.findings.push(Finding { check: check("call"), ..finding });
        return seen;
    };
    let call = Call { asker, deployment, operation, key };

    let (answer, finding) = call.once(base).await;
    seen.findings.push(Finding { check: check("call"), ..finding });
    let Some(answer) = answer else { return seen };
    seen.ahead = clock::ahead(&answer);
    if !answer.status.is_success() {
        return seen;
    }
    let limits = Limits::of(&answer.headers);
    seen.granted.tokens_per_minute = limits.tokens.or(declared.tokens_per_minute);
    let finding = judge::limits(deployment, limits, base);
    seen.findings.push(Finding { check: check("limits"), ..finding });

    if operation == Operation::ChatCompletions {
        let streamed = call.stream().await;
        let finding = judge::stream(&streamed);
        seen.findings.push(Finding { check: check("stream"), ..finding });
        if let Ok(Streamed::Frames(frames)) = streamed {
            seen.arrivals = Some(frames.arrivals);
        }
    }
    seen
}

/// Whether an endpoint is on a host of Azure OpenAI: the only places to which the organisers' API
/// lets a key go.
fn is_azures(endpoint: &str) -> bool {
    const HOSTS: [&str; 3] =
        [".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com"];
    endpoint.strip_prefix("https://").is_some_and(|host| {
        let is_name = host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
        is_name && HOSTS.iter().any(|suffix| host.ends_with(suffix))
    })
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
    // What is at --address names the endpoint, and need not be what it says it is.
    if !(is_azures(&deployment.endpoint) || is_near(&deployment.endpoint)) {
        let mend = "Check that --address is your service, and write the deployment again.";
        return Err(Finding::fail(
            "",
            "The endpoint is not an Azure host, so the key is not sent.",
            mend,
        ));
    }
    let key = HeaderValue::from_str(key.reveal());
    let mut key =
        key.map_err(|_| Finding::skip("", "The key has characters that are not allowed."))?;
    key.set_sensitive(true);
    Ok(key)
}

struct Call<'c> {
    asker: &'c Asker,
    deployment: &'c Listed,
    operation: Operation,
    key: HeaderValue,
}

impl Call<'_> {
    /// The cheapest call. The other field for the cap is tried where the deployment's is refused.
    async fn once(&self, base: &str) -> (Option<Answer>, Finding) {
        let field = self.deployment.completion_field;
        let answer = self.ask(field).await;
        let other = match field {
            CompletionField::MaxTokens => CompletionField::MaxCompletionTokens,
            CompletionField::MaxCompletionTokens => CompletionField::MaxTokens,
        };
        let is_refused = matches!(&answer, Ok(answer) if answer.status == StatusCode::BAD_REQUEST);
        if is_refused
            && self.operation == Operation::ChatCompletions
            && let Ok(second) = self.ask(other).await
            && second.status.is_success()
        {
            return (Some(second), judge::other_field(self.deployment, other, base));
        }
        let finding = judge::call(self.deployment, &answer, base);
        (answer.ok(), finding)
    }

    async fn ask(&self, field: CompletionField) -> Result<Answer, Silence> {
        let mut body = question(self.operation, field).unwrap_or_default();
        body["model"] = json!(self.deployment.azure_name);
        whole(self.request(&body)).await
    }

    async fn stream(&self) -> Result<Streamed, Silence> {
        let mut body = chat(LONG_QUESTION, self.deployment.completion_field, LONG_ANSWER);
        body["model"] = json!(self.deployment.azure_name);
        body["stream"] = json!(true);
        body["stream_options"] = json!({"include_usage": true});
        streamed(self.request(&body)).await
    }

    fn request(&self, body: &Value) -> reqwest::RequestBuilder {
        let url = Protocol::of(self.operation).url(self.deployment);
        self.asker.post(&url, body).header("api-key", self.key.clone())
    }
}

/// The cheapest body of an operation; `None` where even that costs.
#[must_use]
pub(super) fn question(operation: Operation, field: CompletionField) -> Option<Value> {
    match operation {
        Operation::ChatCompletions => Some(chat("Hi", field, shortest(field))),
        Operation::Completions => Some(json!({"prompt": "Hi", "max_tokens": 1})),
        Operation::Embeddings | Operation::Moderations => Some(json!({"input": "Hi"})),
        Operation::Responses => {
            Some(json!({"input": "Hi", "store": false, "max_output_tokens": 16}))
        }
        Operation::Conversations
        | Operation::Files
        | Operation::VectorStores
        | Operation::Assistants
        | Operation::Threads
        | Operation::Videos
        | Operation::ImagesGenerations
        | Operation::ImagesEdits
        | Operation::AudioTranscriptions
        | Operation::AudioTranslations
        | Operation::AudioSpeech => None,
    }
}

/// A question to a chat model.
#[must_use]
pub(super) fn chat(question: &str, field: CompletionField, cap: u64) -> Value {
    json!({"messages": [{"role": "user", "content": question}], field.name(): cap})
}

/// The question and the cap of a stream.
#[must_use]
pub(super) fn long_chat() -> Value {
    let mut body = chat(LONG_QUESTION, CompletionField::MaxTokens, LONG_ANSWER);
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    body
}

/// The smallest cap: models that think count their thoughts, and refuse to have no room for any.
fn shortest(field: CompletionField) -> u64 {
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
    /// Reads `x-ratelimit-*`. Azure may name the period of a limit in seconds; it is a minute
    /// otherwise.
    fn of(headers: &HeaderMap) -> Self {
        let limit = |unit: &str| {
            let limit = number(headers, &format!("x-ratelimit-limit-{unit}"))?;
            let period = number(headers, &format!("x-ratelimit-renewalperiod-{unit}"));
            let period = period.filter(|seconds| *seconds > 0).unwrap_or(60);
            // Azure has been seen to send 0 where it means nothing.
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
        assert!(is_azures("https://oslo.openai.azure.com"));
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

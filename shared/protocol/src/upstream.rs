//! Azure's address for an operation, and what its answers mean. All of it comes from the catalog;
//! nothing that a client sent reaches a URL.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use lanyard_domain::catalog::{AzureApi, Deployment};
use lanyard_domain::ids::AnswerId;
use lanyard_domain::operation::Operation;
use lanyard_domain::usage::Usage;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::ModelRefusal;

/// Where a deployment takes an operation.
#[must_use]
pub fn url(deployment: &Deployment, operation: Operation) -> String {
    let endpoint = &deployment.endpoint;
    let path = operation.path();
    match &deployment.api {
        AzureApi::Classic(version) if operation.is_below_deployment() => {
            let name = &deployment.azure_name;
            format!("{endpoint}/openai/deployments/{name}/{path}?api-version={version}")
        }
        AzureApi::V1 | AzureApi::Classic(_) => below_url(deployment, operation, [], ""),
    }
}

/// Where a deployment's resource takes what is done below an operation's path: with an object, or
/// with a list of them.
///
/// The query is one that the caller has written itself.
#[must_use]
pub fn below_url<'s>(
    deployment: &Deployment,
    operation: Operation,
    segments: impl IntoIterator<Item = &'s str>,
    query: &str,
) -> String {
    let mut url = format!("{}/openai/", deployment.endpoint);
    let version = match &deployment.api {
        AzureApi::V1 => {
            url.push_str("v1/");
            String::new()
        }
        AzureApi::Classic(version) => format!("api-version={version}"),
    };
    url.push_str(operation.path());
    for segment in segments {
        url.push('/');
        url.push_str(segment);
    }
    let mut separator = '?';
    for pairs in [version.as_str(), query].into_iter().filter(|pairs| !pairs.is_empty()) {
        url.push(std::mem::replace(&mut separator, '&'));
        url.push_str(pairs);
    }
    url
}

/// How long Azure asks to wait, within reason: its figure may be missing, negative, a day, or text.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Duration {
    let number = |name: &str, unit_ms: f64| {
        let value: f64 = headers.get(name)?.to_str().ok()?.trim().parse().ok()?;
        (value.is_finite() && value > 0.0)
            .then(|| Duration::from_secs_f64((value * unit_ms / 1_000.0).min(60.0)))
    };
    number("retry-after-ms", 1.0)
        .or_else(|| number("retry-after", 1_000.0))
        .unwrap_or(FIRST_WAIT)
        .clamp(Duration::from_secs(1), Duration::from_secs(60))
}

/// How long to wait where Azure does not say.
pub const FIRST_WAIT: Duration = Duration::from_secs(5);

/// Whether a 404 is about an object that the request names, rather than about the deployment or the
/// path, which are ours to get right.
#[must_use]
pub fn is_missing_object(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Envelope {
        error: Missing,
    }
    #[derive(Deserialize)]
    struct Missing {
        #[serde(default)]
        code: Value,
        #[serde(default)]
        message: Value,
    }
    let Ok(Envelope { error }) = serde_json::from_slice::<Envelope>(body) else { return false };
    let is_ours = matches!(error.code.as_str(), Some("DeploymentNotFound" | "404"))
        || error.message.as_str().is_none_or(|message| message == "Resource not found");
    !is_ours
}

/// What Azure's refusal of a participant's request says, without what it says about us.
#[must_use]
pub fn refusal(status: StatusCode, body: &[u8], deployment: &Deployment) -> ModelRefusal {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        error: Refused<'a>,
    }
    #[derive(Deserialize)]
    struct Refused<'a> {
        message: Option<String>,
        #[serde(rename = "type")]
        kind: Option<String>,
        param: Option<String>,
        #[serde(default)]
        code: Value,
        #[serde(borrow)]
        innererror: Option<Inner<'a>>,
    }
    #[derive(Deserialize)]
    struct Inner<'a> {
        #[serde(borrow, alias = "content_filter_results")]
        content_filter_result: Option<&'a RawValue>,
    }
    let parsed = serde_json::from_slice::<Envelope<'_>>(body).ok().map(|envelope| envelope.error);
    let Some(error) = parsed else {
        return ModelRefusal {
            status,
            message: "The model refused the request.".to_owned(),
            kind: None,
            param: None,
            code: None,
            content_filter_result: None,
        };
    };
    let message = error.message.unwrap_or_else(|| "The model refused the request.".to_owned());
    ModelRefusal {
        status,
        message: without_our_names(&message, deployment),
        kind: error.kind,
        param: error.param,
        code: match error.code {
            Value::String(code) => Some(code),
            Value::Number(code) => Some(code.to_string()),
            _ => None,
        },
        content_filter_result: error
            .innererror
            .and_then(|inner| inner.content_filter_result)
            .map(ToOwned::to_owned),
    }
}

/// A sentence of Azure's without the resource's host and the deployment's name at Azure.
fn without_our_names(message: &str, deployment: &Deployment) -> String {
    let host = deployment.endpoint.split("://").last().unwrap_or_default();
    let resource = host.split(['.', ':']).next().unwrap_or_default();
    let mut clean = message.to_owned();
    for name in [host, resource] {
        if name.len() > 3 {
            clean = clean.replace(name, "the model's resource");
        }
    }
    if deployment.azure_name != deployment.name && deployment.azure_name.as_str().len() > 3 {
        clean = clean.replace(deployment.azure_name.as_str(), deployment.name.as_str());
    }
    clean
}

/// Usage as Azure reports it, and whether it can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The tokens, within bounds.
    pub usage: Usage,
    /// False if a figure was missing, negative, absurd or no number.
    pub is_credible: bool,
}

impl Counted {
    /// What two parts of an answer cost together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |of: fn(Usage) -> u64| of(self.usage).saturating_add(of(other.usage));
        Self {
            usage: Usage::of_tokens(sum(|u| u.prompt_tokens), sum(|u| u.completion_tokens)),
            is_credible: self.is_credible && other.is_credible,
        }
    }
}

/// What an answer says about its own cost.
#[derive(Debug, Deserialize)]
pub struct Answer<'a> {
    /// The model's id of the answer; embeddings have none.
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    /// Present in every answer of a model.
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

/// Usage in the words of chat completions, or in those of the newer operations.
#[derive(Deserialize)]
struct RawUsage {
    #[serde(default)]
    prompt_tokens: Value,
    #[serde(default)]
    completion_tokens: Value,
    #[serde(default)]
    total_tokens: Value,
    #[serde(default)]
    input_tokens: Value,
    #[serde(default)]
    output_tokens: Value,
}

impl Answer<'_> {
    /// The answer's id as Azure wrote it, if it is text.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        serde_json::from_str(self.id?.get()).ok()
    }

    /// The answer's id, if it has one that can be one.
    #[must_use]
    pub fn id(&self) -> Option<AnswerId> {
        serde_json::from_str(self.id?.get()).ok()
    }

    /// The usage, if there is any, in proportion to what was expected.
    #[must_use]
    pub fn counted(&self, expected_tokens: u64) -> Option<Counted> {
        let usage = self.usage.filter(|usage| usage.get() != "null")?;
        Some(count(usage, expected_tokens))
    }
}

/// Usage as an answer or an event carries it, in proportion to what was expected.
pub fn count(usage: &RawValue, expected_tokens: u64) -> Counted {
    let most = expected_tokens.saturating_mul(20).saturating_add(1_000_000);
    let Ok(mut raw) = serde_json::from_str::<RawUsage>(usage.get()) else {
        return Counted { usage: Usage::default(), is_credible: false };
    };
    if raw.prompt_tokens.is_null() && raw.completion_tokens.is_null() {
        raw.prompt_tokens = raw.input_tokens;
        raw.completion_tokens = raw.output_tokens;
    }
    // An embedding has no completion; everything else has both figures.
    let completion = match (&raw.completion_tokens, &raw.prompt_tokens) {
        (Value::Null, Value::Number(_)) if raw.total_tokens == raw.prompt_tokens => Some(0),
        (completion, _) => completion.as_u64(),
    };
    let prompt = raw.prompt_tokens.as_u64();
    let is_credible = [prompt, completion].iter().all(|n| n.is_some_and(|n| n <= most));
    Counted {
        usage: Usage::of_tokens(
            prompt.unwrap_or_default().min(most),
            completion.unwrap_or_default().min(most),
        ),
        is_credible,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(usage: &str) -> Option<(u64, u64, bool)> {
        let body = format!(r#"{{"id":"x","usage":{usage}}}"#);
        let answer: Answer<'_> = serde_json::from_str(&body).unwrap();
        let counted = answer.counted(100)?;
        let Usage { prompt_tokens, completion_tokens, .. } = counted.usage;
        Some((prompt_tokens, completion_tokens, counted.is_credible))
    }

    #[test]
    fn honest_usage_is_believed() {
        let chat = r#"{"prompt_tokens":17,"completion_tokens":5,"total_tokens":22}"#;
        assert_eq!(counted(chat), Some((17, 5, true)));
        assert_eq!(counted(r#"{"prompt_tokens":8,"total_tokens":8}"#), Some((8, 0, true)));
        assert_eq!(counted(r#"{"input_tokens":8,"output_tokens":9}"#), Some((8, 9, true)));
        assert_eq!(counted("null"), None);
    }

    #[test]
    fn odd_usage_is_bounded_and_not_believed() {
        for usage in [
            r#"{"prompt_tokens":-1,"completion_tokens":5}"#,
            r#"{"prompt_tokens":"17","completion_tokens":5}"#,
            r#"{"prompt_tokens":17}"#,
            r#"{"prompt_tokens":1.5,"completion_tokens":5}"#,
            r#""many""#,
            "[]",
            "{}",
        ] {
            assert!(!counted(usage).unwrap().2, "{usage}");
        }
        let huge = counted(r#"{"prompt_tokens":9223372036854775808,"completion_tokens":5}"#);
        assert_eq!(huge, Some((1_002_000, 5, false)));
    }

    #[test]
    fn azures_wait_is_kept_within_a_second_and_a_minute() {
        let wait = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            retry_after(&headers).as_millis()
        };
        assert_eq!(wait("retry-after", "9"), 9_000);
        assert_eq!(wait("retry-after-ms", "2500"), 2_500);
        assert_eq!(wait("retry-after-ms", "1"), 1_000);
        assert_eq!(wait("retry-after", "86400"), 60_000);
        for odd in ["-1", "0", "soon", "", "NaN"] {
            assert_eq!(wait("retry-after", odd), 5_000, "{odd}");
        }
        assert_eq!(wait("retry-after", "1e9"), 60_000);
    }
}

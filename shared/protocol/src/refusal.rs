//! Reads Azure's error responses, and removes what a client may not see.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use lanyard_domain::account::Hold;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;
use memchr::memmem;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::added::{RefusedFields, refused_fields};
use crate::stream::failure::{Blame, Failure};

/// Azure's message about a client's request, in our schema.
#[derive(Debug)]
pub struct ModelRefusal {
    /// Azure's status.
    pub status: StatusCode,
    /// Azure's sentence.
    pub message: String,
    /// Azure's type.
    pub kind: Option<String>,
    /// Azure's parameter.
    pub param: Option<String>,
    /// Azure's code.
    pub code: Option<String>,
    /// Which filter refused, and why.
    pub content_filter_result: Option<Box<RawValue>>,
    /// The field of ours that it is about.
    pub fields: RefusedFields,
}

impl ModelRefusal {
    /// Azure's error inside a response, without names of ours.
    #[must_use]
    pub fn in_response(failure: &Failure, names: &OurNames) -> Self {
        let status = match failure.blame() {
            Blame::Load => StatusCode::TOO_MANY_REQUESTS,
            Blame::Filter | Blame::Request => StatusCode::BAD_REQUEST,
            Blame::Model => StatusCode::BAD_GATEWAY,
        };
        let message = failure.message.as_deref();
        Self {
            status,
            message: names.hide(message.unwrap_or("The model ended the response with an error.")),
            kind: failure.kind.clone(),
            param: failure.param.clone(),
            code: failure.code.clone(),
            content_filter_result: None,
            fields: RefusedFields::default(),
        }
    }

    /// What a request cost whose response was this error and nothing else.
    #[must_use]
    pub fn settlement(&self, hold: &Hold) -> Settlement {
        match self.status {
            StatusCode::TOO_MANY_REQUESTS => Settlement::Void,
            status if status.is_server_error() => Settlement::Estimated(hold.prompt()),
            _ if self.is_by_filter() => Settlement::Estimated(hold.prompt()),
            _ => Settlement::Exact(Usage::default()),
        }
    }

    /// Whether reasoning was refused that another resource has encrypted.
    #[must_use]
    pub fn is_about_encrypted_reasoning(&self) -> bool {
        self.code.as_deref() == Some("invalid_encrypted_content")
    }

    /// Whether a filter refused, which has read the prompt.
    #[must_use]
    pub fn is_by_filter(&self) -> bool {
        self.code.as_deref() == Some("content_filter")
    }
}

/// How long to wait where Azure does not say.
pub const USUAL_WAIT: Duration = Duration::from_secs(5);

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
        .unwrap_or(USUAL_WAIT)
        .clamp(Duration::from_secs(1), Duration::from_secs(60))
}

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
        #[serde(default, rename = "type")]
        kind: Value,
        #[serde(default)]
        code: Value,
        #[serde(default)]
        message: Value,
    }
    let Ok(Envelope { error }) = serde_json::from_slice::<Envelope>(body) else { return false };
    let is_ours = matches!(
        error.code.as_str(),
        Some("DeploymentNotFound" | "404" | "model_not_found" | "unknown_model" | "ModelNotFound")
    ) || error.message.as_str().is_none_or(|message| {
        // Claude says so of a deployment: `model: claude-…`.
        let is_model = error.kind == "not_found_error" && message.starts_with("model:");
        is_model || message == "Resource not found"
    });
    !is_ours
}

/// Azure's refusal of a client's request, without names of ours.
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
    let fields = refused_fields(status, body);
    let parsed = serde_json::from_slice::<Envelope<'_>>(body).ok().map(|envelope| envelope.error);
    let Some(error) = parsed else {
        return ModelRefusal {
            status,
            message: "The model refused the request.".to_owned(),
            kind: None,
            param: None,
            code: None,
            content_filter_result: None,
            fields,
        };
    };
    let message = error.message.unwrap_or_else(|| "The model refused the request.".to_owned());
    ModelRefusal {
        status,
        message: OurNames::of(deployment).hide(&message),
        kind: error.kind,
        param: error.param,
        code: match error.code {
            Value::String(code) => Some(code),
            Value::Number(code) => Some(code.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        },
        content_filter_result: error
            .innererror
            .and_then(|inner| inner.content_filter_result)
            .map(ToOwned::to_owned),
        fields,
    }
}

/// Our names that Azure may mention and that clients must not see.
#[derive(Clone, Debug, Default)]
pub struct OurNames {
    endpoint: String,
    azure_name: String,
    /// The deployment's name for clients.
    name: String,
}

impl OurNames {
    /// The names of a deployment and its resource.
    #[must_use]
    pub fn of(deployment: &Deployment) -> Self {
        Self {
            endpoint: deployment.endpoint.clone(),
            azure_name: deployment.azure_name.as_str().to_owned(),
            name: deployment.name.as_str().to_owned(),
        }
    }

    /// A text of Azure's without the resource's host and the deployment's name at Azure.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for (name, instead) in self.replaced() {
            clean = clean.replace(name, instead);
        }
        while let Some((from, to)) = azure_host(&clean) {
            clean.replace_range(from..to, RESOURCE);
        }
        clean
    }

    /// Whether a text has any of the names.
    #[must_use]
    pub fn are_in(&self, text: &[u8]) -> bool {
        self.replaced().any(|(name, _)| memmem::find(text, name.as_bytes()).is_some())
            || HOSTS.iter().any(|host| memmem::find(text, host.as_bytes()).is_some())
    }

    fn replaced(&self) -> impl Iterator<Item = (&str, &str)> {
        let host = self.endpoint.split("://").last().unwrap_or_default();
        let resource = host.split(['.', ':']).next().unwrap_or_default();
        let is_renamed = self.azure_name != self.name;
        let names = [
            (host, RESOURCE),
            (resource, RESOURCE),
            (if is_renamed { &self.azure_name } else { "" }, &self.name),
        ];
        // Shorter ones are parts of words.
        names.into_iter().filter(|(name, _)| name.len() > 3)
    }
}

/// What stands for a host of Azure's.
const RESOURCE: &str = "the model's resource";

/// The domains of resources: Azure may mention others of the organiser's than the one that was asked.
const HOSTS: [&str; 6] = [
    ".openai.azure.com",
    ".services.ai.azure.com",
    ".cognitiveservices.azure.com",
    ".inference.ai.azure.com",
    ".models.ai.azure.com",
    ".api.cognitive.microsoft.com",
];

/// Where a text has the host of a resource, with its scheme.
fn azure_host(text: &str) -> Option<(usize, usize)> {
    let lower = text.to_ascii_lowercase();
    let (at, host) = HOSTS.iter().find_map(|host| Some((lower.find(host)?, host)))?;
    let is_label = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
    let before = lower.as_bytes().get(..at).unwrap_or_default();
    let label = before.iter().rev().take_while(|byte| is_label(byte)).count();
    let from = at - label;
    let scheme = ["https://", "http://"].into_iter().find(|scheme| lower[..from].ends_with(scheme));
    Some((from - scheme.map_or(0, str::len), at + host.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_all_resources_of_azures_are_hidden() {
        let hide = |text: &str| OurNames::default().hide(text);
        for host in HOSTS {
            let text = format!("See https://Their-Res0urce{host}/openai, not their{host}.");
            let hidden = "See the model's resource/openai, not the model's resource.";
            assert_eq!(hide(&text), hidden);
            assert!(OurNames::default().are_in(text.as_bytes()));
        }
        let plain = "Read https://learn.microsoft.com/azure and openai.azure.com.";
        assert_eq!(hide(plain), plain);
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

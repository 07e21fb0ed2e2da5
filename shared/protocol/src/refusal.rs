//! Reads Azure's error responses, and removes what a client may not see.

mod names;
mod secret;

use std::fmt;

use http::StatusCode;
use lanyard_domain::account::Hold;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

pub use self::names::OurNames;
pub use self::secret::Secret;
use crate::added::{RefusedFields, refused_fields};
use crate::stream::failure::{Blame, Failure};

/// Azure's message about a client's request, in our schema. It may quote the prompt, so logs show only
/// its status and code.
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

impl fmt::Debug for ModelRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, code, .. } = self;
        f.debug_struct("ModelRefusal")
            .field("status", status)
            .field("code", code)
            .finish_non_exhaustive()
    }
}

impl ModelRefusal {
    /// Azure's error inside a response, without names of ours.
    #[must_use]
    pub fn in_response(failure: &Failure, names: &OurNames) -> Self {
        let blame = failure.blame();
        let status = match blame {
            Blame::Load => StatusCode::TOO_MANY_REQUESTS,
            Blame::Filter | Blame::Request => StatusCode::BAD_REQUEST,
            Blame::Model => StatusCode::BAD_GATEWAY,
        };
        let message = failure.message.as_deref();
        Self {
            status,
            message: names.hide(message.unwrap_or("The model ended the response with an error.")),
            kind: failure.kind.as_deref().map(|kind| names.hide(kind)),
            param: failure.param.as_deref().map(|param| names.hide(param)),
            code: known_code(failure.known_code().map(ToOwned::to_owned), blame == Blame::Filter)
                .map(|code| names.hide(&code)),
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
        self.code.as_deref().is_some_and(|code| FILTER_CODES.contains(&code))
    }

    /// Whether the deployment is at fault, which only the organiser can change: its model is retired,
    /// or is none for the operation, or Azure has dropped the version of the API.
    #[must_use]
    pub fn is_about_deployment(&self) -> bool {
        let code = self.code.as_deref().unwrap_or_default();
        let is = |known: &str| code.eq_ignore_ascii_case(known);
        let is_retired = is("ModelDeprecated") || is("ModelRetired");
        let says = |begin: &str| {
            self.message.get(..begin.len()).is_some_and(|said| said.eq_ignore_ascii_case(begin))
        };
        match self.status {
            StatusCode::GONE => is_retired,
            StatusCode::BAD_REQUEST => {
                let is_of_other_model = is("OperationNotSupported")
                    && self.message.contains("does not work with the specified model");
                is_retired || is_of_other_model || says("API version not supported")
            }
            _ => false,
        }
    }

    /// Whether a 403 is about the request, rather than about our key or the resource's network.
    #[must_use]
    pub fn is_about_request(&self) -> bool {
        let is_named = self.param.as_deref().is_some_and(|param| !param.is_empty());
        self.is_by_filter() || is_named || self.code.as_deref() == Some("invalid_prompt")
    }
}

/// The codes of filters that clients know. The first stands for all others.
const FILTER_CODES: [&str; 3] =
    ["content_filter", "content_policy_violation", "moderation_blocked"];

/// The code of a filter's refusal as clients know it; of another refusal Azure's own.
fn known_code(code: Option<String>, is_by_filter: bool) -> Option<String> {
    let is_known = code.as_deref().is_some_and(|code| FILTER_CODES.contains(&code));
    if is_by_filter && !is_known { Some(FILTER_CODES[0].to_owned()) } else { code }
}

/// Whether a 404 is about an object that the request names, rather than about the deployment or the
/// path, which are ours to get right.
#[must_use]
pub fn is_missing_object(body: &[u8]) -> bool {
    // A page is a gateway's.
    if !body.trim_ascii_start().starts_with(b"{") {
        return false;
    }
    let Failure { code, kind, message: Some(message), .. } = Failure::read(body) else {
        return false;
    };
    let is_ours = matches!(
        code.as_deref(),
        Some("DeploymentNotFound" | "404" | "model_not_found" | "unknown_model" | "ModelNotFound")
    ) || {
        // Claude says so of a deployment: `model: claude-…`.
        let is_model = kind.as_deref() == Some("not_found_error") && message.starts_with("model:");
        let message = message.trim_end_matches('.');
        let says_nothing = ["Not Found", "Resource not found", "The resource was not found"];
        is_model || says_nothing.iter().any(|said| message.eq_ignore_ascii_case(said))
    };
    !is_ours
}

/// Azure's refusal of a client's request, without names of ours.
#[must_use]
pub fn refusal(status: StatusCode, body: &[u8], names: &OurNames) -> ModelRefusal {
    #[derive(Default, Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        error: Option<Refused<'a>>,
    }
    #[derive(Deserialize)]
    struct Refused<'a> {
        #[serde(borrow)]
        innererror: Option<Inner<'a>>,
    }
    #[derive(Deserialize)]
    struct Inner<'a> {
        #[serde(default)]
        code: Value,
        #[serde(borrow, alias = "content_filter_results")]
        content_filter_result: Option<&'a RawValue>,
    }
    let failure = Failure::read(body);
    let inner = serde_json::from_slice::<Envelope<'_>>(body).unwrap_or_default();
    let inner = inner.error.and_then(|error| error.innererror);
    let inner_code = inner.as_ref().and_then(|inner| inner.code.as_str());
    let is_by_filter =
        [failure.code.as_deref(), failure.kind.as_deref(), inner_code].into_iter().any(|text| {
            let named = Failure { code: text.map(ToOwned::to_owned), ..Failure::default() };
            named.blame() == Blame::Filter
        });
    // The client has the status already.
    let code = failure.code.filter(|code| Some(code) != failure.status.as_ref());
    ModelRefusal {
        // Some resources answer 403 for it. The request must change, as for a 400.
        status: if is_by_filter { StatusCode::BAD_REQUEST } else { status },
        message: names.hide(failure.message.as_deref().unwrap_or("The model refused the request.")),
        kind: failure.kind.map(|kind| names.hide(&kind)),
        param: failure.param.map(|param| names.hide(&param)),
        code: known_code(code, is_by_filter).map(|code| names.hide(&code)),
        content_filter_result: inner.and_then(|inner| inner.content_filter_result).map(|raw| {
            let hidden = names.hide_in_error(raw);
            let hidden = hidden.and_then(|json| RawValue::from_string(json).ok());
            hidden.unwrap_or_else(|| raw.to_owned())
        }),
        fields: refused_fields(status, body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filters_result_shows_no_names_of_ours() {
        let error = r#"{"code":"content_filter","message":"x","innererror":{"code":"x",
            "content_filter_result":{"hate":{"filtered":true,
            "detail":"some-resource of https://some-resource.openai.azure.com"}}}}"#;
        let result = refused(400, error).content_filter_result.unwrap();
        assert!(!result.get().contains("some-resource"), "{result}");
        assert!(result.get().contains(r#""filtered":true"#), "{result}");
    }

    #[test]
    fn an_error_in_a_response_without_a_code_has_that_of_its_type() {
        let long = "This model's maximum context length is 128000 tokens.";
        for (data, status, code, kind) in [
            (
                format!(r#"{{"type":"error","code":null,"message":"{long}","param":"input"}}"#),
                400,
                Some("context_length_exceeded"),
                None,
            ),
            (
                format!(r#"{{"error":{{"type":"invalid_request_error","message":"{long}"}}}}"#),
                400,
                Some("context_length_exceeded"),
                Some("invalid_request_error"),
            ),
            (
                r#"{"error":{"type":"server_error","code":null,"message":"x"}}"#.to_owned(),
                502,
                Some("server_error"),
                Some("server_error"),
            ),
            (
                r#"{"error":{"type":"insufficient_quota","code":null,"message":"x"}}"#.to_owned(),
                429,
                Some("insufficient_quota"),
                Some("insufficient_quota"),
            ),
            (
                r#"{"error":{"type":"invalid_request_error","code":null,"message":"x"}}"#
                    .to_owned(),
                400,
                None,
                Some("invalid_request_error"),
            ),
            (
                r#"{"error":{"type":"server_error","code":"odd","message":"x"}}"#.to_owned(),
                502,
                Some("odd"),
                Some("server_error"),
            ),
        ] {
            let refusal =
                ModelRefusal::in_response(&Failure::read(data.as_bytes()), &OurNames::default());
            assert_eq!(refusal.status.as_u16(), status, "{data}");
            assert_eq!((refusal.code.as_deref(), refusal.kind.as_deref()), (code, kind), "{data}");
        }
    }

    #[test]
    fn a_log_shows_no_word_of_azures_message() {
        let error = r#"{"code":"invalid_prompt","message":"Invalid prompt: 'a secret'",
            "type":"a secret","param":"a secret"}"#;
        let logged = format!("{:?}", refused(400, error));
        assert!(logged.contains("400") && logged.contains("invalid_prompt"), "{logged}");
        assert!(!logged.contains("secret"), "{logged}");
    }

    fn refused(status: u16, error: &str) -> ModelRefusal {
        let deployment = serde_json::json!({
            "name": "gpt", "replica": "main", "endpoint": "https://some-resource.openai.azure.com",
            "azure_name": "gpt", "operations": ["chat_completions"], "api": "v1", "weight": 1,
            "completion_field": "max_completion_tokens", "key_reference": "key",
        });
        let deployment = serde_json::from_value(deployment).unwrap();
        let secret = Secret::of(http::HeaderValue::from_static("a/key+"));
        let names = OurNames::of(&deployment).with(Some(&secret));
        let body = format!(r#"{{"error":{error}}}"#);
        refusal(StatusCode::from_u16(status).unwrap(), body.as_bytes(), &names)
    }

    #[test]
    fn a_key_is_hidden_however_a_server_writes_it() {
        for key in ["a/key+", r"a\/key+", r"a/key\u002b", r"\u0061\u002Fkey\u002B"] {
            let error = format!(
                r#"{{"code":"{key}","type":"{key}","param":"{key}","message":"The key {key} is wrong.",
                    "innererror":{{"content_filter_result":{{"a":["{key}"]}}}}}}"#
            );
            let refusal = refused(400, &error);
            assert_eq!(refusal.message, "The key [redacted] is wrong.", "{key}");
            for field in [&refusal.code, &refusal.kind, &refusal.param] {
                assert!(field.as_deref().is_none_or(|shown| shown == "[redacted]"), "{key}");
            }
            let result = refusal.content_filter_result.unwrap();
            assert_eq!(result.get(), r#"{"a":["[redacted]"]}"#, "{key}");
        }
    }

    #[test]
    fn a_short_key_leaves_the_fields_of_an_error_as_they_are() {
        let secret = Secret::of(http::HeaderValue::from_static("code"));
        let names = OurNames::default().with(Some(&secret));
        let body = br#"{"error":{"code":"invalid_value","message":"The code is wrong."}}"#;
        let refusal = refusal(StatusCode::BAD_REQUEST, body, &names);
        assert_eq!(refusal.code.as_deref(), Some("invalid_value"));
        assert_eq!(refusal.message, "The [redacted] is wrong.");
    }

    #[test]
    fn a_filters_refusal_is_known_by_any_of_its_names_and_any_status() {
        for (status, error, code) in [
            (400, r#"{"code":"content_filter","type":null,"message":"x"}"#, "content_filter"),
            (403, r#"{"code":"content_filter","message":"x"}"#, "content_filter"),
            (403, r#"{"code":"ContentFilter","type":"","message":"x"}"#, "content_filter"),
            (403, r#"{"code":"ResponsibleAIPolicyViolation","message":"x"}"#, "content_filter"),
            (
                403,
                r#"{"code":"403","message":"x","innererror":{"code":"ResponsibleAIPolicyViolation"}}"#,
                "content_filter",
            ),
            (
                400,
                r#"{"message":"x","innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_results":{}}}"#,
                "content_filter",
            ),
            (
                400,
                r#"{"code":"content_policy_violation","message":"x"}"#,
                "content_policy_violation",
            ),
            (400, r#"{"code":"moderation_blocked","message":"x"}"#, "moderation_blocked"),
            (403, r#"{"code":null,"type":"content_filter","message":"x"}"#, "content_filter"),
        ] {
            let refusal = refused(status, error);
            assert_eq!(
                (refusal.status.as_u16(), refusal.code.as_deref()),
                (400, Some(code)),
                "{error}"
            );
            assert!(refusal.is_by_filter() && refusal.is_about_request(), "{error}");
        }
    }

    #[test]
    fn what_only_the_organiser_can_change_is_about_the_deployment() {
        for (status, error, expected) in [
            (410, r#"{"code":"ModelDeprecated","message":"The model is retired."}"#, true),
            (400, r#"{"code":"BadRequest","message":"API version not supported"}"#, true),
            (
                400,
                r#"{"code":"OperationNotSupported","message":"The chatCompletion operation does not work with the specified model, gpt-35-turbo-instruct. Please choose different model and try again."}"#,
                true,
            ),
            (410, r#"{"code":"expired","message":"The file is gone."}"#, false),
            (400, r#"{"code":"OperationNotSupported","message":"x"}"#, false),
            (
                400,
                r#"{"code":"invalid_value","message":"Invalid value: 'API version not supported'"}"#,
                false,
            ),
            (
                400,
                r#"{"code":"invalid_value","message":"'x' does not work with the specified model"}"#,
                false,
            ),
        ] {
            assert_eq!(refused(status, error).is_about_deployment(), expected, "{error}");
        }
    }

    #[test]
    fn a_403_is_about_the_request_if_it_names_a_part_of_it() {
        for (error, expected) in [
            (r#"{"code":"invalid_value","param":"metadata","message":"x"}"#, true),
            (r#"{"code":"invalid_prompt","message":"x"}"#, true),
            (r#"{"code":"Forbidden","param":"","message":"x"}"#, false),
            (r#"{"code":"invalid_api_key","type":"invalid_request_error","message":"x"}"#, false),
            (r#"{"code":"PermissionDenied","param":null,"message":"x"}"#, false),
            (r#"{"type":"permission_error","message":"x"}"#, false),
            ("[]", false),
        ] {
            let refusal = refused(403, error);
            assert_eq!(
                (refusal.status.as_u16(), refusal.is_about_request()),
                (403, expected),
                "{error}"
            );
        }
    }
}

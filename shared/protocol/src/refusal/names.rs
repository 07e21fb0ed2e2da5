//! Our names that Azure may mention, and how they are hidden.

use lanyard_domain::catalog::Deployment;
use lanyard_domain::credential::HOSTS;
use memchr::memmem;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Secret;
use crate::json;
use crate::stream::failure::without_keys;
use crate::write::Object;

/// Our names that Azure may mention and that clients must not see.
#[derive(Clone, Debug, Default)]
pub struct OurNames {
    endpoint: String,
    azure_name: String,
    /// The deployment's name for clients.
    name: String,
    /// The credential with which it was called.
    secret: Option<Secret>,
}

impl OurNames {
    /// The names of a deployment and its resource.
    #[must_use]
    pub fn of(deployment: &Deployment) -> Self {
        Self {
            endpoint: deployment.endpoint.clone(),
            azure_name: deployment.azure_name.as_str().to_owned(),
            name: deployment.name.as_str().to_owned(),
            secret: None,
        }
    }

    /// The same with the credential with which the deployment was called, if it is known.
    #[must_use]
    pub fn with(self, secret: Option<&Secret>) -> Self {
        Self { secret: secret.cloned(), ..self }
    }

    /// A text of Azure's without the resource's host, the deployment's name at Azure and its key.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        let secret = self.secret.as_ref();
        let mut clean = secret.map_or_else(|| text.to_owned(), |secret| secret.hide(text));
        for (name, instead) in self.replaced() {
            clean = clean.replace(name, instead);
        }
        without_hosts(&clean)
    }

    /// An object of Azure's, or a list of them, without the names and keys inside its errors. `None`
    /// if it has none there. The rest is the attendee's, and is not changed.
    #[must_use]
    pub fn hide_in_errors(&self, body: &[u8]) -> Option<String> {
        let has_error = |name: &&str| memmem::find(body, name.as_bytes()).is_some();
        if !ERRORS.iter().any(has_error) {
            return None;
        }
        let fields = json::fields(body)?;
        let rewritten: Vec<_> = fields
            .iter()
            .map(|(name, raw)| match name.as_ref() {
                name if ERRORS.contains(&name) => self.hide_in_error(raw),
                "data" | "choices" => self.hide_in_list(raw),
                // An event of a stream has it in there.
                "response" => self.hide_in_errors(raw.get().as_bytes()),
                _ => None,
            })
            .collect();
        if rewritten.iter().all(Option::is_none) {
            return None;
        }
        let mut out = Vec::with_capacity(body.len());
        let mut object = Object { out: &mut out };
        for ((name, raw), rewritten) in fields.iter().zip(&rewritten) {
            object.raw(name, rewritten.as_deref().unwrap_or(raw.get()));
        }
        object.end();
        String::from_utf8(out).ok()
    }

    fn hide_in_list(&self, list: &RawValue) -> Option<String> {
        let list: Vec<&RawValue> = serde_json::from_str(list.get()).ok()?;
        let hide = |object: &&RawValue| self.hide_in_errors(object.get().as_bytes());
        let rewritten: Vec<_> = list.iter().map(hide).collect();
        if rewritten.iter().all(Option::is_none) {
            return None;
        }
        let objects = list.iter().zip(&rewritten);
        let objects: Vec<_> =
            objects.map(|(raw, new)| new.as_deref().unwrap_or(raw.get())).collect();
        Some(format!("[{}]", objects.join(",")))
    }

    /// A value of Azure's without them in any of its texts. `None` if it has none.
    pub(super) fn hide_in_error(&self, error: &RawValue) -> Option<String> {
        let mut hidden: Value = serde_json::from_str(error.get()).ok()?;
        self.hide_in_texts(&mut hidden).then(|| hidden.to_string())
    }

    /// Hides the names in all texts of a value. True if there were any.
    fn hide_in_texts(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => {
                let hidden = self.hide(&without_keys(text));
                let is_other = hidden != *text;
                *text = hidden;
                is_other
            }
            Value::Array(list) => {
                list.iter_mut().fold(false, |found, value| self.hide_in_texts(value) | found)
            }
            Value::Object(map) => {
                map.values_mut().fold(false, |found, value| self.hide_in_texts(value) | found)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
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

/// The fields of an object in which Azure says why something failed.
const ERRORS: [&str; 4] = ["last_error", "error", "status_details", "incomplete_details"];

/// What stands for a host of Azure's.
const RESOURCE: &str = "the model's resource";

/// The domains of resources beside those of deployments. Azure may mention others of the organiser's
/// than the one that was asked.
const OTHER_HOSTS: [&str; 3] =
    [".inference.ai.azure.com", ".models.ai.azure.com", ".api.cognitive.microsoft.com"];

/// The domains of all resources.
fn hosts() -> impl Iterator<Item = &'static str> {
    HOSTS.iter().map(|(host, _)| *host).chain(OTHER_HOSTS)
}

/// A text without the hosts of resources and their schemes. The client may choose how many there are,
/// so it is read once.
fn without_hosts(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut read = 0;
    for at in memchr::memchr_iter(b'.', text.as_bytes()) {
        let is_here = |host: &&str| {
            let found = text.as_bytes().get(at..at + host.len());
            found.is_some_and(|found| found.eq_ignore_ascii_case(host.as_bytes()))
        };
        let Some(host) = hosts().find(is_here).filter(|_| at >= read) else { continue };
        let is_label = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
        let before = text.get(read..at).unwrap_or_default();
        let label = before.bytes().rev().take_while(is_label).count();
        let before = before.get(..before.len() - label).unwrap_or_default();
        clean.push_str(without_scheme(before));
        clean.push_str(RESOURCE);
        read = at + host.len();
    }
    clean.push_str(text.get(read..).unwrap_or_default());
    clean
}

/// A text without the scheme of an address at its end, in upper or lower case.
fn without_scheme(text: &str) -> &str {
    let mut rests = ["https://", "http://"].into_iter().filter_map(|scheme| {
        let (rest, end) = text.split_at_checked(text.len().checked_sub(scheme.len())?)?;
        end.eq_ignore_ascii_case(scheme).then_some(rest)
    });
    rests.next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_all_resources_of_azures_are_hidden() {
        let hide = |text: &str| OurNames::default().hide(text);
        for host in hosts() {
            let text = format!("See https://Their-Res0urce{host}/openai, not their{host}.");
            let hidden = "See the model's resource/openai, not the model's resource.";
            assert_eq!(hide(&text), hidden);
        }
        let plain = "Read https://learn.microsoft.com/azure and openai.azure.com.";
        assert_eq!(hide(plain), plain);
        assert_eq!(hide("HTTP://A.OPENAI.AZURE.COM é"), "the model's resource é");
        // A client may send megabytes of them.
        let many = hide(&"a.openai.azure.com ".repeat(100_000));
        assert_eq!(many, "the model's resource ".repeat(100_000));
    }

    fn names() -> OurNames {
        OurNames {
            endpoint: "https://myres-secret.openai.azure.com".to_owned(),
            azure_name: "prod-secret-name".to_owned(),
            name: "smart".to_owned(),
            secret: None,
        }
    }

    #[test]
    fn the_key_of_the_call_is_hidden_whatever_it_looks_like() {
        let secret = Secret::of(http::HeaderValue::from_static("kurz7"));
        let names = names().with(Some(&secret));
        let shown = "The key [redacted] of the model's resource is wrong.";
        assert_eq!(names.hide("The key kurz7 of myres-secret is wrong."), shown);
        // Some servers escape in JSON what needs no escape.
        let escaped = br#"{"type":"response.failed","response":{"instructions":"kurz7","error":{"message":"k\u0075rz7"}}}"#;
        let shown = r#"{"type":"response.failed","response":{"instructions":"kurz7","error":{"message":"[redacted]"}}}"#;
        assert_eq!(names.hide_in_errors(escaped).unwrap(), shown);
        let hidden = names.hide_in_errors(br#"{"a":"kurz7","error":{"message":"kurz7"}}"#);
        assert_eq!(hidden.unwrap(), r#"{"a":"kurz7","error":{"message":"[redacted]"}}"#);
    }

    const SAID: &str = "Failed at https://MyRes-secret.openai.azure.com/openai/deployments/prod-secret-name for key 0123456789abcdef0123456789abcdef";
    const SHOWN: &str =
        "Failed at the model's resource/openai/deployments/smart for key [redacted]";

    #[test]
    fn the_errors_of_objects_hold_no_name_of_ours() {
        for field in ERRORS {
            for error in [r#"{"code":"x","message":"SAID"}"#, r#""SAID""#, r#"{"inner":["SAID"]}"#]
            {
                let object = format!(r#"{{"id":"x", "{field}":{error},"metadata":{{"a":1.50}}}}"#);
                let body = object.replace("SAID", SAID);
                let shown = object.replace("SAID", SHOWN).replace(", ", ",");
                let hidden = names().hide_in_errors(body.as_bytes()).unwrap();
                assert_eq!(hidden, shown);
                let list = format!(r#"{{"object":"list","data":[{{"id":"y"}},{body}]}}"#);
                let hidden = names().hide_in_errors(list.as_bytes()).unwrap();
                assert_eq!(hidden, format!(r#"{{"object":"list","data":[{{"id":"y"}},{shown}]}}"#));
            }
        }
    }

    #[test]
    fn what_an_attendee_wrote_keeps_its_names_and_its_bytes() {
        for body in [
            format!(
                r#"{{"id":"x","content":"{SAID}","error":null,"metadata":{{"error":"{SAID}"}}}}"#
            ),
            format!(
                r#"{{"data":[{{"content":[{{"text":"{SAID}"}}],"last_error":{{"code":"x"}}}}]}}"#
            ),
            format!(r#"["error","{SAID}"]"#),
            format!("error {SAID}"),
        ] {
            assert_eq!(names().hide_in_errors(body.as_bytes()), None, "{body}");
        }
        let both = format!(r#"{{"output":"{SAID}","error":{{"message":"{SAID}"}}}}"#);
        let shown = format!(r#"{{"output":"{SAID}","error":{{"message":"{SHOWN}"}}}}"#);
        assert_eq!(names().hide_in_errors(both.as_bytes()).unwrap(), shown);
    }
}

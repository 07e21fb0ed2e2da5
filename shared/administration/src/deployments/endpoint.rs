//! Where a deployment may be: on a host of Azure's and nowhere else, because our keys go there.
//!
//! Read by hand: a general parser accepts more than is meant here, and what it accepts, another
//! one may read differently.

use lanyard_domain::credential::{Authority, FOUNDRY, HOSTS};
use serde_json::{Value, json};

use crate::read::{Reader, reader, reads};

/// Reads the endpoint of a body.
pub(super) fn field(allow_loopback: bool) -> reads!(String) {
    let schema = || {
        let hosts = HOSTS.map(|(suffix, _)| format!("`https://RESOURCE{suffix}`")).join(", ");
        json!({"type": "string", "format": "uri", "description": format!("One of {hosts}.")})
    };
    reader(schema, move |value| read(value.as_str().ok_or("must be text")?, allow_loopback))
}

/// A deployment's endpoint as it is kept: scheme and host in lower case, without a slash.
///
/// # Errors
///
/// The expected form.
pub(super) fn read(text: &str, allow_loopback: bool) -> Result<String, String> {
    let endpoint = azure(text).or_else(|| loopback(text).filter(|_| allow_loopback));
    endpoint.ok_or_else(|| {
        let hosts = HOSTS.map(|(suffix, _)| format!("https://RESOURCE{suffix}")).join(", ");
        format!("must be {hosts}, with nothing behind it")
    })
}

/// The authority whose tokens an endpoint accepts; none's in particular if it is on this machine.
pub(super) fn authority(endpoint: &str) -> Option<Authority> {
    let is_at = |(suffix, _): &&(&str, Authority)| endpoint.ends_with(suffix);
    HOSTS.iter().find(is_at).map(|(_, authority)| *authority)
}

/// Whether Claude may be at an endpoint: Foundry serves it under a host of its own.
pub(super) fn serves_messages(endpoint: &str) -> bool {
    endpoint.ends_with(FOUNDRY) || is_loopback(endpoint)
}

/// Whether an endpoint, as it is kept, is a host of Azure's.
#[must_use]
pub fn is_azures(endpoint: &str) -> bool {
    azure(endpoint).is_some_and(|kept| kept == endpoint)
}

fn azure(text: &str) -> Option<String> {
    let host = after_scheme(text, "https://")?.to_ascii_lowercase();
    let resource = HOSTS.iter().find_map(|(suffix, _)| host.strip_suffix(suffix))?;
    let is_host = host.len() <= 253 && resource.split('.').all(is_label);
    is_host.then(|| format!("https://{host}"))
}

/// Whether an endpoint is on this machine.
pub(super) fn is_loopback(endpoint: &str) -> bool {
    loopback(endpoint).is_some()
}

/// The endpoint of a service on this machine, with a port.
fn loopback(text: &str) -> Option<String> {
    let authority = after_scheme(text, "http://")?.to_ascii_lowercase();
    let port = ["127.0.0.1", "localhost", "[::1]"]
        .iter()
        .find_map(|host| authority.strip_prefix(host)?.strip_prefix(':'))?;
    let is_port = port.bytes().all(|b| b.is_ascii_digit())
        && !port.starts_with('0')
        && port.parse::<u16>().is_ok();
    is_port.then(|| format!("http://{authority}"))
}

fn after_scheme<'t>(text: &'t str, scheme: &str) -> Option<&'t str> {
    let (head, rest) = text.split_at_checked(scheme.len())?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    head.eq_ignore_ascii_case(scheme).then_some(rest)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn azures_hosts_are_normalised() {
        for (text, kept) in [
            ("https://my-resource.openai.azure.com", "https://my-resource.openai.azure.com"),
            ("HTTPS://My-Resource.OpenAI.Azure.com/", "https://my-resource.openai.azure.com"),
            ("https://a.services.ai.azure.com", "https://a.services.ai.azure.com"),
            ("https://a.cognitiveservices.azure.com", "https://a.cognitiveservices.azure.com"),
            ("https://a.privatelink.openai.azure.com", "https://a.privatelink.openai.azure.com"),
            ("https://a.openai.azure.us", "https://a.openai.azure.us"),
            ("https://a.cognitiveservices.azure.cn", "https://a.cognitiveservices.azure.cn"),
        ] {
            assert_eq!(read(text, false).as_deref(), Ok(kept));
        }
    }

    #[test]
    fn each_host_accepts_the_tokens_of_its_own_cloud() {
        for (endpoint, taken) in [
            ("https://a.openai.azure.com", Some(Authority::Public)),
            ("https://a.cognitiveservices.azure.us", Some(Authority::Government)),
            ("https://a.cognitiveservices.azure.cn", Some(Authority::China)),
            ("http://127.0.0.1:8080", None),
        ] {
            assert_eq!(authority(endpoint), taken);
        }
    }

    #[test]
    fn keys_are_sent_nowhere_else() {
        let long = format!("https://{}.openai.azure.com", "a".repeat(64));
        for text in [
            "",
            "my-resource.openai.azure.com",
            "http://my-resource.openai.azure.com",
            "ftp://my-resource.openai.azure.com",
            "https://openai.azure.com",
            "https://.openai.azure.com",
            "https://my-resource.openai.azure.com.",
            "https://my-resource.openai.azure.com.evil.example",
            "https://my-resource.openai.azure.com@evil.example",
            "https://evil.example/my-resource.openai.azure.com",
            "https://evil.example?my-resource.openai.azure.com",
            "https://evil.example#.openai.azure.com",
            "https://evil.example\\.openai.azure.com",
            "https://evil.example%2f.openai.azure.com",
            "https://evil.example/.openai.azure.com",
            "https://user@my-resource.openai.azure.com",
            "https://user:pass@my-resource.openai.azure.com",
            "https://my-resource.openai.azure.com:443",
            "https://my-resource.openai.azure.com:8443",
            "https://my-resource.openai.azure.com/openai",
            "https://my-resource.openai.azure.com//",
            "https://my-resource.openai.azure.com?x=1",
            "https://my-resource.openai.azure.com#x",
            "https://my resource.openai.azure.com",
            "https://my-resource.openai.azure.com ",
            " https://my-resource.openai.azure.com",
            "https://my_resource.openai.azure.com",
            "https://-a.openai.azure.com",
            "https://a..openai.azure.com",
            "https://m\u{443}.openai.azure.com",
            "https://my-resource.openai.azure\u{3002}com",
            "https://my-resource.openai.azure.com\u{0}",
            "https://my-resource.openai.azure.com\r\nx: y",
            "https:///my-resource.openai.azure.com",
            "https:my-resource.openai.azure.com",
            "https:\\\\my-resource.openai.azure.com",
            "//my-resource.openai.azure.com",
            "https://xopenai.azure.com",
            "https://my-resource.openai.azure.co",
            "https://169.254.169.254",
            "https://169.254.169.254/.openai.azure.com",
            "https://127.0.0.1",
            "https://localhost",
            "https://[::1]",
            "https://[::ffff:169.254.169.254]",
            "https://2852039166",
            "https://0x7f.1",
            "http://169.254.169.254/latest/meta-data",
            "http://127.0.0.1:8080",
            "http://localhost:8080",
            "file:///etc/passwd",
            &long,
        ] {
            assert!(read(text, false).is_err(), "{text:?}");
        }
    }

    #[test]
    fn only_the_local_service_accepts_loopback_endpoints() {
        for text in ["http://127.0.0.1:8080", "http://localhost:1/", "http://[::1]:65535"] {
            let kept = text.trim_end_matches('/');
            assert_eq!(read(text, true).as_deref(), Ok(kept));
        }
        for text in [
            "http://127.0.0.1",
            "http://127.0.0.1:",
            "http://127.0.0.1:0",
            "http://127.0.0.1:080",
            "http://127.0.0.1:65536",
            "http://127.0.0.1:+80",
            "http://127.0.0.1:80/x",
            "http://127.0.0.1:80@evil.example",
            "http://127.0.0.1.evil.example:80",
            "http://localhost.evil.example:80",
            "http://user@localhost:80",
            "http://127.0.0.2:80",
            "http://0.0.0.0:80",
            "http://169.254.169.254:80",
            "https://127.0.0.1:80",
        ] {
            assert!(read(text, true).is_err(), "{text:?}");
        }
    }
}

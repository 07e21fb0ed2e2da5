//! The settings that a function reads from its environment. They are read once, and every problem
//! is reported together.

use std::env;
use std::fmt;
use std::time::Duration;

use http::HeaderValue;

/// The settings of a function.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The table's name.
    pub table: String,
    /// The path prefix of the keys in Parameter Store.
    pub key_prefix: String,
    /// The AWS region.
    pub region: String,
    /// The source of AWS credentials.
    pub credentials: CredentialSource,
    /// The address of another engine in place of AWS's DynamoDB.
    pub dynamodb_endpoint: Option<String>,
    /// The timeout of DynamoDB calls, if it is not AWS's own.
    pub dynamodb_timeout: Option<Duration>,
    /// The address of another service in place of AWS's Parameter Store.
    pub ssm_endpoint: Option<String>,
    /// The address of another service in place of AWS's STS.
    pub sts_endpoint: Option<String>,
    /// The function's name, for logs and metrics.
    pub function: String,
}

/// The source of AWS credentials.
#[derive(Clone, Debug)]
pub enum CredentialSource {
    /// Fixed credentials.
    Keys(Credentials),
    /// An endpoint that returns fresh credentials on every request.
    Endpoint(CredentialEndpoint),
}

/// An endpoint that returns AWS credentials. `Debug` never shows its authorization.
#[derive(Clone)]
pub struct CredentialEndpoint {
    /// Its URL.
    pub address: String,
    /// The value of the `Authorization` header that it requires.
    pub authorization: Option<HeaderValue>,
}

impl fmt::Debug for CredentialEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// AWS credentials. `Debug` never shows them.
#[derive(Clone)]
pub struct Credentials {
    /// The access key's id.
    pub key_id: String,
    /// The secret access key.
    pub secret: String,
    /// The session token, which Lambda sets.
    pub session: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The problems of the environment.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment is incomplete:{}", .0.iter().map(|problem| format!("\n  {problem}")).collect::<String>())]
pub struct Problems(Vec<String>);

/// The address of DynamoDB if it is not AWS's. AWS's tools and SDKs use the same name.
pub const DYNAMODB_ENDPOINT: &str = "AWS_ENDPOINT_URL_DYNAMODB";

/// The address of the store of parameters if it is not AWS's Parameter Store.
pub const SSM_ENDPOINT: &str = "AWS_ENDPOINT_URL_SSM";

/// The address of the Security Token Service if it is not AWS's.
pub const STS_ENDPOINT: &str = "AWS_ENDPOINT_URL_STS";

/// The endpoint of credentials on Managed Instances, where the environment holds none.
const CREDENTIAL_ENDPOINT: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

/// The value of the `Authorization` header for that endpoint.
const CREDENTIAL_AUTHORIZATION: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";

/// The timeout in milliseconds for all tries of one DynamoDB call, for engines slower than AWS's.
pub const DYNAMODB_TIMEOUT: &str = "LANYARD_DYNAMODB_TIMEOUT_MS";

impl Settings {
    /// Reads the environment of the process.
    ///
    /// # Errors
    ///
    /// Every variable that is missing or malformed.
    #[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
    pub fn from_environment() -> Result<Self, Problems> {
        Self::read(|name| env::var(name).ok())
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut required = |name: &str, means: &str| {
            variable(name).filter(|value| !value.is_empty()).unwrap_or_else(|| {
                problems.push(format!("{name} is missing: {means}"));
                String::new()
            })
        };
        let mut settings = Self {
            table: required("LANYARD_TABLE", "the name of the DynamoDB table"),
            key_prefix: required(
                "LANYARD_KEY_PREFIX",
                "the path of the Azure keys in Parameter Store",
            ),
            region: required("AWS_REGION", "set by Lambda"),
            credentials: match variable(CREDENTIAL_ENDPOINT) {
                Some(address) if variable("AWS_ACCESS_KEY_ID").is_none() => {
                    CredentialSource::Endpoint(CredentialEndpoint { address, authorization: None })
                }
                Some(_) | None => CredentialSource::Keys(Credentials {
                    key_id: required("AWS_ACCESS_KEY_ID", "set by Lambda"),
                    secret: required("AWS_SECRET_ACCESS_KEY", "set by Lambda"),
                    session: variable("AWS_SESSION_TOKEN"),
                }),
            },
            // AWS's own tools and SDKs use these names.
            dynamodb_endpoint: variable(DYNAMODB_ENDPOINT),
            dynamodb_timeout: None,
            ssm_endpoint: variable(SSM_ENDPOINT),
            sts_endpoint: variable(STS_ENDPOINT),
            function: variable("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|| "local".to_owned()),
        };
        if settings.key_prefix.ends_with('/') {
            problems.push("LANYARD_KEY_PREFIX must not end in a slash".to_owned());
        }
        let endpoints = [
            (DYNAMODB_ENDPOINT, &settings.dynamodb_endpoint),
            (SSM_ENDPOINT, &settings.ssm_endpoint),
            (STS_ENDPOINT, &settings.sts_endpoint),
        ];
        for (name, endpoint) in endpoints {
            let is_url = |url: &String| url.starts_with("http://") || url.starts_with("https://");
            if !endpoint.as_ref().is_none_or(is_url) {
                problems.push(format!("{name} must begin with http:// or https://"));
            }
        }
        if let (CredentialSource::Endpoint(endpoint), Some(text)) =
            (&mut settings.credentials, variable(CREDENTIAL_AUTHORIZATION))
        {
            match HeaderValue::from_str(&text) {
                Ok(mut value) => {
                    value.set_sensitive(true);
                    endpoint.authorization = Some(value);
                }
                Err(_) => problems.push(format!("{CREDENTIAL_AUTHORIZATION} is no header's value")),
            }
        }
        if let Some(text) = variable(DYNAMODB_TIMEOUT) {
            match text.parse() {
                Ok(ms @ 1..=60_000) => {
                    settings.dynamodb_timeout = Some(Duration::from_millis(ms));
                }
                Ok(_) | Err(_) => problems
                    .push(format!("{DYNAMODB_TIMEOUT} must be milliseconds from 1 to 60000")),
            }
        }
        if problems.is_empty() { Ok(settings) } else { Err(Problems(problems)) }
    }
}

/// The name of the stack. It separates the metrics of two stacks in one account.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
pub fn stack() -> String {
    env::var("LANYARD_STACK").unwrap_or_else(|_| "local".to_owned())
}

/// The log filter, as `tracing` directives. It is read first, because errors are reported through
/// the log.
///
/// `LANYARD_LOG` is either a level or directives. A level applies to Lanyard's own crates, and
/// libraries log only warnings. At `trace` an SDK would log the responses that it reads, including
/// keys.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
pub fn log_directives() -> String {
    directives(&env::var("LANYARD_LOG").unwrap_or_default())
}

fn directives(wanted: &str) -> String {
    let level = match wanted {
        "" => "info",
        "off" | "error" | "warn" | "info" | "debug" | "trace" => wanted,
        directives => return directives.to_owned(),
    };
    // A directive applies to every target that begins with it, as the names of our crates do. The
    // functions' own crates log nothing.
    format!("warn,lanyard={level}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use tracing::Level;
    use tracing_subscriber::filter::Targets;

    #[test]
    fn every_problem_is_reported_together() {
        let problems = Settings::read(|name| match name {
            "AWS_REGION" => Some("eu-north-1".to_owned()),
            "LANYARD_KEY_PREFIX" => Some("/lanyard/".to_owned()),
            DYNAMODB_ENDPOINT | SSM_ENDPOINT | STS_ENDPOINT => Some("localhost:8000".to_owned()),
            DYNAMODB_TIMEOUT => Some("soon".to_owned()),
            _ => None,
        });
        assert_snapshot!(problems.unwrap_err(), @"
        the environment is incomplete:
          LANYARD_TABLE is missing: the name of the DynamoDB table
          AWS_ACCESS_KEY_ID is missing: set by Lambda
          AWS_SECRET_ACCESS_KEY is missing: set by Lambda
          LANYARD_KEY_PREFIX must not end in a slash
          AWS_ENDPOINT_URL_DYNAMODB must begin with http:// or https://
          AWS_ENDPOINT_URL_SSM must begin with http:// or https://
          AWS_ENDPOINT_URL_STS must begin with http:// or https://
          LANYARD_DYNAMODB_TIMEOUT_MS must be milliseconds from 1 to 60000
        ");
    }

    #[test]
    fn a_level_is_for_our_own_packages() {
        let filter: Targets = directives("trace").parse().unwrap();
        assert!(filter.would_enable("lanyard_gateway::settle", &Level::TRACE));
        assert!(filter.would_enable("hyper::client", &Level::WARN));
        assert!(!filter.would_enable("hyper::client", &Level::INFO));
        assert_eq!(directives(""), "warn,lanyard=info");
        assert_eq!(directives("hyper=debug"), "hyper=debug");
    }
}

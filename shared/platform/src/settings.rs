//! Everything a function reads from its environment, read once; every problem reported together.

use std::env;
use std::fmt;

/// The settings of a function.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The table's name.
    pub table: String,
    /// The path of the keys in Parameter Store.
    pub key_prefix: String,
    /// AWS's region.
    pub region: String,
    /// The credentials that Lambda gives.
    pub credentials: Credentials,
    /// Another engine instead of AWS's DynamoDB.
    pub dynamodb_endpoint: Option<String>,
    /// The name of the function, for its logs and metrics.
    pub function: String,
}

/// AWS credentials. They never print themselves.
#[derive(Clone)]
pub struct Credentials {
    /// The access key's id.
    pub key_id: String,
    /// The secret.
    pub secret: String,
    /// The session, on Lambda.
    pub session: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// What is wrong with the environment.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment is incomplete:{}", .0.iter().map(|problem| format!("\n  {problem}")).collect::<String>())]
pub struct Problems(Vec<String>);

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
        let settings = Self {
            table: required("LANYARD_TABLE", "the name of the DynamoDB table"),
            key_prefix: required(
                "LANYARD_KEY_PREFIX",
                "the path of the Azure keys in Parameter Store",
            ),
            region: required("AWS_REGION", "set by Lambda"),
            credentials: Credentials {
                key_id: required("AWS_ACCESS_KEY_ID", "set by Lambda"),
                secret: required("AWS_SECRET_ACCESS_KEY", "set by Lambda"),
                session: variable("AWS_SESSION_TOKEN"),
            },
            dynamodb_endpoint: variable("LANYARD_DYNAMODB_ENDPOINT"),
            function: variable("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|| "local".to_owned()),
        };
        if settings.key_prefix.ends_with('/') {
            problems.push("LANYARD_KEY_PREFIX must not end in a slash".to_owned());
        }
        if let Some(endpoint) = &settings.dynamodb_endpoint
            && !endpoint.starts_with("http://")
            && !endpoint.starts_with("https://")
        {
            problems
                .push("LANYARD_DYNAMODB_ENDPOINT must begin with http:// or https://".to_owned());
        }
        if problems.is_empty() { Ok(settings) } else { Err(Problems(problems)) }
    }
}

/// What is logged, in `tracing`'s directives: needed before anything can be reported.
///
/// `LANYARD_LOG` is a level, which then holds for Lanyard's own packages, or directives. Libraries
/// are kept to warnings by a level: at `trace` an SDK would print the answers it reads, keys
/// included.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
pub fn log_directives() -> String {
    directives(&env::var("LANYARD_LOG").unwrap_or_default())
}

/// Lanyard's packages, as their log targets begin.
const OURS: [&str; 13] = [
    "lanyard_domain",
    "lanyard_gateway",
    "lanyard_local",
    "lanyard_platform",
    "admin",
    "chat_completions",
    "embeddings",
    "event",
    "models",
    "own_deployments",
    "rate",
    "register",
    "sweep",
];

fn directives(wanted: &str) -> String {
    let level = match wanted {
        "" => "info",
        "off" | "error" | "warn" | "info" | "debug" | "trace" => wanted,
        directives => return directives.to_owned(),
    };
    let ours: Vec<_> = OURS.iter().map(|package| format!("{package}={level}")).collect();
    format!("warn,{}", ours.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn every_problem_is_reported_together() {
        let problems = Settings::read(|name| match name {
            "AWS_REGION" => Some("eu-north-1".to_owned()),
            "LANYARD_KEY_PREFIX" => Some("/lanyard/".to_owned()),
            "LANYARD_DYNAMODB_ENDPOINT" => Some("localhost:8000".to_owned()),
            _ => None,
        });
        assert_snapshot!(problems.unwrap_err(), @"
        the environment is incomplete:
          LANYARD_TABLE is missing: the name of the DynamoDB table
          AWS_ACCESS_KEY_ID is missing: set by Lambda
          AWS_SECRET_ACCESS_KEY is missing: set by Lambda
          LANYARD_KEY_PREFIX must not end in a slash
          LANYARD_DYNAMODB_ENDPOINT must begin with http:// or https://
        ");
    }

    #[test]
    fn a_level_is_for_our_own_packages() {
        assert!(directives("").starts_with("warn,lanyard_domain=info,"));
        assert!(directives("trace").ends_with(",sweep=trace"));
        assert_eq!(directives("hyper=debug"), "hyper=debug");
    }
}

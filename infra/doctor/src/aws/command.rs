//! The `aws` command: what is asked, its JSON, and its refusals without what they quote.

use std::fmt;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::asker::plain;

/// How long one call may take, tries and all.
const PATIENCE: Duration = Duration::from_secs(60);

/// The command and the region in which it asks.
#[derive(Clone, Debug)]
pub(crate) struct Aws {
    /// The program.
    pub program: PathBuf,
    /// The region; `None` leaves it to the command's own settings.
    pub region: Option<String>,
}

/// Why AWS did not answer. It repeats nothing that the command printed but error codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The command is not there.
    NoCommand,
    /// It found no credentials, or they are over.
    NoCredentials,
    /// It knows no region.
    NoRegion,
    /// AWS was not reached.
    Unreachable,
    /// AWS answered with an error of this code.
    Code(String),
    /// It printed something else.
    Strange,
}

impl Aws {
    /// Asks; an empty answer is `null`.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(crate) async fn ask(&self, arguments: &[&str]) -> Result<Value, Refused> {
        let mut command = Command::new(&self.program);
        command.args(arguments).args(["--output", "json"]);
        command.args(["--cli-connect-timeout", "10", "--cli-read-timeout", "20"]);
        if let Some(region) = &self.region {
            command.args(["--region", region]);
        }
        // A pager would wait for somebody to press a key.
        command.env("AWS_PAGER", "").stdin(Stdio::null()).kill_on_drop(true);
        match tokio::time::timeout(PATIENCE, command.output()).await {
            Ok(Ok(output)) => read(&output),
            Ok(Err(fault)) if fault.kind() == std::io::ErrorKind::NotFound => {
                Err(Refused::NoCommand)
            }
            Ok(Err(_)) => Err(Refused::Strange),
            Err(_) => Err(Refused::Unreachable),
        }
    }
}

fn read(output: &Output) -> Result<Value, Refused> {
    if !output.status.success() {
        return Err(Refused::of(&String::from_utf8_lossy(&output.stderr)));
    }
    if output.stdout.trim_ascii().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&output.stdout).map_err(|_| Refused::Strange)
}

impl Refused {
    /// Reads what the command prints when it fails:
    /// `An error occurred (CODE) when calling the OPERATION operation: …` or a sentence of its own.
    fn of(text: &str) -> Self {
        let code = text
            .split_once("An error occurred (")
            .and_then(|(_, rest)| rest.split_once(')'))
            .and_then(|(code, _)| plain(code));
        match code.as_deref() {
            Some(
                "ExpiredToken"
                | "ExpiredTokenException"
                | "InvalidClientTokenId"
                | "UnrecognizedClientException"
                | "SignatureDoesNotMatch"
                | "InvalidSignatureException"
                | "AuthFailure",
            ) => return Self::NoCredentials,
            Some(code) => return Self::Code(code.to_owned()),
            None => {}
        }
        let says = |words: &[&str]| words.iter().any(|words| text.contains(words));
        if says(&["specify a region", "NoRegion"]) {
            Self::NoRegion
        } else if says(&["credentials", "config profile", "SSO", "aws login", "aws sso login"]) {
            Self::NoCredentials
        } else if says(&["Could not connect", "timeout on endpoint", "Connection was closed"]) {
            Self::Unreachable
        } else {
            Self::Strange
        }
    }

    /// Whether what was asked for is not there.
    #[must_use]
    pub(crate) fn is_missing(&self) -> bool {
        let code = match self {
            Self::Code(code) => code,
            Self::NoCommand
            | Self::NoCredentials
            | Self::NoRegion
            | Self::Unreachable
            | Self::Strange => return false,
        };
        // CloudFormation has no code of its own for a stack that is not there.
        ["NotFound", "ValidationError"].iter().any(|word| code.contains(word))
    }

    /// What to do next.
    #[must_use]
    pub(crate) fn mend(&self) -> &'static str {
        match self {
            Self::NoCommand => {
                "Install it, https://aws.amazon.com/cli/, or: pip install awscli\nWithout it, AWS \
                 is not checked."
            }
            Self::NoCredentials => {
                "Sign in: aws sso login, or aws configure. AWS_PROFILE chooses a profile. Check \
                 your identity:\n  aws sts get-caller-identity"
            }
            Self::NoRegion => "Use the region of the stack: --region REGION",
            Self::Unreachable => {
                "Check that this machine can reach AWS, and that --region is correct."
            }
            Self::Code(code) if code.contains("Denied") || code.contains("Unauthorized") => {
                "Your identity may not read this. The policy ReadOnlyAccess is enough for \
                 everything but keys, which need ssm:GetParameter and kms:Decrypt. Check your \
                 identity:\n  \
                 aws sts get-caller-identity"
            }
            Self::Code(code) if code.contains("Throttl") => "Run the doctor again in a minute.",
            Self::Code(_) => "Check --stack and --region.",
            Self::Strange => "Check that the command works: aws sts get-caller-identity",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommand => f.write_str("the aws command is not installed"),
            Self::NoCredentials => f.write_str("the aws command has no valid credentials"),
            Self::NoRegion => f.write_str("the aws command has no region"),
            Self::Unreachable => f.write_str("AWS did not respond in time"),
            Self::Code(code) => write!(f, "AWS returned {code}"),
            Self::Strange => f.write_str("the aws command failed with an unknown error"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_recognised_and_nothing_of_them_is_repeated() {
        let denied = "\nAn error occurred (AccessDeniedException) when calling the GetParameter \
                      operation: User: arn:aws:iam::123456789012:user/canary is not authorized";
        let code = |code: &str| Refused::Code(code.to_owned());
        for (text, refused) in [
            (denied, code("AccessDeniedException")),
            (
                "aws: [ERROR]: An error occurred (ParameterNotFound) when calling the \
                 GetParameter operation: ",
                code("ParameterNotFound"),
            ),
            (
                "An error occurred (ExpiredToken) when calling the DescribeStacks operation: \
                 canary",
                Refused::NoCredentials,
            ),
            (
                "Unable to locate credentials. You can configure credentials by running \"aws \
                 configure\".",
                Refused::NoCredentials,
            ),
            ("The config profile (canary) could not be found", Refused::NoCredentials),
            ("Error loading SSO Token: Token for canary does not exist", Refused::NoCredentials),
            (
                "You must specify a region. You can also configure your region by running \"aws \
                 configure\".",
                Refused::NoRegion,
            ),
            ("Could not connect to the endpoint URL: \"https://canary/\"", Refused::Unreachable),
            ("An error occurred (a canary) when", Refused::Strange),
            ("", Refused::Strange),
        ] {
            let read = Refused::of(text);
            assert_eq!(read, refused, "{text}");
            assert!(!format!("{read} {}", read.mend()).contains("canary"));
        }
    }

    #[test]
    fn what_is_not_there_is_told_from_what_is_forbidden() {
        assert!(Refused::Code("ParameterNotFound".to_owned()).is_missing());
        assert!(Refused::Code("ResourceNotFoundException".to_owned()).is_missing());
        assert!(!Refused::Code("AccessDeniedException".to_owned()).is_missing());
    }
}

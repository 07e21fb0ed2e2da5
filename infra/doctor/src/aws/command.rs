//! Runs the `aws` command and reads its JSON. An [`AwsError`] never quotes its output.

use std::fmt;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use crate::client::plain;

/// How long one call may take, with retries.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The command and its region.
#[derive(Clone, Debug)]
pub struct Aws {
    /// The program.
    pub program: PathBuf,
    /// The region; `None` uses the command's own configuration.
    pub region: Option<String>,
}

/// Why a call failed. It repeats nothing of the command's output but error codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsError {
    /// The command is not installed.
    NoCommand,
    /// Credentials are missing or expired.
    NoCredentials,
    /// No region is configured.
    NoRegion,
    /// AWS cannot be reached.
    Unreachable,
    /// AWS returned this error code.
    Code(String),
    /// The output is not understood.
    Unexpected,
}

/// Why a call failed, with AWS's own message. Only for calls that send no secret, because a message
/// may repeat what was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsFailure {
    /// The kind of the error.
    pub error: AwsError,
    /// What AWS or the command says of it.
    pub message: String,
}

impl Aws {
    /// Runs the command. Empty output is `null`.
    ///
    /// # Errors
    ///
    /// Why it failed.
    pub(crate) async fn call(&self, arguments: &[&str]) -> Result<Value, AwsError> {
        self.explained(arguments).await.map_err(|failure| failure.error)
    }

    /// Runs the command. Empty output is `null`.
    ///
    /// # Errors
    ///
    /// Why it failed, in AWS's words too.
    pub async fn explained(&self, arguments: &[&str]) -> Result<Value, AwsFailure> {
        let mut command = self.command(&[arguments, &["--output", "json"]].concat());
        let output = match tokio::time::timeout(TIMEOUT, command.output()).await {
            Ok(output) => output.map_err(|error| AwsFailure::of_start(&error))?,
            Err(_) => return Err(AwsError::Unreachable.into()),
        };
        if !output.status.success() {
            return Err(AwsFailure::of(&String::from_utf8_lossy(&output.stderr)));
        }
        read(&output)
    }

    /// Runs the command for as long as it takes, and hands over each line that it prints.
    ///
    /// # Errors
    ///
    /// Why it failed.
    pub async fn lines(
        &self,
        arguments: &[&str],
        mut on_line: impl FnMut(&str),
    ) -> Result<(), AwsFailure> {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| AwsFailure::of_start(&error))?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let reads = async {
            let Some(out) = out else { return };
            let mut lines = BufReader::new(out).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                on_line(&line);
            }
        };
        let mut text = Vec::new();
        let complains = async {
            if let Some(mut err) = err {
                // What could be read of it is enough.
                let _ = err.read_to_end(&mut text).await;
            }
        };
        // Together: a full pipe would stop the command.
        tokio::join!(reads, complains);
        match child.wait().await {
            Ok(status) if status.success() => Ok(()),
            Ok(_) | Err(_) => Err(AwsFailure::of(&String::from_utf8_lossy(&text))),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments);
        command.args(["--cli-connect-timeout", "10", "--cli-read-timeout", "20"]);
        if let Some(region) = &self.region {
            command.args(["--region", region]);
        }
        // A pager would wait for a key press.
        command.env("AWS_PAGER", "").stdin(Stdio::null()).kill_on_drop(true);
        command
    }
}

fn read(output: &Output) -> Result<Value, AwsFailure> {
    if output.stdout.trim_ascii().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&output.stdout).map_err(|_| AwsError::Unexpected.into())
}

impl AwsFailure {
    /// Reads what the command prints where it fails.
    fn of(text: &str) -> Self {
        let message = text.split_once(" operation: ").map_or(text, |(_, message)| message);
        Self { error: AwsError::of(text), message: message.trim().to_owned() }
    }

    fn of_start(error: &std::io::Error) -> Self {
        match error.kind() == std::io::ErrorKind::NotFound {
            true => AwsError::NoCommand.into(),
            false => AwsError::Unexpected.into(),
        }
    }
}

impl From<AwsError> for AwsFailure {
    fn from(error: AwsError) -> Self {
        Self { error, message: String::new() }
    }
}

impl AwsError {
    /// Reads the command's error message:
    /// `An error occurred (CODE) when calling the OPERATION operation: …`, or free text.
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
            Self::Unexpected
        }
    }

    /// Whether the resource does not exist.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        let code = match self {
            Self::Code(code) => code,
            Self::NoCommand
            | Self::NoCredentials
            | Self::NoRegion
            | Self::Unreachable
            | Self::Unexpected => return false,
        };
        // CloudFormation has no own code for a missing stack.
        ["NotFound", "ValidationError"].iter().any(|word| code.contains(word))
    }

    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::NoCommand => {
                "Install it, https://aws.amazon.com/cli/. Without it, AWS is not checked."
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
            Self::Unexpected => "Check that the command works: aws sts get-caller-identity",
        }
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommand => f.write_str("the aws command is not installed"),
            Self::NoCredentials => f.write_str("the aws command has no valid credentials"),
            Self::NoRegion => f.write_str("the aws command has no region"),
            Self::Unreachable => f.write_str("AWS did not respond in time"),
            Self::Code(code) => write!(f, "AWS returned {code}"),
            Self::Unexpected => f.write_str("the aws command failed with an unknown error"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_recognised_and_never_quoted() {
        let denied = "\nAn error occurred (AccessDeniedException) when calling the GetParameter \
                      operation: User: arn:aws:iam::123456789012:user/canary is not authorized";
        let code = |code: &str| AwsError::Code(code.to_owned());
        for (text, error) in [
            (denied, code("AccessDeniedException")),
            (
                "aws: [ERROR]: An error occurred (ParameterNotFound) when calling the \
                 GetParameter operation: ",
                code("ParameterNotFound"),
            ),
            (
                "An error occurred (ExpiredToken) when calling the DescribeStacks operation: \
                 canary",
                AwsError::NoCredentials,
            ),
            (
                "Unable to locate credentials. You can configure credentials by running \"aws \
                 configure\".",
                AwsError::NoCredentials,
            ),
            ("The config profile (canary) could not be found", AwsError::NoCredentials),
            ("Error loading SSO Token: Token for canary does not exist", AwsError::NoCredentials),
            (
                "You must specify a region. You can also configure your region by running \"aws \
                 configure\".",
                AwsError::NoRegion,
            ),
            ("Could not connect to the endpoint URL: \"https://canary/\"", AwsError::Unreachable),
            ("An error occurred (a canary) when", AwsError::Unexpected),
            ("", AwsError::Unexpected),
        ] {
            let read = AwsError::of(text);
            assert_eq!(read, error, "{text}");
            assert!(!format!("{read} {}", read.advice()).contains("canary"));
        }
    }

    #[test]
    fn a_failure_has_the_message_of_aws_beside_its_code() {
        let text = "\nAn error occurred (InsufficientCapabilitiesException) when calling the \
                    CreateChangeSet operation: Requires capabilities : [CAPABILITY_NAMED_IAM]\n";
        let failure = AwsFailure::of(text);
        assert_eq!(failure.error, AwsError::Code("InsufficientCapabilitiesException".to_owned()));
        assert_eq!(failure.message, "Requires capabilities : [CAPABILITY_NAMED_IAM]");
    }

    #[test]
    fn a_missing_resource_differs_from_a_forbidden_one() {
        assert!(AwsError::Code("ParameterNotFound".to_owned()).is_missing());
        assert!(AwsError::Code("ResourceNotFoundException".to_owned()).is_missing());
        assert!(!AwsError::Code("AccessDeniedException".to_owned()).is_missing());
    }
}

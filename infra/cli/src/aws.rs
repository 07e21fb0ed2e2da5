//! What `deploy` and `destroy` share: the `aws` command, its region and account, and its errors as
//! advice.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use lanyard_doctor::{Aws, AwsError, AwsFailure};
use serde_json::Value;

use crate::error::CliError;
use crate::profile::Profile;

/// Consecutive failures after which waiting ends.
const MOST_FAILURES: usize = 20;

/// The stack, and how AWS is called.
#[derive(Args, Clone, Debug)]
pub(crate) struct StackArguments {
    /// Name of the stack. Default: the profile's, or lanyard.
    #[arg(long, visible_alias = "stack", value_name = "NAME")]
    stack_name: Option<String>,

    /// AWS region. Default: AWS_REGION, the profile's, or that of the aws command.
    #[arg(long, env = "AWS_REGION", value_name = "REGION")]
    region: Option<String>,

    /// The region by its older name, from the environment only.
    #[arg(long = "default-region", env = "AWS_DEFAULT_REGION", hide = true)]
    default_region: Option<String>,

    /// The `aws` command.
    #[arg(long, default_value = "aws", hide = true)]
    aws: PathBuf,

    /// Milliseconds between two looks at a stack that changes.
    #[arg(long, default_value_t = 4_000, hide = true)]
    interval_ms: u64,
}

/// An AWS account, as the `aws` command reaches it.
pub(crate) struct Account {
    pub(crate) aws: Aws,
    pub(crate) id: String,
    pub(crate) region: String,
    pub(crate) stack: String,
    pub(crate) interval: Duration,
}

impl Account {
    /// Finds out the region and the account.
    pub(crate) async fn open(
        arguments: &StackArguments,
        profile: &Profile,
    ) -> Result<Self, CliError> {
        let stack = arguments.stack_name.clone().or_else(|| profile.stack.clone());
        let stack = stack.unwrap_or_else(|| "lanyard".to_owned());
        let is_name = stack.starts_with(|first: char| first.is_ascii_alphabetic())
            && stack.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && stack.len() <= 40;
        if !is_name {
            return Err(CliError::Usage(format!(
                "{stack} cannot be the name of the stack: it has letters, digits and -, begins \
                 with a letter, and is at most 40 long, because names of functions begin with it."
            )));
        }
        let named = arguments.region.clone().or_else(|| profile.region.clone());
        let mut aws = Aws {
            program: arguments.aws.clone(),
            region: named.or_else(|| arguments.default_region.clone()),
        };
        let region = match aws.region.clone() {
            Some(region) => region,
            None => configured_region(&aws).await?,
        };
        aws.region = Some(region.clone());
        let identity = aws.explained(&["sts", "get-caller-identity"]).await;
        let identity = identity.map_err(|failure| refused("Who you are is not known", failure))?;
        let id = identity["Account"].as_str().unwrap_or_default().to_owned();
        let interval = Duration::from_millis(arguments.interval_ms);
        Ok(Self { aws, id, region, stack, interval })
    }

    /// The bucket for packages, unless another is named.
    pub(crate) fn usual_bucket(&self) -> String {
        let name = format!("{}-packages-{}-{}", self.stack, self.id, self.region);
        name.to_ascii_lowercase()
    }

    /// A call, whose failure ends the command.
    pub(crate) async fn call(&self, what: &str, arguments: &[&str]) -> Result<Value, CliError> {
        let called = self.aws.explained(arguments).await;
        called.map_err(|failure| refused(what, failure))
    }

    /// Looks again and again until there is a result. Single failures are passed over.
    pub(crate) async fn wait<T>(
        &self,
        arguments: &[&str],
        mut look: impl FnMut(Result<Value, &AwsError>) -> Option<T>,
    ) -> Result<T, CliError> {
        let mut failures = 0;
        loop {
            let seen = self.aws.explained(arguments).await;
            let result = match &seen {
                Ok(value) => look(Ok(value.clone())),
                Err(failure) => look(Err(&failure.error)),
            };
            if let Some(result) = result {
                return Ok(result);
            }
            failures = if seen.is_err() { failures + 1 } else { 0 };
            if let Err(failure) = seen {
                let is_final =
                    matches!(failure.error, AwsError::NoCommand | AwsError::NoCredentials);
                if is_final || failures >= MOST_FAILURES {
                    let what = "AWS goes on, but its progress cannot be read. Run this command \
                                again to see how it ended";
                    return Err(refused(what, failure));
                }
            }
            tokio::time::sleep(self.interval).await;
        }
    }
}

/// The region of the command's own configuration.
async fn configured_region(aws: &Aws) -> Result<String, CliError> {
    let mut region = String::new();
    let read = ["configure", "get", "region"];
    let read = aws.lines(&read, |line| line.trim().clone_into(&mut region)).await;
    match read {
        Err(failure) if failure.error == AwsError::NoCommand => {
            Err(refused("AWS cannot be called", failure))
        }
        Ok(()) if !region.is_empty() => Ok(region),
        // Without a region in the configuration, the command fails and prints nothing.
        Ok(()) | Err(_) => Err(CliError::Usage(
            "No AWS region is chosen. Use --region REGION, for example eu-north-1: one near the \
             Azure resource."
                .to_owned(),
        )),
    }
}

/// A failed call, with what to do next.
pub(crate) fn refused(what: &str, failure: AwsFailure) -> CliError {
    let AwsFailure { error, message } = failure;
    let advice = match &error {
        AwsError::NoCommand => "Install it, https://aws.amazon.com/cli/, and sign in.",
        AwsError::NoCredentials => {
            "Sign in: aws sso login, or aws configure. AWS_PROFILE chooses a profile. Check your \
             identity: aws sts get-caller-identity"
        }
        AwsError::NoRegion => "Use --region REGION.",
        AwsError::Unreachable => {
            "Check that this machine can reach AWS, and that --region is correct."
        }
        AwsError::Code(code) if is_denied(code) => {
            "Your identity may not do this. Deploying needs the permissions of an administrator, \
             or those in docs/deploying.md."
        }
        AwsError::Code(code) if code.contains("Capabilities") => {
            "The template creates roles with names of its own. This command allows \
             CAPABILITY_IAM and CAPABILITY_AUTO_EXPAND only. Use the template of the release."
        }
        AwsError::Code(code) if code.contains("Throttl") => "Run it again in a minute.",
        AwsError::Code(_) => "",
        AwsError::Unexpected if message.is_empty() => {
            "Check that the command works: aws sts get-caller-identity"
        }
        AwsError::Unexpected => "",
    };
    // A message names the problem; without one the code has to.
    let said = match message.is_empty() || matches!(error, AwsError::NoCredentials) {
        true => format!("{error}."),
        false => format!("{error}: {message}"),
    };
    let text = format!("{what}: {said} {advice}").trim_end().to_owned();
    match error {
        AwsError::NoCredentials => CliError::NotAllowed(text),
        AwsError::NoRegion => CliError::Usage(text),
        AwsError::NoCommand | AwsError::Unreachable | AwsError::Code(_) | AwsError::Unexpected => {
            CliError::Failed(text)
        }
    }
}

/// Whether the identity lacks a permission.
pub(crate) fn is_denied(code: &str) -> bool {
    code.contains("Denied") || code.contains("Unauthorized") || code == "403" || code == "Forbidden"
}

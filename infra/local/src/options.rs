//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use lanyard_platform::credentials::these;
use lanyard_platform::identity::Sts;
use lanyard_platform::settings::Credentials;

use lanyard_doctor::DoctorOptions;
use lanyard_runtime::options::RuntimeOptions;

/// The key id of those who have no AWS credentials.
const NO_AWS: &str = "local";

/// Runs the whole of Lanyard on this machine, on loopback only.
#[derive(Clone, Debug, Parser)]
#[command(name = "lanyard-local", version, args_conflicts_with_subcommands = true)]
pub struct Options {
    /// A command to run instead of the service.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The port to listen on; 0 chooses a free one.
    #[arg(long, default_value_t = 8787)]
    pub port: u16,

    /// The folder that keeps the table, the keys and the organiser's token between runs.
    #[arg(long, default_value = ".local")]
    pub data: PathBuf,

    /// Keep nothing: table and keys live in memory.
    #[arg(long, conflicts_with = "data")]
    pub memory: bool,

    /// A real Azure OpenAI resource, such as https://my-resource.openai.azure.com, in place of the
    /// simulator.
    #[arg(long, env = "AZURE_OPENAI_ENDPOINT")]
    pub azure_endpoint: Option<String>,

    /// A file that holds the resource's key.
    #[arg(long)]
    pub azure_key_file: Option<PathBuf>,

    /// The resource's key, from the environment only.
    #[arg(long, env = "AZURE_OPENAI_API_KEY", hide = true, hide_env_values = true)]
    pub azure_key: Option<String>,

    /// Another DynamoDB: AWS's DynamoDB Local, or https://dynamodb.REGION.amazonaws.com.
    #[arg(long)]
    pub dynamodb_endpoint: Option<String>,

    /// The table's name.
    #[arg(long, default_value = "lanyard")]
    pub table: String,

    /// The region, for AWS.
    #[arg(long, env = "AWS_REGION", default_value = "us-east-1")]
    pub region: String,

    /// AWS's key id; other engines accept any text.
    #[arg(
        long,
        env = "AWS_ACCESS_KEY_ID",
        default_value = NO_AWS,
        hide = true,
        hide_env_values = true
    )]
    pub aws_key_id: String,

    /// AWS's secret; other engines accept any text.
    #[arg(
        long,
        env = "AWS_SECRET_ACCESS_KEY",
        default_value = "local",
        hide = true,
        hide_env_values = true
    )]
    pub aws_secret: String,

    /// AWS's session, if there is one.
    #[arg(long, env = "AWS_SESSION_TOKEN", hide = true, hide_env_values = true)]
    pub aws_session: Option<String>,

    /// Another STS than AWS's.
    #[arg(long, env = "AWS_ENDPOINT_URL_STS", hide = true)]
    pub sts_endpoint: Option<String>,

    /// The simulator's delay before a response, in milliseconds; a tenth of it between the frames
    /// of a stream.
    #[arg(long, default_value = "200", value_parser = milliseconds, value_name = "MS")]
    pub simulator_latency: Duration,

    /// How the functions' own binaries are run.
    #[command(flatten)]
    pub runtime: RuntimeOptions,
}

impl Options {
    /// The credentials for AWS, or any text for other engines.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        Credentials {
            key_id: self.aws_key_id.clone(),
            secret: self.aws_secret.clone(),
            session: self.aws_session.clone(),
        }
    }

    /// AWS's token service, if there are credentials for it.
    #[must_use]
    pub fn sts(&self) -> Option<Sts> {
        let sts =
            || Sts::new(&self.region, these(&self.credentials()), self.sts_endpoint.as_deref());
        (self.aws_key_id != NO_AWS).then(sts)
    }
}

/// Commands other than serving.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Checks a running service, and reports what is wrong and how to fix it.
    ///
    /// Without options it looks at the service that `cargo run` started in this folder. With
    /// `--stack` it also looks at AWS, by the `aws` command and the credentials that this uses;
    /// AWS_PROFILE chooses others. It makes a few short calls to each model, which cost a few
    /// hundred tokens.
    ///
    /// Exit code: 0 if nothing failed, 1 if something failed, 2 for a wrong command line, 3 if the
    /// service could not be reached.
    Doctor(Box<DoctorOptions>),
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    let digits = text.strip_suffix("ms").unwrap_or(text);
    match digits.parse::<u64>() {
        Ok(ms) if ms <= 60_000 => Ok(Duration::from_millis(ms)),
        Ok(_) | Err(_) => Err("must be a whole number of milliseconds up to 60000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Options::command().debug_assert();
        let options =
            Options::try_parse_from(["lanyard-local", "--simulator-latency", "50ms"]).unwrap();
        assert_eq!(options.simulator_latency, Duration::from_millis(50));
        assert!(Options::try_parse_from(["lanyard-local", "--memory", "--data", "x"]).is_err());
        assert!(Options::try_parse_from(["lanyard-local", "--freeze"]).is_err());
        assert!(Options::try_parse_from(["lanyard-local", "--runtime", "--freeze"]).is_ok());
    }
}

//! The doctor's command line.

use std::path::PathBuf;

use clap::Args;

use super::secret::Secret;

/// What the doctor looks at, and with whose credentials.
#[derive(Args, Clone, Debug)]
pub struct DoctorOptions {
    /// Where the service answers. Unless given: the stack's output, or http://127.0.0.1:8787/api.
    #[arg(long, value_name = "URL")]
    pub address: Option<String>,

    /// A file with an organiser's token. Unless given: `organiser-token` in the data folder.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// An organiser's token, from the environment only.
    #[arg(long, env = "LANYARD_ORGANISER_TOKEN", hide = true, hide_env_values = true)]
    pub token: Option<Secret>,

    /// The organiser's name, under which the deployments' keys are kept.
    #[arg(long, default_value = "main", value_name = "NAME")]
    pub organiser: String,

    /// The deployed stack's name.
    #[arg(long, value_name = "NAME")]
    pub stack: Option<String>,

    /// The stack's region. Unless given: what the `aws` command is set up with.
    #[arg(long, env = "AWS_REGION")]
    pub region: Option<String>,

    /// Make the trial calls with this code rather than with that of an open event.
    #[arg(long, value_name = "CODE/USER")]
    pub code: Option<Secret>,

    /// Look at this deployment alone; may be said again.
    #[arg(long, value_name = "NAME")]
    pub deployment: Vec<String>,

    /// The local service's data folder.
    #[arg(long, default_value = ".local", value_name = "FOLDER")]
    pub data: PathBuf,

    /// Print an array of checks, each with `check`, `level`, `seen` and `next`.
    #[arg(long)]
    pub json: bool,

    /// The `aws` command.
    #[arg(long, default_value = "aws", hide = true)]
    pub aws: PathBuf,
}

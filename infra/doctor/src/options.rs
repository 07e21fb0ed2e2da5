//! The doctor's command line.

use std::path::PathBuf;

use clap::Args;

use super::secret::Secret;

/// What the doctor checks, and with which credentials.
#[derive(Args, Clone, Debug)]
pub struct DoctorOptions {
    /// URL of the service. Default: the stack's output, or http://127.0.0.1:8787/api.
    #[arg(long, value_name = "URL")]
    pub address: Option<String>,

    /// File with an organiser token. Default: `organiser-token` in the data folder.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// Organiser token, from the environment only.
    #[arg(long, env = "LANYARD_ORGANISER_TOKEN", hide = true, hide_env_values = true)]
    pub token: Option<Secret>,

    /// Name of the organiser in the path of the stored keys.
    #[arg(long, default_value = "main", value_name = "NAME")]
    pub organiser: String,

    /// Name of the deployed stack.
    #[arg(long, value_name = "NAME")]
    pub stack: Option<String>,

    /// AWS region of the stack. Default: the region of the `aws` command.
    #[arg(long, env = "AWS_REGION")]
    pub region: Option<String>,

    /// Event code for the test calls. Default: an event for the calls, which is deleted afterwards.
    #[arg(long, value_name = "CODE/USER")]
    pub code: Option<Secret>,

    /// Check only this deployment. Can be repeated.
    #[arg(long, value_name = "NAME")]
    pub deployment: Vec<String>,

    /// Data folder of the local service.
    #[arg(long, default_value = ".local", value_name = "FOLDER")]
    pub data: PathBuf,

    /// Print a JSON array of checks, each with `check`, `level`, `seen` and `next`.
    #[arg(long)]
    pub json: bool,

    /// The `aws` command.
    #[arg(long, default_value = "aws", hide = true)]
    pub aws: PathBuf,
}

//! Options that every command takes.

use std::path::PathBuf;

use clap::Args;
use lanyard_doctor::Secret;

/// Options of every command.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// Profile of the configuration file.
    #[arg(long, global = true, env = "LANYARD_PROFILE", value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// URL of the service. Default: the profile's, or http://127.0.0.1:8787/api.
    #[arg(long, global = true, env = "LANYARD_ADDRESS", value_name = "URL")]
    pub(crate) address: Option<String>,

    /// File with an organiser token. Default: LANYARD_ORGANISER_TOKEN, the profile's file, or for
    /// the local service the file in its data folder.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// Organiser token, from the environment only.
    #[arg(
        long = "organiser-token",
        global = true,
        env = "LANYARD_ORGANISER_TOKEN",
        hide = true,
        hide_env_values = true
    )]
    pub(crate) token: Option<Secret>,

    /// Data folder of the local service.
    #[arg(long, global = true, default_value = ".local", value_name = "FOLDER")]
    pub(crate) data: PathBuf,

    /// Configuration file.
    #[arg(long, global = true, env = "LANYARD_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Print JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Do not ask for confirmation.
    #[arg(long, short = 'y', global = true)]
    pub(crate) yes: bool,

    /// Only read, and print the requests that would change something.
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
}

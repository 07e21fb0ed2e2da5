//! Options that every command takes.

use std::path::PathBuf;

use clap::Args;
use lanyard_doctor::Secret;

/// Options of every command.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// Profile of the configuration file.
    #[arg(long, short, global = true, env = "LANYARD_PROFILE", value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// URL of the service. Default: the profile's, or http://127.0.0.1:8787/api.
    #[arg(
        long,
        short,
        global = true,
        env = "LANYARD_ADDRESS",
        value_name = "URL",
        hide_short_help = true
    )]
    pub(crate) address: Option<String>,

    /// File with an organiser token. Default: LANYARD_ORGANISER_TOKEN, the profile's file, or for
    /// the local service the file in its data folder.
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
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
    #[arg(
        long,
        global = true,
        default_value = ".local",
        value_name = "FOLDER",
        hide_short_help = true
    )]
    pub(crate) data: PathBuf,

    /// Configuration file.
    #[arg(
        long,
        global = true,
        env = "LANYARD_CONFIG",
        value_name = "FILE",
        hide_short_help = true
    )]
    pub(crate) config: Option<PathBuf>,

    /// Print JSON, or only some fields of it: --json=name,code.
    #[arg(
        long,
        short,
        global = true,
        value_name = "FIELDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ""
    )]
    pub(crate) json: Option<String>,

    /// Print no messages and no progress, only data and errors.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,

    /// Do not use colours. The environment variable NO_COLOR does the same.
    #[arg(long, global = true)]
    pub(crate) no_color: bool,

    /// Do not ask for confirmation.
    #[arg(long, short = 'y', global = true)]
    pub(crate) yes: bool,

    /// Only read, and print the requests that would change something.
    #[arg(long, short = 'n', global = true)]
    pub(crate) dry_run: bool,
}

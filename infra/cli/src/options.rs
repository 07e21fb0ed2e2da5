//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use lanyard_doctor::Secret;

use crate::attendee::AttendeeCommand;
use crate::deployment::{DeploymentCommand, DoctorArguments};
use crate::event::EventCommand;
use crate::handout::HandoutArguments;
use crate::simulate::SimulateArguments;
use crate::usage::UsageArguments;

const CODES: &str = "\
Exit codes:
  0  success
  1  rejected by the service, or failed
  2  invalid arguments, or confirmation needed (--yes)
  3  the service cannot be reached
  4  not authorised: no organiser token, or an unknown one

Data goes to standard output, messages to standard error. EVENT is an event's id, code or name.

Configuration in ~/.config/lanyard/config.toml:
  default = \"oslo\"

  [profiles.oslo]
  address = \"https://ID.execute-api.REGION.amazonaws.com/api\"
  token_file = \"oslo.token\"
  time_zone = \"Europe/Oslo\"
  concurrency = 1000";

/// Share an Azure OpenAI subscription with the attendees of an event.
#[derive(Debug, Parser)]
#[command(name = "lanyard", version, after_help = CODES, propagate_version = true)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) globals: Globals,

    #[command(subcommand)]
    pub(crate) command: Command,
}

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

/// The first word of a command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create, watch and end events.
    #[command(subcommand)]
    Event(EventCommand),
    /// Manage the Azure deployments that events offer.
    #[command(subcommand)]
    Deployment(DeploymentCommand),
    /// List, block and limit attendees.
    #[command(subcommand)]
    Attendee(AttendeeCommand),
    /// Show the usage of an event.
    Usage(UsageArguments),
    /// Create a printable page for attendees, or a QR code of the attendee page.
    Handout(HandoutArguments),
    /// Check the service and report problems.
    Doctor(DoctorArguments),
    /// Send requests from simulated attendees.
    Simulate(SimulateArguments),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page.
    Man {
        /// Write one page per command into this folder instead.
        #[arg(long, value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
}

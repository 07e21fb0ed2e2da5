//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::attendee::AttendeeCommand;
use crate::deployment::{DeploymentCommand, DoctorArguments};
use crate::event::EventCommand;
use crate::globals::Globals;
use crate::handout::HandoutArguments;
use crate::organiser::OrganiserCommand;
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
    /// List, make and revoke your organiser tokens.
    #[command(subcommand)]
    Organiser(OrganiserCommand),
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

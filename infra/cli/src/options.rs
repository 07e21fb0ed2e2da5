//! The command line: a noun, then a verb.

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
  0  done
  1  refused by the service, or failed
  2  the command line is not understood, or a question must be answered by --yes
  3  the service cannot be reached
  4  not allowed: no token, or one that the service does not know

Data goes to standard output, everything else to standard error. An EVENT is its id, its code or its name.

~/.config/lanyard/config.toml:
  default = \"oslo\"

  [profiles.oslo]
  address = \"https://ID.execute-api.REGION.amazonaws.com/api\"
  token_file = \"oslo.token\"
  time_zone = \"Europe/Oslo\"
  concurrency = 1000";

/// Lends an Azure OpenAI subscription to an event.
#[derive(Debug, Parser)]
#[command(name = "lanyard", version, after_help = CODES, propagate_version = true)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) globals: Globals,

    #[command(subcommand)]
    pub(crate) noun: Noun,
}

/// What every command takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Globals {
    /// The profile of the configuration to use.
    #[arg(long, global = true, env = "LANYARD_PROFILE", value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// Where the service answers. Unless given: the profile's, or http://127.0.0.1:8787/api.
    #[arg(long, global = true, env = "LANYARD_ADDRESS", value_name = "URL")]
    pub(crate) address: Option<String>,

    /// A file with an organiser's token. Unless given: LANYARD_ORGANISER_TOKEN, the profile's file,
    /// or for the local service the one in its data folder.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// An organiser's token, from the environment only.
    #[arg(
        long = "organiser-token",
        global = true,
        env = "LANYARD_ORGANISER_TOKEN",
        hide = true,
        hide_env_values = true
    )]
    pub(crate) token: Option<Secret>,

    /// The local service's data folder.
    #[arg(long, global = true, default_value = ".local", value_name = "FOLDER")]
    pub(crate) data: PathBuf,

    /// Another configuration file.
    #[arg(long, global = true, env = "LANYARD_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Print JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Do not ask before something that cannot be taken back.
    #[arg(long, short = 'y', global = true)]
    pub(crate) yes: bool,

    /// Read only, and print what would be sent.
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
}

/// What can be worked on.
#[derive(Debug, Subcommand)]
pub(crate) enum Noun {
    /// Create, watch and close events.
    #[command(subcommand)]
    Event(EventCommand),
    /// The Azure deployments that events offer.
    #[command(subcommand)]
    Deployment(DeploymentCommand),
    /// Who is at an event.
    #[command(subcommand)]
    Attendee(AttendeeCommand),
    /// What an event used.
    Usage(UsageArguments),
    /// A page to print for attendees, or a QR code of their page.
    Handout(HandoutArguments),
    /// Look at the service and say what is wrong.
    Doctor(DoctorArguments),
    /// Let made-up attendees use an event for a while.
    Simulate(SimulateArguments),
    /// Print what completes commands in a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Print the manual page.
    Man {
        /// Write a page for each command into this folder instead.
        #[arg(long, value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
}

//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::attendee::AttendeeCommand;
use crate::config::ConfigCommand;
use crate::cost::CostArguments;
use crate::deploy::DeployArguments;
use crate::deployment::{DeploymentCommand, DoctorArguments};
use crate::destroy::DestroyArguments;
use crate::event::{EventCommand, OneEvent};
use crate::globals::Globals;
use crate::handout::HandoutArguments;
use crate::login::LoginArguments;
use crate::open::OpenArguments;
use crate::organiser::OrganiserCommand;
use crate::roster::RosterCommand;
use crate::simulate::SimulateArguments;
use crate::token::TokenCommand;
use crate::usage::UsageArguments;

const CODES: &str = "\
Exit codes:
  0  success
  1  rejected by the service, or failed
  2  invalid arguments, or confirmation needed (--yes)
  3  the service cannot be reached
  4  not authorised: no organiser token, or an unknown one

Data goes to standard output, messages to standard error. EVENT is an event's id, code or name.

Examples:
  lanyard login --address https://ID.execute-api.REGION.amazonaws.com/api
  lanyard event create \"Oslo Hack\" --for 8h --tz Europe/Oslo
  lanyard event list --json=name,code
  lanyard open \"Oslo Hack\"";

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
    /// Sign in to a service: check an organiser token and keep it in a profile.
    #[command(after_help = "\
Examples:
  lanyard login --address https://ID.execute-api.REGION.amazonaws.com/api
  lanyard login --profile oslo --address https://ID.execute-api.REGION.amazonaws.com/api <token.txt")]
    Login(LoginArguments),
    /// Remove a profile and its token from this machine.
    #[command(after_help = "\
Examples:
  lanyard logout --profile oslo")]
    Logout,
    /// Read and change the profiles of the configuration file.
    #[command(
        subcommand,
        after_help = "\
Examples:
  lanyard config list
  lanyard config set time-zone Europe/Oslo"
    )]
    Config(ConfigCommand),
    /// Create, edit, watch and end events.
    #[command(
        subcommand,
        after_help = "\
Examples:
  lanyard event create \"Oslo Hack\" --for 8h --tz Europe/Oslo
  lanyard event watch \"Oslo Hack\"
  lanyard event extend \"Oslo Hack\" --by 30m"
    )]
    Event(EventCommand),
    /// Manage the Azure deployments that events offer.
    #[command(
        subcommand,
        after_help = "\
Examples:
  lanyard deployment add gpt-5-mini --endpoint https://NAME.openai.azure.com --key-file key.txt
  lanyard deployment test gpt-5-mini"
    )]
    Deployment(DeploymentCommand),
    /// List, block and limit attendees.
    #[command(
        subcommand,
        after_help = "\
Examples:
  lanyard attendee list \"Oslo Hack\" --sort tokens
  lanyard attendee show \"Oslo Hack\" ada
  lanyard attendee block \"Oslo Hack\" mallory"
    )]
    Attendee(AttendeeCommand),
    /// Manage who is on the roster of an event.
    #[command(
        subcommand,
        after_help = "\
Examples:
  lanyard roster import \"Oslo Hack\" classroom_roster.csv
  lanyard roster list \"Oslo Hack\""
    )]
    Roster(RosterCommand),
    /// Issue, list and revoke signed tokens of attendees.
    #[command(
        subcommand,
        after_help = "\
Examples:
  lanyard token issue \"Oslo Hack\" ada --days 7
  lanyard token list \"Oslo Hack\""
    )]
    Token(TokenCommand),
    /// List, make and revoke your organiser tokens.
    #[command(
        subcommand,
        after_help = "\
Examples:
  lanyard organiser tokens
  lanyard organiser token laptop --days 30"
    )]
    Organiser(OrganiserCommand),
    /// Show the usage of an event.
    #[command(after_help = "\
Examples:
  lanyard usage \"Oslo Hack\" --by model
  lanyard usage \"Oslo Hack\" --by hour --csv >usage.csv")]
    Usage(UsageArguments),
    /// Show the ratings of an event.
    #[command(after_help = "\
Examples:
  lanyard ratings \"Oslo Hack\"")]
    Ratings(OneEvent),
    /// Open the dashboard, an event, its handout or the attendee page in the browser.
    #[command(after_help = "\
Examples:
  lanyard open
  lanyard open \"Oslo Hack\"
  lanyard open \"Oslo Hack\" --attendee --print")]
    Open(OpenArguments),
    /// Create a handout for attendees, or a QR code of the attendee page.
    #[command(after_help = "\
Examples:
  lanyard handout \"Oslo Hack\" -o handout.html
  lanyard handout \"Oslo Hack\" --qr png code.png")]
    Handout(HandoutArguments),
    /// Check the service and report problems.
    #[command(after_help = "\
Examples:
  lanyard doctor
  lanyard doctor --stack lanyard --region eu-north-1 --profile oslo")]
    Doctor(DoctorArguments),
    /// Calculate what an event costs on AWS and at Azure. Nothing is sent.
    #[command(after_help = "\
Examples:
  lanyard cost --attendees 200 --requests 300
  lanyard cost --attendees 30 --memory 128 --model gpt-5-mini")]
    Cost(CostArguments),
    /// Deploy the packages of a release to AWS, or update what is deployed.
    #[command(after_help = "\
Examples:
  lanyard deploy --region eu-north-1
  lanyard deploy --packages lanyard-0.1.0-packages-arm64.tar.gz --stack-name lanyard --region eu-north-1
  lanyard deploy --parameter AlarmEmail=you@example.org --parameter AdminConcurrency=5")]
    Deploy(Box<DeployArguments>),
    /// Remove a deployed stack and its packages; the table with its events is kept.
    #[command(after_help = "\
Examples:
  lanyard destroy --stack-name lanyard --region eu-north-1
  lanyard destroy --stack-name rehearsal --delete-data --yes")]
    Destroy(DestroyArguments),
    /// Send requests from simulated attendees, by default in an event that is deleted afterwards.
    #[command(after_help = "\
Examples:
  lanyard simulate --attendees 50 --for 1m
  lanyard simulate \"Oslo Hack\" --stream --model gpt-5-mini")]
    Simulate(SimulateArguments),
    /// Print a completion script for a shell.
    #[command(after_help = "\
Examples:
  lanyard completions bash >~/.local/share/bash-completion/completions/lanyard")]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page.
    #[command(after_help = "\
Examples:
  lanyard man --folder ~/.local/share/man/man1")]
    Man {
        /// Write one page per command into this folder instead.
        #[arg(long, value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::documented::words;

    /// Each command and each group of commands, with its help.
    fn all(command: &clap::Command, path: &str, found: &mut Vec<(String, String)>) {
        found.push((path.to_owned(), command.clone().render_long_help().to_string()));
        for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
            all(command, &format!("{path} {}", command.get_name()), found);
        }
    }

    #[test]
    fn the_help_of_every_command_has_examples_of_it_that_are_valid() {
        let mut root = Options::command();
        // Subcommands get the global options.
        root.build();
        let mut commands = Vec::new();
        all(&root, "lanyard", &mut commands);
        assert!(commands.len() > 43, "{}", commands.len());
        for (path, help) in commands {
            let (_, examples) = help.split_once("Examples:\n").unwrap_or((&help, ""));
            let examples: Vec<_> =
                examples.lines().filter(|line| line.contains("lanyard")).collect();
            assert!(!examples.is_empty(), "{path} has no examples: {help}");
            for example in examples {
                assert!(example.trim_start().starts_with(&path), "{path}: {example}");
                let parsed = Options::try_parse_from(words(example));
                assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
            }
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn the_short_help_of_a_command_lists_the_common_global_options_only() {
        let mut commands = Options::command();
        commands.build();
        let event = commands.find_subcommand_mut("event").unwrap();
        let list = event.find_subcommand_mut("list").unwrap();
        let (short, long) = (list.render_help().to_string(), list.render_long_help().to_string());
        for shown in ["-p, --profile", "-j, --json", "-q, --quiet", "-y, --yes", "-n, --dry-run"] {
            assert!(short.contains(shown), "{shown}: {short}");
        }
        for hidden in ["--config", "--data", "--token-file", "--address"] {
            assert!(!short.contains(hidden) && long.contains(hidden), "{hidden}: {short}");
        }
    }
}

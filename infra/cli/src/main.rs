//! `lanyard`: the command line for organisers.
//!
//! It calls the organiser API and has no state and no rules of its own. Data goes to standard
//! output, messages to standard error.

mod api;
mod attendee;
mod audit;
mod aws;
mod changes;
mod config;
mod cost;
mod count;
mod deploy;
mod deployment;
mod destroy;
#[cfg(test)]
mod documented;
mod error;
mod event;
mod globals;
mod handout;
mod limits;
mod login;
mod misuse;
mod money;
mod open;
mod options;
mod organiser;
mod output;
mod profile;
mod ratings;
mod roster;
mod session;
mod shell;
mod simulate;
mod table;
mod token;
mod usage;
mod user;

use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory, FromArgMatches};

use crate::error::CliError;
use crate::options::{Command, Options};
use crate::output::Output;
use crate::session::Session;

fn main() -> ExitCode {
    let options = read();
    let output = Output::new(&options.globals);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output.failed(&CliError::Failed(error.to_string())),
    };
    match runtime.block_on(run(options)) {
        Ok(code) => code,
        Err(error) => output.failed(&error),
    }
}

/// Reads the command line. Help and its errors have no colours if colours are not wanted.
fn read() -> Options {
    let is_plain = std::env::args_os().any(|argument| argument == "--no-color");
    if is_plain {
        // The live view has no other way to know.
        crossterm::style::force_color_output(false);
    }
    let color = if is_plain { ColorChoice::Never } else { ColorChoice::Auto };
    let command = without_empty_environment(Options::command());
    let arguments: Vec<_> =
        std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let explained = |error| misuse::explained(error, &Options::command(), &arguments);
    command
        .color(color)
        .try_get_matches()
        .and_then(|matches| Options::from_arg_matches(&matches))
        .unwrap_or_else(|error| explained(error).exit())
}

/// An environment variable without a value is one that is not set, as in `LANYARD_ADDRESS= lanyard …`.
#[expect(clippy::disallowed_methods, reason = "these variables are options of the command line")]
fn without_empty_environment(command: clap::Command) -> clap::Command {
    let is_empty = |name: &std::ffi::OsStr| std::env::var_os(name).is_some_and(|it| it.is_empty());
    command
        .mut_args(|arg| match arg.get_env().is_some_and(is_empty) {
            true => arg.env(clap::builder::Resettable::Reset),
            false => arg,
        })
        .mut_subcommands(without_empty_environment)
}

async fn run(options: Options) -> Result<ExitCode, CliError> {
    let Options { globals, command } = options;
    let done = match command {
        Command::Login(arguments) => login::login(&globals, arguments).await,
        Command::Logout => login::logout(&globals),
        Command::Config(command) => config::run(&globals, command),
        Command::Event(command) => event::run(&Session::open(globals)?, command).await,
        Command::Deployment(command) => {
            return deployment::run(&Session::open(globals)?, command).await;
        }
        Command::Attendee(command) => attendee::run(&Session::open(globals)?, command).await,
        Command::Roster(command) => roster::run(&Session::open(globals)?, command).await,
        Command::Token(command) => token::run(&Session::open(globals)?, command).await,
        Command::Organiser(command) => organiser::run(&Session::open(globals)?, command).await,
        Command::Usage(arguments) => usage::run(&Session::open(globals)?, arguments).await,
        Command::Ratings(one) => ratings::run(&Session::open(globals)?, &one.event).await,
        Command::Open(arguments) => open::run(&Session::open(globals)?, arguments).await,
        Command::Handout(arguments) => handout::run(&Session::open(globals)?, arguments).await,
        Command::Doctor(arguments) => {
            return deployment::doctor(&Session::open(globals)?, arguments).await;
        }
        Command::Cost(arguments) => cost::run(&globals, &arguments),
        Command::Deploy(arguments) => deploy::run(&globals, *arguments).await,
        Command::Destroy(arguments) => destroy::run(&globals, arguments).await,
        Command::Simulate(arguments) => simulate::run(&Session::open(globals)?, arguments).await,
        Command::Completions { shell } => shell::completions(shell),
        Command::Man { folder } => shell::man(folder.as_deref()),
    };
    done.map(|()| ExitCode::SUCCESS)
}

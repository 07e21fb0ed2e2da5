//! `lanyard`: the command line for organisers.
//!
//! It calls the organiser API and has no state and no rules of its own. Data goes to standard
//! output, messages to standard error.

mod api;
mod attendee;
mod deployment;
mod error;
mod event;
mod globals;
mod handout;
mod options;
mod organiser;
mod output;
mod profile;
mod session;
mod shell;
mod simulate;
mod table;
mod usage;

use std::process::ExitCode;

use clap::Parser;

use crate::error::CliError;
use crate::options::{Command, Options};
use crate::output::Output;
use crate::session::Session;

fn main() -> ExitCode {
    let options = Options::parse();
    let output = Output::new(options.globals.json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output.failed(&CliError::Failed(error.to_string())),
    };
    match runtime.block_on(run(options)) {
        Ok(code) => code,
        Err(error) => output.failed(&error),
    }
}

async fn run(options: Options) -> Result<ExitCode, CliError> {
    let Options { globals, command } = options;
    let done = match command {
        Command::Event(command) => event::run(&Session::open(globals)?, command).await,
        Command::Deployment(command) => {
            return deployment::run(&Session::open(globals)?, command).await;
        }
        Command::Attendee(command) => attendee::run(&Session::open(globals)?, command).await,
        Command::Organiser(command) => organiser::run(&Session::open(globals)?, command).await,
        Command::Usage(arguments) => usage::run(&Session::open(globals)?, arguments).await,
        Command::Handout(arguments) => handout::run(&Session::open(globals)?, arguments).await,
        Command::Doctor(arguments) => {
            return deployment::doctor(&Session::open(globals)?, arguments).await;
        }
        Command::Simulate(arguments) => simulate::run(&Session::open(globals)?, arguments).await,
        Command::Completions { shell } => shell::completions(shell),
        Command::Man { folder } => shell::man(folder.as_deref()),
    };
    done.map(|()| ExitCode::SUCCESS)
}

//! `lanyard`: the organisers' command line.
//!
//! It speaks to the organisers' API and holds nothing that the service does not. Data goes to
//! standard output, talk to standard error. What an event may do is the service's to decide.

mod api;
mod attendee;
mod deployment;
mod event;
mod fault;
mod handout;
mod options;
mod output;
mod profile;
mod session;
mod shell;
mod simulate;
mod table;
mod usage;

use std::process::ExitCode;

use clap::Parser;

use crate::fault::Fault;
use crate::options::{Noun, Options};
use crate::output::Output;
use crate::session::Session;

fn main() -> ExitCode {
    let options = Options::parse();
    let output = Output::new(options.globals.json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(fault) => return output.failed(&Fault::Failed(fault.to_string())),
    };
    match runtime.block_on(run(options)) {
        Ok(code) => code,
        Err(fault) => output.failed(&fault),
    }
}

async fn run(options: Options) -> Result<ExitCode, Fault> {
    let Options { globals, noun } = options;
    let done = match noun {
        Noun::Event(command) => event::run(&Session::open(globals)?, command).await,
        Noun::Deployment(command) => {
            return deployment::run(&Session::open(globals)?, command).await;
        }
        Noun::Attendee(command) => attendee::run(&Session::open(globals)?, command).await,
        Noun::Usage(arguments) => usage::run(&Session::open(globals)?, arguments).await,
        Noun::Handout(arguments) => handout::run(&Session::open(globals)?, arguments).await,
        Noun::Doctor(arguments) => {
            return deployment::doctor(&Session::open(globals)?, arguments).await;
        }
        Noun::Simulate(arguments) => simulate::run(&Session::open(globals)?, arguments).await,
        Noun::Completions { shell } => shell::completions(shell),
        Noun::Man { folder } => shell::man(folder.as_deref()),
    };
    done.map(|()| ExitCode::SUCCESS)
}

//! The whole service on one machine, in one process, on loopback.
//!
//! An embedded DynamoDB engine, the functions behind a stand-in for API Gateway whose routes are
//! read from `template.yaml`, the sweep on its schedule, and a simulated Azure unless a real one is
//! named. The code is the deployed code: only the front door and the engine are others. With
//! `--runtime` even the binaries are those that are deployed, in environments as Lambda has them.

mod data_folder;
pub mod engine;
pub mod first_run;
pub mod front;
pub mod functions;
pub mod in_process;
pub mod options;
pub mod request_log;
pub mod service;
pub mod simulator;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::options::{Command, Options};

/// Reads the command line, and serves until Ctrl-C or runs the given command.
#[must_use]
pub fn main_blocking() -> ExitCode {
    let options = Options::parse();
    request_log::start_log();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(fault) => return failed(&fault.into()),
    };
    let done = match &options.command {
        Some(Command::Doctor(options)) => runtime.block_on(lanyard_doctor::run(options)),
        None => runtime.block_on(service::run(options)).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|fault| failed(&fault))
}

fn failed(fault: &anyhow::Error) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {fault:#}");
    ExitCode::FAILURE
}

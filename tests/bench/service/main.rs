//! Measures the service: beside a proxy that does nothing, by itself, under load, and as it grows.
//!
//! Everything is on loopback, on free ports, in memory, and bounded in time. This process has the
//! clients and the scripted Azure. The measured processes are this program in another role, and end
//! when this one does. So the kernel's counters of the service contain neither the clients nor
//! Azure.
//!
//! Nothing here is a test: times depend on the machine. A promise must hold on any machine. If one
//! is broken, the exit code is 1.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use tokio::runtime::Builder;

mod azure;
mod books;
mod caller;
mod child;
mod figures;
mod growth;
mod load;
mod local;
#[path = "../../support/loopback/mod.rs"]
mod loopback;
mod organiser;
mod role;
mod sides;
mod store;

#[derive(Parser)]
#[command(about)]
struct Options {
    #[command(subcommand)]
    program: Program,

    /// Cargo's mark for benchmarks.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

/// Measures the service.
#[derive(Subcommand)]
enum Program {
    /// Lanyard beside Azure alone and beside a proxy that does nothing.
    Sides(sides::Options),
    /// Chats per second of the service of `cargo run`, all of it in one process.
    Local(local::Options),
    /// Promises under many attendees, floods, a greedy attendee, a retry storm and faults.
    Load(load::Options),
    /// The cost of a request as attendees, events and records grow.
    Growth(growth::Options),
    /// One of the processes that are measured; started by the others.
    #[command(hide = true)]
    Role(role::Options),
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    lanyard_platform::https::use_ring();
    child::allow_many_files()?;
    let runtime = match &options.program {
        Program::Role(role) if role.is_single() => {
            Builder::new_current_thread().enable_all().build()?
        }
        Program::Role(_)
        | Program::Sides(_)
        | Program::Local(_)
        | Program::Load(_)
        | Program::Growth(_) => Builder::new_multi_thread().enable_all().build()?,
    };
    runtime.block_on(async {
        match options.program {
            Program::Sides(options) => sides::run(&options).await,
            Program::Local(options) => local::run(&options).await,
            Program::Load(options) => load::run(&options).await,
            Program::Growth(options) => growth::run(&options).await,
            Program::Role(options) => role::run(options).await,
        }
    })
}

//! What the processes that are measured do.
//!
//! All of them serve HTTP/1.1 by hyper with `TCP_NODELAY` and keep-alive, on a runtime with a
//! thread for each processor, as `cargo run` does, or with one, as functions do; and call Azure by
//! reqwest with `TCP_NODELAY`, a pool and HTTP/1.1. What Lanyard has is what the floor has.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod floor;
mod lanyard;
mod server;

#[derive(Args)]
pub(crate) struct Options {
    /// Run on one thread.
    #[arg(long)]
    single: bool,

    #[command(subcommand)]
    role: Role,
}

impl Options {
    /// Whether the role is played on one thread.
    pub(crate) fn is_single(&self) -> bool {
        self.single
    }
}

#[derive(Subcommand)]
enum Role {
    /// A proxy that does nothing else.
    Floor {
        /// Where requests go.
        #[arg(long)]
        azure: String,
    },
    /// Two functions of Lanyard over ports in memory.
    Memory {
        /// Where requests go.
        #[arg(long)]
        azure: String,
    },
    /// The embedded engine by itself.
    Engine,
    /// What `cargo run` starts, over an engine of another process.
    Local {
        /// Where requests go.
        #[arg(long)]
        azure: String,
        /// The engine.
        #[arg(long)]
        engine: String,
        /// Run these binaries: NAME/bootstrap or NAME.
        #[arg(long)]
        binaries: Option<PathBuf>,
        /// How many environments of each.
        #[arg(long, default_value_t = 10)]
        environments: usize,
        /// Run nothing by the clock.
        #[arg(long)]
        unscheduled: bool,
    },
}

/// Plays a role until the standard input ends.
pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let started = match options.role {
        Role::Floor { azure } => floor::start(azure, &tasks, stop.clone()).await,
        Role::Memory { azure } => lanyard::memory(&azure, &tasks, stop.clone()).await,
        Role::Engine => {
            let address = lanyard_local::engine::start(None, &tasks, stop.clone()).await;
            address.map(|address| json!({"address": address}))
        }
        Role::Local { azure, engine, binaries, environments, unscheduled } => {
            let place = lanyard::Place { azure, engine, is_scheduled: !unscheduled };
            let binaries = binaries.map(|folder| (folder, environments));
            lanyard::local(&place, binaries, &tasks, stop.clone()).await
        }
    };
    match started {
        Ok(ready) => say(&ready)?,
        Err(fault) => {
            say(&json!({"error": format!("{fault:#}")}))?;
            return Ok(ExitCode::FAILURE);
        }
    }
    let mut commands = BufReader::new(tokio::io::stdin()).lines();
    while let Some(command) = commands.next_line().await? {
        if command == "tasks" {
            let alive = tokio::runtime::Handle::current().metrics().num_alive_tasks();
            say(&json!(alive))?;
        }
    }
    stop.cancel();
    tasks.close();
    let _ = tokio::time::timeout(std::time::Duration::from_secs(30), tasks.wait()).await;
    Ok(ExitCode::SUCCESS)
}

fn say(value: &Value) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{value}")?;
    output.flush()?;
    Ok(())
}

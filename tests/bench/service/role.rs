//! The roles of the measured processes.
//!
//! All of them serve HTTP/1.1 by hyper with `TCP_NODELAY` and keep-alive, on a runtime with a
//! thread for each processor, as `cargo run` does, or with one, as functions do; and call Azure by
//! reqwest with `TCP_NODELAY`, a pool and HTTP/1.1. The floor and Lanyard have the same
//! settings.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::engine::Engine;

pub(crate) mod engine;
mod floor;
mod lanyard;

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
    /// The service of `cargo run`, over an engine in another process or in its own.
    Local {
        /// Where requests go.
        #[arg(long)]
        azure: String,
        /// The engine; without it, the service has its own.
        #[arg(long)]
        engine: Option<String>,
        /// Where its own engine keeps its file; without it, in memory.
        #[arg(long, conflicts_with = "engine")]
        data: Option<PathBuf>,
        /// Run these binaries: NAME/bootstrap or NAME.
        #[arg(long)]
        binaries: Option<PathBuf>,
        /// How many environments of each.
        #[arg(long, default_value_t = 10)]
        environments: usize,
        /// Start no scheduled function.
        #[arg(long)]
        unscheduled: bool,
    },
}

/// The commands on a process's standard input: one line of JSON each. The process writes
/// one line of JSON in response.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Command {
    /// Return the number of running tasks.
    Tasks,
    /// Fill the engine's table with copies, and return their number.
    Copy(engine::Copies),
}

/// Plays a role until the standard input ends.
pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let engine = match start(options.role, &tasks, stop.clone()).await {
        Ok((ready, engine)) => {
            say(&ready)?;
            engine
        }
        Err(fault) => {
            say(&json!({"error": format!("{fault:#}")}))?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut commands = BufReader::new(tokio::io::stdin()).lines();
    while let Some(command) = commands.next_line().await? {
        match respond(&command, engine.as_ref()) {
            Ok(response) => say(&response)?,
            Err(fault) => say(&json!({"error": format!("{fault:#}")}))?,
        }
    }
    stop.cancel();
    tasks.close();
    let _ = tokio::time::timeout(std::time::Duration::from_secs(30), tasks.wait()).await;
    Ok(ExitCode::SUCCESS)
}

/// Starts a role; returns the line that it prints when it is ready, and the engine if it is one.
async fn start(
    role: Role,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> Result<(Value, Option<Engine>)> {
    let ready = match role {
        Role::Engine => {
            let engine = Engine::start(tasks, stop).await?;
            return Ok((json!({"address": engine.address}), Some(engine)));
        }
        Role::Floor { azure } => floor::start(azure, tasks, stop).await?,
        Role::Memory { azure } => lanyard::memory(&azure, tasks, stop).await?,
        Role::Local { azure, engine, data, binaries, environments, unscheduled } => {
            let place = lanyard::Place { azure, engine, data, is_scheduled: !unscheduled };
            let binaries = binaries.map(|folder| (folder, environments));
            lanyard::local(&place, binaries, tasks, stop).await?
        }
    };
    Ok((ready, None))
}

fn respond(command: &str, engine: Option<&Engine>) -> Result<Value> {
    match serde_json::from_str(command)? {
        Command::Tasks => {
            let alive = tokio::runtime::Handle::current().metrics().num_alive_tasks();
            Ok(json!(alive))
        }
        Command::Copy(copies) => {
            let engine = engine.context("only an engine has a table")?;
            Ok(json!(tokio::task::block_in_place(|| engine.copy(&copies))?))
        }
    }
}

fn say(value: &Value) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{value}")?;
    output.flush()?;
    Ok(())
}

//! Azure responds with 429 to many instances of the real Python client, which retries: that must
//! not grow into a storm, and end when Azure's refusals do.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::Instant;

use super::{Options, Promises, World, say};
use crate::azure::{Manner, Pace};

/// How many clients ask, one call after the other.
const CLIENTS: usize = 50;

/// In this time everybody must have a response again.
const RECOVERY: Duration = Duration::from_secs(60);

/// A call that has ended; times in seconds since the script was ready.
#[derive(Deserialize)]
struct Call {
    client: usize,
    started: f64,
    ended: f64,
    error: Option<String>,
}

pub(super) async fn run(options: &Options, promises: &mut Promises) -> Result<()> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let python = root.join(&options.python);
    ensure!(
        python.exists(),
        "{} is not there: `.ci/run clients` installs the openai package, --python names another",
        python.display()
    );
    let world = World::start(Pace::USUAL, false).await?;
    world.organiser.event("storm", &[], &[]).await?;
    world.azure.set(Manner::Busy);
    let busy = Duration::from_secs(options.storm_seconds);
    let mut script = Command::new(python)
        .arg(root.join("tests/bench/service/load/storm.py"))
        .arg(format!("{}/api/v1", world.service.address))
        .args(["storm".to_owned(), CLIENTS.to_string()])
        .arg((busy + RECOVERY).as_secs().to_string())
        .env_clear()
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let output = script.stdout.take().context("the script has no output")?;
    let mut lines = BufReader::new(output).lines();
    lines.next_line().await?.context("the script did not start")?;
    let end = Instant::now() + busy;
    let (mut calls, mut is_busy) = (Vec::new(), true);
    let mut called_while_busy = 0;
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(end), if is_busy => {
                is_busy = false;
                called_while_busy = world.azure.calls();
                world.azure.set(Manner::Well);
            }
            line = lines.next_line() => match line? {
                Some(line) => calls.push(serde_json::from_str::<Call>(&line)?),
                None => break,
            },
        }
    }
    script.wait().await?;
    let busy_s = busy.as_secs_f64();
    let started = calls.iter().filter(|call| call.started < busy_s).count();
    let failed = calls.iter().filter(|call| call.error.is_some()).count();
    let kinds: std::collections::BTreeSet<_> =
        calls.iter().filter_map(|call| call.error.as_deref()).collect();
    say(&format!(
        "  {} calls of {CLIENTS} clients, {failed} of them failed {kinds:?}; {started} began while Azure \
         answered 429, of which it gave {}",
        calls.len(),
        world.azure.refused(),
    ))?;
    promises.check(
        called_while_busy <= 3 * u64::try_from(started)?,
        &format!(
            "{called_while_busy} calls upstream for {started} of the clients: at most three each"
        ),
    )?;
    let recovered = |client: usize| {
        let is_good = |call: &&Call| call.error.is_none() && call.ended > busy_s;
        let ends = calls.iter().filter(|call| call.client == client).filter(is_good);
        ends.map(|call| call.ended - busy_s).fold(f64::INFINITY, f64::min)
    };
    let latest = (0..CLIENTS).map(recovered).fold(0.0, f64::max);
    promises.check(
        latest <= RECOVERY.as_secs_f64(),
        &format!("the last client had an answer {latest:.1} s after it stopped"),
    )?;
    world.end().await
}

//! The measured processes, and the kernel's counters of them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use lanyard_runtime::run_secret::RunSecret;
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout};

use crate::role::Command;
use crate::role::engine::Copies;

/// Longer than any role takes to start.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The variable in which children find the secret of the run.
const SECRET: &str = "LANYARD_BENCH_SECRET";

/// The secret of the engine: made by the first, passed on to its children.
pub(crate) fn run_secret() -> Result<&'static RunSecret> {
    static SECRET_OF_RUN: OnceLock<RunSecret> = OnceLock::new();
    if let Some(secret) = SECRET_OF_RUN.get() {
        return Ok(secret);
    }
    #[expect(clippy::disallowed_methods, reason = "a process of this program passed it on")]
    let secret = match std::env::var(SECRET) {
        Ok(text) => RunSecret::of_run(text),
        Err(_) => RunSecret::new()?,
    };
    Ok(SECRET_OF_RUN.get_or_init(|| secret))
}

/// Takes as many descriptors as this process may have; children inherit them.
pub(crate) fn allow_many_files() -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).context("this process may not open more files")
}

/// A process in some role, which ends when this is dropped, or when this process does.
pub(crate) struct Child {
    /// Where it serves, such as `http://127.0.0.1:40123`.
    pub(crate) address: String,
    /// The line that it printed when it was ready.
    pub(crate) ready: Value,
    pid: u32,
    process: tokio::process::Child,
    commands: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
}

impl Child {
    /// Starts this program in a role and waits until it is ready.
    pub(crate) async fn start(role: &[&str]) -> Result<Self> {
        let program = std::env::current_exe().context("this program's own place is unknown")?;
        let mut process = tokio::process::Command::new(program)
            .arg("role")
            .args(role)
            .env(SECRET, run_secret()?.reveal())
            // The service sends it to the engine.
            .env("AWS_SESSION_TOKEN", run_secret()?.reveal())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A line for each request; what it costs to write it is measured all the same.
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let commands = process.stdin.take().context("it has no input")?;
        let said = process.stdout.take().context("it has no output")?;
        let mut said = BufReader::new(said).lines();
        let pid = process.id().context("it ended at once")?;
        let line = tokio::time::timeout(TIMEOUT, said.next_line()).await;
        let line = line.with_context(|| format!("{role:?} is not ready"))??;
        let line = line.with_context(|| format!("{role:?} ended before it was ready"))?;
        let ready: Value = serde_json::from_str(&line)?;
        let Some(address) = ready["address"].as_str().map(ToOwned::to_owned) else {
            bail!("{role:?}: {line}");
        };
        Ok(Self { address, ready, pid, process, commands, said })
    }

    /// The number of running tasks.
    pub(crate) async fn tasks(&mut self) -> Result<u64> {
        self.tell(&Command::Tasks).await
    }

    /// Has an engine fill its table with copies; returns how many it wrote.
    pub(crate) async fn copy(&mut self, copies: Copies) -> Result<u64> {
        self.tell(&Command::Copy(copies)).await
    }

    /// Sends it a command, and waits for the number that it returns.
    async fn tell(&mut self, command: &Command) -> Result<u64> {
        let line = format!("{}\n", serde_json::to_string(command)?);
        self.commands.write_all(line.as_bytes()).await?;
        let said = self.said.next_line().await?.context("it has ended")?;
        serde_json::from_str(&said).with_context(|| said)
    }

    /// Processor time of itself and, apart, of the processes below it, so far.
    pub(crate) fn cpu(&self) -> Result<Cpu> {
        let below = below(self.pid)?;
        let mut children = HashMap::new();
        for pid in &below {
            threads(*pid, &mut children)?;
        }
        let mut own = HashMap::new();
        threads(self.pid, &mut own)?;
        Ok(Cpu { own, children })
    }

    /// Processor time of itself so far.
    pub(crate) fn spent(&self) -> Result<Duration> {
        let mut spent = HashMap::new();
        threads(self.pid, &mut spent)?;
        Ok(Duration::from_nanos(spent.values().sum()))
    }

    /// Begins to note the most memory anew, of itself and of the processes below it.
    pub(crate) fn reset_peak(&self) -> Result<()> {
        for pid in below(self.pid)?.into_iter().chain([self.pid]) {
            // A process below it may have ended since.
            let _ = std::fs::write(format!("/proc/{pid}/clear_refs"), "5");
        }
        Ok(())
    }

    /// The most memory that was resident since, of itself and of the processes below it, in KiB.
    pub(crate) fn peak_kib(&self) -> Result<u64> {
        let pids = below(self.pid)?.into_iter().chain([self.pid]);
        Ok(pids.filter_map(|pid| status(pid, "VmHWM:")).sum())
    }

    /// Memory that is resident now, in KiB.
    pub(crate) fn resident_kib(&self) -> Result<u64> {
        status(self.pid, "VmRSS:").context("the kernel names no memory")
    }

    /// How many threads it has.
    pub(crate) fn threads(&self) -> Result<u64> {
        status(self.pid, "Threads:").context("the kernel names no threads")
    }

    /// How many files and sockets it has open.
    pub(crate) fn files(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.pid))?.count())
    }

    /// Ends it in order, and what it started with it.
    pub(crate) async fn end(self) -> Result<()> {
        let Self { mut process, commands, .. } = self;
        drop(commands);
        if tokio::time::timeout(Duration::from_secs(40), process.wait()).await.is_err() {
            process.kill().await?;
        }
        Ok(())
    }
}

/// Processor time by thread, to the nanosecond.
pub(crate) struct Cpu {
    own: HashMap<PathBuf, u64>,
    children: HashMap<PathBuf, u64>,
}

impl Cpu {
    /// The processor time since: by the process itself, and by those below it. A thread that ended
    /// in between is missing with what it had spent since; roles keep theirs.
    pub(crate) fn since(&self, before: &Self) -> (Duration, Duration) {
        let spent = |now: &HashMap<PathBuf, u64>, then: &HashMap<PathBuf, u64>| {
            let of = |(thread, ns): (&PathBuf, &u64)| {
                ns.saturating_sub(then.get(thread).copied().unwrap_or_default())
            };
            Duration::from_nanos(now.iter().map(of).sum())
        };
        (spent(&self.own, &before.own), spent(&self.children, &before.children))
    }
}

fn threads(pid: u32, spent: &mut HashMap<PathBuf, u64>) -> Result<()> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Ok(()) };
    for thread in threads {
        let thread = thread?.path();
        // A thread may end between the listing and the reading.
        let Ok(line) = std::fs::read_to_string(thread.join("schedstat")) else { continue };
        let ns = line.split(' ').next().unwrap_or_default().parse()?;
        spent.insert(thread, ns);
    }
    Ok(())
}

/// The processes below one, at any depth.
fn below(root: u32) -> Result<Vec<u32>> {
    let mut parents = HashMap::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Some(parent) = status(pid, "PPid:") else { continue };
        parents.insert(pid, parent);
    }
    let is_below = |pid: &u32| {
        let mut at = *pid;
        while let Some(parent) = parents.get(&at).and_then(|parent| u32::try_from(*parent).ok()) {
            if parent == root {
                return true;
            }
            at = parent;
        }
        false
    };
    Ok(parents.keys().copied().filter(is_below).collect())
}

/// A number of `/proc/PID/status`; `None` if the process is gone.
fn status(pid: u32, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// How busy the machine is: time of all processors that was spent, and in all, in ticks.
pub(crate) fn machine() -> Result<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/stat")?;
    let line = text.lines().next().context("the kernel tells nothing of its processors")?;
    let ticks: Vec<u64> =
        line.split_whitespace().skip(1).take(8).map(str::parse).collect::<Result<_, _>>()?;
    // Idle, and idle while a disk is waited for.
    let idle: u64 = ticks.iter().skip(3).take(2).sum();
    let all: u64 = ticks.iter().sum();
    Ok((all - idle, all))
}

/// Processor time of this process so far.
pub(crate) fn own_cpu() -> Result<Duration> {
    let mut spent = HashMap::new();
    threads(std::process::id(), &mut spent)?;
    Ok(Duration::from_nanos(spent.values().sum()))
}

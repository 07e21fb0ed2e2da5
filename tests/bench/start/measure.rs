//! One function, started often, then asked often.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::process::{Child, Command};

use lanyard_tests::runtime_api::Runtime;

/// The number of requests of one attendee, below every limit.
const REQUESTS_PER_ATTENDEE: usize = 10;

/// The function to measure.
pub(crate) struct Measurement {
    /// The function's name.
    pub(crate) function: String,
    /// Its binary.
    pub(crate) binary: PathBuf,
    /// Its invocation.
    pub(crate) event: String,
    /// Where it finds its world.
    pub(crate) environment: Vec<(&'static str, String)>,
}

/// The measurements. Times are medians; those of a start are over all starts.
pub(crate) struct Figures {
    /// The function's name.
    pub(crate) function: String,
    /// The binary's size in bytes.
    pub(crate) size: u64,
    /// From the process's start to its first request for an invocation.
    pub(crate) ready: Duration,
    /// Processor time until then.
    pub(crate) ready_cpu: Duration,
    /// The status of its first response: to some samples a refusal is the true one.
    pub(crate) status: u64,
    /// From the process's start to the end of its first response.
    pub(crate) first: Duration,
    /// Processor time until it waits for its second invocation.
    pub(crate) first_cpu: Duration,
    /// From an invocation to the end of its response, in an environment that has served before.
    pub(crate) warm: Duration,
    /// Processor time per invocation, with what follows the response; the mean.
    pub(crate) warm_cpu: Duration,
    /// Most memory that was resident at any time, in KiB.
    pub(crate) peak_kib: u64,
}

impl Measurement {
    /// Starts the function this many times, and sends this many requests to the last one.
    pub(crate) async fn take(&self, starts: usize, requests: usize) -> Result<Figures> {
        let (mut ready, mut ready_cpu, mut first, mut first_cpu) = (vec![], vec![], vec![], vec![]);
        let mut warm = vec![];
        let (mut warm_cpu, mut peak_kib, mut status) = (Duration::ZERO, 0, 0);
        for start in 1..=starts.max(1) {
            let mut runtime = Runtime::start().await?;
            let started = Instant::now();
            let process = self.spawn(&runtime)?;
            let turn = runtime.next().await?;
            ready.push(turn.at - started);
            ready_cpu.push(process.cpu()?);
            let event = self.event_of(&format!("start-{start}"));
            let answered = runtime.invoke(turn, &event).await?;
            first.push(answered.at - started);
            status = answered.status;
            let mut turn = runtime.next().await?;
            let before = process.cpu()?;
            first_cpu.push(before);
            if start == starts.max(1) {
                for request in 0..requests {
                    let attendee = format!("warm-{}", request / REQUESTS_PER_ATTENDEE);
                    let event = self.event_of(&attendee);
                    let given = Instant::now();
                    warm.push(runtime.invoke(turn, &event).await?.at - given);
                    turn = runtime.next().await?;
                }
                let requests = u32::try_from(requests.max(1))?;
                warm_cpu = (process.cpu()? - before) / requests;
            }
            peak_kib = peak_kib.max(process.peak_kib()?);
        }
        Ok(Figures {
            function: self.function.clone(),
            size: std::fs::metadata(&self.binary)?.len(),
            ready: median(ready),
            ready_cpu: median(ready_cpu),
            status,
            first: median(first),
            first_cpu: median(first_cpu),
            warm: median(warm),
            warm_cpu,
            peak_kib,
        })
    }

    fn spawn(&self, runtime: &Runtime) -> Result<Process> {
        let child = Command::new(&self.binary)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_FUNCTION_NAME", &self.function)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_RUNTIME_API", runtime.address())
            .env("LANYARD_LOG", "warn")
            .stdin(Stdio::null())
            // Usage lines are written here; on Lambda they go to the log.
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", self.binary.display()))?;
        let id = child.id().context("it ended at once")?;
        Ok(Process { id, _child: child })
    }

    fn event_of(&self, attendee: &str) -> String {
        self.event.replace("hackathon/githubuser", &format!("hackathon/{attendee}"))
    }
}

/// A function that runs until it is dropped.
struct Process {
    id: u32,
    _child: Child,
}

impl Process {
    /// Processor time of all its threads so far, to the nanosecond.
    fn cpu(&self) -> Result<Duration> {
        let mut spent_ns = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.id))? {
            // A thread may end between the listing and the reading.
            let Ok(line) = std::fs::read_to_string(thread?.path().join("schedstat")) else {
                continue;
            };
            spent_ns += line.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(Duration::from_nanos(spent_ns))
    }

    fn peak_kib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let line = line.context("the kernel names no peak")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

fn median(mut values: Vec<Duration>) -> Duration {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

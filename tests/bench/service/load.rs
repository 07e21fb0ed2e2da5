//! The promises of a service under load: every request gets a response, is counted, and releases
//! its hold.
//!
//! The service of `cargo run` runs with the functions in its process and its engine in another one,
//! so that the memory and processor time of each are known. Each scenario has its own world.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use lanyard_platform::table::Table;

use crate::azure::{Azure, Pace};
use crate::books;
use crate::child::Child;
use crate::organiser::Organiser;
use crate::store::Store;

mod chaos;
mod flood;
mod greedy;
mod soak;
mod storm;
mod streams;

#[derive(Args)]
pub(crate) struct Options {
    /// Which; all but `soak`, if none is named.
    scenarios: Vec<Scenario>,

    /// The number of attendees. Each requests a stream of ten seconds four times a minute.
    #[arg(long, default_value_t = 1_000)]
    attendees: u32,

    /// How long they send requests.
    #[arg(long, default_value_t = 180)]
    stream_seconds: u64,

    /// How long each flood of requests that are refused lasts.
    #[arg(long, default_value_t = 10)]
    flood_seconds: u64,

    /// How long the greedy attendee sends requests; before, all is calm for half as long.
    #[arg(long, default_value_t = 60)]
    greedy_seconds: u64,

    /// How long Azure answers 429.
    #[arg(long, default_value_t = 60)]
    storm_seconds: u64,

    /// A Python with the `openai` package, as `.ci/run clients` installs it.
    #[arg(long, default_value = ".ci/tools/clients-openai/bin/python")]
    python: PathBuf,

    /// How long the faults last.
    #[arg(long, default_value_t = 600)]
    chaos_seconds: u64,

    /// How long the soak lasts.
    #[arg(long, default_value_t = 3_600)]
    soak_seconds: u64,

    /// The share of all processors that the soak uses, in percent.
    #[arg(long, default_value_t = 60)]
    soak_percent: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// A thousand attendees, streams of ten seconds.
    Streams,
    /// Nothing but requests that are refused.
    Flood,
    /// One attendee sends fifty times as many requests as the others.
    Greedy,
    /// Azure responds with 429 to many instances of the real Python client.
    Storm,
    /// Azure breaks, the store breaks, attendees leave.
    Chaos,
    /// An hour at a steady load, with faults every ten minutes. It runs only if it is named.
    Soak,
}

/// Runs the scenarios; the exit code is 1 if a promise was broken.
pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let short = Scenario::value_variants().iter().copied().filter(|one| *one != Scenario::Soak);
    let scenarios =
        if options.scenarios.is_empty() { short.collect() } else { options.scenarios.clone() };
    let mut promises = Promises::default();
    for scenario in scenarios {
        let name = format!("{scenario:?}").to_lowercase();
        say(&format!("\n{name}"))?;
        match scenario {
            Scenario::Streams => streams::run(options, &mut promises).await?,
            Scenario::Flood => flood::run(options, &mut promises).await?,
            Scenario::Greedy => greedy::run(options, &mut promises).await?,
            Scenario::Storm => storm::run(options, &mut promises).await?,
            Scenario::Chaos => chaos::run(options, &mut promises).await?,
            Scenario::Soak => soak::run(options, &mut promises).await?,
        }
    }
    say(&format!("\n{} promises broken", promises.broken))?;
    Ok(if promises.broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A service, its engine and its Azure.
struct World {
    azure: Azure,
    /// The proxy in front of the engine that injects faults.
    store: Option<Store>,
    engine: Child,
    service: Child,
    organiser: Organiser,
    /// The table behind all that.
    table: Table,
}

impl World {
    async fn start(pace: Pace, may_go_wrong: bool) -> Result<Self> {
        let azure = Azure::start(pace).await?;
        let engine = Child::start(&["engine"]).await?;
        let store = match may_go_wrong {
            true => Some(Store::before(&engine.address).await?),
            false => None,
        };
        let before = store.as_ref().map_or(&engine.address, |store| &store.endpoint);
        let role = ["local", "--azure", &azure.endpoint, "--engine", before];
        let service = Child::start(&role).await?;
        let organiser = Organiser::of(&service)?;
        let table = books::table(&engine.address)?;
        Ok(Self { azure, store, engine, service, organiser, table })
    }

    async fn end(self) -> Result<()> {
        self.service.end().await?;
        self.engine.end().await
    }
}

/// Checks promises, and counts the broken ones.
#[derive(Default)]
struct Promises {
    broken: u32,
}

impl Promises {
    /// Says whether a promise was kept.
    fn check(&mut self, is_kept: bool, promise: &str) -> Result<()> {
        self.broken += u32::from(!is_kept);
        say(&format!("  {} {promise}", if is_kept { "kept   " } else { "BROKEN " }))
    }

    /// The same of something that fails with a reason.
    fn check_that(&mut self, outcome: Result<()>, promise: &str) -> Result<()> {
        match outcome {
            Ok(()) => self.check(true, promise),
            Err(fault) => self.check(false, &format!("{promise}: {fault:#}")),
        }
    }
}

fn say(line: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()?;
    Ok(())
}

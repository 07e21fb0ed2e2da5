//! The cost of a request as attendees, events and usage records grow: always the same.
//!
//! DynamoDB's calls and capacity units are counted before the engine, for each request, with the
//! table at one size after the other; they must stay within a tenth. So must processor time, which
//! is printed too, but depends on what else the machine does. Organisers' lists come by pages, and
//! nothing ever reads the whole table.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use lanyard_domain::ids::{EventId, RequestId};
use lanyard_functions::FUNCTIONS;
use lanyard_platform::table::Table;

use self::measure::{Cost, Turn, measure};
use self::pages::Pages;
use crate::azure::{Azure, Pace};
use crate::books;
use crate::caller::{Caller, Question};
use crate::child::Child;
use crate::figures::ratio;
use crate::organiser::Organiser;
use crate::store::Store;

mod measure;
mod pages;
mod seed;

#[derive(Args)]
pub(crate) struct Options {
    /// How many attendees the event has, one size after the other.
    #[arg(long, value_delimiter = ',', default_value = "1,100,10000,100000")]
    attendees: Vec<u64>,

    /// How many events the organiser has.
    #[arg(long, value_delimiter = ',', default_value = "1,30,1000")]
    events: Vec<u64>,

    /// How many usage records there are. Ten million take the engine 10 GB of memory.
    #[arg(long, value_delimiter = ',', default_value = "10,10000,1000000,10000000")]
    records: Vec<u64>,

    /// How many requests are measured at each size.
    #[arg(long, default_value_t = 1_500)]
    requests: u64,
}

/// How much more than at its cheapest a request may cost.
const MOST: f64 = 1.1;

/// The event's code.
const CODE: &str = "growth";

/// A service over a store that counts.
struct World {
    azure: Azure,
    store: Store,
    engine: Child,
    service: Child,
    organiser: Organiser,
    /// The table behind the store, where nothing counts.
    table: Table,
    event: EventId,
}

/// Takes all figures; the exit code is 1 if a promise was broken.
pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let azure = Azure::start(Pace::USUAL).await?;
    let engine = Child::start(&["engine"]).await?;
    let store = Store::before(&engine.address).await?;
    let role = ["local", "--azure", &azure.endpoint, "--engine", &store.endpoint, "--unscheduled"];
    let service = Child::start(&role).await?;
    let organiser = Organiser::of(&service)?;
    let event = organiser.event(CODE, &[], &[]).await?;
    let table = books::table(&engine.address)?;
    let mut world = World { azure, store, engine, service, organiser, table, event };

    // Larger sizes are copies of what these requests leave.
    measure(&world, Turn { requests: 20, attendees: 1 }).await?;
    let small = Pages::read(&world).await?;
    let mut broken = 0;
    say(&format!(
        "{:24}{:>10}{:>10}{:>12}{:>12}{:>12}",
        "", "calls", "units", "service ms", "engine ms", "answer ms"
    ))?;
    broken += attendees(&mut world, options).await?;
    broken += events(&world, options).await?;
    broken += records(&mut world, options).await?;
    broken += Pages::read(&world).await?.compare(&small)?;
    pages::by_the_clock(&world).await?;
    broken += nothing_scans(&world)?;
    say(&format!("\n{broken} promises broken; {} calls of Azure", world.azure.calls()))?;
    world.service.end().await?;
    world.engine.end().await?;
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn attendees(world: &mut World, options: &Options) -> Result<u32> {
    let (mut costs, mut there) = (Vec::new(), 1);
    for size in options.attendees.iter().copied() {
        seed::attendees(world, there..size).await?;
        there = there.max(size);
        let turn = Turn { requests: options.requests, attendees: there };
        costs.push(measured(world, turn, &format!("{size} attendees")).await?);
    }
    compare("attendees", &costs)
}

async fn events(world: &World, options: &Options) -> Result<u32> {
    let (mut costs, mut there) = (Vec::new(), 1);
    for size in options.events.iter().copied() {
        for number in there..size {
            world.organiser.event(&format!("{CODE}-{number}"), &[], &[]).await?;
        }
        there = there.max(size);
        let turn = Turn { requests: options.requests, attendees: 100 };
        costs.push(measured(world, turn, &format!("{size} events")).await?);
    }
    compare("events", &costs)
}

async fn records(world: &mut World, options: &Options) -> Result<u32> {
    let like = a_record(world).await?;
    let (mut costs, mut there) = (Vec::new(), 0);
    for size in options.records.iter().copied() {
        seed::records(world, &like, there..size).await?;
        there = there.max(size);
        let turn = Turn { requests: options.requests, attendees: 100 };
        costs.push(measured(world, turn, &format!("{size} records")).await?);
    }
    compare("records", &costs)
}

async fn measured(world: &World, turn: Turn, name: &str) -> Result<Cost> {
    let cost = measure(world, turn).await?;
    say(&format!(
        "{name:24}{:>10.3}{:>10.3}{:>12.3}{:>12.3}{:>12.2}",
        cost.calls, cost.units, cost.service_ms, cost.engine_ms, cost.response_ms
    ))?;
    Ok(cost)
}

/// Holds the costs of one kind of growth to each other; returns how many promises were broken.
fn compare(kind: &str, costs: &[Cost]) -> Result<u32> {
    let spread = |of: fn(&Cost) -> f64| {
        let (least, most) = costs
            .iter()
            .map(of)
            .fold((f64::INFINITY, 0.0_f64), |(low, high), one| (low.min(one), high.max(one)));
        ratio(most, least)
    };
    let (calls, units) = (spread(|cost| cost.calls), spread(|cost| cost.units));
    let cpu = spread(|cost| cost.service_ms);
    let word = if cpu <= MOST { "holds" } else { "MISSED" };
    say(&format!("  target  {word}: processor time within {MOST} over all {kind}: {cpu:.2}"))?;
    promise(
        calls <= MOST && units <= MOST,
        &format!("calls and units are flat over all {kind}: within {calls:.3} and {units:.3}"),
    )
}

/// Whether any function reads the full table: none was seen to, and none may.
fn nothing_scans(world: &World) -> Result<u32> {
    let counts = world.store.counts();
    let asked: Vec<_> = counts.keys().map(String::as_str).collect();
    let seen = promise(!counts.contains_key("Scan"), &format!("no Scan among {asked:?}"))?;
    let may = FUNCTIONS
        .iter()
        .filter(|function| function.grants().iter().any(|grant| grant.action == "dynamodb:Scan"));
    let may: Vec<_> = may.map(|function| function.name).collect();
    Ok(seen + promise(may.is_empty(), &format!("no role allows a Scan {may:?}"))?)
}

/// Has a request leave a record.
async fn a_record(world: &World) -> Result<RequestId> {
    let asked = Question::Chat.by(&format!("{CODE}/attendee-0"));
    let result = Caller::to(&world.service.address)?.ask(asked, None).await?;
    ensure!(result.status == 200, "{}: {}", result.status, result.refusal);
    books::quiet(&world.table, &world.event, Duration::from_secs(10)).await?;
    result.request_id.context("the answer names no request")
}

fn promise(is_kept: bool, promise: &str) -> Result<u32> {
    say(&format!("  {} {promise}", if is_kept { "kept   " } else { "BROKEN " }))?;
    Ok(u32::from(!is_kept))
}

fn say(line: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()?;
    Ok(())
}

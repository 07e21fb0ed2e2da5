//! One turn of one side.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::side::Side;
use crate::caller::{Caller, Question};
use crate::child::{Cpu, machine, own_cpu};
use crate::figures::{number, ratio};
use crate::organiser::CODE;

/// The settlement of each response has ended by then.
const SETTLED: Duration = Duration::from_millis(150);

/// The measurements of a side.
#[derive(Default)]
pub(crate) struct Figures {
    /// Responses.
    pub(crate) requests: u64,
    /// Those among them that were no success or broke off.
    pub(crate) failed: u64,
    /// How long it was measured.
    pub(crate) elapsed: Duration,
    /// From the request to the first byte.
    pub(crate) first: Vec<Duration>,
    /// From the request to the end.
    pub(crate) whole: Vec<Duration>,
    /// Each frame's way from Azure.
    pub(crate) held_back: Vec<Duration>,
    /// Processor time of what serves, and of the processes below it.
    pub(crate) cpu: Duration,
    pub(crate) cpu_below: Duration,
    /// Processor time of the engine.
    pub(crate) cpu_engine: Duration,
    /// The most memory of what serves, with the processes below it.
    pub(crate) peak_kib: u64,
    /// The part of all processors that others took meanwhile, at its highest.
    pub(crate) taken_by_others: f64,
}

impl Figures {
    /// Adds another turn.
    pub(crate) fn add(&mut self, turn: Self) {
        self.requests += turn.requests;
        self.failed += turn.failed;
        self.elapsed += turn.elapsed;
        for (all, more) in [
            (&mut self.first, turn.first),
            (&mut self.whole, turn.whole),
            (&mut self.held_back, turn.held_back),
        ] {
            all.extend(more);
            all.sort_unstable();
        }
        self.cpu += turn.cpu;
        self.cpu_below += turn.cpu_below;
        self.cpu_engine += turn.cpu_engine;
        self.peak_kib = self.peak_kib.max(turn.peak_kib);
        self.taken_by_others = self.taken_by_others.max(turn.taken_by_others);
    }

    /// Requests per second.
    pub(crate) fn rate(&self) -> f64 {
        ratio(number(self.requests), self.elapsed.as_secs_f64())
    }

    /// Milliseconds of processor time for each request, of something.
    pub(crate) fn each(&self, cpu: Duration) -> f64 {
        ratio(cpu.as_secs_f64() * 1_000.0, number(self.requests))
    }
}

/// Processor time of a side's processes so far.
struct Spent {
    server: Option<Cpu>,
    engine: Option<Cpu>,
    own: Duration,
    machine: (u64, u64),
    at: Instant,
}

impl Spent {
    fn of(side: &Side) -> Result<Self> {
        let of = |child: &Option<crate::child::Child>| {
            child.as_ref().map(crate::child::Child::cpu).transpose()
        };
        let (server, engine) = (of(&side.server)?, of(&side.engine)?);
        let (own, machine, at) = (own_cpu()?, machine()?, Instant::now());
        Ok(Self { server, engine, own, machine, at })
    }
}

/// What is asked in a turn.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) question: Question,
    pub(crate) connections: usize,
    /// How many share the connections.
    pub(crate) attendees: usize,
    pub(crate) length: Duration,
}

impl Turn {
    /// A turn in which each connection is another attendee's.
    pub(crate) fn of(question: Question, connections: usize, length: Duration) -> Self {
        Self { question, connections, attendees: connections, length }
    }
}

/// Gives each side its turns. The order changes, so that no side always runs on a processor that
/// another has heated.
pub(crate) async fn turns(sides: &[Side], turn: Turn, rounds: usize) -> Result<Vec<Figures>> {
    let mut figures: Vec<_> = sides.iter().map(|_| Figures::default()).collect();
    for round in 0..rounds {
        for place in 0..sides.len() {
            let at = (place + round) % sides.len();
            figures[at].add(slice(&sides[at], turn).await?);
        }
    }
    Ok(figures)
}

/// Lets so many connections ask a side for a while. Each sends one request before, which is not
/// counted.
async fn slice(side: &Side, turn: Turn) -> Result<Figures> {
    let Turn { question, connections, attendees, length } = turn;
    let (warm, go) =
        (Arc::new(Barrier::new(connections + 1)), Arc::new(Barrier::new(connections + 1)));
    let mut asking = JoinSet::new();
    for connection in 0..connections {
        let mut caller = Caller::to(&side.address)?;
        let (warm, go) = (Arc::clone(&warm), Arc::clone(&go));
        let attendee = format!("{CODE}/attendee-{}", connection % attendees);
        asking.spawn(async move {
            let warmed = caller.ask(question.by(&attendee), None).await;
            warm.wait().await;
            go.wait().await;
            warmed?;
            let until = Instant::now() + length;
            let mut result = Vec::new();
            while Instant::now() < until {
                result.push(caller.ask(question.by(&attendee), None).await?);
            }
            anyhow::Ok(result)
        });
    }
    warm.wait().await;
    tokio::time::sleep(SETTLED).await;
    for child in side.server.iter().chain(&side.engine) {
        child.reset_peak()?;
    }
    let before = Spent::of(side)?;
    let started = Instant::now();
    go.wait().await;
    let mut figures = Figures::default();
    while let Some(one) = asking.join_next().await {
        for result in one?? {
            let is_good = result.status == 200 && result.is_whole;
            figures.failed += u64::from(!is_good);
            figures.requests += 1;
            figures.first.push(result.first);
            figures.whole.push(result.whole);
            figures.held_back.extend(result.held_back);
        }
    }
    figures.elapsed = started.elapsed();
    tokio::time::sleep(SETTLED).await;
    let after = Spent::of(side)?;
    if let (Some(after), Some(before)) = (&after.server, &before.server) {
        (figures.cpu, figures.cpu_below) = after.since(before);
    }
    if let (Some(after), Some(before)) = (&after.engine, &before.engine) {
        figures.cpu_engine = after.since(before).0;
    }
    figures.taken_by_others = others(&before, &after, &figures);
    figures.peak_kib =
        side.server.as_ref().map(crate::child::Child::peak_kib).transpose()?.unwrap_or_default();
    Ok(figures)
}

/// The part of all processors that neither this process nor the side took.
fn others(before: &Spent, after: &Spent, figures: &Figures) -> f64 {
    let busy = after.machine.0.saturating_sub(before.machine.0);
    let all = after.machine.1.saturating_sub(before.machine.1);
    let ours =
        after.own.saturating_sub(before.own) + figures.cpu + figures.cpu_below + figures.cpu_engine;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let there = (after.at - before.at) * u32::try_from(processors).unwrap_or(1);
    let part = ratio(number(busy), number(all)) - ratio(ours.as_secs_f64(), there.as_secs_f64());
    part.max(0.0)
}

//! An hour of steady load at twenty events. Azure and the store break for a minute in every ten.
//! Memory, files and tasks must not grow, and the totals must agree in the end.
//!
//! The pause between two requests of an attendee is adjusted so that service, engine, Azure and
//! clients together use a constant share of the processors, whatever else runs on the machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use lanyard_domain::allowance::Limit;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::chaos::{Counted, Left, PACE, TIMEOUT, agree, ask};
use super::{Options, Promises, World, say};
use crate::books;
use crate::caller::{Caller, Question};
use crate::child::own_cpu;
use crate::figures::{mib, number};

const EVENTS: u64 = 20;

/// How many ask at each event.
const ATTENDEES: u64 = 10;

/// The budget of every tenth event, in tokens. It is spent in minutes, so that the rest of its
/// requests are refused.
const BUDGET: u64 = 500_000;

/// From one minute of faults to the next.
const CYCLE: Duration = Duration::from_mins(10);

/// How long the faults of a cycle last. They come in its middle.
const FAULTS: Duration = Duration::from_mins(1);

/// How often the load is adjusted and memory is measured.
const LOOKS: Duration = Duration::from_secs(10);

/// The pauses between two requests of an attendee, in milliseconds.
const PAUSES: std::ops::RangeInclusive<f64> = 1.0..=60_000.0;

pub(super) async fn run(options: &Options, promises: &mut Promises) -> Result<()> {
    let mut world = World::start(PACE, true).await?;
    let mut events = Vec::new();
    for number in 0..EVENTS {
        let code = format!("soak-{number}");
        let budget = [(Limit::TokensTotal, BUDGET)];
        let limits = if number.is_multiple_of(10) { budget.as_slice() } else { &[] };
        events.push((world.organiser.event(&code, &[], limits).await?, code));
    }
    let mut caller = Caller::to(&world.service.address)?;
    for (id, code) in &events {
        caller.ask(Question::Stream.by(&format!("{code}/first")), None).await?;
        books::quiet(&world.table, id, TIMEOUT).await?;
    }
    let before = Left::of(&mut world).await?;

    let begin = Instant::now();
    let until = begin + Duration::from_secs(options.soak_seconds);
    let pause = Arc::new(AtomicU64::new(1_000));
    let mut asking = JoinSet::new();
    for (event, (_, code)) in events.iter().enumerate() {
        for attendee in 0..ATTENDEES {
            let caller = Caller::to(&world.service.address)?;
            let turn = attendee + u64::try_from(event)?;
            let name = format!("{code}/attendee-{attendee}");
            asking.spawn(ask(caller, name, turn, until, Arc::clone(&pause)));
        }
    }
    let mut load = Load::start(&world, f64::from(options.soak_percent) / 100.0, pause)?;
    let mut samples = Vec::new();
    let mut counted = Counted::default();
    let mut looks = tokio::time::interval_at(begin + LOOKS, LOOKS);
    loop {
        tokio::select! {
            _ = looks.tick() => {
                let into = Duration::from_secs(begin.elapsed().as_secs() % CYCLE.as_secs());
                world.trouble((CYCLE / 2..CYCLE / 2 + FAULTS).contains(&into));
                let share = load.adjust(&world)?;
                samples.push(Sample::of(&mut world, share).await?);
            }
            done = asking.join_next() => match done {
                Some(done) => counted.add(&done?),
                None => break,
            },
        }
    }
    world.trouble(false);
    counted.say(&world)?;
    report(&samples)?;
    grows_not(&samples, promises)?;

    drop(caller);
    before.check_again(&mut world, promises).await?;
    let named: Vec<_> = events.iter().map(|(id, code)| (code.as_str(), id)).collect();
    agree(&world, promises, &named).await?;
    world.end().await
}

/// The share of all processors that this measurement uses.
struct Load {
    wanted: f64,
    pause_ms: Arc<AtomicU64>,
    processors: f64,
    at: Instant,
    spent: Duration,
}

impl Load {
    fn start(world: &World, wanted: f64, pause_ms: Arc<AtomicU64>) -> Result<Self> {
        let processors = number(u64::try_from(std::thread::available_parallelism()?.get())?);
        let spent = Self::spent(world)?;
        Ok(Self { wanted, pause_ms, processors, at: Instant::now(), spent })
    }

    /// The processor time of all processes so far. A thread that has ended is missing.
    fn spent(world: &World) -> Result<Duration> {
        let (service, engine) = (world.service.spent()?, world.engine.spent()?);
        Ok(service + engine + own_cpu()?)
    }

    /// The share since the last call. Longer pauses follow if it was too high, shorter ones if it
    /// was too low.
    fn adjust(&mut self, world: &World) -> Result<f64> {
        let (now, spent) = (Instant::now(), Self::spent(world)?);
        let wall = (now - self.at).as_secs_f64() * self.processors;
        let share = spent.saturating_sub(self.spent).as_secs_f64() / wall;
        (self.at, self.spent) = (now, spent);
        let pause = number(self.pause_ms.load(Ordering::Relaxed));
        // A step is at most a half, so that the load does not swing.
        let step = (share / self.wanted).clamp(0.67, 1.5);
        let next = (pause * step).clamp(*PAUSES.start(), *PAUSES.end());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is within PAUSES"
        )]
        self.pause_ms.store(next.ceil() as u64, Ordering::Relaxed);
        Ok(share)
    }
}

/// What the service has in use at one time.
struct Sample {
    share: f64,
    service_kib: u64,
    engine_kib: u64,
    left: Left,
}

impl Sample {
    async fn of(world: &mut World, share: f64) -> Result<Self> {
        Ok(Self {
            share,
            service_kib: world.service.resident_kib()?,
            engine_kib: world.engine.resident_kib()?,
            left: Left::of(world).await?,
        })
    }
}

/// The most of a measure in some samples.
fn most(samples: &[Sample], of: impl Fn(&Sample) -> u64) -> u64 {
    samples.iter().map(of).max().unwrap_or_default()
}

/// A line for each tenth of the time.
fn report(samples: &[Sample]) -> Result<()> {
    say(
        "  load  service  engine  files  tasks, the most of each tenth; the engine has all records",
    )?;
    for part in samples.chunks(samples.len().div_ceil(10).max(1)) {
        let load = part.iter().map(|one| one.share).sum::<f64>() / number(part.len() as u64);
        say(&format!(
            "  {:3.0} %  {:3.0} MiB  {:4.0} MiB  {:5}  {:5}",
            load * 100.0,
            mib(most(part, |one| one.service_kib)),
            mib(most(part, |one| one.engine_kib)),
            most(part, |one| one.left.files as u64),
            most(part, |one| one.left.tasks),
        ))?;
    }
    Ok(())
}

/// The last third of the time beside the one before: each has its faults.
fn grows_not(samples: &[Sample], promises: &mut Promises) -> Result<()> {
    let third = samples.len() / 3;
    let (middle, last) = (&samples[third..2 * third], &samples[2 * third..]);
    let mut check = |what: &str, of: fn(&Sample) -> u64, slack: f64| {
        let (middle, last) = (most(middle, of), most(last, of));
        promises.check(
            number(last) <= number(middle) * 1.1 + slack,
            &format!("{what} do not grow: {middle}, then {last} at most"),
        )
    };
    check("KiB of the service", |one| one.service_kib, 4_096.0)?;
    check("files", |one| one.left.files as u64, 20.0)?;
    check("tasks", |one| one.left.tasks, 20.0)
}

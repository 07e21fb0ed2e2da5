//! Azure resets, stalls and refuses, the store fails and loses answers, and attendees leave in the
//! middle. Afterwards the totals must agree, and nothing may be held.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use lanyard_domain::account::Field;
use lanyard_domain::allowance::Limit;
use lanyard_domain::ids::EventId;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Options, Promises, World, say};
use crate::azure::{Manner, Pace};
use crate::books::{self, Books, Records};
use crate::caller::{Caller, Question};

pub(super) const PACE: Pace =
    Pace { first: Duration::from_millis(50), frames: 20, between: Duration::from_millis(20) };

/// How many ask at each event.
const ATTENDEES: u64 = 50;

/// The second event's budget, which is soon spent.
const BUDGET: u64 = 30_000;

/// The longest wait for a response.
pub(super) const TIMEOUT: Duration = Duration::from_secs(20);

/// Longer than a function runs, because a stream may be silent until then, and than connections may
/// lie idle.
const QUIET: Duration = Duration::from_secs(930);

/// Longer than tokio keeps a thread for blocking work that has none.
const IDLE_THREADS: Duration = Duration::from_secs(12);

/// Connections that the service opens to Azure and the store, and that no pool has closed yet.
const SLACK: usize = 8;

/// Tasks of such connections.
const MORE_TASKS: u64 = 4;

pub(super) async fn run(options: &Options, promises: &mut Promises) -> Result<()> {
    let mut world = World::start(PACE, true).await?;
    let open = world.organiser.event("chaos", &[], &[]).await?;
    let bounded =
        world.organiser.event("chaos-budget", &[], &[(Limit::TokensTotal, BUDGET)]).await?;
    let mut caller = Caller::to(&world.service.address)?;
    for code in ["chaos", "chaos-budget"] {
        caller.ask(Question::Stream.by(&format!("{code}/first")), None).await?;
    }
    books::quiet(&world.table, &bounded, TIMEOUT).await?;
    let before = Left::of(&mut world).await?;

    world.trouble(true);
    let until = Instant::now() + Duration::from_secs(options.chaos_seconds);
    let mut asking = JoinSet::new();
    for (code, first) in [("chaos", 0), ("chaos-budget", ATTENDEES)] {
        for attendee in first..first + ATTENDEES {
            let caller = Caller::to(&world.service.address)?;
            let name = format!("{code}/attendee-{attendee}");
            asking.spawn(ask(caller, name, attendee, until, Arc::default()));
        }
    }
    let mut counted = Counted::default();
    let mut most_committed = 0;
    let mut looks = tokio::time::interval(Duration::from_millis(500));
    loop {
        tokio::select! {
            _ = looks.tick() => {
                let account = books::event(&world.table, &bounded).await?;
                most_committed = account.count(Field::Committed).max(most_committed);
            }
            done = asking.join_next() => match done {
                Some(done) => counted.add(&done?),
                None => break,
            },
        }
    }
    world.trouble(false);
    counted.say(&world)?;

    drop(caller);
    before.check_again(&mut world, promises).await?;
    promises.check(
        most_committed <= BUDGET,
        &format!("the budget of {BUDGET} tokens was never passed: {most_committed} at most"),
    )?;
    agree(&world, promises, &[("without a budget", &open), ("with a budget", &bounded)]).await?;
    world.end().await
}

/// Sweeps what lost responses left, and compares the totals.
pub(super) async fn agree(
    world: &World,
    promises: &mut Promises,
    events: &[(&str, &EventId)],
) -> Result<()> {
    for (name, id) in events {
        let settled = books::event(&world.table, id).await?.count(Field::Requests);
        let left = books::attendees(&world.table, id).await?;
        say(&format!(
            "  {name}: {settled} requests settled, {} tokens held by {} whose settlement was lost",
            left.held, left.open
        ))?;
    }
    let started = Instant::now();
    books::sweep_much_later(&world.table).await?;
    let swept = started.elapsed().as_secs_f64();
    let records = Records::read(&world.table).await?;
    let read = started.elapsed().as_secs_f64() - swept;
    say(&format!("  swept in {swept:.1} s, all records read in {read:.1} s"))?;
    for (name, id) in events {
        let books = Books::read(&world.table, id, &records).await?;
        promises.check_that(
            books.check(),
            &format!("the event {name}, its attendees and its records agree, and nothing is held"),
        )?;
    }
    Ok(())
}

impl World {
    /// Azure and the store break, or are well again.
    pub(super) fn trouble(&self, is_troubled: bool) {
        self.azure.set(if is_troubled { Manner::Chaos } else { Manner::Well });
        if let Some(store) = &self.store {
            store.trouble(is_troubled);
        }
    }
}

/// The open files, threads and tasks of a process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    pub(super) files: usize,
    pub(super) tasks: u64,
    threads: u64,
}

impl Left {
    pub(super) async fn of(world: &mut World) -> Result<Self> {
        let threads = world.service.threads()?;
        let tasks = world.service.tasks().await?;
        Ok(Self { files: world.service.files()?, tasks, threads })
    }

    /// Checks that as little is open as before, when all is quiet.
    pub(super) async fn check_again(
        &self,
        world: &mut World,
        promises: &mut Promises,
    ) -> Result<()> {
        say(&format!("  idle connections and silent streams have {} s to end", QUIET.as_secs()))?;
        let over = Instant::now();
        let after = Self::when_quiet(world, self).await?;
        let seconds = over.elapsed().as_secs();
        say(&format!(
            "  before {self:?}\n  after  {after:?}, {seconds} s after the last question"
        ))?;
        promises.check(
            after.files <= self.files + SLACK,
            "files and sockets are back where they were",
        )?;
        promises.check(after.tasks <= self.tasks + MORE_TASKS, "tasks are back where they were")?;
        promises.check(after.threads <= self.threads, "threads are back where they were")
    }

    /// Waits until as little is open as before, for a while.
    async fn when_quiet(world: &mut World, before: &Self) -> Result<Self> {
        let until = Instant::now() + QUIET;
        loop {
            let now = Self::of(world).await?;
            let is_quiet =
                now.files <= before.files + SLACK && now.tasks <= before.tasks + MORE_TASKS;
            if is_quiet || Instant::now() >= until {
                // The thread that reads our commands is counted too. It ends when there are none.
                tokio::time::sleep(IDLE_THREADS).await;
                return Ok(Self { threads: world.service.threads()?, ..now });
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// The outcomes of requests.
#[derive(Default)]
pub(super) struct Counted {
    pub(super) asked: u64,
    answered: u64,
    refused: u64,
    broken: u64,
    left: u64,
}

impl Counted {
    pub(super) fn say(&self, world: &World) -> Result<()> {
        say(&format!(
            "  {} asked: {} answered, {} refused, {} broken off, {} left; {} calls of Azure, {} \
             troubles of the store",
            self.asked,
            self.answered,
            self.refused,
            self.broken,
            self.left,
            world.azure.calls(),
            world.store.as_ref().map_or(0, crate::store::Store::troubles),
        ))
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.asked += other.asked;
        self.answered += other.answered;
        self.refused += other.refused;
        self.broken += other.broken;
        self.left += other.left;
    }
}

/// Asks until the end, with a pause of so many milliseconds in between; leaves one stream in five
/// after a few frames, and waits for none too long.
pub(super) async fn ask(
    mut caller: Caller,
    name: String,
    attendee: u64,
    until: Instant,
    pause_ms: Arc<AtomicU64>,
) -> Counted {
    let mut counted = Counted::default();
    while Instant::now() < until {
        let turn = attendee + counted.asked;
        let question = if turn.is_multiple_of(3) { Question::Chat } else { Question::Stream };
        let leave_after = (turn % 5 == 1).then_some(1 + usize::try_from(turn % 7).unwrap_or(1));
        let leaves = leave_after.filter(|_| question == Question::Stream);
        counted.asked += 1;
        match tokio::time::timeout(TIMEOUT, caller.ask(question.by(&name), leaves)).await {
            Err(_) => {
                caller.leave();
                counted.left += 1;
            }
            Ok(Err(_)) => counted.broken += 1,
            Ok(Ok(result)) if result.status != 200 => {
                counted.refused += 1;
                // Refusals come at once; people take a moment.
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Ok(Ok(result)) if result.is_whole => counted.answered += 1,
            Ok(Ok(_)) if leaves.is_some() => counted.left += 1,
            Ok(Ok(_)) => counted.broken += 1,
        }
        tokio::time::sleep(Duration::from_millis(pause_ms.load(Ordering::Relaxed))).await;
    }
    counted
}

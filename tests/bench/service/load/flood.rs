//! Nothing but requests that are refused: by a code that names nothing, and by an allowance that is
//! spent. They must cost little, and Azure nothing.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use super::{Options, Promises, World, say};
use crate::azure::Pace;
use crate::caller::{Caller, Question};
use crate::figures::number;
use lanyard_domain::allowance::Limit;

/// The number of concurrent clients.
const CONNECTIONS: u32 = 32;

/// The refusals that one processor should manage in a second.
const PER_CORE: f64 = 2_000.0;

pub(super) async fn run(options: &Options, promises: &mut Promises) -> Result<()> {
    let world = World::start(Pace::USUAL, false).await?;
    world.organiser.event("flood", &[(Limit::RequestsPerDay, 1)], &[]).await?;
    for connection in 0..CONNECTIONS {
        let mut caller = Caller::to(&world.service.address)?;
        let spent = caller.ask(Question::Chat.by(&format!("flood/a-{connection}")), None).await?;
        ensure!(spent.status == 200, "the first request is refused: {}", spent.refusal);
    }
    for (kind, code, status) in
        [("a spent allowance", "flood", 402), ("an unknown code", "nothing-of-this-name", 401)]
    {
        flood(options, promises, &world, kind, code, status).await?;
    }
    world.end().await
}

async fn flood(
    options: &Options,
    promises: &mut Promises,
    world: &World,
    kind: &str,
    code: &str,
    status: u16,
) -> Result<()> {
    let calls = world.azure.calls();
    let (before, engine_before) = (world.service.cpu()?, world.engine.cpu()?);
    let started = Instant::now();
    let until = started + Duration::from_secs(options.flood_seconds);
    let mut asking = JoinSet::new();
    for connection in 0..CONNECTIONS {
        let mut caller = Caller::to(&world.service.address)?;
        let name = format!("{code}/a-{connection}");
        asking.spawn(async move {
            let (mut refused, mut others) = (0_u64, 0_u64);
            while Instant::now() < until {
                let result = caller.ask(Question::Chat.by(&name), None).await?;
                *(if result.status == status { &mut refused } else { &mut others }) += 1;
            }
            anyhow::Ok((refused, others))
        });
    }
    let (mut refused, mut others) = (0, 0);
    while let Some(counted) = asking.join_next().await {
        let (more, more_others) = counted??;
        refused += more;
        others += more_others;
    }
    let elapsed = started.elapsed();
    let service = world.service.cpu()?.since(&before).0;
    let engine = world.engine.cpu()?.since(&engine_before).0;
    let per_core = number(refused) / (service + engine).as_secs_f64().max(0.001);
    let word = if per_core >= PER_CORE { "holds" } else { "MISSED" };
    say(&format!(
        "  {kind}: {refused} refusals, {:.0} a second; {per_core:.0} for a second of a processor \
         (service {:.2} s, engine {:.2} s), target {PER_CORE}: {word}",
        number(refused) / elapsed.as_secs_f64(),
        service.as_secs_f64(),
        engine.as_secs_f64(),
    ))?;
    promises
        .check(others == 0, &format!("{kind} is always refused by {status} ({others} others)"))?;
    let more = world.azure.calls() - calls;
    promises.check(more == 0, &format!("{kind} never reaches Azure ({more} calls)"))
}

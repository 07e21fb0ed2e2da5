//! One attendee sends fifty times as many requests as the others, who must not be slowed down.

use std::time::Duration;

use anyhow::Result;
use lanyard_domain::allowance::Limit;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Options, Promises, World, say};
use crate::azure::Pace;
use crate::caller::{CallResult, Caller, Question};
use crate::figures::{ms, percentile};

/// The number of other attendees.
const OTHERS: u32 = 100;

/// Each may ask so often, and all together just as often as that comes to.
const PER_MINUTE: u64 = 12;

/// Each of the others sends a little fewer.
const INTERVAL: Duration = Duration::from_secs(6);

pub(super) async fn run(options: &Options, promises: &mut Promises) -> Result<()> {
    let world = World::start(Pace::USUAL, false).await?;
    let in_all = PER_MINUTE * u64::from(OTHERS + 1);
    let each = [(Limit::RequestsPerMinute, PER_MINUTE)];
    world.organiser.event("greedy", &each, &[(Limit::RequestsPerMinute, in_all)]).await?;

    let calm = phase(&world, Duration::from_secs(options.greedy_seconds / 2), false).await?;
    let greedy = phase(&world, Duration::from_secs(options.greedy_seconds), true).await?;
    say(&format!(
        "  others' answers: {:.1} ms p50, {:.1} ms p99 while calm; {:.1} ms p50, {:.1} ms p99 beside \
         the greedy one",
        ms(percentile(&calm.times, 50)),
        ms(percentile(&calm.times, 99)),
        ms(percentile(&greedy.times, 50)),
        ms(percentile(&greedy.times, 99)),
    ))?;
    promises.check(
        calm.lost == 0,
        &format!("{} requests while calm, {} lost", calm.asked, calm.lost),
    )?;
    promises.check(
        greedy.lost == 0,
        &format!("{} requests beside the greedy one, {} lost", greedy.asked, greedy.lost),
    )?;
    // The limit of that time, and one burst of a minute.
    let most = PER_MINUTE + PER_MINUTE * options.greedy_seconds / 60 + 1;
    promises.check(
        greedy.granted <= most,
        &format!(
            "the greedy one asked {} times and was granted {}",
            greedy.asked_by_greedy, greedy.granted
        ),
    )?;
    world.end().await
}

/// The outcomes in a period.
#[derive(Default)]
struct Phase {
    asked: u64,
    lost: u64,
    times: Vec<Duration>,
    asked_by_greedy: u64,
    granted: u64,
}

async fn phase(world: &World, length: Duration, is_greedy_there: bool) -> Result<Phase> {
    let begin = Instant::now();
    let mut others = JoinSet::new();
    for other in 0..OTHERS {
        let first = INTERVAL * other / OTHERS;
        let name = format!("greedy/other-{other}");
        others.spawn(ask(
            Caller::to(&world.service.address)?,
            name,
            begin,
            first,
            INTERVAL,
            length,
        ));
    }
    let mut greedy = JoinSet::new();
    if is_greedy_there {
        // Ten connections, so that waiting for responses does not slow it down.
        for connection in 0..10 {
            let interval = INTERVAL / 50 * 10;
            let first = interval * connection / 10;
            let name = "greedy/greedy".to_owned();
            greedy.spawn(ask(
                Caller::to(&world.service.address)?,
                name,
                begin,
                first,
                interval,
                length,
            ));
        }
    }
    let mut phase = Phase::default();
    while let Some(result) = others.join_next().await {
        for result in result?? {
            phase.asked += 1;
            phase.lost += u64::from(result.status != 200);
            phase.times.push(result.whole);
        }
    }
    while let Some(result) = greedy.join_next().await {
        for result in result?? {
            phase.asked_by_greedy += 1;
            phase.granted += u64::from(result.status == 200);
        }
    }
    phase.times.sort_unstable();
    Ok(phase)
}

async fn ask(
    mut caller: Caller,
    name: String,
    begin: Instant,
    first: Duration,
    interval: Duration,
    length: Duration,
) -> Result<Vec<CallResult>> {
    let mut result = Vec::new();
    let mut at = first;
    while at < length {
        tokio::time::sleep_until(begin + at).await;
        result.push(caller.ask(Question::Chat.by(&name), None).await?);
        at += interval;
    }
    Ok(result)
}

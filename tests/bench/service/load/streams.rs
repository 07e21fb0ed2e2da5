//! A thousand attendees, each asking four times a minute for a stream of ten seconds: 67 begin each
//! second, 670 are open.

use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Options, Promises, World, say};
use crate::azure::Pace;
use crate::books::{self, Books, Records};
use crate::caller::{CallResult, Caller, Question};
use crate::figures::{mib, ms, number, percentile};

/// 200 ms to the first token, then ten a second: ten seconds.
const PACE: Pace =
    Pace { first: Duration::from_millis(200), frames: 99, between: Duration::from_millis(100) };

/// Four requests a minute.
const INTERVAL: Duration = Duration::from_secs(15);

/// How often memory is measured.
const LOOKS: Duration = Duration::from_secs(5);

pub(super) async fn run(options: &Options, promises: &mut Promises) -> Result<()> {
    let world = World::start(PACE, false).await?;
    let event = world.organiser.event("streams", &[], &[]).await?;
    let (begin, until) = (Instant::now(), Duration::from_secs(options.stream_seconds));
    let before = world.service.cpu()?;
    let mut asking = JoinSet::new();
    for attendee in 0..options.attendees {
        let mut caller = Caller::to(&world.service.address)?;
        let first = INTERVAL * attendee / options.attendees.max(1);
        let name = format!("streams/attendee-{attendee}");
        asking.spawn(async move {
            let mut result = Vec::new();
            let mut at = first;
            while at < until {
                tokio::time::sleep_until(begin + at).await;
                result.push(caller.ask(Question::Stream.by(&name), None).await);
                at += INTERVAL;
            }
            result
        });
    }
    let mut resident = Vec::new();
    let mut responses: Vec<Result<CallResult>> = Vec::new();
    let mut looks = tokio::time::interval(LOOKS);
    loop {
        tokio::select! {
            _ = looks.tick() => resident.push(world.service.resident_kib()?),
            done = asking.join_next() => match done {
                Some(done) => responses.extend(done?),
                None => break,
            },
        }
    }
    let totals = books::quiet(&world.table, &event, Duration::from_secs(30)).await?;
    let (spent, _) = world.service.cpu()?.since(&before);
    report(&responses, &resident, spent)?;

    let is_good = |result: &Result<CallResult>| {
        result.as_ref().is_ok_and(|result| result.status == 200 && result.is_whole)
    };
    let bad = responses.iter().filter(|result| !is_good(result)).count();
    promises
        .check(bad == 0, &format!("{} streams, {bad} of them with an error", responses.len()))?;
    let reported = world.azure.reported();
    let booked = (totals.charge.prompt_tokens, totals.charge.completion_tokens);
    promises.check(
        reported == booked,
        &format!("Azure reported {reported:?} tokens, charged are {booked:?}"),
    )?;
    promises.check(
        totals.requests == u64::try_from(responses.len())?,
        &format!("{} settlements", totals.requests),
    )?;
    let books = Books::read(&world.table, &event, &Records::read(&world.table).await?).await?;
    promises
        .check_that(books.check(), "event, attendees and records agree, and nothing is held")?;
    // When everybody is there it grows no more: the last third beside the one before.
    let third = resident.len() / 3;
    let most = |part: &[u64]| part.iter().copied().max().unwrap_or_default();
    let (middle, last) = (most(&resident[third..2 * third]), most(&resident[2 * third..]));
    promises.check(
        number(last) <= number(middle) * 1.2 + 4_096.0,
        &format!("memory is bounded: {:.0} MiB, then {:.0} MiB at most", mib(middle), mib(last)),
    )?;
    world.end().await
}

fn report(responses: &[Result<CallResult>], resident: &[u64], spent: Duration) -> Result<()> {
    let result = || responses.iter().filter_map(|result| result.as_ref().ok());
    let mut first: Vec<_> = result().map(|result| result.first).collect();
    let mut frames: Vec<_> = result().flat_map(|result| result.held_back.clone()).collect();
    first.sort_unstable();
    frames.sort_unstable();
    let each = ms(spent) / number(u64::try_from(responses.len())?).max(1.0);
    say(&format!(
        "  {} streams, {each:.2} ms of processor time each, {:.0} ms for a second of asking\n  \
         first byte beyond Azure's own time: {:.1} ms p50, {:.1} ms p99; frames here after {:.1} ms \
         p50, {:.1} ms p99",
        responses.len(),
        ms(spent) / (number(u64::try_from(resident.len())?) * LOOKS.as_secs_f64()).max(1.0),
        ms(percentile(&first, 50)),
        ms(percentile(&first, 99)),
        ms(percentile(&frames, 50)),
        ms(percentile(&frames, 99)),
    ))?;
    let series: Vec<_> = resident.iter().map(|kib| format!("{:.0}", mib(*kib))).collect();
    say(&format!("  MiB resident every {LOOKS:?}: {}", series.join(" ")))
}

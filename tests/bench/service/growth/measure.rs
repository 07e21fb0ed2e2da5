//! What one request costs, at one size of the table.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{CODE, World};
use crate::books;
use crate::caller::{Caller, Question};
use crate::figures::{ms, number, percentile};
use crate::store::since;

/// A turn is measured in so many parts, and the median of the parts counts: the machine has other
/// work.
const PARTS: u64 = 5;

/// How many requests, by how many attendees.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    pub(super) requests: u64,
    pub(super) attendees: u64,
}

/// What a request costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    /// Calls of DynamoDB.
    pub(super) calls: f64,
    /// Its capacity units.
    pub(super) units: f64,
    /// Processor time of the service, and of the engine.
    pub(super) service_ms: f64,
    pub(super) engine_ms: f64,
    /// The median of responses' times.
    pub(super) response_ms: f64,
}

/// Measures a turn.
pub(super) async fn measure(world: &World, turn: Turn) -> Result<Cost> {
    let mut parts = Vec::new();
    for part in 0..PARTS {
        parts.push(measure_part(world, turn, part).await?);
    }
    let median = |of: fn(&Cost) -> f64| {
        let mut values: Vec<_> = parts.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    Ok(Cost {
        calls: median(|cost| cost.calls),
        units: median(|cost| cost.units),
        service_ms: median(|cost| cost.service_ms),
        engine_ms: median(|cost| cost.engine_ms),
        response_ms: median(|cost| cost.response_ms),
    })
}

async fn measure_part(world: &World, turn: Turn, part: u64) -> Result<Cost> {
    let requests = (turn.requests / PARTS).max(1);
    let counts = world.store.counts();
    let (service, engine) = (world.service.cpu()?, world.engine.cpu()?);
    // One after the other: an account with several requests under way is a larger item.
    let mut caller = Caller::to(&world.service.address)?;
    let mut times = Vec::new();
    for number in 0..requests {
        // Spread over all of them, however many there are.
        let place = part * requests + number;
        let attendee = place.wrapping_mul(0x9e37_79b9_7f4a_7c15) % turn.attendees;
        let name = format!("{CODE}/attendee-{attendee}");
        let result = caller.ask(Question::Chat.by(&name), None).await?;
        ensure!(result.status == 200, "{}: {}", result.status, result.refusal);
        times.push(result.whole);
    }
    books::quiet(&world.table, &world.event, Duration::from_secs(10)).await?;
    times.sort_unstable();
    let requests = number(requests);
    let counts = since(&world.store.counts(), &counts);
    let of = |cpu: Duration| ms(cpu) / requests;
    Ok(Cost {
        calls: number(counts.values().map(|asked| asked.calls).sum()) / requests,
        units: counts.values().map(|asked| asked.units).sum::<f64>() / requests,
        service_ms: of(world.service.cpu()?.since(&service).0),
        engine_ms: of(world.engine.cpu()?.since(&engine).0),
        response_ms: ms(percentile(&times, 50)),
    })
}

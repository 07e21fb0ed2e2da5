//! Many messages at once, buffered and streamed: a budget of k admits exactly k, on three processes.

use super::*;
use crate::races::compete;

/// What a message holds.
async fn estimate(fields: Value) -> u64 {
    let world = world("estimate").attendee(Limit::TokensTotal, 1).start().await;
    let ada = world.attendee("ada").await;
    let refused = ask(&ada, fields).await;
    let message = refused.assert_refused(400, "").text().to_owned();
    world.settle().await;
    let digits = message.split("may need ").nth(1).unwrap();
    digits.split(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_limit_admits_exactly_the_messages_that_fit_also_across_three_processes() {
    for (is_one_attendee, fields) in [(true, json!({})), (false, json!({"stream": true}))] {
        let tokens = estimate(fields.clone()).await;
        for (limit, each) in [
            (Limit::RequestsPerMinute, 1),
            (Limit::RequestsPerDay, 1),
            (Limit::InFlight, 1),
            (Limit::TokensPerMinute, tokens),
            (Limit::TokensPerDay, tokens),
            (Limit::TokensTotal, tokens),
        ] {
            for (n, k) in [(2, 1), (16, 7), (256, 100)] {
                race(n, k, limit, k as u64 * each, is_one_attendee, &fields).await;
            }
        }
    }
}

async fn race(n: usize, k: usize, limit: Limit, value: u64, is_one_attendee: bool, fields: &Value) {
    let world = World::event("race").everything().processes(3);
    // The engine's own races of 256 are in the ledger's contract.
    let world = if n > 16 { world.in_memory() } else { world };
    let world = match is_one_attendee {
        true => world.attendee(limit, value),
        false => world.everybody(limit, value),
    };
    let world = world.start().await;
    let case = format!("{k} of {n} by {limit:?}, one attendee: {is_one_attendee}");
    let asks = |attendee: Attendee| {
        let fields = fields.clone();
        async move { ask(&attendee, fields).await }
    };
    compete(&world, (n, k), is_one_attendee, asks, &case).await;
    let k = k as u64;
    assert_eq!(world.settle().await.counts(), (k, 17 * k, 5 * k), "{case}");
}

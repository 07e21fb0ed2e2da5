//! Many messages at once, whole and streamed: a budget of k admits exactly k, on three processes.

use tokio::task::JoinSet;

use super::*;

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
    // No response is sent before every request was admitted or refused.
    let gate = Gate::closed();
    world.azure().hold(&gate);
    let mut asking = JoinSet::new();
    for i in 0..n {
        let user = if is_one_attendee { "ada".to_owned() } else { format!("user-{i}") };
        let attendee = world.attendee(&user).await;
        let fields = fields.clone();
        asking.spawn(async move { ask(&attendee, fields).await });
    }
    let case = format!("{k} of {n} by {limit:?}, one attendee: {is_one_attendee}");
    let mut refused = 0;
    while refused < n - k {
        let response = asking.join_next().await.unwrap().unwrap();
        response.assert_refused(429, "");
        refused += 1;
    }
    world.azure().called(k).await;
    gate.open();
    for response in asking.join_all().await {
        response.assert_ok();
    }
    assert_eq!(world.azure().calls(), k, "{case}");
    let k = k as u64;
    assert_eq!(world.settle().await.counts(), (k, 17 * k, 5 * k), "{case}");
}

//! 200 attendees who all press Enter at once against a budget in money.

use lanyard_domain::account::{Account, Field};
use lanyard_domain::allowance::Limit;
use lanyard_domain::amount::NANO_PER_USD;
use lanyard_domain::catalog::Prices;
use lanyard_domain::unit::Unit;
use lanyard_domain::usage::UsageRecord;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{message, with_claude};
use crate::support::attendee::{Attendee, CHAT, chat};
use crate::support::{Gate, Reply, World};

const BUDGET: u64 = 50 * NANO_PER_USD;
const ATTENDEES: usize = 200;

/// What a response of these requests was: its status, and its cost in nano-dollars if it names one.
type Ended = (u16, Option<u64>);

/// The request of one of them: models, streams and clients that leave are mixed.
async fn press_enter(attendee: Attendee, n: usize) -> Ended {
    let buffered = async |path: &str, body: serde_json::Value| {
        let response = attendee.send(attendee.post(path, body.to_string())).await;
        let cost = response.header("x-event-cost").map(|dollars| dollars.parse::<f64>().unwrap());
        (response.status().as_u16(), cost.map(lanyard_domain::amount::nano_dollars))
    };
    match n % 5 {
        0 => {
            let mut body = chat("hello");
            body["model"] = json!("gpt-4o");
            buffered(CHAT, body).await
        }
        // The cap is the client's, so it is not lowered.
        1 => buffered("/api/v1/messages", message(4_000)).await,
        2 => buffered(CHAT, chat("hello")).await,
        _ => {
            let fields = json!({"model": if n % 5 == 3 { "gpt-4o" } else { "o4-mini" }});
            let mut stream = attendee.chat_stream_with("hello", fields).await;
            let status = stream.status().as_u16();
            if n % 5 == 3 {
                stream.piece().await;
                // The client leaves.
                drop(stream);
            } else {
                stream.rest().await;
            }
            (status, None)
        }
    }
}

async fn everybody_at_once(world: &World) -> JoinSet<Ended> {
    let mut asking = JoinSet::new();
    for n in 0..ATTENDEES {
        let attendee = world.attendee(&format!("user-{n}")).await;
        asking.spawn(press_enter(attendee, n));
    }
    asking
}

fn usd(account: &Account, field: fn(Unit) -> Field) -> u64 {
    account.count(field(Unit::Usd))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_attendees_at_once_never_pass_50_dollars_and_every_nano_dollar_is_accounted() {
    let world = with_claude("crowd").everybody(Limit::UsdTotal, BUDGET).processes(3);
    let world = world.deployments(|deployments| {
        let price = |prompt, completion| Some(Prices { prompt, completion, ..Prices::default() });
        for deployment in deployments {
            // A response of 4,096 tokens for 0.60 dollars, so that a part of the crowd fits.
            match deployment.name.as_str() {
                "gpt-4o" => deployment.prices = price(50_000_000, 150_000_000),
                "claude-haiku-4-5" => deployment.prices = price(40_000_000, 120_000_000),
                _ => {}
            }
        }
    });
    let world = world.start().await;
    let gate = Gate::closed();
    world.azure().hold(&gate);
    let mut asking = everybody_at_once(&world).await;
    // No response is sent before every request was admitted or refused.
    let mut ended = Vec::new();
    while world.azure().calls() + ended.len() < ATTENDEES {
        tokio::select! {
            Some(one) = asking.join_next() => ended.push(one.unwrap()),
            () = tokio::task::yield_now() => {}
        }
    }
    let account = world.event_account().await;
    let (held, committed) = (usd(&account, Field::UnitHeld), usd(&account, Field::UnitCommitted));
    assert!(committed <= BUDGET && held == committed, "{held} {committed}");
    // The smallest of the dear requests needs 1,024 tokens.
    let left = BUDGET - committed;
    assert!(left < 1_100 * 150_000, "{left} nano-dollars could have been spent");
    assert!(ended.iter().all(|(status, _)| *status == 429), "{ended:?}");
    gate.open();
    let opened = Instant::now();
    ended.extend(asking.join_all().await);
    world.quiet().await;
    // Only then is what was reserved in vain free for other requests.
    let freed = opened.elapsed();
    let served = ended.iter().filter(|(status, _)| *status == 200).count();
    assert_eq!(served, world.azure().calls());
    let totals = world.settle().await;
    let spent = totals.units.get(Unit::Usd);
    assert!(spent <= BUDGET, "{spent}");
    let charged = |record: &UsageRecord| record.charge.units.get(Unit::Usd);
    assert_eq!(totals.records.iter().map(charged).sum::<u64>(), spent);
    for record in totals.records.iter().filter(|record| !record.is_estimated) {
        assert_eq!(record.bill.as_ref().unwrap().nano_usd(), charged(record), "{record:?}");
    }
    // Each buffered response has named what it cost.
    let named: u64 = ended.iter().filter_map(|(_, cost)| *cost).sum();
    let buffered = totals.records.iter().filter(|record| !record.is_streamed);
    assert_eq!(named, buffered.map(charged).sum::<u64>());
    // Among them are streams, clients that left, and prompts that were read from a cache.
    let count =
        |is: fn(&UsageRecord) -> bool| totals.records.iter().filter(|record| is(record)).count();
    let (streamed, cached) =
        (count(|record| record.is_streamed), count(|record| record.cache.read > 0));
    assert!(streamed > 0 && cached > 0 && served > streamed, "{streamed} {cached} {served}");
    println!(
        "budget {BUDGET}, reserved {held}, left {left}, spent {spent} nano-dollars by {served} of \
         {ATTENDEES} requests ({streamed} streamed, {cached} with cached input); \
         {} could be spent again after {freed:?}",
        BUDGET - spent,
    );

    // Now all that is reserved is charged, because every connection breaks. The budget ends.
    world.azure().always(Reply::dropped());
    for _ in 0..2 {
        everybody_at_once(&world).await.join_all().await;
        world.quiet().await;
    }
    let statuses = everybody_at_once(&world).await.join_all().await;
    assert!(statuses.iter().any(|(status, _)| *status == 402), "{statuses:?}");
    let spent = world.settle().await.units.get(Unit::Usd);
    assert!((BUDGET - 1_100 * 150_000..=BUDGET).contains(&spent), "{spent}");
    println!("after broken connections {spent} are spent and {} are left", BUDGET - spent);
}

//! The DynamoDB calls of a request: held to the unit against the committed table of counts.

use lanyard_domain::allowance::Limit;
use lanyard_domain::limit::Quantity;
use lanyard_domain::unit::Unit;
use serde_json::{Value, json};

use crate::support::azure::frames::{CONTENT, DONE, FINISH, ROLE, USAGE};
use crate::support::{Gate, LineEnding, Reply, World};

/// A world with every limit of both accounts in force, whose attendee has a seat and whose event is
/// remembered: as for all but the first request of an environment.
async fn a_running_event(code: &str) -> World {
    let builder = Limit::ALL.iter().copied().fold(World::event(code), |builder, limit| {
        // Money is counted in nano-dollars.
        let one = if limit.quantity() == Quantity::Unit(Unit::Usd) { 1_000_000 } else { 1 };
        builder.everybody(limit, 1_000_000 * one).attendee(limit, 100_000 * one)
    });
    let world = builder.start().await;
    let ada = world.attendee("ada").await;
    assert_eq!(ada.chat("hello").await.status(), 200);
    world.settle().await;
    world.engine().meter().read();
    world
}

fn consumed(world: &World) -> Value {
    let reading = world.engine().meter().read();
    json!({"calls": reading.calls, "capacity units": reading.units})
}

#[tokio::test]
async fn every_call_to_dynamodb_is_in_the_table_of_counts() {
    let world = a_running_event("capacity").await;
    let ada = world.attendee("ada").await;

    let gate = Gate::closed();
    let frames = [ROLE, CONTENT, FINISH, USAGE, DONE];
    world.azure().script(Reply::sse(&frames, LineEnding::Lf).held(&gate));
    let calls = world.azure().calls();
    let (stream, before) = tokio::join!(ada.chat_stream("hello"), async {
        world.azure().called(calls + 1).await;
        let before = consumed(&world);
        gate.open();
        before
    });
    let mut stream = stream;
    stream.rest().await;
    world.settle().await;
    let after = consumed(&world);

    world.change_event(|event| event.allowances.attendee.set(Limit::RequestsPerDay, Some(1))).await;
    world.wait(chrono::TimeDelta::seconds(6));
    assert_eq!(ada.chat("hello").await.status(), 402);
    world.settle().await;
    let refused = consumed(&world);
    assert_eq!(ada.chat("hello").await.status(), 402);
    world.settle().await;
    let remembered = consumed(&world);

    let counted = json!({
        "before the first byte": before,
        "after it": after,
        "first refusal": refused,
        "refusal that is remembered": remembered,
    });
    let table: Value = serde_json::from_str(include_str!("../bench/counts.json")).unwrap();
    assert_eq!(counted, table["dynamodb"], "tests/bench/counts.json says otherwise");
}

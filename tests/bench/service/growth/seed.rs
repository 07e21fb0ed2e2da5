//! Filling the table: copies of items that real requests have left, which the engine makes itself.

use std::ops::Range;
use std::time::Instant;

use anyhow::Result;
use lanyard_domain::account::AccountKey;
use lanyard_domain::ids::RequestId;
use lanyard_platform::table::Key;

use super::{World, say};
use crate::figures::mib;
use crate::role::engine::Copies;

/// The attendee whose items are copied.
const FIRST: &str = "attendee-0";

/// More attendees' accounts, like the first's.
pub(super) async fn attendees(world: &mut World, numbers: Range<u64>) -> Result<()> {
    let key = AccountKey::Attendee(world.event.clone(), FIRST.parse()?);
    fill(world, Key::account(&key), FIRST, "attendee-{number}", numbers).await
}

/// More usage records, like this one of the first attendee.
pub(super) async fn records(
    world: &mut World,
    like: &RequestId,
    numbers: Range<u64>,
) -> Result<()> {
    let key = Key::request(&world.event, &FIRST.parse()?, like);
    fill(world, key, like.as_str(), "req_{spread}", numbers).await
}

async fn fill(
    world: &mut World,
    like: Key,
    name: &str,
    names: &str,
    numbers: Range<u64>,
) -> Result<()> {
    if numbers.is_empty() {
        return Ok(());
    }
    let started = Instant::now();
    let copies = Copies {
        table: world.table.name.clone(),
        pk: like.pk,
        sk: like.sk,
        name: name.to_owned(),
        names: names.to_owned(),
        numbers,
    };
    let written = world.engine.copy(copies).await?;
    let (seconds, engine) = (started.elapsed().as_secs_f64(), mib(world.engine.resident_kib()?));
    say(&format!("  {written} more in {seconds:.1} s; the engine has {engine:.0} MiB"))
}

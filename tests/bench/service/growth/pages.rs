//! The cost of organisers' lists, and of scheduled functions: a page costs what a page costs.

use std::time::{Duration, Instant};

use anyhow::Result;
use lanyard_gateway::ports::Clock;
use lanyard_platform::shell::Machine;

use super::{World, promise, say};
use crate::books;
use crate::store::{Asked, Counts, since};

/// A page may need one call more when there is a next.
const MORE: u64 = 1;

/// The roster is marks on attendees' accounts: a page of it looks through ten pages of attendees at
/// most, and returns a cursor.
const MORE_OF_ROSTER: u64 = 9;

/// What each list has cost.
pub(super) struct Pages(Vec<(String, Asked)>);

impl Pages {
    /// Reads a page of every list.
    pub(super) async fn read(world: &World) -> Result<Self> {
        let event = format!("/events/{}", world.event);
        let mut pages = Vec::new();
        for (name, path) in [
            ("events", "/events?limit=100".to_owned()),
            ("event", event.clone()),
            ("attendees", format!("{event}/attendees?limit=100")),
            ("usage", format!("{event}/usage")),
            ("usage by attendee", format!("{event}/usage?by=attendee&limit=100")),
            ("usage by model", format!("{event}/usage?by=model")),
            ("usage by hour", format!("{event}/usage?by=hour")),
            ("usage by session", format!("{event}/usage?by=session&limit=100")),
            ("audit", format!("{event}/audit?limit=100")),
            ("ratings", format!("{event}/ratings")),
            ("roster", format!("{event}/roster?limit=100")),
            ("deployments", "/deployments".to_owned()),
        ] {
            let before = world.store.counts();
            world.organiser.get(&path).await?;
            pages.push((name.to_owned(), sum(&since(&world.store.counts(), &before))));
        }
        Ok(Self(pages))
    }

    /// Holds the costs of a large table to those of a small one; returns how many grew.
    pub(super) fn compare(&self, small: &Self) -> Result<u32> {
        say("\npages, before and after")?;
        let mut broken = 0;
        for ((name, after), (_, before)) in self.0.iter().zip(&small.0) {
            let more = if name == "roster" { MORE_OF_ROSTER } else { MORE };
            broken += promise(
                after.calls <= before.calls + more,
                &format!(
                    "{name}: {} calls and {:.1} units, then {} calls and {:.1} units",
                    before.calls, before.units, after.calls, after.units
                ),
            )?;
        }
        Ok(broken)
    }
}

/// Runs each scheduled function once, and returns the cost.
pub(super) async fn by_the_clock(world: &World) -> Result<()> {
    say("\nby the clock")?;
    let objects = books::objects(&books::table(&world.store.endpoint)?);
    let (now, until) = (Machine.now(), tokio::time::Instant::now() + Duration::from_secs(60));
    for function in ["sweep", "clear-objects", "finish-jobs"] {
        let (before, started) = (world.store.counts(), Instant::now());
        let objects = std::sync::Arc::clone(&objects);
        let done = match function {
            "sweep" => sweep::handle(objects.gateway(), now).await.map(|done| format!("{done:?}")),
            "clear-objects" => {
                clear_objects::handle(objects, now, until).await.map(|done| format!("{done:?}"))
            }
            _ => finish_jobs::handle(objects, now, until).await.map(|done| format!("{done:?}")),
        };
        let done = done.map_err(|cause| anyhow::anyhow!(cause))?;
        let asked = sum(&since(&world.store.counts(), &before));
        let seconds = started.elapsed().as_secs_f64();
        say(&format!(
            "  {function}: {} calls, {:.0} units, {seconds:.1} s: {done}",
            asked.calls, asked.units
        ))?;
    }
    Ok(())
}

fn sum(counts: &Counts) -> Asked {
    let add = |sum: Asked, one: &Asked| Asked {
        calls: sum.calls + one.calls,
        units: sum.units + one.units,
    };
    counts.values().fold(Asked::default(), add)
}

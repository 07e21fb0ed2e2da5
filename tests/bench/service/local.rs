//! The service of `cargo run`, with its engine in its process: how many chats a second, beside the
//! proxy that does nothing.
//!
//! Clients and Azure run on the same processors, so the rate of the proxy says what the machine has
//! left for any service. Turns follow one another as in [`crate::sides`].

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;

use crate::azure::{Azure, Pace};
use crate::caller::Question;
use crate::child::Child;
use crate::organiser::{CODE, Organiser};
use crate::sides::Cell;
use crate::sides::measure::{Turn, turns};
use crate::sides::report::{doubt, print, word};
use crate::sides::side::{FLOOR, Side};

/// The service with its table in memory, and in a file.
const IN_MEMORY: &str = "--memory";
const IN_A_FILE: &str = "a file";

#[derive(Args)]
pub(crate) struct Options {
    /// How often each side has its turn.
    #[arg(long, default_value_t = 3)]
    rounds: usize,

    /// How long a turn is, in milliseconds.
    #[arg(long, default_value_t = 3_000)]
    slice_ms: u64,

    /// The number of connections.
    #[arg(long, default_value_t = 32)]
    connections: usize,
}

/// Takes all figures and prints them.
pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let azure = Azure::start(Pace::USUAL).await?;
    let data = tempfile::tempdir()?;
    let file = data.path().display().to_string();
    let floor = Child::start(&[FLOOR, "--azure", &azure.endpoint]).await?;
    let mut sides = vec![side(FLOOR, floor)];
    for (name, words) in [(IN_MEMORY, [].as_slice()), (IN_A_FILE, &["--data", &file])] {
        let role = [&["local", "--azure", &azure.endpoint], words].concat();
        let service = Child::start(&role).await?;
        Organiser::of(&service)?.event(CODE, &[], &[]).await?;
        sides.push(side(name, service));
    }
    let length = Duration::from_millis(options.slice_ms);
    let each = Turn::of(Question::Chat, options.connections, length);
    let workloads = [
        ("chat of an attendee each", each, 900.0),
        ("chat of one attendee", Turn { attendees: 1, ..each }, 600.0),
    ];
    let mut failed = 0;
    for (workload, turn, least) in workloads {
        let figures = turns(&sides, turn, options.rounds).await?;
        let cells: Vec<_> = sides
            .iter()
            .zip(figures)
            .map(|(side, figures)| {
                let connections = turn.connections;
                Cell { side: side.name, workload, connections, figures }
            })
            .collect();
        print(&cells)?;
        for cell in cells.iter().filter(|cell| cell.side == IN_MEMORY) {
            let rate = cell.figures.rate();
            writeln!(
                std::io::stdout(),
                "  {} {workload}: {rate:.0} a second, at least {least}{}",
                word(rate >= least),
                doubt(cell)
            )?;
        }
        failed += cells.iter().map(|cell| cell.figures.failed).sum::<u64>();
    }
    for side in sides {
        side.end().await?;
    }
    ensure!(failed == 0, "{failed} requests were not answered well, so the figures mean nothing");
    Ok(ExitCode::SUCCESS)
}

fn side(name: &'static str, server: Child) -> Side {
    Side { name, address: server.address.clone(), server: Some(server), engine: None }
}

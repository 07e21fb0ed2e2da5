//! Five sides of one comparison, asked in turns: Azure directly; a proxy that does nothing, the
//! floor; Lanyard over ports in memory; Lanyard over the embedded engine; Lanyard by its binaries.
//!
//! Short slices of each follow one another, so that whatever else the machine does hits all alike.
//! All sides have the same sockets (`TCP_NODELAY`, keep-alive, HTTP/1.1) and as many threads; see
//! [`crate::role`]. The engine and the emulator are measured separately from what would run on
//! Lambda. Processor time is the kernel's, of every thread of the side's processes, with what
//! follows the responses; memory is the most that was resident during a slice, of all of them.
//!
//! Times to the first byte of a stream leave out what Azure took; all others are as they are, and
//! what is printed is how much later than directly. A frame is held back from when it left Azure to
//! when it was here, beyond the same of the direct way.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;

use self::measure::{Figures, Turn, turns};
use crate::azure::{Azure, Pace};
use crate::caller::Question;

mod chart;
pub(crate) mod measure;
pub(crate) mod report;
pub(crate) mod side;

#[derive(Args)]
pub(crate) struct Options {
    /// Under a minute: one round of short slices at 1 and 8 connections.
    #[arg(long)]
    quick: bool,

    /// The number of connections.
    #[arg(long, value_delimiter = ',', default_value = "1,8,32,128")]
    connections: Vec<usize>,

    /// How often each side has its turn.
    #[arg(long, default_value_t = 2)]
    rounds: usize,

    /// How long a turn is, in milliseconds.
    #[arg(long, default_value_t = 1_500)]
    slice_ms: u64,

    /// Give the floor, Lanyard and the engine a thread for each processor, in place of the one that
    /// functions have.
    #[arg(long)]
    parallel: bool,

    /// Where the functions' binaries are: FOLDER/NAME/bootstrap, as `cargo lambda build` leaves
    /// them, or FOLDER/NAME. Without them that side is left out.
    #[arg(long, default_value = "target/lambda")]
    binaries: PathBuf,

    /// Where `sides.json` and `sides.svg` go.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

/// The requests, and their names.
const WORKLOADS: [(Question, &str); 3] =
    [(Question::Chat, "chat"), (Question::Stream, "stream"), (Question::Embeddings, "embeddings")];

/// One side at one workload and number of connections.
pub(crate) struct Cell {
    pub(crate) side: &'static str,
    pub(crate) workload: &'static str,
    pub(crate) connections: usize,
    pub(crate) figures: Figures,
}

/// How long a turn is. A stream takes 600 ms, and a median needs more than a few of them.
fn turn(question: Question, connections: usize, slice: Duration) -> Duration {
    match question {
        Question::Stream if connections == 1 => slice * 8,
        Question::Stream => slice * 2,
        Question::Chat | Question::Embeddings => slice,
    }
}

/// Takes all figures, prints and writes them.
pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let (connections, rounds, slice_ms) = match options.quick {
        true => (vec![1, 8], 1, 500),
        false => (options.connections.clone(), options.rounds, options.slice_ms),
    };
    // Cargo runs benchmarks in their package's folder; paths are meant from the repository's.
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let azure = Azure::start(Pace::USUAL).await?;
    let environments = connections.iter().copied().max().unwrap_or(1);
    let sides =
        side::start(&azure, &root.join(&options.binaries), environments, !options.parallel).await?;
    let mut cells = Vec::new();
    for (question, workload) in WORKLOADS {
        for connections in &connections {
            let turn = turn(question, *connections, Duration::from_millis(slice_ms));
            let figures = turns(&sides, Turn::of(question, *connections, turn), rounds).await?;
            for (side, figures) in sides.iter().zip(figures) {
                let connections = *connections;
                cells.push(Cell { side: side.name, workload, connections, figures });
            }
            report::print(&cells[cells.len() - sides.len()..])?;
        }
    }
    for side in sides {
        side.end().await?;
    }
    report::print_verdicts(&cells)?;
    let out = root.join(&options.out);
    std::fs::create_dir_all(&out)?;
    report::write(&cells, &out.join("sides.json"))?;
    chart::write(&cells, &out.join("sides.svg"))?;
    let failed: u64 = cells.iter().map(|cell| cell.figures.failed).sum();
    ensure!(failed == 0, "{failed} requests were not answered well, so the figures mean nothing");
    Ok(ExitCode::SUCCESS)
}

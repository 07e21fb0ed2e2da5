//! Measures the start time, response time and memory of functions, on their real binaries.
//!
//! It serves Lambda's Runtime API on loopback, starts each `bootstrap` as Lambda does, and sends
//! the event of `infra/events`. It also starts the embedded engine, a parameter store and the
//! simulated Azure; connections to them are not encrypted, so no handshake is in the figures.
//! Processor times are the kernel's own and hold on a busy machine too; wall times do not.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::Parser;
use lanyard_tests::fixture::Fixture;

use self::measure::Measurement;

#[path = "start/measure.rs"]
mod measure;
#[path = "start/report.rs"]
mod report;

/// Measures how functions start and respond.
#[derive(Parser)]
struct Options {
    /// Where the binaries are: FOLDER/NAME/bootstrap, as `cargo lambda build` leaves them, or
    /// FOLDER/NAME.
    #[arg(long, default_value = "target/lambda")]
    binaries: PathBuf,

    /// How often each function is started.
    #[arg(long, default_value_t = 15)]
    starts: usize,

    /// How many requests one environment answers one after another.
    #[arg(long, default_value_t = 200)]
    requests: usize,

    /// Where to write the figures as JSON.
    #[arg(long)]
    json: Option<PathBuf>,

    /// Cargo's mark for benchmarks.
    #[arg(long, hide = true)]
    bench: bool,

    /// The functions; all that there are binaries for, if none is named.
    functions: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    // Cargo runs benchmarks in their package's folder; paths are meant from the repository's.
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut measured = Vec::new();
    for function in functions(&root)? {
        let is_wanted = options.functions.is_empty() || options.functions.contains(&function);
        let folder = root.join(&options.binaries).join(&function);
        let binary = if folder.is_dir() { folder.join("bootstrap") } else { folder };
        if !is_wanted || !binary.is_file() {
            continue;
        }
        // Organisers' requests need a token; a direct call needs none.
        let sample = if function == "admin" { "admin-list-events" } else { &function };
        let event = std::fs::read_to_string(root.join(format!("infra/events/{sample}.json")))?;
        // A world for each, so that none finds what another left.
        let fixture = Fixture::start().await?;
        let environment = fixture.environment();
        let runs = Measurement { function, binary, event, environment };
        measured.push(runs.take(options.starts, options.requests).await?);
    }
    ensure!(
        !measured.is_empty(),
        "{} has no binaries: `make build` makes them",
        options.binaries.display()
    );
    report::print(&measured)?;
    if let Some(file) = &options.json {
        report::write(&measured, &root.join(file))?;
    }
    Ok(())
}

/// Every function's name, sorted.
fn functions(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root.join("functions"))? {
        let folder = entry?.path();
        if let (true, Some(name)) = (folder.join("Cargo.toml").is_file(), folder.file_name()) {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

//! The world around a function, for programs that start functions themselves.
//!
//! Prints the environment that a function needs as `NAME=value` lines, then an empty line, and
//! serves until its standard input ends, also when the process that started it has ended.

use std::io::{Read, Write};

use anyhow::Result;
use lanyard_tests::fixture::Fixture;

#[tokio::main]
async fn main() -> Result<()> {
    let fixture = Fixture::start().await?;
    let mut lines = String::new();
    for (name, value) in fixture.environment() {
        lines.push_str(&format!("{name}={value}\n"));
    }
    let mut output = std::io::stdout().lock();
    writeln!(output, "{lines}")?;
    output.flush()?;
    tokio::task::spawn_blocking(|| std::io::stdin().lock().read_to_end(&mut Vec::new())).await??;
    Ok(())
}

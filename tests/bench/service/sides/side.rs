//! A side: its address, and its processes.

use std::path::Path;

use anyhow::Result;

use crate::azure::Azure;
use crate::child::Child;
use crate::organiser::{CODE, Organiser};

/// The way without a proxy.
pub(crate) const DIRECT: &str = "direct";
/// The proxy that does nothing.
pub(crate) const FLOOR: &str = "floor";
/// Lanyard over ports in memory.
pub(crate) const MEMORY: &str = "memory";
/// Lanyard over the embedded engine.
pub(crate) const ENGINE: &str = "engine";
/// Lanyard by its binaries.
pub(crate) const BINARIES: &str = "binaries";

/// One side, until it is ended.
pub(crate) struct Side {
    /// The name.
    pub(crate) name: &'static str,
    /// The address.
    pub(crate) address: String,
    /// The process that serves; `None` for Azure itself.
    pub(crate) server: Option<Child>,
    /// The engine, where there is one.
    pub(crate) engine: Option<Child>,
}

impl Side {
    /// Ends its processes.
    pub(crate) async fn end(self) -> Result<()> {
        for child in self.server.into_iter().chain(self.engine) {
            child.end().await?;
        }
        Ok(())
    }
}

/// Starts all sides.
///
/// On one thread each, if `is_single`; the binaries always are. The engine does one thing at a time
/// anyway.
pub(crate) async fn start(
    azure: &Azure,
    binaries: &Path,
    environments: usize,
    is_single: bool,
) -> Result<Vec<Side>> {
    let single: &[&str] = if is_single { &["--single"] } else { &[] };
    let azure = azure.endpoint.as_str();
    let mut sides =
        vec![Side { name: DIRECT, address: azure.to_owned(), server: None, engine: None }];
    for name in [FLOOR, MEMORY] {
        let server = Child::start(&[single, &[name, "--azure", azure]].concat()).await?;
        let address = server.address.clone();
        sides.push(Side { name, address, server: Some(server), engine: None });
    }
    sides.push(with_engine(ENGINE, azure, single, single, &[]).await?);
    let folder = binaries.display().to_string();
    if binaries.is_dir() {
        let count = environments.to_string();
        let more = ["--binaries", &folder, "--environments", &count];
        sides.push(with_engine(BINARIES, azure, single, &[], &more).await?);
    } else {
        eprint(&format!(
            "{folder} is not there, so the binaries are left out: `make build` makes them"
        ))?;
    }
    Ok(sides)
}

async fn with_engine(
    name: &'static str,
    azure: &str,
    of_engine: &[&str],
    before: &[&str],
    after: &[&str],
) -> Result<Side> {
    let engine = Child::start(&[of_engine, &["engine"]].concat()).await?;
    let role = ["local", "--azure", azure, "--engine", &engine.address];
    let server = Child::start(&[before, &role, after].concat()).await?;
    Organiser::of(&server)?.event(CODE, &[], &[]).await?;
    let address = server.address.clone();
    Ok(Side { name, address, server: Some(server), engine: Some(engine) })
}

fn eprint(line: &str) -> Result<()> {
    use std::io::Write;
    writeln!(std::io::stderr(), "{line}")?;
    Ok(())
}

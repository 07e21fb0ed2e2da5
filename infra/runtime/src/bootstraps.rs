//! Where the functions' binaries are.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::template::Function;

/// The workspace that this server was built from.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A folder of binaries.
pub(super) struct Bootstraps(PathBuf);

impl Bootstraps {
    /// The folder that was named; or the folder of this program, after Cargo has rebuilt every
    /// function there.
    pub(super) async fn find(named: Option<&Path>) -> Result<Self> {
        if let Some(folder) = named {
            return Ok(Self(folder.to_owned()));
        }
        // Asked before Cargo replaces the file.
        let program = std::env::current_exe().context("this program's own place is unknown")?;
        let folder = program.parent().context("this program stands in no folder")?.to_owned();
        build(&folder).await?;
        Ok(Self(folder))
    }

    /// The binary of a function: `NAME`, as Cargo leaves it, or `LogicalId/bootstrap`, as SAM does.
    pub(super) fn of(&self, function: &Function) -> Result<PathBuf> {
        let by_cargo = self.0.join(&function.name);
        let by_sam = self.0.join(&function.logical_id).join("bootstrap");
        let candidates = [by_cargo, by_sam];
        let Some(found) = candidates.iter().find(|path| path.is_file()) else {
            let [by_cargo, by_sam] = &candidates;
            bail!(
                "the binary of {} is missing: there is neither {} nor {}; build it by \
                 `cargo build --workspace` or by `sam build`",
                function.name,
                by_cargo.display(),
                by_sam.display()
            );
        };
        // A process is started in its own folder.
        found.canonicalize().with_context(|| format!("{} cannot be used", found.display()))
    }
}

/// Runs Cargo for the whole workspace, visibly, with the profile of this program. It is up to date
/// in a moment if nothing has changed.
async fn build(folder: &Path) -> Result<()> {
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") => "dev",
        Some(profile) => profile,
        None => bail!("{} is no folder of Cargo's; name one by --bootstraps", folder.display()),
    };
    let target = folder.parent().context("this program stands in no target folder")?;
    if !Path::new(WORKSPACE).join("Cargo.toml").is_file() || !target.join("CACHEDIR.TAG").is_file()
    {
        bail!("the functions' sources are not here; name a folder of binaries by --bootstraps");
    }
    tracing::info!(
        "bringing the functions up to date: cargo build --workspace --profile {profile}"
    );
    let status = Command::new("cargo")
        .args(["build", "--workspace", "--profile", profile, "--target-dir"])
        .arg(target)
        .current_dir(WORKSPACE)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .context("cargo does not run; build the functions and name their folder by --bootstraps")?;
    if !status.success() {
        bail!("the functions could not be built");
    }
    Ok(())
}

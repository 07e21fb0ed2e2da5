//! Writes what repeats from the table of functions, and the description of the API from its types:
//! `cargo run -p xtask -- generate`.
//!
//! Generated files are committed, because loops in a template do not survive `sam build`. A test of
//! this package fails where a file is not what the table says.

mod blocks;
mod dispatch;
mod events;
mod packages;
mod policies;
mod router;
mod template;

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::blocks::Block;

/// The workspace.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The description of the API.
const OPENAPI: &str = "functions/pages/assets/openapi.json";

/// The command that updates an outdated file.
const HOW: &str = "cargo run -p xtask -- generate";

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if arguments != ["generate"] {
        bail!("usage: {HOW}");
    }
    for (file, text) in generated()? {
        let path = Path::new(ROOT).join(&file);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("no folder for {file}"))?;
        }
        std::fs::write(path, text).with_context(|| format!("{file} cannot be written"))?;
        writeln!(std::io::stderr(), "wrote {file}")?;
    }
    Ok(())
}

/// Each file that is out of date, as it should be.
fn generated() -> Result<Vec<(String, String)>> {
    let files: [(&str, Vec<Block>); 4] = [
        ("template.yaml", template::blocks()),
        ("Cargo.toml", vec![router::block()]),
        ("infra/local/Cargo.toml", vec![dispatch::dependencies()]),
        ("infra/local/src/functions.rs", vec![dispatch::arms()]),
    ];
    let read = |file: &str| std::fs::read_to_string(Path::new(ROOT).join(file));
    let mut changed = Vec::new();
    for (file, blocks) in files {
        let text = read(file).with_context(|| format!("{file} cannot be read"))?;
        let filled = blocks.iter().try_fold(text.clone(), |text, block| block.fill(&text));
        let filled = filled.with_context(|| file.to_owned())?;
        if filled != text {
            changed.push((file.to_owned(), filled));
        }
    }
    // These are generated in full, and may not exist yet.
    let whole = events::files()
        .chain(packages::files())
        .chain([(OPENAPI.to_owned(), lanyard_openapi::text())]);
    changed.extend(whole.filter(|(file, text)| read(file).ok().as_ref() != Some(text)));
    Ok(changed)
}

#[cfg(test)]
mod tests {
    #[test]
    fn committed_files_match_the_table() {
        let changed = super::generated().unwrap();
        let files: Vec<_> = changed.into_iter().map(|(file, _)| file).collect();
        assert!(files.is_empty(), "{files:?} are out of date: run {}", super::HOW);
    }
}

//! Puts the version of all files into the pages of `assets`, compresses all files and lists them for
//! `src/assets.rs`.

#![expect(clippy::disallowed_methods, reason = "Cargo tells a build script its folder this way")]

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// The placeholder for the version in a page.
const VERSION: &str = "{{version}}";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=assets");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut texts = files("assets")?;
    texts.sort();
    let version = version(&texts);
    let mut table =
        format!("const VERSION: &str = \"{version}\";\n\nconst ASSETS: &[Asset] = &[\n");
    for (name, text) in &texts {
        let text = text.replace(VERSION, &version);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(text.as_bytes())?;
        fs::write(out.join(format!("{name}.gz")), gzip.finish()?)?;
        let etag = hex(&Sha256::digest(text.as_bytes())[..16]);
        fs::write(out.join(name), text)?;
        let include = |macro_name, suffix| {
            format!("{macro_name}!(concat!(env!(\"OUT_DIR\"), \"/{name}{suffix}\"))")
        };
        writeln!(
            table,
            "    Asset {{ name: \"{name}\", hash: \"{etag}\", text: {}, gzip: {} }},",
            include("include_str", ""),
            include("include_bytes", ".gz"),
        )?;
    }
    table.push_str("];\n");
    fs::write(out.join("assets.rs"), table)?;
    Ok(())
}

/// The files of a folder: names and texts.
fn files(folder: &str) -> std::io::Result<Vec<(String, String)>> {
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, fs::read_to_string(path)?))
    };
    fs::read_dir(folder)?.map(read).collect()
}

fn version(texts: &[(String, String)]) -> String {
    let mut hash = Sha256::new();
    for (name, text) in texts {
        hash.update(name);
        hash.update([0]);
        hash.update(text);
        hash.update([0]);
    }
    hex(&hash.finalize()[..8])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

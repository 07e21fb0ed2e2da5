//! The table of functions, held to what it cannot be generated into.

use std::collections::BTreeSet;
use std::path::PathBuf;

use lanyard_domain::operation::Operation;
use lanyard_functions::{FUNCTIONS, Handler, PARTITIONS};
use lanyard_platform::table::Partition;
use lanyard_protocol::Protocol;

/// The folders of packages below `functions`.
fn packages() -> impl Iterator<Item = PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../functions");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.join("Cargo.toml").is_file())
}

#[test]
fn every_package_has_a_row_and_every_row_a_package() {
    let packages: BTreeSet<_> =
        packages().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    let rows: BTreeSet<_> = FUNCTIONS.iter().map(|function| function.name.to_owned()).collect();
    assert_eq!(packages, rows);
    assert_eq!(rows.len(), FUNCTIONS.len(), "a name is there twice");
}

#[test]
fn every_operation_has_a_row_with_its_path() {
    for operation in Operation::ALL.iter().copied() {
        let name = operation.name().replace('_', "-");
        let row = lanyard_functions::named(&name);
        let row = row.unwrap_or_else(|| panic!("{name} has no row in infra/functions"));
        let is_relayed = matches!(row.handler, Handler::Gateway | Handler::Objects);
        assert!(row.is_streamed && is_relayed, "{name} is no relay");
        let path = row.paths().next().unwrap().path;
        assert_eq!(path, format!("/v1/{}", Protocol::of(operation).path), "{name}");
    }
}

#[test]
fn policies_may_name_the_partitions_of_the_table() {
    let named: BTreeSet<_> = PARTITIONS.iter().map(|&pattern| pattern.to_owned()).collect();
    assert_eq!(named, Partition::ALL.iter().map(|partition| partition.pattern()).collect());
}

/// The level of the log is set for crates whose names begin with `lanyard`.
#[test]
fn no_function_logs_by_itself() {
    for package in packages() {
        let manifest = std::fs::read_to_string(package.join("Cargo.toml")).unwrap();
        assert!(!manifest.contains("tracing"), "{} depends on tracing", package.display());
    }
}

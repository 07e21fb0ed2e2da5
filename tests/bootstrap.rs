//! Tests of every function's binary. Each function's package runs this file, which also makes Cargo
//! build the binary for the tests that run it as Lambda does.

use std::process::Command;

#[test]
fn without_settings_it_ends_at_once_and_names_every_one() {
    let bootstrap = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));
    let ended = Command::new(bootstrap).env_clear().output().expect("the binary runs");
    assert!(!ended.status.success());
    let said = String::from_utf8_lossy(&ended.stderr);
    for name in ["LANYARD_TABLE", "LANYARD_KEY_PREFIX", "AWS_REGION", "AWS_ACCESS_KEY_ID"] {
        assert!(said.contains(name), "{name} is not named: {said}");
    }
}

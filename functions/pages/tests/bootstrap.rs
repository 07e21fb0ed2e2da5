//! Tests of this function's binary, instead of `tests/bootstrap.rs`: it needs no settings.

use std::process::Command;

#[test]
fn outside_lambda_the_binary_ends_without_reading_our_settings() {
    let bootstrap = env!("CARGO_BIN_EXE_pages");
    let ended = Command::new(bootstrap).env_clear().output().expect("the binary runs");
    assert!(!ended.status.success());
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("AWS_LAMBDA_"), "it does not ask for Lambda: {said}");
    for name in ["LANYARD_", "AWS_REGION", "AWS_ACCESS_KEY_ID"] {
        assert!(!said.contains(name), "{name} is asked for: {said}");
    }
}

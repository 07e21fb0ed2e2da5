//! Tests of this function's binary, instead of `tests/bootstrap.rs`: it needs no settings.

use std::process::Command;

#[test]
fn outside_lambda_it_ends_and_asks_for_no_setting_of_ours() {
    let bootstrap = env!("CARGO_BIN_EXE_pages");
    let ended = Command::new(bootstrap).env_clear().output().expect("the binary runs");
    assert!(!ended.status.success());
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("AWS_LAMBDA_"), "it does not ask for Lambda: {said}");
    for name in ["LANYARD_", "AWS_REGION", "AWS_ACCESS_KEY_ID"] {
        assert!(!said.contains(name), "{name} is asked for: {said}");
    }
}

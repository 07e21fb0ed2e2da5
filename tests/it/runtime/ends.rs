//! The end of the service, and processes that must end with it.

use std::process::Stdio;

use lanyard_platform::https::use_ring;
use rustix::process::Signal;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::harness::{self, Harness, bootstraps, state, text};
use crate::support::{Gate, Reply};

#[tokio::test(flavor = "multi_thread")]
async fn running_responses_finish_when_the_service_ends() {
    let harness = Harness::start(&["--freeze"]).await;
    let gate = Gate::closed();
    harness.azure.script(Reply::chat_stream("one two three four five", true).gated(&gate));
    gate.release(2);
    let mut response = harness.chat("ada", json!({"stream": true})).await;
    assert!(text(response.chunk().await.unwrap()).contains("assistant"));
    harness.ask_to_end();
    gate.open();
    assert!(response.text().await.unwrap().ends_with("data: [DONE]\n\n"));
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_leaves_no_environment_behind() {
    use_ring();
    for freeze in [&["--freeze"][..], &[]] {
        let mut server = Command::new(env!("CARGO_BIN_EXE_lanyard-process"))
            .args(["--memory", "--port", "0", "--runtime", "--bootstraps"])
            .arg(bootstraps())
            .args(freeze)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut output = BufReader::new(server.stdout.take().unwrap()).lines();
        let line = output.next_line().await.unwrap().expect("it says where it is");
        let (_, address) = line.split_once("ready at ").unwrap();
        let (address, _) = address.split_once(',').unwrap();
        let response = reqwest::Client::new()
            .get(format!("{address}/models"))
            .header("api-key", "hackathon/ada")
            .send();
        assert_eq!(response.await.unwrap().status(), 200);
        let environments = children(server.id().unwrap());
        assert!(!environments.is_empty());
        let is_frozen = |process: &i32| state(*process) == Some('T');
        while !freeze.is_empty() && !environments.iter().any(is_frozen) {
            tokio::task::yield_now().await;
        }
        harness::signal(server.id().unwrap().cast_signed(), Signal::KILL);
        server.wait().await.unwrap();
        for process in environments {
            // The process that inherits it may leave it as a zombie.
            while !matches!(state(process), None | Some('Z')) {
                tokio::task::yield_now().await;
            }
        }
    }
}

/// The processes whose parent this is.
fn children(parent: u32) -> Vec<i32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_child = |id: &i32| {
        let status = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let after_name = status.rsplit_once(") ").map_or("", |(_, rest)| rest);
        after_name.split(' ').nth(1) == Some(&parent.to_string())
    };
    ids.filter(is_child).collect()
}

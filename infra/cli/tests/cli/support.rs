//! A local service, and runs of the command line against it.

use std::path::Path;
use std::process::Stdio;

use clap::Parser;
use lanyard_local::options::Options;
use lanyard_local::service::Service as Local;
use lanyard_runtime::template::Template;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A key that must never be printed.
pub(crate) const KEY: &str = "a-key-that-is-a-canary";

/// A local service, until it is dropped.
pub(crate) struct Service {
    /// Such as `http://127.0.0.1:40000/api`.
    pub(crate) address: String,
    pub(crate) data: TempDir,
    _server: JoinSet<()>,
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) exit: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Service {
    pub(crate) async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().to_str().unwrap();
        let arguments =
            ["lanyard-local", "--port", "0", "--data", folder, "--simulator-latency", "1"];
        let local = Local::start(Options::parse_from(arguments), Template::read().unwrap());
        let local = local.await.unwrap();
        let address = format!("{}/api", local.address);
        let mut server = JoinSet::new();
        server.spawn(async move { local.serve(CancellationToken::new()).await.unwrap() });
        Self { address, data, _server: server }
    }

    pub(crate) fn token(&self) -> String {
        let file = self.data.path().join("organiser-token");
        std::fs::read_to_string(file).unwrap().trim().to_owned()
    }

    /// Runs `lanyard` against this service, and asserts that no secret is printed.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Run {
        let data = self.data.path().to_str().unwrap();
        let usual = ["--address", &self.address, "--data", data];
        let run = lanyard(&[&usual, arguments].concat(), &[("AZURE_OPENAI_API_KEY", KEY)]).await;
        run.assert_hides(&[&self.token(), KEY]);
        run
    }

    /// The same, and it must succeed.
    pub(crate) async fn run_ok(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments).await;
        assert_eq!(run.exit, Some(0), "{arguments:?}: {run:?}");
        run.out
    }

    /// The same with `--json`.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Value {
        let out = self.run_ok(&[arguments, &["--json"]].concat()).await;
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    }

    /// An event that is open now.
    pub(crate) async fn open_event(&self, name: &str) -> String {
        let create = ["event", "create", name, "--for", "1h", "--tz", "UTC"];
        let made = self.json(&create).await;
        made["event"]["id"].as_str().unwrap().to_owned()
    }

    /// Everything that commands can change.
    pub(crate) async fn everything(&self) -> [Value; 3] {
        [
            self.json(&["event", "list"]).await,
            self.json(&["deployment", "list"]).await,
            self.json(&["attendee", "list", "hackathon"]).await,
        ]
    }
}

impl Run {
    pub(crate) fn assert_hides(&self, secrets: &[&str]) {
        for secret in secrets {
            let is_printed = self.out.contains(secret) || self.err.contains(secret);
            assert!(!is_printed, "a secret is printed: {self:?}");
        }
    }
}

/// Runs `lanyard` with only this environment, and without a terminal.
pub(crate) async fn lanyard(arguments: &[&str], environment: &[(&str, &str)]) -> Run {
    lanyard_in(Path::new(env!("CARGO_MANIFEST_DIR")), arguments, environment).await
}

pub(crate) async fn lanyard_in(
    folder: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_lanyard"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { exit: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

//! Several server processes over one engine: what is exact in one is exact in three.

use std::process::Stdio;
use std::time::Duration;

use chrono::Timelike;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use lanyard_gateway::ports::Clock;
use lanyard_platform::https::use_ring;
use lanyard_platform::shell::Machine;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::engine::Engine;
use crate::support::{Gate, Reply, ScriptedAzure};

/// How long anything may take on a slow machine before the test says what it waited for.
const LONG: Duration = Duration::from_secs(300);

/// Waits for something, and fails with its name if it does not come.
async fn soon<T>(what: &str, waiting: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LONG, waiting).await {
        Ok(done) => done,
        Err(_) => panic!("{what} did not come within {LONG:?}"),
    }
}

/// A process that serves until it is dropped.
struct Process {
    address: String,
    token: String,
    // Both end with the process; its output must stay open that long.
    _child: Child,
    _output: Lines<BufReader<ChildStdout>>,
}

impl Process {
    async fn start(engine: &Engine, azure: &ScriptedAzure) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lanyard-process"))
            .args(["--memory", "--port", "0"])
            .args(["--dynamodb-endpoint", engine.endpoint()])
            .args(["--azure-endpoint", &azure.endpoint()])
            .env("AWS_SESSION_TOKEN", engine.secret().reveal())
            .env("AZURE_OPENAI_API_KEY", "a-key")
            .env("LANYARD_LOG", "warn")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut address, mut token) = (None, None);
        while address.is_none() || token.is_none() {
            let line = soon("the address of a process", output.next_line()).await.unwrap();
            let line = line.expect("it says where it is");
            let word_after = |words: &str| {
                let rest = line.split_once(words)?.1;
                rest.split_whitespace().next().map(ToOwned::to_owned)
            };
            address = address.or(word_after("ready at "));
            token = token.or(word_after("token is "));
        }
        let address = address.unwrap().trim_end_matches("/api/v1,").to_owned();
        Self { address, token: token.unwrap(), _child: child, _output: output }
    }

    async fn admin(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}/api/admin{path}", self.address);
        let request = reqwest::Client::new()
            .request(method.parse().unwrap(), url)
            .bearer_auth(&self.token)
            .header("content-type", "application/json")
            .body(body.map(|body| body.to_string()).unwrap_or_default());
        let response = soon("a response to an organiser", request.send()).await.unwrap();
        assert!(response.status().is_success(), "{method} {path}: {}", response.status());
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    }

    async fn chat(&self, client: &reqwest::Client) -> u16 {
        self.chat_at("race-of-three", client).await.0
    }

    /// The status of a response in Anthropic's format.
    async fn message(&self, client: &reqwest::Client) -> u16 {
        self.ask("messages", "race-of-three", client).await.0
    }

    /// The status and the body of a response to an attendee of an event.
    async fn chat_at(&self, code: &str, client: &reqwest::Client) -> (u16, String) {
        self.ask("chat/completions", code, client).await
    }

    async fn ask(&self, path: &str, code: &str, client: &reqwest::Client) -> (u16, String) {
        // With an explicit cap, so that none is lowered to what is left.
        let body = r#"{"max_tokens":500,"messages":[{"role":"user","content":"hello"}]}"#;
        let request = client
            .post(format!("{}/api/v1/{path}", self.address))
            .header("openai-event-code", format!("{code}/ada"))
            .header("content-type", "application/json")
            .body(body);
        let response = soon("a response to an attendee", request.send()).await.unwrap();
        (response.status().as_u16(), soon("its body", response.text()).await.unwrap())
    }
}

/// An engine, an Azure, and three processes over them.
async fn three() -> (Engine, ScriptedAzure, Vec<Process>) {
    use_ring();
    let engine = Engine::start().await;
    let azure = ScriptedAzure::start().await;
    let mut processes = Vec::new();
    for _ in 0..3 {
        processes.push(Process::start(&engine, &azure).await);
    }
    let claude = json!({
        "endpoint": azure.endpoint(), "azure_name": "claude", "operations": ["messages"],
        "key": "a-key",
    });
    // Each keeps the keys that it is given by itself.
    for process in &processes {
        process.admin("PUT", "/deployments/claude", Some(claude.clone())).await;
    }
    (engine, azure, processes)
}

/// An open event of so many shards that limits nothing but an attendee's requests of a day and
/// everybody's tokens. Its midnight is half a day away, so that no day ends during a test.
fn open(code: &str, shards: u16, requests: Option<u64>, tokens: Option<u64>) -> Value {
    let (now, day) = (Machine.now(), chrono::TimeDelta::days(1));
    let zone_of_noon = format!("Etc/GMT{:+}", i64::from(now.hour()) - 12);
    json!({
        "name": code, "code": code, "time_zone": zone_of_noon, "shards": shards,
        "starts_at": (now - day).to_rfc3339(), "ends_at": (now + day).to_rfc3339(),
        "allowances": {
            "attendee": {
                "requests_per_day": requests, "requests_per_minute": null,
                "tokens_per_minute": null, "tokens_total": null, "usd_total": null,
                "in_flight": null,
            },
            "event": {
                "requests_per_minute": null, "tokens_per_minute": null, "tokens_total": tokens,
                "in_flight": null,
            },
        },
        "default_deployments": {"chat_completions": "gpt-4o", "messages": "claude"},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn of_256_requests_to_three_processes_exactly_100_fit_an_allowance_of_100() {
    let (_engine, azure, processes) = three().await;
    let event = open("race-of-three", 1, Some(100), None);
    let made = processes[0].admin("POST", "/events", Some(event)).await;
    let id = made["id"].as_str().unwrap();

    let client = reqwest::Client::new();
    let (processes, client) = (&processes, &client);
    let requests = (0..256).map(|n| async move {
        let process = &processes[n % 3];
        if n % 2 == 0 { process.chat(client).await } else { process.message(client).await }
    });
    let statuses = join_all(requests).await;

    let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    // 402 for a request that comes after the reservations of all others are settled.
    assert_eq!((count(200), count(429) + count(402)), (100, 156));
    assert_eq!(azure.calls(), 100);
    // The responses are there before their settlements: ask until all are.
    let settled = async {
        loop {
            let path = format!("/events/{id}/usage?by=attendee");
            let usage = processes[1].admin("GET", &path, None).await;
            if usage["total"]["held_tokens"] == 0 {
                break usage["total"].clone();
            }
            tokio::task::yield_now().await;
        }
    };
    let total = soon("the settlement of all requests", settled).await;
    assert_eq!((&total["requests"], &total["total_tokens"]), (&json!(100), &json!(2_200)));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_256_requests_to_three_processes_exactly_100_fit_a_budget_in_sixteen_shards() {
    let budget = |tokens: u64, code: &str| open(code, 16, None, Some(tokens));
    race_for_a_budget(
        |code| budget(1, code),
        |each, code| {
            // No part is a multiple of what a request needs.
            budget(101 * each.parse::<u64>().unwrap() - 1, code)
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_256_requests_to_three_processes_exactly_100_fit_a_budget_in_dollars() {
    let budget = |dollars: f64, code: &str| {
        let mut event = open(code, 1, None, None);
        event["allowances"]["event"]["usd_total"] = json!(dollars);
        event
    };
    race_for_a_budget(
        |code| budget(1e-9, code),
        |each, code| {
            // A nano-dollar less than 101 of them need.
            budget(101.0 * each.parse::<f64>().unwrap() - 1e-9, code)
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_256_requests_to_three_processes_exactly_100_fit_a_limit_on_their_model() {
    let limit = |tokens: u64, code: &str| {
        let mut event = open(code, 1, None, None);
        event["allowances"]["event"]["by_model"] = json!({"gpt-4o": {"tokens_total": tokens}});
        event
    };
    race_for_a_budget(
        |code| limit(1, code),
        |each, code| limit(101 * each.parse::<u64>().unwrap() - 1, code),
    )
    .await;
}

/// 256 requests at once, of which 100 fit. The first event is too small for one, and its refusal says
/// what one needs.
async fn race_for_a_budget(small: impl Fn(&str) -> Value, for_100: impl Fn(&str, &str) -> Value) {
    let (_engine, azure, processes) = three().await;
    let client = reqwest::Client::new();
    processes[0].admin("POST", "/events", Some(small("too-small"))).await;
    let (status, text) = processes[0].chat_at("too-small", &client).await;
    assert_eq!(status, 400, "{text}");
    let each = text.split("may need ").nth(1).unwrap().split(' ').next().unwrap();
    processes[0].admin("POST", "/events", Some(for_100(each, "race-of-three"))).await;

    // No response is sent, and no tokens are released, before every request was admitted or
    // refused.
    let gate = Gate::closed();
    azure.always(Reply::chat("hi").held(&gate));
    let requests = (0..256).map(|n| processes[n % 3].chat(&client));
    let mut requests: FuturesUnordered<_> = requests.collect();
    let waiting = async {
        let refused: Vec<_> = requests.by_ref().take(156).collect().await;
        azure.called(100).await;
        refused
    };
    let refused = soon("the refusals", waiting).await;
    assert_eq!(refused, [429; 156]);
    gate.open();
    assert_eq!(requests.collect::<Vec<_>>().await, [200; 100]);
    assert_eq!(azure.calls(), 100);
}

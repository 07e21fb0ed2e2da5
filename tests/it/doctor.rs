//! `cargo run -- doctor` as an operator runs it: a process against a service in another.

mod aws;
mod buffering;

use std::path::PathBuf;
use std::process::Stdio;

use lanyard_platform::https::use_ring;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::ScriptedAzure;
use crate::support::azure::Reply;

/// A key that must never be printed.
const KEY: &str = "a-key-that-is-a-canary";

/// A local service that runs until it is dropped.
struct Service {
    address: String,
    data: TempDir,
    // Both end with the process; its output must stay open that long.
    _child: Child,
    _output: Lines<BufReader<ChildStdout>>,
}

/// The output of a run of the doctor.
struct Run {
    exit: Option<i32>,
    text: String,
}

impl Service {
    /// A service over the simulator, slow enough that frames are seen apart.
    async fn simulated() -> Self {
        Self::start(&["--simulator-latency", "60"]).await
    }

    async fn over(azure: &ScriptedAzure) -> Self {
        Self::start(&["--azure-endpoint", &azure.endpoint()]).await
    }

    async fn start(arguments: &[&str]) -> Self {
        use_ring();
        let data = tempfile::tempdir().unwrap();
        let mut child = command()
            .args(["--port", "0", "--data"])
            .arg(data.path())
            .args(arguments)
            .env("AZURE_OPENAI_API_KEY", KEY)
            .env("LANYARD_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = output.next_line().await.unwrap().expect("it says where it is");
        let address = line.split_whitespace().find_map(|word| word.strip_suffix("/v1,"));
        let address = address.expect("the first line has the address").to_owned();
        Self { address, data, _child: child, _output: output }
    }

    fn token(&self) -> String {
        let file = self.data.path().join("organiser-token");
        std::fs::read_to_string(file).unwrap().trim().to_owned()
    }

    async fn admin(&self, method: &str, path: &str, body: Value) -> Value {
        let request = reqwest::Client::new()
            .request(method.parse().unwrap(), format!("{}/admin{path}", self.address))
            .bearer_auth(self.token())
            .header("content-type", "application/json")
            .body(if body.is_null() { String::new() } else { body.to_string() });
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{method} {path}: {}", response.status());
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    }

    /// Writes a deployment anew with some fields changed.
    async fn change_deployment(&self, name: &str, changes: &[(&str, &str)]) {
        let listed = self.admin("GET", "/deployments", Value::Null).await;
        let mut all = listed["deployments"].as_array().unwrap().iter();
        let mut body = all.find(|one| one["name"] == name).unwrap().clone();
        let fields = body.as_object_mut().unwrap();
        fields.retain(|field, value| {
            !["name", "facts", "warnings"].contains(&field.as_str()) && !value.is_null()
        });
        fields.extend(changes.iter().map(|(field, value)| ((*field).to_owned(), json!(value))));
        self.admin("PUT", &format!("/deployments/{name}"), body).await;
    }

    async fn doctor(&self, arguments: &[&str]) -> Run {
        self.doctor_at(&self.address, arguments).await
    }

    async fn doctor_at(&self, address: &str, arguments: &[&str]) -> Run {
        let data = self.data.path().to_str().unwrap();
        let usual = ["--address", address, "--data", data];
        let run = doctor(&[&usual, arguments].concat()).await;
        // No secret is printed, whatever went wrong.
        for secret in [KEY, &self.token(), "hackathon/", "wrong-key"] {
            assert!(!run.text.contains(secret), "{}", run.text);
        }
        run
    }
}

impl Run {
    /// Asserts a line with this level, check and text.
    fn says(&self, level: &str, check: &str, words: &str) -> &Self {
        let line = self.text.lines().find(|line| {
            let rest = line.strip_prefix(level).map(str::trim_start);
            rest.is_some_and(|rest| rest.starts_with(check)) && line.contains(words)
        });
        assert!(line.is_some(), "no line '{level} {check}' says '{words}' in:\n{}", self.text);
        self
    }

    fn advises(&self, words: &str) -> &Self {
        let advice = self.text.lines().filter(|line| line.starts_with("      "));
        let found = advice.into_iter().any(|line| line.contains(words));
        assert!(found, "nothing advises '{words}' in:\n{}", self.text);
        self
    }
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lanyard-process"));
    for variable in ["LANYARD_ORGANISER_TOKEN", "AWS_REGION", "AZURE_OPENAI_ENDPOINT"] {
        command.env_remove(variable);
    }
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn doctor(arguments: &[&str]) -> Run {
    ended(command().arg("doctor").args(arguments)).await
}

async fn ended(command: &mut Command) -> Run {
    let output = command.output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    Run { exit: output.status.code(), text: String::from_utf8(text).unwrap() }
}

#[tokio::test]
async fn a_fresh_local_service_is_healthy() {
    let service = Service::simulated().await;

    let run = service.doctor(&[]).await;

    assert_eq!(run.exit, Some(0), "{}", run.text);
    assert!(run.text.contains(" ok, 0 warnings, 0 failed, "), "{}", run.text);
    run.says("ok", "azure gpt-5-mini stream", "usage at the end.");
    run.says("ok", "service accounting", "13 of 13 requests");
}

#[tokio::test]
async fn a_wrong_key_is_reported_with_the_call_that_replaces_it() {
    let service = Service::simulated().await;
    service.change_deployment("gpt-4o", &[("key", "wrong-key")]).await;

    let run = service.doctor(&[]).await;

    assert_eq!(run.exit, Some(1), "{}", run.text);
    run.says("fail", "azure gpt-4o call", "401: Azure rejects the key.");
    run.advises(&format!("curl -X PUT {}/admin/deployments/gpt-4o ", service.address));
    run.says("fail", "service gpt-4o chat_completions", "503 upstream_misconfigured.");
    run.says("ok", "service gpt-5-mini stream", "chunks");
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_reached_is_reported_once_with_its_deployments() {
    let service = Service::simulated().await;
    // Bound and closed again, so that nothing listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for name in ["gpt-4o", "gpt-5-mini"] {
        service.change_deployment(name, &[("endpoint", &nowhere), ("key", "any")]).await;
    }

    let run = service.doctor(&[]).await;

    assert_eq!(run.exit, Some(1), "{}", run.text);
    run.says("fail", "azure endpoint", "Deployments there: gpt-4o, gpt-5-mini.");
    run.says("fail", "service upstream", "The service does not reach: gpt-4o, gpt-5-mini.");
    assert!(run.text.contains(" 0 warnings, 2 failed, "), "{}", run.text);
}

#[tokio::test]
async fn a_deployment_that_azure_does_not_know_is_reported() {
    let service = Service::simulated().await;
    service.change_deployment("gpt-4o", &[("azure_name", "gpt-9")]).await;

    let run = service.doctor(&[]).await;

    assert_eq!(run.exit, Some(1));
    run.says(
        "fail",
        "azure gpt-4o call",
        "404 DeploymentNotFound: the resource has no deployment named gpt-9",
    );
}

#[tokio::test]
async fn limits_above_azures_quota_are_reported() {
    let azure = ScriptedAzure::start().await;
    azure.always(Reply::chat("hi").header("x-ratelimit-limit-tokens", "1000"));
    azure.streams(Reply::chat_stream("one two three four five", true));
    let service = Service::over(&azure).await;

    let run = service.doctor(&[]).await;

    assert_eq!(run.exit, Some(1), "{}", run.text);
    run.says(
        "warn",
        "azure gpt-4o limits",
        "grants 1,000 tokens/min; configured: 2,000,000 \
                                             tokens/min",
    );
    run.says("fail", "quota", "attendees may use 4,000,000 tokens/min; Azure grants 3,000");
    run.advises(r#"{"allowances":{"event":{"tokens_per_minute":3000}}}"#);
}

#[tokio::test]
async fn a_stream_without_usage_is_reported() {
    let azure = ScriptedAzure::start().await;
    azure.streams(Reply::chat_stream("one two three four five", false));
    let service = Service::over(&azure).await;

    let run = service.doctor(&[]).await;

    assert_eq!(run.exit, Some(1), "{}", run.text);
    run.says("fail", "azure gpt-4o stream", "the requested usage is missing");
    run.says("fail", "service gpt-4o stream", "the usage is missing");
}

#[tokio::test]
async fn a_model_that_refuses_fields_of_the_gateways_is_reported_and_not_failed() {
    let service = Service::simulated().await;
    let listed = service.admin("GET", "/deployments", Value::Null).await;
    let mut all = listed["deployments"].as_array().unwrap().iter();
    let mut body = all.find(|one| one["name"] == "gpt-4o").unwrap().clone();
    let fields = body.as_object_mut().unwrap();
    fields.retain(|field, value| {
        !["name", "facts", "warnings"].contains(&field.as_str()) && !value.is_null()
    });
    fields.insert("operations".to_owned(), json!(["chat_completions"]));
    fields.insert("key".to_owned(), json!(KEY));
    // One is in the table of models, the other has a name that says nothing.
    for name in ["mistral-large-3", "prod-french"] {
        body["azure_name"] = json!(name);
        service.admin("PUT", &format!("/deployments/{name}"), body.clone()).await;
    }

    let run =
        service.doctor(&["--deployment", "mistral-large-3", "--deployment", "prod-french"]).await;

    assert_eq!(run.exit, Some(0), "{}", run.text);
    let refuses = "refuses user and";
    run.says("ok", "azure mistral-large-3 fields", refuses);
    run.says("warn", "azure prod-french fields", refuses).advises(r#""model":"MODEL""#);
    for name in ["mistral-large-3", "prod-french"] {
        run.says("ok", &format!("azure {name} call"), "Responds");
        run.says("ok", &format!("azure {name} stream"), "without usage");
        run.says("ok", &format!("service {name} stream"), "chunks");
    }
    run.says("ok", "service accounting", "4 of 4 requests");
}

#[tokio::test]
async fn a_burst_of_azures_is_not_a_failure_of_the_service() {
    let azure = ScriptedAzure::start().await;
    let late = std::time::Duration::from_millis(400);
    azure.streams(Reply::chat_stream("one two three four five", true).delay(late));
    let service = Service::over(&azure).await;

    let run = service.doctor(&[]).await;

    assert_eq!(run.exit, Some(0), "{}", run.text);
    run.says("warn", "azure gpt-4o stream", "all at once").advises("asynchronous filter");
    run.says("warn", "service gpt-4o stream", "Azure may have sent them like this");
}

#[tokio::test]
async fn a_stream_held_back_by_a_proxy_differs_from_one_that_azure_sent_at_once() {
    let service = Service::simulated().await;
    let buffering = buffering::before(&service.address).await;

    let run = service.doctor_at(&buffering.address(), &[]).await;

    assert_eq!(run.exit, Some(1), "{}", run.text);
    run.says("ok", "azure gpt-4o stream", "usage at the end.");
    run.says("fail", "service gpt-4o stream", "but Azure sends them one by one");
    run.advises("ResponseTransferMode: RESPONSE_STREAM");
    run.says("ok", "service accounting", "13 of 13 requests");
}

#[tokio::test]
async fn without_an_open_event_the_doctor_calls_through_its_own_and_leaves_nothing_behind() {
    let service = Service::simulated().await;
    let events = async || service.admin("GET", "/events", Value::Null).await;
    let listed = events().await;
    let id = listed["events"][0]["id"].as_str().unwrap();
    service.admin("POST", &format!("/events/{id}/end"), Value::Null).await;
    let before = events().await;

    let run = service.doctor(&[]).await;

    assert_eq!(run.exit, Some(0), "{}", run.text);
    run.says("ok", "service gpt-5-mini stream", "chunks");
    run.says("ok", "service accounting", "13 of 13 requests");
    run.says("skip", "quota", "No open or scheduled event.");
    assert_eq!(events().await, before);
}

#[tokio::test]
async fn a_given_code_is_tried_and_its_event_stays() {
    let service = Service::simulated().await;

    let run = service.doctor(&["--code", "hackathon"]).await;

    assert_eq!(run.exit, Some(0), "{}", run.text);
    let listed = service.admin("GET", "/events", Value::Null).await;
    let id = listed["events"][0]["id"].as_str().unwrap();
    let attendees = service.admin("GET", &format!("/events/{id}/attendees"), Value::Null).await;
    assert_eq!(attendees["attendees"][0]["user"], "lanyard-doctor", "{attendees}");
}

#[tokio::test]
async fn an_unknown_code_is_reported() {
    let service = Service::simulated().await;

    let run = service.doctor(&["--code", "nobodys-code/ada"]).await;

    assert_eq!(run.exit, Some(1), "{}", run.text);
    run.says("fail", "service event", "401 invalid_event_code.");
    assert!(!run.text.contains("nobodys-code"), "{}", run.text);
}

#[tokio::test]
async fn a_token_of_another_service_is_reported() {
    let service = Service::simulated().await;
    let file = service.data.path().join("another-token");
    std::fs::write(&file, "org_of_another_service\n").unwrap();

    let run = service.doctor(&["--token-file", file.to_str().unwrap()]).await;

    assert_eq!(run.exit, Some(1), "{}", run.text);
    run.says("fail", "organiser", "401 invalid_organiser_token");
    assert!(!run.text.contains("org_of_another_service"), "{}", run.text);
}

#[tokio::test]
async fn json_is_an_array_of_checks() {
    let service = Service::simulated().await;

    let run = service.doctor(&["--json"]).await;

    assert_eq!(run.exit, Some(0), "{}", run.text);
    let checks: Vec<Value> = serde_json::from_str(&run.text).unwrap();
    let is_well = |check: &Value| check["level"] == "ok" || check["level"] == "skip";
    assert!(checks.iter().all(is_well), "{}", run.text);
    assert_eq!(checks[0]["check"], "service");
    assert_eq!(checks[0]["next"], Value::Null);
}

#[tokio::test]
async fn an_unreachable_service_has_its_own_exit_code() {
    // A port that was bound and released, so that nothing listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/api", listener.local_addr().unwrap());
    drop(listener);

    let run = doctor(&["--address", &address]).await;

    assert_eq!(run.exit, Some(3), "{}", run.text);
    run.says("fail", "service", "connection refused").advises("cargo run");
}

#[tokio::test]
async fn a_wrong_command_line_has_its_own_exit_code() {
    assert_eq!(doctor(&["--nonsense"]).await.exit, Some(2));
    let run = ended(command().args(["--port", "0", "doctor"])).await;
    assert_eq!(run.exit, Some(2), "{}", run.text);
}

/// The scripted `aws` command.
fn scripted_aws() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("support/aws")
}

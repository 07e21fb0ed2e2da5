//! Nothing but this process, or those that know its secret, reaches the embedded engine.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};

use lanyard_platform::https::use_ring;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::ScriptedAzure;
use crate::support::engine::Engine;

/// A local service with a data folder, until it is dropped.
struct Service {
    child: Child,
    _output: Lines<BufReader<ChildStdout>>,
}

fn command(data: &Path, azure: &ScriptedAzure) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lanyard-process"));
    command
        .args(["--port", "0", "--data", data.to_str().unwrap()])
        .args(["--azure-endpoint", &azure.endpoint()])
        .env("AZURE_OPENAI_API_KEY", "a-key")
        .env("LANYARD_LOG", "warn")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

impl Service {
    async fn start(data: &Path, azure: &ScriptedAzure) -> Self {
        let mut child = command(data, azure).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        while !output.next_line().await.unwrap().expect("it starts").contains("ready at ") {}
        Self { child, _output: output }
    }
}

/// The sockets of a process on which it accepts connections.
fn listeners(process: u32) -> usize {
    let tables = ["tcp", "tcp6"].map(|table| {
        std::fs::read_to_string(format!("/proc/{process}/net/{table}")).unwrap_or_default()
    });
    // The fourth column is the state, of which 0A is LISTEN; the tenth is the socket's inode.
    let listening: BTreeSet<&str> = tables
        .iter()
        .flat_map(|table| table.lines().skip(1))
        .filter_map(|line| {
            let columns: Vec<_> = line.split_whitespace().collect();
            (columns[3] == "0A").then(|| columns[9])
        })
        .collect();
    let descriptors = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let targets = descriptors.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let sockets = targets.filter(|target| {
        let inode = target.to_str().and_then(|target| target.strip_prefix("socket:["));
        inode.is_some_and(|inode| listening.contains(inode.trim_end_matches(']')))
    });
    sockets.count()
}

#[tokio::test]
async fn the_local_service_listens_for_its_own_requests_and_nothing_else() {
    let azure = ScriptedAzure::start().await;
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path(), &azure).await;
    assert_eq!(listeners(service.child.id().unwrap()), 1);
}

#[tokio::test]
async fn a_second_service_on_the_same_folder_is_refused_and_writes_nothing() {
    let azure = ScriptedAzure::start().await;
    let data = tempfile::tempdir().unwrap();
    let _first = Service::start(data.path(), &azure).await;
    for entry in std::fs::read_dir(data.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
    let keys = std::fs::metadata(data.path().join("azure-keys.json")).unwrap().modified().unwrap();
    let Output { status, stderr, .. } = command(data.path(), &azure).output().await.unwrap();
    assert!(!status.success());
    let text = String::from_utf8(stderr).unwrap();
    assert!(text.contains("another service uses the data folder"), "{text}");
    let after = std::fs::metadata(data.path().join("azure-keys.json")).unwrap();
    assert_eq!(after.modified().unwrap(), keys);
}

/// A request of a web page that has found the port: it creates an organiser.
fn attack() -> Value {
    json!({
        "TableName": "lanyard",
        "Item": {"pk": {"S": "ORGTOKEN#attack"}, "sk": {"S": "A"}, "schema": {"N": "1"}},
    })
}

#[tokio::test]
async fn a_listener_refuses_web_pages_and_processes_of_other_runs() {
    use_ring();
    let engine = Engine::start().await;
    let client = reqwest::Client::new();
    let call = |headers: &[(&'static str, &str)]| {
        let mut request = client
            .post(engine.endpoint())
            .header("x-amz-target", "DynamoDB_20120810.PutItem")
            .body(attack().to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send()
    };
    let secret = engine.secret().reveal();
    let page = ("origin", "https://page.example");
    let refused: [&[(&str, &str)]; 5] = [
        &[],
        &[("authorization", "AWS4-HMAC-SHA256 Credential=local/x, Signature=0")],
        &[("x-amz-security-token", "local")],
        &[page],
        &[("x-amz-security-token", secret), page],
    ];
    for headers in refused {
        let response = call(headers).await.unwrap();
        assert_eq!(response.status(), 400, "{headers:?}");
        assert!(!response.headers().contains_key("access-control-allow-origin"), "{headers:?}");
        let body = response.text().await.unwrap();
        assert!(body.contains("UnrecognizedClientException"), "{body}");
    }
    let preflight = client
        .request(reqwest::Method::OPTIONS, engine.endpoint())
        .header("origin", "https://page.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "x-amz-target, x-amz-security-token")
        .send()
        .await
        .unwrap();
    let allowed = preflight.headers().keys().filter(|n| n.as_str().starts_with("access-control-"));
    assert_eq!(allowed.count(), 0);
    assert!(engine.items().await.is_empty());

    let response = call(&[("x-amz-security-token", secret)]).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(engine.items().await.len(), 1);
}

#[tokio::test]
async fn the_engine_in_process_responds_like_its_listener() {
    let engine = Engine::start().await;
    for (table, sk) in [(engine.table(), "A"), (engine.table_over_http(), "B")] {
        let put = || {
            let put = table.client.put_item().table_name(&table.name);
            put.item("pk", text("EVENT#e"))
                .item("sk", text(sk))
                .condition_expression("attribute_not_exists(pk)")
                .send()
        };
        put().await.unwrap();
        let refused = put().await.unwrap_err().into_service_error();
        assert!(refused.is_conditional_check_failed_exception(), "{refused}");
        let absent = table.client.get_item().table_name("none").key("pk", text("x"));
        let absent = absent.key("sk", text("A")).send().await.unwrap_err().into_service_error();
        assert!(absent.is_resource_not_found_exception(), "{absent}");
        let tables = table.client.list_tables().send().await.unwrap_err();
        let tables = format!("{tables:?}");
        assert!(tables.contains("does not serve"), "{tables}");
    }
    assert_eq!(engine.items().await.len(), 2, "both are one engine");
}

fn text(text: &str) -> aws_sdk_dynamodb::types::AttributeValue {
    aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned())
}

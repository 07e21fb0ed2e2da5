//! A function as Managed Instances run it: many requests at once in one environment, and credentials
//! from an endpoint.

use std::process::Stdio;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use lanyard_domain::account::{AccountKey, Field};
use lanyard_gateway::ports::Ledger;
use lanyard_tests::fixture::Fixture;
use lanyard_tests::http::serve;
use lanyard_tests::runtime_api::{Runtime, Turn};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::task::JoinSet;

use super::harness::bootstraps;

/// The concurrent requests of one environment.
const AT_ONCE: usize = 8;

/// The secret of the endpoint.
const AUTHORIZATION: &str = "proof-of-the-environment";

/// Gives credentials, and refuses a caller without the proof.
fn credentials(request: &Request<Bytes>, session: &str) -> Response<Full<Bytes>> {
    if request.headers().get("authorization").is_none_or(|shown| shown != AUTHORIZATION) {
        return Response::builder().status(403).body(Full::default()).unwrap();
    }
    let granted = json!({
        "AccessKeyId": "local",
        "SecretAccessKey": "local",
        "Token": session,
        "Expiration": "2999-01-01T00:00:00Z",
    });
    Response::new(Full::from(granted.to_string()))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_environment_serves_eight_requests_at_once_and_settles_each() {
    let fixture = Fixture::start().await.unwrap();
    let mut runtime = Runtime::start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/role", listener.local_addr().unwrap());
    let mut server = JoinSet::new();
    let environment = fixture.environment();
    let session = environment.iter().find(|(name, _)| *name == "AWS_SESSION_TOKEN");
    let session = session.unwrap().1.clone();
    server.spawn(serve(listener, move |request| {
        let answered = credentials(&request, &session);
        async move { answered }
    }));

    let mut function = Command::new(bootstraps().join("chat-completions"))
        .env_clear()
        .envs(environment.into_iter().filter(|(name, _)| {
            !["AWS_ACCESS", "AWS_SECRET", "AWS_SESSION"].iter().any(|of| name.starts_with(of))
        }))
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint)
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", AUTHORIZATION)
        .env("AWS_LAMBDA_MAX_CONCURRENCY", AT_ONCE.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "chat-completions")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST.PUBLISHED")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2048")
        .env("AWS_LAMBDA_RUNTIME_API", runtime.address())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();

    let event = include_str!("../../../infra/events/chat-completions.json");
    // Eight wait before one gets an invocation, so eight run at once.
    for turn in turns(&mut runtime).await {
        turn.give(event).unwrap();
    }
    for _ in 0..AT_ONCE {
        assert_eq!(runtime.answered().await.unwrap().status, 200);
    }
    turns(&mut runtime).await;

    // Each asked again only after its own settlement.
    let event = first_run_event(&fixture).await;
    let ledger = fixture.table();
    let account = ledger.account(&AccountKey::Event(event)).await.unwrap().unwrap();
    assert_eq!((account.count(Field::Requests), account.get(Field::Held)), (AT_ONCE as u64, 0));
    assert_eq!(account.get(Field::Open), 0);
    function.kill().await.unwrap();
}

/// Waits until every worker waits for an invocation.
async fn turns(runtime: &mut Runtime) -> Vec<Turn> {
    let mut turns = Vec::new();
    while turns.len() < AT_ONCE {
        turns.push(runtime.next().await.unwrap());
    }
    turns
}

/// The id of the event that everything began with.
async fn first_run_event(fixture: &Fixture) -> lanyard_domain::ids::EventId {
    let code = "hackathon".parse().unwrap();
    let found = lanyard_gateway::ports::EventStore::find(fixture.table(), &code).await.unwrap();
    found.unwrap().event.id
}

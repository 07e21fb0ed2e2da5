//! The function's two ways in, with the events of `infra/events`.

use lanyard_platform::lambda::organisers::serve_invocation;
use serde_json::{Value, json};

use super::harness::Harness;

macro_rules! sample {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!(
            "../../../infra/events/",
            $name,
            ".json"
        )))
        .unwrap()
    };
}

async fn invoke(harness: &Harness, payload: Value) -> Value {
    serve_invocation(&harness.admin, ::admin::handle, payload).await.unwrap()
}

#[tokio::test]
async fn the_samples_make_an_organiser_a_deployment_and_an_event() {
    let harness = Harness::open().await;
    let organiser = invoke(&harness, sample!("admin-create-organiser")).await;
    assert_eq!(
        (&organiser["status"], &organiser["body"]["organiser"]),
        (&json!(201), &json!("main"))
    );
    assert_eq!(invoke(&harness, sample!("admin-put-deployment")).await["status"], 201);
    let event = invoke(&harness, sample!("admin-create-event")).await;
    assert_eq!(event["status"], 201);
    let id = event["body"]["id"].as_str().unwrap();

    let mut pause = sample!("admin-pause-event");
    pause["path"] = json!(pause["path"].as_str().unwrap().replace("EVENT_ID", id));
    assert_eq!(invoke(&harness, pause).await["body"]["paused"], true);
    let list = invoke(&harness, sample!("admin-list-events")).await;
    assert_eq!(list["body"]["events"][0]["id"], id);
    let query = json!({"method": "GET", "path": "/api/admin/events?limit=0"});
    assert_eq!(invoke(&harness, query).await["status"], 400);
}

#[tokio::test]
async fn a_direct_call_may_be_for_another_organiser() {
    let harness = Harness::open().await;
    harness.event(json!({})).await;
    let other = json!({"method": "GET", "path": "/events", "organiser": "other"});
    assert_eq!(invoke(&harness, other).await["body"]["events"], json!([]));
    let named = json!({"method": "POST", "path": "/organisers", "body": {"name": "Ada's school"}});
    let organiser = invoke(&harness, named).await;
    assert!(organiser["body"]["organiser"].as_str().unwrap().starts_with("org_"));
}

#[tokio::test]
async fn a_malformed_call_gets_the_expected_shape() {
    let harness = Harness::open().await;
    for payload in [
        json!({}),
        json!("GET"),
        json!({"method": "GET"}),
        json!({"method": "GET", "path": "events"}),
        json!({"method": "G T", "path": "/events"}),
        json!({"method": "GET", "path": "/events", "organiser": "a/b"}),
        json!({"method": "GET", "path": "/events", "token": "x"}),
    ] {
        let response = invoke(&harness, payload).await;
        assert_eq!(response["status"], 400, "{response}");
        assert_eq!(response["body"]["error"]["code"], "invalid_json");
    }
    let nowhere = invoke(&harness, json!({"method": "GET", "path": "/nothing here"})).await;
    assert_eq!(nowhere["status"], 404);
}

#[tokio::test]
async fn api_gateways_event_gets_the_response_it_expects() {
    let harness = Harness::open().await;
    let mut event = sample!("admin");
    let refused = invoke(&harness, event.clone()).await;
    assert_eq!(refused["statusCode"], 401);

    let bearer = json!(format!("Bearer {}", harness.token));
    event["headers"]["Authorization"] = bearer.clone();
    event["multiValueHeaders"]["Authorization"] = json!([bearer]);
    let response = invoke(&harness, event.clone()).await;
    assert_eq!(
        (&response["statusCode"], &response["isBase64Encoded"]),
        (&json!(200), &json!(false))
    );
    assert_eq!(response["multiValueHeaders"]["content-type"], json!(["application/json"]));
    let body: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
    assert_eq!(body, json!({"events": [], "next": null}));

    // Names that a URL would lose, and a query.
    let (path, _) = harness.event(json!({})).await;
    event["httpMethod"] = json!("PATCH");
    event["path"] = json!(format!("/admin{path}/attendees/%2e%2e"));
    event["body"] = json!("{\"blocked\": true}");
    let response = invoke(&harness, event.clone()).await;
    assert!(response["body"].as_str().unwrap().contains("\"user\":\"..\""), "{response}");
    event["httpMethod"] = json!("GET");
    event["path"] = json!("/admin/events");
    event["multiValueQueryStringParameters"] = json!({"limit": ["0"]});
    assert_eq!(invoke(&harness, event).await["statusCode"], 400);
}

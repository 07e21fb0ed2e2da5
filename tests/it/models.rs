//! `GET /api/v1/models`

use insta::assert_snapshot;

use crate::support::World;

#[tokio::test]
async fn the_list_has_exactly_the_offered_models() {
    let world = World::event("offer")
        .with(|event| {
            let offered = ["gpt-4o-mini", "text-embedding-3-small"];
            event.deployments = Some(offered.map(|name| name.parse().unwrap()).into());
        })
        .two_replicas()
        .start()
        .await;
    let ada = world.attendee("ada").await;
    let list = ada.send(ada.get("/api/v1/models")).await;
    assert_snapshot!(list.line(), @r#"200 {"object":"list","data":[{"id":"gpt-4o-mini","object":"model","created":1796385600,"owned_by":"azure-openai"},{"id":"text-embedding-3-small","object":"model","created":1796385600,"owned_by":"azure-openai"}]}"#);
    let bases = [
        "openai/v1/models",
        "openai/models?api-version=2024-10-21",
        "v1/openai/models",
        "openai-proxy/models/",
    ];
    for base in bases {
        let same = ada.send(ada.get(&format!("/api/{base}"))).await;
        assert_eq!(same.line(), list.line(), "{base}");
    }
    let one = ada.send(ada.get("/api/v1/models/gpt-4o-mini")).await;
    assert_snapshot!(one.line(), @r#"200 {"id":"gpt-4o-mini","object":"model","created":1796385600,"owned_by":"azure-openai"}"#);
    let spelt = ada.send(ada.get("/api/v1/models/openai%2Fgpt%2D4o-mini")).await;
    assert_eq!(spelt.line(), one.line());
    let missing = ada.send(ada.get("/api/v1/models/gpt-4o")).await;
    assert_snapshot!(missing.line(), @r#"404 {"error":{"message":"The event does not offer this model. It offers: gpt-4o-mini, text-embedding-3-small.","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#);
    assert_eq!((world.azure().calls(), world.settle().await.requests), (0, 0));
}

#[tokio::test]
async fn strangers_and_other_methods_are_refused() {
    let world = World::event("closed").in_memory().start().await;
    let ada = world.attendee("ada").await;
    let mut stranger = ada.get("/api/v1/models");
    stranger.headers_mut().clear();
    ada.send(stranger).await.assert_refused(401, "invalid_event_code");
    let posted = ada.send(ada.post("/api/v1/models", "{}")).await;
    posted.assert_refused(405, "method_not_allowed");
    assert_eq!(posted.header("allow"), Some("GET, OPTIONS"));
    for path in ["/api/v1/models/a/b", "/api/v2/models", "/api/v1/models//"] {
        ada.send(ada.get(path)).await.assert_refused(404, "unknown_route");
    }
    world.settle().await;
}

/// Examples cannot use the constant, so they are compared with it.
#[test]
fn examples_name_the_default_model() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for file in [
        "README.md",
        "docs/attendees.md",
        "docs/coding-tools.md",
        "docs/deploying.md",
        "docs/keyless.md",
        "docs/operations.md",
        "docs/organisers.md",
        "functions/pages/web/attendee.js",
        "infra/functions/src/table.rs",
        "template.yaml",
    ] {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        assert!(!text.contains("gpt-4o-mini"), "{file} names another model");
        let names_one = text.contains(lanyard_domain::models::DEFAULT_MODEL);
        assert!(names_one || file == "README.md", "{file} names no model");
    }
}

//! Deployments and their keys.

mod objects;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use lanyard_administration::Administration;
use lanyard_administration::ports::{DeploymentStore, KeyStore};
use lanyard_domain::account::{AccountKey, Change, Field, Write};
use lanyard_domain::catalog::Deployment;
use lanyard_domain::credential::AzureKey;
use lanyard_domain::hour::HourCount;
use lanyard_domain::ids::EventId;
use lanyard_gateway::ports::{Cause, Clock, Ledger};
use lanyard_platform::organisers::Organisers;
use serde_json::{Value, json};

use super::harness::{Harness, deployment};
use crate::support::canary;

fn names(list: &Value) -> Vec<String> {
    let deployments = list["deployments"].as_array().unwrap();
    let name = |d: &Value| format!("{} {}", d["name"], d["replica"]).replace('"', "");
    deployments.iter().map(name).collect()
}

#[tokio::test]
async fn a_deployment_is_added_listed_changed_and_removed() {
    let harness = Harness::open().await;
    let made = harness.put("/deployments/gpt-4o", deployment("chat_completions")).await.ok(201);
    assert_eq!((&made["name"], &made["azure_name"]), (&json!("gpt-4o"), &json!("gpt-4o")));
    let key = harness.keys.read("main/gpt-4o/main").await.unwrap();
    assert_eq!(key.reveal(), canary::KEY);

    let mut sweden = deployment("chat_completions");
    sweden["replica"] = json!("sweden");
    sweden["weight"] = json!(3);
    harness.put("/deployments/gpt-4o", sweden.clone()).await.ok(201);
    harness.deployment("ada", "embeddings").await;
    let list = harness.get("/deployments").await.ok(200);
    assert_eq!(names(&list), ["ada main", "gpt-4o main", "gpt-4o sweden"]);
    let first = harness.get("/deployments?limit=2").await.ok(200);
    let next = first["next"].as_str().unwrap();
    let last = harness.get(&format!("/deployments?cursor={next}")).await.ok(200);
    assert_eq!((names(&last), &last["next"]), (vec!["gpt-4o sweden".to_owned()], &Value::Null));

    // A change repeats every field except the key.
    sweden.as_object_mut().unwrap().remove("key");
    sweden.as_object_mut().unwrap().remove("weight");
    let changed = harness.put("/deployments/gpt-4o", sweden).await.ok(200);
    assert_eq!(changed["weight"], 1);
    let key = harness.keys.read("main/gpt-4o/sweden").await.unwrap();
    assert_eq!(key.reveal(), canary::KEY);

    harness.delete("/deployments/gpt-4o?replica=norway").await.refused(404, "not_found");
    harness.delete("/deployments/gpt-4o?replica=sweden").await.ok(200);
    assert!(harness.keys.read("main/gpt-4o/sweden").await.is_err());
    let gone = harness.delete("/deployments/gpt-4o").await.ok(200);
    assert_eq!((&gone["replica"], &gone["deleted"]), (&json!("main"), &json!(true)));
    assert_eq!(names(&harness.get("/deployments").await.ok(200)), ["ada main"]);
}

#[tokio::test]
async fn another_endpoint_needs_the_key_again() {
    let harness = Harness::open().await;
    harness.deployment("gpt-4o", "chat_completions").await;
    let mut moved = deployment("chat_completions");
    moved["endpoint"] = json!("https://another.openai.azure.com");
    moved.as_object_mut().unwrap().remove("key");
    let refused = harness.put("/deployments/gpt-4o", moved.clone()).await;
    let error = refused.refused(400, "invalid_value");
    assert_eq!(error["error"]["details"][0]["field"], "key", "{error}");
    let list = harness.get("/deployments").await.ok(200);
    assert_ne!(list["deployments"][0]["endpoint"], moved["endpoint"]);
    moved["key"] = json!("another-key");
    harness.put("/deployments/gpt-4o", moved).await.ok(200);
    assert_eq!(harness.keys.read("main/gpt-4o/main").await.unwrap().reveal(), "another-key");
}

#[tokio::test]
async fn deployments_are_audited_without_their_keys() {
    let harness = Harness::open().await;
    harness.wait(chrono::TimeDelta::seconds(1));
    harness.deployment("gpt-4o", "chat_completions").await;
    let mut moved = deployment("chat_completions");
    moved["endpoint"] = json!("https://another.openai.azure.com");
    harness.wait(chrono::TimeDelta::seconds(1));
    harness.put("/deployments/gpt-4o", moved).await.ok(200);
    harness.wait(chrono::TimeDelta::seconds(1));
    harness.delete("/deployments/gpt-4o").await.ok(200);
    let log = harness.get("/audit?limit=3").await.ok(200);
    let log = log["audit"].as_array().unwrap();
    let lines: Vec<_> = log.iter().map(|e| (&e["action"], &e["subject"])).collect();
    let subject = &json!("gpt-4o#main");
    let (removed, changed) = (&json!("remove_deployment"), &json!("change_deployment"));
    assert_eq!(lines, [(removed, subject), (changed, subject), (changed, subject)]);
    let fields: Vec<_> =
        log[1]["changes"].as_array().unwrap().iter().map(|c| &c["field"]).collect();
    assert_eq!(fields, ["endpoint", "key"]);
    assert_eq!(log[1]["changes"][0]["to"], "https://another.openai.azure.com");
    assert_eq!(log[1]["changes"][1]["to"], "replaced");
    let others = harness.organiser("other").await;
    let other = harness.send(http::Method::GET, "/audit", &others, "").await.ok(200);
    assert!(!other.to_string().contains("gpt-4o"), "{other}");
}

#[tokio::test]
async fn a_key_is_in_no_item_of_the_table() {
    let harness = Harness::open().await;
    harness.deployment("gpt-4o", "chat_completions").await;
    harness.deployment("gpt-4o-mini", "chat_completions").await;
    harness.event(json!({})).await;
    let items = format!("{:?}", harness.engine.items().await);
    assert!(items.contains("main/gpt-4o/main") && !items.contains(canary::KEY));
}

#[tokio::test]
async fn a_new_deployment_needs_its_key_and_every_mistake_is_listed() {
    let harness = Harness::open().await;
    let wrong = json!({"endpoint": "http://127.0.0.1:8080", "operations": [], "weight": -1});
    let wrong = harness.put("/deployments/a%2Fb", wrong).await.wrong_fields();
    assert_eq!(wrong, ["name", "endpoint", "operations", "weight", "key"]);
    assert_eq!(harness.get("/deployments").await.ok(200)["deployments"], json!([]));
}

#[tokio::test]
async fn a_deployment_stays_while_an_event_to_come_lists_it() {
    let harness = Harness::open().await;
    harness.deployment("gpt-4o", "chat_completions").await;
    harness.deployment("gpt-4o-mini", "chat_completions").await;
    let soon = json!({
        "name": "Soon", "starts_at": "2026-12-05T17:00", "deployments": ["gpt-4o"],
    });
    let (soon, _) = harness.event(soon).await;
    let refused = harness.delete("/deployments/gpt-4o").await.refused(400, "deployment_in_use");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("Soon. They list it"), "{message}");
    harness.delete("/deployments/gpt-4o-mini").await.ok(200);

    let replica = json!({"replica": "sweden", "endpoint": "https://two.openai.azure.com",
        "operations": ["chat_completions"], "key": canary::KEY});
    harness.put("/deployments/gpt-4o", replica).await.ok(201);
    harness.delete("/deployments/gpt-4o").await.ok(200);
    harness.delete("/deployments/gpt-4o?replica=sweden").await.refused(400, "deployment_in_use");
    harness.post(&format!("{soon}/end"), json!({})).await.ok(200);
    harness.delete("/deployments/gpt-4o?replica=sweden").await.ok(200);
}

#[tokio::test]
async fn a_mistyped_deployment_is_removed_and_open_events_get_another_default() {
    let harness = Harness::open().await;
    harness.deployment("gpt4-o", "chat_completions").await;
    let (path, event) = harness.event(json!({})).await;
    assert_eq!(event["default_deployments"], json!({"chat_completions": "gpt4-o"}));
    harness.deployment("gpt-4o", "chat_completions").await;
    harness.wait(TimeDelta::seconds(1));

    let gone = harness.delete("/deployments/gpt4-o").await.ok(200);

    assert_eq!(gone, json!({"name": "gpt4-o", "replica": "main", "deleted": true}));
    let event = harness.get(&path).await.ok(200);
    assert_eq!(event["default_deployments"], json!({"chat_completions": "gpt-4o"}));
    let audit = harness.get(&format!("{path}/audit")).await.ok(200);
    let changed = &audit["audit"][0]["changes"][0]["field"];
    assert_eq!(changed, "default_deployments.chat_completions");
}

#[tokio::test]
async fn a_removal_names_the_events_that_it_leaves_without_a_default_model() {
    let harness = Harness::open().await;
    harness.deployment("gpt-4o", "chat_completions").await;
    let (path, _) = harness.event(json!({})).await;
    let gone = harness.delete("/deployments/gpt-4o").await.ok(200);
    let warning = gone["warnings"][0].as_str().unwrap();
    assert!(warning.contains("Oslo Hack") && warning.contains("chat_completions"), "{warning}");
    assert_eq!(harness.get(&path).await.ok(200)["default_deployments"], json!({}));
}

#[tokio::test]
async fn a_deployment_that_was_used_stays_while_requests_of_its_event_are_in_progress() {
    let harness = Harness::open().await;
    for name in ["gpt-4o", "gpt4-o"] {
        harness.deployment(name, "chat_completions").await;
    }
    let (_, event) = harness.event(json!({})).await;
    let id: EventId = event["id"].as_str().unwrap().parse().unwrap();
    let open = async |count| {
        let write = Write { conditions: vec![], changes: vec![Change::Add(Field::Open, count)] };
        harness.table.apply(&AccountKey::Event(id.clone()), &write).await.unwrap();
    };
    let hour =
        |name: &str| HourCount::new(id.clone(), harness.clock.now(), Some(name.parse().unwrap()));
    open(1).await;
    let used = HourCount { requests: 1, ..hour("gpt-4o") };
    let only_failed = HourCount { errors: vec![("upstream_misconfigured", 1)], ..hour("gpt4-o") };
    for count in [used, only_failed] {
        harness.table.count_hour(&count).await.unwrap();
    }

    harness.delete("/deployments/gpt4-o").await.ok(200);
    harness.delete("/deployments/gpt-4o").await.refused(400, "deployment_in_use");
    open(-1).await;
    harness.delete("/deployments/gpt-4o").await.ok(200);
}

#[tokio::test]
async fn a_name_that_differs_only_in_case_is_refused_and_understood_in_an_event() {
    let harness = Harness::open().await;
    harness.deployment("gpt-4o", "chat_completions").await;
    let refused = harness.put("/deployments/GPT-4o", deployment("embeddings")).await;
    let error = refused.refused(400, "invalid_value");
    assert_eq!(error["error"]["details"][0]["field"], "name", "{error}");
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.contains("differs only in case from gpt-4o"), "{message}");
    let mut replica = deployment("chat_completions");
    replica["replica"] = json!("sweden");
    harness.put("/deployments/GPT-4o", replica.clone()).await.refused(400, "invalid_value");
    harness.put("/deployments/gpt-4o", replica).await.ok(201);

    let named = json!({
        "deployments": ["GPT-4O", "gpt-4o"], "default_deployments": {"chat_completions": "Gpt-4o"},
        "allowances": {"attendee": {"by_model": {"GPT-4o": {"requests_per_minute": 3}}}},
    });
    let (path, event) = harness.event(named).await;
    assert_eq!(event["deployments"], json!(["gpt-4o"]));
    assert_eq!(event["default_deployments"]["chat_completions"], "gpt-4o");
    let limits = &event["allowances"]["attendee"]["by_model"];
    assert_eq!(limits, &json!({"gpt-4o": {"requests_per_minute": 3}}));

    harness.patch(&path, json!({"own_deployments": "organiser"})).await.ok(200);
    let own = |name| format!("{path}/own-deployments/{name}?user=ada");
    harness.put(&own("mine"), deployment("embeddings")).await.ok(201);
    let refused = harness.put(&own("MINE"), deployment("embeddings")).await;
    assert_eq!(refused.wrong_fields(), ["name"]);
    harness.put(&own("mine"), deployment("embeddings")).await.ok(200);
}

#[tokio::test]
async fn stored_names_that_differ_only_in_case_can_still_be_changed() {
    let harness = Harness::open().await;
    harness.deployment("gpt-4o", "chat_completions").await;
    let organisers = Organisers::new(harness.table.clone());
    let main = "main".parse().unwrap();
    let [stored] = organisers.deployments(&main).await.unwrap().try_into().unwrap();
    let twin = Deployment { name: "GPT-4o".parse().unwrap(), ..stored };
    organisers.put_deployment(&main, &twin).await.unwrap();
    for name in ["gpt-4o", "GPT-4o"] {
        harness.put(&format!("/deployments/{name}"), deployment("embeddings")).await.ok(200);
    }
    let mut replica = deployment("embeddings");
    replica["replica"] = json!("sweden");
    harness.put("/deployments/GPT-4o", replica).await.ok(201);
    harness
        .put("/deployments/Gpt-4o", deployment("embeddings"))
        .await
        .refused(400, "invalid_value");
    let (_, event) = harness.event(json!({"deployments": ["gpt-4o", "GPT-4o"]})).await;
    assert_eq!(event["deployments"], json!(["gpt-4o", "GPT-4o"]));
}

/// A key store that is away.
struct NoKeys;

#[async_trait]
impl KeyStore for NoKeys {
    async fn read(&self, _: &str) -> Result<AzureKey, Cause> {
        Err("away".into())
    }

    async fn write(&self, _: &str, _: &AzureKey) -> Result<(), Cause> {
        Err("away".into())
    }

    async fn remove(&self, _: &str) -> Result<(), Cause> {
        Err("away".into())
    }
}

#[tokio::test]
async fn without_its_key_no_deployment_is_made() {
    let mut harness = Harness::open().await;
    harness.admin = Arc::new(Administration {
        store: Arc::clone(&harness.admin.store),
        ledger: Arc::clone(&harness.admin.ledger),
        keys: Arc::new(NoKeys),
        clock: Arc::clone(&harness.admin.clock),
        random: Arc::clone(&harness.admin.random),
        allow_loopback: true,
    });
    let mut body = deployment("chat_completions");
    body["endpoint"] = json!("http://127.0.0.1:8080");
    harness.put("/deployments/gpt-4o", body).await.refused(503, "store_unavailable");
    assert_eq!(harness.get("/deployments").await.ok(200)["deployments"], json!([]));
}

#[tokio::test]
async fn an_identity_replaces_a_key_and_a_key_an_identity() {
    let harness = Harness::open().await;
    harness.deployment("gpt-4o", "chat_completions").await;
    let mut body = deployment("chat_completions");
    let key = body.as_object_mut().unwrap().remove("key").unwrap();
    body["identity"] = json!({
        "tenant_id": "contoso.onmicrosoft.com", "client_id": "6731de76-14a6-49ae-97bc-6eba6914391e",
    });
    let changed = harness.put("/deployments/gpt-4o", body.clone()).await.ok(200);
    assert_eq!(changed["identity"]["authority"], "login.microsoftonline.com");
    assert!(harness.keys.read("main/gpt-4o/main").await.is_err());

    // A change does not name it, so it stays.
    body.as_object_mut().unwrap().remove("identity");
    harness.put("/deployments/gpt-4o", body.clone()).await.ok(200);
    let list = harness.get("/deployments").await.ok(200);
    assert_eq!(list["deployments"][0]["identity"], changed["identity"]);

    body["key"] = key;
    let changed = harness.put("/deployments/gpt-4o", body.clone()).await.ok(200);
    assert_eq!(changed["identity"], Value::Null);
    assert_eq!(harness.keys.read("main/gpt-4o/main").await.unwrap().reveal(), canary::KEY);

    body["identity"] = json!({"tenant_id": "common", "client_id": 7, "authority": "evil.example"});
    let wrong = harness.put("/deployments/gpt-4o", body).await.wrong_fields();
    assert_eq!(wrong, ["identity.tenant_id", "identity.client_id", "identity.authority"]);
}

//! Deployments, and the doctor.

use serde_json::{Value, json};

use crate::support::Service;

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_is_written_listed_and_removed() {
    let service = Service::start().await;
    let add = [
        "deployment",
        "add",
        "gpt-4.1-mini",
        "--endpoint",
        "https://oslo.openai.azure.com",
        "--operations",
        "chat_completions,responses",
        "--tokens-per-minute",
        "200000",
        "--prompt-price",
        "0.25",
        "--completion-price",
        "2",
        "--replica",
        "sweden",
    ];

    // The key comes from the environment. Every run asserts that it is not printed.
    let written = service.json(&add).await;
    assert_eq!(written["operations"], json!(["chat_completions", "responses"]));
    assert_eq!(written["prices"], json!({"prompt": 0.25, "completion": 2.0}));
    let listed = service.json(&["deployment", "list"]).await;
    let names = |listed: &Value| {
        let all = listed["deployments"].as_array().unwrap().iter();
        all.filter(|one| one["name"] == "gpt-4.1-mini").count()
    };
    assert_eq!(names(&listed), 1);

    let remove = ["deployment", "remove", "gpt-4.1-mini", "--replica", "sweden", "--yes"];
    let bergen = ["event", "create", "Bergen", "--for", "1h", "--tz", "UTC"];
    service.run_ok(&[&bergen[..], &["--deployments", "gpt-4.1-mini"]].concat()).await;
    let refused = service.run(&remove).await;
    assert_eq!(refused.exit, Some(1), "an open event lists it: {refused:?}");
    service.run_ok(&["event", "end", "Bergen", "--yes"]).await;
    // The event of the local service offers all there are.
    service.run_ok(&remove).await;
    assert_eq!(names(&service.json(&["deployment", "list"]).await), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_may_have_an_identity_or_a_key_in_a_file() {
    let service = Service::start().await;
    let file = service.data.path().join("key");
    std::fs::write(&file, "another-canary\n").unwrap();
    let add = ["deployment", "add", "gpt-5", "--endpoint", "https://oslo.openai.azure.com"];

    let run = service.run(&[&add[..], &["--key-file", file.to_str().unwrap()]].concat()).await;
    assert_eq!(run.exit, Some(0), "{run:?}");
    run.assert_hides(&["another-canary"]);
    let kept = std::fs::read_to_string(service.data.path().join("azure-keys.json")).unwrap();
    assert!(kept.contains("another-canary"));

    let client = "11111111-2222-3333-4444-555555555555";
    let identity = ["--tenant-id", "contoso.onmicrosoft.com", "--client-id", client];
    let written = service.json(&[&add[..], &identity].concat()).await;
    assert_eq!(written["identity"]["client_id"], client);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_serves_what_its_model_is_known_for_and_may_have_every_price() {
    let service = Service::start().await;
    let add = async |name: &str, more: &[&str]| {
        let add = ["deployment", "add", name, "--endpoint", "https://oslo.openai.azure.com"];
        service.json(&[&add[..], more].concat()).await
    };
    let smart = add("smart", &["--model", "gpt-5-mini"]).await;
    assert_eq!(smart["operations"], json!(["chat_completions", "responses"]));
    let texts = add("text-embedding-3-large", &[]).await;
    assert_eq!(texts["operations"], json!(["embeddings"]));
    let unknown = add("prod-smart", &[]).await;
    assert_eq!(unknown["operations"], json!(["chat_completions"]));

    let prices = ["--prompt-price", "1", "--cached-prompt-price", "0.5", "--image-price", "0.04"];
    let priced = add("prod-smart", &prices).await["prices"].clone();
    let given = ["prompt", "cached_prompt", "image"].map(|kind| priced[kind].as_f64());
    assert_eq!(given, [Some(1.0), Some(0.5), Some(0.04)], "{priced}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_can_check_one_deployment() {
    let service = Service::start().await;

    let checks = service.json(&["deployment", "test", "gpt-4o-mini"]).await;
    let checks: Vec<_> =
        checks.as_array().unwrap().iter().map(|one| one["check"].as_str().unwrap()).collect();
    assert!(checks.contains(&"azure gpt-4o-mini call"), "{checks:?}");
    assert!(checks.contains(&"service gpt-4o-mini stream"), "{checks:?}");
    assert!(!checks.iter().any(|check| check.contains("gpt-4o call")), "{checks:?}");

    let run = service.run(&["deployment", "test", "gpt-9"]).await;
    assert_eq!(run.exit, Some(1), "{run:?}");
    assert!(run.out.contains("There is no deployment with this name."), "{run:?}");

    let report = service.run_ok(&["doctor"]).await;
    assert!(report.contains("0 failed"), "{report}");
    assert!(report.contains("azure gpt-4o call"), "{report}");
}

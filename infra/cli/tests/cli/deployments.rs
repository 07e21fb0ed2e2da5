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
    let edited = ["deployment", "edit", "gpt-5", "--key-file", file.to_str().unwrap()];
    let edited = service.run_ok(&edited).await;
    assert!(edited.contains("changed     key: replaced\n"), "{edited}");
    assert!(!edited.contains("nothing"), "{edited}");
    let kept = std::fs::read_to_string(service.data.path().join("azure-keys.json")).unwrap();
    assert!(kept.contains("another-canary"));

    let client = "11111111-2222-3333-4444-555555555555";
    let identity = ["--tenant-id", "contoso.onmicrosoft.com", "--client-id", client];
    let edit = ["deployment", "edit", "gpt-5"];
    let written = service.json(&[&edit[..], &identity].concat()).await;
    assert_eq!(written["identity"]["client_id"], client);
    // An edit of something else keeps it, although a key is in the environment.
    let written = service.json(&[&edit[..], &["--weight", "3"]].concat()).await;
    assert_eq!(
        (&written["identity"]["client_id"], &written["weight"]),
        (&json!(client), &json!(3))
    );
    // A new endpoint needs no key either.
    let moved = ["--endpoint", "https://bergen.openai.azure.com"];
    let written = service.json(&[&edit[..], &moved].concat()).await;
    assert_eq!(
        (&written["identity"]["client_id"], &written["endpoint"]),
        (&json!(client), &json!(moved[1]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_is_there_is_edited_and_not_replaced_by_accident() {
    let service = Service::start().await;
    let before = service.json(&["deployment", "show", "gpt-5-mini"]).await;
    let endpoint = "https://oslo.openai.azure.com";
    let add = ["deployment", "add", "GPT-5-mini", "--endpoint", endpoint];
    let chat_only = [&add[..], &["--operations", "chat_completions"]].concat();

    let refused = service.run(&chat_only).await;
    assert_eq!(refused.exit, Some(1), "{refused:?}");
    assert!(refused.err.contains("lanyard deployment edit gpt-5-mini"), "{refused:?}");
    assert!(refused.err.contains("It would lose: operations "), "{refused:?}");
    let dry = service.run(&[&chat_only[..], &["--dry-run"]].concat()).await;
    assert_eq!(dry.exit, Some(1), "{dry:?}");
    assert_eq!(service.json(&["deployment", "show", "gpt-5-mini"]).await, before);

    let edit = ["deployment", "edit", "GPT-5-mini", "--tokens-per-minute", "777"];
    let edited = service.run_ok(&edit).await;
    assert!(edited.contains("changed     tokens_per_minute: "), "{edited}");
    assert!(edited.contains("→ 777\n") && !edited.contains("operations:"), "{edited}");
    let after = service.json(&["deployment", "show", "gpt-5-mini"]).await;
    let operations = |shown: &Value| shown["replicas"][0]["operations"].clone();
    assert_eq!(operations(&after), operations(&before));
    assert_eq!(after["events"], json!(["Local hackathon"]));
    // Another replica is another deployment. Then an edit has to say which one it means.
    let add = [&add[..], &["--replica", "sweden"]].concat();
    let added = service.run_ok(&add).await;
    assert!(added.contains("deployment  gpt-5-mini\n"), "{added}");
    let which = service.run(&edit).await;
    assert_eq!(which.exit, Some(2), "{which:?}");
    assert!(which.err.contains("Use --replica with one of: main, sweden"), "{which:?}");
    let moved = ["--replica", "sweden", "--endpoint", "https://se.openai.azure.com"];
    service.run_ok(&[&edit[..3], &moved].concat()).await;
    let replaced = [&add[..], &["--operations", "responses", "--replace"]].concat();
    let replaced = service.run_ok(&replaced).await;
    assert!(
        replaced.contains("changed     endpoint: https://se.openai.azure.com → "),
        "{replaced}"
    );

    let listed = service.run_ok(&["deployment", "list"]).await;
    assert!(listed.contains("https://oslo.openai.azure.com"), "{listed}");
    let shown = service.run_ok(&["deployment", "show", "gpt-5-mini"]).await;
    assert!(shown.contains("max output  128,000"), "{shown}");
    let unknown = service.run(&["deployment", "show", "gtp-4o"]).await;
    assert_eq!(unknown.exit, Some(1), "{unknown:?}");
    assert!(unknown.err.contains("There is no deployment gtp-4o. There are: "), "{unknown:?}");
    let nothing = service.run(&["deployment", "edit", "gpt-4o"]).await;
    assert_eq!(nothing.exit, Some(2), "{nothing:?}");
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
    let replaced = [&prices[..], &["--replace"]].concat();
    let priced = add("prod-smart", &replaced).await["prices"].clone();
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

//! What the organisers' API has, without curl: editing, rosters, tokens, ratings, own deployments
//! and the reset of a rehearsal.

use serde_json::{Value, json};

use crate::support::Service;

#[tokio::test(flavor = "multi_thread")]
async fn every_setting_of_an_event_is_edited() {
    let service = Service::start().await;
    let edit = [
        "event",
        "edit",
        "hackathon",
        "--name",
        "Oslo",
        "--attendees",
        "50",
        "--deployments",
        "gpt-4o,gpt-4o-mini",
        "--default-model",
        "chat_completions=gpt-4o-mini",
        "--max-completion-tokens",
        "2000",
        "--limit",
        "tokens-per-minute=50000",
        "--limit",
        "in_flight=none",
        "--event-limit",
        "attendees=70",
        "--budget",
        "9000000",
        "--access",
        "registered",
        "--auto-register",
        "true",
        "--own-deployments",
        "organiser",
        "--records",
        "false",
        "--keeps-objects",
        "--hosted-tool",
        "web_search=allow",
        "--contact",
        "Kari",
        "--contact-email",
        "kari@example.org",
        "--contact-public",
        "true",
        "--description",
        "# Hello",
        "--url",
        "https://example.org",
        "--url-text",
        "Program",
        "--image-url",
        "https://example.org/a.png",
    ];
    let event = service.json(&edit).await;
    for (path, wanted) in [
        ("/name", json!("Oslo")),
        ("/attendees", json!(50)),
        ("/deployments", json!(["gpt-4o", "gpt-4o-mini"])),
        ("/default_deployments/chat_completions", json!("gpt-4o-mini")),
        ("/max_completion_tokens", json!(2000)),
        ("/allowances/attendee/tokens_per_minute", json!(50_000)),
        ("/allowances/attendee/in_flight", json!(null)),
        ("/allowances/event/attendees", json!(70)),
        ("/allowances/event/tokens_total", json!(9_000_000)),
        ("/access", json!("registered")),
        ("/auto_register", json!(true)),
        ("/own_deployments", json!("organiser")),
        ("/records_requests", json!(false)),
        ("/keeps_objects", json!(true)),
        ("/hosted_tools/web_search", json!("allow")),
        ("/contact/email", json!("kari@example.org")),
        ("/contact/email_public", json!(true)),
        ("/description", json!("# Hello")),
        ("/url_text", json!("Program")),
        ("/image_url", json!("https://example.org/a.png")),
    ] {
        assert_eq!(event.pointer(path), Some(&wanted), "{path}: {event}");
    }
    // What is not named stays, and an empty text removes one.
    let edit = ["event", "edit", "Oslo", "--description", "", "--deployments", "all"];
    let event = service.json(&edit).await;
    assert_eq!((&event["description"], &event["deployments"]), (&json!(null), &json!(null)));
    assert_eq!(event["url"], "https://example.org");
    assert_eq!(service.run(&["event", "edit", "Oslo"]).await.exit, Some(2));
    let audit = service.json(&["event", "audit", "Oslo"]).await;
    assert_eq!(audit["audit"][0]["action"], "change", "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roster_is_imported_listed_and_changed() {
    let service = Service::start().await;
    let file = service.data.path().join("classroom.csv");
    let path = file.to_str().unwrap();
    let import = ["roster", "import", "hackathon", path];

    // As Excel writes "Unicode text". Nobody has claimed the second row.
    let csv = "\u{feff}identifier\tgithub_username\tname\r\n1\tLinus\tL\r\n2\t\tN\r\n";
    let bytes: Vec<_> = csv.encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(&file, bytes).unwrap();
    let run = service.run(&import).await;
    assert_eq!(run.out, "1 on the roster: 1 added, 0 removed\n", "{run:?}");
    assert!(run.err.contains("left out: line 3: 2 has no user name"), "{run:?}");

    // As Excel writes "CSV" in much of Europe. A name that cannot be read needs a decision.
    std::fs::write(&file, b"user;name\r\nLinus;L\xe9o\r\nGr\xe9ce;G\r\n?\x01;X\r\n").unwrap();
    let unconfirmed = service.run(&import).await;
    assert_eq!(unconfirmed.exit, Some(2), "a line is left out: {unconfirmed:?}");
    assert!(unconfirmed.err.contains("line 3: Gréce becomes grece"), "{unconfirmed:?}");
    assert!(unconfirmed.err.contains("left out: line 4: "), "{unconfirmed:?}");
    std::fs::write(&file, b"user;name\r\nLinus;L\xe9o\r\nGrace;G\r\n").unwrap();
    let run = service.run(&import).await;
    assert_eq!(run.out, "2 on the roster: 1 added, 0 removed\n", "{run:?}");
    service.run_ok(&["roster", "add", "hackathon", "ada", "linus"]).await;
    assert_eq!(service.run_ok(&["roster", "list", "hackathon"]).await, "ada\ngrace\nlinus\n");
    let mistyped = service.run(&["roster", "remove", "hackathon", "eda", "--yes"]).await;
    assert!(mistyped.err.contains("Similar: ada."), "{mistyped:?}");
    service.run_ok(&["roster", "remove", "hackathon", "ada", "--yes"]).await;
    let listed = service.json(&["roster", "list", "hackathon"]).await;
    assert_eq!(listed, json!({"users": ["grace", "linus"]}));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_ratings_registrations_and_own_deployments_need_no_curl() {
    let service = Service::start().await;
    let issued = service.json(&["token", "issue", "hackathon", "ada", "--days", "7"]).await;
    let id = issued["jti"].as_str().unwrap();
    assert!(issued["token"].is_string());
    let listed = service.run_ok(&["token", "list", "hackathon"]).await;
    assert!(listed.contains(id) && !listed.contains("revoked"), "{listed}");
    service.run_ok(&["token", "revoke", "hackathon", id, "--yes"]).await;
    let listed = service.run_ok(&["token", "list", "hackathon"]).await;
    assert!(listed.contains("revoked"), "{listed}");
    let all = service.json(&["token", "revoke", "hackathon", "--all", "--yes"]).await;
    assert_eq!(all["revoked"], "all");

    let none = service.run_ok(&["ratings", "hackathon"]).await;
    assert!(none.starts_with("model  good  bad"), "{none}");
    let run = service.run(&["attendee", "unregister", "hackathon", "ada", "--yes"]).await;
    assert_eq!(run.exit, Some(1), "nobody has registered: {run:?}");

    service.run_ok(&["event", "edit", "hackathon", "--own-deployments", "organiser"]).await;
    let owner = ["--event", "hackathon", "--user", "ada"];
    let add = ["deployment", "add", "mine", "--endpoint", "https://ada.openai.azure.com"];
    service.run_ok(&[&add[..], &owner].concat()).await;
    let own = service.run_ok(&[&["deployment", "list"][..], &owner].concat()).await;
    assert!(own.contains("mine"), "{own}");
    assert!(!service.run_ok(&["deployment", "list"]).await.contains("mine"));
    service.run_ok(&[&["deployment", "remove", "mine", "--yes"][..], &owner].concat()).await;
    let own = service.json(&[&["deployment", "list"][..], &owner].concat()).await;
    assert_eq!(own, json!({"deployments": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_is_reset_and_its_settings_stay() {
    let service = Service::start().await;
    let id = service.open_event("Bergen").await;
    let simulate = ["simulate", &id, "--attendees", "3", "--for", "1s", "--pause", "1s"];
    service.run_ok(&simulate).await;
    service.run_ok(&["attendee", "raise", &id, "sim-0001", "--in-flight", "9"]).await;
    service.run_ok(&["attendee", "block", &id, "mallory"]).await;

    let open = service.run(&["event", "reset", &id, "--yes"]).await;
    assert_eq!(open.exit, Some(1), "{open:?}");
    assert!(open.err.contains("pause it first"), "{open:?}");
    service.run_ok(&["event", "pause", &id]).await;
    assert_eq!(service.run(&["event", "reset", &id]).await.exit, Some(2), "nobody to ask");
    let reset = service.json(&["event", "reset", &id, "--yes"]).await;
    assert_eq!((&reset["attendees"], &reset["reset"]), (&json!(3), &json!(true)));

    let usage = service.json(&["usage", &id, "--by", "hour"]).await;
    assert_eq!((&usage["total"]["requests"], &usage["rows"]), (&json!(0), &json!([])));
    let left = service.json(&["attendee", "list", &id]).await;
    let users: Vec<_> =
        left["attendees"].as_array().unwrap().iter().map(|one| &one["user"]).collect();
    assert_eq!(users, ["mallory", "sim-0001"]);
    assert_eq!(left["attendees"][0]["blocked"], true);
    assert_eq!(left["attendees"][1]["allowance"]["in_flight"], 9);
    let audit = service.json(&["event", "audit", &id]).await;
    assert_eq!(audit["audit"][0]["action"], "reset", "{audit}");

    // The service does not miss what it remembers of the accounts.
    service.run_ok(&["event", "resume", &id]).await;
    let results = service.json(&simulate).await;
    assert_eq!(results["answered"], 3, "{results}");
    let usage = service.json(&["usage", &id]).await;
    assert_eq!(usage["total"]["requests"], 3, "{usage}");
    let one = service.json(&["attendee", "show", &id, "sim-0002"]).await;
    assert_eq!(one["usage"]["requests"], 1, "{one}");
}

#[tokio::test(flavor = "multi_thread")]
async fn simulate_without_an_event_leaves_nothing_behind() {
    let service = Service::start().await;
    let before = service.everything().await;
    let simulate = ["simulate", "--attendees", "3", "--for", "1s", "--pause", "1s"];
    let results: Value = service.json(&simulate).await;
    assert_eq!(results["answered"], 3, "{results}");
    assert_eq!(service.everything().await, before);
}

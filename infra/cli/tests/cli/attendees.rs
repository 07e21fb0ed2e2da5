//! Attendees, and what they used.

use serde_json::json;

use crate::support::Service;

#[tokio::test(flavor = "multi_thread")]
async fn an_attendee_is_kept_out_let_in_and_given_limits() {
    let service = Service::start().await;
    let person = |verb| ["attendee", verb, "hackathon", "team/ada"];

    assert_eq!(service.json(&person("block")).await["blocked"], true);
    assert_eq!(service.json(&person("unblock")).await["blocked"], false);
    let raise = [&person("raise")[..], &["--tokens-per-minute", "100000", "--in-flight", "none"]];
    let raised = service.json(&raise.concat()).await;
    assert_eq!(raised["own_limits"], json!(["tokens_per_minute", "in_flight"]));
    assert_eq!(raised["allowance"]["tokens_per_minute"], 100_000);
    assert_eq!(raised["allowance"]["in_flight"], json!(null));
    let listed = service.well(&["attendee", "list", "hackathon"]).await;
    assert!(listed.contains("tokens_per_minute 100,000, in_flight none"), "{listed}");
    let reset = service.json(&[&person("raise")[..], &["--reset"]].concat()).await;
    assert_eq!(reset["own_limits"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_imported_from_a_spreadsheet_or_not_at_all() {
    let service = Service::start().await;
    let file = service.data.path().join("people.csv");
    let import = ["attendee", "import", "hackathon", file.to_str().unwrap()];

    std::fs::write(&file, "user,tokens_per_minute\nada,100000\nbob,many\n").unwrap();
    let run = service.run(&import).await;
    assert_eq!(run.exit, Some(2));
    assert!(run.err.contains("line 3: tokens_per_minute must be a whole number"), "{run:?}");
    let nobody = json!({"attendees": []});
    assert_eq!(service.json(&["attendee", "list", "hackathon"]).await, nobody);

    std::fs::write(&file, "user,tokens_per_minute\nada,100000\nbob,\n").unwrap();
    let said = service.json(&import).await;
    assert_eq!(said, json!({"users": 2, "with_own_limits": 1, "roster": false}));
    let listed = service.json(&["attendee", "list", "hackathon"]).await;
    assert_eq!(listed["attendees"][0]["allowance"]["tokens_per_minute"], 100_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_a_table_json_or_a_csv_that_no_spreadsheet_runs() {
    let service = Service::start().await;
    let crowd = ["simulate", "hackathon", "--attendees", "2", "--for", "1s", "--pause", "1s"];
    let met = service.json(&crowd).await;
    assert_eq!(met["answered"], 2, "{met}");
    let formula = "=1+1";
    service.well(&["attendee", "block", "hackathon", formula]).await;

    let usage = ["usage", "hackathon"];
    let csv = service.well(&[&usage[..], &["--csv"]].concat()).await;
    let lines: Vec<_> = csv.lines().collect();
    assert!(lines[0].starts_with("user,requests,prompt_tokens,"), "{csv}");
    assert!(lines[1].starts_with("'=1+1,0,"), "{csv}");
    assert!(lines[2].starts_with("sim-0001,1,"), "{csv}");
    for by in ["attendee", "model", "hour"] {
        let told = service.json(&[&usage[..], &["--by", by]].concat()).await;
        let rows = told["rows"].as_array().unwrap();
        let sum: u64 = rows.iter().map(|row| row["total_tokens"].as_u64().unwrap()).sum();
        assert_eq!(told["total"]["total_tokens"], sum, "{told}");
        assert_eq!(told["total"]["total_tokens"], met["tokens"], "{told}");
    }
    let table = service.well(&[&usage[..], &["--by", "model"]].concat()).await;
    assert!(table.starts_with("model"), "{table}");
    assert!(table.lines().last().unwrap().starts_with("total "), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_let_loose_on_this_machine_alone_unless_that_is_meant() {
    let service = Service::start().await;
    let far = ["--address", "https://lanyard.invalid/api", "simulate", "hackathon"];

    let run = crate::support::lanyard(&far, &[("LANYARD_ORGANISER_TOKEN", "a-token")]).await;
    assert_eq!(run.exit, Some(2), "{run:?}");
    assert!(run.err.contains("--yes-really"), "{run:?}");

    service.well(&["event", "pause", "hackathon"]).await;
    let run = service.run(&["simulate", "hackathon", "--for", "1s"]).await;
    assert_eq!(run.exit, Some(1), "{run:?}");
    assert!(run.err.contains("Local hackathon is paused"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowds_refusals_are_told_by_kind() {
    let service = Service::start().await;
    service.well(&["attendee", "block", "hackathon", "sim-0002"]).await;

    let crowd =
        ["simulate", "hackathon", "--attendees", "2", "--for", "1s", "--pause", "1s", "--stream"];
    let met = service.json(&crowd).await;

    assert_eq!(met["refused"], json!({"attendee_blocked": 1}), "{met}");
    assert_eq!(met["answered"], 1, "{met}");
    assert!(met["tokens"].as_u64().unwrap() > 0, "the usage frame is read: {met}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spreadsheet_becomes_the_roster_where_that_is_said() {
    let service = Service::start().await;
    let file = service.data.path().join("people.csv");
    std::fs::write(&file, "user,in_flight\nada,8\nbob,\n").unwrap();
    let import = ["attendee", "import", "hackathon", file.to_str().unwrap(), "--roster"];

    let said = service.json(&import).await;

    assert_eq!(said, json!({"users": 2, "with_own_limits": 1, "roster": true}));
    let roster = listed(&service).await;
    assert_eq!(roster, ["ada", "bob"]);
}

/// The roster as the service has it, which no command shows yet.
async fn listed(service: &Service) -> Vec<String> {
    lanyard_platform::https::use_ring();
    let event = service.json(&["event", "show", "hackathon"]).await;
    let id = event["event"]["id"].as_str().unwrap().to_owned();
    let url = format!("{}/admin/events/{id}/roster", service.address);
    let answer = reqwest::Client::new().get(url).bearer_auth(service.token()).send().await.unwrap();
    let roster: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let users = roster["users"].as_array().unwrap().iter();
    users.map(|user| user["user"].as_str().unwrap().to_owned()).collect()
}

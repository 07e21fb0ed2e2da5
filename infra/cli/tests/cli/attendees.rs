//! Commands for attendees, and usage.

use serde_json::json;

use crate::support::Service;

#[tokio::test(flavor = "multi_thread")]
async fn an_attendee_is_blocked_unblocked_and_given_limits() {
    let service = Service::start().await;
    let person = |verb| ["attendee", verb, "hackathon", "team/ada"];

    assert_eq!(service.json(&person("block")).await["blocked"], true);
    assert_eq!(service.json(&person("unblock")).await["blocked"], false);
    let again = service.run(&person("unblock")).await;
    assert_eq!(again.exit, Some(1), "nothing is known of the name: {again:?}");
    let raise = [&person("raise")[..], &["--tokens-per-minute", "9000000", "--in-flight", "none"]];
    let raised = service.json(&raise.concat()).await;
    assert_eq!(raised["own_limits"], json!(["tokens_per_minute", "in_flight"]));
    assert_eq!(raised["allowance"]["tokens_per_minute"], 9_000_000);
    assert_eq!(raised["allowance"]["in_flight"], json!(null));
    let listed = service.run_ok(&["attendee", "list", "hackathon"]).await;
    assert!(listed.contains("tokens_per_minute 9,000,000, in_flight none"), "{listed}");
    let reset = service.json(&[&person("raise")[..], &["--reset"]].concat()).await;
    assert_eq!(reset["own_limits"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_raised_and_lowered_only_where_that_is_meant() {
    let service = Service::start().await;
    service.run_ok(&["event", "edit", "hackathon", "--limit", "gpt-5-mini:requests_total=5"]).await;
    let raise = ["attendee", "raise", "hackathon", "ada"];
    let run = async |more: &[&str]| service.run(&[&raise[..], more].concat()).await;

    let lower = run(&["--requests-per-day", "1"]).await;
    assert_eq!(lower.exit, Some(2), "{lower:?}");
    assert!(lower.err.contains("requests_per_day is 1,000 now, and 1 is lower"), "{lower:?}");
    let none = service.json(&["attendee", "list", "hackathon"]).await;
    assert_eq!(none, json!({"attendees": []}), "nothing was changed");
    let meant = run(&["--requests-per-day", "1", "--lower"]).await;
    assert!(meant.out.contains("changed     requests_per_day: 1,000 → 1\n"), "{meant:?}");

    let nothing = run(&["--lower"]).await;
    assert_eq!(nothing.exit, Some(2), "it says nothing to lower: {nothing:?}");
    let twice = ["--requests-per-day", "9", "--limit", "requests_per_day=8"];
    let twice = [&["attendee", "raise", "no-such-event", "ada"], &twice[..]].concat();
    let twice = service.run(&twice).await;
    assert!(twice.err.contains("requests_per_day is given twice"), "{twice:?}");

    let doubled = run(&[]).await;
    assert_eq!(doubled.exit, Some(0), "{doubled:?}");
    assert!(doubled.out.contains("requests_per_day: 1 → 2\n"), "{doubled:?}");
    assert!(doubled.out.contains("gpt-5-mini:requests_total: 5 → 10\n"), "{doubled:?}");
    let of_model = run(&["--limit", "gpt-5-mini:requests_total=40"]).await;
    assert!(of_model.out.contains("gpt-5-mini:requests_total: 10 → 40\n"), "{of_model:?}");
    let shown = service.run_ok(&["attendee", "show", "hackathon", "ada"]).await;
    let row = shown.lines().find(|line| line.starts_with("gpt-5-mini:requests_total"));
    let row: Vec<_> = row.unwrap_or_else(|| panic!("{shown}")).split_whitespace().collect();
    assert_eq!(row, ["gpt-5-mini:requests_total", "40", "0", "40", "-"], "{shown}");
    let unknown = run(&["--limit", "gpt-4o:requests_total=40"]).await;
    assert_eq!(unknown.exit, Some(2), "{unknown:?}");
    assert!(unknown.err.contains("no limit gpt-4o:requests_total"), "{unknown:?}");
    assert!(unknown.err.contains("--limit gpt-4o:requests_total=40"), "{unknown:?}");
    assert!(!unknown.err.contains("--lower"), "{unknown:?}");
    let reset = run(&["--reset"]).await;
    assert!(reset.out.contains("gpt-5-mini:requests_total: 40 → 5\n"), "{reset:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_imported_from_a_csv_file_or_not_at_all() {
    let service = Service::start().await;
    let file = service.data.path().join("people.csv");
    let import = ["attendee", "import", "hackathon", file.to_str().unwrap()];

    std::fs::write(&file, "user,tokens_per_minute\r\nada,100000\r\nbob,many\r\n").unwrap();
    let run = service.run(&import).await;
    assert_eq!(run.exit, Some(2));
    assert!(run.err.contains("line 3: tokens_per_minute must be a whole number"), "{run:?}");
    let no_attendees = json!({"attendees": []});
    assert_eq!(service.json(&["attendee", "list", "hackathon"]).await, no_attendees);

    // Lower limits are seldom meant, and names that nobody knows may be mistyped.
    service.run_ok(&["roster", "add", "hackathon", "bob"]).await;
    std::fs::write(&file, "user,tokens_per_minute\nada,1000\nbob,\nbbo,\n").unwrap();
    let lower = service.run(&import).await;
    assert_eq!(lower.exit, Some(2), "{lower:?}");
    assert!(lower.err.contains("Limits would become lower (1 attendees): ada: "), "{lower:?}");
    assert!(lower.err.contains("and 1,000 is lower") && lower.err.contains("--lower"), "{lower:?}");
    assert!(lower.err.contains("are not on its roster (2): "), "{lower:?}");
    assert!(lower.err.contains("ada, bbo (similar: bob)"), "{lower:?}");
    let listed = service.json(&["attendee", "list", "hackathon"]).await;
    assert_eq!(listed["attendees"].as_array().unwrap().len(), 1, "only the roster: {listed}");
    let said = service.json(&[&import[..], &["--lower"]].concat()).await;
    assert_eq!((&said["users"], &said["with_own_limits"]), (&json!(3), &json!(1)));
    assert_eq!(said["remarks"].as_array().unwrap().len(), 1, "{said}");
    let listed = service.json(&["attendee", "list", "hackathon"]).await;
    assert_eq!(listed["attendees"][0]["allowance"]["tokens_per_minute"], 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_of_limits_below_what_is_spent_warns_with_the_names() {
    let service = Service::start().await;
    let simulate = ["simulate", "hackathon", "--attendees", "1", "--for", "1s", "--pause", "1s"];
    service.run_ok(&simulate).await;
    let file = service.data.path().join("people.csv");
    std::fs::write(&file, "user,tokens_total\nsim-0001,1\n").unwrap();
    let import = ["attendee", "import", "hackathon", file.to_str().unwrap(), "--lower"];
    let run = service.run(&import).await;
    assert_eq!(run.exit, Some(0), "{run:?}");
    let warning = "warning: sim-0001: allowance.tokens_total is used up: ";
    assert!(run.err.contains(warning), "{run:?}");
    let said = service.json(&import).await;
    assert_eq!(said["warnings"].as_array().unwrap().len(), 1, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_nobody_knows_is_named_with_similar_ones_and_can_be_removed() {
    let service = Service::start().await;
    let simulate = ["simulate", "hackathon", "--attendees", "1", "--for", "1s", "--pause", "1s"];
    service.run_ok(&simulate).await;
    let person = |verb| ["attendee", verb, "hackathon", "sim-001"];

    for verb in ["show", "unblock", "free"] {
        let run = service.run(&person(verb)).await;
        assert_eq!(run.exit, Some(1), "{run:?}");
        assert!(run.err.contains("Similar: sim-0001."), "{run:?}");
    }
    let blocked = service.run(&person("block")).await;
    assert_eq!(blocked.exit, Some(0), "{blocked:?}");
    let said = "sim-001 has not used the event yet, and is not on its roster: blocked in advance. \
                Similar: sim-0001.";
    assert!(blocked.err.contains(said), "{blocked:?}");
    let raised = service.json(&person("raise")).await;
    assert_eq!(raised["warnings"].as_array().unwrap().len(), 1, "{raised}");
    let known = service.run(&["attendee", "block", "hackathon", "sim-0001"]).await;
    assert_eq!(known.err, "", "{known:?}");

    let freed = service.run_ok(&person("free")).await;
    assert_eq!(freed, "removed  sim-001, who had not used the event\n");
    let listed = service.json(&["attendee", "list", "hackathon"]).await;
    assert_eq!(listed["attendees"].as_array().unwrap().len(), 1, "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attendee_is_shown_with_what_refuses_them_now() {
    let service = Service::start().await;
    let simulate = ["simulate", "hackathon", "--attendees", "1", "--for", "1s", "--pause", "1s"];
    service.run_ok(&simulate).await;
    let show = async || service.run_ok(&["attendee", "show", "hackathon", "sim-0001"]).await;
    assert!(show().await.contains("refused now  no\n"), "{}", show().await);

    // The event's budget is used up, and the attendee's is not.
    service.run_ok(&["event", "edit", "hackathon", "--event-limit", "tokens_total=1030"]).await;
    let of_event = show().await;
    assert!(of_event.contains("refused now  the event's tokens_total, "), "{of_event}");
    let then = " of 1,030 left, too little for requests without a small output limit: lanyard event \
                edit --event-limit\n";
    assert!(of_event.contains(then), "{of_event}");
    service.run_ok(&["event", "pause", "hackathon"]).await;
    let paused = show().await;
    assert!(
        paused.contains("refused now  the event is paused: lanyard event resume\n"),
        "{paused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_a_table_json_or_a_csv_that_no_spreadsheet_runs() {
    let service = Service::start().await;
    let simulate = ["simulate", "hackathon", "--attendees", "2", "--for", "1s", "--pause", "1s"];
    let results = service.json(&simulate).await;
    assert_eq!(results["answered"], 2, "{results}");
    let formula = "=1+1";
    service.run_ok(&["attendee", "block", "hackathon", formula]).await;

    let usage = ["usage", "hackathon"];
    let csv = service.run_ok(&[&usage[..], &["--csv"]].concat()).await;
    let lines: Vec<_> = csv.lines().collect();
    assert!(lines[0].starts_with("user,requests,prompt_tokens,"), "{csv}");
    assert!(lines[1].starts_with("'=1+1,0,"), "{csv}");
    assert!(lines[2].starts_with("sim-0001,1,"), "{csv}");
    for by in ["attendee", "model", "hour"] {
        let usage_by = service.json(&[&usage[..], &["--by", by]].concat()).await;
        let rows = usage_by["rows"].as_array().unwrap();
        let sum: u64 = rows.iter().map(|row| row["total_tokens"].as_u64().unwrap()).sum();
        assert_eq!(usage_by["total"]["total_tokens"], sum, "{usage_by}");
        assert_eq!(usage_by["total"]["total_tokens"], results["tokens"], "{usage_by}");
    }
    let table = service.run_ok(&[&usage[..], &["--by", "model"]].concat()).await;
    assert!(table.starts_with("model"), "{table}");
    assert!(table.lines().last().unwrap().starts_with("total "), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simulation_needs_a_flag_for_a_remote_service() {
    let service = Service::start().await;
    let far = ["--address", "https://lanyard.invalid/api", "simulate", "hackathon"];

    let run = crate::support::lanyard(&far, &[("LANYARD_ORGANISER_TOKEN", "a-token")]).await;
    assert_eq!(run.exit, Some(2), "{run:?}");
    assert!(run.err.contains("--yes-really"), "{run:?}");

    service.run_ok(&["event", "pause", "hackathon"]).await;
    let run = service.run(&["simulate", "hackathon", "--for", "1s"]).await;
    assert_eq!(run.exit, Some(1), "{run:?}");
    assert!(run.err.contains("Local hackathon is paused"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_requests_are_counted_by_code() {
    let service = Service::start().await;
    service.run_ok(&["attendee", "block", "hackathon", "sim-0002"]).await;

    let simulate =
        ["simulate", "hackathon", "--attendees", "2", "--for", "1s", "--pause", "1s", "--stream"];
    let results = service.json(&simulate).await;

    assert_eq!(results["refused"], json!({"attendee_blocked": 1}), "{results}");
    assert_eq!(results["answered"], 1, "{results}");
    assert!(results["tokens"].as_u64().unwrap() > 0, "the usage frame is read: {results}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_csv_file_becomes_the_roster_with_the_flag() {
    let service = Service::start().await;
    let file = service.data.path().join("people.csv");
    std::fs::write(&file, "user,in_flight\nada,8\nbob,\n").unwrap();
    let import = ["attendee", "import", "hackathon", file.to_str().unwrap(), "--roster"];

    let said = service.json(&import).await;

    let counts = ["users", "with_own_limits", "added", "removed"].map(|name| said[name].as_u64());
    assert_eq!(counts, [Some(2), Some(1), Some(2), Some(0)], "{said}");
    let roster = service.json(&["roster", "list", "hackathon"]).await;
    assert_eq!(roster, json!({"users": ["ada", "bob"]}));

    // Who is not in the next file leaves the roster, which is asked first.
    std::fs::write(&file, "user,in_flight\nbob,\nGrace Hopper,\n").unwrap();
    let unconfirmed = service.run(&import).await;
    assert_eq!(unconfirmed.exit, Some(2), "{unconfirmed:?}");
    assert!(unconfirmed.err.contains("and 1 are removed: ada?"), "{unconfirmed:?}");
    assert!(
        unconfirmed.err.contains("user names with a space or a slash (1): \"grace hopper\""),
        "{unconfirmed:?}"
    );
    let run = service.run(&[&import[..], &["--yes"]].concat()).await;
    assert!(run.out.contains("roster replaced: 1 added, 1 removed"), "{run:?}");
}

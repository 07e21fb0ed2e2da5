//! Commands for events.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::support::{Run, Service, lanyard};

const OSLO: [&str; 9] = [
    "event",
    "create",
    "Oslo Hack",
    "--from",
    "2026-12-05T09:00",
    "--to",
    "2026-12-06T18:00",
    "--tz",
    "Europe/Oslo",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_new_event_is_printed_with_its_tokens_concurrency_and_cost() {
    let service = Service::start().await;

    let made =
        service.json(&[&OSLO[..], &["--attendees", "100", "--prices", "0.15,0.60"]].concat()).await;

    assert_eq!(made["event"]["starts_at"], "2026-12-05T09:00:00+01:00");
    let lasting = [&OSLO[..5], &["--for", "8h"], &OSLO[7..]].concat();
    let lasting = service.json(&lasting).await;
    assert_eq!(lasting["event"]["ends_at"], "2026-12-05T17:00:00+01:00");
    assert_eq!(made["address"], format!("{}/v1", service.address));
    let assessment = &made["assessment"];
    assert_eq!(assessment["tokens_per_minute"]["needed"], 400_000);
    // Three models that chat, Claude, and one for completions.
    assert_eq!(assessment["tokens_per_minute"]["granted"], 10_000_000);
    assert_eq!(assessment["environments"]["needed"], 67);
    assert_eq!(assessment["cost_usd"]["aws"], 1.77);
    assert_eq!(assessment["cost_usd"]["azure"], 7.5);
    // Of the simulated models some are retired, which depends on the day.
    let warnings = made["warnings"].as_array().unwrap().iter();
    let others: Vec<_> =
        warnings.filter(|one| !one.as_str().unwrap().contains("Azure retire")).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_event_of_the_same_name_comes_with_a_warning_and_is_found_by_its_code() {
    let service = Service::start().await;
    let create = ["event", "create", "Bergen", "--for", "1h", "--tz", "UTC"];
    let first = service.run(&create).await;
    assert!(!first.err.contains("Another event"), "{first:?}");
    let second = service.run(&create).await;
    assert_eq!(second.exit, Some(0), "{second:?}");
    let code = |run: &Run| {
        let mut lines = run.out.lines().filter_map(|line| line.strip_prefix("code         "));
        lines.next().unwrap().to_owned()
    };
    let warning =
        format!("Another event named Bergen has not ended. Its code is {}.", code(&first));
    assert!(second.err.contains(&warning), "{second:?}");
    assert!(second.err.contains("lanyard event delete evt_"), "{second:?}");

    let create = ["event", "create", "bergen", "--for", "1h", "--tz", "UTC", "--json"];
    let json = service.run(&create).await;
    let made: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(made["event"]["name"], "bergen");
    assert!(json.err.contains("Another event named Bergen has not ended."), "{json:?}");
    service.run_ok(&["event", "delete", made["event"]["id"].as_str().unwrap(), "--yes"]).await;
    let dry = service.run(&[&create[..7], &["--dry-run"]].concat()).await;
    assert!(dry.err.contains("To continue with it: lanyard event show bergen-"), "{dry:?}");

    let ambiguous = service.run(&["event", "show", "bergen"]).await;
    assert_eq!(ambiguous.exit, Some(1), "{ambiguous:?}");
    let (_, codes) = ambiguous.err.split_once("Use a code: ").unwrap();
    let code = codes.split([',', '.']).next().unwrap();
    let shown = service.json(&["event", "show", code]).await;
    assert_eq!(shown["event"]["code"], code);
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_shown_where_it_is_limited_and_where_it_was_spent() {
    let service = Service::start().await;
    let create = ["event", "create", "Bergen", "--for", "1h", "--tz", "UTC"];
    let money = [
        "--deployments",
        "gpt-5-mini,gpt-4o",
        "--budget-usd",
        "20",
        "--limit",
        "usd_per_day=2",
        "--event-limit",
        "gpt-5-mini:usd_total=5",
    ];
    let made = service.run_ok(&[&create[..], &money].concat()).await;
    let line = |name: &str, text: &str| {
        let mut lines = text.lines().filter(|line| line.starts_with(name));
        lines.next().unwrap_or_else(|| panic!("{name}: {text}")).to_owned()
    };
    assert!(line("budget", &made).ends_with("total tokens, 20.00 USD"), "{made}");
    // Of 20 dollars, 100 attendees get twice their fair share.
    let each = "tokens/min, 1,000,000 total tokens, 0.40 USD, 2.00 USD/day";
    assert!(line("attendee", &made).ends_with(each), "{made}");
    assert!(
        line("by model", &made).ends_with("gpt-5-mini for the event: usd_total 5.00"),
        "{made}"
    );
    assert!(line("default", &made).ends_with("gpt-5-mini (chat_completions, responses)"), "{made}");
    assert!(line("cost", &made).contains("USD for Azure at the prices of gpt-4o"), "{made}");
    let simulate = ["simulate", "Bergen", "--attendees", "2", "--for", "1s", "--pause", "1s"];
    service.run_ok(&simulate).await;

    let shown = service.run_ok(&["event", "show", "Bergen"]).await;
    let spent = service.json(&["usage", "Bergen", "--by", "model"]).await["total"]["usd"].as_f64();
    let spent = spent.unwrap();
    assert!(spent > 0.0);
    assert!(line("money", &shown).contains("USD spent"), "{shown}");
    assert!(line("money", &shown).ends_with("of 20.00 left"), "{shown}");
    let table = service.run_ok(&["usage", "Bergen", "--by", "model"]).await;
    assert!(line("model", &table).contains("USD"), "{table}");
    assert!(line("money", &table).ends_with("of 20.00 left"), "{table}");
    for by in ["attendee", "model", "hour"] {
        let csv = service.run_ok(&["usage", "Bergen", "--by", by, "--csv"]).await;
        let mut lines = csv.lines();
        assert!(lines.next().unwrap().ends_with(",usd"), "{csv}");
        let costs = lines.map(|line| line.rsplit(',').next().unwrap().parse::<f64>().unwrap());
        assert!((costs.sum::<f64>() - spent).abs() < 1e-9, "{by}: {csv}");
    }
    let watched = service.run_ok(&["event", "watch", "Bergen", "--count", "1", "--lines"]).await;
    assert!(watched.contains("USD spent") && watched.contains("of 20.00 left"), "{watched}");
    let listed = service.run_ok(&["attendee", "list", "Bergen"]).await;
    assert!(line("user", &listed).contains("USD"), "{listed}");
    let one = service.run_ok(&["attendee", "show", "Bergen", "sim-0001"]).await;
    assert!(line("money", &one).ends_with("USD spent"), "{one}");
    assert!(line("usd_per_day", &one).contains("2.00"), "{one}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unusual_event_comes_with_warnings() {
    let service = Service::start().await;
    let october = [
        "event",
        "create",
        "Night",
        "--from",
        "2027-10-30T09:00",
        "--to",
        "2027-10-31T18:00",
        "--tz",
        "Europe/Oslo",
        "--code",
        "night",
        "--attendees",
        "3000",
        "--concurrency",
        "1000",
    ];

    let run = service.run(&october).await;

    assert_eq!(run.exit, Some(0), "{run:?}");
    assert!(run.out.contains("code         night\n"), "{run:?}");
    for wanted in [
        "warning: The code can be guessed.",
        "warning: The clocks in Europe/Oslo change on 2027-10-31",
        "warning: Not enough Azure quota: 12,000,000 tokens/min needed at peak",
        "warning: Not enough Lambda concurrency: 2,000 needed at peak",
    ] {
        assert!(run.err.contains(wanted), "{wanted}: {run:?}");
        assert!(!run.out.contains("warning"), "{run:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_found_by_its_name_code_or_id() {
    let service = Service::start().await;
    let id = service.open_event("Bergen").await;

    let paused = service.json(&["event", "pause", "bergen"]).await;
    assert_eq!((&paused["id"], &paused["status"]), (&Value::from(id.as_str()), &"paused".into()));
    let code = paused["code"].as_str().unwrap();
    assert_eq!(service.json(&["event", "resume", code]).await["status"], "open");
    let before =
        paused["ends_at"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let extended = service.json(&["event", "extend", &id, "--by", "90m"]).await;
    let after =
        extended["ends_at"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert_eq!((after - before).num_minutes(), 90);
    assert_eq!(service.run(&["event", "extend", &id]).await.exit, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_rotated_an_event_copied_and_an_unused_one_deleted() {
    let service = Service::start().await;
    let id = service.open_event("Bergen").await;

    let old = service.json(&["event", "show", &id]).await["event"]["code"].clone();
    let rotated = service.json(&["event", "rotate-code", &id, "--grace", "10", "--yes"]).await;
    assert_ne!(rotated["code"], old);

    let clone = ["event", "clone", &id, "--name", "Bergen again", "--from", "2027-03-01T09:00"];
    let copy = service.json(&clone).await;
    assert_eq!(copy["event"]["ends_at"], "2027-03-01T10:00:00Z");
    assert_eq!(copy["event"]["allowances"], rotated["allowances"]);
    assert_ne!(copy["event"]["code"], rotated["code"]);

    let deleted = service.json(&["event", "delete", "Bergen again", "--yes"]).await;
    assert_eq!(deleted["deleted"], true);
    assert_eq!(service.run(&["event", "show", "Bergen again"]).await.exit, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_estimate_of_an_event_and_of_its_copy_is_that_of_its_kind() {
    let service = Service::start().await;
    let create = ["event", "create", "Agents", "--for", "1h", "--tz", "UTC", "--preset", "agents"];
    let clone = ["event", "clone", "Agents", "--name", "Again", "--from", "2027-03-01T09:00"];
    for command in [&create[..], &["event", "show", "Agents"], &clone] {
        let estimated = service.json(command).await;
        let basis = "100 attendees × 100 requests of 20,000 + 1,000 tokens";
        assert_eq!(estimated["assessment"]["basis"], basis, "{command:?}");
        assert_eq!(estimated["event"]["preset"], "agents");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_the_call_and_changes_nothing() {
    let service = Service::start().await;
    let before = service.everything().await;
    let people = service.data.path().join("people.csv");
    std::fs::write(&people, "user,tokens_per_minute\nada,5000\nbob,\n").unwrap();
    let people = people.to_str().unwrap();

    for (arguments, call) in [
        (&OSLO[..], "POST /api/admin/events {"),
        (&["event", "pause", "hackathon"], "/pause"),
        (&["event", "end", "hackathon"], "/end"),
        (&["event", "delete", "hackathon"], "DELETE /api/admin/events/evt_"),
        (&["event", "rotate-code", "hackathon"], "/rotate-code {\"grace_minutes\":0}"),
        (&["event", "extend", "hackathon", "--to", "now"], "PATCH /api/admin/events/evt_"),
        (&["event", "clone", "hackathon", "--from", "now"], "POST /api/admin/events {"),
        (&["attendee", "block", "hackathon", "a/b"], "/attendees/a%2Fb {\"blocked\":true}"),
        (
            &["attendee", "import", "hackathon", people, "--roster", "--lower"],
            "/roster {\"users\":[\"ada\",\"bob\"]}",
        ),
        (&["attendee", "raise", "hackathon", "ada", "--in-flight", "none"], "{\"in_flight\":null}"),
        (&["deployment", "remove", "gpt-4o"], "DELETE /api/admin/deployments/gpt-4o?replica=main"),
        (
            &["deployment", "add", "gpt-4.1", "--endpoint", "https://a.openai.azure.com"],
            "\"key\":\"[redacted]\"",
        ),
        (&["deployment", "edit", "gpt-4o", "--weight", "0"], "\"weight\":0"),
        (&["simulate", "hackathon"], "20 attendees would send"),
    ] {
        let out = service.run_ok(&[arguments, &["--dry-run"]].concat()).await;
        assert!(out.contains(call), "{arguments:?}: {out}");
        let out = service.run_ok(&[arguments, &["--dry-run", "--json"]].concat()).await;
        let first: Value =
            serde_json::Deserializer::from_str(&out).into_iter().next().unwrap().unwrap();
        assert_eq!(first["dry_run"], true, "{arguments:?}: {out}");
    }

    assert_eq!(service.everything().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_prints_a_line_of_json_per_update_until_the_event_ends() {
    let service = Service::start().await;
    let id = service.open_event("Bergen").await;
    let simulate = ["simulate", &id, "--attendees", "2", "--for", "1s", "--pause", "1s"];
    service.run_ok(&simulate).await;

    let watch = ["event", "watch", &id, "--interval", "100ms", "--json"];
    let out = service.run_ok(&[&watch[..], &["--count", "3"]].concat()).await;
    let updates: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(updates.len(), 3, "{out}");
    assert_eq!(updates[0]["requests_per_minute"], Value::Null);
    assert_eq!(updates[2]["requests_per_minute"], 0);
    assert_eq!(updates[2]["attendees"], 2);
    assert_eq!(updates[2]["top"].as_array().unwrap().len(), 2);
    let (budget, tokens) = (&updates[2]["budget"], updates[2]["tokens"].as_u64().unwrap());
    assert_eq!(updates[2]["budget_left"], budget.as_u64().unwrap() - tokens);

    service.run_ok(&["event", "end", &id, "--yes"]).await;
    let run = service.run(&watch).await;
    assert_eq!(run.out.lines().count(), 1, "{run:?}");
    assert!(run.err.contains("The event has ended."), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_event_that_is_resumed_stays_closed_and_the_hint_says_how_to_open_it() {
    let service = Service::start().await;
    service.json(&[&OSLO[..], &["--code", "closed-hack-7h3k9w2m"]].concat()).await;
    let open = service.run(&["event", "resume", "hackathon"]).await;
    assert_eq!((open.exit, open.err.as_str()), (Some(0), ""), "an open event needs no hint");
    assert_eq!(service.run(&["event", "end", "hackathon", "--yes"]).await.exit, Some(0));

    let hinted = service.run(&["event", "resume", "hackathon"]).await;
    assert_eq!(hinted.exit, Some(0), "{hinted:?}");
    let hint = hinted.err.split("give it a later end: ").nth(1).unwrap_or_default().trim();
    assert!(hint.starts_with("lanyard event extend "), "{hinted:?}");
    for silent in ["--quiet", "--json", "--dry-run"] {
        let run = service.run(&["event", "resume", "hackathon", silent]).await;
        assert!(!run.err.contains("stays closed"), "{silent}: {run:?}");
    }

    let arguments: Vec<_> = hint.split(' ').skip(1).collect();
    assert_eq!(service.run(&arguments).await.exit, Some(0), "the hint is a command: {hint}");
    assert_eq!(service.json(&["event", "show", "hackathon"]).await["event"]["status"], "open");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_warns_of_what_is_new_and_does_not_repeat_earlier_warnings() {
    let service = Service::start().await;
    let made = service.run(&[&OSLO[..], &["--code", "night"]].concat()).await;
    let guessed = "warning: The code can be guessed";
    assert!(made.err.contains(guessed), "{made:?}");

    let renamed = service.run(&["event", "edit", "night", "--name", "Night Hack"]).await;
    assert_eq!((renamed.exit, renamed.err.as_str()), (Some(0), ""), "{renamed:?}");

    let small = ["event", "edit", "night", "--limit", "tokens_total=100"];
    let lowered = service.run(&small).await;
    assert_eq!(lowered.exit, Some(0), "{lowered:?}");
    assert!(lowered.err.contains("tokens_total"), "{lowered:?}");
    assert!(!lowered.err.contains(guessed), "{lowered:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_the_budget_says_what_becomes_of_each_attendees_total() {
    let service = Service::start().await;
    service.run_ok(&[&OSLO[..], &["--code", "night"]].concat()).await;
    let edit = ["event", "edit", "night"];

    let follows = service.run(&[&edit[..], &["--budget", "20000000"]].concat()).await;
    assert!(follows.out.contains("attendee.tokens_total: 1000000 → 400000"), "{follows:?}");
    assert!(follows.err.contains("has 400,000 total tokens now"), "{follows:?}");
    let both = ["--budget", "10000000", "--limit", "tokens_total=9000"];
    let set = service.run(&[&edit[..], &both].concat()).await;
    assert!(!set.err.contains("Each attendee"), "{set:?}");
    let stays = service.run(&[&edit[..], &["--budget", "20000000"]].concat()).await;
    assert!(stays.err.contains("still has 9,000 total tokens"), "{stays:?}");
    let command = stays.err.split("lanyard ").nth(1).unwrap().trim();
    assert_eq!(service.run(&command.split(' ').collect::<Vec<_>>()).await.exit, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_was_created_is_not_reported_as_failed() {
    // A service that cannot list deployments any more once it has created the event.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/api", listener.local_addr().unwrap());
    let mut served = JoinSet::new();
    served.spawn(async move {
        let mut is_created = false;
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = request_line(&mut stream).await;
            is_created |= request.starts_with("POST");
            let (status, body) = match request.contains("/deployments") {
                true if is_created => ("404 Not Found", json!({"error": {"message": "Gone."}})),
                true => ("200 OK", json!({"deployments": []})),
                false if request.starts_with("POST") => {
                    ("201 Created", json!({"id": "evt_1", "name": "Bergen", "code": "bergen-1"}))
                }
                false => ("200 OK", json!({"events": []})),
            };
            let body = body.to_string();
            let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n");
            let head = format!("{head}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).await.unwrap();
        }
    });
    let create = ["event", "create", "Bergen", "--for", "1h", "--tz", "UTC", "--json"];
    let token = ("LANYARD_ORGANISER_TOKEN", "a-token");
    let run = lanyard(&[&["--address", &address], &create[..]].concat(), &[token]).await;
    assert_eq!(run.exit, Some(0), "{run:?}");
    assert!(run.out.contains("bergen-1"), "{run:?}");
}

/// Reads a whole request, and returns its first line.
async fn request_line(stream: &mut TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut first).await.unwrap();
    while reader.read_line(&mut line).await.unwrap() > 2 {
        let name = line.to_ascii_lowercase();
        if let Some(value) = name.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    reader.read_exact(&mut vec![0; length]).await.unwrap();
    first
}

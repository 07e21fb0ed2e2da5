//! `login`, `config`, `open`, and how output is chosen.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::support::{Run, Service, lanyard};

/// Runs `lanyard` with this configuration, and with a text on standard input.
async fn with_input(config: &str, arguments: &[&str], input: &str) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lanyard"))
        .args(["--config", config])
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { exit: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_keeps_a_token_that_the_service_knows() {
    let service = Service::start().await;
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("lanyard/config.toml");
    let config = file.to_str().unwrap();
    let login = ["login", "--profile", "oslo", "--address", &service.address];

    let wrong = with_input(config, &login, "lanyard_of_nobody\n").await;
    assert_eq!(wrong.exit, Some(4), "{wrong:?}");
    assert!(!file.exists(), "nothing is stored");

    let run = with_input(config, &login, &format!("{}\n", service.token())).await;
    assert_eq!(run.exit, Some(0), "{run:?}");
    run.assert_hides(&[&service.token()]);
    let token = home.path().join("lanyard/oslo.token");
    assert_eq!(std::fs::metadata(&token).unwrap().permissions().mode() & 0o777, 0o600);
    let listed = lanyard(&["--config", config, "event", "list"], &[]).await;
    assert!(listed.out.contains("Local hackathon"), "{listed:?}");

    let out = lanyard(&["--config", config, "logout"], &[]).await;
    assert_eq!(out.exit, Some(0), "{out:?}");
    assert!(!token.exists());
    let list = ["--config", config, "--address", &service.address, "event", "list"];
    assert_eq!(lanyard(&list, &[]).await.exit, Some(4));
}

#[tokio::test]
async fn the_configuration_is_changed_in_place() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    std::fs::write(
        &file,
        "# ours\ndefault = \"a\"\n\n[profiles.a]\naddress = \"https://a\" # old\n",
    )
    .unwrap();
    let config = file.to_str().unwrap();
    let run = async |arguments: &[&str]| {
        lanyard(&[&["--config", config, "config"], arguments].concat(), &[]).await
    };

    assert_eq!(run(&["set", "time-zone", "Europe/Oslo", "-p", "b"]).await.exit, Some(0));
    assert_eq!(run(&["set", "concurrency", "9", "-p", "b"]).await.exit, Some(0));
    assert_eq!(run(&["set", "concurrency", "many"]).await.exit, Some(2));
    assert_eq!(run(&["get", "concurrency", "-p", "b"]).await.out, "9\n");
    assert_eq!(run(&["use", "c"]).await.exit, Some(2));
    let used = run(&["use", "b", "--json=profiles"]).await;
    let used: Value = serde_json::from_str(&used.out).unwrap();
    assert_eq!(used["profiles"][1]["in_use"], true, "{used}");
    assert_eq!(run(&["unset", "concurrency"]).await.exit, Some(0));
    assert_eq!(run(&["get", "concurrency"]).await.exit, Some(1));
    assert_eq!(run(&["set", "address", "https://b", "-p", "a"]).await.exit, Some(0));
    assert_eq!(run(&["path"]).await.out.trim(), config);

    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("# ours\ndefault = \"b\"\n"), "{text}");
    assert!(text.contains("address = \"https://b\" # old\n"), "{text}");
    assert!(text.ends_with("[profiles.b]\ntime_zone = \"Europe/Oslo\"\n"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_opened_in_the_browser_of_this_machine() {
    let service = Service::start().await;
    let id = service.json(&["event", "show", "hackathon"]).await["event"]["id"].clone();
    let id = id.as_str().unwrap().to_owned();
    let pages = format!("{}/pages", service.address);
    for (arguments, wanted) in [
        (&["open", "--print"][..], format!("{pages}/dashboard")),
        (&["open", "hackathon", "--print"], format!("{pages}/dashboard#event={id}")),
        (&["open", "hackathon", "--handout", "--print"], format!("{pages}/handout#event={id}")),
        (&["open", "hackathon", "--attendee", "--print"], format!("{pages}#code=hackathon")),
        (&["open", "--docs", "--print"], format!("{}/docs", service.address)),
    ] {
        assert_eq!(service.run_ok(arguments).await.trim(), wanted);
    }

    // Which program opens a page is the system's choice; on Linux it is this one.
    if cfg!(target_os = "linux") {
        let bin = tempfile::tempdir().unwrap();
        let (program, opened) = (bin.path().join("xdg-open"), bin.path().join("opened"));
        let script =
            format!("#!/bin/sh\nprintf %s \"$1\" >{0}.new\nmv {0}.new {0}\n", opened.display());
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", bin.path().display());
        let data = service.data.path().to_str().unwrap();
        let open = ["--address", &service.address, "--data", data, "open", "hackathon"];
        let run = lanyard(&open, &[("PATH", &path)]).await;
        assert_eq!(run.exit, Some(0), "{run:?}");
        // The browser is a process of its own, which is not waited for.
        while !opened.exists() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let address = std::fs::read_to_string(&opened).unwrap();
        assert_eq!(address, format!("{pages}/dashboard#event={id}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_has_the_chosen_fields_only() {
    let service = Service::start().await;
    let events = service.run_ok(&["event", "list", "--json=code,allowances.event.attendees"]).await;
    let events: Value = serde_json::from_str(&events).unwrap();
    assert_eq!(events[0]["code"], "hackathon");
    assert_eq!(events[0].as_object().unwrap().len(), 2, "{events}");
    let event = service.run_ok(&["event", "show", "hackathon", "-j=event.code"]).await;
    assert_eq!(serde_json::from_str::<Value>(&event).unwrap(), json!({"event.code": "hackathon"}));
    let run = service.run(&["event", "list", "--json=cod"]).await;
    assert_eq!(run.exit, Some(2), "{run:?}");
    assert!(run.err.contains("There is no field cod. Fields: access, "), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_command_prints_data_and_errors_only() {
    let service = Service::start().await;
    let create = ["event", "create", "Night", "--for", "1h", "--tz", "UTC", "--code", "night"];
    let loud = service.run(&create).await;
    assert!(loud.err.contains("warning: The code can be guessed"), "{loud:?}");
    let quiet = service.run(&["event", "show", "night", "--quiet"]).await;
    assert!(quiet.out.contains("night") && quiet.err.is_empty(), "{quiet:?}");
    let wrong = service.run(&["event", "show", "day", "-q"]).await;
    assert!(wrong.err.starts_with("error: No event has"), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_pipe_ends_a_command_without_a_word() {
    let service = Service::start().await;
    let data = service.data.path().to_str().unwrap();
    for arguments in [
        &["event", "list"][..],
        &["event", "list", "--json"],
        &["completions", "zsh"],
        &["man"],
        &["doctor"],
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lanyard"))
            .args(["--address", &service.address, "--data", data])
            .args(arguments)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        // The reader is gone before the first byte.
        drop(child.stdout.take());
        let output = child.wait_with_output().await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

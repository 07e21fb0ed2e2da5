//! Exit codes, and the two output streams.

use serde_json::Value;

use crate::support::{Service, lanyard};

#[tokio::test(flavor = "multi_thread")]
async fn every_outcome_has_its_own_exit_code() {
    let service = Service::start().await;
    // Bound and closed again, so that nothing listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = format!("http://{}/api", listener.local_addr().unwrap());
    drop(listener);
    let token = ("LANYARD_ORGANISER_TOKEN", "a-token-of-another-service");
    let list = ["event", "list"];

    assert_eq!(service.run(&list).await.exit, Some(0));
    let refused = ["event", "create", "A", "--from", "2027-03-28T02:30", "--for"];
    assert_eq!(service.run(&refused).await.exit, Some(2), "not understood");
    assert_eq!(service.run(&["event", "end", "hackathon"]).await.exit, Some(2), "nobody to ask");
    let run = lanyard(&["--address", &nowhere, "event", "list"], &[token]).await;
    assert_eq!(run.exit, Some(3), "{run:?}");
    let run = lanyard(&["--address", &service.address, "event", "list"], &[token]).await;
    assert_eq!(run.exit, Some(4), "{run:?}");
    run.assert_hides(&[token.1]);
    let run = lanyard(&["--address", &service.address, "event", "list"], &[]).await;
    assert_eq!(run.exit, Some(4), "{run:?}");
    assert!(run.err.contains("LANYARD_ORGANISER_TOKEN"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_printed_on_standard_error_with_all_details() {
    let service = Service::start().await;
    let skipped = [
        "event",
        "create",
        "A",
        "--from",
        "2027-03-28T02:30",
        "--to",
        "2027-03-28",
        "--tz",
        "Europe/Oslo",
    ];

    let run = service.run(&skipped).await;
    assert_eq!((run.exit, run.out.as_str()), (Some(1), ""));
    assert!(
        run.err.contains("  starts_at 2027-03-28 02:30:00 does not exist in Europe/Oslo"),
        "{run:?}"
    );
    assert!(run.err.contains("  ends_at "), "{run:?}");
    assert!(run.err.contains("  request id: req_"), "{run:?}");

    let run = service.run(&[&skipped[..], &["--json"]].concat()).await;
    let error: Value = serde_json::from_str(&run.err).unwrap();
    assert_eq!(error["error"]["code"], "invalid_value");
    assert_eq!(error["error"]["exit_code"], 1);
    assert_eq!(error["error"]["details"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn help_lists_the_exit_codes_and_every_command_has_help() {
    let help = lanyard(&["--help"], &[]).await;
    assert!(help.out.contains("3  the service cannot be reached"), "{help:?}");
    for noun in ["event", "deployment", "attendee", "roster", "token", "organiser", "config"] {
        let verbs = lanyard(&[noun, "--help"], &[]).await.out;
        let verbs =
            verbs.split("Commands:").nth(1).unwrap().split("\n\n").next().unwrap().to_owned();
        let verbs = verbs.lines().filter_map(|line| line.split_whitespace().next());
        for verb in verbs.filter(|verb| *verb != "help") {
            let run = lanyard(&[noun, verb, "--help"], &[]).await;
            assert_eq!(run.exit, Some(0), "{noun} {verb}: {run:?}");
        }
    }
}

#[tokio::test]
async fn completions_and_manual_pages_have_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = lanyard(&["completions", shell], &[]).await;
        assert_eq!(script.exit, Some(0));
        assert!(script.out.contains("rotate-code"), "{shell}");
    }
    assert!(lanyard(&["man"], &[]).await.out.contains(".TH lanyard 1"));
    let folder = tempfile::tempdir().unwrap();
    let run = lanyard(&["man", "--folder", folder.path().to_str().unwrap()], &[]).await;
    assert_eq!(run.exit, Some(0), "{run:?}");
    assert!(folder.path().join("lanyard-event-create.1").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn output_that_is_not_on_a_terminal_has_no_colour() {
    let service = Service::start().await;
    for arguments in [&["event", "list"][..], &["event", "watch", "hackathon", "--count", "1"]] {
        let run = service.run(arguments).await;
        assert!(!run.out.contains('\u{1b}') && !run.err.contains('\u{1b}'), "{run:?}");
    }
}

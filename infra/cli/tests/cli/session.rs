//! The sessions in the documentation are what the commands in them print.

use crate::support::Service;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");

/// The block of a page between the markers.
fn documented(page: &str) -> String {
    let page = std::fs::read_to_string(format!("{DOCS}/{page}")).unwrap();
    let (_, rest) = page.split_once("<!-- session -->\n```console\n").expect("the session begins");
    let (session, _) = rest.split_once("```\n<!-- /session -->").expect("and ends");
    session.to_owned()
}

/// The words of a command line, some of them in quotes.
pub(crate) fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, piece) in command.split('"').enumerate() {
        match index % 2 {
            0 => words.extend(piece.split_whitespace().map(str::to_owned)),
            _ => words.push(piece.to_owned()),
        }
    }
    words
}

/// A text without what differs between runs: codes, ids, ports, times and rates.
fn normalised(text: &str) -> String {
    let is_like = |word: &str, form: &str| {
        word.len() == form.len()
            && word.bytes().zip(form.bytes()).all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                form => byte == form,
            })
    };
    let normalised = |word: &str| {
        if word.starts_with("oslo-hack-") {
            "oslo-hack-CODE".to_owned()
        } else if word.starts_with("evt_") {
            "evt_ID".to_owned()
        } else if let Some((_, path)) =
            word.strip_prefix("http://127.0.0.1:").and_then(|rest| rest.split_once('/'))
        {
            format!("http://127.0.0.1:PORT/{path}")
        } else if is_like(word, "0000-00-00") || is_like(word, "0000-00-00T00:00:00+00:00") {
            "DATE".to_owned()
        } else if is_like(word, "00:00") || is_like(word, "00:00:00Z") {
            "TIME".to_owned()
        } else if word.starts_with('(') && word.ends_with("/min)") {
            "(PACE/min)".to_owned()
        } else {
            word.to_owned()
        }
    };
    let line = |line: &str| {
        let mut words: Vec<_> = line.split_whitespace().map(normalised).collect();
        for at in 1..words.len() {
            if words[at].trim_end_matches(',') == "ms" {
                words[at - 1] = "N".to_owned();
            }
        }
        words.join(" ")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Runs the commands of a page's session at a service of its own, and compares what they print.
async fn compare(page: &str) {
    let service = Service::start().await;
    let documented = documented(page);
    let mut session = String::new();

    for command in documented.lines().filter_map(|line| line.strip_prefix("$ lanyard ")) {
        let words = words(command);
        let run = service.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).await;
        assert_eq!(run.exit, Some(0), "{command}: {run:?}");
        // Whether a model is retired soon depends on the day.
        let said = run.err.lines().filter(|line| !line.contains("Azure retire"));
        let said: String = said.map(|line| format!("{line}\n")).collect();
        session.push_str(&format!("$ lanyard {command}\n{}{said}", run.out));
    }

    assert!(session.lines().count() > 20, "{session}");
    assert_eq!(normalised(&documented), normalised(&session), "docs/{page} should say:\n{session}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_for_organisers_is_what_the_commands_print() {
    compare("organisers.md").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_of_a_first_event_is_what_the_commands_print() {
    compare("first-event.md").await;
}

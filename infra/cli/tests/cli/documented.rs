//! The commands that the documentation shows can be given as they are printed.
//!
//! The sessions are run and compared word by word in `session.rs`.

use std::path::Path;

use crate::session::words;
use crate::support::Service;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Pages with commands.
const PAGES: [&str; 10] = [
    "README.md",
    "docs/attendees.md",
    "docs/coding-tools.md",
    "docs/cost.md",
    "docs/deploying.md",
    "docs/first-event.md",
    "docs/limits.md",
    "docs/operations.md",
    "docs/organisers.md",
    "docs/security.md",
];

/// Commands that reach other machines, ask for a secret, go on until they are stopped, or are shown
/// without their limits. Only their options are looked at.
const NOT_RUN: [&str; 9] = [
    "config",
    "deploy",
    "destroy",
    "doctor",
    "event watch",
    "handout",
    "login",
    "open",
    "simulate",
];

/// What the words in capitals stand for.
const PLACEHOLDERS: [(&str, &str); 7] = [
    ("EVENT", "hackathon"),
    ("Oslo Hack", "hackathon"),
    ("USER", "ada"),
    ("ID", "tok_0193f0d2a1b4c5d6e7f8"),
    ("NAME", "gpt-4o"),
    ("URL", "https://my-resource.openai.azure.com"),
    ("REGION", "eu-north-1"),
];

fn read(page: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(page)).unwrap()
}

/// The lines of the blocks of a page in one of these languages. A line that goes on is one line.
fn lines(page: &str, languages: &[&str]) -> Vec<String> {
    let blocks = page.split("```").skip(1).step_by(2);
    let wanted = blocks.filter_map(|block| {
        let (language, text) = block.split_once('\n')?;
        languages.contains(&language).then(|| text.replace("\\\n", " "))
    });
    wanted
        .flat_map(|text| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>())
        .collect()
}

/// The arguments of each `lanyard` that a page shows, in a block or within a line. `…` stands for
/// arguments that are left out.
fn commands(page: &str) -> Vec<String> {
    let prose: String = page.split("```").step_by(2).collect();
    let spans = prose.split('`').skip(1).step_by(2).map(str::to_owned);
    let all = lines(page, &["shell", "sh"]).into_iter().chain(spans);
    let arguments = all.filter_map(|line| Some(line.strip_prefix("lanyard ")?.to_owned()));
    arguments.filter(|line| !line.contains('…')).collect()
}

/// The commands that a page marks as refused by the local service, each with the exact text of the
/// command: `<!-- refused by the local service, WHY: lanyard … -->`.
fn marked(page: &str) -> Vec<String> {
    let marks = page.split("<!-- refused by the local service, ").skip(1);
    let commands = marks.map(|mark| {
        let mark = mark.split(" -->").next().unwrap_or_default();
        let (_, command) =
            mark.split_once(": lanyard ").expect("a mark has a reason and a command");
        one_line(command)
    });
    commands.collect()
}

/// A command without line breaks and repeated spaces.
fn one_line(command: &str) -> String {
    command.replace("\\\n", " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a command begins with these words: `deploy` does not begin `deployment add`.
fn begins_with(command: &str, words: &str) -> bool {
    command.strip_prefix(words).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// The words of a command, with something in the place of each placeholder.
fn arguments(command: &str, key_file: &str) -> Vec<String> {
    let (command, _) = command.split_once(" > ").unwrap_or((command, ""));
    let given = |word: String| {
        let stands_for = PLACEHOLDERS.iter().find(|(name, _)| *name == word);
        match stands_for {
            Some((_, value)) => (*value).to_owned(),
            None if word == "FILE" || word == "key.txt" => key_file.to_owned(),
            None => word,
        }
    };
    words(command).into_iter().map(given).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_documentation_is_accepted_as_it_is_printed() {
    let service = Service::start().await;
    let key = service.data.path().join("key.txt");
    std::fs::write(&key, "a-key-of-azure").unwrap();
    // USER is an attendee whom the event knows.
    service.run_ok(&["attendee", "raise", "hackathon", "ada", "--in-flight", "9"]).await;
    let (mut run, mut looked_at, mut wrong) = (0, 0, Vec::new());
    for page in PAGES {
        let text = read(page);
        let mut refused = marked(&text);
        for command in commands(&text) {
            let mut given = arguments(&command, key.to_str().unwrap());
            let is_named_only = given.len() < 3 && given.iter().all(|word| !word.starts_with('-'));
            let is_not_run = NOT_RUN.iter().any(|begin| begins_with(&command, begin));
            match is_named_only || is_not_run {
                true => given.push("--help".to_owned()),
                false => given.extend(["--dry-run".to_owned(), "--yes".to_owned()]),
            }
            let result = service.run(&given.iter().map(String::as_str).collect::<Vec<_>>()).await;
            match is_named_only || is_not_run {
                true => looked_at += 1,
                false => run += 1,
            }
            let mark = refused.iter().position(|refused| *refused == one_line(&command));
            let expected = mark.map_or(0, |_| 1);
            if let Some(mark) = mark {
                refused.remove(mark);
            }
            if result.exit != Some(expected) {
                let exit = result.exit;
                wrong.push(format!("{page}: lanyard {command}: {exit:?}: {}", result.err));
            }
        }
        wrong.extend(refused.iter().map(|command| format!("{page}: marked and absent: {command}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(run > 20 && looked_at > 10, "{run} and {looked_at}");
}

#[test]
fn a_mark_names_the_command_that_is_refused() {
    let page = "<!-- refused by the local service, which has it: lanyard deployment add a \\\n  --x -->\n\
                ```shell\nlanyard deployment add a \\\n  --x\n```\n";
    let commands: Vec<_> = commands(page).iter().map(|command| one_line(command)).collect();
    assert_eq!(marked(page), ["deployment add a --x"]);
    assert_eq!(commands, marked(page));
}

/// A `curl` as it would be sent.
struct Curl {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// The calls of the local service that a page shows.
fn curls(page: &str, token: &str) -> Vec<Curl> {
    let local = |line: &String| line.starts_with("curl ") && line.contains("//127.0.0.1:8787/");
    let blocks = page.split("```shell\n").skip(1).filter_map(|block| block.split("```").next());
    let text: Vec<_> = blocks.flat_map(|block| block.split("\ncurl ")).map(str::to_owned).collect();
    let begins =
        |text: String| if text.starts_with("curl ") { text } else { format!("curl {text}") };
    text.into_iter().map(begins).filter(local).map(|text| curl(&text, token)).collect()
}

/// Reads the options that the documentation uses.
fn curl(command: &str, token: &str) -> Curl {
    let command = command.replace("\\\n", " ").replace("$TOKEN", token);
    let mut parts = shell_words(&command).into_iter().skip(1);
    let (mut method, mut path) = (None, String::new());
    let (mut headers, mut body) = (Vec::new(), String::new());
    while let Some(part) = parts.next() {
        match part.as_str() {
            "-X" => method = parts.next(),
            "-N" => {}
            "-H" => {
                let header = parts.next().unwrap();
                let (name, value) = header.split_once(": ").unwrap();
                headers.push((name.to_owned(), value.to_owned()));
            }
            "-d" => body = parts.next().unwrap(),
            url => path = url.split_once("8787/api").expect("an address").1.to_owned(),
        }
    }
    let usual = if body.is_empty() { "GET" } else { "POST" };
    Curl { method: method.unwrap_or_else(|| usual.to_owned()), path, headers, body }
}

/// The words of a command with single and double quotes.
fn shell_words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in command.chars() {
        match quote {
            Some(open) if open == letter => quote = None,
            Some(_) => word.get_or_insert_default().push(letter),
            None if letter == '\'' || letter == '"' => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            None if letter.is_whitespace() => words.extend(word.take()),
            None => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_of_the_local_service_in_the_documentation_succeeds_as_it_is_printed() {
    let service = Service::start().await;
    let client = reqwest::Client::new();
    let mut sent = 0;
    for page in PAGES {
        for curl in curls(&read(page), &service.token()) {
            let address = format!("{}{}", service.address, curl.path);
            // The window of an event must not be over when this runs.
            let body = curl.body.replace("\"2026-12-", "\"2099-12-");
            let mut request = client.request(curl.method.parse().unwrap(), address).body(body);
            for (name, value) in &curl.headers {
                request = request.header(name, value);
            }
            let response = request.send().await.unwrap();
            let status = response.status();
            assert!(
                status.is_success(),
                "{page}: {}: {status} {}",
                curl.path,
                response.text().await.unwrap()
            );
            sent += 1;
        }
    }
    assert!(sent >= 3, "{sent}");
}

//! Which of the offered tools a message asks for, and with which arguments.
//!
//! A tool is called where the message names it: `Call read_file with {"path": "a.txt"}`. JSON,
//! text in backticks or a fenced block behind the name are its arguments. A message may name several
//! tools; they are called one after the other. A name that is also an everyday word, such as `write`,
//! counts only in backticks, behind "call" or "use", or before arguments. Without a name, words decide
//! that are also in a tool's name or in the beginning of its description.

use serde_json::{Deserializer, Value};

use super::offer::{Kind, Offer};

/// How much of a description is compared, in characters.
const COMPARED: usize = 100;

/// Words that stand in many messages and in the names of many tools.
const EVERYDAY: [&str; 44] = [
    "about",
    "agent",
    "answer",
    "apply",
    "bash",
    "call",
    "code",
    "command",
    "content",
    "create",
    "data",
    "delete",
    "edit",
    "execute",
    "fetch",
    "file",
    "files",
    "find",
    "from",
    "function",
    "input",
    "list",
    "make",
    "message",
    "name",
    "open",
    "output",
    "plan",
    "question",
    "read",
    "reads",
    "return",
    "search",
    "shell",
    "simulated",
    "task",
    "text",
    "that",
    "tool",
    "update",
    "user",
    "view",
    "with",
    "write",
];

/// The tool to call next, after so many calls, and its arguments if the message has them.
pub(super) fn asked<'o, 'a>(
    text: &str,
    calls: usize,
    offers: &'o [Offer<'a>],
) -> Option<(&'o Offer<'a>, Option<String>)> {
    let named = named(text, offers);
    if !named.is_empty() {
        return named.into_iter().nth(calls);
    }
    if calls > 0 {
        return None;
    }
    let said = words(text);
    let score = |offer: &Offer<'_>| {
        let shared = |text: &str| words(text).iter().filter(|word| said.contains(word)).count();
        let begin: String = offer.description.chars().take(COMPARED).collect();
        // One word of a description says little.
        3 * shared(offer.name) + Some(shared(&begin)).filter(|count| *count > 1).unwrap_or(0)
    };
    let scores = offers.iter().map(|offer| (score(offer), offer)).filter(|(score, _)| *score > 0);
    // The first of equals.
    let best = scores.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map(|(_, offer)| (offer, None))
}

/// The tools that are named together with their arguments, in the order of the message.
pub(super) fn with_arguments<'o, 'a>(
    text: &str,
    offers: &'o [Offer<'a>],
) -> Vec<(&'o Offer<'a>, Option<String>)> {
    named(text, offers).into_iter().filter(|(_, given)| given.is_some()).collect()
}

/// The arguments that a message has for a tool.
pub(super) fn given(text: &str, offer: &Offer<'_>) -> Option<String> {
    places(text, offer.name)
        .find_map(|at| arguments(&text[at + offer.name.len()..], offer.kind)?.into())
}

/// The tools that are named, in the order of the message. A second mention counts if it has
/// arguments.
fn named<'o, 'a>(text: &str, offers: &'o [Offer<'a>]) -> Vec<(&'o Offer<'a>, Option<String>)> {
    let mut found: Vec<(usize, &Offer<'a>, Option<String>)> = Vec::new();
    for offer in offers {
        let mut is_known = false;
        for at in places(text, offer.name) {
            let (before, after) = (&text[..at], &text[at + offer.name.len()..]);
            let arguments = arguments(after, offer.kind);
            let counts = arguments.is_some() || (!is_known && is_meant(offer.name, before, after));
            if counts {
                is_known = true;
                found.push((at, offer, arguments));
            }
        }
    }
    found.sort_by_key(|(at, ..)| *at);
    found.dedup_by(|(at, ..), (before, ..)| at == before);
    found.into_iter().map(|(_, offer, arguments)| (offer, arguments)).collect()
}

/// Where a name stands as a word of its own.
fn places<'t>(text: &'t str, name: &'t str) -> impl Iterator<Item = usize> + 't {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    text.match_indices(name).map(|(at, _)| at).filter(move |at| {
        let before = text[..*at].bytes().next_back();
        let after = text[at + name.len()..].bytes().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// Whether a name stands for the tool rather than for the word.
fn is_meant(name: &str, before: &str, after: &str) -> bool {
    let is_identifier = name.bytes().skip(1).any(|byte| !byte.is_ascii_lowercase());
    let is_quoted = before.ends_with('`') && after.starts_with('`');
    let last =
        before.trim_end().rsplit(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty());
    let verb = last.is_some_and(|word| {
        ["call", "use", "run", "tool", "function"].contains(&word.to_lowercase().as_str())
    });
    is_identifier || is_quoted || verb || after.starts_with('(') || after.starts_with(" tool")
}

/// What stands behind a name as its arguments.
fn arguments(after: &str, kind: Kind) -> Option<String> {
    let rest = after.trim_start_matches(['`', '"', '\'']);
    let rest =
        [" tool", " function"].iter().find_map(|word| rest.strip_prefix(word)).unwrap_or(rest);
    let rest = rest.trim_start_matches([' ', ',', ':', '\n', '(']);
    let rest = ["with ", "on "].iter().find_map(|word| rest.strip_prefix(word)).unwrap_or(rest);
    let rest =
        ["arguments", "input"].iter().find_map(|word| rest.strip_prefix(word)).unwrap_or(rest);
    let rest = rest.trim_start_matches([' ', ':', '\n']);
    let block = rest.strip_prefix("```").map(|rest| {
        let (_, rest) = rest.split_once('\n').unwrap_or(("", rest));
        rest.split("```").next().unwrap_or_default()
    });
    let quoted = || {
        let (text, _) = rest.strip_prefix('`')?.split_once('`')?;
        Some(text)
    };
    match kind {
        Kind::Custom => block.or_else(quoted).map(str::to_owned),
        Kind::Function | Kind::Legacy => {
            let text = block.or_else(quoted).unwrap_or(rest);
            let mut values = Deserializer::from_str(text).into_iter::<Value>();
            match values.next() {
                Some(Ok(object @ Value::Object(_))) => Some(object.to_string()),
                Some(_) | None => None,
            }
        }
    }
}

/// The words of a text that say something, in small letters.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .map(str::to_lowercase)
        .filter(|word| word.chars().count() > 3 && !EVERYDAY.contains(&word.as_str()))
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tools() -> Value {
        json!([
            {"name": "write", "description": "Writes a file to the disk."},
            {"name": "read_file", "description": "Reads a file."},
            {"name": "get_weather", "description": "The current temperature in a town."},
            {"name": "apply_patch", "format": {"type": "text"}},
        ])
    }

    fn calls(text: &str) -> Vec<(String, Option<String>)> {
        let tools = tools();
        let offers: Vec<Offer<'_>> = tools
            .as_array()
            .unwrap()
            .iter()
            .map(|tool| {
                let kind = if tool["format"].is_object() { Kind::Custom } else { Kind::Function };
                Offer::read(kind, None, tool, "tools[0]").unwrap()
            })
            .collect();
        (0..9)
            .map_while(|calls| asked(text, calls, &offers))
            .map(|(offer, given)| (offer.name.to_owned(), given))
            .collect()
    }

    fn names(text: &str) -> Vec<String> {
        calls(text).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn an_everyday_word_is_no_tool_unless_it_is_meant() {
        for text in ["Write a poem", "Please write it. Then read the file.", "Say hello."] {
            assert!(calls(text).is_empty(), "{text}");
        }
        for text in ["Use write.", "Take `write` now", r#"write {"a": 1}"#, "the write tool"] {
            assert_eq!(names(text), ["write"], "{text}");
        }
    }

    #[test]
    fn arguments_stand_behind_the_name() {
        let text = "First read_file with {\"path\": \"a.txt\"}, then `apply_patch`:\n```text\n*** Begin \
                    Patch\n*** End Patch\n```\nand at last read_file {\"path\": \"b.txt\"}. read_file!";
        let expected = [
            ("read_file", r#"{"path":"a.txt"}"#),
            ("apply_patch", "*** Begin Patch\n*** End Patch\n"),
            ("read_file", r#"{"path":"b.txt"}"#),
        ];
        let expected = expected.map(|(name, given)| (name.to_owned(), Some(given.to_owned())));
        assert_eq!(calls(text), expected);
    }

    #[test]
    fn without_a_name_words_of_a_tool_decide() {
        assert_eq!(names("How is the weather in Oslo?"), ["get_weather"]);
        assert_eq!(names("The current temperature?"), ["get_weather"]);
        assert!(names("The temperature?").is_empty());
        assert!(names("read_files").is_empty());
    }
}

//! Chooses the words of a simulated answer, which say first of all that they are simulated.

use serde_json::json;

use super::chat::{ChatRequest, Format};
use super::prompt::Speaker;
use super::schema;

/// How much of the last message a response repeats, in characters.
const EXCERPT: usize = 80;

/// The text of one choice, in the format that was asked for, up to the first stop.
pub(super) fn of(request: &ChatRequest, index: usize) -> String {
    let text = match &request.format {
        Format::Text => sentence(request, index),
        Format::Json => json!({"simulated": true, "message": sentence(request, index)}).to_string(),
        Format::Schema(described) => schema::example(described).to_string(),
    };
    before_stop(text, &request.stop)
}

fn sentence(request: &ChatRequest, index: usize) -> String {
    let prompt = &request.prompt;
    let excerpt = excerpt(&prompt.last_text);
    if prompt.last == Speaker::Tool {
        return format!(
            "[simulated] The tool said: \"{excerpt}\". A real model would now explain this."
        );
    }
    let messages = counted(prompt.messages, "message");
    let images = match prompt.images {
        0 => String::new(),
        images => format!(" and {}", counted(images, "image")),
    };
    let number = match request.choices {
        1 => String::new(),
        choices => format!(" This is choice {} of {choices}.", index + 1),
    };
    format!(
        "[simulated] No model was asked: this text comes from Lanyard's Azure simulator. \
         It saw {messages}{images}, and the last one said: \"{excerpt}\".{number}"
    )
}

fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

fn excerpt(text: &str) -> String {
    let mut shown: String = text.chars().take(EXCERPT).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

fn before_stop(text: String, stops: &[String]) -> String {
    let found = stops.iter().filter(|stop| !stop.is_empty());
    match found.filter_map(|stop| text.find(stop.as_str())).min() {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_repeated_in_part() {
        assert_eq!(excerpt("short"), "short");
        let long = excerpt(&"å".repeat(EXCERPT + 1));
        assert_eq!(long.chars().count(), EXCERPT + 1);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn the_first_stop_in_the_text_counts() {
        let stops = |list: &[&str]| list.iter().map(|stop| (*stop).to_owned()).collect::<Vec<_>>();
        let text = || "one two three".to_owned();
        assert_eq!(before_stop(text(), &stops(&["three", "two"])), "one ");
        assert_eq!(before_stop(text(), &stops(&["", "four"])), text());
    }

    #[test]
    fn numbers_and_nouns_agree() {
        assert_eq!(counted(1, "image"), "1 image");
        assert_eq!(counted(2, "image"), "2 images");
    }
}

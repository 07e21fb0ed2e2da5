//! How much output the frames of a stream hold, without parsing them.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::tokens::tokens_of_text;

/// The field that holds a part of the output, in chats, responses and transcripts.
static DELTA: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\"delta\""));
/// The same in legacy completions and in whole items.
static TEXT: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\"text\""));

/// The field whose entries have one of these, or none.
static CHOICES: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\"choices\""));

/// The output of a stream, as far as its frames show it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Produced {
    frames: u64,
    bytes: u64,
    tokens: u64,
}

impl Produced {
    /// What surrounds the output in an event whose output is in no known field.
    const ENVELOPE: usize = 280;
    /// A text of so many bytes is one token: most streams send one at a time.
    const SHORT: usize = 8;

    /// Adds a frame that carries output.
    pub(crate) fn add(&mut self, frame: &[u8]) {
        let tokens = match texts(&DELTA, frame).or_else(|| texts(&TEXT, frame)) {
            Some(tokens) => tokens,
            // What filters say has no part of a completion.
            None if CHOICES.find(frame).is_some() => 0,
            None => frame.len().saturating_sub(Self::ENVELOPE) as u64 / 4,
        };
        self.frames += 1;
        self.bytes += frame.len() as u64;
        self.tokens = self.tokens.saturating_add(tokens.max(1));
    }

    /// Whether there was no output.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.frames == 0
    }

    /// All bytes of the frames.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// About how many tokens: those of the texts, and at least one for each frame.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens
    }
}

/// The tokens of the texts in all fields of this name. `None` if there is no such field.
fn texts(field: &Finder<'_>, frame: &[u8]) -> Option<u64> {
    let mut found = None;
    for at in field.find_iter(frame) {
        let rest = frame.get(at + field.needle().len()..).unwrap_or_default().trim_ascii_start();
        let Some(value) = rest.strip_prefix(b":") else { continue };
        let tokens = texts_of(value);
        found = Some(tokens.saturating_add(found.unwrap_or(0)));
    }
    found
}

/// The tokens of the strings in the value with which this JSON begins, without the names of fields.
fn texts_of(json: &[u8]) -> u64 {
    let mut depth = 0_usize;
    let mut tokens = 0_u64;
    let mut rest = json.trim_ascii_start();
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'"' => {
                let text = after.get(..string_end(after)).unwrap_or_default();
                rest = after.get(text.len() + 1..).unwrap_or_default();
                let is_name = depth > 0 && rest.trim_ascii_start().starts_with(b":");
                if !is_name {
                    tokens = tokens.saturating_add(tokens_of(text));
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => return tokens,
            _ => continue,
        }
        if depth == 0 {
            return tokens;
        }
    }
    tokens
}

fn tokens_of(text: &[u8]) -> u64 {
    match text.len() {
        0 => 0,
        1..=Produced::SHORT => 1,
        _ => tokens_of_text(text),
    }
}

/// Where a string ends whose inside begins here: at its quotation mark.
fn string_end(inside: &[u8]) -> usize {
    let mut at = 0;
    while let Some(next) = memchr::memchr2(b'"', b'\\', inside.get(at..).unwrap_or_default()) {
        at += next;
        if inside.get(at) == Some(&b'"') {
            return at;
        }
        at += 2;
    }
    inside.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(frames: &[String]) -> u64 {
        let mut produced = Produced::default();
        frames.iter().for_each(|frame| produced.add(frame.as_bytes()));
        produced.tokens()
    }

    fn chat(delta: &str) -> String {
        let filters = r#"{"hate":{"filtered":false,"severity":"safe"}}"#;
        format!(
            "data: {{\"choices\":[{{\"content_filter_results\":{filters},\"delta\":{delta},\
             \"finish_reason\":null,\"index\":0}}],\"id\":\"chatcmpl-1\",\"model\":\"x\"}}\n\n"
        )
    }

    fn event(delta: &str) -> String {
        format!(
            "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\
             \"item_id\":\"msg_1\",\"delta\":\"{delta}\",\"obfuscation\":\"aBcDeFgHiJkL\"}}\n\n"
        )
    }

    #[test]
    fn large_frames_of_one_length_count_by_their_text() {
        let words = "some words ".repeat(50);
        let content = format!(r#"{{"content":"{words}"}}"#);
        let text = format!("data: {{\"choices\":[{{\"text\":\"{words}\",\"index\":0}}]}}\n\n");
        for frame in [event(&words), chat(&content), text] {
            let found = tokens(&vec![frame; 5]);
            assert!((480..750).contains(&found), "{found}");
        }
        let one = tokens(&[event(&"some words ".repeat(28)[..300])]);
        assert!((50..90).contains(&one), "{one}");
    }

    #[test]
    fn frames_of_a_token_count_one_whatever_is_around_it() {
        for delta in [r#"{"content":" word"}"#, r#"{"content": "\"", "role": null}"#, "{}"] {
            assert_eq!(tokens(&vec![chat(delta); 40]), 40, "{delta}");
        }
        let arguments = r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]}"#;
        assert_eq!(tokens(&vec![chat(arguments); 40]), 40);
        assert_eq!(tokens(&vec![event(" word"); 40]), 40);
        let offsets = chat("null").replace("\"delta\"", "\"content_filter_offsets\"");
        assert_eq!(tokens(&[offsets + &" ".repeat(400)]), 1);
        assert_eq!(tokens(&[]), 0);
    }

    #[test]
    fn output_in_another_field_counts_by_its_bytes() {
        let frame = format!("data: {{\"b64_json\":\"{}\"}}\n\n", "A".repeat(4_280));
        assert!((1_000..1_100).contains(&tokens(&[frame])));
    }

    #[test]
    fn a_frame_that_is_cut_off_is_read_to_its_end() {
        for cut in [r#"{"delta":"a\"#, r#"{"delta":{"content":"a"#, r#"{"delta""#, r#"{"delta": "#]
        {
            assert_eq!(tokens(&[cut.to_owned()]), 1, "{cut}");
        }
    }
}

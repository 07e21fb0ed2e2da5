//! The amount of output in the frames of a stream, without parsing them.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::tokens::tokens_of_text;

/// The field that holds a part of the output, in chats, responses and transcripts.
static DELTA: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\"delta\""));
/// The same in legacy completions and in complete items.
static TEXT: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\"text\""));

/// The field whose entries have one of these, or none.
static CHOICES: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\"choices\""));

/// The output of a stream, as far as its frames show it.
///
/// Most frames hold one token in an envelope of always the same length. So a frame's text is read
/// only if its length shows that there is more, or another envelope.
#[derive(Clone, Copy, Debug, Default)]
pub struct Produced {
    frames: u64,
    bytes: u64,
    tokens: u64,
    /// The length of the shortest frame whose text was read.
    shortest: usize,
    /// The least that surrounded a text that was read.
    envelope: usize,
}

/// The texts of a frame.
#[derive(Clone, Copy, Debug, Default)]
struct Texts {
    tokens: u64,
    bytes: usize,
}

impl Texts {
    fn plus(self, other: Self) -> Self {
        Self { tokens: self.tokens.saturating_add(other.tokens), bytes: self.bytes + other.bytes }
    }
}

impl Produced {
    /// The envelope of an event whose output is in no known field.
    const ENVELOPE: usize = 280;
    /// A text of so many bytes is one token: most streams send one at a time.
    const SHORT: usize = 8;

    /// Output that was counted before.
    #[must_use]
    pub fn of_tokens(tokens: u64) -> Self {
        Self { frames: u64::from(tokens > 0), tokens, ..Self::default() }
    }

    /// Adds a frame that carries output.
    pub(crate) fn add(&mut self, frame: &[u8]) {
        let is_usual = (self.shortest..=self.envelope + Self::SHORT).contains(&frame.len());
        let tokens = if is_usual { 1 } else { self.read(frame) };
        self.frames += 1;
        self.bytes += frame.len() as u64;
        self.tokens = self.tokens.saturating_add(tokens);
    }

    /// The tokens of a frame by its text, and at least one.
    #[cold]
    fn read(&mut self, frame: &[u8]) -> u64 {
        let texts = match texts(&DELTA, frame).or_else(|| texts(&TEXT, frame)) {
            Some(texts) => texts,
            // Results of filters are not part of a completion.
            None if CHOICES.find(frame).is_some() => return 1,
            None => {
                let bytes = frame.len().saturating_sub(Self::ENVELOPE);
                return (bytes as u64 / 4).max(1);
            }
        };
        let envelope = frame.len().saturating_sub(texts.bytes);
        let is_first = self.envelope == 0;
        self.shortest = if is_first { frame.len() } else { self.shortest.min(frame.len()) };
        self.envelope = if is_first { envelope } else { self.envelope.min(envelope) };
        texts.tokens.max(1)
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

/// The texts in all fields of this name. `None` if there is no such field.
fn texts(field: &Finder<'_>, frame: &[u8]) -> Option<Texts> {
    let mut found: Option<Texts> = None;
    for at in field.find_iter(frame) {
        let rest = frame.get(at + field.needle().len()..).unwrap_or_default().trim_ascii_start();
        let Some(value) = rest.strip_prefix(b":") else { continue };
        found = Some(texts_of(value).plus(found.unwrap_or_default()));
    }
    found
}

/// The strings in the value with which this JSON begins, without the names of fields and types.
fn texts_of(json: &[u8]) -> Texts {
    let mut depth = 0_usize;
    let mut name: &[u8] = b"";
    let mut texts = Texts::default();
    let mut rest = json.trim_ascii_start();
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'"' => {
                let text = after.get(..string_end(after)).unwrap_or_default();
                rest = after.get(text.len() + 1..).unwrap_or_default();
                let is_name = depth > 0 && rest.trim_ascii_start().starts_with(b":");
                if is_name {
                    name = text;
                } else if name != b"type" {
                    texts = texts.plus(Texts { tokens: tokens_of(text), bytes: text.len() });
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => return texts,
            _ => continue,
        }
        if depth == 0 {
            return texts;
        }
    }
    texts
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
        let typed = r#"{"content":[{"index":0,"type":"text","text":{"value":" elephant"}}]}"#;
        assert!(tokens(&vec![chat(typed); 40]) <= 80);
        let offsets = chat("null").replace("\"delta\"", "\"content_filter_offsets\"");
        assert_eq!(tokens(&[offsets + &" ".repeat(400)]), 1);
        assert_eq!(tokens(&[]), 0);
    }

    #[test]
    fn a_text_counts_whatever_surrounded_the_ones_before() {
        let filtered = chat(r#"{"content":" word"}"#);
        let plain = |text: &str| {
            format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
        };
        let words = "some words ".repeat(40);
        for text in [" word", words.as_str()] {
            let frames = [vec![filtered.clone(); 3], vec![plain(text); 20]].concat();
            let (found, exact) = (tokens(&frames), 3 + 20 * tokens(&[plain(text)]));
            assert!(found <= exact && found * 20 >= exact * 19, "{found} of {exact}");
        }
        let mixed: Vec<_> =
            [" a", " longer words in one frame", " b", &words].map(plain).into_iter().collect();
        let exact: u64 = mixed.iter().map(|frame| tokens(std::slice::from_ref(frame))).sum();
        assert_eq!(tokens(&mixed), exact);
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

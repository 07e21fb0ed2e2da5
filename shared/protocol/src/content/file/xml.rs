//! The text of XML, of office documents above all, read as it is unpacked.
//!
//! Everything outside tags is text, and so are attributes that people read. A document may show a
//! text more often than it has it: these repetitions count as often.
//!
//! Structure is read as XML has it. Readers of HTML, and those that only look for `<` and `>`, see the
//! same unless one of these stands in a tag, a comment or the like, or an element makes text of tags.
//! From there on the tags of the part count as text too, so nothing is hidden from any reader.

mod elements;

use std::collections::HashSet;

use memchr::{memchr, memchr2, memchr3};

use super::attributes::{has_known_encoding, local_name};
use super::strings::SharedStrings;
use crate::tokens::RunningText;

/// The longest tag that is read, in bytes.
const LONGEST_TAG: usize = 256 * 1024;

/// The elements of HTML in which tags are text, as documents have them.
const RAW: [&str; 3] = ["title", "script", "style"];

/// Others, of which readers differ in where they end.
const RARELY_RAW: [&str; 7] =
    ["textarea", "xmp", "plaintext", "iframe", "noembed", "noframes", "noscript"];

/// How a section of plain characters begins, without its first character.
const SECTION: &[u8] = b"![CDATA[";

/// How a comment begins, without its first character.
const COMMENT: &[u8] = b"!--";

/// Where the reader is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Tag,
    /// In an attribute, up to this quotation mark.
    Quoted(u8),
    /// In a comment or a section of plain characters, after so many of the characters before the
    /// last one of its end.
    Plain(u8, usize),
}

/// The text of one part.
#[derive(Debug, Default)]
pub(super) struct XmlText {
    state: State,
    text: RunningText,
    /// The tag that has begun, without its first character.
    tag: Vec<u8>,
    /// Tokens of repetitions.
    repeated: u64,
    /// Where the latest shared string begins, in tokens.
    string: u64,
    is_in_cell: bool,
    /// Whether the latest cell of a workbook names a shared string, and by which number.
    is_shared: bool,
    number: Option<usize>,
    /// How often the latest row and cell are repeated.
    rows: u64,
    columns: u64,
    /// Where that cell begins, in tokens, until it ends.
    cell: Option<u64>,
    /// The element in which tags are text for readers of HTML.
    raw: Option<&'static str>,
    /// Whether tags are text for some readers from here on.
    is_ambiguous: bool,
    /// What is named once in an honest document, such as the chapters of a book.
    named: HashSet<Vec<u8>>,
}

impl XmlText {
    /// Adds a piece. `None` if it cannot be read safely.
    pub(super) fn add(&mut self, piece: &[u8], strings: &mut SharedStrings) -> Option<()> {
        let mut rest = piece;
        while !rest.is_empty() {
            rest = match self.state {
                State::Text => self.add_text(rest)?,
                State::Tag => self.add_tag(rest, strings)?,
                State::Quoted(mark) => self.add_quoted(rest, mark)?,
                State::Plain(mark, ended) => self.add_plain(rest, mark, ended, strings),
            };
        }
        Some(())
    }

    /// The tokens of it, now that it has come in full.
    pub(super) fn complete_tokens(mut self) -> u64 {
        // A tag without an end is text for some readers.
        if matches!(self.state, State::Tag | State::Quoted(_)) {
            self.text.add(&self.tag);
        }
        self.text.tokens().saturating_add(self.repeated)
    }

    fn add_text<'p>(&mut self, piece: &'p [u8]) -> Option<&'p [u8]> {
        let end = memchr(b'<', piece).unwrap_or(piece.len());
        let (text, rest) = piece.split_at(end);
        // No reader shows how the tags are indented.
        if !text.iter().all(u8::is_ascii_whitespace) {
            self.text.add(text);
        }
        if let Some(number) = &mut self.number {
            for byte in text.iter().filter(|byte| !byte.is_ascii_whitespace()) {
                // Readers may know other forms of numbers.
                let digit = char::from(*byte).to_digit(10)?;
                *number = number.saturating_mul(10).saturating_add(usize::try_from(digit).ok()?);
            }
        }
        let Some((_, rest)) = rest.split_first() else { return Some(rest) };
        self.tag.clear();
        self.state = State::Tag;
        Some(rest)
    }

    fn add_tag<'p>(&mut self, piece: &'p [u8], strings: &mut SharedStrings) -> Option<&'p [u8]> {
        let (first, rest) = piece.split_first()?;
        if self.tag.is_empty() && !(first.is_ascii_alphabetic() || b"/!?_:".contains(first)) {
            // Readers of HTML take it for text.
            self.text.add(b"<");
            self.state = State::Text;
            return Some(piece);
        }
        let kind = self.tag.first().or(Some(first));
        let is_instruction = kind == Some(&b'?');
        // The beginning of a section is read byte by byte, so nothing is searched for each of them.
        if kind != Some(&b'!') || self.tag.len() >= SECTION.len() {
            let end = memchr3(b'>', b'"', b'\'', piece).unwrap_or(piece.len());
            if end > 0 {
                let (tag, rest) = piece.split_at(end);
                self.push(tag)?;
                return Some(rest);
            }
        }
        match first {
            b'>' if !is_instruction || self.tag.last() == Some(&b'?') => {
                self.state = State::Text;
                self.end_tag(strings)?;
                return Some(rest);
            }
            b'>' => self.is_ambiguous = true,
            b'"' | b'\'' if !is_instruction => {
                let is_value = kind == Some(&b'!') || self.tag.trim_ascii_end().ends_with(b"=");
                self.state = if is_value { State::Quoted(*first) } else { State::Tag };
            }
            _ => {}
        }
        self.push(&[*first])?;
        let begun = match self.tag.as_slice() {
            COMMENT => Some(State::Plain(b'-', 0)),
            SECTION => Some(State::Plain(b']', 0)),
            _ => None,
        };
        if let Some(state) = begun {
            // Readers differ in what the number of a string is around it.
            if self.number.is_some() {
                return None;
            }
            self.state = state;
        }
        Some(rest)
    }

    fn add_quoted<'p>(&mut self, piece: &'p [u8], mark: u8) -> Option<&'p [u8]> {
        let end = memchr(mark, piece).map_or(piece.len(), |at| at + 1);
        let (quoted, rest) = piece.split_at(end);
        self.push(quoted)?;
        self.is_ambiguous |= memchr(b'>', quoted).is_some();
        if quoted.ends_with(&[mark]) {
            self.state = State::Tag;
        }
        Some(rest)
    }

    fn add_plain<'p>(
        &mut self,
        piece: &'p [u8],
        mark: u8,
        ended: usize,
        strings: &mut SharedStrings,
    ) -> &'p [u8] {
        // All but its end is text, whatever it looks like.
        let end = memchr2(mark, b'>', piece).map_or(piece.len(), |at| at + 1);
        let (text, rest) = piece.split_at(end);
        self.text.add(text);
        self.is_ambiguous |= strings.sees_hidden(text);
        let ended = if text.len() == 1 { ended } else { 0 };
        self.state = match text.last() {
            Some(b'>') if ended == 2 => State::Text,
            Some(last) if *last == mark => State::Plain(mark, (ended + 1).min(2)),
            last => {
                self.is_ambiguous |= last == Some(&b'>');
                State::Plain(mark, 0)
            }
        };
        rest
    }

    fn push(&mut self, bytes: &[u8]) -> Option<()> {
        self.tag.extend_from_slice(bytes);
        (self.tag.len() <= LONGEST_TAG).then_some(())
    }

    fn end_tag(&mut self, strings: &mut SharedStrings) -> Option<()> {
        let tag = std::mem::take(&mut self.tag);
        let result = self.read_tag(&tag, strings);
        self.tag = tag;
        result
    }

    fn read_tag(&mut self, tag: &[u8], strings: &mut SharedStrings) -> Option<()> {
        self.is_ambiguous |= strings.sees_hidden(tag);
        if self.is_ambiguous || self.raw.is_some() || is_instruction(tag) {
            self.text.add(tag);
        }
        let (is_end, inner) = match tag {
            [b'/', inner @ ..] => (true, inner),
            // A type of document may define texts that stand for longer ones.
            [b'!', inner @ ..] => {
                let is_plain = inner.starts_with(b"[") || !inner.contains(&b'[');
                let name = inner.get(..6).unwrap_or_default();
                let is_entity = name.eq_ignore_ascii_case(b"ENTITY");
                return (is_plain && !is_entity && self.number.is_none()).then_some(());
            }
            [b'?', ..] => {
                if !is_instruction(tag) && !has_known_encoding(tag) {
                    self.is_ambiguous = true;
                    strings.note_ambiguity();
                }
                return self.number.is_none().then_some(());
            }
            inner => (false, inner),
        };
        let is_empty = inner.ends_with(b"/");
        let name = local_name(inner);
        // Readers differ in what the number of a string is around an element.
        if self.number.is_some() && !(is_end && name == b"v") {
            return None;
        }
        if inner.starts_with(name) && inner.get(name.len()) != Some(&b':') {
            self.see_html(name, inner, is_end);
        }
        if !is_end {
            self.begin_element(name, inner, is_empty)?;
        }
        if is_end || is_empty {
            self.end_element(name, strings)?;
        }
        Some(())
    }

    /// Notes where tags are text for readers of HTML, by an element without a prefix.
    fn see_html(&mut self, name: &[u8], tag: &[u8], is_end: bool) {
        let of = |names: &[&'static str]| {
            names.iter().copied().find(|raw| name.eq_ignore_ascii_case(raw.as_bytes()))
        };
        self.is_ambiguous |= name.eq_ignore_ascii_case(b"meta") && !has_known_encoding(tag);
        match (of(&RAW), is_end) {
            (Some(raw), true) => self.raw = self.raw.filter(|within| *within != raw),
            (None, true) => {}
            // Readers differ in which of the two ends it.
            (Some(_), false) if self.raw.is_some() => self.is_ambiguous = true,
            (Some(raw), false) => self.raw = Some(raw),
            (None, false) => self.is_ambiguous |= of(&RARELY_RAW).is_some(),
        }
    }
}

/// Whether it is an instruction, which is text for some readers, and not the declaration of XML.
fn is_instruction(tag: &[u8]) -> bool {
    let declared = tag.strip_prefix(b"?xml").and_then(<[u8]>::first);
    tag.starts_with(b"?") && !declared.is_some_and(u8::is_ascii_whitespace)
}

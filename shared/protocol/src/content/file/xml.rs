//! The text of XML, of office documents above all, read as it is unpacked.
//!
//! Everything outside tags is text, and so are attributes that people read. A document may show a
//! text more often than it has it: these repetitions count as often.

mod elements;

use std::collections::HashSet;

use memchr::{memchr, memchr2, memchr3};

use super::attributes::local_name;
use super::strings::SharedStrings;
use crate::tokens::RunningText;

/// The longest tag that is read, in bytes.
const LONGEST_TAG: usize = 256 * 1024;

/// The elements of HTML in which tags are text.
const RAW: [&str; 8] =
    ["title", "textarea", "xmp", "plaintext", "iframe", "noembed", "noframes", "noscript"];

/// How a section of plain characters begins, without its first character.
const SECTION: &[u8] = b"![CDATA[";

/// Where the reader is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Tag,
    /// In an attribute, up to this quotation mark.
    Quoted(u8),
    /// In a section of plain characters, after so many characters of its end.
    Plain(usize),
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
    /// Whether tags are text for readers of HTML.
    is_raw: bool,
    /// Whether what was read may be a comment.
    has_comment: bool,
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
                State::Plain(ended) => self.add_plain(rest, ended),
            };
        }
        Some(())
    }

    /// The tokens of what has come.
    pub(super) fn tokens(&self) -> u64 {
        self.text.tokens().saturating_add(self.repeated)
    }

    fn add_text<'p>(&mut self, piece: &'p [u8]) -> Option<&'p [u8]> {
        let end = memchr(b'<', piece).unwrap_or(piece.len());
        let (text, rest) = piece.split_at(end);
        self.text.add(text);
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
            b'"' | b'\'' if !is_instruction && self.tag.trim_ascii_end().ends_with(b"=") => {
                self.state = State::Quoted(*first);
            }
            _ => {}
        }
        self.push(&[*first])?;
        match self.tag.as_slice() {
            // Readers differ in where a comment ends, so it counts as text.
            b"!--" => {
                self.state = State::Text;
                self.has_comment = true;
            }
            // Readers would see the number of a string in it.
            SECTION if self.number.is_some() => return None,
            SECTION => self.state = State::Plain(0),
            _ => {}
        }
        Some(rest)
    }

    fn add_quoted<'p>(&mut self, piece: &'p [u8], mark: u8) -> Option<&'p [u8]> {
        let end = memchr(mark, piece).map_or(piece.len(), |at| at + 1);
        let (quoted, rest) = piece.split_at(end);
        self.push(quoted)?;
        if quoted.ends_with(&[mark]) {
            self.state = State::Tag;
        }
        Some(rest)
    }

    fn add_plain<'p>(&mut self, piece: &'p [u8], ended: usize) -> &'p [u8] {
        // All but its end is text, whatever it looks like.
        let end = memchr2(b']', b'>', piece).map_or(piece.len(), |at| at + 1);
        let (text, rest) = piece.split_at(end);
        self.text.add(text);
        let is_only = text.len() == 1;
        self.state = match text.last() {
            Some(b']') if is_only => State::Plain((ended + 1).min(2)),
            Some(b']') => State::Plain(1),
            Some(b'>') if is_only && ended == 2 => State::Text,
            Some(_) | None => State::Plain(0),
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
        let (is_end, inner) = match tag {
            [b'/', inner @ ..] => (true, inner),
            // A type of document may define texts that stand for longer ones.
            [b'!', inner @ ..] => {
                let is_plain = !inner.contains(&b'[') || inner.starts_with(b"[");
                return (is_plain && self.number.is_none()).then_some(());
            }
            [b'?', ..] => return Some(()),
            inner => (false, inner),
        };
        let is_empty = inner.ends_with(b"/");
        let name = local_name(inner);
        // Readers differ in what the number of a string is around an element.
        if self.number.is_some() && !(is_end && name == b"v") {
            return None;
        }
        if self.is_raw {
            self.text.add(tag);
        }
        let is_plain = inner.starts_with(name);
        if is_plain && RAW.iter().any(|raw| name.eq_ignore_ascii_case(raw.as_bytes())) {
            self.is_raw = !is_end && !is_empty;
        }
        if !is_end {
            self.begin_element(name, inner, is_empty)?;
        }
        if is_end || is_empty {
            self.end_element(name, strings)?;
        }
        Some(())
    }
}

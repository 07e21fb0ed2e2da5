//! The text of XML, of office documents above all, read as it is unpacked.
//!
//! Everything outside tags is text, and so are attributes that people read. A document may show a
//! text more often than it has it: these repetitions count as often.

use std::collections::HashSet;

use memchr::{memchr, memchr2, memchr3};

use super::attributes::{attribute, attributes, local_name};
use crate::tokens::RunningText;

/// The longest tag that is read, in bytes.
const LONGEST_TAG: usize = 256 * 1024;

/// The most strings that the cells of a workbook share.
const MOST_STRINGS: usize = 1024 * 1024;

/// The elements after which a line ends, in the words of office documents and of HTML.
const BLOCKS: [&[u8]; 24] = [
    b"p",
    b"h",
    b"h1",
    b"h2",
    b"h3",
    b"h4",
    b"h5",
    b"h6",
    b"div",
    b"li",
    b"br",
    b"tab",
    b"title",
    b"td",
    b"th",
    b"dt",
    b"dd",
    b"tc",
    b"tr",
    b"c",
    b"si",
    b"table-cell",
    b"line-break",
    b"text",
];

/// The attributes whose text a reader may see.
const READABLE: [&[u8]; 6] = [b"descr", b"title", b"alt", b"href", b"tooltip", b"label"];

/// Spaces that are one token.
const SPACES_OF_A_TOKEN: u64 = 8;

/// The strings that the cells of a workbook name by their number, and how often they do.
#[derive(Debug, Default)]
pub(super) struct SharedStrings {
    tokens: Vec<u64>,
    uses: Vec<u64>,
}

impl SharedStrings {
    /// Notes that a cell names a string. `None` if nothing has so many.
    fn name(&mut self, number: usize) -> Option<()> {
        if number >= MOST_STRINGS {
            return None;
        }
        if self.uses.len() <= number {
            self.uses.resize(number + 1, 0);
        }
        *self.uses.get_mut(number)? += 1;
        Some(())
    }

    /// The tokens that the cells add to the strings themselves.
    pub(super) fn repeated_tokens(&self) -> u64 {
        let pairs = self.tokens.iter().zip(&self.uses);
        pairs.fold(0, |sum, (tokens, uses)| {
            sum.saturating_add(tokens.saturating_mul(uses.saturating_sub(1)))
        })
    }
}

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
    /// Whether the latest cell of a workbook names a shared string, and by which number.
    is_shared: bool,
    number: Option<usize>,
    /// How often the latest row and cell are repeated.
    rows: u64,
    columns: u64,
    /// Where that cell begins, in tokens, until it ends.
    cell: Option<u64>,
    /// What is named once in an honest document, such as the chapters of a book.
    named: HashSet<Vec<u8>>,
}

impl XmlText {
    /// Adds a piece. `None` if it cannot be read safely.
    pub(super) fn add(&mut self, piece: &[u8], strings: &mut SharedStrings) -> Option<()> {
        let mut rest = piece;
        while !rest.is_empty() {
            rest = match self.state {
                State::Text => self.add_text(rest),
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

    fn add_text<'p>(&mut self, piece: &'p [u8]) -> &'p [u8] {
        let end = memchr(b'<', piece).unwrap_or(piece.len());
        let (text, rest) = piece.split_at(end);
        self.text.add(text);
        if let Some(number) = &mut self.number {
            for digit in text.iter().filter(|byte| byte.is_ascii_digit()) {
                *number = number.saturating_mul(10).saturating_add(usize::from(digit - b'0'));
            }
        }
        match rest.split_first() {
            Some((_, rest)) => {
                self.tag.clear();
                self.state = State::Tag;
                rest
            }
            None => rest,
        }
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
        let end = memchr3(b'>', b'"', b'\'', piece).unwrap_or(piece.len());
        if end > 0 && kind != Some(&b'!') {
            let (tag, rest) = piece.split_at(end);
            self.push(tag)?;
            return Some(rest);
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
            b"!--" => self.state = State::Text,
            b"![CDATA[" => self.state = State::Plain(0),
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
                return is_plain.then_some(());
            }
            [b'?', ..] => return Some(()),
            inner => (false, inner),
        };
        let is_empty = inner.ends_with(b"/");
        let name = local_name(inner);
        if !is_end {
            self.begin_element(name, inner, is_empty)?;
        }
        if is_end || is_empty {
            self.end_element(name, strings)?;
        }
        Some(())
    }

    fn begin_element(&mut self, name: &[u8], tag: &[u8], is_empty: bool) -> Option<()> {
        for (_, value) in attributes(tag).filter(|(name, _)| READABLE.contains(&local_name(name))) {
            self.text.add(value);
            self.text.add(b"\n");
        }
        let times = |wanted: &[u8]| match attribute(tag, wanted) {
            Some(value) => std::str::from_utf8(value).ok()?.trim().parse::<u64>().ok(),
            None => Some(1),
        };
        match name {
            b"c" => self.is_shared = attribute(tag, b"t") == Some(b"s"),
            b"v" => self.number = self.is_shared.then_some(0),
            b"si" => self.string = self.text.tokens(),
            b"s" => self.repeated += times(b"c")?.div_ceil(SPACES_OF_A_TOKEN),
            b"table-row" => self.rows = times(b"number-rows-repeated")?,
            b"table-cell" if !is_empty => {
                self.columns = times(b"number-columns-repeated")?;
                let is_within = self.cell.replace(self.text.tokens()).is_some();
                let is_repeated = self.rows > 1 || self.columns > 1;
                return (!is_within || !is_repeated).then_some(());
            }
            b"itemref" => return self.name_once(name, attribute(tag, b"idref")),
            b"item" => return self.name_once(name, attribute(tag, b"href")),
            b"sldId" | b"sheet" => {
                let ids = attributes(tag).filter(|(name, _)| name.ends_with(b":id"));
                return ids.map(|(_, id)| self.name_once(b"id", Some(id))).collect();
            }
            b"Relationship" => {
                let kind = attribute(tag, b"Type").unwrap_or_default();
                if kind.ends_with(b"/slide") || kind.ends_with(b"/worksheet") {
                    return self.name_once(name, attribute(tag, b"Target"));
                }
            }
            _ => {}
        }
        Some(())
    }

    fn end_element(&mut self, name: &[u8], strings: &mut SharedStrings) -> Option<()> {
        match name {
            b"v" => {
                if let Some(number) = self.number.take() {
                    strings.name(number)?;
                }
            }
            b"si" => {
                strings.tokens.push(self.text.tokens().saturating_sub(self.string));
            }
            b"table-cell" => {
                if let Some(begin) = self.cell.take() {
                    let tokens = self.text.tokens().saturating_sub(begin);
                    let times = self.rows.max(1).saturating_mul(self.columns).saturating_sub(1);
                    self.repeated = self.repeated.saturating_add(tokens.saturating_mul(times));
                }
            }
            _ => {}
        }
        if BLOCKS.contains(&name) {
            self.text.add(b"\n");
        }
        Some(())
    }

    /// Notes a name of a part; `None` if it is there twice, or could be written in several ways.
    fn name_once(&mut self, of: &[u8], name: Option<&[u8]>) -> Option<()> {
        let Some(name) = name else { return Some(()) };
        if name.contains(&b'&') || name.contains(&b'%') {
            return None;
        }
        let file = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let file = file.split(|byte| b"#?".contains(byte)).next().unwrap_or_default();
        let named = [of, b" ", file.to_ascii_lowercase().as_slice()].concat();
        self.named.insert(named).then_some(())
    }
}

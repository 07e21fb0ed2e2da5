//! The content of a PDF in a prompt: its pages and its text.
//!
//! Models read both the text of a page and an image of it,
//! <https://platform.openai.com/docs/guides/pdf-files>. The file is scanned, not parsed: objects are
//! found by their keywords, so that a damaged or forged table of contents hides nothing.

mod filters;
mod pages;
#[cfg(test)]
mod tests;
mod value;

use std::borrow::Cow;

use memchr::memmem;

use crate::budget::Budget;
use crate::tokens::tokens_of_plain_text;
use filters::Encoding;
use pages::Tree;
use value::{Dictionary, Reader, Value, is_line_end, is_regular, is_space};

/// Where a file may begin: readers look for its mark this far.
const LATEST_BEGIN: usize = 1_024;

/// What an object counts beside its length: it takes memory.
const OBJECT: usize = 256;

/// The content that was found in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pdf {
    /// Pages; at least one.
    pub(crate) pages: u64,
    /// Tokens of the text on them.
    pub(crate) text_tokens: u64,
}

/// Whether a file is a PDF for some reader, also with a line or a mark of its encoding before it.
pub(crate) fn is_one(file: &[u8]) -> bool {
    let head = file.get(..LATEST_BEGIN).unwrap_or(file);
    file.starts_with(b"%PDF") || has(head, b"%PDF-") && has(file, b"obj")
}

/// Reads a PDF; `None` if its content is unknown, because it is encrypted, has an unsupported
/// encoding, is damaged, or is too large when inflated.
pub(crate) fn read(file: &[u8], budget: &mut Budget) -> Option<Pdf> {
    if has(file, b"/Encrypt") {
        return None;
    }
    let mut scan = Scan { budget, pages: 0, tree: Tree::default() };
    scan.budget.read(file.len())?;
    for at in memmem::find_iter(file, b"trailer") {
        let mut reader = Reader::new(file.get(at + 7..)?);
        let is_dictionary = reader.rest().starts_with(b"<<");
        let trailer = if is_dictionary { reader.value().ok()? } else { Value::Other };
        scan.budget.read(reader.at)?;
        if matches!(trailer, Value::Dictionary(trailer) if trailer.has(b"Encrypt")) {
            return None;
        }
    }
    let begins = begins(file);
    let mut streams = Vec::new();
    for (place, Begin { at: begin, number }) in begins.iter().copied().enumerate() {
        let end = begins.get(place + 1).map_or(file.len(), |next| next.at);
        let mut reader = Reader::new(file.get(begin..end)?);
        let value = reader.value().ok()?;
        let content = reader.rest().strip_prefix(b"stream").map(|_| begin + reader.at + 6);
        scan.budget.read(reader.at)?;
        scan.pages += reader.pages;
        scan.see(number, &value)?;
        if let (Value::Dictionary(dictionary), Some(content)) = (value, content) {
            streams.push(Stream { number, dictionary, content: file.get(content..)? });
        }
    }
    let mut pages = pages_in(file);
    for stream in streams.iter().filter(|stream| stream.holds_objects()) {
        let content = scan.decoded(stream)?;
        pages += pages_in(&content);
        scan.see_objects(&content, stream.dictionary.most(b"First"))?;
    }
    let named = scan.tree.streams();
    let shown = scan.tree.shown()?;
    let mut text_tokens = 0_u64;
    for stream in &streams {
        let times = stream.number.and_then(|number| named.get(&number)).copied();
        // Any page may name one whose number is not clear.
        let is_unnamed = stream.number.is_some() && times.is_none();
        if is_unnamed && (stream.is_no_text() || stream.holds_objects()) {
            continue;
        }
        let tokens = text_in(&scan.decoded(stream)?).saturating_mul(times.unwrap_or(1));
        text_tokens = text_tokens.saturating_add(tokens);
    }
    let pages = pages.max(scan.pages).max(shown.pages).max(1);
    // The text of a page that is shown more than once may be all the text that there is.
    let times = if shown.is_repeated { pages } else { 1 };
    Some(Pdf { pages, text_tokens: text_tokens.saturating_mul(times) })
}

/// What was found so far.
#[derive(Debug)]
struct Scan<'b> {
    budget: &'b mut Budget,
    pages: u64,
    tree: Tree,
}

impl Scan<'_> {
    /// Adds an object; `None` if it cannot be read safely.
    fn see(&mut self, number: Option<u64>, value: &Value<'_>) -> Option<()> {
        match value {
            Value::Dictionary(dictionary) => {
                let leads_on = dictionary.has(b"Kids") || dictionary.has(b"Contents");
                if dictionary.has(b"Encrypt") || number.is_none() && leads_on {
                    return None;
                }
            }
            // Readers differ in whether they follow it.
            Value::Reference(_) => return None,
            Value::Name(_) | Value::Whole(_) | Value::List(_) | Value::Other => {}
        }
        self.budget.read(OBJECT)?;
        if let Some(number) = number {
            self.tree.add(number, value, self.budget)?;
        }
        Some(())
    }

    /// Adds the objects of a stream: pairs of their numbers and places come before them.
    fn see_objects(&mut self, content: &[u8], first: Option<u64>) -> Option<()> {
        let mut reader = Reader::new(content);
        let first = first.and_then(|first| usize::try_from(first).ok());
        let mut places = Vec::new();
        while first.is_none_or(|first| reader.at < first)
            && let (Some(number), Some(place)) = (reader.whole(), reader.whole())
        {
            self.budget.read(OBJECT)?;
            places.push((number, usize::try_from(place).ok()?));
        }
        reader.rest();
        let first = first.unwrap_or(reader.at);
        for (number, place) in places {
            let Some(object) = content.get(first.saturating_add(place)..) else { continue };
            let mut reader = Reader::new(object);
            let value = reader.value().ok()?;
            self.budget.read(reader.at)?;
            self.pages += reader.pages;
            self.see(Some(number), &value)?;
        }
        Some(())
    }

    /// The content of a stream; `None` if its encoding is unknown, or it is damaged or too large.
    fn decoded<'c>(&mut self, stream: &Stream<'c>) -> Option<Cow<'c, [u8]>> {
        let content = stream.content();
        self.budget.read(content.len())?;
        let (encodings, is_deflated) = stream.filters()?;
        let mut content = Cow::Borrowed(content);
        for encoding in encodings {
            content = Cow::Owned(encoding.decoded(&content)?);
            self.budget.unpack(content.len())?;
        }
        if !is_deflated || content.trim_ascii().is_empty() {
            return Some(content);
        }
        let most = self.budget.unpacked_left();
        let inflated = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(&content, most);
        let (inflated, is_complete) = match inflated {
            Ok(inflated) => (inflated, true),
            Err(broken) => (broken.output, false),
        };
        self.budget.unpack(inflated.len())?;
        is_complete.then_some(Cow::Owned(inflated))
    }
}

/// An object with content.
#[derive(Debug)]
struct Stream<'f> {
    number: Option<u64>,
    dictionary: Dictionary<'f>,
    /// The file from its content on.
    content: &'f [u8],
}

impl<'f> Stream<'f> {
    /// The content up to its end: as long as it says, and at least up to the end of the object.
    fn content(&self) -> &'f [u8] {
        let content = self.content;
        let content = content
            .strip_prefix(b"\r\n")
            .or(content.strip_prefix(b"\n"))
            .or(content.strip_prefix(b"\r"))
            .unwrap_or(content);
        let is_end = |at: &usize| {
            let rest = content.get(at + 9..).unwrap_or_default();
            let spaces = rest.iter().take_while(|byte| is_space(**byte)).count();
            rest.get(spaces..).unwrap_or_default().starts_with(b"endobj")
        };
        let end = memmem::find_iter(content, b"endstream").find(is_end).unwrap_or(content.len());
        let said = self.dictionary.most(b"Length").and_then(|most| usize::try_from(most).ok());
        content.get(..end.max(said.unwrap_or_default())).unwrap_or(content)
    }

    /// How it is written as ASCII, and whether what is so written is deflated; `None` if it is encoded
    /// in another way, or readers may see different filters.
    fn filters(&self) -> Option<(Vec<Encoding>, bool)> {
        let is_set = |value: &Value<'_>| !matches!(value, Value::Other);
        let keys: [&[u8]; 2] = [b"DecodeParms", b"DP"];
        // A predictor writes text as the differences of its lines.
        if keys.iter().any(|key| self.dictionary.all(key).any(is_set)) {
            return None;
        }
        let mut filters = self.dictionary.all(b"Filter");
        let names = match filters.next() {
            None => return Some((Vec::new(), false)),
            Some(Value::Name(name)) => std::slice::from_ref(name),
            Some(Value::List(list)) if list.names.len() == list.length => list.names.as_slice(),
            Some(
                Value::Whole(_)
                | Value::Reference(_)
                | Value::List(_)
                | Value::Dictionary(_)
                | Value::Other,
            ) => return None,
        };
        let is_flate = |name: &Cow<'_, [u8]>| matches!(name.as_ref(), b"FlateDecode" | b"Fl");
        let (encodings, is_deflated) = match names.split_last() {
            Some((last, before)) if is_flate(last) => (before, true),
            Some(_) | None => (names, false),
        };
        let encodings: Option<Vec<_>> =
            encodings.iter().map(|name| Encoding::named(name.as_ref())).collect();
        Some((encodings.filter(|_| filters.next().is_none())?, is_deflated))
    }

    /// Whether other objects are in it. Some readers look for them in any stream that names a first.
    fn holds_objects(&self) -> bool {
        self.dictionary.may_be(b"ObjStm")
            || self.dictionary.has(b"First") && self.dictionary.has(b"N")
    }

    /// Images, fonts, colour profiles and tables of contents.
    fn is_no_text(&self) -> bool {
        let subtypes: [&[u8]; 4] = [b"Image", b"Type1C", b"CIDFontType0C", b"OpenType"];
        let types: [&[u8]; 2] = [b"XRef", b"Metadata"];
        let keys: [&[u8]; 2] = [b"Length1", b"Alternate"];
        subtypes.iter().any(|name| self.dictionary.is(b"Subtype", name))
            || types.iter().any(|name| self.dictionary.is(b"Type", name))
            || keys.iter().any(|key| self.dictionary.has(key))
    }
}

fn has(text: &[u8], word: &[u8]) -> bool {
    memmem::find(text, word).is_some()
}

/// Where the value of an object begins, after `1 0 obj`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Begin {
    at: usize,
    /// The number of the object; `None` if readers may see another one.
    number: Option<u64>,
}

/// Where the values of objects begin. What is before one is looked at up to the `obj` before it, so
/// that all of the file is looked at once.
fn begins(file: &[u8]) -> Vec<Begin> {
    let mut found = Vec::new();
    let mut from = 0;
    // Whether a comment has begun in the latest line before.
    let mut is_comment = false;
    for at in memmem::find_iter(file, b"obj") {
        let before = file.get(from..at).unwrap_or_default();
        let text = trimmed(before, is_space);
        let line = memchr::memrchr2(b'\r', b'\n', text);
        is_comment &= line.is_none();
        is_comment |= text.get(line.unwrap_or_default()..).unwrap_or_default().contains(&b'%');
        let spaces = before.get(text.len()..).unwrap_or_default();
        let ends_line = spaces.iter().any(|byte| is_line_end(*byte));
        let is_word = file.get(at + 3).is_none_or(|byte| !is_regular(*byte));
        let is_after_number = text.last().is_some_and(u8::is_ascii_digit);
        if is_word && (is_after_number || is_comment && !spaces.is_empty()) {
            // The line before may end in a comment with other numbers.
            let number = if is_comment && ends_line { None } else { number_in(text) };
            found.push(Begin { at: at + 3, number });
        }
        is_comment &= !ends_line;
        from = at;
    }
    found
}

/// The number of an object, from what is before `obj` in `1 0 obj`.
fn number_in(text: &[u8]) -> Option<u64> {
    let is_digit = |byte: u8| byte.is_ascii_digit();
    let before = trimmed(text, is_digit);
    let numbers = trimmed(before, |byte| is_space(byte) && !is_line_end(byte));
    let rest = trimmed(numbers, is_digit);
    if numbers.len() == before.len() || rest.last().is_some_and(|byte| b".+-".contains(byte)) {
        return None;
    }
    std::str::from_utf8(numbers.get(rest.len()..)?).ok()?.parse().ok()
}

/// A text without such bytes at its end.
fn trimmed(text: &[u8], is_trimmed: impl Fn(u8) -> bool) -> &[u8] {
    let end = text.iter().rposition(|byte| !is_trimmed(*byte)).map_or(0, |last| last + 1);
    text.get(..end).unwrap_or_default()
}

/// `/Type /Page` objects, which are not `/Pages`.
fn pages_in(text: &[u8]) -> u64 {
    let pages = memmem::find_iter(text, b"/Type").filter(|at| {
        let value = text.get(at + 5..).unwrap_or_default().trim_ascii_start();
        match value.strip_prefix(b"/Page") {
            Some(rest) => !rest.first().is_some_and(u8::is_ascii_alphanumeric),
            None => false,
        }
    });
    pages.count() as u64
}

/// The tokens of the strings in a page's content: literals by their text, two bytes of a
/// hexadecimal string for one character.
fn text_in(content: &[u8]) -> u64 {
    let mut literals = Vec::new();
    let mut hex_digits = 0_u64;
    let mut at = 0;
    while let Some(offset) = memchr::memchr2(b'(', b'<', content.get(at..).unwrap_or_default()) {
        at += offset + 1;
        if content.get(at - 1) == Some(&b'<') {
            if content.get(at) == Some(&b'<') {
                at += 1;
                continue;
            }
            let rest = content.get(at..).unwrap_or_default();
            let length = rest.iter().position(|byte| *byte == b'>').unwrap_or(rest.len());
            hex_digits += length as u64;
            at += length;
            continue;
        }
        let mut depth = 1;
        while let Some(byte) = content.get(at) {
            at += 1;
            match byte {
                b'\\' => {
                    // An escape that means nothing is the letter after it.
                    let letter = content.get(at).filter(|byte| byte.is_ascii_alphabetic());
                    literals.extend(letter.filter(|byte| !b"nrtbf".contains(byte)));
                    at += 1;
                }
                b'(' => depth += 1,
                b')' => depth -= 1,
                byte => literals.push(*byte),
            }
            if depth == 0 {
                break;
            }
        }
    }
    tokens_of_plain_text(&literals) + hex_digits.div_ceil(4)
}

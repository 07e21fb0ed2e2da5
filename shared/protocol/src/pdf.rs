//! The content of a PDF in a prompt: its pages and its text.
//!
//! Models read both the text of a page and an image of it,
//! <https://platform.openai.com/docs/guides/pdf-files>. The file is scanned, not parsed: objects are
//! found by their keywords, so that a damaged or forged table of contents hides nothing.

use std::borrow::Cow;

use memchr::memmem;

use crate::tokens::tokens_of_text;

/// The most that compressed streams may grow to, all together, in bytes.
const MOST_INFLATED: usize = 32 * 1024 * 1024;

/// How far before `stream` its dictionary is searched.
const LONGEST_DICTIONARY: usize = 4 * 1024;

/// The content that was found in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pdf {
    /// Pages; at least one.
    pub(crate) pages: u64,
    /// Tokens of the text on them.
    pub(crate) text_tokens: u64,
}

/// Reads a PDF; `None` if its content is unknown, because it is encrypted, has an unsupported
/// encoding, or is too large when inflated.
pub(crate) fn read(file: &[u8]) -> Option<Pdf> {
    if memmem::find(file, b"/Encrypt").is_some() {
        return None;
    }
    let mut found = Pdf { pages: pages_in(file), text_tokens: 0 };
    let mut left = MOST_INFLATED;
    let mut at = 0;
    while let Some(offset) = memmem::find(file.get(at..)?, b"stream") {
        let keyword = at + offset;
        at = keyword + 6;
        if file.get(..keyword)?.ends_with(b"end") {
            continue;
        }
        let from = keyword.saturating_sub(LONGEST_DICTIONARY);
        let dictionary = dictionary(file.get(from..keyword)?);
        let content = file.get(at..)?;
        let content =
            content.strip_prefix(b"\r\n").or(content.strip_prefix(b"\n")).unwrap_or(content);
        let end = memmem::find(content, b"endstream").unwrap_or(content.len());
        at += end;
        if is_no_text(dictionary) {
            continue;
        }
        let content = decoded(dictionary, content.get(..end)?, &mut left)?;
        match has(dictionary, b"/ObjStm") {
            true => found.pages += pages_in(&content),
            false => found.text_tokens += text_in(&content),
        }
    }
    found.pages = found.pages.max(1);
    Some(found)
}

fn has(text: &[u8], word: &[u8]) -> bool {
    memmem::find(text, word).is_some()
}

/// The dictionary that ends here, nested ones included.
fn dictionary(text: &[u8]) -> &[u8] {
    let begin = memmem::rfind(text, b" obj").or_else(|| memmem::rfind(text, b"\nobj"));
    text.get(begin.unwrap_or_default()..).unwrap_or_default()
}

/// Images, fonts, colour profiles and tables of contents.
fn is_no_text(dictionary: &[u8]) -> bool {
    let words: [&[u8]; 8] = [
        b"/Image",
        b"/Length1",
        b"/Type1C",
        b"/CIDFontType0C",
        b"/OpenType",
        b"/XRef",
        b"/Metadata",
        b"/Alternate",
    ];
    words.iter().any(|word| has(dictionary, word))
}

fn decoded<'c>(dictionary: &[u8], content: &'c [u8], left: &mut usize) -> Option<Cow<'c, [u8]>> {
    if !has(dictionary, b"/Filter") {
        return Some(Cow::Borrowed(content));
    }
    let others: [&[u8]; 6] = [
        b"/LZWDecode",
        b"/LZW",
        b"/ASCII85Decode",
        b"/A85",
        b"/ASCIIHexDecode",
        b"/RunLengthDecode",
    ];
    if others.iter().any(|filter| has(dictionary, filter)) || !has(dictionary, b"/Fl") {
        return None;
    }
    let inflated = match miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(content, *left) {
        Ok(inflated) => inflated,
        // A truncated stream still has its content before the cut.
        Err(fault) if fault.output.len() < *left => fault.output,
        Err(_) => return None,
    };
    *left -= inflated.len();
    Some(Cow::Owned(inflated))
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
                b'\\' => at += 1,
                b'(' => depth += 1,
                b')' => depth -= 1,
                byte => literals.push(*byte),
            }
            if depth == 0 {
                break;
            }
        }
    }
    tokens_of_text(&literals) + hex_digits.div_ceil(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pdf(compressed: bool, page: &str) -> Vec<u8> {
        let content = match compressed {
            true => miniz_oxide::deflate::compress_to_vec_zlib(page.as_bytes(), 6),
            false => page.as_bytes().to_vec(),
        };
        let filter = if compressed { "/Filter /FlateDecode " } else { "" };
        let mut file = b"%PDF-1.7\n1 0 obj <</Type /Pages /Count 1>> endobj\n".to_vec();
        file.extend(b"2 0 obj <</Type/Page /Contents 3 0 R>> endobj\n");
        file.extend(format!("3 0 obj <<{filter}/Length {}>> stream\n", content.len()).bytes());
        file.extend(content);
        file.extend(b"\nendstream endobj\n%%EOF");
        file
    }

    #[test]
    fn pages_and_their_text_are_found_compressed_or_not() {
        let page =
            format!("BT /F1 12 Tf [({})] TJ <00410042> Tj ET", "Hello out there. ".repeat(50));
        for compressed in [false, true] {
            let read = read(&pdf(compressed, &page)).unwrap();
            assert_eq!(read.pages, 1);
            assert!((200..400).contains(&read.text_tokens), "{read:?}");
        }
    }

    #[test]
    fn pages_in_object_streams_count() {
        let objects = "1 0 2 40 <</Type /Page>> <</Type /Page /X 1>>";
        let compressed = miniz_oxide::deflate::compress_to_vec_zlib(objects.as_bytes(), 6);
        let mut file =
            b"%PDF-1.7\n5 0 obj <</Type /ObjStm /Filter /FlateDecode>> stream\r\n".to_vec();
        file.extend(compressed);
        file.extend(b"\nendstream endobj");
        assert_eq!(read(&file), Some(Pdf { pages: 2, text_tokens: 0 }));
    }

    #[test]
    fn what_cannot_be_read_is_said_to_be_unknown() {
        let file = pdf(true, "BT (x) Tj ET");
        assert!(read(&[file.as_slice(), b"<</Encrypt 9 0 R>>"].concat()).is_none());
        let bomb = pdf(true, &" ".repeat(MOST_INFLATED + 1));
        assert!(read(&bomb).is_none());
        let mut other = file;
        let at = memmem::find(&other, b"FlateDecode").unwrap();
        other.splice(at..at + 11, *b"LZWDecode  ");
        assert!(read(&other).is_none());
    }
}

//! The attributes of a tag of XML.

use memchr::memmem;

/// How the names of the encodings begin that write `<`, `>` and quotation marks as ASCII does.
const KNOWN_ENCODINGS: [&[u8]; 17] = [
    b"utf-8",
    b"utf8",
    b"us-ascii",
    b"ascii",
    b"iso-8859",
    b"iso8859",
    b"latin",
    b"windows-",
    b"cp125",
    b"cp9",
    b"gb",
    b"big5",
    b"shift",
    b"sjis",
    b"euc",
    b"koi8",
    b"mac",
];

/// Whether a tag declares no encoding, or one in which tags are where they seem to be. UTF-7 has
/// others.
pub(super) fn has_known_encoding(tag: &[u8]) -> bool {
    let tag = tag.to_ascii_lowercase();
    let is_known = |after: usize| {
        let rest = tag.get(after..).unwrap_or_default().trim_ascii_start();
        let Some(value) = rest.strip_prefix(b"=") else { return true };
        let is_mark = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'');
        let begin = value.iter().position(|byte| !is_mark(byte)).unwrap_or(value.len());
        let value = value.get(begin..).unwrap_or_default();
        value.is_empty() || KNOWN_ENCODINGS.iter().any(|known| value.starts_with(known))
    };
    let names: [&[u8]; 2] = [b"encoding", b"charset"];
    names.iter().all(|name| memmem::find_iter(&tag, name).all(|at| is_known(at + name.len())))
}

/// The name of an element or an attribute without its prefix.
pub(super) fn local_name(tag: &[u8]) -> &[u8] {
    let end = tag.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'/');
    let name = tag.get(..end.unwrap_or(tag.len())).unwrap_or_default();
    name.rsplit(|byte| *byte == b':').next().unwrap_or_default()
}

/// The value of an attribute of this name, with a prefix or without. `None` if there are two: which of
/// them counts depends on what their prefixes stand for.
pub(super) fn attribute<'t>(tag: &'t [u8], wanted: &[u8]) -> Option<Option<&'t [u8]>> {
    let mut all = attributes(tag).filter(|(name, _)| local_name(name) == wanted);
    let found = all.next().map(|(_, value)| value);
    all.next().is_none().then_some(found)
}

/// The names of attributes, and their values without quotation marks.
pub(super) fn attributes(tag: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = tag;
    std::iter::from_fn(move || {
        let equals = memchr::memchr(b'=', rest)?;
        let before = rest.get(..equals)?.trim_ascii_end();
        let begin = before.iter().rposition(u8::is_ascii_whitespace).map_or(0, |at| at + 1);
        let name = before.get(begin..)?;
        let after = rest.get(equals + 1..)?.trim_ascii_start();
        let (value, next) = match after.split_first() {
            Some((mark @ (b'"' | b'\''), value)) => {
                let end = memchr::memchr(*mark, value).unwrap_or(value.len());
                (value.get(..end)?, value.get(end + 1..).unwrap_or_default())
            }
            Some(_) | None => {
                let end = after.iter().position(u8::is_ascii_whitespace).unwrap_or(after.len());
                after.split_at(end)
            }
        };
        rest = next;
        Some((name, value))
    })
}

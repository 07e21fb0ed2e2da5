//! The attributes of a tag of XML.

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

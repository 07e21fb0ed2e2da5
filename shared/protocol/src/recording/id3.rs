//! Tags around the frames of a recording: titles and pictures, no sound.

use super::bytes;

/// What comes behind the ID3v2 tags at the beginning, as decoders read them. A tag that reaches past
/// the file hides nothing.
pub(super) fn after(file: &[u8]) -> &[u8] {
    let mut rest = file;
    while let Some(size) = size(rest) {
        match rest.get(size..) {
            Some(after) if !after.is_empty() => rest = after,
            Some(_) | None => return file,
        }
    }
    rest
}

/// The size of the tag that begins here. Four bytes of seven bits each, without the head of ten bytes
/// and the foot, if there is one.
fn size(rest: &[u8]) -> Option<usize> {
    let [b'I', b'D', b'3', major, minor, flags] = bytes(rest, 0)? else { return None };
    let digits: [u8; 4] = bytes(rest, 6)?;
    if major == 0xFF || minor == 0xFF || digits.iter().any(|digit| digit & 0x80 != 0) {
        return None;
    }
    let size = digits.iter().fold(0, |sum, digit| (sum << 7) | usize::from(*digit));
    Some(size + if flags & 0x10 == 0 { 10 } else { 20 })
}

/// The size of the APE tag at the end of a file, before an ID3v1 tag if there is one. The size that it
/// names is without its head.
pub(super) fn ape_at_end(file: &[u8]) -> usize {
    const FOOT: usize = 32;
    let older = file.len().checked_sub(128).filter(|at| bytes(file, *at) == Some(*b"TAG"));
    let end = older.unwrap_or(file.len());
    let tag = || {
        let foot = end.checked_sub(FOOT)?;
        let size = u32::from_le_bytes(bytes(file, foot + 12)?) as usize;
        let head = end.checked_sub(size)?.checked_sub(FOOT)?;
        let is_tag = |at| bytes(file, at) == Some(*b"APETAGEX");
        (is_tag(foot) && is_tag(head)).then_some(size + FOOT)
    };
    tag().unwrap_or_default()
}

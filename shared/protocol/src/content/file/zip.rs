//! The entries of a ZIP archive, <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>.
//!
//! Readers differ in what they believe of an archive: some take its directory at the end, some the
//! header of each entry. So both must say the same, and the entries must fill the file from its
//! first byte to the directory. An archive that is odd in any way is not read at all.

use memchr::memmem;

use super::super::size::Bytes;

const ENTRY: &[u8] = b"PK\x03\x04";
const IN_DIRECTORY: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const ZIP64_END: &[u8] = b"PK\x06\x07";

/// The length of the record at the end, without a comment.
const END_LENGTH: usize = 22;

/// How far before the end of a file readers look for that record.
const LONGEST_END: usize = END_LENGTH + 0xffff;

/// The most entries that are read.
const MOST_ENTRIES: usize = 4_096;

/// The longest description of the data behind it, as some writers add it.
const LONGEST_DESCRIPTOR: usize = 24;

/// The flags of encrypted entries.
const ENCRYPTED: usize = 1 | 1 << 6 | 1 << 13;

/// The flag of an entry whose sizes follow its data.
const SIZES_FOLLOW: usize = 1 << 3;

/// Packed data and how it is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'f> {
    /// Where the packed data begin in the file.
    pub(super) begin: usize,
    pub(super) packed: &'f [u8],
    pub(super) is_deflated: bool,
    /// The size that its headers claim.
    pub(super) unpacked: usize,
}

/// Whether a file is an archive for some reader, also with something before it.
pub(super) fn is_one(file: &[u8]) -> bool {
    let tail = file.get(file.len().saturating_sub(LONGEST_END)..).unwrap_or_default();
    file.starts_with(ENTRY) || memmem::find(tail, END).is_some()
}

/// The entries of an archive; `None` if readers might see other entries.
pub(super) fn entries(file: &[u8]) -> Option<Vec<Entry<'_>>> {
    let bytes = Bytes(file);
    let end = file.len().checked_sub(END_LENGTH)?;
    let is_zip64 = || {
        let before = end.checked_sub(20).and_then(|at| file.get(at..));
        before.is_some_and(|before| before.starts_with(ZIP64_END))
    };
    if memmem::rfind(file, END) != Some(end) || is_zip64() {
        return None;
    }
    let number = |at: usize, length: usize| usize::try_from(bytes.little(at, length)?).ok();
    let (here, all) = (number(end + 8, 2)?, number(end + 10, 2)?);
    let (length, begin) = (number(end + 12, 4)?, number(end + 16, 4)?);
    let is_plain = here == all && all <= MOST_ENTRIES && begin.checked_add(length)? == end;
    if !is_plain || number(end + 4, 4)? != 0 {
        return None;
    }
    let mut at = begin;
    let mut found = Vec::with_capacity(all);
    for _ in 0..all {
        let (header, next) = InDirectory::read(bytes, at)?;
        found.push(header);
        at = next;
    }
    found.sort_by_key(|header| header.offset);
    let ends = found.iter().skip(1).map(|header| header.offset).chain([begin]);
    let ends: Vec<_> = ends.collect();
    let first = found.first().map_or(begin, |header| header.offset);
    if at != end || first != 0 {
        return None;
    }
    found.iter().zip(ends).map(|(header, next)| header.entry(bytes, next)).collect()
}

/// An entry as the directory describes it.
struct InDirectory<'f> {
    name: &'f [u8],
    flags: usize,
    method: usize,
    packed: usize,
    unpacked: usize,
    offset: usize,
}

impl<'f> InDirectory<'f> {
    /// Reads one, and says where the next one begins.
    fn read(bytes: Bytes<'f>, at: usize) -> Option<(Self, usize)> {
        let number =
            |from: usize, length: usize| usize::try_from(bytes.little(at + from, length)?).ok();
        if bytes.at(at, 4)? != IN_DIRECTORY {
            return None;
        }
        let name = number(28, 2)?;
        let next = at + 46 + name + number(30, 2)? + number(32, 2)?;
        let header = Self {
            name: bytes.at(at + 46, name)?,
            flags: number(8, 2)?,
            method: number(10, 2)?,
            packed: number(20, 4)?,
            unpacked: number(24, 4)?,
            offset: number(42, 4)?,
        };
        Some((header, next))
    }

    /// The entry, which ends where the next one begins; `None` if its own header says something else,
    /// or it is encrypted or packed in an unknown way.
    fn entry(&self, bytes: Bytes<'f>, next: usize) -> Option<Entry<'f>> {
        let at = self.offset;
        let number =
            |from: usize, length: usize| usize::try_from(bytes.little(at + from, length)?).ok();
        let (flags, name) = (number(6, 2)?, number(26, 2)?);
        let sizes = (number(18, 4)?, number(22, 4)?);
        let sizes_follow = flags & SIZES_FOLLOW != 0;
        let is_same = bytes.at(at, 4)? == ENTRY
            && bytes.at(at + 30, name)? == self.name
            && number(8, 2)? == self.method
            && (sizes == (self.packed, self.unpacked) || sizes_follow && sizes == (0, 0));
        let is_deflated = match self.method {
            0 if self.packed == self.unpacked => false,
            8 => true,
            _ => return None,
        };
        let begin = at + 30 + name + number(28, 2)?;
        let packed = bytes.at(begin, self.packed)?;
        let rest = next.checked_sub(begin + self.packed)?;
        let most = if sizes_follow { LONGEST_DESCRIPTOR } else { 0 };
        let is_readable = (flags | self.flags) & ENCRYPTED == 0 && rest <= most;
        let unpacked = self.unpacked;
        (is_same && is_readable).then_some(Entry { begin, packed, is_deflated, unpacked })
    }
}

//! Where the samples of a track are: by the tables of the track, and by its fragments.

use super::super::bytes;
use super::super::packets::{Left, Packets};
use super::count;

/// A table of a track.
pub(super) struct Table<'a> {
    kind: Kind,
    body: &'a [u8],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The size of each sample.
    Sizes,
    /// The same, in fewer bits.
    SmallSizes,
    /// The samples of each chunk.
    Chunks,
    /// The offset of each chunk, in four bytes or eight.
    Offsets(usize),
}

impl<'a> Table<'a> {
    pub(super) fn new(kind: &[u8; 4], body: &'a [u8]) -> Option<Self> {
        let kind = match kind {
            b"stsz" => Kind::Sizes,
            b"stz2" => Kind::SmallSizes,
            b"stsc" => Kind::Chunks,
            b"stco" => Kind::Offsets(4),
            b"co64" => Kind::Offsets(8),
            _ => return None,
        };
        Some(Self { kind, body })
    }

    /// The count of samples, if it is a table of sizes.
    fn samples(&self) -> Option<u64> {
        matches!(self.kind, Kind::Sizes | Kind::SmallSizes).then(|| count(self.body, 8).into())
    }

    /// The sum of the sizes that it names.
    fn bytes(&self) -> u64 {
        match (self.kind, count(self.body, 4), count(self.body, 8)) {
            (Kind::Sizes, 0, samples) => {
                let entries = self.body.get(12..).unwrap_or_default().chunks_exact(4);
                entries.take(samples as usize).map(|entry| u64::from(count(entry, 0))).sum()
            }
            (Kind::Sizes, size, samples) => u64::from(size) * u64::from(samples),
            (Kind::SmallSizes | Kind::Chunks | Kind::Offsets(_), ..) => 0,
        }
    }

    /// The size of a sample.
    fn size(&self, sample: usize) -> Option<usize> {
        let entries = self.body.get(12..)?;
        match (self.kind, count(self.body, 4)) {
            (Kind::Sizes, 0) => Some(u32::from_be_bytes(bytes(entries, sample * 4)?) as usize),
            (Kind::Sizes, all) => Some(all as usize),
            (_, 4) => {
                let pair = usize::from(*entries.get(sample / 2)?);
                Some(if sample.is_multiple_of(2) { pair >> 4 } else { pair & 0xF })
            }
            (_, 8) => entries.get(sample).map(|size| usize::from(*size)),
            (_, 16) => Some(u16::from_be_bytes(bytes(entries, sample * 2)?).into()),
            _ => None,
        }
    }
}

/// The samples of a track. If the tables do not agree, or name the same bytes again and again, only their
/// count is known: the highest that any of them names.
pub(super) fn packets<'a>(file: &'a [u8], tables: &[Table<'_>], left: &mut Left) -> Packets<'a> {
    if let Some(located) = located(file, tables, left) {
        return located;
    }
    let named = tables.iter().filter_map(Table::samples).max().unwrap_or_default();
    let of_chunks = |table: &Table<'_>| {
        let offsets = tables.iter().filter(|table| matches!(table.kind, Kind::Offsets(_)));
        let chunks = offsets.map(|table| u64::from(count(table.body, 4))).max();
        let most = entries(table.body, 12).filter_map(|entry| bytes(entry, 4));
        let most = most.map(|of_chunk| u64::from(u32::from_be_bytes(of_chunk))).max();
        chunks.unwrap_or_default().saturating_mul(most.unwrap_or_default())
    };
    let chunked = tables.iter().filter(|table| table.kind == Kind::Chunks).map(of_chunks).max();
    let sizes = tables.iter().map(Table::bytes).max().unwrap_or_default();
    let count = named.max(chunked.unwrap_or_default());
    Packets { others: (count, sizes.max(file.len() as u64)), found: vec![] }
}

/// The entries of a table of entries of this size.
fn entries(body: &[u8], size: usize) -> impl Iterator<Item = &[u8]> {
    let listed = count(body, 4) as usize;
    body.get(8..).unwrap_or_default().chunks_exact(size).take(listed)
}

fn located<'a>(file: &'a [u8], tables: &[Table<'_>], left: &mut Left) -> Option<Packets<'a>> {
    // Of a table that is there twice, nobody knows which counts.
    let one = |is_it: &dyn Fn(Kind) -> bool| {
        let mut found = tables.iter().filter(|table| is_it(table.kind));
        found.next().filter(|_| found.next().is_none())
    };
    let sizes = one(&|kind| matches!(kind, Kind::Sizes | Kind::SmallSizes))?;
    let chunks = one(&|kind| kind == Kind::Chunks)?;
    let offsets = one(&|kind| matches!(kind, Kind::Offsets(_)))?;
    let samples = sizes.samples()?;
    let Kind::Offsets(width) = offsets.kind else { return None };
    let mut runs =
        entries(chunks.body, 12).map(|entry| (count(entry, 0), count(entry, 4))).peekable();
    let mut of_chunk = 0;
    let mut packets = Packets::default();
    let mut sample = 0;
    for (chunk, offset) in entries(offsets.body, width).enumerate() {
        let number = u32::try_from(chunk + 1).ok()?;
        if let Some((_, samples)) = runs.next_if(|(first, _)| *first <= number) {
            of_chunk = samples;
        }
        let mut at = usize::try_from(match width {
            4 => count(offset, 0).into(),
            _ => u64::from_be_bytes(bytes(offset, 0)?),
        })
        .ok()?;
        for _ in 0..of_chunk {
            let size = sizes.size(sample).filter(|_| (sample as u64) < samples)?;
            let end = at.checked_add(size)?;
            match there(file, at, end) {
                Some(part) if left.take(part) => packets.found.push(part),
                None if left.take(&[]) => packets.others.0 += 1,
                _ => return None,
            }
            sample += 1;
            at = end;
        }
    }
    (sample as u64 == samples).then_some(packets)
}

/// What the file has of a sample, if it has any of it: a file may have been cut off.
fn there(file: &[u8], at: usize, end: usize) -> Option<&[u8]> {
    file.get(at..end).or_else(|| file.get(at..).filter(|rest| !rest.is_empty()))
}

/// The samples of one fragment of a track.
pub(super) struct Fragment<'a> {
    pub(super) track: u32,
    pub(super) packets: Packets<'a>,
    /// From where its offsets count. `None` if that is not certain.
    base: Option<usize>,
    /// Where the next sample is if its run names no offset.
    next: Option<usize>,
    size: u32,
}

impl<'a> Fragment<'a> {
    /// Reads the head of a fragment, which begins at this offset.
    pub(super) fn new(head: &[u8], begins: usize, sizes: &[(u32, u32)]) -> Self {
        let (flags, track) = (count(head, 0), count(head, 4));
        let has = |flag| flags & flag != 0;
        let base = match has(1) {
            true => bytes(head, 8).and_then(|base| usize::try_from(u64::from_be_bytes(base)).ok()),
            false => Some(begins),
        };
        // The fields before the size of samples: the base, the description and the duration.
        let before: usize = [(1, 8), (2, 4), (8, 4)]
            .iter()
            .filter(|(flag, _)| has(*flag))
            .map(|(_, size)| size)
            .sum();
        let usual = sizes.iter().rev().find(|(of, _)| *of == track).map(|(_, size)| *size);
        let size = if has(0x10) { count(head, 8 + before) } else { usual.unwrap_or_default() };
        Self { track, packets: Packets::default(), base, next: base, size }
    }

    /// Reads a run of samples.
    pub(super) fn read(&mut self, file: &'a [u8], run: &[u8], left: &mut Left) {
        let (flags, samples) = (count(run, 0), count(run, 4));
        let has = |flag| flags & flag != 0;
        let mut at = if has(1) {
            let offset = i32::from_be_bytes(bytes(run, 8).unwrap_or_default());
            let base = self.base.and_then(|base| i64::try_from(base).ok());
            base.and_then(|base| usize::try_from(base + i64::from(offset)).ok())
        } else {
            self.next
        };
        let head = 8 + if has(1) { 4 } else { 0 } + if has(4) { 4 } else { 0 };
        // A sample has its duration, its size, flags and a shift of time, as far as they are there.
        let fields = [0x100, 0x200, 0x400, 0x800].into_iter().filter(|flag| has(*flag)).count();
        let before_size = if has(0x100) { 4 } else { 0 };
        for sample in 0..samples as usize {
            let entry = head + sample * fields * 4;
            let size = match has(0x200) {
                true => bytes(run, entry + before_size).map(u32::from_be_bytes),
                false => Some(self.size).filter(|size| *size > 0),
            };
            let end = at.zip(size).and_then(|(at, size)| at.checked_add(size as usize));
            let place = at.zip(end);
            match place.and_then(|(at, end)| there(file, at, end)) {
                Some(packet) if left.take(packet) => self.packets.found.push(packet),
                packet => {
                    let rest = u64::from(samples) - sample as u64;
                    let (count, bytes) = &mut self.packets.others;
                    *count = count.saturating_add(rest);
                    // Of samples behind the end of the file, no byte is anywhere.
                    if packet.is_some() || place.is_none() {
                        let named = rest.saturating_mul(size.unwrap_or_default().into());
                        *bytes = bytes.saturating_add(named).max(file.len() as u64);
                    }
                    break;
                }
            }
            at = end;
        }
        self.next = at;
    }
}

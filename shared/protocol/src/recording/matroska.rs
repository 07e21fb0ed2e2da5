//! WebM and Matroska with Opus in them, as browsers record.

use super::{Duration, opus};

const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1F43_B675;
const BLOCK_GROUP: u32 = 0xA0;
const TRACKS: u32 = 0x1654_AE6B;
const TRACK_ENTRY: u32 = 0xAE;
const CODEC: u32 = 0x86;
const SIMPLE_BLOCK: u32 = 0xA3;
const BLOCK: u32 = 0xA1;

/// The sum of all blocks, whatever times the clusters name.
pub(super) fn duration(file: &[u8]) -> Option<Duration> {
    let (mut at, mut is_opus, mut sum) = (0, false, Duration::default());
    while let Some((id, head)) = element_id(file, at) {
        let (size, length) = element_size(file, at + head)?;
        let content = at + head + length;
        at = match id {
            // The content of these is read as if they were not there, so unknown sizes do not
            // matter.
            SEGMENT | CLUSTER | BLOCK_GROUP | TRACKS | TRACK_ENTRY => content,
            _ => content.checked_add(size?)?,
        };
        let content = file.get(content..at.min(file.len())).unwrap_or_default();
        match id {
            CODEC => is_opus |= content == b"A_OPUS",
            SIMPLE_BLOCK | BLOCK => sum.add(block(content)),
            _ => {}
        }
    }
    sum.found().filter(|_| is_opus)
}

/// A block: the track's number, a time of two bytes, flags, and one frame or several.
fn block(content: &[u8]) -> Duration {
    let track = content.first().map_or(1, |first| first.leading_zeros() as usize + 1);
    let flags = content.get(track + 2).copied().unwrap_or_default();
    let data = content.get(track + 3..).unwrap_or_default();
    if flags & 0x06 == 0 {
        return opus::packet(data);
    }
    // Several frames in one block: as long as each of them may be.
    let frames = data.first().map_or(1, |count| u64::from(*count) + 1);
    Duration { micros: frames * 120_000 }
}

fn element_id(file: &[u8], at: usize) -> Option<(u32, usize)> {
    let length = file.get(at)?.leading_zeros() as usize + 1;
    let bytes = file.get(at..at + length).filter(|bytes| bytes.len() <= 4)?;
    Some((bytes.iter().fold(0, |id, byte| (id << 8) | u32::from(*byte)), length))
}

/// The size of an element, `None` if it is unknown, and the bytes in which it is written.
fn element_size(file: &[u8], at: usize) -> Option<(Option<usize>, usize)> {
    let first = *file.get(at)?;
    let length = first.leading_zeros() as usize + 1;
    let bytes = file.get(at..at + length).filter(|_| length <= 8)?;
    let mask = (1_u64 << (7 * length)) - 1;
    let value = bytes.iter().fold(0, |size, byte| (size << 8) | u64::from(*byte)) & mask;
    let is_known = value != mask;
    Some((usize::try_from(value).ok().filter(|_| is_known), length))
}

//! MPEG audio (MP3 and its older layers) and AAC in ADTS frames.

use super::{Duration, believed, bytes};

/// Sample rates of AAC by their index, ISO/IEC 14496-3.
pub(super) const AAC_RATES: [u64; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// The sum of all frames. Bytes between frames are passed over, as decoders do.
pub(super) fn duration(file: &[u8]) -> Option<Duration> {
    let mut at = after_tag(file);
    let mut sum = Duration::default();
    let mut framed = 0;
    while let Some(offset) = memchr::memchr(0xFF, file.get(at..).unwrap_or_default()) {
        at += offset;
        match frame(file.get(at..).unwrap_or_default()) {
            Some(frame) => {
                sum.add(frame.duration);
                framed += frame.bytes;
                at += frame.bytes;
            }
            None => at += 1,
        }
    }
    // Something else that holds a few bytes like frame headers is not one of these formats.
    (framed >= file.len() / 2).then_some(sum)?.found()
}

/// Where the frames begin, behind an ID3 tag.
fn after_tag(file: &[u8]) -> usize {
    match (file, bytes::<4>(file, 6)) {
        ([b'I', b'D', b'3', ..], Some(size)) => {
            let size = size.iter().fold(0, |sum, byte| (sum << 7) | usize::from(byte & 0x7F));
            // A tag that claims to reach past the file hides its frames.
            if size + 10 < file.len() { size + 10 } else { 0 }
        }
        _ => 0,
    }
}

struct Frame {
    duration: Duration,
    bytes: usize,
}

fn frame(head: &[u8]) -> Option<Frame> {
    match head {
        [0xFF, second, ..] if second & 0xF6 == 0xF0 => adts(head),
        [0xFF, second, ..] if second & 0xE0 == 0xE0 => layered(head),
        _ => None,
    }
}

/// ISO/IEC 13818-7: 1,024 samples in each raw block of a frame.
fn adts(head: &[u8]) -> Option<Frame> {
    let head: [u8; 7] = bytes(head, 0)?;
    let rate = *AAC_RATES.get(usize::from((head[2] >> 2) & 0xF))?;
    let length =
        (usize::from(head[3] & 3) << 11) | (usize::from(head[4]) << 3) | usize::from(head[5] >> 5);
    let blocks = u64::from(head[6] & 3) + 1;
    if length < 7 {
        return None;
    }
    Some(Frame { duration: Duration::of(1_024 * blocks, believed(rate))?, bytes: length })
}

/// ISO/IEC 11172-3 and 13818-3, layers I to III, and the unofficial MPEG 2.5.
fn layered(head: &[u8]) -> Option<Frame> {
    const LAYER_1: [u64; 15] =
        [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448];
    const LAYER_2: [u64; 15] = [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384];
    const LAYER_3: [u64; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    const LOW_1: [u64; 15] = [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256];
    const LOW_2: [u64; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    let [_, second, third, _] = bytes(head, 0)?;
    let divisor = match (second >> 3) & 3 {
        3 => 1,
        2 => 2,
        0 => 4,
        _ => return None,
    };
    let rate = *[44_100_u64, 48_000, 32_000].get(usize::from((third >> 2) & 3))? / divisor;
    let is_low = divisor > 1;
    let (table, samples, slot) = match ((second >> 1) & 3, is_low) {
        (3, false) => (LAYER_1, 384, 4),
        (3, true) => (LOW_1, 384, 4),
        (2, false) => (LAYER_2, 1_152, 1),
        (2, true) => (LOW_2, 1_152, 1),
        (1, false) => (LAYER_3, 1_152, 1),
        (1, true) => (LOW_2, 576, 1),
        _ => return None,
    };
    let kilobits = *table.get(usize::from(third >> 4))?;
    if kilobits == 0 {
        return None;
    }
    let padding = u64::from((third >> 1) & 1);
    let slots = samples / 8 / slot * kilobits * 1_000 / rate + padding;
    Some(Frame {
        duration: Duration::of(samples, rate)?,
        bytes: usize::try_from(slots * slot).ok()?,
    })
}

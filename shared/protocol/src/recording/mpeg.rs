//! MPEG audio (MP3 and its older layers) and AAC in ADTS frames.

use super::{Duration, aac, bytes, id3};

/// Fewer bytes of frames do not show that a file is one of these formats.
const FEWEST_FRAMED: usize = 2_048;

/// The sum of all frames, if the file is one of these formats: most of it is frames, but for a tag
/// with a picture.
pub(super) fn duration(file: &[u8]) -> Option<Duration> {
    let (sum, framed) = frames(file);
    let tag = if framed < FEWEST_FRAMED { 0 } else { id3::ape_at_end(file) };
    (framed >= (file.len() - tag) / 2).then_some(sum)?.found()
}

/// The sum of all frames, and their bytes. A decoder plays those of MPEG audio or those of ADTS, by
/// which of them it finds in a row, and passes over the others.
pub(super) fn frames(data: &[u8]) -> (Duration, usize) {
    let (layers, mut adts) = (walk(data, layered), walk(data, adts));
    // Once a decoder has found ADTS, it takes frames whose layer is not zero too.
    if adts.is_in_a_row && adts.framed < data.len() {
        let any = walk(data, any_adts);
        adts = if any.sum > adts.sum { Walk { is_in_a_row: true, ..any } } else { adts };
    }
    let counts = match (layers.is_in_a_row, adts.is_in_a_row) {
        (true, false) => layers,
        (false, true) => adts,
        _ if layers.sum > adts.sum => layers,
        _ => adts,
    };
    (counts.sum, counts.framed)
}

/// The sum of the frames of MPEG audio alone.
pub(super) fn frames_of_layers(data: &[u8]) -> Duration {
    walk(data, layered).sum
}

/// The frames of one kind.
#[derive(Default)]
struct Walk {
    sum: Duration,
    framed: usize,
    /// Whether as many follow each other as decoders look for. By chance they never do.
    is_in_a_row: bool,
}

/// Goes from frame to frame. Bytes between them are passed over, as decoders do.
fn walk(data: &[u8], frame: fn(&[u8]) -> Option<Frame>) -> Walk {
    const ROW: u32 = 3;
    let (mut at, mut row) = (0, 0);
    let mut walk = Walk::default();
    while let Some(offset) = memchr::memchr(0xFF, data.get(at..).unwrap_or_default()) {
        at += offset;
        row = if offset == 0 { row } else { 0 };
        match frame(data.get(at..).unwrap_or_default()) {
            Some(frame) => {
                walk.sum.add(frame.duration);
                walk.framed += frame.bytes;
                at += frame.bytes;
                row += 1;
                walk.is_in_a_row |= row >= ROW;
            }
            None => {
                at += 1;
                row = 0;
            }
        }
    }
    walk
}

struct Frame {
    duration: Duration,
    bytes: usize,
}

/// ISO/IEC 13818-7.
fn adts(data: &[u8]) -> Option<Frame> {
    data.get(1).filter(|second| *second & 6 == 0).and_then(|_| any_adts(data))
}

/// The same, whatever its layer.
fn any_adts(data: &[u8]) -> Option<Frame> {
    let header = aac::Header::read(data)?;
    let frame = &data[..header.length.min(data.len())];
    Some(Frame { duration: aac::frame(&header, frame), bytes: frame.len() })
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
    if second & 0xE0 != 0xE0 {
        return None;
    }
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

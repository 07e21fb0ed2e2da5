//! MPEG program and transport streams: MPEG audio and AAC in packets of a multiplex.

use memchr::memmem;

use super::{Duration, bytes, mpeg, slowest};

/// The bytes of one stream, in their order.
#[derive(Default)]
struct Streams(Vec<(u16, Vec<u8>)>);

impl Streams {
    fn of(&mut self, id: u16) -> &mut Vec<u8> {
        let at = self.0.iter().position(|(known, _)| *known == id).unwrap_or_else(|| {
            self.0.push((id, Vec::new()));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }

    /// The longest stream. One of which most is not frames may be of any codec.
    fn longest(&self) -> Option<Duration> {
        let times = self.0.iter().map(|(_, data)| {
            let (time, framed) = mpeg::frames(data);
            if framed >= data.len() / 2 { time } else { slowest(data.len() as u64) }
        });
        times.max()?.found()
    }
}

/// A program stream: packets that begin with a start code and name their size.
pub(super) fn streams(file: &[u8]) -> Option<Duration> {
    let mut streams = Streams::default();
    // A map may say that a stream of a picture's number is sound.
    let has_map = memmem::find(file, &[0, 0, 1, 0xBC]).is_some();
    let mut at = 0;
    while let Some(offset) = memmem::find(file.get(at..).unwrap_or_default(), &[0, 0, 1]) {
        at += offset;
        let rest = file.get(at..).unwrap_or_default();
        let size = bytes(rest, 4).map(|size| usize::from(u16::from_be_bytes(size)));
        let is_picture = |id| (0xE0..=0xEF).contains(&id) && !has_map;
        match (rest.get(3), size) {
            (Some(id @ (0xBD | 0xC0..=0xEF)), Some(size)) => {
                let end = (size + 6).min(rest.len());
                if !is_picture(*id) {
                    streams.of((*id).into()).extend_from_slice(payload(&rest[..end]));
                }
                at += end;
            }
            _ => at += 3,
        }
    }
    streams.longest()
}

/// A transport stream: packets of 188 bytes, which may have four bytes before or 16 behind them.
pub(super) fn transport(file: &[u8]) -> Option<Duration> {
    const SYNC: u8 = 0x47;
    let is_aligned =
        |at: &usize, size: usize| (0..5).all(|packet| file.get(at + packet * size) == Some(&SYNC));
    let (size, first) = [188, 192, 204]
        .into_iter()
        .find_map(|size| Some((size, (0..size).find(|at| is_aligned(at, size))?)))?;
    let mut streams = Streams::default();
    for packet in file.get(first..)?.chunks(size) {
        let [SYNC, second, third, fourth, rest @ ..] = packet else { continue };
        let rest = rest.get(..rest.len().min(184)).unwrap_or_default();
        let skipped = match (fourth & 0x20, rest.first()) {
            (0, _) | (_, None) => 0,
            (_, Some(adaptation)) => usize::from(*adaptation) + 1,
        };
        let mut data = rest.get(skipped..).unwrap_or_default();
        let id = u16::from_be_bytes([second & 0x1F, *third]);
        // Only what begins with a packet of its own is a stream; others are tables.
        if second & 0x40 != 0 {
            if !data.starts_with(&[0, 0, 1]) {
                continue;
            }
            data = payload(data);
            streams.of(id).extend_from_slice(data);
        } else if streams.0.iter().any(|(known, _)| *known == id) {
            streams.of(id).extend_from_slice(data);
        }
    }
    streams.longest()
}

/// What follows the head of a packet of a stream.
fn payload(packet: &[u8]) -> &[u8] {
    let after = packet.get(6..).unwrap_or_default();
    let skipped = match after {
        // MPEG-2 names the size of its head.
        [flags, _, size, ..] if flags & 0xC0 == 0x80 => usize::from(*size) + 3,
        // MPEG-1 has filling bytes, the size of a buffer, and one time or two.
        _ => {
            let filled = after.iter().take_while(|byte| **byte == 0xFF).count();
            let at = |at: usize| after.get(at).copied().unwrap_or_default();
            let buffer = if at(filled) & 0xC0 == 0x40 { 2 } else { 0 };
            let times = match at(filled + buffer) >> 4 {
                2 => 5,
                3 => 10,
                _ => 1,
            };
            filled + buffer + times
        }
    };
    after.get(skipped..).unwrap_or_default()
}

//! Ogg pages with Opus, Vorbis or FLAC in them.

use super::{Duration, believed, bytes, flac, opus};

/// The sum of all packets, whatever sample positions the pages name.
pub(super) fn duration(file: &[u8]) -> Option<Duration> {
    let mut packets = Packets::new(file);
    let head = packets.next()?;
    let per_packet = match head.as_slice() {
        [b'O', b'p', b'u', b's', b'H', b'e', b'a', b'd', ..] => None,
        [1, b'v', b'o', b'r', b'b', b'i', b's', ..] => Some(vorbis(&head)?),
        // Behind its own head a FLAC stream begins as a file of its own would.
        [0x7F, b'F', b'L', b'A', b'C', ..] => {
            let stream = head.get(9..)?;
            let frames = packets.map(|packet| flac::packet(&packet, stream));
            return frames.fold(Duration::default(), Duration::plus).found();
        }
        _ => return None,
    };
    let mut sum = Duration::default();
    for packet in packets {
        match per_packet {
            // An odd first byte marks a header of Vorbis.
            Some(each) if packet.first().is_some_and(|first| first & 1 == 0) => sum.add(each),
            Some(_) => {}
            None if packet.starts_with(b"OpusTags") => {}
            None => sum.add(opus::packet(&packet)),
        }
    }
    sum.found()
}

/// The most that one packet of Vorbis decodes to: half of its long window.
fn vorbis(head: &[u8]) -> Option<Duration> {
    let rate = u64::from(u32::from_le_bytes(bytes(head, 12)?));
    let long = head.get(28)? >> 4;
    let samples = 1_u64.checked_shl(u32::from(long))? / 2;
    Duration::of(samples.min(4_096), believed(rate))
}

/// The packets of all pages in their order, joined across pages.
struct Packets<'a> {
    file: &'a [u8],
    /// Sizes of the segments of the current page that are still to come.
    segments: &'a [u8],
    at: usize,
}

impl<'a> Packets<'a> {
    fn new(file: &'a [u8]) -> Self {
        Self { file, segments: &[], at: 0 }
    }

    /// Goes to the next page; false if there is none.
    fn turn(&mut self) -> bool {
        let rest = self.file.get(self.at..).unwrap_or_default();
        let Some(offset) = memchr::memmem::find(rest, b"OggS") else { return false };
        let page = self.at + offset;
        let Some(count) = self.file.get(page + 26) else { return false };
        let begin = page + 27;
        let end = begin + usize::from(*count);
        let Some(segments) = self.file.get(begin..end) else { return false };
        (self.segments, self.at) = (segments, end);
        true
    }
}

impl Iterator for Packets<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut packet = Vec::new();
        loop {
            let Some((size, rest)) = self.segments.split_first() else {
                if self.turn() {
                    continue;
                }
                return (!packet.is_empty()).then_some(packet);
            };
            let size = usize::from(*size);
            let end = (self.at + size).min(self.file.len());
            // The start of a packet has its duration. The rest is not kept.
            if packet.len() < 64 {
                packet.extend_from_slice(self.file.get(self.at..end).unwrap_or_default());
            }
            (self.segments, self.at) = (rest, end);
            if size < 255 {
                return Some(packet);
            }
        }
    }
}

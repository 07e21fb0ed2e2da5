//! Ogg pages with Opus, Vorbis or FLAC in them, in one stream or several.

use memchr::memmem;

use super::codec::{Codec, Packets};
use super::{Duration, MOST_TRACKS, aac, believed, bytes, flac};

/// The beginnings of streams that are no sound: Theora, OGM video, VP8, Dirac, Skeleton, and titles.
const OTHERS: [&[u8]; 6] =
    [b"\x80theora", b"\x01video", b"OVP80", b"BBCD\0", b"fishead\0", b"\x80kate\0"];

/// A stream, or one of several that follow each other in it.
struct Part {
    serial: u32,
    /// `None` if it is no sound.
    codec: Option<Codec>,
    packets: Vec<Vec<u8>>,
}

/// The sum of all packets of all streams, because they may follow each other, whatever positions the
/// pages name.
pub(super) fn duration(file: &[u8]) -> Option<Duration> {
    let mut parts: Vec<Part> = Vec::new();
    // The packets that have begun, by their stream.
    let mut begun: Vec<(u32, Vec<u8>)> = Vec::new();
    let mut read = 0;
    // A page that is not valid may hold pages, so each is looked for behind the head of the one before.
    for at in memmem::find_iter(file, b"OggS") {
        let Some((flags, serial, segments, mut rest)) = page(file, at) else { continue };
        let index = begun.iter().position(|(begun, _)| *begun == serial).unwrap_or_else(|| {
            begun.push((serial, Vec::new()));
            begun.len() - 1
        });
        read += rest.len().min(segments.iter().map(|size| usize::from(*size)).sum());
        if read > 2 * file.len() || parts.len() > MOST_TRACKS || begun.len() > MOST_TRACKS {
            return None;
        }
        let packet = &mut begun[index].1;
        let is_continued = flags & 1 != 0;
        if !is_continued && !packet.is_empty() {
            take(&mut parts, serial, std::mem::take(packet));
        }
        for size in segments {
            let (content, after) = rest.split_at(usize::from(*size).min(rest.len()));
            packet.extend_from_slice(content);
            rest = after;
            if *size < 255 {
                take(&mut parts, serial, std::mem::take(packet));
            }
        }
    }
    for (serial, packet) in begun {
        take(&mut parts, serial, packet);
    }
    parts.iter().fold(Duration::default(), |sum, part| sum.plus(part.time())).found()
}

/// The flags, the stream's number, the segments of a page and what follows its head.
fn page(file: &[u8], at: usize) -> Option<(u8, u32, &[u8], &[u8])> {
    let head: [u8; 27] = bytes(file, at)?;
    let serial = u32::from_le_bytes(bytes(&head, 14)?);
    let (segments, rest) = file.get(at + 27..)?.split_at_checked(usize::from(head[26]))?;
    Some((head[5], serial, segments, rest))
}

/// Adds a packet to its stream. The first one of a stream is its head.
fn take(parts: &mut Vec<Part>, serial: u32, packet: Vec<u8>) {
    let found = parts.iter_mut().rev().find(|part| part.serial == serial);
    match (head(&packet), found) {
        (Some(codec), _) => parts.push(Part { serial, codec, packets: Vec::new() }),
        (None, Some(part)) => part.add(packet),
        (None, None) => {
            parts.push(Part { serial, codec: Some(Codec::Unknown), packets: vec![packet] });
        }
    }
}

/// What the head of a stream says of it. `None` if it is no head.
fn head(packet: &[u8]) -> Option<Option<Codec>> {
    match packet {
        [b'O', b'p', b'u', b's', b'H', b'e', b'a', b'd', ..] => Some(Some(Codec::Opus)),
        [1, b'v', b'o', b'r', b'b', b'i', b's', ..] => {
            Some(Some(vorbis(packet).map_or(Codec::Unknown, Codec::Each)))
        }
        // Behind its own head a FLAC stream begins as a file of its own would.
        [0x7F, b'F', b'L', b'A', b'C', ..] => {
            let rate = packet.get(9..).and_then(flac::stream_rate).unwrap_or_default();
            Some(Some(Codec::Flac { rate }))
        }
        _ if OTHERS.iter().any(|head| packet.starts_with(head)) => Some(None),
        _ => None,
    }
}

impl Part {
    fn add(&mut self, packet: Vec<u8>) {
        let is_head = match self.codec {
            None => true,
            Some(Codec::Opus) => packet.starts_with(b"OpusTags"),
            // An odd first byte marks a header of Vorbis.
            Some(Codec::Each(_)) => packet.first().is_none_or(|first| first & 1 != 0),
            Some(_) => false,
        };
        if !is_head {
            self.packets.push(packet);
        }
    }

    fn time(&self) -> Duration {
        let found = self.packets.iter().map(Vec::as_slice).collect();
        let codecs = self.codec.as_slice();
        // Nothing in Ogg is AAC.
        let mut budget = aac::Budget::default();
        Packets { found, ..Packets::default() }.longest(codecs, &mut budget)
    }
}

/// The most that one packet of Vorbis decodes to: half of its long window.
pub(super) fn vorbis(head: &[u8]) -> Option<Duration> {
    let rate = u64::from(u32::from_le_bytes(bytes(head, 12)?));
    let long = head.get(28)? >> 4;
    let samples = 1_u64.checked_shl(u32::from(long))? / 2;
    Duration::of(samples.min(4_096), believed(rate))
}

//! Ogg pages with Opus, Vorbis or FLAC in them, in one stream or several.

use memchr::memmem;

use super::codec::Codec;
use super::packets::Packets;
use super::{Duration, MOST_TRACKS, aac, believed, bytes, flac};

/// Flags of a page: it goes on with a packet of the one before, or begins a stream.
const CONTINUED: u8 = 1;
const FIRST: u8 = 2;

/// No stream has more heads that differ in their codec. Each of them takes a walk.
const MOST_CODECS: usize = 8;

/// The beginnings of streams that are no sound: Theora, OGM video, VP8, Dirac, Skeleton, and titles.
const OTHERS: [&[u8]; 6] =
    [b"\x80theora", b"\x01video", b"OVP80", b"BBCD\0", b"fishead\0", b"\x80kate\0"];

/// A stream, with those that follow it under the same number.
struct Stream {
    serial: u32,
    /// What decodes it. None of them, if it is no sound.
    codecs: Vec<Codec>,
    packets: Vec<Vec<u8>>,
    /// The count of packets without content.
    empty: u64,
}

/// The sum of all packets of all streams, because they may follow each other, whatever positions the
/// pages name.
pub(super) fn duration(file: &[u8]) -> Option<Duration> {
    let mut streams: Vec<Stream> = Vec::new();
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
        let has_too_many = |stream: &Stream| stream.codecs.len() > MOST_CODECS;
        if read > 2 * file.len() || begun.len() > MOST_TRACKS || streams.iter().any(has_too_many) {
            return None;
        }
        let packet = &mut begun[index].1;
        let is_continued = flags & CONTINUED != 0;
        if !is_continued && !packet.is_empty() {
            take(&mut streams, serial, std::mem::take(packet), false);
        }
        // Only the first packet of a page that begins a stream is a head. Later ones may look like it.
        let mut may_be_head = flags & FIRST != 0 && !is_continued;
        for size in segments {
            let (content, after) = rest.split_at(usize::from(*size).min(rest.len()));
            packet.extend_from_slice(content);
            rest = after;
            if *size < 255 {
                let may_be_head = std::mem::take(&mut may_be_head);
                take(&mut streams, serial, std::mem::take(packet), may_be_head);
            }
        }
    }
    for (serial, packet) in begun.into_iter().filter(|(_, packet)| !packet.is_empty()) {
        take(&mut streams, serial, packet, false);
    }
    streams.iter().fold(Duration::default(), |sum, stream| sum.plus(stream.time())).found()
}

/// The flags, the stream's number, the segments of a page and what follows its head.
fn page(file: &[u8], at: usize) -> Option<(u8, u32, &[u8], &[u8])> {
    let head: [u8; 27] = bytes(file, at)?;
    let serial = u32::from_le_bytes(bytes(&head, 14)?);
    let (segments, rest) = file.get(at + 27..)?.split_at_checked(usize::from(head[26]))?;
    Some((head[5], serial, segments, rest))
}

/// Adds a packet to its stream. The first one of a stream is its head.
fn take(streams: &mut Vec<Stream>, serial: u32, packet: Vec<u8>, may_be_head: bool) {
    let Some(stream) = streams.iter_mut().find(|stream| stream.serial == serial) else {
        let (codecs, packets) = match head(&packet) {
            Some(codec) => (codec.into_iter().collect(), Vec::new()),
            None => (vec![Codec::Unknown], vec![packet]),
        };
        streams.push(Stream { serial, codecs, packets, empty: 0 });
        return;
    };
    match head(&packet).filter(|_| may_be_head).flatten() {
        Some(codec) if !stream.codecs.contains(&codec) => stream.codecs.push(codec),
        Some(_) => {}
        None if packet.is_empty() => stream.empty += 1,
        None => stream.packets.push(packet),
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

impl Stream {
    /// The longest time of its packets, of the codecs that may decode them.
    fn time(&self) -> Duration {
        let times = self.codecs.iter().map(|codec| {
            let is_head = |packet: &&[u8]| match codec {
                Codec::Opus => packet.starts_with(b"OpusTags"),
                // An odd first byte marks a header of Vorbis.
                Codec::Each(_) => packet.first().is_none_or(|first| first & 1 != 0),
                Codec::Aac(_)
                | Codec::Mpeg
                | Codec::Flac { .. }
                | Codec::Amr { .. }
                | Codec::Pcm { .. }
                | Codec::Unknown => false,
            };
            let packets = self.packets.iter().map(Vec::as_slice);
            let found = packets.filter(|packet| !is_head(packet)).collect();
            // Nothing in Ogg is AAC.
            let mut budget = aac::Budget::default();
            Packets { found, others: (self.empty, 0) }.longest(&[*codec], &mut budget)
        });
        times.max().unwrap_or_default()
    }
}

/// The most that one packet of Vorbis decodes to: half of its long window.
pub(super) fn vorbis(head: &[u8]) -> Option<Duration> {
    let rate = u64::from(u32::from_le_bytes(bytes(head, 12)?));
    let long = head.get(28)? >> 4;
    let samples = 1_u64.checked_shl(u32::from(long))? / 2;
    Duration::of(samples.min(4_096), believed(rate))
}

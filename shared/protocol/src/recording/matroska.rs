//! WebM and Matroska: the blocks of each track, whatever times the clusters name.

use memchr::memmem;

use super::codec::{Codec, of_wave_tag};
use super::packets::{Left, Packets};
use super::{Duration, MOST_TRACKS, SPEECH_RATE, aac, bytes, flac, ogg};

const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1F43_B675;
const BLOCK_GROUP: u32 = 0xA0;
const TRACKS: u32 = 0x1654_AE6B;
const TRACK_ENTRY: u32 = 0xAE;
const AUDIO: u32 = 0xE1;
const TRACK_NUMBER: u32 = 0xD7;
const TRACK_TYPE: u32 = 0x83;
const CODEC: u32 = 0x86;
const CODEC_PRIVATE: u32 = 0x63A2;
const CODINGS: u32 = 0x6D80;
const RATE: u32 = 0xB5;
const CHANNELS: u32 = 0x9F;
const BITS: u32 = 0x6264;
const SIMPLE_BLOCK: u32 = 0xA3;
const BLOCK: u32 = 0xA1;

/// Types of tracks that are no sound, with the beginning of their codecs' names.
const OTHERS: [(u64, &[u8]); 2] = [(1, b"V_"), (17, b"S_")];

/// The shortest frame of a block of several has a byte, and another one for its size.
const FEWEST_BYTES: usize = 2;

#[derive(Default)]
struct Track<'a> {
    number: u64,
    kind: u64,
    codec: &'a [u8],
    private: &'a [u8],
    /// Whether its packets are compressed once more.
    is_coded: bool,
    rate: u64,
    channels: u64,
    bits: u64,
}

/// The longest sound track. `None` if there is no track at all.
pub(super) fn duration(file: &[u8]) -> Option<Duration> {
    let mut tracks: Vec<Track<'_>> = Vec::new();
    walk(file, |id, content| {
        if id == TRACK_ENTRY && tracks.len() <= MOST_TRACKS {
            tracks.push(Track::read(content));
        }
    });
    if tracks.len() > MOST_TRACKS {
        return None;
    }
    let mut left = Left::of(file, FEWEST_BYTES);
    let mut budget = aac::Budget::of(file);
    tracks.iter().map(|track| track.time(file, &mut left, &mut budget)).max()
}

impl<'a> Track<'a> {
    /// Reads an entry. Decoders pass over an element that has no place where it stands, so only those of
    /// the entry itself count, and those of sound within its own element.
    fn read(entry: &'a [u8]) -> Self {
        let mut track = Self::default();
        children(entry, |id, content| match id {
            TRACK_NUMBER => track.number = number(content),
            TRACK_TYPE => track.kind = number(content),
            CODEC => track.codec = content,
            CODEC_PRIVATE => track.private = content,
            CODINGS => track.is_coded = true,
            AUDIO => children(content, |id, content| match id {
                RATE => track.rate = float(content),
                CHANNELS => track.channels = number(content),
                BITS => track.bits = number(content),
                _ => {}
            }),
            _ => {}
        });
        track
    }

    fn time(&self, file: &[u8], left: &mut Left, budget: &mut aac::Budget) -> Duration {
        let is_other =
            |(kind, codec): &(u64, &[u8])| *kind == self.kind && self.codec.starts_with(codec);
        if OTHERS.iter().any(is_other) {
            return Duration::default();
        }
        let mut packets = Packets::default();
        walk(file, |id, content| {
            if let SIMPLE_BLOCK | BLOCK = id
                && let Some(frames) = self.frames(content)
            {
                if self.is_coded {
                    packets.others.0 += frames.len() as u64;
                    packets.others.1 += content.len() as u64;
                } else {
                    frames.into_iter().for_each(|frame| packets.add(frame, left));
                }
            }
        });
        packets.longest(&[self.codec()], budget)
    }

    fn codec(&self) -> Codec {
        let rate = if self.rate == 0 { 8_000 } else { self.rate };
        let channels = self.channels.max(1);
        match self.codec {
            [b'A', b'_', b'O', b'P', b'U', b'S', ..] => Codec::Opus,
            [b'A', b'_', b'A', b'A', b'C', ..] => {
                let config = aac::Config::read(self.private);
                let named = || aac::Config::named(self.object_of_aac(), rate, channels);
                Codec::Aac(config.unwrap_or_else(named))
            }
            [b'A', b'_', b'M', b'P', b'E', b'G', b'/', b'L', ..] => Codec::Mpeg,
            [b'A', b'_', b'F', b'L', b'A', b'C', ..] => {
                Codec::Flac { rate: flac::stream_rate(self.private).unwrap_or_default() }
            }
            [b'A', b'_', b'V', b'O', b'R', b'B', b'I', b'S', ..] => {
                let head = memmem::find(self.private, b"\x01vorbis");
                let head = head.and_then(|at| self.private.get(at..));
                head.and_then(ogg::vorbis).map_or(Codec::Unknown, Codec::Each)
            }
            [b'A', b'_', b'P', b'C', b'M', ..] => {
                let bits = if self.bits == 0 { 16 } else { self.bits };
                Codec::Pcm { bits, channels, rate: self.rate.max(SPEECH_RATE / 2) }
            }
            [b'A', b'_', b'M', b'S', b'/', b'A', b'C', b'M', ..] => of_wave_tag(self.private),
            _ => Codec::Unknown,
        }
    }

    /// The object type by the codec's name, where it has no configuration.
    fn object_of_aac(&self) -> usize {
        let named = |name: &[u8]| memmem::find(self.codec, name).is_some();
        if named(b"MAIN") {
            aac::MAIN
        } else if named(b"LC") {
            aac::LOW_COMPLEXITY
        } else {
            0
        }
    }

    /// The frames of a block, if it is this track's: the track's number, a time of two bytes, flags,
    /// and one frame or several. A track without a number may have all blocks.
    fn frames<'f>(&self, content: &'f [u8]) -> Option<Vec<&'f [u8]>> {
        let (track, length) = element_size(content, 0)?;
        if self.number != 0 && track.unwrap_or_default() as u64 != self.number {
            return None;
        }
        let flags = *content.get(length + 2)?;
        let data = content.get(length + 3..)?;
        match flags & 0x06 {
            0 => Some(vec![data]),
            lacing => laced(data, lacing),
        }
    }
}

/// The frames of a block of several. All but the last have their size written before them.
fn laced(data: &[u8], lacing: u8) -> Option<Vec<&[u8]>> {
    let (count, mut rest) = data.split_first()?;
    let sized = usize::from(*count);
    let mut sizes = Vec::with_capacity(sized);
    for at in 0..sized {
        let size = match lacing {
            0x04 => data.len().saturating_sub(1) / (sized + 1),
            0x02 => {
                let full = rest.iter().take_while(|byte| **byte == 255).count();
                let last = usize::from(*rest.get(full)?);
                rest = rest.get(full + 1..)?;
                full * 255 + last
            }
            _ => {
                let (value, length) = element_size(rest, 0)?;
                rest = rest.get(length..)?;
                let value = i64::try_from(value?).ok()?;
                // The first as it is, the others as the difference from the one before.
                match sizes.last().filter(|_| at > 0) {
                    None => usize::try_from(value).ok()?,
                    Some(before) => {
                        let zero = (1_i64 << (7 * length - 1)) - 1;
                        let before = i64::try_from(*before).ok()?;
                        usize::try_from(before.checked_add(value - zero)?).ok()?
                    }
                }
            }
        };
        sizes.push(size);
    }
    let mut frames = Vec::with_capacity(sized + 1);
    for size in sizes {
        let (frame, after) = rest.split_at_checked(size)?;
        frames.push(frame);
        rest = after;
    }
    frames.push(rest);
    Some(frames)
}

/// Shows each element and its content, those of containers after them. Where the structure is broken
/// it goes on at the next cluster, as decoders do.
fn walk<'a>(file: &'a [u8], mut see: impl FnMut(u32, &'a [u8])) {
    let mut at = 0;
    while at < file.len() {
        at = match element(file, at) {
            Some((id, content, end)) => {
                see(id, file.get(content..end.unwrap_or(file.len())).unwrap_or_default());
                if is_container(id) { content } else { end.unwrap_or(content) }
            }
            None => {
                let rest = file.get(at + 1..).unwrap_or_default();
                let next = memmem::find(rest, &CLUSTER.to_be_bytes());
                next.map_or(file.len(), |offset| at + 1 + offset)
            }
        };
    }
}

/// Shows each element of one level and its content, up to an element that begins another part of the file.
fn children<'a>(content: &'a [u8], mut see: impl FnMut(u32, &'a [u8])) {
    let mut at = 0;
    while let Some((id, begin, end)) = element(content, at)
        && !matches!(id, SEGMENT | TRACKS | TRACK_ENTRY | CLUSTER)
    {
        let end = end.unwrap_or(content.len());
        see(id, content.get(begin..end).unwrap_or_default());
        at = end;
    }
}

/// Whether its content is read as if the element were not there, so that an unknown size does not
/// matter.
fn is_container(id: u32) -> bool {
    matches!(id, SEGMENT | CLUSTER | BLOCK_GROUP | TRACKS | TRACK_ENTRY | AUDIO)
}

/// The id of the element that begins here, and where its content begins and ends. `None` if there is no
/// element, or if it claims to be larger than the file and is no container.
fn element(file: &[u8], at: usize) -> Option<(u32, usize, Option<usize>)> {
    let length = file.get(at)?.leading_zeros() as usize + 1;
    let id = file.get(at..at + length).filter(|bytes| bytes.len() <= 4)?;
    let id = id.iter().fold(0, |id, byte| (id << 8) | u32::from(*byte));
    let (size, size_length) = element_size(file, at + length)?;
    let content = at + length + size_length;
    let end = size.and_then(|size| content.checked_add(size)).filter(|end| *end <= file.len());
    // A recording that was cut off ends within a block.
    let is_cut = || {
        let rest = file.get(content..).unwrap_or_default();
        matches!(id, SIMPLE_BLOCK | BLOCK) && memmem::find(rest, &CLUSTER.to_be_bytes()).is_none()
    };
    match end {
        None if is_container(id) => Some((id, content, None)),
        None => is_cut().then_some((id, content, Some(file.len()))),
        end => Some((id, content, end)),
    }
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

fn number(content: &[u8]) -> u64 {
    content.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// A sample rate, which is written as a floating point number.
fn float(content: &[u8]) -> u64 {
    let value = match content.len() {
        4 => bytes(content, 0).map(|bytes| f64::from(f32::from_be_bytes(bytes))),
        _ => bytes(content, 0).map(f64::from_be_bytes),
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast keeps to the range"
    )]
    let rate = value.unwrap_or_default() as u64;
    rate
}

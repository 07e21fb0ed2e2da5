//! How long a recording can be, from what it holds rather than from what its headers claim.
//!
//! The sender writes the headers of a recording, so a claimed length is not trusted. Each format is
//! walked the way a decoder walks it: every frame or packet that would be decoded counts with the
//! time that its own header gives. Of a container with several sound tracks the longest counts, each
//! by its own codec; pictures, titles and tags are no sound. A recording whose frames cannot be walked
//! counts as speech at 2 kbit/s, the lowest rate of common speech codecs, so that the figure is an
//! upper bound.

mod aac;
mod amr;
mod codec;
mod flac;
mod id3;
mod matroska;
mod mp4;
mod mpeg;
mod ogg;
mod opus;
mod packets;
mod program;
#[cfg(test)]
mod tests;
mod wave;

/// Bytes of a second in a recording that cannot be walked: 2 kbit/s, as Speex needs at least.
const FEWEST_BYTES_PER_SECOND: u64 = 250;

/// Highest sample rate that is possible, in Hz.
const HIGHEST_RATE: u64 = 96_000;

/// Highest sample rate that a compressed recording of speech is believed to have. A higher one is
/// taken for [`SPEECH_RATE`]: the same frames last longer at it.
const HIGHEST_OF_SPEECH: u64 = 48_000;

/// The sample rate of speech recognition.
const SPEECH_RATE: u64 = 16_000;

/// The sample rate by which the frames of a compressed recording count.
fn believed(rate: u64) -> u64 {
    if rate > HIGHEST_OF_SPEECH { SPEECH_RATE } else { rate }
}

/// No recording has more tracks, streams or codecs. One with more is not walked, because each of them
/// takes a walk.
const MOST_TRACKS: usize = 64;

/// Seconds of a recording, rounded up; at least one.
pub(crate) fn most_seconds(file: &[u8]) -> u64 {
    // Decoders pass over a tag before they look at the format.
    let file = id3::after(file);
    let walked = match file {
        [b'R', b'I', b'F', b'F', ..] => wave::duration(file),
        [b'f', b'L', b'a', b'C', ..] => flac::duration(file),
        [b'O', b'g', b'g', b'S', ..] => ogg::duration(file),
        [0x1A, 0x45, 0xDF, 0xA3, ..] => matroska::duration(file),
        [b'#', b'!', b'A', b'M', b'R', rest @ ..] => amr::file(rest),
        [0, 0, 1, 0xBA, ..] => program::streams(file),
        _ if mp4::begins(file) => mp4::duration(file),
        // Frames are found in a transport stream too, but not those that its packets divide.
        _ => mpeg::duration(file).max(program::transport(file)),
    };
    walked.unwrap_or_else(|| slowest(file.len() as u64)).seconds().max(1)
}

/// The most time that so many bytes can hold if their frames cannot be walked.
fn slowest(bytes: u64) -> Duration {
    Duration { micros: bytes.saturating_mul(1_000_000) / FEWEST_BYTES_PER_SECOND }
}

/// A sum of times, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Duration {
    micros: u64,
}

impl Duration {
    /// So many samples at a rate; `None` if no recording of speech has that rate.
    fn of(samples: u64, rate: u64) -> Option<Self> {
        let is_credible = (1..=HIGHEST_RATE).contains(&rate);
        is_credible.then(|| Self { micros: samples.saturating_mul(1_000_000).div_ceil(rate) })
    }

    /// The time, if any was found.
    fn found(self) -> Option<Self> {
        (self.micros > 0).then_some(self)
    }

    fn plus(self, other: Self) -> Self {
        Self { micros: self.micros.saturating_add(other.micros) }
    }

    fn add(&mut self, other: Self) {
        *self = self.plus(other);
    }

    fn times(self, count: u64) -> Self {
        Self { micros: self.micros.saturating_mul(count) }
    }

    /// Whole seconds, rounded up. A tenth of a second more is not counted, because encoders pad the
    /// last frame.
    fn seconds(self) -> u64 {
        self.micros.saturating_sub(100_000).div_ceil(1_000_000)
    }
}

/// The bytes at an offset.
fn bytes<const N: usize>(file: &[u8], at: usize) -> Option<[u8; N]> {
    file.get(at..)?.first_chunk().copied()
}

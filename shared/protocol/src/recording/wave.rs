//! RIFF WAVE: every byte behind the format chunk, by the size of one sample.

use memchr::memmem;

use super::{Duration, SPEECH_RATE, bytes, mpeg};

/// Whole numbers, and floating point: the header says how many bits.
const PCM: u16 = 1;
const FLOAT: u16 = 3;
/// A-law and µ-law have eight bits a sample, whatever the header says.
const EIGHT_BITS: [u16; 2] = [6, 7];
/// MPEG audio, whose frames have headers of their own.
pub(super) const MPEG: [u16; 2] = [0x50, 0x55];
/// Compressed to four bits a sample: ADPCM of Microsoft and of IMA.
const FOUR_BITS: [u16; 2] = [0x02, 0x11];
/// The format is the first two bytes of a GUID further on.
const EXTENSIBLE: u16 = 0xFFFE;

/// The samples of a block whose channels are compared: a quarter of a second of speech.
const BLOCK: usize = 4_096;

/// The format chunk, as far as a decoder goes by it.
struct Format {
    tag: u16,
    channels: u64,
    rate: u64,
    /// The bits of one sample of one channel.
    bits: u64,
}

impl Format {
    /// Reads the chunk at this offset. `None` if the size of a sample is not known.
    fn read(file: &[u8], at: usize) -> Option<Self> {
        let word = |offset| Some(u16::from_le_bytes(bytes(file, at + offset)?));
        let written = word(8)?;
        let is_extensible = written == EXTENSIBLE;
        let tag = if is_extensible { word(32)? } else { written };
        let (channels, align, bits) = (word(10)?, u64::from(word(20)?), u64::from(word(22)?));
        let channels = u64::from(channels);
        if !(1..=8).contains(&channels) {
            return None;
        }
        let valid = if is_extensible { u64::from(word(26)?) } else { 0 };
        // Decoders go by different figures, so the smallest counts.
        let sizes = [bits.div_ceil(8), valid.div_ceil(8), align / channels];
        let least = sizes.into_iter().filter(|size| *size > 0).min().unwrap_or_default();
        let bits = match tag {
            PCM | FLOAT if matches!(least, 1..=4 | 8) => least * 8,
            tag if EIGHT_BITS.contains(&tag) => 8,
            tag if FOUR_BITS.contains(&tag) && bits == 4 => 4,
            _ => return None,
        };
        let rate = u64::from(u32::from_le_bytes(bytes(file, at + 12)?));
        Some(Self { tag, channels, rate, bits })
    }

    /// The bits that a sample of speech needs. Numbers of 16 bits that are claimed to have 32 can still
    /// be understood, and are half as many. As floating point they are noise.
    fn bits_of_speech(&self) -> u64 {
        if self.tag == PCM { self.bits.min(16) } else { self.bits }
    }

    /// The level of a sample: of a whole number by its highest two bytes.
    fn level(&self, sample: &[u8]) -> f64 {
        match (self.tag, sample) {
            (FLOAT, sample) if sample.len() == 4 => {
                sample.first_chunk().map_or(0.0, |sample| f32::from_le_bytes(*sample).into())
            }
            (FLOAT, sample) if sample.len() == 8 => {
                sample.first_chunk().map_or(0.0, |sample| f64::from_le_bytes(*sample))
            }
            (_, sample) => {
                sample.last_chunk().map_or(0.0, |sample| i16::from_le_bytes(*sample).into())
            }
        }
    }

    /// The samples of blocks whose pairs are two channels, as far as the samples show it: those of a
    /// pair differ less than neighbours of two pairs. In one channel they differ as much, so a header
    /// that claims two cannot halve it.
    fn samples_of_pairs(&self, data: &[u8]) -> u64 {
        let size = usize::try_from(self.bits / 8).unwrap_or_default();
        if self.channels != 2 || size < 2 {
            return 0;
        }
        // Other chunks may stand before the samples, and a pair must not be read from its second half.
        let start = memmem::find(data, b"data").map_or(0, |at| at + 8);
        let data = data.get(start..).unwrap_or_default();
        let blocks = data.chunks_exact(BLOCK * size).filter(|block| self.has_pairs(block, size));
        blocks.count() as u64 * BLOCK as u64
    }

    fn has_pairs(&self, block: &[u8], size: usize) -> bool {
        let samples = || block.chunks_exact(size).map(|sample| self.level(sample));
        let (mut within, mut between) = (0.0, 0.0);
        for (at, (first, second)) in samples().zip(samples().skip(1)).enumerate() {
            *(if at % 2 == 0 { &mut within } else { &mut between }) += (second - first).powi(2);
        }
        2.0 * within < between
    }
}

/// The length that the samples take, whatever the byte rate and the size of the data chunk claim,
/// and at least that of speech in as many bits: what a header claims of channels, rate and bits cannot
/// make a recording shorter.
pub(super) fn duration(file: &[u8]) -> Option<Duration> {
    let mut at = 12;
    loop {
        let size = usize::try_from(u32::from_le_bytes(bytes(file, at + 4)?)).ok()?;
        if bytes(file, at)? == *b"fmt " {
            let data = file.get(at.checked_add(8)?.checked_add(size)?..).unwrap_or_default();
            if bytes(file, at + 8).is_some_and(|tag| MPEG.contains(&u16::from_le_bytes(tag))) {
                return mpeg::duration(data);
            }
            let format = Format::read(file, at)?;
            let bits = data.len() as u64 * 8;
            // A pair of samples that are one moment counts once.
            let bits_of_moments = bits - format.samples_of_pairs(data) * format.bits / 2;
            let moments = bits_of_moments.div_ceil(format.bits_of_speech());
            let speech = Duration::of(moments, SPEECH_RATE)?;
            let frames = bits.div_ceil(format.channels * format.bits);
            return Duration::of(frames, format.rate)?.max(speech).found();
        }
        at = at.checked_add(8)?.checked_add(size)?.checked_add(size % 2)?;
    }
}

//! RIFF WAVE: every byte behind the format chunk, by the size of one sample.

use super::{Duration, bytes};

/// Uncompressed formats: PCM, floating point, A-law and µ-law.
const PLAIN: [u16; 4] = [1, 3, 6, 7];
/// Compressed to four bits a sample: ADPCM of Microsoft and of IMA.
const FOUR_BITS: [u16; 2] = [0x02, 0x11];
/// The fewest bytes of a second of speech in each: 16,000 samples of one channel. What a header
/// claims of channels, rate and bits cannot make a recording shorter.
const SPEECH: u64 = 32_000;
const FOUR_BIT_SPEECH: u64 = 8_000;
/// The format is the first two bytes of a GUID further on.
const EXTENSIBLE: u16 = 0xFFFE;

/// Bytes of a block whose channels are compared: a quarter of a second of speech.
const BLOCK: usize = 8_192;

/// The bytes of blocks of 16-bit samples whose pairs are two channels, as far as the samples show
/// it: those of a pair differ less than neighbours of two pairs. In one channel they differ as much,
/// so a header that claims two cannot halve it.
fn bytes_of_pairs(data: &[u8]) -> u64 {
    let blocks = data.chunks_exact(BLOCK).filter(|block| has_pairs(block));
    blocks.map(|block| block.len() as u64).sum()
}

fn has_pairs(block: &[u8]) -> bool {
    let samples =
        || block.as_chunks().0.iter().map(|sample| i64::from(i16::from_le_bytes(*sample)));
    let (mut within, mut between) = (0, 0);
    for (at, (first, second)) in samples().zip(samples().skip(1)).enumerate() {
        let difference = (second - first).pow(2);
        *(if at % 2 == 0 { &mut within } else { &mut between }) += difference;
    }
    2 * within < between
}

/// The length that the samples take, whatever the byte rate and the size of the data chunk claim,
/// and at least that of speech in as many bytes.
pub(super) fn duration(file: &[u8]) -> Option<Duration> {
    let mut at = 12;
    loop {
        let size = usize::try_from(u32::from_le_bytes(bytes(file, at + 4)?)).ok()?;
        if bytes(file, at)? == *b"fmt " {
            let word = |offset| Some(u64::from(u16::from_le_bytes(bytes(file, at + offset)?)));
            let format = match u16::from_le_bytes(bytes(file, at + 8)?) {
                EXTENSIBLE => u16::from_le_bytes(bytes(file, at + 32)?),
                format => format,
            };
            let (channels, bits) = (word(10)?, word(22)?);
            let rate = u64::from(u32::from_le_bytes(bytes(file, at + 12)?));
            let (is_known, most) = match PLAIN.contains(&format) {
                true => ([8, 16, 24, 32].contains(&bits), SPEECH),
                false => (FOUR_BITS.contains(&format) && bits == 4, FOUR_BIT_SPEECH),
            };
            if !is_known || !(1..=8).contains(&channels) {
                return None;
            }
            let data = file.get(at.checked_add(8)?.checked_add(size)?..).unwrap_or_default();
            let rest = data.len() as u64;
            let frames = (rest * 8).div_ceil(channels * bits);
            // A pair of samples that are one moment counts once.
            let twice = if (channels, bits) == (2, 16) { bytes_of_pairs(data) } else { 0 };
            let speech = Duration::of(rest - twice / 2, most)?;
            return Duration::of(frames, rate)?.max(speech).found();
        }
        at = at.checked_add(8)?.checked_add(size)?.checked_add(size % 2)?;
    }
}

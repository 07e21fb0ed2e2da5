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
            let rest = file.len().saturating_sub(at.checked_add(8)?.checked_add(size)?) as u64;
            let frames = (rest * 8).div_ceil(channels * bits);
            return Duration::of(frames, rate)?.max(Duration::of(rest, most)?).found();
        }
        at = at.checked_add(8)?.checked_add(size)?.checked_add(size % 2)?;
    }
}

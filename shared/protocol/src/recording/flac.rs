//! FLAC frames, RFC 9639. The total of samples in the stream's header is not believed, nor a sample
//! rate above that of speech: the file is lossless, so it is short by its size.

use super::{Duration, SPEECH_RATE};

/// The longest frame: 65,536 samples at the lowest rate of speech.
pub(super) const LONGEST: Duration = Duration { micros: 8_192_000 };

pub(super) fn duration(file: &[u8]) -> Option<Duration> {
    frames(file, stream_rate(file)?).found()
}

/// The sum of all frames that have a valid header.
pub(super) fn frames(data: &[u8], stream_rate: u64) -> Duration {
    let mut sum = Duration::default();
    for at in memchr::memchr_iter(0xFF, data) {
        if let Some(frame) = frame(data.get(at..).unwrap_or_default(), stream_rate) {
            sum.add(frame);
        }
    }
    sum
}

/// The stream's sample rate: the first 20 bits of the bytes 18 to 20.
pub(super) fn stream_rate(stream: &[u8]) -> Option<u64> {
    let packed = stream.get(18..21)?;
    Some((u64::from(packed[0]) << 12) | (u64::from(packed[1]) << 4) | (u64::from(packed[2]) >> 4))
}

/// The length of the frame that begins here, if one does.
fn frame(head: &[u8], stream_rate: u64) -> Option<Duration> {
    let (second, third) = (*head.get(1)?, *head.get(2)?);
    if second & 0xFE != 0xF8 || head.get(3)? & 1 != 0 {
        return None;
    }
    // The frame's or the sample's number, coded like UTF-8.
    let mut at = 4 + match head.get(4)?.leading_ones() {
        0 => 1,
        ones @ 2..=7 => ones as usize,
        _ => return None,
    };
    let mut extra = |count: usize| {
        let value = head.get(at..at + count)?;
        at += count;
        Some(value.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)))
    };
    let samples = match third >> 4 {
        1 => 192,
        code @ 2..=5 => 144 << code,
        6 => extra(1)? + 1,
        7 => extra(2)? + 1,
        code @ 8..=15 => 1 << code,
        _ => return None,
    };
    let rate = match third & 0xF {
        0 if stream_rate == 0 => SPEECH_RATE,
        0 => stream_rate,
        code @ 1..=11 => [
            88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000,
        ][usize::from(code) - 1],
        12 => extra(1)? * 1_000,
        13 => extra(2)?,
        14 => extra(2)? * 10,
        _ => return None,
    };
    (crc8(head.get(..at)?) == *head.get(at)?)
        .then(|| Duration::of(samples, rate.min(SPEECH_RATE)))?
}

/// The checksum of a frame's header, by the polynomial x⁸ + x² + x + 1.
pub(super) fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc: u8, _| (crc << 1) ^ if crc & 0x80 == 0 { 0 } else { 0x07 })
    })
}

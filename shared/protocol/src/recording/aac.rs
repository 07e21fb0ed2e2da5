//! What every container has of AAC, ISO/IEC 14496-3.

use super::bytes;

/// Sample rates by their index.
pub(super) const RATES: [u64; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// How many frames so many bytes are at least. No frame has more than 6,144 bits a channel.
pub(super) fn fewest_frames(bytes: usize, channels: u64) -> u64 {
    (bytes as u64).div_ceil(6_144 / 8 * channels.clamp(1, 2)).max(1)
}

/// The sample rate of a frame with the header of ADTS.
pub(super) fn rate_of_adts(frame: &[u8]) -> Option<u64> {
    let [first, second, third] = bytes(frame, 0)?;
    let is_adts = first == 0xFF && second & 0xF6 == 0xF0;
    RATES.get(usize::from((third >> 2) & 0xF)).copied().filter(|_| is_adts)
}

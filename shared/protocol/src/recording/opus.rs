//! Opus packets, RFC 6716: the first byte of each gives the length of its frames.

use super::Duration;

/// The longest packet that the format allows.
pub(super) const LONGEST: Duration = Duration { micros: 120_000 };

/// The length of one packet.
pub(super) fn packet(packet: &[u8]) -> Duration {
    let Some(first) = packet.first() else { return Duration::default() };
    let config = first >> 3;
    let frame = match (config, config & 3) {
        (0..=11, size) => [10_000, 20_000, 40_000, 60_000][usize::from(size)],
        (12..=15, _) => [10_000, 20_000][usize::from(config & 1)],
        (_, size) => [2_500, 5_000, 10_000, 20_000][usize::from(size)],
    };
    let frames = match first & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => packet.get(1).map_or(1, |count| u64::from(count & 0x3F)),
    };
    Duration { micros: frame * frames }.min(LONGEST)
}

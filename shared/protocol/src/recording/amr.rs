//! AMR, as phones record speech: frames of 20 ms, RFC 4867.

use super::Duration;

/// Bytes of a frame by its type, and one for the type. The types that are not named have no more.
const NARROW: [usize; 9] = [13, 14, 16, 18, 20, 21, 27, 32, 6];
const WIDE: [usize; 10] = [18, 24, 33, 37, 41, 47, 51, 59, 61, 6];

/// A file, behind the first five bytes of its magic number.
pub(super) fn file(rest: &[u8]) -> Option<Duration> {
    match rest {
        [b'\n', frames @ ..] => frames_of(frames, false).found(),
        [b'-', b'W', b'B', b'\n', frames @ ..] => frames_of(frames, true).found(),
        _ => None,
    }
}

/// The sum of the frames.
pub(super) fn frames_of(mut rest: &[u8], is_wide: bool) -> Duration {
    let sizes: &[usize] = if is_wide { &WIDE } else { &NARROW };
    let mut frames = 0;
    while let Some(head) = rest.first() {
        frames += 1;
        let size = sizes.get(usize::from(head >> 3 & 0xF)).copied().unwrap_or(1);
        rest = rest.get(size..).unwrap_or_default();
    }
    Duration { micros: 20_000 }.times(frames)
}

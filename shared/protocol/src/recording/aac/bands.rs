//! The scale factor bands of AAC, ISO/IEC 14496-3, subclause 4.5.4.

/// Of the bands of a window, how many there are and where they begin and end, in spectral lines.
#[derive(Clone, Copy)]
pub(super) struct Bands {
    offsets: &'static [u16],
    lines: usize,
}

impl Bands {
    /// The bands by the index of the sample rate. A frame of 960 samples has those of 1,024, as far as
    /// its lines go.
    pub(super) fn of(rate: usize, is_short_window: bool, has_960: bool) -> Self {
        let (long, short): (&[u16], &[u16]) = match rate {
            0 | 1 => (&LONG_96, &SHORT_96),
            2 => (&LONG_64, &SHORT_96),
            3 | 4 => (&LONG_48, &SHORT_48),
            5 => (&LONG_32, &SHORT_48),
            6 | 7 => (&LONG_24, &SHORT_24),
            8..=10 => (&LONG_16, &SHORT_16),
            _ => (&LONG_8, &SHORT_8),
        };
        let lines = if has_960 { 960 } else { 1_024 };
        match is_short_window {
            true => Self { offsets: short, lines: lines / 8 },
            false => Self { offsets: long, lines },
        }
    }

    pub(super) fn count(self) -> usize {
        self.offsets.partition_point(|offset| usize::from(*offset) < self.lines)
    }

    /// Where a band begins, or where the last one ends.
    pub(super) fn begin(self, band: usize) -> usize {
        self.offsets.get(band).map_or(self.lines, |offset| usize::from(*offset).min(self.lines))
    }
}

const LONG_96: [u16; 42] = [
    0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 64, 72, 80, 88, 96, 108, 120, 132,
    144, 156, 172, 188, 212, 240, 276, 320, 384, 448, 512, 576, 640, 704, 768, 832, 896, 960, 1024,
];
const LONG_64: [u16; 48] = [
    0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 64, 72, 80, 88, 100, 112, 124, 140,
    156, 172, 192, 216, 240, 268, 304, 344, 384, 424, 464, 504, 544, 584, 624, 664, 704, 744, 784,
    824, 864, 904, 944, 984, 1024,
];
const LONG_48: [u16; 50] = [
    0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 48, 56, 64, 72, 80, 88, 96, 108, 120, 132, 144, 160,
    176, 196, 216, 240, 264, 292, 320, 352, 384, 416, 448, 480, 512, 544, 576, 608, 640, 672, 704,
    736, 768, 800, 832, 864, 896, 928, 1024,
];
const LONG_32: [u16; 52] = [
    0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 48, 56, 64, 72, 80, 88, 96, 108, 120, 132, 144, 160,
    176, 196, 216, 240, 264, 292, 320, 352, 384, 416, 448, 480, 512, 544, 576, 608, 640, 672, 704,
    736, 768, 800, 832, 864, 896, 928, 960, 992, 1024,
];
const LONG_24: [u16; 48] = [
    0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 52, 60, 68, 76, 84, 92, 100, 108, 116, 124, 136,
    148, 160, 172, 188, 204, 220, 240, 260, 284, 308, 336, 364, 396, 432, 468, 508, 552, 600, 652,
    704, 768, 832, 896, 960, 1024,
];
const LONG_16: [u16; 44] = [
    0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 100, 112, 124, 136, 148, 160, 172, 184, 196, 212,
    228, 244, 260, 280, 300, 320, 344, 368, 396, 424, 456, 492, 532, 572, 616, 664, 716, 772, 832,
    896, 960, 1024,
];
const LONG_8: [u16; 41] = [
    0, 12, 24, 36, 48, 60, 72, 84, 96, 108, 120, 132, 144, 156, 172, 188, 204, 220, 236, 252, 268,
    288, 308, 328, 348, 372, 396, 420, 448, 476, 508, 544, 580, 620, 664, 712, 764, 820, 880, 944,
    1024,
];
const SHORT_96: [u16; 13] = [0, 4, 8, 12, 16, 20, 24, 32, 40, 48, 64, 92, 128];
const SHORT_48: [u16; 15] = [0, 4, 8, 12, 16, 20, 28, 36, 44, 56, 68, 80, 96, 112, 128];
const SHORT_24: [u16; 16] = [0, 4, 8, 12, 16, 20, 24, 28, 36, 44, 52, 64, 76, 92, 108, 128];
const SHORT_16: [u16; 16] = [0, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 60, 72, 88, 108, 128];
const SHORT_8: [u16; 16] = [0, 4, 8, 12, 16, 20, 24, 28, 36, 44, 52, 60, 72, 88, 108, 128];

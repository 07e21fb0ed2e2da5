//! The data of one channel in a block of AAC: individual_channel_stream and what it consists of,
//! ISO/IEC 14496-3, subclause 4.4.2.
//!
//! Nothing is decoded: only what says how long the next part is.

use super::bands::Bands;
use super::bits::Bits;
use super::codebooks::{Book, MOST_BITS, SCALE_FACTORS, SPECTRAL};
use super::{Config, LOW_COMPLEXITY, MAIN};

/// The window sequences.
const LONG_START: usize = 1;
const EIGHT_SHORT: usize = 2;
const LONG_STOP: usize = 3;

/// Books that are none: bands of zeros, and those that noise or the other channel replaces.
const ZERO: usize = 0;
const RESERVED: usize = 12;
const NOISE: usize = 13;

/// The book whose values may have escapes.
const ESCAPES: usize = 11;

/// The bands that prediction can be used for, by the index of the sample rate. Subclause 4.6.6.
const PREDICTED: [usize; 13] = [33, 33, 38, 40, 40, 40, 41, 41, 37, 37, 37, 34, 34];

/// The bands that long-term prediction can be used for. Subclause 4.6.7.
const LONG_TERM_PREDICTED: usize = 40;

/// Most sections of a channel: one for each band of each of eight groups of windows.
const MOST_SECTIONS: usize = 8 * 15;

/// How the windows of a channel are grouped: ics_info.
#[derive(Clone, Copy)]
pub(super) struct Windows {
    sequence: usize,
    /// The bands that are there of each group.
    bands: usize,
    layout: Bands,
    /// The windows of each group.
    groups: [u8; 8],
    count: usize,
    is_predicted: bool,
}

/// Neighbouring bands of a group that have the same book.
#[derive(Clone, Copy, Default)]
struct Section {
    book: u8,
    bands: u8,
    /// Of all windows of the group.
    lines: u16,
}

impl Windows {
    /// `None` if no decoder takes it.
    pub(super) fn read(bits: &mut Bits<'_>, config: &Config) -> Option<Self> {
        bits.skip(1);
        let sequence = bits.take(2);
        bits.skip(1);
        let is_short = sequence == EIGHT_SHORT;
        let layout = Bands::of(config.rate_index, is_short, config.has_960);
        let bands = bits.take(if is_short { 4 } else { 6 });
        let (mut groups, mut count) = ([0; 8], 1);
        groups[0] = 1;
        let mut is_predicted = false;
        if is_short {
            for _ in 0..7 {
                if !bits.is_set() {
                    count += 1;
                }
                groups[count - 1] += 1;
            }
        } else {
            is_predicted = bits.is_set();
        }
        let windows = Self { sequence, bands, layout, groups, count, is_predicted };
        if is_predicted {
            match config.object {
                MAIN => windows.prediction(bits, config)?,
                LOW_COMPLEXITY => return None,
                _ => windows.long_term_prediction(bits),
            }
        }
        (bands <= layout.count()).then_some(windows)
    }

    fn prediction(&self, bits: &mut Bits<'_>, config: &Config) -> Option<()> {
        if bits.is_set() && !(1..=30).contains(&bits.take(5)) {
            return None;
        }
        bits.skip(self.bands.min(*PREDICTED.get(config.rate_index)?));
        Some(())
    }

    fn long_term_prediction(&self, bits: &mut Bits<'_>) {
        if bits.is_set() {
            bits.skip(11 + 3 + self.bands.min(LONG_TERM_PREDICTED));
        }
    }

    /// What a pair of channels with the same windows has before its channels.
    pub(super) fn pair(&self, bits: &mut Bits<'_>, config: &Config) -> Option<()> {
        if self.is_predicted && config.object != MAIN {
            self.long_term_prediction(bits);
        }
        match bits.take(2) {
            1 => bits.skip(self.count * self.bands),
            3 => return None,
            _ => {}
        }
        Some(())
    }
}

/// Passes over a channel, and gives the count of its bands that are not zero. `None` if no decoder takes
/// it.
pub(super) fn channel(
    bits: &mut Bits<'_>,
    config: &Config,
    common: Option<&Windows>,
) -> Option<usize> {
    bits.skip(8);
    let windows = match common {
        Some(common) => *common,
        None => Windows::read(bits, config)?,
    };
    let mut sections = [Section::default(); MOST_SECTIONS];
    let count = read_sections(bits, &windows, &mut sections)?;
    let sections = &sections[..count];
    scale_factors(bits, sections)?;
    let is_short = windows.sequence == EIGHT_SHORT;
    if bits.is_set() {
        if is_short {
            return None;
        }
        let pulses = bits.take(2) + 1;
        bits.skip(6 + pulses * (5 + 4));
    }
    if bits.is_set() {
        noise_shaping(bits, config, is_short)?;
    }
    if bits.is_set() {
        gain_control(bits, windows.sequence);
    }
    spectrum(bits, sections)?;
    let coded = sections.iter().filter(|section| usize::from(section.book) != ZERO);
    Some(coded.map(|section| usize::from(section.bands)).sum())
}

/// section_data: which book the bands of each group have.
fn read_sections(
    bits: &mut Bits<'_>,
    windows: &Windows,
    sections: &mut [Section; MOST_SECTIONS],
) -> Option<usize> {
    let length_bits = if windows.sequence == EIGHT_SHORT { 3 } else { 5 };
    let more = (1 << length_bits) - 1;
    let mut count = 0;
    for group in &windows.groups[..windows.count] {
        let mut band = 0;
        while band < windows.bands {
            let book = bits.take(4);
            let mut end = band;
            loop {
                let length = bits.take(length_bits);
                end += length;
                if book == RESERVED || end > windows.bands || !bits.has(0) {
                    return None;
                }
                if length != more {
                    break;
                }
            }
            if end > band {
                let lines = windows.layout.begin(end) - windows.layout.begin(band);
                *sections.get_mut(count)? = Section {
                    book: u8::try_from(book).ok()?,
                    bands: u8::try_from(end - band).ok()?,
                    lines: u16::try_from(lines * usize::from(*group)).ok()?,
                };
                count += 1;
            }
            band = end;
        }
    }
    Some(count)
}

/// scale_factor_data. The first band of noise has nine bits instead of a code.
fn scale_factors(bits: &mut Bits<'_>, sections: &[Section]) -> Option<()> {
    let mut has_noise = false;
    for section in sections {
        let mut bands = usize::from(section.bands);
        match usize::from(section.book) {
            ZERO => continue,
            NOISE if !has_noise => {
                has_noise = true;
                bits.skip(9);
                bands -= 1;
            }
            _ => {}
        }
        codes(bits, &SCALE_FACTORS, bands)?;
    }
    Some(())
}

/// tns_data.
fn noise_shaping(bits: &mut Bits<'_>, config: &Config, is_short: bool) -> Option<()> {
    // The bits of the count of filters, of a filter's length and of its order.
    let (windows, [count, length, order], most) = match (is_short, config.object) {
        (true, _) => (8, [1, 4, 3], 7),
        (false, MAIN) => (1, [2, 6, 5], 20),
        (false, _) => (1, [2, 6, 5], 12),
    };
    for _ in 0..windows {
        let filters = bits.take(count);
        if filters == 0 {
            continue;
        }
        let resolution = bits.take(1);
        for _ in 0..filters {
            bits.take(length);
            let order = bits.take(order);
            if order > most {
                return None;
            }
            if order > 0 {
                bits.skip(1);
                let is_compressed = bits.take(1);
                bits.skip(order * (3 + resolution - is_compressed));
            }
        }
    }
    Some(())
}

/// gain_control_data.
fn gain_control(bits: &mut Bits<'_>, sequence: usize) {
    // The bits of a place, in the first window and in the others.
    let (windows, first, others) = match sequence {
        LONG_START => (2, 4, 2),
        EIGHT_SHORT => (8, 2, 2),
        LONG_STOP => (2, 4, 5),
        _ => (1, 5, 5),
    };
    for _ in 0..bits.take(2) {
        for window in 0..windows {
            let changes = bits.take(3);
            bits.skip(changes * (4 + if window == 0 { first } else { others }));
        }
    }
}

/// spectral_data.
fn spectrum(bits: &mut Bits<'_>, sections: &[Section]) -> Option<()> {
    for section in sections {
        let number = usize::from(section.book);
        let Some(book) = number.checked_sub(1).and_then(|book| SPECTRAL.get(book)) else {
            continue;
        };
        let count = usize::from(section.lines) / book.values;
        if number == ESCAPES {
            codes_with_escapes(bits, book, count)?;
        } else {
            codes(bits, book, count)?;
        }
    }
    Some(())
}

/// Passes over so many codes of a book, with their signs.
#[inline]
pub(super) fn codes(bits: &mut Bits<'_>, book: &Book, mut count: usize) -> Option<()> {
    while count > 0 {
        let mut window = bits.window();
        let mut used = 0;
        while count > 0 && used + MOST_BITS <= Bits::WINDOW {
            let entry = book.entry(window)?.bits();
            window <<= entry;
            used += entry;
            count -= 1;
        }
        bits.skip(used as usize);
    }
    Some(())
}

/// The same of the book that has escapes behind the signs: ones, a zero, and as many bits and four.
fn codes_with_escapes(bits: &mut Bits<'_>, book: &Book, mut count: usize) -> Option<()> {
    const MOST_ONES: u32 = 8;
    while count > 0 {
        let mut window = bits.window();
        let mut used = 0;
        while count > 0 && used + MOST_BITS <= Bits::WINDOW {
            let entry = book.entry(window)?;
            window <<= entry.bits();
            used += entry.bits();
            count -= 1;
            if entry.escapes() == 0 {
                continue;
            }
            bits.skip(used as usize);
            for _ in 0..entry.escapes() {
                let ones = bits.window().leading_ones();
                if ones > MOST_ONES {
                    return None;
                }
                bits.skip((ones + 1 + ones + 4) as usize);
            }
            (window, used) = (bits.window(), 0);
        }
        bits.skip(used as usize);
    }
    Some(())
}

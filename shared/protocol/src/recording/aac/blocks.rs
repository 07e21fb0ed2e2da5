//! The elements of a block of AAC: raw_data_block, ISO/IEC 14496-3, subclause 4.4.2.

use super::Config;
use super::bits::Bits;
use super::channels::{Windows, channel, codes};
use super::codebooks::SCALE_FACTORS;

/// The elements. The first four are channels; the fourth, for low frequencies, is as the first.
const PAIR: usize = 1;
const COUPLING: usize = 2;
const DATA: usize = 4;
const PROGRAM: usize = 5;
const FILL: usize = 6;
const END: usize = 7;

/// Kinds of what fills a block.
const DYNAMIC_RANGE: usize = 11;
const BAND_REPLICATION: [usize; 2] = [13, 14];

/// Passes over a block, and says whether it has a channel. `None` if no decoder takes it.
pub(super) fn block(bits: &mut Bits<'_>, config: &Config) -> Option<bool> {
    let mut has_channel = false;
    loop {
        let element = bits.take(3);
        if element == END {
            return bits.has(0).then_some(has_channel);
        }
        let tag = bits.take(4);
        match element {
            PAIR => pair(bits, config)?,
            COUPLING => coupling(bits, config)?,
            DATA => data(bits)?,
            PROGRAM => program(bits)?,
            FILL => fill(bits, tag, has_channel)?,
            _ => {
                channel(bits, config, None)?;
            }
        }
        has_channel |= element < DATA;
        if !bits.has(3) {
            return None;
        }
    }
}

fn pair(bits: &mut Bits<'_>, config: &Config) -> Option<()> {
    let common = match bits.is_set() {
        true => Some(Windows::read(bits, config)?),
        false => None,
    };
    if let Some(windows) = &common {
        windows.pair(bits, config)?;
    }
    channel(bits, config, common.as_ref())?;
    channel(bits, config, common.as_ref())?;
    Some(())
}

fn coupling(bits: &mut Bits<'_>, config: &Config) -> Option<()> {
    let is_independent = bits.is_set();
    let mut gains = 0;
    for _ in 0..=bits.take(3) {
        gains += 1;
        let is_pair = bits.is_set();
        bits.skip(4);
        if is_pair && bits.take(2) == 3 {
            gains += 1;
        }
    }
    bits.skip(1 + 1 + 2);
    let bands = channel(bits, config, None)?;
    for _ in 1..gains {
        // One gain for all bands, or one for each.
        let is_common = is_independent || bits.is_set();
        codes(bits, &SCALE_FACTORS, if is_common { 1 } else { bands })?;
    }
    Some(())
}

fn data(bits: &mut Bits<'_>) -> Option<()> {
    let is_aligned = bits.is_set();
    let mut count = bits.take(8);
    if count == 255 {
        count += bits.take(8);
    }
    if is_aligned {
        bits.align();
    }
    bits.skip(8 * count);
    bits.has(0).then_some(())
}

/// program_config_element.
fn program(bits: &mut Bits<'_>) -> Option<()> {
    bits.skip(2 + 4);
    let channels = bits.take(4) + bits.take(4) + bits.take(4);
    let low = bits.take(2);
    let data = bits.take(3);
    let couplings = bits.take(4);
    for mixdown in [4, 4, 3] {
        if bits.is_set() {
            bits.skip(mixdown);
        }
    }
    bits.skip(5 * (channels + couplings) + 4 * (low + data));
    bits.align();
    let comment = bits.take(8);
    bits.skip(8 * comment);
    bits.has(0).then_some(())
}

/// fill_element: so many bytes of extensions.
fn fill(bits: &mut Bits<'_>, tag: usize, has_channel: bool) -> Option<()> {
    let mut left = tag;
    if left == 15 {
        left = 14 + bits.take(8);
    }
    if !bits.has(8 * left) {
        return None;
    }
    while left > 0 {
        left = match bits.take(4) {
            DYNAMIC_RANGE => left.saturating_sub(dynamic_range(bits)),
            // Spectral band replication belongs to the channel before it. FFmpeg reads on behind the
            // kind if there is none.
            kind if BAND_REPLICATION.contains(&kind) && !has_channel => 0,
            _ => {
                bits.skip(8 * left - 4);
                0
            }
        };
    }
    Some(())
}

/// dynamic_range_info, in bytes.
fn dynamic_range(bits: &mut Bits<'_>) -> usize {
    /// Decoders have no more channels to exclude.
    const MOST_EXCLUSIONS: usize = 9;
    let (mut bytes, mut bands) = (1, 1);
    if bits.is_set() {
        bits.skip(8);
        bytes += 1;
    }
    if bits.is_set() {
        for exclusions in 1..=MOST_EXCLUSIONS {
            bits.skip(7);
            bytes += 1;
            if exclusions == MOST_EXCLUSIONS || !bits.is_set() {
                break;
            }
        }
    }
    if bits.is_set() {
        let more = bits.take(4);
        bits.skip(4 + 8 * (more + 1));
        bands += more;
        bytes += 2 + more;
    }
    if bits.is_set() {
        bits.skip(8);
        bytes += 1;
    }
    bits.skip(8 * bands);
    bytes + bands
}

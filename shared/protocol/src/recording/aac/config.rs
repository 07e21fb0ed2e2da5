//! What decoders of AAC know of a track before its blocks: AudioSpecificConfig and the header of ADTS.

use super::super::{Duration, believed};
use super::FEWEST_BYTES;
use super::bits::Bits;

/// Sample rates by their index, in Hz.
const RATES: [u64; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// The lowest of the rates that take the tables of each index, in Hz. Subclause 4.5.1.1.
const LOWEST_OF_INDEX: [u64; 11] =
    [92_017, 75_132, 55_426, 46_009, 37_566, 27_713, 23_004, 18_783, 13_856, 11_502, 9_391];

/// Object types.
pub(in super::super) const MAIN: usize = 1;
pub(in super::super) const LOW_COMPLEXITY: usize = 2;
const LONG_TERM_PREDICTION: usize = 4;
/// Those that extend another one to twice the sample rate, so that they change no time.
const EXTENSIONS: [usize; 2] = [5, 29];
/// Unified speech and audio coding, ISO/IEC 23003-3.
const UNIFIED: usize = 42;

/// The samples of a frame of unified speech and audio coding, by the index of its length.
const UNIFIED_SAMPLES: [u64; 5] = [768, 1_024, 2_048, 2_048, 4_096];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Config {
    /// The object type, 0 if nothing says it.
    pub(super) object: usize,
    rate: u64,
    pub(super) rate_index: usize,
    channels: u64,
    /// Whether a frame has 960 samples instead of 1,024.
    pub(super) has_960: bool,
    /// The samples of a frame.
    samples: u64,
}

impl Config {
    /// Of a track that has no configuration of its own: by the rate that the container names, in Hz.
    pub(in super::super) fn named(object: usize, rate: u64, channels: u64) -> Self {
        let index = LOWEST_OF_INDEX.iter().position(|lowest| *lowest <= rate);
        let rate_index = index.unwrap_or(LOWEST_OF_INDEX.len());
        Self { object, rate, rate_index, channels, has_960: false, samples: 1_024 }
    }

    /// By an AudioSpecificConfig.
    pub(in super::super) fn read(config: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(config);
        let mut object = object(&mut bits);
        let rate = rate(&mut bits)?;
        let channels = match bits.take(4) {
            channels @ 1..=6 => channels as u64,
            _ => 8,
        };
        if EXTENSIONS.contains(&object) {
            // The rate of the extension, and what is extended.
            if bits.take(4) == 15 {
                bits.skip(24);
            }
            object = self::object(&mut bits);
        }
        let named = Self::named(object, rate, channels);
        if object == UNIFIED {
            if bits.take(5) == 31 {
                bits.skip(24);
            }
            let samples = *UNIFIED_SAMPLES.get(bits.take(3))?;
            return Some(Self { samples, ..named });
        }
        let has_960 = bits.is_set();
        Some(Self { has_960, samples: if has_960 { 960 } else { 1_024 }, ..named })
    }

    /// The same at the rate of another one, if that is lower.
    pub(super) fn not_faster_than(self, other: &Self) -> Self {
        let rate = if other.rate == 0 { self.rate } else { self.rate.min(other.rate) };
        Self { rate, ..self }
    }

    /// Whether its blocks can be walked. Of other object types a packet is one frame.
    pub(super) fn is_walked(&self) -> bool {
        self.object <= LONG_TERM_PREDICTION
    }

    /// The time of one frame.
    pub(super) fn frame(&self) -> Duration {
        let of = |rate| Duration::of(self.samples, believed(rate));
        of(self.rate).or_else(|| of(RATES[RATES.len() - 1])).unwrap_or_default()
    }

    /// The time of bytes that cannot be decoded. Frames have on average three bits a sample at most, for
    /// speech and music of one or two channels: 265 kbit/s of two channels at 44.1 kHz.
    pub(super) fn unread(&self, bytes: usize) -> Duration {
        self.frame().times(bytes as u64 / (1_024 * 3 / 8 * self.channels.clamp(1, 2)))
    }

    /// The most time that so many bytes of so many packets can have.
    pub(super) fn most(&self, packets: u64, bytes: u64) -> Duration {
        let each = if self.is_walked() { bytes / FEWEST_BYTES as u64 } else { 0 };
        self.frame().times(packets.max(each))
    }
}

fn object(bits: &mut Bits<'_>) -> usize {
    match bits.take(5) {
        31 => 32 + bits.take(6),
        object => object,
    }
}

fn rate(bits: &mut Bits<'_>) -> Option<u64> {
    match bits.take(4) {
        15 => Some(bits.take(24) as u64),
        index => RATES.get(index).copied(),
    }
}

/// The header of a frame of ADTS.
pub(in super::super) struct Header {
    pub(in super::super) config: Config,
    /// The bytes of the frame, with this header.
    pub(in super::super) length: usize,
    /// The blocks that the frame has, as it says.
    pub(in super::super) blocks: u64,
    /// The bits of the header.
    pub(super) bits: usize,
}

impl Header {
    /// The bytes of a header without a checksum.
    const BYTES: usize = 7;

    pub(super) fn is_at(bits: &Bits<'_>) -> bool {
        bits.window() >> 52 == 0xFFF
    }

    /// `None` if decoders refuse it. They do not look at the layer, which is zero.
    pub(in super::super) fn read(frame: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(frame.get(..Self::BYTES)?);
        if !Self::is_at(&bits) {
            return None;
        }
        bits.skip(12 + 1 + 2);
        let has_checksum = !bits.is_set();
        let object = bits.take(2) + 1;
        let rate = *RATES.get(bits.take(4))?;
        bits.skip(1);
        let channels = match bits.take(3) {
            0 => 2,
            channels => channels as u64,
        };
        bits.skip(4);
        let length = bits.take(13);
        bits.skip(11);
        let blocks = bits.take(2) as u64 + 1;
        let config = Config::named(object, rate, channels);
        let bits = 8 * Self::BYTES + if has_checksum { 16 } else { 0 };
        (length >= Self::BYTES).then_some(Self { config, length, blocks, bits })
    }
}

//! How long the packets of a container's track last, by the codec that decodes them.

use super::{Duration, SPEECH_RATE, aac, amr, believed, bytes, flac, mpeg, opus, slowest, wave};

/// What the packets of a track are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    /// Opus: each packet says how long it is.
    Opus,
    /// AAC, with the sample rate and the channels of its configuration.
    Aac { rate: u64, channels: u64 },
    /// MPEG audio, layers I to III: frames with headers of their own, anywhere in the packets.
    Mpeg,
    /// FLAC, with the sample rate of its stream. The same.
    Flac { rate: u64 },
    /// AMR.
    Amr { is_wide: bool },
    /// Samples without compression.
    Pcm { bits: u64, channels: u64, rate: u64 },
    /// Each packet lasts as long at most.
    Each(Duration),
    /// Nobody knows.
    Unknown,
}

/// The packets of a track.
#[derive(Clone, Default)]
pub(super) struct Packets<'a> {
    /// Those that were found.
    pub(super) found: Vec<&'a [u8]>,
    /// The count and the bytes of others, whose content is not known.
    pub(super) others: (u64, u64),
}

impl Packets<'_> {
    /// The longest time of these packets, of the codecs that may decode them.
    pub(super) fn longest(&self, codecs: &[Codec]) -> Duration {
        codecs.iter().map(|codec| codec.time(self)).max().unwrap_or_default()
    }
}

impl Codec {
    fn time(self, packets: &Packets<'_>) -> Duration {
        let (count, bytes) = packets.others;
        let found = &packets.found;
        let size = || found.iter().fold(0, |sum, packet| sum + packet.len() as u64);
        let sum = |time: &dyn Fn(&[u8]) -> Duration| {
            found.iter().fold(Duration::default(), |sum, packet| sum.plus(time(packet)))
        };
        let (known, most_of_others) = match self {
            Self::Opus => (sum(&opus::packet), opus::LONGEST.times(count)),
            Self::Aac { rate, channels } => (
                sum(&|packet| aac(packet, rate, channels))
                    .max(aac(&[], rate, channels).times(size() / usual_of_aac(channels))),
                aac(&[], rate, channels).times(count.max(bytes / usual_of_aac(channels))),
            ),
            // Frames need not end where packets do.
            Self::Mpeg => (mpeg::frames_of_layers(&found.concat()), slowest(bytes)),
            Self::Flac { rate } => {
                (flac::frames(&found.concat(), rate), flac::LONGEST.times(count))
            }
            Self::Amr { is_wide } => (amr::frames_of(&found.concat(), is_wide), slowest(bytes)),
            Self::Pcm { bits, channels, rate } => {
                (pcm(size().saturating_add(bytes), bits, channels, rate), Duration::default())
            }
            Self::Each(each) => (each.times(found.len() as u64), each.times(count)),
            Self::Unknown => (slowest(size()), slowest(bytes)),
        };
        known.plus(most_of_others)
    }

    /// AAC by its AudioSpecificConfig, ISO/IEC 14496-3.
    pub(super) fn aac(config: &[u8]) -> Option<Self> {
        let mut head = [0; 8];
        head.iter_mut().zip(config).for_each(|(to, from)| *to = *from);
        let mut left = u64::from_be_bytes(head);
        let mut take = |bits: u32| {
            let value = left >> (64 - bits);
            left <<= bits;
            value
        };
        // The object type; larger ones have six bits more.
        if take(5) == 31 {
            take(6);
        }
        let rate = match take(4) {
            15 => take(24),
            index => *aac::RATES.get(usize::try_from(index).ok()?)?,
        };
        let channels = match take(4) {
            channels @ 1..=6 => channels,
            _ => 8,
        };
        Some(Self::Aac { rate, channels })
    }
}

/// The bytes that the frames of a track have on average at most, for speech and music of one or two
/// channels: three bits a sample, which is 265 kbit/s of two channels at 44.1 kHz. A decoder goes on
/// where a frame ends, so a packet may hold more than one, and only their size shows it.
fn usual_of_aac(channels: u64) -> u64 {
    1_024 * 3 / 8 * channels.clamp(1, 2)
}

/// A packet of AAC: 1,024 samples a frame.
fn aac(packet: &[u8], rate: u64, channels: u64) -> Duration {
    // Decoders go by the header of the packet, if it has one.
    let rate = aac::rate_of_adts(packet).map_or(rate, |of_header| of_header.min(rate));
    let frames = aac::fewest_frames(packet.len(), channels);
    let lowest = aac::RATES[aac::RATES.len() - 1];
    let of = |rate| Duration::of(1_024 * frames, believed(rate));
    of(rate).or_else(|| of(lowest)).unwrap_or_default()
}

/// Samples by the header's figures, and at least as long as speech in as many bits.
fn pcm(bytes: u64, bits: u64, channels: u64, rate: u64) -> Duration {
    let of = |moment: u64, rate| {
        Duration::of(bytes.saturating_mul(8) / moment.max(1), rate).unwrap_or_default()
    };
    of(bits.saturating_mul(channels), rate).max(of(bits.min(16), SPEECH_RATE))
}

/// The codec by the tag of a WAVEFORMATEX.
pub(super) fn of_wave_tag(format: &[u8]) -> Codec {
    let tag = bytes(format, 0).map(u16::from_le_bytes);
    if tag.is_some_and(|tag| wave::MPEG.contains(&tag)) { Codec::Mpeg } else { Codec::Unknown }
}

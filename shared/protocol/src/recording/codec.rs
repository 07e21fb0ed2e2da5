//! How long the packets of a container's track last, by the codec that decodes them.

use super::packets::Packets;
use super::{Duration, SPEECH_RATE, aac, amr, bytes, flac, mpeg, opus, slowest, wave};

/// What the packets of a track are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    /// Opus: each packet says how long it is.
    Opus,
    /// AAC, with its configuration.
    Aac(aac::Config),
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

impl Packets<'_> {
    /// The longest time of these packets, of the codecs that may decode them.
    pub(super) fn longest(&self, codecs: &[Codec], budget: &mut aac::Budget) -> Duration {
        let mut configs = Vec::new();
        for codec in codecs {
            if let Codec::Aac(config) = codec
                && !configs.contains(config)
            {
                configs.push(*config);
            }
        }
        let of_aac = aac::time(&configs, self, budget);
        codecs.iter().map(|codec| codec.time(self, of_aac)).max().unwrap_or_default()
    }
}

impl Codec {
    /// `of_aac` is the time that the packets have as AAC.
    fn time(self, packets: &Packets<'_>, of_aac: Duration) -> Duration {
        let (count, bytes) = packets.others;
        let found = &packets.found;
        let size = || found.iter().fold(0, |sum, packet| sum + packet.len() as u64);
        let sum = |time: &dyn Fn(&[u8]) -> Duration| {
            found.iter().fold(Duration::default(), |sum, packet| sum.plus(time(packet)))
        };
        let (known, most_of_others) = match self {
            Self::Opus => (sum(&opus::packet), opus::LONGEST.times(count)),
            Self::Aac(_) => (of_aac, Duration::default()),
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

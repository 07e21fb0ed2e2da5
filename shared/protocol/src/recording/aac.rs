//! AAC, ISO/IEC 14496-3: how long the packets of a track last.
//!
//! By the standard a packet has one block, which is one frame. A decoder that says how many bytes it has
//! read, as FFmpeg's does, is called again with the rest, so a packet lasts as long as all blocks in it.
//! Only who reads a block up to its end knows where the next one begins.

mod bands;
mod bits;
mod blocks;
mod channels;
mod codebooks;
mod config;
#[cfg(test)]
mod tests;

use self::bits::Bits;
use self::blocks::block;
pub(super) use self::config::{Config, Header, LOW_COMPLEXITY, MAIN};
use super::Duration;
use super::packets::Packets;

/// The bytes of the shortest block that has a channel: one without bands.
const FEWEST_BYTES: usize = 4;

/// How many bytes of packets are still walked. A file has fewer, unless its tracks, their tables or their
/// codecs name the same packets again and again.
#[derive(Default)]
pub(super) struct Budget {
    bytes: usize,
}

impl Budget {
    pub(super) fn of(file: &[u8]) -> Self {
        Self { bytes: file.len().saturating_mul(3) }
    }

    /// Takes what so many decoders walk of a packet, if it is left. The shortest packets take longer than
    /// their bytes, but no more than those of an honest recording of silence in two configurations.
    fn take(&mut self, packet: &[u8], decoders: usize) -> bool {
        let left = self.bytes.checked_sub((packet.len() + 2 * FEWEST_BYTES) * decoders);
        self.bytes = left.unwrap_or_default();
        left.is_some()
    }
}

/// The time of the packets of a track. With several configurations, each packet may be decoded by any of
/// them.
pub(super) fn time(configs: &[Config], packets: &Packets<'_>, budget: &mut Budget) -> Duration {
    let mut decoders: Vec<_> = configs.iter().copied().map(Decoder::new).collect();
    let mut sum = Duration::default();
    let is_beyond = |packet: &&[u8]| {
        let is_beyond = !budget.take(packet, decoders.len());
        if !is_beyond {
            let times = decoders.iter_mut().map(|decoder| decoder.packet(packet));
            sum.add(times.max().unwrap_or_default());
        }
        is_beyond
    };
    let walked = packets.found.iter().position(is_beyond).unwrap_or(packets.found.len());
    let beyond = &packets.found[walked..];
    let size: usize = beyond.iter().map(|packet| packet.len()).sum();
    let count = packets.others.0.saturating_add(beyond.len() as u64);
    let bytes = packets.others.1.saturating_add(size as u64);
    let most = configs.iter().map(|config| config.most(count, bytes)).max();
    sum.plus(most.unwrap_or_default())
}

/// A decoder of the packets of a track, as far as time is concerned.
struct Decoder {
    /// What the container says.
    named: Config,
    /// What the last header in a packet says, or the container.
    now: Config,
    /// Whether a block has been decoded since.
    is_proven: bool,
    /// What counts again after a block that cannot be decoded.
    before: Option<(Config, bool)>,
}

impl Decoder {
    fn new(named: Config) -> Self {
        Self { named, now: named, is_proven: false, before: None }
    }

    /// The time of a packet: of its blocks, and one at least.
    fn packet(&mut self, packet: &[u8]) -> Duration {
        let one = self.named.frame();
        if !self.named.is_walked() {
            return self.named.unread(packet.len()).max(one);
        }
        // A decoder may have forgotten what a header said.
        let anew = (self.now != self.named).then(|| Self::new(self.named).all(packet));
        self.all(packet).max(anew.unwrap_or_default()).max(one)
    }

    /// The time of blocks, and of the rest by its size, in case that a decoder reads more than this one.
    fn all(&mut self, packet: &[u8]) -> Duration {
        let (sum, rest) = self.blocks(packet);
        sum.plus(self.named.unread(rest))
    }

    /// The time of blocks, and the count of bytes behind them that cannot be decoded.
    fn blocks(&mut self, packet: &[u8]) -> (Duration, usize) {
        // Zeros behind the last block are no block.
        let last = packet.iter().rposition(|byte| *byte != 0).unwrap_or_default();
        let mut bits = Bits::new(packet);
        let mut sum = Duration::default();
        loop {
            let begin = bits.byte();
            match self.block(&mut bits, packet) {
                Some(true) => sum.add(self.now.frame()),
                Some(false) => {}
                None => {
                    // A decoder drops the rest.
                    self.restore();
                    return (sum, packet.len() - begin);
                }
            }
            bits.align();
            if bits.byte() > last {
                return (sum, 0);
            }
        }
    }

    fn block(&mut self, bits: &mut Bits<'_>, packet: &[u8]) -> Option<bool> {
        if Header::is_at(bits) {
            let header = Header::read(packet.get(bits.byte()..)?)?;
            bits.skip(header.bits);
            if self.is_proven || self.before.is_none() {
                self.before = Some((self.now, self.is_proven));
            }
            self.is_proven = false;
            self.now = header.config.not_faster_than(&self.named);
        }
        let has_channel = block(bits, &self.now)?;
        self.is_proven |= has_channel;
        Some(has_channel)
    }

    fn restore(&mut self) {
        if let Some((config, is_proven)) = self.before.filter(|_| !self.is_proven) {
            (self.now, self.is_proven) = (config, is_proven);
        }
    }
}

/// The time of a frame of ADTS, which begins with this header. What looks like one and cannot be decoded
/// may be found in other data.
pub(super) fn frame(header: &Header, frame: &[u8]) -> Duration {
    let said = header.config.frame().times(header.blocks);
    Decoder::new(header.config).blocks(frame).0.max(said)
}

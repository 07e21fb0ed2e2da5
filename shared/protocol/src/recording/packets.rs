//! The packets of a track, and how many of them are looked at.

/// The packets of a track.
#[derive(Clone, Default)]
pub(super) struct Packets<'a> {
    /// Those that were found.
    pub(super) found: Vec<&'a [u8]>,
    /// The count and the bytes of others, whose content is not known.
    pub(super) others: (u64, u64),
}

impl<'a> Packets<'a> {
    /// Adds a packet, if as many are left. Else it is one of the others.
    pub(super) fn add(&mut self, packet: &'a [u8], left: &mut Left) {
        // An empty packet has no time, but a list of them takes memory.
        if !packet.is_empty() && left.take(packet) {
            self.found.push(packet);
        } else {
            self.others.0 += 1;
            self.others.1 += packet.len() as u64;
        }
    }
}

/// How many packets and bytes of a file are still looked at. A file has no more, unless it names the same
/// bytes again and again.
#[derive(Default)]
pub(super) struct Left {
    packets: usize,
    bytes: usize,
}

impl Left {
    /// For a file of which no packet takes fewer bytes, with what names it.
    pub(super) fn of(file: &[u8], fewest_bytes: usize) -> Self {
        Self { packets: file.len() / fewest_bytes + 1, bytes: 2 * file.len() }
    }

    /// Takes one packet of it, if that is left.
    pub(super) fn take(&mut self, packet: &[u8]) -> bool {
        let left = self.packets.checked_sub(1).zip(self.bytes.checked_sub(packet.len()));
        if let Some((packets, bytes)) = left {
            *self = Self { packets, bytes };
        }
        left.is_some()
    }
}

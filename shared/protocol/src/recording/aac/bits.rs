//! Bits in the order in which AAC has them: the highest of a byte first.

/// A place in a packet. What is behind the end reads as zeros, so that a walk asks only now and then
/// whether it has passed the end.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    /// The next bit.
    at: usize,
}

impl<'a> Bits<'a> {
    /// How many bits of a [`window`](Self::window) are certain to be there.
    pub(super) const WINDOW: u32 = 57;

    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    /// The next bits, of which the first is the highest.
    #[inline]
    pub(super) fn window(&self) -> u64 {
        let rest = self.data.get(self.at / 8..).unwrap_or_default();
        let word = match rest.first_chunk() {
            Some(bytes) => u64::from_be_bytes(*bytes),
            None => {
                let mut bytes = [0; 8];
                bytes.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                u64::from_be_bytes(bytes)
            }
        };
        word << (self.at % 8)
    }

    /// The number in the next bits: one to 32.
    #[inline]
    pub(super) fn take(&mut self, bits: u32) -> usize {
        let value = self.window() >> (u64::BITS - bits);
        self.at += bits as usize;
        usize::try_from(value).unwrap_or_default()
    }

    #[inline]
    pub(super) fn is_set(&mut self) -> bool {
        self.take(1) == 1
    }

    pub(super) fn skip(&mut self, bits: usize) {
        self.at = self.at.saturating_add(bits);
    }

    /// Goes on where the next byte begins.
    pub(super) fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }

    /// The byte in which the next bit is.
    pub(super) fn byte(&self) -> usize {
        self.at / 8
    }

    /// Whether so many bits are left.
    pub(super) fn has(&self, bits: usize) -> bool {
        self.at.saturating_add(bits) <= self.data.len().saturating_mul(8)
    }
}

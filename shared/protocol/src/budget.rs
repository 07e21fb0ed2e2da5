//! The work that the files of one request may cause.

/// How much more may be unpacked and read for a request, all its files together. A small file may
/// unpack to any size, and name its parts any number of times.
#[derive(Debug)]
pub(crate) struct Budget {
    unpacked: usize,
    read: usize,
}

impl Default for Budget {
    /// That of a request.
    fn default() -> Self {
        Self { unpacked: Self::UNPACKED, read: 3 * Self::UNPACKED }
    }
}

impl Budget {
    /// The most bytes that are unpacked for a request.
    pub(crate) const UNPACKED: usize = 32 * 1024 * 1024;

    /// The bytes that may still be unpacked.
    pub(crate) fn unpacked_left(&self) -> usize {
        self.unpacked
    }

    /// Counts what was unpacked; `None` if it is too much.
    pub(crate) fn unpack(&mut self, bytes: usize) -> Option<()> {
        take(&mut self.unpacked, bytes)
    }

    /// What was read and unpacked of the budget of a request.
    #[cfg(test)]
    pub(crate) fn work(&self) -> usize {
        let all = Self::default();
        all.read - self.read + all.unpacked - self.unpacked
    }

    /// Counts what was read; `None` if it is too much.
    pub(crate) fn read(&mut self, bytes: usize) -> Option<()> {
        take(&mut self.read, bytes)
    }
}

/// Once something was too much, nothing is left: the work is done.
fn take(left: &mut usize, bytes: usize) -> Option<()> {
    let after = left.checked_sub(bytes);
    *left = after.unwrap_or_default();
    after.map(|_| ())
}

//! Judges whether the chunks of a stream arrived one by one or all at once.

use std::time::Duration;

/// Fewer chunks prove nothing.
const MIN_CHUNKS: usize = 6;

/// A shorter stream proves nothing.
const MIN_DURATION: Duration = Duration::from_millis(40);

/// A buffered stream arrives in less than this share of the request's time.
const BUFFERED_SHARE: u32 = 10;

/// A difference by this factor is not random.
const SPREAD_FACTOR: u32 = 4;

/// When the chunks of a stream arrived, counted from the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ChunkTimes {
    frames: usize,
    first: Duration,
    last: Duration,
    total: Duration,
}

/// How the chunks arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// One by one.
    Incremental,
    /// All at once near the end.
    Buffered,
    /// Too few or too fast to judge.
    Unclear,
}

impl ChunkTimes {
    /// Records a chunk.
    pub(super) fn frame(&mut self, at: Duration) {
        if self.frames == 0 {
            self.first = at;
        }
        self.frames += 1;
        self.last = at;
    }

    /// Records the end.
    pub(super) fn end(&mut self, at: Duration) {
        self.total = at;
    }

    /// From the first chunk to the last.
    #[must_use]
    pub(super) fn spread(&self) -> Duration {
        self.last.saturating_sub(self.first)
    }

    /// How the chunks arrived, judged alone.
    #[must_use]
    pub(super) fn delivery(&self) -> Delivery {
        if self.frames < MIN_CHUNKS || self.total < MIN_DURATION {
            return Delivery::Unclear;
        }
        match self.spread() * BUFFERED_SHARE < self.total {
            true => Delivery::Buffered,
            false => Delivery::Incremental,
        }
    }

    /// How the chunks arrived, compared to the same request sent directly.
    ///
    /// A buffered stream that needs two rounds of packets has some spread, so it is compared to the
    /// direct stream.
    #[must_use]
    pub(super) fn delivery_compared_to(&self, direct: &Self) -> Delivery {
        match (self.delivery(), direct.delivery()) {
            (Delivery::Incremental, Delivery::Incremental)
                if self.spread() * SPREAD_FACTOR < direct.spread() =>
            {
                Delivery::Buffered
            }
            (delivery @ (Delivery::Incremental | Delivery::Buffered | Delivery::Unclear), _) => {
                delivery
            }
        }
    }

    /// The times as text.
    #[must_use]
    pub(super) fn words(&self) -> String {
        format!(
            "{} chunks, first after {} ms, last {} ms later",
            self.frames,
            self.first.as_millis(),
            self.spread().as_millis()
        )
    }
}

/// A stream whose chunks arrived at these milliseconds.
#[cfg(test)]
pub(super) fn stream(arrivals_ms: &[u64]) -> ChunkTimes {
    let mut times = ChunkTimes::default();
    for at in arrivals_ms {
        times.frame(Duration::from_millis(*at));
    }
    times.end(Duration::from_millis(arrivals_ms.last().copied().unwrap_or_default()));
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_that_arrive_one_by_one_are_incremental() {
        assert_eq!(stream(&[300, 340, 380, 420, 460, 500, 540]).delivery(), Delivery::Incremental);
    }

    #[test]
    fn chunks_that_arrive_at_the_end_are_buffered() {
        assert_eq!(stream(&[800, 800, 801, 801, 802, 802, 803]).delivery(), Delivery::Buffered);
    }

    #[test]
    fn buffering_in_two_rounds_shows_beside_the_direct_stream() {
        let direct = stream(&[300, 400, 500, 600, 700, 800]);
        let held_back = stream(&[820, 820, 820, 920, 920, 920]);
        assert_eq!(held_back.delivery(), Delivery::Incremental);
        assert_eq!(held_back.delivery_compared_to(&direct), Delivery::Buffered);
        assert_eq!(
            stream(&[310, 410, 500, 600, 700, 900]).delivery_compared_to(&direct),
            Delivery::Incremental
        );
    }

    #[test]
    fn few_chunks_or_a_fast_stream_prove_nothing() {
        assert_eq!(stream(&[300, 400, 500]).delivery(), Delivery::Unclear);
        assert_eq!(stream(&[1, 1, 2, 2, 3, 3]).delivery(), Delivery::Unclear);
    }
}

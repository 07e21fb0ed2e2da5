//! Whether the frames of a stream arrived apart or in one lump.

use std::time::Duration;

/// Fewer frames say nothing.
const FEWEST: usize = 6;

/// A stream that is over sooner says nothing.
const SHORTEST: Duration = Duration::from_millis(40);

/// A lump takes less than this share of the whole call.
const LUMP: u32 = 10;

/// So many times the spread of a stream cannot come of chance.
const CHANCE: u32 = 4;

/// When the frames of one stream came, counted from the question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Arrivals {
    frames: usize,
    first: Duration,
    last: Duration,
    total: Duration,
}

/// How frames came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// One after the other.
    Apart,
    /// All at once, near the end.
    Lump,
    /// Too few or too fast to tell.
    Unclear,
}

impl Arrivals {
    /// Notes a frame.
    pub(super) fn frame(&mut self, at: Duration) {
        if self.frames == 0 {
            self.first = at;
        }
        self.frames += 1;
        self.last = at;
    }

    /// Notes the end.
    pub(super) fn end(&mut self, at: Duration) {
        self.total = at;
    }

    /// From the first frame to the last.
    #[must_use]
    pub(super) fn spread(&self) -> Duration {
        self.last.saturating_sub(self.first)
    }

    /// How they came, judged by themselves.
    #[must_use]
    pub(super) fn pace(&self) -> Pace {
        if self.frames < FEWEST || self.total < SHORTEST {
            return Pace::Unclear;
        }
        match self.spread() * LUMP < self.total {
            true => Pace::Lump,
            false => Pace::Apart,
        }
    }

    /// How they came, where the same question was asked without what may have held them back.
    ///
    /// A lump that is long enough for two flights of packets has some spread, so it is held
    /// against that of the direct answer.
    #[must_use]
    pub(super) fn pace_beside(&self, direct: &Self) -> Pace {
        match (self.pace(), direct.pace()) {
            (Pace::Apart, Pace::Apart) if self.spread() * CHANCE < direct.spread() => Pace::Lump,
            (pace @ (Pace::Apart | Pace::Lump | Pace::Unclear), _) => pace,
        }
    }

    /// The figures in words.
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

/// The stream whose frames came at these milliseconds, the end with the last.
#[cfg(test)]
pub(super) fn stream(arrivals_ms: &[u64]) -> Arrivals {
    let mut arrivals = Arrivals::default();
    for at in arrivals_ms {
        arrivals.frame(Duration::from_millis(*at));
    }
    arrivals.end(Duration::from_millis(arrivals_ms.last().copied().unwrap_or_default()));
    arrivals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_that_come_one_by_one_are_apart() {
        assert_eq!(stream(&[300, 340, 380, 420, 460, 500, 540]).pace(), Pace::Apart);
    }

    #[test]
    fn frames_that_come_at_the_end_are_a_lump() {
        assert_eq!(stream(&[800, 800, 801, 801, 802, 802, 803]).pace(), Pace::Lump);
    }

    #[test]
    fn a_lump_in_two_flights_is_one_beside_the_direct_stream() {
        let direct = stream(&[300, 400, 500, 600, 700, 800]);
        let held_back = stream(&[820, 820, 820, 920, 920, 920]);
        assert_eq!(held_back.pace(), Pace::Apart);
        assert_eq!(held_back.pace_beside(&direct), Pace::Lump);
        assert_eq!(stream(&[310, 410, 500, 600, 700, 900]).pace_beside(&direct), Pace::Apart);
    }

    #[test]
    fn a_few_frames_or_a_fast_stream_prove_nothing() {
        assert_eq!(stream(&[300, 400, 500]).pace(), Pace::Unclear);
        assert_eq!(stream(&[1, 1, 2, 2, 3, 3]).pace(), Pace::Unclear);
    }
}

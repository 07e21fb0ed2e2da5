//! What a made-up crowd met with.

use std::collections::BTreeMap;
use std::time::Duration;

use lanyard_doctor::grouped;
use serde_json::{Value, json};

use crate::table::pairs;

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Answered {
        took: Duration,
        first: Duration,
        tokens: u64,
    },
    /// By the error's code.
    Refused(String),
    Unanswered,
}

/// What came of all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    took: Vec<Duration>,
    first: Vec<Duration>,
    tokens: u64,
    refused: BTreeMap<String, u64>,
    unanswered: u64,
}

impl Figures {
    pub(super) fn take(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Answered { took, first, tokens } => {
                self.took.push(took);
                self.first.push(first);
                self.tokens = self.tokens.saturating_add(tokens);
            }
            Outcome::Refused(code) => *self.refused.entry(code).or_default() += 1,
            Outcome::Unanswered => self.unanswered += 1,
        }
    }

    pub(super) fn has_answers(&self) -> bool {
        !self.took.is_empty()
    }

    fn answered(&self) -> u64 {
        u64::try_from(self.took.len()).unwrap_or(u64::MAX)
    }

    fn refusals(&self) -> u64 {
        self.refused.values().sum()
    }

    /// What stands beside the progress bar.
    pub(super) fn brief(&self) -> String {
        format!("{} succeeded, {} rejected", grouped(self.answered()), grouped(self.refusals()))
    }

    /// All of it for programs.
    pub(super) fn json(&self, attendees: u16, lasting: Duration) -> Value {
        let times = |times: &[Duration]| {
            let (p50, p95, most) = percentiles(times);
            json!({"p50": p50, "p95": p95, "most": most})
        };
        json!({
            "attendees": attendees, "seconds": lasting.as_secs(), "answered": self.answered(),
            "refused": self.refused, "unanswered": self.unanswered, "tokens": self.tokens,
            "answer_ms": times(&self.took), "first_byte_ms": times(&self.first),
        })
    }

    /// All of it for people.
    pub(super) fn text(&self, attendees: u16, lasting: Duration) -> String {
        let times = |times: &[Duration]| {
            let (p50, p95, most) = percentiles(times);
            format!("median {p50} ms, p95 {p95} ms, max {most} ms")
        };
        let kinds = self.refused.iter().map(|(code, count)| format!("{} {code}", grouped(*count)));
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        let refused = match self.refusals() {
            0 => "0".to_owned(),
            all => format!("{}: {kinds}", grouped(all)),
        };
        pairs(&[
            ("load", format!("{attendees} attendees for {} s", lasting.as_secs())),
            ("succeeded", format!("{}, {} tokens", grouped(self.answered()), grouped(self.tokens))),
            ("rejected", refused),
            ("failed", grouped(self.unanswered)),
            ("first byte", times(&self.first)),
            ("response", times(&self.took)),
        ])
    }
}

/// The times in milliseconds within which half, 95 % and all came.
fn percentiles(times: &[Duration]) -> (u128, u128, u128) {
    let mut times: Vec<_> = times.iter().map(Duration::as_millis).collect();
    times.sort_unstable();
    let within = |percent: usize| {
        let rank = (times.len() * percent).div_ceil(100).saturating_sub(1);
        times.get(rank).copied().unwrap_or_default()
    };
    (within(50), within(95), within(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_name_refusals_by_kind_and_times_by_rank() {
        let mut figures = Figures::default();
        for ms in 1..=100 {
            let took = Duration::from_millis(ms);
            figures.take(Outcome::Answered { took, first: took / 2, tokens: 10 });
        }
        figures.take(Outcome::Refused("rate_limit_exceeded".to_owned()));
        figures.take(Outcome::Unanswered);
        let json = figures.json(5, Duration::from_secs(30));
        assert_eq!(json["answer_ms"], json!({"p50": 50, "p95": 95, "most": 100}));
        assert_eq!(json["refused"], json!({"rate_limit_exceeded": 1}));
        assert_eq!((&json["tokens"], &json["unanswered"]), (&json!(1_000), &json!(1)));
        assert_eq!(percentiles(&[]), (0, 0, 0));
    }
}

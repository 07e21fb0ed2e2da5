//! The results of a simulation.

use std::collections::BTreeMap;
use std::time::Duration;

use lanyard_doctor::grouped;
use serde_json::{Value, json};

use crate::table::Style;

/// The outcome of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Succeeded {
        took: Duration,
        first: Duration,
        tokens: u64,
    },
    /// With the error's code.
    Rejected(String),
    Failed,
}

/// The results of all requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Results {
    took: Vec<Duration>,
    first: Vec<Duration>,
    tokens: u64,
    rejected: BTreeMap<String, u64>,
    failed: u64,
}

impl Results {
    pub(super) fn record(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Succeeded { took, first, tokens } => {
                self.took.push(took);
                self.first.push(first);
                self.tokens = self.tokens.saturating_add(tokens);
            }
            Outcome::Rejected(code) => *self.rejected.entry(code).or_default() += 1,
            Outcome::Failed => self.failed += 1,
        }
    }

    pub(super) fn has_successes(&self) -> bool {
        !self.took.is_empty()
    }

    fn succeeded(&self) -> u64 {
        u64::try_from(self.took.len()).unwrap_or(u64::MAX)
    }

    fn rejections(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// The text beside the progress bar.
    pub(super) fn brief(&self) -> String {
        format!("{} succeeded, {} rejected", grouped(self.succeeded()), grouped(self.rejections()))
    }

    /// The results as JSON.
    pub(super) fn json(&self, attendees: u16, duration: Duration) -> Value {
        let times = |times: &[Duration]| match percentiles(times) {
            Some((p50, p95, most)) => json!({"p50": p50, "p95": p95, "most": most}),
            None => json!({"p50": null, "p95": null, "most": null}),
        };
        json!({
            "attendees": attendees, "seconds": duration.as_secs(), "answered": self.succeeded(),
            "refused": self.rejected, "unanswered": self.failed, "tokens": self.tokens,
            "answer_ms": times(&self.took), "first_byte_ms": times(&self.first),
        })
    }

    /// The results as text.
    pub(super) fn text(&self, style: Style, attendees: u16, duration: Duration) -> String {
        let times = |times: &[Duration]| match percentiles(times) {
            Some((p50, p95, most)) => format!("median {p50} ms, p95 {p95} ms, max {most} ms"),
            None => "none".to_owned(),
        };
        let kinds = self.rejected.iter().map(|(code, count)| format!("{} {code}", grouped(*count)));
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        let rejected = match self.rejections() {
            0 => "0".to_owned(),
            all => format!("{}: {kinds}", grouped(all)),
        };
        style.pairs(&[
            ("load", format!("{attendees} attendees for {} s", duration.as_secs())),
            (
                "succeeded",
                format!("{}, {} tokens", grouped(self.succeeded()), grouped(self.tokens)),
            ),
            ("rejected", rejected),
            ("failed", grouped(self.failed)),
            ("first byte", times(&self.first)),
            ("response", times(&self.took)),
        ])
    }
}

/// Median, 95th percentile and maximum in milliseconds. `None` without a time.
fn percentiles(times: &[Duration]) -> Option<(u128, u128, u128)> {
    let mut times: Vec<_> = times.iter().map(Duration::as_millis).collect();
    times.sort_unstable();
    let within = |percent: usize| {
        let rank = (times.len() * percent).div_ceil(100).saturating_sub(1);
        times.get(rank).copied()
    };
    Some((within(50)?, within(95)?, within(100)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_count_errors_by_code_and_times_by_rank() {
        let mut results = Results::default();
        for ms in 1..=100 {
            let took = Duration::from_millis(ms);
            results.record(Outcome::Succeeded { took, first: took / 2, tokens: 10 });
        }
        results.record(Outcome::Rejected("rate_limit_exceeded".to_owned()));
        results.record(Outcome::Failed);
        let json = results.json(5, Duration::from_secs(30));
        assert_eq!(json["answer_ms"], json!({"p50": 50, "p95": 95, "most": 100}));
        assert_eq!(json["refused"], json!({"rate_limit_exceeded": 1}));
        assert_eq!((&json["tokens"], &json["unanswered"]), (&json!(1_000), &json!(1)));
    }

    #[test]
    fn without_a_success_there_is_no_time() {
        let mut results = Results::default();
        results.record(Outcome::Failed);
        let text = results.text(Style::default(), 1, Duration::from_secs(1));
        assert!(
            text.contains("first byte  none\n") && text.contains("response    none\n"),
            "{text}"
        );
        let json = results.json(1, Duration::from_secs(1));
        assert_eq!(json["answer_ms"]["p95"], Value::Null);
    }
}

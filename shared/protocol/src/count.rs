//! What answers say of their own cost, by operation.

use lanyard_domain::account::Hold;
use lanyard_domain::operation::{Medium, Operation};
use lanyard_domain::settlement::Settlement;
use lanyard_domain::unit::{Unit, Units};
use lanyard_domain::usage::Usage;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::upstream::{Answer, Counted};

/// What a whole JSON answer cost, and Azure's name for it; `None` if it is no JSON object. It may be
/// megabytes of numbers, so it is read once.
pub fn whole(
    operation: Operation,
    body: &[u8],
    hold: &Hold,
) -> Option<(Settlement, Option<String>)> {
    let answer: Answer<'_> = serde_json::from_slice(body).ok()?;
    Some((settlement(operation, &answer, body, hold), answer.name()))
}

fn settlement(operation: Operation, answer: &Answer<'_>, body: &[u8], hold: &Hold) -> Settlement {
    let counted = answer.counted(hold.tokens());
    match operation.medium() {
        Medium::Text | Medium::Vectors | Medium::Sound => match counted {
            Some(counted) => with_units(counted, hold.units),
            None => Settlement::AtLeast(Usage::default()),
        },
        Medium::Pictures => {
            let made = serde_json::from_slice::<Made>(body).ok().and_then(|made| made.data);
            match made {
                Some(made) => pictures(counted, made.len() as u64),
                None => Settlement::AtLeast(counted.map_or_else(Usage::default, |c| c.usage)),
            }
        }
        Medium::Transcript => {
            match (seconds(body, hold), counted) {
                (Some(seconds), Some(counted)) if !is_duration(body) => {
                    with_units(counted, Units::of(Unit::AudioSeconds, seconds))
                }
                (Some(seconds), _) => {
                    Settlement::Exact(Usage::of_units(Units::of(Unit::AudioSeconds, seconds)))
                }
                // Tokens to the token; of the seconds nobody speaks, so they stay as estimated.
                (None, counted) => {
                    Settlement::AtLeast(counted.map_or_else(Usage::default, |c| c.usage))
                }
            }
        }
        Medium::Verdict => Settlement::Exact(Usage::default()),
    }
}

/// What pictures cost: each is counted, and so are tokens where the model reports them.
pub fn pictures(counted: Option<Counted>, made: u64) -> Settlement {
    let units = Units::of(Unit::Images, made);
    match counted {
        Some(counted) => with_units(counted, units),
        None => Settlement::Exact(Usage::of_units(units)),
    }
}

/// Tokens as Azure counted them, beside units that are known.
pub fn with_units(counted: Counted, units: Units) -> Settlement {
    let usage = Usage { units, ..counted.usage };
    if counted.is_credible { Settlement::Exact(usage) } else { Settlement::AtLeast(usage) }
}

#[derive(Deserialize)]
struct Made {
    data: Option<Vec<IgnoredAny>>,
}

#[derive(Default, Deserialize)]
struct Heard {
    #[serde(default)]
    duration: Value,
    #[serde(default)]
    usage: Value,
}

/// Whether the usage speaks of seconds rather than of tokens.
fn is_duration(body: &[u8]) -> bool {
    let heard: Heard = serde_json::from_slice(body).unwrap_or_default();
    heard.usage.get("seconds").is_some()
}

/// The seconds that an answer names, begun ones whole.
fn seconds(body: &[u8], hold: &Hold) -> Option<u64> {
    let heard: Heard = serde_json::from_slice(body).ok()?;
    let most = hold.units.get(Unit::AudioSeconds).saturating_mul(20).saturating_add(86_400);
    let named = [heard.usage.get("seconds").unwrap_or(&Value::Null), &heard.duration];
    let seconds = named.into_iter().find_map(|value| match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse::<f64>().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    })?;
    whole_seconds(seconds).filter(|seconds| *seconds <= most)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be a small, positive number"
)]
fn whole_seconds(seconds: f64) -> Option<u64> {
    (0.0..1e9).contains(&seconds).then(|| seconds.ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanyard_domain::time::EpochNanos;

    fn settled(operation: Operation, units: Units, body: &str) -> Option<Settlement> {
        let hold = Hold {
            prompt_tokens: 0,
            completion_tokens: 0,
            units,
            admitted_at: EpochNanos(0),
            day: chrono::NaiveDate::MIN,
            expires_at: EpochNanos(0),
            is_recorded: true,
        };
        whole(operation, body.as_bytes(), &hold).map(|(settlement, _)| settlement)
    }

    fn heard(body: &str) -> Settlement {
        let units = Units::of(Unit::AudioSeconds, 60);
        settled(Operation::AudioTranscriptions, units, body).unwrap()
    }

    fn exactly(unit: Unit, count: u64) -> Settlement {
        Settlement::Exact(Usage::of_units(Units::of(unit, count)))
    }

    #[test]
    fn pictures_are_counted_as_they_were_made() {
        let made =
            |body| settled(Operation::ImagesGenerations, Units::of(Unit::Images, 2), body).unwrap();
        assert_eq!(made(r#"{"data":[{"url":"x"}]}"#), exactly(Unit::Images, 1));
        let with_tokens =
            r#"{"data":[{}],"usage":{"input_tokens":7,"output_tokens":1056,"total_tokens":1063}}"#;
        let usage = Usage { units: Units::of(Unit::Images, 1), ..Usage::of_tokens(7, 1_056) };
        assert_eq!(made(with_tokens), Settlement::Exact(usage));
        assert_eq!(made("{}"), Settlement::AtLeast(Usage::default()));
        assert_eq!(settled(Operation::ImagesEdits, Units::NONE, "<html>"), None);
    }

    #[test]
    fn seconds_are_those_that_the_answer_names() {
        assert_eq!(heard(r#"{"text":"","duration":8.47}"#), exactly(Unit::AudioSeconds, 9));
        assert_eq!(heard(r#"{"text":"","duration":"8.0"}"#), exactly(Unit::AudioSeconds, 8));
        let usage = r#"{"text":"","usage":{"type":"duration","seconds":11}}"#;
        assert_eq!(heard(usage), exactly(Unit::AudioSeconds, 11));
    }

    #[test]
    fn what_is_not_named_or_absurd_stays_as_estimated() {
        for body in [
            r#"{"text":""}"#,
            r#"{"duration":-1}"#,
            r#"{"duration":1e12}"#,
            r#"{"duration":"long"}"#,
            r#"{"duration":[8]}"#,
        ] {
            assert_eq!(heard(body), Settlement::AtLeast(Usage::default()), "{body}");
        }
        let tokens =
            r#"{"usage":{"type":"tokens","input_tokens":14,"output_tokens":45,"total_tokens":59}}"#;
        assert_eq!(heard(tokens), Settlement::AtLeast(Usage::of_tokens(14, 45)));
    }

    #[test]
    fn moderations_cost_a_request() {
        let free = Settlement::Exact(Usage::default());
        assert_eq!(settled(Operation::Moderations, Units::NONE, r#"{"results":[]}"#), Some(free));
    }
}

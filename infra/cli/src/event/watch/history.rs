//! The history of an event's usage, and its rates.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use lanyard_doctor::grouped;
use serde_json::{Value, json};

use crate::event::when::read;
use crate::money::Money;
use crate::table::{printable, text};

/// The samples that are kept, as many as fit on a wide terminal.
const MAX_SAMPLES: usize = 120;

/// The usage at one time.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    at: DateTime<Utc>,
    pub(super) event: Value,
    pub(super) requests: u64,
    pub(super) tokens: u64,
    pub(super) held: u64,
    pub(super) money: Money,
    /// Sorted by tokens.
    pub(super) attendees: Vec<Used>,
    /// Total errors by code, the most frequent first.
    pub(super) errors: Vec<(String, u64)>,
    /// Median and 95th percentile of the time to first byte in milliseconds, in the last hour with
    /// requests.
    pub(super) first_byte_ms: Option<(u64, u64)>,
}

/// What one attendee used.
#[derive(Clone, Debug)]
pub(super) struct Used {
    pub(super) user: String,
    pub(super) requests: u64,
    pub(super) tokens: u64,
    pub(super) usd: f64,
}

impl Used {
    fn of(row: &Value) -> Self {
        Self {
            user: text(&row["user"]),
            requests: row["requests"].as_u64().unwrap_or_default(),
            tokens: row["total_tokens"].as_u64().unwrap_or_default(),
            usd: row["usd"].as_f64().unwrap_or_default(),
        }
    }
}

impl Sample {
    pub(super) fn of(event: Value, usage: &Value, hours: &Value, at: DateTime<Utc>) -> Self {
        let count = |numbers: &Value, name: &str| numbers[name].as_u64().unwrap_or_default();
        let rows = usage["rows"].as_array().into_iter().flatten();
        let mut attendees: Vec<_> = rows.map(Used::of).collect();
        attendees.sort_by(|a, b| {
            let by_usage = (b.tokens, b.requests).cmp(&(a.tokens, a.requests));
            by_usage.then_with(|| a.user.cmp(&b.user))
        });
        let total = &usage["total"];
        Self {
            at,
            money: Money::of_event(&event, total),
            event,
            requests: count(total, "requests"),
            tokens: count(total, "total_tokens"),
            held: count(total, "held_tokens"),
            attendees,
            errors: errors(hours),
            first_byte_ms: hours["rows"].as_array().into_iter().flatten().rev().find_map(|hour| {
                let times = &hour["first_byte"];
                Some((times["p50_ms"].as_u64()?, times["p95_ms"].as_u64()?))
            }),
        }
    }

    /// The number of errors, and the most frequent codes.
    pub(super) fn errors_in_words(&self) -> String {
        const MOST: usize = 4;
        let all = self.errors.iter().map(|(_, times)| times).sum::<u64>();
        let kind =
            |(code, times): &(String, u64)| format!("{} {}", printable(code), grouped(*times));
        let mut kinds: Vec<_> = self.errors.iter().take(MOST).map(kind).collect();
        if self.errors.len() > MOST {
            kinds.push("others".to_owned());
        }
        match all {
            0 => "none".to_owned(),
            all => format!("{} ({})", grouped(all), kinds.join(", ")),
        }
    }

    /// The recent time to first byte.
    pub(super) fn first_byte_in_words(&self) -> Option<String> {
        let (half, most) = self.first_byte_ms?;
        Some(format!("median {} ms, p95 {} ms", grouped(half), grouped(most)))
    }

    /// The budget in tokens, if there is one.
    pub(super) fn budget(&self) -> Option<u64> {
        self.event["allowances"]["event"]["tokens_total"].as_u64()
    }

    /// The remaining budget.
    pub(super) fn left(&self) -> Option<u64> {
        Some(self.budget()?.saturating_sub(self.tokens).saturating_sub(self.held))
    }

    /// Whether anything costs money, or may not.
    pub(super) fn has_money(&self) -> bool {
        self.money.matters_at(&self.event)
    }

    pub(super) fn time_left(&self) -> Option<TimeDelta> {
        Some(read(&self.event["ends_at"])? - self.at)
    }
}

/// The errors of all hours by code, the most frequent first.
fn errors(hours: &Value) -> Vec<(String, u64)> {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    let rows = hours["rows"].as_array().into_iter().flatten();
    for (code, times) in rows.filter_map(|row| row["errors"].as_object()).flatten() {
        *sums.entry(code).or_default() += times.as_u64().unwrap_or_default();
    }
    let mut sums: Vec<_> = sums.into_iter().map(|(code, times)| (code.to_owned(), times)).collect();
    sums.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    sums
}

/// The rates per minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) requests: u64,
    pub(super) tokens: u64,
}

impl Rate {
    /// `None` if no time has passed.
    fn between(before: &Sample, after: &Sample) -> Option<Self> {
        let ms =
            u64::try_from((after.at - before.at).num_milliseconds()).ok().filter(|ms| *ms > 0)?;
        let per_minute =
            |before: u64, after: u64| after.saturating_sub(before).saturating_mul(60_000) / ms;
        Some(Self {
            requests: per_minute(before.requests, after.requests),
            tokens: per_minute(before.tokens, after.tokens),
        })
    }
}

/// The samples of an event.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    last: Option<Sample>,
    pub(super) rates: VecDeque<Rate>,
    /// The remaining budget of each sample.
    pub(super) left: VecDeque<u64>,
}

impl History {
    pub(super) fn record(&mut self, sample: Sample) {
        if let Some(rate) = self.last.as_ref().and_then(|last| Rate::between(last, &sample)) {
            push(&mut self.rates, rate);
        }
        if let Some(left) = sample.left() {
            push(&mut self.left, left);
        }
        self.last = Some(sample);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    pub(super) fn last(&self) -> Option<&Sample> {
        self.last.as_ref()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.last.as_ref().is_some_and(|sample| sample.event["status"] == "ended")
    }

    /// How long the budget lasts at the recent rate.
    pub(super) fn budget_lasts(&self) -> Option<TimeDelta> {
        let recent: Vec<_> = self.rates.iter().rev().take(12).collect();
        let sum: u64 = recent.iter().map(|rate| rate.tokens).sum();
        let rate = sum.checked_div(u64::try_from(recent.len()).ok()?).filter(|rate| *rate > 0)?;
        TimeDelta::try_minutes(i64::try_from(self.last.as_ref()?.left()? / rate).ok()?)
    }

    /// The last sample as JSON.
    pub(super) fn json(&self, top: usize) -> Value {
        let Some(sample) = &self.last else { return Value::Null };
        let rate = self.rates.back();
        let attendee = |used: &Used| {
            let Used { user, requests, tokens, usd } = used;
            json!({"user": user, "requests": requests, "tokens": tokens, "usd": usd})
        };
        json!({
            "at": sample.at.to_rfc3339_opts(SecondsFormat::Secs, true),
            "status": sample.event["status"],
            "requests": sample.requests,
            "requests_per_minute": rate.map(|rate| rate.requests),
            "tokens": sample.tokens,
            "tokens_per_minute": rate.map(|rate| rate.tokens),
            "held_tokens": sample.held,
            "budget": sample.budget(),
            "budget_left": sample.left(),
            "usd": sample.money.spent,
            "held_usd": sample.money.held,
            "budget_usd": sample.money.budget,
            "budget_usd_left": sample.money.left(),
            "errors": sample.errors.iter().cloned().collect::<BTreeMap<_, _>>(),
            "first_byte_ms": sample.first_byte_ms.map(|(p50, p95)| json!({"p50": p50, "p95": p95})),
            "attendees": sample.attendees.len(),
            "top": sample.attendees.iter().take(top).map(attendee).collect::<Vec<_>>(),
        })
    }

    /// The last sample as a line of text.
    pub(super) fn line(&self, top: usize) -> String {
        let Some(sample) = &self.last else { return String::new() };
        let rate = |of: fn(&Rate) -> u64| {
            self.rates
                .back()
                .map_or_else(String::new, |rate| format!(" ({}/min)", grouped(of(rate))))
        };
        let left = match (sample.left(), sample.budget()) {
            (_, Some(budget)) if sample.tokens >= budget => {
                format!("budget of {} used up", grouped(budget))
            }
            (Some(left), Some(budget)) => format!("{} of {} left", grouped(left), grouped(budget)),
            (_, _) => "no budget".to_owned(),
        };
        let names = sample.attendees.iter().take(top);
        let names = names
            .map(|Used { user, tokens, .. }| format!("{} {}", printable(user), grouped(*tokens)));
        let names = names.collect::<Vec<_>>().join(", ");
        let names = if names.is_empty() { names } else { format!(": {names}") };
        let latency = sample.first_byte_in_words().map(|latency| format!("  first byte {latency}"));
        let money = match sample.has_money() {
            true => format!("  {}", sample.money.in_words()),
            false => String::new(),
        };
        format!(
            "{}  {}  {} requests{}  {} tokens{}  {left}{money}  errors: {}{}  {} attendees{names}",
            sample.at.format("%H:%M:%SZ"),
            text(&sample.event["status"]),
            grouped(sample.requests),
            rate(|rate| rate.requests),
            grouped(sample.tokens),
            rate(|rate| rate.tokens),
            sample.errors_in_words(),
            latency.unwrap_or_default(),
            sample.attendees.len()
        )
    }
}

fn push<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() == MAX_SAMPLES {
        queue.pop_front();
    }
    queue.push_back(item);
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn sample(second: u32, requests: u64, tokens: u64) -> Sample {
        let event = json!({
            "name": "Oslo Hack", "code": "oslo-hack-1c3e5g7y", "status": "open",
            "ends_at": "2026-12-06T18:00:00+01:00", "time_zone": "Europe/Oslo",
            "allowances": {"event": {"tokens_total": 10_000}},
        });
        let usage = json!({
            "total": {"requests": requests, "total_tokens": tokens, "held_tokens": 100},
            "rows": [
                {"user": "bob", "requests": 1, "total_tokens": 5},
                {"user": "ada\u{1b}", "requests": requests, "total_tokens": tokens},
            ],
        });
        let first_byte = json!({"requests": requests, "p50_ms": 75, "p95_ms": 1_600});
        let hours = json!({"rows": [
            {"errors": {"upstream_busy": 1}, "first_byte": {"p50_ms": 1, "p95_ms": 2}},
            {"errors": {"upstream_busy": 1, "rate_limit_exceeded": 1_200}, "first_byte": first_byte},
            {"errors": {}, "first_byte": {"requests": 0, "p50_ms": null, "p95_ms": null}},
        ]});
        let at = format!("2026-12-06T15:00:{second:02}Z").parse().unwrap();
        Sample::of(event, &usage, &hours, at)
    }

    /// The same of an event with a budget of 20 dollars.
    pub(crate) fn with_money(mut sample: Sample, spent: f64, held: f64) -> Sample {
        sample.event["allowances"]["event"]["usd_total"] = json!(20.0);
        let total = json!({"usd": spent, "held_units": {"usd": held}});
        sample.money = Money::of_event(&sample.event, &total);
        sample.attendees[0].usd = spent;
        sample
    }

    #[test]
    fn a_line_has_the_dollars_that_are_spent_reserved_and_left() {
        let mut history = History::default();
        history.record(with_money(sample(0, 10, 1_000), 1.2345, 0.5));
        let line = history.line(1);
        let money = "left  1.2345 USD spent, 0.50 reserved, 18.2655 of 20.00 left  errors";
        assert!(line.contains(money), "{line}");
        let json = history.json(1);
        let shown = ["usd", "held_usd", "budget_usd", "budget_usd_left"].map(|name| &json[name]);
        assert_eq!(shown, [&json!(1.2345), &json!(0.5), &json!(20.0), &json!(18.2655)]);
        assert_eq!(json["top"][0]["usd"], 1.2345);
    }

    #[test]
    fn a_rate_is_per_minute() {
        let mut history = History::default();
        history.record(sample(0, 10, 1_000));
        assert_eq!(history.json(1)["tokens_per_minute"], Value::Null);
        history.record(sample(30, 15, 2_000));
        assert_eq!(history.rates.back(), Some(&Rate { requests: 10, tokens: 2_000 }));
        // 10,000 less 2,000 spent and 100 held, at 2,000 a minute.
        assert_eq!(history.budget_lasts(), Some(TimeDelta::minutes(3)));
        assert_eq!(
            (&history.json(1)["errors"], &history.json(1)["first_byte_ms"]),
            (
                &json!({"rate_limit_exceeded": 1_200, "upstream_busy": 2}),
                &json!({"p50": 75, "p95": 1_600}),
            )
        );
        assert_eq!(
            history.line(1),
            "15:00:30Z  open  15 requests (10/min)  2,000 tokens (2,000/min)  7,900 of 10,000 left  \
             errors: 1,202 (rate_limit_exceeded 1,200, upstream_busy 2)  \
             first byte median 75 ms, p95 1,600 ms  2 attendees: ada\u{fffd} 2,000"
        );
    }

    #[test]
    fn an_idle_event_does_not_use_up_its_budget() {
        let mut history = History::default();
        history.record(sample(0, 10, 1_000));
        history.record(sample(5, 10, 1_000));
        assert_eq!(history.budget_lasts(), None);
    }
}

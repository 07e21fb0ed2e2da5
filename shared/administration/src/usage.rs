//! `GET /events/{id}/usage`: what an event used, in all and by attendee, model, hour or session.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use lanyard_domain::account::Account;
use lanyard_domain::hour::{FirstBytes, MinuteUse};
use lanyard_domain::ids::{DeploymentName, EventId, SessionId};
use lanyard_domain::token::UserId;
use lanyard_domain::usage::{CacheUse, Charge};
use lanyard_gateway::Response;
use serde::Serialize;

use crate::accounts::{self, Numbers, page_of};
use crate::error::AdminError;
use crate::events::owned;
use crate::page::{Page, cursor};
use crate::records::{HourUsage, SessionPlace, SessionUsage};
use crate::time::{Timestamp, instant};
use crate::used_up::Limited;
use crate::{Call, reply};

/// The total usage of an event, and a page of its parts.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct UsageReport {
    total: Numbers,
    rows: Vec<UsageRow>,
    /// By hour: the minutes of the last hour in which something was used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(default))]
    minutes: Vec<MinuteRow>,
    /// Warnings about limits of the event of which all is spent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(default))]
    warnings: Vec<String>,
    /// The cursor of the next page.
    next: Option<String>,
}

/// What was used in a minute.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct MinuteRow {
    /// When it begins.
    minute: Timestamp,
    requests: u64,
    total_tokens: u64,
    /// The time to the first byte. Absent if no response began in the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_byte: Option<FirstByteView>,
}

/// The usage of one attendee, model, hour or session.
#[derive(Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct UsageRow {
    #[serde(flatten)]
    numbers: Numbers,
    /// By attendee and by session.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserId>,
    /// By session.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
    /// By model.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<DeploymentName>,
    /// By hour: when it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    hour: Option<Timestamp>,
    /// By hour and by model: requests that failed or were rejected, by the code of the error. A
    /// request that was rejected before a model was selected counts for no model. A process that
    /// ends loses the rejected requests of its last ten seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<BTreeMap<String, u64>>,
    /// By hour and by model: the time to the first byte of a response.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_byte: Option<FirstByteView>,
    /// By hour and by model: the prompt tokens that were read from the cache. They are part of
    /// `prompt_tokens`.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_read_tokens: Option<u64>,
    /// By hour and by model: the prompt tokens that were written to the cache, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_written_tokens: Option<u64>,
}

impl UsageRow {
    fn of(numbers: Numbers) -> Self {
        Self { numbers, ..Self::default() }
    }
}

/// The time to the first byte of responses. Percentiles are read from the buckets, so they lie
/// between half and twice the exact time; 51200 means anything longer.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "FirstByte"))]
pub(crate) struct FirstByteView {
    requests: u64,
    p50_ms: Option<u64>,
    p95_ms: Option<u64>,
    /// Those that are not empty; bounds double from 50 ms to 51.2 s.
    buckets: Vec<Bucket>,
}

/// Requests whose first byte came within a time.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Bucket {
    /// `null` for what took longer than 51.2 s.
    up_to_ms: Option<u64>,
    requests: u64,
}

impl FirstByteView {
    fn of(times: &FirstBytes) -> Self {
        let bucket = |(up_to_ms, requests)| Bucket { up_to_ms, requests };
        Self {
            requests: times.requests(),
            p50_ms: times.percentile_ms(50),
            p95_ms: times.percentile_ms(95),
            buckets: times.buckets().map(bucket).collect(),
        }
    }
}

/// The grouping of usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Nothing,
    Attendee,
    Model,
    Hour,
    Session,
}

/// What the query may hold.
const QUERY: &[&str] = &["by", "since", "limit", "cursor"];

/// `GET /events/{id}/usage?by=`
pub(crate) async fn show(call: Call<'_>, id: &EventId) -> Result<Response, AdminError> {
    let (by, since, users, sessions) = call.query(QUERY, |query, mistakes| {
        let by = match query.get("by") {
            None => By::Nothing,
            Some("attendee") => By::Attendee,
            Some("model") => By::Model,
            Some("hour") => By::Hour,
            Some("session") => By::Session,
            Some(_) => {
                mistakes.add("by", "must be one of: attendee, model, hour, session");
                By::Nothing
            }
        };
        let since = query.get("since").map(ToOwned::to_owned);
        if since.is_some() && by != By::Model {
            mistakes.add("since", "is for by=model only");
        }
        // A cursor is a place among what is listed, and read as such alone.
        let (users, sessions) = match by {
            By::Session => (None, Some(Page::<SessionPlace>::read(query, mistakes))),
            By::Nothing | By::Attendee | By::Model | By::Hour => {
                (Some(Page::<UserId>::read(query, mistakes)), None)
            }
        };
        Some((by, since, users, sessions))
    })?;
    let event = owned(call, id).await?;
    let since = since.map(|text| instant("since", &text, event.window.zone())).transpose()?;
    let account = accounts::of_event(call, &event).await?;
    let mut minutes = Vec::new();
    let (rows, next) = match by {
        By::Nothing => (Vec::new(), None),
        By::Attendee => {
            let page = users.ok_or(AdminError::Internal(None))?;
            let (accounts, next) = page_of(call, id, page.after.as_ref(), page.limit).await?;
            let row = |(user, account): &(UserId, Account)| UsageRow {
                user: Some(user.clone()),
                ..UsageRow::of(Numbers::of(account))
            };
            (accounts.iter().map(row).collect(), cursor(next))
        }
        By::Session => {
            let page = sessions.ok_or(AdminError::Internal(None))?;
            let store = &call.admin.store;
            let (sessions, next) = store.sessions(id, page.after.as_ref(), page.limit).await?;
            (sessions.iter().map(session).collect(), cursor(next))
        }
        By::Model => {
            let mut hours = call.admin.store.hours(&event).await?;
            hours.retain(|hour| is_since(hour, since));
            let row = |model, row| UsageRow { model: Some(model), ..row };
            (summed(&hours, |hour| hour.model.clone(), row), None)
        }
        By::Hour => {
            let hours = call.admin.store.hours(&event).await?;
            let row = |hour, row| UsageRow { hour: Some(Timestamp::utc(hour)), ..row };
            minutes = last_minutes(&hours, call.now());
            (summed(&hours, |hour| Some(hour.hour), row), None)
        }
    };
    let total = Numbers::of(&account);
    let day = event.window.local_day(call.now());
    let warnings = Limited::of_event(&event, &account, day).warnings();
    reply(StatusCode::OK, &UsageReport { total, rows, minutes, warnings, next })
}

/// Whether a part of an hour is not before an instant.
fn is_since(hour: &HourUsage, since: Option<DateTime<Utc>>) -> bool {
    since.is_none_or(|since| hour.hour + TimeDelta::hours(1) > since)
}

/// The sum of hours with the same name.
#[derive(Default)]
struct Sum {
    requests: u64,
    charge: Charge,
    cache: CacheUse,
    errors: BTreeMap<String, u64>,
    first_bytes: FirstBytes,
}

impl Sum {
    fn add(&mut self, hour: &HourUsage) {
        self.requests = self.requests.saturating_add(hour.requests);
        self.charge = self.charge.plus(hour.charge);
        self.cache = self.cache.plus(hour.cache);
        self.first_bytes = self.first_bytes.plus(hour.first_bytes);
        for (code, times) in &hour.errors {
            let sum = self.errors.entry(code.clone()).or_default();
            *sum = sum.saturating_add(*times);
        }
    }

    fn row(&self) -> UsageRow {
        UsageRow {
            errors: Some(self.errors.clone()),
            first_byte: Some(FirstByteView::of(&self.first_bytes)),
            cache_read_tokens: Some(self.cache.read),
            cache_written_tokens: Some(self.cache.written),
            ..UsageRow::of(Numbers::new(self.requests, self.charge))
        }
    }
}

/// The sums of hours that share a name, in the order of the names. Hours without one are left out.
fn summed<N: Ord>(
    hours: &[HourUsage],
    name: impl Fn(&HourUsage) -> Option<N>,
    row: impl Fn(N, UsageRow) -> UsageRow,
) -> Vec<UsageRow> {
    let mut sums: BTreeMap<N, Sum> = BTreeMap::new();
    for hour in hours {
        if let Some(name) = name(hour) {
            sums.entry(name).or_default().add(hour);
        }
    }
    sums.into_iter().map(|(name, sum)| row(name, sum.row())).collect()
}

/// The minutes of the last hour, in their order.
fn last_minutes(hours: &[HourUsage], now: DateTime<Utc>) -> Vec<MinuteRow> {
    let mut sums: BTreeMap<DateTime<Utc>, (MinuteUse, FirstBytes)> = BTreeMap::new();
    for hour in hours {
        for one in &hour.minutes {
            let begins = hour.hour + TimeDelta::minutes(i64::from(one.minute));
            if now - begins < TimeDelta::hours(1) {
                let (used, times) = sums.entry(begins).or_default();
                *used = used.plus(one.used);
                *times = times.plus(one.first_bytes);
            }
        }
    }
    let row = |(minute, (used, times)): (_, (MinuteUse, FirstBytes))| MinuteRow {
        minute: Timestamp::utc(minute),
        requests: used.requests,
        total_tokens: used.tokens,
        first_byte: (times.requests() > 0).then(|| FirstByteView::of(&times)),
    };
    sums.into_iter().map(row).collect()
}

fn session(usage: &SessionUsage) -> UsageRow {
    UsageRow {
        session: Some(usage.place.session.clone()),
        user: Some(usage.place.user.clone()),
        ..UsageRow::of(Numbers::new(usage.requests, usage.charge))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::MinuteUsage;
    use serde_json::json;

    fn hour(hour: &str, model: Option<&str>, tokens: u64) -> HourUsage {
        let mut first_bytes = FirstBytes::default();
        first_bytes.add(FirstBytes::bucket(tokens * 10), 1);
        HourUsage {
            hour: hour.parse().unwrap(),
            model: model.map(|model| model.parse().unwrap()),
            requests: 1,
            charge: Charge::of_tokens(tokens, 1),
            cache: CacheUse { read: tokens / 2, written: 1 },
            errors: BTreeMap::from([("upstream_busy".to_owned(), tokens)]),
            first_bytes,
            minutes: vec![
                MinuteUsage { minute: 0, used: MinuteUse { requests: 1, tokens }, first_bytes },
                MinuteUsage {
                    minute: 59,
                    used: MinuteUse::default(),
                    first_bytes: FirstBytes::default(),
                },
            ],
            rejected: Vec::new(),
        }
    }

    #[test]
    fn minutes_of_the_last_hour_add_up_over_models() {
        let hours = [
            hour("2026-12-05T09:00:00Z", Some("a"), 10),
            hour("2026-12-05T10:00:00Z", Some("a"), 20),
            hour("2026-12-05T10:00:00Z", Some("b"), 30),
        ];
        let minutes = |now: &str| json!(last_minutes(&hours, now.parse().unwrap()));
        assert_eq!(
            minutes("2026-12-05T10:00:30Z"),
            json!([
                {"minute": "2026-12-05T09:59:00Z", "requests": 0, "total_tokens": 0},
                {"minute": "2026-12-05T10:00:00Z", "requests": 2, "total_tokens": 50, "first_byte": {
                    "requests": 2, "p50_ms": 150, "p95_ms": 300,
                    "buckets": [{"up_to_ms": 200, "requests": 1}, {"up_to_ms": 400, "requests": 1}],
                }},
                {"minute": "2026-12-05T10:59:00Z", "requests": 0, "total_tokens": 0},
            ])
        );
        assert_eq!(minutes("2026-12-05T12:00:00Z"), json!([]));
    }

    #[test]
    fn hours_add_up_by_model_and_by_hour() {
        let hours = [
            hour("2026-12-05T09:00:00Z", Some("a"), 10),
            hour("2026-12-05T09:00:00Z", Some("b"), 20),
            hour("2026-12-05T10:00:00Z", Some("a"), 30),
        ];
        let tokens = |rows: Vec<UsageRow>| -> Vec<u64> {
            rows.iter().map(|row| row.numbers.total_tokens).collect()
        };
        assert_eq!(tokens(summed(&hours, |hour| hour.model.clone(), |_, row| row)), [42, 21]);
        let by_model = summed(&hours, |hour| hour.model.clone(), |_, row| row);
        let cache = |row: &UsageRow| (row.cache_read_tokens, row.cache_written_tokens);
        assert_eq!(cache(&by_model[0]), (Some(20), Some(2)));
        assert_eq!(tokens(summed(&hours, |hour| Some(hour.hour), |_, row| row)), [32, 31]);
    }

    #[test]
    fn an_hour_of_which_a_part_is_in_the_window_counts() {
        let ten = hour("2026-12-05T10:00:00Z", None, 1);
        let is_in = |since: &str| is_since(&ten, Some(since.parse().unwrap()));
        assert!(is_since(&ten, None) && is_in("2026-12-05T09:00:00Z"));
        assert!(is_in("2026-12-05T10:59:59Z") && !is_in("2026-12-05T11:00:00Z"));
    }

    #[test]
    fn errors_and_first_bytes_add_up_and_rows_by_model_leave_out_requests_without_one() {
        let hours =
            [hour("2026-12-05T09:00:00Z", Some("a"), 10), hour("2026-12-05T09:00:00Z", None, 20)];
        let by_hour = json!(summed(&hours, |hour| Some(hour.hour), |_, row| row));
        assert_eq!(by_hour[0]["errors"], json!({"upstream_busy": 30}));
        assert_eq!(
            by_hour[0]["first_byte"],
            json!({"requests": 2, "p50_ms": 75, "p95_ms": 150, "buckets": [
                {"up_to_ms": 100, "requests": 1}, {"up_to_ms": 200, "requests": 1},
            ]})
        );
        let by_model = summed(&hours, |hour| hour.model.clone(), |_, row| row);
        let errors = by_model[0].errors.clone().unwrap();
        assert_eq!((by_model.len(), errors["upstream_busy"]), (1, 10));
    }
}

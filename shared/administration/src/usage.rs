//! `GET /events/{id}/usage`: what an event used, in all and by attendee, model, hour or session.

use std::collections::BTreeMap;

use chrono::SecondsFormat;
use http::StatusCode;
use lanyard_domain::account::{Account, Field};
use lanyard_domain::hour::FirstBytes;
use lanyard_domain::ids::EventId;
use lanyard_domain::shard;
use lanyard_domain::token::UserId;
use lanyard_domain::unit::Units;
use lanyard_domain::usage::Charge;
use lanyard_gateway::Response;
use serde::Serialize;
use serde_json::{Value, json};

use crate::attendees::{page_of, patiently};
use crate::error::AdminError;
use crate::events::owned;
use crate::page::{Page, cursor};
use crate::records::{HourUsage, SessionPlace, SessionUsage};
use crate::{Call, reply};

/// What was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Numbers {
    requests: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    /// Tokens of requests under way; only accounts know them.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_tokens: Option<u64>,
    /// Images, seconds and characters, where there are any.
    #[serde(flatten)]
    units: Units,
    /// Of those, what requests under way hold.
    #[serde(skip_serializing_if = "Units::is_none")]
    held_units: Units,
}

impl Numbers {
    /// What an account was charged and holds.
    pub(crate) fn of(account: &Account) -> Self {
        let held_tokens = Some(account.count(Field::Held));
        let held_units = account.units(Field::UnitHeld);
        let spent = Self::new(account.count(Field::Requests), account.spent());
        Self { held_tokens, held_units, ..spent }
    }

    fn new(requests: u64, charge: Charge) -> Self {
        Self {
            requests,
            prompt_tokens: charge.prompt_tokens,
            completion_tokens: charge.completion_tokens,
            total_tokens: charge.tokens(),
            held_tokens: None,
            units: charge.units,
            held_units: Units::NONE,
        }
    }
}

/// By what usage is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Nothing,
    Attendee,
    Model,
    Hour,
    Session,
}

/// `GET /events/{id}/usage?by=`
pub(crate) async fn show(call: Call<'_>, id: &EventId) -> Result<Response, AdminError> {
    let (by, users, sessions) = call.query(&["by", "limit", "cursor"], |query, mistakes| {
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
        // A cursor is a place among what is listed, and read as such alone.
        let (users, sessions) = match by {
            By::Session => (None, Some(Page::<SessionPlace>::read(query, mistakes))),
            By::Nothing | By::Attendee | By::Model | By::Hour => {
                (Some(Page::<UserId>::read(query, mistakes)), None)
            }
        };
        Some((by, users, sessions))
    })?;
    let event = owned(call, id).await?;
    let keys = event.account_keys();
    let account = shard::total(&patiently(|| call.admin.ledger.accounts(&keys)).await?);
    let (rows, next) = match by {
        By::Nothing => (Vec::new(), None),
        By::Attendee => {
            let page = users.ok_or(AdminError::Internal(None))?;
            let (accounts, next) = page_of(call, id, page.after.as_ref(), page.limit).await?;
            let row = |(user, account): &(UserId, Account)| row("user", user, Numbers::of(account));
            (accounts.iter().map(row).collect(), cursor(next))
        }
        By::Session => {
            let page = sessions.ok_or(AdminError::Internal(None))?;
            let store = &call.admin.store;
            let (sessions, next) = store.sessions(id, page.after.as_ref(), page.limit).await?;
            (sessions.iter().map(session).collect(), cursor(next))
        }
        By::Model => {
            let hours = call.admin.store.hours(&event).await?;
            (summed("model", &hours, |hour| Some(hour.model.as_ref()?.to_string())), None)
        }
        By::Hour => {
            let hours = call.admin.store.hours(&event).await?;
            let begins = |hour: &HourUsage| hour.hour.to_rfc3339_opts(SecondsFormat::Secs, true);
            (summed("hour", &hours, |hour| Some(begins(hour))), None)
        }
    };
    let total = Numbers::of(&account);
    reply(StatusCode::OK, &json!({"total": total, "rows": rows, "next": next}))
}

/// What happened in hours that share a name.
#[derive(Default)]
struct Sum {
    requests: u64,
    charge: Charge,
    errors: BTreeMap<String, u64>,
    first_bytes: FirstBytes,
}

impl Sum {
    fn add(&mut self, hour: &HourUsage) {
        self.requests = self.requests.saturating_add(hour.requests);
        self.charge = self.charge.plus(hour.charge);
        self.first_bytes = self.first_bytes.plus(hour.first_bytes);
        for (code, times) in &hour.errors {
            let sum = self.errors.entry(code.clone()).or_default();
            *sum = sum.saturating_add(*times);
        }
    }

    fn row(&self, what: &str, name: &str) -> Value {
        let mut row = row(what, &name, Numbers::new(self.requests, self.charge));
        row["errors"] = json!(self.errors);
        row["first_byte"] = first_byte(&self.first_bytes);
        row
    }
}

/// How soon answers began: half and 95 of a hundred within so long, and how many in which bucket.
fn first_byte(times: &FirstBytes) -> Value {
    let bucket = |(bound, requests)| json!({"up_to_ms": bound, "requests": requests});
    json!({
        "requests": times.requests(),
        "p50_ms": times.percentile_ms(50),
        "p95_ms": times.percentile_ms(95),
        "buckets": times.buckets().map(bucket).collect::<Vec<Value>>(),
    })
}

/// The sums of hours that share a name, in the order of the names. Hours without one are left out.
fn summed(
    what: &str,
    hours: &[HourUsage],
    name: impl Fn(&HourUsage) -> Option<String>,
) -> Vec<Value> {
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    for hour in hours {
        if let Some(name) = name(hour) {
            sums.entry(name).or_default().add(hour);
        }
    }
    sums.iter().map(|(name, sum)| sum.row(what, name)).collect()
}

fn session(usage: &SessionUsage) -> Value {
    let numbers = Numbers::new(usage.requests, usage.charge);
    let mut row = row("session", &usage.place.session, numbers);
    row["user"] = usage.place.user.to_string().into();
    row
}

fn row(what: &str, name: &impl ToString, numbers: Numbers) -> Value {
    let mut row = json!(numbers);
    if let Value::Object(fields) = &mut row {
        fields.insert(what.to_owned(), name.to_string().into());
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(hour: &str, model: Option<&str>, tokens: u64) -> HourUsage {
        let mut first_bytes = FirstBytes::default();
        first_bytes.add(FirstBytes::bucket(tokens * 10), 1);
        HourUsage {
            hour: hour.parse().unwrap(),
            model: model.map(|model| model.parse().unwrap()),
            requests: 1,
            charge: Charge::of_tokens(tokens, 1),
            errors: BTreeMap::from([("upstream_busy".to_owned(), tokens)]),
            first_bytes,
        }
    }

    #[test]
    fn hours_add_up_by_model_and_by_hour() {
        let hours = [
            hour("2026-12-05T09:00:00Z", Some("a"), 10),
            hour("2026-12-05T09:00:00Z", Some("b"), 20),
            hour("2026-12-05T10:00:00Z", Some("a"), 30),
        ];
        let tokens = |rows: Vec<Value>| -> Vec<u64> {
            rows.iter().map(|row| row["total_tokens"].as_u64().unwrap()).collect()
        };
        let model = |hour: &HourUsage| hour.model.as_ref().map(ToString::to_string);
        assert_eq!(tokens(summed("model", &hours, model)), [42, 21]);
        assert_eq!(tokens(summed("hour", &hours, |h| Some(h.hour.to_string()))), [32, 31]);
    }

    #[test]
    fn errors_and_first_bytes_add_up_and_what_has_no_model_is_in_no_models_row() {
        let hours =
            [hour("2026-12-05T09:00:00Z", Some("a"), 10), hour("2026-12-05T09:00:00Z", None, 20)];
        let by_hour = summed("hour", &hours, |h| Some(h.hour.to_string()));
        assert_eq!(by_hour[0]["errors"], json!({"upstream_busy": 30}));
        assert_eq!(
            by_hour[0]["first_byte"],
            json!({"requests": 2, "p50_ms": 75, "p95_ms": 150, "buckets": [
                {"up_to_ms": 100, "requests": 1}, {"up_to_ms": 200, "requests": 1},
            ]})
        );
        let by_model = summed("model", &hours, |h| Some(h.model.as_ref()?.to_string()));
        assert_eq!((by_model.len(), &by_model[0]["errors"]), (1, &json!({"upstream_busy": 10})));
    }
}

//! `lanyard attendee raise`: larger limits for one attendee.

use clap::Args;
use serde_json::{Map, Value, json};

use super::{Limits, own_limits_line};
use crate::api::Method;
use crate::error::CliError;
use crate::event::{by_model, limit};
use crate::limits::{self, Named};
use crate::money;
use crate::output::warnings;
use crate::session::Session;
use crate::table::text;
use crate::user::User;

/// The limits of one attendee.
#[derive(Args, Debug)]
pub(crate) struct RaiseArguments {
    /// Id, code or name of the event.
    event: String,

    /// User name of the attendee.
    user: String,

    /// Remove the attendee's own limits, so that the event's limits apply.
    #[arg(long, conflicts_with_all = ["limits", "named", "lower"])]
    reset: bool,

    /// Allow that a limit becomes lower than it is now.
    #[arg(long)]
    lower: bool,

    /// Any limit: tokens_per_minute=1000000, or none. On one model that the event limits:
    /// gpt-5:requests_total=40. Can be repeated.
    #[arg(long = "limit", value_name = "[MODEL:]LIMIT=NUMBER", value_parser = limit)]
    named: Vec<(String, Value)>,

    #[command(flatten)]
    limits: Limits,
}

/// The factor if no limit is given. The dashboard has the same.
const FACTOR: u32 = 2;

/// `lanyard attendee raise`
pub(super) async fn run(session: &Session, arguments: RaiseArguments) -> Result<(), CliError> {
    let given = given(&arguments)?;
    // Without a limit all are doubled, which nobody means who wants to lower one.
    if arguments.lower && given.is_empty() {
        return Err(CliError::Usage(
            "--lower needs the limit to lower, for example --requests-per-day 100".to_owned(),
        ));
    }
    let event = session.event(&arguments.event).await?;
    let user = User { event: &event, name: &arguments.user };
    let found =
        if arguments.reset { Some(user.get(session).await?) } else { user.find(session).await? };
    let of_event = &event["allowances"]["attendee"];
    // Somebody who has sent nothing yet has the event's limits.
    let now = found.map_or_else(|| of_event.clone(), |attendee| attendee["allowance"].clone());
    let wanted = match (arguments.reset, given.is_empty()) {
        (true, _) => Value::Null,
        (false, true) => doubled(&now).ok_or_else(|| {
            CliError::Usage(format!("{} has no limits that could be raised", arguments.user))
        })?,
        (false, false) => by_model(given).unwrap_or_default(),
    };
    refuse_unknown(of_event, &wanted, &text(&event["id"]))?;
    if !arguments.lower && !arguments.reset {
        refuse_lower(&now, &wanted)?;
    }
    let body = json!({"allowance": wanted});
    let Some(changed) = session.write(Method::Patch, &user.path(), Some(&body)).await? else {
        return Ok(());
    };
    let attendee = user.checked(session, changed, "the limits are set").await;
    session.output.data(&attendee, |style| {
        let mut lines = vec![("user", text(&attendee["user"]))];
        let changes = changes(&now, &attendee["allowance"]);
        lines.extend(changes.into_iter().map(|change| ("changed", change)));
        if attendee["blocked"] == true {
            lines.push(("blocked", "yes".to_owned()));
        }
        lines.push(own_limits_line(&attendee));
        style.pairs(&lines)
    })?;
    session.output.warn(&warnings(&attendee));
    Ok(())
}

/// The limits of the command line by their names, those of a model as `MODEL:LIMIT`.
fn given(arguments: &RaiseArguments) -> Result<Map<String, Value>, CliError> {
    let mut given = arguments.limits.json();
    for (name, value) in &arguments.named {
        if given.insert(name.clone(), value.clone()).is_some() {
            return Err(CliError::Usage(format!("{name} is given twice")));
        }
    }
    Ok(given)
}

/// All limits doubled. `None` if there are none.
fn doubled(limits: &Value) -> Option<Value> {
    let double = |value: &Value| match value {
        Value::Number(number) => match number.as_u64() {
            Some(count) => Some(json!(count.saturating_mul(u64::from(FACTOR)))),
            None => number.as_f64().map(|usd| json!(usd * f64::from(FACTOR))),
        },
        Value::Object(_) => doubled(value),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => None,
    };
    let limits = limits.as_object()?.iter();
    let limits: Map<_, _> =
        limits.filter_map(|(name, value)| Some((name.clone(), double(value)?))).collect();
    (!limits.is_empty()).then_some(Value::Object(limits))
}

/// The value of a limit. Names of models are compared without regard to case.
fn value_of<'v>(limits: &'v Value, full: &str) -> &'v Value {
    let mut all = limits::of_account(limits).into_iter();
    let limit = all.find(|limit| limit.full.eq_ignore_ascii_case(full));
    limit.map_or(&Value::Null, |limit| limit.value)
}

/// An error if a wanted limit is on a model for which the event sets none. An attendee's own limit
/// replaces one of the event's, so there has to be one.
fn refuse_unknown(of_event: &Value, wanted: &Value, event: &str) -> Result<(), CliError> {
    let known = limits::of_account(of_event);
    let wanted = limits::of_account(wanted);
    let is_known = |full: &str| known.iter().any(|limit| limit.full.eq_ignore_ascii_case(full));
    let unknown: Vec<_> = wanted
        .iter()
        .filter(|limit| limit.full != limit.name && !limit.value.is_null())
        .filter(|limit| !is_known(&limit.full))
        .collect();
    let [first, ..] = unknown.as_slice() else { return Ok(()) };
    let names: Vec<_> = unknown.iter().map(|limit| limit.full.as_str()).collect();
    Err(CliError::Usage(format!(
        "The event has no limit {}, so there is none to replace for one attendee. Nothing was \
         changed. Add it for everybody first: lanyard event edit {event} --limit {}={}",
        names.join(", "),
        first.full,
        first.value
    )))
}

/// An error if a wanted limit is lower than the one that holds now.
fn refuse_lower(now: &Value, wanted: &Value) -> Result<(), CliError> {
    match lower(now, wanted).as_slice() {
        [] => Ok(()),
        lower => Err(CliError::Usage(format!(
            "{}. Nothing was changed. Give a larger number, or --lower if you mean it",
            lower.join("; ")
        ))),
    }
}

/// The wanted limits that are lower than those that hold now, each with both values.
pub(super) fn lower(now: &Value, wanted: &Value) -> Vec<String> {
    let wanted = limits::of_account(wanted).into_iter();
    let lower = wanted.filter_map(|wanted| {
        let held = Named { value: value_of(now, &wanted.full), ..wanted.clone() };
        let is_lower = wanted.value.as_f64()? < held.value.as_f64().unwrap_or(f64::INFINITY);
        is_lower.then(|| {
            let (full, held, wanted) = (&wanted.full, held.amount(), wanted.amount());
            format!("{full} is {held} now, and {wanted} is lower")
        })
    });
    lower.collect()
}

/// The limits that differ, each as `name: before → after`.
fn changes(before: &Value, after: &Value) -> Vec<String> {
    let (old, new) = (limits::of_account(before), limits::of_account(after));
    let lifted = old.iter().filter(|old| !new.iter().any(|new| new.full == old.full));
    let lifted = lifted.map(|old| (old, old.value, &Value::Null));
    let others = new.iter().map(|new| (new, value_of(before, &new.full), new.value));
    let line = |(limit, before, after): (&Named<'_>, &Value, &Value)| {
        let amount = |value| money::limit(limit.name, value);
        let (before, after) = (amount(before), amount(after));
        (before != after).then(|| format!("{}: {before} → {after}", limit.full))
    };
    others.chain(lifted).filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Value {
        json!({
            "tokens_per_minute": 800_000, "in_flight": 8, "usd_total": 2.5, "tokens_per_day": null,
            "by_model": {"gpt-5": {"requests_total": 20}},
        })
    }

    #[test]
    fn all_limits_are_doubled_also_those_on_money_and_on_models() {
        let expected = json!({
            "tokens_per_minute": 1_600_000, "in_flight": 16, "usd_total": 5.0,
            "by_model": {"gpt-5": {"requests_total": 40}},
        });
        assert_eq!(doubled(&limits()), Some(expected));
        assert_eq!(doubled(&json!({"in_flight": null, "by_model": {}})), None);
    }

    #[test]
    fn a_limit_that_would_become_lower_is_named_with_both_values() {
        let refused =
            |wanted: Value| refuse_lower(&limits(), &wanted).map_err(|error| error.to_string());
        let lower = refused(json!({"tokens_per_minute": 100_000, "in_flight": 9})).unwrap_err();
        assert!(
            lower.contains("tokens_per_minute is 800,000 now, and 100,000 is lower"),
            "{lower}"
        );
        assert!(lower.contains("--lower") && !lower.contains("in_flight"), "{lower}");
        let of_model = refused(json!({"by_model": {"GPT-5": {"requests_total": 19}}}));
        assert!(of_model.unwrap_err().contains("GPT-5:requests_total is 20 now"));
        // A limit where there was none is lower as well.
        assert!(refused(json!({"tokens_per_day": 1})).unwrap_err().contains("is none now"));
        assert!(refused(json!({"usd_total": 2.49})).unwrap_err().contains("2.50 now, and 2.49"));
        assert_eq!(refused(json!({"tokens_per_minute": null, "usd_total": 2.5})), Ok(()));
    }

    #[test]
    fn a_limit_that_the_event_does_not_have_comes_with_the_command_that_adds_it() {
        let refused = |wanted: Value| {
            refuse_unknown(&limits(), &wanted, "evt_1").map_err(|error| error.to_string())
        };
        let unknown = json!({"by_model": {"gpt-4o": {"requests_total": 40}}});
        let error = refused(unknown).unwrap_err();
        let command = "lanyard event edit evt_1 --limit gpt-4o:requests_total=40";
        assert!(error.contains(command) && !error.contains("--lower"), "{error}");
        for known in [
            json!({"by_model": {"GPT-5": {"requests_total": 1}}, "tokens_per_day": 5}),
            json!({"by_model": {"gpt-4o": {"requests_total": null}}}),
            Value::Null,
        ] {
            assert_eq!(refused(known.clone()), Ok(()), "{known}");
        }
    }

    #[test]
    fn what_changed_has_both_values() {
        let mut after = limits();
        after["tokens_per_minute"] = json!(1_600_000);
        after["usd_total"] = Value::Null;
        after["by_model"] = json!({});
        assert_eq!(
            changes(&limits(), &after),
            [
                "tokens_per_minute: 800,000 → 1,600,000",
                "usd_total: 2.50 → none",
                "gpt-5:requests_total: 20 → none",
            ]
        );
    }
}

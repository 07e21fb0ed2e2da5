//! What a change of an event's budgets does to the totals of its attendees.

use lanyard_domain::allowance::{Allowances, SHARED};
use lanyard_domain::limit::Limit;
use serde_json::{Value, json};

use crate::money;
use crate::table::{number, text};

/// What became of each attendee's totals when the event's were changed. `named` are the limits of
/// attendees that were changed in the same call.
pub(super) fn sentences(before: &Value, after: &Value, named: &Value) -> Vec<String> {
    let is_left = |limit: &Limit| named.get(limit.name()).is_none();
    SHARED.into_iter().filter(is_left).filter_map(|limit| sentence(limit, before, after)).collect()
}

fn sentence(limit: Limit, before: &Value, after: &Value) -> Option<String> {
    let name = limit.name();
    let total = |event: &Value, whose: &str| event["allowances"][whose][name].clone();
    if total(before, "event") == total(after, "event") {
        return None;
    }
    let (was, is) = (total(before, "attendee"), total(after, "attendee"));
    let share = share(limit, &total(after, "event"), after["attendees"].as_u64()?)?;
    let edit = format!("lanyard event edit {} --limit {name}=", text(&after["id"]));
    let unit = if limit == Limit::UsdTotal { "USD" } else { "total tokens" };
    let shown = |value: &Value| match value.is_null() {
        true => "no limit in total".to_owned(),
        false => format!("{} {unit}", money::limit(name, value)),
    };
    if is == share {
        let refused = match is.as_f64().is_some_and(|is| was.as_f64().is_none_or(|was| is < was)) {
            true => " Attendees who have used more are refused from now on.",
            false => "",
        };
        return (was != is).then(|| {
            format!(
                "Each attendee has {} now, and had {}: twice the fair share of the budget.{refused} \
                 To set another limit: {edit}NUMBER",
                shown(&is),
                shown(&was),
            )
        });
    }
    let before_share = self::share(limit, &total(before, "event"), before["attendees"].as_u64()?)?;
    Some(match is.is_null() && was == before_share {
        true => format!(
            "Each attendee has {}: twice the fair share of the budget is {}, and one request to the \
             dearest model may cost more. To set a limit: {edit}NUMBER",
            shown(&is),
            shown(&share),
        ),
        false => format!(
            "Each attendee still has {}, because that was not twice the fair share of the budget for \
             {} attendees. To change it to {}: {edit}{}",
            shown(&is),
            number(&before["attendees"]),
            shown(&share),
            if share.is_null() { "none".to_owned() } else { share.to_string() },
        ),
    })
}

/// The default of an attendee's total, as the service writes it.
fn share(limit: Limit, of_event: &Value, attendees: u64) -> Option<Value> {
    let event = serde_json::from_value(json!({ limit.name(): of_event })).ok()?;
    let allowances = Allowances { event, ..Allowances::default() };
    let share = allowances.share(limit, attendees);
    Some(json!(share.map(|count| limit.quantity().amount(count))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(event: &Value, attendee: &Value) -> Value {
        json!({"id": "evt_1", "attendees": 100, "allowances": {
            "event": {"tokens_total": event, "usd_total": null},
            "attendee": {"tokens_total": attendee, "usd_total": null},
        }})
    }

    #[test]
    fn a_share_that_follows_a_budget_is_named() {
        let before = event(&json!(1_000_000), &json!(20_000));
        let after = event(&json!(2_000_000), &json!(40_000));
        let follows = "Each attendee has 40,000 total tokens now, and had 20,000 total tokens: twice \
                       the fair share of the budget. To set another limit: lanyard event edit evt_1 \
                       --limit tokens_total=NUMBER";
        assert_eq!(sentences(&before, &after, &Value::Null), [follows]);
        // Less than before: who has used more notices it at once.
        let lowered = sentences(&after, &before, &Value::Null);
        assert!(lowered[0].contains("who have used more are refused from now on."), "{lowered:?}");
        assert!(sentences(&before, &after, &json!({"tokens_total": 40_000})).is_empty());
        assert!(sentences(&before, &before, &Value::Null).is_empty());
    }

    #[test]
    fn a_total_that_stays_is_named_with_the_option_that_changes_it() {
        let before = event(&json!(1_000_000), &json!(7_000));
        let stays = sentences(&before, &event(&json!(2_000_000), &json!(7_000)), &Value::Null);
        assert_eq!(
            stays,
            [
                "Each attendee still has 7,000 total tokens, because that was not twice the fair share \
              of the budget for 100 attendees. To change it to 40,000 total tokens: lanyard event edit \
              evt_1 --limit tokens_total=40000"
            ]
        );
        let lifted = sentences(&before, &event(&Value::Null, &json!(7_000)), &Value::Null);
        assert!(
            lifted[0].ends_with(
                "to no limit in total: lanyard event edit evt_1 --limit tokens_total=none"
            )
        );
    }

    #[test]
    fn a_share_of_dollars_is_written_as_dollars() {
        let with = |event: &Value, attendee: &Value| {
            json!({"id": "evt_1", "attendees": 100, "allowances": {
                "event": {"usd_total": event}, "attendee": {"usd_total": attendee},
            }})
        };
        let before = with(&json!(20.0), &json!(0.4));
        let follows = sentences(&before, &with(&json!(50.0), &json!(1.0)), &Value::Null);
        assert!(follows[0].starts_with("Each attendee has 1.00 USD now, and had 0.40 USD:"));
        let first = sentences(&with(&Value::Null, &Value::Null), &before, &Value::Null);
        assert!(first[0].contains("who have used more are refused from now on."), "{first:?}");
        let none = sentences(&before, &with(&json!(10.0), &Value::Null), &Value::Null);
        assert!(
            none[0].contains("fair share of the budget is 0.20 USD, and one request"),
            "{none:?}"
        );
        let stays = sentences(&before, &with(&json!(50.0), &json!(0.4)), &Value::Null);
        assert!(stays[0].ends_with("--limit usd_total=1.0"), "{stays:?}");
    }
}

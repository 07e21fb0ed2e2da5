//! US dollars: how they are printed, and what an event's budget in money has left.

use serde_json::Value;

use crate::table::number;

/// An amount as people read it: cents if that is all of it, else four digits.
pub(crate) fn dollars(usd: f64) -> String {
    let has_only_cents = ((usd * 100.0).round() / 100.0 - usd).abs() < 5e-10;
    match usd {
        usd if has_only_cents => format!("{usd:.2}"),
        usd if usd < 0.0001 => "<0.0001".to_owned(),
        usd => format!("{usd:.4}"),
    }
}

/// A JSON amount as the cell of a table; nothing is zero.
pub(crate) fn cell(usd: &Value) -> String {
    let usd = usd.as_f64().unwrap_or_default();
    if usd > 0.0 && usd < 0.0001 { "<0.0001".to_owned() } else { format!("{usd:.4}") }
}

/// A JSON amount with all of its digits and without an exponent, for programs.
pub(crate) fn exact(usd: &Value) -> String {
    let digits = format!("{:.9}", usd.as_f64().unwrap_or_default());
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A limit as people read it. `null` is no limit.
pub(crate) fn limit(name: &str, value: &Value) -> String {
    match value.as_f64() {
        None => "none".to_owned(),
        Some(usd) if name.starts_with("usd_") => dollars(usd),
        Some(_) => number(value),
    }
}

/// Whether an event limits money: all of it, each attendee, or one model.
pub(crate) fn is_limited(event: &Value) -> bool {
    let limits_money =
        |limits: &Value| ["usd_total", "usd_per_day"].iter().any(|name| limits[*name].is_number());
    ["attendee", "event"].iter().any(|whose| {
        let limits = &event["allowances"][*whose];
        let of_models = limits["by_model"].as_object();
        limits_money(limits) || of_models.is_some_and(|models| models.values().any(limits_money))
    })
}

/// The money of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Money {
    /// What was charged.
    pub(crate) spent: f64,
    /// What requests in flight reserve.
    pub(crate) held: f64,
    /// The budget, if there is one.
    pub(crate) budget: Option<f64>,
}

impl Money {
    /// The money of an account, from its usage.
    pub(crate) fn of(usage: &Value, budget: Option<f64>) -> Self {
        Self {
            spent: usage["usd"].as_f64().unwrap_or_default(),
            held: usage["held_units"]["usd"].as_f64().unwrap_or_default(),
            budget,
        }
    }

    /// The money of an event, from the total of its usage.
    pub(crate) fn of_event(event: &Value, total: &Value) -> Self {
        Self::of(total, event["allowances"]["event"]["usd_total"].as_f64())
    }

    /// Whether an event with this money spends dollars, or limits them.
    pub(crate) fn matters_at(self, event: &Value) -> bool {
        self.is_something() || is_limited(event)
    }

    /// What is left of the budget.
    pub(crate) fn left(self) -> Option<f64> {
        let left = |budget: f64| (budget - self.spent - self.held).max(0.0);
        // A nano-dollar is the least that is counted.
        self.budget.map(|budget| (left(budget) * 1e9).round() / 1e9)
    }

    /// Whether there is anything to say about it.
    pub(crate) fn is_something(self) -> bool {
        self.spent > 0.0 || self.held > 0.0 || self.budget.is_some()
    }

    /// All of it in one line.
    pub(crate) fn in_words(self) -> String {
        let mut words = format!("{} USD spent", dollars(self.spent));
        if self.held > 0.0 {
            words.push_str(&format!(", {} reserved", dollars(self.held)));
        }
        if let (Some(left), Some(budget)) = (self.left(), self.budget) {
            words.push_str(&match self.spent >= budget {
                true => format!(", the budget of {} is used up", dollars(budget)),
                false => format!(", {} of {} left", dollars(left), dollars(budget)),
            });
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn small_amounts_are_not_rounded_to_nothing() {
        let printed = [0.0, 20.0, 0.5, 1.2345678, 0.00025, 0.000_000_1].map(dollars);
        assert_eq!(printed, ["0.00", "20.00", "0.50", "1.2346", "0.0003", "<0.0001"]);
        let cells = [json!(null), json!(0.5), json!(1.2e-7)].map(|usd| cell(&usd));
        assert_eq!(cells, ["0.0000", "0.5000", "<0.0001"]);
        let all = [json!(null), json!(20.0), json!(1.87e-4), json!(1e-9)].map(|usd| exact(&usd));
        assert_eq!(all, ["0", "20", "0.000187", "0.000000001"]);
    }

    #[test]
    fn a_limit_on_money_is_found_wherever_it_is() {
        let event = |limits: Value| json!({"allowances": {"attendee": limits, "event": {}}});
        assert!(!is_limited(&event(json!({"usd_total": null, "tokens_total": 9}))));
        assert!(is_limited(&event(json!({"usd_per_day": 0.5}))));
        assert!(is_limited(&event(json!({"by_model": {"gpt-5": {"usd_total": 1}}}))));
        assert!(!is_limited(&event(json!({"by_model": {"gpt-5": {"requests_total": 1}}}))));
    }

    #[test]
    fn what_is_reserved_is_not_left() {
        let event = json!({"allowances": {"event": {"usd_total": 20.0}}});
        let total = json!({"usd": 1.5, "held_units": {"usd": 0.25}});
        let money = Money::of_event(&event, &total);
        assert_eq!(money.in_words(), "1.50 USD spent, 0.25 reserved, 18.25 of 20.00 left");
        let over = Money::of_event(&event, &json!({"usd": 21.0}));
        assert_eq!(over.in_words(), "21.00 USD spent, the budget of 20.00 is used up");
        let without = Money::of_event(&json!({}), &json!({"usd": 0.0002}));
        assert_eq!(without.in_words(), "0.0002 USD spent");
        assert!(!Money::of_event(&json!({}), &json!({})).is_something());
    }
}

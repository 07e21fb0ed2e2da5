//! The item of an account: each number is an attribute, and so is each reservation.
//!
//! Reservations and the counters of a day or a period have attributes of their own, named by what
//! they count. So one expression can make any change without reading the item first.

use std::collections::HashMap;
use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{Datelike, NaiveDate};
use lanyard_domain::account::{Account, Field, Hold};
use lanyard_domain::by_model::{LimitKey, ModelKey};
use lanyard_domain::limit::{Limit, Quantity};
use lanyard_domain::time::{EpochNanos, Period};
use lanyard_domain::unit::{Unit, Units};
use lanyard_gateway::ports::Cause;

use crate::table::{Item, get_number, get_text, number, text, whole_number};

/// The attribute of a reservation for which no usage record is kept.
const UNRECORDED: &str = "unrecorded";

/// The attribute of a reservation with its model and the limits that count it.
const MODEL: &str = "model";

pub(super) const HOLD_PREFIX: &str = "hold@";

/// The name of a number's attribute.
pub(super) struct Named(pub(super) Field);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Field::Tat(Quantity::Requests) => f.write_str("request_tat"),
            Field::Tat(Quantity::Tokens) => f.write_str("token_tat"),
            Field::Tat(Quantity::Unit(unit)) => write!(f, "unit_tat@{unit}"),
            Field::Day(Quantity::Requests, day) => write!(f, "day_requests@{day}"),
            Field::Day(Quantity::Tokens, day) => write!(f, "day_tokens@{day}"),
            Field::Day(Quantity::Unit(unit), day) => write!(f, "day_units@{day}@{unit}"),
            Field::Committed => f.write_str("committed"),
            Field::Held => f.write_str("held"),
            Field::Open => f.write_str("open"),
            Field::Requests => f.write_str("requests"),
            Field::PromptTokens => f.write_str("prompt_tokens"),
            Field::CompletionTokens => f.write_str("completion_tokens"),
            Field::PeriodHeld(period) => write!(f, "period_held@{}", period.0),
            Field::PeriodOpen(period) => write!(f, "period_open@{}", period.0),
            Field::PeriodRequests(period) => write!(f, "period_requests@{}", period.0),
            Field::PeriodPrompt(period) => write!(f, "period_prompt@{}", period.0),
            Field::PeriodCompletion(period) => write!(f, "period_completion@{}", period.0),
            Field::UnitCommitted(unit) => write!(f, "units_committed@{unit}"),
            Field::UnitHeld(unit) => write!(f, "units_held@{unit}"),
            Field::UnitSpent(unit) => write!(f, "units@{unit}"),
            Field::PeriodUnitHeld(period, unit) => {
                write!(f, "period_units_held@{}@{unit}", period.0)
            }
            Field::PeriodUnitSpent(period, unit) => write!(f, "period_units@{}@{unit}", period.0),
            Field::OfModel(model, limit) => write!(f, "m@{model}{}", limit.letter()),
            Field::OfModelDay(model, limit, day) => {
                write!(f, "m@{model}{}{}", limit.letter(), day.num_days_from_ce())
            }
            Field::PeriodModelHeld(period, model, limit) => {
                write!(f, "h@{model}{}{}", limit.letter(), period.0)
            }
            Field::Moved(LimitKey { limit, model: None }, None) => {
                write!(f, "moved@{}", limit.name())
            }
            Field::Moved(LimitKey { limit, model: None }, Some(day)) => {
                write!(f, "moved@{}@{day}", limit.name())
            }
            Field::Moved(LimitKey { limit, model: Some(model) }, day) => {
                write!(f, "v@{model}{}", limit.letter())?;
                day.iter().try_for_each(|day| write!(f, "{}", day.num_days_from_ce()))
            }
            Field::MovedAt => f.write_str("moved_at"),
            Field::ReconciledThrough => f.write_str("mended_through"),
            Field::Seats => f.write_str("seats"),
            Field::SeatTat => f.write_str("seat_tat"),
            Field::SeatedAt => f.write_str("seated_at"),
            Field::SeatAskedAt => f.write_str("seat_asked_at"),
            Field::Blocked => f.write_str("blocked"),
            Field::Terms => f.write_str("terms"),
            Field::Listed => f.write_str("listed"),
            Field::Claim => f.write_str("claim"),
            Field::Override(limit) => write!(f, "own@{}", limit.name()),
            Field::OverrideOfModel(model, limit) => write!(f, "o@{model}{}", limit.letter()),
        }
    }
}

/// A key of a model, the letter of a limit, and the number of a day or of a period behind them, as
/// `Ab3_T739590`. An account has up to four limits on models, and its item must stay small.
fn of_model(text: &str) -> Option<(LimitKey, Option<i64>)> {
    let (model, rest) = text.split_at_checked(ModelKey::LENGTH)?;
    let mut signs = rest.chars();
    let limit = Limit::of_letter(signs.next()?)?;
    let number = Some(signs.as_str()).filter(|digits| !digits.is_empty());
    let number = number.map(str::parse).transpose().ok()?;
    Some((LimitKey { limit, model: Some(model.parse().ok()?) }, number))
}

/// The day of its number.
fn day_of(number: i64) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(i32::try_from(number).ok()?)
}

fn field_named(name: &str) -> Option<Field> {
    let (name, of) = name.split_once('@').unwrap_or((name, ""));
    let day = || of.parse().ok();
    let period = || of.parse().ok().map(Period);
    let unit = || of.parse().ok();
    let period_and_unit = || {
        let (period, unit) = of.split_once('@')?;
        Some((Period(period.parse().ok()?), unit.parse().ok()?))
    };
    match name {
        "request_tat" => Some(Field::Tat(Quantity::Requests)),
        "token_tat" => Some(Field::Tat(Quantity::Tokens)),
        "unit_tat" => unit().map(|unit| Field::Tat(Quantity::Unit(unit))),
        "day_requests" => day().map(|day| Field::Day(Quantity::Requests, day)),
        "day_tokens" => day().map(|day| Field::Day(Quantity::Tokens, day)),
        "day_units" => {
            let (day, unit) = of.split_once('@')?;
            Some(Field::Day(Quantity::Unit(unit.parse().ok()?), day.parse().ok()?))
        }
        "committed" => Some(Field::Committed),
        "held" => Some(Field::Held),
        "open" => Some(Field::Open),
        "requests" => Some(Field::Requests),
        "prompt_tokens" => Some(Field::PromptTokens),
        "completion_tokens" => Some(Field::CompletionTokens),
        "period_held" => period().map(Field::PeriodHeld),
        "period_open" => period().map(Field::PeriodOpen),
        "period_requests" => period().map(Field::PeriodRequests),
        "period_prompt" => period().map(Field::PeriodPrompt),
        "period_completion" => period().map(Field::PeriodCompletion),
        "units_committed" => unit().map(Field::UnitCommitted),
        "units_held" => unit().map(Field::UnitHeld),
        "units" => unit().map(Field::UnitSpent),
        "period_units_held" => {
            period_and_unit().map(|(period, unit)| Field::PeriodUnitHeld(period, unit))
        }
        "period_units" => {
            period_and_unit().map(|(period, unit)| Field::PeriodUnitSpent(period, unit))
        }
        "m" => match of_model(of)? {
            (key, None) => Some(Field::OfModel(key.model?, key.limit)),
            (key, Some(day)) => Some(Field::OfModelDay(key.model?, key.limit, day_of(day)?)),
        },
        "h" => match of_model(of)? {
            (key, Some(period)) => {
                Some(Field::PeriodModelHeld(Period(period), key.model?, key.limit))
            }
            (_, None) => None,
        },
        "v" => {
            let (key, day) = of_model(of)?;
            Some(Field::Moved(key, day.map(|day| day_of(day).ok_or(())).transpose().ok()?))
        }
        "moved" => {
            let (limit, day) = of.split_once('@').map_or((of, None), |(l, day)| (l, Some(day)));
            let day = day.map(str::parse).transpose().ok()?;
            limit.parse::<Limit>().ok().map(|limit| Field::Moved(limit.into(), day))
        }
        "moved_at" => Some(Field::MovedAt),
        "mended_through" => Some(Field::ReconciledThrough),
        "seats" => Some(Field::Seats),
        "seat_tat" => Some(Field::SeatTat),
        "seated_at" => Some(Field::SeatedAt),
        "seat_asked_at" => Some(Field::SeatAskedAt),
        "blocked" => Some(Field::Blocked),
        "terms" => Some(Field::Terms),
        "listed" => Some(Field::Listed),
        "claim" => Some(Field::Claim),
        "own" => of.parse().ok().map(Field::Override),
        "o" => match of_model(of)? {
            (key, None) => Some(Field::OverrideOfModel(key.model?, key.limit)),
            (_, Some(_)) => None,
        },
        _ => None,
    }
}

/// Reads an account from its item. Attributes of a newer schema are ignored.
///
/// # Errors
///
/// If a number or a reservation is malformed.
pub fn account(item: &Item) -> Result<Account, Cause> {
    let (account, problem) = readable(item);
    problem.map_or(Ok(account), Err)
}

/// Reads what can be read of an account, and one of its problems if it has some.
pub(super) fn readable(item: &Item) -> (Account, Option<Cause>) {
    let (mut account, mut problem) = (Account::default(), None);
    for (name, value) in item {
        if let Err(cause) = read_attribute(&mut account, name, value) {
            problem = Some(cause);
        }
    }
    (account, problem)
}

fn read_attribute(account: &mut Account, name: &str, value: &AttributeValue) -> Result<(), Cause> {
    if let Some(id) = name.strip_prefix(HOLD_PREFIX) {
        let hold = value.as_m().map_err(|_| "a hold is no map")?;
        account.holds.insert(id.parse()?, read_hold(hold)?);
    } else if let Some(field) = field_named(name) {
        account.numbers.insert(field, whole_number(name, value)?);
    }
    Ok(())
}

fn read_hold(hold: &Item) -> Result<Hold, Cause> {
    let number = |name| get_number(hold, name)?.ok_or_else(|| Cause::from("a hold lacks a number"));
    let mut units = Units::NONE;
    for unit in Unit::ALL.iter().copied() {
        if let Some(count) = get_number(hold, unit.name())? {
            units = units.with(unit, u64::try_from(count)?);
        }
    }
    Ok(Hold {
        prompt_tokens: u64::try_from(number("prompt_tokens")?)?,
        completion_tokens: u64::try_from(number("completion_tokens")?)?,
        units,
        admitted_at: EpochNanos(number("admitted_at")?),
        day: get_text(hold, "day")?.parse()?,
        expires_at: EpochNanos(number("expires_at")?),
        // Reservations of the previous schema do not have this attribute.
        is_recorded: !hold.contains_key(UNRECORDED),
        model: match hold.contains_key(MODEL) {
            true => Some(get_text(hold, MODEL)?.parse()?),
            false => None,
        },
    })
}

pub(super) fn write_hold(hold: &Hold) -> AttributeValue {
    let count = |count: u64| AttributeValue::N(count.to_string());
    let mut map = HashMap::from([
        ("prompt_tokens".to_owned(), count(hold.prompt_tokens)),
        ("completion_tokens".to_owned(), count(hold.completion_tokens)),
        ("admitted_at".to_owned(), number(hold.admitted_at.0)),
        ("day".to_owned(), text(hold.day.to_string())),
        ("expires_at".to_owned(), number(hold.expires_at.0)),
    ]);
    map.extend(hold.units.iter().map(|(unit, amount)| (unit.name().to_owned(), count(amount))));
    if !hold.is_recorded {
        map.insert(UNRECORDED.to_owned(), number(1));
    }
    if let Some(model) = hold.model {
        map.insert(MODEL.to_owned(), text(model.to_string()));
    }
    AttributeValue::M(map)
}

#[cfg(test)]
mod sizes;

#[cfg(test)]
mod tests {
    use lanyard_domain::by_model::HeldModel;

    use super::*;

    #[test]
    fn every_field_is_stored_by_its_name_and_found_by_it() {
        let day = "2026-12-05".parse().unwrap();
        let period = Period(2_991_234);
        let model: ModelKey = "B6-_".parse().unwrap();
        let of_model = |limit| LimitKey { limit, model: Some(model) };
        let fields = [
            (Field::Tat(Quantity::Requests), "request_tat"),
            (Field::Tat(Quantity::Tokens), "token_tat"),
            (Field::Tat(Quantity::Unit(Unit::Images)), "unit_tat@images"),
            (Field::Day(Quantity::Requests, day), "day_requests@2026-12-05"),
            (Field::Day(Quantity::Tokens, day), "day_tokens@2026-12-05"),
            (Field::Day(Quantity::Unit(Unit::Images), day), "day_units@2026-12-05@images"),
            (Field::Committed, "committed"),
            (Field::Held, "held"),
            (Field::Open, "open"),
            (Field::Requests, "requests"),
            (Field::PromptTokens, "prompt_tokens"),
            (Field::CompletionTokens, "completion_tokens"),
            (Field::PeriodHeld(period), "period_held@2991234"),
            (Field::PeriodOpen(period), "period_open@2991234"),
            (Field::PeriodRequests(period), "period_requests@2991234"),
            (Field::PeriodPrompt(period), "period_prompt@2991234"),
            (Field::PeriodCompletion(period), "period_completion@2991234"),
            (Field::UnitCommitted(Unit::Characters), "units_committed@characters"),
            (Field::UnitHeld(Unit::AudioSeconds), "units_held@audio_seconds"),
            (Field::UnitSpent(Unit::VideoSeconds), "units@video_seconds"),
            (Field::PeriodUnitHeld(period, Unit::Images), "period_units_held@2991234@images"),
            (Field::PeriodUnitSpent(period, Unit::Images), "period_units@2991234@images"),
            (Field::OfModel(model, Limit::RequestsTotal), "m@B6-_N"),
            (Field::OfModelDay(model, Limit::UsdPerDay, day), "m@B6-_u739955"),
            (Field::PeriodModelHeld(period, model, Limit::UsdTotal), "h@B6-_U2991234"),
            (Field::Moved(Limit::InFlight.into(), None), "moved@in_flight"),
            (
                Field::Moved(Limit::TokensPerDay.into(), Some(day)),
                "moved@tokens_per_day@2026-12-05",
            ),
            (Field::Moved(of_model(Limit::InFlight), None), "v@B6-_F"),
            (Field::Moved(of_model(Limit::TokensPerDay), Some(day)), "v@B6-_T739955"),
            (Field::MovedAt, "moved_at"),
            (Field::ReconciledThrough, "mended_through"),
            (Field::Seats, "seats"),
            (Field::SeatTat, "seat_tat"),
            (Field::SeatedAt, "seated_at"),
            (Field::SeatAskedAt, "seat_asked_at"),
            (Field::Blocked, "blocked"),
            (Field::Terms, "terms"),
            (Field::Listed, "listed"),
            (Field::Claim, "claim"),
            (Field::Override(Limit::RequestsPerMinute), "own@requests_per_minute"),
            (Field::OverrideOfModel(model, Limit::UsdTotal), "o@B6-_U"),
        ];
        for (field, name) in fields {
            assert_eq!(Named(field).to_string(), name);
            assert_eq!(field_named(name), Some(field));
        }
    }

    #[test]
    fn a_hold_is_read_as_it_was_written_with_units_and_without() {
        for units in [Units::NONE, Units::of(Unit::Images, 3).with(Unit::Characters, 9)] {
            for is_recorded in [true, false] {
                let hold = Hold {
                    prompt_tokens: 7,
                    completion_tokens: 0,
                    units,
                    admitted_at: EpochNanos(1),
                    day: "2026-12-05".parse().unwrap(),
                    expires_at: EpochNanos(2),
                    is_recorded,
                    model: None,
                };
                let model: HeldModel = "B6-_RU/N".parse().unwrap();
                for hold in [hold, Hold { model: Some(model), ..hold }] {
                    let written = write_hold(&hold);
                    let map = written.as_m().unwrap();
                    // Reservations of earlier releases have none of these.
                    let extra = usize::from(!is_recorded) + usize::from(hold.model.is_some());
                    assert_eq!(map.len(), 5 + units.iter().count() + extra, "{map:?}");
                    assert_eq!(read_hold(map).unwrap(), hold);
                }
            }
        }
    }

    #[test]
    fn keys_and_unknown_attributes_are_not_numbers() {
        for name in [
            "pk",
            "sk",
            "hold",
            "own@",
            "moved@tokens",
            "moved@tokens_per_day@soon",
            "day_requests@soon",
            "period_held",
            "units@tokens",
            "units",
            "period_units@1",
            "m@B6-_",
            "m@B6-_z",
            "m@B6-_Rsoon",
            "h@B6-_U",
            "v@B6-",
            "o@B6-_",
            "o@B6-_U1",
        ] {
            assert_eq!(field_named(name), None, "{name}");
        }
    }
}

//! The true cost of a request, and the write that settles it on an account.

use crate::account::{Change, Condition, Field, Hold, Write, signed};
use crate::admission::{Side, cost_ns};
use crate::allowance::Allowance;
use crate::bill::Bill;
use crate::by_model::{HeldModel, LimitKey};
use crate::ids::RequestId;
use crate::limit::{Counting, Limit};
use crate::models::KnownModel;
use crate::time::EpochNanos;
use crate::unit::Unit;
use crate::usage::{CacheUse, Charge, Usage};

/// The outcome of a request, as far as its cost is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Azure reported the usage.
    Exact(Usage),
    /// Azure reported no usage, but it is known what was used at most: this.
    Estimated(Usage),
    /// The response was cut off or reported no usage. The charge is at least this and at least the
    /// estimate.
    AtLeast(Usage),
    /// The request never reached a model.
    Void,
}

impl Settlement {
    /// The charge to the accounts. `None` if there is none.
    #[must_use]
    pub fn charge(&self, hold: &Hold) -> Option<Charge> {
        match self {
            Self::Exact(usage) | Self::Estimated(usage) => Some(Charge {
                prompt_tokens: usage.prompt_tokens,
                completion_tokens: usage.completion_tokens,
                units: usage.units,
            }),
            Self::AtLeast(usage) => {
                let prompt_tokens = match usage.prompt_tokens {
                    0 => hold.prompt_tokens,
                    counted => counted,
                };
                let rest = hold.tokens().saturating_sub(prompt_tokens);
                Some(Charge {
                    prompt_tokens,
                    completion_tokens: rest.max(usage.completion_tokens),
                    units: hold.units.max(usage.units),
                })
            }
            Self::Void => None,
        }
    }

    /// The tokens of the prompt that were read from the cache or written to it, as far as Azure says.
    #[must_use]
    pub fn cache(&self) -> CacheUse {
        match self {
            Self::Exact(usage) | Self::Estimated(usage) | Self::AtLeast(usage) => {
                let CacheUse { read, written } = usage.details.into();
                let read = read.min(usage.prompt_tokens);
                CacheUse { read, written: written.min(usage.prompt_tokens - read) }
            }
            Self::Void => CacheUse::default(),
        }
    }

    /// What is known of the usage. `None` if the request never reached a model.
    #[must_use]
    pub fn usage(&self) -> Option<&Usage> {
        match self {
            Self::Exact(usage) | Self::Estimated(usage) | Self::AtLeast(usage) => Some(usage),
            Self::Void => None,
        }
    }

    /// The settlement, with the model that the response names. A model that the usage names stays.
    #[must_use]
    pub fn written_by(self, model: Option<KnownModel>) -> Self {
        let of = |usage: Usage| Usage { model: usage.model.or(model), ..usage };
        match self {
            Self::Exact(usage) => Self::Exact(of(usage)),
            Self::Estimated(usage) => Self::Estimated(of(usage)),
            Self::AtLeast(usage) => Self::AtLeast(of(usage)),
            Self::Void => Self::Void,
        }
    }

    /// The settlement of a response whose prompt was counted and whose output was not: what was
    /// reserved for the output comes on top of the prompt, however large that was.
    #[must_use]
    pub fn with_reserved_output(self, hold: &Hold) -> Self {
        match self {
            Self::AtLeast(usage) if usage.prompt_tokens > 0 && usage.completion_tokens == 0 => {
                Self::AtLeast(Usage { completion_tokens: hold.completion_tokens, ..usage })
            }
            Self::AtLeast(_) | Self::Exact(_) | Self::Estimated(_) | Self::Void => self,
        }
    }

    /// The charge with what it costs in money. Without a bill, what is reserved is charged.
    #[must_use]
    pub fn charge_in_money(&self, bill: Option<&Bill>, hold: &Hold) -> Option<Charge> {
        let charge = self.charge(hold)?;
        let held = hold.units.get(Unit::Usd);
        let cost = match (self, bill.map(Bill::nano_usd)) {
            (Self::AtLeast(_), cost) => held.max(cost.unwrap_or_default()),
            (Self::Exact(_) | Self::Estimated(_) | Self::Void, cost) => cost.unwrap_or(held),
        };
        Some(Charge { units: charge.units.with(Unit::Usd, cost), ..charge })
    }

    /// The exact usage that Azure reported, if it is known.
    #[must_use]
    pub fn exact(&self) -> Option<Usage> {
        match self {
            Self::Exact(usage) => Some(*usage),
            Self::Estimated(_) | Self::AtLeast(_) | Self::Void => None,
        }
    }

    /// Whether the exact usage is unknown, so that an estimate is charged.
    #[must_use]
    pub fn is_estimated(&self) -> bool {
        match self {
            Self::Exact(_) | Self::Void => false,
            Self::Estimated(_) | Self::AtLeast(_) => true,
        }
    }
}

/// The number of changes that settle a request that used tokens and money.
const USUAL_CHANGES: usize = 18;

/// The write that settles a reservation.
///
/// On an attendee's account the write needs the reservation and removes it. So it can be made only
/// once. The event's account has no reservations by request. There the write needs the
/// reservation's period to be open, and the caller makes it once, after the attendee's. The caller
/// must not repeat it if the outcome is unknown. The event then reserves too much until the period
/// is reconciled.
#[must_use]
pub fn write(
    side: Side,
    allowance: &Allowance,
    id: &RequestId,
    hold: &Hold,
    charge: Option<Charge>,
    now: EpochNanos,
) -> Write {
    let held = signed(hold.tokens());
    let period = hold.period();
    let mut changes = Vec::with_capacity(USUAL_CHANGES);
    let condition = match side {
        Side::Attendee { .. } => {
            changes.push(Change::RemoveHold(id.clone()));
            Condition::HoldPresent(id.clone())
        }
        Side::Event => {
            changes.extend([
                Change::Add(Field::PeriodHeld(period), -held),
                Change::Add(Field::PeriodOpen(period), -1),
            ]);
            Condition::AtLeast(Field::PeriodOpen(period), 1)
        }
    };
    changes.push(Change::Add(Field::Held, -held));
    for (unit, count) in hold.units.iter() {
        changes.push(Change::Add(Field::UnitHeld(unit), -signed(count)));
        if side == Side::Event {
            changes.push(Change::Add(Field::PeriodUnitHeld(period, unit), -signed(count)));
        }
    }
    if let Some(charge) = charge {
        changes.extend([
            Change::Add(Field::Requests, 1),
            Change::Add(Field::PromptTokens, signed(charge.prompt_tokens)),
            Change::Add(Field::CompletionTokens, signed(charge.completion_tokens)),
            Change::Add(Field::PeriodRequests(period), 1),
            Change::Add(Field::PeriodPrompt(period), signed(charge.prompt_tokens)),
            Change::Add(Field::PeriodCompletion(period), signed(charge.completion_tokens)),
        ]);
        for (unit, count) in charge.units.iter() {
            changes.extend([
                Change::Add(Field::UnitSpent(unit), signed(count)),
                Change::Add(Field::PeriodUnitSpent(period, unit), signed(count)),
            ]);
        }
    }
    let elapsed = now.since(hold.admitted_at);
    changes.extend(Limit::ALL.iter().filter_map(|limit| {
        let correction = correction(*limit, hold, charge);
        let by = match limit.counting() {
            Counting::PerMinute(_) => {
                let allowed = allowance.limit(*limit)?;
                let held = hold.amount(*limit);
                rate_correction(correction, held, allowed, elapsed)
            }
            Counting::PerDay(_)
            | Counting::TokensTotal
            | Counting::UnitTotal(_)
            | Counting::InFlight
            | Counting::RequestsTotal => correction,
        };
        (by != 0).then_some(Change::Add(Field::counted(*limit, hold.day), by))
    }));
    if let Some(model) = hold.model {
        of_model(side, allowance, model, hold, charge, elapsed, &mut changes);
    }
    Write { conditions: vec![condition], changes }
}

/// Corrects what the limits on the request's model counted: those that its reservation remembers,
/// whichever there are now. A rate is corrected only if its limit is still set, because the
/// correction depends on the limit's value.
fn of_model(
    side: Side,
    allowance: &Allowance,
    model: HeldModel,
    hold: &Hold,
    charge: Option<Charge>,
    elapsed: i64,
    changes: &mut Vec<Change>,
) {
    let limits = match side {
        Side::Attendee { .. } => model.attendee,
        Side::Event => model.event,
    };
    for limit in limits.iter() {
        let key = LimitKey { limit, model: Some(model.key) };
        let (correction, held) = (correction(limit, hold, charge), hold.amount(limit));
        let by = match allowance.get(key) {
            Some(allowed) if key.is_rate() => rate_correction(correction, held, allowed, elapsed),
            None if key.is_rate() => 0,
            Some(_) | None => correction,
        };
        if by != 0 {
            changes.push(Change::Add(Field::of_limit(key, hold.day), by));
        }
        if side == Side::Event && !key.is_rate() && held > 0 {
            let field = Field::PeriodModelHeld(hold.period(), model.key, limit);
            changes.push(Change::Add(field, -signed(held)));
        }
    }
}

/// The difference between the true amount and the reserved amount of a limit.
fn correction(limit: Limit, hold: &Hold, charge: Option<Charge>) -> i64 {
    let held = hold.amount(limit);
    let spent = match (limit.counting(), charge) {
        // A settled request is no longer in flight, whatever it cost.
        (Counting::InFlight, _) | (_, None) => 0,
        (_, Some(charge)) => limit.count(&hold.units, charge.tokens(), &charge.units),
    };
    signed(spent).saturating_sub(signed(held))
}

/// The change of a theoretical arrival time if the estimate was wrong.
///
/// The bucket refilled during `elapsed_ns`. Without the request it might have been full and could
/// not have refilled. So the refund leaves at least `elapsed_ns` of the reservation of `held`, and
/// never more than the true cost would have left.
fn rate_correction(correction: i64, held: u64, allowed: u64, elapsed_ns: i64) -> i64 {
    let by = cost_ns(correction.unsigned_abs(), allowed).saturating_mul(correction.signum());
    if by < 0 { by.max(elapsed_ns.saturating_sub(cost_ns(held, allowed))).min(0) } else { by }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::{Unit, Units};
    use crate::usage::TokenDetails;
    use chrono::NaiveDate;

    fn hold() -> Hold {
        Hold {
            prompt_tokens: 40,
            completion_tokens: 256,
            units: Units::NONE,
            admitted_at: EpochNanos(0),
            day: NaiveDate::MIN,
            expires_at: EpochNanos(0),
            is_recorded: true,
            model: None,
        }
    }

    #[test]
    fn what_was_cached_is_a_part_of_the_prompt() {
        let cache = |prompt, cached, cache_write, cache_write_hour| {
            let details =
                TokenDetails { cached, cache_write, cache_write_hour, ..TokenDetails::NONE };
            let usage = Usage { details, ..Usage::of_tokens(prompt, 5) };
            let cache = Settlement::Exact(usage).cache();
            (cache.read, cache.written)
        };
        assert_eq!(cache(17, 4, 2, 1), (4, 3));
        assert_eq!(cache(17, u64::MAX, 2, 1), (17, 0));
        assert_eq!(cache(17, 10, u64::MAX, 1), (10, 7));
        assert_eq!(Settlement::Void.cache(), CacheUse::default());
    }

    #[test]
    fn azures_count_is_charged_to_the_token() {
        let usage = Usage::of_tokens(17, 5);
        let charge = Settlement::Exact(usage).charge(&hold()).unwrap();
        assert_eq!((charge.prompt_tokens, charge.completion_tokens), (17, 5));
        let usage = Usage::of_tokens(17, 5_000);
        assert_eq!(Settlement::Exact(usage).charge(&hold()).unwrap().tokens(), 5_017);
    }

    #[test]
    fn a_broken_response_is_charged_its_estimate_and_any_excess() {
        let at_least = |prompt_tokens, completion_tokens| {
            Settlement::AtLeast(Usage::of_tokens(prompt_tokens, completion_tokens))
                .charge(&hold())
                .unwrap()
        };
        assert_eq!(at_least(0, 0), Charge::of_tokens(40, 256));
        assert_eq!(at_least(17, 5), Charge::of_tokens(17, 279));
        assert_eq!(at_least(17, 900), Charge::of_tokens(17, 900));
    }

    #[test]
    fn a_broken_response_is_charged_its_reserved_units() {
        let hold = Hold { units: Units::of(Unit::Images, 2), ..hold() };
        let paid = |counted| {
            let usage = Usage::of_units(Units::of(Unit::Images, counted));
            Settlement::AtLeast(usage).charge(&hold).unwrap().units.get(Unit::Images)
        };
        assert_eq!((paid(0), paid(1), paid(3)), (2, 2, 3));
        let exact = Settlement::Exact(Usage::of_units(Units::of(Unit::Images, 1)));
        assert_eq!(exact.charge(&hold).unwrap().units, Units::of(Unit::Images, 1));
    }

    #[test]
    fn the_tokens_of_images_count_in_totals_and_leave_the_minute_alone() {
        let hold = Hold { units: Units::of(Unit::Images, 1), ..hold() };
        let allowance =
            Allowance::from([(Limit::TokensPerMinute, 1_000), (Limit::TokensTotal, 100_000)]);
        let usage = Usage { units: hold.units, ..Usage::of_tokens(40, 6_000) };
        let charge = Settlement::Exact(usage).charge(&hold);
        let now = EpochNanos(1_000_000_000);
        let id = "req_1".parse().unwrap();
        let write = write(Side::Event, &allowance, &id, &hold, charge, now);
        let by = |field| {
            write.changes.iter().find_map(|change| {
                let Change::Add(changed, by) = change else { return None };
                (*changed == field).then_some(*by)
            })
        };
        assert_eq!(by(Field::counted(Limit::TokensPerMinute, hold.day)), None);
        assert_eq!(by(Field::Committed), Some(6_040 - 296));
        assert_eq!(by(Field::CompletionTokens), Some(6_000));
    }

    #[test]
    fn a_model_that_has_read_a_request_has_used_its_prompt_and_what_came_with_it() {
        let units = Unit::ALL.iter().fold(Units::NONE, |units, unit| units.with(*unit, 7));
        let prompt = Hold { units, ..hold() }.prompt();
        assert_eq!((prompt.prompt_tokens, prompt.completion_tokens), (40, 0));
        let brought = Units::of(Unit::AudioSeconds, 7).with(Unit::Characters, 7);
        assert_eq!(prompt.units, brought);
    }

    #[test]
    fn a_void_request_costs_nothing() {
        assert_eq!(Settlement::Void.charge(&hold()), None);
    }
}

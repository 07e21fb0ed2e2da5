//! A gateway process and its request: admission on both accounts, the call, the settlement.

use std::sync::LazyLock;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use lanyard_domain::account::{Condition, Field, Hold, Write};
use lanyard_domain::admission::{self, Demand, Guess, Side};
use lanyard_domain::allowance::{Allowance, Limit};
use lanyard_domain::by_model::{ByModel, ModelKey, ModelLimit, ModelLimits};
use lanyard_domain::estimate::Estimate;
use lanyard_domain::ids::{DeploymentName, RequestId};
use lanyard_domain::settlement::{self, Settlement};
use lanyard_domain::time::EpochNanos;
use lanyard_domain::usage::Usage;
use lanyard_domain::window::LocalDay;

use super::state::{Admission, Charge2, Phase, State, Step, charge, money};
use super::{Action, ESTIMATE, End, Fate, Ledger, Rule, apply};

pub(crate) const ATTENDEE: Side = Side::Attendee { terms: 0 };

/// The model of both requests.
pub(crate) static MODEL: LazyLock<DeploymentName> = LazyLock::new(|| "dear".parse().unwrap());

/// A limit on it that has room for one request. It counts requests also where nobody is held to it.
pub(crate) static BY_MODEL: LazyLock<ByModel> = LazyLock::new(|| {
    let limit =
        ModelLimit { name: MODEL.clone(), limit: Limit::TokensTotal, allowed: super::ROOM_FOR_ONE };
    let limits: ModelLimits = [limit].into_iter().collect();
    ByModel { attendee: limits.clone(), event: limits }
});

/// What the limit counts.
pub(crate) fn of_model() -> Field {
    Field::OfModel(ModelKey::of(&MODEL), Limit::TokensTotal)
}

/// Tries of a settlement.
const TRIES: u8 = 2;

pub(crate) fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_796_472_000, 0).unwrap()
}

/// The life of a hold.
pub(crate) const HOLD_LIFE: TimeDelta = TimeDelta::minutes(16);

pub(crate) fn now(phase: Phase) -> EpochNanos {
    match phase {
        Phase::Open => noon().into(),
        Phase::Ended => (noon() + TimeDelta::minutes(12)).into(),
        Phase::Expired => (noon() + HOLD_LIFE).into(),
        Phase::Over => (noon() + TimeDelta::hours(1)).into(),
    }
}

pub(crate) fn id(request: usize) -> RequestId {
    format!("req_{request}").parse().unwrap()
}

pub(crate) fn demand(request: usize) -> Demand {
    let date: NaiveDate = noon().date_naive();
    Demand {
        id: id(request),
        estimate: Estimate {
            units: money(ESTIMATE),
            ..Estimate::of_tokens(ESTIMATE.0, ESTIMATE.1)
        },
        least: None,
        now: noon().into(),
        day: LocalDay { date, ends_at: noon() + TimeDelta::hours(12) },
        expires_at: (noon() + HOLD_LIFE).into(),
        is_recorded: true,
        model: BY_MODEL.held(&MODEL),
    }
}

pub(crate) fn hold(request: usize) -> Hold {
    demand(request).hold()
}

/// The write that settles, by the rule that is tried.
pub(crate) fn settlement(
    model: &Ledger,
    side: Side,
    request: usize,
    charged: Option<Charge2>,
    phase: Phase,
) -> Write {
    let allowance = match side {
        Side::Attendee { .. } => Allowance::default(),
        Side::Event => model.allowance(),
    };
    let hold = hold(request);
    let charged = charged.map(charge);
    let mut write = settlement::write(side, &allowance, &id(request), &hold, charged, now(phase));
    if model.rule == Rule::WithoutHold {
        write.conditions.retain(|condition| !matches!(condition, Condition::HoldPresent(_)));
    }
    write
}

pub(crate) fn actions(
    model: &Ledger,
    state: &State,
    request: usize,
    fates: &[Fate],
    actions: &mut Vec<Action>,
) {
    let each = |action: fn(usize, Fate) -> Action| fates.iter().map(move |f| action(request, *f));
    let asks = |side| matches!(side, Admission::Asks { .. });
    match state.steps[request] {
        Step::Idle if state.phase == Phase::Open => actions.push(Action::Begin(request)),
        Step::Idle | Step::Ended => return,
        Step::Reserving { attendee, event } => {
            if asks(attendee) {
                actions.extend(each(Action::ReserveAttendee));
            }
            if asks(event) {
                actions.extend(each(Action::ReserveEvent));
            }
            if !asks(attendee) && !asks(event) {
                actions.push(Action::Reserved(request));
            }
        }
        Step::Working => {
            let exact = model.exact.iter().map(|usage| End::Exact(*usage));
            let ends = exact.chain([End::Silence, End::Void]);
            actions.extend(ends.map(|end| Action::End(request, end)));
        }
        Step::Recording(_) => actions.push(Action::Record(request)),
        Step::SettlingAttendee { .. } => actions.extend(each(Action::SettleAttendee)),
        Step::SettlingEvent { .. } => actions.extend(each(Action::SettleEvent)),
    }
    if state.crashes_left > 0 && state.steps[request] != Step::Idle {
        actions.push(Action::Die(request));
    }
}

pub(crate) fn step(model: &Ledger, state: &mut State, action: Action) {
    match action {
        Action::Begin(request) => {
            let asks = Admission::Asks { again: false };
            state.steps[request] = Step::Reserving { attendee: asks, event: asks };
        }
        Action::ReserveAttendee(request, fate) => {
            if let Step::Reserving { attendee, event } = state.steps[request] {
                let attendee = reserve_attendee(state, request, attendee, fate);
                state.steps[request] = Step::Reserving { attendee, event };
            }
        }
        Action::ReserveEvent(request, fate) => {
            if let Step::Reserving { attendee, event } = state.steps[request] {
                let event = reserve_event(model, state, request, event, fate);
                state.steps[request] = Step::Reserving { attendee, event };
            }
        }
        Action::Reserved(request) => reserved(state, request),
        Action::End(request, end) => ended(model, state, request, end),
        Action::Record(request) => {
            if let Step::Recording(charged) = state.steps[request] {
                let charged = *state.records[request].get_or_insert(charged);
                state.steps[request] = settling(Some(charged), true);
            }
        }
        Action::SettleAttendee(request, fate) => settle_attendee(model, state, request, fate),
        Action::SettleEvent(request, fate) => settle_event(model, state, request, fate),
        Action::Die(request) => {
            state.crashes_left -= 1;
            state.steps[request] = Step::Ended;
        }
        Action::LaterReads
        | Action::LaterWrites
        | Action::Wait
        | Action::SweepReads
        | Action::SweepRecords(_)
        | Action::SweepSettles(..)
        | Action::SweepSums
        | Action::SweepReconciles(_)
        | Action::SweepDies => {}
    }
}

fn settling(charge: Option<Charge2>, event_too: bool) -> Step {
    Step::SettlingAttendee { charge, is_unknown: false, tries: TRIES, event_too }
}

pub(crate) fn fault(state: &mut State, fate: Fate) {
    state.faults_left -= u8::from(fate != Fate::Answered);
}

/// Tried again whatever became of the first try: the hold has a name of its own.
fn reserve_attendee(state: &mut State, request: usize, before: Admission, fate: Fate) -> Admission {
    fault(state, fate);
    let demand = demand(request);
    let write = admission::propose(ATTENDEE, &Allowance::default(), &demand, &Guess::default());
    let is_made = apply(&mut state.attendee, &write.unwrap(), fate);
    let is_first = before == Admission::Asks { again: false };
    match fate {
        Fate::Answered if is_made || state.attendee.0.holds.contains_key(&demand.id) => {
            Admission::Made
        }
        Fate::Answered => Admission::Refused,
        Fate::Lost | Fate::Dropped | Fate::Throttled if is_first => Admission::Asks { again: true },
        Fate::Lost | Fate::Dropped => Admission::Unknown,
        // The first try may have been made.
        Fate::Throttled => Admission::Unknown,
    }
}

/// Tried again only if it was certainly not made: it would count twice.
fn reserve_event(
    model: &Ledger,
    state: &mut State,
    request: usize,
    before: Admission,
    fate: Fate,
) -> Admission {
    fault(state, fate);
    let (demand, allowance) = (demand(request), model.allowance());
    let write = admission::propose(Side::Event, &allowance, &demand, &Guess::default());
    if apply(&mut state.event, &write.unwrap(), fate) {
        let field = match model.limits_a_model {
            true => of_model(),
            false => Field::counted(model.limit, demand.day.date),
        };
        state.passed_budget |= state.event.0.count(field) > model.budget;
        return if fate == Fate::Answered { Admission::Made } else { Admission::Unknown };
    }
    match fate {
        Fate::Answered => Admission::Refused,
        Fate::Lost | Fate::Dropped => Admission::Unknown,
        Fate::Throttled if before == (Admission::Asks { again: false }) => {
            Admission::Asks { again: true }
        }
        Fate::Throttled => Admission::Refused,
    }
}

/// Both sides have responded: the request is sent, or what was granted is released.
fn reserved(state: &mut State, request: usize) {
    let Step::Reserving { attendee, event } = state.steps[request] else { return };
    let event_made = event == Admission::Made;
    state.steps[request] = match attendee {
        Admission::Made if event_made => {
            // From here on a model may be working.
            state.worked[request] = ESTIMATE.0 + ESTIMATE.1;
            Step::Working
        }
        Admission::Made | Admission::Unknown => settling(None, event_made),
        Admission::Refused | Admission::Asks { .. } if event_made => {
            Step::SettlingEvent { charge: None, tries: TRIES }
        }
        Admission::Refused | Admission::Asks { .. } => Step::Ended,
    };
}

fn ended(model: &Ledger, state: &mut State, request: usize, end: End) {
    let of_tokens =
        |usage: Charge2| Usage { units: money(usage), ..Usage::of_tokens(usage.0, usage.1) };
    let settlement = match end {
        End::Exact(usage) => Settlement::Exact(of_tokens(usage)),
        End::Silence if model.rule == Rule::SilenceIsVoid => Settlement::Void,
        End::Silence => Settlement::AtLeast(Usage::default()),
        End::Void => Settlement::Void,
    };
    state.worked[request] = match end {
        End::Exact(usage) => usage.0 + usage.1,
        End::Silence => state.worked[request],
        End::Void => 0,
    };
    state.steps[request] = match settlement.charge(&hold(request)) {
        Some(charge) => Step::Recording((charge.prompt_tokens, charge.completion_tokens)),
        None => settling(None, true),
    };
}

fn settle_attendee(model: &Ledger, state: &mut State, request: usize, fate: Fate) {
    let Step::SettlingAttendee { charge, mut is_unknown, tries, event_too } = state.steps[request]
    else {
        return;
    };
    fault(state, fate);
    let write = settlement(model, ATTENDEE, request, charge, state.phase);
    let is_made = apply(&mut state.attendee, &write, fate);
    state.charged[request] += u8::from(is_made && charge.is_some());
    let event = Step::SettlingEvent { charge, tries: TRIES };
    let next = if event_too { event } else { Step::Ended };
    state.steps[request] = match fate {
        Fate::Answered if is_made => next,
        // A hold that is gone after a lost response was settled by that try, unless it has expired.
        Fate::Answered if is_unknown && state.phase < Phase::Expired => next,
        Fate::Answered => Step::Ended,
        Fate::Lost | Fate::Dropped | Fate::Throttled => {
            is_unknown |= fate != Fate::Throttled;
            let tries = tries - 1;
            match tries {
                0 => Step::Ended,
                _ => Step::SettlingAttendee { charge, is_unknown, tries, event_too },
            }
        }
    };
}

/// Made once: a write whose response was lost is left to the reconciliation.
fn settle_event(model: &Ledger, state: &mut State, request: usize, fate: Fate) {
    let Step::SettlingEvent { charge, tries } = state.steps[request] else { return };
    fault(state, fate);
    let write = settlement(model, Side::Event, request, charge, state.phase);
    apply(&mut state.event, &write, fate);
    let again = match fate {
        Fate::Throttled => true,
        Fate::Answered | Fate::Lost | Fate::Dropped => false,
    };
    state.steps[request] = match tries - 1 {
        0 => Step::Ended,
        tries if again => Step::SettlingEvent { charge, tries },
        _ => Step::Ended,
    };
}

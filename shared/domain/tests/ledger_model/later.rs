//! A request of a later period. Its admission removes from the event's account what no rule needs:
//! what earlier periods reserve, if it was nothing when the process last saw the account.

use chrono::TimeDelta;
use lanyard_domain::account::{Condition, Field};
use lanyard_domain::admission::{self, Demand, Guess, Side};
use lanyard_domain::allowance::Allowance;
use lanyard_domain::estimate::Estimate;
use lanyard_domain::settlement;

use super::process::{demand, noon};
use super::state::{Later, REQUESTS, State};
use super::{Action, Fate, Ledger, Rule, apply};

/// It needs nothing, so that it changes no other number.
fn later() -> Demand {
    let now = (noon() + TimeDelta::minutes(10)).into();
    Demand { now, estimate: Estimate::NOTHING, model: None, ..demand(REQUESTS) }
}

/// What the process that sees the account now would remove.
fn outdated(state: &State) -> Vec<Field> {
    let reconciled_through = state.event.0.get(Field::ReconciledThrough);
    Guess::outdated(&state.event.0, &later(), reconciled_through)
}

pub(crate) fn actions(state: &State, actions: &mut Vec<Action>) {
    match &state.later {
        Later::Idle if !outdated(state).is_empty() => actions.push(Action::LaterReads),
        Later::Read(_) => actions.push(Action::LaterWrites),
        Later::Idle | Later::Ended => {}
    }
}

/// It reads what it saw last, and writes later: at any time, since the clocks of processes differ.
pub(crate) fn step(model: &Ledger, state: &mut State, action: Action) {
    let Later::Read(outdated) = std::mem::replace(&mut state.later, Later::Ended) else {
        state.later = Later::Read(outdated(state));
        return;
    };
    debug_assert_eq!(action, Action::LaterWrites);
    let (later, none) = (later(), Allowance::default());
    let guess = Guess { outdated, ..Guess::default() };
    let mut write = admission::write(Side::Event, &none, &later, &guess);
    if model.rule == Rule::RemovesBlindly {
        write.conditions.retain(|condition| !matches!(condition, Condition::AtMost(..)));
    }
    if apply(&mut state.event, &write, Fate::Answered) {
        let hold = later.hold();
        let end = settlement::write(Side::Event, &none, &later.id, &hold, None, later.now);
        apply(&mut state.event, &end, Fate::Answered);
    }
}

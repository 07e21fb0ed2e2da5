//! The sweep: it expires holds, sums up the attendee's account and reconciles the event's.

use lanyard_domain::account::{Condition, Hold};
use lanyard_domain::reconcile::{self, OpenHolds, Tally};
use lanyard_domain::settlement::Settlement;
use lanyard_domain::time::Period;
use lanyard_domain::usage::Usage;

use super::process::{ATTENDEE, HOLD_LIFE, fault, hold, id, now, settlement};
use super::state::{Phase, REQUESTS, State, Sweep};
use super::{Action, Fate, Ledger, Rule, apply};

/// The period of both requests.
fn period() -> Period {
    hold(0).period()
}

/// The requests whose hold the attendee still has, expired.
fn expired(state: &State) -> impl Iterator<Item = usize> {
    let has_expired = |request: &usize| {
        let found: Option<&Hold> = state.attendee.0.holds.get(&id(*request));
        found.is_some_and(|hold| hold.expires_at <= now(state.phase))
    };
    (0..REQUESTS).filter(has_expired)
}

pub(crate) fn actions(state: &State, fates: &[Fate], actions: &mut Vec<Action>) {
    match &state.sweep {
        // Earlier sweeps find nothing to do.
        Sweep::Idle if state.phase == Phase::Open || state.is_swept => return,
        Sweep::Idle => {
            actions.push(Action::SweepReads);
            return;
        }
        Sweep::Read { .. } => {
            let mut is_expired = false;
            for request in expired(state) {
                is_expired = true;
                match state.records[request] {
                    None => actions.push(Action::SweepRecords(request)),
                    Some(_) => {
                        actions.extend(fates.iter().map(|f| Action::SweepSettles(request, *f)));
                    }
                }
            }
            if !is_expired {
                actions.push(Action::SweepSums);
            }
        }
        Sweep::Summed { .. } => {
            actions.extend(fates.iter().map(|fate| Action::SweepReconciles(*fate)));
        }
    }
    if state.crashes_left > 0 {
        actions.push(Action::SweepDies);
    }
}

pub(crate) fn step(model: &Ledger, state: &mut State, action: Action) {
    match action {
        Action::SweepReads => {
            state.sweep = Sweep::Read { event: state.event.clone(), is_quiet: state.is_quiet() };
        }
        Action::SweepRecords(request) => {
            let estimate = Settlement::AtLeast(Usage::default()).charge(&hold(request)).unwrap();
            let estimate = (estimate.prompt_tokens, estimate.completion_tokens);
            state.records[request].get_or_insert(estimate);
        }
        Action::SweepSettles(request, fate) => {
            fault(state, fate);
            let charge = state.records[request];
            let write = settlement(model, ATTENDEE, request, charge, state.phase);
            let is_made = apply(&mut state.attendee, &write, fate);
            state.charged[request] += u8::from(is_made);
            if fate != Fate::Answered {
                // The next sweep goes on.
                state.sweep = Sweep::Idle;
            }
        }
        Action::SweepSums => sum(model, state),
        Action::SweepReconciles(fate) => reconcile(model, state, fate),
        Action::SweepDies => {
            state.crashes_left -= 1;
            state.sweep = Sweep::Idle;
        }
        Action::Begin(_)
        | Action::ReserveAttendee(..)
        | Action::ReserveEvent(..)
        | Action::Reserved(_)
        | Action::End(..)
        | Action::Record(_)
        | Action::SettleAttendee(..)
        | Action::SettleEvent(..)
        | Action::Die(_)
        | Action::LaterReads
        | Action::LaterWrites
        | Action::Wait => {}
    }
}

/// Sums up the attendee's account. A period that is not over, or has an open hold, is left alone.
fn sum(model: &Ledger, state: &mut State) {
    let Sweep::Read { event, is_quiet } = std::mem::replace(&mut state.sweep, Sweep::Idle) else {
        return;
    };
    let is_early = model.rule == Rule::ReconcilesEarly;
    let holds = if is_early { OpenHolds::default() } else { OpenHolds::of(&state.attendee.0) };
    let (shards, longest) = (std::slice::from_ref(&event.0), HOLD_LIFE.num_nanoseconds().unwrap());
    if reconcile::is_reconciled(&event.0, period()) {
        state.is_swept = is_quiet;
    } else if reconcile::is_due(period(), shards, holds, now(state.phase), longest) {
        let tally = Tally::of(&state.attendee.0, period());
        let charge = (tally.charge.prompt_tokens, tally.charge.completion_tokens);
        state.sweep = Sweep::Summed { event, requests: tally.requests, charge, is_quiet };
    }
}

fn reconcile(model: &Ledger, state: &mut State, fate: Fate) {
    let Sweep::Summed { event, requests, charge, is_quiet } =
        std::mem::replace(&mut state.sweep, Sweep::Idle)
    else {
        return;
    };
    fault(state, fate);
    let mut write = reconcile::write(&event.0, period(), Sweep::tally(requests, charge));
    if model.rule == Rule::ReconcilesBlindly {
        let keeps = |condition: &Condition| matches!(condition, Condition::Below(..));
        write.conditions.retain(keeps);
    }
    let is_made = apply(&mut state.event, &write, fate);
    state.is_swept = is_made && is_quiet && fate == Fate::Answered;
}

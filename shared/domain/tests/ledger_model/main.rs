//! The ledger, checked in every order of its steps.
//!
//! Two gateway processes each serve a request of the same attendee. A third one serves a request of
//! a later period, which removes what the event's account does not need any more. A sweep expires
//! holds and reconciles. Every write may be answered, made with its answer lost, dropped or refused
//! by the store; every process may die between any two steps. The checker takes all orders of all of
//! these within small bounds, and looks at each moment for what must never be.
//!
//! Accounts change by the rules themselves: `admission::propose`, `settlement::write` and
//! `reconcile::write` make the writes, and `Account::apply` carries them out. What the processes do
//! between two writes is written here after `shared/gateway/src/admit.rs`, `settle.rs` and
//! `sweep.rs`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it explored"
)]

mod later;
mod process;
mod state;
mod sweep;

use std::time::Instant;

use lanyard_domain::account::{Field, Write};
use lanyard_domain::allowance::{Allowance, Limit};
use lanyard_domain::unit::Unit;
use lanyard_domain::usage::Charge;
use stateright::{Checker, HasDiscoveries, Model, Property};

use self::state::{Charge2, Later, Phase, REQUESTS, State, Step, Stored, Sweep};

/// What a request may use at most, as prompt and completion.
const ESTIMATE: Charge2 = (3, 7);

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Fate {
    Answered,
    /// Made, and the response is lost.
    Lost,
    /// Not made, and nobody knows.
    Dropped,
    /// Refused by the store: certainly not made.
    Throttled,
}

const FATES: [Fate; 4] = [Fate::Answered, Fate::Lost, Fate::Dropped, Fate::Throttled];

/// How a request ends at Azure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum End {
    /// Azure says what it used.
    Exact(Charge2),
    /// Silence: a model may be working.
    Silence,
    /// A failed connect, or an error that Azure does not bill.
    Void,
}

/// A step of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Action {
    Begin(usize),
    ReserveAttendee(usize, Fate),
    ReserveEvent(usize, Fate),
    Reserved(usize),
    End(usize, End),
    Record(usize),
    SettleAttendee(usize, Fate),
    SettleEvent(usize, Fate),
    Die(usize),
    LaterReads,
    LaterWrites,
    Wait,
    SweepReads,
    SweepRecords(usize),
    SweepSettles(usize, Fate),
    SweepSums,
    SweepReconciles(Fate),
    SweepDies,
}

/// Which rule settles. The wrong ones show that the checker finds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Real,
    /// An attendee's settlement does not need its hold.
    WithoutHold,
    /// Silence gives everything back.
    SilenceIsVoid,
    /// The period is reconciled without a look at what was read.
    ReconcilesBlindly,
    /// The period is reconciled though an attendee has a reservation of it.
    ReconcilesEarly,
    /// What was read as zero is removed whatever it is now.
    RemovesBlindly,
}

/// The ledger with two requests.
#[derive(Clone, Debug)]
struct Ledger {
    rule: Rule,
    /// What the event limits in total: tokens, or the money that they cost.
    limit: Limit,
    /// Whether it limits the requests' model instead.
    limits_a_model: bool,
    budget: u64,
    /// How a request may end with a known usage.
    exact: Vec<Charge2>,
    faults: u8,
    crashes: u8,
}

impl Ledger {
    fn allowance(&self) -> Allowance {
        match self.limits_a_model {
            true => Allowance::default().for_model(process::BY_MODEL.event.of(&process::MODEL)),
            false => Allowance::default().with(self.limit, Some(self.budget)),
        }
    }

    /// What requests whose cost is known used above their estimates.
    fn excess(state: &State) -> u64 {
        let worked = state.worked.iter();
        worked.map(|used| used.saturating_sub(ESTIMATE.0 + ESTIMATE.1)).sum()
    }
}

/// Makes a write, by its fate. `None` if its conditions fail or it is not made.
fn apply(account: &mut Stored, write: &Write, fate: Fate) -> bool {
    let is_made = matches!(fate, Fate::Answered | Fate::Lost);
    match account.0.apply(write).filter(|_| is_made) {
        Some(after) => {
            account.0 = after;
            true
        }
        None => false,
    }
}

impl Model for Ledger {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut attendee = Stored::default();
        attendee.0.numbers.insert(Field::SeatedAt, 1);
        vec![State {
            phase: Phase::Open,
            event: Stored::default(),
            attendee,
            steps: [Step::Idle; REQUESTS],
            records: [None; REQUESTS],
            sweep: Sweep::Idle,
            later: Later::Idle,
            faults_left: self.faults,
            crashes_left: self.crashes,
            worked: [0; REQUESTS],
            charged: [0; REQUESTS],
            passed_budget: false,
            is_swept: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let fates = if state.faults_left > 0 { &FATES[..] } else { &FATES[..1] };
        for request in 0..REQUESTS {
            process::actions(self, state, request, fates, actions);
        }
        if state.phase != Phase::Over {
            // An admission has 600 ms, and a hold lives for minutes.
            let is_reserving = |step: &Step| matches!(step, Step::Reserving { .. });
            let may_end = !state.steps.iter().any(is_reserving);
            actions.extend(may_end.then_some(Action::Wait));
        }
        later::actions(state, actions);
        sweep::actions(state, fates, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Wait => {
                state.phase = match state.phase {
                    Phase::Open => Phase::Ended,
                    Phase::Ended => Phase::Expired,
                    Phase::Expired | Phase::Over => Phase::Over,
                };
            }
            Action::LaterReads | Action::LaterWrites => later::step(self, &mut state, action),
            Action::SweepReads
            | Action::SweepRecords(_)
            | Action::SweepSettles(..)
            | Action::SweepSums
            | Action::SweepReconciles(_)
            | Action::SweepDies => sweep::step(self, &mut state, action),
            Action::Begin(_)
            | Action::ReserveAttendee(..)
            | Action::ReserveEvent(..)
            | Action::Reserved(_)
            | Action::End(..)
            | Action::Record(_)
            | Action::SettleAttendee(..)
            | Action::SettleEvent(..)
            | Action::Die(_) => process::step(self, &mut state, action),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no admission passes the budget", |_, state: &State| {
                !state.passed_budget
            }),
            Property::always("work at Azure stays within the budget", |model, state: &State| {
                let worked: u64 = state.worked.iter().sum();
                worked <= model.budget + Self::excess(state)
            }),
            Property::always("a request is charged at most once", |_, state: &State| {
                state.charged.iter().all(|times| *times <= 1)
            }),
            Property::always("nothing is negative", |_, state: &State| {
                let all = state.event.0.numbers.iter().chain(state.attendee.0.numbers.iter());
                all.into_iter().all(|(_, number)| *number >= 0)
            }),
            Property::always("after quiet nothing is held", |_, state: &State| {
                let is_free = |account: &Stored| {
                    let held = [Field::Held, Field::Open].iter().all(|f| account.0.get(*f) == 0);
                    let money = account.0.units(Field::UnitHeld);
                    let of_model = |field: &Field| matches!(field, Field::PeriodModelHeld(..));
                    let held_of_model =
                        account.0.numbers.iter().any(|(field, held)| of_model(field) && *held != 0);
                    held && money.is_none() && account.0.holds.is_empty() && !held_of_model
                };
                !state.is_swept || (is_free(&state.event) && is_free(&state.attendee))
            }),
            Property::always("after quiet the event is its attendees' sum", |_, state: &State| {
                let numbers = |account: &Stored| {
                    (account.0.count(Field::Requests), account.0.spent(), committed(account))
                };
                !state.is_swept || numbers(&state.event) == numbers(&state.attendee)
            }),
            Property::always(
                "after quiet a limit on a model counts all work",
                |_, state: &State| {
                    let worked: u64 = state.worked.iter().sum();
                    let counted = |account: &Stored| account.0.count(process::of_model());
                    let attendee = counted(&state.attendee) == state.attendee.0.spent().tokens();
                    let event = worked - Self::excess(state) <= counted(&state.event);
                    !state.is_swept || (attendee && event)
                },
            ),
            // A request that outlives its hold was charged its estimate by then.
            Property::always("after quiet all work is charged", |_, state: &State| {
                let charged: Charge = state.attendee.0.spent();
                let worked: u64 = state.worked.iter().sum();
                !state.is_swept || worked - Self::excess(state) <= charged.tokens()
            }),
            Property::sometimes("both requests are charged", |_, state: &State| {
                state.is_swept && state.charged == [1; REQUESTS]
            }),
        ]
    }
}

fn committed(account: &Stored) -> u64 {
    account.0.count(Field::Committed) + account.0.count(Field::UnitCommitted(Unit::Usd))
}

/// The estimates of both requests, and of one.
const ROOM_FOR_BOTH: u64 = 2 * (ESTIMATE.0 + ESTIMATE.1);
const ROOM_FOR_ONE: u64 = ROOM_FOR_BOTH - 1;

fn ledger(rule: Rule, budget: u64) -> Ledger {
    let limit = Limit::TokensTotal;
    let limits_a_model = false;
    Ledger {
        rule,
        limit,
        limits_a_model,
        budget,
        exact: vec![(3, 1), (3, 9)],
        faults: 1,
        crashes: 1,
    }
}

fn check(model: Ledger, until: HasDiscoveries) -> impl Checker<Ledger> {
    let (begun, shown) = (Instant::now(), format!("{model:?}"));
    let checker = model.checker().threads(2).finish_when(until).spawn_bfs().join();
    println!("{shown}: {} states, {:.1?}", checker.unique_state_count(), begun.elapsed());
    checker
}

#[test]
fn no_order_of_steps_crashes_and_lost_responses_breaks_a_promise() {
    let checker = check(ledger(Rule::Real, ROOM_FOR_BOTH), HasDiscoveries::All);
    checker.assert_properties();
    assert!(checker.unique_state_count() > 100_000, "the bounds are too small to tell");
}

#[test]
fn no_order_of_steps_breaks_a_promise_where_the_budget_has_room_for_one() {
    for (limit, limits_a_model) in
        [(Limit::TokensTotal, false), (Limit::UsdTotal, false), (Limit::TokensTotal, true)]
    {
        let model = Ledger { limit, limits_a_model, ..ledger(Rule::Real, ROOM_FOR_ONE) };
        let checker = check(model, HasDiscoveries::All);
        for property in checker.model().properties() {
            let is_never = property.name != "both requests are charged";
            assert!(!is_never || checker.discovery(property.name).is_none(), "{}", property.name);
        }
    }
}

/// Each wrong rule, and the promise that it breaks.
#[test]
fn a_wrong_rule_is_found() {
    for (rule, promise) in [
        (Rule::WithoutHold, "a request is charged at most once"),
        (Rule::SilenceIsVoid, "after quiet all work is charged"),
        (Rule::ReconcilesBlindly, "after quiet the event is its attendees' sum"),
        (Rule::ReconcilesEarly, "after quiet the event is its attendees' sum"),
        (Rule::RemovesBlindly, "after quiet nothing is held"),
    ] {
        let first = HasDiscoveries::AnyOf([promise].into());
        let checker = check(ledger(rule, ROOM_FOR_BOTH), first);
        let found = checker.discovery(promise);
        let Some(path) = found else { panic!("{rule:?} breaks no promise: {promise}") };
        println!("{rule:?}: {:?}", path.into_actions());
    }
}

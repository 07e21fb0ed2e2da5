//! What the checker remembers of a moment: both accounts, the requests and the sweep.

use std::hash::{Hash, Hasher};

use lanyard_domain::account::{Account, Field};
use lanyard_domain::reconcile::Tally;
use lanyard_domain::unit::{Unit, Units};
use lanyard_domain::usage::Charge;

/// How many requests there are. Each runs in a gateway process of its own.
pub(crate) const REQUESTS: usize = 2;

/// An account that can be hashed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stored(pub(crate) Account);

impl Hash for Stored {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for (field, value) in &self.0.numbers {
            (field, value).hash(state);
        }
        for (id, hold) in &self.0.holds {
            (id, hold.prompt_tokens, hold.completion_tokens, hold.is_recorded).hash(state);
        }
    }
}

/// The time, as far as rules tell instants apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Phase {
    /// Requests are admitted, and no hold has expired.
    Open,
    /// The period of the requests has ended, and no hold has expired.
    Ended,
    /// Every hold has expired.
    Expired,
    /// The period of the requests is over, whatever is left of it.
    Over,
}

/// One of the two writes of an admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Admission {
    /// It is to be made, for the first time or again.
    Asks {
        again: bool,
    },
    Made,
    Refused,
    /// The responses were lost. It may have been made.
    Unknown,
}

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Idle,
    /// Both accounts are written to at once.
    Reserving {
        attendee: Admission,
        event: Admission,
    },
    /// Sent to Azure.
    Working,
    /// The record of its cost is to be written.
    Recording(Charge2),
    /// The attendee's account is to be settled. `is_unknown`: a try's response was lost.
    SettlingAttendee {
        charge: Option<Charge2>,
        is_unknown: bool,
        tries: u8,
        event_too: bool,
    },
    SettlingEvent {
        charge: Option<Charge2>,
        tries: u8,
    },
    /// Finished, or its process died.
    Ended,
}

/// A charge that can be hashed: prompt and completion tokens.
pub(crate) type Charge2 = (u64, u64);

pub(crate) fn charge(charge: Charge2) -> Charge {
    Charge { units: money(charge), ..Charge::of_tokens(charge.0, charge.1) }
}

/// What tokens cost here: one nano-dollar each.
pub(crate) fn money(tokens: Charge2) -> Units {
    Units::of(Unit::Usd, tokens.0 + tokens.1)
}

/// What the sweep has read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Sweep {
    Idle,
    /// The event's account as it was. `is_quiet`: no request was under way any more.
    Read {
        event: Stored,
        is_quiet: bool,
    },
    /// The attendee's sum as it was after that.
    Summed {
        event: Stored,
        requests: u64,
        charge: Charge2,
        is_quiet: bool,
    },
}

impl Sweep {
    pub(crate) fn tally(requests: u64, sum: Charge2) -> Tally {
        Tally { requests, charge: charge(sum) }
    }
}

/// The request of a later period.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Later {
    Idle,
    /// What it will remove.
    Read(Vec<Field>),
    Ended,
}

/// A moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) phase: Phase,
    pub(crate) event: Stored,
    pub(crate) attendee: Stored,
    pub(crate) steps: [Step; REQUESTS],
    /// The usage record of each request.
    pub(crate) records: [Option<Charge2>; REQUESTS],
    pub(crate) sweep: Sweep,
    pub(crate) later: Later,
    /// Faults and crashes that may still happen.
    pub(crate) faults_left: u8,
    pub(crate) crashes_left: u8,

    // What no process knows, for the properties.
    /// What each request that was sent has used at Azure, at most.
    pub(crate) worked: [u64; REQUESTS],
    /// How often each request was charged to the attendee.
    pub(crate) charged: [u8; REQUESTS],
    /// Whether an admission has passed the budget.
    pub(crate) passed_budget: bool,
    /// Whether a sweep that began when all was quiet has ended without a fault.
    pub(crate) is_swept: bool,
}

impl State {
    /// Whether no request is under way.
    pub(crate) fn is_quiet(&self) -> bool {
        let is_ended = |step: &Step| matches!(step, Step::Idle | Step::Ended);
        self.phase == Phase::Over && self.steps.iter().all(is_ended)
    }
}

//! A conditional change of an account.

use super::{Field, Hold};
use crate::ids::RequestId;

/// A condition on an account. A write is made only if all of its conditions hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The number is at most this.
    AtMost(Field, i64),
    /// The number is present and at least this.
    AtLeast(Field, i64),
    /// The number is absent or below this.
    Below(Field, i64),
    /// The number is present.
    Present(Field),
    /// The number is absent.
    Absent(Field),
    /// The number is present and equals this.
    Is(Field, i64),
    /// No reservation has this id.
    HoldAbsent(RequestId),
    /// A reservation has this id.
    HoldPresent(RequestId),
}

/// One change to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Adds to a number. An absent number counts as zero.
    Add(Field, i64),
    /// Sets a number.
    Set(Field, i64),
    /// Removes a number.
    Remove(Field),
    /// Writes a reservation. Boxed: most changes are of a number, and a write is a list of many.
    PutHold(RequestId, Box<Hold>),
    /// Removes a reservation.
    RemoveHold(RequestId),
}

/// A conditional change of one account. It is atomic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Write {
    /// All of these must hold.
    pub conditions: Vec<Condition>,
    /// All of these are made.
    pub changes: Vec<Change>,
}

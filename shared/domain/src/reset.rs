//! What stays of an attendee's account when the usage of a rehearsal is deleted: what people
//! decided about the attendee, and nothing of what was used.

use crate::account::{Account, Change, Condition, Field, Write};

/// What becomes of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reset {
    /// It has only usage, so it is deleted.
    Delete,
    /// It has decisions, which stay.
    Keep(Write),
}

/// Whether a number is a decision about the attendee: a block, own limits, a place on the roster or
/// a claimed name.
fn is_decision(field: Field) -> bool {
    matches!(
        field,
        Field::Blocked
            | Field::Terms
            | Field::Listed
            | Field::Claim
            | Field::Override(_)
            | Field::OverrideOfModel(..)
    )
}

/// The reset of an attendee's account. It must have no request in flight.
#[must_use]
pub fn reset(account: &Account) -> Reset {
    let (kept, used): (Vec<_>, Vec<_>) =
        account.numbers.iter().map(|(field, _)| *field).partition(|field| is_decision(*field));
    // The counter of changed limits alone says nothing.
    if kept.iter().all(|field| *field == Field::Terms) {
        return Reset::Delete;
    }
    Reset::Keep(Write {
        conditions: vec![is_idle()],
        changes: used.into_iter().map(Change::Remove).collect(),
    })
}

/// Whether an attendee's account says no more than its absence: no seat, no usage and no decision. A
/// freed seat, a lifted block or a refused newcomer leaves such an account.
#[must_use]
pub fn is_blank(account: &Account) -> bool {
    let is_usage = |field: Field| {
        matches!(
            field,
            Field::SeatedAt | Field::Requests | Field::PromptTokens | Field::CompletionTokens
        )
    };
    // The counter of changed limits alone says nothing.
    let says_something =
        |field: Field| is_usage(field) || (is_decision(field) && field != Field::Terms);
    account.holds.is_empty()
        && !account.numbers.iter().any(|(field, number)| *number != 0 && says_something(*field))
}

/// The condition that no request is in flight.
#[must_use]
pub fn is_idle() -> Condition {
    Condition::AtMost(Field::Open, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allowance::Limit;

    fn account(numbers: &[(Field, i64)]) -> Account {
        Account { numbers: numbers.iter().copied().collect(), ..Account::default() }
    }

    #[test]
    fn usage_goes_and_decisions_stay() {
        let own = Field::Override(Limit::TokensPerMinute);
        let model = "B6-_".parse().unwrap();
        let own_of_model = Field::OverrideOfModel(model, Limit::RequestsTotal);
        let used = account(&[
            (Field::Requests, 3),
            (Field::PromptTokens, 70),
            (Field::SeatedAt, 9),
            (Field::Open, 0),
            (Field::Listed, 1),
            (Field::OfModel(model, Limit::RequestsTotal), 2),
            (own_of_model, 9),
            (own, 5),
        ]);
        let Reset::Keep(write) = reset(&used) else { panic!("it has decisions") };
        let left = used.apply(&write).unwrap();
        assert_eq!(left, account(&[(Field::Listed, 1), (own, 5), (own_of_model, 9)]));
        assert!(!is_blank(&used) && !is_blank(&left));
        let busy = account(&[(Field::Listed, 1), (Field::Open, 1)]);
        let Reset::Keep(write) = reset(&busy) else { panic!("it has decisions") };
        assert_eq!(busy.apply(&write), None);
    }

    #[test]
    fn an_account_with_usage_alone_is_deleted() {
        let used = account(&[(Field::Requests, 3), (Field::SeatedAt, 9), (Field::Terms, 2)]);
        assert_eq!(reset(&used), Reset::Delete);
        assert!(!is_blank(&used));
    }

    #[test]
    fn a_freed_seat_and_a_lifted_block_leave_an_account_that_says_nothing() {
        assert!(is_blank(&Account::default()));
        let tat = Field::Tat(crate::limit::Quantity::Tokens);
        assert!(is_blank(&account(&[(Field::Terms, 2), (tat, 9), (Field::Requests, 0)])));
        for field in [Field::Blocked, Field::Claim, Field::Override(Limit::InFlight)] {
            assert!(!is_blank(&account(&[(field, 1)])), "{field:?}");
        }
    }
}

//! Who may use an event: everybody with its code, users on its roster, or users with a personal
//! key.
//!
//! The condition on an attendee's account is part of the write that admits a request. So no request
//! needs another read, and a change applies from the next request on.

use serde::{Deserialize, Serialize};

use crate::account::{Account, Condition, Field};

/// Who may use an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Access {
    /// Anybody with the code.
    #[default]
    Open,
    /// Users on the roster.
    Roster,
    /// Users who have claimed a personal key.
    Registered {
        /// Whether the code also admits users whose name is not claimed.
        auto_register: bool,
    },
}

/// The kind of credential that an attendee presents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The event's code, which all attendees share.
    Code,
    /// A token that the organiser issued for this user.
    Token,
    /// A personal key with this number.
    Key(i64),
}

/// The condition on an attendee's account for the admission of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessPolicy {
    /// No condition.
    Anybody,
    /// The user is on the roster.
    Listed,
    /// The user's name is not claimed.
    Unclaimed,
    /// The user's key has this number.
    KeyHolder(i64),
}

/// Why an attendee with a valid credential has no access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessDenied {
    /// The user is not on the roster.
    NotListed,
    /// This user needs a personal key.
    NeedsKey,
    /// The key was replaced, or its registration was removed.
    KeyReplaced,
}

impl Access {
    /// The condition on an attendee's account.
    ///
    /// A token was issued by the organiser for its user and needs no further condition.
    ///
    /// # Errors
    ///
    /// [`AccessDenied::NeedsKey`] if the policy does not accept the code.
    pub fn policy(self, proof: Proof) -> Result<AccessPolicy, AccessDenied> {
        match (proof, self) {
            (Proof::Token, _) => Ok(AccessPolicy::Anybody),
            (Proof::Key(number), _) => Ok(AccessPolicy::KeyHolder(number)),
            (Proof::Code, Self::Open) => Ok(AccessPolicy::Anybody),
            (Proof::Code, Self::Roster) => Ok(AccessPolicy::Listed),
            (Proof::Code, Self::Registered { auto_register: true }) => Ok(AccessPolicy::Unclaimed),
            (Proof::Code, Self::Registered { auto_register: false }) => Err(AccessDenied::NeedsKey),
        }
    }
}

impl AccessPolicy {
    /// The condition of the write that admits a request.
    #[must_use]
    pub fn condition(self) -> Option<Condition> {
        match self {
            Self::Anybody => None,
            Self::Listed => Some(Condition::Present(Field::Listed)),
            Self::Unclaimed => Some(Condition::Absent(Field::Claim)),
            Self::KeyHolder(number) => Some(Condition::Is(Field::Claim, number)),
        }
    }

    /// Why an account denies its attendee access. `None` if it does not.
    #[must_use]
    pub fn refusal(self, account: &Account) -> Option<AccessDenied> {
        let claim = account.numbers.get(&Field::Claim);
        let (may_enter, otherwise) = match self {
            Self::Anybody => return None,
            Self::Listed => (account.numbers.contains_key(&Field::Listed), AccessDenied::NotListed),
            Self::Unclaimed => (claim.is_none(), AccessDenied::NeedsKey),
            Self::KeyHolder(number) => (claim == Some(&number), AccessDenied::KeyReplaced),
        };
        (!may_enter).then_some(otherwise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Change, Write};

    fn account(field: Option<(Field, i64)>) -> Account {
        let mut account = Account::default();
        account.numbers.extend(field);
        account
    }

    #[test]
    fn the_condition_and_the_refusal_always_agree() {
        let accounts = [
            account(None),
            account(Some((Field::Listed, 1))),
            account(Some((Field::Claim, 7))),
            account(Some((Field::Claim, 8))),
        ];
        for policy in [
            AccessPolicy::Anybody,
            AccessPolicy::Listed,
            AccessPolicy::Unclaimed,
            AccessPolicy::KeyHolder(7),
        ] {
            for account in &accounts {
                let conditions = policy.condition().into_iter().collect();
                let changes = vec![Change::Add(Field::Open, 1)];
                let is_made = account.apply(&Write { conditions, changes }).is_some();
                assert_eq!(is_made, policy.refusal(account).is_none(), "{policy:?} {account:?}");
            }
        }
    }

    #[test]
    fn a_code_follows_the_access_policy_and_a_token_always_admits() {
        let registered = |auto_register| Access::Registered { auto_register };
        assert_eq!(Access::Open.policy(Proof::Code), Ok(AccessPolicy::Anybody));
        assert_eq!(Access::Roster.policy(Proof::Code), Ok(AccessPolicy::Listed));
        assert_eq!(registered(true).policy(Proof::Code), Ok(AccessPolicy::Unclaimed));
        assert_eq!(registered(false).policy(Proof::Code), Err(AccessDenied::NeedsKey));
        for access in [Access::Open, Access::Roster, registered(false)] {
            assert_eq!(access.policy(Proof::Token), Ok(AccessPolicy::Anybody));
            assert_eq!(access.policy(Proof::Key(7)), Ok(AccessPolicy::KeyHolder(7)));
        }
    }
}

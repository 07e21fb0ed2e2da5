//! The caches of one process. All of it may be lost at any time.
//!
//! Accounts as last seen make good guesses for the next write; refusals keep a flood of refused
//! requests away from the store; the hashes of names are slow. All are bounded, and none is ever the
//! reason to admit.

use std::borrow::Borrow;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lanyard_domain::account::{Account, AccountKey, Field};
use lanyard_domain::admission::{Demand, Guess, Refusal, Rejection};
use lanyard_domain::estimate::Estimate;
use lanyard_domain::time::EpochNanos;
use lru::LruCache;

/// A map of bounded size that forgets what was not used for longest. Lost entries are cheap to read
/// again.
#[derive(Debug)]
pub struct Bounded<K: Hash + Eq, V>(Mutex<LruCache<K, V>>);

impl<K: Hash + Eq, V> Bounded<K, V> {
    /// A map of at most this many entries, and of one at least.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self(Mutex::new(LruCache::new(NonZeroUsize::new(most).unwrap_or(NonZeroUsize::MIN))))
    }

    /// The entry of a key.
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: Clone,
    {
        self.lock().get(key).cloned()
    }

    /// Remembers a value.
    pub fn insert(&self, key: K, value: V) {
        self.lock().put(key, value);
    }

    /// Looks at what is remembered for a key, without a copy.
    fn look<R>(&self, key: &K, look: impl FnOnce(Option<&V>) -> R) -> R {
        look(self.lock().get(key))
    }

    /// Changes what is remembered for a key, from nothing if it is new.
    pub(crate) fn change(&self, key: &K, change: impl FnOnce(&mut V))
    where
        K: Clone,
        V: Default,
    {
        change(self.lock().get_or_insert_mut_ref(key, V::default));
    }

    /// Forgets a key.
    pub fn remove<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let mut known = self.lock();
        // Most refusals end without a trace: nothing is hashed for an empty map.
        if !known.is_empty() {
            known.pop(key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<K, V>> {
        // A panic elsewhere cannot leave a map of plain values half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An account as it was last seen, and the guess that proved right.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The account without its holds.
    pub account: Account,
    /// The account that the next request assumes.
    pub guess: Guess,
    /// The recent duration of its requests, in milliseconds; 0 if that is not known.
    usual_ms: u64,
}

impl Seen {
    /// The last period that was reconciled, if it is the account of an event.
    fn reconciled_through(&self) -> i64 {
        self.account.get(Field::ReconciledThrough)
    }

    /// What to assume of the account: that it is as it was, only later. A rate that was busy under
    /// other processes' requests probably still is.
    #[must_use]
    pub fn guess(&self, demand: &Demand, reconciled_through: i64) -> Guess {
        let now = Guess::from_account(&self.account, demand);
        Guess {
            // The guess that proved right may be of another model.
            busy_of_model: now.busy_of_model,
            busy: now.busy.map(|limit, is_busy| is_busy || self.guess.busy[limit]),
            outdated: Guess::outdated(&self.account, demand, reconciled_through),
        }
    }
}

/// A refusal that holds for a while.
#[derive(Debug)]
struct Refused {
    refusal: Refusal,
    estimate: Estimate,
    until: EpochNanos,
}

/// How long to wait for the end of a request: where nothing is known, at least, and at most.
const UNKNOWN_WAIT: Duration = Duration::from_secs(5);
const SHORTEST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The longest time for which a refusal is repeated without a new read: caps may be raised
/// meanwhile.
const REFUSED_NS: i64 = 5_000_000_000;

/// The accounts that were seen.
#[derive(Debug)]
pub struct Memory {
    seen: Bounded<AccountKey, Seen>,
    refused: Bounded<AccountKey, Refused>,
    user_hashes: Bounded<AccountKey, String>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            seen: Bounded::new(10_000),
            refused: Bounded::new(10_000),
            user_hashes: Bounded::new(10_000),
        }
    }
}

impl Memory {
    /// Looks at an account as it was last seen; at an empty one if it is not known.
    pub fn look<R>(&self, key: &AccountKey, look: impl FnOnce(&Seen) -> R) -> R {
        self.seen.look(key, |seen| look(seen.unwrap_or(&Seen::default())))
    }

    /// The hash of an attendee's name, which takes as long as all rules of an admission.
    pub fn user_hash(&self, key: &AccountKey, hash: impl FnOnce() -> String) -> String {
        self.user_hashes.get(key).unwrap_or_else(|| {
            let hash = hash();
            self.user_hashes.insert(key.clone(), hash.clone());
            hash
        })
    }

    /// What the next request assumes of an event's account or of one of its shards. The first shard
    /// knows itself which periods are reconciled.
    #[must_use]
    pub fn guess(&self, key: &AccountKey, demand: &Demand) -> Guess {
        let of_first = match key {
            AccountKey::Event(_) | AccountKey::Attendee(..) => None,
            AccountKey::Shard(event, _) => {
                Some(self.reconciled_through(&AccountKey::Event(event.clone())))
            }
        };
        let through = |seen: &Seen| of_first.unwrap_or_else(|| seen.reconciled_through());
        self.look(key, |seen| seen.guess(demand, through(seen)))
    }

    /// The last period of an event that was reconciled, as far as its account was seen.
    #[must_use]
    pub fn reconciled_through(&self, event: &AccountKey) -> i64 {
        self.look(event, Seen::reconciled_through)
    }

    /// Remembers an account after a write, and the guess that made it.
    pub fn saw(&self, key: &AccountKey, account: Account, guess: Guess) {
        self.seen.change(key, |seen| {
            seen.account = without_holds(account);
            seen.guess = guess;
        });
    }

    /// Remembers an account after a settlement, which proves no guess, and how long the request
    /// took.
    pub fn saw_settled(&self, key: &AccountKey, account: Account, took_ms: u64) {
        self.refused.remove(key);
        if let AccountKey::Shard(event, _) = key {
            // Room that one shard has again, all of them together have.
            self.refused.remove(&AccountKey::Event(event.clone()));
        }
        self.seen.change(key, |seen| {
            seen.account = without_holds(account);
            // A quarter of the newest, so that one long request does not decide alone.
            seen.usual_ms = match seen.usual_ms {
                0 => took_ms,
                usual => (3 * usual + took_ms) / 4,
            };
        });
    }

    /// When a request of this account will probably have ended: from 2 to 30 s.
    #[must_use]
    pub fn wait_for_one(&self, key: &AccountKey) -> Duration {
        let usual = self.look(key, |seen| seen.usual_ms);
        let wait = if usual == 0 { UNKNOWN_WAIT } else { Duration::from_millis(usual) };
        wait.clamp(SHORTEST_WAIT, LONGEST_WAIT)
    }

    /// The refusal of a request at this estimate, if the same account has refused one of at most this
    /// size, to the same model if the limit is on one, and that still holds.
    #[must_use]
    pub fn refusal(
        &self,
        key: &AccountKey,
        demand: &Demand,
        estimate: &Estimate,
    ) -> Option<Refusal> {
        self.refused.look(key, |refused| {
            let refused = refused.filter(|refused| demand.now < refused.until)?;
            refused.refusal.of_another(&refused.estimate, estimate, demand.model_key())
        })
    }

    /// Remembers a refusal until the time it names.
    pub fn refused(&self, key: &AccountKey, demand: &Demand, rejection: Rejection) {
        let now = demand.now;
        let (refusal, estimate) = match rejection {
            Rejection::Lower { refusal, .. } => (refusal, demand.estimate),
            Rejection::Refuse(refusal) => (refusal, demand.least_estimate()),
        };
        let soon = EpochNanos(now.0.saturating_add(REFUSED_NS));
        let until = match refusal {
            Refusal::Rate { retry_at, .. } => retry_at.min(soon),
            // Ends with another request, of which another process may know first.
            Refusal::Day { is_held: true, .. } | Refusal::Budget { is_held: true, .. } => return,
            Refusal::Day { resets_at, .. } => EpochNanos::from(resets_at).min(soon),
            Refusal::Budget { .. } => soon,
            // It ends with the next response or with a change by the organiser, or has no end that
            // can be computed.
            Refusal::InFlight { .. } | Refusal::Blocked | Refusal::NeverFits { .. } => return,
        };
        self.refused.insert(key.clone(), Refused { refusal, estimate, until });
    }
}

fn without_holds(account: Account) -> Account {
    Account { numbers: account.numbers, ..Account::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_cache_evicts_the_least_recently_used_entry() {
        let map = Bounded::new(3);
        for number in 0..3 {
            map.insert(number, number);
        }
        assert_eq!(map.get(&0), Some(0));
        map.change(&1, |value| *value = 10);
        map.insert(3, 3);
        assert_eq!([0, 1, 2, 3].map(|key| map.get(&key)), [Some(0), Some(10), None, Some(3)]);
        map.change(&4, |value| *value += 4);
        assert_eq!([0, 1, 3, 4].map(|key| map.get(&key)), [None, Some(10), Some(3), Some(4)]);
        map.remove(&4);
        assert_eq!(map.get(&4), None);
    }
}

//! Throttles clients that read one object again and again until it is ready.
//!
//! They wait. An error would end most of their scripts. Each process remembers its own reads, since
//! the calls of one script mostly reach one process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lanyard_domain::object::ObjectId;
use tokio::time::Instant;

/// The time between two reads of one object.
const INTERVAL: Duration = Duration::from_millis(500);

/// The longest wait for a function whose deadline is not known.
const MAX_WAIT: Duration = Duration::from_secs(20);

/// How many objects are remembered before old ones are dropped.
const CAPACITY: usize = 10_000;

/// When each object may be read next.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<HashMap<ObjectId, Instant>>);

impl Throttle {
    /// Waits for this read's turn, at most until then.
    pub(crate) async fn turn(&self, id: &ObjectId, until: Option<Instant>) {
        let now = Instant::now();
        let turn = self.next_turn(id, now).min(until.unwrap_or(now + MAX_WAIT));
        if turn > now {
            tokio::time::sleep_until(turn).await;
        }
    }

    fn next_turn(&self, id: &ObjectId, now: Instant) -> Instant {
        // A panic elsewhere cannot leave a map of plain values half written.
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.len() >= CAPACITY {
            turns.retain(|_, next| *next > now);
        }
        let next = turns.get(id).copied().unwrap_or(now).max(now);
        turns.insert(id.clone(), next + INTERVAL);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_object_is_read_twice_a_second_and_another_at_once() {
        let (throttle, begin) = (Throttle::default(), Instant::now());
        let (one, other) = ("one".parse().unwrap(), "other".parse().unwrap());
        for turn in 0..5 {
            throttle.turn(&one, None).await;
            assert_eq!(begin.elapsed().as_millis(), turn * 500, "turn {turn}");
        }
        throttle.turn(&other, None).await;
        assert_eq!(begin.elapsed().as_millis(), 2_000);
        tokio::time::sleep(Duration::from_secs(9)).await;
        let idle = Instant::now();
        throttle.turn(&one, None).await;
        assert!(idle.elapsed().is_zero());
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_does_not_wait_past_the_deadline() {
        let (throttle, begin) = (Throttle::default(), Instant::now());
        let id = "one".parse().unwrap();
        let until = Some(begin + Duration::from_millis(700));
        for _ in 0..4 {
            throttle.turn(&id, until).await;
        }
        assert_eq!(begin.elapsed().as_millis(), 700);
    }
}

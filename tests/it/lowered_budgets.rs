//! Limits that are set below what was spent before: no request of any size fits.

use chrono::TimeDelta;
use lanyard_domain::allowance::{Allowance, Allowances, Limit};
use lanyard_domain::by_model::{ByModel, ModelLimit};

use crate::support::World;
use crate::support::attendee::Attendee;

/// The limits of which a chat uses something, in total or a day.
const STRICT: [Limit; 4] =
    [Limit::TokensTotal, Limit::TokensPerDay, Limit::UsdTotal, Limit::UsdPerDay];

const AMPLE: u64 = 1_000_000_000_000;

/// Where the limit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Attendee,
    Event,
    ModelOfAttendee,
    ModelOfEvent,
}

impl Place {
    fn set(self, allowances: &mut Allowances, limit: Limit, to: u64) {
        let of_model = || {
            let name = "gpt-4o-mini".parse().unwrap();
            [ModelLimit { name, limit, allowed: to }].into_iter().collect()
        };
        match self {
            Self::Attendee => allowances.attendee.set(limit, Some(to)),
            Self::Event => allowances.event.set(limit, Some(to)),
            Self::ModelOfAttendee => allowances.by_model.attendee = of_model(),
            Self::ModelOfEvent => allowances.by_model.event = of_model(),
        }
    }
}

/// Sends a chat, lowers a limit to what is less, and returns the world with two attendees: one who
/// has used something, and one who has not.
async fn lowered(place: Place, limit: Limit, shards: u16) -> (World, Attendee, Attendee) {
    let world = World::event("lowered").with(|event| {
        event.shards = shards;
        event.allowances.attendee = Allowance::default();
        event.allowances.event = Allowance::default();
        event.allowances.by_model = ByModel::default();
        place.set(&mut event.allowances, limit, AMPLE);
    });
    let world = world.start().await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    world.change_event(|event| place.set(&mut event.allowances, limit, 1)).await;
    world.wait(TimeDelta::seconds(6));
    (world, ada, bob)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_below_what_was_spent_is_402_for_a_request_that_is_larger_than_it() {
    use Place::{Attendee, Event, ModelOfAttendee, ModelOfEvent};
    for place in [Attendee, Event, ModelOfAttendee, ModelOfEvent] {
        for limit in STRICT {
            let (world, ada, bob) = lowered(place, limit, 1).await;
            let refused = ada.chat("hello").await;
            let text = refused.assert_refused(402, "insufficient_quota").text().to_owned();
            assert!(text.contains("is used up"), "{place:?} {limit}: {text}");
            let of_bob = bob.chat("hello").await;
            match place {
                Event | ModelOfEvent => of_bob.assert_refused(402, "insufficient_quota"),
                // Bob has used nothing, and a smaller request would fit.
                Attendee | ModelOfAttendee => of_bob.assert_refused(400, "allowance_too_small"),
            };
            assert_eq!((world.azure().calls(), world.settle().await.requests), (1, 1));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_in_shards_that_is_used_up_is_402_as_well() {
    for limit in [Limit::TokensTotal, Limit::UsdTotal] {
        let (world, ada, bob) = lowered(Place::Event, limit, 4).await;
        for attendee in [ada, bob] {
            attendee.chat("hello").await.assert_refused(402, "insufficient_quota");
        }
        assert_eq!((world.azure().calls(), world.settle().await.requests), (1, 1));
    }
}

#[tokio::test]
async fn where_the_event_is_used_up_an_attendees_small_limit_is_not_named() {
    for limit in STRICT {
        for own in [Limit::TokensTotal, Limit::UsdTotal] {
            let (world, _, bob) = lowered(Place::Event, limit, 1).await;
            world.change_event(|event| event.allowances.attendee.set(own, Some(1))).await;
            world.wait(TimeDelta::seconds(6));
            let refused = bob.chat("hello").await;
            let text = refused.assert_refused(402, "insufficient_quota").text().to_owned();
            assert!(text.contains("The event's allowance for everybody"), "{limit} {own}: {text}");
            assert_eq!(world.settle().await.requests, 1);
        }
    }
}

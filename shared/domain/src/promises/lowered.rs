//! A request of which a part would fit is told all that fits.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::{ATTENDEE, admit, demand, demand_for, noon, only, seated};
use crate::admission::{self, Demand, Refusal, Rejection};
use crate::allowance::{Allowance, Limit};
use crate::estimate::Estimate;
use crate::unit::{Unit, Units};

/// The limits that a lower output cap helps with.
const LOWERABLE: [Limit; 5] = [
    Limit::TokensPerMinute,
    Limit::TokensPerDay,
    Limit::TokensTotal,
    Limit::UsdPerDay,
    Limit::UsdTotal,
];

proptest! {
    /// Whatever is limited and reserved, a request that is lowered to what there is room for fits, and
    /// one that needs more does not.
    #[test]
    fn a_request_is_lowered_to_all_that_fits(
        allowed in prop::array::uniform5(prop::option::of(50u64..3_000)),
        earlier in prop::collection::vec((1u64..400, 0i64..20), 0..6),
        asked in 1u64..4_000,
    ) {
        let money = |tokens: u64| Estimate {
            units: Units::of(Unit::Usd, 3 * tokens),
            ..Estimate::of_tokens(1, tokens - 1)
        };
        let limits = LOWERABLE.into_iter().zip(allowed);
        let allowance: Allowance = limits.filter_map(|(limit, most)| Some((limit, most?))).collect();
        let (mut account, mut now) = (seated(), noon());
        for (n, (tokens, gap)) in earlier.into_iter().enumerate() {
            now += TimeDelta::seconds(gap);
            let _ = admit(&mut account, ATTENDEE, &allowance, &demand_for(n, money(tokens), now));
        }
        let ask = |tokens| demand_for(100, money(tokens), now);
        let large = Demand { least: Some(money(1)), ..ask(asked) };
        let admits = |tokens| admission::refusal(&allowance, &account, &ask(tokens)).is_none();
        match Rejection::by_account(&allowance, &account, &large) {
            None => prop_assert!(admits(asked)),
            Some(Rejection::Refuse(refusal)) => {
                prop_assert!(!admits(1));
                prop_assert_eq!(Some(refusal.limit()), admission::refusal(&allowance, &account, &ask(1)).map(|of| of.limit()));
            }
            Some(Rejection::Lower { room, .. }) => {
                let fits = (1..asked).rev().find(|tokens| room.has(&money(*tokens))).unwrap();
                prop_assert!(admits(fits) && !admits(fits + 1), "{:?} {}", room, fits);
            }
        }
    }
}

#[test]
fn a_request_that_never_fits_is_refused_by_what_it_would_need_in_full() {
    let allowance = only(Limit::TokensTotal, 10);
    let large = Demand { least: Some(Estimate::of_tokens(0, 11)), ..demand(1, 90, noon()) };
    let rejection = Rejection::by_account(&allowance, &seated(), &large).unwrap();
    let limit = Limit::TokensTotal.into();
    let never = Refusal::NeverFits { limit, allowed: 10, needed: 90 };
    assert_eq!(rejection, Rejection::Refuse(never));
}

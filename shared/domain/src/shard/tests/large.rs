//! Requests larger than a shard's part of the minute.

use super::*;

/// Admits a large request to the first shard, and lets the others take over its debt.
fn admit_large(shards: &mut [Account], allowance: &Allowance, demand: &Demand) -> bool {
    let of = u16::try_from(shards.len()).unwrap();
    let guess = Guess::from_account(&shards[0], demand);
    let write = admission::write(Side::Event, &allowance.part(0, of), demand, &guess);
    let Some(admitted) = shards[0].apply(&write) else { return false };
    shards[0] = admitted;
    let takes = repay(allowance, shards, demand);
    let mut taken = Vec::new();
    for take in takes {
        let at = usize::from(take.shard);
        shards[at] = shards[at].apply(&take.write).unwrap();
        taken.extend(take.amounts);
    }
    if let Some(given) = give(&allowance.part(0, of), &taken, demand) {
        shards[0] = shards[0].apply(&given).unwrap();
    }
    true
}

#[test]
fn large_requests_use_the_minute_of_all_shards_as_they_would_that_of_one_account() {
    let allowance = only(Limit::TokensPerMinute, 1_600);
    for (tokens, at_once) in [(400, 4), (800, 2), (1_600, 1), (3_200, 1)] {
        let mut shards = vec![Account::default(); 16];
        let asks = |n| demand(n, Estimate::of_tokens(0, tokens), noon());
        let admitted = (0..8).filter(|n| admit_large(&mut shards, &allowance, &asks(*n))).count();
        assert_eq!(admitted, at_once, "{tokens}");
        // Nothing of the minute is left for small ones.
        let small = demand(9, Estimate::of_tokens(0, 50), noon());
        let has_room = |(at, shard): (usize, &Account)| {
            let part = allowance.part(u16::try_from(at).unwrap(), 16);
            admission::lacks(&part, shard, &small).is_none()
        };
        assert!(!shards.iter().enumerate().any(has_room), "{tokens}");
    }
}

#[test]
fn a_rate_admits_no_more_at_once_than_one_shard() {
    let allowance = only(Limit::TokensPerMinute, 1_601);
    let estimate = |tokens| Estimate::of_tokens(0, tokens);
    let fits = |tokens| never_fits(&allowance, 16, Some(0), &estimate(tokens)).is_none();
    assert!(fits(101) && !fits(102));
    assert!(!is_large(&allowance, 16, &estimate(101)) && is_large(&allowance, 16, &estimate(102)));
    assert_eq!(never_fits(&allowance, 16, None, &estimate(102)), None);
    assert!(!is_large(&allowance, 1, &estimate(9_000)));
    assert_eq!(never_fits(&allowance, 1, None, &Estimate::of_tokens(0, 1_602)), None);
    let attendee = |tokens| Allowance::default().with(Limit::TokensPerMinute, tokens);
    assert_eq!(most_shards(&attendee(Some(100)), &allowance), Some(16));
    assert_eq!(most_shards(&attendee(None), &allowance), Some(1));
    assert_eq!(most_shards(&attendee(None), &Allowance::default()), None);
}

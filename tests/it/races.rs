//! Many requests at once: an allowance of k admits exactly k.

use chrono::TimeDelta;
use lanyard_domain::allowance::Limit;
use lanyard_domain::amount::nano_dollars;
use lanyard_domain::limit::Quantity;
use lanyard_domain::operation::Operation;
use lanyard_domain::unit::Unit;
use tokio::task::JoinSet;

use crate::operations;
use crate::support::attendee::Attendee;
use crate::support::{Gate, Reply, TestResponse, World, usual};

/// All at once, each in its own task.
async fn at_once(senders: impl IntoIterator<Item = Attendee>) -> Vec<TestResponse> {
    let mut asking = JoinSet::new();
    for attendee in senders {
        asking.spawn(async move { attendee.chat("hello").await });
    }
    asking.join_all().await
}

fn count(responses: &[TestResponse], status: u16) -> usize {
    responses.iter().filter(|response| response.status() == status).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_256_requests_at_once_100_are_served_when_100_are_allowed() {
    for processes in [1, 3] {
        let world = World::event("race").requests_per_day(100).processes(processes).start().await;
        let ada = world.attendee("ada").await;
        let responses = at_once(vec![ada; 256]).await;
        assert_eq!(count(&responses, 200), 100, "{processes} processes");
        for refused in responses.iter().filter(|response| response.status() != 200) {
            // While the others run, only their reservations prevent it.
            let code = refused.json()["error"]["code"].clone();
            match refused.status().as_u16() {
                402 => assert_eq!(code, "insufficient_quota"),
                status => assert_eq!((status, code), (429, "rate_limit_exceeded".into())),
            }
        }
        assert_eq!(world.azure().calls(), 100, "{processes} processes");
        let spent = (100, 100 * usual::PROMPT_TOKENS, 100 * usual::COMPLETION_TOKENS);
        assert_eq!(world.settle().await.counts(), spent);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_limit_admits_exactly_what_fits_also_across_three_processes() {
    for (n, k) in [(2, 1), (16, 7), (256, 100)] {
        for limit in Limit::ALL.iter().copied() {
            let race = Race { n, k, limit, is_one_attendee: true, shards: 1, is_in_memory: n > 16 };
            race.run().await;
            Race { is_one_attendee: false, ..race }.run().await;
        }
    }
}

/// Many requests at once, of which some fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Race {
    pub(crate) n: usize,
    pub(crate) k: usize,
    pub(crate) limit: Limit,
    /// One attendee against their own limit, or as many attendees against everybody's.
    pub(crate) is_one_attendee: bool,
    /// Into how many shards the event's account is split.
    pub(crate) shards: u16,
    /// The engine's own races of 256 are in the ledger's contract.
    pub(crate) is_in_memory: bool,
}

impl Race {
    /// Lets all start at once, on three processes, and counts.
    pub(crate) async fn run(self) {
        let Race { n, k, limit, is_one_attendee, shards, is_in_memory } = self;
        let operation = match limit.quantity() {
            Quantity::Requests | Quantity::Tokens | Quantity::Unit(Unit::Usd) => {
                Operation::ChatCompletions
            }
            Quantity::Unit(Unit::Images) => Operation::ImagesGenerations,
            Quantity::Unit(Unit::AudioSeconds) => Operation::AudioTranscriptions,
            Quantity::Unit(Unit::Characters) => Operation::AudioSpeech,
            Quantity::Unit(Unit::VideoSeconds) => Operation::Videos,
        };
        // These requests have the same estimate, so a limit is a multiple of it.
        let per_request = match limit.quantity() {
            Quantity::Requests => 1,
            Quantity::Tokens => estimate(Limit::TokensTotal).await.parse().unwrap(),
            Quantity::Unit(Unit::Usd) => {
                nano_dollars(estimate(Limit::UsdTotal).await.parse().unwrap())
            }
            Quantity::Unit(unit) => {
                let (held, each) = operations::held(operation).expect("it is counted in a unit");
                assert_eq!(held, unit);
                each
            }
        };
        let value = k as u64 * per_request;
        let world = World::event("race").everything().keeping().processes(3);
        let world = world.with(|e| e.shards = shards);
        let world = if is_in_memory { world.in_memory() } else { world };
        let world = match is_one_attendee {
            true => world.attendee(limit, value),
            false => world.everybody(limit, value),
        };
        let world = world.start().await;
        let ask = |attendee: Attendee| async move {
            match operation == Operation::ChatCompletions {
                true => attendee.chat("hello").await,
                false => attendee.send(attendee.asks_for(operation)).await,
            }
        };
        let case = format!("{self:?}");
        compete(&world, (n, k), is_one_attendee, ask, &case).await;
        world.end_jobs().await;
        assert_eq!(world.settle().await.requests, k as u64, "{case}");
    }
}

/// Sends `n` requests at once, of one attendee or of as many. Exactly `k` of them are admitted, and
/// the others are refused before any response is sent.
pub(crate) async fn compete<F>(
    world: &World,
    (n, k): (usize, usize),
    is_one_attendee: bool,
    ask: impl Fn(Attendee) -> F,
    case: &str,
) where
    F: Future<Output = TestResponse> + Send + 'static,
{
    let gate = Gate::closed();
    world.azure().hold(&gate);
    let mut asking = JoinSet::new();
    for i in 0..n {
        let user = if is_one_attendee { "ada".to_owned() } else { format!("user-{i}") };
        asking.spawn(ask(world.attendee(&user).await));
    }
    let mut refused = Vec::new();
    while refused.len() < n - k {
        refused.push(asking.join_next().await.unwrap().unwrap());
    }
    world.azure().called(k).await;
    gate.open();
    let admitted = asking.join_all().await;
    assert_eq!(count(&refused, 429), n - k, "{case}");
    assert_eq!(count(&admitted, 200), k, "{case}");
    assert_eq!(world.azure().calls(), k, "{case}");
}

/// What the usual request of these races may need of a limit.
async fn estimate(limit: Limit) -> String {
    let world = World::event("estimate").in_memory().attendee(limit, 1).start().await;
    let refused = world.attendee("ada").await.chat("hello").await;
    let message = refused.assert_refused(400, "allowance_too_small").text().to_owned();
    world.settle().await;
    let digits = message.split("may need ").nth(1).unwrap();
    digits.split(' ').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_first_requests_of_one_attendee_take_one_seat() {
    for processes in [1, 3] {
        let world = World::event("newcomer").seats(1).processes(processes).start().await;
        let ada = world.attendee("ada").await;
        let responses = at_once(vec![ada; 64]).await;
        assert_eq!(
            count(&responses, 200),
            64,
            "{:?}",
            responses.iter().map(TestResponse::line).max()
        );
        let bob = world.attendee("bob").await;
        bob.chat("hello").await.assert_refused(403, "event_full");
        assert_eq!(world.settle().await.requests, 64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_newcomers_at_once_as_many_get_in_as_there_are_seats() {
    let world = World::event("seats").seats(10).processes(3).start().await;
    let mut attendees = Vec::new();
    for i in 0..64 {
        attendees.push(world.attendee(&format!("user-{i}")).await);
    }
    let responses = at_once(attendees).await;
    assert_eq!((count(&responses, 200), count(&responses, 403)), (10, 54));
    assert_eq!(world.azure().calls(), 10);
    assert_eq!(world.settle().await.requests, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_150_new_names_at_once_a_part_gets_seats_and_the_rest_a_time_at_which_one_does() {
    let world = World::event("hall").seats(300).with(|event| event.seats_per_minute = Some(100));
    let world = world.processes(2).start().await;
    let mut joining = JoinSet::new();
    for i in 0..150 {
        let newcomer = world.attendee(&format!("name-{i}")).await;
        joining.spawn(async move { (newcomer.chat("hello").await, newcomer) });
    }
    let (late, seated): (Vec<_>, Vec<_>) =
        joining.join_all().await.into_iter().partition(|(response, _)| response.status() == 429);
    // Half of a minute's at once. The test's clock stands still.
    assert_eq!((seated.len(), late.len()), (50, 100));
    for (response, _) in &late {
        response.assert_refused(429, "rate_limit_exceeded");
        assert!(response.text().contains("100 new users per minute"), "{}", response.text());
        assert_eq!(response.header("retry-after-ms"), Some("600"));
    }
    // Those who have a seat are not concerned. As many as the rate allows get in later.
    seated[0].1.chat("again").await.assert_ok();
    world.wait(TimeDelta::seconds(30));
    for (at, (_, newcomer)) in late.iter().enumerate() {
        let status = newcomer.chat("hello").await.status();
        assert_eq!(status, if at < 50 { 200 } else { 429 }, "{at}");
    }
    assert_eq!(world.settle().await.requests, 101);
}

#[tokio::test]
async fn requests_in_flight_are_counted_and_a_finished_one_makes_room() {
    let world = World::event("in-flight").attendee(Limit::InFlight, 1).start().await;
    let ada = world.attendee("ada").await;
    let gate = Gate::closed();
    world.azure().script(Reply::chat("slow").held(&gate));
    let slow = {
        let ada = ada.clone();
        let mut slow = JoinSet::new();
        slow.spawn(async move { ada.chat("hello").await });
        slow
    };
    world.azure().called(1).await;
    let refused = ada.chat("second").await;
    refused.assert_refused(429, "too_many_in_flight");
    assert_eq!(refused.header("retry-after"), Some("5"));
    gate.open();
    slow.join_all().await[0].assert_ok();
    ada.chat("third").await.assert_ok();
    assert_eq!(world.settle().await.requests, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_16_requests_larger_than_a_minute_one_is_admitted_and_its_debt_delays_the_next() {
    // More than the most that one request of these needs, less than two of them.
    let needed: u64 = estimate(Limit::TokensTotal).await.parse().unwrap();
    for is_one_attendee in [true, false] {
        let world = World::event("debt").processes(3);
        let world = match is_one_attendee {
            true => world.attendee(Limit::TokensPerMinute, needed / 2),
            false => world.everybody(Limit::TokensPerMinute, needed / 2),
        };
        let world = world.start().await;
        let gate = Gate::closed();
        world.azure().hold(&gate);
        let mut asking = JoinSet::new();
        for i in 0..16 {
            let user = if is_one_attendee { "ada".to_owned() } else { format!("user-{i}") };
            let attendee = world.attendee(&user).await;
            asking.spawn(async move { attendee.chat("hello").await });
        }
        let mut refused = Vec::new();
        while refused.len() < 15 {
            refused.push(asking.join_next().await.unwrap().unwrap());
        }
        for response in &refused {
            response.assert_refused(429, "rate_limit_exceeded");
            // The full estimate takes two minutes. With the lowest cap a request needs half of one.
            let seconds: u64 = response.header("retry-after").unwrap().parse().unwrap();
            assert!((86..=93).contains(&seconds), "{seconds}");
        }
        world.azure().called(1).await;
        gate.open();
        asking.join_all().await.iter().for_each(|response| {
            response.assert_ok();
        });
        // It used less than its estimate, so the next one waits for less: only as long as other
        // processes remember their refusals.
        world.quiet().await;
        world.wait(TimeDelta::seconds(5));
        world.attendee("ada").await.chat("hello").await.assert_ok();
        assert_eq!((world.azure().calls(), world.settle().await.requests), (2, 2));
    }
}

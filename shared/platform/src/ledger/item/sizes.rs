//! How large the items of accounts become. A write costs a unit of capacity for each kilobyte.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
//!
//! An evening, a night and a morning of a busy event: the rules themselves make the writes and the sweep of each
//! minute. What is measured is the largest item after any write.

use std::slice;

use chrono::{DateTime, NaiveTime, TimeDelta, Timelike, Utc};
use lanyard_domain::account::AccountKey;
use lanyard_domain::admission::{self, Demand, Guess, Side};
use lanyard_domain::allowance::{Allowance, Allowances};
use lanyard_domain::by_model::{ByModel, ModelLimit};
use lanyard_domain::estimate::Estimate;
use lanyard_domain::ids::{DeploymentName, EventId};
use lanyard_domain::reconcile::{self, OpenHolds, Tally};
use lanyard_domain::settlement;
use lanyard_domain::time::MINUTE_NS;
use lanyard_domain::usage::Charge;
use lanyard_domain::window::LocalDay;

use super::*;
use crate::table::Key;

/// A unit of capacity of a write, in bytes.
const UNIT: usize = 1_024;

/// The names on offer of four models, as long as names are.
const MODELS: [&str; 4] = [
    "claude-sonnet-4-5-20250929-swedencentral",
    "gpt-5-mini-2025-08-07-datazone-eu-north",
    "mistral-document-ai-2505-workshop-team-a",
    "text-embedding-3-large-francecentral-02",
];

/// The bytes of a number: one for each two digits without zeros at the end, and one more.
fn bytes_of(number: i64) -> usize {
    let digits = number.unsigned_abs().to_string();
    digits.trim_end_matches('0').len().div_ceil(2) + 1 + usize::from(number < 0)
}

fn size_of_hold(id: &str, hold: &Hold) -> usize {
    let AttributeValue::M(map) = write_hold(hold) else { panic!("a hold is a map") };
    let value = |value: &AttributeValue| match value.as_n() {
        Ok(number) => bytes_of(number.parse().unwrap()),
        Err(value) => value.as_s().unwrap().len(),
    };
    let fields: usize = map.iter().map(|(name, of)| name.len() + value(of) + 1).sum();
    HOLD_PREFIX.len() + id.len() + 3 + fields
}

/// The bytes of an item: its keys, and each attribute with its name.
fn size(key: &AccountKey, account: &Account) -> usize {
    let keys = Key::account(key).attributes();
    let keys: usize = keys.iter().map(|(name, of)| name.len() + of.as_s().unwrap().len()).sum();
    let numbers = account.numbers.iter();
    let numbers: usize = numbers.map(|(f, n)| Named(*f).to_string().len() + bytes_of(*n)).sum();
    let holds = account.holds.iter();
    keys + numbers + holds.map(|(id, hold)| size_of_hold(id.as_str(), hold)).sum::<usize>()
}

/// The largest items of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Largest {
    /// The event's account on its first day.
    event: usize,
    /// The same on the second day, from five o'clock.
    next_day: usize,
    /// The same until then.
    night: usize,
    /// An attendee's account.
    attendee: usize,
}

/// Limits on models, for each attendee and for all of them.
fn by_model(limits: &[(&str, Limit)]) -> ByModel {
    let limit = |(name, limit): &(&str, Limit)| ModelLimit {
        name: name.parse().unwrap(),
        limit: *limit,
        allowed: 1 << 60,
    };
    let limits = || limits.iter().map(limit).collect();
    ByModel { attendee: limits(), event: limits() }
}

/// A busy event, with limits on money, tokens and requests, whose totals are large already.
struct Busy {
    allowances: Allowances,
    keys: [AccountKey; 2],
    /// The attendee's account and the event's.
    accounts: [Account; 2],
    /// The requests under way and when they end.
    open: Vec<(DateTime<Utc>, Demand)>,
    now: DateTime<Utc>,
}

const SIDES: [Side; 2] = [Side::Attendee { terms: 7 }, Side::Event];

impl Busy {
    fn begin(limits: &[(&str, Limit)]) -> Self {
        let by_model = by_model(limits);
        let mut allowances = Allowances { by_model, ..Allowances::default() };
        for limit in [Limit::RequestsPerMinute, Limit::TokensPerMinute, Limit::UsdTotal] {
            allowances.attendee.set(limit, Some(1 << 60));
            allowances.event.set(limit, Some(1 << 60));
        }
        let now: DateTime<Utc> = "2026-12-05T20:00:00.123456789Z".parse().unwrap();
        let event: EventId = "evt_019b3f6c2a7e0123456789abcdef".parse().unwrap();
        let user = "a-name-of-an-attendee@a-university.example".parse().unwrap();
        let usd = Unit::Usd;
        let large = [
            (Field::Committed, 98_765_432_198),
            (Field::PromptTokens, 98_765_432_198),
            (Field::CompletionTokens, 9_876_543_219),
            (Field::Requests, 9_876_543),
            (Field::UnitCommitted(usd), 49_876_543_219_876),
            (Field::UnitSpent(usd), 49_876_543_219_876),
            (Field::Day(Quantity::Requests, now.date_naive()), 987_654),
            (Field::Day(Quantity::Tokens, now.date_naive()), 9_876_543_219),
            (Field::Day(Quantity::Unit(usd), now.date_naive()), 4_987_654_321_987),
        ];
        let of_event =
            [(Field::Seats, 1_234), (Field::SeatTat, 1_796_472_000_123_456_789), (Field::Open, 0)];
        let of_attendee = [
            (Field::SeatedAt, 1_796_472_000_123_456_789),
            (Field::Terms, 7),
            (Field::Listed, 1),
            (Field::Claim, 1_234_567),
            (Field::Override(Limit::RequestsPerMinute), 123),
            (Field::Override(Limit::UsdTotal), 123_456_789_123),
        ];
        let account = |own: &[(Field, i64)]| Account {
            numbers: large.iter().chain(own).copied().collect(),
            ..Account::default()
        };
        Self {
            allowances,
            keys: [AccountKey::Attendee(event.clone(), user), AccountKey::Event(event)],
            accounts: [account(&of_attendee), account(&of_event)],
            open: Vec::new(),
            now,
        }
    }

    /// Every ten seconds a request that lasts for up to 110 s, and one in 59 for `longest`.
    fn run(mut self, hours: i64, longest: TimeDelta) -> Largest {
        let (mut largest, mut number) = (Largest::default(), 0);
        let first_day = self.now.date_naive();
        let end = self.now + TimeDelta::hours(hours);
        while self.now < end {
            self.settle_those_that_end();
            let lasts = match number % 59 {
                58 => longest,
                n => TimeDelta::seconds(50 + n % 7 * 10),
            };
            self.admit(number, lasts);
            if number % 6 == 0 {
                self.sweep();
            }
            let [attendee, event] = [0, 1].map(|at| size(&self.keys[at], &self.accounts[at]));
            let is_night = self.now.hour() < 5;
            let of_event = match self.now.date_naive() == first_day {
                true => &mut largest.event,
                false if is_night => &mut largest.night,
                false => &mut largest.next_day,
            };
            *of_event = event.max(*of_event);
            largest.attendee = attendee.max(largest.attendee);
            self.now += TimeDelta::milliseconds(10_007);
            number += 1;
        }
        largest
    }

    fn admit(&mut self, number: i64, lasts: TimeDelta) {
        let name: DeploymentName = MODELS[usize::try_from(number % 4).unwrap()].parse().unwrap();
        let date = self.now.date_naive();
        let demand = Demand {
            id: format!("req_{number:032}").parse().unwrap(),
            estimate: Estimate {
                units: Units::of(Unit::Usd, 1_234_567_891),
                ..Estimate::of_tokens(123_457, 16_381)
            },
            least: None,
            now: self.now.into(),
            day: LocalDay {
                date,
                ends_at: (date + TimeDelta::days(1)).and_time(NaiveTime::MIN).and_utc(),
            },
            expires_at: (self.now + TimeDelta::minutes(16)).into(),
            is_recorded: true,
            model: self.allowances.by_model.held(&name),
        };
        let reconciled_through = self.accounts[1].get(Field::ReconciledThrough);
        for (side, account) in SIDES.into_iter().zip(&mut self.accounts) {
            let outdated = Guess::outdated(account, &demand, reconciled_through);
            let guess = Guess { outdated, ..Guess::from_account(account, &demand) };
            let allowance = granted(side, &self.allowances, &demand);
            *account = account.apply(&admission::write(side, &allowance, &demand, &guess)).unwrap();
        }
        self.open.push((self.now + lasts, demand));
    }

    fn settle_those_that_end(&mut self) {
        let now = self.now;
        for (_, demand) in self.open.extract_if(.., |(end, _)| *end <= now) {
            let hold = demand.hold();
            let units = Units::of(Unit::Usd, 987_654_321);
            let charge = Some(Charge { units, ..Charge::of_tokens(98_765, 4_321) });
            for (side, account) in SIDES.into_iter().zip(&mut self.accounts) {
                let allowance = granted(side, &self.allowances, &demand);
                let (id, now) = (&demand.id, now.into());
                let write = settlement::write(side, &allowance, id, &hold, charge, now);
                *account = account.apply(&write).unwrap();
            }
        }
    }

    fn sweep(&mut self) {
        let [attendee, event] = &mut self.accounts;
        for period in reconcile::periods([&*attendee, &*event]) {
            if reconcile::is_reconciled(event, period) {
                continue;
            }
            let (shards, holds) = (slice::from_ref(event), OpenHolds::of(attendee));
            if !reconcile::is_due(period, shards, holds, self.now.into(), 16 * MINUTE_NS) {
                break;
            }
            let write = reconcile::write(event, period, Tally::of(attendee, period));
            *event = event.apply(&write).unwrap();
        }
    }
}

fn granted(side: Side, allowances: &Allowances, demand: &Demand) -> Allowance {
    match side {
        Side::Attendee { .. } => allowances.attendee_for(demand.model_key()),
        Side::Event => allowances.event_for(demand.model_key()),
    }
}

/// No limits on models, four on one, and one on each of four: those that take the most room.
fn configurations() -> [(&'static str, Vec<(&'static str, Limit)>); 4] {
    let on_one =
        [Limit::RequestsTotal, Limit::TokensTotal, Limit::UsdTotal, Limit::RequestsPerMinute];
    [
        ("none", Vec::new()),
        ("four on one model", on_one.map(|limit| (MODELS[0], limit)).into()),
        ("money in total of four models", MODELS.map(|name| (name, Limit::UsdTotal)).into()),
        ("money per day of four models", MODELS.map(|name| (name, Limit::UsdPerDay)).into()),
    ]
}

#[test]
fn a_write_of_a_busy_events_account_costs_one_unit_and_of_an_attendees_three() {
    let measured = configurations().map(|(name, limits)| {
        let largest = Busy::begin(&limits).run(12, TimeDelta::minutes(5));
        assert!(largest.event < UNIT && largest.next_day < UNIT, "{name}: {largest:?}");
        assert!(largest.attendee < 3 * UNIT, "{name}: {largest:?}");
        (name, [largest.event, largest.night, largest.next_day, largest.attendee])
    });
    let expected = [
        ("none", [755, 836, 754, 2_062]),
        ("four on one model", [916, 997, 917, 2_192]),
        ("money in total of four models", [965, 1_031, 968, 2_238]),
        ("money per day of four models", [989, 1_135, 988, 2_314]),
    ];
    assert_eq!(measured, expected, "decision 55 names some of these sizes");
}

/// The sweep cannot close a period before the last stream of it ends.
#[test]
fn streams_of_a_quarter_of_an_hour_make_an_events_account_larger() {
    let measured = configurations()
        .map(|(name, limits)| (name, Busy::begin(&limits).run(3, TimeDelta::seconds(890)).event));
    let expected = [
        ("none", 943),
        ("four on one model", 1_104),
        ("money in total of four models", 1_174),
        ("money per day of four models", 1_198),
    ];
    assert_eq!(measured, expected, "decision 55 names some of these sizes");
}

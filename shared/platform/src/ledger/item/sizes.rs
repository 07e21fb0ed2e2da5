//! How large the items of accounts become. A write costs a unit of capacity for each kilobyte.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>

use lanyard_domain::by_model::HeldModel;
use lanyard_domain::limit::Counting;

use super::*;

/// The bytes of a number: one for each two digits, and one more.
fn bytes_of(number: i64) -> usize {
    number.unsigned_abs().to_string().trim_end_matches('0').len().div_ceil(2) + 1
}

fn bytes(field: Field, number: i64) -> usize {
    Named(field).to_string().len() + bytes_of(number)
}

/// A limit on a model takes the room of three numbers in the event's account: what it counts, and
/// what the periods that are not reconciled hold, of which there are three at most.
#[test]
fn four_limits_on_models_take_little_room_in_both_accounts() {
    let (total, held, now) = (49_999_999_999, 999_999_999, 1_796_472_000_123_456_789);
    let day: NaiveDate = "2026-12-05".parse().unwrap();
    let model: ModelKey = "B6-_".parse().unwrap();
    let sizes = Limit::BY_MODEL.iter().map(|limit| {
        let key = LimitKey { limit: *limit, model: Some(model) };
        let counted = |day| bytes(Field::of_limit(key, day), total);
        let days = match limit.counting() {
            Counting::PerMinute(_) => return bytes(Field::OfModel(model, *limit), now),
            // Yesterday's number is there until a request of the day after.
            Counting::PerDay(_) => 2 * counted(day),
            Counting::TokensTotal
            | Counting::UnitTotal(_)
            | Counting::InFlight
            | Counting::RequestsTotal => counted(day),
        };
        days + 3 * bytes(Field::PeriodModelHeld(Period(2_991_234), model, *limit), held)
    });
    let most = sizes.max().unwrap();
    assert!(4 * most <= 430, "{most}");
    // An attendee's account has no periods of them, but each reservation names the model.
    let hold: HeldModel = "B6-_rtRT/uUFN".parse().unwrap();
    assert!(MODEL.len() + hold.to_string().len() <= 18, "{hold}");
}

/// The accounts of a busy event with limits on money, tokens and requests, without and with four on
/// models. After half an hour of traffic three periods are open, and the event's account is above a
/// kilobyte with them.
#[test]
fn the_accounts_of_a_busy_event_stay_small() {
    let (total, now) = (49_999_999_999, 1_796_472_000_123_456_789);
    let day: NaiveDate = "2026-12-05".parse().unwrap();
    let model: ModelKey = "B6-_".parse().unwrap();
    let usd = Unit::Usd;
    let of_models: Vec<_> =
        [Limit::RequestsTotal, Limit::TokensTotal, Limit::UsdTotal, Limit::RequestsPerMinute]
            .map(|limit| Field::OfModel(model, limit))
            .into();
    let counters = [
        Field::Tat(Quantity::Requests),
        Field::Tat(Quantity::Tokens),
        Field::Day(Quantity::Requests, day),
        Field::Day(Quantity::Tokens, day),
        Field::Day(Quantity::Unit(usd), day),
        Field::Committed,
        Field::Held,
        Field::Open,
        Field::Requests,
        Field::PromptTokens,
        Field::CompletionTokens,
        Field::UnitCommitted(usd),
        Field::UnitHeld(usd),
        Field::UnitSpent(usd),
    ];
    let posts = |period| {
        [
            Field::PeriodRequests(period),
            Field::PeriodPrompt(period),
            Field::PeriodCompletion(period),
            Field::PeriodUnitSpent(period, usd),
        ]
    };
    let holds = |period| {
        [Field::PeriodHeld(period), Field::PeriodOpen(period), Field::PeriodUnitHeld(period, usd)]
    };
    let of_models_held = |period| {
        [Limit::RequestsTotal, Limit::TokensTotal, Limit::UsdTotal]
            .map(|limit| Field::PeriodModelHeld(period, model, limit))
    };
    let size = |fields: &[Field]| -> usize {
        let is_time = |field: &Field| {
            matches!(field, Field::Tat(_) | Field::OfModel(_, Limit::RequestsPerMinute))
        };
        let number = |field: &Field| if is_time(field) { now } else { total / 1_000 };
        fields.iter().map(|field| bytes(*field, number(field))).sum()
    };
    let keys = "pk".len() + "EVENT#evt_0123456789abcdef0123".len() + "sk".len() + 24;
    let seats = [Field::ReconciledThrough, Field::Seats, Field::SeatTat];
    let periods = |count: i64| (0..count).map(|n| Period(2_991_234 + n));
    let event = |count: i64, with_models: bool| {
        let mut fields = [&counters[..], &seats[..]].concat();
        for period in periods(count) {
            fields.extend(posts(period).into_iter().chain(holds(period)));
            fields.extend(of_models_held(period).into_iter().filter(|_| with_models));
        }
        fields.extend(of_models.iter().filter(|_| with_models));
        keys + size(&fields)
    };
    let hold = |hold: &Hold| -> usize {
        let AttributeValue::M(map) = write_hold(hold) else { panic!("a hold is a map") };
        let value = |value: &AttributeValue| match value.as_n() {
            Ok(number) => bytes_of(number.parse().unwrap()),
            Err(value) => value.as_s().unwrap().len(),
        };
        let fields: usize = map.iter().map(|(name, of)| name.len() + value(of) + 1).sum();
        "hold@req_0123456789abcdef0123456789abcdef".len() + 3 + fields
    };
    let one = Hold {
        prompt_tokens: 12_345,
        completion_tokens: 16_384,
        units: Units::of(usd, 123_456_789),
        admitted_at: EpochNanos(now),
        day,
        expires_at: EpochNanos(now + 1),
        is_recorded: true,
        model: Some("B6-_rRBU/NBUr".parse().unwrap()),
    };
    let attendee = {
        let mut fields = [&counters[..], &[Field::SeatedAt], &of_models[..]].concat();
        for period in periods(3) {
            fields.extend(posts(period));
        }
        keys + 64 + size(&fields) + 8 * hold(&one)
    };
    let sizes = [event(1, false), event(1, true), event(3, false), event(3, true), attendee];
    assert_eq!(sizes, [562, 673, 952, 1_177, 2_164]);
    assert!(event(1, true) < 1_024 && attendee < 3 * 1_024);
}

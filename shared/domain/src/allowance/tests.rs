use super::*;
use proptest::prelude::*;

#[test]
fn a_hundred_people_on_a_million_tokens_get_forty_thousand_each() {
    let capacity =
        Capacity { requests_per_minute: Some(6_000), tokens_per_minute: Some(1_000_000) };
    let allowances = Allowances::for_attendees(Preset::Workshop, 100, capacity);
    assert_eq!(allowances.attendee.limit(Limit::TokensPerMinute), Some(40_000));
    let fewer = Allowances::for_attendees(Preset::Workshop, 50, capacity);
    assert_eq!(fewer.attendee.limit(Limit::TokensPerMinute), Some(80_000));
    assert_eq!(allowances.event.limit(Limit::RequestsPerMinute), Some(6_000));
    assert_eq!(allowances.attendees, Some(300));
}

#[test]
fn every_unit_but_money_is_limited_unless_the_organiser_lifts_it() {
    let workshop = Allowances::for_attendees(Preset::Workshop, 100, Capacity::default());
    let alone = Allowances::for_attendees(Preset::Workshop, 1, Capacity::default());
    for limit in Unit::ALL.iter().copied().map(Limit::total_of) {
        if limit == Limit::UsdTotal {
            assert_eq!(workshop.attendee.limit(limit), None);
            continue;
        }
        let each = workshop.attendee.limit(limit).unwrap();
        assert_eq!(workshop.event.limit(limit), Some(each * 50), "{limit:?}");
        assert_eq!(alone.event.limit(limit), Some(each), "{limit:?}");
    }
}

#[test]
fn an_allowance_is_written_with_every_limit_and_read_without() {
    let allowance: Allowance = Limit::ALL.iter().copied().zip(1..).collect();
    let written = serde_json::to_string(&allowance.with(Limit::TokensTotal, None)).unwrap();
    let expected = concat!(
        r#"{"requests_per_minute":1,"tokens_per_minute":2,"requests_per_day":3,"#,
        r#""tokens_per_day":4,"tokens_total":null,"images_total":6,"audio_seconds_total":7,"#,
        r#""characters_total":8,"video_seconds_total":9,"usd_per_day":1e-8,"#,
        r#""usd_total":1.1e-8,"in_flight":12}"#,
    );
    assert_eq!(written, expected);
    for (limit, value) in Limit::ALL.iter().zip(1..) {
        let amount = limit.quantity().amount(value);
        let amount = serde_json::to_string(&amount).unwrap();
        let alone = format!(r#"{{"{}": {amount}, "of_a_newer_release": {{}}}}"#, limit.name());
        let read: Allowance = serde_json::from_str(&alone).unwrap();
        assert_eq!(read, Allowance::from([(*limit, value)]));
    }
}

#[test]
fn each_preset_has_its_limits() {
    let line = |(name, preset)| {
        let Allowances { attendee, event, .. } =
            Allowances::for_attendees(preset, 100, Capacity::default());
        let numbers = |allowance: Allowance, limits: &[Limit]| {
            let number = |limit: &Limit| allowance.limit(*limit).unwrap().to_string();
            limits.iter().map(number).collect::<Vec<_>>().join(" ")
        };
        let cap = preset.max_completion_tokens();
        let each = [Limit::TokensPerMinute, Limit::InFlight, Limit::TokensTotal];
        let all = [Limit::InFlight, Limit::TokensTotal];
        format!("{name}: {} / {} / {cap:?}", numbers(attendee, &each), numbers(event, &all))
    };
    insta::assert_snapshot!(Preset::ALL.map(line).join("\n"), @r"
    workshop: 40000 8 1000000 / 400 50000000 / None
    agents: 200000 16 5000000 / 400 250000000 / Some(16384)
    demo: 10000 2 50000 / 400 2500000 / Some(1024)
    ");
}

proptest! {
    #[test]
    fn an_attendee_gets_twice_the_fair_share_and_never_more_than_all(
        attendees in 0u64..100_000, total in 0u64..10_000_000_000,
    ) {
        let event = SHARED.map(|limit| (limit, total)).into();
        let all = Allowances { event, ..Allowances::default() }.with_shares(attendees, |_| true);
        for limit in SHARED {
            let each = all.attendee.limit(limit).unwrap();
            prop_assert!(each >= 1 && each <= total.max(1));
            prop_assert!(each == total.max(1) || each >= total * 2 / attendees.max(1));
        }
    }
}

#[test]
fn an_attendees_own_limit_on_a_model_replaces_the_events_and_adds_none() {
    use crate::account::{Account, Field, NO_LIMIT};

    let by_model =
        r#"{"attendee":{"gpt-5":{"requests_total":20,"in_flight":1},"o3":{"in_flight":2}}}"#;
    let allowances =
        Allowances { by_model: serde_json::from_str(by_model).unwrap(), ..Allowances::default() };
    let key = |name: &str| ModelKey::of(&name.parse().unwrap());
    let own = [
        (Field::OverrideOfModel(key("gpt-5"), Limit::RequestsTotal), 35),
        (Field::OverrideOfModel(key("gpt-5"), Limit::InFlight), NO_LIMIT),
        (Field::OverrideOfModel(key("gpt-5"), Limit::TokensTotal), 9),
        (Field::OverrideOfModel(key("gpt-4o"), Limit::RequestsTotal), 9),
    ];
    let account = Account { numbers: own.into_iter().collect(), ..Account::default() };
    let for_model = |name: &str| {
        let granted = allowances.attendee_for(Some(key(name)));
        let allowance = account.allowance(&granted);
        allowance.each().map(|(key, allowed)| (key.limit, allowed)).collect::<Vec<_>>()
    };
    assert_eq!(for_model("gpt-5"), [(Limit::RequestsTotal, 35)]);
    assert_eq!(for_model("o3"), [(Limit::InFlight, 2)]);
    assert_eq!(for_model("gpt-4o"), []);
    let all = serde_json::to_value(account.model_limits(&allowances.by_model.attendee)).unwrap();
    assert_eq!(all, serde_json::json!({"gpt-5": {"requests_total": 35}, "o3": {"in_flight": 2}}));
}

//! The limits of one attendee.

use lanyard_domain::account::{AccountKey, Change, Field, NO_LIMIT, Write};
use lanyard_domain::allowance::Limit;
use lanyard_domain::by_model::ModelKey;
use lanyard_gateway::ports::Ledger;
use serde_json::{Value, json};

use super::super::harness::Harness;
use super::{account, id, uses};

#[tokio::test]
async fn an_attendee_gets_own_limits_and_loses_them_again() {
    let harness = Harness::open().await;
    let (path, event) = harness.event(json!({})).await;
    let ada = format!("{path}/attendees/ada");
    let own = json!({"allowance": {"requests_per_day": 9, "requests_per_minute": null}});
    let raised = harness.patch(&ada, own).await.ok(200);
    assert_eq!(raised["own_limits"], json!(["requests_per_minute", "requests_per_day"]));
    assert_eq!(raised["allowance"]["requests_per_day"], 9);
    assert_eq!(raised["allowance"]["requests_per_minute"], Value::Null);
    assert_eq!(raised["allowance"]["in_flight"], 8);
    let kept = account(&harness, &event, "ada").await;
    assert_eq!(kept.get(Field::Override(Limit::RequestsPerMinute)), NO_LIMIT);
    assert_eq!(kept.get(Field::Terms), 1);

    let more = harness.patch(&ada, json!({"allowance": {"in_flight": 1}})).await.ok(200);
    assert_eq!(more["allowance"]["requests_per_day"], 9);
    let back = harness.patch(&ada, json!({"allowance": null})).await.ok(200);
    assert_eq!(back["own_limits"], json!([]));
    assert_eq!(back["allowance"]["requests_per_day"], 1_000);
    assert_eq!(account(&harness, &event, "ada").await.get(Field::Terms), 3);

    let wrong = json!({"blocked": 1, "allowance": {"in_flight": 0, "attendees": 3}, "name": "x"});
    let wrong = harness.patch(&ada, wrong).await.wrong_fields();
    assert_eq!(wrong, ["blocked", "allowance.in_flight", "allowance.attendees", "name"]);
    assert_eq!(harness.patch(&ada, json!({})).await.wrong_fields(), ["body"]);
}

#[tokio::test]
async fn an_attendee_gets_own_limits_on_models_and_sees_what_is_left() {
    let harness = Harness::open().await;
    harness.deployment("gpt-4o", "chat_completions").await;
    let by_model = json!({"gpt-4o": {"requests_total": 3, "usd_total": 1.5}});
    let (path, event) =
        harness.event(json!({"allowances": {"attendee": {"by_model": by_model}}})).await;
    uses(&harness, &event, "ada", 1, 1).await;
    let ada = format!("{path}/attendees/ada");
    let set =
        async |limits: Value| harness.patch(&ada, json!({"allowance": {"by_model": limits}})).await;

    // Names are compared without regard to case, and the last of the same limit counts.
    let raised = set(json!({"GPT-4o": {"requests_total": 9, "usd_total": null}})).await.ok(200);
    assert_eq!(raised["allowance"]["by_model"], json!({"gpt-4o": {"requests_total": 9}}));
    let own = json!({"gpt-4o": ["usd_total", "requests_total"]});
    assert_eq!(raised["own_limits_by_model"], own);
    let kept = account(&harness, &event, "ada").await;
    let key = ModelKey::of(&"gpt-4o".parse().unwrap());
    assert_eq!(kept.get(Field::OverrideOfModel(key, Limit::RequestsTotal)), 9);
    assert_eq!(kept.get(Field::OverrideOfModel(key, Limit::UsdTotal)), NO_LIMIT);
    assert_eq!(kept.get(Field::Terms), 1);
    let shown = harness.get(&ada).await.ok(200);
    let left = json!({"gpt-4o": {"requests_total": {"allowed": 9, "remaining": 9}}});
    assert_eq!(shown["left_by_model"], left);
    assert_eq!(shown["left"]["in_flight"], json!({"allowed": 8, "remaining": 7}));

    let unknown = json!({
        "gpt-4o": {"in_flight": 2, "y": 1}, "gtp-4o": null, "o3": {"requests_total": 2}, "x": {},
    });
    let mut wrong = set(unknown).await.wrong_fields();
    wrong.sort();
    let expected = ["gpt-4o.in_flight", "gpt-4o.y", "gtp-4o", "o3.requests_total", "x"];
    assert_eq!(wrong, expected.map(|name| format!("allowance.by_model.{name}")));
    let back = set(json!({"gpt-4o": null})).await.ok(200);
    assert_eq!(back["allowance"]["by_model"], by_model);
    set(json!({"gpt-4o": {"requests_total": 5}})).await.ok(200);
    let reset = harness.patch(&ada, json!({"allowance": null})).await.ok(200);
    assert_eq!(reset["allowance"]["by_model"], by_model);
    assert_eq!(reset["own_limits_by_model"], Value::Null);
    let audit = harness.get(&format!("{path}/audit")).await.ok(200);
    let fields: Vec<_> = audit["audit"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|entry| entry["changes"].as_array().into_iter().flatten())
        .map(|change| change["field"].clone())
        .collect();
    assert!(fields.contains(&json!("allowance.by_model.gpt-4o.requests_total")), "{fields:?}");
}

#[tokio::test]
async fn a_limit_below_what_is_spent_is_accepted_with_a_warning() {
    let harness = Harness::open().await;
    harness.deployment("gpt-4o", "chat_completions").await;
    let limits = |tokens: u64, usd: f64, requests: u64| {
        json!({
            "tokens_total": tokens, "usd_total": usd, "requests_per_day": 100, "images_total": 50,
            "by_model": {"gpt-4o": {"requests_total": requests}},
        })
    };
    let both = |limits: Value| json!({"allowances": {"event": limits, "attendee": limits}});
    let (path, event) = harness.event(both(limits(1_000_000, 50.0, 9))).await;
    let day = "2026-12-05".parse().unwrap();
    let key = ModelKey::of(&"gpt-4o".parse().unwrap());
    let spent = [
        (Field::counted(Limit::TokensTotal, day), 500_000),
        (Field::counted(Limit::ImagesTotal, day), 50),
        (Field::counted(Limit::UsdTotal, day), 21_000_000_000),
        (Field::OfModel(key, Limit::RequestsTotal), 7),
    ];
    let changes = spent.map(|(field, by)| Change::Add(field, by)).to_vec();
    let write = Write { conditions: vec![], changes };
    let ada = AccountKey::Attendee(id(&event), "ada".parse().unwrap());
    for account in [&AccountKey::Event(id(&event)), &ada] {
        harness.table.apply(account, &write).await.unwrap();
    }

    let lowered = harness.patch(&path, both(limits(500_000, 20.0, 7))).await.ok(200);
    let of_event = json!([
        "allowances.event.tokens_total is used up: 500000 of 500000 total tokens are spent. \
         Requests are refused until it is raised.",
        "allowances.event.images_total is used up: 50 of 50 total images are spent. Requests for \
         images are refused until it is raised.",
        "allowances.event.usd_total is used up: 21 of 20 total US dollars are spent. Requests \
         are refused until it is raised.",
        "allowances.event.by_model.gpt-4o.requests_total is used up: 7 of 7 total requests are \
         spent. Requests to gpt-4o are refused until it is raised.",
    ]);
    assert_eq!(lowered["warnings"], of_event);
    // It stays with what is read of the accounts. The event alone reads none.
    let usage = harness.get(&format!("{path}/usage")).await.ok(200);
    assert_eq!(usage["warnings"], of_event);
    assert_eq!(harness.get(&path).await.ok(200)["warnings"], json!([]));
    // A change of something else does not say it again.
    let renamed = harness.patch(&path, json!({"name": "Other"})).await.ok(200);
    assert_eq!(renamed["warnings"], json!([]));

    let own = json!({"allowance": {"usd_total": 20.5, "tokens_total": 500_001}});
    let own = harness.patch(&format!("{path}/attendees/ada"), own).await.ok(200);
    let of_ada = json!([
        "allowance.images_total is used up: 50 of 50 total images are spent. Requests for images \
         are refused until it is raised.",
        "allowance.usd_total is used up: 21 of 20.5 total US dollars are spent. Requests \
         are refused until it is raised.",
        "allowance.by_model.gpt-4o.requests_total is used up: 7 of 7 total requests are spent. \
         Requests to gpt-4o are refused until it is raised.",
    ]);
    assert_eq!(own["warnings"], of_ada);
}

#[tokio::test]
async fn an_own_limit_on_a_model_is_removed_also_after_the_event_has_lost_the_limit() {
    let harness = Harness::open().await;
    harness.deployment("gpt-4o", "chat_completions").await;
    let limits = json!({"gpt-4o": {"requests_total": 3, "usd_total": 1.5}});
    let by_model = |limits: Value| json!({"allowances": {"attendee": {"by_model": limits}}});
    let (path, event) = harness.event(json!({})).await;
    uses(&harness, &event, "ada", 1, 1).await;
    let ada = format!("{path}/attendees/ada");
    let set =
        async |limits: Value| harness.patch(&ada, json!({"allowance": {"by_model": limits}})).await;
    for removal in [json!(null), json!({"GPT-4o": null}), json!({"gpt-4o": {}}), json!({})] {
        harness.patch(&path, by_model(limits.clone())).await.ok(200);
        set(json!({"gpt-4o": {"requests_total": 9, "usd_total": null}})).await.ok(200);
        harness.patch(&path, by_model(json!(null))).await.ok(200);
        set(removal.clone()).await.ok(200);
        let numbers = account(&harness, &event, "ada").await.numbers;
        let is_own = |field: &Field| matches!(field, Field::OverrideOfModel(..));
        assert!(!numbers.keys().any(is_own), "{removal}");
        harness.patch(&path, by_model(limits.clone())).await.ok(200);
        let shown = harness.get(&ada).await.ok(200);
        assert_eq!(shown["allowance"]["by_model"], limits, "{removal}");
    }
}

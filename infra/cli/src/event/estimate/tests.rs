use super::*;

fn event() -> Value {
    json!({"attendees": 100, "deployments": ["a", "b"]})
}

fn deployment(name: &str, tokens: Option<u64>) -> Value {
    json!({
        "name": name, "weight": 1, "tokens_per_minute": tokens,
        "operations": ["chat_completions", "responses"],
    })
}

#[test]
fn a_hundred_attendees_need_four_requests_each_in_a_busy_minute() {
    let deployments = [deployment("a", Some(300_000)), deployment("c", Some(1_000_000))];
    let estimate = Estimate::of(&event(), &deployments, &Assumptions::default());
    assert_eq!(estimate.tokens_needed, 400_000);
    assert_eq!(estimate.tokens_granted, Some(300_000));
    assert!(estimate.warnings()[0].starts_with("Not enough Azure quota: 400,000 tokens/min"));
}

#[test]
fn an_unknown_quota_gives_no_warning() {
    let deployments = [deployment("a", Some(1)), deployment("b", None)];
    let estimate = Estimate::of(&event(), &deployments, &Assumptions::default());
    assert!(estimate.warnings().is_empty());
    assert!(estimate.deployments_in_words().ends_with("2 deployments (1 without a limit)"));
}

#[test]
fn an_image_deployment_adds_no_text_quota() {
    let mut images = deployment("b", Some(1_000_000));
    images["operations"] = json!(["images_generations"]);
    let all = [deployment("a", Some(300_000)), images];
    let estimate = Estimate::of(&event(), &all, &Assumptions::default());
    assert_eq!((estimate.deployments, estimate.tokens_granted), (1, Some(300_000)));
}

#[test]
fn a_deployment_of_claude_is_one_for_text() {
    let mut claude = deployment("a", Some(300_000));
    claude["operations"] = json!(["messages"]);
    claude["facts"] = json!({"prices": {"prompt": 5.0, "completion": 25.0}});
    let estimate = Estimate::of(&event(), &[claude], &Assumptions::default());
    assert_eq!((estimate.deployments, estimate.tokens_granted), (1, Some(300_000)));
    assert_eq!(estimate.priced_as.as_deref(), Some("a"));
}

#[test]
fn too_few_environments_are_a_warning_only_where_their_number_is_known() {
    let deployments = [deployment("a", Some(1_000_000))];
    let assumptions = |concurrency| Assumptions { concurrency, ..Assumptions::default() };
    let warnings = |concurrency| {
        Estimate::of(&event(), &deployments, &assumptions(concurrency)).warnings().len()
    };
    assert_eq!([warnings(None), warnings(Some(67)), warnings(Some(66))], [0, 0, 1]);
}

#[test]
fn an_event_costs_on_aws_what_the_calculator_says() {
    let estimate = Estimate::of(&event(), &[], &Assumptions::default());
    assert_eq!(estimate.json()["cost_usd"], json!({"aws": 1.77, "azure": null}));
}

#[test]
fn azure_cost_uses_the_most_expensive_deployment() {
    let mut dear = deployment("a", None);
    dear["prices"] = json!({"prompt": 2.5, "completion": 10.0});
    let mut cheap = deployment("b", None);
    cheap["prices"] = json!({"prompt": 0.15, "completion": 0.6});
    let estimate = Estimate::of(&event(), &[dear, cheap], &Assumptions::default());
    // 20,000 requests of 500 tokens are 10 million each way.
    assert_eq!(estimate.json()["cost_usd"]["azure"], 125.0);
}

#[test]
fn azure_cost_uses_the_list_prices_of_a_model_without_prices_of_its_own() {
    let known = |name: &str, prompt: f64| {
        let mut known = deployment(name, None);
        known["facts"] = json!({"prices": {"prompt": prompt, "completion": 2.0}});
        known
    };
    let cost = |deployments: &[Value]| {
        let estimate = Estimate::of(&event(), deployments, &Assumptions::default());
        estimate.summary().into_iter().find(|(name, _)| *name == "cost").unwrap().1
    };
    let mut own = known("b", 50.0);
    own["prices"] = json!({"prompt": 0.1, "completion": 0.1});
    let said = cost(&[known("a", 0.25), own]);
    assert!(said.ends_with("22.50 USD for Azure at the prices of a"), "{said}");
    // An image model has prices for tokens as well, and the estimate counts text only.
    let mut images = known("b", 99.0);
    images["operations"] = json!(["images_generations"]);
    assert_eq!(cost(&[known("a", 0.25), images]), said);
    let unknown = cost(&[deployment("a", None)]);
    assert!(unknown.ends_with("Azure cost unknown (set --prices)"), "{unknown}");
}

#[test]
fn a_coding_agent_needs_more_than_a_chat() {
    let basis = |preset| {
        let assumptions = Assumptions::default().of_preset(preset);
        Estimate::of(&event(), &[], &assumptions).basis
    };
    assert_eq!(basis(None), "100 attendees × 200 requests of 500 + 500 tokens");
    assert_eq!(basis(Some("workshop")), basis(None));
    assert_eq!(basis(Some("agents")), "100 attendees × 100 requests of 20,000 + 1,000 tokens");
    assert_eq!(basis(Some("demo")), "100 attendees × 20 requests of 500 + 500 tokens");
    let given = Assumptions { prompt_tokens: Some(7), ..Assumptions::default() };
    let estimate = Estimate::of(&event(), &[], &given.of_preset(Some("agents")));
    assert_eq!(estimate.basis, "100 attendees × 100 requests of 7 + 1,000 tokens");
}

#[test]
fn a_budget_below_the_estimate_is_a_warning() {
    let mut dear = deployment("a", Some(1_000_000));
    dear["prices"] = json!({"prompt": 2.5, "completion": 10.0});
    let warnings = |allowances: Value| {
        let mut event = event();
        event["allowances"] = allowances;
        Estimate::of(&event, &[dear.clone()], &Assumptions::default()).warnings()
    };
    let enough = json!({
        "attendee": {"tokens_total": 200_000, "usd_total": 1.25},
        "event": {"tokens_total": 20_000_000, "usd_total": 125.0},
    });
    assert!(warnings(enough).is_empty() && warnings(json!({"event": {}})).is_empty());
    let small = json!({
        "attendee": {"tokens_total": 199_999, "usd_total": 1.2},
        "event": {"tokens_total": 1_000, "usd_total": 124.99},
    });
    let small = warnings(small);
    let expected = [
        "an attendee, 199,999 total tokens, is below the estimate of 200,000.",
        "an attendee, 1.20 USD, is below the estimate of 1.25 USD.",
        "the event, 1,000 total tokens, is below the estimate of 20,000,000.",
        "the event, 124.99 USD, is below the estimate of 125.00 USD.",
    ];
    assert_eq!(small.len(), expected.len(), "{small:?}");
    for (small, expected) in small.iter().zip(expected) {
        assert!(small.contains(expected), "{small}");
    }
}

#[test]
fn models_that_azure_retires_before_the_event_is_over_are_one_warning() {
    let retiring = |name: &str, model: Option<&str>, day: &str| {
        let mut one = deployment(name, Some(1_000_000));
        one["facts"] = json!({"retires_on": day});
        one["model"] = json!(model);
        one["azure_name"] = json!(name);
        one
    };
    let mut event = event();
    event["deployments"] = Value::Null;
    event["ends_at"] = json!("2026-12-06T18:00:00+01:00");
    let deployments = [
        retiring("gone", Some("gpt-4o"), "2026-10-01"),
        retiring("meanwhile", None, "2026-12-06"),
        retiring("soon", None, "2026-12-13"),
        retiring("later", None, "2026-12-14"),
    ];
    let estimate = Estimate::of(&event, &deployments, &Assumptions::default());
    let [warning] = &estimate.warnings()[..] else { panic!("{:?}", estimate.warnings()) };
    let named =
        "or soon after: gone (gpt-4o, 2026-10-01), meanwhile (2026-12-06), soon (2026-12-13).";
    assert!(warning.contains(named), "{warning}");
    // Only what the event offers.
    event["deployments"] = json!(["later"]);
    assert!(Estimate::of(&event, &deployments, &Assumptions::default()).warnings().is_empty());
}

#[test]
fn a_model_without_a_price_is_a_warning_where_money_is_limited() {
    let mut priced = deployment("b", None);
    priced["facts"] = json!({"prices": {"prompt": 1.0, "completion": 2.0}});
    let deployments = [deployment("a", None), priced];
    let warnings = |allowances: Value| {
        let mut event = event();
        event["allowances"] = allowances;
        Estimate::of(&event, &deployments, &Assumptions::default()).warnings()
    };
    let limited = warnings(json!({"event": {"usd_total": 1_000_000.0}}));
    assert!(limited[0].contains("these models have no known price: a."), "{limited:?}");
    assert!(warnings(json!({"event": {"tokens_total": 1_000_000_000}})).is_empty());
}

#[test]
fn replicas_of_one_name_are_one_in_a_warning_in_whatever_order_they_stand() {
    let retired = |name: &str| {
        let mut one = deployment(name, Some(1_000_000));
        one["facts"] = json!({"retires_on": "2026-01-01"});
        one
    };
    let mut event = event();
    event["allowances"] = json!({"event": {"usd_total": 5.0}});
    let all = [retired("b"), retired("a"), retired("b")];
    let estimate = Estimate::of(&event, &all, &Assumptions::default());
    assert_eq!(estimate.unpriced, ["a", "b"]);
    assert_eq!(estimate.retiring, ["a (2026-01-01)", "b (2026-01-01)"]);
}

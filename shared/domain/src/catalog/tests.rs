use super::*;
use proptest::prelude::*;

fn deployment(name: &str, replica: &str, weight: u32) -> Deployment {
    Deployment {
        name: name.parse().unwrap(),
        replica: replica.parse().unwrap(),
        endpoint: "https://one.openai.azure.com".to_owned(),
        azure_name: name.parse().unwrap(),
        model: None,
        overrides: FactOverrides::default(),
        operations: vec![Operation::ChatCompletions],
        api: AzureApi::V1,
        weight,
        requests_per_minute: None,
        tokens_per_minute: None,
        completion_field: CompletionField::MaxTokens,
        prices: None,
        credential: Credential::Key("key".to_owned()),
    }
}

#[test]
fn the_first_name_of_an_unknown_model_that_tells_its_family_decides() {
    let facts = |model: Option<&str>, azure_name: &str, name: &str| {
        let deployment = Deployment {
            model: model.map(ToOwned::to_owned),
            azure_name: azure_name.parse().unwrap(),
            ..deployment(name, "1", 1)
        };
        let facts = deployment.facts();
        (facts.reasons, facts.cap.name())
    };
    assert_eq!(facts(Some("gpt-6-nova"), "prod", "smart"), (true, "max_completion_tokens"));
    assert_eq!(facts(None, "gpt-6.2-sol", "smart"), (true, "max_completion_tokens"));
    assert_eq!(facts(None, "prod", "GPT-5.7"), (true, "max_completion_tokens"));
    assert_eq!(facts(Some("mystery"), "o5-mini", "smart"), (true, "max_completion_tokens"));
    assert_eq!(facts(Some("gpt-4o"), "gpt-6", "gpt-6"), (false, "max_tokens"));
    assert_eq!(facts(None, "gpt-4o-mini", "gpt-5"), (false, "max_tokens"));
    assert_eq!(facts(None, "prod", "smart"), (false, "max_tokens"));
    let mut own = deployment("gpt-6", "1", 1);
    own.overrides.reasons = Some(false);
    assert!(!own.facts().reasons);
}

#[test]
fn an_event_offers_the_named_deployments_or_all() {
    let all = vec![deployment("b", "1", 1), deployment("a", "1", 1), deployment("a", "2", 1)];
    let names = |catalog: Catalog| -> Vec<String> {
        catalog.names(None).iter().map(ToString::to_string).collect()
    };
    assert_eq!(names(Catalog::new(all.clone(), None)), ["a", "b"]);
    assert_eq!(names(Catalog::new(all, Some(&["b".parse().unwrap()]))), ["b"]);
}

#[test]
fn a_model_that_cannot_do_the_operation_is_not_offered() {
    let catalog = Catalog::new(vec![deployment("a", "1", 1)], None);
    let named = |operation| catalog.named("a", operation, Spelling::Loose);
    assert!(named(Operation::ChatCompletions).is_some());
    assert!(named(Operation::Embeddings).is_none());
    assert_eq!(catalog.operations(), [Operation::ChatCompletions]);
}

#[test]
fn a_name_is_understood_in_other_letters_with_a_provider_or_a_date() {
    let names = ["gpt-5-mini", "Prod-Smart", "gpt-4o-2024-11-20", "gpt-4", "gpt-4-0314"];
    let catalog = Catalog::new(names.map(|name| deployment(name, "1", 1)).into(), None);
    let meant = |wanted| {
        let choice = catalog.named(wanted, Operation::ChatCompletions, Spelling::Loose);
        choice.and_then(|choice| choice.name().map(ToString::to_string))
    };
    for (wanted, expected) in [
        ("gpt-5-mini", Some("gpt-5-mini")),
        ("GPT-5-Mini", Some("gpt-5-mini")),
        ("openai/gpt-5-mini", Some("gpt-5-mini")),
        ("openrouter/openai/GPT-5-mini", Some("gpt-5-mini")),
        ("gpt-5-mini-2025-08-07", Some("gpt-5-mini")),
        ("azure/GPT-5-mini-2025-08-07", Some("gpt-5-mini")),
        ("GPT-5-mini-20250807[1m]", Some("gpt-5-mini")),
        ("prod-smart", Some("Prod-Smart")),
        ("gpt-4o-2024-11-20", Some("gpt-4o-2024-11-20")),
        ("openai/GPT-4-0613", Some("gpt-4")),
        ("gpt-4-1106-preview", Some("gpt-4")),
        ("gpt-4-0314", Some("gpt-4-0314")),
        ("gpt-4-2411", None),
        ("gpt-4o", None),
        ("gpt-5", None),
        ("gpt-5-mini/", None),
        ("", None),
    ] {
        assert_eq!(meant(wanted).as_deref(), expected, "{wanted}");
    }
    assert!(catalog.named("GPT-5-mini", Operation::ChatCompletions, Spelling::Exact).is_none());
}

/// New names must differ in more than their case; tables may have such names from earlier releases.
#[test]
fn of_names_that_differ_only_in_case_each_is_found_by_its_own_spelling_else_the_first() {
    let names = ["gpt", "GPT", "Gpt"];
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let deployments = order.map(|at| deployment(names[at], "1", 1));
        let catalog = Catalog::new(deployments.into(), None);
        for name in names {
            let exact = catalog.named(name, Operation::ChatCompletions, Spelling::Exact).unwrap();
            assert_eq!(exact.name().unwrap().as_str(), name);
        }
        let loose = catalog.named("gPT", Operation::ChatCompletions, Spelling::Loose).unwrap();
        assert_eq!(loose.name().unwrap().as_str(), "GPT");
    }
}

/// Of 2,000 attendees, each replica is the first of about as many as its weight says.
#[test]
fn weights_hold_on_average_over_attendees() {
    for weights in [[1, 1, 1], [3, 1, 0], [10, 5, 1], [0, 0, 7]] {
        let name = |index: usize| ["one", "two", "three"][index];
        let replicas = weights.iter().enumerate();
        let replicas = replicas.map(|(index, weight)| deployment("a", name(index), *weight));
        let catalog = Catalog::new(replicas.collect(), None);
        let choice = catalog.named("a", Operation::ChatCompletions, Spelling::Exact).unwrap();
        let mut firsts = [0; 3];
        for attendee in 0..2_000 {
            let user = format!("user-{attendee}").parse().unwrap();
            let order = choice.order_for(Affinity::of(&"evt_1".parse().unwrap(), &user));
            assert_eq!(order.len(), 3);
            firsts[(0..3).find(|at| order[0].replica.as_str() == name(*at)).unwrap()] += 1;
        }
        let total: u32 = weights.iter().sum();
        for (first, weight) in firsts.into_iter().zip(weights) {
            let expected = f64::from(weight) / f64::from(total) * 2_000.0;
            assert!((f64::from(first) - expected).abs() < 80.0, "{weights:?}: {firsts:?}");
        }
    }
}

proptest! {
    #[test]
    fn an_attendee_keeps_a_replica_until_it_is_removed(user in "[a-z]{1,12}", weights in prop::collection::vec(1u32..20, 2..6)) {
        let attendee = Affinity::of(&"evt_1".parse().unwrap(), &user.parse().unwrap());
        let replicas: Vec<_> = weights.iter().enumerate().map(|(i, w)| deployment("a", &format!("r{i}"), *w)).collect();
        let first = |replicas: &[Deployment]| {
            let catalog = Catalog::new(replicas.to_vec(), None);
            let choice = catalog.named("a", Operation::ChatCompletions, Spelling::Exact).unwrap();
            choice.order_for(attendee)[0].replica.clone()
        };
        let chosen = first(&replicas);
        for gone in &replicas {
            let mut others = replicas.clone();
            others.retain(|replica| replica.replica != gone.replica);
            prop_assert!(gone.replica == chosen || first(&others) == chosen);
        }
    }
}

#[test]
fn a_response_is_accounted_as_the_model_that_wrote_it() {
    let router = deployment("model-router", "1", 1);
    let priced = Deployment {
        prices: Some(Prices { prompt: 3, completion: 5, ..Prices::default() }),
        ..deployment("priced-router", "1", 1)
    };
    let priced = Deployment { model: Some("model-router".to_owned()), ..priced };
    let believed = Deployment {
        azure_name: "gpt-4".parse().unwrap(),
        model: Some("gpt-5-mini-2025-08-07".to_owned()),
        ..deployment("smart", "1", 1)
    };
    let unknown = deployment("prod-smart", "1", 1);
    let catalog = Catalog::new(vec![router, priced, believed, unknown], None);
    let accounted = |name: &str, model: &str| {
        let name = name.parse().unwrap();
        let accounted = catalog.accounted(&name, KnownModel::of(model)).unwrap();
        (accounted.name, accounted.prices, *catalog.prices(&name).unwrap())
    };
    let prices = |model: &str| ModelFacts::of(model).unwrap().prices;

    let (name, routed, held) = accounted("model-router", "gpt-5-nano-2025-08-07");
    assert_eq!(name, Some("gpt-5-nano"));
    let expected = ModelPrices { surcharge: Some(140_000), ..prices("gpt-5-nano") };
    assert_eq!(routed, expected);
    // What names no known model costs as much as the dearest.
    for other in ["", "gpt-of-tomorrow", "model-router"] {
        assert_eq!(accounted("model-router", other), (None, held, held), "{other}");
    }
    // The organiser's price is all that it costs, whichever model it was.
    let (name, routed, held) = accounted("priced-router", "gpt-5-nano");
    assert_eq!((name, routed, routed.surcharge), (Some("gpt-5-nano"), held, None));
    assert_eq!((held.input, held.output), (Some(3), Some(5)));
    // Its own model, in any version, and its name at Azure, which some operations respond with.
    for own in ["gpt-5-mini", "GPT-5-mini-2025-08-07", "gpt-4"] {
        let (name, prices, held) = accounted("smart", own);
        assert_eq!((name, prices), (None, held), "{own}");
    }
    let (name, other, _) = accounted("smart", "gpt-5-2025-08-07");
    assert_eq!((name, other), (Some("gpt-5"), prices("gpt-5")));
    let (name, other, _) = accounted("prod-smart", "gpt-5-2025-08-07");
    assert_eq!((name, other), (None, prices("gpt-5")));
    assert_eq!(catalog.accounted(&"none".parse().unwrap(), None), None);
}

use lanyard_domain::access::Access;
use lanyard_domain::limit::Limit;

use super::*;

#[test]
fn absent_fields_keep_their_value_and_null_clears() {
    let event = create(oslo(json!({
        "code": "hackathon",
        "deployments": ["gpt-4o-mini"],
        "allowances": {"attendee": {"in_flight": 1}, "event": {"attendees": 7}},
        "contact": {"name": "Ada", "email": "ada@example.org"},
        "url": "https://example.org",
        "max_choices": 3,
    })))
    .unwrap();
    assert_eq!(change(&event, json!({})).unwrap(), event);

    let changed = change(
        &event,
        json!({
            "ends_at": "2026-12-07T18:00",
            "deployments": null,
            "allowances": {"attendee": {"tokens_per_minute": null}},
            "contact": {"email": null},
            "url": null,
            "max_choices": null,
        }),
    )
    .unwrap();
    assert_eq!(changed.code, event.code);
    assert_eq!(changed.window.starts_at(), event.window.starts_at());
    assert_eq!(changed.window.ends_at().to_rfc3339(), "2026-12-07T17:00:00+00:00");
    assert_eq!(changed.deployments, None);
    assert_eq!(changed.default_deployments.len(), 2);
    let attendee = changed.allowances.attendee;
    assert_eq!(attendee.limit(Limit::TokensPerMinute), None);
    assert_eq!(attendee.limit(Limit::InFlight), Some(1));
    assert_eq!(changed.allowances.attendees, Some(7));
    assert_eq!((changed.contact.name.as_str(), changed.contact.email.as_str()), ("Ada", ""));
    assert_eq!((changed.page.url.as_str(), changed.max_choices), ("", 1));

    let cleared = change(&event, json!({"allowances": null})).unwrap();
    assert_eq!(cleared.allowances.attendee.limit(Limit::InFlight), Some(8));
    assert_eq!(cleared.allowances.attendees, Some(300));
}

/// What each attendee may use in all, of tokens and of nano-dollars.
fn totals(event: &Event) -> [Option<u64>; 2] {
    [Limit::TokensTotal, Limit::UsdTotal].map(|limit| event.allowances.attendee.limit(limit))
}

fn budgets(tokens: u64, usd: f64) -> Value {
    json!({"allowances": {"event": {"tokens_total": tokens, "usd_total": usd}}})
}

#[test]
fn a_total_of_each_attendee_that_is_a_share_of_the_budget_follows_it() {
    let event = create(oslo(budgets(1_000_000, 20.0))).unwrap();
    assert_eq!(totals(&event), [Some(20_000), Some(400_000_000)]);
    let raised = change(&event, budgets(2_000_000, 50.0)).unwrap();
    assert_eq!(totals(&raised), [Some(40_000), Some(1_000_000_000)]);
    let lifted = json!({"allowances": {"event": {"tokens_total": null, "usd_total": null}}});
    assert_eq!(totals(&change(&raised, lifted).unwrap()), [None, None]);
    // Also where the event had no budget before.
    let workshop = create(oslo(json!({}))).unwrap();
    assert_eq!(totals(&workshop), [Some(1_000_000), None]);
    let limited = change(&workshop, budgets(2_000_000, 20.0)).unwrap();
    assert_eq!(totals(&limited), [Some(40_000), Some(400_000_000)]);
    let fewer = change(&limited, json!({"attendees": 10})).unwrap();
    assert_eq!(totals(&fewer), totals(&limited), "attendees alone change no limits");
    let reset = change(&fewer, json!({"allowances": {"attendee": null}})).unwrap();
    assert_eq!(totals(&reset), [Some(400_000), Some(4_000_000_000)]);
}

#[test]
fn a_total_of_each_attendee_that_was_set_stays_when_the_budget_changes() {
    let own = json!({"tokens_total": 7_000, "usd_total": null});
    let mut body = budgets(1_000_000, 20.0);
    body["allowances"]["attendee"] = own.clone();
    let event = create(oslo(body)).unwrap();
    assert_eq!(totals(&event), [Some(7_000), None]);
    assert_eq!(totals(&change(&event, budgets(2_000_000, 50.0)).unwrap()), [Some(7_000), None]);
    // One that stands in the same body is taken as it is.
    let event = create(oslo(budgets(1_000_000, 20.0))).unwrap();
    let mut body = budgets(2_000_000, 50.0);
    body["allowances"]["attendee"] = own;
    assert_eq!(totals(&change(&event, body).unwrap()), [Some(7_000), None]);
}

#[test]
fn no_share_of_the_dollars_is_less_than_one_request_to_a_model_on_offer() {
    let mut deployments = deployments();
    let on_offer = [
        ("gpt-5-pro", Operation::Responses, 0.5),
        ("sora-2", Operation::Videos, 1.2),
        ("gpt-image-2", Operation::ImagesGenerations, 0.71),
    ];
    deployments.extend(on_offer.map(|(name, operation, _)| deployment(name, operation, None)));
    let each = |event: &Event| totals(event)[1];
    for (name, _, least) in on_offer {
        let body = |usd: f64| {
            let mut body = budgets(1_000_000, usd);
            body["deployments"] = json!(["gpt-4o", name]);
            body
        };
        // Twice the fair share of 100 attendees.
        let event = create_of(oslo(body(least * 45.0)), &deployments).unwrap();
        assert_eq!(each(&event), None, "{name}");
        let event = create_of(oslo(body(least * 60.0)), &deployments).unwrap();
        assert!(each(&event).is_some(), "{name}");
        let lowered = change_of(&event, body(least * 45.0), &deployments).unwrap();
        assert_eq!(each(&lowered), None, "{name}");
        // What somebody sets is taken as it is.
        let mut own = body(least * 45.0);
        own["allowances"]["attendee"] = json!({"usd_total": 0.01});
        assert_eq!(each(&change_of(&event, own, &deployments).unwrap()), Some(10_000_000));
    }
}

#[test]
fn a_change_of_the_zone_alone_keeps_the_instants() {
    let event = create(oslo(json!({}))).unwrap();
    let changed = change(&event, json!({"time_zone": "Asia/Tokyo"})).unwrap();
    assert_eq!(changed.window.starts_at(), event.window.starts_at());
    let both = json!({"time_zone": "Asia/Tokyo", "starts_at": "2026-12-05T09:00"});
    let moved = change(&event, both).unwrap();
    assert_eq!(moved.window.starts_at().to_rfc3339(), "2026-12-05T00:00:00+00:00");
}

#[test]
fn impossible_changes_are_refused_with_a_reason() {
    let event = create(oslo(json!({}))).unwrap();
    let refused = change(
        &event,
        json!({"name": null, "starts_at": null, "time_zone": null, "code": "other",
               "ends_at": "2026-12-04T09:00", "status": "open"}),
    );
    assert_snapshot!(mistakes(refused), @"
    code cannot be set here: POST to rotate-code, which can let the old code work for a while
    status is not a field that can be set; there are: name, starts_at, ends_at, time_zone, code, attendees, deployments, default_deployments, max_completion_tokens, max_choices, extra_tool_types, hosted_tools, keeps_objects, shards, allowances, contact, url, url_text, description, image_url, access, auto_register, own_deployments, records_requests
    name cannot be cleared
    starts_at cannot be cleared
    time_zone cannot be cleared
    ends_at must be after starts_at
    ");
}

#[test]
fn a_default_that_is_no_longer_offered_is_replaced() {
    let event = create(oslo(json!({}))).unwrap();
    assert_eq!(event.default_deployments[&Operation::ChatCompletions].as_str(), "gpt-4o");
    let fewer = change(&event, json!({"deployments": ["gpt-4o-mini"]})).unwrap();
    assert_eq!(fewer.default_deployments[&Operation::ChatCompletions].as_str(), "gpt-4o-mini");
    assert_eq!(fewer.default_deployments.get(&Operation::Embeddings), None);
}

#[test]
fn access_and_auto_register_must_fit_together() {
    let open = create(oslo(json!({}))).unwrap();
    let registered = json!({"access": "registered", "auto_register": true});
    let registered = change(&open, registered).unwrap();
    assert_eq!(registered.access, Access::Registered { auto_register: true });
    // Absent fields stay, and null gives the default of a new event.
    let kept = change(&registered, json!({"name": "Other"})).unwrap();
    assert_eq!(kept.access, registered.access);
    let cleared = change(&registered, json!({"auto_register": null})).unwrap();
    assert_eq!(cleared.access, Access::Registered { auto_register: false });
    assert_eq!(change(&registered, json!({"access": "roster"})).unwrap().access, Access::Roster);
    assert_eq!(change(&registered, json!({"access": null})).unwrap().access, Access::Open);
    let odd = json!({
        "access": "closed", "own_deployments": "all", "records_requests": "no", "auto_register": 1,
    });
    assert_snapshot!(mistakes(change(&open, odd)), @"
    access must be one of: open, roster, registered
    auto_register must be true or false
    own_deployments must be one of: none, organiser, attendee
    records_requests must be true or false
    ");
    let alone = change(&open, json!({"auto_register": true}));
    assert_snapshot!(mistakes(alone), @r#"auto_register goes only with "access": "registered""#);
}

#[test]
fn the_number_of_shards_is_fixed_and_each_fits_an_attendees_limit() {
    let limits = json!({
        "attendee": {"tokens_per_minute": 40_000}, "event": {"tokens_per_minute": 1_000_000},
    });
    let with = |shards| oslo(json!({"shards": shards, "allowances": limits}));
    assert_eq!(create(oslo(json!({}))).unwrap().shards, 1);
    let event = create(with(25)).unwrap();
    assert_eq!(event.shards, 25);
    assert_snapshot!(mistakes(create(with(26))), @"shards must be at most 25 here: each shard owns its part of the event's 1000000 tokens per minute, and an attendee may ask for 40000 tokens at once (allowances.attendee.tokens_per_minute)");
    assert_snapshot!(mistakes(change(&event, json!({"shards": 16}))), @"shards stays 25: the parts of an event are cut when it is made; make another event");
    assert_eq!(change(&event, json!({"shards": 25, "name": "Other"})).unwrap().shards, 25);
    let unlimited = json!({"allowances": {"attendee": {"tokens_per_minute": null}}});
    assert_snapshot!(mistakes(change(&event, unlimited)), @"shards must be at most 1 here: each shard owns its part of the event's 1000000 tokens per minute, and an attendee may ask for any number of tokens at once (allowances.attendee.tokens_per_minute)");
    let free = json!({"allowances": {"attendee": {"tokens_per_minute": null}, "event": {"tokens_per_minute": null}}});
    assert_eq!(change(&event, free).unwrap().shards, 25);
}

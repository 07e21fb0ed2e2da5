use super::*;

fn limits(by_model: Value) -> Value {
    oslo(json!({"allowances": {"attendee": {"by_model": by_model}}}))
}

fn shown(event: &Event) -> Value {
    serde_json::to_value(&event.allowances.by_model).unwrap()
}

#[test]
fn limits_on_models_are_set_changed_and_lifted() {
    let event = create(oslo(json!({"allowances": {
        "attendee": {"by_model": {"gpt-4o-mini": {"requests_per_day": 20, "usd_total": 0.5}}},
        "event": {"by_model": {"GPT-4o-mini": {"requests_total": 900}}},
    }})))
    .unwrap();
    let attendee = json!({"gpt-4o-mini": {"requests_per_day": 20, "usd_total": 0.5}});
    let all = json!({"gpt-4o-mini": {"requests_total": 900}});
    assert_eq!(shown(&event), json!({"attendee": attendee, "event": all}));
    assert_eq!(change(&event, json!({"allowances": {"attendee": {}}})).unwrap(), event);

    let change_to = |by_model| {
        let body = json!({"allowances": {"attendee": {"by_model": by_model}}});
        shown(&change(&event, body).unwrap())["attendee"].clone()
    };
    let one = change_to(json!({"gpt-4o-mini": {"requests_per_day": null, "in_flight": 2}}));
    assert_eq!(one, json!({"gpt-4o-mini": {"usd_total": 0.5, "in_flight": 2}}));
    for none in [json!(null), json!({"gpt-4o-mini": null})] {
        assert_eq!(change_to(none), json!(null));
    }
    let usual = change(&event, json!({"allowances": null})).unwrap();
    assert!(usual.allowances.by_model.is_empty());
}

#[test]
fn every_wrong_limit_on_a_model_is_listed() {
    assert_snapshot!(mistakes(create(limits(json!({
        "gpt-9": {"requests_per_day": 1},
        "gpt-4o-mini": {"requests_per_day": 0, "tokens": 4, "usd_total": -1},
        "text-embedding-3-small": 7,
    })))), @"
    allowances.attendee.by_model.text-embedding-3-small must be an object
    allowances.attendee.by_model.gpt-4o-mini.requests_per_day must be a whole number from 1 to 1000000000000, or null for no such limit
    allowances.attendee.by_model.gpt-4o-mini.usd_total must be US dollars, a number from 0.000000001 to 1000000, or null for no such limit
    allowances.attendee.by_model.gpt-4o-mini.tokens is not a field that can be set; there are: requests_per_minute, tokens_per_minute, requests_per_day, tokens_per_day, tokens_total, images_total, audio_seconds_total, characters_total, video_seconds_total, usd_per_day, usd_total, in_flight, requests_total
    allowances.attendee.by_model.gpt-9 must be a model that the event offers: gpt-4o, gpt-4o-mini, text-embedding-3-small
    ");
    assert_snapshot!(mistakes(create(limits(json!([])))), @"allowances.attendee.by_model must be an object");
    let twice = json!({"GPT-4o": {"requests_total": 1}, "gpt-4o": {"requests_total": 3}});
    assert_snapshot!(mistakes(create(limits(twice))), @"allowances.attendee.by_model.gpt-4o is the model gpt-4o a second time: give its limits once");
    let five = json!({
        "gpt-4o-mini": {"requests_per_day": 1, "requests_total": 2, "in_flight": 3, "usd_total": 4},
        "text-embedding-3-small": {"requests_per_day": 5},
    });
    assert_snapshot!(mistakes(create(limits(five))), @"allowances.attendee.by_model has 5 limits: set at most 4 in all, each of them on one model");
}

#[test]
fn a_limit_on_a_model_that_is_no_longer_offered_is_named_and_can_be_lifted() {
    let event = create(limits(json!({"gpt-4o-mini": {"requests_per_day": 1}}))).unwrap();
    let other = json!({"deployments": ["text-embedding-3-small"]});
    let without = change(&event, other).unwrap();
    let warnings = super::super::warnings::of(&without).join(" ");
    assert!(warnings.contains("by_model limits gpt-4o-mini"), "{warnings}");
    let set = json!({"allowances": {"attendee": {"by_model": {"gpt-4o-mini": {"in_flight": 1}}}}});
    assert!(change(&without, set).is_err());
    let lift = json!({"allowances": {"attendee": {"by_model": {"gpt-4o-mini": null}}}});
    assert!(change(&without, lift).unwrap().allowances.by_model.is_empty());
}

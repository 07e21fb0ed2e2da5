use lanyard_domain::operation::Operation;
use serde_json::json;

use super::*;

#[test]
fn a_default_must_be_offered_for_its_operation() {
    let refused = create(oslo(json!({
        "deployments": ["gpt-4o-mini"],
        "default_deployments": {"chat_completions": "gpt-4o", "embeddings": "gpt-4o-mini"},
    })));
    assert_snapshot!(mistakes(refused), @"
    default_deployments.chat_completions must be one that the event offers for this: gpt-4o-mini
    default_deployments.embeddings must be left out: the event offers no deployment that does this
    ");
}

#[test]
fn embeddings_have_a_default_only_where_there_is_no_choice() {
    let organiser = "main".parse().unwrap();
    let mut deployments = deployments();
    deployments.push(deployment("text-embedding-3-large", Operation::Embeddings, None));
    let new_event = NewEvent {
        id: "evt_1".parse().unwrap(),
        organiser: &organiser,
        user_salt: String::new(),
        random: [0; 8],
        now: now(),
    };
    let (event, _) = created(&object(oslo(json!({}))), new_event, &deployments).unwrap();
    let operations: Vec<_> = event.default_deployments.keys().collect();
    assert_eq!(operations, [&Operation::ChatCompletions]);
}

#[test]
fn the_default_is_the_first_of_the_list_that_azure_has_not_retired() {
    let organiser = "main".parse().unwrap();
    // gpt-4o and gpt-4o-mini went on 2026-10-01, as the table has it.
    let mut deployments = deployments();
    for name in ["gpt-5-mini", "gpt-5.1"] {
        deployments.push(deployment(name, Operation::ChatCompletions, None));
    }
    let default = |more: Value, now: &str| {
        let new_event = NewEvent {
            id: "evt_1".parse().unwrap(),
            organiser: &organiser,
            user_salt: String::new(),
            random: [0; 8],
            now: now.parse().unwrap(),
        };
        let (event, _) = created(&object(oslo(more)), new_event, &deployments).unwrap();
        event.default_deployments[&Operation::ChatCompletions].to_string()
    };
    let (before, after) = ("2026-09-01T12:00:00Z", "2026-11-21T12:00:00Z");
    let listed = || json!({"deployments": ["gpt-4o", "gpt-5.1", "gpt-5-mini"]});
    assert_eq!(default(listed(), before), "gpt-4o");
    assert_eq!(default(listed(), after), "gpt-5.1");
    assert_eq!(default(json!({}), before), "gpt-4o");
    assert_eq!(default(json!({}), after), "gpt-5-mini");
    assert_eq!(default(json!({"deployments": ["gpt-4o-mini", "gpt-4o"]}), after), "gpt-4o-mini");
}

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

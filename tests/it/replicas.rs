//! Which of two replicas serves which attendee.

use lanyard_domain::operation::Operation;
use lanyard_gateway::ports::Incident;
use serde_json::{Value, json};

use crate::support::attendee::Attendee;
use crate::support::azure::kept::response;
use crate::support::{Reply, ScriptedAzure, TestResponse, World, canary};

const RESPONSES: &str = "/api/v1/responses";

/// Two replicas with the same weight, the second at another resource.
async fn two_resources(event: &str) -> (World, ScriptedAzure) {
    let sweden = ScriptedAzure::start().await;
    let endpoint = sweden.endpoint();
    let world = World::event(event).in_memory().two_replicas().deployments(|deployments| {
        let last = deployments.len() - 1;
        (deployments[last].endpoint, deployments[last].weight) = (endpoint, 1);
        for replica in [0, last] {
            deployments[replica].operations.push(Operation::Responses);
        }
    });
    (world.start().await, sweden)
}

fn encrypted(by: &str) -> Value {
    json!([
        {"role": "user", "content": "hello"},
        {"type": "reasoning", "summary": [], "encrypted_content": by},
        {"role": "user", "content": "again"},
    ])
}

fn refused_reasoning() -> Reply {
    let error = json!({"error": {
        "message": "The encrypted content could not be verified.",
        "type": "invalid_request_error", "param": null, "code": "invalid_encrypted_content",
    }});
    Reply::json(400, error.to_string())
}

async fn respond(attendee: &Attendee, input: Value) -> TestResponse {
    let body = json!({"model": "gpt-4o-mini", "input": input});
    attendee.send(attendee.post(RESPONSES, body.to_string())).await
}

#[tokio::test]
async fn each_attendee_keeps_to_one_replica_so_encrypted_reasoning_can_be_read() {
    let (world, sweden) = two_resources("affinity").await;
    let mut homes = [0, 0];
    for number in 0..12 {
        let attendee = world.attendee(&format!("attendee-{number}")).await;
        let before = (world.azure().calls(), sweden.calls());
        respond(&attendee, json!("hello")).await.assert_ok();
        let is_sweden = sweden.calls() > before.1;
        respond(&attendee, encrypted("earlier")).await.assert_ok();
        let calls = (world.azure().calls() - before.0, sweden.calls() - before.1);
        assert_eq!(calls, if is_sweden { (0, 2) } else { (2, 0) });
        homes[usize::from(is_sweden)] += 1;
    }
    assert!(homes[0] > 0 && homes[1] > 0, "{homes:?}");
    world.settle().await;
}

#[tokio::test]
async fn a_busy_replica_is_left_alone_until_its_time_has_passed() {
    let world = World::event("cooldown").two_replicas().start().await;
    let ada = world.attendee("ada").await;
    world.azure().script(Reply::too_many_requests(Some("30")));
    ada.chat("hello").await.assert_ok();
    let asked = |world: &World| {
        let names = world.azure().requests().into_iter().map(|call| call.json()["model"].clone());
        names.map(|name| name == format!("{}-two", canary::AZURE_NAME)).collect::<Vec<_>>()
    };
    assert_eq!(asked(&world), [false, true]);
    ada.chat("hello").await.assert_ok();
    assert_eq!(asked(&world), [false, true, true]);
    world.wait(chrono::TimeDelta::seconds(31));
    ada.chat("hello").await.assert_ok();
    assert_eq!(asked(&world), [false, true, true, false]);
    world.settle().await;
}

#[tokio::test]
async fn a_misconfigured_replica_is_left_alone_for_a_minute_and_reported() {
    let missing = Reply::error(404, "DeploymentNotFound", "The API deployment does not exist.");
    let wrong = [Reply::error(401, "401", "x"), Reply::error(403, "403", "x"), missing];
    for (number, wrong) in wrong.into_iter().enumerate() {
        let world = World::event(&format!("misconfigured-{number}")).two_replicas().start().await;
        let ada = world.attendee("ada").await;
        world.azure().script(wrong);
        ada.chat("hello").await.assert_ok();
        assert_eq!(world.request_log().incidents(), [Incident::UpstreamMisconfigured]);
        ada.chat("hello").await.assert_ok();
        assert_eq!(world.azure().calls(), 3);
        world.wait(chrono::TimeDelta::seconds(61));
        ada.chat("hello").await.assert_ok();
        assert_eq!(world.azure().calls(), 4);
        assert_eq!(world.settle().await.requests, 3);
    }
}

#[tokio::test]
async fn if_both_replicas_are_misconfigured_nothing_is_charged_and_there_are_two_calls() {
    let world = World::event("misconfigured").two_replicas().start().await;
    let ada = world.attendee("ada").await;
    world.azure().always(Reply::error(403, "403", "x"));
    ada.chat("hello").await.assert_refused(503, "upstream_misconfigured");
    assert_eq!(world.azure().calls(), 2);
    assert_eq!(world.settle().await.requests, 0);
}

#[tokio::test]
async fn reasoning_that_one_replica_cannot_read_is_shown_to_the_other_and_to_no_third() {
    let world = World::event("foreign").in_memory().two_replicas().deployments(|deployments| {
        for replica in [0, deployments.len() - 1] {
            deployments[replica].operations.push(Operation::Responses);
        }
    });
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    world.azure().script(refused_reasoning());
    respond(&ada, encrypted("two")).await.assert_ok();
    let asked = world.azure().requests();
    assert_eq!(asked.len(), 2);
    assert_ne!(asked[0].json()["model"], asked[1].json()["model"]);
    assert_eq!(asked[0].json()["input"], asked[1].json()["input"]);
    world.azure().always(refused_reasoning());
    respond(&ada, encrypted("nobody")).await.assert_refused(400, "invalid_encrypted_content");
    assert_eq!(world.azure().calls(), 4);
    // From then on it is left out, and other reasoning is not.
    world.azure().always(Reply::json(200, response("resp_1", "Hi", "completed").to_string()));
    let mut input = encrypted("nobody");
    let new = json!({"type": "reasoning", "summary": [], "encrypted_content": "new"});
    input.as_array_mut().unwrap().push(new.clone());
    respond(&ada, input).await.assert_ok();
    assert_eq!(world.azure().calls(), 5);
    let sent = world.azure().requests().pop().unwrap().json();
    let reasoning: Vec<_> = sent["input"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["type"] == "reasoning")
        .collect();
    assert_eq!(reasoning, [&new]);
    world.settle().await;
}

#[tokio::test]
async fn reasoning_that_the_only_replica_cannot_read_is_left_out() {
    let world = World::event("alone").in_memory();
    let world = world.deployments(|deployments| {
        deployments[0].operations.push(Operation::Responses);
    });
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    world.azure().script(refused_reasoning());
    respond(&ada, encrypted("nobody")).await.assert_ok();
    let asked = world.azure().requests();
    assert_eq!(asked.len(), 2);
    let kinds = |at: usize| asked[at].json()["input"].as_array().unwrap().len();
    assert_eq!((kinds(0), kinds(1)), (3, 2));
    // It is left out at once the next time.
    respond(&ada, encrypted("nobody")).await.assert_ok();
    let asked = world.azure().requests();
    assert_eq!((asked.len(), asked[2].json()["input"].as_array().unwrap().len()), (3, 2));
    // Without reasoning in the input there is nothing to leave out.
    world.azure().script(refused_reasoning());
    respond(&ada, json!("hello")).await.assert_refused(400, "invalid_encrypted_content");
    assert_eq!(world.azure().calls(), 4);
    world.settle().await;
}

#[tokio::test]
async fn reasoning_that_one_model_cannot_read_is_still_sent_to_another() {
    let world = World::event("models").in_memory().deployments(|deployments| {
        deployments.iter_mut().for_each(|one| one.operations.push(Operation::Responses));
    });
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    let ask = async |model: &str| {
        let body = json!({"model": model, "input": encrypted("o4")}).to_string();
        ada.send(ada.post(RESPONSES, body)).await.assert_ok();
        world.azure().requests().pop().unwrap().json()["input"].as_array().unwrap().len()
    };
    assert_eq!(ask("o4-mini").await, 3);
    world.azure().script(refused_reasoning());
    assert_eq!(ask("gpt-4o").await, 2, "left out after the refusal");
    assert_eq!(ask("gpt-4o").await, 2, "left out at once");
    assert_eq!(ask("o4-mini").await, 3, "its own reasoning");
    assert_eq!(world.azure().calls(), 5);
    world.settle().await;
}

#[tokio::test]
async fn one_request_with_much_unreadable_reasoning_pushes_out_no_others() {
    let world = World::event("much").in_memory();
    let world = world.deployments(|deployments| {
        deployments[0].operations.push(Operation::Responses);
    });
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    world.azure().script(refused_reasoning());
    respond(&ada, encrypted("hers")).await.assert_ok();
    let eve = world.attendee("eve").await;
    for flood in 0..3 {
        let item = |number| {
            let content = format!("{flood}-{number}");
            json!({"type": "reasoning", "summary": [], "encrypted_content": content})
        };
        let mut input: Vec<_> = (0..2_000).map(item).collect();
        input.push(json!({"role": "user", "content": "hello"}));
        world.azure().script(refused_reasoning());
        respond(&eve, input.into()).await.assert_ok();
    }
    let before = world.azure().calls();
    respond(&ada, encrypted("hers")).await.assert_ok();
    let sent = world.azure().requests().pop().unwrap().json();
    assert_eq!((world.azure().calls() - before, sent["input"].as_array().unwrap().len()), (1, 2));
    world.settle().await;
}

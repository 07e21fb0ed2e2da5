//! Many calls, few environments, and a death among them.

use chrono::TimeDelta;
use futures_util::future::join_all;
use lanyard_domain::account::Field;
use lanyard_gateway::ports::Clock;
use lanyard_platform::shell::Machine;
use rustix::process::Signal;
use serde_json::json;

use super::harness::{self, Harness};
use crate::support::{Gate, Reply, usual};

const CALLS: u64 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn of_200_calls_through_10_environments_a_killed_one_loses_only_its_own() {
    let harness = Harness::start(&[]).await;
    let gate = Gate::closed();
    harness.azure.always(Reply::chat("hello").held(&gate));
    let users: Vec<_> = (0..CALLS).map(|n| format!("user-{}", n % 20)).collect();
    let calls = join_all(users.iter().map(|user| async {
        let response = harness.chat(user, json!({"max_tokens": 100})).await;
        let status = response.status().as_u16();
        if status != 200 {
            let is_gateways_own = !response.headers().contains_key("x-request-id");
            return (status, is_gateways_own && harness::code(response).await == "internal_error");
        }
        (status, response.text().await.unwrap().contains("hello"))
    }));
    let death = async {
        // Every environment has sent its call to Azure, so every one holds tokens.
        harness.azure.called(10).await;
        let environments = harness.runtime.environments("chat-completions");
        assert_eq!(environments.len(), 10);
        harness::signal(environments[4], Signal::KILL);
        // Another one replaces it.
        harness.azure.called(11).await;
        gate.open();
    };
    let (answers, ()) = tokio::join!(calls, death);

    assert!(answers.iter().all(|(_, is_clean)| *is_clean), "{answers:?}");
    let good = answers.iter().filter(|(status, _)| *status == 200).count() as u64;
    assert_eq!(good, CALLS - 1, "{answers:?}");
    harness.runtime.quiet().await;
    assert_eq!(harness.runtime.environments("chat-completions").len(), 10);

    // The hold of the killed one remains, and is charged when it expires.
    let before = harness.account().await;
    assert_eq!(before.count(Field::Open), 1);
    let each = usual::PROMPT_TOKENS + usual::COMPLETION_TOKENS;
    assert_eq!(before.spent().tokens(), (CALLS - 1) * each);
    let lost = before.count(Field::Held);
    assert!(lost > 100, "the estimate holds the completion's cap: {lost}");
    let later = Machine.now() + TimeDelta::hours(2);
    sweep::handle(harness.gateway.clone(), later).await.unwrap();
    let after = harness.usage().await;
    assert_eq!(after.tokens(), (CALLS - 1) * each + lost);
    harness.end().await;
}

//! Many calls, few environments, and a death among them.

use chrono::TimeDelta;
use futures_util::future::join_all;
use lanyard_domain::account::Field;
use lanyard_gateway::ports::Clock;
use lanyard_platform::shell::Machine;
use rustix::process::Signal;
use serde_json::json;

use super::stand::{self, Stand};
use crate::support::{Gate, Reply, usual};

const CALLS: u64 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn of_200_calls_through_10_environments_a_killed_one_loses_just_its_own() {
    let stand = Stand::start(&[]).await;
    let gate = Gate::closed();
    stand.azure.always(Reply::chat("hello").held(&gate));
    let users: Vec<_> = (0..CALLS).map(|n| format!("user-{}", n % 20)).collect();
    let calls = join_all(users.iter().map(|user| async {
        let answer = stand.chat(user, json!({"max_tokens": 100})).await;
        let status = answer.status().as_u16();
        if status != 200 {
            let is_gateways_own = !answer.headers().contains_key("x-request-id");
            return (status, is_gateways_own && stand::code(answer).await == "internal_error");
        }
        (status, answer.text().await.unwrap().contains("hello"))
    }));
    let death = async {
        // Every environment has sent its call to Azure, so every one holds tokens.
        stand.azure.called(10).await;
        let environments = stand.runtime.environments("chat-completions");
        assert_eq!(environments.len(), 10);
        stand::signal(environments[4], Signal::KILL);
        // Another one replaces it.
        stand.azure.called(11).await;
        gate.open();
    };
    let (answers, ()) = tokio::join!(calls, death);

    assert!(answers.iter().all(|(_, is_clean)| *is_clean), "{answers:?}");
    let good = answers.iter().filter(|(status, _)| *status == 200).count() as u64;
    assert_eq!(good, CALLS - 1, "{answers:?}");
    stand.runtime.quiet().await;
    assert_eq!(stand.runtime.environments("chat-completions").len(), 10);

    // The hold of the killed one remains, and is charged when it expires.
    let before = stand.account().await;
    assert_eq!(before.count(Field::Open), 1);
    let each = usual::PROMPT_TOKENS + usual::COMPLETION_TOKENS;
    assert_eq!(before.spent().tokens(), (CALLS - 1) * each);
    let lost = before.count(Field::Held);
    assert!(lost > 100, "the estimate holds the completion's cap: {lost}");
    let later = Machine.now() + TimeDelta::hours(2);
    sweep::handle(stand.gateway.clone(), later).await.unwrap();
    let after = stand.usage().await;
    assert_eq!(after.tokens(), (CALLS - 1) * each + lost);
    stand.end().await;
}

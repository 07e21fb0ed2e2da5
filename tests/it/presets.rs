//! The kinds of events that an organiser chooses from, as a tool meets them.

use chrono::TimeDelta;
use lanyard_domain::allowance::{Allowances, Capacity, Preset};
use serde_json::json;

use crate::support::attendee::CHAT;
use crate::support::{Reply, World};

/// The sizes are those of coding agents with many tools, as tried with their programs.
#[tokio::test]
async fn a_coding_tool_does_its_first_turns_at_events_of_each_usual_kind() {
    for (name, preset, longest_wait_s) in
        [("agents", Preset::Agents, 0), ("workshop", Preset::Workshop, 60)]
    {
        let world = World::event(name)
            .in_memory()
            .with(|event| {
                event.allowances = Allowances::for_attendees(preset, 100, Capacity::default());
                event.max_completion_tokens = preset.max_completion_tokens();
            })
            .start()
            .await;
        let ada = world.attendee("ada").await;
        let body = json!({
            "model": "gpt-4o-mini", "max_tokens": 8_192,
            "messages": [{"role": "user", "content": "elephant ".repeat(29_000)}],
        });
        let usage = json!({
            "prompt_tokens": 30_000, "completion_tokens": 500, "total_tokens": 30_500,
        });
        let response = json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "finish_reason": "stop",
                "message": {"role": "assistant", "content": "done"}}],
            "usage": usage,
        });
        for turn in 1..=3 {
            world.azure().script(Reply::json(200, response.to_string()));
            let asked = ada.send(ada.post(CHAT, body.to_string())).await;
            if asked.status().as_u16() != 200 {
                // Tools wait by themselves for so long.
                asked.assert_refused(429, "rate_limit_exceeded");
                let wait_s: i64 = asked.header("retry-after").unwrap().parse().unwrap();
                assert!(wait_s <= longest_wait_s, "{name}, turn {turn}: {wait_s} s");
                world.clock().advance(TimeDelta::seconds(wait_s));
                ada.send(ada.post(CHAT, body.to_string())).await.assert_ok();
            }
            world.gateway().settled().await;
        }
        assert_eq!(world.settle().await.counts(), (3, 90_000, 1_500));
    }
}

//! Runs and videos: each is charged once, to the token and the second, however its end is seen.

mod assistants;
mod deleted;
mod troubles;
mod videos;

use chrono::TimeDelta;
use http::Method;
use lanyard_domain::object::Kind;
use lanyard_gateway::ports::Clock;
use lanyard_objects::finish::Finished;
use serde_json::{Value, json};

use crate::support::attendee::Attendee;
use crate::support::azure::kept::{of_events, run_usage};
use crate::support::kept::path;
use crate::support::usual::{COMPLETION_TOKENS, PROMPT_TOKENS};
use crate::support::{Reply, World};

/// An assistant, a thread and a run.
const MADE: u64 = 3;

async fn world(name: &str) -> World {
    World::event(name).in_memory().keeping().start().await
}

/// A run of the attendee's: its path, and its id.
async fn a_run(ada: &Attendee) -> (String, String) {
    let own = ada.own(Kind::Run).await;
    let (thread, run) = own.split_once('|').expect("a thread and a run");
    (format!("{}/{thread}/runs/{run}", path(Kind::Thread)), run.to_owned())
}

async fn finish(world: &World) -> Finished {
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    finish_jobs::handle(world.process(), world.clock().now(), until).await.unwrap()
}

fn ended(status: &str) -> Value {
    json!({"status": status, "usage": run_usage()})
}

async fn assert_paid_once(world: &World) {
    let totals = world.settle().await;
    assert_eq!(totals.counts(), (MADE, PROMPT_TOKENS, COMPLETION_TOKENS));
    let runs = totals.records.iter().filter(|record| record.charge.tokens() > 0);
    let run = runs.collect::<Vec<_>>();
    assert_eq!((run.len(), run[0].is_estimated), (1, false));
    assert_eq!(run[0].model.as_ref().unwrap().as_str(), "gpt-4o-mini");
}

#[tokio::test]
async fn azure_gets_the_reserved_bounds() {
    let world = World::event("bounds").in_memory().keeping();
    let world = world.with(|event| event.max_completion_tokens = Some(700)).start().await;
    let ada = world.attendee("ada").await;
    let (_, run) = a_run(&ada).await;
    let sent = world.azure().requests().pop().unwrap();
    assert_eq!(sent.json()["max_completion_tokens"], 700);
    let prompt = sent.json()["max_prompt_tokens"].as_u64().unwrap();
    assert_eq!(sent.header("openai-beta"), Some("assistants=v2"));
    let account = world.accounts().await.remove(0);
    let held: Vec<u64> =
        account.holds.values().map(lanyard_domain::account::Hold::tokens).collect();
    assert_eq!(held, [prompt + 700]);
    world.azure().set_job(&run, ended("completed"));
    finish(&world).await;
    assert_paid_once(&world).await;
}

#[tokio::test]
async fn a_run_is_charged_when_a_poll_sees_its_end_however_it_ends() {
    for status in ["completed", "incomplete", "failed", "cancelled", "expired"] {
        let world = world("polled").await;
        let ada = world.attendee("ada").await;
        let (one, run) = a_run(&ada).await;
        for under_way in ["queued", "in_progress", "requires_action"] {
            world.azure().set_job(&run, json!({"status": under_way}));
            let shown = ada.call(Method::GET, &one, None).await.assert_ok().json();
            assert_eq!(
                (&shown["status"], &shown["model"]),
                (&json!(under_way), &json!("gpt-4o-mini"))
            );
        }
        world.quiet().await;
        assert_eq!(world.accounts().await[0].holds.len(), 1);
        world.azure().set_job(&run, ended(status));
        ada.call(Method::GET, &one, None).await.assert_ok();
        ada.call(Method::GET, &one, None).await.assert_ok();
        assert_eq!(finish(&world).await, Finished::default(), "{status}");
        assert_paid_once(&world).await;
    }
}

#[tokio::test]
async fn a_run_that_failed_without_a_count_costs_its_prompt_at_most() {
    for (code, charged) in [
        (json!({"code": "server_error", "message": "x"}), Some(20_000)),
        (json!(null), Some(20_000)),
        (json!({"code": "invalid_prompt", "message": "x"}), Some(0)),
        (json!({"code": "rate_limit_exceeded", "message": "x"}), None),
    ] {
        let world = world("failed").await;
        let ada = world.attendee("ada").await;
        let (one, run) = a_run(&ada).await;
        let failed = json!({"status": "failed", "usage": null, "last_error": code});
        world.azure().set_job(&run, failed);
        ada.call(Method::GET, &one, None).await.assert_ok();
        let totals = world.settle().await;
        assert_eq!(totals.requests, MADE - u64::from(charged.is_none()), "{code}");
        assert_eq!(totals.completion_tokens, 0, "{code}");
        assert_eq!(totals.prompt_tokens, charged.unwrap_or(0), "{code}");
    }
}

#[tokio::test]
async fn a_run_without_polls_is_charged_too() {
    let world = world("unpolled").await;
    let ada = world.attendee("ada").await;
    let (_, run) = a_run(&ada).await;
    assert_eq!(finish(&world).await, Finished { settled: 0, left: 1 });
    world.azure().set_job(&run, ended("completed"));
    assert_eq!(finish(&world).await, Finished { settled: 1, left: 0 });
    assert_eq!(finish(&world).await, Finished::default());
    assert_paid_once(&world).await;
}

#[tokio::test]
async fn a_list_and_a_cancelling_show_ends_too() {
    for (method, end) in [(Method::GET, ""), (Method::POST, "cancel")] {
        let world = world("listed").await;
        let ada = world.attendee("ada").await;
        let (one, run) = a_run(&ada).await;
        world.azure().set_job(&run, ended("cancelled"));
        let place = match end {
            "" => one.rsplit_once('/').unwrap().0.to_owned(),
            end => format!("{one}/{end}"),
        };
        ada.call(method, &place, None).await.assert_ok();
        world.quiet().await;
        assert_eq!(finish(&world).await, Finished::default(), "{end}");
        let totals = world.settle().await;
        let counts = (MADE + 1, PROMPT_TOKENS, COMPLETION_TOKENS);
        assert_eq!(totals.counts(), counts, "{end}");
    }
}

#[tokio::test]
async fn a_streamed_run_has_an_owner_before_its_id_is_sent_and_is_charged_at_its_end() {
    let world = world("streamed").await;
    let ada = world.attendee("ada").await;
    let assistant = ada.own(Kind::Assistant).await;
    let body = json!({"assistant_id": assistant, "stream": true, "thread": {"messages": []}});
    let runs = format!("{}/runs", path(Kind::Thread));
    let streamed = ada.call(Method::POST, &runs, Some(&body)).await;
    let events = streamed.assert_ok().text();
    let names: Vec<_> = events.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(
        names,
        [
            "thread.created",
            "thread.run.created",
            "thread.run.queued",
            "thread.message.delta",
            "thread.run.completed",
            "done",
        ]
    );
    let data = events.lines().find(|line| line.contains("\"thread.run\"")).unwrap();
    let run: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(run["model"], "gpt-4o-mini");
    let (thread, id) = (run["thread_id"].as_str().unwrap(), run["id"].as_str().unwrap());
    let thread = format!("{}/{thread}", path(Kind::Thread));
    ada.call(Method::GET, &thread, None).await.assert_ok();
    ada.call(Method::GET, &format!("{thread}/runs/{id}"), None).await.assert_ok();
    let bob = world.attendee("bob").await;
    bob.call(Method::GET, &thread, None).await.assert_refused(404, "object_not_found");
    assert_eq!(finish(&world).await, Finished::default());
    assert_eq!(world.settle().await.counts(), (2, PROMPT_TOKENS, COMPLETION_TOKENS));
}

#[tokio::test]
async fn a_run_whose_owner_cannot_be_stored_is_cancelled_and_charged_exactly() {
    let world = world("unowned").await;
    let ada = world.attendee("ada").await;
    let (thread, assistant) = (ada.own(Kind::Thread).await, ada.own(Kind::Assistant).await);
    world.objects().fail_puts(3);
    let runs = format!("{}/{thread}/runs", path(Kind::Thread));
    let refused = ada.call(Method::POST, &runs, Some(&json!({"assistant_id": assistant}))).await;
    assert_eq!(refused.status(), 503);
    let cancelled = world.azure().requests().pop().unwrap();
    assert!(cancelled.path().ends_with("/cancel"), "{}", cancelled.path());
    let run = cancelled.path().rsplit('/').nth(1).unwrap().to_owned();
    world.azure().set_job(&run, ended("cancelled"));
    assert_eq!(finish(&world).await.settled, 1);
    assert_paid_once(&world).await;
}

#[tokio::test]
async fn a_run_that_azure_never_ends_or_loses_is_charged_its_estimate() {
    let world = world("lost").await;
    let ada = world.attendee("ada").await;
    let (_, run) = a_run(&ada).await;
    let held = world.accounts().await[0].count(lanyard_domain::account::Field::Held);
    world.azure().lose(&run);
    assert_eq!(finish(&world).await.left, 1);
    world.wait(TimeDelta::minutes(6));
    assert_eq!(finish(&world).await.settled, 1);
    let (_, _) = a_run(&ada).await;
    world.wait(TimeDelta::minutes(61));
    let swept = sweep::handle(world.gateway(), world.clock().now()).await.unwrap();
    assert_eq!(swept.expired_holds, 1);
    world.wait(TimeDelta::minutes(5));
    assert_eq!(finish(&world).await.settled, 1);
    let totals = world.settle().await;
    assert_eq!(totals.prompt_tokens + totals.completion_tokens, 2 * held);
}

#[tokio::test]
async fn two_requests_for_a_run_are_two_runs_and_a_refused_one_costs_no_tokens() {
    let world = world("twice").await;
    let ada = world.attendee("ada").await;
    let thread = ada.own(Kind::Thread).await;
    let assistant = ada.own(Kind::Assistant).await;
    let runs = format!("{}/{thread}/runs", path(Kind::Thread));
    let body = json!({"assistant_id": assistant});
    let first = ada.call(Method::POST, &runs, Some(&body)).await.assert_ok().json();
    world.azure().script(Reply::error(400, "run_active", "Thread already has an active run."));
    ada.call(Method::POST, &runs, Some(&body)).await.assert_refused(400, "run_active");
    let second = ada.call(Method::POST, &runs, Some(&body)).await.assert_ok().json();
    for run in [&first, &second] {
        world.azure().set_job(run["id"].as_str().unwrap(), ended("completed"));
    }
    let (once, again) = tokio::join!(finish(&world), finish(&world));
    assert!(once.settled + again.settled >= 2);
    let counts = (5, 2 * PROMPT_TOKENS, 2 * COMPLETION_TOKENS);
    assert_eq!(world.settle().await.counts(), counts);
}

#[tokio::test]
async fn polls_cost_no_requests_and_two_at_once_charge_once() {
    for in_memory in [true, false] {
        let world = World::event("polls").keeping().requests_per_day(MADE).processes(3);
        let world = if in_memory { world.in_memory() } else { world };
        let world = world.start().await;
        let ada = world.attendee("ada").await;
        let (one, run) = a_run(&ada).await;
        ada.call(Method::GET, &one, None).await.assert_ok();
        // The run is still reserved, so its end might make room.
        ada.chat("hello").await.assert_refused(429, "rate_limit_exceeded");
        world.azure().set_job(&run, ended("completed"));
        let polls = (0..8).map(|_| ada.call(Method::GET, &one, None));
        let (polled, finished) =
            tokio::join!(futures_util::future::join_all(polls), finish(&world));
        polled.iter().for_each(|poll| _ = poll.assert_ok());
        assert!(finished.left <= 1);
        world.quiet().await;
        assert_eq!(finish(&world).await, Finished::default());
        assert_paid_once(&world).await;
    }
}

#[tokio::test]
async fn tool_outputs_continue_a_run_buffered_and_streamed() {
    for is_streamed in [false, true] {
        let world = world("outputs").await;
        let ada = world.attendee("ada").await;
        let (one, run) = a_run(&ada).await;
        let required = json!({"status": "requires_action", "required_action": {}});
        world.azure().set_job(&run, required);
        ada.call(Method::GET, &one, None).await.assert_ok();
        let thread = one.split('/').nth(4).unwrap().to_owned();
        let mut done = json!({"id": run, "object": "thread.run", "thread_id": thread});
        done["status"] = "completed".into();
        done["usage"] = run_usage();
        let events = [
            format!("event: thread.run.completed\ndata: {done}\n\n"),
            "event: done\ndata: [DONE]\n\n".to_owned(),
        ];
        world.azure().script(match is_streamed {
            true => of_events(&events),
            false => Reply::json(200, done.to_string()),
        });
        let outputs = json!({"tool_outputs": [], "stream": is_streamed});
        let path = format!("{one}/submit_tool_outputs");
        let response = ada.call(Method::POST, &path, Some(&outputs)).await;
        assert!(response.assert_ok().text().contains("completed"));
        world.quiet().await;
        assert_eq!(finish(&world).await, Finished::default());
        let counts = (MADE + 1, PROMPT_TOKENS, COMPLETION_TOKENS);
        assert_eq!(world.settle().await.counts(), counts);
    }
}

#[tokio::test]
async fn no_period_is_reconciled_while_a_job_of_it_is_under_way() {
    let world = world("reconciled").await;
    let ada = world.attendee("ada").await;
    let (_, run) = a_run(&ada).await;
    world.wait(TimeDelta::minutes(40));
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    let swept = sweep::handle(world.gateway(), world.clock().now()).await.unwrap();
    assert_eq!((swept.expired_holds, swept.reconciled_periods), (0, 0));
    world.azure().set_job(&run, ended("completed"));
    finish(&world).await;
    world.wait(TimeDelta::minutes(40));
    let swept = sweep::handle(world.gateway(), world.clock().now()).await.unwrap();
    assert_eq!((swept.expired_holds, swept.reconciled_periods), (0, 0));
    let counts = (MADE + 1, 2 * PROMPT_TOKENS, 2 * COMPLETION_TOKENS);
    assert_eq!(world.settle().await.counts(), counts);
}

//! Crashes, faults and refusals between the start and the end of a job.

use chrono::TimeDelta;
use http::Method;
use lanyard_domain::account::Field;
use lanyard_domain::object::Kind;
use lanyard_gateway::ports::Clock;
use lanyard_gateway::testing::{LedgerCall, LedgerTrouble};
use lanyard_objects::finish::Finished;
use serde_json::{Value, json};

use super::{MADE, a_run, assert_paid_once, ended, finish, world};
use crate::support::azure::kept::{of_events, run_usage};
use crate::support::kept::path;
use crate::support::usual::{COMPLETION_TOKENS, PROMPT_TOKENS};
use crate::support::{Reply, World};

#[tokio::test]
async fn a_run_that_could_not_be_written_down_at_all_is_stopped_and_charged_by_the_sweep() {
    let world = world("unopened").await;
    let ada = world.attendee("ada").await;
    let (thread, assistant) = (ada.own(Kind::Thread).await, ada.own(Kind::Assistant).await);
    world.objects().fail_opens(3);
    let runs = format!("{}/{thread}/runs", path(Kind::Thread));
    let refused = ada.call(Method::POST, &runs, Some(&json!({"assistant_id": assistant}))).await;
    refused.assert_refused(503, "ownership_unavailable");
    assert!(world.azure().requests().pop().unwrap().path().ends_with("/cancel"));
    let held = world.account("ada").await.count(Field::Held);
    assert!(held > 0);
    assert_eq!(finish(&world).await, Finished::default());
    world.wait(TimeDelta::minutes(59));
    let swept = sweep::handle(world.gateway(), world.clock().now()).await.unwrap();
    assert_eq!(swept.expired_holds, 0);
    world.wait(TimeDelta::minutes(2));
    let swept = sweep::handle(world.gateway(), world.clock().now()).await.unwrap();
    assert_eq!(swept.expired_holds, 1);
    let totals = world.settle().await;
    assert_eq!(totals.prompt_tokens + totals.completion_tokens, held);
}

#[tokio::test]
async fn a_job_that_is_settled_but_still_listed_is_counted_once() {
    let world = world("listed").await;
    let ada = world.attendee("ada").await;
    let (one, run) = a_run(&ada).await;
    world.azure().set_job(&run, ended("completed"));
    world.objects().fail_closes(2);
    ada.call(Method::GET, &one, None).await.assert_ok();
    world.quiet().await;
    for _ in 0..2 {
        assert_eq!(finish(&world).await, Finished { settled: 1, left: 0 });
    }
    assert_eq!(finish(&world).await, Finished::default());
    assert_paid_once(&world).await;
}

#[tokio::test]
async fn a_settlement_that_the_table_refuses_is_made_by_the_next_poll() {
    let world = world("refused").await;
    let ada = world.attendee("ada").await;
    let (one, run) = a_run(&ada).await;
    world.quiet().await;
    world.azure().set_job(&run, ended("completed"));
    for _ in 0..3 {
        world.ledger().next(LedgerCall::Record, LedgerTrouble::Throttle);
    }
    ada.call(Method::GET, &one, None).await.assert_ok();
    world.quiet().await;
    assert_eq!(world.account("ada").await.holds.len(), 1);
    assert_eq!(finish(&world).await, Finished { settled: 1, left: 0 });
    assert_paid_once(&world).await;
}

#[tokio::test]
async fn a_stream_that_breaks_off_or_is_left_does_not_end_the_run() {
    for leaves in [true, false] {
        let world = world("broken").await;
        let ada = world.attendee("ada").await;
        let (thread, assistant) = (ada.own(Kind::Thread).await, ada.own(Kind::Assistant).await);
        let run = json!({"id": "run_broken", "object": "thread.run", "thread_id": thread,
            "assistant_id": assistant, "status": "in_progress", "usage": null});
        let mut done = run.clone();
        done["status"] = "completed".into();
        done["usage"] = run_usage();
        let events = [
            format!("event: thread.run.created\ndata: {run}\n\n"),
            format!("event: thread.run.completed\ndata: {done}\n\n"),
            "event: done\ndata: [DONE]\n\n".to_owned(),
        ];
        let reply = of_events(&events);
        world.azure().script(if leaves { reply } else { reply.close_after(1) });
        let body = json!({"assistant_id": assistant, "stream": true}).to_string();
        let runs = format!("{}/{thread}/runs", path(Kind::Thread));
        let mut stream = world.open(ada.post(&runs, body)).await;
        let first = stream.next().await.unwrap();
        assert!(first.contains("thread.run.created"), "{first}");
        let rest = if leaves { Vec::new() } else { stream.rest().await };
        drop(stream);
        world.quiet().await;
        let job = json!({"id": "run_broken", "thread_id": thread, "status": "completed",
            "usage": run_usage()});
        world.azure().script(Reply::json(200, job.to_string()));
        match leaves {
            // The client has left, and the end was seen nevertheless.
            true => assert_eq!(finish(&world).await, Finished::default()),
            false => {
                let error = rest.concat();
                assert!(error.contains("event: error") && error.contains("upstream"), "{error}");
                assert_eq!(finish(&world).await, Finished { settled: 1, left: 0 });
            }
        }
        let counts = (MADE, PROMPT_TOKENS, COMPLETION_TOKENS);
        assert_eq!(world.settle().await.counts(), counts, "{leaves}");
    }
}

/// A run in progress, and the events of a stream that has shown so many words of it.
fn a_run_that_streams(thread: &str, assistant: &str, words: usize) -> (Value, Vec<String>) {
    let run = json!({"id": "run_failed", "object": "thread.run", "thread_id": thread,
        "assistant_id": assistant, "status": "in_progress", "usage": null});
    let delta = json!({"id": "msg_1", "object": "thread.message.delta",
        "delta": {"content": [{"index": 0, "type": "text", "text": {"value": " elephant"}}]}});
    let mut events = vec![format!("event: thread.run.created\ndata: {run}\n\n")];
    events.extend(vec![format!("event: thread.message.delta\ndata: {delta}\n\n"); words]);
    (run, events)
}

#[tokio::test]
async fn output_that_was_streamed_before_a_run_failed_is_charged() {
    for (words, code, charged) in [
        (200, "server_error", Some((20_000, 200..420))),
        (200, "rate_limit_exceeded", Some((20_000, 200..420))),
        (0, "server_error", Some((20_000, 0..1))),
        (0, "rate_limit_exceeded", None),
    ] {
        let world = world("produced").await;
        let ada = world.attendee("ada").await;
        let (thread, assistant) = (ada.own(Kind::Thread).await, ada.own(Kind::Assistant).await);
        let (mut run, mut events) = a_run_that_streams(&thread, &assistant, words);
        run["status"] = "failed".into();
        run["last_error"] = json!({"code": code, "message": "x"});
        events.push(format!("event: thread.run.failed\ndata: {run}\n\n"));
        world.azure().script(of_events(&events));
        let body = json!({"assistant_id": assistant, "stream": true}).to_string();
        let runs = format!("{}/{thread}/runs", path(Kind::Thread));
        ada.send(ada.post(&runs, body)).await.assert_ok();
        let totals = world.settle().await;
        let (prompt, completion) = charged.clone().unwrap_or((0, 0..1));
        assert_eq!(totals.prompt_tokens, prompt, "{words} {code}");
        assert!(completion.contains(&totals.completion_tokens), "{}", totals.completion_tokens);
        assert_eq!(totals.requests, MADE - u64::from(charged.is_none()), "{words} {code}");
    }
}

#[tokio::test]
async fn output_that_was_streamed_before_an_error_event_is_charged_once_the_run_has_failed() {
    let world = world("error-event").await;
    let ada = world.attendee("ada").await;
    let (thread, assistant) = (ada.own(Kind::Thread).await, ada.own(Kind::Assistant).await);
    let (mut run, mut events) = a_run_that_streams(&thread, &assistant, 200);
    let error = json!({"code": "server_error", "message": "x"});
    events.push(format!("event: error\ndata: {}\n\n", json!({"error": error})));
    world.azure().script(of_events(&events));
    (run["status"], run["last_error"]) = ("failed".into(), error);
    world.azure().script(Reply::json(200, run.to_string()));
    let body = json!({"assistant_id": assistant, "stream": true}).to_string();
    let runs = format!("{}/{thread}/runs", path(Kind::Thread));
    ada.send(ada.post(&runs, body)).await.assert_ok();
    let totals = world.settle().await;
    assert_eq!((totals.requests, totals.prompt_tokens), (MADE, 20_000));
    assert!((200..420).contains(&totals.completion_tokens), "{}", totals.completion_tokens);
}

#[tokio::test]
async fn output_that_was_streamed_is_charged_however_long_after_it_the_run_has_failed() {
    // Whether the stream breaks off instead of ending in an error, and who sees the run's end.
    for (breaks, polls) in [(false, false), (false, true), (true, false), (true, true)] {
        let world = world("late-failure").await;
        let ada = world.attendee("ada").await;
        let (thread, assistant) = (ada.own(Kind::Thread).await, ada.own(Kind::Assistant).await);
        let (mut run, mut events) = a_run_that_streams(&thread, &assistant, 200);
        let error = json!({"code": "server_error", "message": "x"});
        if !breaks {
            events.push(format!("event: error\ndata: {}\n\n", json!({"error": error})));
        }
        world.azure().script(of_events(&events));
        if !breaks {
            // Azure still works on it when the stream has ended.
            world.azure().script(Reply::json(200, run.to_string()));
        }
        let body = json!({"assistant_id": assistant, "stream": true}).to_string();
        let runs = format!("{}/{thread}/runs", path(Kind::Thread));
        ada.send(ada.post(&runs, body)).await.assert_ok();
        world.quiet().await;
        assert_ne!(world.account("ada").await.count(Field::Held), 0);
        (run["status"], run["last_error"]) = ("failed".into(), error);
        world.azure().script(Reply::json(200, run.to_string()));
        match polls {
            true => {
                let one = format!("{runs}/run_failed");
                ada.call(Method::GET, &one, None).await.assert_ok();
            }
            false => assert_eq!(finish(&world).await, Finished { settled: 1, left: 0 }),
        }
        let totals = world.settle().await;
        assert_eq!((totals.requests, totals.prompt_tokens), (MADE, 20_000), "{breaks} {polls}");
        assert!((200..420).contains(&totals.completion_tokens), "{}", totals.completion_tokens);
    }
}

#[tokio::test]
async fn a_run_without_a_response_or_with_odd_usage_is_charged_its_estimate() {
    let world = world("odd").await;
    let ada = world.attendee("ada").await;
    let (thread, assistant) = (ada.own(Kind::Thread).await, ada.own(Kind::Assistant).await);
    let runs = format!("{}/{thread}/runs", path(Kind::Thread));
    let body = json!({"assistant_id": assistant});
    // Only the first may have started a run.
    for reply in [Reply::dropped(), Reply::error(500, "500", "x"), Reply::too_many_requests(None)] {
        world.azure().script(reply);
        assert!(!ada.call(Method::POST, &runs, Some(&body)).await.status().is_success());
    }
    world.quiet().await;
    assert_eq!(world.account("ada").await.count(Field::Held), 0);
    let (_, run) = a_run(&ada).await;
    let held = world.account("ada").await.count(Field::Held);
    let usage = json!({"prompt_tokens": -1, "completion_tokens": "many", "total_tokens": 1});
    world.azure().set_job(&run, json!({"status": "completed", "usage": usage}));
    assert_eq!(finish(&world).await.settled, 1);
    let totals = world.settle().await;
    assert_eq!(totals.prompt_tokens + totals.completion_tokens, 2 * held);
    assert!(totals.records.iter().any(|record| record.is_estimated));
}

#[tokio::test]
async fn a_job_whose_deployment_is_gone_waits_for_its_hold() {
    let world = World::event("gone").in_memory().keeping().start().await;
    let ada = world.attendee("ada").await;
    let (_, _) = a_run(&ada).await;
    world.quiet().await;
    world.azure().always(Reply::error(401, "401", "x"));
    assert_eq!(finish(&world).await, Finished { settled: 0, left: 1 });
    world.azure().always(Reply::error(500, "500", "x"));
    world.wait(TimeDelta::minutes(30));
    assert_eq!(finish(&world).await, Finished { settled: 0, left: 1 });
    world.wait(TimeDelta::minutes(31));
    let swept = sweep::handle(world.gateway(), world.clock().now()).await.unwrap();
    assert_eq!(swept.expired_holds, 1);
    world.wait(TimeDelta::minutes(5));
    assert_eq!(finish(&world).await, Finished { settled: 1, left: 0 });
    world.settle().await;
}

#[tokio::test]
async fn two_polls_that_see_the_end_charge_the_event_once() {
    let world = world("posted").await;
    let ada = world.attendee("ada").await;
    let (one, run) = a_run(&ada).await;
    // Without it the event's account would refuse the second posting anyway.
    let (_, other) = a_run(&ada).await;
    world.quiet().await;
    world.azure().set_job(&run, ended("completed"));
    world.ledger().next(LedgerCall::AttendeeSettle, LedgerTrouble::OutcomeUnknown);
    let (polled, _) = tokio::join!(ada.call(Method::GET, &one, None), finish(&world));
    polled.assert_ok();
    world.quiet().await;
    let (event, ada) = (world.event_account().await, world.account("ada").await);
    assert_eq!((event.spent(), event.holds.len()), (ada.spent(), 0));
    assert_eq!(event.count(Field::Held), ada.count(Field::Held));
    world.azure().set_job(&other, ended("completed"));
    finish(&world).await;
    let counts = (2 * MADE, 2 * PROMPT_TOKENS, 2 * COMPLETION_TOKENS);
    assert_eq!(world.settle().await.counts(), counts);
}

#[tokio::test]
async fn a_lost_charge_of_the_event_keeps_its_hold_until_reconciliation() {
    let world = world("unknown").await;
    let ada = world.attendee("ada").await;
    let (one, run) = a_run(&ada).await;
    world.quiet().await;
    world.azure().set_job(&run, ended("completed"));
    world.ledger().next(LedgerCall::AttendeeSettle, LedgerTrouble::LoseResponse);
    ada.call(Method::GET, &one, None).await.assert_ok();
    world.quiet().await;
    assert_eq!(world.account("ada").await.count(Field::Held), 0);
    assert!(world.event_account().await.count(Field::Held) > 0);
    world.wait(TimeDelta::minutes(30));
    let swept = sweep::handle(world.gateway(), world.clock().now()).await.unwrap();
    assert_eq!((swept.expired_holds, swept.reconciled_periods), (0, 1));
    assert_paid_once(&world).await;
}

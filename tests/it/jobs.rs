//! Runs and films: each is paid for once, to the token and the second, whoever sees its end.

use chrono::TimeDelta;
use http::Method;
use lanyard_domain::object::Kind;
use lanyard_domain::unit::Unit;
use lanyard_gateway::objects::jobs::Finished;
use lanyard_gateway::ports::Clock;
use serde_json::{Value, json};

use crate::support::attendee::Attendee;
use crate::support::azure::kept::run_usage;
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
    finish_jobs::handle(world.gateway(), world.clock().now(), until).await.unwrap()
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
async fn azure_is_told_the_bounds_that_are_reserved() {
    let world = World::event("bounds").in_memory().keeping();
    let world = world.with(|event| event.max_completion_tokens = 700).start().await;
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
async fn a_run_is_paid_when_a_poll_sees_its_end_however_it_ends() {
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
async fn a_run_that_nobody_polls_is_paid_all_the_same() {
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
async fn a_streamed_run_is_owned_before_its_id_is_told_and_paid_at_its_end() {
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
async fn a_run_whose_owner_cannot_be_written_down_is_stopped_and_paid_exactly() {
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
async fn a_run_that_azure_never_ends_or_loses_costs_what_it_could() {
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
async fn two_requests_for_a_run_are_two_runs_and_a_refused_one_costs_nothing() {
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
    let counts = (4, 2 * PROMPT_TOKENS, 2 * COMPLETION_TOKENS);
    assert_eq!(world.settle().await.counts(), counts);
}

#[tokio::test]
async fn another_attendees_run_or_assistant_cannot_be_named_below_ones_own_thread() {
    let world = world("mixed").await;
    let (ada, bob) = (world.attendee("ada").await, world.attendee("bob").await);
    let (one, run) = a_run(&ada).await;
    let assistant = ada.own(Kind::Assistant).await;
    let thread = bob.own(Kind::Thread).await;
    let calls = world.azure().calls();
    let below = format!("{}/{thread}/runs", path(Kind::Thread));
    let foreign = format!("{below}/{run}");
    bob.call(Method::GET, &foreign, None).await.assert_refused(404, "object_not_found");
    let named = bob.call(Method::POST, &below, Some(&json!({"assistant_id": assistant}))).await;
    named.assert_refused(404, "object_not_found");
    // Nor is one's own run found below another thread.
    let other = ada.own(Kind::Thread).await;
    let elsewhere = format!("{}/{other}/runs/{run}", path(Kind::Thread));
    ada.call(Method::GET, &elsewhere, None).await.assert_refused(404, "object_not_found");
    assert_eq!(world.azure().calls(), calls + 1);
    world.azure().set_job(&run, ended("completed"));
    ada.call(Method::GET, &one, None).await.assert_ok();
    world.settle().await;
}

#[tokio::test]
async fn tools_are_those_that_the_event_allows() {
    let allowed = World::event("tools").in_memory().keeping();
    let allowed =
        allowed.with(|event| event.extra_tool_types = vec!["code_interpreter".to_owned()]);
    let (plain, allowed) = (world("plain").await, allowed.start().await);
    let body = json!({"model": "gpt-4o-mini", "tools": [{"type": "code_interpreter"}]});
    let ada = plain.attendee("ada").await;
    let refused = ada.call(Method::POST, &path(Kind::Assistant), Some(&body)).await;
    refused.assert_refused(400, "parameter_not_allowed");
    let store = json!({"tool_resources": {"file_search": {"vector_stores": [{}]}}});
    let refused = ada.call(Method::POST, &path(Kind::Thread), Some(&store)).await;
    refused.assert_refused(400, "parameter_not_allowed");
    let ada = allowed.attendee("ada").await;
    ada.call(Method::POST, &path(Kind::Assistant), Some(&body)).await.assert_ok();
    plain.settle().await;
    allowed.settle().await;
}

#[tokio::test]
async fn what_azure_has_retired_says_so_itself() {
    let world = world("retired").await;
    let ada = world.attendee("ada").await;
    for (status, code) in [(404, "404"), (410, "gone")] {
        world.azure().script(Reply::error(status, code, "The Assistants API is retired."));
        let body = json!({"model": "gpt-4o-mini"});
        let answer = ada.call(Method::POST, &path(Kind::Assistant), Some(&body)).await;
        assert_eq!(answer.status().as_u16(), status);
        assert!(answer.text().contains("The Assistants API is retired."), "{}", answer.text());
    }
    assert_eq!(world.settle().await.requests, 0);
}

#[tokio::test]
async fn a_film_costs_its_seconds_once_it_is_there_and_a_failed_one_nothing() {
    let world = world("films").await;
    let ada = world.attendee("ada").await;
    let body = json!({"prompt": "elephants", "seconds": 5, "size": "1920x1080",
        "input_reference": "iVBORw0KGgo="});
    let made = ada.call(Method::POST, &path(Kind::Video), Some(&body)).await.assert_ok().json();
    assert_eq!((&made["status"], &made["video_url"]), (&json!("queued"), &Value::Null));
    let sent = world.azure().requests().pop().unwrap().json();
    assert_eq!((&sent["seconds"], &sent["size"]), (&json!("8"), &json!("1280x720")));
    let picture = sent["input_reference"]["image_url"].as_str().unwrap().to_owned();
    assert_eq!(picture, "data:image/png;base64,iVBORw0KGgo=");
    let id = made["id"].as_str().unwrap();
    let one = format!("{}/{id}", path(Kind::Video));
    world.azure().set_job(id, json!({"status": "completed", "progress": 100}));
    let shown = ada.call(Method::GET, &one, None).await.assert_ok().json();
    let url = shown["video_url"].as_str().unwrap();
    assert!(url.ends_with(&format!("/api/v1/videos/{id}/content")), "{url}");
    let film = ada.call(Method::GET, &format!("{one}/content"), None).await;
    assert_eq!(film.assert_ok().header("content-type"), Some("video/mp4"));
    let failed = ada.own(Kind::Video).await;
    world.azure().set_job(&failed, json!({"status": "failed", "error": {"code": "x"}}));
    assert_eq!(finish(&world).await.settled, 1);
    let totals = world.settle().await;
    assert_eq!((totals.requests, totals.units.get(Unit::VideoSeconds)), (2, 8));
}

#[tokio::test]
async fn a_film_made_anew_costs_as_much_as_the_first() {
    let world = world("remix").await;
    let ada = world.attendee("ada").await;
    let first = ada.own(Kind::Video).await;
    let remix = format!("{}/{first}/remix", path(Kind::Video));
    let again = ada.call(Method::POST, &remix, Some(&json!({"prompt": "at night"}))).await;
    let again = again.assert_ok().json()["id"].as_str().unwrap().to_owned();
    let held = world.accounts().await[0].clone();
    let seconds = held.holds.values().map(|hold| hold.units.get(Unit::VideoSeconds));
    assert_eq!(seconds.sum::<u64>(), 16);
    for id in [&first, &again] {
        world.azure().set_job(id, json!({"status": "completed", "seconds": "8"}));
    }
    assert_eq!(finish(&world).await.settled, 2);
    assert_eq!(world.settle().await.units.get(Unit::VideoSeconds), 16);
}

#[tokio::test]
async fn no_period_is_mended_while_a_job_of_it_is_under_way() {
    let world = world("mended").await;
    let ada = world.attendee("ada").await;
    let (_, run) = a_run(&ada).await;
    world.wait(TimeDelta::minutes(40));
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    let swept = sweep::handle(world.gateway(), world.clock().now()).await.unwrap();
    assert_eq!((swept.expired_holds, swept.mended_periods), (0, 0));
    world.azure().set_job(&run, ended("completed"));
    finish(&world).await;
    world.wait(TimeDelta::minutes(40));
    let swept = sweep::handle(world.gateway(), world.clock().now()).await.unwrap();
    assert_eq!((swept.expired_holds, swept.mended_periods), (0, 0));
    let counts = (MADE + 1, 2 * PROMPT_TOKENS, 2 * COMPLETION_TOKENS);
    assert_eq!(world.settle().await.counts(), counts);
}

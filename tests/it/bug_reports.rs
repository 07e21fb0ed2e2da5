//! Cases of public bug reports on gateways and tools that no other suite holds. The table of all of
//! them is in `docs/proof.md`.

mod clients;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use chrono::TimeDelta;
use lanyard_domain::allowance::{Allowances, Capacity, Limit, Preset};
use lanyard_domain::catalog::CompletionField;
use lanyard_domain::event::Event;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::attendee::{Attendee, CHAT, chat};
use crate::support::azure::frames::{FINISH, ROLE, content};
use crate::support::azure::kept::{event, of_events, response as response_of};
use crate::support::builder::Builder;
use crate::support::{Gate, LineEnding, Reply, World, canary, usual};

const RESPONSES: &str = "/api/v1/responses";

/// The settings that an event has if its organiser chooses nothing.
fn with_defaults(event: &mut Event) {
    event.allowances = Allowances::for_attendees(Preset::Workshop, 100, Capacity::default());
    event.max_completion_tokens = Preset::Workshop.max_completion_tokens();
}

/// The first model of the event is this one of the table of models.
fn of_model(world: Builder, model: &str) -> Builder {
    world.deployments(|deployments| deployments[0].model = Some(model.to_owned()))
}

#[tokio::test]
async fn a_response_that_the_cap_of_the_event_cuts_names_the_cap() {
    let world = World::event("cut").in_memory().keeping();
    let world = world.with(|event| event.max_completion_tokens = Some(64)).start().await;
    let ada = world.attendee("ada").await;
    let mut cut = response_of("resp_1", "Once upon a", "incomplete");
    cut["incomplete_details"] = json!({"reason": "max_output_tokens"});
    let created = json!({"response": response_of("resp_1", "", "in_progress")});
    let frames = [
        event("response.created", 0, created),
        event("response.incomplete", 1, json!({"response": cut})),
    ];
    for (is_streamed, reply) in
        [(true, of_events(&frames)), (false, Reply::json(200, cut.to_string()))]
    {
        for (cap, notice) in [
            (Value::Null, Some("64")),
            (json!(9_000), Some("64;clamped-from=9000")),
            (json!(64), None),
        ] {
            world.azure().script(reply.clone());
            let fields = json!({"stream": is_streamed, "max_output_tokens": cap});
            let response = ada.respond(fields).await;
            assert_eq!(response.assert_ok().header("x-event-max-tokens"), notice, "{is_streamed}");
            assert!(response.text().contains("max_output_tokens"), "{}", response.text());
            assert_eq!(world.azure().requests().pop().unwrap().json()["max_output_tokens"], 64);
        }
    }
    let paid = (6, 6 * usual::PROMPT_TOKENS, 6 * usual::COMPLETION_TOKENS);
    assert_eq!(world.settle().await.counts(), paid);
}

/// A reasoning model that needs so many tokens before its text.
const THOUGHT: u64 = 6_000;

/// The chunks of a model that thinks first. It has a text only if the cap leaves room for it.
fn thinks(world: &World) -> Reply {
    let world = world.clone();
    let chunk = move |number| {
        let sent = world.azure().requests().pop().unwrap().json();
        let cap = sent["max_completion_tokens"].as_u64().unwrap_or_default();
        let has_text = cap > THOUGHT;
        let used = if has_text { THOUGHT + 200 } else { cap };
        let frame = match (number, has_text) {
            (0, _) => ROLE.to_owned(),
            (1, true) => content("An elephant."),
            (1, false) => content(""),
            (2, true) => FINISH.to_owned(),
            (2, false) => FINISH.replace("\"stop\"", "\"length\""),
            (3, _) => json!({
                "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
                "choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": used,
                    "total_tokens": 20 + used},
            })
            .to_string(),
            _ => "[DONE]".to_owned(),
        };
        format!("data: {frame}\n\n").into()
    };
    Reply::made(5, chunk)
}

#[tokio::test]
async fn a_reasoning_model_has_room_for_its_text_at_an_event_of_defaults() {
    let world = of_model(World::event("thinking").in_memory(), "gpt-5-mini").with(with_defaults);
    let world = world.deployments(|deployments| {
        deployments[0].completion_field = CompletionField::MaxCompletionTokens;
    });
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    for (fields, notice) in [
        (json!({"max_completion_tokens": 16_000, "reasoning_effort": "high"}), None),
        (json!({"max_tokens": 16_000, "reasoning_effort": "high"}), None),
        (json!({"reasoning_effort": "high"}), Some("16384")),
        (json!({"max_completion_tokens": 60_000}), Some("16384;clamped-from=60000")),
    ] {
        world.azure().script(thinks(&world));
        let mut body = chat("hello");
        body["stream"] = json!(true);
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let response = ada.send(ada.post(CHAT, body.to_string())).await;
        assert!(
            response.assert_ok().text().contains("An elephant."),
            "{fields} {}",
            response.text()
        );
        assert_eq!(response.header("x-event-max-tokens"), notice, "{fields}");
        world.quiet().await;
    }
    assert_eq!(world.settle().await.counts(), (4, 80, 4 * (THOUGHT + 200)));
}

#[tokio::test]
async fn a_tool_that_asks_for_responses_is_named_the_operation_that_is_served() {
    // Only chats, as an organiser registers them who knows no other operation.
    let world = World::event("chats").in_memory();
    let world = world.deployments(|deployments| deployments.truncate(1));
    let world = world.with(|event| {
        event.default_deployments.retain(|_, name| name.as_str() != "text-embedding-3-small")
    });
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    for path in ["responses", "embeddings", "completions", "responses/compact"] {
        let body = json!({"model": "gpt-4o-mini", "input": "hello", "prompt": "hello"});
        let refused = ada.send(ada.post(&format!("/api/v1/{path}"), body.to_string())).await;
        refused.assert_refused(403, "not_offered");
        let said = "It has models for: chat/completions.";
        assert!(refused.text().contains(said), "{path}: {}", refused.text());
        assert_eq!(refused.header("x-should-retry"), Some("false"));
    }
    assert_eq!((world.azure().calls(), world.settle().await.requests), (0, 0));
}

/// A PDF of so many empty pages, filled up to a size.
fn pdf(pages: usize, bytes: usize) -> Vec<u8> {
    let mut file = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n".to_vec();
    for page in 0..pages {
        let number = page + 3;
        file.extend(format!("{number} 0 obj<</Type/Page/Parent 2 0 R>>endobj\n").into_bytes());
    }
    let fill = bytes - file.len() - 100;
    file.extend(format!("999 0 obj<</Length {fill}>>stream\n").into_bytes());
    file.extend((0..fill).map(|at| u8::try_from(at * 31 % 251).unwrap()));
    file.extend(b"\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF".to_vec());
    file
}

/// A document is counted by its pages and text. Its base64 has 133,000 tokens by length.
#[tokio::test]
async fn a_document_is_not_counted_by_the_length_of_its_base64() {
    let unreadable = vec![0xA7; 225_000];
    for (name, bytes, kind) in [
        ("pages", pdf(4, 225_000), "application/pdf"),
        ("without pages", unreadable.clone(), "application/pdf"),
        ("an image", unreadable, "image/png"),
    ] {
        let data = format!("data:{kind};base64,{}", BASE64_STANDARD.encode(bytes));
        let is_image = kind == "image/png";
        let part = match is_image {
            true => json!({"type": "input_image", "image_url": data}),
            false => json!({"type": "input_file", "filename": "a.pdf", "file_data": data}),
        };
        let input = json!([{"role": "user", "content": [part]}]);
        let part = match is_image {
            true => json!({"type": "image_url", "image_url": {"url": data}}),
            false => json!({"type": "file", "file": {"filename": "a.pdf", "file_data": data}}),
        };
        let messages = json!([{"role": "user", "content": [part]}]);
        let usage = json!({"input_tokens": 3_200, "output_tokens": 40, "total_tokens": 3_240,
            "prompt_tokens": 3_200, "completion_tokens": 40});
        for (path, body) in
            [(RESPONSES, json!({"input": input})), (CHAT, json!({"messages": messages}))]
        {
            let world = World::event("document").in_memory().keeping();
            let world = world.attendee(Limit::TokensPerMinute, 40_000).start().await;
            let ada = world.attendee("ada").await;
            let mut read = response_of("resp_1", "Read.", "completed");
            read["usage"] = usage.clone();
            read["choices"] = json!([]);
            world.azure().script(Reply::json(200, read.to_string()));
            let response = ada.send(ada.post(path, body.to_string())).await;
            assert_eq!(response.status(), 200, "{name} {path}: {}", response.text());
            assert_eq!(world.settle().await.counts(), (1, 3_200, 40), "{name} {path}");
        }
    }
}

#[tokio::test]
async fn a_batch_of_token_lists_is_counted_by_its_elements() {
    let world = World::event("batch").in_memory().attendee(Limit::TokensPerMinute, 20_000);
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    // As LangChain sends a document: numbers of six digits, 15,000 of them.
    let list: Vec<u32> = (100_000..100_250).collect();
    let batch = json!(vec![list; 60]);
    let embeddings = json!({"object": "list", "data": [{"index": 0, "embedding": [0.5]}],
        "usage": {"prompt_tokens": 15_000, "total_tokens": 15_000}});
    world.azure().script(Reply::json(200, embeddings.to_string()));
    ada.embed(batch.clone()).await.assert_ok();
    world.quiet().await;
    // Held exactly: two thirds of the next one's 10,000 missing tokens come back in 20 seconds.
    let refused = ada.embed(batch).await;
    refused.assert_refused(429, "rate_limit_exceeded");
    let wait_s: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((29..=31).contains(&wait_s), "{wait_s}");
    assert_eq!(world.settle().await.counts(), (1, 15_000, 0));
}

/// A worker of a batch job that repeats as the SDKs do: twice, after the named wait.
struct Worker {
    ready_at_s: i64,
    tries: u32,
}

#[tokio::test]
async fn twelve_workers_on_four_places_all_get_responses_within_the_tries_of_sdks() {
    const LASTS_S: i64 = 4;
    let world = World::event("workers").in_memory().attendee(Limit::InFlight, 4).start().await;
    let ada = world.attendee("ada").await;
    let mut waiting: Vec<_> = (0..12).map(|_| Worker { ready_at_s: 0, tries: 0 }).collect();
    let (mut now_s, mut served) = (0, 0);
    while let Some(next_s) = waiting.iter().map(|worker| worker.ready_at_s).min() {
        world.wait(TimeDelta::seconds(next_s - now_s));
        now_s = next_s;
        let (ready, later): (Vec<_>, _) =
            waiting.into_iter().partition(|worker| worker.ready_at_s <= now_s);
        waiting = later;
        // Each of this round is admitted or refused before the first response ends.
        let gate = Gate::closed();
        world.azure().hold(&gate);
        let (calls, places) = (world.azure().calls(), ready.len().min(4));
        let mut asking = JoinSet::new();
        for worker in ready {
            let ada: Attendee = ada.clone();
            asking.spawn(async move { (ada.chat("hello").await, worker) });
        }
        while asking.len() > places {
            let (refused, worker) = asking.join_next().await.unwrap().unwrap();
            refused.assert_refused(429, "too_many_in_flight");
            let wait_s: i64 = refused.header("retry-after").unwrap().parse().unwrap();
            assert!((2..=30).contains(&wait_s), "{wait_s}");
            assert!(worker.tries < 2, "{now_s} s: an SDK gives up after its third try");
            waiting.push(Worker { ready_at_s: now_s + wait_s, tries: worker.tries + 1 });
        }
        world.azure().called(calls + places).await;
        world.wait(TimeDelta::seconds(LASTS_S));
        now_s += LASTS_S;
        gate.open();
        for (response, _) in asking.join_all().await {
            response.assert_ok();
            served += 1;
        }
        world.quiet().await;
    }
    assert_eq!((served, world.settle().await.requests), (12, 12));
}

#[tokio::test]
async fn an_edit_of_an_image_as_json_is_refused_with_the_form_to_send() {
    let world = World::event("edit-json").in_memory().everything().start().await;
    let ada = world.attendee("ada").await;
    let body = json!({"model": "gpt-image-1", "prompt": "a hat",
        "images": [{"image_url": "data:image/png;base64,iVBORw0KGgo="}]});
    for path in ["images/edits", "audio/transcriptions", "audio/translations"] {
        let refused = ada.send(ada.post(&format!("/api/v1/{path}"), body.to_string())).await;
        refused.assert_refused(415, "unsupported_media_type");
        assert!(refused.text().contains("multipart/form-data"), "{path}: {}", refused.text());
    }
    assert_eq!((world.azure().calls(), world.settle().await.requests), (0, 0));
}

/// The tokens that are charged for a stream of these texts, by a model that reports no usage.
async fn charged(texts: &[&str]) -> u64 {
    let world = of_model(World::event("uncounted").in_memory(), "mistral-small-2503");
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    let mut frames = vec![ROLE.to_owned()];
    frames.extend(texts.iter().map(|text| content(text)));
    frames.extend([FINISH.to_owned(), "[DONE]".to_owned()]);
    world.azure().script(Reply::sse(&frames, LineEnding::Lf));
    ada.chat_stream("hello").await.rest().await;
    assert!(world.azure().requests()[0].json().get("stream_options").is_none());
    world.settle().await.counts().2
}

#[tokio::test]
async fn a_stream_of_single_words_without_usage_is_charged_as_its_complete_text() {
    const SENTENCE: &str = "The elephants of the valley walk to the river in the early evening, and \
                            the youngest of them drink first while the old ones watch the trees. ";
    let text = SENTENCE.repeat(12);
    let words: Vec<_> = text.split_inclusive(' ').collect();
    let letters: Vec<_> = text.split_inclusive(|_: char| true).collect();
    let complete = charged(&[&text]).await;
    // The tokenizer of gpt-4o has 29 tokens for the sentence.
    assert!((12 * 28..=12 * 38).contains(&complete), "{complete}");
    assert_eq!(charged(&words).await, complete);
    assert_eq!(charged(&letters).await, complete);
    assert!(!text.contains(canary::COMPLETION));
}

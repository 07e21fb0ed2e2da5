//! How far an attack can pass a budget. The bound is in `docs/proof.md`.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use lanyard_domain::allowance::Limit;
use lanyard_domain::unit::Unit;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::asking::WAV;
use crate::support::attendee::Attendee;
use crate::support::{Gate, Reply, World, canary};

const CHAT: &str = "/api/v1/chat/completions";
const BUDGET: u64 = 500_000;
const IMAGES: u64 = 20;
const COMPLETION: u64 = 100;

/// A PNG as far as its size.
fn png(width: u32, height: u32) -> String {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
    format!("data:image/png;base64,{}", BASE64_STANDARD.encode(bytes))
}

fn chat(image: &str) -> Value {
    let part = json!({"type": "image_url", "image_url": {"url": image, "detail": "high"}});
    let mut parts: Vec<_> = (0..IMAGES).map(|_| part.clone()).collect();
    parts.push(json!({"type": "text", "text": canary::PROMPT}));
    json!({
        "model": "gpt-4o-mini", "max_tokens": COMPLETION,
        "messages": [{"role": "user", "content": parts}],
    })
}

fn answer(prompt: u64) -> Reply {
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_764_000_000,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "finish_reason": "length",
                     "message": {"role": "assistant", "content": canary::COMPLETION}}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": COMPLETION,
                  "total_tokens": prompt + COMPLETION},
    });
    Reply::json(200, body.to_string())
}

/// Sends four requests at once. No response is sent before each was admitted or refused.
async fn attack(world: &World, body: &Value, admitted: usize) -> Vec<u16> {
    let gate = Gate::closed();
    world.azure().hold(&gate);
    let mut asking = JoinSet::new();
    for _ in 0..4 {
        let ada: Attendee = world.attendee("ada").await;
        let body = body.to_string();
        asking.spawn(async move { ada.send(ada.post(CHAT, body)).await.status().as_u16() });
    }
    let mut statuses = Vec::new();
    while statuses.len() < 4 - admitted {
        statuses.push(asking.join_next().await.unwrap().unwrap());
    }
    world.azure().called(admitted).await;
    gate.open();
    statuses.extend(asking.join_all().await);
    statuses
}

#[tokio::test]
async fn four_requests_of_twenty_images_at_once_stay_within_the_budget() {
    // OpenAI's figures for gpt-4o-mini: 2,833 tokens for an image and 5,667 for each tile.
    for (size, tiles, fit) in [((512, 512), 1, 2), ((1_024, 1_024), 4, 0), ((2_048, 4_096), 6, 0)] {
        let prompt = IMAGES * (2_833 + 5_667 * tiles) + 40;
        let world = World::event("images").in_memory();
        let world = world.everybody(Limit::TokensTotal, BUDGET).start().await;
        world.azure().always(answer(prompt));
        let statuses = attack(&world, &chat(&png(size.0, size.1)), fit).await;
        let answered = statuses.iter().filter(|status| **status == 200).count();
        assert_eq!(answered, fit, "{size:?} {statuses:?}");
        let totals = world.settle().await;
        let spent = totals.prompt_tokens + totals.completion_tokens;
        // The excess of an honest settlement: the text of the prompt has a few tokens more than
        // held.
        let added = 40 * u64::try_from(fit).unwrap();
        assert!(spent <= BUDGET + added, "{size:?}: {spent}");
        assert_eq!(spent, (prompt + COMPLETION) * u64::try_from(fit).unwrap(), "{size:?}");
    }
}

#[tokio::test]
async fn an_image_at_an_address_is_held_at_the_models_maximum() {
    let world = World::event("address").in_memory();
    let world = world.everybody(Limit::TokensTotal, BUDGET).start().await;
    let statuses = attack(&world, &chat("https://example.org/a.png"), 0).await;
    assert!(statuses.iter().all(|status| *status != 200), "{statuses:?}");
    assert_eq!((world.azure().calls(), world.settle().await.requests), (0, 0));
}

/// A WAV of 16,000 samples a second, of two bytes each.
fn wave(seconds: u32) -> Vec<u8> {
    let data = seconds * 32_000;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(16_000_u32.to_le_bytes());
    bytes.extend(32_000_u32.to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend(data.to_le_bytes());
    bytes.resize(bytes.len() + data as usize, 0);
    bytes
}

#[tokio::test]
async fn a_recording_is_held_at_its_true_length_despite_its_header() {
    const SECONDS: u32 = 125;
    let honest = wave(SECONDS);
    let forge = |places: &[(usize, u32)]| {
        let mut forged = honest.clone();
        for (at, value) in places {
            forged.splice(*at..*at + 4, value.to_le_bytes());
        }
        forged
    };
    for (forgery, recording) in [
        ("none", honest.clone()),
        ("a byte rate of four million", forge(&[(28, 4_000_000)])),
        ("a sample rate of four million", forge(&[(24, 4_000_000)])),
        ("a chunk of one byte", forge(&[(40, 1)])),
        ("all of them", forge(&[(24, 4_000_000), (28, 4_000_000), (40, 1)])),
    ] {
        let world = World::event("forged").in_memory().everything().start().await;
        let ada = world.attendee("ada").await;
        // Azure names no duration, so that what was held is charged.
        let reply = Reply::json(200, canary::COMPLETION).header("content-type", "text/plain");
        world.azure().script(reply);
        let parts =
            [("file", WAV, recording.as_slice()), ("response_format", "", b"text".as_slice())];
        ada.send(ada.post_form("/api/v1/audio/transcriptions", &parts)).await.assert_ok();
        let charged = world.settle().await.units.get(Unit::AudioSeconds);
        let least = u64::from(SECONDS) * 9 / 10;
        assert!(charged >= least, "{forgery}: {charged} of {SECONDS} seconds");
    }
}

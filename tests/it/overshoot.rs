//! How far an attack can pass a budget. The bound is in `docs/proof.md`.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use lanyard_domain::allowance::{Allowances, Capacity, Limit, Preset};
use lanyard_domain::object::Kind;
use lanyard_domain::unit::Unit;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::asking::WAV;
use crate::support::attendee::Attendee;
use crate::support::kept::path;
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

fn respond(prompt: u64) -> Reply {
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
        world.azure().always(respond(prompt));
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
        ("a sample rate of 96 kHz", forge(&[(24, 96_000), (28, 192_000)])),
        ("48 kHz in two channels", forge(&[(20, 0x0002_0001), (24, 48_000), (28, 192_000)])),
        ("samples of 32 bits", forge(&[(32, 0x0020_0004)])),
        ("ADPCM", forge(&[(20, 0x0001_0011), (32, 0x0004_0100)])),
    ] {
        let charged = charged(&recording).await;
        let least = u64::from(SECONDS) * 9 / 10;
        assert!(charged >= least, "{forgery}: {charged} of {SECONDS} seconds");
    }
}

/// The seconds that a recording is charged if Azure names none.
async fn charged(recording: &[u8]) -> u64 {
    let world = World::event("forged").in_memory().everything().start().await;
    let ada = world.attendee("ada").await;
    let reply = Reply::json(200, canary::COMPLETION).header("content-type", "text/plain");
    world.azure().script(reply);
    let parts = [("file", WAV, recording), ("response_format", "", b"text".as_slice())];
    ada.send(ada.post_form("/api/v1/audio/transcriptions", &parts)).await.assert_ok();
    world.settle().await.units.get(Unit::AudioSeconds)
}

/// MPEG-1 layer III at 64 kbit/s and 32 kHz: 1,152 samples in 288 bytes.
fn mp3(frames: usize) -> Vec<u8> {
    let mut frame = b"\xff\xfb\x58\xc0".to_vec();
    frame.resize(288, 0);
    frame.repeat(frames)
}

/// Ogg pages of one packet each, with this position in all of them.
fn ogg(packets: &[Vec<u8>]) -> Vec<u8> {
    let page = |packet: &Vec<u8>| {
        let mut page = b"OggS\0\0\x01\0\0\0\0\0\0\0".to_vec();
        page.extend([0; 12]);
        page.extend([1, u8::try_from(packet.len()).unwrap()]);
        page.extend(packet);
        page
    };
    packets.iter().flat_map(page).collect()
}

/// A frame of FLAC: 4,096 samples at the rate that the stream names.
fn flac_frame() -> Vec<u8> {
    let mut frame = vec![0xFF, 0xF8, 0xC0, 0x08, 0x00];
    let crc8 = |crc: u8, _| (crc << 1) ^ if crc & 0x80 == 0 { 0 } else { 0x07 };
    frame.push(frame.iter().fold(0, |crc, byte| (0..8).fold(crc ^ byte, crc8)));
    frame.resize(200, 0);
    frame
}

/// The head of a FLAC stream of this sample rate and one sample in all.
fn flac_head(rate: u64) -> Vec<u8> {
    let mut head = b"fLaC\x80\0\0\x22".to_vec();
    head.extend([0; 10]);
    head.extend(((rate << 44) | 1).to_be_bytes());
    head.extend([0; 16]);
    head
}

/// An M4A of so many silent frames of AAC, as many in each sample, whose headers name one second and this
/// sample rate.
fn m4a(frames: u32, each: u32, rate: u32) -> Vec<u8> {
    let part = |kind: &[u8; 4], content: &[u8]| {
        let size = u32::try_from(content.len() + 8).unwrap();
        [size.to_be_bytes().as_slice(), kind, content].concat()
    };
    let mut entry = vec![0; 28];
    entry.splice(24..28, (rate.min(65_535) << 16).to_be_bytes());
    // The configuration of AAC by the index of its sample rate: 0 is 96 kHz and 8 is 16 kHz.
    let index: u8 = if rate == 16_000 { 8 } else { 0 };
    let config = [5, 2, 0x10 | (index >> 1), (index & 1) << 7];
    let decoder = [&[4, 19][..], &[0; 13], &config].concat();
    let esds = [&[0; 4][..], &[3, 24], &[0; 3], &decoder].concat();
    let entry = [entry, part(b"esds", &esds)].concat();
    let described = [vec![0; 8], part(b"mp4a", &entry)].concat();
    let numbers = |numbers: &[u32]| {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<_>>()
    };
    let sample = [b"\x00\xc8\x00\x07".repeat(each as usize), vec![0; 100]].concat();
    let samples = frames / each;
    let size = u32::try_from(sample.len()).unwrap();
    let begin = u32::try_from(part(b"ftyp", b"M4A ").len() + 8).unwrap();
    let table = [
        part(b"stsd", &described),
        part(b"stsz", &numbers(&[0, size, samples])),
        part(b"stsc", &numbers(&[0, 1, 1, samples, 1])),
        part(b"stco", &numbers(&[0, 1, begin])),
    ]
    .concat();
    let track = part(b"trak", &part(b"mdia", &part(b"minf", &part(b"stbl", &table))));
    let header = part(b"mvhd", &[vec![0; 12], vec![0, 0, 0, 1], vec![0, 0, 0, 1]].concat());
    let movie = part(b"moov", &[header, track].concat());
    let data = part(b"mdat", &sample.repeat(samples as usize));
    [part(b"ftyp", b"M4A "), data, movie].concat()
}

/// A WebM of Opus packets of 20 ms, whose clusters name no time.
fn webm(packets: usize) -> Vec<u8> {
    let tracks = b"\x16\x54\xae\x6b\x8a\xae\x88\x86\x86A_OPUS".to_vec();
    let block = [0xA3, 0x87, 0x81, 0, 0, 0x80, 1 << 3, 0, 0];
    let mut file = b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff".to_vec();
    file.extend(tracks);
    file.extend(b"\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff");
    file.extend(block.repeat(packets));
    file
}

#[tokio::test]
async fn every_format_is_charged_its_true_length_despite_its_headers() {
    // Each lasts 100 seconds and more, and its headers name one, or another sample rate.
    let opus =
        [vec![b"OpusHead\x01\x01".to_vec(), b"OpusTags".to_vec()], vec![vec![1 << 3, 0, 0]; 5_000]];
    let flac = [flac_head(96_000), flac_frame().repeat(400)].concat();
    let head = [&b"\x7fFLAC\x01\0\0\x01"[..], &flac_head(96_000)].concat();
    let ogg_flac = [vec![head], vec![flac_frame(); 400]].concat();
    let mut forged_mp3 = mp3(2_800);
    forged_mp3.splice(36..48, *b"Xing\0\0\0\x01\0\0\0\x01");
    for (format, recording) in [
        ("MP3", forged_mp3),
        ("Ogg with Opus", ogg(&opus.concat())),
        ("FLAC", flac),
        ("Ogg with FLAC", ogg(&ogg_flac)),
        ("M4A", m4a(1_600, 1, 16_000)),
        ("M4A of 96 kHz", m4a(1_600, 1, 96_000)),
        ("M4A of four frames a sample", m4a(1_600, 4, 16_000)),
        ("M4A of 200 frames a sample", m4a(1_600, 200, 16_000)),
        ("WebM", webm(5_000)),
    ] {
        let charged = charged(&recording).await;
        // No more than a little above, or an honest attendee would pay for a bound.
        assert!((90..=115).contains(&charged), "{format}: {charged} seconds");
    }
}

#[tokio::test]
async fn a_file_that_is_named_twenty_times_is_held_twenty_times() {
    let world = World::event("again").in_memory().keeping();
    let world = world.attendee(Limit::TokensTotal, 5_000).start().await;
    let ada = world.attendee("ada").await;
    let notes = "Some words of the notes. ".repeat(1_600);
    let kind = "; filename=\"notes.txt\"\r\nContent-Type: text/plain";
    let parts = [("purpose", "", b"user_data".as_slice()), ("file", kind, notes.as_bytes())];
    let made = ada.send(ada.post_form(&path(Kind::File), &parts)).await;
    let file = made.assert_ok().json()["id"].clone();
    let mut held = Vec::new();
    for times in [1, 20] {
        let part = json!({"type": "input_file", "file_id": file});
        let content = vec![part; times];
        let asked = json!({"input": [{"role": "user", "content": content}],
                           "max_output_tokens": 16});
        let refused = ada.respond(asked).await;
        refused.assert_refused(400, "allowance_too_small");
        let needed = refused.text().split("may need ").nth(1).unwrap().to_owned();
        held.push(needed.split(' ').next().unwrap().parse::<u64>().unwrap());
    }
    assert!(held[0] >= 9_000 && held[1] >= 20 * 9_000, "{held:?}");
    world.settle().await;
}

#[tokio::test]
async fn a_packed_document_is_held_by_what_it_unpacks_to() {
    let text = "Some words of the notes. ".repeat(40_000);
    let packed = miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 9);
    let head = b"\x1f\x8b\x08\0\0\0\0\0\0\x03".as_slice();
    let packed = [head, &packed, &[0; 8]].concat();
    assert!(packed.len() < 20_000, "{}", packed.len());
    let unreadable = [b"PK\x03\x04".as_slice(), &[7; 100]].concat();
    let world = World::event("packed").in_memory().keeping();
    let world = world.attendee(Limit::TokensTotal, 100_000).start().await;
    let ada = world.attendee("ada").await;
    for file in [packed, unreadable] {
        let kind = "; filename=\"notes.docx\"\r\nContent-Type: application/octet-stream";
        let parts = [("purpose", "", b"user_data".as_slice()), ("file", kind, file.as_slice())];
        let made = ada.send(ada.post_form(&path(Kind::File), &parts)).await;
        let data = format!("data:application/gzip;base64,{}", BASE64_STANDARD.encode(&file));
        for part in [
            json!({"type": "input_file", "filename": "notes.docx", "file_data": data}),
            json!({"type": "input_file", "file_id": made.assert_ok().json()["id"]}),
        ] {
            let asked = json!({"input": [{"role": "user", "content": [part]}],
                               "max_output_tokens": 16});
            ada.respond(asked).await.assert_refused(400, "allowance_too_small");
        }
    }
    world.settle().await;
}

/// Models read the arguments of tools as text, whatever they look like.
#[tokio::test]
async fn text_in_names_numbers_and_masks_is_held_like_other_text() {
    let text = "Hello out there. ".repeat(60_000);
    let digits = "1234567890".repeat(60_000);
    let called = |arguments: &str| {
        format!(
            r#"{{"max_output_tokens":16,"input":[{{"type":"tool_search_call","arguments":{arguments}}}]}}"#
        )
    };
    let image = r#"{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}"#;
    let used = r#"{"type":"thinking","thinking":"","signature":"AAAA"}"#;
    for (path, body) in [
        ("responses", called(&format!(r#"{{"{text}":1}}"#))),
        ("responses", called(&format!(r#"{{"a":[1.{digits}]}}"#))),
        (
            "responses",
            format!(
                r#"{{"max_output_tokens":16,"input":"x","tools":[{{"type":"function","name":"f","input_image_mask":{{"image_url":"{text}"}}}}]}}"#
            ),
        ),
        (
            "chat/completions",
            format!(
                r#"{{"max_tokens":16,"messages":[{{"role":"user","content":[{image}],"{text}":1}}]}}"#
            ),
        ),
        (
            "messages",
            format!(
                r#"{{"max_tokens":16,"messages":[{{"role":"assistant","content":[{used},{{"type":"tool_use","id":"a","name":"f","input":{{"{text}":1}}}}]}}]}}"#
            ),
        ),
    ] {
        let world = World::event("names").in_memory().everything().keeping();
        let world = world.everybody(Limit::TokensTotal, 150_000).start().await;
        let ada = world.attendee("ada").await;
        let refused = ada.send(ada.post(&format!("/api/v1/{path}"), body)).await;
        assert_eq!(refused.status().as_u16(), 400, "{path} {}", refused.text());
        assert!(refused.text().contains("This request may need"), "{path} {}", refused.text());
        assert_eq!((world.azure().calls(), world.settle().await.requests), (0, 0), "{path}");
    }
}

/// The figures are those of an attack on an earlier version, which each of these requests passed.
#[tokio::test]
async fn requests_of_unknown_size_and_odd_fields_stay_within_their_totals() {
    // One document at an address, against 20,000 tokens. It was charged 900,010.
    let document = json!({"input": [{"role": "user", "content": [
        {"type": "input_file", "file_url": "https://example.org/a.pdf"}]}]});
    // 120,000 tokens as numbers of one digit, against 100,000.
    let digits = json!({"model": "text-embedding-3-small", "input": vec![vec![7; 2_000]; 60]});
    // A megabyte of instructions beside two characters of input, against 100,000 characters.
    let spoken = json!({"input": "Hi", "voice": "alloy", "instructions": "word ".repeat(200_000)});
    let (tokens, characters) = (Limit::TokensTotal, Limit::CharactersTotal);
    for (path, body, limit, total) in [
        ("responses", document, tokens, 20_000),
        ("embeddings", digits, tokens, 100_000),
        ("audio/speech", spoken, characters, 100_000),
    ] {
        let world = World::event("odd").in_memory().everything().keeping();
        let world = world.everybody(limit, total).start().await;
        let ada = world.attendee("ada").await;
        let refused = ada.send(ada.post(&format!("/api/v1/{path}"), body.to_string())).await;
        refused.assert_refused(400, "allowance_too_small");
        assert_eq!((world.azure().calls(), world.settle().await.requests), (0, 0), "{path}");
    }
    // Without a limit for the event, each of 300 attendees could have had several under way.
    let event = Allowances::for_attendees(Preset::Workshop, 300, Capacity::default()).event;
    assert_eq!(event.limit(Limit::InFlight), Some(800));
}

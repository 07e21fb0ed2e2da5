//! `POST …/images/generations` and `…/images/edits`.

use insta::assert_snapshot;
use lanyard_domain::allowance::Limit;
use lanyard_domain::unit::{Unit, Units};
use serde_json::{Value, json};

use crate::support::asking::PNG;
use crate::support::{LineEnding, Reply, World, canary, usual};

const GENERATIONS: &str = "/api/v1/images/generations";
const EDITS: &str = "/api/v1/images/edits";

#[tokio::test]
async fn images_are_charged_by_number_and_their_fields_pass() {
    let world = World::event("pictures").everything().start().await;
    let ada = world.attendee("ada").await;
    let body = json!({
        "prompt": canary::PROMPT, "n": 3, "size": "1024x1792", "quality": "hd", "style": "natural",
        "response_format": "b64_json", "user": "ada lovelace",
    });
    let response = ada.send(ada.post(GENERATIONS, body.to_string())).await;
    assert_eq!(response.assert_ok().json()["data"].as_array().unwrap().len(), 3);
    let sent = world.azure().requests()[0].json();
    for field in ["prompt", "n", "size", "quality", "style", "response_format"] {
        assert_eq!(sent[field], body[field], "{field}");
    }
    assert_eq!(sent["user"].as_str().unwrap().len(), 32);
    assert_eq!(sent.get("stream"), None);
    assert_eq!(world.settle().await.units, Units::of(Unit::Images, 3));
}

#[tokio::test]
async fn tokens_that_a_model_reports_are_charged_too() {
    let world = World::event("tokens").everything().start().await;
    let ada = world.attendee("ada").await;
    let usage = json!({"input_tokens": 50, "output_tokens": 1_056, "total_tokens": 1_106});
    let made = json!({"created": 1, "data": [{"b64_json": "AA=="}], "usage": usage});
    world.azure().script(Reply::json(200, made.to_string()));
    let body = json!({"prompt": "x", "n": 2});
    ada.send(ada.post(GENERATIONS, body.to_string())).await.assert_ok();
    let totals = world.settle().await;
    assert_eq!(totals.counts(), (1, 50, 1_056));
    // Two were held; one was made.
    assert_eq!(totals.units, Units::of(Unit::Images, 1));
}

#[tokio::test]
async fn a_stream_of_images_passes_complete_and_is_settled() {
    let image = "A".repeat(2 * 1024 * 1024);
    let usage = json!({"input_tokens": 9, "output_tokens": 300, "total_tokens": 309});
    let event = |kind: &str, usage: Value| {
        json!({"type": kind, "b64_json": image, "usage": usage}).to_string()
    };
    let events = [
        event("image_generation.partial_image", Value::Null),
        event("image_generation.completed", usage),
    ];
    let world = World::event("picture-stream").everything().start().await;
    let ada = world.attendee("ada").await;
    let body = json!({"prompt": "x", "stream": true, "partial_images": 1}).to_string();
    world.azure().script(Reply::sse(&events, LineEnding::Lf));
    let response = ada.send(ada.post(GENERATIONS, body.clone())).await;
    assert_eq!(
        response.assert_ok().header("content-type"),
        Some("text/event-stream; charset=utf-8")
    );
    assert_eq!(response.text(), events.clone().map(|event| format!("data: {event}\n\n")).concat());
    let sent = world.azure().requests()[0].json();
    assert_eq!((&sent["stream"], sent.get("stream_options")), (&json!(true), None));

    // One that breaks off keeps what it held.
    world.azure().script(Reply::sse(&events, LineEnding::Lf).close_after(1));
    let broken = ada.send(ada.post(GENERATIONS, body)).await;
    assert!(broken.text().ends_with("}}\n\n") && broken.text().contains("upstream_unreachable"));
    let totals = world.settle().await;
    assert_eq!((totals.units, totals.requests), (Units::of(Unit::Images, 2), 2));
    assert_eq!(totals.completion_tokens, 300);
}

#[tokio::test]
async fn an_image_of_which_a_part_was_shown_counts_though_an_error_follows() {
    let partial = json!({"type": "image_generation.partial_image", "b64_json": "AAAA"});
    let error = json!({"error": {"code": "server_error", "message": "It broke."}});
    for (shown, images) in [(0, 0), (2, 1)] {
        let world = World::event("partial").in_memory().everything().start().await;
        let ada = world.attendee("ada").await;
        let mut events = vec![partial.to_string(); shown];
        events.push(error.to_string());
        world.azure().script(Reply::sse(&events, LineEnding::Lf));
        let body = json!({"prompt": "x", "n": 3, "stream": true, "partial_images": 2});
        let response = ada.send(ada.post(GENERATIONS, body.to_string())).await;
        assert!(response.text().contains("It broke."), "{}", response.text());
        let totals = world.settle().await;
        assert_eq!(totals.units.get(Unit::Images), images);
        assert_eq!(totals.requests, 1);
    }
}

#[tokio::test]
async fn the_tokens_of_images_leave_the_tokens_per_minute_to_texts() {
    let world = World::event("minute")
        .in_memory()
        .everything()
        .attendee(Limit::TokensPerMinute, 6_000)
        .everybody(Limit::TokensPerMinute, 6_000)
        .start()
        .await;
    let ada = world.attendee("ada").await;
    let usage = json!({"input_tokens": 50, "output_tokens": 62_400, "total_tokens": 62_450});
    let made = json!({"created": 1, "data": [{"b64_json": "AA=="}], "usage": usage});
    world.azure().script(Reply::json(200, made.to_string()));
    let body = json!({"prompt": "x"}).to_string();
    ada.send(ada.post(GENERATIONS, body)).await.assert_ok();
    world.quiet().await;
    ada.chat("hello").await.assert_ok();
    world.quiet().await;
    // They count in the total.
    let totals = world.settle().await;
    assert_eq!((totals.requests, totals.completion_tokens), (2, 62_400 + usual::COMPLETION_TOKENS));
}

#[tokio::test]
async fn a_background_is_what_an_image_is_drawn_on() {
    let world = World::event("background").in_memory().everything().start().await;
    let ada = world.attendee("ada").await;
    for (calls, background) in ["transparent", "opaque", "auto"].into_iter().enumerate() {
        let body = json!({"prompt": "x", "background": background, "output_format": "webp"});
        ada.send(ada.post(GENERATIONS, body.to_string())).await.assert_ok();
        assert_eq!(world.azure().requests()[2 * calls].json()["background"], background);
        let parts = [
            ("image", PNG, b"x".as_slice()),
            ("prompt", "", b"x".as_slice()),
            ("background", "", background.as_bytes()),
        ];
        ada.send(ada.post_form(EDITS, &parts)).await.assert_ok();
        let sent = world.azure().requests()[2 * calls + 1].body.clone();
        let field = format!("name=\"background\"\r\n\r\n{background}\r\n");
        assert!(String::from_utf8_lossy(&sent).contains(&field), "{background}");
    }
    // Of a response it would mean not to wait for the response.
    let body = json!({"prompt": "x", "background": true}).to_string();
    ada.send(ada.post(GENERATIONS, body)).await.assert_refused(400, "parameter_not_allowed");
    world.settle().await;
}

#[tokio::test]
async fn an_edit_streams_its_partial_images_and_pays_for_the_last() {
    let world = World::event("edit-stream").everything().start().await;
    let ada = world.attendee("ada").await;
    let usage = json!({"input_tokens": 9, "output_tokens": 1_256, "total_tokens": 1_265});
    let event = |kind: &str, rest: Value| {
        let mut event = json!({"type": format!("image_edit.{kind}"), "b64_json": "AAAA"});
        event.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        event.to_string()
    };
    let events = [
        event("partial_image", json!({"partial_image_index": 0})),
        event("partial_image", json!({"partial_image_index": 1})),
        event("completed", json!({"usage": usage})),
    ];
    world.azure().script(Reply::sse(&events, LineEnding::Lf));
    let parts = [
        ("image[]", PNG, b"x".as_slice()),
        ("prompt", "", b"x".as_slice()),
        ("stream", "", b"true".as_slice()),
        ("partial_images", "", b"2".as_slice()),
    ];
    let response = ada.send(ada.post_form(EDITS, &parts)).await;
    assert_eq!(response.text(), events.map(|event| format!("data: {event}\n\n")).concat());
    let totals = world.settle().await;
    assert_eq!((totals.units, totals.counts()), (Units::of(Unit::Images, 1), (1, 9, 1_256)));
}

#[tokio::test]
async fn an_edits_files_keep_every_byte_and_lose_their_names() {
    let world = World::event("edits").everything().start().await;
    let ada = world.attendee("ada").await;
    let image = b"\x89PNG\r\n--c\r\n\0\xff".as_slice();
    let parts = [
        ("image[]", PNG, image),
        ("image[]", PNG, b"second".as_slice()),
        ("mask", "; filename=\"ada.png\"", b"mask".as_slice()),
        ("prompt", "", canary::PROMPT.as_bytes()),
        ("model", "", b"model-images_edits".as_slice()),
        ("user", "", b"ada lovelace".as_slice()),
        ("n", "", b"2".as_slice()),
        ("size", "", b"1024x1024".as_slice()),
    ];
    ada.send(ada.post_form(EDITS, &parts)).await.assert_ok();
    let asked = &world.azure().requests()[0];
    let content_type = asked.header("content-type").unwrap();
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
    assert!(boundary.starts_with("lanyard-req_"), "{boundary}");
    let body = &asked.body;
    assert!(body.windows(image.len()).any(|window| window == image));
    let text = String::from_utf8_lossy(body);
    assert!(!text.contains("lovelace") && !text.contains("elephant") && !text.contains("ada.png"));
    assert_eq!(text.matches("filename=\"upload.png\"").count(), 3);
    assert_eq!(text.matches("name=\"model\"\r\n\r\n").count(), 1);
    assert!(
        text.contains(&format!(
            "name=\"model\"\r\n\r\n{}-model-images_edits\r\n",
            canary::AZURE_NAME
        ))
    );
    assert!(text.contains("content-type: image/png\r\n\r\nsecond\r\n"));
    assert!(text.contains("content-type: application/octet-stream\r\n\r\nmask\r\n"));
    assert!(text.ends_with(&format!("1024x1024\r\n--{boundary}--\r\n")));
    assert_eq!(world.settle().await.units, Units::of(Unit::Images, 2));
}

#[tokio::test]
async fn bad_forms_and_numbers_are_refused_by_name() {
    let world = World::event("bad-forms").in_memory().everything().start().await;
    let ada = world.attendee("ada").await;
    let image = ("image", PNG, b"x".as_slice());
    let text = |name: &'static str, value: &'static str| (name, "", value.as_bytes());
    let mut said = String::new();
    for (name, parts) in [
        ("no image", vec![text("prompt", "x")]),
        ("a text as image", vec![text("image", "x")]),
        ("a file elsewhere", vec![image, ("prompt", PNG, b"x".as_slice())]),
        ("a file as model", vec![image, ("model", PNG, b"x".as_slice())]),
        ("two models", vec![image, text("model", "a"), text("model", "b")]),
        ("other letters", vec![image, text("Model", "a")]),
        ("a list", vec![image, text("n[]", "1")]),
        ("eleven", vec![image, text("n", "11")]),
        ("signed", vec![image, text("n", "+1")]),
        ("zeros", vec![image, text("n", "01")]),
        ("no flag", vec![image, text("stream", "yes")]),
    ] {
        let response = ada.send(ada.post_form(EDITS, &parts)).await;
        let error = &response.json()["error"];
        let param = error["param"].as_str().unwrap_or("-");
        said.push_str(&format!("{name} → {} {param}: {}\n", response.code(), error["message"]));
    }
    let broken = ada.post_form(EDITS, &[image]);
    let (head, body) = broken.into_parts();
    let body = body.slice(..body.len() - 4);
    let response = ada.send(http::Request::from_parts(head, body)).await;
    said.push_str(&format!("cut → {} {}\n", response.code(), response.json()["error"]["message"]));
    let response =
        ada.send(ada.post(GENERATIONS, json!({"prompt": "x", "n": 11}).to_string())).await;
    response.assert_refused(400, "invalid_value");
    assert_eq!(world.azure().calls(), 0);
    world.settle().await;
    assert_snapshot!(said, @r#"
    no image → invalid_value image: "image is missing. Send it as a file."
    a text as image → invalid_value image: "image must be a file with a name."
    a file elsewhere → invalid_value image: "Only these fields may hold files: image, image[], mask."
    a file as model → invalid_value model: "model must be a text, not a file."
    two models → duplicate_key model: "model is there twice. Send it once."
    other letters → unknown_parameter model: "There is a field that is almost model, in other letters. Write it as model."
    a list → unknown_parameter n: "n is one value. Write it as n."
    eleven → invalid_value n: "n must be a whole number from 1 to 10."
    signed → invalid_value n: "n must be a whole number from 1 to 2147483647."
    zeros → invalid_value n: "n must be a whole number from 1 to 2147483647."
    no flag → invalid_value stream: "stream must be true or false, without quotes."
    cut → invalid_value "The form is malformed: near part 2. Let your HTTP client write the form and its content type."
    "#);
}

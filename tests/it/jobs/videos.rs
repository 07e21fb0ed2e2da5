//! Videos: charged by the second, for JSON and for forms.

use http::Method;
use http::header::CONTENT_TYPE;
use lanyard_domain::object::Kind;
use lanyard_domain::unit::Unit;
use serde_json::{Value, json};

use super::{finish, world};
use crate::support::Reply;
use crate::support::kept::path;

#[tokio::test]
async fn a_video_costs_its_seconds_once_it_is_there_and_a_failed_one_nothing() {
    let world = world("videos").await;
    let ada = world.attendee("ada").await;
    let body = json!({"prompt": "elephants", "seconds": 5, "size": "1920x1080",
        "input_reference": "iVBORw0KGgo="});
    let made = ada.call(Method::POST, &path(Kind::Video), Some(&body)).await.assert_ok().json();
    assert_eq!((&made["status"], &made["video_url"]), (&json!("queued"), &Value::Null));
    let sent = world.azure().requests().pop().unwrap().json();
    assert_eq!((&sent["seconds"], &sent["size"]), (&json!("8"), &json!("1280x720")));
    let image = sent["input_reference"]["image_url"].as_str().unwrap().to_owned();
    assert_eq!(image, "data:image/png;base64,iVBORw0KGgo=");
    let id = made["id"].as_str().unwrap();
    let one = format!("{}/{id}", path(Kind::Video));
    world.azure().set_job(id, json!({"status": "completed", "progress": 100}));
    let shown = ada.call(Method::GET, &one, None).await.assert_ok().json();
    let url = shown["video_url"].as_str().unwrap();
    assert!(url.ends_with(&format!("/api/v1/videos/{id}/content")), "{url}");
    let video = ada.call(Method::GET, &format!("{one}/content"), None).await;
    assert_eq!(video.assert_ok().header("content-type"), Some("video/mp4"));
    let failed = ada.own(Kind::Video).await;
    world.azure().set_job(&failed, json!({"status": "failed", "error": {"code": "x"}}));
    assert_eq!(finish(&world).await.settled, 1);
    let totals = world.settle().await;
    assert_eq!((totals.requests, totals.units.get(Unit::VideoSeconds)), (2, 8));
}

#[tokio::test]
async fn a_video_made_anew_costs_as_much_as_the_first() {
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
async fn a_form_makes_a_video_too_and_its_file_arrives_byte_for_byte() {
    let world = world("forms").await;
    let ada = world.attendee("ada").await;
    let fields: [(&str, &str, &[u8]); 4] = [
        ("prompt", "", b"elephants"),
        ("model", "", b"gpt-4o-mini"),
        ("seconds", "", b"12"),
        ("input_reference", "\r\nContent-Type: image/png", b"\x89PNG\r\n\x1a\n"),
    ];
    let form = |fields: &[(&str, &str, &[u8])]| {
        let mut body = Vec::new();
        for (name, head, bytes) in fields {
            let file = if head.is_empty() { "" } else { "; filename=\"a.png\"" };
            body.extend_from_slice(
                format!(
                    "--edge\r\nContent-Disposition: form-data; name=\"{name}\"{file}{head}\r\n\r\n"
                )
                .as_bytes(),
            );
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--edge--\r\n");
        let mut request = ada.post(&path(Kind::Video), body);
        let kind = "multipart/form-data; boundary=edge".parse().unwrap();
        request.headers_mut().insert(CONTENT_TYPE, kind);
        request
    };
    ada.send(form(&fields)).await.assert_ok();
    let sent = world.azure().requests().pop().unwrap();
    let body = String::from_utf8_lossy(&sent.body).into_owned();
    let azure_name = sent.header("content-type").unwrap().starts_with("multipart/form-data");
    assert!(azure_name && body.contains("gpt-4o-mini") && body.contains("elephants"), "{body}");
    assert!(memchr_of(&sent.body, b"\x89PNG\r\n\x1a\n"));
    let hold = world.accounts().await[0].holds.values().next().copied().unwrap();
    assert_eq!(hold.units.get(Unit::VideoSeconds), 12);
    // A form has no field for an object of another attendee.
    for (name, param) in [
        ("input_reference[file_id]", "input_reference"),
        ("input_reference", "input_reference"),
        ("characters[0][id]", "characters"),
    ] {
        let refused = ada.send(form(&[fields[0], (name, "", b"file-1")])).await;
        refused.assert_refused(400, "parameter_not_allowed");
        assert_eq!(refused.json()["error"]["param"], param);
    }
    world.end_jobs().await;
    world.settle().await;
}

fn memchr_of(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[tokio::test]
async fn a_video_is_passed_on_as_it_arrives() {
    let world = world("streamed").await;
    let ada = world.attendee("ada").await;
    let video = ada.own(Kind::Video).await;
    let pieces: Vec<Vec<u8>> = (0..40_u8).map(|n| vec![n; 100_000]).collect();
    let reply = Reply::audio("video/mp4", &pieces.iter().map(Vec::as_slice).collect::<Vec<_>>());
    world.azure().script(reply);
    let content = format!("{}/{video}/content", path(Kind::Video));
    let mut stream = world.open(ada.get(&content)).await;
    let (mut bytes, mut chunks) = (0, 0);
    while let Some(piece) = stream.bytes().await {
        bytes += piece.len();
        chunks += 1;
    }
    assert_eq!(bytes, 4_000_000);
    assert!(chunks > 1);
    let variant = format!("{content}?variant=thumbnail");
    world.azure().script(Reply::audio("image/webp", &[b"RIFF"]));
    let image = ada.call(Method::GET, &variant, None).await;
    assert_eq!(image.assert_ok().header("content-type"), Some("image/webp"));
    assert!(world.azure().requests().pop().unwrap().target.ends_with("?variant=thumbnail"));
    world.end_jobs().await;
    world.settle().await;
}

#[tokio::test]
async fn a_length_or_a_image_that_cannot_be_is_refused_before_azure() {
    let world = world("refused").await;
    let ada = world.attendee("ada").await;
    for (field, value) in [
        ("seconds", json!(0)),
        ("seconds", json!("long")),
        ("seconds", json!(1.5)),
        ("input_reference", json!("file:///etc/passwd")),
        ("characters", json!([{"id": "char_1"}])),
    ] {
        let mut body = json!({"prompt": "elephants"});
        body[field] = value;
        let refused = ada.call(Method::POST, &path(Kind::Video), Some(&body)).await;
        assert_eq!(refused.status(), 400, "{body}");
        assert_eq!(refused.json()["error"]["param"], field);
    }
    assert_eq!((world.azure().calls(), world.settle().await.requests), (0, 0));
}

use super::*;
use crate::response::tests::a_hold;
use crate::stream::failure;

#[test]
fn the_tokens_of_images_are_held_by_size_and_quality() {
    let of_model = |model, fields: &str| {
        let caps = Caps::of_model(model);
        assert!(caps.facts.prices.output_image.is_some());
        let body = format!(r#"{{"prompt":"x"{fields}}}"#);
        let request = http::Request::new(Bytes::from(body));
        let id = "req_1".parse().unwrap();
        let payload = Payload::read(&GENERATIONS, &request, &id).unwrap();
        read(&payload, &caps).unwrap().estimate.completion_tokens
    };
    let held = |fields: &str| of_model("gpt-image-1", fields);
    assert_eq!(held(""), 6_240);
    assert_eq!(held(r#","n":10,"size":"1536x1024","quality":"high""#), 62_400);
    assert_eq!(held(r#","size":"1024x1024","quality":"low""#), 272);
    assert_eq!(held(r#","quality":"auto","partial_images":2"#), 6_540);
    assert_eq!(held(r#","quality":"low","quality":"high""#), 6_240);
    let held = |fields: &str| of_model("gpt-image-2", fields);
    assert_eq!(held(r#","n":10,"size":"1024x1024","quality":"high""#), 70_240);
    assert_eq!(held(r#","n":10,"size":"3584x2048","quality":"high""#), 123_290);
    assert_eq!(held(r#","size":"1024x1024","size":"3584x2048","quality":"low""#), 659);
    assert_eq!(held(""), 23_719);
}

#[test]
fn the_images_of_a_prompt_are_held_by_their_size_and_fidelity() {
    let held = |model: &str, parts: &[(&str, &[u8])]| {
        let caps = Caps::of_model(model);
        let mut body = Vec::new();
        for (name, value) in parts {
            let file = if FILES.contains(name) { "; filename=\"a.png\"" } else { "" };
            let head =
                format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
            body.extend([head.as_bytes(), *value, b"\r\n"].concat());
        }
        body.extend(b"--b--\r\n");
        let mut request = http::Request::new(Bytes::from(body));
        let content_type = "multipart/form-data; boundary=b".parse().unwrap();
        request.headers_mut().insert("content-type", content_type);
        let id = "req_1".parse().unwrap();
        let payload = Payload::read(&EDITS, &request, &id).unwrap();
        read(&payload, &caps).unwrap().estimate.prompt_tokens
    };
    let png = |width: u32, height: u32| {
        let mut head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        head.extend(width.to_be_bytes());
        head.extend(height.to_be_bytes());
        head.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
        head
    };
    let (square, wide) = (png(1_024, 1_024), png(1_536, 1_024));
    let (square, wide) = (square.as_slice(), wide.as_slice());
    let model = "gpt-image-1";
    assert_eq!(held(model, &[("image", square)]), 1_024);
    let three = [("image[]", square), ("image[]", wide), ("mask", square)];
    assert_eq!(held(model, &three), 2 * 1_024 + 1_536);
    assert_eq!(held(model, &[("image", b"no image")]), 10_000);
    let fidelity = |values: &[&'static [u8]], image: &[u8]| {
        let mut parts = vec![("image", image)];
        parts.extend(values.iter().map(|value| ("input_fidelity", *value)));
        held(model, &parts)
    };
    assert!((1_024..1_030).contains(&fidelity(&[b"low"], square)));
    let high = 1_024 + 4_160;
    assert!((high..high + 10).contains(&fidelity(&[b"high"], square)));
    assert!((high..high + 10).contains(&fidelity(&[b"low", b"high"], square)));
    assert!(fidelity(&[b"high"], wide) >= 1_536 + 6_240);
    // Newer models keep the details of every image.
    assert_eq!(held("gpt-image-2", &[("image", square)]), 1_024 + 4_160);
}

#[test]
fn an_edit_takes_fifty_images_over_all_parts_and_a_mask() {
    let read = |count: usize| {
        let part = |name: &str| {
            let head = "content-disposition: form-data; name=";
            format!("--b\r\n{head}\"{name}\"; filename=\"a.png\"\r\n\r\nx\r\n")
        };
        let names = ["image", "image[]"].into_iter().cycle().take(count).chain(["mask"]);
        let body: String = names.map(part).chain(["--b--\r\n".to_owned()]).collect();
        let mut request = http::Request::new(Bytes::from(body));
        let content_type = "multipart/form-data; boundary=b".parse().unwrap();
        request.headers_mut().insert("content-type", content_type);
        let id = "req_1".parse().unwrap();
        let payload = Payload::read(&EDITS, &request, &id).unwrap();
        super::read(&payload, &Caps::of_model("gpt-image-1")).map(|_| ())
    };
    assert!(read(50).is_ok());
    let refused = format!("{:?}", read(51).unwrap_err());
    assert!(refused.contains("50 images") && refused.contains("\"image\""), "{refused}");
}

#[test]
fn a_small_part_of_an_image_costs_what_the_image_does() {
    let hold = Hold { units: Units::of(Unit::Images, 1), completion_tokens: 6_540, ..a_hold() };
    let mut state = StreamState::default();
    for event in [
        r#"{"type":"image_generation.partial_image","b64_json":"AA"}"#,
        r#"{"error":{"code":"server_error","message":"x"}}"#,
    ] {
        read_event(&Frame(Bytes::from(format!("data: {event}\n\n"))), &mut state);
    }
    let charge = failure::settle(state.failure.as_ref().unwrap(), &state, &hold).charge(&hold);
    let charge = charge.unwrap();
    assert_eq!((charge.units.get(Unit::Images), charge.completion_tokens), (1, 6_540));
}

fn settled(body: &str) -> Option<Settlement> {
    let hold = Hold { units: Units::of(Unit::Images, 2), ..a_hold() };
    let cost = GENERATIONS.read_response(body.as_bytes(), &hold, u64::MAX);
    cost.map(|read| read.settlement)
}

#[test]
fn an_image_that_was_shown_counts_though_the_stream_ends_in_an_error() {
    let hold = Hold {
        units: Units::of(Unit::Images, 2),
        prompt_tokens: 40,
        completion_tokens: 2_000,
        ..a_hold()
    };
    let data = "A".repeat(60_000);
    let partial = format!(
        r#"{{"type":"image_generation.partial_image","partial_image_index":0,"b64_json":"{data}"}}"#
    );
    let complete = format!(r#"{{"type":"image_generation.completed","b64_json":"{data}"}}"#);
    let usage = r#""usage":{"input_tokens":7,"output_tokens":900,"total_tokens":907}"#;
    let counted = format!(r#"{{"type":"image_generation.completed","b64_json":"{data}",{usage}}}"#);
    let error = r#"{"error":{"code":"server_error","message":"x"}}"#.to_owned();
    let cost = |events: &[&String]| {
        let mut state = StreamState { most_tokens: 100_000, ..StreamState::default() };
        for event in events {
            let frame = Frame(Bytes::from(format!("data: {event}\n\n")));
            read_event(&frame, &mut state);
        }
        let settlement = match &state.failure {
            Some(failure) => failure::settle(failure, &state, &hold),
            None => settle(&state, &hold, false),
        };
        let charge = settlement.charge(&hold).unwrap();
        (charge.units.get(Unit::Images), charge.prompt_tokens, charge.completion_tokens)
    };
    assert_eq!(cost(&[&error]), (0, 40, 0));
    assert_eq!(cost(&[&partial, &partial, &error]), (1, 40, 1_000));
    assert_eq!(cost(&[&partial, &complete, &error]), (1, 40, 1_000));
    assert_eq!(cost(&[&complete, &partial, &error]), (2, 40, 2_000));
    assert_eq!(cost(&[&partial, &counted, &error]), (1, 7, 900));
    // Without an error, an image without its tokens costs what one was reserved with.
    assert_eq!(cost(&[&partial, &complete]), (1, 40, 1_000));
    assert_eq!(cost(&[&partial, &counted]), (1, 7, 900));
}

#[test]
fn a_stream_of_images_has_ended_when_all_are_there() {
    let mut state = StreamState { most_images: 2, ..StreamState::default() };
    let mut missing = |event: &str| {
        let frame = Frame(Bytes::from(format!("data: {event}\n\n")));
        assert_eq!(read_event(&frame, &mut state), StreamEvent::Pass);
        (GENERATIONS.stream.missing)(&state).is_some()
    };
    let usage = r#""usage":{"input_tokens":7,"output_tokens":9,"total_tokens":16}"#;
    assert!(missing(r#"{"type":"image_generation.partial_image","b64_json":"AA"}"#));
    assert!(missing(&format!(r#"{{"type":"image_generation.completed",{usage}}}"#)));
    assert!(missing(r#"{"type":"image_generation.partial_image","note":".completed"}"#));
    assert!(!missing(r#"{"type":"image_generation.completed","b64_json":"AA"}"#));
    assert_eq!(state.images, 2);
}

#[test]
fn images_are_counted_as_they_were_made() {
    let one = Settlement::Exact(Usage::of_units(Units::of(Unit::Images, 1)));
    assert_eq!(settled(r#"{"data":[{"url":"x"}]}"#), Some(one));
    let with_tokens =
        r#"{"data":[{}],"usage":{"input_tokens":7,"output_tokens":1056,"total_tokens":1063}}"#;
    let usage = Usage { units: Units::of(Unit::Images, 1), ..Usage::of_tokens(7, 1_056) };
    assert_eq!(settled(with_tokens), Some(Settlement::Exact(usage)));
    assert_eq!(settled("{}"), Some(Settlement::AtLeast(Usage::default())));
    assert_eq!(settled("<html>"), None);
}

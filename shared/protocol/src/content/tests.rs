use super::*;
use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};

fn content(json: &str, model: &str) -> Content<'static> {
    let node: Node<'_> = serde_json::from_str(json).unwrap();
    Content::of(json, &node, ModelFacts::of(model).unwrap())
}

/// The beginning of a PNG of this size.
fn png(width: u32, height: u32) -> String {
    let mut head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    head.extend(width.to_be_bytes());
    head.extend(height.to_be_bytes());
    head.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
    format!("data:image/png;base64,{}", BASE64.encode(head))
}

#[test]
fn images_count_by_size_detail_and_model() {
    let part = |url: &str, detail: &str| {
        format!(r#"{{"type":"image_url","image_url":{{"url":"{url}","detail":"{detail}"}}}}"#)
    };
    let tokens = |json: &str, model: &str| content(json, model).tokens - ITEM_TOKENS;
    assert_eq!(tokens(&part(&png(1_024, 1_024), "high"), "gpt-4o"), 765);
    assert_eq!(tokens(&part(&png(1_024, 1_024), "low"), "gpt-4o"), 85);
    assert_eq!(tokens(&part(&png(1_024, 1_024), "high"), "gpt-4o-mini"), 2_833 + 4 * 5_667);
    // The size of an image at an address is unknown.
    assert_eq!(tokens(&part("https://example.org/a.png", "auto"), "gpt-4o-mini"), 48_169);
    let item = format!(r#"{{"type":"input_image","image_url":"{}"}}"#, png(1_024, 1_024));
    assert_eq!(tokens(&item, "gpt-5-mini"), 1_659);
}

#[test]
fn an_image_counts_by_its_size_wherever_a_client_sends_it_back() {
    let long = "AAAA".repeat(100_000);
    let encoded = format!("{}{long}", png(1_024, 1_024).trim_end_matches('='));
    let (_, bare) = encoded.split_once(',').unwrap();
    let plain = content(&format!(r#"{{"type":"input_image","image_url":"{encoded}"}}"#), "gpt-5");
    for json in [
        format!(
            r#"{{"type":"code_interpreter_call","id":"ci_1","container_id":null,"code":"x","status":"completed","outputs":[{{"type":"image","url":"{encoded}"}}]}}"#
        ),
        format!(r#"{{"type":"image_generation_call","id":"ig_1","result":"{bare}"}}"#),
        format!(
            r#"{{"type":"computer_call_output","output":{{"type":"computer_screenshot","image_url":"{encoded}"}}}}"#
        ),
        format!(r#"{{"type":"output_image","image_url":"{encoded}"}}"#),
        format!(r#"{{"type":"image","image":"{encoded}"}}"#),
        format!(r#"{{"type":"image","image":{{"url":"{encoded}"}}}}"#),
        format!(r#"{{"type":"image","data":"{bare}","mimeType":"image/png"}}"#),
        format!(r#"{{"type":"image","base64":"{bare}","mime_type":"image/png"}}"#),
        format!(r#"{{"type":"image","URL":"{encoded}"}}"#),
        format!(r#"{{"type":"image_url","url":"{encoded}"}}"#),
    ] {
        let found = content(&json, "gpt-5");
        assert_eq!(found.images, 1, "{json:.80}");
        assert!((plain.tokens..plain.tokens + 60).contains(&found.tokens), "{json:.80}");
    }
    // What stands beside the image is text, and so are the arguments of a tool.
    let text = "Hello out there. ".repeat(1_000);
    for json in [
        format!(r#"{{"type":"image","url":"{encoded}","caption":"{text}"}}"#),
        format!(r#"{{"type":"tool_use","name":"f","input":{{"type":"image","url":"{text}"}}}}"#),
        format!(
            r#"{{"type":"tool_use","name":"f","input":{{"a":[{{"type":"image","data":"{text}"}}]}}}}"#
        ),
    ] {
        assert!(content(&json, "gpt-5").tokens > 3_000, "{json:.80}");
    }
}

#[test]
fn what_only_the_model_can_read_counts_by_a_sixth_of_its_length() {
    let data = "gAAA".repeat(15_000);
    for json in [
        format!(r#"{{"type":"reasoning","encrypted_content":"{data}"}}"#),
        format!(r#"{{"type":"thinking","thinking":"","signature":"{data}"}}"#),
        format!(r#"{{"type":"redacted_thinking","data":"{data}"}}"#),
        format!(
            r#"{{"type":"web_search_tool_result","content":[{{"type":"web_search_result","encrypted_content":"{data}"}}]}}"#
        ),
        format!(r#"{{"type":"web_search_result_location","encrypted_index":"{data}"}}"#),
    ] {
        let tokens = content(&json, "claude-sonnet-5").tokens;
        assert!((10_000..10_050).contains(&tokens), "{json:.80} {tokens}");
    }
}

#[test]
fn of_a_repeated_key_the_dearest_value_counts() {
    let tiny = png(1, 1);
    let data = tiny.split_once(',').unwrap().1;
    let there = "https://example.org/a.png";
    let chat = |fields: &str| format!(r#"{{"type":"image_url","image_url":{{{fields}}}}}"#);
    let item = |fields: &str| format!(r#"{{"type":"input_image",{fields}}}"#);
    let dear = content(&chat(&format!(r#""url":"{there}""#)), "gpt-4o").tokens;
    assert_eq!(dear, 85 + 8 * 170 + ITEM_TOKENS);
    for part in [
        chat(&format!(r#""url":"{tiny}","url":"{there}""#)),
        chat(&format!(r#""url":"{there}","url":"{tiny}""#)),
        chat(&format!(r#""url":"{tiny}","u\u0072l":"{there}""#)),
        chat(&format!(r#""url":"{tiny}","url":null"#)),
        chat(&format!(r#""url":"{there}","detail":"low","detail":"high""#)),
        chat(&format!(r#""url":"{there}","detail":"high","detail":"low""#)),
        chat(&format!(r#""url":"{there}","detail":"low","d\u0065tail":"high""#)),
        chat(&format!(r#""url":"{there}","detail":"low","detail":null"#)),
        item(&format!(r#""image_url":"{tiny}","image_url":"{there}""#)),
        item(&format!(r#""image_url":"{there}","detail":"low","detail":"auto""#)),
        item(&format!(r#""image_url":{{"url":"{tiny}","url":"{there}"}}"#)),
        item(&format!(r#""image_url":"{tiny}","image_url":{{"url":"{there}"}}"#)),
        item(&format!(r#""image_url":"{tiny}","file_id":"f""#)),
        format!(
            r#"{{"type":"image","source":{{"type":"base64","data":"{data}"}},"source":{{"type":"url","url":"{there}"}}}}"#
        ),
    ] {
        assert!((dear..dear + 10).contains(&content(&part, "gpt-4o").tokens), "{part}");
    }
    let text = "Hello out there. ".repeat(1_000);
    for document in [
        format!(
            r#"{{"type":"image","type":"document","source":{{"type":"text","data":"{text}"}}}}"#
        ),
        format!(
            r#"{{"type":"document","source":{{"type":"base64","type":"text","data":"{text}"}}}}"#
        ),
        format!(
            r#"{{"type":"document","source":{{"type":"base64","type":"content","content":[{{"type":"text","text":"{text}"}}]}}}}"#
        ),
        format!(r#"{{"type":"document","source":{{"type":"base64","data":"AAAA","x":"{text}"}}}}"#),
    ] {
        assert!(content(&document, "gpt-4o").tokens > 3_000, "{document:.80}");
    }
    let low = chat(&format!(r#""url":"{there}","detail":"low""#));
    assert_eq!(content(&low, "gpt-4o").tokens, 85 + ITEM_TOKENS);
}

#[test]
fn long_names_and_numbers_count_like_other_text() {
    let text = "Hello out there. ".repeat(1_000);
    let digits = "1234567890".repeat(1_000);
    for json in [
        format!(r#"{{"type":"tool_use","name":"f","input":{{"{text}":1}}}}"#),
        format!(r#"{{"type":"tool_use","name":"f","input":{{"a":[{{"b":1.{digits}}}]}}}}"#),
        format!(r#"{{"type":"tool_search_output","tools":[{{"parameters":{{"{text}":{{}}}}}}]}}"#),
        format!(r#"{{"role":"user","content":"Hi","{text}":null}}"#),
        format!(r#"[{{"role":"user","{}":1}}]"#, text.to_uppercase()),
        format!(r#"{{"type":"image_url","image_url":{{"url":"AAAA"}},"{text}":1}}"#),
        format!(r#"{{"type":"document","{text}":1}}"#),
        format!(r#"{{"type":"input_audio","input_audio":{{"data":"","{text}":1}}}}"#),
    ] {
        assert!(content(&json, "gpt-5").tokens > 3_000, "{json:.80}");
    }
    // An honest call is counted as what it is.
    let call = r#"{"type":"function_call","name":"add","arguments":{"a":1,"b":25}}"#;
    assert!((15..25).contains(&content(call, "gpt-5").tokens));
}

#[test]
fn encoded_files_never_count_by_their_length() {
    let pdf = format!("%PDF-1.4\n1 0 obj <</Type /Page>> endobj\n{}", "\0".repeat(200_000));
    let data = BASE64.encode(pdf);
    let item =
        format!(r#"{{"type":"input_file","file_data":"data:application/pdf;base64,{data}"}}"#);
    assert!((100..5_000).contains(&content(&item, "gpt-5-mini").tokens));
    let text = BASE64.encode("Hello out there. ".repeat(100));
    let item = format!(r#"{{"type":"input_file","file_data":"data:text/plain;base64,{text}"}}"#);
    assert!((300..700).contains(&content(&item, "gpt-5-mini").tokens));
}

#[test]
fn a_pdf_counts_by_its_pages_wherever_it_begins() {
    let tokens_of =
        |file: &[u8]| Content::nothing(ModelFacts::of("gpt-4o").unwrap()).file_tokens(file);
    let pages = format!(
        "%PDF-1.7\n1 0 obj <</Kids [{}]>> endobj 3 0 obj <</Type/Page>> endobj",
        "3 0 R ".repeat(90)
    );
    let least = 90 * 765;
    for before in ["", "\n", "\u{feff}", "x"] {
        let tokens = tokens_of(format!("{before}{pages}").as_bytes());
        assert!((least..2 * least).contains(&tokens), "{before:?} {tokens}");
    }
    let text = format!("\n{pages}{}", "Hello out there. ".repeat(40_000));
    assert!(tokens_of(text.as_bytes()) > 2 * least);
    let filters =
        "%PDF-1.7\n3 0 obj <</Filter[/FlateDecode/FlateDecode]>> stream\nendstream endobj";
    assert_eq!(tokens_of(filters.as_bytes()), 128_000);
}

#[test]
fn anthropics_images_and_documents_count_by_what_they_hold() {
    let model = "claude-sonnet-5";
    let block = |kind: &str, source: &str| {
        content(&format!(r#"{{"type":"{kind}","source":{source}}}"#), model).tokens
    };
    let base64 = |media: &str, data: &str| {
        format!(r#"{{"type":"base64","media_type":"{media}","data":"{data}"}}"#)
    };
    let url = png(1_000, 750);
    let (_, data) = url.split_once(',').unwrap();
    assert_eq!(block("image", &base64("image/png", data)), 1_000 + ITEM_TOKENS);
    let most = block("image", r#"{"type":"url","url":"https://example.org/a.png"}"#);
    assert!(most > 1_500, "{most}");
    let pdf = format!("%PDF-1.4\n1 0 obj <</Type /Page>> endobj\n{}", "\0".repeat(200_000));
    let tokens = block("document", &base64("application/pdf", &BASE64.encode(pdf)));
    assert!((100..6_000).contains(&tokens), "{tokens}");
    let text = r#"{"type":"text","media_type":"text/plain","data":"Hello out there."}"#;
    assert!((4..30).contains(&block("document", text)));
    for there in [
        r#"{"type":"url","url":"https://example.org/a.pdf"}"#,
        r#"{"type":"text","type":"url","data":"a","url":"https://example.org/a.pdf"}"#,
    ] {
        assert!((1_000_000..1_000_100).contains(&block("document", there)), "{there}");
    }
    let tiny = format!(r#"{{"type":"url","url":"https://example.org/a.png","data":"{data}"}}"#);
    assert_eq!(block("image", &tiny), most);
    let nested = format!(
        r#"{{"type":"content","content":[{{"type":"image","source":{}}}]}}"#,
        base64("image/png", data)
    );
    assert!((1_000..1_100).contains(&block("document", &nested)));
}

#[test]
fn a_recording_counts_by_its_seconds() {
    let mut wave =
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0".to_vec();
    wave.extend(std::iter::repeat_n(0, 32_000 * 10));
    let data = BASE64.encode(wave);
    let part =
        format!(r#"{{"type":"input_audio","input_audio":{{"data":"{data}","format":"wav"}}}}"#);
    assert!((100..140).contains(&content(&part, "gpt-4o").tokens));
}

#[test]
fn a_medium_at_an_address_counts_as_the_most_that_the_model_takes() {
    let there = "https://example.org/a";
    let nested = |kind: &str, field: &str, url: &str| {
        format!(r#"{{"type":"{kind}","{kind}":{{"{field}":"{url}"}}}}"#)
    };
    for part in [
        nested("audio_url", "url", there),
        nested("audio_url", "url", "HTTPS://example.org/a"),
        nested("video_url", "url", there),
        nested("video_url", "url", "s3://bucket/a"),
        nested("input_audio", "data", there),
        nested("input_audio", "url", there),
        nested("file", "file_data", there),
        nested("file", "file_data", "http://example.org/a"),
        nested("file", "file_url", there),
        nested("file_url", "url", there),
        format!(r#"{{"type":"input_file","file_data":"{there}"}}"#),
        format!(r#"{{"type":"document_url","document_url":"{there}"}}"#),
        format!(r#"{{"type":"video","video":"{there}"}}"#),
        format!(r#"{{"type":"audio","audio":"{there}"}}"#),
        nested("input_audio", r#"data":"AAAA","data"#, there),
        nested("video_url", "url", "data:video/mp4;base64,AAAA"),
    ] {
        let tokens = content(&part, "gpt-4o").tokens;
        assert!((128_000..128_100).contains(&tokens), "{part} {tokens}");
    }
    let data = "AAAA".repeat(1_000);
    for part in [
        nested("audio_url", "url", &format!("data:audio/mp3;base64,{data}")),
        nested("input_audio", "data", &data),
    ] {
        let tokens = content(&part, "gpt-4o").tokens;
        assert!((100..200).contains(&tokens), "{part} {tokens}");
    }
    for part in [r#"{"audio":{"id":"audio_1"}}"#, r#"{"video":"A clip about https://a.b"}"#] {
        assert!(content(part, "gpt-4o").tokens < 40, "{part}");
    }
}

#[test]
fn the_files_of_a_request_share_one_budget() {
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(&vec![b' '; Budget::UNPACKED / 3], 9);
    let head = b"%PDF-1.7\n3 0 obj <</Filter/FlateDecode>> stream\n".as_slice();
    let data = BASE64.encode([head, &packed, b"\nendstream endobj"].concat());
    let file = format!(r#"{{"type":"input_file","file_data":"{data}"}}"#);
    let list = |files: usize| format!("[{}]", vec![file.as_str(); files].join(","));
    assert!(content(&list(3), "gpt-4o").tokens < 128_000);
    let three = content(&list(3), "gpt-4o").tokens;
    let six = content(&list(6), "gpt-4o").tokens;
    assert!(six > three + 3 * 128_000, "{six}");
}

#[test]
fn a_packed_file_counts_by_what_it_unpacks_to_wherever_it_is_sent() {
    let packed =
        miniz_oxide::deflate::compress_to_vec("Hello out there. ".repeat(5_000).as_bytes(), 9);
    let head = b"\x1f\x8b\x08\0\0\0\0\0\0\x03".as_slice();
    let data = BASE64.encode([head, &packed, &[0; 8]].concat());
    let url = format!("data:application/octet-stream;base64,{data}");
    let source = format!(r#"{{"type":"base64","media_type":"application/pdf","data":"{data}"}}"#);
    for part in [
        format!(r#"{{"type":"input_file","filename":"a.docx","file_data":"{url}"}}"#),
        format!(r#"{{"type":"input_file","filename":"a.docx","file_data":"{data}"}}"#),
        format!(r#"{{"type":"file","file":{{"filename":"a.docx","file_data":"{url}"}}}}"#),
        format!(r#"{{"type":"input_file","file_url":"{url}"}}"#),
        format!(r#"{{"type":"document","source":{source}}}"#),
        format!(r#"{{"type":"tool_result","content":[{{"type":"document","source":{source}}}]}}"#),
    ] {
        let tokens = content(&part, "gpt-5").tokens;
        assert!(tokens > 20_000, "{part:.60} {tokens}");
    }
}

/// Each level of it was read twice, so it would take for ever.
#[test]
fn parts_that_say_twice_what_they_are_are_read_once_within_each_other() {
    let mut part = r#""x""#.to_owned();
    for _ in 0..60 {
        part = format!(r#"{{"type":"image_url","type":"document","x":{part}}}"#);
    }
    assert!(content(&part, "gpt-4o").tokens >= 128_000);
    let image = r#"{"type":"image_url","type":"image_url","x":"#;
    let nested = format!("{}1{}", image.repeat(60), "}".repeat(60));
    assert!(content(&nested, "gpt-4o").tokens > 0);
}

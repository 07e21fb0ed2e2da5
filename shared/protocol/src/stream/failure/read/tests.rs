use serde_json::json;

use super::*;

/// Message, code and parameter of an error.
fn read(body: &str) -> (Option<String>, Option<String>, Option<String>) {
    let Failure { message, code, param, .. } = Failure::read(body.as_bytes());
    (message, code, param)
}

#[test]
fn the_sentence_of_an_error_is_found_in_each_shape() {
    for (body, message, code, param) in [
        // OpenAI, Azure, Anthropic.
        (
            r#"{"error":{"message":"No.","type":"invalid_request_error","param":"n","code":"bad"}}"#,
            "No.",
            "bad",
            "n",
        ),
        (
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"No."},"request_id":"r"}"#,
            "No.",
            "",
            "",
        ),
        (r#"{"error":"No."}"#, "No.", "", ""),
        (
            r#"{"error":"Bad Request","message":"No.","status":400,"path":"/score"}"#,
            "No.",
            "400",
            "",
        ),
        (r#"{"error":["No.","Neither."]}"#, "No.; Neither.", "", ""),
        // Azure API Management, App Service.
        (r#"{"statusCode":400,"message":"No."}"#, "No.", "400", ""),
        (r#"{"Message":"No."}"#, "No.", "", ""),
        (r#"{"Error":{"Code":"Bad","Message":"No."}}"#, "No.", "Bad", ""),
        (r#"{"code":"Bad","message":"No.","details":[]}"#, "No.", "Bad", ""),
        (r#"{"code":"Bad","message":"No.","details":"Of n."}"#, "No. Of n.", "Bad", ""),
        (
            r#"{"code":"Bad","message":"No.","details":[{"code":"x","target":"n","message":"Too big."}]}"#,
            "No. n: Too big.",
            "Bad",
            "n",
        ),
        (r#"{"message":"No."}"#, "No.", "", ""),
        (r#"{"msg":"No."}"#, "No.", "", ""),
        // FastAPI, vLLM, Mistral.
        (r#"{"detail":"No."}"#, "No.", "", ""),
        (
            r#"{"detail":[{"type":"missing","loc":["body","messages",0,"role"],"msg":"Field required","input":{"content":"a secret"}}]}"#,
            "messages[0].role: Field required",
            "",
            "messages[0].role",
        ),
        (
            r#"[{"type":"missing","loc":["body"],"msg":"Field required","input":null}]"#,
            "body: Field required",
            "",
            "body",
        ),
        (
            r#"{"object":"error","message":"No.","type":"BadRequestError","param":null,"code":400}"#,
            "No.",
            "400",
            "",
        ),
        (
            r#"{"object":"error","message":{"detail":[{"loc":["body","user"],"msg":"Extra inputs are not permitted","input":"a secret"},{"loc":["body","n"],"msg":"No."}]},"type":"invalid_request_error","code":3051}"#,
            "user: Extra inputs are not permitted; n: No.",
            "3051",
            "user",
        ),
        (
            r#"{"error":{"code":"Invalid input","status":422,"message":"invalid input error","details":[{"type":"extra_forbidden","loc":["body","user"],"msg":"No."}]}}"#,
            "invalid input error: user: No.",
            "Invalid input",
            "user",
        ),
        // Problems of RFC 9457, with the lists that servers add.
        (
            r#"{"type":"https://example.org/bad","title":"Bad","status":400,"detail":"No."}"#,
            "No.",
            "400",
            "",
        ),
        (r#"{"type":"about:blank","title":"Bad Request","status":400}"#, "Bad Request", "400", ""),
        (
            r#"{"title":"Validation failed.","errors":{"n":["Too big.","Too odd."],"m":["No."]}}"#,
            "Validation failed. m: No.; n: Too big.; Too odd.",
            "",
            "m",
        ),
        (r#"{"errors":["No."]}"#, "No.", "", ""),
        (
            r#"{"errors":[{"code":"bad","message":"No."},{"detail":"Neither."}]}"#,
            "No.; Neither.",
            "bad",
            "",
        ),
        // An error in an error.
        (
            r#"{"error":{"message":"{\"detail\":[{\"loc\":[\"body\",\"n\"],\"msg\":\"No.\",\"input\":\"a secret\"}]}"}}"#,
            "n: No.",
            "",
            "n",
        ),
        (r#"{"error":{"message":{"error":{"message":"No.","code":"bad"}}}}"#, "No.", "bad", ""),
        // No JSON.
        ("No.\r\n", "No.", "", ""),
        ("\"No.\"", "No.", "", ""),
        (
            "<html><head><title>413 Request\nEntity Too Large</title></head><body>nginx</body></html>",
            "413 Request Entity Too Large",
            "",
            "",
        ),
        ("<!DOCTYPE html><h1 class='x'>No.</h1><address>Server at host</address>", "No.", "", ""),
        ("<Error><Code>Bad</Code><Message>No.</Message></Error>", "No.", "", ""),
    ] {
        let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        assert_eq!(read(body), (filled(message), filled(code), filled(param)), "{body}");
    }
}

#[test]
fn what_says_nothing_has_no_sentence() {
    for body in [
        "",
        " ",
        "{}",
        "[]",
        "null",
        "true",
        "12",
        "\"\"",
        "{\"error\":{}}",
        "{\"error\":true}",
        "{\"error\":{\"message\":\"cut o",
        "[{\"msg\":",
        "\u{0}\u{1}x",
        "<html></html>",
        "---",
        r#"{"detail":[{"input":"a secret"}]}"#,
        r#"{"input":"a secret","prompt":"a secret"}"#,
    ] {
        assert_eq!(read(body).0, None, "{body}");
    }
    assert_eq!(Failure::read(b"\xff\xfe\x00"), Failure::default());
}

#[test]
fn the_input_that_a_server_repeats_is_never_passed_on() {
    for text in [
        r"[{'type': 'extra_forbidden', 'msg': 'No', 'input': {'a': ['secret', 'it\'s secret']}, 'ctx': {}}]",
        "1 error for Body\nuser\n  No [type=x, input_value={'a': 'secret...}, input_type=dict]",
        "No [type=x, input_value='secret', input_type=str] and No [input_value=[\"secret\"], input_type=list]",
        r#"Failed: {"msg":"No","input":"secret"#,
        r#"Failed with [{"msg": "No", "input": ["secret"]}]"#,
    ] {
        for body in [
            json!({"error": {"message": text}}),
            json!({"detail": text}),
            json!({"object": "error", "message": text}),
            json!({"errors": [text]}),
        ] {
            let message = read(&body.to_string()).0.unwrap();
            assert!(message.contains("No") && !message.contains("secret"), "{message}");
        }
        // What begins as a list and is none says nothing.
        if let Some(message) = read(text).0 {
            assert!(!message.contains("secret"), "{message}");
        }
    }
}

#[test]
fn texts_are_bounded() {
    let long = "word ".repeat(10_000);
    let nested = (0..100).fold("\"No.\"".to_owned(), |inner, _| format!("{{\"error\":{inner}}}"));
    let many: Vec<_> = (0..100).map(|n| json!({"loc": [long], "msg": n.to_string()})).collect();
    for body in [
        long.clone(),
        json!({"error": {"message": long, "code": long, "type": long, "param": long}}).to_string(),
        json!({"detail": many}).to_string(),
        nested,
    ] {
        let Failure { code, status, kind, message, param } = Failure::read(body.as_bytes());
        assert!(message.is_none_or(|text| text.chars().count() <= LONGEST + 1));
        for name in [code, status, kind, param].into_iter().flatten() {
            assert!(name.chars().count() <= LONGEST_NAME + 1);
        }
    }
    let errors = json!({"errors": vec!["No."; 10]}).to_string();
    let message = read(&errors).0.unwrap();
    assert_eq!(message, "No.; No.; No.; No.; No.; No.; No.; No.; … and 2 more");
}

#[test]
fn keys_are_never_passed_on_and_ids_are() {
    for (text, expected) in [
        ("Key 0123456789abcdef0123456789abcdef is bad.", "Key [redacted] is bad."),
        ("Key 'sk-proj-0123456789abcdef'.", "Key '[redacted]'."),
        ("Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln: no", "Bearer [redacted]: no"),
        (
            "Item rs_0123456789abcdef0123456789abcdef is missing.",
            "Item rs_0123456789abcdef0123456789abcdef is missing.",
        ),
        (
            "Trace 0f8fad5b-d9cb-469f-a165-70867728950e.",
            "Trace 0f8fad5b-d9cb-469f-a165-70867728950e.",
        ),
    ] {
        assert_eq!(read(&json!({"message": text}).to_string()).0.as_deref(), Some(expected));
        assert_eq!(read(text).0.as_deref(), Some(expected));
    }
}

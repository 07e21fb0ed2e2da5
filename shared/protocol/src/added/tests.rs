use super::*;

fn refused(body: &str) -> Option<&'static str> {
    let fields = refused_fields(StatusCode::BAD_REQUEST, body.as_bytes());
    let same = refused_fields(StatusCode::UNPROCESSABLE_ENTITY, body.as_bytes());
    assert_eq!(fields, same, "{body}");
    assert!(refused_fields(StatusCode::NOT_FOUND, body.as_bytes()).is_empty());
    assert!(fields.iter().count() < 2, "{body}");
    fields.iter().map(AddedField::name).next()
}

#[test]
fn a_refusal_of_several_fields_names_them_all() {
    let both = RefusedFields::default().with(AddedField::User).with(AddedField::StreamOptions);
    for body in [
        r#"{"detail":[{"type":"extra_forbidden","loc":["body","user"],"msg":"Extra inputs are not permitted"},{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}"#,
        r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"x"},{"type":"extra_forbidden","loc":["body","user"],"msg":"x"}]}}"#,
        r#"{"error":{"message":"Extra parameters ['user', 'stream_options'] are not allowed.","param":null}}"#,
    ] {
        assert_eq!(refused_fields(StatusCode::BAD_REQUEST, body.as_bytes()), both, "{body}");
    }
}

#[test]
fn a_refusal_of_a_field_of_ours_is_found_however_it_is_written() {
    for (body, expected) in [
        (
            r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}"#,
            "max_tokens",
        ),
        (
            r#"{"error":{"message":"Unsupported parameter: 'max_completion_tokens'. Use 'max_tokens' instead."}}"#,
            "max_completion_tokens",
        ),
        (
            r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model.","code":null}}"#,
            "max_tokens",
        ),
        (
            r#"{"error":{"message":"Unrecognized request argument supplied: stream_options","type":"invalid_request_error","param":null,"code":null}}"#,
            "stream_options",
        ),
        (
            r#"{"error":{"message":"Unrecognized request arguments supplied: stream_options","param":null}}"#,
            "stream_options",
        ),
        (
            r#"{"error":{"message":"Unknown parameter: 'safety_identifier'.","param":"safety_identifier","code":"unknown_parameter"}}"#,
            "safety_identifier",
        ),
        (
            r#"{"detail":[{"type":"extra_forbidden","loc":["body","user"],"msg":"Extra inputs are not permitted","input":"7f"}]}"#,
            "user",
        ),
        (
            r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]},"type":"invalid_request_error"}"#,
            "stream_options",
        ),
        (
            r#"{"error":{"code":"Invalid input","status":422,"message":"invalid input error","details":[{"type":"extra_forbidden","loc":["body","user"],"msg":"Extra inputs are not permitted"}]}}"#,
            "user",
        ),
        (
            r#"{"error":{"message":"[{'type': 'extra_forbidden', 'loc': ('body', 'user'), 'msg': 'Extra inputs are not permitted'}]"}}"#,
            "user",
        ),
        (r#"{"message":"Additional properties are not allowed ('user' was unexpected)"}"#, "user"),
        (r#"{"detail":"Unknown parameter: user."}"#, "user"),
        (
            r#"{"error":{"message":"Encrypted content is not supported with this model.","param":"include","code":"invalid_value"}}"#,
            "include",
        ),
    ] {
        assert_eq!(refused(body), Some(expected), "{body}");
    }
}

#[test]
fn a_refusal_without_json_names_the_field_and_not_those_that_the_server_knows() {
    let serde = "unknown field `user`, expected one of `model`, `metadata`, `stream_options`";
    let quoted = serde_json::json!({"error": {"message": serde}}).to_string();
    for body in [
        serde,
        &quoted,
        "Failed to deserialize the JSON body into the target type: user: unknown field `user`, expected `model` or `metadata` at line 1 column 20",
        "Unrecognized request argument supplied: user",
        "Unexpected `user`.",
        "Unknown field 'user'. Supported fields are: 'model', 'metadata'.",
        "1 validation error for Request\nbody.user\n  Extra inputs are not permitted",
        "user\n  Extra inputs are not permitted [type=extra_forbidden, input_value='7f', input_type=str]",
    ] {
        assert_eq!(refused(body), Some("user"), "{body}");
    }
    for body in [
        "unknown field `temperature`, expected one of `user`, `metadata`",
        "<html><title>unknown field user</title></html>",
        "The user is not there.",
        "",
    ] {
        assert_eq!(refused(body), None, "{body}");
    }
}

#[test]
fn a_refusal_of_what_the_client_wrote_is_none_of_ours() {
    for body in [
        r#"{"error":{"message":"Invalid value: 'usr'. Supported values are: 'system', 'assistant', 'user'.","param":"messages[0].role","code":"invalid_value"}}"#,
        r#"{"error":{"message":"max_tokens is too large: 5000. This model supports at most 4096.","param":"max_tokens","code":"invalid_value"}}"#,
        r#"{"error":{"message":"Unsupported value: 'temperature' does not support 0 with this model.","param":"temperature","code":"unsupported_value"}}"#,
        r#"{"error":{"message":"Unrecognized request argument supplied: user_name"}}"#,
        r#"{"error":{"message":"Unknown parameter: 'messages[0].user'.","param":"messages[0].user"}}"#,
        r#"{"detail":[{"type":"extra_forbidden","loc":["body","messages",0,"user"],"msg":"Extra inputs are not permitted"}]}"#,
        r#"{"detail":[{"type":"missing","loc":["body","user"],"msg":"Field required"}]}"#,
        r#"{"error":{"message":"The user asked for something bad."}}"#,
        "<html>unknown user</html>",
    ] {
        assert_eq!(refused(body), None, "{body}");
    }
}

#[test]
fn the_cap_goes_by_the_field_that_is_left() {
    use CompletionField::{MaxCompletionTokens, MaxTokens};
    let none = RefusedFields::default();
    assert_eq!(none.cap_field(MaxTokens), MaxTokens);
    assert_eq!(none.with(AddedField::MaxTokens).cap_field(MaxTokens), MaxCompletionTokens);
    let newer = none.with(AddedField::MaxCompletionTokens);
    assert_eq!(newer.cap_field(MaxCompletionTokens), MaxTokens);
    assert_eq!(newer.with(AddedField::MaxTokens).cap_field(MaxTokens), MaxTokens);
}

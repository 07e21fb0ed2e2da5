//! The payloads of a usual chat stream, and the events around them.

/// Azure's first frame: what the filter found in the prompt, and no choice.
pub const PROMPT_FILTER: &str = r#"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"},"jailbreak":{"detected":false,"filtered":false},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}}]}"#;

/// The role of the message.
pub const ROLE: &str = r#"{"choices":[{"content_filter_results":{},"delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"created":1764000000,"id":"chatcmpl-scripted","model":"gpt-4o-mini-2024-07-18","object":"chat.completion.chunk","system_fingerprint":"fp_scripted"}"#;

/// One token, "Hello"; [`content`] makes others.
pub const CONTENT: &str = r#"{"choices":[{"content_filter_results":{},"delta":{"content":"Hello"},"finish_reason":null,"index":0,"logprobs":null}],"created":1764000000,"id":"chatcmpl-scripted","model":"gpt-4o-mini-2024-07-18","object":"chat.completion.chunk","system_fingerprint":"fp_scripted"}"#;

/// The end of the choice.
pub const FINISH: &str = r#"{"choices":[{"content_filter_results":{},"delta":{},"finish_reason":"stop","index":0,"logprobs":null}],"created":1764000000,"id":"chatcmpl-scripted","model":"gpt-4o-mini-2024-07-18","object":"chat.completion.chunk","system_fingerprint":"fp_scripted"}"#;

/// 17 prompt and 5 completion tokens, and no choice.
pub const USAGE: &str = r#"{"choices":[],"created":1764000000,"id":"chatcmpl-scripted","model":"gpt-4o-mini-2024-07-18","object":"chat.completion.chunk","system_fingerprint":"fp_scripted","usage":{"completion_tokens":5,"completion_tokens_details":{"accepted_prediction_tokens":0,"audio_tokens":0,"reasoning_tokens":0,"rejected_prediction_tokens":0},"prompt_tokens":17,"prompt_tokens_details":{"audio_tokens":0,"cached_tokens":0},"total_tokens":22}}"#;

/// The last payload of every stream; the only one that is not JSON.
pub const DONE: &str = "[DONE]";

/// [`CONTENT`] with another text.
pub fn content(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    CONTENT.replacen("\"Hello\"", &quoted, 1)
}

/// The frame as it is when usage was asked for: with `"usage": null` at its end.
pub fn with_usage_null(frame: &str) -> String {
    match frame.strip_suffix('}') {
        Some(open) => format!("{open},\"usage\":null}}"),
        None => frame.to_owned(),
    }
}

/// The payloads as server-sent events with `\n` line endings.
pub fn sse(frames: &[&str]) -> Vec<u8> {
    frames.iter().flat_map(|frame| format!("data: {frame}\n\n").into_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn frames_are_json_of_one_completion() {
        assert_eq!(content("Hello"), CONTENT);
        let quoted: Value = serde_json::from_str(&content("say \"hi\"\n")).unwrap();
        assert_eq!(quoted["choices"][0]["delta"]["content"], "say \"hi\"\n");
        for frame in [PROMPT_FILTER, ROLE, CONTENT, FINISH, USAGE] {
            assert!(serde_json::from_str::<Value>(frame).unwrap()["choices"].is_array());
        }
        let asked: Value = serde_json::from_str(&with_usage_null(ROLE)).unwrap();
        assert_eq!(asked.as_object().unwrap().get("usage"), Some(&Value::Null));
    }
}

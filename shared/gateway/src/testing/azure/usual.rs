//! Correct replies, as Azure sends them.

use lanyard_domain::models::KnownModel;
use lanyard_domain::operation::Operation;
use lanyard_protocol::Protocol;
use serde_json::{Value, json};

use super::frames::{DONE, FINISH, PROMPT_FILTER, ROLE, USAGE, content, with_usage_null};
use super::{Body, LineEnding, Recorded, Reply, claude};

/// The model's text, unless the test chooses another one.
pub const COMPLETION: &str = "Hello from the scripted Azure.";

/// The prompt tokens of every correct response.
pub const PROMPT_TOKENS: u64 = 17;

/// The completion tokens of every correct chat response, and the number of its frames with text.
pub const COMPLETION_TOKENS: u64 = 5;

/// The embedding of every input.
pub const EMBEDDING: [f32; 3] = [0.5, -0.5, 0.25];

/// [`EMBEDDING`] as little-endian bytes in base64.
pub const EMBEDDING_BASE64: &str = "AAAAPwAAAL8AAIA+";

/// The models that correct responses name.
const MODELS: [&str; 2] = ["gpt-4o-mini-2024-07-18", "claude-sonnet-5"];

impl Reply {
    /// Says that another model wrote it.
    pub fn names_model(&mut self, model: &str) {
        // The first of them is a version of this one.
        let Body::Pieces(pieces) = &mut self.body else { return };
        if model == "gpt-4o-mini" {
            return;
        }
        for piece in pieces.iter_mut() {
            let text = String::from_utf8_lossy(piece);
            let named = MODELS.iter().find(|known| text.contains(**known));
            if let Some(known) = named {
                *piece = text.replace(known, model).into();
            }
        }
    }

    /// A correct chat response with this text, of 17 prompt and 5 completion tokens.
    pub fn chat(text: &str) -> Self {
        chat(text)
    }

    /// The same as a stream, on request with a frame for the usage.
    pub fn chat_stream(text: &str, wants_usage: bool) -> Self {
        chat_stream(text, wants_usage)
    }

    /// Correct embeddings for so many inputs.
    pub fn embeddings(inputs: usize) -> Self {
        embeddings(inputs, false)
    }
}

/// The correct reply to a request; 404 if Azure has no such operation. It names the model of the
/// deployment, if that ends with the name of a known one.
pub fn reply(request: &Recorded, completion: &str) -> Reply {
    let body = request.json();
    let mut reply = by_operation(request, &body, completion);
    if let Some(model) = body["model"].as_str().and_then(model_of) {
        reply.names_model(model);
    }
    reply
}

fn model_of(azure_name: &str) -> Option<&'static str> {
    let begins = azure_name.match_indices('-').map(|(at, _)| at + 1);
    let mut ends = std::iter::once(0).chain(begins).map(|at| &azure_name[at..]);
    ends.find_map(KnownModel::of).map(KnownModel::name)
}

fn by_operation(request: &Recorded, body: &Value, completion: &str) -> Reply {
    if let Some(call) = request.path().strip_prefix("/anthropic/v1/messages") {
        return match (call, body["stream"] == true) {
            ("", true) => claude::stream(completion),
            ("", false) => claude::message(completion),
            ("/count_tokens", _) => Reply::json(200, r#"{"input_tokens":17}"#),
            _ => Reply::error(404, "404", "Resource not found"),
        };
    }
    if request.path() == "/models/images/embeddings" {
        return embeddings(inputs(&body["input"]), body["encoding_format"] == "base64");
    }
    let operation = request.path().strip_prefix("/openai/").unwrap_or_default();
    if operation.ends_with("chat/completions") {
        let wants_usage = body["stream_options"]["include_usage"] == true;
        if body["stream"] == true {
            return chat_stream(completion, wants_usage);
        }
        return chat(completion);
    }
    if operation.ends_with("embeddings") {
        return embeddings(inputs(&body["input"]), body["encoding_format"] == "base64");
    }
    if operation.ends_with("completions") {
        return legacy(completion, body);
    }
    if operation.contains("images/") {
        let sent = String::from_utf8_lossy(&request.body);
        let in_form = sent.split_once("name=\"n\"\r\n\r\n").and_then(|(_, n)| n.split_once('\r'));
        let count = body["n"].as_u64().or(in_form.and_then(|(n, _)| n.parse().ok())).unwrap_or(1);
        let image = json!({"url": "https://scripted.invalid/1.png", "revised_prompt": completion});
        let data = vec![image; usize::try_from(count).unwrap_or_default()];
        return Reply::json(200, json!({"created": 1_764_000_000, "data": data}).to_string());
    }
    if operation.contains("audio/tr") {
        return Reply::json(200, json!({"text": completion, "duration": 7.5}).to_string());
    }
    if operation.ends_with("audio/speech") {
        return Reply::audio("audio/mpeg", &[b"scripted ", b"sound"]);
    }
    if operation.ends_with("moderations") {
        let results = json!([{"flagged": false, "categories": {}, "category_scores": {}}]);
        return Reply::json(200, json!({"id": "modr-1", "results": results}).to_string());
    }
    if Operation::ALL.iter().any(|known| operation.ends_with(Protocol::of(*known).path)) {
        let usage = json!({"prompt_tokens": PROMPT_TOKENS, "total_tokens": PROMPT_TOKENS});
        return Reply::json(200, json!({"id": "scripted", "usage": usage}).to_string());
    }
    Reply::error(404, "404", "Resource not found")
}

/// The length of every recording, rounded up to seconds.
pub const SECONDS: u64 = 8;

/// A legacy completion, buffered or streamed.
fn legacy(completion: &str, request: &Value) -> Reply {
    let of = |choices: Value, usage: Value| {
        json!({
            "id": "cmpl-scripted", "object": "text_completion", "created": 1_764_000_000,
            "model": "gpt-35-turbo-instruct", "choices": choices, "usage": usage,
        })
    };
    let choice = |finish: Value| json!([{"text": completion, "index": 0, "logprobs": null, "finish_reason": finish}]);
    let usage = json!({
        "prompt_tokens": PROMPT_TOKENS, "completion_tokens": COMPLETION_TOKENS,
        "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
    });
    if request["stream"] != true {
        return Reply::json(200, of(choice("stop".into()), usage).to_string());
    }
    let frames = [
        of(choice(Value::Null), Value::Null).to_string(),
        of(json!([]), usage).to_string(),
        DONE.to_owned(),
    ];
    Reply::sse(&frames, LineEnding::Lf)
}

/// A buffered chat response.
pub fn chat(completion: &str) -> Reply {
    let body = json!({
        "choices": [{
            "content_filter_results": {},
            "finish_reason": "stop",
            "index": 0,
            "logprobs": null,
            "message": {
                "annotations": [],
                "content": completion,
                "refusal": null,
                "role": "assistant",
            },
        }],
        "created": 1_764_000_000,
        "id": "chatcmpl-scripted",
        "model": "gpt-4o-mini-2024-07-18",
        "object": "chat.completion",
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}],
        "system_fingerprint": "fp_scripted",
        "usage": {
            "completion_tokens": COMPLETION_TOKENS,
            "completion_tokens_details": {
                "accepted_prediction_tokens": 0,
                "audio_tokens": 0,
                "reasoning_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
            "prompt_tokens": PROMPT_TOKENS,
            "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 0},
            "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
        },
    });
    Reply::json(200, body.to_string())
}

/// A streamed chat response with five frames of text, some empty if there are fewer words.
pub fn chat_stream(completion: &str, wants_usage: bool) -> Reply {
    let usual = |frame: &str| {
        if wants_usage { with_usage_null(frame) } else { frame.to_owned() }
    };
    let mut frames = vec![PROMPT_FILTER.to_owned(), usual(ROLE)];
    frames.extend(fifths(completion).iter().map(|words| usual(&content(words))));
    frames.push(usual(FINISH));
    if wants_usage {
        frames.push(USAGE.to_owned());
    }
    frames.push(DONE.to_owned());
    Reply::sse(&frames, LineEnding::Lf)
}

/// An embedding for each of so many inputs.
pub fn embeddings(inputs: usize, is_base64: bool) -> Reply {
    let embedding = if is_base64 { json!(EMBEDDING_BASE64) } else { json!(EMBEDDING) };
    let one = |index| json!({"object": "embedding", "index": index, "embedding": embedding});
    let body = json!({
        "object": "list",
        "data": (0..inputs).map(one).collect::<Vec<Value>>(),
        "model": "text-embedding-3-small",
        "usage": {"prompt_tokens": PROMPT_TOKENS, "total_tokens": PROMPT_TOKENS},
    });
    Reply::json(200, body.to_string())
}

fn inputs(input: &Value) -> usize {
    let texts = input.as_array().filter(|many| !many.iter().all(Value::is_number));
    texts.map_or(1, Vec::len)
}

/// The text in five parts that are cut only after spaces.
fn fifths(text: &str) -> [String; 5] {
    let words: Vec<&str> = text.split_inclusive(' ').collect();
    std::array::from_fn(|part| words[part * words.len() / 5..(part + 1) * words.len() / 5].concat())
}

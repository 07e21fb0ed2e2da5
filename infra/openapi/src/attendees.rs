//! What attendees call: models, and what is beside them.

use http::Method;
use lanyard_administration::schema::{requests, responses};
use lanyard_gateway::people::schema as people;
use serde_json::{Value, json};

use crate::operation::{Content, Operation, Parameter};

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;

pub(crate) fn operations() -> Vec<Operation> {
    let mut operations = models();
    operations.extend(beside_models());
    operations
}

fn models() -> Vec<Operation> {
    let chat = Content::Governed("Chat", chat);
    let completion = Content::Governed("Completion", completion);
    vec![
        Operation::new(POST, "/v1/chat/completions", "chat", "Chat")
            .says(
                "Counted against the attendee's limits and sent to Azure. With `\"stream\": true` \
                 the response is a stream of server-sent events.",
            )
            .links("chat/create")
            .reads(chat),
        Operation::new(POST, "/v1/completions", "complete", "Legacy completions")
            .links("completions/create")
            .reads(completion),
        Operation::new(
            POST,
            "/v1/engines/{engine}/completions",
            "completeByEngine",
            "Legacy completions, with the model in the path",
        )
        .links("completions/create")
        .reads(completion),
        Operation::new(POST, "/v1/embeddings", "embed", "Embeddings")
            .links("embeddings/create")
            .reads(Content::Governed("Embedding", inputs)),
        Operation::new(POST, "/v1/moderations", "moderate", "Moderation")
            .says("Counted as one request and no tokens.")
            .links("moderations/create")
            .reads(Content::Governed("Moderation", inputs)),
        Operation::new(POST, "/v1/images/generations", "makeImages", "Images, at most 10 at once")
            .links("images/create")
            .reads(Content::Governed("ImageGeneration", images)),
        Operation::new(POST, "/v1/images/edits", "editImages", "Edited images")
            .links("images/createEdit")
            .reads(Content::OpenAiForm),
        Operation::new(POST, "/v1/audio/transcriptions", "transcribe", "Transcription")
            .links("audio/createTranscription")
            .reads(Content::OpenAiForm),
        Operation::new(POST, "/v1/audio/translations", "translate", "Transcription in English")
            .links("audio/createTranslation")
            .reads(Content::OpenAiForm),
        Operation::new(POST, "/v1/audio/speech", "speak", "Text-to-speech")
            .says("Counted by the characters of the text.")
            .links("audio/createSpeech")
            .reads(Content::Governed("Speech", speech))
            .answers(Content::Text("audio/mpeg")),
        Operation::new(POST, "/v1/responses", "respond", "Responses")
            .links("responses/create")
            .reads(Content::Governed("ResponseRequest", response)),
    ]
}

fn beside_models() -> Vec<Operation> {
    let replica = || Parameter::new("replica", json!({"type": "string"}));
    vec![
        Operation::new(POST, "/v1/responses/{id}/rate", "rate", "Rates a response")
            .reads(Content::Json(people::rating))
            .answers(Content::Json(people::rated)),
        Operation::new(GET, "/v1/models", "listModels", "What the event offers")
            .links("models/list")
            .answers(Content::Json(models::schema::list)),
        Operation::new(GET, "/v1/models/{model}", "showModel", "One model")
            .links("models/retrieve")
            .answers(Content::Json(models::schema::model)),
        Operation::new(GET, "/v1/deployments", "listOwnDeployments", "Deployments of your own")
            .answers(Content::Json(responses::own_deployments)),
        Operation::new(GET, "/v1/deployments/{name}", "showOwnDeployment", "One of them")
            .answers(Content::Json(responses::own_deployments)),
        Operation::new(
            PUT,
            "/v1/deployments/{name}",
            "putOwnDeployment",
            "Adds or changes a deployment of your own",
        )
        .says("It is called with a key: an identity is only for the event's deployments.")
        .reads(Content::Json(requests::deployment_draft))
        .answers(Content::Json(responses::own_deployment))
        .with_statuses(&[200, 201]),
        Operation {
            query: vec![replica()],
            ..Operation::new(
                DELETE,
                "/v1/deployments/{name}",
                "deleteOwnDeployment",
                "Deletes a deployment of your own",
            )
            .answers(Content::Json(responses::deleted_deployment))
        },
    ]
}

fn model() -> Value {
    json!({"type": "string", "description": "The event's default if absent."})
}

fn stream() -> Value {
    json!({"type": "boolean", "description": "Whether the response is server-sent events."})
}

/// A cap on tokens, under this description.
fn cap(description: &str) -> Value {
    json!({"type": "integer", "minimum": 1, "description": description})
}

fn choices() -> Value {
    cap("At most the event's `max_choices`.")
}

fn tools() -> Value {
    json!({
        "type": "array",
        "maxItems": 128,
        "items": {"type": "object"},
        "description": "Functions, custom tools and the hosted tools that the event allows.",
    })
}

fn stream_options() -> Value {
    json!({"type": "object", "description": "Only with `\"stream\": true`."})
}

fn chat() -> Value {
    json!({
        "model": model(),
        "messages": {"type": "array", "items": {"type": "object"}},
        "stream": stream(),
        "stream_options": stream_options(),
        "max_tokens": cap("Lowered to the event's `max_completion_tokens`, which is the default."),
        "max_completion_tokens": cap("The same by its newer name. Send only one of them."),
        "n": choices(),
        "tools": tools(),
    })
}

fn completion() -> Value {
    json!({
        "model": model(),
        "prompt": {
            "type": ["string", "array"],
            "description": "A text, a list of at most 2,048 texts, or lists of tokens.",
        },
        "stream": stream(),
        "stream_options": stream_options(),
        "max_tokens": cap("Lowered to the event's `max_completion_tokens`, which is the default."),
        "n": choices(),
        "best_of": choices(),
    })
}

fn inputs() -> Value {
    let input = "A text, a list of at most 2,048 texts, or lists of tokens.";
    json!({"model": model(), "input": {"type": ["string", "array"], "description": input}})
}

fn images() -> Value {
    let count = json!({"type": "integer", "minimum": 1, "maximum": 10});
    json!({"model": model(), "n": count, "stream": stream()})
}

fn speech() -> Value {
    json!({
        "model": model(),
        "input": {"type": "string"},
        "stream_format": {"type": "string", "enum": ["audio", "sse"]},
    })
}

fn response() -> Value {
    json!({
        "model": model(),
        "stream": stream(),
        "stream_options": stream_options(),
        "max_output_tokens":
            cap("Lowered to the event's `max_completion_tokens`, which is the default."),
        "store": {
            "type": "boolean",
            "description": "Whether Azure stores the response, if the event keeps objects.",
        },
        "background": {"type": "boolean", "description": "Must be `false`."},
        "tools": tools(),
    })
}

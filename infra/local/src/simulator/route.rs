//! Finds the operation and the deployment of a request, and answers it.
//!
//! Knows Azure's v1 form, in which the body names the deployment, and the classic form, in which
//! the path does. The first thing looked at is the key, as at Azure.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Uri, header};

use super::cache::Prompts;
use super::catalog::{self, Operation};
use super::chat::ChatRequest;
use super::completion::Completion;
use super::embeddings::Embeddings;
use super::fields;
use super::form::Form;
use super::frames::frames;
use super::refusal::Refusal;
use super::response::{Body, SimulatedResponse};
use super::stamp::Stamp;
use super::{images, legacy, moderations, speech};

/// The one key that is refused, so that a wrong key can be tried out.
const WRONG_KEY: &str = "wrong-key";

/// What Azure AI Inference has beside Azure OpenAI.
const IMAGE_EMBEDDINGS: &str = "/models/images/embeddings";

/// The id by which a client finds its call again, sent back as it came.
const CLIENT_REQUEST_ID: &str = "x-ms-client-request-id";

/// The response to a request whose body has arrived.
pub(super) fn respond(
    head: &Parts,
    body: &[u8],
    stamp: &Stamp,
    prompts: &mut Prompts,
) -> SimulatedResponse {
    let mut response = decide(head, body, stamp, prompts).unwrap_or_else(SimulatedResponse::from);
    let id = head.headers.get(CLIENT_REQUEST_ID).and_then(|id| id.to_str().ok());
    response.headers.extend(id.map(|id| (CLIENT_REQUEST_ID, id.to_owned())));
    response
}

fn decide(
    head: &Parts,
    body: &[u8],
    stamp: &Stamp,
    prompts: &mut Prompts,
) -> Result<SimulatedResponse, Refusal> {
    if !has_key(&head.headers) {
        return Err(Refusal::Key);
    }
    let (operation, deployment) = target(&head.method, &head.uri).ok_or(Refusal::Path)?;
    let takes_form = match operation {
        Operation::Hearing => true,
        Operation::Images => head.uri.path().ends_with("/edits"),
        Operation::Chat
        | Operation::Embeddings
        | Operation::Completions
        | Operation::Speech
        | Operation::Moderations
        | Operation::Videos
        | Operation::Messages => false,
    };
    let form = takes_form.then(|| Form::read(&head.headers, body)).transpose()?;
    let body = match &form {
        Some(form) => form.object().clone(),
        None => fields::object(body)?,
    };
    let named = match deployment {
        Some(deployment) => deployment,
        None => fields::text(&body, "model")?
            .ok_or_else(|| Refusal::invalid("The parameter 'model' is required."))?,
    };
    let model = catalog::find(named, operation)?;
    match operation {
        Operation::Chat => {
            let mut request = ChatRequest::read(&body, model)?;
            // Tools come before messages, as models read them.
            let prompt = format!("{:?}{:?}", body.get("tools"), body.get("messages"));
            request.look_up(prompts, &prompt);
            let completion = Completion::compose(&request, stamp);
            let body = match request.streaming {
                None => Body::Buffered(Bytes::from(completion.body().to_string())),
                Some(streaming) => {
                    Body::Frames(Box::new(frames(completion, streaming, stamp.clone())))
                }
            };
            Ok(SimulatedResponse::of(body, model.name, request.prompt_tokens))
        }
        Operation::Embeddings => {
            let embeddings = match head.uri.path() {
                IMAGE_EMBEDDINGS => Embeddings::of_images(&body, model)?,
                _ => Embeddings::respond(&body, model)?,
            };
            let json = serde_json::to_vec(&embeddings)
                .map_err(|_| Refusal::invalid("The response could not be written."))?;
            Ok(SimulatedResponse::of(
                Body::Buffered(Bytes::from(json)),
                model.name,
                embeddings.prompt_tokens(),
            ))
        }
        Operation::Completions => {
            let (body, tokens) = legacy::respond(&body, model, stamp)?;
            Ok(SimulatedResponse::of(body, model.name, tokens))
        }
        Operation::Images => {
            let (body, tokens) = images::respond(&body, model, takes_form, stamp)?;
            Ok(SimulatedResponse::of(body, model.name, tokens))
        }
        Operation::Hearing => Ok(SimulatedResponse::of(
            speech::result(&form.unwrap_or_default(), model)?,
            model.name,
            0,
        )),
        Operation::Speech => Ok(SimulatedResponse::of(speech::speech(&body)?, model.name, 0)),
        Operation::Moderations => {
            Ok(SimulatedResponse::of(moderations::respond(&body, model, stamp)?, model.name, 0))
        }
        // What is kept has a response of its own.
        Operation::Videos | Operation::Messages => Err(Refusal::Path),
    }
}

/// A key in Azure's header, or a token in the header that Entra ID uses.
pub(super) fn has_key(headers: &HeaderMap) -> bool {
    let key = headers.get("api-key").and_then(|key| key.to_str().ok());
    let bearer = || {
        let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        value.strip_prefix("Bearer ")
    };
    let key = key.or_else(bearer).unwrap_or_default().trim();
    !key.is_empty() && key != WRONG_KEY
}

/// The operation, and the deployment where the path names it.
fn target<'a>(method: &Method, uri: &'a Uri) -> Option<(Operation, Option<&'a str>)> {
    if method != Method::POST {
        return None;
    }
    let has_version = || {
        let mut query = uri.query().unwrap_or_default().split('&');
        query.any(|pair| pair.starts_with("api-version="))
    };
    if uri.path() == IMAGE_EMBEDDINGS {
        return has_version().then_some((Operation::Embeddings, None));
    }
    let path = uri.path().strip_prefix("/openai/")?;
    if let Some(operation) = path.strip_prefix("v1/") {
        return Some((self::operation(operation)?, None));
    }
    let (deployment, operation) = path.strip_prefix("deployments/")?.split_once('/')?;
    has_version().then_some((self::operation(operation)?, Some(deployment)))
}

fn operation(path: &str) -> Option<Operation> {
    match path {
        "chat/completions" => Some(Operation::Chat),
        "embeddings" => Some(Operation::Embeddings),
        "completions" => Some(Operation::Completions),
        "images/generations" | "images/edits" => Some(Operation::Images),
        "audio/transcriptions" | "audio/translations" => Some(Operation::Hearing),
        "audio/speech" => Some(Operation::Speech),
        "moderations" => Some(Operation::Moderations),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::{Request, StatusCode};
    use serde_json::{Value, json};

    use super::*;

    const CHAT: &str = "/openai/v1/chat/completions";

    fn ask(path: &str, key: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::post(path).header("api-key", key).body(()).unwrap();
        let body = body.to_string();
        let (head, prompts) = (request.into_parts().0, &mut Prompts::default());
        let response = respond(&head, body.as_bytes(), &Stamp::fixed(), prompts);
        match response.body {
            Body::Buffered(bytes) => (response.status, serde_json::from_slice(&bytes).unwrap()),
            Body::Octets(_) | Body::Frames(_) | Body::Typed(..) => panic!("JSON was asked for"),
        }
    }

    fn hello(model: &str) -> Value {
        json!({"model": model, "messages": [{"role": "user", "content": "Hello"}]})
    }

    #[test]
    fn both_forms_of_the_path_are_served() {
        let classic = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
        assert_eq!(ask(CHAT, "k", hello("gpt-4o")).1["model"], "gpt-4o-2024-11-20");
        assert_eq!(ask(classic, "k", hello("ignored")).1["model"], "gpt-4o-2024-11-20");
        let embeddings = json!({"model": "text-embedding-3-small", "input": "a"});
        assert_eq!(ask("/openai/v1/embeddings", "k", embeddings).0, StatusCode::OK);
    }

    #[test]
    fn a_key_is_wanted_before_all_else() {
        for key in ["", " ", "wrong-key"] {
            let (status, body) = ask("/nowhere", key, json!(null));
            assert_eq!((status, &body["error"]["code"]), (StatusCode::UNAUTHORIZED, &json!("401")));
        }
        let request = Request::post(CHAT).header("authorization", "Bearer t").body(()).unwrap();
        assert!(has_key(request.headers()));
    }

    #[test]
    fn what_is_not_there_is_404() {
        let (status, body) = ask(CHAT, "k", hello("gpt-9"));
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(body["error"]["code"], "DeploymentNotFound");
        let unknown = ["/", "/openai/v1/responses", "/openai/deployments/gpt-4o/chat/completions"];
        for path in unknown {
            assert_eq!(ask(path, "k", hello("gpt-4o")).1["error"]["code"], "404", "{path}");
        }
    }

    #[test]
    fn images_words_and_judgements_are_answered_too() {
        let image = json!({"model": "dall-e-3", "prompt": "a", "n": 2});
        let (_, image) = ask("/openai/v1/images/generations", "k", image);
        assert_eq!(image["data"].as_array().unwrap().len(), 2);
        let words = json!({"model": "gpt-35-turbo-instruct", "prompt": "a"});
        let (_, words) = ask("/openai/v1/completions", "k", words);
        assert_eq!(words["object"], "text_completion");
        let judged = json!({"model": "omni-moderation", "input": ["a", "b"]});
        let (_, judged) = ask("/openai/v1/moderations", "k", judged);
        assert_eq!(judged["results"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn a_model_serves_only_its_own_operation() {
        let (status, body) = ask(CHAT, "k", hello("text-embedding-3-small"));
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(body["error"]["code"], "OperationNotSupported");
    }

    #[test]
    fn a_body_without_a_model_is_refused() {
        let body = json!({"messages": [{"role": "user", "content": "Hello"}]});
        let (status, body) = ask(CHAT, "k", body);
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(body["error"]["type"], "invalid_request_error");
    }
}

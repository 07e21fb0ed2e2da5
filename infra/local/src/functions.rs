//! The functions that take the gateway or objects, by name.

use std::sync::Arc;

use lanyard_gateway::{ApiError, Request, Response};
use lanyard_objects::Objects;

/// Calls a function in this process.
///
/// # Errors
///
/// The function's own, and `unknown_route` where no arm is for this name.
pub async fn call(
    function: &str,
    objects: Arc<Objects>,
    request: Request,
) -> Result<Response, ApiError> {
    match function {
        // BEGIN GENERATED arms
        "assistants" => assistants::handle(objects, request).await,
        "audio-speech" => audio_speech::handle(objects.gateway(), request).await,
        "audio-transcriptions" => audio_transcriptions::handle(objects.gateway(), request).await,
        "audio-translations" => audio_translations::handle(objects.gateway(), request).await,
        "chat-completions" => chat_completions::handle(objects.gateway(), request).await,
        "completions" => completions::handle(objects.gateway(), request).await,
        "containers" => containers::handle(objects, request).await,
        "conversations" => conversations::handle(objects, request).await,
        "embeddings" => embeddings::handle(objects.gateway(), request).await,
        "event" => event::handle(objects.gateway(), request).await,
        "files" => files::handle(objects, request).await,
        "images-edits" => images_edits::handle(objects.gateway(), request).await,
        "images-generations" => images_generations::handle(objects.gateway(), request).await,
        "messages" => messages::handle(objects.gateway(), request).await,
        "models" => models::handle(objects.gateway(), request).await,
        "moderations" => moderations::handle(objects.gateway(), request).await,
        "responses" => responses::handle(objects, request).await,
        "threads" => threads::handle(objects, request).await,
        "vector-stores" => vector_stores::handle(objects, request).await,
        "videos" => videos::handle(objects, request).await,
        // END GENERATED arms
        _ => Err(ApiError::UnknownRoute),
    }
}

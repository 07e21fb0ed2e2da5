//! What the gateway asks and tells of stored objects, by its hook.

use std::sync::Arc;

use async_trait::async_trait;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::object::{Kind, ObjectId, Owned};
use lanyard_domain::usage::Usage;
use lanyard_gateway::error::ApiError;
use lanyard_gateway::stored::{Concern, Resolved, ResponseHook, StoredObjects};

use crate::ownership::pinned;
use crate::registry::{NewObject, Registry};
use crate::store::Size;

/// The gateway's seam, over the records of a table.
pub(crate) struct ObjectHook(pub(crate) Arc<Registry>);

#[async_trait]
impl StoredObjects for ObjectHook {
    async fn resolve<'a>(&self, concern: Concern<'a, '_>) -> Result<Resolved<'a>, ApiError> {
        let Concern { request, attendance, operation, model, references, is_stored, estimate } =
            concern;
        let named = self.0.named(attendance, references).await?;
        // What is stored is stored at the event's resources, where it is deleted after the event.
        let choice = pinned(attendance.choose_shared(model, operation)?, &named)?;
        let tokens = estimate.tokens().saturating_add(named.tokens());
        Ok(Resolved {
            choice,
            prompt_tokens: named.tokens(),
            hook: Box::new(Recorder {
                registry: Arc::clone(&self.0),
                // As much as it may become, until Azure says how much it is.
                new_object: is_stored
                    .then(|| NewObject::of(Kind::Response, request, attendance, tokens)),
                home: None,
                missing: named.kind(),
                conversation: named.conversation().cloned(),
                own_prompt_tokens: estimate.prompt_tokens,
                kept: None,
            }),
        })
    }
}

/// A response that names stored objects, or is stored itself.
struct Recorder {
    registry: Arc<Registry>,
    /// Whose it is, if Azure stores it.
    new_object: Option<NewObject>,
    /// Where it comes from.
    home: Option<Deployment>,
    /// A kind of object that the request names.
    missing: Option<Kind>,
    /// The conversation that it becomes a part of.
    conversation: Option<Owned>,
    /// What the request itself adds to that, beside the response.
    own_prompt_tokens: u64,
    /// The record, once it is written.
    kept: Option<Owned>,
}

#[async_trait]
impl ResponseHook for Recorder {
    fn missing(&self) -> Option<ApiError> {
        self.missing.map(|kind| ApiError::ObjectNotFound { kind, param: None })
    }

    fn responds(&mut self, deployment: &Deployment) {
        self.home = Some(deployment.clone());
    }

    /// Writes down whose the response is, unless that is done or nothing is stored.
    async fn names(&mut self, id: Option<&str>) -> Result<(), ApiError> {
        let Some(new_object) = self.new_object.take() else { return Ok(()) };
        let id = id.and_then(|id| id.parse::<ObjectId>().ok()).ok_or_else(|| {
            ApiError::UpstreamUnreachable(Some("a stored answer has no usable id".into()))
        })?;
        let home = self.home.as_ref().ok_or(ApiError::Internal(None))?;
        let kept = self.registry.keep(new_object, id, home).await;
        self.kept = Some(kept.map_err(|cause| self.registry.ownership_unavailable(cause))?);
        Ok(())
    }

    /// Notes what the response adds to later requests that name it, or its conversation.
    async fn settled(&self, usage: Usage) {
        if let Some(kept) = &self.kept {
            let tokens = usage.prompt_tokens.saturating_add(usage.completion_tokens);
            self.registry.resize(kept, Size::Is(tokens)).await;
        }
        if let Some(conversation) = &self.conversation {
            let grown = self.own_prompt_tokens.saturating_add(usage.completion_tokens);
            self.registry.resize(conversation, Size::Grows(grown)).await;
        }
    }
}

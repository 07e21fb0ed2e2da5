//! The gateway's hook: resolves the objects that a request names and records a stored response.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::object::{Kind, ObjectId, Owned};
use lanyard_domain::usage::Usage;
use lanyard_gateway::admit::Reservation;
use lanyard_gateway::error::ApiError;
use lanyard_gateway::stored::{Concern, Resolved, ResponseHook, StoredObjects};
use lanyard_protocol::sse::Frame;
use lanyard_protocol::stored::{self, OutputIds};
use lanyard_protocol::stream::Produced;

use crate::ownership::{NamedItems, pinned};
use crate::registry::{NewObject, Registry};
use crate::store::Size;

/// The gateway's hook for stored objects.
pub(crate) struct ObjectHook(pub(crate) Arc<Registry>);

#[async_trait]
impl StoredObjects for ObjectHook {
    async fn resolve<'a>(&self, concern: Concern<'a, '_>) -> Result<Resolved<'a>, ApiError> {
        let Concern {
            request,
            attendance,
            operation,
            model,
            choice,
            references,
            item_ids,
            reasoning_ids,
            is_stored,
            uses_hosted,
            estimate,
        } = concern;
        // An attendee's own resource is shared with nobody, and its containers are not recorded.
        let stays_own = choice.is_own()
            && !is_stored
            && references.iter().all(|reference| reference.kind == Kind::Container);
        let references = if stays_own { Vec::new() } else { references };
        let mut named = self.0.named(attendance, references).await?;
        let items = NamedItems { ids: item_ids, of_reasoning: reasoning_ids };
        let unstored_ids = self.0.add_responses_with(attendance, items, &mut named).await?;
        // Objects are never at an attendee's own resource: the event's resources are cleared after
        // the event.
        let choice = match choice.is_own() && (is_stored || named.kind().is_some()) {
            true => attendance.choose_shared(model, operation)?,
            false => choice,
        };
        let choice = pinned(choice, &named)?;
        let makes_containers = (is_stored || uses_hosted) && !choice.is_own();
        let containers = named.containers();
        let named_tokens = named.tokens_for(choice.facts());
        let kept_tokens = named.kept_tokens_for(choice.facts());
        let tokens = estimate.tokens().saturating_add(named_tokens);
        Ok(Resolved {
            choice,
            unstored_ids,
            prompt_tokens: named_tokens,
            hook: Box::new(Recorder {
                registry: Arc::clone(&self.0),
                // The estimate, until Azure has counted.
                new_object: is_stored
                    .then(|| NewObject::of(Kind::Response, request, attendance, tokens)),
                home: None,
                missing: named.kind(),
                conversation: named.of_kind(Kind::Conversation).cloned(),
                kept_prompt_tokens: estimate.prompt_tokens.saturating_add(kept_tokens),
                recorded: None,
                container: makes_containers
                    .then(|| NewObject::of(Kind::Container, request, attendance, 0)),
                containers,
                cited: named.take_cited(),
            }),
        })
    }
}

/// Records a response that names stored objects or is stored itself.
struct Recorder {
    registry: Arc<Registry>,
    /// The response, if Azure stores it and its owner is not recorded yet.
    new_object: Option<NewObject>,
    /// The deployment that responds.
    home: Option<Deployment>,
    /// A kind of object that the request names.
    missing: Option<Kind>,
    /// The conversation that the response becomes a part of.
    conversation: Option<Owned>,
    /// What the request adds to the conversation, with the files that it names.
    kept_prompt_tokens: u64,
    /// The record of the response, once it is written.
    recorded: Option<Owned>,
    /// A container of the response, if there may be one.
    container: Option<NewObject>,
    /// Containers whose owner is recorded.
    containers: Vec<ObjectId>,
    /// Containers that the request cites. They may be anyone's.
    cited: Vec<ObjectId>,
}

impl Recorder {
    /// Records the owner of the response, unless that is done or nothing is stored, and its items
    /// once they are known.
    async fn record_response(
        &mut self,
        id: Option<&str>,
        items: Vec<ObjectId>,
    ) -> Result<(), ApiError> {
        let Some(object) = self.new_object.take() else {
            if let Some(recorded) = self.recorded.as_mut().filter(|_| !items.is_empty()) {
                recorded.items = items;
                self.registry.record_items(recorded).await;
            }
            return Ok(());
        };
        let object = NewObject { items, ..object };
        let id = id.and_then(|id| id.parse::<ObjectId>().ok()).ok_or_else(|| {
            ApiError::UpstreamUnreachable(Some("a stored response has no usable id".into()))
        })?;
        let home = self.home.as_ref().ok_or(ApiError::Internal(None))?;
        self.recorded = Some(self.registry.register(object, id, home).await?);
        Ok(())
    }

    /// Records the owner of containers that the response shows for the first time.
    async fn record_containers(&mut self, ids: Vec<ObjectId>) -> Result<(), ApiError> {
        let Some(container) = self.container.as_ref() else { return Ok(()) };
        for id in ids {
            if self.containers.contains(&id) {
                continue;
            }
            // A conversation works in the container of an earlier response.
            if self.registry.find(&container.owner, Kind::Container, &id).await?.is_none() {
                if self.cited.contains(&id) {
                    let (kind, param) = (Kind::Container, Some("input"));
                    return Err(ApiError::ObjectNotFound { kind, param });
                }
                let home = self.home.as_ref().ok_or(ApiError::Internal(None))?;
                self.registry.register(container.clone(), id.clone(), home).await?;
            }
            self.containers.push(id);
        }
        Ok(())
    }
}

#[async_trait]
impl ResponseHook for Recorder {
    fn missing(&self) -> Option<ApiError> {
        self.missing.map(|kind| ApiError::ObjectNotFound { kind, param: None })
    }

    fn responds(&mut self, deployment: &Deployment) {
        self.home = Some(deployment.clone());
    }

    /// Records the owner of the response, and of its containers once they are known.
    async fn names(&mut self, id: Option<&str>, output: OutputIds) -> Result<(), ApiError> {
        self.record_response(id, output.items).await?;
        self.record_containers(output.containers).await
    }

    /// Records the owner of the containers that an event names.
    async fn shows(
        &mut self,
        event: Frame,
        _: Kind,
        data: Bytes,
        _: Produced,
        _: &mut Option<Reservation>,
    ) -> Result<Bytes, ApiError> {
        self.record_containers(stored::container_ids(&data)).await?;
        Ok(event.0)
    }

    /// Records what the response adds to later requests that name it or its conversation.
    async fn settled(&self, usage: Usage) {
        if let Some(recorded) = &self.recorded {
            let tokens = usage.prompt_tokens.saturating_add(usage.completion_tokens);
            self.registry.resize(recorded, Size::Is(tokens)).await;
        }
        if let Some(conversation) = &self.conversation {
            let added = self.kept_prompt_tokens.saturating_add(usage.completion_tokens);
            self.registry.resize(conversation, Size::Grows(added)).await;
        }
    }
}

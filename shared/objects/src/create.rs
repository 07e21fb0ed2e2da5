//! Creating an object. All objects of an attendee go to one resource, so that they work together.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use lanyard_domain::catalog::Deployment;
use lanyard_domain::object::{Kind, ObjectId, Owned};
use lanyard_domain::operation::Operation;
use lanyard_domain::settlement::Settlement;
use lanyard_gateway::error::ApiError;
use lanyard_gateway::lookup::Attendance;
use lanyard_gateway::ports::{RequestLine, UpstreamBody};
use lanyard_gateway::request::{Response, full};
use lanyard_gateway::settle::{Ending, OK};
use lanyard_protocol::demand::Demanded;
use lanyard_protocol::files::Upload;
use lanyard_protocol::payload::{JSON, Payload};
use lanyard_protocol::{assistants, conversations};
use serde::Deserialize;
use serde_json::Value;

use crate::Objects;
use crate::act::NO_TOKENS;
use crate::call::Call;
use crate::ownership::{NamedObjects, home_of, pinned};
use crate::registry::{NewObject, owner_of};
use crate::responses::{json_body, respond};
use crate::rewrite::Rewriter;
use crate::upstream::Outgoing;

/// What a search of a vector store may add to a prompt: 20 chunks of 800 tokens,
/// <https://platform.openai.com/docs/assistants/tools/file-search#how-it-works>.
const SEARCH_TOKENS: u64 = 16_000;

/// Facts about a body before it is sent.
struct Body<'r> {
    content_type: HeaderValue,
    /// The rewritten body, if the original could be read in two ways.
    anew: Option<Bytes>,
    /// The fields, if the body is JSON.
    payload: Option<Payload<'r>>,
    /// The model that it names.
    model: Option<String>,
    named: NamedObjects,
    /// The prompt tokens that naming the new object will add, at most.
    tokens: u64,
    /// Whether Azure makes a vector store along with it.
    brings_store: bool,
}

impl Body<'_> {
    /// A JSON body without fields.
    fn empty() -> Self {
        Self {
            content_type: JSON,
            anew: None,
            payload: None,
            model: None,
            named: NamedObjects::default(),
            tokens: 0,
            brings_store: false,
        }
    }
}

impl Objects {
    /// Creates an object and records its owner.
    pub(crate) async fn create(
        &self,
        call: &Call<'_>,
        line: &mut RequestLine,
    ) -> Result<Response, ApiError> {
        let Call { request, attendance, .. } = call;
        let (kind, operation) = (call.kind(), call.operation());
        let body = self.read_body(call).await?;
        if body.brings_store {
            // Its owner must be able to reach it.
            attendance.choose_shared(None, Operation::VectorStores)?;
        }
        let latest = self.latest_assistant(kind, attendance).await?;
        let model = call.model_header().or(body.model.as_deref());
        let model = model.or(latest.as_ref().map(|latest| latest.home.deployment.as_str()));
        let choice = match attendance.choose_shared(model, operation) {
            // The event may no longer offer the model of the latest assistant.
            Err(_) if latest.is_some() => attendance.choose_shared(None, operation),
            choice => choice,
        };
        let home = home_of(&pinned(choice?, &body.named)?, attendance)?;
        line.model = Some(home.name.clone());
        let demanded = Demanded::of_objects();
        let reservation = self.admit(call, &home.name, &demanded, line).await?;
        let outgoing = Outgoing {
            content_type: Some(body.content_type),
            body: match body.payload.as_ref().filter(|_| kind == Kind::Assistant) {
                Some(payload) => assistants::write(payload, home.azure_name.as_str()),
                None => body.anew.unwrap_or_else(|| body_of(request.http.body())),
            },
            ..Outgoing::plain(Method::POST, call.protocol().url(home))
        };
        let response = match self.call_home(request, kind, home, outgoing.of(attendance)).await {
            Ok(response) => response,
            Err(failure) => return Err(self.refuse(failure, call, reservation)),
        };
        let headers =
            self.gateway.response_headers(response.headers(), request, &demanded, &reservation);
        let stores = body.brings_store.then_some(&body.named);
        let created = self.record_created(call, response, home, body.tokens, stores).await;
        let ending = match &created {
            Ok(_) => Ending::of(NO_TOKENS, OK, 200, Some(self.gateway.ports().clock.now())),
            // The object was deleted again.
            Err(error @ ApiError::OwnershipUnavailable { .. }) => {
                Ending::of(Settlement::Void, error.code(), error.status().as_u16(), None)
            }
            // It may exist without an owner.
            Err(error) => Ending::of(NO_TOKENS, error.code(), error.status().as_u16(), None),
        };
        self.gateway.settle_in_background(reservation, ending);
        created.map_err(ApiError::after_sending).map(|bytes| respond(headers, JSON, full(bytes)))
    }

    /// Records the owner of the object in a response, and of the vector store that came along with
    /// it, beside those that the request named. Returns the body for the caller.
    async fn record_created(
        &self,
        call: &Call<'_>,
        response: http::Response<UpstreamBody>,
        home: &Deployment,
        tokens: u64,
        named: Option<&NamedObjects>,
    ) -> Result<Bytes, ApiError> {
        let Call { request, attendance, .. } = call;
        let bytes = json_body(request, home, response).await?;
        let object = NewObject::of(call.kind(), request, attendance, tokens);
        self.registry.register(object, new_id(&bytes)?, home).await?;
        if let Some(named) = named {
            for id in store_ids(&bytes).into_iter().filter(|id| !named.has(id)) {
                let store = NewObject::of(Kind::VectorStore, request, attendance, SEARCH_TOKENS);
                self.registry.register(store, id, home).await?;
            }
        }
        Ok(Rewriter::of(call.kind(), &attendance.at, home, request).rewrite(bytes))
    }

    /// The caller's latest assistant, if a thread is to be created. A thread names no model, and
    /// works only with assistants of its own resource.
    async fn latest_assistant(
        &self,
        kind: Kind,
        attendance: &Attendance,
    ) -> Result<Option<Owned>, ApiError> {
        if kind != Kind::Thread {
            return Ok(None);
        }
        let listed = self.registry.list(&owner_of(attendance), Kind::Assistant).await?;
        Ok(listed.into_iter().next_back())
    }

    async fn read_body<'r>(&self, call: &Call<'r>) -> Result<Body<'r>, ApiError> {
        let Call { request, attendance, .. } = call;
        let kind = call.kind();
        if kind == Kind::File {
            let upload = Upload::read(&request.http, &request.id)?;
            let tokens = upload.tokens();
            let (content_type, anew) = match upload.anew() {
                Some((content_type, anew)) => (content_type, Some(anew)),
                None => (request.http.headers().get(CONTENT_TYPE).cloned().unwrap_or(JSON), None),
            };
            return Ok(Body { content_type, anew, tokens, ..Body::empty() });
        }
        let search_tokens = if kind == Kind::VectorStore { SEARCH_TOKENS } else { 0 };
        if request.http.body().is_empty() {
            return Ok(Body { tokens: search_tokens, ..Body::empty() });
        }
        let payload = Payload::read(call.protocol(), &request.http, &request.id)?;
        let named = self.registry.named(attendance, payload.references()?).await?;
        let tokens = match kind {
            Kind::Conversation => conversations::items_tokens(&payload, &attendance.caps())?
                .saturating_add(named.tokens()),
            Kind::VectorStore
            | Kind::File
            | Kind::Response
            | Kind::Assistant
            | Kind::Thread
            | Kind::Run
            | Kind::Video
            | Kind::Container => search_tokens,
        };
        let brings_store = match matches!(kind, Kind::Assistant | Kind::Thread) {
            true => assistants::check_new(&payload, &attendance.caps())?,
            false => false,
        };
        let model = match kind == Kind::Assistant {
            true => payload.model()?.map(Cow::into_owned),
            false => None,
        };
        Ok(Body {
            content_type: JSON,
            anew: None,
            payload: Some(payload),
            model,
            named,
            tokens,
            brings_store,
        })
    }
}

/// The body to send: some servers refuse a POST without one.
fn body_of(body: &Bytes) -> Bytes {
    match body.is_empty() {
        true => Bytes::from_static(b"{}"),
        false => body.clone(),
    }
}

/// The vector stores that a new assistant or thread searches.
fn store_ids(bytes: &[u8]) -> Vec<ObjectId> {
    let body: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let ids = body["tool_resources"]["file_search"]["vector_store_ids"].as_array();
    let ids = ids.into_iter().flatten().filter_map(|id| id.as_str()?.parse().ok());
    ids.collect()
}

/// The id in Azure's response.
fn new_id(bytes: &[u8]) -> Result<ObjectId, ApiError> {
    #[derive(Deserialize)]
    struct Created {
        id: ObjectId,
    }
    let created = serde_json::from_slice::<Created>(bytes);
    created
        .map(|created| created.id)
        .map_err(|_| ApiError::UpstreamUnreachable(Some("the new object has no usable id".into())))
}

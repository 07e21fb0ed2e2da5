//! Making an object: at one resource for all of an attendee's, so that they can be used together.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use lanyard_domain::catalog::{Choice, Deployment};
use lanyard_domain::object::{Kind, ObjectId, Owned};
use lanyard_domain::settlement::Settlement;
use lanyard_gateway::error::ApiError;
use lanyard_gateway::forward::SETTLED;
use lanyard_gateway::headers;
use lanyard_gateway::lookup::Attendance;
use lanyard_gateway::notes::Notes;
use lanyard_gateway::ports::RequestLine;
use lanyard_gateway::request::{Request, Response, whole};
use lanyard_gateway::settle::{Ending, OK};
use lanyard_gateway::upstream::user_hash;
use lanyard_protocol::demand::Demanded;
use lanyard_protocol::files::Upload;
use lanyard_protocol::payload::{JSON, Payload};
use lanyard_protocol::{Protocol, assistants, conversations};
use serde::Deserialize;

use crate::Objects;
use crate::call::{NO_TOKENS, Outgoing};
use crate::ownership::{NamedObjects, owner_of, pinned};
use crate::registry::NewObject;
use crate::responses::{json_body, respond};
use crate::rewrite::Rewriter;
use crate::routes::RouteMatch;

/// What a search of a vector store may put into a prompt: 20 chunks of 800 tokens,
/// <https://platform.openai.com/docs/assistants/tools/file-search#how-it-works>.
const SEARCH_TOKENS: u64 = 16_000;

/// What is known of a body before it is sent.
struct Read<'r> {
    content_type: HeaderValue,
    /// The body, if it is JSON.
    payload: Option<Payload<'r>>,
    /// The model that it names.
    model: Option<String>,
    named: NamedObjects,
    /// What naming the new object will add to a prompt, or more.
    tokens: u64,
}

impl Objects {
    /// Makes an object that is the caller's from the first moment.
    pub(super) async fn create(
        &self,
        request: &Request,
        attendance: &Attendance,
        matched: &RouteMatch<'_>,
        notes: Notes,
        line: &mut RequestLine,
    ) -> Result<Response, ApiError> {
        let kind = matched.route.kind;
        let read = self.read(kind, request, attendance).await?;
        let header = request.header(&headers::MODEL).ok().flatten();
        let latest = self.latest_assistant(kind, attendance).await?;
        let model = header.or(read.model.as_deref());
        let model = model.or(latest.as_ref().map(|latest| latest.home.deployment.as_str()));
        let choice = attendance.choose_shared(model, kind.operation());
        // What was last used may no longer be on offer.
        let choice = match (choice, &latest) {
            (Err(_), Some(_)) => attendance.choose_shared(None, kind.operation()),
            (choice, _) => choice,
        };
        let choice = pinned(choice?, &read.named)?;
        let home = home_of(&choice, attendance)?;
        line.model = Some(home.name.clone());
        let demanded = Demanded::nothing();
        let operation = kind.operation();
        let mut reservation = self
            .gateway
            .admit(request, attendance, &home.name, operation, &demanded, notes)
            .await?;
        line.outcome = SETTLED;
        reservation.mark_sent();
        let outgoing = Outgoing {
            content_type: Some(read.content_type),
            body: match kind {
                Kind::Assistant => read.payload.as_ref().map_or_else(
                    || body_of(request),
                    |payload| assistants::write(payload, home.azure_name.as_str()),
                ),
                _ => body_of(request),
            },
            ..Outgoing::plain(Method::POST, Protocol::of(operation).url(home))
        };
        let answer = match self.call_home(request, kind, home, outgoing).await {
            Ok(answer) => answer,
            Err(failure) => return Err(self.refuse(failure, matched, reservation)),
        };
        let headers =
            self.gateway.answer_headers(answer.headers(), request, &demanded, &reservation);
        let made = async {
            let bytes = json_body(request, answer).await?;
            let id = made_id(&bytes)?;
            let new_object = NewObject::of(kind, request, attendance, read.tokens);
            match self.registry.keep(new_object, id, home).await {
                Ok(_) => {
                    let deployments = attendance.at.catalog.deployments();
                    let rewriter = Rewriter::of(kind, deployments, home, request);
                    Ok(respond(headers, JSON, whole(rewriter.rewrite(bytes))))
                }
                Err(cause) => Err(self.registry.ownership_unavailable(cause)),
            }
        };
        let made = made.await;
        let ending = match &made {
            Ok(_) => Ending::of(NO_TOKENS, OK, 200, Some(self.gateway.ports().clock.now())),
            // What was made is gone again, or cannot be reached.
            Err(error) => Ending::of(Settlement::Void, error.code(), error.status().as_u16(), None),
        };
        self.gateway.settle_behind(reservation, ending);
        made
    }

    /// Where a thread is to be that names no model: with the caller's latest assistant, if there is
    /// one, so that they can work together.
    async fn latest_assistant(
        &self,
        kind: Kind,
        attendance: &Attendance,
    ) -> Result<Option<Owned>, ApiError> {
        if kind != Kind::Thread {
            return Ok(None);
        }
        let owner = owner_of(attendance);
        let listing = self.registry.objects.list(&owner, Kind::Assistant);
        let listed = match tokio::time::timeout(self.gateway.ports().ledger_patience, listing).await
        {
            Ok(listed) => listed,
            Err(elapsed) => Err(elapsed.into()),
        };
        let listed = listed.map_err(|cause| self.gateway.accounting_unavailable(Some(cause)))?;
        Ok(listed.into_iter().next_back())
    }

    async fn read<'r>(
        &self,
        kind: Kind,
        request: &'r Request,
        attendance: &Attendance,
    ) -> Result<Read<'r>, ApiError> {
        if kind == Kind::File {
            let tokens = Upload::read(&request.http)?.tokens();
            let content_type = request.http.headers().get(CONTENT_TYPE).cloned().unwrap_or(JSON);
            let named = NamedObjects::default();
            return Ok(Read { content_type, payload: None, model: None, named, tokens });
        }
        if request.http.body().is_empty() {
            let tokens = if kind == Kind::VectorStore { SEARCH_TOKENS } else { 0 };
            let named = NamedObjects::default();
            return Ok(Read { content_type: JSON, payload: None, model: None, named, tokens });
        }
        let payload = Payload::read(Protocol::of_kind(kind), &request.http, &request.id)?;
        let named = self.registry.named(attendance, payload.references()?).await?;
        let tokens = match kind {
            Kind::Conversation => {
                conversations::items_tokens(&payload)?.saturating_add(named.tokens())
            }
            Kind::VectorStore => SEARCH_TOKENS,
            Kind::File
            | Kind::Response
            | Kind::Assistant
            | Kind::Thread
            | Kind::Run
            | Kind::Video => 0,
        };
        if matches!(kind, Kind::Assistant | Kind::Thread) {
            assistants::check(&payload, &attendance.caps())?;
        }
        let model = match kind {
            Kind::Assistant => payload.model()?.map(std::borrow::Cow::into_owned),
            _ => None,
        };
        Ok(Read { content_type: JSON, payload: Some(payload), model, named, tokens })
    }
}

/// A body is never empty: not every server takes a POST without one.
fn body_of(request: &Request) -> Bytes {
    match request.http.body().is_empty() {
        true => Bytes::from_static(b"{}"),
        false => request.http.body().clone(),
    }
}

/// The same replica for the same attendee, in proportion to the replicas' weights.
pub(super) fn home_of<'a>(
    choice: &Choice<'a>,
    attendance: &Attendance,
) -> Result<&'a Deployment, ApiError> {
    let hash = user_hash(attendance.event(), &attendance.user);
    let luck = hash.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let order = choice.by_luck(luck.unwrap_or_default());
    order.first().copied().ok_or(ApiError::Internal(None))
}

/// The id in Azure's answer.
fn made_id(bytes: &[u8]) -> Result<ObjectId, ApiError> {
    #[derive(Deserialize)]
    struct Made {
        id: ObjectId,
    }
    let made = serde_json::from_slice::<Made>(bytes);
    made.map(|made| made.id)
        .map_err(|_| ApiError::UpstreamUnreachable(Some("what was made has no usable id".into())))
}

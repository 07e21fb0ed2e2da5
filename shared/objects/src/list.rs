//! A list of one's own: the order and the pages are ours, the objects Azure's.
//!
//! Azure's own list is the whole resource's. So our records say what there is, and each object is
//! read by itself. What Azure no longer has is left out and forgotten.

use std::collections::VecDeque;

use chrono::TimeDelta;
use futures_util::{StreamExt, stream};
use http::Method;
use lanyard_domain::object::{ObjectId, Owned};
use lanyard_domain::settlement::Settlement;
use lanyard_gateway::call::Failure;
use lanyard_gateway::error::ApiError;
use lanyard_gateway::forward::SETTLED;
use lanyard_gateway::lookup::Attendance;
use lanyard_gateway::notes::Notes;
use lanyard_gateway::ports::{Cause, RequestLine};
use lanyard_gateway::request::{Request, Response, whole};
use lanyard_gateway::settle::{Ending, OK};
use lanyard_protocol::Protocol;
use lanyard_protocol::demand::Demanded;
use lanyard_protocol::payload::JSON;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Objects;
use crate::call::{NO_TOKENS, Outgoing};
use crate::ownership::{deployment_at, owner_of};
use crate::query::{Param, Query};
use crate::responses::{json_body, respond};
use crate::rewrite::Rewriter;
use crate::routes::RouteMatch;

/// The length of a page that no limit was named for, as OpenAI's lists have it.
const USUAL: usize = 20;

/// Objects that are read at once.
const AT_ONCE: usize = 8;

/// How old a record must be before a 404 is believed: what is new may not be everywhere yet.
const NEW: TimeDelta = TimeDelta::minutes(5);

/// OpenAI's list.
#[derive(Serialize)]
struct Page<'p> {
    object: &'static str,
    data: Vec<&'p RawValue>,
    first_id: Option<&'p ObjectId>,
    last_id: Option<&'p ObjectId>,
    has_more: bool,
}

impl Objects {
    /// Lists the caller's own objects of a kind.
    pub(super) async fn list(
        &self,
        request: &Request,
        attendance: &Attendance,
        matched: &RouteMatch<'_>,
        query: &Query,
        notes: Notes,
        line: &mut RequestLine,
    ) -> Result<Response, ApiError> {
        let kind = matched.route.kind;
        let operation = kind.operation();
        let choice = attendance.choose_shared(None, operation)?;
        let model = choice.name().ok_or(ApiError::Internal(None))?;
        line.model = Some(model.clone());
        let owner = owner_of(attendance);
        let listing = self.registry.objects.list(&owner, kind);
        let listed = match tokio::time::timeout(self.gateway.ports().ledger_patience, listing).await
        {
            Ok(listed) => listed,
            Err(elapsed) => Err(Cause::from(elapsed)),
        };
        let listed = listed.map_err(|cause| self.gateway.accounting_unavailable(Some(cause)))?;
        let (wanted, limit) = page(listed, query, matched)?;
        let demanded = Demanded::nothing();
        let mut reservation =
            self.gateway.admit(request, attendance, model, operation, &demanded, notes).await?;
        line.outcome = SETTLED;
        reservation.mark_sent();
        let none = http::HeaderMap::new();
        let headers = self.gateway.answer_headers(&none, request, &demanded, &reservation);
        let found = self.read_page(request, attendance, query, wanted, limit).await;
        let found = found.and_then(|(objects, has_more)| {
            let page = Page {
                object: "list",
                data: objects.iter().map(|(_, object)| &**object).collect(),
                first_id: objects.first().map(|(id, _)| id),
                last_id: objects.last().map(|(id, _)| id),
                has_more,
            };
            let bytes = serde_json::to_vec(&page).map_err(|e| ApiError::Internal(Some(e.into())));
            bytes.map(|bytes| respond(headers, JSON, whole(bytes)))
        });
        let ending = match &found {
            Ok(_) => Ending::of(NO_TOKENS, OK, 200, Some(self.gateway.ports().clock.now())),
            Err(error) => {
                self.gateway.report(error, &reservation);
                Ending::of(Settlement::Void, error.code(), error.status().as_u16(), None)
            }
        };
        self.gateway.settle_behind(reservation, ending);
        found
    }

    /// Reads objects until the page is full, and says whether more are left.
    async fn read_page(
        &self,
        request: &Request,
        attendance: &Attendance,
        query: &Query,
        wanted: VecDeque<Owned>,
        limit: usize,
    ) -> Result<(Vec<(ObjectId, Box<RawValue>)>, bool), ApiError> {
        let last = wanted.back().map(|owned| owned.id.clone());
        let mut reading = stream::iter(wanted)
            .map(|owned| async move {
                let object = self.read_one(request, attendance, &owned).await;
                object.map(|object| (owned.id, object))
            })
            .buffered(AT_ONCE);
        let mut found = Vec::new();
        let mut last_read = None;
        while found.len() < limit
            && let Some(read) = reading.next().await
        {
            let (id, object) = read?;
            last_read = Some(id.clone());
            found.extend(object.filter(|object| has_purpose(object, query)).map(|o| (id, o)));
        }
        Ok((found, last_read != last))
    }

    /// An object as Azure has it now; none if it is gone.
    async fn read_one(
        &self,
        request: &Request,
        attendance: &Attendance,
        owned: &Owned,
    ) -> Result<Option<Box<RawValue>>, ApiError> {
        let deployment = deployment_at(attendance, &owned.home)?;
        let operation = owned.kind.operation();
        let url = Protocol::of(operation).url_below(deployment, owned.segments(), "");
        match self
            .call_home(request, owned.kind, deployment, Outgoing::plain(Method::GET, url))
            .await
        {
            Ok(answer) => {
                let bytes = json_body(request, answer).await?;
                self.settle_job_if_ended(owned, &attendance.at, &bytes);
                let deployments = attendance.at.catalog.deployments();
                let rewriter = Rewriter::of(owned.kind, deployments, deployment, request);
                let bytes = rewriter.rewrite(bytes);
                serde_json::from_slice(&bytes)
                    .map(Some)
                    .map_err(|fault| ApiError::UpstreamUnreachable(Some(fault.into())))
            }
            Err(Failure::Missing) => {
                if request.now - owned.created_at > NEW {
                    self.forget(owned).await;
                }
                Ok(None)
            }
            Err(failure) => Err(failure.into_error()),
        }
    }
}

/// The objects from which a page is filled, in its order, and how many it holds.
///
/// # Errors
///
/// 404 if the page is to begin or end at an object that is not there.
fn page(
    listed: Vec<Owned>,
    query: &Query,
    matched: &RouteMatch<'_>,
) -> Result<(VecDeque<Owned>, usize), ApiError> {
    let mut wanted = VecDeque::from(listed);
    if query.get(Param::Order) != Some("asc") {
        wanted.make_contiguous().reverse();
    }
    let limit = query.limit(USUAL);
    let place = |wanted: &VecDeque<Owned>, param| match query.get(param) {
        None => Ok(None),
        Some(id) => {
            let place = wanted.iter().position(|owned| owned.id.as_str() == id);
            place.map(Some).ok_or_else(|| matched.not_found())
        }
    };
    if let Some(before) = place(&wanted, Param::Before)? {
        wanted.truncate(before);
        if query.get(Param::After).is_none() {
            // The page that ends there, not the first one.
            wanted.drain(..wanted.len().saturating_sub(limit));
        }
    }
    if let Some(after) = place(&wanted, Param::After)? {
        wanted.drain(..=after);
    }
    Ok((wanted, limit))
}

/// Whether a file is for what the query asks for, if it asks.
fn has_purpose(object: &RawValue, query: &Query) -> bool {
    #[derive(Deserialize)]
    struct File<'f> {
        #[serde(borrow)]
        purpose: Option<std::borrow::Cow<'f, str>>,
    }
    let Some(wanted) = query.get(Param::Purpose) else { return true };
    serde_json::from_str::<File<'_>>(object.get())
        .is_ok_and(|file| file.purpose.as_deref() == Some(wanted))
}

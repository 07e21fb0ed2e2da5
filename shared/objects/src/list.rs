//! Lists of the caller's own objects.
//!
//! Azure lists the objects of everybody at the resource. So Lanyard's records say which objects
//! there are, and each is read from Azure. An object that Azure no longer has is left out and
//! forgotten.

use std::borrow::Cow;
use std::collections::VecDeque;

use chrono::TimeDelta;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, Method};
use lanyard_domain::account::Hold;
use lanyard_domain::object::{ObjectId, Owned};
use lanyard_domain::settlement::Settlement;
use lanyard_gateway::call::Failure;
use lanyard_gateway::error::ApiError;
use lanyard_gateway::ports::RequestLine;
use lanyard_gateway::request::{Response, full};
use lanyard_gateway::settle::{Ending, OK};
use lanyard_protocol::Protocol;
use lanyard_protocol::demand::Demanded;
use lanyard_protocol::payload::JSON;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Objects;
use crate::act::NO_TOKENS;
use crate::call::Call;
use crate::ownership::deployment_at;
use crate::query::{Param, Query};
use crate::registry::owner_of;
use crate::responses::{json_body, respond};
use crate::rewrite::Rewriter;
use crate::upstream::Outgoing;

/// The default length of a page, as in OpenAI's lists.
const DEFAULT_LIMIT: usize = 20;

/// How many objects are read at once.
const AT_ONCE: usize = 8;

/// The most objects that one list reads at Azure, which is also the longest page. A filter may
/// leave few of them: then the page is short and has a cursor.
const MOST_READS: usize = 100;

/// The age of a record from which a 404 means that the object is gone. A new object may not be
/// everywhere yet.
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
    pub(crate) async fn list(
        &self,
        call: &Call<'_>,
        line: &mut RequestLine,
    ) -> Result<Response, ApiError> {
        let Call { request, attendance, .. } = call;
        let choice = attendance.choose_shared(None, call.operation())?;
        let model = choice.name().ok_or(ApiError::Internal(None))?;
        line.model = Some(model.clone());
        let listed = self.registry.list(&owner_of(attendance), call.kind()).await?;
        let (candidates, limit) = page(listed, call)?;
        let demanded = Demanded::of_objects();
        let reservation = self.admit(call, model, &demanded, line).await?;
        let headers =
            self.gateway.response_headers(&HeaderMap::new(), request, &demanded, &reservation);
        let found = self.read_page(call, candidates, limit, reservation.hold()).await;
        let found = found.and_then(|(objects, more_after)| {
            let last_found = objects.last().map(|(id, _)| id);
            let page = Page {
                object: "list",
                data: objects.iter().map(|(_, object)| &**object).collect(),
                first_id: objects.first().map(|(id, _)| id),
                last_id: more_after.as_ref().or(last_found),
                has_more: more_after.is_some(),
            };
            match serde_json::to_vec(&page) {
                Ok(bytes) => Ok(respond(headers, JSON, full(bytes))),
                Err(fault) => Err(NotRead::asked(ApiError::Internal(Some(fault.into())))),
            }
        });
        let ending = match &found {
            Ok(_) => Ending::of(NO_TOKENS, OK, 200, Some(self.gateway.ports().clock.now())),
            Err(not_read) => {
                let NotRead { error, settlement } = &**not_read;
                self.gateway.report(error, &reservation);
                Ending::of(*settlement, error.code(), error.status().as_u16(), None)
            }
        };
        self.gateway.settle_in_background(reservation, ending);
        found.map_err(|not_read| not_read.error)
    }

    /// Reads objects until the page is full or enough were read. Names the last one that was read if
    /// more are left: the next page begins after it.
    async fn read_page(
        &self,
        call: &Call<'_>,
        candidates: VecDeque<Owned>,
        limit: usize,
        hold: &Hold,
    ) -> Result<(Vec<(ObjectId, Box<RawValue>)>, Option<ObjectId>), Box<NotRead>> {
        let last = candidates.back().map(|owned| owned.id.clone());
        let mut reading = stream::iter(candidates.into_iter().take(MOST_READS))
            .map(|owned| async move {
                let object = self.read_one(call, &owned, hold).await;
                object.map(|object| (owned.id, object))
            })
            .buffered(AT_ONCE);
        let mut found = Vec::new();
        let mut last_read = None;
        while found.len() < limit
            && let Some(read) = reading.next().await
        {
            // Once Azure has answered, the list counts as a request, whatever becomes of the rest.
            let is_first = last_read.is_none();
            let (id, object) =
                read.map_err(|not| if is_first { not } else { NotRead::asked(not.error) })?;
            last_read = Some(id.clone());
            found.extend(object.filter(|object| has_purpose(object, &call.query)).map(|o| (id, o)));
        }
        let has_more = last_read != last;
        Ok((found, last_read.filter(|_| has_more)))
    }

    /// An object as Azure has it now. `None` if Azure no longer has it.
    async fn read_one(
        &self,
        call: &Call<'_>,
        owned: &Owned,
        hold: &Hold,
    ) -> Result<Option<Box<RawValue>>, Box<NotRead>> {
        let Call { request, attendance, .. } = call;
        let deployment = deployment_at(attendance, &owned.home)
            .map_err(|error| Box::new(NotRead { error, settlement: Settlement::Void }))?;
        let url = Protocol::of_kind(owned.kind).url_below(deployment, owned.segments(), "");
        let outgoing = Outgoing::plain(Method::GET, url);
        match self.call_home(request, owned.kind, deployment, outgoing).await {
            Ok(response) => {
                let bytes =
                    json_body(request, deployment, response).await.map_err(NotRead::asked)?;
                self.settle_job_if_ended(owned, &attendance.at, &bytes);
                let rewriter = Rewriter::of(owned.kind, &attendance.at, deployment, request);
                serde_json::from_slice(&rewriter.rewrite(bytes)).map(Some).map_err(|fault| {
                    NotRead::asked(ApiError::UpstreamUnreachable(Some(fault.into())))
                })
            }
            Err(Failure::Missing(_)) => {
                if request.now - owned.created_at > NEW {
                    self.registry.forget(owned).await;
                }
                Ok(None)
            }
            Err(failure) => {
                let settlement = failure.settlement(hold);
                Err(Box::new(NotRead { error: failure.into_error(), settlement }))
            }
        }
    }
}

/// Why an object was not read, and what the call cost.
struct NotRead {
    error: ApiError,
    settlement: Settlement,
}

impl NotRead {
    /// Azure was asked, so the list counts as a request.
    fn asked(error: ApiError) -> Box<Self> {
        Box::new(Self { error, settlement: NO_TOKENS })
    }
}

/// The objects that may fill a page, in the page's order, and how many it holds.
///
/// # Errors
///
/// 404 if the page is to begin or end at an object that is not there.
fn page(listed: Vec<Owned>, call: &Call<'_>) -> Result<(VecDeque<Owned>, usize), ApiError> {
    let query = &call.query;
    let mut candidates = VecDeque::from(listed);
    if query.get(Param::Order) != Some("asc") {
        candidates.make_contiguous().reverse();
    }
    let limit = query.limit(DEFAULT_LIMIT);
    let place = |candidates: &VecDeque<Owned>, param| match query.get(param) {
        None => Ok(None),
        Some(id) => {
            let place = candidates.iter().position(|owned| owned.id.as_str() == id);
            place.map(Some).ok_or_else(|| call.not_found())
        }
    };
    if let Some(before) = place(&candidates, Param::Before)? {
        candidates.truncate(before);
        if query.get(Param::After).is_none() {
            // The page that ends there, not the first one.
            candidates.drain(..candidates.len().saturating_sub(limit));
        }
    }
    if let Some(after) = place(&candidates, Param::After)? {
        candidates.drain(..=after);
    }
    Ok((candidates, limit))
}

/// Whether a file has the purpose that the query names, if it names one.
fn has_purpose(object: &RawValue, query: &Query) -> bool {
    #[derive(Deserialize)]
    struct File<'f> {
        #[serde(borrow)]
        purpose: Option<Cow<'f, str>>,
    }
    let Some(wanted) = query.get(Param::Purpose) else { return true };
    serde_json::from_str::<File<'_>>(object.get())
        .is_ok_and(|file| file.purpose.as_deref() == Some(wanted))
}

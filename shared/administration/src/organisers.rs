//! Organisers and their tokens.
//!
//! Operators create organisers. An organiser lists and revokes their own tokens, and can make
//! another one to replace a token.

use chrono::{DateTime, Utc};
use http::StatusCode;
use lanyard_domain::ids::{OrganiserId, TokenId};
use lanyard_gateway::{Response, hex};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::audit::{Action, AuditEntry, AuditLog};
use crate::error::AdminError;
use crate::events::AuditPage;
use crate::expiry::{Expiry, WrittenTime};
use crate::form::{Form, Mistakes};
use crate::organiser_token::OrganiserToken;
use crate::page::cursor;
use crate::records::OrganiserTokenRecord;
use crate::time::Timestamp;
use crate::{Call, Caller, body, read, reply};

/// The longest life of a token that expires.
const MOST_DAYS: u64 = 3_660;

/// An organiser and their new token, which is not shown again.
#[derive(Serialize)]
struct NewOrganiser<'a> {
    organiser: &'a OrganiserId,
    name: &'a str,
    id: &'a TokenId,
    expires_at: Option<Timestamp>,
    token: &'a str,
}

/// `POST /organisers`: makes an organiser and shows the token, which is not shown again.
///
/// A name that can be an id is the organiser's id, so that `main` is the `main` whom operators act
/// as; naming an organiser who is there already makes another token for them. Other names get an
/// id of our own.
pub(crate) async fn create(call: Call<'_>) -> Result<Response, AdminError> {
    call.no_query()?;
    let (name, expires_at) = asked_for(&body::object(call.request)?, call.now())?;
    let organiser = match name.parse() {
        Ok(organiser) => organiser,
        Err(_) => new_id(call)?,
    };
    let (record, token) = issue(call, &organiser, name, expires_at).await?;
    let new = NewOrganiser {
        organiser: &organiser,
        name: &record.name,
        id: &record.id,
        expires_at: record.expires_at.map(Timestamp::utc),
        token: token.reveal(),
    };
    reply(StatusCode::CREATED, &new)
}

/// `POST /tokens`: another token of the same organiser.
///
/// It expires no later than the token that creates it. Otherwise an expiry could be avoided.
pub(crate) async fn make_token(call: Call<'_>) -> Result<Response, AdminError> {
    call.no_query()?;
    let (name, expires_at) = asked_for(&body::object(call.request)?, call.now())?;
    let latest = match call.caller {
        Caller::Token(_, own) => own.expires_at,
        Caller::Operator { .. } => None,
    };
    let expires_at = [expires_at, latest].into_iter().flatten().min();
    let (record, token) = issue(call, call.organiser(), name, expires_at).await?;
    let view = OrganiserTokenView { token: Some(token.reveal()), ..view(call, &record) };
    reply(StatusCode::CREATED, &view)
}

/// `GET /tokens`
pub(crate) async fn tokens(call: Call<'_>) -> Result<Response, AdminError> {
    let page = call.page::<TokenId>()?;
    let store = &call.admin.store;
    let (tokens, next) =
        store.organiser_tokens(call.organiser(), page.after.as_ref(), page.limit).await?;
    let tokens = tokens.iter().map(|token| view(call, token)).collect();
    reply(StatusCode::OK, &OrganiserTokenPage { tokens, next: cursor(next) })
}

/// `DELETE /tokens/{id}`: it stops working at once, also if it is the caller's.
pub(crate) async fn revoke(call: Call<'_>, id: &TokenId) -> Result<Response, AdminError> {
    call.no_query()?;
    let revoked = call.admin.store.revoke_organiser_token(call.organiser(), id).await?;
    let revoked = revoked.ok_or(AdminError::NotFound { what: "token" })?;
    note(call, call.organiser(), Action::RevokeOrganiserToken, &revoked).await?;
    reply(StatusCode::OK, &view(call, &revoked))
}

/// `GET /audit`: what changed about the organiser's deployments and tokens.
pub(crate) async fn audit(call: Call<'_>) -> Result<Response, AdminError> {
    let page = call.page()?;
    let log = AuditLog::Organiser(call.organiser());
    let (entries, next) = call.admin.store.audit(log, page.after.as_ref(), page.limit).await?;
    reply(StatusCode::OK, &AuditPage { audit: entries, next: cursor(next) })
}

async fn issue(
    call: Call<'_>,
    organiser: &OrganiserId,
    name: String,
    expires_at: Option<DateTime<Utc>>,
) -> Result<(OrganiserTokenRecord, OrganiserToken), AdminError> {
    let token = OrganiserToken::draw(call.admin.random.as_ref());
    let token = token.map_err(AdminError::StoreUnavailable)?;
    let created_at = call.now();
    let id = token.id(created_at).map_err(|_| AdminError::Internal(None))?;
    let record = OrganiserTokenRecord { id, name, created_at, expires_at };
    call.admin.store.add_organiser_token(organiser, &token, &record).await?;
    note(call, organiser, Action::MakeOrganiserToken, &record).await?;
    Ok((record, token))
}

async fn note(
    call: Call<'_>,
    organiser: &OrganiserId,
    action: Action,
    token: &OrganiserTokenRecord,
) -> Result<(), AdminError> {
    let subject = Some(token.id.to_string());
    let entry = AuditEntry { subject, ..call.audit_entry(action, Vec::new()) };
    Ok(call.admin.store.write_audit(AuditLog::Organiser(organiser), &entry).await?)
}

/// The name of a token, and when it expires.
pub(crate) fn asked_for(
    body: &Map<String, Value>,
    now: DateTime<Utc>,
) -> Result<(String, Option<DateTime<Utc>>), AdminError> {
    let mistakes = Mistakes::default();
    let form = Form::new(body, &mistakes);
    let name = form.required("name", read::line(1..=128));
    let written = WrittenTime::WithOffset;
    let expires_at = Expiry { now, most_days: MOST_DAYS, default: None, written }.read(&form);
    form.close();
    mistakes.unless_any(name.map(|name| (name, expires_at)))
}

fn new_id(call: Call<'_>) -> Result<OrganiserId, AdminError> {
    let id = format!("org_{}", hex(&call.random::<8>()?));
    id.parse().map_err(|_| AdminError::Internal(None))
}

/// A token of an organiser.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "OrganiserToken"))]
pub(crate) struct OrganiserTokenView<'a> {
    id: &'a TokenId,
    name: &'a str,
    created_at: Timestamp,
    /// `null` if it does not expire.
    expires_at: Option<Timestamp>,
    /// Whether it is the token of this request.
    current: bool,
    /// The token, shown only when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
}

fn view<'a>(call: Call<'_>, record: &'a OrganiserTokenRecord) -> OrganiserTokenView<'a> {
    OrganiserTokenView {
        id: &record.id,
        name: &record.name,
        created_at: Timestamp::utc(record.created_at),
        expires_at: record.expires_at.map(Timestamp::utc),
        current: matches!(call.caller, Caller::Token(_, own) if own.id == record.id),
        token: None,
    }
}

/// A page of an organiser's tokens, the newest first.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct OrganiserTokenPage<'a> {
    tokens: Vec<OrganiserTokenView<'a>>,
    /// The cursor of the next page.
    next: Option<String>,
}

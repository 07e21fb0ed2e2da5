//! Signed tokens: issued for one user each, listed, and revoked.

use chrono::{DateTime, SubsecRound, Utc};
use http::StatusCode;
use lanyard_domain::event::{Event, Signing};
use lanyard_domain::ids::{EventId, TokenId};
use lanyard_domain::token::UserId;
use lanyard_gateway::signed::Claims;
use lanyard_gateway::{Response, hex};
use serde::Serialize;
use serde_json::Value;

use crate::audit::{Action, AuditEntry, AuditLog};
use crate::error::AdminError;
use crate::events::{owned, updated, with_secret};
use crate::expiry::{Expiry, WrittenTime};
use crate::form::{Form, Mistakes};
use crate::page::cursor;
use crate::read;
use crate::records::IssuedToken;
use crate::time::Timestamp;
use crate::{Call, body, reply};

/// The longest life of a token.
const MOST_DAYS: u64 = 366;
/// How many tokens may be revoked one by one: all of them are read with the event.
const MOST_REVOKED: usize = 500;

/// `POST /events/{id}/tokens`: the only time that the token is shown.
pub(crate) async fn issue(call: Call<'_>, id: &EventId) -> Result<Response, AdminError> {
    call.no_query()?;
    let body = body::object(call.request)?;
    let mut event = owned(call, id).await?;
    let (user, expires_at) = asked_for(&body, &event, call.now())?;
    if event.signing.secret.is_empty() {
        event = updated(call, id, Action::Change, |event| with_secret(call, event)).await?;
    }
    let issued = IssuedToken {
        id: new_id(call)?,
        user: user.clone(),
        issued_at: call.now().trunc_subsecs(0),
        expires_at,
    };
    let claims = Claims {
        event: id.clone(),
        user: user.clone(),
        issued_at: issued.issued_at.timestamp(),
        expires_at: expires_at.timestamp(),
        id: issued.id.clone(),
    };
    let token = claims.sign(&event.signing).ok_or(AdminError::Internal(None))?;
    call.admin.store.put_issued(id, &issued).await?;
    note(call, id, Action::IssueToken, Some(user)).await?;
    let shown = TokenView::of(&issued, &event);
    reply(StatusCode::CREATED, &TokenView { token: Some(token), ..shown })
}

pub(crate) fn asked_for(
    body: &serde_json::Map<String, Value>,
    event: &Event,
    now: DateTime<Utc>,
) -> Result<(UserId, DateTime<Utc>), AdminError> {
    let mistakes = Mistakes::default();
    let form = Form::new(body, &mistakes);
    let user = form.required("user", read::parsed());
    let expiry = Expiry {
        now,
        most_days: MOST_DAYS,
        default: Some(event.window.ends_at()),
        written: WrittenTime::LocalTo(event.window.zone()),
    };
    let expires_at = expiry.read(&form);
    form.close();
    mistakes.unless_any(user.zip(expires_at))
}

/// `GET /events/{id}/tokens`
pub(crate) async fn list(call: Call<'_>, id: &EventId) -> Result<Response, AdminError> {
    let page = call.page::<TokenId>()?;
    let event = owned(call, id).await?;
    let (tokens, next) = call.admin.store.issued(id, page.after.as_ref(), page.limit).await?;
    let tokens = tokens.iter().map(|token| TokenView::of(token, &event)).collect();
    reply(StatusCode::OK, &TokenPage { tokens, next: cursor(next) })
}

/// `DELETE /events/{id}/tokens/{jti}`: it stops working within five seconds.
pub(crate) async fn revoke(
    call: Call<'_>,
    id: &EventId,
    token: &TokenId,
) -> Result<Response, AdminError> {
    call.no_query()?;
    owned(call, id).await?;
    let issued = call.admin.store.issued_token(id, token).await?;
    let issued = issued.ok_or(AdminError::NotFound { what: "token" })?;
    let now = call.now();
    let event = updated(call, id, Action::RevokeToken, |event| {
        let mut after = event.clone();
        // Expired tokens need not be remembered.
        after.signing.revoked.retain(|_, expires_at| *expires_at > now);
        if after.signing.revoked.len() >= MOST_REVOKED {
            return Err(AdminError::field(
                "jti",
                "is one too many: DELETE all tokens, and issue those anew that stay",
            ));
        }
        after.signing.revoked.insert(token.clone(), issued.expires_at);
        Ok(after)
    })
    .await?;
    reply(StatusCode::OK, &TokenView::of(&issued, &event))
}

/// `DELETE /events/{id}/tokens`: another secret, so that nothing signed before works. Attendees see
/// their new personal keys by their proof.
pub(crate) async fn revoke_all(call: Call<'_>, id: &EventId) -> Result<Response, AdminError> {
    call.no_query()?;
    updated(call, id, Action::RevokeTokens, |event| {
        with_secret(call, &Event { signing: Signing::default(), ..event.clone() })
    })
    .await?;
    reply(StatusCode::OK, &AllRevoked { id, revoked: "all" })
}

/// An id that sorts by the time of its making.
fn new_id(call: Call<'_>) -> Result<TokenId, AdminError> {
    let ms = call.now().timestamp_millis();
    let id = format!("tok_{ms:012x}{}", hex(&call.random::<8>()?));
    id.parse().map_err(|_| AdminError::Internal(None))
}

/// A signed token as the organiser sees it.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Token"))]
pub(crate) struct TokenView<'a> {
    /// The token's id.
    jti: &'a TokenId,
    user: &'a UserId,
    issued_at: Timestamp,
    expires_at: Timestamp,
    /// Whether it was revoked by itself.
    revoked: bool,
    /// The token, shown only when it is issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl<'a> TokenView<'a> {
    fn of(issued: &'a IssuedToken, event: &Event) -> Self {
        Self {
            jti: &issued.id,
            user: &issued.user,
            issued_at: Timestamp::utc(issued.issued_at),
            expires_at: Timestamp::utc(issued.expires_at),
            revoked: event.signing.revoked.contains_key(&issued.id),
            token: None,
        }
    }
}

/// A page of issued tokens, the newest first.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct TokenPage<'a> {
    tokens: Vec<TokenView<'a>>,
    /// The cursor of the next page.
    next: Option<String>,
}

/// That no token and no personal key of an event is valid any more.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct AllRevoked<'a> {
    /// The event.
    id: &'a EventId,
    /// Always `all`.
    revoked: &'static str,
}

async fn note(
    call: Call<'_>,
    id: &EventId,
    action: Action,
    attendee: Option<UserId>,
) -> Result<(), AdminError> {
    let entry = AuditEntry { attendee, ..call.audit_entry(action, Vec::new()) };
    Ok(call.admin.store.write_audit(AuditLog::Event(id), &entry).await?)
}

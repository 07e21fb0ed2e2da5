//! The roster of an event: who may come, as a mark on each user's account.

pub(crate) mod reading;

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, future, stream};
use http::StatusCode;
use lanyard_domain::access::Access;
use lanyard_domain::account::{Account, AccountKey, Change, Field, Write};
use lanyard_domain::ids::EventId;
use lanyard_domain::time::EpochNanos;
use lanyard_domain::token::UserId;
use lanyard_gateway::Response;
use serde::Serialize;
use serde_json::Value;

use self::reading::{Wanted, asked_for};
use crate::accounts::{apply_unconditional, page_of, with_retry};
use crate::audit::{Action, AuditLog, FieldChange};
use crate::error::AdminError;
use crate::events::owned;
use crate::page::cursor;
use crate::roster_csv::UnnamedRow;
use crate::time::Timestamp;
use crate::{Call, DeletedUser, reply};

/// The most users of one roster.
const MOST: usize = 5_000;
/// How many accounts are written, or read, together.
const AT_ONCE: usize = 16;
const PAGE: u16 = 500;

/// `PUT /events/{id}/roster`: these users and no others. A partly written roster is completed by
/// sending it again.
pub(crate) async fn put(call: Call<'_>, id: &EventId) -> Result<Response, AdminError> {
    call.no_query()?;
    let Wanted { users: wanted, skipped } = asked_for(call)?;
    let event = owned(call, id).await?;
    let listed = all(call, id).await?;
    let added: Vec<_> = wanted.difference(&listed).cloned().collect();
    let removed: Vec<_> = listed.difference(&wanted).cloned().collect();
    let listing = added.iter().map(|user| (user.clone(), Change::Set(Field::Listed, 1)));
    let leaving = removed.iter().map(|user| (user.clone(), Change::Remove(Field::Listed)));
    let writes: Vec<_> = listing.chain(leaving).collect();
    let mark =
        |(user, change): (UserId, Change)| async move { mark(call, id, &user, change).await };
    stream::iter(writes).map(mark).buffer_unordered(AT_ONCE).try_for_each(future::ok).await?;
    if !(added.is_empty() && removed.is_empty()) {
        let change = |field: &str, count: usize| FieldChange {
            field: field.to_owned(),
            from: Value::Null,
            to: count.into(),
        };
        let changes = vec![change("added", added.len()), change("removed", removed.len())];
        let entry = call.audit_entry(Action::ChangeRoster, changes);
        call.admin.store.write_audit(AuditLog::Event(id), &entry).await?;
    }
    let change = RosterChange {
        users: wanted.len(),
        added: added.len(),
        removed: removed.len(),
        warnings: not_enforced(event.access).into_iter().collect(),
        skipped,
    };
    reply(StatusCode::OK, &change)
}

/// A roster keeps nobody out unless the event has roster access.
fn not_enforced(access: Access) -> Option<String> {
    let is = match access {
        Access::Roster => return None,
        Access::Open => "open",
        Access::Registered { .. } => "registered",
    };
    Some(format!(
        "The event's access is {is}, so its roster keeps nobody out. Set access to roster."
    ))
}

/// Reads for one page: other accounts lie between those on the roster, and a caller who asks for
/// the next page goes on behind them.
const READS: usize = 10;

/// `GET /events/{id}/roster`
pub(crate) async fn list(call: Call<'_>, id: &EventId) -> Result<Response, AdminError> {
    let page = call.page::<UserId>()?;
    owned(call, id).await?;
    let mut after = page.after;
    let mut users = Vec::new();
    for _ in 0..READS {
        let (accounts, next) = page_of(call, id, after.as_ref(), page.limit).await?;
        for (user, account) in accounts {
            if users.len() == usize::from(page.limit) {
                // This one and those after it are the next page's.
                return reply(StatusCode::OK, &RosterPage { users, next: cursor(after) });
            }
            if is_listed(&account) {
                users.push(RosterUser::of(&user, &account));
            }
            after = Some(user);
        }
        after = next;
        if after.is_none() || users.len() == usize::from(page.limit) {
            break;
        }
    }
    reply(StatusCode::OK, &RosterPage { users, next: cursor(after) })
}

/// `DELETE /events/{id}/roster/{user}`
pub(crate) async fn delete(
    call: Call<'_>,
    id: &EventId,
    user: &UserId,
) -> Result<Response, AdminError> {
    call.no_query()?;
    owned(call, id).await?;
    let key = AccountKey::Attendee(id.clone(), user.clone());
    let account = with_retry(|| call.admin.ledger.account(&key)).await?;
    if !account.as_ref().is_some_and(is_listed) {
        return Err(AdminError::NotFound { what: "user on the roster" });
    }
    mark(call, id, user, Change::Remove(Field::Listed)).await?;
    call.audit_attendee(id, user, Action::ChangeRoster, Vec::new()).await?;
    reply(StatusCode::OK, &DeletedUser { user, deleted: true })
}

/// `DELETE /events/{id}/registrations/{user}`: the name can be claimed anew, and the key works no
/// longer.
pub(crate) async fn forget(
    call: Call<'_>,
    id: &EventId,
    user: &UserId,
) -> Result<Response, AdminError> {
    call.no_query()?;
    owned(call, id).await?;
    // The key first: a claim without a number admits nobody, a number without a claim would.
    mark(call, id, user, Change::Remove(Field::Claim)).await?;
    let removed = call.admin.store.remove_claim(id, user).await;
    if !removed.map_err(AdminError::StoreUnavailable)? {
        return Err(AdminError::NotFound { what: "registration" });
    }
    call.audit_attendee(id, user, Action::RemoveRegistration, Vec::new()).await?;
    reply(StatusCode::OK, &DeletedUser { user, deleted: true })
}

async fn mark(
    call: Call<'_>,
    id: &EventId,
    user: &UserId,
    change: Change,
) -> Result<(), AdminError> {
    let key = AccountKey::Attendee(id.clone(), user.clone());
    let write = Write { conditions: Vec::new(), changes: vec![change] };
    apply_unconditional(call, &key, &write).await.map(drop)
}

async fn all(call: Call<'_>, id: &EventId) -> Result<BTreeSet<UserId>, AdminError> {
    let mut users = BTreeSet::new();
    let mut after = None;
    loop {
        let (accounts, next) = page_of(call, id, after.as_ref(), PAGE).await?;
        let listed = accounts.into_iter().filter(|(_, account)| is_listed(account));
        users.extend(listed.map(|(user, _)| user));
        after = next;
        if after.is_none() {
            return Ok(users);
        }
    }
}

fn is_listed(account: &Account) -> bool {
    account.get(Field::Listed) != 0
}

/// A user on the roster.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct RosterUser {
    user: UserId,
    /// `null` before the attendee's first request.
    joined_at: Option<Timestamp>,
}

impl RosterUser {
    fn of(user: &UserId, account: &Account) -> Self {
        let seated_at = account.numbers.get(&Field::SeatedAt).map(|at| EpochNanos(*at).to_utc());
        Self { user: user.clone(), joined_at: seated_at.map(Timestamp::utc) }
    }
}

/// A page of the roster, by name.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct RosterPage {
    users: Vec<RosterUser>,
    /// The cursor of the next page.
    next: Option<String>,
}

/// The result of writing a roster.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct RosterChange {
    /// How many users are on it now.
    users: usize,
    added: usize,
    removed: usize,
    /// What an organiser seldom means: a roster that is not enforced. Left out if there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// The rows of a CSV that have no user name, such as those that no student has claimed. Left out
    /// if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<SkippedRow>,
}

/// A row of a CSV that has no user name.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct SkippedRow {
    line: usize,
    /// Its first cell that is not empty, such as the identifier of a student.
    identifier: String,
}

impl From<UnnamedRow> for SkippedRow {
    fn from(row: UnnamedRow) -> Self {
        Self { line: row.line, identifier: row.first_cell }
    }
}

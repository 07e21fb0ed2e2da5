//! The roster of an event: who may come, as a mark on each user's account.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, future, stream};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use lanyard_domain::access::Access;
use lanyard_domain::account::{Account, AccountKey, Change, Field, Write};
use lanyard_domain::ids::EventId;
use lanyard_domain::time::EpochNanos;
use lanyard_domain::token::UserId;
use lanyard_domain::transliteration::transliterated;
use lanyard_gateway::{Request, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::accounts::{apply_unconditional, page_of, with_retry};
use crate::audit::{Action, AuditLog, FieldChange};
use crate::error::AdminError;
use crate::events::owned;
use crate::form::{Form, Mistakes};
use crate::page::cursor;
use crate::read::reader;
use crate::roster_csv::UnnamedRow;
use crate::time::Timestamp;
use crate::{Call, DeletedUser, body, reply, roster_csv};

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

/// What a body asks for.
struct Wanted {
    users: BTreeSet<UserId>,
    skipped: Vec<SkippedRow>,
}

/// A user name of a body, as it is written.
struct Name {
    text: String,
    place: NamePlace,
}

/// Where a body has a name.
enum NamePlace {
    /// In JSON, at this index of the list.
    Listed(usize),
    /// In a CSV, on this line.
    OnLine(usize),
}

impl Name {
    /// The user, or a mistake that says where the wrong name is.
    fn user(&self, mistakes: &Mistakes) -> Option<UserId> {
        let fault = match self.text.parse() {
            Ok(user) => return Some(user),
            Err(fault) => fault,
        };
        let hint = self.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        let message = format!("{fault}{hint}");
        match self.place {
            NamePlace::Listed(index) => mistakes.add(format!("users[{index}]"), message),
            NamePlace::OnLine(line) => mistakes.add("users", format!("line {line}: {message}")),
        }
        None
    }

    /// How a wrong name becomes right.
    fn hint(&self) -> Option<String> {
        match self.place {
            // API Gateway reads other content types as UTF-8, and replaces what is none.
            NamePlace::OnLine(_) if self.text.contains('\u{fffd}') => Some(
                "the file is not UTF-8, and was changed on its way: send it with -H \
                 'content-type: text/csv'"
                    .to_owned(),
            ),
            NamePlace::Listed(_) | NamePlace::OnLine(_) => {
                let spelt = transliterated(&self.text);
                let spelt = spelt.filter(|spelt| spelt.parse::<UserId>().is_ok());
                spelt.map(|spelt| format!("write {spelt}"))
            }
        }
    }
}

/// The users of a body: a list in JSON, or a column of a CSV.
fn asked_for(call: Call<'_>) -> Result<Wanted, AdminError> {
    let csv = csv_in(call.request)?;
    let mistakes = Mistakes::default();
    let (names, skipped) = match &csv {
        Some(text) => named_in_csv(text, &mistakes),
        None => (named_in_json(&body::object(call.request)?, &mistakes), Vec::new()),
    };
    if names.len() > MOST {
        mistakes.add("users", format!("must be at most {MOST}"));
        return mistakes.unless_any(None);
    }
    let users = names.iter().filter_map(|name| name.user(&mistakes)).collect();
    mistakes.unless_any(Some(Wanted { users, skipped }))
}

/// The names of a CSV, and the rows that have none.
fn named_in_csv(text: &str, mistakes: &Mistakes) -> (Vec<Name>, Vec<SkippedRow>) {
    let found = match roster_csv::names(text) {
        Ok(found) => found,
        Err(fault) => {
            mistakes.add("users", fault);
            return (Vec::new(), Vec::new());
        }
    };
    if found.names.is_empty() {
        mistakes.add(
            "users",
            "are missing: the file has no users. To remove all users, send {\"users\": []}",
        );
    }
    let name = |(line, text)| Name { text, place: NamePlace::OnLine(line) };
    let skipped = found.unnamed.into_iter().map(SkippedRow::from);
    (found.names.into_iter().map(name).collect(), skipped.collect())
}

/// The names of a list in JSON.
fn named_in_json(body: &Map<String, Value>, mistakes: &Mistakes) -> Vec<Name> {
    let names = names_in(body, mistakes).unwrap_or_default().into_iter().enumerate();
    names.map(|(index, text)| Name { text, place: NamePlace::Listed(index) }).collect()
}

/// The text of a body that is a CSV, in any encoding that spreadsheets write. Clients send a file
/// under many content types, curl under that of a form unless it is told so. So the first character
/// decides, except where the client says that it is JSON.
fn csv_in(request: &Request) -> Result<Option<String>, AdminError> {
    let (media_type, charset) = content_type(request);
    let bytes = body::bytes(request)?;
    // API Gateway reads other content types as UTF-8, and so replaces the mark of UTF-16.
    if bytes.starts_with("\u{fffd}\u{fffd}".as_bytes()) {
        return Err(AdminError::InvalidJson(
            "The file is not UTF-8, and was changed on its way. Send it with \
             -H 'content-type: text/csv'."
                .to_owned(),
        ));
    }
    let text = roster_csv::decoded(bytes, charset.as_deref())
        .map_err(|fault| AdminError::InvalidJson(format!("The file {fault}.")))?;
    let mut visible = text.chars().filter(|char| !char.is_whitespace());
    let Some(first) = visible.next() else {
        return Ok((media_type == "text/csv").then_some(text));
    };
    if matches!(first, '{' | '[') {
        return Ok(None);
    }
    match media_type.as_str() {
        "application/json" => Err(AdminError::InvalidJson(
            "The body is not JSON. If it is a CSV file, send it with content-type: text/csv."
                .to_owned(),
        )),
        // `curl -d @FILE` removes the line breaks, so that all names would be one.
        "application/x-www-form-urlencoded" if !text.contains(['\n', '\r']) => {
            Err(AdminError::InvalidJson(
                "The file has no line breaks: curl removes them with -d. Send it with \
                 --data-binary @FILE and -H 'content-type: text/csv'."
                    .to_owned(),
            ))
        }
        _ => Ok(Some(text)),
    }
}

/// The content type of a request in small letters, and its charset.
fn content_type(request: &Request) -> (String, Option<String>) {
    let value = request.http.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let value = value.unwrap_or_default().to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_owned();
    let charset = parts.find_map(|part| part.strip_prefix("charset="));
    (essence, charset.map(|charset| charset.trim_matches('"').to_owned()))
}

/// The names of a body in JSON.
pub(crate) fn names_in(body: &Map<String, Value>, mistakes: &Mistakes) -> Option<Vec<String>> {
    let form = Form::new(body, mistakes);
    let schema = || json!({"type": "array", "items": {"type": "string"}, "maxItems": MOST});
    let names = form.required(
        "users",
        reader(schema, |value| {
            let list = value.as_array().ok_or("must be a list of names")?;
            let texts = list.iter().map(|value| value.as_str().unwrap_or_default().to_owned());
            Ok(texts.collect::<Vec<_>>())
        }),
    );
    form.close();
    names
}

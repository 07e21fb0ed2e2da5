//! The attendees of an event: usage, own limits, and blocks.

mod left;
mod own;
mod refusals;
mod used;

use std::collections::BTreeMap;

use http::StatusCode;
use lanyard_domain::account::{Account, AccountKey, Change, Condition, Field, Write};
use lanyard_domain::admission;
use lanyard_domain::by_model::ModelLimits;
use lanyard_domain::catalog::Catalog;
use lanyard_domain::event::Event;
use lanyard_domain::ids::EventId;
use lanyard_domain::reset::is_blank;
use lanyard_domain::time::EpochNanos;
use lanyard_domain::token::UserId;
use lanyard_domain::window::LocalDay;
use lanyard_gateway::Response;
use lanyard_gateway::ports::Outcome;
use serde::Serialize;
use serde_json::{Map, Value};

use self::left::{AccountOnDay, LeftView};
use self::refusals::{RefusalCheck, RefusalView};
use self::used::ModelView;
use crate::accounts::{self, Numbers, apply_unconditional, page_of, with_retry};
use crate::audit::Action;
use crate::error::AdminError;
use crate::events::{AttendeeAllowanceView, owned};
use crate::form::{Form, Given, Mistakes};
use crate::page::cursor;
use crate::time::Timestamp;
use crate::used_up::Limited;
use crate::{Call, body, changes, read, reply};

/// How many rejected requests are shown.
const MOST_REJECTED: usize = 20;

/// A page of attendees, by name.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct AttendeePage<'a> {
    attendees: Vec<AttendeeView<'a>>,
    /// The cursor of the next page.
    next: Option<String>,
}

/// An attendee as the organiser sees them.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Attendee"))]
pub(crate) struct AttendeeView<'a> {
    user: &'a UserId,
    /// Whether the organiser has blocked them.
    blocked: bool,
    /// `null` before the attendee's first request, such as for one who was blocked in advance.
    joined_at: Option<Timestamp>,
    /// Whether they are on the roster.
    on_roster: bool,
    /// Whether the name is claimed with a passphrase.
    registered: bool,
    /// Requests that are running.
    in_flight: u64,
    usage: Numbers,
    /// The limits that apply: the event's, replaced by their own.
    allowance: AttendeeAllowanceView,
    /// Which of these are their own.
    own_limits: Vec<&'static str>,
    /// Which of those on single models are their own, by model. It also has those that are lifted.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "schema", schemars(default))]
    own_limits_by_model: BTreeMap<String, Vec<&'static str>>,
    /// After a change: limits of which all is spent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(default))]
    warnings: Vec<String>,
}

impl<'a> AttendeeView<'a> {
    fn of(user: &'a UserId, account: &Account, event: &Event) -> Self {
        let seated_at = account.numbers.get(&Field::SeatedAt).map(|at| EpochNanos(*at).to_utc());
        Self {
            user,
            blocked: is_blocked(account),
            joined_at: seated_at.map(Timestamp::utc),
            on_roster: account.get(Field::Listed) != 0,
            registered: account.get(Field::Claim) != 0,
            in_flight: account.count(Field::Open),
            usage: Numbers::of(account),
            allowance: allowance(account, event),
            own_limits: own::limits(account),
            own_limits_by_model: own::limits_by_model(account, event),
            warnings: Vec::new(),
        }
    }

    /// The same with a warning about each limit of which all is spent.
    fn with_warnings(self, account: &Account, day: LocalDay) -> Self {
        let AttendeeAllowanceView { limits, by_model } = &self.allowance;
        let path = "allowance";
        let warnings = Limited { path, limits, by_model, account, day }.warnings();
        Self { warnings, ..self }
    }
}

/// The limits that apply to an account.
fn allowance(account: &Account, event: &Event) -> AttendeeAllowanceView {
    AttendeeAllowanceView {
        limits: account.allowance(&event.allowances.attendee),
        by_model: account.model_limits(&event.allowances.by_model.attendee),
    }
}

fn is_blocked(account: &Account) -> bool {
    account.get(Field::Blocked) != 0
}

/// `GET /events/{id}/attendees`
pub(crate) async fn list(call: Call<'_>, id: &EventId) -> Result<Response, AdminError> {
    let page = call.page::<UserId>()?;
    let event = owned(call, id).await?;
    let (accounts, next) = page_of(call, id, page.after.as_ref(), page.limit).await?;
    let attendees =
        accounts.iter().map(|(user, account)| AttendeeView::of(user, account, &event)).collect();
    reply(StatusCode::OK, &AttendeePage { attendees, next: cursor(next) })
}

/// One attendee, with the requests that were rejected.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct AttendeeDetails<'a> {
    #[serde(flatten)]
    attendee: AttendeeView<'a>,
    /// Of each hour and each reason the last rejected request, the newest first. If very many were
    /// rejected in an hour, some are missing. A process that ends loses those of its last ten
    /// seconds.
    rejected: Vec<RejectedView>,
    /// The usage by model, from the records of the requests. If it has fewer requests than `usage`,
    /// others are missing: those of an event that keeps no records, those of more than 90 days ago
    /// or of an earlier release, those of the last seconds, some of an attendee with more than about
    /// ten thousand, and those that could not be read just now.
    by_model: Vec<ModelView>,
    /// What refuses requests of theirs now, of the event and of their own. A limit on tokens or dollars
    /// is judged by the least request that sets no output limit: one with a small output limit, and
    /// one for embeddings, may need less and be admitted.
    refused_by: Vec<RefusalView>,
    /// What is left of each limit now.
    left: BTreeMap<&'static str, LeftView>,
    /// What is left of the limits on single models, by model.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "schema", schemars(default))]
    left_by_model: BTreeMap<String, BTreeMap<&'static str, LeftView>>,
}

/// A rejected request.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "RejectedRequest"))]
struct RejectedView {
    at: Timestamp,
    /// The code of the error.
    code: String,
}

/// `GET /events/{id}/attendees/{user}`: also for a user of whom every request was rejected.
pub(crate) async fn show(
    call: Call<'_>,
    id: &EventId,
    user: UserId,
) -> Result<Response, AdminError> {
    call.no_query()?;
    let event = owned(call, id).await?;
    let key = AccountKey::Attendee(id.clone(), user.clone());
    let account = with_retry(|| call.admin.ledger.account(&key)).await?;
    let hours = call.admin.store.hours(&event).await?;
    let mut rejected: Vec<_> = hours.into_iter().flat_map(|hour| hour.rejected).collect();
    rejected.retain(|one| one.user == user);
    if account.as_ref().is_none_or(is_blank) && rejected.is_empty() {
        return Err(AdminError::NotFound { what: "attendee" });
    }
    rejected.sort_by_key(|one| std::cmp::Reverse(one.at));
    rejected.truncate(MOST_REJECTED);
    let rejected = rejected
        .into_iter()
        .map(|one| RejectedView { at: Timestamp::utc(one.at), code: one.code })
        .collect();
    let account = account.unwrap_or_default();
    let by_model = used::by_model(call, id, &user, &account).await;
    let attendee = AttendeeView::of(&user, &account, &event);
    let now = call.now();
    let of_event = accounts::of_event(call, &event).await?;
    let deployments = call.admin.store.deployments(call.organiser()).await?;
    let catalog = Catalog::new(deployments, event.deployments.as_deref());
    let check = RefusalCheck {
        event: &event,
        of_event: &of_event,
        of_attendee: &account,
        least: catalog.least_request(event.max_completion_tokens),
        request: &call.request.id,
        now,
    };
    let refused_by = check.refusals();
    let day = event.window.local_day(now);
    let account = AccountOnDay { account: &account, day, now };
    let left = account.left_of_limits(&attendee.allowance.limits);
    let left_by_model = account.left_of_models(&attendee.allowance.by_model);
    let details = AttendeeDetails { attendee, rejected, by_model, refused_by, left, left_by_model };
    reply(StatusCode::OK, &details)
}

/// `PATCH /events/{id}/attendees/{user}`, also before the attendee's first request.
pub(crate) async fn change(
    call: Call<'_>,
    id: &EventId,
    user: UserId,
) -> Result<Response, AdminError> {
    call.no_query()?;
    let body = body::object(call.request)?;
    let event = owned(call, id).await?;
    let key = AccountKey::Attendee(id.clone(), user.clone());
    let ledger = &call.admin.ledger;
    let before = with_retry(|| ledger.account(&key)).await?.unwrap_or_default();
    let write = asked_for(&body, &event.allowances.by_model.attendee, &before)?;
    let after = apply_unconditional(call, &key, &write).await?;
    let changes = changes::between(&facts(&before, &event), &facts(&after, &event));
    if !changes.is_empty() {
        call.audit_attendee(id, &user, Action::ChangeAttendee, changes).await?;
    }
    let view = AttendeeView::of(&user, &after, &event);
    let view = match body.contains_key("allowance") {
        true => view.with_warnings(&after, event.window.local_day(call.now())),
        false => view,
    };
    reply(StatusCode::OK, &view)
}

/// What was removed of an attendee who has used nothing.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "FreedSeat"))]
pub(crate) struct FreedSeatView<'a> {
    user: &'a UserId,
    /// Always `true`.
    deleted: bool,
    /// Whether there was a seat. If not, the block and the own limits of somebody who has not come
    /// were removed.
    seat: bool,
}

/// `DELETE /events/{id}/attendees/{user}`: frees the seat of an attendee who has used nothing. Of a
/// user who has never come, the block and the own limits go, which were set in advance.
///
/// The attendee's account comes first. After a crash between the two writes the event counts one seat
/// too many, which the sweep finds.
pub(crate) async fn free_seat(
    call: Call<'_>,
    id: &EventId,
    user: &UserId,
) -> Result<Response, AdminError> {
    call.no_query()?;
    let event = owned(call, id).await?;
    let ledger = &call.admin.ledger;
    let key = AccountKey::Attendee(id.clone(), user.clone());
    match ledger.apply(&key, &admission::vacate_seat()).await? {
        Outcome::Made(_) => {}
        Outcome::Kept(Some(account)) if account.numbers.contains_key(&Field::SeatedAt) => {
            return Err(AdminError::field(
                "user",
                "has used the event, so the seat stays taken; block them instead",
            ));
        }
        Outcome::Kept(account) => {
            let before = account.unwrap_or_default();
            return remove_unseated(call, &event, user, &before).await;
        }
    }
    let event = AccountKey::Event(id.clone());
    ledger.apply(&event, &admission::take_back_seat()).await?;
    call.audit_attendee(id, user, Action::FreeSeat, Vec::new()).await?;
    reply(StatusCode::OK, &FreedSeatView { user, deleted: true, seat: true })
}

/// Removes what was decided in advance about a user who has never come: a block and own limits.
async fn remove_unseated(
    call: Call<'_>,
    event: &Event,
    user: &UserId,
    before: &Account,
) -> Result<Response, AdminError> {
    if is_blank(before) {
        return Err(AdminError::NotFound { what: "attendee" });
    }
    if before.get(Field::Listed) != 0 || before.get(Field::Claim) != 0 {
        return Err(AdminError::field(
            "user",
            "has no seat yet; take them from the roster, or delete their registration, instead",
        ));
    }
    let absent = [Field::SeatedAt, Field::Listed, Field::Claim].map(Condition::Absent);
    let mut changes = own::reset(before);
    changes.push(Change::Remove(Field::Blocked));
    let write = Write { conditions: absent.to_vec(), changes };
    let key = AccountKey::Attendee(event.id.clone(), user.clone());
    let Outcome::Made(after) = with_retry(|| call.admin.ledger.apply(&key, &write)).await? else {
        return Err(AdminError::Busy);
    };
    let changes = changes::between(&facts(before, event), &facts(&after, event));
    call.audit_attendee(&event.id, user, Action::ChangeAttendee, changes).await?;
    reply(StatusCode::OK, &FreedSeatView { user, deleted: true, seat: false })
}

/// The write that a body asks for. `of_models` are the event's limits on single models.
pub(crate) fn asked_for(
    body: &Map<String, Value>,
    of_models: &ModelLimits,
    before: &Account,
) -> Result<Write, AdminError> {
    let mistakes = Mistakes::default();
    let form = Form::new(body, &mistakes);
    let mut changes = Vec::new();
    match form.field("blocked", read::yes_or_no()) {
        Given::Value(true) => changes.push(Change::Set(Field::Blocked, 1)),
        Given::Value(false) | Given::Null => changes.push(Change::Remove(Field::Blocked)),
        Given::Absent | Given::Wrong => {}
    }
    match form.form("allowance") {
        Given::Value(form) => changes.extend(own::set(form, of_models, before)),
        Given::Null => changes.extend(own::reset(before)),
        Given::Absent | Given::Wrong => {}
    }
    form.close();
    if body.is_empty() {
        mistakes.add("body", "must hold blocked, allowance or both");
    }
    mistakes.unless_any(Some(Write { conditions: Vec::new(), changes }))
}

/// The fields that the audit log compares.
fn facts(account: &Account, event: &Event) -> Map<String, Value> {
    let allowance = allowance(account, event);
    let mut facts = Map::new();
    facts.insert("blocked".to_owned(), is_blocked(account).into());
    facts.insert("allowance".to_owned(), serde_json::to_value(allowance).unwrap_or_default());
    facts
}

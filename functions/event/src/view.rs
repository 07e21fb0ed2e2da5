//! The event as an attendee sees it: nothing of other attendees, of keys or of Azure's resources.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use lanyard_domain::access::Access;
use lanyard_domain::account::{Account, Field};
use lanyard_domain::allowance::Allowance;
use lanyard_domain::amount::Amount;
use lanyard_domain::by_model::LimitKey;
use lanyard_domain::catalog::{Catalog, Deployment};
use lanyard_domain::event::{Contact, Event, Page, Phase};
use lanyard_domain::hosted_tools::HostedTools;
use lanyard_domain::ids::{DeploymentName, EventId};
use lanyard_domain::left;
use lanyard_domain::operation::Operation;
use lanyard_domain::unit::Units;
use lanyard_gateway::lookup::{Attendance, OpenEvent};
use serde::Serialize;

/// The response of `GET /api/v1/event`.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Access"))]
pub(crate) struct View<'a> {
    event: EventView<'a>,
    user: &'a str,
    models: Vec<ModelView>,
    /// The most output tokens of one choice: of the default model, if there is one.
    max_completion_tokens: u64,
    max_choices: u64,
    /// Whether objects, such as responses and files, can be stored.
    keeps_objects: bool,
    /// The policy for tools that Azure runs, by type. Types that are not named are removed from
    /// requests that have other tools.
    hosted_tools: &'a HostedTools,
    allowance: BTreeMap<&'static str, Left>,
    /// The attendee's limits on single models, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    allowance_by_model: BTreeMap<String, BTreeMap<&'static str, Left>>,
    usage: Used,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Contact"))]
struct ContactView<'a> {
    name: &'a str,
    email: &'a str,
}

impl<'a> ContactView<'a> {
    fn of(contact: &'a Contact) -> Self {
        Self { name: &contact.name, email: &contact.email }
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "AttendedEvent"))]
struct EventView<'a> {
    name: &'a str,
    status: Phase,
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    starts_at: String,
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    ends_at: String,
    time_zone: &'a str,
    contact: ContactView<'a>,
    #[serde(flatten)]
    page: &'a Page,
}

/// The response of `GET /api/event/mine` to a user who is let in.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "EventOfUser"))]
pub(crate) struct EventOfUser<'a> {
    #[serde(flatten)]
    event: PublicView<'a>,
    user: &'a str,
    usage: Used,
}

/// The event of a user, and what they used.
pub(crate) fn used<'a>(
    attendance: &'a Attendance,
    account: &Account,
    now: DateTime<Utc>,
) -> EventOfUser<'a> {
    EventOfUser {
        event: public(attendance.event(), now),
        user: attendance.user.as_str(),
        usage: Used::of(account),
    }
}

/// The response of `GET /api/event/{id}`: no code, no model, no allowance.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "PublicEvent"))]
pub(crate) struct PublicView<'a> {
    id: &'a EventId,
    name: &'a str,
    status: Phase,
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    starts_at: String,
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    ends_at: String,
    time_zone: &'a str,
    /// How to take part: `open`, `roster` or `registered`.
    access: &'static str,
    organiser: PublicContact<'a>,
    #[serde(flatten)]
    page: &'a Page,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "PublicContact"))]
struct PublicContact<'a> {
    name: Option<&'a str>,
    /// Only if the organiser has made it public.
    email: Option<&'a str>,
}

/// The event as everybody sees it.
pub(crate) fn public(event: &Event, now: DateTime<Utc>) -> PublicView<'_> {
    let given = |text: &'_ str| !text.is_empty();
    let local = |instant: DateTime<Utc>| instant.with_timezone(&event.window.zone()).to_rfc3339();
    let contact = &event.contact;
    PublicView {
        id: &event.id,
        name: &event.name,
        status: event.phase(now),
        starts_at: local(event.window.starts_at()),
        ends_at: local(event.window.ends_at()),
        time_zone: event.window.zone().name(),
        access: match event.access {
            Access::Open => "open",
            Access::Roster => "roster",
            Access::Registered { .. } => "registered",
        },
        organiser: PublicContact {
            name: Some(contact.name.as_str()).filter(|name| given(name)),
            email: Some(contact.email.as_str())
                .filter(|email| contact.is_email_public && given(email)),
        },
        page: &event.page,
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "OfferedModel"))]
struct ModelView {
    id: String,
    operations: Vec<Operation>,
    default_for: Vec<Operation>,
    /// The most output tokens of one choice, where it writes text.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u64>,
    /// Whether it is the attendee's own deployment.
    #[serde(rename = "own", skip_serializing_if = "std::ops::Not::not")]
    is_own: bool,
}

/// One limit and what is left of it now.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Left"))]
struct Left {
    allowed: Amount,
    remaining: Amount,
    /// When all of it is back; absent for what does not reset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    resets_at: Option<String>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "UsedByAttendee"))]
struct Used {
    requests: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    held_tokens: u64,
    /// Images, seconds and characters, where there are any.
    #[serde(flatten)]
    units: Units,
    #[serde(skip_serializing_if = "Units::is_none")]
    held_units: Units,
}

impl Used {
    fn of(account: &Account) -> Self {
        let spent = account.spent();
        Self {
            requests: account.count(Field::Requests),
            prompt_tokens: spent.prompt_tokens,
            completion_tokens: spent.completion_tokens,
            total_tokens: spent.tokens(),
            held_tokens: account.count(Field::Held),
            units: spent.units,
            held_units: account.units(Field::UnitHeld),
        }
    }
}

/// The event as an attendee sees it at an instant.
pub(crate) fn view<'a>(
    attendance: &'a Attendance,
    account: &Account,
    now: DateTime<Utc>,
) -> View<'a> {
    let event = attendance.event();
    let allowance = account.allowance(&event.allowances.attendee);
    let local = |instant: DateTime<Utc>| instant.with_timezone(&event.window.zone()).to_rfc3339();
    View {
        event: EventView {
            name: &event.name,
            status: event.phase(now),
            starts_at: local(event.window.starts_at()),
            ends_at: local(event.window.ends_at()),
            time_zone: event.window.zone().name(),
            contact: ContactView::of(&event.contact),
            page: &event.page,
        },
        user: attendance.user.as_str(),
        models: models(attendance),
        max_completion_tokens: usual_cap(&attendance.at),
        max_choices: event.max_choices,
        keeps_objects: event.keeps_objects,
        hosted_tools: &event.hosted_tools,
        allowance: left(attendance, &allowance, account, now),
        allowance_by_model: left_by_model(attendance, account, now),
        usage: Used::of(account),
    }
}

/// The output cap of a request that names no model, or else the largest of any model.
pub(crate) fn usual_cap(at: &OpenEvent) -> u64 {
    let of_event = at.event.max_completion_tokens;
    let defaults = &at.event.default_deployments;
    let default = [Operation::ChatCompletions, Operation::Responses]
        .iter()
        .find_map(|operation| defaults.get(operation));
    let named = |deployment: &&Deployment| Some(&deployment.name) == default;
    match at.catalog.deployments().iter().find(named) {
        Some(deployment) => deployment.facts().output_cap(of_event),
        None => at.catalog.output_cap(of_event),
    }
}

fn models(attendance: &Attendance) -> Vec<ModelView> {
    let of_event = attendance.event().max_completion_tokens;
    let cap = |name: &lanyard_domain::ids::DeploymentName| {
        let catalogs = [attendance.own.as_ref(), &attendance.at.catalog];
        let deployments = catalogs.into_iter().flat_map(Catalog::deployments);
        let of_text = deployments.filter(|deployment| deployment.writes_text());
        let named = of_text.into_iter().find(|deployment| deployment.name == *name);
        named.map(|deployment| deployment.facts().output_cap(of_event))
    };
    let defaults = &attendance.event().default_deployments;
    let view = |name: &lanyard_domain::ids::DeploymentName| ModelView {
        id: name.to_string(),
        operations: Operation::ALL
            .iter()
            .copied()
            .filter(|operation| attendance.models(Some(*operation)).contains(name))
            .collect(),
        max_completion_tokens: cap(name),
        is_own: attendance.own.names(None).contains(name),
        default_for: defaults
            .iter()
            .filter(|(operation, default)| *default == name && attendance.allows(**operation))
            .map(|(operation, _)| *operation)
            .collect(),
    };
    attendance.models(None).iter().map(view).collect()
}

fn left(
    attendance: &Attendance,
    allowance: &Allowance,
    account: &Account,
    now: DateTime<Utc>,
) -> BTreeMap<&'static str, Left> {
    let one = |(key, allowed): (LimitKey, u64)| {
        let left = left::left(account, key, allowed, attendance.day, now);
        let amount = |count| key.quantity().amount(count);
        let at = |instant: DateTime<Utc>| instant.to_rfc3339_opts(SecondsFormat::Millis, true);
        let view = Left {
            allowed: amount(allowed),
            remaining: amount(left.remaining),
            resets_at: left.resets_at.map(at),
        };
        (key.limit.name(), view)
    };
    allowance.each().map(one).collect()
}

fn left_by_model(
    attendance: &Attendance,
    account: &Account,
    now: DateTime<Utc>,
) -> BTreeMap<String, BTreeMap<&'static str, Left>> {
    let limits = account.model_limits(&attendance.event().allowances.by_model.attendee);
    let of_model = |name: &DeploymentName| {
        let of_model = Allowance::default().for_model(limits.of(name));
        (name.to_string(), left(attendance, &of_model, account, now))
    };
    limits.names().into_iter().map(of_model).collect()
}

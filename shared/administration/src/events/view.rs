//! An event as its organiser sees it: the fields of a body, and what became of it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use lanyard_domain::allowance::{Allowance, Preset};
use lanyard_domain::by_model::ModelLimits;
use lanyard_domain::event::{Event, OwnDeployments, Phase};
use lanyard_domain::hosted_tools::HostedTools;
use lanyard_domain::ids::{DeploymentName, EventId};
use lanyard_domain::operation::Operation;
use serde::Serialize;

use super::{people, warnings};
use crate::time::Timestamp;

/// An event as its organiser sees it.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Event"))]
pub(crate) struct EventView<'e> {
    id: &'e EventId,
    name: &'e str,
    /// Whether it is open now.
    status: Phase,
    /// Whether the organiser has paused it: requests are refused.
    paused: bool,
    /// The event code. A secret of the event.
    code: &'e str,
    starts_at: Timestamp,
    ends_at: Timestamp,
    /// An IANA time zone.
    time_zone: &'static str,
    /// How many attendees are expected; defaults of limits follow from it.
    attendees: u64,
    /// The kind of event from which its first limits followed; `null` at an event of an earlier
    /// version.
    preset: Option<Preset>,
    /// The offered deployments; `null` for every deployment of the organiser.
    deployments: Option<&'e [DeploymentName]>,
    /// The model of a request that names none, by operation.
    default_deployments: &'e BTreeMap<Operation, DeploymentName>,
    /// The most output tokens of one choice; `null` leaves it to the model: 4,096, or 16,384 where
    /// it reasons.
    max_completion_tokens: Option<u64>,
    /// The most choices (`n`) of one request.
    max_choices: u64,
    /// Types of tools that are allowed; the same as in `hosted_tools`.
    extra_tool_types: Vec<&'e str>,
    /// The policy for tools that Azure runs, by type. Types that are not named are dropped.
    hosted_tools: &'e HostedTools,
    /// Whether attendees may store objects, such as files, at Azure.
    keeps_objects: bool,
    allowances: AllowancesView<'e>,
    contact: ContactView<'e>,
    url: Option<&'e str>,
    url_text: Option<&'e str>,
    description: Option<&'e str>,
    image_url: Option<&'e str>,
    /// Who may take part: `open`, `roster` or `registered`.
    access: &'static str,
    /// Whether the code admits a user who has not registered.
    auto_register: bool,
    /// Who may add deployments for one attendee.
    own_deployments: OwnDeployments,
    /// Whether usage is recorded per request.
    records_requests: bool,
    /// Into how many parts the event's account is split.
    shards: u16,
    created_at: Timestamp,
    /// Counts the changes of the event.
    version: u64,
    /// Warnings about unusual settings.
    warnings: Vec<String>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Allowances"))]
struct AllowancesView<'e> {
    attendee: AttendeeAllowanceView,
    event: EventAllowanceView<'e>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "AttendeeAllowance"))]
pub(crate) struct AttendeeAllowanceView {
    #[serde(flatten)]
    pub(crate) limits: Allowance,
    /// Limits on single models, by the names under which the event offers them.
    #[serde(skip_serializing_if = "ModelLimits::is_empty")]
    pub(crate) by_model: ModelLimits,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "EventAllowance"))]
struct EventAllowanceView<'e> {
    #[serde(flatten)]
    limits: &'e Allowance,
    /// Limits on single models, by the names under which the event offers them.
    #[serde(skip_serializing_if = "ModelLimits::is_empty")]
    by_model: &'e ModelLimits,
    /// How many attendees may take part; `null` for any number.
    attendees: Option<u64>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "EventContact"))]
struct ContactView<'e> {
    name: Option<&'e str>,
    email: Option<&'e str>,
    email_public: bool,
}

impl<'e> EventView<'e> {
    pub(super) fn of(event: &'e Event, now: DateTime<Utc>) -> Self {
        let (access, auto_register) = people::words(event.access);
        let zone = event.window.zone();
        Self {
            id: &event.id,
            name: &event.name,
            status: event.phase(now),
            paused: event.is_paused,
            code: event.code.as_str(),
            starts_at: Timestamp::local(event.window.starts_at(), zone),
            ends_at: Timestamp::local(event.window.ends_at(), zone),
            time_zone: zone.name(),
            attendees: event.expected_attendees,
            preset: event.preset,
            deployments: event.deployments.as_deref(),
            default_deployments: &event.default_deployments,
            max_completion_tokens: event.max_completion_tokens,
            max_choices: event.max_choices,
            extra_tool_types: event.hosted_tools.allowed(),
            hosted_tools: &event.hosted_tools,
            keeps_objects: event.keeps_objects,
            allowances: AllowancesView {
                attendee: AttendeeAllowanceView {
                    limits: event.allowances.attendee,
                    by_model: event.allowances.by_model.attendee.clone(),
                },
                event: EventAllowanceView {
                    limits: &event.allowances.event,
                    by_model: &event.allowances.by_model.event,
                    attendees: event.allowances.attendees,
                },
            },
            contact: ContactView {
                name: given(&event.contact.name),
                email: given(&event.contact.email),
                email_public: event.contact.is_email_public,
            },
            url: given(&event.page.url),
            url_text: given(&event.page.url_text),
            description: given(&event.page.description),
            image_url: given(&event.page.image_url),
            access,
            auto_register,
            own_deployments: event.own_deployments,
            records_requests: event.records_requests,
            shards: event.shards,
            created_at: Timestamp::utc(event.created_at),
            version: event.version,
            warnings: warnings::of(event),
        }
    }

    /// The same with further warnings.
    pub(super) fn with_warnings(mut self, more: Vec<String>) -> Self {
        self.warnings.extend(more);
        self
    }
}

fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

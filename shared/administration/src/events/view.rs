//! An event as its organiser sees it: the fields of a body, and what became of it.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use lanyard_domain::allowance::Allowance;
use lanyard_domain::event::{Event, OwnDeployments, Phase};
use lanyard_domain::ids::{DeploymentName, EventId};
use lanyard_domain::operation::Operation;
use serde::Serialize;

use super::{people, warnings};

#[derive(Serialize)]
pub(super) struct EventView<'e> {
    id: &'e EventId,
    name: &'e str,
    status: Phase,
    paused: bool,
    code: &'e str,
    starts_at: String,
    ends_at: String,
    time_zone: &'static str,
    attendees: u64,
    deployments: Option<&'e [DeploymentName]>,
    default_deployments: &'e BTreeMap<Operation, DeploymentName>,
    max_completion_tokens: u64,
    max_choices: u64,
    extra_tool_types: &'e [String],
    keeps_objects: bool,
    allowances: AllowancesView<'e>,
    contact: ContactView<'e>,
    url: Option<&'e str>,
    url_text: Option<&'e str>,
    description: Option<&'e str>,
    image_url: Option<&'e str>,
    access: &'static str,
    auto_register: bool,
    own_deployments: OwnDeployments,
    records_requests: bool,
    shards: u16,
    created_at: String,
    version: u64,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct AllowancesView<'e> {
    attendee: &'e Allowance,
    event: EventAllowanceView<'e>,
}

#[derive(Serialize)]
struct EventAllowanceView<'e> {
    #[serde(flatten)]
    limits: &'e Allowance,
    attendees: Option<u64>,
}

#[derive(Serialize)]
struct ContactView<'e> {
    name: Option<&'e str>,
    email: Option<&'e str>,
    email_public: bool,
}

impl<'e> EventView<'e> {
    pub(super) fn of(event: &'e Event, now: DateTime<Utc>) -> Self {
        let (access, auto_register) = people::words(event.access);
        let local = |instant: DateTime<Utc>| {
            instant.with_timezone(&event.window.zone()).to_rfc3339_opts(SecondsFormat::Secs, true)
        };
        Self {
            id: &event.id,
            name: &event.name,
            status: event.phase(now),
            paused: event.is_paused,
            code: event.code.as_str(),
            starts_at: local(event.window.starts_at()),
            ends_at: local(event.window.ends_at()),
            time_zone: event.window.zone().name(),
            attendees: event.expected_attendees,
            deployments: event.deployments.as_deref(),
            default_deployments: &event.default_deployments,
            max_completion_tokens: event.max_completion_tokens,
            max_choices: event.max_choices,
            extra_tool_types: &event.extra_tool_types,
            keeps_objects: event.keeps_objects,
            allowances: AllowancesView {
                attendee: &event.allowances.attendee,
                event: EventAllowanceView {
                    limits: &event.allowances.event,
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
            created_at: event.created_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            version: event.version,
            warnings: warnings::of(event),
        }
    }
}

fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

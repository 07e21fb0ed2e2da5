//! An event: when it is open, its limits and its deployments.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::access::Access;
use crate::account::AccountKey;
use crate::allowance::{Allowance, Allowances, Preset};
use crate::by_model::ModelKey;
use crate::hosted_tools::HostedTools;
use crate::ids::{DeploymentName, EventId, OrganiserId, TokenId};
use crate::operation::Operation;
use crate::token::EventCode;
use crate::window::Window;

/// All settings of an event. Its account is separate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The key in the table.
    pub id: EventId,
    /// The organiser who owns it.
    pub organiser: OrganiserId,
    /// The name that people see.
    pub name: String,
    /// The current code.
    pub code: EventCode,
    /// When the event runs.
    pub window: Window,
    /// Whether the organiser paused it.
    pub is_paused: bool,
    /// The expected number of attendees.
    pub expected_attendees: u64,
    /// The kind of event from which its first limits followed. Events of earlier versions do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// The limits.
    pub allowances: Allowances,
    /// How many seats new attendees may take per minute. Events of earlier versions have no such
    /// limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats_per_minute: Option<u64>,
    /// The deployments that it offers. `None` offers all of the organiser's.
    pub deployments: Option<Vec<DeploymentName>>,
    /// The deployment for requests that name no model, by operation.
    pub default_deployments: BTreeMap<Operation, DeploymentName>,
    /// The most completion tokens of one choice. `None` leaves it to the model.
    #[serde(default)]
    pub max_completion_tokens: Option<u64>,
    /// The most choices of one request.
    pub max_choices: u64,
    /// The policy for hosted tools in requests. Earlier versions stored the allowed types alone.
    #[serde(default, alias = "extra_tool_types")]
    pub hosted_tools: HostedTools,
    /// Whether attendees may store objects upstream: responses, conversations, files and vector
    /// stores. They are deleted with the event.
    #[serde(default)]
    pub keeps_objects: bool,
    /// The contact for attendees.
    pub contact: Contact,
    /// The content of the event's page.
    pub page: Page,
    /// A random salt, so that the user names sent to Azure identify no person.
    pub user_salt: String,
    /// The number of changes. An update must name the version that it was made from.
    pub version: u64,
    /// When the event was created.
    pub created_at: DateTime<Utc>,
    /// Who may use it.
    #[serde(default)]
    pub access: Access,
    /// Who may add deployments that only one attendee uses.
    #[serde(default)]
    pub own_deployments: OwnDeployments,
    /// Whether a usage record is kept of each request. Totals are exact either way.
    #[serde(default = "yes")]
    pub records_requests: bool,
    /// The key that signs the event's tokens and personal keys.
    #[serde(default)]
    pub signing: Signing,
    /// The number of shards of its account. It is fixed when the event is created.
    #[serde(default = "one")]
    pub shards: u16,
}

fn yes() -> bool {
    true
}

fn one() -> u16 {
    1
}

/// Who may add deployments that only one attendee uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", schemars(inline))]
pub enum OwnDeployments {
    /// Nobody. Requests do not look for such deployments.
    #[default]
    None,
    /// The organiser.
    Organiser,
    /// The organiser, and each attendee for themselves.
    Attendee,
}

/// The key that signs the event's tokens and personal keys. `Debug` never shows it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signing {
    /// Random hex. Empty until the first token or key is signed.
    pub secret: String,
    /// Revoked tokens, with the time at which each would have expired.
    pub revoked: BTreeMap<TokenId, DateTime<Utc>>,
}

impl std::fmt::Debug for Signing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The contact for attendees. Fields that the organiser left out are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// A name.
    pub name: String,
    /// An address.
    pub email: String,
    /// Whether people without a code may see the address.
    #[serde(default)]
    pub is_email_public: bool,
}

/// The content of the event's page. Fields that the organiser left out are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Page {
    /// The address of the event's own website.
    pub url: String,
    /// The text of the link to it.
    pub url_text: String,
    /// The description, in Markdown.
    pub description: String,
    /// The address of an image.
    pub image_url: String,
}

/// The state of an event at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", schemars(inline))]
pub enum Phase {
    /// Before its start.
    Scheduled,
    /// Open.
    Open,
    /// Within its time, but paused by the organiser.
    Paused,
    /// After its end.
    Ended,
}

/// Why nobody can use an event now. Only people with its code see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The event has not started.
    NotStarted {
        /// The start in the event's time zone.
        starts_at: String,
    },
    /// The event has ended.
    Ended {
        /// The end in the event's time zone.
        ended_at: String,
    },
    /// The organiser paused it.
    Paused,
}

impl Event {
    /// The part of the event's allowance that a shard of its account owns, for a request to a model.
    #[must_use]
    pub fn part(&self, shard: u16, model: Option<ModelKey>) -> Allowance {
        self.allowances.event_for(model).part(shard, self.shards)
    }

    /// The keys of all shards of the event's account, in order.
    #[must_use]
    pub fn account_keys(&self) -> Vec<AccountKey> {
        (0..self.shards.max(1)).map(|shard| AccountKey::of_shard(&self.id, shard)).collect()
    }

    /// Whether it offers a deployment of its organiser's.
    #[must_use]
    pub fn offers(&self, name: &DeploymentName) -> bool {
        self.deployments.as_ref().is_none_or(|offered| offered.contains(name))
    }

    /// The state of the event. The window is half-open: the event is open at its start and ended at
    /// its end.
    #[must_use]
    pub fn phase(&self, now: DateTime<Utc>) -> Phase {
        if now >= self.window.ends_at() {
            return Phase::Ended;
        }
        if now < self.window.starts_at() {
            return Phase::Scheduled;
        }
        if self.is_paused { Phase::Paused } else { Phase::Open }
    }

    /// # Errors
    ///
    /// [`Closed`] unless the event is open.
    pub fn check_open(&self, now: DateTime<Utc>) -> Result<(), Closed> {
        match self.phase(now) {
            Phase::Open => Ok(()),
            Phase::Scheduled => {
                Err(Closed::NotStarted { starts_at: self.window.display(self.window.starts_at()) })
            }
            Phase::Ended => {
                Err(Closed::Ended { ended_at: self.window.display(self.window.ends_at()) })
            }
            Phase::Paused => Err(Closed::Paused),
        }
    }
}

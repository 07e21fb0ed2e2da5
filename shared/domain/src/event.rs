//! An event: when it is open, what it grants and what it offers.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::account::AccountKey;
use crate::allowance::{Allowance, Allowances};
use crate::entry::Access;
use crate::ids::{DeploymentName, EventId, OrganiserId, TokenId};
use crate::operation::Operation;
use crate::token::EventCode;
use crate::window::Window;

/// Everything an organiser settled about an event. The account is apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The key in the table.
    pub id: EventId,
    /// Whose event.
    pub organiser: OrganiserId,
    /// What people call it.
    pub name: String,
    /// The code that works now.
    pub code: EventCode,
    /// When it runs.
    pub window: Window,
    /// Whether the organiser stopped it for now.
    pub is_paused: bool,
    /// The expected crowd.
    pub expected_attendees: u64,
    /// What it grants.
    pub allowances: Allowances,
    /// The deployments it offers; `None` offers all of the organiser's.
    pub deployments: Option<Vec<DeploymentName>>,
    /// What a request that names no model gets.
    pub default_deployments: BTreeMap<Operation, DeploymentName>,
    /// The largest completion of one choice.
    pub max_completion_tokens: u64,
    /// The most choices of one request.
    pub max_choices: u64,
    /// Tool types allowed beside `function` and `custom`.
    pub extra_tool_types: Vec<String>,
    /// Whether attendees may keep objects upstream: stored responses, conversations, files and
    /// vector stores. They die with the event.
    #[serde(default)]
    pub keeps_objects: bool,
    /// Whom attendees can ask.
    pub contact: Contact,
    /// What the event's page says.
    pub page: Page,
    /// Random, so that the user names sent to Azure mean nothing there.
    pub user_salt: String,
    /// Counts changes; a change needs the version it was made from.
    pub version: u64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// Who may come.
    #[serde(default)]
    pub access: Access,
    /// Who may bind deployments that one attendee alone uses.
    #[serde(default)]
    pub own_deployments: OwnDeployments,
    /// Whether a usage record is kept of each request. Totals are exact either way.
    #[serde(default = "yes")]
    pub records_requests: bool,
    /// What signs the event's tokens and personal keys.
    #[serde(default)]
    pub signing: Signing,
    /// Into how many shards its account is split. Settled when the event is made.
    #[serde(default = "one")]
    pub shards: u16,
}

fn yes() -> bool {
    true
}

fn one() -> u16 {
    1
}

/// Who may bind deployments that one attendee alone uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnDeployments {
    /// Nobody; none are looked for.
    #[default]
    None,
    /// The organiser.
    Organiser,
    /// The organiser, and each attendee for themselves.
    Attendee,
}

/// What signs the event's tokens and personal keys. It never prints itself.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signing {
    /// Random hex; empty until something is signed for the first time.
    pub secret: String,
    /// Tokens that no longer work, with the time at which they would have ended anyway.
    pub revoked: BTreeMap<TokenId, DateTime<Utc>>,
}

impl std::fmt::Debug for Signing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Whom attendees can ask. Empty where the organiser gave nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// A name.
    pub name: String,
    /// An address.
    pub email: String,
    /// Whether those who have no code may see the address.
    #[serde(default)]
    pub is_email_public: bool,
}

/// What the event's page says. Empty where the organiser gave nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The event's own page.
    pub url: String,
    /// What the link says.
    pub url_text: String,
    /// Markdown.
    pub description: String,
    /// A picture.
    pub image_url: String,
}

/// Where an event stands at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Not yet.
    Scheduled,
    /// Now.
    Open,
    /// Now, but the organiser stopped it.
    Paused,
    /// No longer.
    Ended,
}

/// Why nobody can use an event now. Only holders of its code are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It begins later.
    NotStarted {
        /// The beginning, as people there read it.
        starts_at: String,
    },
    /// It is over.
    Ended {
        /// The end, as people there read it.
        ended_at: String,
    },
    /// The organiser stopped it.
    Paused,
}

impl Event {
    /// The part of the event's allowance that a shard of its account owns.
    #[must_use]
    pub fn part(&self, shard: u16) -> Allowance {
        self.allowances.event.part(shard, self.shards)
    }

    /// The keys of all shards of the event's account, the first first.
    #[must_use]
    pub fn account_keys(&self) -> Vec<AccountKey> {
        (0..self.shards.max(1)).map(|shard| AccountKey::of_shard(&self.id, shard)).collect()
    }

    /// Where the event stands. The window is half-open: open at its start, ended at its end.
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

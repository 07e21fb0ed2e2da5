//! Who changed what about an event, and when.

use chrono::{DateTime, Utc};
use lanyard_domain::ids::{EventId, RequestId};
use lanyard_domain::token::UserId;
use serde::{Deserialize, Serialize};

use super::place::Place;
use super::{OrganiserFault, Organisers, away, unreadable};
use crate::table::{AUDIT_PREFIX, Item, Key, event_pk, get_document, get_text, put_document, text};

/// One change. It holds no code, no key and no token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// By which request.
    pub request_id: RequestId,
    /// By whom.
    pub by: Actor,
    /// What was done.
    pub action: Action,
    /// To whom, if it was done to one attendee.
    pub attendee: Option<UserId>,
    /// What is different since.
    pub changes: Vec<FieldChange>,
}

/// Who made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// Somebody with the organiser's token.
    Organiser,
    /// Somebody who may invoke the function itself.
    Operator,
}

/// What can be done to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It was created.
    Create,
    /// Its settings were changed.
    Change,
    /// It was stopped for now.
    Pause,
    /// It goes on.
    Resume,
    /// It was ended before its time.
    End,
    /// It got another code.
    RotateCode,
    /// It was deleted.
    Delete,
    /// An attendee was blocked or unblocked, or got an allowance of their own.
    ChangeAttendee,
    /// A signed token was issued for an attendee.
    IssueToken,
    /// A signed token was revoked.
    RevokeToken,
    /// Every signed token and personal key was revoked.
    RevokeTokens,
    /// The roster was replaced, or a user taken off it.
    ChangeRoster,
    /// An attendee's registration was removed.
    RemoveRegistration,
    /// A deployment was bound to one attendee, or taken away.
    ChangeOwnDeployments,
}

/// A field that changed, by its path in the organisers' API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Which.
    pub field: String,
    /// What it said before.
    pub from: serde_json::Value,
    /// What it says now.
    pub to: serde_json::Value,
}

impl AuditEntry {
    pub(super) fn item(&self, event: &EventId) -> Result<Item, OrganiserFault> {
        let mut item = Key::audit(event, self.at, &self.request_id).attributes();
        put_document(&mut item, self).map_err(unreadable)?;
        Ok(item)
    }
}

impl Organisers {
    /// Writes down a change that no transaction wrote, such as one of an account.
    ///
    /// # Errors
    ///
    /// If the table does not answer.
    pub async fn write_audit(
        &self,
        event: &EventId,
        entry: &AuditEntry,
    ) -> Result<(), OrganiserFault> {
        let put = self.table.client.put_item().table_name(&self.table.name);
        put.set_item(Some(entry.item(event)?)).send().await.map_err(away)?;
        Ok(())
    }

    /// Up to `limit` changes of an event, the newest first, `after` a place; and the place of the
    /// last one if there are more.
    ///
    /// # Errors
    ///
    /// If the table does not answer or an item is malformed.
    pub async fn audit(
        &self,
        event: &EventId,
        after: Option<&Place>,
        limit: u16,
    ) -> Result<(Vec<AuditEntry>, Option<Place>), OrganiserFault> {
        let start = after.map(|position| {
            let sort_key = format!("{AUDIT_PREFIX}{position}");
            Item::from([
                ("pk".to_owned(), text(event_pk(event))),
                ("sk".to_owned(), text(sort_key)),
            ])
        });
        let page = self
            .table
            .below(event_pk(event), AUDIT_PREFIX)
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(i32::from(limit).saturating_add(1))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(away)?;
        let limit = usize::from(limit);
        let shown = page.items().get(..limit).unwrap_or(page.items());
        let entries = shown.iter().map(get_document).collect::<Result<_, _>>();
        let next = match (shown.last(), page.items().len() > limit) {
            (Some(last), true) => {
                let sort_key = get_text(last, "sk").map_err(unreadable)?;
                let position = sort_key.trim_start_matches(AUDIT_PREFIX);
                Some(position.parse().map_err(unreadable)?)
            }
            (Some(_) | None, _) => None,
        };
        Ok((entries.map_err(unreadable)?, next))
    }
}

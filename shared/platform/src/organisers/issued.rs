//! Signed tokens that an event issued: who got one and until when, never the token.

use chrono::{DateTime, Utc};
use lanyard_domain::ids::{EventId, TokenId};
use lanyard_domain::token::UserId;
use serde::{Deserialize, Serialize};

use super::{OrganiserFault, Organisers, away, unreadable};
use crate::table::{ISSUED_PREFIX, Key, event_pk, get_document, number, put_document};

/// A token that was issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedToken {
    /// Which.
    pub id: TokenId,
    /// For whom.
    pub user: UserId,
    /// When.
    pub issued_at: DateTime<Utc>,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

impl Organisers {
    /// Remembers a token until it ends.
    ///
    /// # Errors
    ///
    /// If the table does not answer.
    pub async fn put_issued(
        &self,
        event: &EventId,
        token: &IssuedToken,
    ) -> Result<(), OrganiserFault> {
        let mut item = Key::issued(event, &token.id).attributes();
        put_document(&mut item, token).map_err(unreadable)?;
        item.insert("expires_at".to_owned(), number(token.expires_at.timestamp()));
        let put = self.table.client.put_item().table_name(&self.table.name).set_item(Some(item));
        put.send().await.map_err(away)?;
        Ok(())
    }

    /// A token that was issued, until it ends.
    ///
    /// # Errors
    ///
    /// If the table does not answer or the item is malformed.
    pub async fn issued_token(
        &self,
        event: &EventId,
        token: &TokenId,
    ) -> Result<Option<IssuedToken>, OrganiserFault> {
        let item = self.table.get(Key::issued(event, token), true).await.map_err(away)?;
        item.as_ref().map(get_document).transpose().map_err(unreadable)
    }

    /// Up to `limit` tokens, the newest first, `after` one; and the last one if there are more.
    ///
    /// # Errors
    ///
    /// If the table does not answer or an item is malformed.
    pub async fn issued(
        &self,
        event: &EventId,
        after: Option<&TokenId>,
        limit: u16,
    ) -> Result<(Vec<IssuedToken>, Option<TokenId>), OrganiserFault> {
        let page = self
            .table
            .below(event_pk(event), ISSUED_PREFIX)
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(i32::from(limit).saturating_add(1))
            .set_exclusive_start_key(after.map(|token| Key::issued(event, token).attributes()))
            .send()
            .await
            .map_err(away)?;
        let tokens = page.items().iter().map(get_document).collect::<Result<Vec<_>, _>>();
        let mut tokens: Vec<IssuedToken> = tokens.map_err(unreadable)?;
        let has_more = tokens.len() > usize::from(limit);
        tokens.truncate(limit.into());
        let last = tokens.last().map(|token| token.id.clone()).filter(|_| has_more);
        Ok((tokens, last))
    }
}

//! The list of an event's signed tokens: for whom and until when. The tokens themselves are not
//! stored.

use async_trait::async_trait;
use lanyard_administration::ports::{IssuedTokenStore, OrganiserFault};
use lanyard_administration::records::IssuedToken;
use lanyard_domain::ids::{EventId, TokenId};

use super::listing::newest;
use super::{Organisers, unavailable, unreadable};
use crate::table::{
    ISSUED_PREFIX, Key, event_pk, get_document, get_text, number, put_document, readable,
};

#[async_trait]
impl IssuedTokenStore for Organisers {
    async fn put_issued(&self, event: &EventId, token: &IssuedToken) -> Result<(), OrganiserFault> {
        let mut item = Key::issued(event, &token.id).attributes();
        put_document(&mut item, token).map_err(unreadable)?;
        item.insert("expires_at".to_owned(), number(token.expires_at.timestamp()));
        let put = self.table.client.put_item().table_name(&self.table.name).set_item(Some(item));
        put.send().await.map_err(unavailable)?;
        Ok(())
    }

    async fn issued_token(
        &self,
        event: &EventId,
        token: &TokenId,
    ) -> Result<Option<IssuedToken>, OrganiserFault> {
        let item = self.table.get(Key::issued(event, token), true).await.map_err(unavailable)?;
        item.as_ref().map(get_document).transpose().map_err(unreadable)
    }

    async fn issued(
        &self,
        event: &EventId,
        after: Option<&TokenId>,
        limit: u16,
    ) -> Result<(Vec<IssuedToken>, Option<TokenId>), OrganiserFault> {
        let start = after.map(|token| Key::issued(event, token).attributes());
        let below = self.table.below(event_pk(event), ISSUED_PREFIX);
        let (shown, has_more) = newest(below, start, limit).await?;
        let id = |item| -> Result<TokenId, OrganiserFault> {
            let sort_key = get_text(item, "sk").map_err(unreadable)?;
            sort_key.trim_start_matches(ISSUED_PREFIX).parse().map_err(unreadable)
        };
        let last = shown.last().filter(|_| has_more).map(id).transpose()?;
        Ok((shown.iter().filter_map(|item| readable(item, get_document)).collect(), last))
    }
}

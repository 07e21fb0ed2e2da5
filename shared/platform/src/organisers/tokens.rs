//! The tokens of organisers, stored as hashes.
//!
//! A token is two items: the organiser by the token's hash, which authenticates a request, and an
//! entry in the organiser's list. Tokens of earlier releases have no entry. They get one when they
//! are used.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lanyard_administration::organiser_token::OrganiserToken;
use lanyard_administration::ports::{OrganiserFault, OrganiserTokenStore};
use lanyard_administration::records::OrganiserTokenRecord;
use lanyard_domain::ids::{OrganiserId, TokenId};

use super::listing::newest;
use super::transaction::Transaction;
use super::{Organisers, unavailable, unreadable};
use crate::table::{
    Item, Key, TOKEN_PREFIX, get_document, get_text, number, organiser_pk, put_document, text,
};

/// The hash of a listed token.
const HASH: &str = "sha256";

#[async_trait]
impl OrganiserTokenStore for Organisers {
    async fn add_organiser_token(
        &self,
        organiser: &OrganiserId,
        token: &OrganiserToken,
        record: &OrganiserTokenRecord,
    ) -> Result<(), OrganiserFault> {
        let mut item = Key::token(&token.sha256_hex()).attributes();
        item.insert("organiser".to_owned(), text(organiser.as_str()));
        item.insert("name".to_owned(), text(&record.name));
        item.insert("created_at".to_owned(), text(record.created_at.to_rfc3339()));
        put_document(&mut item, record).map_err(unreadable)?;
        expire(&mut item, record);
        let transaction = Transaction::on(&self.table).put(item, None)?;
        transaction.put(listed(organiser, token, record)?, None)?.commit().await
    }

    async fn organiser_of(
        &self,
        token: &OrganiserToken,
    ) -> Result<Option<(OrganiserId, OrganiserTokenRecord)>, OrganiserFault> {
        let key = Key::token(&token.sha256_hex());
        let Some(item) = self.table.get(key, true).await.map_err(unavailable)? else {
            return Ok(None);
        };
        let organiser = get_text(&item, "organiser").map_err(unreadable)?;
        let organiser: OrganiserId = organiser.parse().map_err(unreadable)?;
        if let Ok(record) = get_document(&item) {
            return Ok(Some((organiser, record)));
        }
        let record = earlier(token, &item)?;
        let entry = self.table.client.put_item().table_name(&self.table.name);
        let entry = entry.set_item(Some(listed(&organiser, token, &record)?));
        entry.send().await.map_err(unavailable)?;
        Ok(Some((organiser, record)))
    }

    async fn organiser_tokens(
        &self,
        organiser: &OrganiserId,
        after: Option<&TokenId>,
        limit: u16,
    ) -> Result<(Vec<OrganiserTokenRecord>, Option<TokenId>), OrganiserFault> {
        let start = after.map(|token| Key::organisers_token(organiser, token).attributes());
        let below = self.table.below(organiser_pk(organiser), TOKEN_PREFIX);
        let (shown, has_more) = newest(below, start, limit).await?;
        let tokens = shown.iter().map(get_document).collect::<Result<Vec<_>, _>>();
        let tokens: Vec<OrganiserTokenRecord> = tokens.map_err(unreadable)?;
        let last = tokens.last().map(|token| token.id.clone()).filter(|_| has_more);
        Ok((tokens, last))
    }

    async fn revoke_organiser_token(
        &self,
        organiser: &OrganiserId,
        token: &TokenId,
    ) -> Result<Option<OrganiserTokenRecord>, OrganiserFault> {
        let key = Key::organisers_token(organiser, token);
        let Some(item) = self.table.get(key.clone(), true).await.map_err(unavailable)? else {
            return Ok(None);
        };
        let record = get_document(&item).map_err(unreadable)?;
        let hash = get_text(&item, HASH).map_err(unreadable)?;
        let transaction = Transaction::on(&self.table).delete(Key::token(hash), None)?;
        transaction.delete(key, None)?.commit().await?;
        Ok(Some(record))
    }
}

/// A token's entry in the list of its organiser.
fn listed(
    organiser: &OrganiserId,
    token: &OrganiserToken,
    record: &OrganiserTokenRecord,
) -> Result<Item, OrganiserFault> {
    let mut item = Key::organisers_token(organiser, &record.id).attributes();
    put_document(&mut item, record).map_err(unreadable)?;
    item.insert(HASH.to_owned(), text(token.sha256_hex()));
    expire(&mut item, record);
    Ok(item)
}

/// The table deletes what has expired.
fn expire(item: &mut Item, record: &OrganiserTokenRecord) {
    if let Some(expires_at) = record.expires_at {
        item.insert("expires_at".to_owned(), number(expires_at.timestamp()));
    }
}

/// The record of an earlier release's token, which does not expire.
fn earlier(token: &OrganiserToken, item: &Item) -> Result<OrganiserTokenRecord, OrganiserFault> {
    let created_at = get_text(item, "created_at").map_err(unreadable)?;
    let created_at = DateTime::parse_from_rfc3339(created_at).map_err(unreadable)?;
    let created_at: DateTime<Utc> = created_at.to_utc();
    Ok(OrganiserTokenRecord {
        id: token.id(created_at).map_err(unreadable)?,
        name: get_text(item, "name").map_err(unreadable)?.to_owned(),
        created_at,
        expires_at: None,
    })
}

//! The tokens of organisers, stored as hashes.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lanyard_administration::organiser_token::OrganiserToken;
use lanyard_administration::ports::{OrganiserFault, OrganiserTokenStore};
use lanyard_domain::ids::OrganiserId;

use super::{Organisers, away, unreadable};
use crate::table::{Key, get_text, text};

#[async_trait]
impl OrganiserTokenStore for Organisers {
    async fn add_organiser_token(
        &self,
        organiser: &OrganiserId,
        name: &str,
        token: &OrganiserToken,
        now: DateTime<Utc>,
    ) -> Result<(), OrganiserFault> {
        let mut item = Key::token(&token.sha256_hex()).attributes();
        item.insert("organiser".to_owned(), text(organiser.as_str()));
        item.insert("name".to_owned(), text(name));
        item.insert("created_at".to_owned(), text(now.to_rfc3339()));
        let put = self.table.client.put_item().table_name(&self.table.name).set_item(Some(item));
        put.send().await.map_err(away)?;
        Ok(())
    }

    async fn organiser_of(
        &self,
        token: &OrganiserToken,
    ) -> Result<Option<OrganiserId>, OrganiserFault> {
        let key = Key::token(&token.sha256_hex());
        let Some(item) = self.table.get(key, true).await.map_err(away)? else {
            return Ok(None);
        };
        let organiser = get_text(&item, "organiser").map_err(unreadable)?;
        organiser.parse().map(Some).map_err(unreadable)
    }
}

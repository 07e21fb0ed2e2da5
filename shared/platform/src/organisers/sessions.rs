//! The usage of an event by session.
//!
//! A request whose client named its session has an item of its own. The first request of a session
//! that Lanyard made has no such item. It is found by the digits of the session's id.

use async_trait::async_trait;
use lanyard_administration::ports::{OrganiserFault, SessionStore};
use lanyard_administration::records::{SessionPlace, SessionUsage};
use lanyard_domain::ids::{EventId, RequestId};
use lanyard_domain::unit::{Unit, Units};
use lanyard_domain::usage::{Charge, UsageRecord};
use lanyard_gateway::ports::Cause;

use super::{Organisers, unavailable, unreadable};
use crate::table::{
    Item, SESSION_PREFIX, event_pk, get_document, get_number, get_text, readable, session_prefix,
    text,
};

/// The place and the charge of one request.
fn read(item: &Item) -> Result<(SessionPlace, Charge), Cause> {
    let sort_key = get_text(item, "sk")?;
    let place = sort_key
        .strip_prefix(SESSION_PREFIX)
        .and_then(|rest| rest.rsplit_once('#'))
        .ok_or("a session without a name")?;
    let count = |name| -> Result<u64, Cause> {
        Ok(u64::try_from(get_number(item, name)?.unwrap_or_default())?)
    };
    let mut units = Units::NONE;
    for unit in Unit::ALL.iter().copied() {
        units = units.with(unit, count(unit.name())?);
    }
    let charge = Charge {
        prompt_tokens: count("prompt_tokens")?,
        completion_tokens: count("completion_tokens")?,
        units,
    };
    let (session, user) = place.0.split_once('#').ok_or("a session without a user")?;
    let user = user.replace("%23", "#").replace("%25", "%");
    Ok((SessionPlace { session: session.parse()?, user: user.parse()? }, charge))
}

#[async_trait]
impl SessionStore for Organisers {
    async fn sessions(
        &self,
        event: &EventId,
        after: Option<&SessionPlace>,
        limit: u16,
    ) -> Result<(Vec<SessionUsage>, Option<SessionPlace>), OrganiserFault> {
        let mut sessions: Vec<SessionUsage> = Vec::new();
        // Start after every request of the previous session: `~` sorts after all characters of ids.
        let mut start = after.map(|place| {
            let sort_key = format!("{}~", session_prefix(&place.session, &place.user));
            Item::from([
                ("pk".to_owned(), text(event_pk(event))),
                ("sk".to_owned(), text(sort_key)),
            ])
        });
        let limit = usize::from(limit);
        let next = loop {
            let page = self
                .table
                .below(event_pk(event), SESSION_PREFIX)
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unavailable)?;
            for item in page.items() {
                let Some((place, charge)) = readable(item, read) else { continue };
                match sessions.last_mut().filter(|session| session.place == place) {
                    Some(session) => {
                        session.requests += 1;
                        session.charge = session.charge.plus(charge);
                    }
                    None => sessions.push(SessionUsage { place, requests: 1, charge }),
                }
            }
            start = page.last_evaluated_key;
            if sessions.len() > limit {
                sessions.truncate(limit);
                break sessions.last().map(|session| session.place.clone());
            }
            if start.is_none() {
                break None;
            }
        };
        for session in &mut sessions {
            if let Some(first) = session.place.session.first_request()
                && let Some(record) = self.first_of(event, &session.place, &first).await?
            {
                session.requests += 1;
                session.charge = session.charge.plus(record.own_charge.unwrap_or(record.charge));
            }
        }
        Ok((sessions, next))
    }
}

impl Organisers {
    /// The request that a session was made for, if it belongs to the same attendee.
    async fn first_of(
        &self,
        event: &EventId,
        place: &SessionPlace,
        first: &RequestId,
    ) -> Result<Option<UsageRecord>, OrganiserFault> {
        let item = self.table.record_item(event, &place.user, first).await.map_err(unavailable)?;
        let record = item.as_ref().map(get_document::<UsageRecord>).transpose();
        Ok(record.map_err(unreadable)?.filter(|record| {
            record.event == *event
                && record.user == place.user
                && record.session.as_ref() == Some(&place.session)
                && record.named_session().is_none()
        }))
    }
}

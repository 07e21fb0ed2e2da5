//! Reads and writes accounts: with retries, by the page, and as the numbers that organisers see.

use std::time::Duration;

use lanyard_domain::account::{Account, AccountKey, Field, Write};
use lanyard_domain::event::Event;
use lanyard_domain::ids::EventId;
use lanyard_domain::reset::is_blank;
use lanyard_domain::shard;
use lanyard_domain::token::UserId;
use lanyard_domain::unit::Units;
use lanyard_domain::usage::Charge;
use lanyard_gateway::ports::{AttendeePage, LedgerFault, Outcome, UnreadableAccount};
use serde::Serialize;

use crate::Call;
use crate::error::AdminError;

/// The pauses before a call to the ledger is made again. Its calls are single tries, and those of
/// organisers may all be repeated.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(250)];

/// Calls the ledger up to three times.
pub(crate) async fn with_retry<T, F>(call: impl Fn() -> F) -> Result<T, LedgerFault>
where
    F: Future<Output = Result<T, LedgerFault>>,
{
    for pause in PAUSES {
        match call().await {
            Ok(value) => return Ok(value),
            Err(_) => tokio::time::sleep(pause).await,
        }
    }
    call().await
}

/// The account of an event. The total of several shards has no rates, which do not add up.
pub(crate) async fn of_event(call: Call<'_>, event: &Event) -> Result<Account, LedgerFault> {
    let keys = event.account_keys();
    let mut shards = with_retry(|| call.admin.ledger.accounts(&keys)).await?;
    Ok(match shards.len() {
        0 | 1 => shards.pop().unwrap_or_default(),
        _ => shard::total(&shards),
    })
}

/// Up to `limit` accounts, and the name to go on after if there are more. Blank accounts
/// are left out, so a page can have fewer.
pub(crate) async fn page_of(
    call: Call<'_>,
    event: &EventId,
    after: Option<&UserId>,
    limit: u16,
) -> Result<(Vec<(UserId, Account)>, Option<UserId>), AdminError> {
    let ledger = &call.admin.ledger;
    let asked = limit.saturating_add(1);
    let AttendeePage { mut accounts, unreadable, next } =
        with_retry(|| ledger.attendees(event, after, asked)).await?;
    // A page without them is better than none. The sweep counts them for an alarm.
    for UnreadableAccount { item, .. } in &unreadable {
        item.log();
    }
    let has_more = accounts.len() > usize::from(limit);
    accounts.truncate(limit.into());
    let last = accounts.last().map(|(user, _)| user.clone());
    accounts.retain(|(_, account)| !is_blank(account));
    Ok((accounts, if has_more { last } else { next }))
}

/// Makes a write that has no conditions, and returns the account after it.
///
/// # Errors
///
/// [`AdminError::StoreUnavailable`] if the ledger does not respond.
pub(crate) async fn apply_unconditional(
    call: Call<'_>,
    key: &AccountKey,
    write: &Write,
) -> Result<Account, AdminError> {
    match with_retry(|| call.admin.ledger.apply(key, write)).await? {
        Outcome::Made(account) => Ok(account),
        // Without conditions it cannot have been refused.
        Outcome::Kept(_) => Err(AdminError::Internal(None)),
    }
}

/// The usage of an account or of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Usage"))]
pub(crate) struct Numbers {
    requests: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    pub(crate) total_tokens: u64,
    /// Tokens of requests under way; only accounts know them.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_tokens: Option<u64>,
    /// Images, seconds and characters, where there are any.
    #[serde(flatten)]
    units: Units,
    /// Of those, what requests under way hold.
    #[serde(skip_serializing_if = "Units::is_none")]
    held_units: Units,
}

impl Numbers {
    /// The usage and the holds of an account.
    pub(crate) fn of(account: &Account) -> Self {
        let held_tokens = Some(account.count(Field::Held));
        let held_units = account.units(Field::UnitHeld);
        let spent = Self::new(account.count(Field::Requests), account.spent());
        Self { held_tokens, held_units, ..spent }
    }

    pub(crate) fn new(requests: u64, charge: Charge) -> Self {
        Self {
            requests,
            prompt_tokens: charge.prompt_tokens,
            completion_tokens: charge.completion_tokens,
            total_tokens: charge.tokens(),
            held_tokens: None,
            units: charge.units,
            held_units: Units::NONE,
        }
    }
}

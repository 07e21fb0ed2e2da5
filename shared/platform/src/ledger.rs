//! Accounts and usage in DynamoDB. Each write is one call and one try; a read may be tried twice.

pub(crate) mod expressions;
pub(crate) mod hour;
pub mod item;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use async_trait::async_trait;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemInput};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemInput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use chrono::{DateTime, Utc};
use lanyard_domain::account::{Account, AccountKey, Write};
use lanyard_domain::event::Event;
use lanyard_domain::hour::HourCount;
use lanyard_domain::ids::EventId;
use lanyard_domain::token::UserId;
use lanyard_domain::usage::UsageRecord;
use lanyard_gateway::ports::{
    AttendeePage, Cause, Found, Ledger, LedgerFault, Outcome, Unreadable, UnreadableAccount,
};

use self::expressions::Expressions;
use crate::table::{
    ATTENDEE_PREFIX, EVENT_PREFIX, Item, Key, Partition, Table, event_pk, get_document, get_number,
    get_text, number, place, put_document, text, user_of,
};

/// How long a usage record is kept after its request.
pub(crate) const RECORDS_KEPT: chrono::TimeDelta = chrono::TimeDelta::days(90);

fn not_made(fault: impl Into<Cause>) -> LedgerFault {
    LedgerFault::NotMade(fault.into())
}

fn unreadable(fault: impl Into<Cause>) -> LedgerFault {
    LedgerFault::Unreadable(fault.into())
}

/// Whether a failed call may have taken effect.
///
/// Only a response from DynamoDB that rejects the call proves that it did not.
fn fault<E>(error: SdkError<E>) -> LedgerFault
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let is_refusal = matches!(&error, SdkError::ConstructionFailure(_))
        || matches!(&error, SdkError::ServiceError(response) if response.raw().status().is_client_error());
    let cause = Box::new(error);
    if is_refusal { LedgerFault::NotMade(cause) } else { LedgerFault::Unknown(cause) }
}

#[async_trait]
impl Ledger for Table {
    async fn apply(&self, key: &AccountKey, write: &Write) -> Result<Outcome, LedgerFault> {
        let expressions = Expressions::of(write);
        let call = UpdateItemInput::builder()
            .set_key(Some(Key::account(key).attributes()))
            .set_condition_expression(expressions.condition)
            .update_expression(expressions.update)
            .set_expression_attribute_names(Some(expressions.names))
            .set_expression_attribute_values(expressions.values)
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match self.update_once(call).await {
            Ok(response) => {
                let item = response.attributes.unwrap_or_default();
                Ok(Outcome::Made(item::account(&item).map_err(unreadable)?))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    let old = failed.item().map(item::account).transpose().map_err(unreadable)?;
                    Ok(Outcome::Kept(old))
                }
                _ => Err(fault(error)),
            },
        }
    }

    async fn account(&self, key: &AccountKey) -> Result<Option<Account>, LedgerFault> {
        let item = self.get(Key::account(key), true).await.map_err(not_made)?;
        item.as_ref().map(item::account).transpose().map_err(unreadable)
    }

    async fn accounts(&self, keys: &[AccountKey]) -> Result<Vec<Account>, LedgerFault> {
        let keys: Vec<Key> = keys.iter().map(Key::account).collect();
        let items = self.batch(keys.clone()).await.map_err(not_made)?;
        let mut accounts = vec![Account::default(); keys.len()];
        for item in &items {
            let pk = get_text(item, "pk").map_err(unreadable)?;
            let sk = get_text(item, "sk").map_err(unreadable)?;
            if let Some(index) = keys.iter().position(|key| key.pk == pk && key.sk == sk) {
                accounts[index] = item::account(item).map_err(unreadable)?;
            }
        }
        Ok(accounts)
    }

    async fn attendees(
        &self,
        event: &EventId,
        after: Option<&UserId>,
        limit: u16,
    ) -> Result<AttendeePage, LedgerFault> {
        let mut start = after.map(|user| {
            Key::account(&AccountKey::Attendee(event.clone(), user.clone())).attributes()
        });
        let mut found = AttendeePage::default();
        loop {
            let page = self
                .below(event_pk(event), ATTENDEE_PREFIX)
                .consistent_read(true)
                .limit(i32::from(limit))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(fault)?;
            for item in page.items() {
                let (rest, problem) = item::readable(item);
                match (user_of(item), problem) {
                    (Some(user), None) => found.accounts.push((user, rest)),
                    (user, problem) => {
                        let cause = problem.filter(|_| user.is_some());
                        let cause = cause.unwrap_or_else(|| "an attendee without a name".into());
                        let item = Unreadable { item: place(item), cause };
                        found.unreadable.push(UnreadableAccount { item, rest });
                    }
                }
            }
            start = page.last_evaluated_key;
            found.next = start.as_ref().and_then(user_of);
            // A page that ends at a name which is none of ours goes on.
            if start.is_none() || found.next.is_some() {
                return Ok(found);
            }
        }
    }

    async fn record(&self, record: &UsageRecord) -> Result<Option<UsageRecord>, LedgerFault> {
        let key = Key::request(&record.event, &record.user, &record.request_id);
        let mut item = key.attributes();
        put_document(&mut item, record).map_err(not_made)?;
        let expires_at = (record.admitted_at + RECORDS_KEPT).timestamp();
        item.insert("expires_at".to_owned(), number(expires_at));
        let call = PutItemInput::builder()
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match self.put_once(call).await {
            Ok(_) => Ok(None),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    let earlier = failed.item().ok_or_else(|| unreadable("no earlier record"))?;
                    Ok(Some(get_document(earlier).map_err(unreadable)?))
                }
                _ => Err(fault(error)),
            },
        }
    }

    async fn count_hour(&self, count: &HourCount) -> Result<(), LedgerFault> {
        let (mut update, mut values) = (String::new(), HashMap::new());
        hour::each(count, |name, amount| {
            let sign = if update.is_empty() { "ADD" } else { "," };
            let _ = write!(update, "{sign} {name} :{name}");
            values.insert(format!(":{name}"), AttributeValue::N(amount.to_string()));
        });
        // Two of the same slot in one expression would be refused; the later one counts.
        let slots: BTreeMap<_, _> = count.rejected.iter().map(|one| (one.slot(), one)).collect();
        for (index, (slot, rejected)) in slots.into_iter().enumerate() {
            let (sign, name) =
                (if index == 0 { " SET" } else { "," }, format!("{}{slot}", hour::REJECTED));
            let _ = write!(update, "{sign} {name} = :{name}");
            values.insert(format!(":{name}"), AttributeValue::S(hour::rejected_text(rejected)));
        }
        let key = Key::hour(&count.event, count.shard, count.at, count.model.as_ref());
        let call = UpdateItemInput::builder()
            .set_key(Some(key.attributes()))
            .update_expression(update)
            .set_expression_attribute_values(Some(values));
        self.update_once(call).await.map_err(fault)?;
        Ok(())
    }

    async fn file_in_session(&self, record: &UsageRecord) -> Result<(), LedgerFault> {
        let Some(session) = record.named_session() else { return Ok(()) };
        let key = Key::in_session(&record.event, session, &record.user, &record.request_id);
        let count = |count: u64| AttributeValue::N(count.to_string());
        let charge = record.own_charge.unwrap_or(record.charge);
        let expires_at = (record.admitted_at + RECORDS_KEPT).timestamp();
        let mut update = "SET prompt_tokens = :prompt, completion_tokens = :completion, \
             expires_at = :end"
            .to_owned();
        let mut call = UpdateItemInput::builder()
            .set_key(Some(key.attributes()))
            .expression_attribute_values(":prompt", count(charge.prompt_tokens))
            .expression_attribute_values(":completion", count(charge.completion_tokens))
            .expression_attribute_values(":end", number(expires_at));
        for (unit, amount) in charge.units.iter() {
            let _ = write!(update, ", {unit} = :{unit}");
            call = call.expression_attribute_values(format!(":{unit}"), count(amount));
        }
        if let Some(response) = &record.response_id {
            update.push_str(", answer = :answer");
            call = call.expression_attribute_values(":answer", text(response.as_str()));
        }
        self.update_once(call.update_expression(update)).await.map_err(fault)?;
        Ok(())
    }

    async fn events_to_sweep(&self, now: DateTime<Utc>) -> Result<Found<Event>, LedgerFault> {
        let mut events = Found::default();
        let mut start: Option<Item> = None;
        loop {
            let page = self
                .below(Partition::Sweep.of(""), EVENT_PREFIX)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(fault)?;
            let mut due = Found::default();
            for item in page.items() {
                match due_at(item, now) {
                    Ok(None) => {}
                    Ok(Some(id)) => due.items.push(id),
                    Err(cause) => due.add(place(item), Err(cause)),
                }
            }
            events.unreadable.append(&mut due.unreadable);
            self.events(&due.items, &mut events).await?;
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(events);
            }
        }
    }
}

impl Table {
    /// Adds the settings of several events.
    async fn events(&self, ids: &[EventId], found: &mut Found<Event>) -> Result<(), LedgerFault> {
        let keys = ids.iter().map(Key::event).collect();
        for item in self.batch(keys).await.map_err(not_made)? {
            found.add(place(&item), get_document(&item));
        }
        Ok(())
    }
}

/// The event of the sweep's list, if it is to be swept now.
fn due_at(item: &Item, now: DateTime<Utc>) -> Result<Option<EventId>, Cause> {
    let is_over = get_number(item, "expires_at")?.is_some_and(|end| end <= now.timestamp());
    let is_early = get_number(item, "starts_at")?.is_some_and(|start| start > now.timestamp());
    if is_over || is_early {
        return Ok(None);
    }
    Ok(Some(get_text(item, "sk")?.trim_start_matches(EVENT_PREFIX).parse()?))
}

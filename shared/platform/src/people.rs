//! The writes of attendees other than usage: claims of names, and ratings.
//!
//! Each kind has its own partitions, so that a function's policy can name the one that it may
//! write.

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use lanyard_domain::ids::{EventId, RequestId, ResponseId, SessionId};
use lanyard_domain::token::UserId;
use lanyard_domain::usage::UsageRecord;
use lanyard_gateway::people::{Claim, PeopleStore, Rating};
use lanyard_gateway::ports::Cause;

use crate::ledger::RECORDS_KEPT;
use crate::table::{
    Item, Key, Table, event_pk, get_document, get_text, number, put_document, session_prefix, text,
};

#[async_trait]
impl PeopleStore for Table {
    async fn claim(
        &self,
        event: &EventId,
        user: &UserId,
        claim: &Claim,
    ) -> Result<Option<Claim>, Cause> {
        let mut item = Key::claim(event, user).attributes();
        put_document(&mut item, claim)?;
        let put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put.send().await {
            Ok(_) => Ok(None),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    get_document(failed.item().ok_or("no earlier claim")?).map(Some)
                }
                _ => Err(error.into()),
            },
        }
    }

    async fn claim_of(&self, event: &EventId, user: &UserId) -> Result<Option<Claim>, Cause> {
        self.get(Key::claim(event, user), true).await?.as_ref().map(get_document).transpose()
    }

    async fn record_of(
        &self,
        event: &EventId,
        user: &UserId,
        request: &RequestId,
    ) -> Result<Option<UsageRecord>, Cause> {
        let found = self.record_item(event, user, request).await?;
        found.as_ref().map(get_document).transpose()
    }

    async fn request_in_session(
        &self,
        event: &EventId,
        user: &UserId,
        session: &SessionId,
        response: &ResponseId,
    ) -> Result<Option<RequestId>, Cause> {
        let mut start: Option<Item> = None;
        loop {
            let page = self
                .below(event_pk(event), &session_prefix(session, user))
                .consistent_read(true)
                .filter_expression("answer = :answer")
                .expression_attribute_values(":answer", text(response.as_str()))
                .set_exclusive_start_key(start)
                .send()
                .await?;
            if let Some(item) = page.items().first() {
                let id = get_text(item, "sk")?.rsplit('#').next().unwrap_or_default();
                return Ok(Some(id.parse()?));
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(None);
            }
        }
    }

    async fn rate(&self, record: &UsageRecord, rating: &Rating) -> Result<bool, Cause> {
        let key = Key::request(&record.event, &record.user, &record.request_id);
        if self.rate_at(key, record, rating).await? {
            return Ok(true);
        }
        self.rate_at(Key::earlier_request(&record.request_id), record, rating).await
    }
}

impl Table {
    /// The item of a usage record, also of an earlier release.
    pub(crate) async fn record_item(
        &self,
        event: &EventId,
        user: &UserId,
        request: &RequestId,
    ) -> Result<Option<Item>, Cause> {
        match self.get(Key::request(event, user, request), true).await? {
            Some(item) => Ok(Some(item)),
            None => self.get(Key::earlier_request(request), true).await,
        }
    }

    /// Rates the record at a key. False if there is none.
    async fn rate_at(
        &self,
        key: Key,
        record: &UsageRecord,
        rating: &Rating,
    ) -> Result<bool, Cause> {
        let rated_at = rating.rated_at.to_rfc3339();
        let update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(key.attributes()))
            .condition_expression("attribute_exists(pk)")
            .update_expression("SET rating = :rating, feedback = :feedback, rated_at = :rated_at")
            .expression_attribute_values(":rating", number(rating.number()))
            .expression_attribute_values(":feedback", text(&rating.feedback))
            .expression_attribute_values(":rated_at", text(&rated_at))
            .build()?;
        let mut item =
            Key::rating(&record.event, record.admitted_at, &record.request_id).attributes();
        let expires_at = (record.admitted_at + RECORDS_KEPT).timestamp();
        item.extend([
            ("rating".to_owned(), number(rating.number())),
            ("feedback".to_owned(), text(&rating.feedback)),
            ("rated_at".to_owned(), text(&rated_at)),
            ("request_id".to_owned(), text(record.request_id.as_str())),
            ("user".to_owned(), text(record.user.as_str())),
            ("expires_at".to_owned(), number(expires_at)),
        ]);
        if let Some(model) = &record.model {
            item.insert("model".to_owned(), text(model.as_str()));
        }
        let put = Put::builder().table_name(&self.name).set_item(Some(item)).build()?;
        let call = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().update(update).build())
            .transact_items(TransactWriteItem::builder().put(put).build());
        match call.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(canceled))
                    if canceled
                        .cancellation_reasons()
                        .iter()
                        .any(|reason| reason.code() == Some("ConditionalCheckFailed")) =>
                {
                    Ok(false)
                }
                _ => Err(error.into()),
            },
        }
    }
}

//! Several writes as one transaction.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, Delete, Put, TransactWriteItem};

use lanyard_administration::ports::OrganiserFault;

use super::unavailable;
use crate::table::{Item, Key, Table};

/// A condition on an item in a transaction, as a DynamoDB expression.
pub(super) struct Guard {
    pub(super) condition: String,
    pub(super) names: HashMap<String, String>,
    pub(super) values: HashMap<String, AttributeValue>,
    /// The error if the condition fails.
    pub(super) otherwise: fn() -> OrganiserFault,
}

impl Guard {
    /// A condition on attributes whose names are not reserved words.
    pub(super) fn new<const N: usize>(
        condition: &str,
        values: [(&str, AttributeValue); N],
        otherwise: fn() -> OrganiserFault,
    ) -> Self {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { condition: condition.to_owned(), names: HashMap::new(), values, otherwise }
    }
}

/// The error for each part's failed condition, in the order of the parts.
type Meanings = Vec<Option<fn() -> OrganiserFault>>;

/// A transaction in preparation.
pub(super) struct Transaction<'t> {
    table: &'t Table,
    parts: Vec<TransactWriteItem>,
    meanings: Meanings,
}

impl<'t> Transaction<'t> {
    pub(super) fn on(table: &'t Table) -> Self {
        Self { table, parts: Vec::new(), meanings: Vec::new() }
    }

    /// Writes or replaces an item.
    pub(super) fn put(
        mut self,
        item: Item,
        guard: impl Into<Option<Guard>>,
    ) -> Result<Self, OrganiserFault> {
        let mut put = Put::builder().table_name(&self.table.name).set_item(Some(item));
        let guard = guard.into();
        self.meanings.push(guard.as_ref().map(|guard| guard.otherwise));
        if let Some(guard) = guard {
            put = put
                .condition_expression(guard.condition)
                .set_expression_attribute_names(some(guard.names))
                .set_expression_attribute_values(some(guard.values));
        }
        let put = put.build().map_err(unavailable)?;
        self.parts.push(TransactWriteItem::builder().put(put).build());
        Ok(self)
    }

    /// Deletes an item if it exists.
    pub(super) fn delete(
        mut self,
        key: Key,
        guard: impl Into<Option<Guard>>,
    ) -> Result<Self, OrganiserFault> {
        let key = Some(key.attributes());
        let mut delete = Delete::builder().table_name(&self.table.name).set_key(key);
        let guard = guard.into();
        self.meanings.push(guard.as_ref().map(|guard| guard.otherwise));
        if let Some(guard) = guard {
            delete = delete
                .condition_expression(guard.condition)
                .set_expression_attribute_names(some(guard.names))
                .set_expression_attribute_values(some(guard.values));
        }
        let delete = delete.build().map_err(unavailable)?;
        self.parts.push(TransactWriteItem::builder().delete(delete).build());
        Ok(self)
    }

    /// Makes all writes. The SDK's own idempotency token keeps a repeated call from being made
    /// twice.
    pub(super) async fn commit(self) -> Result<(), OrganiserFault> {
        let call = self.table.client.transact_write_items().set_transact_items(Some(self.parts));
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(meaning(error, &self.meanings)),
        }
    }
}

fn some<V>(map: HashMap<String, V>) -> Option<HashMap<String, V>> {
    (!map.is_empty()).then_some(map)
}

fn meaning(error: SdkError<TransactWriteItemsError>, meanings: &Meanings) -> OrganiserFault {
    let refusal = match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
            refusal(canceled.cancellation_reasons(), meanings)
        }
        _ => None,
    };
    refusal.unwrap_or_else(|| unavailable(error))
}

/// The error of the first condition that failed. If none failed, another transaction was writing
/// the same items.
fn refusal(reasons: &[CancellationReason], meanings: &Meanings) -> Option<OrganiserFault> {
    let is = |reason: &CancellationReason, code| reason.code() == Some(code);
    let failed = reasons
        .iter()
        .zip(meanings)
        .filter(|(reason, _)| is(reason, "ConditionalCheckFailed"))
        .find_map(|(_, meaning)| meaning.map(|meaning| meaning()));
    let has_conflict = reasons.iter().any(|reason| is(reason, "TransactionConflict"));
    failed.or_else(|| has_conflict.then_some(OrganiserFault::VersionConflict))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(codes: [&str; 3]) -> Option<OrganiserFault> {
        let reason = |code: &str| CancellationReason::builder().code(code).build();
        let meanings: Meanings =
            vec![Some(|| OrganiserFault::CodeTaken), None, Some(|| OrganiserFault::InUse)];
        refusal(&codes.map(reason), &meanings)
    }

    #[test]
    fn a_cancelled_transaction_means_what_its_first_failed_condition_means() {
        let failed = "ConditionalCheckFailed";
        assert!(matches!(refused([failed, "None", "None"]), Some(OrganiserFault::CodeTaken)));
        assert!(matches!(refused(["None", "None", failed]), Some(OrganiserFault::InUse)));
        assert!(matches!(refused([failed, "None", failed]), Some(OrganiserFault::CodeTaken)));
        let conflict = "TransactionConflict";
        assert!(matches!(
            refused([conflict, "None", "None"]),
            Some(OrganiserFault::VersionConflict)
        ));
        assert!(matches!(refused([conflict, "None", failed]), Some(OrganiserFault::InUse)));
        assert!(refused(["ThrottlingError", "None", "None"]).is_none());
    }
}

//! Reads the SDK's requests as the calls that IAM decides on.
//!
//! DynamoDB asks for the permission of each part of a transaction, and for all keys of a batch at
//! once, <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html>.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Place, Request};

/// The condition key of the partition keys that a call names.
pub const LEADING_KEYS: &str = "dynamodb:LeadingKeys";

/// The calls behind a request to DynamoDB or Parameter Store, by its `x-amz-target` and body.
///
/// # Errors
///
/// If the operation is none of those that the functions use, or the body is not its.
pub fn requests(place: &Place, target: &str, body: &[u8]) -> Result<Vec<Request>> {
    let body: Value = serde_json::from_slice(body).context("the body is no JSON")?;
    let (service, operation) = target.split_once('.').context("the target has no operation")?;
    match service {
        "DynamoDB_20120810" => items(place, operation, &body),
        "AmazonSSM" => {
            if !["GetParameter", "PutParameter", "DeleteParameter"].contains(&operation) {
                bail!("ssm:{operation} is no call of the functions");
            }
            let name = body["Name"].as_str().context("it names no parameter")?;
            let (action, resource) = (format!("ssm:{operation}"), place.parameter(name));
            Ok(vec![Request { action, resource, context: BTreeMap::new() }])
        }
        _ => bail!("{service} is no service of the functions"),
    }
}

fn items(place: &Place, operation: &str, body: &Value) -> Result<Vec<Request>> {
    let one = |operation: &str, table: &Value, keys: Vec<String>| -> Result<Request> {
        let table = table.as_str().context("it names no table")?;
        Ok(Request {
            action: format!("dynamodb:{operation}"),
            resource: place.table(table),
            context: BTreeMap::from([(LEADING_KEYS.to_owned(), keys)]),
        })
    };
    let of = |operation: &str, body: &Value| {
        let item = if operation == "PutItem" { &body["Item"] } else { &body["Key"] };
        one(operation, &body["TableName"], vec![partition_key(item)?])
    };
    match operation {
        "GetItem" | "PutItem" | "UpdateItem" | "DeleteItem" => Ok(vec![of(operation, body)?]),
        "Query" => Ok(vec![one(operation, &body["TableName"], vec![queried_key(body)?])?]),
        // No key at all, so that no condition on keys can hold.
        "Scan" => Ok(vec![one(operation, &body["TableName"], Vec::new())?]),
        "BatchGetItem" => {
            let tables = body["RequestItems"].as_object().context("it names no items")?;
            let batch = tables.iter().map(|(table, wanted)| {
                let keys = wanted["Keys"].as_array().context("it names no keys")?;
                let keys = keys.iter().map(partition_key).collect::<Result<_>>()?;
                one(operation, &Value::String(table.clone()), keys)
            });
            batch.collect()
        }
        "TransactWriteItems" => {
            let parts = body["TransactItems"].as_array().context("it has no parts")?;
            let mut calls = Vec::with_capacity(parts.len());
            for (kind, part) in parts.iter().filter_map(Value::as_object).flatten() {
                calls.push(match kind.as_str() {
                    "Put" => of("PutItem", part)?,
                    "Update" => of("UpdateItem", part)?,
                    "Delete" => of("DeleteItem", part)?,
                    "ConditionCheck" => of("ConditionCheckItem", part)?,
                    kind => bail!("a transaction's {kind} is not known"),
                });
            }
            Ok(calls)
        }
        _ => bail!("dynamodb:{operation} is no call of the functions"),
    }
}

fn partition_key(item: &Value) -> Result<String> {
    item["pk"]["S"].as_str().map(ToOwned::to_owned).context("an item without its key")
}

/// The partition of a query whose condition begins with `pk = :name`, as all of ours do.
fn queried_key(body: &Value) -> Result<String> {
    let condition = body["KeyConditionExpression"].as_str().unwrap_or_default();
    let name = condition.strip_prefix("pk = ").and_then(|rest| rest.split(' ').next());
    let name = name.context("the partition of a query cannot be determined")?;
    let key = body["ExpressionAttributeValues"][name]["S"].as_str();
    key.map(ToOwned::to_owned).context("a query without its partition")
}

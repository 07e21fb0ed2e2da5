//! What a request to AWS asks for, in the words in which policies are written.
//!
//! One request may be several calls: each part of a transaction needs its own permission.

use std::collections::BTreeSet;

use serde_json::Value;

/// The table's partition key, as the template names it.
const PARTITION_KEY: &str = "pk";

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// DynamoDB.
    DynamoDb,
    /// Systems Manager, whose Parameter Store is meant.
    Ssm,
}

/// A call that a policy allows or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Such as `dynamodb:UpdateItem`.
    pub action: String,
    /// What it is about.
    pub subject: Subject,
}

/// What a call is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Items of a table.
    Items {
        /// The table's name.
        table: String,
        /// The partitions, `dynamodb:LeadingKeys`; empty where a call names none, such as a scan.
        leading_keys: BTreeSet<String>,
    },
    /// A parameter.
    Parameter {
        /// Its whole name.
        name: String,
    },
}

/// The service and operation that `X-Amz-Target` names.
pub(super) fn target(target: &str) -> Option<(Service, &str)> {
    match target.split_once('.')? {
        ("DynamoDB_20120810", operation) => Some((Service::DynamoDb, operation)),
        ("AmazonSSM", operation) => Some((Service::Ssm, operation)),
        _ => None,
    }
}

/// Every call of a request.
#[must_use]
pub fn calls(service: Service, operation: &str, asked: &Value) -> Vec<Call> {
    match service {
        Service::Ssm => vec![Call {
            action: format!("ssm:{operation}"),
            subject: Subject::Parameter { name: text(&asked["Name"]) },
        }],
        Service::DynamoDb => match operation {
            "TransactWriteItems" | "TransactGetItems" => transaction(asked),
            "BatchGetItem" | "BatchWriteItem" => batch(operation, asked),
            _ => {
                let keys = keys(asked);
                vec![items(operation, text(&asked["TableName"]), keys)]
            }
        },
    }
}

fn items(operation: &str, table: String, leading_keys: BTreeSet<String>) -> Call {
    let action = format!("dynamodb:{operation}");
    Call { action, subject: Subject::Items { table, leading_keys } }
}

fn transaction(asked: &Value) -> Vec<Call> {
    let parts = asked["TransactItems"].as_array().into_iter().flatten();
    let parts = parts.filter_map(Value::as_object).flatten();
    parts
        .map(|(kind, part)| {
            let operation = match kind.as_str() {
                "Put" => "PutItem",
                "Update" => "UpdateItem",
                "Delete" => "DeleteItem",
                "Get" => "GetItem",
                "ConditionCheck" => "ConditionCheckItem",
                other => other,
            };
            items(operation, text(&part["TableName"]), keys(part))
        })
        .collect()
}

fn batch(operation: &str, asked: &Value) -> Vec<Call> {
    let tables = asked["RequestItems"].as_object().into_iter().flatten();
    tables
        .map(|(table, asked)| {
            let gets = asked["Keys"].as_array().into_iter().flatten();
            let writes = asked.as_array().into_iter().flatten();
            let writes = writes
                .flat_map(|write| [&write["PutRequest"]["Item"], &write["DeleteRequest"]["Key"]]);
            let leading_keys = gets.chain(writes).filter_map(partition).collect();
            items(operation, table.clone(), leading_keys)
        })
        .collect()
}

/// The partitions of a request about one item, or of a query.
fn keys(asked: &Value) -> BTreeSet<String> {
    let queried = asked["KeyConditionExpression"].as_str();
    let queried = queried.and_then(|condition| queried_partition(condition, asked));
    let named = [&asked["Key"], &asked["Item"]].into_iter().filter_map(partition);
    named.chain(queried).collect()
}

fn partition(item: &Value) -> Option<String> {
    item[PARTITION_KEY]["S"].as_str().map(ToOwned::to_owned)
}

/// The value that a key condition compares the partition key with. DynamoDB allows an equality
/// alone, on either side of an `AND`.
fn queried_partition(condition: &str, asked: &Value) -> Option<String> {
    let words = condition.replace(['(', ')', ','], " ").replace('=', " = ");
    let words: Vec<_> = words.split_whitespace().collect();
    let is_partition_key = |word: &str| match word.starts_with('#') {
        true => asked["ExpressionAttributeNames"][word] == PARTITION_KEY,
        false => word == PARTITION_KEY,
    };
    let place = words.windows(3).find(|words| is_partition_key(words[0]) && words[1] == "=")?;
    asked["ExpressionAttributeValues"][place[2]]["S"].as_str().map(ToOwned::to_owned)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(operation: &str, body: &Value) -> Vec<(String, Vec<String>)> {
        calls(Service::DynamoDb, operation, body)
            .into_iter()
            .map(|call| match call.subject {
                Subject::Items { table, leading_keys } => {
                    assert_eq!(table, "t");
                    (call.action, leading_keys.into_iter().collect())
                }
                Subject::Parameter { name } => panic!("{name} is no item"),
            })
            .collect()
    }

    fn one(action: &str, keys: &[&str]) -> (String, Vec<String>) {
        (action.to_owned(), keys.iter().map(|key| (*key).to_owned()).collect())
    }

    #[test]
    fn single_items_and_queries_name_their_partition() {
        let key = json!({"pk": {"S": "EVENT#x"}, "sk": {"S": "ACCOUNT"}});
        let update = json!({"TableName": "t", "Key": key});
        assert_eq!(asked("UpdateItem", &update), [one("dynamodb:UpdateItem", &["EVENT#x"])]);
        let put = json!({"TableName": "t", "Item": key});
        assert_eq!(asked("PutItem", &put), [one("dynamodb:PutItem", &["EVENT#x"])]);
        let values = json!({":pk": {"S": "CODE#x"}, ":prefix": {"S": "y"}});
        for condition in [
            "pk = :pk AND begins_with(sk, :prefix)",
            "begins_with(sk,:prefix) AND (#p=:pk)",
            "#p = :pk",
        ] {
            let query = json!({
                "TableName": "t", "KeyConditionExpression": condition,
                "ExpressionAttributeNames": {"#p": "pk"}, "ExpressionAttributeValues": values,
            });
            assert_eq!(asked("Query", &query), [one("dynamodb:Query", &["CODE#x"])], "{condition}");
        }
        assert_eq!(asked("Scan", &json!({"TableName": "t"})), [one("dynamodb:Scan", &[])]);
    }

    #[test]
    fn each_part_of_a_transaction_is_a_call() {
        let key = |pk: &str| json!({"pk": {"S": pk}, "sk": {"S": "x"}});
        let asked_for = json!({"TransactItems": [
            {"Put": {"TableName": "t", "Item": key("A")}},
            {"ConditionCheck": {"TableName": "t", "Key": key("B")}},
            {"Delete": {"TableName": "t", "Key": key("C")}},
            {"Update": {"TableName": "t", "Key": key("D")}},
        ]});
        let calls = asked("TransactWriteItems", &asked_for);
        let wanted = [
            one("dynamodb:PutItem", &["A"]),
            one("dynamodb:ConditionCheckItem", &["B"]),
            one("dynamodb:DeleteItem", &["C"]),
            one("dynamodb:UpdateItem", &["D"]),
        ];
        assert_eq!(calls, wanted);
    }

    #[test]
    fn a_batch_is_one_call_of_all_its_partitions() {
        let key = |pk: &str| json!({"pk": {"S": pk}, "sk": {"S": "x"}});
        let get = json!({"RequestItems": {"t": {"Keys": [key("A"), key("B"), key("A")]}}});
        assert_eq!(asked("BatchGetItem", &get), [one("dynamodb:BatchGetItem", &["A", "B"])]);
        let write = json!({"RequestItems": {"t": [
            {"PutRequest": {"Item": key("A")}}, {"DeleteRequest": {"Key": key("B")}},
        ]}});
        assert_eq!(asked("BatchWriteItem", &write), [one("dynamodb:BatchWriteItem", &["A", "B"])]);
    }

    #[test]
    fn a_parameter_is_called_by_its_whole_name() {
        let calls = calls(Service::Ssm, "GetParameter", &json!({"Name": "/a/b"}));
        let subject = Subject::Parameter { name: "/a/b".to_owned() };
        assert_eq!(calls, [Call { action: "ssm:GetParameter".to_owned(), subject }]);
    }
}

//! Checks the table: status, time to live, and recovery.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::command::AwsError;
use super::not_checked;
use super::stack::Stack;
use crate::finding::Finding;

/// `aws dynamodb describe-table`
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribedTable {
    table: Table,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Table {
    table_status: String,
    #[serde(default)]
    deletion_protection_enabled: bool,
    billing_mode_summary: Option<Billing>,
    #[serde(default)]
    key_schema: Vec<Key>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Billing {
    billing_mode: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Key {
    attribute_name: String,
    key_type: String,
}

/// `aws dynamodb describe-time-to-live`
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribedLife {
    time_to_live_description: Life,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Life {
    time_to_live_status: String,
    attribute_name: Option<String>,
}

/// `aws dynamodb describe-continuous-backups`
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribedBackups {
    continuous_backups_description: Backups,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Backups {
    point_in_time_recovery_description: Option<Recovery>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Recovery {
    point_in_time_recovery_status: String,
}

/// Checks the table.
pub(super) async fn inspect(stack: &Stack) -> Vec<Finding> {
    let Some(table) = stack.table.as_deref() else { return Vec::new() };
    let call = async |call: &str| stack.aws.call(&["dynamodb", call, "--table-name", table]).await;
    let (described, life, backups) = tokio::join!(
        call("describe-table"),
        call("describe-time-to-live"),
        call("describe-continuous-backups")
    );
    vec![
        seen("aws table", described, |found: &DescribedTable| judge_table(&found.table, table)),
        seen("aws table ttl", life, |found: &DescribedLife| {
            judge_life(&found.time_to_live_description, table)
        }),
        seen("aws table recovery", backups, |found: &DescribedBackups| {
            judge_backups(&found.continuous_backups_description, table)
        }),
    ]
}

fn seen<T: DeserializeOwned>(
    check: &str,
    response: Result<Value, AwsError>,
    judge: impl FnOnce(&T) -> Finding,
) -> Finding {
    let read = response.and_then(|response| {
        serde_json::from_value::<T>(response).map_err(|_| AwsError::Unexpected)
    });
    let finding = match read {
        Ok(found) => judge(&found),
        Err(error) if error.is_missing() => Finding::fail(
            check,
            "Table not found.",
            "Restore it from its point-in-time recovery, under the same name:\n  \
             aws dynamodb restore-table-to-point-in-time help",
        ),
        Err(error) => not_checked(check, &error),
    };
    Finding { check: check.to_owned(), ..finding }
}

fn judge_table(found: &Table, name: &str) -> Finding {
    let keys: Vec<_> =
        found.key_schema.iter().map(|key| (&*key.attribute_name, &*key.key_type)).collect();
    if keys != [("pk", "HASH"), ("sk", "RANGE")] {
        let advice = "Use a stack that was deployed from this template.yaml.";
        return Finding::fail("", "The keys are not pk and sk.", advice);
    }
    // A table that is UPDATING still serves requests.
    if !matches!(&*found.table_status, "ACTIVE" | "UPDATING") {
        let seen = format!("The table is {}.", found.table_status);
        let advice = format!("Wait for it: aws dynamodb wait table-exists --table-name {name}");
        return Finding::fail("", seen, advice);
    }
    let billing = found.billing_mode_summary.as_ref().map(|summary| &*summary.billing_mode);
    if billing != Some("PAY_PER_REQUEST") {
        return Finding::warn(
            "",
            "The table has provisioned capacity, so requests may be throttled.",
            format!("aws dynamodb update-table --table-name {name} --billing-mode PAY_PER_REQUEST"),
        );
    }
    if !found.deletion_protection_enabled {
        return Finding::warn(
            "",
            "Active, on demand, without deletion protection.",
            format!("aws dynamodb update-table --table-name {name} --deletion-protection-enabled"),
        );
    }
    Finding::ok("", format!("{}, on demand, deletion protection on.", found.table_status))
}

fn judge_life(found: &Life, name: &str) -> Finding {
    let is_on = matches!(&*found.time_to_live_status, "ENABLED" | "ENABLING");
    if is_on && found.attribute_name.as_deref() == Some("expires_at") {
        return Finding::ok("", "Time to live is on for expires_at.");
    }
    let advice = format!(
        "aws dynamodb update-time-to-live --table-name {name} \\\n  \
         --time-to-live-specification Enabled=true,AttributeName=expires_at"
    );
    Finding::fail(
        "",
        "Time to live is off for expires_at, so expired items are not deleted.",
        advice,
    )
}

fn judge_backups(found: &Backups, name: &str) -> Finding {
    let recovery = found.point_in_time_recovery_description.as_ref();
    if recovery.is_some_and(|recovery| recovery.point_in_time_recovery_status == "ENABLED") {
        return Finding::ok("", "Point-in-time recovery is on.");
    }
    let advice = format!(
        "aws dynamodb update-continuous-backups --table-name {name} \\\n  \
         --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
    );
    Finding::warn("", "Point-in-time recovery is off, so the table cannot be restored.", advice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::Level;

    fn table(status: &str, billing: &str, is_protected: bool) -> Finding {
        let described = json!({"Table": {
            "TableName": "t", "TableStatus": status, "ItemCount": 7,
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            "BillingModeSummary": {"BillingMode": billing},
            "DeletionProtectionEnabled": is_protected,
        }});
        seen("table", Ok(described), |found: &DescribedTable| judge_table(&found.table, "t"))
    }

    #[test]
    fn a_table_serves_on_demand_and_is_protected() {
        assert_eq!(table("ACTIVE", "PAY_PER_REQUEST", true).level, Level::Ok);
        assert_eq!(table("ARCHIVED", "PAY_PER_REQUEST", true).level, Level::Fail);
        assert_eq!(table("ACTIVE", "PROVISIONED", true).level, Level::Warn);
        let unprotected = table("ACTIVE", "PAY_PER_REQUEST", false);
        assert_eq!(unprotected.level, Level::Warn);
        assert!(unprotected.advice.unwrap().ends_with("--deletion-protection-enabled"));
    }

    #[test]
    fn a_table_without_time_to_live_fails() {
        let life = |status: &str, attribute: &str| {
            let described = json!({"TimeToLiveDescription": {
                "TimeToLiveStatus": status, "AttributeName": attribute,
            }});
            seen("life", Ok(described), |found: &DescribedLife| {
                judge_life(&found.time_to_live_description, "t")
            })
            .level
        };
        assert_eq!(life("ENABLED", "expires_at"), Level::Ok);
        assert_eq!(life("ENABLED", "ttl"), Level::Fail);
        assert_eq!(life("DISABLED", "expires_at"), Level::Fail);
    }

    #[test]
    fn missing_recovery_is_a_warning() {
        let backups = |status: &str| {
            let described = json!({"ContinuousBackupsDescription": {
                "ContinuousBackupsStatus": "ENABLED",
                "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": status},
            }});
            seen("backups", Ok(described), |found: &DescribedBackups| {
                judge_backups(&found.continuous_backups_description, "t")
            })
            .level
        };
        assert_eq!(backups("ENABLED"), Level::Ok);
        assert_eq!(backups("DISABLED"), Level::Warn);
    }

    #[test]
    fn a_failed_check_is_not_ok() {
        let judged = |error| {
            seen("table", Err(error), |found: &DescribedTable| judge_table(&found.table, "t"))
        };
        let denied = judged(AwsError::Code("AccessDeniedException".to_owned()));
        assert_eq!(denied.level, Level::Warn);
        assert!(denied.advice.unwrap().contains("ReadOnlyAccess"));
        let gone = judged(AwsError::Code("ResourceNotFoundException".to_owned()));
        assert_eq!(gone.level, Level::Fail);
    }
}

//! Checks the functions: whether they run the deployed version, and their concurrency.

use serde::Deserialize;

use super::command::{Aws, AwsError};
use super::not_checked;
use crate::finding::Finding;

/// Functions that handle attendees' model requests.
const PROXIED: [&str; 2] = ["-chat-completions", "-embeddings"];

/// The result of one function's check.
pub(super) struct Inspection {
    pub(super) finding: Finding,
    /// Its reserved concurrency, which is also its limit.
    pub(super) reserved: Option<u64>,
    /// Whether it handles attendees' model requests.
    pub(super) is_proxied: bool,
}

/// `aws lambda get-function-configuration`
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration {
    runtime: Option<String>,
    #[serde(default)]
    architectures: Vec<String>,
    memory_size: u64,
    timeout: u64,
    state: Option<String>,
    last_update_status: Option<String>,
}

/// `aws lambda get-function-concurrency`, which prints nothing without reserved concurrency.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Concurrency {
    reserved_concurrent_executions: Option<u64>,
}

/// `aws lambda get-account-settings`
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Settings {
    account_limit: Limit,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Limit {
    unreserved_concurrent_executions: u64,
}

/// The concurrency that functions without a reservation share.
pub(super) async fn account(aws: &Aws) -> Result<u64, AwsError> {
    let response = aws.call(&["lambda", "get-account-settings"]).await?;
    let settings: Settings = serde_json::from_value(response).map_err(|_| AwsError::Unexpected)?;
    Ok(settings.account_limit.unreserved_concurrent_executions)
}

/// Checks one function.
pub(super) async fn inspect(aws: &Aws, name: &str) -> Inspection {
    let check = format!("aws function {name}");
    let call = async |call: &str| aws.call(&["lambda", call, "--function-name", name]).await;
    let (configuration, concurrency) =
        tokio::join!(call("get-function-configuration"), call("get-function-concurrency"));
    let is_proxied = PROXIED.iter().any(|suffix| name.ends_with(suffix));
    let concurrency = concurrency.ok().filter(|response| !response.is_null());
    let concurrency: Concurrency =
        concurrency.and_then(|response| serde_json::from_value(response).ok()).unwrap_or_default();
    let reserved = concurrency.reserved_concurrent_executions;
    let configuration = configuration.and_then(|response| {
        serde_json::from_value::<Configuration>(response).map_err(|_| AwsError::Unexpected)
    });
    let finding = match configuration {
        Ok(found) => Finding { check, ..judge(&found, reserved, name, is_proxied) },
        Err(error) if error.is_missing() => {
            let advice = "It was deleted. Deploy the stack again: lanyard deploy";
            Finding::fail(check, "Not found.", advice)
        }
        Err(error) => not_checked(&check, &error),
    };
    Inspection { finding, reserved, is_proxied }
}

fn judge(found: &Configuration, reserved: Option<u64>, name: &str, is_proxied: bool) -> Finding {
    let runtime = found.runtime.as_deref().unwrap_or("no runtime");
    let architecture = found.architectures.first().map_or("x86_64", |name| name);
    let state = found.state.as_deref().unwrap_or("Active");
    let update = found.last_update_status.as_deref().unwrap_or("Successful");
    let seen = format!(
        "{state}, {runtime} on {architecture}, {} MB, {} s.",
        found.memory_size, found.timeout
    );
    if reserved == Some(0) {
        return Finding::fail(
            "",
            format!("{seen} Its reserved concurrency is 0, so it never runs."),
            format!("aws lambda delete-function-concurrency --function-name {name}"),
        );
    }
    if state == "Failed" || update == "Failed" {
        return Finding::fail(
            "",
            format!("{seen} Its last update is {update}."),
            format!(
                "Check the reason, and deploy again:\n  aws lambda get-function-configuration \
                 --function-name {name} --query '[StateReason, LastUpdateStatusReason]'"
            ),
        );
    }
    if runtime != "provided.al2023" {
        let advice = "Use a stack that was deployed from this template.yaml, or deploy it again.";
        return Finding::fail("", format!("{seen} The runtime is not provided.al2023."), advice);
    }
    if update == "InProgress" || state == "Pending" {
        let advice = "Run the doctor again after the deployment.";
        return Finding::warn("", format!("{seen} An update is in progress."), advice);
    }
    if is_proxied && found.memory_size < 512 {
        let advice = "The first response of an environment waits for TLS. Deploy with \
                    MemorySize=512.";
        return Finding::warn("", seen, advice);
    }
    Finding::ok("", seen)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::finding::Level;

    fn judged(change: (&str, Value), reserved: Option<u64>) -> Finding {
        let mut configuration = json!({
            "FunctionName": "lanyard-embeddings", "Runtime": "provided.al2023",
            "Handler": "bootstrap", "Architectures": ["arm64"], "MemorySize": 512, "Timeout": 300,
            "State": "Active", "LastUpdateStatus": "Successful", "PackageType": "Zip",
        });
        configuration[change.0] = change.1;
        let found: Configuration = serde_json::from_value(configuration).unwrap();
        judge(&found, reserved, "lanyard-embeddings", true)
    }

    #[test]
    fn a_function_runs_the_deployed_release() {
        let well = judged(("Handler", json!("bootstrap")), None);
        assert_eq!(well, Finding::ok("", "Active, provided.al2023 on arm64, 512 MB, 300 s."));
        for (change, level) in [
            (("State", json!("Inactive")), Level::Ok),
            (("State", json!("Failed")), Level::Fail),
            (("LastUpdateStatus", json!("Failed")), Level::Fail),
            (("LastUpdateStatus", json!("InProgress")), Level::Warn),
            (("Runtime", json!("nodejs24.x")), Level::Fail),
            (("MemorySize", json!(128)), Level::Warn),
        ] {
            assert_eq!(judged(change.clone(), None).level, level, "{change:?}");
        }
    }

    #[test]
    fn zero_reserved_concurrency_stops_a_function() {
        let stopped = judged(("Handler", json!("bootstrap")), Some(0));
        assert_eq!(stopped.level, Level::Fail);
        assert!(stopped.advice.unwrap().contains("delete-function-concurrency"));
    }
}

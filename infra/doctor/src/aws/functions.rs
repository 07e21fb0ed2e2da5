//! The functions: whether they run what was deployed, and how many environments they may have.

use serde::Deserialize;

use super::command::{Aws, Refused};
use super::not_seen;
use crate::finding::Finding;

/// The functions through which attendees' requests go.
const PROXIED: [&str; 2] = ["-chat-completions", "-embeddings"];

/// What was seen of one function.
pub(super) struct Look {
    pub(super) finding: Finding,
    /// Environments that are kept for it, and all that it gets.
    pub(super) reserved: Option<u64>,
    /// Whether attendees' requests go through it.
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

/// `aws lambda get-function-concurrency`, which prints nothing where nothing is reserved.
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

/// How many environments functions without a reserve may have, together.
pub(super) async fn account(aws: &Aws) -> Result<u64, Refused> {
    let answer = aws.ask(&["lambda", "get-account-settings"]).await?;
    let settings: Settings = serde_json::from_value(answer).map_err(|_| Refused::Strange)?;
    Ok(settings.account_limit.unreserved_concurrent_executions)
}

/// One function's check.
pub(super) async fn look(aws: &Aws, name: &str) -> Look {
    let check = format!("aws function {name}");
    let ask = async |call: &str| aws.ask(&["lambda", call, "--function-name", name]).await;
    let (configuration, concurrency) =
        tokio::join!(ask("get-function-configuration"), ask("get-function-concurrency"));
    let is_proxied = PROXIED.iter().any(|suffix| name.ends_with(suffix));
    let concurrency = concurrency.ok().filter(|answer| !answer.is_null());
    let concurrency: Concurrency =
        concurrency.and_then(|answer| serde_json::from_value(answer).ok()).unwrap_or_default();
    let reserved = concurrency.reserved_concurrent_executions;
    let configuration = configuration.and_then(|answer| {
        serde_json::from_value::<Configuration>(answer).map_err(|_| Refused::Strange)
    });
    let finding = match configuration {
        Ok(found) => Finding { check, ..judge(&found, reserved, name, is_proxied) },
        Err(refused) if refused.is_missing() => {
            let mend = "It was deleted. Deploy the stack again: sam deploy";
            Finding::fail(check, "Not found.", mend)
        }
        Err(refused) => not_seen(&check, &refused),
    };
    Look { finding, reserved, is_proxied }
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
        let mend = "Use a stack that was deployed from this template.yaml, or deploy it again.";
        return Finding::fail("", format!("{seen} The runtime is not provided.al2023."), mend);
    }
    if update == "InProgress" || state == "Pending" {
        let mend = "Run the doctor again after the deployment.";
        return Finding::warn("", format!("{seen} An update is in progress."), mend);
    }
    if is_proxied && found.memory_size < 512 {
        let mend = "The first response of an environment waits for TLS. Deploy with \
                    MemorySize=512.";
        return Finding::warn("", seen, mend);
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
    fn a_function_runs_what_was_deployed() {
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
    fn a_reserve_of_nothing_stops_a_function() {
        let stopped = judged(("Handler", json!("bootstrap")), Some(0));
        assert_eq!(stopped.level, Level::Fail);
        assert!(stopped.mend.unwrap().contains("delete-function-concurrency"));
    }
}

//! The stack: its state, and its changes by change sets.

use std::collections::BTreeMap;

use lanyard_doctor::AwsError;
use serde_json::{Value, json};

use crate::aws::{Account, refused};
use crate::error::CliError;
use crate::output::Output;
use crate::table::text;

/// What a stack's description begins with, if it is of this template.
const OURS: &str = "Lanyard:";

/// Resources that every release replaces, and that hold nothing.
const RENEWED: [&str; 2] = ["AWS::ApiGateway::Deployment", "AWS::Lambda::Permission"];

/// A stack that is there.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) parameters: BTreeMap<String, String>,
    is_ours: bool,
}

/// What a change set would do.
pub(crate) struct Changes {
    /// The ARN of the change set; `None` if nothing changes.
    change_set: Option<String>,
    /// Added, modified, removed.
    pub(crate) counts: [usize; 3],
    /// Resources that are removed or replaced, and that may hold something.
    pub(crate) lost: Vec<String>,
}

impl Stack {
    /// The stack with this name or id, if there is one.
    pub(crate) async fn find(account: &Account, name: &str) -> Result<Option<Self>, CliError> {
        let describe = ["cloudformation", "describe-stacks", "--stack-name", name];
        match account.aws.explained(&describe).await {
            Ok(described) => Ok(described["Stacks"].get(0).map(Self::read)),
            Err(failure) if failure.error.is_missing() => Ok(None),
            Err(failure) => Err(refused("The stack cannot be read", failure)),
        }
    }

    fn read(stack: &Value) -> Self {
        let pairs = |list: &str, key: &str, value: &str| {
            let list = stack[list].as_array().cloned().unwrap_or_default();
            list.iter().map(|one| (text(&one[key]), text(&one[value]))).collect()
        };
        let status = text(&stack["StackStatus"]);
        let description = stack["Description"].as_str().unwrap_or_default();
        Self {
            id: text(&stack["StackId"]),
            // A stack of which there is a change set alone has no template yet.
            is_ours: description.starts_with(OURS) || status == "REVIEW_IN_PROGRESS",
            outputs: pairs("Outputs", "OutputKey", "OutputValue"),
            parameters: pairs("Parameters", "ParameterKey", "ParameterValue"),
            status,
        }
    }

    /// Refuses a stack of something else, which this command would remove.
    pub(crate) fn check_ours(&self, account: &Account) -> Result<(), CliError> {
        match self.is_ours {
            true => Ok(()),
            false => Err(CliError::Failed(format!(
                "The stack {} is there, and it is not a stack of Lanyard. Nothing was changed. \
                 Choose another name with --stack-name.",
                account.stack
            ))),
        }
    }

    /// Whether a change set creates the stack; an error if it can be neither created nor updated.
    pub(crate) fn is_new(stack: Option<&Self>, account: &Account) -> Result<bool, CliError> {
        let Some(stack) = stack else { return Ok(true) };
        stack.check_ours(account)?;
        let name = &account.stack;
        let again = format!(
            "Remove it and deploy again: lanyard destroy --stack-name {name} --region {}",
            account.region
        );
        let advice = match stack.status.as_str() {
            "REVIEW_IN_PROGRESS" => return Ok(true),
            "CREATE_COMPLETE"
            | "UPDATE_COMPLETE"
            | "IMPORT_COMPLETE"
            | "UPDATE_ROLLBACK_COMPLETE"
            | "IMPORT_ROLLBACK_COMPLETE" => return Ok(false),
            "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "CREATE_FAILED" => {
                format!("Its creation failed, so it runs nothing and cannot be updated. {again}")
            }
            "DELETE_FAILED" => format!("Its deletion failed. {again}"),
            "UPDATE_ROLLBACK_FAILED" => format!(
                "An update failed, and so did its rollback. Continue that first: aws \
                 cloudformation continue-update-rollback --stack-name {name}"
            ),
            status if status.ends_with("IN_PROGRESS") => format!(
                "Wait until it has ended, and run this again: aws cloudformation describe-stacks \
                 --stack-name {name} --query 'Stacks[0].StackStatus'"
            ),
            _ => "See the events of the stack in the AWS console.".to_owned(),
        };
        Err(CliError::Failed(format!("The stack {name} is {}. {advice}", stack.status)))
    }
}

/// Makes a change set and reads what it would do.
///
/// Parameters that are not named keep the values that the stack has.
pub(crate) async fn plan(
    account: &Account,
    stack: Option<&Stack>,
    template: &str,
    named: &BTreeMap<String, String>,
) -> Result<Changes, CliError> {
    let summary = ["cloudformation", "get-template-summary", "--template-url", template];
    let summary = account.call("CloudFormation refuses the template", &summary).await?;
    let known: Vec<String> = summary["Parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| text(&one["ParameterKey"]))
        .collect();
    if let Some(unknown) = named.keys().find(|name| !known.contains(name)) {
        return Err(CliError::Usage(format!(
            "The template has no parameter {unknown}. It has {}.",
            known.join(", ")
        )));
    }
    let is_new = Stack::is_new(stack, account)?;
    let parameters: Vec<Value> = known
        .iter()
        .filter_map(|name| match (named.get(name), stack) {
            (Some(value), _) => Some(json!({"ParameterKey": name, "ParameterValue": value})),
            (None, Some(stack)) if stack.parameters.contains_key(name) => {
                Some(json!({"ParameterKey": name, "UsePreviousValue": true}))
            }
            (None, _) => None,
        })
        .collect();
    let parameters = Value::from(parameters).to_string();
    // Each change set has a name of its own, as long as it is there.
    let digest = template.rsplit(['-', '/']).next().unwrap_or_default().trim_end_matches(".yaml");
    let name = format!("lanyard-{digest}-{}", std::process::id());
    let create = [
        "cloudformation",
        "create-change-set",
        "--stack-name",
        &account.stack,
        "--change-set-name",
        &name,
        "--change-set-type",
        if is_new { "CREATE" } else { "UPDATE" },
        "--template-url",
        template,
        "--capabilities",
        "CAPABILITY_IAM",
        "CAPABILITY_AUTO_EXPAND",
        "--tags",
        "Key=service,Value=lanyard",
        "--parameters",
        &parameters,
    ];
    let made = account.call("CloudFormation refuses the changes", &create).await?;
    let id = text(&made["Id"]);
    let describe = ["cloudformation", "describe-change-set", "--change-set-name", &id];
    let described = account
        .wait(&describe, |seen| {
            let seen = seen.ok()?;
            (!["CREATE_PENDING", "CREATE_IN_PROGRESS"].contains(&seen["Status"].as_str()?))
                .then_some(seen)
        })
        .await?;
    if described["Status"] == "FAILED" {
        let why = text(&described["StatusReason"]);
        discard(account, &id).await;
        let is_same = ["didn't contain changes", "No updates are to be performed"]
            .iter()
            .any(|words| why.contains(words));
        return match is_same {
            true => Ok(Changes { change_set: None, counts: [0; 3], lost: Vec::new() }),
            false => Err(CliError::Failed(format!("CloudFormation refuses the changes: {why}"))),
        };
    }
    Ok(read_changes(id, &described))
}

fn read_changes(id: String, described: &Value) -> Changes {
    let mut changes = Changes { change_set: Some(id), counts: [0; 3], lost: Vec::new() };
    for change in described["Changes"].as_array().into_iter().flatten() {
        let change = &change["ResourceChange"];
        let (action, kind) = (text(&change["Action"]), text(&change["ResourceType"]));
        let is_replaced = change["Replacement"] == "True";
        let index = match action.as_str() {
            "Add" => 0,
            "Remove" => 2,
            _ => 1,
        };
        changes.counts[index] += 1;
        if (index == 2 || is_replaced) && !RENEWED.contains(&&*kind) {
            let what = if is_replaced { "replaced" } else { "removed" };
            changes.lost.push(format!("{} ({kind}) is {what}", text(&change["LogicalResourceId"])));
        }
    }
    changes
}

impl Changes {
    pub(crate) fn is_nothing(&self) -> bool {
        self.change_set.is_none()
    }

    /// Forgets the change set.
    pub(crate) async fn discard(&self, account: &Account) {
        if let Some(id) = &self.change_set {
            discard(account, id).await;
        }
    }

    /// Makes the changes and waits until they are made.
    pub(crate) async fn execute(&self, account: &Account, output: &Output) -> Result<(), CliError> {
        let Some(id) = &self.change_set else { return Ok(()) };
        let execute = ["cloudformation", "execute-change-set", "--change-set-name", id];
        account.call("The changes cannot be made", &execute).await?;
        let status = settled(account, &account.stack, self.counts.iter().sum(), output).await?;
        match status.as_deref() {
            Some("CREATE_COMPLETE" | "UPDATE_COMPLETE") => Ok(()),
            status => {
                let status = status.unwrap_or("not there any more");
                let why = failures(account, &account.stack).await;
                Err(CliError::Failed(format!(
                    "The stack {} is {status}, because changes failed:\n{why}",
                    account.stack
                )))
            }
        }
    }
}

async fn discard(account: &Account, id: &str) {
    let delete = ["cloudformation", "delete-change-set", "--change-set-name", id];
    // A change set that is left does nothing.
    let _ = account.aws.explained(&delete).await;
}

/// Waits until a stack changes no more. Its last status, or `None` if there is no such stack.
pub(crate) async fn settled(
    account: &Account,
    stack: &str,
    resources: usize,
    output: &Output,
) -> Result<Option<String>, CliError> {
    let bar = output.progress(resources, "resources");
    let describe = ["cloudformation", "describe-stacks", "--stack-name", stack];
    let list = ["cloudformation", "list-stack-resources", "--stack-name", stack];
    loop {
        let status = account.wait(&describe, |seen| match seen {
            Ok(described) => Some(Some(text(&described["Stacks"].get(0)?["StackStatus"]))),
            Err(AwsError::Code(code)) if code == "ValidationError" => Some(None),
            Err(_) => None,
        });
        let status = status.await?;
        // CloudFormation cleans up after an update is complete for everybody else.
        let is_moving = status.as_deref().is_some_and(|status| status.ends_with("IN_PROGRESS"));
        if !is_moving {
            bar.finish_and_clear();
            return Ok(status);
        }
        if let (false, Ok(seen)) = (bar.is_hidden(), account.aws.explained(&list).await) {
            let resources = seen["StackResourceSummaries"].as_array().cloned().unwrap_or_default();
            let is_done = |one: &&Value| text(&one["ResourceStatus"]).ends_with("_COMPLETE");
            let done = resources.iter().filter(is_done).count();
            bar.set_position(u64::try_from(done).unwrap_or(0));
        }
        tokio::time::sleep(account.interval).await;
    }
}

/// Which resources failed first, and why.
pub(crate) async fn failures(account: &Account, stack: &str) -> String {
    const SHOWN: usize = 5;
    let describe = ["cloudformation", "describe-stack-events", "--stack-name", stack];
    let events = account.aws.explained(&describe).await.unwrap_or_default();
    let events = events["StackEvents"].as_array().cloned().unwrap_or_default();
    // The newest come first. What failed only because others did explains nothing.
    let failed = events.iter().rev().filter(|event| {
        let why = event["ResourceStatusReason"].as_str().unwrap_or_default();
        text(&event["ResourceStatus"]).ends_with("FAILED") && !why.contains("cancelled")
    });
    let mut lines: Vec<String> = failed
        .take(SHOWN)
        .map(|event| {
            let why = text(&event["ResourceStatusReason"]);
            let hint = hint(&why).map(|hint| format!("\n    {hint}")).unwrap_or_default();
            format!("  {} {why}{hint}", text(&event["LogicalResourceId"]))
        })
        .collect();
    if lines.is_empty() {
        lines.push(format!(
            "  See aws cloudformation describe-stack-events --stack-name {}",
            account.stack
        ));
    }
    lines.join("\n")
}

/// What to do about reasons that are known.
fn hint(why: &str) -> Option<&'static str> {
    let is = |words: &str| why.contains(words);
    if is("UnreservedConcurrentExecution") {
        return Some(
            "The account's concurrency is too low to reserve any. Deploy with --parameter \
             AdminConcurrency=0 --parameter ProxyConcurrency=0, or ask AWS for more.",
        );
    }
    if is("CloudWatch Logs role ARN") {
        return Some("Deploy with --parameter AccessLog=false, or set that role in API Gateway.");
    }
    if is("already exists") {
        return Some(
            "It is left from a stack that was deleted. Delete it, or choose another --stack-name.",
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_that_hold_something_are_named_before_they_are_lost() {
        let change = |action: &str, kind: &str, replacement: &str| {
            json!({"Type": "Resource", "ResourceChange": {
                "Action": action, "LogicalResourceId": "It", "ResourceType": kind,
                "Replacement": replacement,
            }})
        };
        let described = json!({"Changes": [
            change("Add", "AWS::Lambda::Function", ""),
            change("Modify", "AWS::Lambda::Function", "False"),
            change("Remove", "AWS::ApiGateway::Deployment", ""),
            change("Modify", "AWS::DynamoDB::Table", "True"),
            change("Remove", "AWS::Logs::LogGroup", ""),
        ]});
        let changes = read_changes("id".to_owned(), &described);
        assert_eq!(changes.counts, [1, 2, 2]);
        assert_eq!(
            changes.lost,
            ["It (AWS::DynamoDB::Table) is replaced", "It (AWS::Logs::LogGroup) is removed"]
        );
    }
}

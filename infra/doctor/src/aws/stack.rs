//! The stack: its address, its resources, and the keys of its deployments.

use lanyard_domain::credential::AzureKey;
use serde::Deserialize;
use serde_json::Value;

use super::command::{Aws, AwsError};
use crate::finding::Finding;

/// A deployed stack.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    /// The command that reads it.
    pub aws: Aws,
    /// The name.
    pub name: String,
    /// Its output `Address`.
    pub address: Option<String>,
    /// Its output `TableName`.
    pub table: Option<String>,
    /// The names of its functions.
    pub functions: Vec<String>,
}

/// `aws cloudformation describe-stacks`
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stacks {
    stacks: Vec<Described>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    stack_status: String,
    #[serde(default)]
    outputs: Vec<Output>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    output_key: String,
    output_value: String,
}

/// `aws cloudformation list-stack-resources`
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Resources {
    stack_resource_summaries: Vec<Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Resource {
    resource_type: String,
    physical_resource_id: Option<String>,
}

/// Finds a stack by its name.
pub(crate) async fn find(aws: Aws, name: &str) -> (Finding, Option<Stack>) {
    const CHECK: &str = "aws stack";
    let call = async |call: &str| aws.call(&["cloudformation", call, "--stack-name", name]).await;
    let (described, resources) =
        tokio::join!(call("describe-stacks"), call("list-stack-resources"));
    let responses = described.and_then(|described| Ok((described, resources?)));
    let (described, resources) = match responses {
        Ok(responses) => responses,
        Err(error) if error.is_missing() => {
            let advice = "Use the stack name and region of lanyard deploy. List your stacks:\n  \
                        aws cloudformation list-stacks --query 'StackSummaries[].StackName'";
            return (
                Finding::fail(CHECK, "There is no stack with this name in this region.", advice),
                None,
            );
        }
        Err(error) => {
            let seen = format!("Not checked: {error}.");
            return (Finding::fail(CHECK, seen, error.advice()), None);
        }
    };
    match read(aws, name, described, resources) {
        Some((status, stack)) => (judge(&status, &stack), Some(stack)),
        None => {
            let error = AwsError::Unexpected;
            (Finding::fail(CHECK, format!("Not checked: {error}."), error.advice()), None)
        }
    }
}

fn read(aws: Aws, name: &str, described: Value, resources: Value) -> Option<(String, Stack)> {
    let mut stacks: Stacks = serde_json::from_value(described).ok()?;
    let resources: Resources = serde_json::from_value(resources).ok()?;
    let described = stacks.stacks.pop()?;
    let output = |key: &str| {
        let found = described.outputs.iter().find(|output| output.output_key == key);
        found.map(|output| output.output_value.clone())
    };
    let functions = resources
        .stack_resource_summaries
        .into_iter()
        .filter(|resource| resource.resource_type == "AWS::Lambda::Function")
        .filter_map(|resource| resource.physical_resource_id)
        .collect();
    let stack = Stack {
        address: output("Address"),
        table: output("TableName"),
        name: name.to_owned(),
        aws,
        functions,
    };
    Some((described.stack_status, stack))
}

fn judge(status: &str, stack: &Stack) -> Finding {
    const CHECK: &str = "aws stack";
    let seen = format!("{status}, {} functions.", stack.functions.len());
    if stack.address.is_none() || stack.table.is_none() || stack.functions.is_empty() {
        let advice = "Use a stack that was deployed from this template.yaml.";
        return Finding::fail(CHECK, format!("{seen} It is not a Lanyard stack."), advice);
    }
    match status {
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => Finding::ok(CHECK, seen),
        status if status.ends_with("IN_PROGRESS") => Finding::warn(
            CHECK,
            seen,
            "A deployment is in progress. Run the doctor again after it.",
        ),
        "UPDATE_ROLLBACK_COMPLETE" => Finding::warn(
            CHECK,
            seen,
            "The last deployment was rolled back, so an older version runs. Check the reason, and \
             deploy again:\n  \
             aws cloudformation describe-stack-events --stack-name STACK",
        ),
        _ => Finding::fail(
            CHECK,
            seen,
            "The last deployment failed. Check the reason:\n  \
             aws cloudformation describe-stack-events --stack-name STACK",
        ),
    }
}

impl Stack {
    /// The key of a deployment; `None` if it has none.
    ///
    /// # Errors
    ///
    /// A finding without a check name, if the key cannot be read.
    pub(crate) async fn key(&self, reference: &str) -> Result<Option<AzureKey>, Finding> {
        let path = format!("/lanyard/{}/azure-keys/{reference}", self.name);
        let arguments = ["ssm", "get-parameter", "--name", &path, "--with-decryption"];
        match self.aws.call(&arguments).await {
            Ok(response) => match key(&response) {
                Some(key) => Ok(Some(key)),
                None => Err(Finding::fail(
                    "",
                    "The parameter has no key.",
                    "Write the key with PUT /admin/deployments/NAME. Only that request writes \
                     keys.",
                )),
            },
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => {
                let seen =
                    format!("The key cannot be read, so Azure is not called directly: {error}.");
                Err(Finding::skip("", seen).next(error.advice()))
            }
        }
    }
}

/// `aws ssm get-parameter`
fn key(response: &Value) -> Option<AzureKey> {
    AzureKey::new(response["Parameter"]["Value"].as_str()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::Level;

    fn stack(status: &str) -> (String, Stack) {
        let aws = Aws { program: "aws".into(), region: None };
        let described = json!({"Stacks": [{
            "StackId": "arn:aws:cloudformation:eu-north-1:123456789012:stack/lanyard/1",
            "StackName": "lanyard", "StackStatus": status, "CreationTime": "2026-11-21T10:00:00Z",
            "Outputs": [
                {"OutputKey": "Address", "OutputValue": "https://x.execute-api.eu-north-1.amazonaws.com/api/v1", "Description": "d"},
                {"OutputKey": "TableName", "OutputValue": "lanyard-Table-1"},
            ],
        }]});
        let resources = json!({"StackResourceSummaries": [
            {"LogicalResourceId": "Table", "PhysicalResourceId": "lanyard-Table-1", "ResourceType": "AWS::DynamoDB::Table", "ResourceStatus": "CREATE_COMPLETE"},
            {"LogicalResourceId": "Admin", "PhysicalResourceId": "lanyard-admin", "ResourceType": "AWS::Lambda::Function", "ResourceStatus": "CREATE_COMPLETE"},
            {"LogicalResourceId": "Late", "ResourceType": "AWS::Lambda::Function", "ResourceStatus": "CREATE_IN_PROGRESS"},
        ]});
        read(aws, "lanyard", described, resources).unwrap()
    }

    #[test]
    fn a_stack_is_read_from_cloudformations_output() {
        let (status, stack) = stack("UPDATE_COMPLETE");
        assert_eq!(
            judge(&status, &stack),
            Finding::ok("aws stack", "UPDATE_COMPLETE, 1 functions.")
        );
        assert_eq!(stack.table.as_deref(), Some("lanyard-Table-1"));
        assert_eq!(stack.functions, ["lanyard-admin"]);
    }

    #[test]
    fn an_incomplete_stack_is_reported() {
        let level = |status: &str| judge(status, &stack(status).1).level;
        assert_eq!(level("UPDATE_IN_PROGRESS"), Level::Warn);
        assert_eq!(level("UPDATE_ROLLBACK_COMPLETE"), Level::Warn);
        assert_eq!(level("ROLLBACK_COMPLETE"), Level::Fail);
        assert_eq!(level("UPDATE_ROLLBACK_FAILED"), Level::Fail);
    }

    #[test]
    fn a_key_is_read_from_its_parameter() {
        let response = json!({"Parameter": {
            "Name": "/lanyard/lanyard/azure-keys/main/gpt-4o/main", "Type": "SecureString",
            "Value": "a-key", "Version": 1, "DataType": "text",
        }});
        assert_eq!(key(&response).unwrap().reveal(), "a-key");
        assert!(key(&json!(null)).is_none());
    }
}

//! A stack at AWS, as the `aws` command describes it.

use std::path::Path;

use serde_json::{Value, json};

use super::{Run, Service, command, ended, scripted_aws};

/// A folder of responses for the scripted command: a healthy stack whose address is the service's.
fn healthy(folder: &Path, service: &Service) {
    let address = format!("{}/v1", service.address);
    let function = |id: &str| {
        json!({
            "LogicalResourceId": id, "PhysicalResourceId": format!("lanyard-{id}"),
            "ResourceType": "AWS::Lambda::Function", "ResourceStatus": "CREATE_COMPLETE",
        })
    };
    let responses = [
        (
            "cloudformation.describe-stacks",
            json!({"Stacks": [{
                "StackName": "lanyard", "StackStatus": "CREATE_COMPLETE",
                "Outputs": [
                    {"OutputKey": "Address", "OutputValue": address},
                    {"OutputKey": "TableName", "OutputValue": "lanyard-Table-1"},
                ],
            }]}),
        ),
        (
            "cloudformation.list-stack-resources",
            json!({"StackResourceSummaries": [function("chat-completions"), function("admin")]}),
        ),
        (
            "dynamodb.describe-table",
            json!({"Table": {
                "TableStatus": "ACTIVE", "DeletionProtectionEnabled": true,
                "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
            }}),
        ),
        (
            "dynamodb.describe-time-to-live",
            json!({"TimeToLiveDescription": {
                "TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at",
            }}),
        ),
        (
            "dynamodb.describe-continuous-backups",
            json!({"ContinuousBackupsDescription": {
                "ContinuousBackupsStatus": "ENABLED",
                "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "ENABLED"},
            }}),
        ),
        ("lambda.get-account-settings", settings(1_000)),
        (
            "lambda.get-function-configuration",
            json!({
                "Runtime": "provided.al2023", "Architectures": ["arm64"], "MemorySize": 512,
                "Timeout": 300, "State": "Active", "LastUpdateStatus": "Successful",
            }),
        ),
        (
            "ssm.get-parameter",
            json!({"Parameter": {"Type": "SecureString", "Value": super::KEY, "Version": 1}}),
        ),
    ];
    for (call, response) in responses {
        put(folder, call, response);
    }
}

fn settings(concurrency: u64) -> Value {
    json!({
        "AccountLimit": {
            "ConcurrentExecutions": concurrency, "UnreservedConcurrentExecutions": concurrency,
        },
        "AccountUsage": {"TotalCodeSize": 1, "FunctionCount": 2},
    })
}

fn put(folder: &Path, call: &str, response: Value) {
    std::fs::write(folder.join(format!("{call}.json")), response.to_string()).unwrap();
}

fn refuse(folder: &Path, call: &str, text: &str) {
    std::fs::write(folder.join(format!("{call}.error")), text).unwrap();
}

async fn doctor(service: &Service, responses: &Path) -> Run {
    let mut command = command();
    command.args(["doctor", "--stack", "lanyard", "--region", "eu-north-1", "--aws"]);
    command.arg(scripted_aws()).env("SCRIPTED_AWS", responses);
    let run = ended(command.env("LANYARD_ORGANISER_TOKEN", service.token())).await;
    for secret in [super::KEY, &service.token(), "hackathon/"] {
        assert!(!run.text.contains(secret), "{}", run.text);
    }
    run
}

#[tokio::test]
async fn a_healthy_stack_is_found_by_its_name_and_its_keys_are_used() {
    let (service, responses) = (Service::simulated().await, tempfile::tempdir().unwrap());
    healthy(responses.path(), &service);

    let run = doctor(&service, responses.path()).await;

    assert_eq!(run.exit, Some(0), "{}", run.text);
    assert!(run.text.contains(" ok, 0 warnings, 0 failed, "), "{}", run.text);
    run.says("ok", "aws concurrency", "100 attendees × 4 requests/min × 10 s need 67.");
    let calls = std::fs::read_to_string(responses.path().join("calls")).unwrap();
    let key = "ssm get-parameter --name /lanyard/lanyard/azure-keys/main/gpt-4o/main";
    assert!(calls.contains(key), "{calls}");
    assert!(calls.lines().all(|call| call.ends_with("--region eu-north-1")), "{calls}");
}

#[tokio::test]
async fn a_new_accounts_concurrency_and_an_unprotected_table_are_reported() {
    let (service, responses) = (Service::simulated().await, tempfile::tempdir().unwrap());
    healthy(responses.path(), &service);
    put(responses.path(), "lambda.get-account-settings", settings(10));
    let off = json!({"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}});
    put(responses.path(), "dynamodb.describe-time-to-live", off);

    let run = doctor(&service, responses.path()).await;

    assert_eq!(run.exit, Some(1), "{}", run.text);
    run.says("fail", "aws concurrency", "Account limit: 10.");
    run.advises("request-service-quota-increase --region eu-north-1");
    run.says("fail", "aws table ttl", "Time to live is off");
    run.advises("update-time-to-live --table-name lanyard-Table-1");
}

#[tokio::test]
async fn without_permission_to_read_keys_the_other_checks_run() {
    let (service, responses) = (Service::simulated().await, tempfile::tempdir().unwrap());
    healthy(responses.path(), &service);
    let denied = "An error occurred (AccessDeniedException) when calling the GetParameter \
                  operation: User: arn:aws:iam::123456789012:user/a-name is not authorized";
    refuse(responses.path(), "ssm.get-parameter", denied);

    let run = doctor(&service, responses.path()).await;

    assert_eq!(run.exit, Some(0), "{}", run.text);
    run.says("skip", "azure claude-sonnet-5 key and 12 more", "AWS returned AccessDeniedException");
    run.advises("ssm:GetParameter and kms:Decrypt");
    run.says("ok", "service gpt-4o chat_completions", "Responds");
    assert!(!run.text.contains("123456789012"), "{}", run.text);
}

#[tokio::test]
async fn a_deployment_without_a_key_is_tried_through_the_service_only() {
    let (service, responses) = (Service::simulated().await, tempfile::tempdir().unwrap());
    healthy(responses.path(), &service);
    let missing = "An error occurred (ParameterNotFound) when calling the GetParameter operation: ";
    refuse(responses.path(), "ssm.get-parameter", missing);

    let run = doctor(&service, responses.path()).await;

    assert_eq!(run.exit, Some(0), "{}", run.text);
    run.says("skip", "azure claude-sonnet-5 key and 12 more", "so Azure is not called directly")
        .advises("--organiser");
    run.says("ok", "service gpt-4o stream", "chunks");
}

#[tokio::test]
async fn a_missing_stack_and_a_missing_command_are_reported() {
    let (service, responses) = (Service::simulated().await, tempfile::tempdir().unwrap());
    let gone = "An error occurred (ValidationError) when calling the DescribeStacks operation: \
                Stack with id lanyard does not exist";
    refuse(responses.path(), "cloudformation.describe-stacks", gone);

    let run = doctor(&service, responses.path()).await;
    assert_eq!(run.exit, Some(3), "{}", run.text);
    run.says("fail", "aws stack", "There is no stack with this name in this region.");

    let nowhere = responses.path().join("no-aws");
    let token = service.data.path().join("organiser-token");
    let arguments = ["--stack", "lanyard", "--aws", nowhere.to_str().unwrap()];
    let token = ["--token-file", token.to_str().unwrap()];
    let run = service.doctor(&[&arguments[..], &token].concat()).await;
    assert_eq!(run.exit, Some(1), "{}", run.text);
    run.says("fail", "aws stack", "the aws command is not installed")
        .advises("https://aws.amazon.com/cli/");
    run.says("ok", "service gpt-4o chat_completions", "Responds");
}

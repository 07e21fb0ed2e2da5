//! `lanyard deploy`, with a scripted `aws` command.
//!
//! tests/template/deployed.py runs it with the real command, against moto.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Run, lanyard_in};

const SCRIPTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/support/aws");
pub(crate) const STACK: &str = "arn:aws:cloudformation:eu-north-1:123456789012:stack/lanyard/1";

/// A machine with a release in its folder, and an account without a stack.
pub(crate) struct Machine {
    pub(crate) folder: TempDir,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap() };
        let release = machine.folder.path().join("lanyard-0.1.0-packages-arm64");
        fs::create_dir_all(release.join("packages")).unwrap();
        fs::write(release.join("packages/models-1.zip"), "a package").unwrap();
        fs::write(release.join("template.yaml"), "a template").unwrap();
        let list = json!({
            "version": env!("CARGO_PKG_VERSION"), "architecture": "arm64",
            "files": {
                "packages/models-1.zip":
                    "c0cd5ccfdb563a59366e33e73001b78fdb8cca5a6c48e2f90fffcde44b81f1f6",
                "template.yaml":
                    "2db841734c2f3f4de7b17cc2d1782d22909ccde0bade9730de11c71834af1f30",
            },
        });
        fs::write(release.join("release.json"), list.to_string()).unwrap();

        machine.put("sts.get-caller-identity", &json!({"Account": "123456789012"}));
        machine.refuse("cloudformation.describe-stacks", MISSING);
        machine.refuse(
            "s3api.head-bucket",
            "An error occurred (404) when calling the HeadBucket \
                                             operation: Not Found",
        );
        machine
            .text("s3.sync.json", "upload: packages/models-1.zip to s3://b/lanyard/models-1.zip\n");
        machine.put(
            "cloudformation.get-template-summary",
            &json!({"Parameters": [
                {"ParameterKey": "CodeBucket"}, {"ParameterKey": "Architecture"},
                {"ParameterKey": "AlarmEmail"}, {"ParameterKey": "MemorySize"},
            ]}),
        );
        machine.put("cloudformation.create-change-set", &json!({"Id": "arn:changes"}));
        let change = json!({"ResourceChange": {
            "Action": "Add", "LogicalResourceId": "Models", "ResourceType": "AWS::Lambda::Function",
        }});
        machine.put(
            "cloudformation.describe-change-set",
            &json!({"Status": "CREATE_COMPLETE", "Changes": [change]}),
        );
        machine.put("lambda.invoke.1", &json!({"status": 200, "body": {"tokens": []}}));
        machine.put("lambda.invoke", &json!({"status": 201, "body": {"token": "lanyard_first"}}));
        machine
    }

    /// The stack, as the Nth and each later look finds it.
    pub(crate) fn stack_from(&self, look: usize, status: &str) {
        for look in look..look + 5 {
            self.put(&format!("cloudformation.describe-stacks.{look}"), &described(status));
        }
    }

    fn text(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    pub(crate) fn put(&self, call: &str, response: &Value) {
        self.text(&format!("{call}.json"), &response.to_string());
    }

    pub(crate) fn refuse(&self, call: &str, text: &str) {
        self.text(&format!("{call}.error"), text);
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Run {
        let usual = ["--aws", SCRIPTED, "--region", "eu-north-1", "--interval-ms", "1"];
        let folder = self.folder.path().to_str().unwrap();
        let environment = [("SCRIPTED_AWS", folder), ("PATH", "/usr/bin:/bin")];
        lanyard_in(self.folder.path(), &[arguments, &usual].concat(), &environment).await
    }

    /// Every call of the `aws` command that begins like this.
    pub(crate) fn calls(&self, begin: &str) -> Vec<String> {
        let calls = fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default();
        calls.lines().filter(|call| call.starts_with(begin)).map(str::to_owned).collect()
    }

    fn has_changed_something(&self) -> bool {
        let changes = [
            "s3 ",
            "s3api create-",
            "s3api put-",
            "cloudformation create-",
            "cloudformation delete-",
        ];
        changes.iter().any(|call| !self.calls(call).is_empty())
    }
}

pub(crate) const MISSING: &str = "An error occurred (ValidationError) when calling the DescribeStacks \
                       operation: Stack with id lanyard does not exist";

fn described(status: &str) -> Value {
    json!({"Stacks": [{
        "StackId": STACK, "StackName": "lanyard", "StackStatus": status,
        "Description": "Lanyard: a proxy",
        "Parameters": [
            {"ParameterKey": "MemorySize", "ParameterValue": "128"},
            {"ParameterKey": "AlarmEmail", "ParameterValue": "old@example.org"},
            {"ParameterKey": "Gone", "ParameterValue": "of an older release"},
        ],
        "Outputs": [
            {"OutputKey": "Address", "OutputValue": "https://x.execute-api.eu-north-1.amazonaws.com/api/v1"},
            {"OutputKey": "AdminFunction", "OutputValue": "lanyard-admin"},
            {"OutputKey": "TableName", "OutputValue": "lanyard-Table-1"},
        ],
    }]})
}

#[tokio::test]
async fn a_first_deployment_creates_bucket_stack_and_token() {
    let machine = Machine::new();
    machine.stack_from(2, "CREATE_COMPLETE");

    let run = machine.run(&["deploy"]).await;

    assert_eq!(run.exit, Some(0), "{run:?}");
    assert!(run.out.contains("lanyard_first"), "{run:?}");
    assert!(run.out.contains("https://x.execute-api.eu-north-1.amazonaws.com/api\n"), "{run:?}");
    assert!(!run.err.contains("lanyard_first"), "messages end up in logs: {run:?}");
    let bucket = "lanyard-packages-123456789012-eu-north-1";
    let created = machine.calls(&format!("s3api create-bucket --bucket {bucket} "));
    assert!(created[0].contains("LocationConstraint=eu-north-1"), "{created:?}");
    assert_eq!(machine.calls("s3api put-public-access-block").len(), 1);
    assert_eq!(machine.calls("s3api put-bucket-encryption").len(), 1);
    let changes = machine.calls("cloudformation create-change-set");
    assert!(changes[0].contains("--change-set-type CREATE"), "{changes:?}");
    assert!(changes[0].contains(&format!("https://{bucket}.s3.eu-north-1.amazonaws.com/")));
    assert!(changes[0].contains("CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"), "{changes:?}");
}

#[tokio::test]
async fn an_update_keeps_parameters_and_makes_no_second_token() {
    let machine = Machine::new();
    machine.stack_from(1, "UPDATE_COMPLETE");
    machine.put("lambda.invoke.1", &json!({"status": 200, "body": {"tokens": [{"name": "main"}]}}));

    let run = machine.run(&["deploy", "--parameter", "AlarmEmail=new@example.org"]).await;

    assert_eq!(run.exit, Some(0), "{run:?}");
    assert!(!run.out.contains("lanyard_first"), "{run:?}");
    assert_eq!(machine.calls("lambda invoke").len(), 1);
    let changes = machine.calls("cloudformation create-change-set");
    assert!(changes[0].contains("--change-set-type UPDATE"), "{changes:?}");
    assert!(
        changes[0].contains(r#"{"ParameterKey":"AlarmEmail","ParameterValue":"new@example.org"}"#)
    );
    assert!(changes[0].contains(r#"{"ParameterKey":"MemorySize","UsePreviousValue":true}"#));
    assert!(!changes[0].contains("Gone"), "CloudFormation refuses unknown ones: {changes:?}");

    let run = machine.run(&["deploy", "--parameter", "AlarmMail=x"]).await;
    assert_eq!(run.exit, Some(2), "{run:?}");
    assert!(run.err.contains("no parameter AlarmMail. It has CodeBucket"), "{run:?}");
}

#[tokio::test]
async fn every_hindrance_is_named_with_what_to_do() {
    for (call, text, exit, said) in [
        (
            "sts.get-caller-identity",
            "Unable to locate credentials. You can configure credentials by running \"aws configure\".",
            4,
            "Sign in: aws sso login, or aws configure",
        ),
        (
            "s3api.head-bucket",
            "An error occurred (403) when calling the HeadBucket operation: Forbidden",
            1,
            "belongs to another account",
        ),
        (
            "s3api.head-bucket",
            "An error occurred (301) when calling the HeadBucket operation: Moved Permanently",
            1,
            "is in another region than eu-north-1",
        ),
        (
            "cloudformation.describe-stacks",
            "An error occurred (AccessDenied) when calling the DescribeStacks operation: User x is \
             not authorized to perform cloudformation:DescribeStacks",
            1,
            "not authorized to perform cloudformation:DescribeStacks Your identity may not do this",
        ),
        (
            "cloudformation.create-change-set",
            "An error occurred (InsufficientCapabilitiesException) when calling the \
             CreateChangeSet operation: Requires capabilities : [CAPABILITY_NAMED_IAM]",
            1,
            "[CAPABILITY_NAMED_IAM] The template creates roles with names of its own",
        ),
        (
            "s3.sync",
            "fatal error: An error occurred (NoSuchBucket) when calling the ListObjectsV2 \
             operation: The specified bucket does not exist",
            1,
            "The packages cannot be uploaded: AWS returned NoSuchBucket",
        ),
    ] {
        let machine = Machine::new();
        let _ = fs::remove_file(machine.folder.path().join(format!("{call}.json")));
        machine.refuse(call, text);
        let run = machine.run(&["deploy"]).await;
        assert_eq!(run.exit, Some(exit), "{call}: {run:?}");
        assert!(run.err.contains(said), "{call}: {run:?}");
        assert!(machine.calls("cloudformation execute-change-set").is_empty(), "{call}");
    }
    let machine = Machine::new();
    let nowhere = machine.folder.path().join("no-aws");
    let arguments = ["deploy", "--region", "eu-north-1", "--aws", nowhere.to_str().unwrap()];
    let run = lanyard_in(machine.folder.path(), &arguments, &[("PATH", "/usr/bin:/bin")]).await;
    assert!(run.err.contains("Install it, https://aws.amazon.com/cli/"), "{run:?}");
    let arguments = ["deploy", "--aws", SCRIPTED];
    let folder = machine.folder.path().to_str().unwrap();
    let environment = [("SCRIPTED_AWS", folder), ("PATH", "/usr/bin:/bin")];
    let run = lanyard_in(machine.folder.path(), &arguments, &environment).await;
    assert_eq!(run.exit, Some(2), "{run:?}");
    assert!(run.err.contains("Use --region REGION"), "{run:?}");
}

#[tokio::test]
async fn a_stack_that_cannot_be_updated_is_left_alone() {
    for (status, said) in [
        ("ROLLBACK_COMPLETE", "lanyard destroy --stack-name lanyard --region eu-north-1"),
        ("DELETE_FAILED", "lanyard destroy --stack-name lanyard"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name lanyard"),
        ("UPDATE_IN_PROGRESS", "Wait until it has ended"),
    ] {
        let machine = Machine::new();
        machine.stack_from(1, status);
        let run = machine.run(&["deploy"]).await;
        assert_eq!(run.exit, Some(1), "{status}: {run:?}");
        assert!(run.err.contains(&format!("is {status}.")) && run.err.contains(said), "{run:?}");
        assert!(!machine.has_changed_something(), "{status}");
    }
    let machine = Machine::new();
    let mut foreign = described("CREATE_COMPLETE");
    foreign["Stacks"][0]["Description"] = json!("The shop");
    machine.put("cloudformation.describe-stacks.1", &foreign);
    machine.put("cloudformation.describe-stacks.2", &foreign);
    for command in [&["deploy"][..], &["destroy", "--yes"]] {
        let run = machine.run(command).await;
        assert!(run.err.contains("not a stack of Lanyard"), "{run:?}");
        assert!(!machine.has_changed_something());
    }
}

#[tokio::test]
async fn a_failed_deployment_says_which_resource_failed_and_why() {
    let machine = Machine::new();
    machine.stack_from(2, "ROLLBACK_COMPLETE");
    let event = |id: &str, status: &str, why: &str| json!({"LogicalResourceId": id, "ResourceStatus": status, "ResourceStatusReason": why});
    let events = json!({"StackEvents": [
        event("lanyard", "ROLLBACK_COMPLETE", ""),
        event("Models", "CREATE_FAILED", "Resource creation cancelled"),
        event("Admin", "CREATE_FAILED", "Specified ReservedConcurrentExecutions for function \
              decreases account's UnreservedConcurrentExecution below its minimum value of [10]."),
    ]});
    machine.put("cloudformation.describe-stack-events", &events);

    let run = machine.run(&["deploy"]).await;

    assert_eq!(run.exit, Some(1), "{run:?}");
    assert!(run.err.contains("The stack lanyard is ROLLBACK_COMPLETE"), "{run:?}");
    assert!(run.err.contains("  Admin Specified ReservedConcurrentExecutions"), "{run:?}");
    assert!(run.err.contains("--parameter AdminConcurrency=0"), "{run:?}");
    assert!(!run.err.contains("Models"), "that follows from it: {run:?}");
}

#[tokio::test]
async fn changes_that_lose_data_are_confirmed_and_others_are_not() {
    let machine = Machine::new();
    machine.stack_from(1, "UPDATE_COMPLETE");
    let change = json!({"ResourceChange": {
        "Action": "Modify", "LogicalResourceId": "Table", "ResourceType": "AWS::DynamoDB::Table",
        "Replacement": "True",
    }});
    let changes = json!({"Status": "CREATE_COMPLETE", "Changes": [change]});
    machine.put("cloudformation.describe-change-set", &changes);

    let run = machine.run(&["deploy"]).await;
    assert_eq!(run.exit, Some(2), "nobody to ask: {run:?}");
    assert!(run.err.contains("Table (AWS::DynamoDB::Table) is replaced"), "{run:?}");
    assert!(machine.calls("cloudformation execute-change-set").is_empty());
    assert_eq!(machine.calls("cloudformation delete-change-set").len(), 1);
    let run = machine.run(&["deploy", "--yes"]).await;
    assert_eq!(run.exit, Some(0), "{run:?}");
    assert_eq!(machine.calls("cloudformation execute-change-set").len(), 1);
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let machine = Machine::new();
    let run = machine.run(&["deploy", "--dry-run"]).await;
    assert_eq!(run.exit, Some(0), "{run:?}");
    assert!(run.out.contains("create the bucket lanyard-packages-123456789012-eu-north-1"));
    assert!(run.out.contains("create the stack lanyard"), "{run:?}");
    assert!(!machine.has_changed_something());

    machine.stack_from(2, "CREATE_COMPLETE");
    machine.put("ssm.get-parameters-by-path", &json!({"Parameters": []}));
    let run = machine.run(&["destroy", "--dry-run"]).await;
    assert_eq!(run.exit, Some(0), "{run:?}");
    assert!(run.out.contains("keep the table lanyard-Table-1"), "{run:?}");
    assert!(!machine.has_changed_something());
}

#[tokio::test]
async fn a_damaged_release_is_refused_before_aws_is_called() {
    let machine = Machine::new();
    let package: PathBuf = Path::new("lanyard-0.1.0-packages-arm64/packages/models-1.zip").into();
    fs::write(machine.folder.path().join(package), "b package").unwrap();
    let run = machine.run(&["deploy"]).await;
    assert_eq!(run.exit, Some(1), "{run:?}");
    assert!(run.err.contains("missing or damaged"), "{run:?}");
    assert!(machine.calls("").is_empty(), "{run:?}");
}

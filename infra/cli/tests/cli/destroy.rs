//! `lanyard destroy`, with a scripted `aws` command.

use std::fs;

use serde_json::{Value, json};

use crate::deploy::{MISSING, Machine, STACK};

/// A machine with a stack, a bucket, a table and twelve keys.
fn deployed() -> Machine {
    let machine = Machine::new();
    machine.stack_from(1, "CREATE_COMPLETE");
    machine.refuse("cloudformation.describe-stacks.2", MISSING);
    fs::remove_file(machine.folder.path().join("s3api.head-bucket.error")).unwrap();
    machine.put(
        "s3api.get-bucket-tagging",
        &json!({"TagSet": [{"Key": "lanyard-stack", "Value": "lanyard"}]}),
    );
    let key = |number| json!({"Name": format!("/lanyard/lanyard/azure-keys/main/m{number}/main")});
    let keys: Vec<Value> = (0..12).map(key).collect();
    machine.put("ssm.get-parameters-by-path", &json!({"Parameters": keys}));
    machine.put("dynamodb.describe-table.1", &json!({"Table": {"TableStatus": "UPDATING"}}));
    machine.put("dynamodb.describe-table", &json!({"Table": {"TableStatus": "ACTIVE"}}));
    machine
}

#[tokio::test]
async fn destroy_removes_stack_and_bucket_and_keeps_the_data() {
    let machine = deployed();
    let asked = machine.run(&["destroy"]).await;
    assert_eq!(asked.exit, Some(2), "nobody to ask: {asked:?}");
    assert!(machine.calls("cloudformation delete-stack").is_empty());

    let machine = deployed();
    let run = machine.run(&["destroy", "--yes"]).await;

    assert_eq!(run.exit, Some(0), "{run:?}");
    assert_eq!(
        machine.calls(&format!("cloudformation delete-stack --stack-name {STACK}")).len(),
        1
    );
    assert_eq!(machine.calls("s3 rm s3://lanyard-packages-").len(), 1);
    assert_eq!(machine.calls("s3api delete-bucket").len(), 1);
    assert!(machine.calls("dynamodb delete").is_empty() && machine.calls("ssm delete").is_empty());
    assert!(run.out.contains("kept     the table lanyard-Table-1"), "{run:?}");
    assert!(run.out.contains("12 keys of Azure"), "{run:?}");
    // What is printed is typed elsewhere, where another region may be the default.
    for command in ["dynamodb update-table", "dynamodb delete-table"] {
        assert!(run.out.contains(&format!("aws {command} --region eu-north-1 ")), "{run:?}");
    }
    assert!(run.out.contains("--stack-name lanyard --region eu-north-1 --delete-data"), "{run:?}");
}

#[tokio::test]
async fn destroy_deletes_data_where_that_is_wanted() {
    let machine = deployed();
    let run = machine.run(&["destroy", "--delete-data", "--yes"]).await;

    assert_eq!(run.exit, Some(0), "{run:?}");
    assert_eq!(machine.calls("ssm delete-parameters").len(), 2, "ten at once");
    let calls = fs::read_to_string(machine.folder.path().join("calls")).unwrap();
    let at = |call: &str| calls.find(call).unwrap_or_else(|| panic!("{call}: {calls}"));
    assert!(at("dynamodb update-table") < at("dynamodb describe-table"));
    assert!(at("dynamodb describe-table") < at("dynamodb delete-table"));
    assert!(!run.out.contains("kept"), "{run:?}");
}

#[tokio::test]
async fn a_bucket_that_deploy_did_not_make_is_kept() {
    let machine = deployed();
    let other = json!({"TagSet": [{"Key": "lanyard-stack", "Value": "another"}]});
    machine.put("s3api.get-bucket-tagging", &other);
    let run = machine.run(&["destroy", "--yes"]).await;
    assert_eq!(run.exit, Some(0), "{run:?}");
    assert!(machine.calls("s3 rm").is_empty() && machine.calls("s3api delete").is_empty());
    assert!(run.out.contains("`deploy` did not make it"), "{run:?}");
}

//! `lanyard destroy`: removes the stack, the bucket that `deploy` made, and on request all data.

use clap::Args;
use serde_json::{Value, json};

use crate::aws::{Account, StackArguments};
use crate::deploy::{BUCKET, Bucket, Stack, failures, settled};
use crate::error::CliError;
use crate::globals::Globals;
use crate::output::{Output, ask};
use crate::profile::Profile;
use crate::table::text;

/// Parameters that one call deletes.
const AT_ONCE: usize = 10;

/// The options of `destroy`.
#[derive(Args, Debug)]
pub(crate) struct DestroyArguments {
    /// Also delete the table with all events, and the keys of Azure in Parameter Store.
    #[arg(long)]
    delete_data: bool,

    /// Bucket of the packages. Default: the stack's.
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,

    #[command(flatten)]
    stack: StackArguments,
}

/// What is there.
struct Found {
    stack: Option<Stack>,
    bucket: Bucket,
    table: Option<String>,
    keys: Vec<String>,
}

/// `lanyard destroy`
pub(crate) async fn run(globals: &Globals, arguments: DestroyArguments) -> Result<(), CliError> {
    let output = Output::new(globals);
    let account = Account::open(&arguments.stack, &Profile::read(globals)?).await?;
    let found = find(&account, arguments.bucket.as_deref()).await?;
    let data = arguments.delete_data;
    let is_nothing = found.stack.is_none() && !found.bucket.exists && found.keys.is_empty();
    if is_nothing {
        return Err(CliError::Failed(format!(
            "There is no stack {} in account {}, region {}, and no bucket {}. Check --stack-name \
             and --region.",
            account.stack, account.id, account.region, found.bucket.name
        )));
    }
    let steps = steps(&account, &found, data);
    if globals.dry_run {
        let plan = json!({"dry_run": true, "account": account.id, "steps": steps});
        return output.data(&plan, |_| steps.join("\n"));
    }
    output.say(&format!("AWS account {}, region {}:", account.id, account.region));
    steps.iter().for_each(|step| output.say(&format!("  {step}")));
    if !globals.yes {
        confirm(&account.stack)?;
    }

    if let Some(stack) = &found.stack {
        output.say("Deleting the stack. That takes some minutes.");
        let delete = ["cloudformation", "delete-stack", "--stack-name", &stack.id];
        account.call("The stack cannot be deleted", &delete).await?;
        let status = settled(&account, &stack.id, 0, &output).await?;
        if status.as_deref().is_some_and(|status| status != "DELETE_COMPLETE") {
            let why = failures(&account, &stack.id).await;
            return Err(CliError::Failed(format!(
                "The stack {} is {}:\n{why}",
                account.stack,
                status.unwrap_or_default()
            )));
        }
    }
    let is_bucket_deleted = found.bucket.delete(&account).await?;
    if data {
        delete_keys(&account, &found.keys).await?;
        if let Some(table) = &found.table {
            delete_table(&account, table).await?;
        }
    }
    let kept = kept(&account, &found, data, is_bucket_deleted);
    let said = json!({
        "stack": account.stack, "region": account.region, "deleted": true,
        "bucket_deleted": is_bucket_deleted, "data_deleted": data, "kept": kept,
    });
    output.data(&said, |_| {
        let mut lines = vec![format!("deleted  stack {}", account.stack)];
        lines.extend(kept.iter().map(|kept| format!("kept     {kept}")));
        lines.join("\n")
    })
}

async fn find(account: &Account, bucket: Option<&str>) -> Result<Found, CliError> {
    let stack = Stack::find(account, &account.stack).await?;
    if let Some(stack) = &stack {
        stack.check_ours(account)?;
    }
    let of_stack = stack.as_ref().and_then(|stack| stack.parameters.get(BUCKET)).cloned();
    let name = bucket.map(str::to_owned).or(of_stack).unwrap_or_else(|| account.usual_bucket());
    let bucket = Bucket::find(account, name).await?;
    let table = match &stack {
        Some(stack) => table(account, stack).await,
        None => None,
    };
    let path = format!("/lanyard/{}/azure-keys", account.stack);
    let list = ["ssm", "get-parameters-by-path", "--path", &path, "--recursive"];
    let keys = account.call("The keys of Azure cannot be listed", &list).await?;
    let keys = keys["Parameters"].as_array().into_iter().flatten();
    let keys = keys.map(|key| text(&key["Name"])).collect();
    Ok(Found { stack, bucket, table, keys })
}

/// The table: that of the outputs, or of a stack without outputs the resource.
async fn table(account: &Account, stack: &Stack) -> Option<String> {
    if let Some(table) = stack.outputs.get("TableName") {
        return Some(table.clone());
    }
    let list = ["cloudformation", "list-stack-resources", "--stack-name", &stack.id];
    let resources = account.aws.explained(&list).await.ok()?;
    let resources = resources["StackResourceSummaries"].as_array()?;
    let table = resources.iter().find(|one| one["ResourceType"] == "AWS::DynamoDB::Table")?;
    table["PhysicalResourceId"].as_str().map(str::to_owned)
}

fn steps(account: &Account, found: &Found, data: bool) -> Vec<String> {
    let mut steps = Vec::new();
    if let Some(stack) = &found.stack {
        steps.push(format!("delete the stack {} ({})", account.stack, stack.status));
    }
    if found.bucket.exists {
        steps.push(format!(
            "delete the bucket {} with its packages, if `deploy` made it",
            found.bucket.name
        ));
    }
    let verb = if data { "delete" } else { "keep" };
    if let Some(table) = &found.table {
        steps.push(format!("{verb} the table {table} with all events"));
    }
    if !found.keys.is_empty() {
        steps.push(format!("{verb} {} keys of Azure in Parameter Store", found.keys.len()));
    }
    steps
}

/// What is left, and how it is removed.
fn kept(account: &Account, found: &Found, data: bool, is_bucket_deleted: bool) -> Vec<String> {
    let mut kept = Vec::new();
    let region = &account.region;
    if found.bucket.exists && !is_bucket_deleted {
        kept.push(format!("the bucket {}: `deploy` did not make it", found.bucket.name));
    }
    if let (Some(table), false) = (&found.table, data) {
        kept.push(format!(
            "the table {table} with all events: aws dynamodb update-table --region {region} \
             --table-name {table} --no-deletion-protection-enabled, then aws dynamodb \
             delete-table --region {region} --table-name {table}"
        ));
    }
    if !(data || found.keys.is_empty()) {
        let (count, name) = (found.keys.len(), &account.stack);
        kept.push(format!(
            "{count} keys of Azure in Parameter Store: lanyard destroy --stack-name {name} \
             --region {region} --delete-data removes them"
        ));
    }
    kept
}

/// Asks for the name of the stack.
fn confirm(stack: &str) -> Result<(), CliError> {
    if !std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        return Err(CliError::Usage(
            "Standard input is not a terminal. Use --yes to confirm, or --dry-run to see what \
             would be deleted."
                .to_owned(),
        ));
    }
    match ask(&format!("Type the name of the stack, {stack}, to delete it: "))? == stack {
        true => Ok(()),
        false => Err(CliError::Failed("Cancelled. Nothing was changed.".to_owned())),
    }
}

async fn delete_keys(account: &Account, keys: &[String]) -> Result<(), CliError> {
    for keys in keys.chunks(AT_ONCE) {
        let mut delete = vec!["ssm", "delete-parameters", "--names"];
        delete.extend(keys.iter().map(String::as_str));
        account.call("The keys of Azure cannot be deleted", &delete).await?;
    }
    Ok(())
}

/// Removes the protection of the table, and then the table.
async fn delete_table(account: &Account, table: &str) -> Result<(), CliError> {
    let what = format!("The table {table} cannot be deleted");
    let protect = ["dynamodb", "update-table", "--table-name", table];
    let protect = [&protect[..], &["--no-deletion-protection-enabled"]].concat();
    account.call(&what, &protect).await?;
    let describe = ["dynamodb", "describe-table", "--table-name", table];
    let is_active = |seen: Value| seen["Table"]["TableStatus"] == "ACTIVE";
    account.wait(&describe, |seen| seen.ok().filter(|seen| is_active(seen.clone()))).await?;
    account.call(&what, &["dynamodb", "delete-table", "--table-name", table]).await?;
    Ok(())
}

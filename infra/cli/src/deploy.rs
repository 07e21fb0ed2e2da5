//! `lanyard deploy`: the packages of a release become a stack in the organiser's AWS account.
//!
//! Every step looks first at what is there, so that the command can be run again: after a failure,
//! to change a parameter, or for a newer release. It calls the `aws` command, as the doctor does.

mod bucket;
mod first;
mod release;
mod stack;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

pub(crate) use self::bucket::Bucket;
use self::first::NewToken;
use self::release::Release;
pub(crate) use self::stack::{Stack, failures, settled};
use crate::aws::{Account, StackArguments};
use crate::error::CliError;
use crate::globals::Globals;
use crate::output::Output;
use crate::profile::Profile;

/// The parameter of the template that names the bucket.
pub(crate) const BUCKET: &str = "CodeBucket";

/// The options of `deploy`.
#[derive(Args, Debug)]
pub(crate) struct DeployArguments {
    /// Packages of a release: a folder, or lanyard-VERSION-packages-ARCHITECTURE.tar.gz. Default:
    /// those in this folder or beside this command.
    #[arg(long, value_name = "FOLDER|FILE")]
    packages: Option<PathBuf>,

    /// Bucket for the packages; it is created if it does not exist. Default: the stack's, or
    /// STACK-packages-ACCOUNT-REGION.
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,

    /// Parameter of the template, such as AlarmEmail=you@example.org. Can be repeated. Others keep
    /// their values.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,

    /// Make another token of the organiser `main`, if the first one is lost.
    #[arg(long)]
    new_token: bool,

    #[command(flatten)]
    stack: StackArguments,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("must be NAME=VALUE".to_owned()),
    }
}

/// `lanyard deploy`
pub(crate) async fn run(globals: &Globals, arguments: DeployArguments) -> Result<(), CliError> {
    let output = Output::new(globals);
    let packages = match &arguments.packages {
        Some(path) => path.clone(),
        None => Release::find(&usual_folders())?,
    };
    let release = Release::open(&packages)?;
    if release.version != env!("CARGO_PKG_VERSION") {
        output.warn(&[format!(
            "The packages are of version {}, and this command is {}. Use the command of the same \
             release.",
            release.version,
            env!("CARGO_PKG_VERSION")
        )]);
    }
    let account = Account::open(&arguments.stack, &Profile::read(globals)?).await?;
    let stack = Stack::find(&account, &account.stack).await?;
    let is_new = Stack::is_new(stack.as_ref(), &account)?;
    let of_stack = stack.as_ref().and_then(|stack| stack.parameters.get(BUCKET)).cloned();
    let name = arguments.bucket.clone().or(of_stack).unwrap_or_else(|| account.usual_bucket());
    let bucket = Bucket::find(&account, name).await?;
    let steps = steps(&account, &bucket, &release, is_new);
    if globals.dry_run {
        let plan = json!({"dry_run": true, "account": account.id, "steps": steps});
        return output.data(&plan, |_| steps.join("\n"));
    }
    output.say(&format!("AWS account {}, region {}.", account.id, account.region));
    bucket.make(&account, &output).await?;
    let template = bucket.upload(&account, &release, &output).await?;

    let mut named: BTreeMap<_, _> = arguments.parameters.iter().cloned().collect();
    named.insert(BUCKET.to_owned(), bucket.name.clone());
    // That of the packages, whatever the stack had.
    named.insert("Architecture".to_owned(), release.architecture.clone());
    let changes = stack::plan(&account, stack.as_ref(), &template, &named).await?;
    let [added, modified, removed] = changes.counts;
    let said = match changes.is_nothing() {
        true => format!("The stack {} is up to date.", account.stack),
        false => format!(
            "{} the stack {}: {added} resources to add, {modified} to change, {removed} to \
             remove.",
            if is_new { "Creating" } else { "Updating" },
            account.stack
        ),
    };
    output.say(&said);
    if !changes.lost.is_empty() && !globals.yes {
        let lost = changes.lost.join("\n  ");
        let asked = output.confirm(&format!("This loses what they hold:\n  {lost}\nContinue?"));
        if let Err(error) = asked {
            changes.discard(&account).await;
            return Err(error);
        }
    }
    changes.execute(&account, &output).await?;
    report(&account, &bucket, &release, arguments.new_token, &output).await
}

/// Prints the address, and the first organiser token if there is none yet.
async fn report(
    account: &Account,
    bucket: &Bucket,
    release: &Release,
    is_wanted: bool,
    output: &Output,
) -> Result<(), CliError> {
    let stack = Stack::find(account, &account.stack).await?;
    let outputs = stack.map(|stack| stack.outputs).unwrap_or_default();
    let of = |name: &str| outputs.get(name).cloned().unwrap_or_default();
    let address = of("Address");
    let base = address.strip_suffix("/v1").unwrap_or(&address).to_owned();
    let token = NewToken::of_first_organiser(account, &of("AdminFunction"), is_wanted).await?;
    let revealed = token.as_ref().map(NewToken::reveal);
    let said = json!({
        "stack": account.stack, "region": account.region, "account": account.id,
        "version": release.version, "architecture": release.architecture,
        "bucket": bucket.name, "address": base, "organiser_token": revealed,
    });
    output.data(&said, |style| {
        let mut lines = vec![
            ("stack", account.stack.clone()),
            ("region", account.region.clone()),
            ("version", format!("{}, {}", release.version, release.architecture)),
            ("address", base.clone()),
            ("dashboard", format!("{base}/pages/dashboard")),
        ];
        if let Some(token) = revealed {
            lines.push(("token", token.to_owned()));
        }
        style.pairs(&lines)
    })?;
    output.say(&match token {
        Some(_) => {
            format!("The token is not shown again. Sign in with it: lanyard login --address {base}")
        }
        None => "The organiser `main` has a token. --new-token makes another one.".to_owned(),
    });
    Ok(())
}

/// What would be done, for a dry run.
fn steps(account: &Account, bucket: &Bucket, release: &Release, is_new: bool) -> Vec<String> {
    let Account { id, region, stack, .. } = account;
    let megabytes = release.bytes.div_ceil(1_000_000);
    let mut steps = Vec::new();
    if !bucket.exists {
        steps.push(format!(
            "create the bucket {} in account {id}, region {region}: private, encrypted",
            bucket.name
        ));
    }
    steps.push(format!(
        "upload those of {} packages, {megabytes} MB, that the bucket does not have, and the \
         template",
        release.packages
    ));
    steps.push(match is_new {
        true => format!("create the stack {stack}"),
        false => format!("update the stack {stack} by a change set"),
    });
    steps.push("make the first organiser token, if there is none".to_owned());
    steps
}

/// Where packages are looked for: this folder, and that of this command.
fn usual_folders() -> Vec<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.to_owned()));
    [Some(PathBuf::from(".")), beside].into_iter().flatten().collect()
}

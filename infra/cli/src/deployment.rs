//! `lanyard deployment …` and `lanyard doctor`.

mod add;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use lanyard_doctor::{DoctorOptions, Secret};
use serde_json::{Value, json};

use self::add::AddArguments;
use crate::api::{Method, encoded};
use crate::error::CliError;
use crate::output::warnings;
use crate::session::{Session, event_path};
use crate::table::{Column, number, text, words};

/// Commands for deployments.
#[derive(Debug, Subcommand)]
pub(crate) enum DeploymentCommand {
    /// Add or replace a deployment. Omitted options get their defaults.
    #[command(after_help = "\
Examples:
  lanyard deployment add gpt-5-mini --endpoint https://my.openai.azure.com --key-file key.txt
  lanyard deployment add smart --endpoint https://my.openai.azure.com --model gpt-5-mini
  lanyard deployment add gpt-5-mini --endpoint https://se.openai.azure.com --replica sweden
  lanyard deployment add mine --endpoint https://a.openai.azure.com --event oslo --user ada")]
    Add(Box<AddArguments>),
    /// List your deployments, or those of one attendee.
    #[command(after_help = "\
Examples:
  lanyard deployment list
  lanyard deployment list --event \"Oslo Hack\" --user ada")]
    List(Owner),
    /// Call deployments directly and through an event.
    #[command(after_help = "\
Examples:
  lanyard deployment test
  lanyard deployment test gpt-5-mini --json=check,level,seen")]
    Test {
        /// Deployments to test. Default: all.
        names: Vec<String>,
        #[command(flatten)]
        doctor: DoctorArguments,
    },
    /// Remove a deployment and its key, unless an event lists it, is using it or has stored objects there.
    #[command(after_help = "\
Examples:
  lanyard deployment remove gpt-4o --replica sweden --yes")]
    Remove {
        /// Name that attendees use for the model.
        name: String,
        /// Replica, if several deployments have this name.
        #[arg(long, default_value = "main")]
        replica: String,
        #[command(flatten)]
        owner: Owner,
    },
}

/// Whose deployment is meant: that of one attendee, or by default the organiser's.
#[derive(Args, Debug)]
pub(crate) struct Owner {
    /// Event of the attendee who alone uses the deployment.
    #[arg(long, requires = "user", value_name = "EVENT")]
    event: Option<String>,

    /// Attendee who alone uses the deployment.
    #[arg(long, requires = "event", value_name = "USER")]
    user: Option<String>,
}

impl Owner {
    /// The path of the deployments, and the query that names the attendee.
    async fn place(&self, session: &Session) -> Result<(String, Option<String>), CliError> {
        let (Some(event), Some(user)) = (&self.event, &self.user) else {
            return Ok(("/deployments".to_owned(), None));
        };
        let event = session.event(event).await?;
        let path = event_path(&event, "/own-deployments");
        Ok((path, Some(format!("user={}", encoded(user)))))
    }
}

/// What the doctor checks beside the service.
#[derive(Args, Clone, Debug)]
pub(crate) struct DoctorArguments {
    /// Name of the deployed stack. Default: the profile's. Without one, AWS is not checked.
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,

    /// AWS region of the stack.
    #[arg(long, env = "AWS_REGION")]
    region: Option<String>,

    /// Name of the organiser in the path of the stored keys.
    #[arg(long, default_value = "main", value_name = "NAME")]
    organiser: String,

    /// Event code for the test calls. Default: an event for the calls, which is deleted afterwards.
    #[arg(long, value_name = "CODE/USER")]
    code: Option<Secret>,
}

/// Runs a command.
pub(crate) async fn run(
    session: &Session,
    command: DeploymentCommand,
) -> Result<ExitCode, CliError> {
    let done = match command {
        DeploymentCommand::Add(arguments) => add::run(session, *arguments).await,
        DeploymentCommand::List(owner) => list(session, &owner).await,
        DeploymentCommand::Remove { name, replica, owner } => {
            remove(session, &name, &replica, &owner).await
        }
        DeploymentCommand::Test { names, doctor } => return examine(session, doctor, names).await,
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// `lanyard doctor`
pub(crate) async fn doctor(
    session: &Session,
    arguments: DoctorArguments,
) -> Result<ExitCode, CliError> {
    examine(session, arguments, Vec::new()).await
}

async fn examine(
    session: &Session,
    arguments: DoctorArguments,
    deployment: Vec<String>,
) -> Result<ExitCode, CliError> {
    let options = DoctorOptions {
        address: Some(session.api.base().to_owned()),
        // The session has read the token already.
        token_file: None,
        token: session.api.token().cloned(),
        organiser: arguments.organiser,
        stack: arguments.stack.or_else(|| session.profile.stack.clone()),
        region: arguments.region.or_else(|| session.profile.region.clone()),
        code: arguments.code,
        deployment,
        data: session.globals.data.clone(),
        json: session.output.is_json(),
        aws: PathBuf::from("aws"),
    };
    let code = lanyard_doctor::run(&options).await;
    code.map_err(|error| match error.downcast::<std::io::Error>() {
        Ok(error) => CliError::from(error),
        Err(error) => CliError::Failed(format!("{error:#}")),
    })
}

async fn list(session: &Session, owner: &Owner) -> Result<(), CliError> {
    let deployments = match owner.place(session).await? {
        (path, None) => session.api.all(&path, "deployments").await?,
        // An attendee has 20 at most, which are not paged.
        (path, Some(owner)) => {
            let all = session.api.get(&format!("{path}?{owner}")).await?;
            all["deployments"].as_array().cloned().unwrap_or_default()
        }
    };
    session.output.data(&json!({ "deployments": deployments }), |style| {
        use Column::{Extra, ExtraNumbers, Key, Numbers, Words};
        let columns = [
            Key("name"),
            Key("replica"),
            Extra("Azure name"),
            ExtraNumbers("weight"),
            Numbers("tokens/min"),
            ExtraNumbers("requests/min"),
            Words("operations"),
        ];
        let row = |one: &Value| {
            vec![
                text(&one["name"]),
                text(&one["replica"]),
                text(&one["azure_name"]),
                number(&one["weight"]),
                number(&one["tokens_per_minute"]),
                number(&one["requests_per_minute"]),
                words(&one["operations"]),
            ]
        };
        style.table(&columns, deployments.iter().map(row))
    })
}

async fn remove(
    session: &Session,
    name: &str,
    replica: &str,
    owner: &Owner,
) -> Result<(), CliError> {
    session.confirm(&format!("Remove {name}, replica {replica}, and its key?"))?;
    let (place, owner) = owner.place(session).await?;
    let owner = owner.map(|owner| format!("&{owner}")).unwrap_or_default();
    let path = format!("{place}/{}?replica={}{owner}", encoded(name), encoded(replica));
    let removed = session.write(Method::Delete, &path, None).await?;
    removed.map_or(Ok(()), |response| {
        session.output.warn(&warnings(&response));
        session.output.data(&response, |_| format!("removed  {name}, replica {replica}"))
    })
}

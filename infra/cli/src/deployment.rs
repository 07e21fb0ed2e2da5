//! `lanyard deployment …` and `lanyard doctor`.

mod add;
mod fields;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use lanyard_doctor::{DoctorOptions, Secret};
use serde_json::{Map, Value, json};

use self::add::{AddArguments, EditArguments};
use crate::api::{Method, encoded};
use crate::error::CliError;
use crate::output::warnings;
use crate::session::{Session, event_path};
use crate::table::{Column, number, text, words};

/// Commands for deployments.
#[derive(Debug, Subcommand)]
pub(crate) enum DeploymentCommand {
    /// Add a deployment. Omitted options get their defaults.
    #[command(after_help = "\
Examples:
  lanyard deployment add gpt-5-mini --endpoint https://my.openai.azure.com --key-file key.txt
  lanyard deployment add smart --endpoint https://my.openai.azure.com --model gpt-5-mini
  lanyard deployment add gpt-5-mini --endpoint https://se.openai.azure.com --replica sweden
  lanyard deployment add mine --endpoint https://a.openai.azure.com --event oslo --user ada")]
    Add(Box<AddArguments>),
    /// Change a deployment. Omitted options stay as they are; `none` takes a setting away.
    #[command(after_help = "\
Examples:
  lanyard deployment edit gpt-5-mini --tokens-per-minute 1000000
  lanyard deployment edit gpt-5-mini --replica sweden --weight 0
  lanyard deployment edit gpt-5-mini --prompt-price none --context-window none
  lanyard deployment edit gpt-5-mini --key-file new-key.txt
  lanyard deployment edit gpt-5-mini --endpoint https://se.openai.azure.com --key-file key.txt")]
    Edit(Box<EditArguments>),
    /// Show a deployment: its replicas, what is known of its model, and the events that offer it.
    #[command(after_help = "\
Examples:
  lanyard deployment show gpt-5-mini")]
    Show {
        /// Name that attendees use for the model.
        name: String,
        #[command(flatten)]
        owner: Owner,
    },
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
    /// Where the deployments are.
    async fn place(&self, session: &Session) -> Result<Place, CliError> {
        let (Some(event), Some(user)) = (&self.event, &self.user) else {
            return Ok(Place { path: "/deployments".to_owned(), query: None });
        };
        let event = session.event(event).await?;
        let path = event_path(&event, "/own-deployments");
        Ok(Place { path, query: Some(format!("user={}", encoded(user))) })
    }
}

/// The path of deployments, and the query that names the attendee who alone uses them.
struct Place {
    path: String,
    query: Option<String>,
}

impl Place {
    /// A path below that of the deployments. It may have a query of its own.
    fn path(&self, below: &str) -> String {
        let separator = if below.contains('?') { '&' } else { '?' };
        let query = self.query.as_ref().map(|query| format!("{separator}{query}"));
        format!("{}{below}{}", self.path, query.unwrap_or_default())
    }

    async fn all(&self, session: &Session) -> Result<Vec<Value>, CliError> {
        if self.query.is_none() {
            return session.api.all(&self.path, "deployments").await;
        }
        // An attendee has 20 at most, which are not paged.
        let all = session.api.get(&self.path("")).await?;
        Ok(all["deployments"].as_array().cloned().unwrap_or_default())
    }

    /// The replicas of a name, in any case as in requests.
    async fn named(&self, session: &Session, name: &str) -> Result<Vec<Value>, CliError> {
        let all = self.all(session).await?;
        let is_it = |one: &&Value| text(&one["name"]).eq_ignore_ascii_case(name);
        let found: Vec<_> = all.iter().filter(is_it).cloned().collect();
        if found.is_empty() {
            let mut names: Vec<_> = all.iter().map(|one| text(&one["name"])).collect();
            names.dedup();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(CliError::Failed(format!(
                "There is no deployment {name}. There are: {names}"
            )));
        }
        Ok(found)
    }

    /// One replica of a name: the named one, or the only one.
    async fn one(
        &self,
        session: &Session,
        name: &str,
        replica: Option<&str>,
    ) -> Result<Value, CliError> {
        let found = self.named(session, name).await?;
        let replicas =
            || found.iter().map(|one| text(&one["replica"])).collect::<Vec<_>>().join(", ");
        let wanted = found.iter().find(|one| replica.is_some_and(|name| one["replica"] == name));
        match (replica, wanted, found.as_slice()) {
            (_, Some(one), _) | (None, None, [one]) => Ok(one.clone()),
            (Some(replica), None, _) => Err(CliError::Failed(format!(
                "{name} has no replica {replica}. There are: {}",
                replicas()
            ))),
            (None, None, _) => Err(CliError::Usage(format!(
                "{name} has several replicas. Use --replica with one of: {}",
                replicas()
            ))),
        }
    }
}

/// The settings of a deployment, as they are written.
fn draft_of(deployment: &Value) -> Map<String, Value> {
    let fields = deployment.as_object().into_iter().flatten();
    let is_setting = |name: &str| !["name", "facts", "warnings"].contains(&name);
    let settings = fields.filter(|(name, _)| is_setting(name));
    without_nulls(settings.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// The fields that are not null, also within a field.
fn without_nulls(fields: Map<String, Value>) -> Map<String, Value> {
    let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
    let within = |value| match value {
        Value::Object(fields) => Value::Object(without_nulls(fields)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            value
        }
    };
    fields.map(|(name, value)| (name, within(value))).collect()
}

/// The model of a deployment: the one that is set, else the name at Azure.
fn model(deployment: &Value) -> String {
    let model = deployment["model"].as_str();
    model.map_or_else(|| text(&deployment["azure_name"]), str::to_owned)
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
        DeploymentCommand::Add(arguments) => add::add(session, *arguments).await,
        DeploymentCommand::Edit(arguments) => add::edit(session, *arguments).await,
        DeploymentCommand::Show { name, owner } => show::show(session, &name, &owner).await,
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
    let deployments = owner.place(session).await?.all(session).await?;
    session.output.data(&json!({ "deployments": deployments }), |style| {
        use Column::{Extra, ExtraNumbers, ExtraWords, Key, Numbers, Words};
        let columns = [
            Key("name"),
            Key("replica"),
            Extra("model"),
            Words("endpoint"),
            ExtraNumbers("weight"),
            Numbers("tokens/min"),
            ExtraNumbers("requests/min"),
            Extra("retires"),
            ExtraWords("operations"),
            Extra("Azure name"),
        ];
        let row = |one: &Value| {
            vec![
                text(&one["name"]),
                text(&one["replica"]),
                model(one),
                text(&one["endpoint"]),
                number(&one["weight"]),
                number(&one["tokens_per_minute"]),
                number(&one["requests_per_minute"]),
                text(&one["facts"]["retires_on"]),
                words(&one["operations"]),
                text(&one["azure_name"]),
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
    let place = owner.place(session).await?;
    let path = place.path(&format!("/{}?replica={}", encoded(name), encoded(replica)));
    let removed = session.write(Method::Delete, &path, None).await?;
    removed.map_or(Ok(()), |response| {
        session.output.warn(&warnings(&response));
        session.output.data(&response, |_| format!("removed  {name}, replica {replica}"))
    })
}

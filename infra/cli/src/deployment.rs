//! `lanyard deployment …` and `lanyard doctor`.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use lanyard_doctor::{DoctorOptions, Secret};
use serde_json::{Map, Value, json};

use crate::api::{Method, encoded};
use crate::error::CliError;
use crate::session::{Session, event_path};
use crate::table::{Column, number, text, words};

/// Commands for deployments.
#[derive(Debug, Subcommand)]
pub(crate) enum DeploymentCommand {
    /// Add or replace a deployment. Omitted options get their defaults.
    #[command(after_help = "\
Examples:
  lanyard deployment add gpt-5-mini --endpoint https://my.openai.azure.com --key-file key.txt
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
    /// Remove a deployment and its key.
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

/// The options of a deployment.
#[derive(Args, Debug)]
pub(crate) struct AddArguments {
    /// Name that attendees use for the model.
    name: String,

    /// Endpoint of the Azure OpenAI resource, for example https://my-resource.openai.azure.com.
    #[arg(long, value_name = "URL")]
    endpoint: String,

    /// Operations, separated by commas: chat_completions, responses, embeddings, …
    #[arg(long, value_delimiter = ',', default_value = "chat_completions", value_name = "NAMES")]
    operations: Vec<String>,

    /// File with the resource's key; - is standard input. Default: AZURE_OPENAI_API_KEY, or the key
    /// that is already stored.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// Key of the resource, from the environment only.
    #[arg(long = "azure-key", env = "AZURE_OPENAI_API_KEY", hide = true, hide_env_values = true)]
    key: Option<Secret>,

    /// Entra ID tenant of an identity that is used in place of a key.
    #[arg(long, requires = "client_id", conflicts_with = "key_file", value_name = "TENANT")]
    tenant_id: Option<String>,

    /// Client id of that identity.
    #[arg(long, requires = "tenant_id", value_name = "CLIENT")]
    client_id: Option<String>,

    /// Deployment name at Azure. Default: the same name.
    #[arg(long, value_name = "NAME")]
    azure_name: Option<String>,

    /// Model that it serves, for example gpt-5-mini. Default: the deployment name at Azure.
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,

    /// Tokens of prompt and output together, if the model is not known or has another limit.
    #[arg(long, value_name = "TOKENS")]
    context_window: Option<u64>,

    /// Max output tokens of the model, if it is not known or has another limit.
    #[arg(long, value_name = "TOKENS")]
    max_output_tokens: Option<u64>,

    /// Whether the model reasons, if it is not known.
    #[arg(long, value_name = "true|false")]
    reasoning: Option<bool>,

    /// Replica, if several deployments have this name.
    #[arg(long, value_name = "REPLICA")]
    replica: Option<String>,

    /// Share of the load among replicas. 0 takes it out of use.
    #[arg(long, value_name = "NUMBER")]
    weight: Option<u64>,

    /// Azure's limit in tokens per minute.
    #[arg(long, value_name = "TOKENS")]
    tokens_per_minute: Option<u64>,

    /// Azure's limit in requests per minute.
    #[arg(long, value_name = "REQUESTS")]
    requests_per_minute: Option<u64>,

    /// Price in USD per million input tokens.
    #[arg(long, value_name = "USD")]
    prompt_price: Option<f64>,

    /// Price in USD per million output tokens.
    #[arg(long, requires = "prompt_price", value_name = "USD")]
    completion_price: Option<f64>,

    /// Version of Azure's classic API, for example 2024-10-21. Default: the v1 API.
    #[arg(long, value_name = "VERSION")]
    classic: Option<String>,

    #[command(flatten)]
    owner: Owner,
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
        DeploymentCommand::Add(arguments) => add(session, *arguments).await,
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

async fn add(session: &Session, arguments: AddArguments) -> Result<(), CliError> {
    let mut body = Map::new();
    let mut say = |field: &str, value: Value| {
        if !value.is_null() {
            body.insert(field.to_owned(), value);
        }
    };
    say("endpoint", json!(arguments.endpoint));
    say("operations", json!(arguments.operations));
    say("azure_name", json!(arguments.azure_name));
    say("model", json!(arguments.model));
    say("context_window", json!(arguments.context_window));
    say("max_output_tokens", json!(arguments.max_output_tokens));
    say("reasoning", json!(arguments.reasoning));
    say("replica", json!(arguments.replica));
    say("weight", json!(arguments.weight));
    say("tokens_per_minute", json!(arguments.tokens_per_minute));
    say("requests_per_minute", json!(arguments.requests_per_minute));
    if let Some(prompt) = arguments.prompt_price {
        let completion = arguments.completion_price.unwrap_or_default();
        say("prices", json!({"prompt": prompt, "completion": completion}));
    }
    if let Some(version) = arguments.classic {
        say("api", json!("classic"));
        say("api_version", json!(version));
    }
    match (arguments.tenant_id, arguments.client_id) {
        (Some(tenant), Some(client)) => {
            say("identity", json!({"tenant_id": tenant, "client_id": client}));
        }
        (_, _) => {
            let key = match arguments.key_file {
                Some(file) => Some(key_in(&file)?),
                None => arguments.key.inspect(|_| {
                    session.output.say("Using the key in AZURE_OPENAI_API_KEY.");
                }),
            };
            say("key", key.map_or(Value::Null, |key| json!(key.reveal())));
        }
    }
    let (place, owner) = arguments.owner.place(session).await?;
    let query = owner.map(|owner| format!("?{owner}")).unwrap_or_default();
    let path = format!("{place}/{}{query}", encoded(&arguments.name));
    let written = session.write(Method::Put, &path, Some(&Value::Object(body))).await;
    let lacks_key = |error: &CliError| {
        let CliError::Rejected { details, .. } = error else { return false };
        details.iter().any(|(field, _)| field == "key")
    };
    if written.as_ref().is_err_and(lacks_key) {
        session.output.say(
            "Give the key with --key-file FILE (- is standard input) or in AZURE_OPENAI_API_KEY, \
             or use --tenant-id and --client-id for an Entra ID identity.",
        );
    }
    written?.map_or(Ok(()), |deployment| {
        for warning in deployment["warnings"].as_array().into_iter().flatten() {
            session.output.say(warning.as_str().unwrap_or_default());
        }
        session.output.data(&deployment, |style| {
            style.pairs(&[
                ("deployment", text(&deployment["name"])),
                ("replica", text(&deployment["replica"])),
                ("endpoint", text(&deployment["endpoint"])),
                ("operations", words(&deployment["operations"])),
                ("tokens/min", number(&deployment["tokens_per_minute"])),
            ])
        })
    })
}

fn key_in(file: &Path) -> Result<Secret, CliError> {
    let cannot = |error| CliError::failed(format_args!("{} cannot be read", file.display()), error);
    let mut text = String::new();
    match file == Path::new("-") {
        true => {
            std::io::stdin().read_to_string(&mut text).map_err(cannot)?;
        }
        false => text = std::fs::read_to_string(file).map_err(cannot)?,
    }
    let Ok(key) = text.parse();
    Ok(key)
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
        session.output.data(&response, |_| format!("removed  {name}, replica {replica}"))
    })
}

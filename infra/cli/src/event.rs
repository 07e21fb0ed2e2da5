//! `lanyard event …`

mod create;
mod estimate;
mod watch;
mod when;

use clap::Subcommand;
use serde_json::{Value, json};

use self::create::{CloneArguments, CreateArguments};
use self::watch::WatchArguments;
pub(crate) use self::when::span;
use self::when::time_or_now;
use crate::api::Method;
use crate::error::CliError;
use crate::session::{Session, event_path};
use crate::table::{Column, local_time, number, pairs, table, text};

/// Commands for events.
#[derive(Debug, Subcommand)]
pub(crate) enum EventCommand {
    /// Create an event, and show what it needs and costs.
    Create(Box<CreateArguments>),
    /// List your events.
    List,
    /// Show one event, with what it needs and costs.
    Show {
        /// Id, code or name of the event.
        event: String,
    },
    /// Change when an event ends.
    Extend {
        /// Id, code or name of the event.
        event: String,
        /// New end, for example 2026-12-06T20:00, in the event's time zone.
        #[arg(long, value_name = "TIME", required_unless_present = "by")]
        to: Option<String>,
        /// How much later it ends, for example 2h or 1h30m.
        #[arg(long, value_name = "DURATION", conflicts_with = "to", value_parser = span)]
        by: Option<chrono::TimeDelta>,
    },
    /// Pause an event. Requests are rejected within ten seconds.
    Pause {
        /// Id, code or name of the event.
        event: String,
    },
    /// Resume a paused event.
    Resume {
        /// Id, code or name of the event.
        event: String,
    },
    /// End an event. This cannot be undone.
    End {
        /// Id, code or name of the event.
        event: String,
    },
    /// Rotate the code of an event.
    RotateCode {
        /// Id, code or name of the event.
        event: String,
        /// Minutes that the old code keeps working.
        #[arg(long, default_value_t = 0, value_name = "MINUTES")]
        grace: u64,
        /// The new code. Default: a generated one that is hard to guess.
        #[arg(long)]
        code: Option<String>,
    },
    /// Create a copy of an event, with a new code.
    Clone(CloneArguments),
    /// Delete an event that was never used.
    Delete {
        /// Id, code or name of the event.
        event: String,
    },
    /// Show the live usage of an event.
    Watch(WatchArguments),
}

/// Runs a command.
pub(crate) async fn run(session: &Session, command: EventCommand) -> Result<(), CliError> {
    match command {
        EventCommand::Create(arguments) => create::create(session, *arguments).await,
        EventCommand::Clone(arguments) => create::copy(session, arguments).await,
        EventCommand::Watch(arguments) => watch::run(session, arguments).await,
        EventCommand::List => list(session).await,
        EventCommand::Show { event } => show(session, &event).await,
        EventCommand::Extend { event, to, by } => extend(session, &event, to, by).await,
        EventCommand::Pause { event } => step(session, &event, "pause").await,
        EventCommand::Resume { event } => step(session, &event, "resume").await,
        EventCommand::End { event } => {
            let event = session.event(&event).await?;
            session.confirm(&format!("End {}? This cannot be undone.", text(&event["name"])))?;
            changed(session, Method::Post, &event_path(&event, "/end"), None).await
        }
        EventCommand::RotateCode { event, grace, code } => {
            let event = session.event(&event).await?;
            session.confirm(&format!("Rotate the code of {}?", text(&event["name"])))?;
            let mut body = json!({"grace_minutes": grace});
            if let Some(code) = code {
                body["code"] = json!(code);
            }
            changed(session, Method::Post, &event_path(&event, "/rotate-code"), Some(body)).await
        }
        EventCommand::Delete { event } => {
            let event = session.event(&event).await?;
            session.confirm(&format!("Delete {}?", text(&event["name"])))?;
            let deleted = session.write(Method::Delete, &event_path(&event, ""), None).await?;
            deleted.map_or(Ok(()), |response| {
                session.output.data(&response, || format!("deleted  {}", text(&event["name"])))
            })
        }
    }
}

async fn list(session: &Session) -> Result<(), CliError> {
    let events = session.api.all("/events", "events").await?;
    session.output.data(&json!({ "events": events }), || {
        use Column::{Numbers, Words};
        let columns = [
            Words("name"),
            Words("status"),
            Words("code"),
            Words("starts"),
            Words("ends"),
            Words("time zone"),
            Numbers("attendees"),
        ];
        let row = |event: &Value| {
            vec![
                text(&event["name"]),
                text(&event["status"]),
                text(&event["code"]),
                local_time(&event["starts_at"]),
                local_time(&event["ends_at"]),
                text(&event["time_zone"]),
                number(&event["attendees"]),
            ]
        };
        table(&columns, events.iter().map(row))
    })
}

async fn show(session: &Session, event: &str) -> Result<(), CliError> {
    let event = session.event(event).await?;
    create::report(session, &event, &estimate::Assumptions::default()).await
}

async fn extend(
    session: &Session,
    event: &str,
    to: Option<String>,
    by: Option<chrono::TimeDelta>,
) -> Result<(), CliError> {
    let event = session.event(event).await?;
    let ends_at = match (to, by) {
        (Some(to), _) => time_or_now(&to),
        (None, Some(by)) => when::later(&event["ends_at"], by)?,
        (None, None) => return Err(CliError::Usage("Use --to TIME or --by DURATION".to_owned())),
    };
    changed(session, Method::Patch, &event_path(&event, ""), Some(json!({"ends_at": ends_at})))
        .await
}

async fn step(session: &Session, event: &str, step: &str) -> Result<(), CliError> {
    let event = session.event(event).await?;
    changed(session, Method::Post, &event_path(&event, &format!("/{step}")), None).await
}

/// Changes an event and prints it.
async fn changed(
    session: &Session,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Result<(), CliError> {
    let Some(event) = session.write(method, path, body.as_ref()).await? else { return Ok(()) };
    session.output.data(&event, || pairs(&summary(&event)))?;
    session.output.warn(&warnings(&event));
    Ok(())
}

/// The most important fields of an event.
fn summary(event: &Value) -> Vec<(&'static str, String)> {
    vec![
        ("event", text(&event["name"])),
        ("status", text(&event["status"])),
        ("code", text(&event["code"])),
        ("time", window(event)),
        ("id", text(&event["id"])),
    ]
}

fn window(event: &Value) -> String {
    let (starts, ends) = (local_time(&event["starts_at"]), local_time(&event["ends_at"]));
    format!("{starts} to {ends} {}", text(&event["time_zone"]))
}

/// The service's warnings about an event.
fn warnings(event: &Value) -> Vec<String> {
    let list = event["warnings"].as_array();
    list.into_iter().flatten().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}

//! `lanyard event …`

mod create;
mod estimate;
mod reset;
mod settings;
mod shares;
mod watch;
mod when;

use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Value, json};

use self::create::{CloneArguments, CreateArguments, EditArguments};
pub(crate) use self::settings::{by_model, limit};
use self::watch::WatchArguments;
use self::when::time_or_now;
pub(crate) use self::when::{instant, span};
use crate::api::Method;
use crate::error::CliError;
use crate::output::warnings;
use crate::session::{Session, event_path};
use crate::table::{Column, local_time, number, text};

/// An event, by what people know of it.
#[derive(Args, Debug)]
pub(crate) struct OneEvent {
    /// Id, code or name of the event.
    pub(crate) event: String,
}

/// Commands for events.
#[derive(Debug, Subcommand)]
pub(crate) enum EventCommand {
    /// Create an event, and show what it needs and costs.
    #[command(after_help = "\
Examples:
  lanyard event create \"Oslo Hack\" --for 8h --tz Europe/Oslo
  lanyard event create \"Oslo Hack\" --from 2026-12-05T09:00 --to 2026-12-06T18:00 --attendees 200
  lanyard event create \"Oslo Hack\" --from 2026-12-05T09:00 --for 8h --tz Europe/Oslo
  lanyard event create Agents --for 48h --preset agents --access registered --budget 50000000")]
    Create(Box<CreateArguments>),
    /// Change settings of an event. Only the given options change.
    #[command(after_help = "\
Examples:
  lanyard event edit \"Oslo Hack\" --limit tokens_per_minute=100000
  lanyard event edit \"Oslo Hack\" --event-limit tokens_total=none --hosted-tool web_search=allow
  lanyard event edit \"Oslo Hack\" --contact Kari --contact-email kari@example.org")]
    Edit(Box<EditArguments>),
    /// List your events.
    #[command(after_help = "\
Examples:
  lanyard event list
  lanyard event list --json=name,code,status")]
    List,
    /// Show one event, with what it used, needs and costs.
    #[command(after_help = "\
Examples:
  lanyard event show \"Oslo Hack\"
  lanyard event show \"Oslo Hack\" --json=event.allowances")]
    Show(OneEvent),
    /// Change when an event ends.
    #[command(
        group(ArgGroup::new("end").required(true).args(["to", "by"])),
        after_help = "\
Examples:
  lanyard event extend \"Oslo Hack\" --by 2h
  lanyard event extend \"Oslo Hack\" --to 2026-12-06T20:00"
    )]
    Extend {
        /// Id, code or name of the event.
        event: String,
        /// New end, for example 2026-12-06T20:00, in the event's time zone.
        #[arg(long, value_name = "TIME")]
        to: Option<String>,
        /// How much later it ends, for example 2h or 1h30m.
        #[arg(long, value_name = "DURATION", conflicts_with = "to", value_parser = span)]
        by: Option<chrono::TimeDelta>,
    },
    /// Pause an event. Requests are rejected within ten seconds.
    #[command(after_help = "\
Examples:
  lanyard event pause \"Oslo Hack\"")]
    Pause(OneEvent),
    /// Resume a paused event.
    #[command(after_help = "\
Examples:
  lanyard event resume \"Oslo Hack\"")]
    Resume(OneEvent),
    /// End an event. `event extend` opens it again.
    #[command(after_help = "\
Examples:
  lanyard event end \"Oslo Hack\" --yes")]
    End(OneEvent),
    /// Rotate the code of an event.
    #[command(after_help = "\
Examples:
  lanyard event rotate-code \"Oslo Hack\" --grace 30")]
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
    #[command(after_help = "\
Examples:
  lanyard event clone \"Oslo Hack\" --name \"Bergen Hack\" --from 2027-03-01T09:00")]
    Clone(CloneArguments),
    /// Delete the usage and the attendees of a rehearsal. Settings, roster and keys stay.
    #[command(after_help = "\
Examples:
  lanyard event reset \"Oslo Hack\" --yes")]
    Reset(OneEvent),
    /// Delete an event that was never used.
    #[command(after_help = "\
Examples:
  lanyard event delete \"Oslo Hack\" --yes")]
    Delete(OneEvent),
    /// Show the live usage of an event.
    #[command(after_help = "\
Examples:
  lanyard event watch \"Oslo Hack\"
  lanyard event watch \"Oslo Hack\" --lines --interval 1m --json")]
    Watch(WatchArguments),
    /// Show what changed in an event, and who changed it.
    #[command(after_help = "\
Examples:
  lanyard event audit \"Oslo Hack\"
  lanyard event audit \"Oslo Hack\" --json=at,by,action,changes")]
    Audit(OneEvent),
}

/// Runs a command.
pub(crate) async fn run(session: &Session, command: EventCommand) -> Result<(), CliError> {
    match command {
        EventCommand::Create(arguments) => create::create(session, *arguments).await,
        EventCommand::Clone(arguments) => create::copy(session, arguments).await,
        EventCommand::Watch(arguments) => watch::run(session, arguments).await,
        EventCommand::Edit(arguments) => create::edit(session, *arguments).await,
        EventCommand::List => list(session).await,
        EventCommand::Show(OneEvent { event }) => show(session, &event).await,
        EventCommand::Reset(OneEvent { event }) => reset::run(session, &event).await,
        EventCommand::Audit(OneEvent { event }) => {
            let event = session.event(&event).await?;
            crate::audit::print(session, &event_path(&event, "/audit")).await
        }
        EventCommand::Extend { event, to, by } => extend(session, &event, to, by).await,
        EventCommand::Pause(OneEvent { event }) => step(session, &event, "pause").await,
        EventCommand::Resume(OneEvent { event }) => step(session, &event, "resume").await,
        EventCommand::End(OneEvent { event }) => {
            let event = session.event(&event).await?;
            session.confirm(&format!(
                "End {}? `lanyard event extend` opens it again.",
                text(&event["name"])
            ))?;
            changed(session, &event, Method::Post, "/end", None).await.map(drop)
        }
        EventCommand::RotateCode { event, grace, code } => {
            let event = session.event(&event).await?;
            session.confirm(&format!("Rotate the code of {}?", text(&event["name"])))?;
            let mut body = json!({"grace_minutes": grace});
            if let Some(code) = code {
                body["code"] = json!(code);
            }
            changed(session, &event, Method::Post, "/rotate-code", Some(body)).await.map(drop)
        }
        EventCommand::Delete(OneEvent { event }) => {
            let event = session.event(&event).await?;
            session.confirm(&format!("Delete {}?", text(&event["name"])))?;
            let deleted = session.write(Method::Delete, &event_path(&event, ""), None).await?;
            deleted.map_or(Ok(()), |response| {
                session.output.data(&response, |_| format!("deleted  {}", text(&event["name"])))
            })
        }
    }
}

async fn list(session: &Session) -> Result<(), CliError> {
    let events = session.api.all("/events", "events").await?;
    session.output.data(&json!({ "events": events }), |style| {
        use Column::{Extra, ExtraNumbers, Key, State, Words};
        let columns = [
            Words("name"),
            State("status"),
            Key("code"),
            Extra("starts"),
            Extra("ends"),
            Extra("time zone"),
            ExtraNumbers("attendees"),
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
        style.table(&columns, events.iter().map(row))
    })
}

async fn show(session: &Session, event: &str) -> Result<(), CliError> {
    let event = session.event(event).await?;
    let usage = session.api.get(&event_path(&event, "/usage")).await?;
    let assumptions = estimate::Assumptions::default();
    create::show(session, &event, &usage, &assumptions).await
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
    let body = json!({"ends_at": ends_at});
    changed(session, &event, Method::Patch, "", Some(body)).await.map(drop)
}

async fn step(session: &Session, event: &str, step: &str) -> Result<(), CliError> {
    let event = session.event(event).await?;
    changed(session, &event, Method::Post, &format!("/{step}"), None).await?;
    if event["status"] == "ended" && !session.globals.dry_run {
        session.output.warn(&[format!(
            "The event has ended, so it stays closed. To open it again, give it a later end: \
             lanyard event extend {} --by 2h",
            text(&event["id"])
        )]);
    }
    Ok(())
}

/// Changes an event, prints it with what is different now, and returns it; `None` after a dry run.
/// Warnings that it had before are not repeated.
async fn changed(
    session: &Session,
    before: &Value,
    method: Method,
    below: &str,
    body: Option<Value>,
) -> Result<Option<Value>, CliError> {
    let path = event_path(before, below);
    let Some(event) = session.write(method, &path, body.as_ref()).await? else { return Ok(None) };
    session.output.data(&event, |style| {
        let mut lines = summary(&event);
        let changed = crate::changes::between(before, &event, Vec::new());
        lines.extend(changed.into_iter().map(|line| ("changed", line)));
        style.pairs(&lines)
    })?;
    let known = warnings(before);
    let new = warnings(&event).into_iter().filter(|warning| !known.contains(warning));
    session.output.warn(&new.collect::<Vec<_>>());
    Ok(Some(event))
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

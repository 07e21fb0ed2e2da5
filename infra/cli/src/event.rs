//! `lanyard event …`

mod assess;
mod create;
mod watch;
mod when;

use clap::Subcommand;
use serde_json::{Value, json};

use self::create::{CloneArguments, CreateArguments};
use self::watch::WatchArguments;
pub(crate) use self::when::span;
use self::when::time_or_now;
use crate::api::Method;
use crate::fault::Fault;
use crate::session::{Session, path_of};
use crate::table::{Column, number, pairs, table, text, wall};

/// What can be done with events.
#[derive(Debug, Subcommand)]
pub(crate) enum EventCommand {
    /// Make an event, and say what it needs and costs.
    Create(Box<CreateArguments>),
    /// Every event of yours.
    List,
    /// One event, with what it needs and costs.
    Show {
        /// The event's id, code or name.
        event: String,
    },
    /// Let an event end later, or earlier.
    Extend {
        /// The event's id, code or name.
        event: String,
        /// When it ends, such as 2026-12-06T20:00, local to the event.
        #[arg(long, value_name = "TIME", required_unless_present = "by")]
        to: Option<String>,
        /// How much later it ends, such as 2h or 1h30m.
        #[arg(long, value_name = "TIME SPAN", conflicts_with = "to", value_parser = span)]
        by: Option<chrono::TimeDelta>,
    },
    /// Stop an event within ten seconds, until it is resumed.
    Pause {
        /// The event's id, code or name.
        event: String,
    },
    /// Go on with a paused event.
    Resume {
        /// The event's id, code or name.
        event: String,
    },
    /// End an event for good.
    End {
        /// The event's id, code or name.
        event: String,
    },
    /// Give an event a new code.
    RotateCode {
        /// The event's id, code or name.
        event: String,
        /// How many minutes the old code goes on working.
        #[arg(long, default_value_t = 0, value_name = "MINUTES")]
        grace: u64,
        /// A code of your own rather than one that cannot be guessed.
        #[arg(long)]
        code: Option<String>,
    },
    /// Make another event like this one, with a code of its own.
    Clone(CloneArguments),
    /// Delete an event that nobody used.
    Delete {
        /// The event's id, code or name.
        event: String,
    },
    /// Watch an event's numbers while it runs.
    Watch(WatchArguments),
}

/// Does one of them.
pub(crate) async fn run(session: &Session, command: EventCommand) -> Result<(), Fault> {
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
            session.confirm(&format!("End {} for good?", text(&event["name"])))?;
            changed(session, Method::Post, &path_of(&event, "/end"), None).await
        }
        EventCommand::RotateCode { event, grace, code } => {
            let event = session.event(&event).await?;
            session.confirm(&format!("Give {} a new code?", text(&event["name"])))?;
            let mut body = json!({"grace_minutes": grace});
            if let Some(code) = code {
                body["code"] = json!(code);
            }
            changed(session, Method::Post, &path_of(&event, "/rotate-code"), Some(body)).await
        }
        EventCommand::Delete { event } => {
            let event = session.event(&event).await?;
            session.confirm(&format!("Delete {}?", text(&event["name"])))?;
            let deleted = session.write(Method::Delete, &path_of(&event, ""), None).await?;
            deleted.map_or(Ok(()), |answer| {
                session.output.data(&answer, || format!("deleted  {}", text(&event["name"])))
            })
        }
    }
}

async fn list(session: &Session) -> Result<(), Fault> {
    let events = session.api.all("/events", "events").await?;
    session.output.data(&json!({ "events": events }), || {
        use Column::{Numbers, Words};
        let columns = [
            Words("name"),
            Words("status"),
            Words("code"),
            Words("starts"),
            Words("ends"),
            Words("zone"),
            Numbers("attendees"),
        ];
        let row = |event: &Value| {
            vec![
                text(&event["name"]),
                text(&event["status"]),
                text(&event["code"]),
                wall(&event["starts_at"]),
                wall(&event["ends_at"]),
                text(&event["time_zone"]),
                number(&event["attendees"]),
            ]
        };
        table(&columns, events.iter().map(row))
    })
}

async fn show(session: &Session, event: &str) -> Result<(), Fault> {
    let event = session.event(event).await?;
    create::report(session, &event, &assess::Crowd::default()).await
}

async fn extend(
    session: &Session,
    event: &str,
    to: Option<String>,
    by: Option<chrono::TimeDelta>,
) -> Result<(), Fault> {
    let event = session.event(event).await?;
    let ends_at = match (to, by) {
        (Some(to), _) => time_or_now(&to),
        (None, Some(by)) => when::later(&event["ends_at"], by)?,
        (None, None) => return Err(Fault::Usage("Say --to TIME or --by TIME SPAN".to_owned())),
    };
    changed(session, Method::Patch, &path_of(&event, ""), Some(json!({"ends_at": ends_at}))).await
}

async fn step(session: &Session, event: &str, step: &str) -> Result<(), Fault> {
    let event = session.event(event).await?;
    changed(session, Method::Post, &path_of(&event, &format!("/{step}")), None).await
}

/// Changes an event and prints what it is now.
async fn changed(
    session: &Session,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Result<(), Fault> {
    let Some(event) = session.write(method, path, body.as_ref()).await? else { return Ok(()) };
    session.output.data(&event, || pairs(&facts(&event)))?;
    session.output.warn(&warnings(&event));
    Ok(())
}

/// What people want to know of an event first.
fn facts(event: &Value) -> Vec<(&'static str, String)> {
    vec![
        ("event", text(&event["name"])),
        ("status", text(&event["status"])),
        ("code", text(&event["code"])),
        ("window", window(event)),
        ("id", text(&event["id"])),
    ]
}

fn window(event: &Value) -> String {
    let (starts, ends) = (wall(&event["starts_at"]), wall(&event["ends_at"]));
    format!("{starts} to {ends} {}", text(&event["time_zone"]))
}

/// The service's own warnings of an event.
fn warnings(event: &Value) -> Vec<String> {
    let list = event["warnings"].as_array();
    list.into_iter().flatten().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}

//! `lanyard attendee …`

mod import;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::api::{Method, encoded};
use crate::fault::Fault;
use crate::session::{Session, path_of};
use crate::table::{Column, number, pairs, table, text, wall};

/// What can be done with attendees.
#[derive(Debug, Subcommand)]
pub(crate) enum AttendeeCommand {
    /// Who came, and what they used.
    List {
        /// The event's id, code or name.
        event: String,
    },
    /// Keep somebody out.
    Block {
        /// The event's id, code or name.
        event: String,
        /// Their user name.
        user: String,
    },
    /// Let somebody in again.
    Unblock {
        /// The event's id, code or name.
        event: String,
        /// Their user name.
        user: String,
    },
    /// Give somebody limits of their own.
    Raise(RaiseArguments),
    /// Give many people limits of their own, and perhaps name them as those who may come.
    Import {
        /// The event's id, code or name.
        event: String,
        /// A CSV with a heading: `user`, and limits such as `tokens_per_minute`. An empty cell
        /// leaves a limit as it is.
        file: PathBuf,
        /// Make these users, and no others, the event's roster.
        #[arg(long)]
        roster: bool,
    },
}

/// Limits of one's own.
#[derive(Args, Debug)]
pub(crate) struct RaiseArguments {
    /// The event's id, code or name.
    event: String,

    /// Their user name.
    user: String,

    /// Take their own limits away, so that the event's hold.
    #[arg(long, conflicts_with = "limits")]
    reset: bool,

    #[command(flatten)]
    limits: Limits,
}

/// Limits that are said; `none` lifts one.
#[derive(Args, Debug)]
#[group(id = "limits", multiple = true)]
struct Limits {
    /// Requests per minute.
    #[arg(long, value_name = "NUMBER", value_parser = limit)]
    requests_per_minute: Option<Limit>,
    /// Tokens per minute.
    #[arg(long, value_name = "NUMBER", value_parser = limit)]
    tokens_per_minute: Option<Limit>,
    /// Requests per day.
    #[arg(long, value_name = "NUMBER", value_parser = limit)]
    requests_per_day: Option<Limit>,
    /// Tokens per day.
    #[arg(long, value_name = "NUMBER", value_parser = limit)]
    tokens_per_day: Option<Limit>,
    /// Tokens in all.
    #[arg(long, value_name = "NUMBER", value_parser = limit)]
    tokens_total: Option<Limit>,
    /// Images in all.
    #[arg(long, value_name = "NUMBER", value_parser = limit)]
    images_total: Option<Limit>,
    /// Seconds of audio in all.
    #[arg(long, value_name = "NUMBER", value_parser = limit)]
    audio_seconds_total: Option<Limit>,
    /// Characters of speech in all.
    #[arg(long, value_name = "NUMBER", value_parser = limit)]
    characters_total: Option<Limit>,
    /// Requests at once.
    #[arg(long, value_name = "NUMBER", value_parser = limit)]
    in_flight: Option<Limit>,
}

/// A limit as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    At(u64),
    Lifted,
}

fn limit(text: &str) -> Result<Limit, String> {
    match text {
        "none" => Ok(Limit::Lifted),
        text => {
            text.parse().map(Limit::At).map_err(|_| "must be a whole number or none".to_owned())
        }
    }
}

impl Limit {
    fn json(self) -> Value {
        match self {
            Self::At(number) => json!(number),
            Self::Lifted => Value::Null,
        }
    }
}

impl Limits {
    fn json(&self) -> Map<String, Value> {
        let all = [
            ("requests_per_minute", self.requests_per_minute),
            ("tokens_per_minute", self.tokens_per_minute),
            ("requests_per_day", self.requests_per_day),
            ("tokens_per_day", self.tokens_per_day),
            ("tokens_total", self.tokens_total),
            ("images_total", self.images_total),
            ("audio_seconds_total", self.audio_seconds_total),
            ("characters_total", self.characters_total),
            ("in_flight", self.in_flight),
        ];
        let said = all.into_iter().filter_map(|(name, limit)| Some((name, limit?)));
        said.map(|(name, limit)| (name.to_owned(), limit.json())).collect()
    }
}

/// Does one of them.
pub(crate) async fn run(session: &Session, command: AttendeeCommand) -> Result<(), Fault> {
    match command {
        AttendeeCommand::List { event } => list(session, &event).await,
        AttendeeCommand::Block { event, user } => {
            change(session, &event, &user, &json!({"blocked": true})).await
        }
        AttendeeCommand::Unblock { event, user } => {
            change(session, &event, &user, &json!({"blocked": false})).await
        }
        AttendeeCommand::Raise(RaiseArguments { event, user, reset, limits }) => {
            let limits = limits.json();
            let body = match (reset, limits.is_empty()) {
                (true, _) => json!({"allowance": null}),
                (false, false) => json!({"allowance": limits}),
                (false, true) => {
                    return Err(Fault::Usage(
                        "Say at least one limit, such as --tokens-per-minute 100000, or --reset"
                            .to_owned(),
                    ));
                }
            };
            change(session, &event, &user, &body).await
        }
        AttendeeCommand::Import { event, file, roster } => {
            import::run(session, &event, &file, roster).await
        }
    }
}

async fn list(session: &Session, event: &str) -> Result<(), Fault> {
    let event = session.event(event).await?;
    let attendees = session.api.all(&path_of(&event, "/attendees"), "attendees").await?;
    session.output.data(&json!({ "attendees": attendees }), || {
        use Column::{Numbers, Words};
        let columns = [
            Words("user"),
            Words("joined (UTC)"),
            Numbers("requests"),
            Numbers("tokens"),
            Numbers("under way"),
            Words("own limits"),
            Words(""),
        ];
        table(&columns, attendees.iter().map(row))
    })
}

fn row(attendee: &Value) -> Vec<String> {
    vec![
        text(&attendee["user"]),
        wall(&attendee["joined_at"]),
        number(&attendee["usage"]["requests"]),
        number(&attendee["usage"]["total_tokens"]),
        number(&attendee["in_flight"]),
        own_limits(attendee),
        if attendee["blocked"] == true { "blocked".to_owned() } else { String::new() },
    ]
}

fn own_limits(attendee: &Value) -> String {
    let names = attendee["own_limits"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let limit = |name: &str| match &attendee["allowance"][name] {
        Value::Null => format!("{name} none"),
        value => format!("{name} {}", number(value)),
    };
    names.map(limit).collect::<Vec<_>>().join(", ")
}

async fn change(session: &Session, event: &str, user: &str, body: &Value) -> Result<(), Fault> {
    let event = session.event(event).await?;
    let path = path_of(&event, &format!("/attendees/{}", encoded(user)));
    let changed = session.write(Method::Patch, &path, Some(body)).await?;
    changed.map_or(Ok(()), |attendee| {
        session.output.data(&attendee, || {
            let own = own_limits(&attendee);
            pairs(&[
                ("user", text(&attendee["user"])),
                ("blocked", if attendee["blocked"] == true { "yes" } else { "no" }.to_owned()),
                ("own limits", if own.is_empty() { "none".to_owned() } else { own }),
            ])
        })
    })
}

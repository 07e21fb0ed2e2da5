//! `lanyard attendee …`

mod details;
mod import;
mod raise;

use std::cmp::Reverse;

use clap::{Arg, ArgGroup, ArgMatches, Args, Command, FromArgMatches, Subcommand, ValueEnum};
use lanyard_domain::limit::{Limit, Quantity};
use lanyard_domain::unit::Unit;
use serde_json::{Map, Value, json};

use self::import::ImportArguments;
use self::raise::RaiseArguments;
use crate::api::{Method, encoded};
use crate::count::count;
use crate::error::CliError;
use crate::money;
use crate::output::warnings;
use crate::session::{Session, event_path};
use crate::table::{Column, local_time, number, text};
use crate::user::User;

/// An attendee of an event.
#[derive(Args, Debug)]
pub(crate) struct OneAttendee {
    /// Id, code or name of the event.
    event: String,
    /// User name of the attendee.
    user: String,
}

/// Commands for attendees.
#[derive(Debug, Subcommand)]
pub(crate) enum AttendeeCommand {
    /// List attendees and their usage.
    #[command(after_help = "\
Examples:
  lanyard attendee list \"Oslo Hack\" --sort tokens
  lanyard attendee list \"Oslo Hack\" --json=user,usage.total_tokens")]
    List {
        /// Id, code or name of the event.
        event: String,
        /// Order of the list. Numbers are sorted from the largest.
        #[arg(long, value_enum, default_value_t = Sort::User)]
        sort: Sort,
    },
    /// Show one attendee: what refuses them now, usage by model, what is left of each limit, the last
    /// rejected requests.
    #[command(after_help = "\
Examples:
  lanyard attendee show \"Oslo Hack\" ada")]
    Show(OneAttendee),
    /// Block an attendee, also one who has not come yet.
    #[command(after_help = "\
Examples:
  lanyard attendee block \"Oslo Hack\" mallory")]
    Block(OneAttendee),
    /// Unblock an attendee.
    #[command(after_help = "\
Examples:
  lanyard attendee unblock \"Oslo Hack\" mallory")]
    Unblock(OneAttendee),
    /// Free the seat of an attendee who has used nothing, or remove one who has not come.
    #[command(after_help = "\
Examples:
  lanyard attendee free \"Oslo Hack\" ada
  lanyard attendee free \"Oslo Hack\"")]
    Free {
        /// Id, code or name of the event.
        event: String,
        /// User name of the attendee. Default: everybody who has a seat and has used nothing.
        user: Option<String>,
    },
    /// Delete the registration of an attendee who has lost the passphrase.
    #[command(after_help = "\
Examples:
  lanyard attendee unregister \"Oslo Hack\" ada --yes")]
    Unregister(OneAttendee),
    /// Raise limits of one attendee. Without a limit, all are doubled.
    #[command(after_help = "\
Examples:
  lanyard attendee raise \"Oslo Hack\" ada
  lanyard attendee raise \"Oslo Hack\" ada --tokens-per-minute 1000000 --in-flight none
  lanyard attendee raise \"Oslo Hack\" ada --limit gpt-5:requests_total=40
  lanyard attendee raise \"Oslo Hack\" ada --requests-per-minute 1 --lower
  lanyard attendee raise \"Oslo Hack\" ada --reset")]
    Raise(RaiseArguments),
    /// Set limits for many attendees, and optionally replace the roster.
    #[command(after_help = "\
Examples:
  lanyard attendee import \"Oslo Hack\" limits.csv
  lanyard attendee import \"Oslo Hack\" limits.csv --lower
  lanyard attendee import \"Oslo Hack\" people.csv --roster")]
    Import(ImportArguments),
}

/// The order of a list of attendees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    User,
    Requests,
    Tokens,
    Joined,
}

/// Limits to set; `none` removes one. Each limit has a flag with its name.
#[derive(Debug)]
struct Limits(Vec<(Limit, Amount)>);

impl Args for Limits {
    fn augment_args(command: Command) -> Command {
        let flag = |limit: &Limit| {
            let limit = *limit;
            Arg::new(limit.name())
                .long(limit.name().replace('_', "-"))
                .help(capitalised(&limit.to_string()))
                .value_name("NUMBER")
                .value_parser(move |text: &str| amount(limit, text))
                .allow_negative_numbers(true)
        };
        let group = ArgGroup::new("limits").multiple(true);
        command
            .args(Limit::ALL.iter().map(flag))
            .group(group.args(Limit::ALL.iter().map(|limit| limit.name())))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Limits {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let said = |limit: &Limit| Some((*limit, *matches.get_one::<Amount>(limit.name())?));
        Ok(Self(Limit::ALL.iter().filter_map(said).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn capitalised(words: &str) -> String {
    let (first, rest) = words.split_at(words.chars().next().map_or(0, char::len_utf8));
    first.to_uppercase() + rest
}

/// A limit on the command line.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Amount {
    At(u64),
    Usd(f64),
    Lifted,
}

fn amount(limit: Limit, text: &str) -> Result<Amount, String> {
    if text == "none" {
        return Ok(Amount::Lifted);
    }
    match limit.quantity() {
        Quantity::Unit(Unit::Usd) => {
            let dollars = text.trim_start_matches('$').parse().ok();
            let dollars = dollars.filter(|dollars: &f64| *dollars > 0.0 && dollars.is_finite());
            dollars.map(Amount::Usd).ok_or_else(|| "must be US dollars or none".to_owned())
        }
        Quantity::Requests | Quantity::Tokens | Quantity::Unit(_) => {
            count(text).map(Amount::At).map_err(|why| format!("{why}, or none"))
        }
    }
}

impl Amount {
    fn json(self) -> Value {
        match self {
            Self::At(number) => json!(number),
            Self::Usd(dollars) => json!(dollars),
            Self::Lifted => Value::Null,
        }
    }
}

impl Limits {
    fn json(&self) -> Map<String, Value> {
        self.0.iter().map(|(limit, amount)| (limit.name().to_owned(), amount.json())).collect()
    }
}

/// Runs a command.
pub(crate) async fn run(session: &Session, command: AttendeeCommand) -> Result<(), CliError> {
    match command {
        AttendeeCommand::List { event, sort } => list(session, &event, sort).await,
        AttendeeCommand::Show(OneAttendee { event, user }) => {
            details::show(session, &event, &user).await
        }
        AttendeeCommand::Unregister(OneAttendee { event, user }) => {
            unregister(session, &event, &user).await
        }
        AttendeeCommand::Block(OneAttendee { event, user }) => block(session, &event, &user).await,
        AttendeeCommand::Unblock(OneAttendee { event, user }) => {
            unblock(session, &event, &user).await
        }
        AttendeeCommand::Free { event, user } => free(session, &event, user).await,
        AttendeeCommand::Raise(arguments) => raise::run(session, arguments).await,
        AttendeeCommand::Import(arguments) => import::run(session, arguments).await,
    }
}

async fn list(session: &Session, event: &str, sort: Sort) -> Result<(), CliError> {
    let event = session.event(event).await?;
    let mut attendees = session.api.all(&event_path(&event, "/attendees"), "attendees").await?;
    match sort {
        // The service lists them by name.
        Sort::User => {}
        Sort::Requests => attendees.sort_by_key(|one| Reverse(one["usage"]["requests"].as_u64())),
        Sort::Tokens => {
            attendees.sort_by_key(|one| Reverse(one["usage"]["total_tokens"].as_u64()));
        }
        Sort::Joined => {
            attendees.sort_by_key(|one| one["joined_at"].as_str().unwrap_or("~").to_owned());
        }
    }
    session.output.data(&json!({ "attendees": attendees }), |style| {
        use Column::{Extra, ExtraNumbers, ExtraWords, Numbers, State, Words};
        let has_cost = |one: &Value| one["usage"]["usd"].as_f64().is_some_and(|usd| usd > 0.0);
        let has_money = money::is_limited(&event) || attendees.iter().any(has_cost);
        let mut columns = vec![
            Words("user"),
            Extra("joined (UTC)"),
            Numbers("requests"),
            Numbers("tokens"),
            ExtraNumbers("in progress"),
            ExtraWords("own limits"),
            State(""),
        ];
        if has_money {
            columns.insert(4, Numbers("USD"));
        }
        let row = |attendee: &Value| {
            let mut cells = row(attendee);
            if has_money {
                cells.insert(4, money::cell(&attendee["usage"]["usd"]));
            }
            cells
        };
        style.table(&columns, attendees.iter().map(row))
    })
}

async fn unregister(session: &Session, event: &str, user: &str) -> Result<(), CliError> {
    let event = session.event(event).await?;
    session.confirm(&format!(
        "Delete the registration of {user}? The key stops working, and anyone with the code can \
         claim the name."
    ))?;
    let path = event_path(&event, &format!("/registrations/{}", encoded(user)));
    let deleted = User { event: &event, name: user }.delete(session, &path).await?;
    deleted.map_or(Ok(()), |deleted| {
        session.output.data(&deleted, |_| format!("deleted  registration of {user}"))
    })
}

fn row(attendee: &Value) -> Vec<String> {
    vec![
        text(&attendee["user"]),
        local_time(&attendee["joined_at"]),
        number(&attendee["usage"]["requests"]),
        number(&attendee["usage"]["total_tokens"]),
        number(&attendee["in_flight"]),
        own_limits(attendee),
        if attendee["blocked"] == true { "blocked".to_owned() } else { String::new() },
    ]
}

/// The limits that are the attendee's own, in words.
fn own_limits(attendee: &Value) -> String {
    let names =
        |list: &Value| -> Vec<String> { list.as_array().into_iter().flatten().map(text).collect() };
    let limits = &attendee["allowance"];
    let all = names(&attendee["own_limits"]).into_iter();
    let all = all.map(|name| format!("{name} {}", money::limit(&name, &limits[&name])));
    let models = attendee["own_limits_by_model"].as_object().into_iter().flatten();
    let of_models = models.flat_map(|(model, own)| {
        let of_model = &limits["by_model"][model];
        let words =
            |name: String| format!("{model}:{name} {}", money::limit(&name, &of_model[&name]));
        names(own).into_iter().map(words).collect::<Vec<_>>()
    });
    all.chain(of_models).collect::<Vec<_>>().join(", ")
}

/// The same as a line of many.
fn own_limits_line(attendee: &Value) -> (&'static str, String) {
    let own = own_limits(attendee);
    ("own limits", if own.is_empty() { "none".to_owned() } else { own })
}

async fn free(session: &Session, event: &str, user: Option<String>) -> Result<(), CliError> {
    let event = session.event(event).await?;
    let users = match user {
        Some(user) => vec![user],
        None => {
            let all = session.api.all(&event_path(&event, "/attendees"), "attendees").await?;
            let is_unused = |attendee: &&Value| {
                !attendee["joined_at"].is_null()
                    && attendee["usage"]["requests"] == 0
                    && attendee["in_flight"] == 0
            };
            all.iter().filter(is_unused).map(|attendee| text(&attendee["user"])).collect()
        }
    };
    let (mut freed, mut removed) = (Vec::new(), Vec::new());
    for name in users {
        let user = User { event: &event, name: &name };
        match user.delete(session, &user.path()).await? {
            Some(one) if one["seat"] == false => removed.push(name),
            Some(_) | None => freed.push(name),
        }
    }
    if session.globals.dry_run {
        return Ok(());
    }
    session.output.data(&json!({ "freed": freed, "removed": removed }), |_| {
        match removed.as_slice() {
            [] if freed.len() == 1 => "1 seat freed".to_owned(),
            [] => format!("{} seats freed", freed.len()),
            removed => format!("removed  {}, who had not used the event", removed.join(", ")),
        }
    })
}

async fn block(session: &Session, event: &str, user: &str) -> Result<(), CliError> {
    let event = session.event(event).await?;
    let user = User { event: &event, name: user };
    match session.write(Method::Patch, &user.path(), Some(&json!({"blocked": true}))).await? {
        Some(changed) => show_block(session, &user.checked(session, changed, "blocked").await),
        None => Ok(()),
    }
}

async fn unblock(session: &Session, event: &str, user: &str) -> Result<(), CliError> {
    let event = session.event(event).await?;
    let user = User { event: &event, name: user };
    user.get(session).await?;
    let changed =
        session.write(Method::Patch, &user.path(), Some(&json!({"blocked": false}))).await?;
    changed.map_or(Ok(()), |attendee| show_block(session, &attendee))
}

fn show_block(session: &Session, attendee: &Value) -> Result<(), CliError> {
    session.output.data(attendee, |style| {
        style.pairs(&[
            ("user", text(&attendee["user"])),
            ("blocked", if attendee["blocked"] == true { "yes" } else { "no" }.to_owned()),
            own_limits_line(attendee),
        ])
    })?;
    session.output.warn(&warnings(attendee));
    Ok(())
}

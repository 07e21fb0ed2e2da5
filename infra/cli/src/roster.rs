//! `lanyard roster …`: who can use an event with roster access.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use lanyard_administration::roster_csv::{heading, is_about_a_person, reader, user_column};
use lanyard_domain::token::UserId;
use lanyard_domain::transliteration::transliterated;
use serde_json::{Value, json};

use crate::api::{Method, encoded};
use crate::error::CliError;
use crate::event::OneEvent;
use crate::session::{Session, event_path};
use crate::table::{number, text};

/// Commands for rosters.
#[derive(Debug, Subcommand)]
pub(crate) enum RosterCommand {
    /// List the user names on the roster.
    #[command(after_help = "\
Examples:
  lanyard roster list \"Oslo Hack\"")]
    List(OneEvent),
    /// Add user names.
    #[command(after_help = "\
Examples:
  lanyard roster add \"Oslo Hack\" ada grace")]
    Add {
        /// Id, code or name of the event.
        event: String,
        /// User names.
        #[arg(required = true)]
        users: Vec<String>,
    },
    /// Remove user names. They lose access at once; their usage is kept.
    #[command(after_help = "\
Examples:
  lanyard roster remove \"Oslo Hack\" mallory --yes")]
    Remove {
        /// Id, code or name of the event.
        event: String,
        /// User names.
        #[arg(required = true)]
        users: Vec<String>,
    },
    /// Replace the roster with the names of a CSV file, such as one of GitHub Classroom or Excel.
    #[command(after_help = "\
Examples:
  lanyard roster import \"Oslo Hack\" classroom_roster.csv
  lanyard roster import \"Oslo Hack\" people.csv --column Handle --dry-run")]
    Import {
        /// Id, code or name of the event.
        event: String,
        /// CSV file, separated by commas, semicolons or tabs.
        file: PathBuf,
        /// Heading of the column with the user names. Default: a known one, such as user or
        /// github_username.
        #[arg(long, value_name = "HEADING")]
        column: Option<String>,
    },
}

/// Runs a command.
pub(crate) async fn run(session: &Session, command: RosterCommand) -> Result<(), CliError> {
    match command {
        RosterCommand::List(OneEvent { event }) => {
            let event = session.event(&event).await?;
            let users = listed(session, &event).await?;
            session.output.data(&json!({ "users": users }), |_| match users.is_empty() {
                true => "The roster is empty.".to_owned(),
                false => users.iter().map(|user| format!("{user}\n")).collect(),
            })
        }
        RosterCommand::Add { event, users } => {
            let event = session.event(&event).await?;
            let mut all = listed(session, &event).await?;
            all.extend(users);
            replace(session, &event, &all).await
        }
        RosterCommand::Remove { event, users } => remove(session, &event, &users).await,
        RosterCommand::Import { event, file, column } => {
            import(session, &event, &file, column.as_deref()).await
        }
    }
}

async fn listed(session: &Session, event: &Value) -> Result<Vec<String>, CliError> {
    let users = session.api.all(&event_path(event, "/roster"), "users").await?;
    Ok(users.iter().map(|one| text(&one["user"])).collect())
}

async fn replace(session: &Session, event: &Value, users: &[String]) -> Result<(), CliError> {
    let path = event_path(event, "/roster");
    let saved = session.write(Method::Put, &path, Some(&json!({ "users": users }))).await?;
    saved.map_or(Ok(()), |saved| {
        warn(session, event, &saved);
        session.output.data(&saved, |_| {
            let count = |name: &str| number(&saved[name]);
            format!(
                "{} on the roster: {} added, {} removed",
                count("users"),
                count("added"),
                count("removed")
            )
        })
    })
}

/// Says that a roster is not enforced, and which option changes that.
pub(crate) fn warn(session: &Session, event: &Value, saved: &Value) {
    let option = format!("lanyard event edit {} --access roster", text(&event["id"]));
    let warnings = saved["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let warnings: Vec<_> = warnings.map(|warning| format!("{warning} Use: {option}")).collect();
    session.output.warn(&warnings);
}

async fn remove(session: &Session, event: &str, users: &[String]) -> Result<(), CliError> {
    let event = session.event(event).await?;
    session.confirm(&format!(
        "Remove {} from the roster of {}? They lose access at once.",
        users.join(", "),
        text(&event["name"])
    ))?;
    for user in users {
        let path = event_path(&event, &format!("/roster/{}", encoded(user)));
        session.write(Method::Delete, &path, None).await?;
    }
    if session.globals.dry_run {
        return Ok(());
    }
    session.output.data(&json!({ "removed": users }), |_| format!("removed  {}", users.join(", ")))
}

async fn import(
    session: &Session,
    event: &str,
    file: &Path,
    column: Option<&str>,
) -> Result<(), CliError> {
    let cannot = |error| CliError::failed(format_args!("{} cannot be read", file.display()), error);
    let found = names(&std::fs::read_to_string(file).map_err(cannot)?, column)
        .map_err(|error| CliError::Usage(format!("{}: {error}", file.display())))?;
    let event = session.event(event).await?;
    let before: BTreeSet<_> = listed(session, &event).await?.into_iter().collect();
    let removed = before.iter().filter(|user| !found.users.contains(user)).count();
    session.output.say(&found.preview());
    if removed > 0 || !found.problems.is_empty() {
        let kept = found.users.len();
        session.confirm(&format!(
            "Replace the roster of {}: {kept} names, {removed} are removed, {} lines are left out?",
            text(&event["name"]),
            found.problems.len()
        ))?;
    }
    replace(session, &event, &found.users).await
}

/// What a file has.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    column: String,
    users: Vec<String>,
    problems: Vec<String>,
}

impl Found {
    /// The first names, and every line that was not understood.
    fn preview(&self) -> String {
        let first = self.users.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        let more = if self.users.len() > 5 { ", …" } else { "" };
        let mut lines = vec![format!(
            "{} names from the column {}: {first}{more}",
            self.users.len(),
            self.column
        )];
        lines.extend(self.problems.iter().map(|problem| format!("left out: {problem}")));
        lines.join("\n")
    }
}

/// The user names in a CSV file: in a named column, in one with a known heading, or in the only one.
fn names(text: &str, column: Option<&str>) -> Result<Found, String> {
    let mut found = Found::default();
    let mut at = None;
    // The reader counts the lines of a file with CRLF from the one before.
    let text = text.replace("\r\n", "\n");
    for (index, record) in reader(&text).records().enumerate() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                found.problems.push(error.to_string());
                continue;
            }
        };
        if record.iter().all(str::is_empty) {
            continue;
        }
        let place = match at {
            Some(place) => place,
            None => {
                let (place, has_headings) = user_place(&record, column)?;
                at = Some(place);
                found.column = match has_headings {
                    true => record.get(place).unwrap_or_default().to_owned(),
                    false => "1".to_owned(),
                };
                if has_headings {
                    continue;
                }
                place
            }
        };
        let line =
            record.position().map_or(index + 1, |at| usize::try_from(at.line()).unwrap_or(index));
        let cell = record.get(place).unwrap_or_default();
        match cell.parse::<UserId>() {
            Ok(user) if found.users.iter().any(|known| known == user.as_str()) => {
                found.problems.push(format!("line {line}: {user} is there twice"));
            }
            Ok(user) => found.users.push(user.as_str().to_owned()),
            Err(_) if cell.is_empty() => found.problems.push(format!("line {line}: no user name")),
            Err(error) => {
                let hint = transliterated(cell).map(|name| format!("; write {name}"));
                let hint = hint.unwrap_or_default();
                found.problems.push(format!("line {line}: {cell:?}: user {error}{hint}"));
            }
        }
    }
    match found.users.is_empty() {
        true => Err("there is no user name in it".to_owned()),
        false => Ok(found),
    }
}

/// The column of user names, and whether the first row has headings.
fn user_place(first: &csv::StringRecord, column: Option<&str>) -> Result<(usize, bool), String> {
    let headings: Vec<_> = first.iter().map(heading).collect();
    let found = || first.iter().collect::<Vec<_>>().join(", ");
    if let Some(column) = column {
        let place = headings.iter().position(|name| *name == heading(column));
        return place
            .map(|place| (place, true))
            .ok_or_else(|| format!("there is no column {column}; it has: {}", found()));
    }
    if let Some(place) = user_column(&headings) {
        return Ok((place, true));
    }
    match headings.len() == 1 && !is_about_a_person(&headings.concat()) {
        true => Ok((0, false)),
        false => Err(format!(
            "no column is known to have user names; it has: {}. Use --column HEADING",
            found()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_understood_is_reported_by_line() {
        let csv = "\u{feff}identifier;github_username;name\r\n1;Linus;L\r\n2;;N\r\n3;Zoë;Z\r\n\
                   4;linus;L\r\n5;grace;G\r\n";
        let found = names(csv, None).unwrap();
        assert_eq!((found.column.as_str(), found.users.len()), ("github_username", 2));
        assert_eq!(found.users, ["linus", "grace"]);
        let problems = found.problems.join("\n");
        assert!(problems.contains("line 3: no user name"), "{problems}");
        assert!(problems.contains("line 4: \"Zoë\": user"), "{problems}");
        assert!(problems.contains("; write zoe"), "{problems}");
        assert!(problems.contains("line 5: linus is there twice"), "{problems}");
        assert!(
            found.preview().starts_with("2 names from the column github_username: linus, grace")
        );
    }

    #[test]
    fn a_column_may_be_named() {
        let csv = "Person,Alias\nAda,ada\n";
        assert_eq!(names(csv, Some("alias")).unwrap().users, ["ada"]);
        assert!(names(csv, None).unwrap_err().contains("Person, Alias"));
        assert!(names(csv, Some("x")).unwrap_err().contains("no column x"));
        assert_eq!(names("ada\nbob\n", None).unwrap().users, ["ada", "bob"]);
        assert!(names("user\n", None).is_err());
    }
}

//! `lanyard roster …`: who can use an event with roster access.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use lanyard_administration::roster_csv::{
    Row, RowNote, RowNoteKind, UserColumn, decoded, heading, rows, user_of,
};
use serde_json::{Value, json};

use crate::api::{Method, encoded};
use crate::error::CliError;
use crate::event::OneEvent;
use crate::output::warnings;
use crate::session::{Session, event_path};
use crate::table::{number, text};
use crate::user::User;

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
    /// Remove user names. They lose access at once if the event is limited to its roster; their usage
    /// is kept.
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
    /// Replace the roster with the names of a CSV file, such as one of GitHub Classroom or Excel. Who
    /// is not in the file leaves the roster, and loses access if the event is limited to it; `roster
    /// add` adds names.
    #[command(after_help = "\
Examples:
  lanyard roster import \"Oslo Hack\" classroom_roster.csv
  lanyard roster import \"Oslo Hack\" people.csv --column Handle --dry-run")]
    Import {
        /// Id, code or name of the event.
        event: String,
        /// CSV file, separated by commas, semicolons or tabs, in UTF-8, UTF-16 or Windows-1252.
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
            session.output.warn(&unusual(users.iter().map(String::as_str)));
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
    let warnings = warnings(saved).into_iter().map(|warning| format!("{warning} Use: {option}"));
    session.output.warn(&warnings.collect::<Vec<_>>());
}

/// What those who leave the roster lose. An event that is open to others refuses nobody for it.
pub(crate) fn loss(event: &Value) -> &'static str {
    if event["access"] == "roster" { " They lose access at once." } else { "" }
}

async fn remove(session: &Session, event: &str, users: &[String]) -> Result<(), CliError> {
    let event = session.event(event).await?;
    session.confirm(&format!(
        "Remove {} from the roster of {}?{}",
        users.join(", "),
        text(&event["name"]),
        loss(&event)
    ))?;
    for user in users {
        let path = event_path(&event, &format!("/roster/{}", encoded(user)));
        User { event: &event, name: user }.delete(session, &path).await?;
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
    let found = read(file)
        .and_then(|rows| names(&rows, column))
        .map_err(|error| CliError::Usage(format!("{}: {error}", file.display())))?;
    let event = session.event(event).await?;
    let before: BTreeSet<_> = listed(session, &event).await?.into_iter().collect();
    let removed = before.difference(&found.users.iter().cloned().collect()).count();
    session.output.say(&found.preview());
    let invalid = found.notes.iter().filter(|note| note.is_invalid()).count();
    if removed > 0 || invalid > 0 {
        let kept = found.users.len();
        session.confirm(&format!(
            "Replace the roster of {}: {kept} names, {removed} are removed, {invalid} cannot be read?{}",
            text(&event["name"]),
            if removed > 0 { loss(&event) } else { "" }
        ))?;
    }
    replace(session, &event, &found.users).await
}

/// The rows of a CSV file.
pub(crate) fn read(file: &Path) -> Result<Vec<Row>, String> {
    let bytes = std::fs::read(file).map_err(|error| format!("it cannot be read: {error}"))?;
    let text = decoded(&bytes, None).map_err(|fault| format!("it {fault}"))?;
    rows(&text).map_err(|fault| fault.to_string())
}

/// What a file has.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    column: String,
    users: Vec<String>,
    notes: Vec<RowNote>,
}

impl Found {
    /// The first names, and what was not understood.
    fn preview(&self) -> String {
        let first = self.users.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        let more = if self.users.len() > 5 { ", …" } else { "" };
        let mut lines = vec![format!(
            "{} names from the column {}: {first}{more}",
            self.users.len(),
            self.column
        )];
        lines.extend(self.notes.iter().map(report_line));
        let unusual = unusual(self.users.iter().map(String::as_str)).into_iter();
        lines.extend(unusual.map(|note| {
            format!("{note}. If they are full names, choose another column with --column HEADING")
        }));
        lines.join("\n")
    }
}

/// What to say of user names with a space or a slash. They are valid, but attendees have to type them
/// so, and a column of full names has them too.
pub(crate) fn unusual<'u>(users: impl Iterator<Item = &'u str>) -> Vec<String> {
    let unusual: Vec<_> = users.filter(|user| user.trim().contains([' ', '/'])).collect();
    let [first, ..] = unusual.as_slice() else { return Vec::new() };
    let (some, more) = (unusual.iter().take(5), if unusual.len() > 5 { ", …" } else { "" });
    let some = some.map(|user| format!("\"{user}\"")).collect::<Vec<_>>().join(", ");
    vec![format!(
        "user names with a space or a slash ({}): {some}{more}. They are kept as they are, and \
         attendees have to type them so: CODE/{first}",
        unusual.len()
    )]
}

/// A note about a row as a line of a report.
pub(crate) fn report_line(note: &RowNote) -> String {
    let is_kept = matches!(note.kind, RowNoteKind::Spelt { .. });
    if is_kept { note.to_string() } else { format!("left out: {note}") }
}

/// The user names of a CSV file: in a named column, or in that where the service finds them.
fn names(rows: &[Row], column: Option<&str>) -> Result<Found, String> {
    let first = rows.first().ok_or("there is no user name in it")?;
    let UserColumn { place, has_heading } = user_column(first, column)?;
    let name = if has_heading { first.cell(place).to_owned() } else { (place + 1).to_string() };
    let mut found = Found { column: name, ..Found::default() };
    let mut seen = BTreeSet::new();
    for row in rows.iter().skip(usize::from(has_heading)) {
        let (user, note) = user_of(row, place, &mut seen);
        found.users.extend(user.map(|user| user.as_str().to_owned()));
        found.notes.extend(note);
    }
    match found.users.is_empty() {
        true => Err("there is no user name in it".to_owned()),
        false => Ok(found),
    }
}

/// The column of user names.
fn user_column(first: &Row, column: Option<&str>) -> Result<UserColumn, String> {
    let found = || first.cells.join(", ");
    let Some(column) = column else {
        return UserColumn::of(first).ok_or_else(|| {
            let found = found();
            format!("no column is known to have user names; it has: {found}. Use --column HEADING")
        });
    };
    let wanted = heading(column);
    let place = first.cells.iter().position(|cell| heading(cell) == wanted);
    place
        .map(|place| UserColumn { place, has_heading: true })
        .ok_or_else(|| format!("there is no column {column}; it has: {}", found()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_in(csv: &str, column: Option<&str>) -> Result<Found, String> {
        names(&rows(csv).unwrap(), column)
    }

    #[test]
    fn what_was_not_understood_is_reported_by_line() {
        let csv = "\u{feff}identifier;github_username;name\r\n1;Linus;L\r\n2;;N\r\n3;Zoë;Z\r\n\
                   4;linus;L\r\n5;grace;G\r\n6;山;Y\r\n";
        let found = names_in(csv, None).unwrap();
        assert_eq!((found.column.as_str(), found.users.len()), ("github_username", 3));
        assert_eq!(found.users, ["linus", "zoe", "grace"]);
        let notes: Vec<_> = found.notes.iter().map(report_line).collect();
        assert_eq!(
            notes,
            [
                "left out: line 3: 2 has no user name",
                "line 4: Zoë becomes zoe",
                "left out: line 5: linus is there twice",
                "left out: line 7: \"山\": user must be 1 to 128 printable ASCII characters",
            ]
        );
        let invalid: Vec<_> = found.notes.iter().map(RowNote::is_invalid).collect();
        assert_eq!(invalid, [false, false, false, true]);
        assert!(found.preview().starts_with("3 names from the column github_username: linus, zoe"));
        assert!(!found.preview().contains("space"));
        let full_names = names_in("user\nAda Lovelace\nteam/eve\nbob\n", None).unwrap().preview();
        let expected = "user names with a space or a slash (2): \"ada lovelace\", \"team/eve\".";
        assert!(full_names.contains(expected), "{full_names}");
        assert!(full_names.contains("CODE/ada lovelace. If they are full"), "{full_names}");
        let added = unusual(["Ada Lovelace"].into_iter());
        assert!(!added[0].contains("column"), "`roster add` has no column: {added:?}");
    }

    #[test]
    fn a_column_may_be_named() {
        let csv = "Person,Alias\nAda,ada\n";
        assert_eq!(names_in(csv, Some("alias")).unwrap().users, ["ada"]);
        assert!(names_in(csv, None).unwrap_err().contains("Person, Alias"));
        assert!(names_in(csv, Some("x")).unwrap_err().contains("no column x"));
        for list in ["ada\nbob\n", "ada;\nbob;\n", ";ada\n;bob\n"] {
            assert_eq!(names_in(list, None).unwrap().users, ["ada", "bob"]);
        }
        assert!(names_in("user\n", None).is_err());
        assert!(names_in("", None).is_err());
    }
}

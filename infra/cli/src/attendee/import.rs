//! `lanyard attendee import`: limits and the roster from a CSV file.
//!
//! The whole file is validated before anything is sent, so that an error in its last line changes
//! nothing.

mod preview;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use lanyard_administration::roster_csv::{
    self as csv_rows, RowNote, heading, is_about_a_person, user_column, user_of,
};
use lanyard_domain::allowance::Limit;
use lanyard_domain::token::UserId;
use serde_json::{Map, Value, json};

use self::preview::{Preview, some};
use crate::api::{Method, encoded};
use crate::error::CliError;
use crate::output::warnings;
use crate::roster::{loss, report_line, unusual};
use crate::session::{Session, event_path};
use crate::table::{number, text};

/// A file with limits of many attendees.
#[derive(Args, Debug)]
pub(crate) struct ImportArguments {
    /// Id, code or name of the event.
    event: String,

    /// CSV file with a header: `user`, and limits such as `tokens_per_minute`. An empty cell leaves a
    /// limit unchanged.
    file: PathBuf,

    /// Replace the event's roster with these users. Who is not in the file leaves the roster.
    #[arg(long)]
    roster: bool,

    /// Allow that limits become lower than they are now.
    #[arg(long)]
    lower: bool,
}

/// A row of the file.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    user: UserId,
    limits: Map<String, Value>,
}

pub(super) async fn run(session: &Session, arguments: ImportArguments) -> Result<(), CliError> {
    let ImportArguments { event, file, roster, lower } = arguments;
    let Rows { rows, notes } = crate::roster::read(&file)
        .map_err(|error| vec![error])
        .and_then(|rows| read(&rows))
        .map_err(|errors| CliError::Usage(format!("{}: {}", file.display(), errors.join("; "))))?;
    let mut notes: Vec<_> = notes.iter().map(report_line).collect();
    let event = session.event(&event).await?;
    let attendees = session.api.all(&event_path(&event, "/attendees"), "attendees").await?;
    let preview = Preview::of(&rows, &event, &attendees, roster);
    notes.extend(unusual(rows.iter().map(|row| row.user.as_str())));
    notes.extend(preview.warnings());
    session.output.warn(&notes);
    if !lower {
        preview.refuse_lower()?;
    }
    let mut report = json!({"users": rows.len(), "roster": roster});
    let mut on_roster = String::new();
    if roster && let Some(saved) = replace_roster(session, &event, &rows, &preview.removed).await? {
        (report["added"], report["removed"]) = (saved["added"].clone(), saved["removed"].clone());
        let (added, removed) = (number(&saved["added"]), number(&saved["removed"]));
        on_roster = format!(", roster replaced: {added} added, {removed} removed");
    }
    let with_limits: Vec<_> = rows.iter().filter(|row| !row.limits.is_empty()).collect();
    let bar = session.output.progress(with_limits.len(), "attendees");
    let mut warned = Vec::new();
    for row in &with_limits {
        let path = event_path(&event, &format!("/attendees/{}", encoded(row.user.as_str())));
        let body = json!({"allowance": row.limits});
        let changed = session.write(Method::Patch, &path, Some(&body)).await?;
        let of_user = |warning| format!("{}: {warning}", row.user.as_str());
        warned.extend(changed.iter().flat_map(warnings).map(of_user));
        bar.inc(1);
    }
    bar.finish_and_clear();
    if session.globals.dry_run {
        return Ok(());
    }
    let (rows, limited) = (rows.len(), with_limits.len());
    report["with_own_limits"] = json!(limited);
    if !notes.is_empty() {
        report["remarks"] = json!(notes);
    }
    if !warned.is_empty() {
        report["warnings"] = json!(warned);
    }
    session.output.data(&report, |_| {
        format!("{rows} attendees imported, {limited} with their own limits{on_roster}")
    })?;
    session.output.warn(&warned);
    Ok(())
}

/// Replaces the roster with the users of a file, and asks first if somebody leaves it.
async fn replace_roster(
    session: &Session,
    event: &Value,
    rows: &[Row],
    removed: &[String],
) -> Result<Option<Value>, CliError> {
    if !removed.is_empty() {
        session.confirm(&format!(
            "Replace the roster of {}: {} names, and {} are removed: {}?{}",
            text(&event["name"]),
            rows.len(),
            removed.len(),
            some(removed),
            loss(event)
        ))?;
    }
    let users: Vec<_> = rows.iter().map(|row| row.user.as_str()).collect();
    let body = json!({ "users": users });
    let written = session.write(Method::Put, &event_path(event, "/roster"), Some(&body)).await;
    let has_no_rosters = |error: &CliError| matches!(error, CliError::Rejected { code, .. } if code == "unknown_route");
    if written.as_ref().is_err_and(has_no_rosters) {
        return Err(CliError::Failed(
            "This service does not support rosters. Nothing was changed. Run the command without \
             --roster."
                .to_owned(),
        ));
    }
    let saved = written?;
    if let Some(saved) = &saved {
        crate::roster::warn(session, event, saved);
    }
    Ok(saved)
}

/// What a file has.
#[derive(Debug, Default)]
struct Rows {
    rows: Vec<Row>,
    notes: Vec<RowNote>,
}

/// The attendees of a CSV file, or every error with its line.
///
/// Columns about a person that hold no user name, as in a roster of GitHub Classroom, are left out.
/// So are rows without a user name: nobody has claimed them yet.
fn read(rows: &[csv_rows::Row]) -> Result<Rows, Vec<String>> {
    let first = rows.first().map(|row| row.cells.as_slice()).unwrap_or_default();
    let headings: Vec<_> = first.iter().map(|cell| heading(cell)).collect();
    // `name` is what this command called the column before it knew others.
    let named = || headings.iter().position(|heading| heading == "name");
    let Some(user_at) = user_column(&headings).or_else(named) else {
        let found = headings.join(", ");
        return Err(vec![format!(
            "the first line must be a header with a user column, such as user or \
             github_username; it has: {found}"
        )]);
    };
    let columns: Vec<Option<Limit>> = headings.iter().map(|name| name.parse().ok()).collect();
    let (mut found, mut seen, mut errors) = (Rows::default(), BTreeSet::new(), Vec::new());
    for (at, (heading, column)) in headings.iter().zip(&columns).enumerate() {
        if column.is_some() && columns.iter().take(at).any(|earlier| earlier == column) {
            errors.push(format!("the column {heading} is there twice"));
        }
        if column.is_none() && !heading.is_empty() && !is_about_a_person(heading) {
            let known: Vec<_> = Limit::ALL.iter().map(|limit| limit.name()).collect();
            let known = known.join(", ");
            errors.push(format!("the column {heading} is unknown; limits are {known}"));
        }
    }
    for row in rows.iter().skip(1) {
        let line = row.line;
        let mut limits = Map::new();
        for (cell, limit) in row.cells.iter().zip(&columns) {
            let Some(limit) = limit.filter(|_| !cell.is_empty()) else { continue };
            match super::amount(limit, cell) {
                Ok(value) => {
                    limits.insert(limit.name().to_owned(), value.json());
                }
                Err(error) => errors.push(format!("line {line}: {} {error}", limit.name())),
            }
        }
        let (user, note) = user_of(row, user_at, &mut seen);
        match note {
            Some(note) if note.is_invalid() => errors.push(note.to_string()),
            note => found.notes.extend(note),
        }
        found.rows.extend(user.map(|user| Row { user, limits }));
    }
    if errors.is_empty() { Ok(found) } else { Err(errors) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_csv(csv: &str) -> Result<Rows, Vec<String>> {
        read(&csv_rows::rows(csv).unwrap())
    }

    #[test]
    fn a_column_that_is_there_twice_is_refused() {
        let errors = read_csv("user,tokens_per_minute,tokens_per_minute\nada,1,2\n").unwrap_err();
        assert_eq!(errors, ["the column tokens_per_minute is there twice"]);
    }

    #[test]
    fn a_csv_file_is_read_with_byte_order_mark_and_empty_cells() {
        let commas =
            "\u{feff}User,tokens_per_minute,in_flight\r\nada,100000,\r\n\r\n\"team, a\",,none\r\n";
        // As Excel saves it in most of Europe.
        let semicolons =
            "\u{feff}User;tokens_per_minute;in_flight\r\nada;100000;\r\n\r\nteam, a;;none\r\n";
        for csv in [commas, semicolons] {
            let rows = read_csv(csv).unwrap().rows;
            let limits: Vec<_> = rows.iter().map(|row| json!(row.limits).to_string()).collect();
            assert_eq!(limits, [r#"{"tokens_per_minute":100000}"#, r#"{"in_flight":null}"#]);
            assert_eq!(rows[1].user.as_str(), "team, a");
        }
    }

    #[test]
    fn a_roster_of_github_classroom_gives_its_github_names() {
        let csv = "\"identifier\",\"github_username\",\"github_id\",\"name\"\n\
                   \"s1\",\"ada-l\",\"17\",\"Ada L.\"\n\"s2\",\"\",\"\",\"\"\n\
                   \"s3\",\"Ada-L\",\"17\",\"Ada L.\"\n\"s4\",\"Zoë\",\"18\",\"Zoë\"\n";
        let found = read_csv(csv).unwrap();
        let users: Vec<_> = found.rows.iter().map(|row| row.user.as_str()).collect();
        assert_eq!(users, ["ada-l", "zoe"]);
        let notes: Vec<_> = found.notes.iter().map(report_line).collect();
        assert_eq!(
            notes,
            [
                "left out: line 3: s2 has no user name",
                "left out: line 4: ada-l is there twice",
                "line 5: Zoë becomes zoe",
            ]
        );
        let refused = read_csv("identifier;email\ns1;ada@example.org\n").unwrap_err();
        assert!(refused[0].contains("identifier, email"), "{refused:?}");
        assert!(read_csv("").is_err());
    }

    #[test]
    fn every_error_has_its_line() {
        let errors = read_csv("user,tokens_per_minute,mood\nada,many,x\n山,5,y\n").unwrap_err();
        assert!(errors[0].starts_with("the column mood is unknown"), "{errors:?}");
        assert_eq!(
            errors[1],
            "line 2: tokens_per_minute must be a whole number, such as 3000000 or 3,000,000, or none"
        );
        assert!(errors[2].starts_with("line 3: \"山\": user "), "{errors:?}");
        assert!(read_csv("ada\nbob\n").is_err());
    }
}

//! `lanyard attendee import`: limits and the roster from a CSV file.
//!
//! The whole file is validated before anything is sent, so that an error in its last line changes
//! nothing.

use std::path::Path;

use lanyard_administration::roster_csv::{heading, is_about_a_person, reader, user_column};
use lanyard_domain::allowance::Limit;
use lanyard_domain::token::UserId;
use lanyard_domain::transliteration::transliterated;
use serde_json::{Map, Value, json};

use crate::api::{Method, encoded};
use crate::error::CliError;
use crate::session::{Session, event_path};

/// A row of the file.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    user: UserId,
    limits: Map<String, Value>,
}

pub(super) async fn run(
    session: &Session,
    event: &str,
    file: &Path,
    roster: bool,
) -> Result<(), CliError> {
    let cannot = |error| CliError::failed(format_args!("{} cannot be read", file.display()), error);
    let rows = read(&std::fs::read_to_string(file).map_err(cannot)?)
        .map_err(|errors| CliError::Usage(format!("{}: {}", file.display(), errors.join("; "))))?;
    let event = session.event(event).await?;
    if roster {
        let users: Vec<_> = rows.iter().map(|row| row.user.as_str()).collect();
        let body = json!({ "users": users });
        let written = session.write(Method::Put, &event_path(&event, "/roster"), Some(&body)).await;
        let has_no_rosters = |error: &CliError| matches!(error, CliError::Rejected { code, .. } if code == "unknown_route");
        if written.as_ref().is_err_and(has_no_rosters) {
            return Err(CliError::Failed(
                "This service does not support rosters. Nothing was changed. Run the command \
                 without --roster."
                    .to_owned(),
            ));
        }
        if let Some(saved) = written? {
            crate::roster::warn(session, &event, &saved);
        }
    }
    let with_limits: Vec<_> = rows.iter().filter(|row| !row.limits.is_empty()).collect();
    let bar = session.output.progress(with_limits.len(), "attendees");
    for row in &with_limits {
        let path = event_path(&event, &format!("/attendees/{}", encoded(row.user.as_str())));
        let body = json!({"allowance": row.limits});
        session.write(Method::Patch, &path, Some(&body)).await?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    if session.globals.dry_run {
        return Ok(());
    }
    let (rows, limited) = (rows.len(), with_limits.len());
    let said = json!({"users": rows, "with_own_limits": limited, "roster": roster});
    session.output.data(&said, |_| {
        let replaced = if roster { ", roster replaced" } else { "" };
        format!("{rows} attendees imported, {limited} with their own limits{replaced}")
    })
}

/// The rows of a CSV file, or every error with its line.
///
/// Columns about a person that hold no user name, as in a roster of GitHub Classroom, are left out.
fn read(text: &str) -> Result<Vec<Row>, Vec<String>> {
    // The reader counts the lines of a file with CRLF from the one before.
    let text = text.replace("\r\n", "\n");
    let mut csv = reader(&text);
    let mut first = csv::StringRecord::new();
    csv.read_record(&mut first).map_err(|error| vec![error.to_string()])?;
    let headings: Vec<_> = first.iter().map(heading).collect();
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
    let (mut rows, mut errors) = (Vec::new(), Vec::new());
    for (heading, column) in headings.iter().zip(&columns) {
        if column.is_none() && !is_about_a_person(heading) {
            let known: Vec<_> = Limit::ALL.iter().map(|limit| limit.name()).collect();
            let known = known.join(", ");
            errors.push(format!("the column {heading} is unknown; limits are {known}"));
        }
    }
    for (index, record) in csv.records().enumerate() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                errors.push(error.to_string());
                continue;
            }
        };
        let line =
            record.position().map_or(index + 2, |at| usize::try_from(at.line()).unwrap_or(index));
        let user = record.get(user_at).unwrap_or_default();
        if record.iter().all(str::is_empty) {
            continue;
        }
        let mut limits = Map::new();
        for (cell, limit) in record.iter().zip(&columns) {
            let Some(limit) = limit.filter(|_| !cell.is_empty()) else { continue };
            match super::amount(limit, cell) {
                Ok(value) => {
                    limits.insert(limit.name().to_owned(), value.json());
                }
                Err(error) => errors.push(format!("line {line}: {} {error}", limit.name())),
            }
        }
        match user.parse::<UserId>() {
            Ok(user) => rows.push(Row { user, limits }),
            Err(error) => {
                let hint = transliterated(user).map(|name| format!("; write {name}"));
                errors.push(format!("line {line}: user {error}{}", hint.unwrap_or_default()));
            }
        }
    }
    if errors.is_empty() { Ok(rows) } else { Err(errors) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_csv_file_is_read_with_byte_order_mark_and_empty_cells() {
        let commas =
            "\u{feff}User,tokens_per_minute,in_flight\r\nada,100000,\r\n\r\n\"team, a\",,none\r\n";
        // As Excel saves it in most of Europe.
        let semicolons =
            "\u{feff}User;tokens_per_minute;in_flight\r\nada;100000;\r\n\r\nteam, a;;none\r\n";
        for csv in [commas, semicolons] {
            let rows = read(csv).unwrap();
            let limits: Vec<_> = rows.iter().map(|row| json!(row.limits).to_string()).collect();
            assert_eq!(limits, [r#"{"tokens_per_minute":100000}"#, r#"{"in_flight":null}"#]);
            assert_eq!(rows[1].user.as_str(), "team, a");
        }
    }

    #[test]
    fn a_roster_of_github_classroom_gives_its_github_names() {
        let csv = "\"identifier\",\"github_username\",\"github_id\",\"name\"\n\
                   \"s1\",\"ada-l\",\"17\",\"Ada L.\"\n";
        let rows = read(csv).unwrap();
        assert_eq!((rows.len(), rows[0].user.as_str()), (1, "ada-l"));
        let refused = read("identifier;email\ns1;ada@example.org\n").unwrap_err();
        assert!(refused[0].contains("identifier, email"), "{refused:?}");
    }

    #[test]
    fn every_error_has_its_line() {
        let errors = read("user,tokens_per_minute,mood\nada,many,x\n,5,y\n").unwrap_err();
        assert!(errors[0].starts_with("the column mood is unknown"), "{errors:?}");
        assert_eq!(errors[1], "line 2: tokens_per_minute must be a whole number or none");
        assert!(errors[2].starts_with("line 3: user "), "{errors:?}");
        assert!(read("ada\nbob\n").is_err());
    }
}

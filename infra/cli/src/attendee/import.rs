//! `lanyard attendee import`: people from a spreadsheet.
//!
//! The whole file is read and judged before anything is sent, so that a mistake in its last line
//! changes nothing.

use std::io::Read;
use std::path::Path;

use lanyard_domain::allowance::Limit;
use lanyard_domain::token::UserId;
use serde_json::{Map, Value, json};

use crate::api::{Method, encoded};
use crate::fault::Fault;
use crate::output::progress;
use crate::session::{Session, path_of};

/// Somebody in the file.
#[derive(Clone, Debug, PartialEq)]
struct Person {
    user: UserId,
    limits: Map<String, Value>,
}

pub(super) async fn run(
    session: &Session,
    event: &str,
    file: &Path,
    roster: bool,
) -> Result<(), Fault> {
    let cannot = |fault| Fault::failed(format_args!("{} cannot be read", file.display()), fault);
    let people = read(std::fs::File::open(file).map_err(cannot)?)
        .map_err(|mistakes| Fault::Usage(format!("{}: {}", file.display(), mistakes.join("; "))))?;
    let event = session.event(event).await?;
    if roster {
        let users: Vec<_> = people.iter().map(|person| person.user.as_str()).collect();
        let body = json!({ "users": users });
        let written = session.write(Method::Put, &path_of(&event, "/roster"), Some(&body)).await;
        let has_no_rosters =
            |fault: &Fault| matches!(fault, Fault::Refused { code, .. } if code == "unknown_route");
        if written.as_ref().is_err_and(has_no_rosters) {
            return Err(Fault::Failed(
                "This service does not support rosters. Nothing was changed. Run the command \
                 without --roster."
                    .to_owned(),
            ));
        }
        written?;
    }
    let with_limits: Vec<_> = people.iter().filter(|person| !person.limits.is_empty()).collect();
    let bar = progress(with_limits.len(), "attendees");
    for person in &with_limits {
        let path = path_of(&event, &format!("/attendees/{}", encoded(person.user.as_str())));
        let body = json!({"allowance": person.limits});
        session.write(Method::Patch, &path, Some(&body)).await?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    if session.globals.dry_run {
        return Ok(());
    }
    let (people, limited) = (people.len(), with_limits.len());
    let said = json!({"users": people, "with_own_limits": limited, "roster": roster});
    session.output.data(&said, || {
        let replaced = if roster { ", roster replaced" } else { "" };
        format!("{people} attendees imported, {limited} with their own limits{replaced}")
    })
}

/// The people of a CSV; every mistake with its line.
fn read(file: impl Read) -> Result<Vec<Person>, Vec<String>> {
    let mut csv = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(file);
    let headings = csv.headers().map_err(|fault| vec![fault.to_string()])?.clone();
    // Spreadsheets begin a file with a mark of its encoding.
    let headings: Vec<_> = headings
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').to_ascii_lowercase())
        .collect();
    let user_at = headings.iter().position(|name| name == "user" || name == "name");
    let Some(user_at) = user_at else {
        return Err(vec!["the first line must be a header with a user column".to_owned()]);
    };
    let columns: Vec<Option<Limit>> = headings.iter().map(|name| name.parse().ok()).collect();
    let (mut people, mut mistakes) = (Vec::new(), Vec::new());
    for (heading, column) in headings.iter().zip(&columns) {
        if column.is_none() && !["user", "name"].contains(&heading.as_str()) {
            let known: Vec<_> = Limit::ALL.iter().map(|limit| limit.name()).collect();
            let known = known.join(", ");
            mistakes.push(format!("the column {heading} is unknown; limits are {known}"));
        }
    }
    for (row, record) in csv.records().enumerate() {
        let record = match record {
            Ok(record) => record,
            Err(fault) => {
                mistakes.push(fault.to_string());
                continue;
            }
        };
        let line =
            record.position().map_or(row + 2, |at| usize::try_from(at.line()).unwrap_or(row));
        let user = record.get(user_at).unwrap_or_default();
        if record.iter().all(str::is_empty) {
            continue;
        }
        let mut limits = Map::new();
        for (cell, limit) in record.iter().zip(&columns) {
            let Some(limit) = limit.filter(|_| !cell.is_empty()) else { continue };
            match super::amount(cell) {
                Ok(value) => {
                    limits.insert(limit.name().to_owned(), value.json());
                }
                Err(fault) => mistakes.push(format!("line {line}: {} {fault}", limit.name())),
            }
        }
        match user.parse::<UserId>() {
            Ok(user) => people.push(Person { user, limits }),
            Err(fault) => mistakes.push(format!("line {line}: user {fault}")),
        }
    }
    if mistakes.is_empty() { Ok(people) } else { Err(mistakes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_is_read_with_its_mark_and_its_empty_cells() {
        let csv =
            "\u{feff}User,tokens_per_minute,in_flight\r\nada,100000,\r\n\r\n\"team, a\",,none\r\n";
        let people = read(csv.as_bytes()).unwrap();
        let limits: Vec<_> = people.iter().map(|person| json!(person.limits).to_string()).collect();
        assert_eq!(limits, [r#"{"tokens_per_minute":100000}"#, r#"{"in_flight":null}"#]);
        assert_eq!(people[1].user.as_str(), "team, a");
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        let mistakes =
            read("user,tokens_per_minute,mood\nada,many,x\n,5,y\n".as_bytes()).unwrap_err();
        assert!(mistakes[0].starts_with("the column mood is unknown"), "{mistakes:?}");
        assert_eq!(mistakes[1], "line 2: tokens_per_minute must be a whole number or none");
        assert!(mistakes[2].starts_with("line 3: user "), "{mistakes:?}");
        assert!(read("ada\nbob\n".as_bytes()).is_err());
    }
}

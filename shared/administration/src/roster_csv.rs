//! The user names in a CSV, as spreadsheets and GitHub Classroom write it.
//!
//! The command line reads its files by the same rules, and `roster-csv.js` of the pages has a copy
//! of them. `cases.json` is tested in both.

mod decoding;
mod rows;

use std::collections::BTreeSet;
use std::fmt;

use lanyard_domain::token::{InvalidUserId, UserId};
use lanyard_domain::transliteration::transliterated;

pub use decoding::decoded;
pub use rows::{Row, UnclosedQuote, rows};

/// Headings of the column that holds user names, the most certain first.
const USER: [&str; 14] = [
    "user",
    "username",
    "user_name",
    "user_id",
    "userid",
    "github_username",
    "github_user",
    "github_login",
    "github_handle",
    "github",
    "login",
    "handle",
    "account",
    "nickname",
];

/// Headings that show that the first row names columns, though none of them holds user names.
const OTHER: [&str; 16] = [
    "identifier",
    "id",
    "github_id",
    "student",
    "student_id",
    "name",
    "full_name",
    "first_name",
    "last_name",
    "firstname",
    "lastname",
    "surname",
    "email",
    "e_mail",
    "team",
    "group",
];

/// A heading as it is compared: in lower case, with underscores for spaces and hyphens.
#[must_use]
pub fn heading(cell: &str) -> String {
    cell.to_lowercase().replace([' ', '-'], "_")
}

/// The column of user names by its heading.
#[must_use]
pub fn user_column(headings: &[String]) -> Option<usize> {
    USER.iter().find_map(|known| headings.iter().position(|name| name == known))
}

/// Where a file has its user names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserColumn {
    /// The number of the column, from 0.
    pub place: usize,
    /// Whether the first row has its heading, and no user.
    pub has_heading: bool,
}

impl UserColumn {
    /// The column with a known heading, or the only one that is not empty. `None` if it is not
    /// known: of several columns nobody can tell which one holds user names, and a wrong guess shows
    /// only when attendees are refused.
    #[must_use]
    pub fn of(first: &Row) -> Option<Self> {
        let headings: Vec<_> = first.cells.iter().map(|cell| heading(cell)).collect();
        if let Some(place) = user_column(&headings) {
            return Some(Self { place, has_heading: true });
        }
        let mut filled = headings.iter().enumerate().filter(|(_, heading)| !heading.is_empty());
        let only = filled.next().filter(|(_, heading)| !is_about_a_person(heading));
        let (place, _) = only.filter(|_| filled.next().is_none())?;
        Some(Self { place, has_heading: false })
    }
}

/// Whether a heading is known to name something else about a person, such as an email address.
#[must_use]
pub fn is_about_a_person(heading: &str) -> bool {
    USER.contains(&heading) || OTHER.contains(&heading)
}

/// What an organiser should know about a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowNote {
    /// The number of the row's first line.
    pub line: usize,
    /// The kind of the note.
    pub kind: RowNoteKind,
}

/// The kinds of notes about a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowNoteKind {
    /// It names no user. Nobody has claimed such a row of GitHub Classroom yet.
    NoUser {
        /// Its first other cell, such as the identifier of a student.
        of: String,
    },
    /// An earlier row has the same user.
    Twice(UserId),
    /// The name has letters that user names cannot have, and is spelt without them.
    Spelt {
        /// As the file has it.
        written: String,
        /// The user name.
        user: UserId,
    },
    /// It cannot be a user name.
    Invalid {
        /// As the file has it.
        written: String,
        /// Why not.
        fault: InvalidUserId,
    },
}

impl RowNote {
    /// Whether the row has a name that cannot be a user name.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        matches!(self.kind, RowNoteKind::Invalid { .. })
    }
}

impl fmt::Display for RowNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.kind {
            RowNoteKind::NoUser { of } => write!(f, "{of} has no user name"),
            RowNoteKind::Twice(user) => write!(f, "{user} is there twice"),
            RowNoteKind::Spelt { written, user } => write!(f, "{written} becomes {user}"),
            RowNoteKind::Invalid { written, fault } => write!(f, "{written:?}: user {fault}"),
        }
    }
}

/// The user that a row names in a column, unless `seen` has it already, and a note about the row.
pub fn user_of(
    row: &Row,
    place: usize,
    seen: &mut BTreeSet<UserId>,
) -> (Option<UserId>, Option<RowNote>) {
    let written = row.cell(place);
    let note = |kind| Some(RowNote { line: row.line, kind });
    if written.is_empty() {
        return (None, note(RowNoteKind::NoUser { of: first_cell(row) }));
    }
    let spelt = transliterated(written);
    let user: UserId = match spelt.as_deref().unwrap_or(written).parse() {
        Ok(user) => user,
        Err(fault) => {
            return (None, note(RowNoteKind::Invalid { written: written.to_owned(), fault }));
        }
    };
    if !seen.insert(user.clone()) {
        return (None, note(RowNoteKind::Twice(user)));
    }
    let kind =
        spelt.map(|_| RowNoteKind::Spelt { written: written.to_owned(), user: user.clone() });
    (Some(user), kind.and_then(note))
}

/// The first cell that is not empty, as a name for the row.
fn first_cell(row: &Row) -> String {
    row.cells.iter().find(|cell| !cell.is_empty()).cloned().unwrap_or_default()
}

/// The names of a CSV, as they are written, and the rows without one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// Each with the number of its row's first line.
    pub(crate) names: Vec<(usize, String)>,
    pub(crate) unnamed: Vec<UnnamedRow>,
}

/// A row without a user name, such as one of GitHub Classroom that nobody has claimed yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnnamedRow {
    /// The number of its first line.
    pub(crate) line: usize,
    /// Its first cell that is not empty, such as the identifier of a student.
    pub(crate) first_cell: String,
}

/// The user names of a CSV: the column with such a heading, or the only column.
///
/// # Errors
///
/// A message for the organiser if no column has user names.
pub(crate) fn names(text: &str) -> Result<Names, String> {
    let rows = rows(text).map_err(|fault| format!("is no CSV: {fault}"))?;
    let Some(first) = rows.first() else { return Ok(Names::default()) };
    let column = UserColumn::of(first).ok_or_else(|| {
        let found = first.cells.join(", ");
        format!(
            "has the columns {found}, and none of them is known to hold user names. Name that \
             column user or github_username in the first line"
        )
    })?;
    let mut found = Names::default();
    for row in rows.iter().skip(usize::from(column.has_heading)) {
        match row.cell(column.place) {
            "" => {
                found.unnamed.push(UnnamedRow { line: row.line, first_cell: first_cell(row) });
            }
            name => found.names.push((row.line, name.to_owned())),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn users(text: &str) -> Result<Vec<String>, String> {
        names(text).map(|found| found.names.into_iter().map(|(_, name)| name).collect())
    }

    /// A file of `cases.json`.
    fn file(case: &Value) -> Vec<u8> {
        let text = case["text"].as_str().unwrap();
        match case["encoding"].as_str().unwrap_or("utf-8") {
            "utf-8" => text.as_bytes().to_vec(),
            "bytes" => text.chars().map(|char| u8::try_from(char).unwrap()).collect(),
            "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            "utf-16be" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn files_of_spreadsheets_and_classrooms_have_the_users_that_the_pages_find() {
        let cases: Vec<Value> =
            serde_json::from_str(include_str!("roster_csv/cases.json")).unwrap();
        for case in &cases {
            let name = case["name"].as_str().unwrap();
            let text = match decoded(&file(case), None) {
                Ok(text) => text,
                Err(_) => {
                    assert_eq!(case["fault"], "workbook", "{name}");
                    continue;
                }
            };
            let rows = match rows(&text) {
                Ok(rows) => rows,
                Err(fault) => {
                    assert_eq!(case["fault"], json!(fault.line), "{name}");
                    continue;
                }
            };
            let column = UserColumn::of(&rows[0]).unwrap();
            let (mut seen, mut users, mut notes) = (BTreeSet::new(), Vec::new(), Vec::new());
            for row in rows.iter().skip(usize::from(column.has_heading)) {
                let (user, note) = user_of(row, column.place, &mut seen);
                users.extend(user.map(|user| user.as_str().to_owned()));
                notes.extend(note.map(|note| match &note.kind {
                    RowNoteKind::NoUser { of } => json!([note.line, "no user", of]),
                    RowNoteKind::Twice(user) => json!([note.line, "twice", user.as_str()]),
                    RowNoteKind::Spelt { written, .. } => json!([note.line, "spelt", written]),
                    RowNoteKind::Invalid { written, .. } => json!([note.line, "invalid", written]),
                }));
            }
            assert_eq!(json!(users), case["users"], "{name}");
            assert_eq!(json!(notes), *case.get("notes").unwrap_or(&json!([])), "{name}");
        }
    }

    #[test]
    fn a_list_without_headings_is_its_only_column() {
        let csv = "ada,\r\n\r\n\"team, \"\"a\"\"\"\ncleo\n";
        assert_eq!(users(csv).unwrap(), ["ada", "team, \"a\"", "cleo"]);
        assert!(users("user\n").unwrap().is_empty());
        assert!(users("").unwrap().is_empty());
    }

    #[test]
    fn the_column_is_found_by_its_heading() {
        let classroom = "\"identifier\",\"github_username\",\"github_id\",\"name\"\n\
                         \"s1\",\"ada-l\",\"17\",\"Ada L.\"\n\"s2\",\"\",\"\",\"Bob\"\n";
        let found = names(classroom).unwrap();
        assert_eq!(found.names, [(2, "ada-l".to_owned())]);
        assert_eq!(found.unnamed, [UnnamedRow { line: 3, first_cell: "s2".to_owned() }]);
        let excel = "\u{feff}Name;User;Team\r\nAda;ada;red\r\n";
        assert_eq!(users(excel).unwrap(), ["ada"]);
        let named = "\u{feff}sep=;\r\nName, first;User\r\nAda;ada\r\n";
        assert_eq!(users(named).unwrap(), ["ada"]);
        assert_eq!(users("SEP=\t\nuser;x\tlogin\na;b\tada\n").unwrap(), ["ada"]);
        assert_eq!(users("sep=;\nada\n").unwrap(), ["ada"]);
        assert_eq!(users("Name\tGitHub Username\nAda\tada\n").unwrap(), ["ada"]);
    }

    #[test]
    fn headings_without_user_names_are_refused_by_name() {
        let refused = users("identifier,name\ns1,Ada\n").unwrap_err();
        assert!(refused.contains("identifier, name"), "{refused}");
        assert!(refused.contains("github_username"), "{refused}");
        for unknown in ["Prénom;Nom;Compte\nAda;L.;ada\n", "ada,Ada L.\nbob,Bob\n"] {
            let refused = users(unknown).unwrap_err();
            let first = unknown.lines().next().unwrap().replace([';', ','], ", ");
            assert!(refused.contains(&first), "{refused}");
        }
    }
}

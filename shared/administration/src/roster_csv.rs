//! The user names in a CSV, as spreadsheets and GitHub Classroom write it.

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
    "e-mail",
    "team",
    "group",
];

/// A CSV as records: separated by commas, semicolons or tabs, with or without a byte order mark, and
/// with or without the line `sep=;` by which Excel names the separator.
#[must_use]
pub fn reader(text: &str) -> csv::Reader<&[u8]> {
    let text = text.trim_start_matches('\u{feff}');
    let (named, text) = named_separator(text);
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(named.unwrap_or_else(|| delimiter(text)))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes())
}

/// A heading as it is compared: in lower case, with underscores for spaces.
#[must_use]
pub fn heading(cell: &str) -> String {
    cell.to_ascii_lowercase().replace(' ', "_")
}

/// The column of user names by its heading.
#[must_use]
pub fn user_column(headings: &[String]) -> Option<usize> {
    USER.iter().find_map(|known| headings.iter().position(|name| name == known))
}

/// Whether a heading is known to name something else about a person, such as an email address.
#[must_use]
pub fn is_about_a_person(heading: &str) -> bool {
    USER.contains(&heading) || OTHER.contains(&heading)
}

/// The user names of a CSV: the column with such a heading, or the only column. Rows without a name
/// are passed over.
///
/// Cells may be separated by commas, semicolons (as Excel writes in much of Europe) or tabs.
///
/// # Errors
///
/// A message for the organiser if no column has user names.
pub(crate) fn users(text: &str) -> Result<Vec<String>, String> {
    let mut reader = reader(text);
    let mut column = None;
    let mut users = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|fault| {
            let line = fault.position().map_or(0, csv::Position::line);
            format!("is no CSV: line {line} cannot be read. Quotes must come in pairs")
        })?;
        let column = match column {
            Some(column) => column,
            None if row.iter().all(str::is_empty) => continue,
            None => match headings(&row)? {
                Some(found) => {
                    column = Some(found);
                    continue;
                }
                None => *column.insert(0),
            },
        };
        let user = row.get(column).unwrap_or_default();
        if !user.is_empty() {
            users.push(user.to_owned());
        }
    }
    Ok(users)
}

/// The separator that a first line `sep=;` names, and what follows the line. The end of the line
/// stays, so that lines keep their numbers.
fn named_separator(text: &str) -> (Option<u8>, &str) {
    let end = text.find(['\r', '\n']).unwrap_or(text.len());
    let (line, rest) = text.split_at(end);
    let line = line.trim_matches('"');
    let name = line.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("sep="));
    match line.as_bytes() {
        [_, _, _, _, separator] if name => (Some(*separator), rest),
        _ => (None, text),
    }
}

/// The separator that the first row uses.
fn delimiter(text: &str) -> u8 {
    let row = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let count = |separator: char| {
        let mut is_quoted = false;
        let found = row.chars().filter(|char| {
            is_quoted ^= *char == '"';
            *char == separator && !is_quoted
        });
        found.count()
    };
    match (count(','), count(';'), count('\t')) {
        (commas, semicolons, _) if semicolons > commas => b';',
        (0, _, tabs) if tabs > 0 => b'\t',
        _ => b',',
    }
}

/// The column of user names if the row holds headings, `None` if it holds a user.
fn headings(row: &csv::StringRecord) -> Result<Option<usize>, String> {
    let names: Vec<_> = row.iter().map(heading).collect();
    let user = user_column(&names);
    if user.is_some() {
        return Ok(user);
    }
    // Of several columns nobody can tell which one holds user names, and a wrong guess shows only
    // when attendees are refused.
    let has_several = names.iter().filter(|name| !name.is_empty()).count() > 1;
    if has_several || names.iter().any(|name| OTHER.contains(&name.as_str())) {
        let found = row.iter().collect::<Vec<_>>().join(", ");
        return Err(format!(
            "has the columns {found}, and none of them is known to hold user names. Name that \
             column user or github_username in the first line"
        ));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(users(classroom).unwrap(), ["ada-l"]);
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

//! What an import would change: limits that become lower, and people whom the event does not know.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Row;
use crate::attendee::raise::lower;
use crate::error::CliError;
use crate::table::text;
use crate::user::{is_expected, similar};

/// How many attendees a message names.
const NAMED: usize = 5;

/// What an import would change.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Preview {
    /// The limits that become lower, of each attendee.
    lower: Vec<String>,
    /// Users who have not come and are not expected, the first of them with similar names.
    unknown: Vec<String>,
    /// Users who leave the roster.
    pub(super) removed: Vec<String>,
}

impl Preview {
    /// Compares the rows of a file with the attendees that there are. `replaces_roster` says that the
    /// users of the file become the roster.
    pub(super) fn of(
        rows: &[Row],
        event: &Value,
        attendees: &[Value],
        replaces_roster: bool,
    ) -> Self {
        let by_name: BTreeMap<_, _> =
            attendees.iter().map(|one| (text(&one["user"]), one)).collect();
        let mut preview = Self::default();
        for row in rows {
            let user = row.user.as_str();
            let known = by_name.get(user);
            let now = known.map_or(&event["allowances"]["attendee"], |one| &one["allowance"]);
            let lower = lower(now, &json!(row.limits));
            preview
                .lower
                .extend((!lower.is_empty()).then(|| format!("{user}: {}", lower.join(", "))));
            if !replaces_roster && !known.is_some_and(|one| is_expected(one)) {
                // A comparison with every attendee is slow, and only those that are named need it.
                let similar = match preview.unknown.len() < NAMED {
                    true => similar(user, attendees),
                    false => Vec::new(),
                };
                preview.unknown.push(match similar.as_slice() {
                    [] => user.to_owned(),
                    similar => format!("{user} (similar: {})", similar.join(", ")),
                });
            }
        }
        if replaces_roster {
            let kept: BTreeSet<_> = rows.iter().map(|row| row.user.as_str()).collect();
            let listed = attendees.iter().filter(|one| one["on_roster"] == true);
            preview.removed = listed
                .map(|one| text(&one["user"]))
                .filter(|one| !kept.contains(one.as_str()))
                .collect();
        }
        preview
    }

    /// What to say before anything is sent.
    pub(super) fn warnings(&self) -> Vec<String> {
        let unknown = (!self.unknown.is_empty()).then(|| {
            format!(
                "users who have not used the event yet and are not on its roster ({}): {}. What is \
                 set applies when they come",
                self.unknown.len(),
                some(&self.unknown)
            )
        });
        unknown.into_iter().collect()
    }

    /// An error if a limit would become lower, which few mean.
    pub(super) fn refuse_lower(&self) -> Result<(), CliError> {
        match self.lower.len() {
            0 => Ok(()),
            count => Err(CliError::Usage(format!(
                "Limits would become lower ({count} attendees): {}. Nothing was changed. Correct \
                 the file, or use --lower if you mean it",
                self.lower.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ")
                    + if count > NAMED { "; …" } else { "" }
            ))),
        }
    }
}

/// The first of a list.
pub(super) fn some(names: &[String]) -> String {
    let first = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(NAMED) {
        None | Some(0) => first,
        Some(more) => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(user: &str, limits: Value) -> Row {
        let limits = limits.as_object().cloned().unwrap_or_default();
        Row { user: user.parse().unwrap(), limits }
    }

    #[test]
    fn lower_limits_and_unknown_people_are_found_before_anything_is_sent() {
        let event = json!({"allowances": {"attendee": {"in_flight": 8, "usd_total": null}}});
        let attendees = [
            json!({"user": "ada", "joined_at": "2026-12-05T09:00:00Z", "allowance": {"in_flight": 2}}),
            json!({"user": "bob", "on_roster": true, "allowance": {"in_flight": 8}}),
        ];
        let rows = [
            row("ada", json!({"in_flight": 4})),
            row("bob", json!({"in_flight": 4})),
            row("eda", json!({"in_flight": 8, "usd_total": 1.5})),
            row("grace", json!({})),
        ];
        let preview = Preview::of(&rows, &event, &attendees, false);
        assert_eq!(
            preview.lower,
            [
                "bob: in_flight is 8 now, and 4 is lower",
                "eda: usd_total is none now, and 1.50 is lower",
            ]
        );
        assert_eq!(preview.unknown, ["eda (similar: ada)", "grace"]);
        let refused = preview.refuse_lower().unwrap_err().to_string();
        assert!(
            refused.starts_with("Limits would become lower (2 attendees): bob: ")
                && refused.contains("--lower")
        );

        let many: Vec<_> = (0..7).map(|at| row(&format!("bob{at}"), json!({}))).collect();
        let unknown = Preview::of(&many, &event, &attendees, false).unknown;
        assert_eq!(unknown[4..], ["bob4 (similar: bob)", "bob5", "bob6"]);

        let of_roster = Preview::of(&rows[..1], &event, &attendees, true);
        assert_eq!((of_roster.removed, of_roster.unknown.len()), (vec!["bob".to_owned()], 0));
        let names: Vec<_> = (1..=7).map(|number| number.to_string()).collect();
        assert_eq!(some(&names), "1, 2, 3, 4, 5 and 2 more");
    }
}

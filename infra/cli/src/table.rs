//! Formats tables and numbers.

use chrono::{DateTime, FixedOffset};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::Value;

/// The alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// Text, aligned left.
    Words(&'static str),
    /// Numbers, aligned right.
    Numbers(&'static str),
}

/// A table without borders.
pub(crate) fn table(columns: &[Column], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let names = columns.iter().map(|column| match column {
        Column::Words(name) | Column::Numbers(name) => *name,
    });
    table.set_header(names);
    for row in rows {
        table.add_row(row.iter().map(|cell| printable(cell)));
    }
    for (index, kind) in columns.iter().enumerate() {
        if let Some(column) = table.column_mut(index) {
            column.set_padding((0, 2));
            if let Column::Numbers(_) = kind {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    trimmed(&table.to_string())
}

/// Names and values, one pair per line.
pub(crate) fn pairs(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let line = |(name, value): &(&str, String)| format!("{name:<width$}  {}\n", printable(value));
    pairs.iter().map(line).collect()
}

fn trimmed(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// A text without control characters, because attendees choose their own names.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A JSON number with separators, or a dash.
pub(crate) fn number(value: &Value) -> String {
    value.as_u64().map_or_else(|| "-".to_owned(), lanyard_doctor::grouped)
}

/// A JSON string, or a dash.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or("-").to_owned()
}

/// A JSON time as local time, or a dash.
pub(crate) fn local_time(value: &Value) -> String {
    let time = value.as_str().and_then(|text| text.parse::<DateTime<FixedOffset>>().ok());
    time.map_or_else(|| text(value), |time| time.format("%Y-%m-%d %H:%M").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_table_has_its_numbers_to_the_right() {
        let rows =
            [vec!["ada".to_owned(), "7".to_owned()], vec!["b".to_owned(), "1,200".to_owned()]];
        let drawn = table(&[Column::Words("user"), Column::Numbers("tokens")], rows);
        assert_eq!(drawn, "user  tokens\nada        7\nb      1,200\n");
    }

    #[test]
    fn a_name_cannot_move_the_cursor() {
        assert_eq!(printable("ada\u{1b}[2J"), "ada\u{fffd}[2J");
    }

    #[test]
    fn times_are_local() {
        assert_eq!(local_time(&json!("2026-12-05T09:00:00+01:00")), "2026-12-05 09:00");
        assert_eq!(local_time(&json!(null)), "-");
    }
}

//! Formats tables and numbers.

use std::io::{self, IsTerminal};

use chrono::{DateTime, FixedOffset};
use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Row, Table,
    presets,
};
use crossterm::terminal;
use serde_json::Value;

/// The kind of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// Text that is cut off where a terminal is narrow.
    Words(&'static str),
    /// Text that is needed in full, such as a code or an id.
    Key(&'static str),
    /// A state, such as `open`.
    State(&'static str),
    /// Numbers, aligned right.
    Numbers(&'static str),
}

impl Column {
    fn name(self) -> &'static str {
        match self {
            Self::Words(name) | Self::Key(name) | Self::State(name) | Self::Numbers(name) => name,
        }
    }
}

/// How text is printed: as wide as a terminal, with colours or without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    /// The width of the terminal. `None` leaves lines as long as they are.
    width: Option<u16>,
    has_color: bool,
}

impl Style {
    /// The style of standard output.
    #[expect(clippy::disallowed_methods, reason = "NO_COLOR is a setting of the terminal")]
    pub(crate) fn of_terminal(no_color: bool) -> Self {
        if !io::stdout().is_terminal() {
            return Self::default();
        }
        let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let width = terminal::size().ok().map(|(width, _)| width).filter(|width| *width > 0);
        Self { width, has_color: !no_color && !is_unwanted }
    }

    /// A table without borders.
    pub(crate) fn table(
        self,
        columns: &[Column],
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_truncation_indicator("…");
        match self.has_color {
            true => table.enforce_styling(),
            false => table.force_no_tty(),
        };
        match self.width {
            Some(width) => {
                table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width)
            }
            None => table.set_content_arrangement(ContentArrangement::Disabled),
        };
        let head = columns.iter().map(|column| Cell::new(column.name()));
        table.set_header(one_line(head.map(|cell| cell.add_attribute(Attribute::Bold))));
        for row in rows {
            let cells = columns.iter().zip(&row).map(|(column, text)| cell(*column, text));
            table.add_row(one_line(cells));
        }
        for (index, kind) in columns.iter().enumerate() {
            let Some(column) = table.column_mut(index) else { continue };
            column.set_padding((0, 2));
            match kind {
                Column::Words(_) => {}
                Column::Key(_) | Column::State(_) => {
                    column.set_constraint(ColumnConstraint::ContentWidth);
                }
                Column::Numbers(_) => {
                    column.set_constraint(ColumnConstraint::ContentWidth);
                    column.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        trimmed(&table.to_string())
    }

    /// Names and values, one pair per line.
    pub(crate) fn pairs(self, pairs: &[(&str, String)]) -> String {
        let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let (on, off) = if self.has_color { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
        let line = |(name, value): &(&str, String)| {
            format!("{on}{name:<width$}{off}  {}\n", printable(value))
        };
        pairs.iter().map(line).collect()
    }
}

fn one_line(cells: impl Iterator<Item = Cell>) -> Row {
    let mut row = Row::from(cells);
    row.max_height(1);
    row
}

fn cell(column: Column, text: &str) -> Cell {
    let cell = Cell::new(printable(text));
    let color = match (column, text) {
        (Column::State(_), "open" | "joined") => Color::Green,
        (Column::State(_), "scheduled" | "paused") => Color::Yellow,
        (Column::State(_), "blocked" | "retired") => Color::Red,
        (Column::State(_), _) => Color::DarkGrey,
        (Column::Words(_) | Column::Key(_) | Column::Numbers(_), _) => return cell,
    };
    cell.fg(color)
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

/// The strings of a JSON list.
pub(crate) fn words(list: &Value) -> String {
    let words = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    words.collect::<Vec<_>>().join(", ")
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
        let columns = [Column::Words("user"), Column::Numbers("tokens")];
        let drawn = Style::default().table(&columns, rows);
        assert_eq!(drawn, "user  tokens\nada        7\nb      1,200\n");
    }

    #[test]
    fn a_table_is_no_wider_than_the_terminal_and_keeps_its_codes() {
        let rows = [vec![
            "A hackathon with a very long name indeed".to_owned(),
            "open".to_owned(),
            "oslo-hack-1c3e5g7y".to_owned(),
            "1,200".to_owned(),
        ]];
        let columns = [
            Column::Words("name"),
            Column::State("status"),
            Column::Key("code"),
            Column::Numbers("n"),
        ];
        for width in [48, 60, 80] {
            let style = Style { width: Some(width), has_color: false };
            let drawn = style.table(&columns, rows.clone());
            assert_eq!(drawn.lines().count(), 2, "{drawn}");
            for line in drawn.lines() {
                assert!(line.chars().count() <= usize::from(width), "{width}: {drawn}");
            }
            assert!(drawn.contains("oslo-hack-1c3e5g7y") && drawn.contains("1,200"), "{drawn}");
        }
        let narrow = Style { width: Some(48), has_color: false }.table(&columns, rows.clone());
        assert!(narrow.contains('…'), "{narrow}");
        assert!(!Style::default().table(&columns, rows).contains('…'));
    }

    #[test]
    fn colours_are_there_only_if_they_are_wanted() {
        let columns = [Column::Key("name"), Column::State("status")];
        let drawn = |has_color| {
            let style = Style { width: None, has_color };
            style.table(&columns, [vec!["a".to_owned(), "open".to_owned()]])
                + &style.pairs(&[("name", "a".to_owned())])
        };
        assert!(drawn(true).contains("\u{1b}["));
        assert!(!drawn(false).contains('\u{1b}'));
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

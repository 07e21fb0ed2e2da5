//! Formats tables and numbers.

use std::io::{self, IsTerminal};

use chrono::{DateTime, FixedOffset};
use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, presets};
use crossterm::terminal;
use serde_json::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The kind of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// Text that is cut off where a terminal is narrow.
    Words(&'static str),
    /// Text that is left out where a terminal is narrow, the rightmost column first.
    Extra(&'static str),
    /// Text that is cut off where a terminal is narrow, and then left out.
    ExtraWords(&'static str),
    /// Text that is needed in full, such as a code or an id.
    Key(&'static str),
    /// A state, such as `open`.
    State(&'static str),
    /// Numbers, aligned right.
    Numbers(&'static str),
    /// Numbers that are left out where a terminal is narrow.
    ExtraNumbers(&'static str),
}

/// What the cells of a column hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cells {
    /// Text that can be cut off.
    Words,
    /// Text that is shown in full.
    Key,
    State,
    Numbers,
}

impl Column {
    /// The name, what the cells hold, and whether the column can be left out.
    fn parts(self) -> (&'static str, Cells, bool) {
        match self {
            Self::Words(name) => (name, Cells::Words, false),
            Self::ExtraWords(name) => (name, Cells::Words, true),
            Self::Key(name) => (name, Cells::Key, false),
            Self::Extra(name) => (name, Cells::Key, true),
            Self::State(name) => (name, Cells::State, false),
            Self::Numbers(name) => (name, Cells::Numbers, false),
            Self::ExtraNumbers(name) => (name, Cells::Numbers, true),
        }
    }

    fn name(self) -> &'static str {
        self.parts().0
    }

    fn cells(self) -> Cells {
        self.parts().1
    }

    fn can_be_left_out(self) -> bool {
        self.parts().2
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

    /// A table without borders. Where the terminal is too narrow even without extra columns, each row
    /// becomes a block of names and values.
    pub(crate) fn table(
        self,
        columns: &[Column],
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> String {
        let rows: Vec<Vec<String>> =
            rows.into_iter().map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
        let Some(widths) = widths(columns, &rows, self.width.map(usize::from)) else {
            return self.blocks(columns, &rows);
        };
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Disabled);
        match self.has_color {
            true => table.enforce_styling(),
            false => table.force_no_tty(),
        };
        let shown: Vec<_> =
            columns.iter().zip(widths).enumerate().filter(|(_, (_, width))| *width > 0).collect();
        table.set_header(shown.iter().map(|(_, (column, width))| {
            Cell::new(cut(column.name(), *width)).add_attribute(Attribute::Bold)
        }));
        for row in &rows {
            table.add_row(shown.iter().map(|(index, (column, width))| {
                let text = row.get(*index).map(String::as_str).unwrap_or_default();
                cell(**column, &cut(text, *width))
            }));
        }
        for (place, (_, (kind, _))) in shown.iter().enumerate() {
            let Some(column) = table.column_mut(place) else { continue };
            // Colours end behind the spaces of a cell, so those of the last one would not be trimmed.
            column.set_padding((0, if place + 1 == shown.len() { 0 } else { GAP }));
            if kind.cells() == Cells::Numbers {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        trimmed(&table.to_string())
    }

    /// Each row as names and values, with an empty line between two rows.
    fn blocks(self, columns: &[Column], rows: &[Vec<String>]) -> String {
        let block = |row: &Vec<String>| {
            let cells = columns.iter().map(|column| column.name()).zip(row.iter().cloned());
            let cells: Vec<_> = cells.filter(|(_, cell)| !cell.is_empty()).collect();
            self.pairs(&cells)
        };
        rows.iter().map(block).collect::<Vec<_>>().join("\n")
    }

    /// Names and values, one pair per line. On a terminal, long values continue below themselves.
    pub(crate) fn pairs(self, pairs: &[(&str, String)]) -> String {
        let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let (on, off) = if self.has_color { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
        let indent = width + usize::from(GAP);
        let room = self.width.and_then(|all| usize::from(all).checked_sub(indent));
        let room = room.filter(|room| *room >= LEAST);
        let break_line = format!("\n{:indent$}", "");
        let line = |(name, value): &(&str, String)| {
            let value = printable(value);
            let value =
                room.map_or_else(|| value.clone(), |room| wrapped(&value, room).join(&break_line));
            format!("{on}{name:<width$}{off}  {value}\n")
        };
        pairs.iter().map(line).collect()
    }
}

/// A text in lines of so many columns, broken between words. A longer word has a line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut().filter(|line| line.width() + 1 + word.width() <= width) {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The spaces between two columns.
const GAP: u16 = 2;

/// A column of text is not cut off below this width.
const LEAST: usize = 12;

/// The width of each column, 0 for one that is left out. Without a limit each has what it needs.
/// `None` if what is needed in full has no room.
///
/// First the widest columns of text are cut off, then columns are left out. comfy-table could do it
/// as well, but it cuts between words and makes all columns narrow alike.
fn widths(columns: &[Column], rows: &[Vec<String>], most: Option<usize>) -> Option<Vec<usize>> {
    let cells = |index: usize| rows.iter().filter_map(move |row| row.get(index));
    let needed = |(index, column): (usize, &Column)| {
        cells(index).map(|cell| cell.width()).max().unwrap_or(0).max(column.name().width()).max(1)
    };
    let mut widths: Vec<_> = columns.iter().enumerate().map(needed).collect();
    let Some(most) = most else { return Some(widths) };
    let total = |widths: &[usize]| {
        let shown = widths.iter().filter(|width| **width > 0);
        shown.map(|width| width + usize::from(GAP)).sum::<usize>()
    };
    // The last column needs no gap.
    while total(&widths) > most + usize::from(GAP) {
        let words = widths
            .iter_mut()
            .zip(columns)
            .filter(|(width, column)| column.cells() == Cells::Words && **width > LEAST);
        if let Some((width, _)) = words.max_by_key(|(width, _)| **width) {
            *width -= 1;
            continue;
        }
        let mut extra = widths.iter_mut().zip(columns).rev();
        let extra = extra.find(|(width, column)| column.can_be_left_out() && **width > 0);
        match extra {
            Some((width, _)) => *width = 0,
            None => return None,
        }
    }
    Some(widths)
}

/// A text that takes so many columns at most.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    for character in text.chars() {
        if cut.width() + character.width().unwrap_or(0) + 1 > width {
            break;
        }
        cut.push(character);
    }
    cut.push('…');
    cut
}

fn cell(column: Column, text: &str) -> Cell {
    let cell = Cell::new(text);
    match (column.cells(), text) {
        (Cells::Words | Cells::Key | Cells::Numbers, _) => cell,
        (Cells::State, "open" | "joined") => cell.fg(Color::Green),
        (Cells::State, "scheduled" | "paused") => cell.fg(Color::Yellow),
        (Cells::State, "blocked" | "retired") => cell.fg(Color::Red),
        (Cells::State, _) => cell.fg(Color::DarkGrey),
    }
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
    formatted(value, "%Y-%m-%d %H:%M")
}

/// The same to the second.
pub(crate) fn local_second(value: &Value) -> String {
    formatted(value, "%Y-%m-%d %H:%M:%S")
}

fn formatted(value: &Value, format: &str) -> String {
    let time = value.as_str().and_then(|text| text.parse::<DateTime<FixedOffset>>().ok());
    time.map_or_else(|| text(value), |time| time.format(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_long_value_continues_below_itself_on_a_terminal_only() {
        let pairs = [
            ("name", "one two three four five six seven".to_owned()),
            ("id", "a-word-that-is-longer-than-its-column".to_owned()),
        ];
        let narrow = Style { width: Some(30), has_color: false }.pairs(&pairs);
        let expected = "name  one two three four five\n      six seven\n\
                        id    a-word-that-is-longer-than-its-column\n";
        assert_eq!(narrow, expected);
        assert_eq!(Style::default().pairs(&pairs).lines().count(), 2);
    }

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
        let row = |name: &str| {
            let cells = [name, "open", "oslo-hack-1c3e5g7y", "2026-12-05 09:00", "1,200"];
            cells.map(str::to_owned).to_vec()
        };
        let rows = [row("A hackathon with a very long name"), row("日本語のハッカソンの名前です")];
        let columns = [
            Column::Words("name"),
            Column::State("status"),
            Column::Key("code"),
            Column::Extra("starts"),
            Column::Numbers("n"),
        ];
        let drawn = |width| Style { width, has_color: false }.table(&columns, rows.clone());
        for width in [50, 64, 65, 80, 120] {
            let drawn = drawn(Some(width));
            assert_eq!(drawn.lines().count(), 3, "{drawn}");
            for line in drawn.lines() {
                assert!(line.width() <= usize::from(width), "{width}: {drawn}");
            }
            assert!(drawn.contains("oslo-hack-1c3e5g7y") && drawn.contains("1,200"), "{drawn}");
            // Names are cut off before a column is left out.
            assert_eq!(drawn.contains("2026-12-05 09:00"), width > 64, "{width}: {drawn}");
        }
        assert!(drawn(Some(80)).contains("A hackathon with a very lo…"), "{}", drawn(Some(80)));
        assert!(!drawn(Some(120)).contains('…') && !drawn(None).contains('…'));
    }

    #[test]
    fn a_row_that_has_no_room_becomes_a_block() {
        let columns =
            [Column::Key("name"), Column::Numbers("tokens/min"), Column::Words("operations")];
        let row = |name: &str, operations: &str| {
            vec![name.to_owned(), "1,200".to_owned(), operations.to_owned()]
        };
        let rows =
            [row("gpt-4o-mini", "chat_completions, responses, embeddings"), row("whisper", "")];
        let drawn =
            |width| Style { width: Some(width), has_color: false }.table(&columns, rows.clone());
        // 11 + 2 + 10 + 2 and the twelve letters that a text keeps.
        assert!(drawn(37).starts_with("name         tokens/min  operations\n"), "{}", drawn(37));
        assert_eq!(
            drawn(36),
            "name        gpt-4o-mini\n\
             tokens/min  1,200\n\
             operations  chat_completions,\n            responses, embeddings\n\n\
             name        whisper\n\
             tokens/min  1,200\n"
        );
    }

    #[test]
    fn colours_make_no_line_wider() {
        let columns = [Column::Key("name"), Column::Words("operations")];
        let rows = [vec!["gpt-4o".to_owned(), "chat_completions, responses".to_owned()]];
        let drawn = Style { width: Some(30), has_color: true }.table(&columns, rows);
        for line in drawn.lines() {
            let mut width = 0;
            for (index, part) in line.split('\u{1b}').enumerate() {
                let text =
                    part.split_once('m').filter(|_| index > 0).map_or(part, |(_, text)| text);
                width += text.width();
            }
            assert!(width <= 30, "{width}: {line:?}");
        }
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

//! The rows of a CSV, as people and programs write it.
//!
//! `roster-csv.js` of the pages follows the same rules. Both are tested with `cases.json`.

/// The separators that are found, the more usual first.
const SEPARATORS: [char; 3] = [',', ';', '\t'];

/// A row that is not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The number of its first line.
    pub line: usize,
    /// The text of its cells, without spaces around it.
    pub cells: Vec<String>,
}

impl Row {
    /// The text of a cell. A row may be shorter than others.
    #[must_use]
    pub fn cell(&self, place: usize) -> &str {
        self.cells.get(place).map_or("", String::as_str)
    }
}

/// A quote that is not closed would swallow the lines behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} has a quote that is never closed")]
pub struct UnclosedQuote {
    /// The line with the quote.
    pub line: usize,
}

/// The rows that are not empty, separated by commas, semicolons or tabs. The first line `sep=;`, by
/// which Excel names the separator, is not one of them.
///
/// A cell that begins with a quote may contain separators, line ends, and quotes written twice.
///
/// # Errors
///
/// [`UnclosedQuote`].
pub fn rows(text: &str) -> Result<Vec<Row>, UnclosedQuote> {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    let (named, text) = named_separator(&text);
    let separator = named.unwrap_or_else(|| separator(text));
    let mut reader = Reader { line: 1, begun: 1, ..Reader::default() };
    let mut quoted_since = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let line = reader.line;
        reader.line += usize::from(letter == '\n');
        match letter {
            '"' if quoted_since.is_some() => match letters.next_if_eq(&'"') {
                Some(quote) => reader.cell.push(quote),
                None => quoted_since = None,
            },
            _ if quoted_since.is_some() => reader.cell.push(letter),
            '"' if reader.cell.trim().is_empty() => {
                reader.cell.clear();
                quoted_since = Some(line);
            }
            '\n' => reader.end_row(),
            _ if letter == separator => reader.end_cell(),
            _ => reader.cell.push(letter),
        }
    }
    if let Some(line) = quoted_since {
        return Err(UnclosedQuote { line });
    }
    reader.end_row();
    Ok(reader.rows)
}

#[derive(Default)]
struct Reader {
    line: usize,
    /// The first line of this row.
    begun: usize,
    cell: String,
    cells: Vec<String>,
    rows: Vec<Row>,
}

impl Reader {
    fn end_cell(&mut self) {
        self.cells.push(std::mem::take(&mut self.cell).trim().to_owned());
    }

    fn end_row(&mut self) {
        self.end_cell();
        let cells = std::mem::take(&mut self.cells);
        if cells.iter().any(|cell| !cell.is_empty()) {
            self.rows.push(Row { line: self.begun, cells });
        }
        self.begun = self.line;
    }
}

/// The separator that a first line `sep=;` names, and what follows the line. The end of the line
/// stays, so that lines keep their numbers.
fn named_separator(text: &str) -> (Option<char>, &str) {
    let (line, rest) = text.split_at(text.find('\n').unwrap_or(text.len()));
    let line = line.trim_matches('"');
    let (name, separator) = line.split_at_checked(4).unwrap_or((line, ""));
    let mut letters = separator.chars();
    match (name.eq_ignore_ascii_case("sep="), letters.next(), letters.next()) {
        (true, Some(separator), None) => (Some(separator), rest),
        _ => (None, text),
    }
}

/// The separator that the first row has most of.
fn separator(text: &str) -> char {
    let mut counts = [0_usize; SEPARATORS.len()];
    let (mut is_quoted, mut is_blank) = (false, true);
    for letter in text.chars() {
        if letter == '\n' && !is_quoted && !is_blank {
            break;
        }
        is_quoted ^= letter == '"';
        is_blank &= letter.is_whitespace();
        let place = SEPARATORS.iter().position(|one| *one == letter && !is_quoted);
        if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
            *count += 1;
        }
    }
    let most = counts.iter().copied().max().unwrap_or_default();
    let found = SEPARATORS.iter().zip(counts).find(|(_, count)| *count == most);
    found.map_or(',', |(separator, _)| *separator)
}

//! What the elements of office documents and of HTML show, and how often.

use super::XmlText;
use crate::content::file::attributes::{attribute, attributes, local_name};
use crate::content::file::strings::SharedStrings;

/// The most parts that one part names.
const MOST_NAMED: usize = 10_000;

/// The elements after which a line ends, in the words of office documents and of HTML.
const BLOCKS: [&[u8]; 24] = [
    b"p",
    b"h",
    b"h1",
    b"h2",
    b"h3",
    b"h4",
    b"h5",
    b"h6",
    b"div",
    b"li",
    b"br",
    b"tab",
    b"title",
    b"td",
    b"th",
    b"dt",
    b"dd",
    b"tc",
    b"tr",
    b"c",
    b"si",
    b"table-cell",
    b"line-break",
    b"text",
];

/// The attributes whose text a reader may see.
const READABLE: [&[u8]; 10] = [
    b"descr",
    b"title",
    b"alt",
    b"href",
    b"src",
    b"tooltip",
    b"label",
    b"string",
    b"string-value",
    b"formula",
];

/// Spaces that are one token.
const SPACES_OF_A_TOKEN: u64 = 8;

impl XmlText {
    pub(super) fn begin_element(&mut self, name: &[u8], tag: &[u8], is_empty: bool) -> Option<()> {
        let begin = self.text.tokens();
        for (_, value) in attributes(tag).filter(|(name, _)| READABLE.contains(&local_name(name))) {
            self.text.add(value);
            self.text.add(b"\n");
        }
        let times = |wanted: &[u8]| match attribute(tag, wanted)? {
            Some(value) => std::str::from_utf8(value).ok()?.trim().parse::<u64>().ok(),
            None => Some(1),
        };
        match name {
            b"c" => {
                // Which of two types counts for a cell within a cell is not known.
                if self.is_in_cell {
                    return None;
                }
                self.is_in_cell = true;
                let kind = attribute(tag, b"t")?.unwrap_or_default();
                self.is_shared = kind == b"s" || kind.contains(&b'&');
            }
            b"v" => self.number = self.is_shared.then_some(0),
            b"si" => self.string = self.text.tokens(),
            b"s" => {
                let tokens = times(b"c")?.div_ceil(SPACES_OF_A_TOKEN);
                self.repeated = self.repeated.saturating_add(tokens);
            }
            b"table-row" => {
                let rows = times(b"number-rows-repeated")?;
                self.expect_no_repetition_around(rows)?;
                self.rows = rows;
            }
            b"table-cell" | b"covered-table-cell" if !is_empty || self.text.tokens() > begin => {
                let columns = times(b"number-columns-repeated")?;
                self.expect_no_repetition_around(columns)?;
                self.columns = columns;
                self.cell = Some(begin);
            }
            b"table" => self.add_name(tag)?,
            b"itemref" => return self.name_once(name, attribute(tag, b"idref")?),
            b"item" => return self.name_once(name, attribute(tag, b"href")?),
            b"sldId" | b"sheet" => {
                self.add_name(tag)?;
                let ids = attributes(tag).filter(|(name, _)| name.ends_with(b":id"));
                return ids.map(|(_, id)| self.name_once(b"id", Some(id))).collect();
            }
            b"Relationship" => {
                let kind = attribute(tag, b"Type")?.unwrap_or_default();
                if kind.contains(&b'&') {
                    return None;
                }
                if kind.ends_with(b"/slide") || kind.ends_with(b"/worksheet") {
                    return self.name_once(name, attribute(tag, b"Target")?);
                }
            }
            _ => {}
        }
        Some(())
    }

    pub(super) fn end_element(&mut self, name: &[u8], strings: &mut SharedStrings) -> Option<()> {
        match name {
            b"c" => self.is_in_cell = false,
            b"v" => {
                if let Some(number) = self.number.take() {
                    strings.name(number)?;
                }
            }
            b"si" => strings.add(self.text.tokens().saturating_sub(self.string))?,
            b"table-cell" | b"covered-table-cell" => {
                if let Some(begin) = self.cell.take() {
                    let tokens = self.text.tokens().saturating_sub(begin);
                    let times = self.rows.max(1).saturating_mul(self.columns).saturating_sub(1);
                    self.repeated = self.repeated.saturating_add(tokens.saturating_mul(times));
                }
            }
            _ => {}
        }
        if BLOCKS.contains(&name) {
            self.text.add(b"\n");
        }
        Some(())
    }

    /// Adds the name of a sheet, which people read. `None` if it has two.
    fn add_name(&mut self, tag: &[u8]) -> Option<()> {
        self.text.add(attribute(tag, b"name")?.unwrap_or_default());
        Some(())
    }

    /// `None` for a row or cell within a cell, if either is repeated.
    fn expect_no_repetition_around(&self, times: u64) -> Option<()> {
        let is_repeated = self.rows > 1 || self.columns > 1 || times > 1;
        (self.cell.is_none() || !is_repeated).then_some(())
    }

    /// Notes a name of a part; `None` if it is there twice, could be written in several ways, or there
    /// are too many.
    fn name_once(&mut self, of: &[u8], name: Option<&[u8]>) -> Option<()> {
        let Some(name) = name else { return Some(()) };
        if name.contains(&b'&') || name.contains(&b'%') {
            return None;
        }
        let file = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let file = file.split(|byte| b"#?".contains(byte)).next().unwrap_or_default();
        let named = [of, b" ", file.to_ascii_lowercase().as_slice()].concat();
        (self.named.insert(named) && self.named.len() <= MOST_NAMED).then_some(())
    }
}

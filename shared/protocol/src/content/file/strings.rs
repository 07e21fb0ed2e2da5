//! The strings that the cells of a workbook share.

use std::collections::HashMap;

/// The most strings that the cells of a workbook share.
const MOST_STRINGS: usize = 1024 * 1024;

/// The strings that the cells of a workbook name by their number, and how often they do.
#[derive(Debug, Default)]
pub(super) struct SharedStrings {
    /// The tokens of those of each part. Only readers know which part counts.
    parts: Vec<Vec<u64>>,
    count: usize,
    uses: HashMap<usize, u64>,
    /// Whether only some readers see a part of the archive, which may have strings and cells.
    is_ambiguous: bool,
}

impl SharedStrings {
    /// Begins a part of the archive.
    pub(super) fn begin_part(&mut self) {
        self.parts.retain(|part| !part.is_empty());
        self.parts.push(Vec::new());
    }

    /// Adds a string of so many tokens. `None` if there are too many.
    pub(super) fn add(&mut self, tokens: u64) -> Option<()> {
        self.parts.last_mut()?.push(tokens);
        self.count += 1;
        (self.count <= MOST_STRINGS).then_some(())
    }

    /// Notes that a cell names a string. `None` if nothing has so many.
    pub(super) fn name(&mut self, number: usize) -> Option<()> {
        if number >= MOST_STRINGS {
            return None;
        }
        *self.uses.entry(number).or_default() += 1;
        Some(())
    }

    /// Notes that readers may see other strings and cells in this part.
    pub(super) fn note_ambiguity(&mut self) {
        self.is_ambiguous = true;
    }

    /// Sees what is in a tag, a comment or a section of plain characters. Says whether some readers
    /// see elements in it.
    pub(super) fn sees_hidden(&mut self, text: &[u8]) -> bool {
        let has_element = memchr::memchr(b'<', text).is_some();
        self.is_ambiguous |= has_element;
        has_element
    }

    /// The tokens that the cells add to the strings themselves. `None` if nobody can tell.
    pub(super) fn repeated_tokens(&self) -> Option<u64> {
        if self.is_ambiguous && self.count > 0 {
            return None;
        }
        let repeated = |part: &Vec<u64>| {
            let uses = |number| self.uses.get(&number).copied().unwrap_or_default();
            let each = part.iter().enumerate();
            let each =
                each.map(|(number, tokens)| tokens.saturating_mul(uses(number).saturating_sub(1)));
            each.fold(0, u64::saturating_add)
        };
        Some(self.parts.iter().map(repeated).max().unwrap_or_default())
    }
}

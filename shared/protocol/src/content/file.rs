//! The tokens of a file, as a model reads it.
//!
//! A packed document counts by what it unpacks to, whatever its headers say: the text of its parts,
//! and images by their size. It is unpacked piece by piece, within the budget of the request.
//! <https://platform.openai.com/docs/guides/file-inputs>

mod attributes;
mod inflate;
mod part;
mod strings;
#[cfg(test)]
mod tests;
mod xml;
mod zip;

use lanyard_domain::images::{Detail, ImageRule};
use lanyard_domain::models::ModelFacts;

use self::inflate::{Inflater, gunzip, is_gzip};
use self::part::{Found, Part, PartBytes};
use self::strings::SharedStrings;
use super::{PAGE, context_of, size_of};
use crate::budget::Budget;
use crate::pdf;
use crate::tokens::tokens_of_plain_text;

/// How deep archives in archives are read.
const DEEPEST: usize = 3;

/// How files begin that are packed in a way that is not read here: 7z, xz, Zstandard, RAR, LZ4 and
/// bzip2.
const UNREADABLE: [&[u8]; 6] = [
    b"7z\xbc\xaf\x27\x1c",
    b"\xfd7zXZ\0",
    b"\x28\xb5\x2f\xfd",
    b"Rar!\x1a\x07",
    b"\x04\x22\x4d\x18",
    b"BZh91AY&SY",
];

/// Reads files for a model, within the budget of a request.
pub(super) struct FileReader<'r> {
    facts: &'r ModelFacts,
    budget: &'r mut Budget,
    /// In how many archives the current file is.
    depth: usize,
}

impl<'r> FileReader<'r> {
    pub(super) fn new(facts: &'r ModelFacts, budget: &'r mut Budget) -> Self {
        Self { facts, budget, depth: 0 }
    }

    /// The tokens of a file, or more; `None` if they cannot be told.
    pub(super) fn tokens(&mut self, file: &[u8]) -> Option<u64> {
        if self.depth > DEEPEST || UNREADABLE.iter().any(|begin| file.starts_with(begin)) {
            return None;
        }
        let mut tokens = None;
        // It may be several things, for several readers.
        if pdf::is_one(file) {
            tokens = tokens.max(Some(self.of_pdf(file)?));
        }
        let is_archive = zip::is_one(file);
        if is_archive {
            tokens = tokens.max(Some(self.of_archive(file)?));
        }
        if is_gzip(file) {
            tokens = tokens.max(Some(self.of_gzip(file)?));
        }
        match std::str::from_utf8(file) {
            _ if file.starts_with(b"%PDF") => {}
            Ok(text) => tokens = tokens.max(Some(tokens_of_plain_text(text.as_bytes()))),
            // What is text in an archive was counted.
            Err(_) if tokens.is_some() && !is_archive => {
                let found = PartBytes::of(file).found(self.facts);
                tokens = tokens.max(Some(self.of_found(Found::Tokens(found.text_tokens()))));
            }
            Err(_) => {}
        }
        Some(tokens.unwrap_or_else(|| match size_of(file) {
            // A text may begin like an image.
            Some(_) => self.of_found(PartBytes::of_image(file).found(self.facts)),
            None => self.of_bytes(file.len() as u64),
        }))
    }

    /// The tokens of a file in the current one.
    fn tokens_within(&mut self, file: &[u8]) -> Option<u64> {
        self.depth += 1;
        let tokens = self.tokens(file);
        self.depth -= 1;
        tokens
    }

    /// No text takes more tokens than bytes.
    fn of_bytes(&self, bytes: u64) -> u64 {
        bytes.min(context_of(self.facts))
    }

    /// No file fills more than the context.
    fn of_found(&self, found: Found) -> u64 {
        match found {
            Found::Tokens(tokens) => tokens.min(context_of(self.facts)),
            Found::Binary { bytes, .. } => self.of_bytes(bytes),
        }
    }

    fn of_pdf(&mut self, file: &[u8]) -> Option<u64> {
        let rule = self.facts.image.unwrap_or(ImageRule::UNKNOWN);
        let page = rule.tokens(Some(PAGE), Detail::High);
        let pdf = pdf::read(file, self.budget)?;
        let tokens = pdf.text_tokens.saturating_add(pdf.pages.saturating_mul(page));
        Some(self.of_found(Found::Tokens(tokens)))
    }

    fn of_archive(&mut self, file: &[u8]) -> Option<u64> {
        let mut strings = SharedStrings::default();
        let mut inflater = None;
        let mut sum = 0_u64;
        // Names and the like, which are all that there is for a reader who takes it for text.
        let mut others = PartBytes::default();
        let mut at = 0;
        for entry in zip::entries(file)? {
            others.add(file.get(at..entry.begin)?);
            at = entry.begin + entry.packed.len();
            let mut part = Part::new(&mut strings);
            if entry.is_deflated {
                let mut unpacked = 0;
                let inflater = inflater.get_or_insert_with(Inflater::new);
                let read = inflater.unpack(entry.packed, self.budget, |piece| {
                    unpacked += piece.len();
                    part.add(piece, &mut strings)
                })?;
                if (read, unpacked) != (entry.packed.len(), entry.unpacked) {
                    return None;
                }
            } else {
                self.budget.read(entry.packed.len())?;
                part.add(entry.packed, &mut strings)?;
            }
            sum = sum.saturating_add(part.found(self, &mut strings)?.text_tokens());
        }
        others.add(file.get(at..)?);
        let sum = sum.saturating_add(strings.repeated_tokens()?);
        let others = others.found(self.facts).text_tokens();
        Some(self.of_found(Found::Tokens(sum.max(others))))
    }

    fn of_gzip(&mut self, file: &[u8]) -> Option<u64> {
        let mut strings = SharedStrings::default();
        let mut part = Part::new(&mut strings);
        gunzip(file, self.budget, |piece| part.add(piece, &mut strings))?;
        let found = part.found(self, &mut strings)?;
        Some(self.of_found(found))
    }
}

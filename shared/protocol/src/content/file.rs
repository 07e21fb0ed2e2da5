//! The tokens of a file, as a model reads it.
//!
//! A packed document counts by what it unpacks to, whatever its headers say: the text of its parts,
//! and images by their size. It is unpacked piece by piece, within the budget of the request.
//! <https://platform.openai.com/docs/guides/file-inputs>

mod attributes;
mod inflate;
mod part;
#[cfg(test)]
mod tests;
mod xml;
mod zip;

use lanyard_domain::images::{Detail, ImageRule};
use lanyard_domain::models::ModelFacts;

use self::inflate::{Inflater, gunzip, is_gzip};
use self::part::{Found, Part};
use self::xml::SharedStrings;
use super::{PAGE, context_of, size_of, tokens_of_image_file};
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

/// The tokens of a file, or more; `None` if they cannot be told.
pub(super) fn tokens(file: &[u8], facts: &ModelFacts, budget: &mut Budget) -> Option<u64> {
    nested_tokens(file, facts, budget, 0)
}

/// The same of a file in so many archives.
fn nested_tokens(
    file: &[u8],
    facts: &ModelFacts,
    budget: &mut Budget,
    depth: usize,
) -> Option<u64> {
    if depth > DEEPEST || UNREADABLE.iter().any(|begin| file.starts_with(begin)) {
        return None;
    }
    let mut tokens = None;
    // It may be several things, for several readers.
    if pdf::is_one(file) {
        tokens = tokens.max(Some(tokens_of_pdf(file, facts, budget)?));
    }
    if zip::is_one(file) {
        tokens = tokens.max(Some(tokens_of_archive(file, facts, budget, depth)?));
    }
    if is_gzip(file) {
        tokens = tokens.max(Some(tokens_of_gzip(file, facts, budget, depth)?));
    }
    if !file.starts_with(b"%PDF")
        && let Ok(text) = std::str::from_utf8(file)
    {
        tokens = tokens.max(Some(tokens_of_plain_text(text.as_bytes())));
    }
    Some(tokens.unwrap_or_else(|| match size_of(file) {
        Some(_) => tokens_of_image_file(file, facts),
        // No text takes more tokens than bytes.
        None => (file.len() as u64).min(context_of(facts)),
    }))
}

fn tokens_of_pdf(file: &[u8], facts: &ModelFacts, budget: &mut Budget) -> Option<u64> {
    let page = facts.image.unwrap_or(ImageRule::UNKNOWN).tokens(Some(PAGE), Detail::High);
    let pdf = pdf::read(file, budget)?;
    Some(pdf.text_tokens.saturating_add(pdf.pages.saturating_mul(page)))
}

fn tokens_of_archive(
    file: &[u8],
    facts: &ModelFacts,
    budget: &mut Budget,
    depth: usize,
) -> Option<u64> {
    let mut strings = SharedStrings::default();
    let mut inflater = Inflater::new();
    let mut sum = 0_u64;
    for entry in zip::entries(file)? {
        let mut part = Part::new();
        if entry.is_deflated {
            let mut unpacked = 0;
            let read = inflater.unpack(entry.packed, budget, |piece| {
                unpacked += piece.len();
                part.add(piece, &mut strings)
            })?;
            if (read, unpacked) != (entry.packed.len(), entry.unpacked) {
                return None;
            }
        } else {
            budget.read(entry.packed.len())?;
            part.add(entry.packed, &mut strings)?;
        }
        match part.found(facts, &mut strings, budget, depth)? {
            Found::Tokens(tokens) => sum = sum.saturating_add(tokens),
            // Fonts, programs and settings of printers.
            Found::Binary(_) => {}
        }
    }
    Some(sum.saturating_add(strings.repeated_tokens()))
}

fn tokens_of_gzip(
    file: &[u8],
    facts: &ModelFacts,
    budget: &mut Budget,
    depth: usize,
) -> Option<u64> {
    let (mut part, mut strings) = (Part::new(), SharedStrings::default());
    gunzip(file, budget, |piece| part.add(piece, &mut strings))?;
    match part.found(facts, &mut strings, budget, depth)? {
        Found::Tokens(tokens) => Some(tokens),
        Found::Binary(bytes) => Some(bytes.min(context_of(facts))),
    }
}

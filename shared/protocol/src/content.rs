//! The tokens of a prompt's content: text, images, files and recordings, wherever they are.
//!
//! Encoded data never counts by its length: an image counts by its size, a PDF by its pages and
//! text, a packed document by what it unpacks to, a recording by its seconds. Content of unknown size
//! counts as the model's maximum.

mod encoded;
mod file;
mod size;

use std::borrow::Cow;

use lanyard_domain::images::{Detail, ImageRule, Size};
use lanyard_domain::models::ModelFacts;

pub(crate) use self::encoded::seconds_of;
use self::encoded::{decoded, image_size, is_address};
use self::file::FileReader;
pub(crate) use self::size::size_of;
use crate::budget::Budget;
use crate::json;
use crate::tokens::tokens_of_plain_text;
use crate::tree::Node;

#[cfg(test)]
mod tests;

/// The most images of one request.
pub(crate) const MOST_IMAGES: u64 = 50;

/// The tokens of an item or message beside its content.
const ITEM_TOKENS: u64 = 4;

/// Tokens of a second of a recording: one for each tenth,
/// <https://platform.openai.com/docs/guides/realtime-costs>.
const AUDIO_TOKENS_PER_SECOND: u64 = 10;

/// A page of a PDF as the model sees it: A4 that fits 2,048 pixels.
const PAGE: Size = Size { width: 1_448, height: 2_048 };

/// Tokenizers read numbers in threes.
const DIGITS_PER_TOKEN: u64 = 3;

/// The limits of a model that is not in the table.
const USUAL_CONTEXT: u64 = 128_000;

/// The types of parts and items that are an image.
const IMAGE_TYPES: [&str; 7] = [
    "image_url",
    "input_image",
    "output_image",
    "image_file",
    "image",
    "computer_screenshot",
    "image_generation_call",
];

/// The fields of such a part that hold the image, encoded or by its address. The code interpreter
/// writes `url`, MCP `data`.
const IMAGE_FIELDS: [&str; 7] =
    ["image_url", "result", "url", "data", "image", "base64", "b64_json"];

/// The tokens of content for a model.
pub(crate) struct Content<'f> {
    /// Tokens of everything.
    pub(crate) tokens: u64,
    /// Images.
    pub(crate) images: u64,
    /// The facts of the model.
    pub(crate) facts: &'f ModelFacts,
    /// What its files may still cost us.
    budget: Budget,
    /// Whether it is in a part that says twice what it is.
    is_in_both: bool,
}

impl<'f> Content<'f> {
    /// Reads a value and all that it holds, from its JSON and as it was parsed.
    pub(crate) fn of(json: &str, node: &Node<'_>, facts: &'f ModelFacts) -> Self {
        let mut content = Self::nothing(facts);
        content.see(node);
        content.add(json::digits(json).div_ceil(DIGITS_PER_TOKEN));
        content
    }

    /// No content yet.
    pub(crate) fn nothing(facts: &'f ModelFacts) -> Self {
        Self { tokens: 0, images: 0, facts, budget: Budget::default(), is_in_both: false }
    }

    /// Adds an image that is sent with the request, or one at an address.
    pub(crate) fn see_image(&mut self, url: &str) {
        let rule = self.facts.image.unwrap_or(ImageRule::UNKNOWN);
        self.images += 1;
        self.add(rule.tokens(image_size(url), Detail::High));
    }

    /// Adds a value and all that it holds.
    pub(crate) fn see(&mut self, node: &Node<'_>) {
        match node {
            Node::Text(text) => self.add(tokens_of_plain_text(text.as_bytes())),
            Node::List(list) => list.iter().for_each(|node| {
                self.add(ITEM_TOKENS);
                self.see(node);
            }),
            Node::Map(fields) => {
                if self.sees_both(node) || self.sees_image(node) || self.sees_document(node) {
                    return;
                }
                let is_hidden = is_of(node, "redacted_thinking");
                for (name, value) in fields {
                    let is_data = is_hidden && name.eq_ignore_ascii_case("data");
                    self.see_field(if is_data { "encrypted_content" } else { name }, value);
                }
            }
            // The digits are counted for all numbers at once.
            Node::Null | Node::Other => self.add(1),
        }
    }

    /// Adds a name, which is text like any other to a model that reads the field.
    fn see_name(&mut self, name: &str) {
        self.add(tokens_of_plain_text(name.as_bytes()));
    }

    fn see_field(&mut self, name: &str, value: &Node<'_>) {
        self.see_name(name);
        match (in_lower_case(name).as_ref(), value) {
            ("file_url", Node::Text(_)) => self.add(self.context()),
            // Only the model can read it. It is about six characters of base64 for a token.
            ("encrypted_content" | "encrypted_index" | "signature", Node::Text(text)) => {
                self.add((text.len() as u64).div_ceil(6))
            }
            // The arguments of a tool, which a model reads as text whatever they look like.
            ("input" | "arguments", Node::Map(_)) => self.see_text(value),
            (name, value) => match Medium::of(name) {
                Some(medium) => self.see_medium(medium, value),
                None => self.see(value),
            },
        }
    }

    fn see_text(&mut self, node: &Node<'_>) {
        match node {
            Node::Text(text) => self.add(tokens_of_plain_text(text.as_bytes())),
            Node::List(list) => list.iter().for_each(|node| self.see_text(node)),
            Node::Map(fields) => fields.iter().for_each(|(name, value)| {
                self.see_name(name);
                self.see_text(value);
            }),
            Node::Null | Node::Other => self.add(1),
        }
    }

    /// Counts a medium: its data by what they hold, one at an address as the model's maximum.
    fn see_medium(&mut self, medium: Medium, value: &Node<'_>) {
        let fields = ["url", "data", "file_data"];
        let within = fields.iter().flat_map(|field| value.all(field)).filter_map(Node::text);
        let texts: Vec<_> = value.text().into_iter().chain(within).collect();
        for text in &texts {
            if is_address(text) {
                self.add(self.context());
                continue;
            }
            let is_encoded = text.contains(";base64,") || value.text() != Some(text);
            match medium {
                Medium::File => self.see_file(text),
                Medium::Audio if is_encoded => self.see_recording(text),
                Medium::Video if is_encoded => self.add(self.context()),
                Medium::Audio | Medium::Video => self.add(tokens_of_plain_text(text.as_bytes())),
            }
        }
        match value {
            Node::Text(_) => {}
            Node::Map(others) => {
                for (name, value) in others {
                    let is_read = is_one_of(&fields, name) && value.text().is_some();
                    if !is_read {
                        self.see_field(name, value);
                    }
                }
            }
            Node::List(_) | Node::Null | Node::Other => self.see(value),
        }
    }

    fn see_file(&mut self, data: &str) {
        let tokens = self.file_tokens(&decoded(data, usize::MAX));
        self.add(tokens);
    }

    fn see_recording(&mut self, data: &str) {
        self.add(seconds_of(data).saturating_mul(AUDIO_TOKENS_PER_SECOND));
    }

    /// What a medium of unknown size counts.
    fn context(&self) -> u64 {
        context_of(self.facts)
    }

    /// Counts a part that says twice what it is, an image and a document, as the dearer of them.
    /// Says whether it is one.
    fn sees_both(&mut self, node: &Node<'_>) -> bool {
        if node.all("type").count() < 2 {
            return false;
        }
        // Each such part is read twice, so one within another would be read four times, and so on.
        if self.is_in_both {
            self.add(self.context());
            return true;
        }
        let budget = std::mem::take(&mut self.budget);
        let mut image = Self { budget, is_in_both: true, ..Self::nothing(self.facts) };
        let is_image = image.sees_image(node);
        let budget = std::mem::take(&mut image.budget);
        let mut document = Self { budget, is_in_both: true, ..Self::nothing(self.facts) };
        let is_document = document.sees_document(node);
        self.budget = document.budget;
        if !is_image || !is_document {
            return false;
        }
        self.images += image.images.max(document.images);
        self.add(image.tokens.max(document.tokens));
        true
    }

    /// Counts a part that is an image, in each of the forms that the APIs know. Says whether it is.
    fn sees_image(&mut self, node: &Node<'_>) -> bool {
        let is_image =
            node.all("type").filter_map(Node::text).any(|kind| IMAGE_TYPES.contains(&kind));
        if !is_image {
            return false;
        }
        let rule = self.facts.image.unwrap_or(ImageRule::UNKNOWN);
        let of_part = detail(node);
        let mut tokens = None;
        // A field may be there twice, and nobody knows which of them counts.
        for url in IMAGE_FIELDS.iter().flat_map(|name| node.all(name)) {
            let detail = if let Node::Map(_) = url { detail(url).or(of_part) } else { of_part };
            let detail = detail.unwrap_or_default();
            let nested: Vec<_> = url.all("url").map(Node::text).collect();
            let urls = if nested.is_empty() { vec![url.text()] } else { nested };
            for url in urls {
                tokens = tokens.max(Some(rule.tokens(url.and_then(image_size), detail)));
            }
        }
        let of_part = of_part.unwrap_or_default();
        for source in node.all("source") {
            for data in inline(source) {
                tokens = tokens.max(Some(rule.tokens(image_size(data), of_part)));
            }
            if is_of(source, "url") {
                tokens = tokens.max(Some(rule.tokens(None, of_part)));
            }
        }
        if node.all("file_id").any(|id| id.text().is_some()) {
            tokens = tokens.max(Some(rule.tokens(None, of_part)));
        }
        self.images += 1;
        let tokens = tokens.unwrap_or_else(|| rule.tokens(None, of_part));
        self.add(tokens.saturating_add(ITEM_TOKENS));
        if let Node::Map(fields) = node {
            for (name, value) in fields {
                let is_read = is_one_of(&IMAGE_FIELDS, name)
                    || is_one_of(&["type", "detail", "id", "status", "source"], name);
                if !is_read {
                    self.see_field(name, value);
                }
            }
        }
        true
    }

    /// Counts a document as Anthropic's clients send it. Says whether it is one. Its text and blocks
    /// count as they stand, its file by what it holds.
    fn sees_document(&mut self, node: &Node<'_>) -> bool {
        if !node.all("type").any(|kind| kind.text() == Some("document")) {
            return false;
        }
        let Node::Map(fields) = node else { return false };
        for (name, value) in fields {
            let is_file = is_of(value, "url") || is_of(value, "base64");
            if name.eq_ignore_ascii_case("source") && is_file {
                self.see_source(value);
            } else {
                self.see_name(name);
                self.see(value);
            }
        }
        true
    }

    /// Counts the file of a document. A type may be there twice, and nobody knows which of them
    /// counts: so each of them does.
    fn see_source(&mut self, source: &Node<'_>) {
        if is_of(source, "url") {
            self.add(self.context());
        }
        if is_of(source, "base64") {
            inline(source).for_each(|data| self.see_file(data));
        }
        let is_file = |kind: &Node<'_>| matches!(kind.text(), Some("url" | "base64"));
        let is_only_file = source.all("type").all(is_file);
        let Node::Map(fields) = source else { return };
        for (name, value) in fields {
            let is_read = is_only_file && is_one_of(&["type", "media_type", "data", "url"], name);
            if !is_read || value.text().is_none() {
                self.see_field(name, value);
            }
        }
    }

    /// The tokens of a file that a model reads, or more.
    pub(crate) fn file_tokens(&mut self, file: &[u8]) -> u64 {
        let tokens = FileReader::new(self.facts, &mut self.budget).tokens(file);
        tokens.unwrap_or_else(|| self.context())
    }

    fn add(&mut self, tokens: u64) {
        self.tokens = self.tokens.saturating_add(tokens);
    }
}

/// A name without capitals, as nearly all come.
fn in_lower_case(name: &str) -> Cow<'_, str> {
    match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => name.to_ascii_lowercase().into(),
        false => name.into(),
    }
}

/// Whether a name is one of these, in upper or lower case.
fn is_one_of(known: &[&str], name: &str) -> bool {
    known.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// What a medium of unknown size counts for a model.
fn context_of(facts: &ModelFacts) -> u64 {
    facts.context.unwrap_or(USUAL_CONTEXT)
}

/// What a field holds that is no text, in the words of the clients of all models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Medium {
    File,
    Audio,
    Video,
}

impl Medium {
    fn of(field: &str) -> Option<Self> {
        match field {
            "file_data" | "file_url" | "document_url" => Some(Self::File),
            "input_audio" | "audio_url" | "audio" => Some(Self::Audio),
            "input_video" | "video_url" | "video" => Some(Self::Video),
            _ => None,
        }
    }
}

/// The tokens of an image as a file.
pub(crate) fn tokens_of_image_file(file: &[u8], facts: &ModelFacts) -> u64 {
    facts.image.unwrap_or(ImageRule::UNKNOWN).tokens(size_of(file), Detail::High)
}

/// The dearest detail that it names; `None` if it names none.
fn detail(node: &Node<'_>) -> Option<Detail> {
    let details = node.all("detail").map(|detail| match detail.text() {
        Some("low") => Detail::Low,
        Some("original") => Detail::Original,
        Some(_) | None => Detail::High,
    });
    details.max()
}

/// Whether a source is of a type, in Anthropic's words.
fn is_of(source: &Node<'_>, kind: &str) -> bool {
    source.all("type").any(|found| found.text() == Some(kind))
}

/// The encoded data of a source, in Anthropic's words.
fn inline<'n>(source: &'n Node<'_>) -> impl Iterator<Item = &'n str> {
    source.all("data").filter_map(Node::text)
}

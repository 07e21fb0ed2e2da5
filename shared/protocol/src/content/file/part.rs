//! One part of an archive, read as it is unpacked.

use lanyard_domain::models::ModelFacts;

use super::super::tokens_of_image_file;
use super::strings::SharedStrings;
use super::xml::XmlText;
use super::{FileReader, inflate, zip};
use crate::pdf;
use crate::tokens::RunningText;

/// How much of a part shows its kind, in bytes.
const HEAD: usize = 256;

/// How much of an image is kept to find its size, in bytes.
const IMAGE_HEAD: usize = 384 * 1024;

/// How XML begins that is not read here: in UTF-16, UTF-32 or EBCDIC.
const UNREADABLE: [&[u8]; 7] =
    [b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<", b"\0\0\xfe\xff", b"\0\0\0<", b"\x4c\x6f\xa7\x94"];

/// A part, as far as it has come.
pub(super) struct Part {
    head: Vec<u8>,
    content: Option<PartContent>,
}

enum PartContent {
    Xml(XmlText),
    /// An archive or a PDF, which is read once it is complete.
    File(Vec<u8>),
    Bytes(PartBytes),
}

/// Text, an image, or other bytes, such as fonts, programs and settings of printers. Readers of HTML
/// find text behind anything, so all of the bytes decide.
#[derive(Default)]
pub(super) struct PartBytes {
    /// All of it as text.
    text: RunningText,
    length: u64,
    /// How many of the bytes no text has.
    controls: u64,
    /// The stretches of other data that look like text.
    stretches: RunningText,
    /// The stretch that has begun.
    stretch: Vec<u8>,
    /// The beginning, if it is that of an image.
    image: Option<Vec<u8>>,
}

/// In data of other kinds than text, more bytes than one of so many are control characters.
const TEXT_PER_CONTROL: u64 = 20;

/// The bytes that are looked at together. Half of those of a text are letters, digits, spaces and
/// characters beyond ASCII, even if it has others mixed in. Of random bytes it is a third.
const STRETCH: usize = 1_024;

impl PartBytes {
    /// Those of a whole file.
    pub(super) fn of(file: &[u8]) -> Self {
        let mut bytes = Self::default();
        bytes.add(file);
        bytes
    }

    /// Those of a whole file that begins as an image.
    pub(super) fn of_image(file: &[u8]) -> Self {
        let mut bytes = Self::begun_as_image();
        bytes.add(file);
        bytes
    }

    fn begun_as_image() -> Self {
        Self { image: Some(Vec::new()), ..Self::default() }
    }

    pub(super) fn add(&mut self, piece: &[u8]) {
        let is_control = |byte: &&u8| **byte < b'\t' || (0x0e..0x20).contains(*byte);
        self.text.add(piece);
        self.length += piece.len() as u64;
        self.controls += piece.iter().filter(is_control).count() as u64;
        if let Some(head) = &mut self.image {
            let room = IMAGE_HEAD.saturating_sub(head.len()).min(piece.len());
            head.extend_from_slice(piece.get(..room).unwrap_or_default());
        }
        let mut rest = piece;
        while !rest.is_empty() {
            let (more, next) = rest.split_at(rest.len().min(STRETCH - self.stretch.len()));
            self.stretch.extend_from_slice(more);
            rest = next;
            if self.stretch.len() == STRETCH {
                self.end_stretch();
            }
        }
    }

    fn end_stretch(&mut self) {
        if looks_like_text(&self.stretch) {
            self.stretches.add(&self.stretch);
        }
        self.stretch.clear();
    }

    pub(super) fn found(mut self, facts: &ModelFacts) -> Found {
        self.end_stretch();
        let is_text = self.controls * TEXT_PER_CONTROL <= self.length;
        let tokens = if is_text { self.text.tokens() } else { self.stretches.tokens() };
        match self.image.map(|head| tokens_of_image_file(&head, facts)) {
            Some(image) => Found::Tokens(tokens.max(image)),
            None if is_text => Found::Tokens(tokens),
            None => Found::Binary { bytes: self.length, tokens },
        }
    }
}

fn looks_like_text(stretch: &[u8]) -> bool {
    let is_of_text = |char: &char| {
        !char.is_ascii() || char.is_ascii_alphanumeric() || char.is_ascii_whitespace()
    };
    let chars = stretch.utf8_chunks().flat_map(|chunk| chunk.valid().chars());
    chars.filter(is_of_text).map(char::len_utf8).sum::<usize>() * 2 >= stretch.len()
}

/// What a part holds.
pub(super) enum Found {
    /// Text and images, in tokens.
    Tokens(u64),
    /// So many bytes that are neither, and the tokens of what looks like text in them.
    Binary { bytes: u64, tokens: u64 },
}

impl Found {
    /// The tokens of what is text for some reader.
    pub(super) fn text_tokens(&self) -> u64 {
        match self {
            Self::Tokens(tokens) | Self::Binary { tokens, .. } => *tokens,
        }
    }
}

impl Part {
    pub(super) fn new(strings: &mut SharedStrings) -> Self {
        strings.begin_part();
        Self { head: Vec::new(), content: None }
    }

    /// Adds a piece. `None` if it cannot be read safely.
    pub(super) fn add(&mut self, piece: &[u8], strings: &mut SharedStrings) -> Option<()> {
        if self.content.is_some() {
            return self.add_content(piece, strings);
        }
        self.head.extend_from_slice(piece);
        match self.head.len() < HEAD {
            true => Some(()),
            false => self.begin(strings),
        }
    }

    /// Decides what it is.
    fn begin(&mut self, strings: &mut SharedStrings) -> Option<()> {
        let head = std::mem::take(&mut self.head);
        self.content = Some(PartContent::of(head.get(..HEAD).unwrap_or(&head))?);
        self.add_content(&head, strings)
    }

    fn add_content(&mut self, piece: &[u8], strings: &mut SharedStrings) -> Option<()> {
        match self.content.as_mut()? {
            PartContent::Xml(xml) => xml.add(piece, strings)?,
            PartContent::File(file) => file.extend_from_slice(piece),
            PartContent::Bytes(bytes) => bytes.add(piece),
        }
        Some(())
    }

    /// What it holds, now that it has come in full.
    pub(super) fn found(
        mut self,
        reader: &mut FileReader<'_>,
        strings: &mut SharedStrings,
    ) -> Option<Found> {
        if self.content.is_none() {
            self.begin(strings)?;
        }
        Some(match self.content? {
            PartContent::Xml(xml) => Found::Tokens(xml.complete_tokens()),
            PartContent::File(file) => Found::Tokens(reader.tokens_within(&file)?),
            PartContent::Bytes(bytes) => bytes.found(reader.facts),
        })
    }
}

impl PartContent {
    /// The kind of a part that begins so; `None` if it is XML that is not read here.
    fn of(head: &[u8]) -> Option<Self> {
        if UNREADABLE.iter().any(|begin| head.starts_with(begin)) {
            return None;
        }
        let plain = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        Some(match head {
            _ if plain.is_empty() || plain.starts_with(b"<") => Self::Xml(XmlText::default()),
            _ if zip::is_one(head) || inflate::is_gzip(head) || pdf::is_one(head) => {
                Self::File(Vec::new())
            }
            _ if is_image(head) => Self::Bytes(PartBytes::begun_as_image()),
            _ => Self::Bytes(PartBytes::default()),
        })
    }
}

/// Whether it is an image, also one of the drawings of office programs.
fn is_image(head: &[u8]) -> bool {
    let is_emf = head.starts_with(&[1, 0, 0, 0]) && head.get(40..44) == Some(b" EMF");
    let is_wmf = head.starts_with(&[0xd7, 0xcd, 0xc6, 0x9a]);
    is_emf || is_wmf || imagesize::image_type(head).is_ok()
}

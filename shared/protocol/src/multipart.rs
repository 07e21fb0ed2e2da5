//! `multipart/form-data`, read as widely as clients write it, and written anew.
//!
//! Azure does not get the body as it came: the parts that were read here are written once more
//! under a boundary of ours, so a body cannot be read one way here and another way there. Files
//! keep their bytes; only uploads keep their names. Text before the first boundary and after the
//! last is dropped, and is refused if it holds the boundary.
//! <https://www.rfc-editor.org/rfc/rfc7578>

mod part;

use std::borrow::Cow;

use http::HeaderValue;
use memchr::memmem;

pub(crate) use self::part::{File, Part};
use crate::error::{BadRequestCode, BodyRefused, invalid};

const MOST_PARTS: usize = 64;
const LONGEST_HEAD: usize = 2_048;

/// A form: its parts in their order.
#[derive(Debug)]
pub(crate) struct Form<'a> {
    parts: Vec<Part<'a>>,
    /// Under which it is written anew. Only we know it before.
    boundary: String,
    /// Whether nothing but line ends is around its parts and boundaries.
    has_plain_frame: bool,
}

/// The boundary that a content type names; `None` unless it is one and is well formed.
fn boundary(content_type: &str) -> Option<&str> {
    let mut boundaries = content_type.split(';').skip(1).filter_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim().eq_ignore_ascii_case("boundary").then(|| value.trim())
    });
    let boundary = boundaries.next()?;
    let boundary = match boundary.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"')?,
        None => boundary,
    };
    let is_well_formed = (1..=70).contains(&boundary.len())
        && !boundary.ends_with(' ')
        && boundary.bytes().all(|b| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b));
    (is_well_formed && boundaries.next().is_none()).then_some(boundary)
}

/// The boundary of a content type that is a form's.
pub(crate) fn form_boundary(content_type: &str) -> Option<&str> {
    let (essence, _) = content_type.split_once(';')?;
    essence.trim().eq_ignore_ascii_case("multipart/form-data").then(|| boundary(content_type))?
}

impl<'a> Form<'a> {
    /// Reads a body of parts between a boundary.
    ///
    /// # Errors
    ///
    /// 400 `invalid_value` with the number of the part that is malformed.
    pub(crate) fn read(boundary: &str, body: &'a [u8], new: String) -> Result<Self, BodyRefused> {
        let delimiter = format!("\r\n--{boundary}");
        let finder = memmem::Finder::new(&delimiter);
        let mark = delimiter.as_bytes().get(2..).unwrap_or_default();
        let mut parts = Vec::new();
        let mut has_plain_frame = body.starts_with(mark);
        let start = if has_plain_frame {
            mark.len()
        } else {
            let at = finder.find(body).ok_or_else(|| malformed(0))?;
            // A boundary in the midst of a line begins a part for some readers.
            if body.get(..at).is_some_and(|preamble| memmem::find(preamble, mark).is_some()) {
                return Err(malformed(0));
            }
            at + delimiter.len()
        };
        let mut rest = body.get(start..).unwrap_or_default();
        loop {
            if let Some(epilogue) = rest.strip_prefix(b"--") {
                let line = without_padding(epilogue);
                let is_over =
                    line.is_empty() || line.starts_with(b"\r\n") || line.starts_with(b"\n");
                if !is_over || memmem::find(line, mark).is_some() {
                    return Err(malformed(parts.len().max(1)));
                }
                has_plain_frame &= matches!(epilogue, b"" | b"\r\n");
                return Ok(Self { parts, boundary: new, has_plain_frame });
            }
            let line = without_padding(rest);
            has_plain_frame &= line.len() == rest.len();
            rest = line;
            let number = parts.len() + 1;
            if number > MOST_PARTS {
                let message = format!("The form has more than {MOST_PARTS} parts. Send fewer.");
                return Err(BodyRefused::bad(BadRequestCode::InvalidValue, None, message));
            }
            let read = || {
                let rest = rest.strip_prefix(b"\r\n")?;
                let end = memmem::find(rest.get(..LONGEST_HEAD.min(rest.len()))?, b"\r\n\r\n")?;
                let (head, body) = (rest.get(..end)?, rest.get(end + 4..)?);
                let end = finder.find(body)?;
                let part = Part::read(head, body.get(..end)?)?;
                Some((part, body.get(end + delimiter.len()..)?))
            };
            let (part, after) = read().ok_or_else(|| malformed(number))?;
            if part.file.is_none() && std::str::from_utf8(part.body).is_err() {
                return Err(without_file_name(&part.name));
            }
            parts.push(part);
            rest = after;
        }
    }

    /// Writes `True`, `1` and their like as Azure reads them, in the fields of this name. Forms have
    /// texts only, and each client has its own for a truth.
    pub(crate) fn spell_flags(&mut self, names: &[&str]) {
        for part in &mut self.parts {
            if part.file.is_some() || !names.contains(&part.name.as_str()) {
                continue;
            }
            let is = |words: [&str; 2]| {
                words.iter().any(|word| part.body.eq_ignore_ascii_case(word.as_bytes()))
            };
            part.body = if is(["true", "1"]) {
                b"true"
            } else if is(["false", "0"]) {
                b"false"
            } else {
                part.body
            };
        }
    }

    /// The names of all parts.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.parts.iter().map(|part| part.name.as_str())
    }

    /// The texts of all parts that are not files.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let texts = self.parts.iter().filter(|part| part.file.is_none());
        texts.filter_map(|part| std::str::from_utf8(part.body).ok())
    }

    /// The texts of all parts of this name, in whatever letters, also as a list.
    pub(crate) fn texts_of(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = move |part: &&Part<'_>| {
            let plain = part.name.split('[').next().unwrap_or_default();
            part.file.is_none() && plain.eq_ignore_ascii_case(name)
        };
        let texts = self.parts.iter().filter(named);
        texts.filter_map(|part| std::str::from_utf8(part.body).ok())
    }

    /// The part of this name.
    pub(crate) fn part(&self, name: &str) -> Option<&Part<'a>> {
        self.parts.iter().find(|part| part.name == name)
    }

    /// Whether the form is written as plainly as clients of HTTP write it, so that it may be
    /// forwarded as it came.
    pub(crate) fn is_plain(&self) -> bool {
        self.has_plain_frame && self.parts.iter().all(|part| part.is_plain)
    }

    /// Whether a field is there as a text, by whatever spelling.
    pub(crate) fn has_text(&self, name: &str) -> bool {
        let named = |part: &&Part<'_>| part.name.eq_ignore_ascii_case(name);
        self.parts.iter().filter(named).any(|part| part.file.is_none())
    }

    /// The text of a field; `None` if it is not there.
    ///
    /// # Errors
    ///
    /// 400 if it is a file.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, BodyRefused> {
        let Some(part) = self.part(name) else {
            return Ok(None);
        };
        match (&part.file, std::str::from_utf8(part.body)) {
            (None, Ok(text)) => Ok(Some(text)),
            (Some(_), _) | (None, Err(_)) => Err(invalid(name, "must be a text, not a file")),
        }
    }

    /// The files under these names, at least one. No other part may be a file.
    ///
    /// # Errors
    ///
    /// 400 that names the first.
    pub(crate) fn files(&self, names: &[&str]) -> Result<Vec<&Part<'a>>, BodyRefused> {
        let wanted = names.first().copied().unwrap_or_default();
        let mut files = Vec::new();
        for part in &self.parts {
            match (names.contains(&part.name.as_str()), &part.file) {
                (true, Some(_)) => files.push(part),
                (true, None) => return Err(invalid(wanted, "must be a file with a name")),
                (false, Some(_)) => {
                    let message =
                        format!("Only these fields may hold files: {}.", names.join(", "));
                    let code = BadRequestCode::InvalidValue;
                    return Err(BodyRefused::bad(code, Some(wanted), message));
                }
                (false, None) => {}
            }
        }
        let has_wanted = files.iter().any(|part| part.name.trim_end_matches("[]") == wanted);
        if has_wanted { Ok(files) } else { Err(invalid(wanted, "is missing. Send it as a file")) }
    }

    /// The content type of what [`write`](Self::write) writes.
    pub(crate) fn content_type(&self) -> HeaderValue {
        let content_type = format!("multipart/form-data; boundary={}", self.boundary);
        // A boundary of ours is of letters and digits, so the second never happens.
        HeaderValue::try_from(content_type)
            .unwrap_or(const { HeaderValue::from_static("multipart/form-data") })
    }

    /// Writes the form as it was read, with the names that the client gave its files.
    pub(crate) fn copy(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_named([], |_| false, File::given_name, &mut out);
        out
    }

    /// Writes the form with fields of ours in place of those of these names.
    pub(crate) fn write<'o>(
        &self,
        ours: impl IntoIterator<Item = (&'o str, &'o str)>,
        is_replaced: impl Fn(&str) -> bool,
        out: &mut Vec<u8>,
    ) {
        self.write_named(ours, is_replaced, |file| Cow::Borrowed(&file.name), out);
    }

    fn write_named<'o>(
        &self,
        ours: impl IntoIterator<Item = (&'o str, &'o str)>,
        is_replaced: impl Fn(&str) -> bool,
        file_name: impl Fn(&File) -> Cow<'_, str>,
        out: &mut Vec<u8>,
    ) {
        for (name, value) in ours {
            self.begin(name, None, out);
            out.extend_from_slice(value.as_bytes());
        }
        for part in &self.parts {
            if !is_replaced(&part.name) {
                let file = part.file.as_ref().map(|file| (file_name(file), &*file.content_type));
                self.begin(&part.name, file, out);
                out.extend_from_slice(part.body);
            }
        }
        let lead = if out.is_empty() { "" } else { "\r\n" };
        out.extend_from_slice(format!("{lead}--{}--\r\n", self.boundary).as_bytes());
    }

    fn begin(&self, name: &str, file: Option<(Cow<'_, str>, &str)>, out: &mut Vec<u8>) {
        let lead = if out.is_empty() { "" } else { "\r\n" };
        let boundary = &self.boundary;
        let mut head =
            format!("{lead}--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"");
        if let Some((name, content_type)) = file {
            head.push_str(&format!("; filename=\"{name}\"\r\ncontent-type: {content_type}"));
        }
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(b"\r\n\r\n");
    }
}

/// A line's rest without the spaces that may follow a boundary.
fn without_padding(line: &[u8]) -> &[u8] {
    let padding = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    line.get(padding..).unwrap_or_default()
}

/// A part with the bytes of a file is a text for every reader, if it has no file name.
fn without_file_name(part: &str) -> BodyRefused {
    const FILES: [&str; 5] = ["file", "image", "image[]", "mask", "input_reference"];
    let file = FILES.into_iter().find(|name| *name == part);
    let message = format!(
        "{} is not text and has no file name. Send it as a file with a name.",
        file.unwrap_or("A part of the form")
    );
    BodyRefused::bad(BadRequestCode::InvalidValue, file, message)
}

fn malformed(part: usize) -> BodyRefused {
    let place = match part {
        0 => "no line begins with the boundary that the content type names, or text before it holds it".to_owned(),
        part => format!("near part {part}"),
    };
    BodyRefused::bad(
        BadRequestCode::InvalidValue,
        None,
        format!(
            "The form is malformed: {place}. Let your HTTP client write the form and its content type."
        ),
    )
}

#[cfg(test)]
mod tests;

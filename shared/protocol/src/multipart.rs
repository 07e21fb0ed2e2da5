//! `multipart/form-data`, read strictly and written anew.
//!
//! What Azure gets is not the body that came: the parts that were read here are written once more
//! under a boundary of ours, so a body cannot be read one way here and another way there. Files
//! keep their bytes, but not their names. <https://www.rfc-editor.org/rfc/rfc7578>

mod part;

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
    /// Under which it is written anew. Nobody but us knows it before.
    boundary: String,
    /// Whether it ends with its last boundary.
    has_plain_end: bool,
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
        let mut parts = Vec::new();
        let first = delimiter.as_bytes().get(2..).unwrap_or_default();
        let mut rest = body.strip_prefix(first).ok_or_else(|| malformed(0))?;
        loop {
            if let Some(epilogue) = rest.strip_prefix(b"--") {
                let is_over = epilogue.trim_ascii().is_empty();
                if !is_over {
                    return Err(malformed(parts.len()));
                }
                let has_plain_end = matches!(epilogue, b"" | b"\r\n");
                return Ok(Self { parts, boundary: new, has_plain_end });
            }
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
            parts.push(part);
            rest = after;
        }
    }

    /// The names of all parts.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.parts.iter().map(|part| part.name.as_ref())
    }

    /// The texts of all parts that are no files.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let texts = self.parts.iter().filter(|part| part.file.is_none());
        texts.filter_map(|part| std::str::from_utf8(part.body).ok())
    }

    /// The part of this name.
    pub(crate) fn part(&self, name: &str) -> Option<&Part<'a>> {
        self.parts.iter().find(|part| part.name == name)
    }

    /// Whether the form is written as plainly as clients of HTTP write it, so that it may be
    /// forwarded as it came.
    pub(crate) fn is_plain(&self) -> bool {
        self.has_plain_end && self.parts.iter().all(|part| part.is_plain)
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
            match (names.contains(&part.name.as_ref()), &part.file) {
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

    /// Writes the form with fields of ours in place of those of these names.
    pub(crate) fn write<'o>(
        &self,
        ours: impl IntoIterator<Item = (&'o str, &'o str)>,
        is_replaced: impl Fn(&str) -> bool,
        out: &mut Vec<u8>,
    ) {
        for (name, value) in ours {
            self.begin(name, None, out);
            out.extend_from_slice(value.as_bytes());
        }
        for part in &self.parts {
            if !is_replaced(&part.name) {
                self.begin(&part.name, part.file.as_ref(), out);
                out.extend_from_slice(part.body);
            }
        }
        out.extend_from_slice(format!("\r\n--{}--\r\n", self.boundary).as_bytes());
    }

    fn begin(&self, name: &str, file: Option<&File>, out: &mut Vec<u8>) {
        let lead = if out.is_empty() { "" } else { "\r\n" };
        let boundary = &self.boundary;
        let mut head =
            format!("{lead}--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"");
        if let Some(File { name, content_type }) = file {
            head.push_str(&format!("; filename=\"{name}\"\r\ncontent-type: {content_type}"));
        }
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(b"\r\n\r\n");
    }
}

fn malformed(part: usize) -> BodyRefused {
    let place = match part {
        0 => "it does not begin with the boundary that the content type names".to_owned(),
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: &str = "Content-Disposition: form-data; name=";

    fn read(body: &str) -> Option<Form<'_>> {
        Form::read("b", body.as_bytes(), "new".to_owned()).ok()
    }

    #[test]
    fn a_boundary_is_one_and_well_formed() {
        let of = |parameters: &str| {
            boundary(&format!("multipart/form-data{parameters}")).map(ToOwned::to_owned)
        };
        assert_eq!(of("; boundary=abc-1").as_deref(), Some("abc-1"));
        assert_eq!(of(";charset=utf-8; Boundary=\"a b:c\"").as_deref(), Some("a b:c"));
        for bad in
            ["", "; boundary=", "; boundary=\"a", "; boundary=a; boundary=b", "; boundary=a\u{e9}"]
        {
            assert_eq!(of(bad), None, "{bad}");
        }
        assert_eq!(of(&format!("; boundary={}", "x".repeat(71))), None);
    }

    #[test]
    fn fields_and_files_are_told_apart() {
        let body = format!(
            "--b\r\n{HEAD}\"model\"\r\n\r\nwhisper\r\n--b\r\n{HEAD}\"file\"; filename=\"../../x\\\"y.MP3\"\r\n\
             Content-Type: audio/mpeg; x=y\r\n\r\n\r\n--c\r\n\0\r\n--b--\r\n"
        );
        let form = read(&body).unwrap();
        assert_eq!(form.text("model").unwrap(), Some("whisper"));
        assert!(form.text("file").is_err());
        let files = form.files(&["file"]).unwrap();
        assert_eq!(files[0].body, b"\r\n--c\r\n\0");
        let file = File { name: "upload.mp3".to_owned(), content_type: "audio/mpeg".to_owned() };
        assert_eq!(files[0].file, Some(file));
    }

    #[test]
    fn what_is_no_form_is_refused() {
        let part = |head: &str| format!("--b\r\n{head}\r\n\r\nx\r\n--b--\r\n");
        assert!(read(&part(&format!("{HEAD}\"n\""))).is_some());
        assert!(read(&part(&format!("{HEAD}n"))).is_some());
        for head in [
            "",
            "Content-Type: text/plain",
            "Content-Disposition: attachment; name=\"n\"",
            &format!("{HEAD}\"\""),
            &format!("{HEAD}\"n"),
            &format!("{HEAD}\"n\"; name=\"m\""),
            &format!("{HEAD}\"n\r\n m\""),
            &format!("{HEAD}\"n\"\r\n{HEAD}\"m\""),
            &format!("{HEAD}\"n o\""),
            &format!("{HEAD}\"n\"\r\nContent-Transfer-Encoding: base64"),
            &format!("{HEAD}\"{}\"", "n".repeat(65)),
        ] {
            assert!(read(&part(head)).is_none(), "{head}");
        }
        for body in ["", "--b", "--b\r\n", "x--b--", "--c--", "--b--x", "--b\n--b--"] {
            assert!(read(body).is_none(), "{body}");
        }
        assert!(read("--b--").is_some());
        let many = format!("--b\r\n{HEAD}\"n\"\r\n\r\n\r\n").repeat(MOST_PARTS + 1);
        assert!(read(&format!("{many}--b--")).is_none());
    }

    proptest! {
        #[test]
        fn files_keep_every_byte(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[a-z \r\n-]{0,40}") {
            let mut body = format!("--b\r\n{HEAD}\"file\"; filename=\"a.wav\"\r\n\r\n").into_bytes();
            body.extend_from_slice(&bytes);
            body.extend_from_slice(format!("\r\n--b\r\n{HEAD}\"prompt\"\r\n\r\n{text}\r\n--b--").as_bytes());
            // A body that holds its own boundary is another form.
            prop_assume!(memmem::find(&bytes, b"\r\n--b").is_none() && !text.contains("\r\n--b"));
            let form = Form::read("b", &body, "other".to_owned()).unwrap();
            let mut written = Vec::new();
            form.write([("model", "azure")], |name| name == "model", &mut written);
            let again = Form::read("other", &written, "b".to_owned()).unwrap();
            prop_assert_eq!(again.text("model").unwrap(), Some("azure"));
            prop_assert_eq!(again.text("prompt").unwrap(), Some(text.as_str()));
            prop_assert_eq!(again.files(&["file"]).unwrap()[0].body, &bytes[..]);
        }

        /// Also a form from which something is missing, if it can still be read.
        #[test]
        fn what_reads_as_a_form_is_written_as_the_same_form(
            parts in prop::collection::vec(("[a-z_]{1,4}", any::<bool>(), "[a-z \r\n-]{0,12}"), 1..4),
            cut in prop::option::of((any::<prop::sample::Index>(), 1usize..4)),
        ) {
            prop_assume!(parts.iter().all(|(.., text)| !text.contains("\r\n--b")));
            let part = |(name, is_file, text): &(String, bool, String)| {
                let file = if *is_file { "; filename=\"a.wav\"\r\nContent-Type: audio/wav" } else { "" };
                format!("--b\r\n{HEAD}\"{name}\"{file}\r\n\r\n{text}\r\n")
            };
            let mut body = parts.iter().map(part).collect::<String>() + "--b--";
            if let Some((at, length)) = &cut {
                let at = at.index(body.len());
                body.replace_range(at..(at + length).min(body.len()), "");
            }
            let Ok(form) = Form::read("b", body.as_bytes(), "OTHER".to_owned()) else {
                prop_assert!(cut.is_some());
                return Ok(());
            };
            let mut written = Vec::new();
            form.write([], |_| false, &mut written);
            let again = Form::read("OTHER", &written, String::new()).unwrap();
            let shown = |part: &Part<'_>| format!("{:?} {:?} {:?}", part.name, part.body, part.file);
            prop_assert_eq!(
                again.parts.iter().map(shown).collect::<Vec<_>>(),
                form.parts.iter().map(shown).collect::<Vec<_>>()
            );
        }
    }
}

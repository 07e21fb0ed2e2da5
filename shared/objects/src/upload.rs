//! An upload, looked at and then forwarded as it came: its purpose must be allowed, and everything
//! in it must be readable in one way only.

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use lanyard_gateway::error::{ApiError, BadRequestCode};
use lanyard_gateway::request::Request;

/// The largest upload: Lambda's own limit is 6 MB, of which base64 takes a quarter.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// What files may be for. Batches and fine-tuning run outside the event's limits.
const PURPOSES: [&str; 3] = ["assistants", "user_data", "vision"];

/// The fields of an upload besides the file and its purpose.
const OTHERS: [&str; 2] = ["expires_after[anchor]", "expires_after[seconds]"];

/// What is to be known of an upload.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Upload {
    /// What the file is for.
    pub(super) purpose: &'static str,
    /// The size of the file.
    pub(super) file_bytes: usize,
}

impl Upload {
    /// Reads an upload.
    ///
    /// # Errors
    ///
    /// 413, 415, or 400 that names the field.
    pub(super) fn read(request: &Request) -> Result<Self, ApiError> {
        let body = request.http.body();
        if body.len() > MOST_BYTES {
            return Err(ApiError::RequestTooLarge { limit: MOST_BYTES });
        }
        let refused = ApiError::UnsupportedMediaType {
            hint: "The body must be multipart/form-data with a file and a purpose, and not compressed.",
        };
        if request.http.headers().contains_key(CONTENT_ENCODING) {
            return Err(refused);
        }
        let content_type = request.header(&CONTENT_TYPE).ok().flatten();
        let Some(boundary) = content_type.and_then(boundary) else { return Err(refused) };
        let mut parts = Vec::new();
        read_parts(body, boundary, &mut parts).ok_or_else(|| {
            ApiError::bad(BadRequestCode::InvalidValue, None, "The form in the body is malformed.")
        })?;
        Self::of(&parts)
    }

    fn of(parts: &[Part<'_>]) -> Result<Self, ApiError> {
        let bad = |code, param, message: &str| Err(ApiError::bad(code, param, message));
        let known = || ["file", "purpose"].into_iter().chain(OTHERS);
        for name in known() {
            let times = parts.iter().filter(|part| part.name.eq_ignore_ascii_case(name)).count();
            if times > 1 {
                let message = format!("{name} is there twice. Send it once.");
                return bad(BadRequestCode::DuplicateKey, Some(name), &message);
            }
        }
        if parts.iter().any(|part| !known().any(|name| name == part.name)) {
            let message = "A form for a file holds file, purpose and expires_after, nothing else.";
            return bad(BadRequestCode::UnknownParameter, None, message);
        }
        let part = |name: &str| parts.iter().find(|part| part.name == name);
        let Some(file) = part("file").filter(|part| part.is_file) else {
            let message = "file is missing. Send it as a file of the form.";
            return bad(BadRequestCode::InvalidValue, Some("file"), message);
        };
        let said = part("purpose").map(|part| part.content).unwrap_or_default();
        let purpose = PURPOSES.into_iter().find(|purpose| purpose.as_bytes() == said);
        let Some(purpose) = purpose else {
            let message = "purpose must be assistants, user_data or vision.";
            return bad(BadRequestCode::ParameterNotAllowed, Some("purpose"), message);
        };
        Ok(Self { purpose, file_bytes: file.content.len() })
    }
}

/// A part of a form.
#[derive(Debug, PartialEq, Eq)]
struct Part<'b> {
    name: &'b str,
    is_file: bool,
    content: &'b [u8],
}

/// The boundary that a content type names, <https://www.rfc-editor.org/rfc/rfc2046#section-5.1.1>.
fn boundary(content_type: &str) -> Option<&str> {
    let (essence, parameters) = content_type.split_once(';')?;
    if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let mut named = parameters.split(';').filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim())
    });
    let boundary = named.next().filter(|_| named.next().is_none())?;
    let boundary = boundary.strip_prefix('"').map_or(Some(boundary), |b| b.strip_suffix('"'))?;
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&b);
    ((1..=70).contains(&boundary.len()) && boundary.bytes().all(is_plain)).then_some(boundary)
}

/// The parts of a form, if it is well formed to the last byte.
fn read_parts<'b>(body: &'b [u8], boundary: &str, parts: &mut Vec<Part<'b>>) -> Option<()> {
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = body.strip_prefix(&delimiter.as_bytes()[2..])?;
    loop {
        if matches!(rest, b"--" | b"--\r\n") {
            return Some(());
        }
        rest = rest.strip_prefix(b"\r\n")?;
        let head_end = memchr::memmem::find(rest, b"\r\n\r\n")?;
        let (name, is_file) = named(std::str::from_utf8(&rest[..head_end]).ok()?)?;
        rest = &rest[head_end + 4..];
        let end = memchr::memmem::find(rest, delimiter.as_bytes())?;
        parts.push(Part { name, is_file, content: &rest[..end] });
        rest = &rest[end + delimiter.len()..];
    }
}

/// The name in a part's head, and whether it has a file's name too.
fn named(head: &str) -> Option<(&str, bool)> {
    let mut disposition = None;
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(':')?;
        match name.to_ascii_lowercase().as_str() {
            "content-disposition" if disposition.is_none() => disposition = Some(value.trim()),
            "content-type" | "content-length" => {}
            // Twice, or an encoding under which the content means something else.
            _ => return None,
        }
    }
    let mut rest = disposition?.strip_prefix("form-data")?;
    let (mut field, mut is_file) = (None, false);
    while !rest.is_empty() {
        let parameter = rest.strip_prefix(';')?.trim_start();
        let (name, after) = parameter.split_once('=')?;
        match (name, after.strip_prefix('"')) {
            ("name", Some(after)) if field.is_none() => {
                let (value, after) = after.split_once('"')?;
                field = Some(value);
                rest = after;
            }
            ("filename", Some(after)) if !is_file => {
                is_file = true;
                rest = &after[end_of_quoted(after)?..];
            }
            // What a file is called in other letters; it stands at the end.
            ("filename*", None) => rest = after.split_once(';').map_or("", |_| ";"),
            _ => return None,
        }
    }
    field.map(|field| (field, is_file))
}

/// The index after a quoted text's closing quote, which a backslash may precede.
fn end_of_quoted(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !is_escaped => return Some(at + 1),
            b'\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(head: &str, content: &str) -> String {
        format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
    }

    fn read(parts: &[String]) -> Result<Upload, String> {
        let body = format!("{}--b--\r\n", parts.concat());
        let mut read = Vec::new();
        read_parts(body.as_bytes(), "b", &mut read).ok_or("malformed")?;
        Upload::of(&read).map_err(|error| error.code().to_owned())
    }

    fn file() -> String {
        part("name=\"file\"; filename=\"a \\\"b\\\".txt\"\r\nContent-Type: text/plain", "hello")
    }

    #[test]
    fn a_file_and_its_purpose_are_found_in_any_order() {
        let purpose = part("name=\"purpose\"", "user_data");
        let upload = Ok(Upload { purpose: "user_data", file_bytes: 5 });
        assert_eq!(read(&[purpose.clone(), file()]), upload);
        assert_eq!(read(&[file(), purpose]), upload);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let purpose = |value| part("name=\"purpose\"", value);
        let refusal = |parts: &[String]| read(parts).unwrap_err();
        assert_eq!(refusal(&[file(), purpose("batch")]), "parameter_not_allowed");
        assert_eq!(refusal(&[file()]), "parameter_not_allowed");
        assert_eq!(refusal(&[purpose("vision")]), "invalid_value");
        assert_eq!(refusal(&[file(), purpose("vision"), purpose("batch")]), "duplicate_key");
        let shouted = part("name=\"Purpose\"", "batch");
        assert_eq!(refusal(&[file(), purpose("vision"), shouted]), "duplicate_key");
        assert_eq!(refusal(&[file(), file(), purpose("vision")]), "duplicate_key");
        let other = part("name=\"x\"", "1");
        assert_eq!(refusal(&[file(), purpose("vision"), other]), "unknown_parameter");
        for head in [
            "name=\"purpose\"; name=\"x\"",
            "name=purpose",
            "name=\"purpose\"\r\nContent-Transfer-Encoding: base64",
            "name=\"purpose\"\r\nContent-Disposition: form-data; name=\"x\"",
            "name*=utf-8''purpose",
            "",
        ] {
            assert_eq!(refusal(&[file(), part(head, "vision")]), "malformed", "{head}");
        }
    }

    #[test]
    fn a_boundary_is_named_once_and_plain() {
        assert_eq!(boundary("multipart/form-data; boundary=\"a-b\""), Some("a-b"));
        assert_eq!(boundary("Multipart/Form-Data;charset=x; Boundary=a"), Some("a"));
        for text in [
            "multipart/form-data",
            "multipart/mixed; boundary=a",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=a; boundary=b",
            "multipart/form-data; boundary=a b",
            "application/json",
        ] {
            assert_eq!(boundary(text), None, "{text}");
        }
    }
}

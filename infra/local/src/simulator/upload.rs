//! Reads an uploaded form, as far as a file and its purpose go.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;

use super::refusal::Refusal;

/// A file as it was uploaded.
pub(super) struct Upload {
    pub(super) filename: String,
    pub(super) purpose: String,
    pub(super) content: Bytes,
}

/// Reads a form.
pub(super) fn read(head: &Parts, body: &[u8]) -> Result<Upload, Refusal> {
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let boundary = content_type.and_then(|value| value.split_once("boundary="));
    let Some((_, boundary)) = boundary else {
        return Err(Refusal::invalid("A form is expected, with a file and a purpose."));
    };
    let delimiter = format!("--{}", boundary.trim_matches('"'));
    let (mut file, mut purpose) = (None, None);
    for part in split(body, delimiter.as_bytes()) {
        let Some(end) = find(part, b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&part[..end]).into_owned();
        let content = part[end + 4..].strip_suffix(b"\r\n").unwrap_or(&part[end + 4..]);
        let quoted = |name: &str| {
            let (_, rest) = head.split_once(&format!("{name}=\""))?;
            rest.split('"').next().map(ToOwned::to_owned)
        };
        match quoted("; name").as_deref() {
            Some("file") => file = Some((quoted("filename"), Bytes::copy_from_slice(content))),
            Some("purpose") => purpose = Some(String::from_utf8_lossy(content).into_owned()),
            Some(_) | None => {}
        }
    }
    let (filename, content) = file.ok_or_else(|| Refusal::missing("file"))?;
    let purpose = purpose.ok_or_else(|| Refusal::missing("purpose"))?;
    Ok(Upload { filename: filename.unwrap_or_default(), purpose, content })
}

fn split<'b>(body: &'b [u8], delimiter: &[u8]) -> Vec<&'b [u8]> {
    let mut parts = Vec::new();
    let mut rest = body;
    while let Some(at) = find(rest, delimiter) {
        parts.push(&rest[..at]);
        rest = &rest[at + delimiter.len()..];
    }
    parts
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_byte_for_byte() {
        let body = b"--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nuser_data\r\n--b\r\n\
            Content-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n\x00\r\n\xff\r\n--b--\r\n";
        let request =
            http::Request::post("/").header("content-type", "multipart/form-data; boundary=b");
        let upload = read(&request.body(()).unwrap().into_parts().0, body).unwrap();
        assert_eq!((upload.filename.as_str(), upload.purpose.as_str()), ("a.bin", "user_data"));
        assert_eq!(&upload.content[..], b"\x00\r\n\xff");
    }
}
